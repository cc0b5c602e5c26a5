"""The schemas of connections and of their counts: one vocabulary, the same as the program's."""

import json
import re

import pytest
from jsonschema import ValidationError

from ipvsfast import InvalidValue, converted, read_wanted
from ipvsfast.cli.plan_text import plan_json
from ipvsfast.connections import count_by, forms
from ipvsfast.listing import counted_records
from ipvsfast.model.stats import Stats
from ipvsfast.plans.plan import How, Plan, TableState
from ipvsfast.plans.saved_plan import plan_to_save
from ipvsfast.plans.wanted import wanted_of
from ipvsfast.stats.delta import DELTA_NAMES
from support.schemas import FOLDER, fitting, schema
from support.tools import ROOT

ROW = {
    "protocol": "TCP", "state": "ESTABLISHED", "client": "10.0.0.9", "client_port": 1024, "service": "10.0.0.1",
    "service_port": 80, "destination": "2001:db8::1", "destination_port": 8080, "expires": 899, "template": False,
    "pe": None, "pe_data": None,
}  # fmt: skip
DETAILS = {"forwarding": "tunnel", "origin": "local", "fwmark": 0, "timeout": 900, "packets": 3}


def test_fields_are_those_of_the_forms() -> None:
    """A connection has the columns of CSV, in their order."""
    assert tuple(schema("connection")["properties"]) == forms.FIELDS + forms.DETAILS
    assert tuple(schema("connection")["required"]) == forms.FIELDS


def test_what_is_counted_by_is_described() -> None:
    """Every field that a key gives is in the schema of counts, and no others but those of the count itself."""
    given = {name for fields in count_by.FIELDS.values() for name, _ in fields}
    assert set(count_by.FIELDS) == set(count_by.KEYS)
    assert set(schema("connection-count")["properties"]) - given == {"connections", "total", "time", "change"}


def test_rows_of_counters_have_the_names_of_the_values() -> None:
    """Those of Stats and of Delta; CSV has the same ones, in the same order."""
    parts = schema("stats")["$defs"]
    assert tuple(parts["stats"]["properties"]) == Stats._fields
    assert tuple(parts["delta"]["properties"]) == ("seconds", "fresh", *DELTA_NAMES)
    assert parts["stats"] == schema("table")["$defs"]["stats"]
    row = tuple(parts["row"]["properties"])
    assert row == (
        "time", *counted_records.KEY_FIELDS, *counted_records.GAUGES, "event", "stats", "delta",
    )  # fmt: skip
    differences = [f"delta_{name}" for name in DELTA_NAMES[:5]]
    columns = (*row[:-2], *Stats._fields, "seconds", "fresh", *differences, *DELTA_NAMES[5:])
    assert columns == counted_records.FIELDS


def test_a_name_means_the_same_in_both() -> None:
    """What connections and counts share is described in the same words."""
    row, count = schema("connection")["properties"], schema("connection-count")["properties"]
    shared = set(row) & set(count)
    assert shared == set(row) - {"expires", "pe_data", *forms.DETAILS}
    assert {name: row[name] for name in shared} == {name: count[name] for name in shared}


WANTED = b"""\
--set 100 0 30
--start-daemon master --mcast-interface lo --syncid 7
-A -t 10.0.0.1:80 -s wrr -p 90 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3 -x 9 -y 2
-a -t 10.0.0.1:80 -r 10.1.0.2 -i -w 0 --tun-type gue --tun-port 6080 --tun-csum
-A -u [fd00::1]:53 -s sh -b sh-port -o
-A -f 7 -6 -s mh -p 60 -M 64
-a -f 7 -6 -r [fd00::7] -g -w 1
"""
BEFORE = b"""\
--start-daemon backup --mcast-interface lo --syncid 1
--start-daemon master --mcast-interface lo --syncid 1
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.2 -g -w 0
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3
-a -t 10.0.0.1:80 -r 10.1.0.9:8080 -m -w 3
-A -f 9 -s mh
-a -f 9 -r 10.0.0.1 -g -w 1
"""


def test_plans_and_wanted_tables() -> None:
    """What differences, plans, saved plans and conversions have: every field of their schemas, and no other."""
    wanted, before = read_wanted(WANTED), read_wanted(BEFORE)
    plan = Plan(wanted, TableState.of(before), How(order=True))
    made = [json.loads("".join(plan_json(plan, more))) for more in ({}, plan_to_save(plan))]
    fitting("plan", made)
    assert list(made[1]) == [*list(schema("plan")["properties"])]
    changes = made[0]["changes"]
    assert {name for change in changes for name in change} == set(
        schema("plan")["$defs"]["change"]["properties"]
    )
    for change in changes:
        fitting("plan", [{**made[0], "changes": [change]}])
    written = json.loads(converted(wanted, "json"))
    fitting("wanted", [written, json.loads(wanted_of("x", None, wanted.operations()).text)])
    assert set(written) == set(schema("wanted")["properties"])
    service = written["services"][0]
    measured = {"stats": {}, "active": 1, "inactive": 2, "persistent": 3}
    told = [{**service["destinations"][0], **measured}]
    fitting("wanted", [{"services": [{**service, "stats": {}, "destinations": told}]}])
    assert set(told[0]) == set(schema("wanted")["$defs"]["destination"]["properties"])


@pytest.mark.parametrize(
    "document",
    [
        {}, {"services": {}}, {"services": [{"fwmark": 1}]}, {"services": [{"destinations": []}]},
        {"services": [{"fwmark": 1, "destinations": [{"port": 1}]}]}, {"services": [], "x": 1},
        {"services": [{"fwmark": 1, "destinations": [{"address": "10.0.0.1", "port": 1, "forwarding": "local"}]}]},
    ],
)  # fmt: skip
def test_no_wanted_table(document: dict[str, object]) -> None:
    """What the schema refuses is refused by the program too."""
    with pytest.raises(ValidationError):
        fitting("wanted", [document])
    with pytest.raises(InvalidValue):
        read_wanted(json.dumps(document).encode(), allow_empty=True)


def test_the_document_has_every_field() -> None:
    """docs/json.md explains the fields of all, and no others: in a table, or in the text where they are in one."""
    text = (ROOT / "docs/json.md").read_text()
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text, re.M)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    names = {name for path in FOLDER.glob("*.json") for name in fields_of(schema(path.stem))}
    assert told <= names
    assert all(f"`{name}`" in text for name in names)


def fields_of(schema: object) -> set[str]:
    """The names of properties in a schema, at every depth."""
    if isinstance(schema, list):
        return {name for one in schema for name in fields_of(one)}
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())) | {name for one in schema.values() for name in fields_of(one)}


@pytest.mark.parametrize("more", [{}, DETAILS])
def test_a_connection(more: dict[str, object]) -> None:
    """With all that BPF reads, or with nothing of it."""
    fitting("connection", [{**ROW, **more}])


@pytest.mark.parametrize(
    "wrong",
    [
        {"template": "no"}, {"template": 0}, {"client_port": "80"}, {"client_port": 65536}, {"client": "10.0.0.1:80"},
        {"service": "TCP 10.0.0.1:80"}, {"pe": 0}, {"fwmark": 3}, {"other": 1}, {"pe_data": "\x1b"},
    ],
)  # fmt: skip
def test_no_connection(wrong: dict[str, object]) -> None:
    """The schema would notice what was wrong once, and what may go wrong."""
    with pytest.raises(ValidationError):
        fitting("connection", [{**ROW, **wrong}])


@pytest.mark.parametrize(
    "count",
    [
        {"connections": 0},
        {"client": "10.0.0.1", "connections": 3, "total": 7},
        {"protocol": "UDP", "service": "::1", "service_port": 53, "connections": 3, "total": 7},
        {"client_net": "10.0.0.0/8", "family": "ipv4", "connections": 3, "total": 7},
    ],
)
def test_a_count(count: dict[str, object]) -> None:
    """Alone, by key, and repeated."""
    fitting("connection-count", [count])


@pytest.mark.parametrize(
    "count",
    [
        {}, {"client": "10.0.0.1", "connections": 3}, {"destination_port": 80, "connections": 3, "total": 7},
        {"service": "UDP 10.0.0.1:53", "connections": 3, "total": 7}, {"template": "yes", "connections": 3, "total": 7},
        {"client_port": "80", "connections": 3, "total": 7},
    ],
)  # fmt: skip
def test_no_count(count: dict[str, object]) -> None:
    """The same for counts."""
    with pytest.raises(ValidationError):
        fitting("connection-count", [count])
