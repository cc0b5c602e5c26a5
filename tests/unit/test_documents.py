"""A wanted table as YAML and TOML: the same object as JSON, and no surprises of these formats."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from ipvsfast import InvalidValue, RulesInvalid, converted, read_wanted
from ipvsfast.changes.restore import RuleText
from ipvsfast.cli.plan_text import plan_json
from ipvsfast.foreign.documents import parse_toml, parse_yaml
from ipvsfast.plans.forms import form_of
from ipvsfast.plans.plan import How, Plan, TableState
from ipvsfast.plans.saved_plan import SavedPlan, plan_to_save
from ipvsfast.plans.wanted import read_wanted as read_text

RULES = """\
--set 100 0 30
--start-daemon master --mcast-interface lo --syncid 7 --sync-maxlen 1400
-A -t 10.0.0.1:80 -s wrr -p 90 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3 -x 9 -y 2
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -i -w 0 --tun-type gue --tun-port 6080 --tun-csum
-A -u [fd00::1]:53 -s sh -o -b sh-port
-a -u [fd00::1]:53 -r [fd01::1]:53 -g -w 1
-A -f 7 -6 -s mh -p 60 -M 64
"""
YAML = """\
timeouts:
  tcp: 100
  udp: 30
daemons:
- state: master
  interface: lo
  sync_id: 7
  max_len: 1400
services:
- protocol: tcp
  address: 10.0.0.1
  port: 80
  scheduler: wrr
  persistent: 90
  netmask: 255.255.255.0
  destinations:
  - address: 10.1.0.1
    port: 8080
    forwarding: masq
    weight: 3
    upper: 9
    lower: 2
  - address: 10.1.0.2
    port: 80
    forwarding: tunnel
    weight: 0
    tunnel: {type: gue, port: 6080, checksum: csum}
- protocol: udp
  address: "fd00::1"
  port: 53
  scheduler: sh
  one_packet: true
  scheduler_flags: [sh-port]
  destinations:
  - address: "fd01::1"
    port: 53
    forwarding: route
    weight: 1
- fwmark: 7
  family: ipv6
  scheduler: mh
  persistent: 60
  netmask: 64
  destinations: []
"""
TOML = """\
[timeouts]
tcp = 100

[[services]]
protocol = "tcp"
address = "10.0.0.1"
port = 80
scheduler = "rr"

[[services.destinations]]
address = "10.1.0.1"
port = 80
forwarding = "masq"
weight = 2
"""


def read(text: str, source: Any = "auto") -> Any:
    return read_wanted(text.encode(), source=source)


def mistake(text: str, source: Any) -> str:
    with pytest.raises(RulesInvalid) as caught:
        read(text, source)
    return str(caught.value.problems[0])


def test_every_form_says_the_same() -> None:
    """From each to each: rules, JSON and YAML."""
    texts: dict[Any, str] = {form: converted(read(RULES), form) for form in ("rules", "json", "yaml")}
    assert texts["rules"] == RULES
    assert texts["yaml"] == YAML
    for text in texts.values():
        again = read(text)
        assert {form: converted(again, form) for form in texts} == texts
        assert read_wanted(again.text).rules == again.rules


def test_yaml_as_others_read_it() -> None:
    """PyYAML's own reader, which takes YAML 1.1, finds the same values."""
    import yaml

    found, ours = yaml.safe_load(YAML), json.loads(converted(read(RULES), "json"))
    assert found["services"][0]["netmask"] == "255.255.255.0"
    for theirs, one in zip(found["services"], ours["services"]):
        assert theirs.items() <= {**one, "destinations": theirs["destinations"]}.items()
        for mine, other in zip(theirs["destinations"], one["destinations"]):
            assert mine.items() <= other.items()


def test_toml() -> None:
    """Tables and arrays of tables."""
    assert converted(read(TOML)).splitlines() == [
        "--set 100 0 0", "-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 2"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80:443", "80:443"), ("1:30", "1:30"), ("on", "on"), ("no", "no"), ("Yes", "Yes"), ("y", "y"), ("010", 10),
        ("1_000", "1_000"), ("10.0.0.1", "10.0.0.1"), ("10.1", 10.1), ("::1", "::1"), ("2001:db8::1", "2001:db8::1"),
        ("1::2", "1::2"), ("2026-11-27", "2026-11-27"), ("0x10", 16), ("0o10", 8), ("~", None), ("null", None),
        ("true", True), ("False", False), ("'80'", "80"), ('"true"', "true"), ("!!str 80", "80"), ("1e3", 1000.0),
        ("+5", 5), ("-5", -5), (".5", 0.5), ("-", "-"), (".", "."), ("=", "="), ("<<", "<<"), ("9" * 30, "9" * 30),
    ],
)  # fmt: skip
def test_values_are_what_they_look_like(text: str, value: object) -> None:
    """The core schema of YAML 1.2: no numbers to the base of 60, no dates, and only true and false are boolean."""
    if text != "-":
        found = parse_yaml(f"a: {text}\n").value["a"]
        assert (found, type(found)) == (value, type(value))
    if text != "<<":
        assert parse_yaml(f"{text}: 1\n").value is not None


def test_anchors_and_merging() -> None:
    """What is said once can be used again; own values win."""
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{y: 9}, *a]}\nd: *a\n"
    found = parse_yaml(text).value
    assert (found["b"], found["c"], found["d"]) == ({"x": 1, "y": 3}, {"x": 1, "y": 9}, {"x": 1, "y": 2})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: [\n", "text:2: the document: this is no YAML: "),
        ("a: 1\na: 2\n", "text:2: the document: 'a' stands twice in one object"),
        ("services: []\n---\nservices: []\n", "text:2: the document: a second document begins here"),
        ("services: !!python/object:os.system []\n", "text:1: the document: there is no type"),
        ("services: !!binary YQ==\n", "text:1: the document: there is no type"),
        ("services: *x\n", "text:1: the document: nothing before has the anchor &x"),
        ("services: &x [*x]\n", "text:1: the document: nothing before has the anchor &x"),
        ("? [a]\n: 1\n", "text:1: the document: a name is text"),
        ("services: " + "[" * 60 + "]" * 60, "text:1: the document: it is nested too deeply"),
        ("services:\n- fwmark: 7\n", "text:2: services[0]: `destinations' is missing"),
        ("services:\n- fwmark: 7\n  destinations:\n  - address: 10.0.0.1\n    port: '80'\n", "text:4: services[0].destinations[0]: port"),
        ("services:\n- fwmark: 7\n  one_packet: on\n  destinations: []\n", "text:2: services[0]: one_packet"),
        ("services:\n- protocol: tcp\n  address: 10.1\n  port: 80\n  destinations: []\n", "text:2: services[0]: not an IPv4"),
        ("a: 1\n", "text:1: the document: `services' is missing: docs/convert.md shows the form"),
        ("- 1\n", "text:1: the document: a table is an object with `services'"),
        ("a: \0\n", "text:1: the document: this is no YAML"),
    ],
)  # fmt: skip
def test_a_mistake_in_yaml_has_its_line(text: str, told: str) -> None:
    """And its place in the document."""
    assert mistake(text, "yaml").startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = \n", "text:1: the document: this is no TOML: Invalid value"),
        ("a = 1\na = 2\n", "text:2: the document: this is no TOML: Cannot overwrite a value"),
        ("a = [\n", "text:2: the document: this is no TOML: Invalid value"),
        ("a = " + "[" * 9999, "text:1: the document: this is no TOML: "),
        ("services = 1\n", "text: services: this is a list"),
        ("[[services]]\nfwmark = 7\n", "text: services[0]: `destinations' is missing"),
    ],
)  # fmt: skip
def test_a_mistake_in_toml(text: str, told: str) -> None:
    """What is no TOML has its line; in the document only the place is known."""
    assert mistake(text, "toml").startswith(told)


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("x.yaml", "-A -f 1", "rules"), ("x.yaml", "--set 1 1 1", "rules"), ("x.yaml", "- a", "yaml"),
        ("x.yaml", "x: 1", "yaml"), ("x.YML", "", "yaml"), ("x.toml", "{", "toml"), ("x.json", "-A -f 1", "rules"),
        ("x", "{}", "json"), ("x", " [1]", "json"), ("x", "# c\n\nservices:\n", "yaml"), ("x", "---\n", "yaml"),
        ("x", "# c\n[[services]]\n", "toml"), ("x", "[timeouts]\n", "toml"), ("x", "services = [\n", "toml"),
        ("x", "-A -f 1 -s rr\n", "rules"), ("x", "", "rules"), ("x", '{"services": []}', "json"),
        ("keepalived.conf", "virtual_server 10.0.0.1 80 {", "rules"),
    ],
)  # fmt: skip
def test_the_form_of_a_file(name: str, text: str, form: str) -> None:
    """By the end of its name, else by how it begins."""
    source = RuleText(text.encode(), name)
    assert form_of(source) == form


@pytest.mark.parametrize(
    ("text", "program"),
    [("vrrp_instance A {\n}\n", "keepalived"), ("# c\nvirtual = 10.0.0.1:80\n", "ldirectord")],
)
def test_other_configurations_are_named(text: str, program: str) -> None:
    """They are not guessed, but what to say is."""
    with pytest.raises(
        InvalidValue, match=f"looks like a configuration of {program}: --from {program} reads it"
    ):
        read(text)


@pytest.mark.parametrize(
    ("parse", "modules", "told"),
    [
        (parse_yaml, ["yaml"], r"YAML is read with PyYAML: pip install 'ipvsfast\[yaml\]', or apt-get install python3-yaml"),
        (parse_toml, ["tomllib", "tomli"], r"or with tomli: pip install 'ipvsfast\[toml\]'"),
    ],
)  # fmt: skip
def test_what_to_install(parse: Any, modules: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the module that reads a form is missing."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Exception, match=told):
        parse("a: 1")
    with pytest.raises(RulesInvalid, match=told):
        read("", parse.__name__.removeprefix("parse_"))


def test_a_saved_plan_needs_the_file_no_more() -> None:
    """It has the wanted table as JSON, whatever form the file was in, and however that was named."""
    wanted, present = read_text(RuleText(YAML.encode(), "table.yaml")), TableState.of(read(TOML))
    plan = Plan(wanted, present, How())
    text = "".join(plan_json(plan, plan_to_save(plan))).encode()
    again = SavedPlan(RuleText(text, "plan")).plan(present)
    assert (again.ops, again.wanted.source) == (plan.ops, "table.yaml")
    assert len(again) > 5


def test_unknown_forms() -> None:
    """A form that is none is told with those that are."""
    with pytest.raises(InvalidValue, match="the form of a wanted table is auto, rules"):
        read(RULES, "xml")
    with pytest.raises(InvalidValue, match="a table is converted to rules, json, yaml, not 'xml'"):
        converted(read(RULES), "xml")  # type: ignore[arg-type]
