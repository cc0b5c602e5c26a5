"""A wanted table in JSON and YAML is read service by service, and is the same as if it were read in one piece."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from ipvsfast import RulesInvalid, converted
from ipvsfast.changes.restore import RuleText
from ipvsfast.plans import wanted_json
from ipvsfast.plans.wanted import Wanted, read_wanted
from ipvsfast.plans.wanted_json import _Reader, _took_items, _took_pieces
from support.some_rules import some_rules

Took = Callable[[_Reader, str], bool]
SERVICE = '{"protocol":"tcp","address":"10.0.0.1","port":80,"destinations":[]}'
OTHER = SERVICE.replace("0.1", "0.2")
ALONE = "- {protocol: tcp, address: 10.0.0.1, port: 80, destinations: []}\n"
ANCHORED = """\
timeouts: {tcp: 5, tcp_fin: 0, udp: 0}
services:
- &one
  protocol: tcp
  address: 10.0.0.1
  port: 80
  destinations: &dests
  - &dest {address: 10.1.0.1, port: 80, forwarding: masq}
- <<: *one
  port: 81
- protocol: udp
  address: 10.0.0.1
  port: 53
  destinations: [*dest, {<<: *dest, port: 1}]
"""


def read(text: str, form: str) -> Wanted:
    return read_wanted(RuleText(text.encode(), f"file.{form}"), allow_empty=True)


def in_one_piece(text: str, form: str, monkeypatch: pytest.MonkeyPatch) -> Wanted:
    with monkeypatch.context() as patch:
        for name in ("_took_pieces", "_took_items"):
            patch.setattr(wanted_json, name, lambda reader, text: False)
        return read(text, form)


@pytest.mark.parametrize(("form", "took"), [("json", _took_pieces), ("yaml", _took_items)])
def test_some_tables(form: str, took: Took, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every kind; also where each service has its line."""
    chance = random.Random(7)
    for _ in range(20):
        rules = "--set 1 2 3\n" + some_rules(chance)
        text = converted(read(rules, "rules"), form)
        assert took(_Reader("file"), text)
        one, other = read(text, form), in_one_piece(text, form, monkeypatch)
        assert (one.rules, one.timeouts, one.daemons) == (other.rules, other.timeouts, other.daemons)
        places = [wanted.place_of(number) for wanted in (one, other) for number in range(one.services)]
        assert places[: one.services] == places[one.services :]


@pytest.mark.parametrize(
    "text",
    [
        f'{{"services":[{SERVICE},{OTHER}]}}',
        f' {{ "services" : [ {SERVICE} , {OTHER} ] , "daemons" : [ ] }} \n',
        '{"services":[]}',
        json.dumps(
            {"timeouts": {"tcp": 1, "tcp_fin": 2, "udp": 3}, "services": [json.loads(SERVICE)]}, indent=2
        ),
    ],
)
def test_json_in_pieces(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With white space and other names wherever they may stand."""
    assert _took_pieces(_Reader("file"), text)
    one, other = read(text, "json"), in_one_piece(text, "json", monkeypatch)
    assert one.rules == other.rules
    assert one.timeouts == other.timeouts


def test_yaml_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that stand for others are theirs, also in later pieces."""
    assert _took_items(_Reader("file"), ANCHORED)
    assert read(ANCHORED, "yaml").rules == in_one_piece(ANCHORED, "yaml", monkeypatch).rules


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", f'{{"services":[{SERVICE},]}}'),
        ("json", f'{{"services":[{SERVICE} {OTHER}]}}'),
        ("json", f'{{"services":[{SERVICE}]}} x'),
        ("json", f'{{"services":[{SERVICE}]'),
        ("json", '{"services":['),
        ("json", '{"services":[ '),
        ("json", "{"),
        ("json", "{[1]:2}"),
        ("json", f'{{"services":[{SERVICE}],"services":[{OTHER}]}}'),
        ("json", f'{{"services":[{SERVICE},{SERVICE}]}}'),
        ("json", f'{{"services":[{SERVICE}],"nothing":1}}'),
        ("json", '{"services":[{"port":80,"port":81}]}'),
        ("yaml", f"services:\n{ALONE}{ALONE}"),
        ("yaml", f"services:\n{ALONE}services:\n{ALONE}"),
        ("yaml", f"services:\n{ALONE}- {{"),
        ("yaml", f"services: &all\n{ALONE}daemons: *all\n"),
        ("yaml", f"services:\n{ALONE}nothing: 1\n"),
        ("yaml", "services:\n- 1\n"),
    ],
)
def test_mistakes_are_those_of_the_whole(form: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is told as if it had been read in one piece."""
    told = []
    for work in (lambda: read(text, form), lambda: in_one_piece(text, form, monkeypatch)):
        with pytest.raises(RulesInvalid) as caught:
            work()
        told.append([str(problem) for problem in caught.value.problems])
    assert told[0] == told[1] != []
