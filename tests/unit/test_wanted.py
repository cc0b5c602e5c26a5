"""What a table is to hold, from rule files and from JSON: the same value, and every mistake with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ipvsfast import InvalidValue, RulesInvalid, SyncDaemon, Timeouts
from ipvsfast.changes.restore import RuleText
from ipvsfast.kernel.layout import unpack_table
from ipvsfast.kernel.table_reading import reading_of
from ipvsfast.listing.records import state_records, texts
from ipvsfast.plans.plan import How, Plan, TableState
from ipvsfast.plans.wanted import Wanted, read_wanted

RULES = b"""\
--set 100 0 30
--start-daemon master --mcast-interface lo --syncid 7
-A -t 10.0.0.1:80 -s wrr -p 90 -M 255.255.255.0
-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3 -x 9 -y 2
-a -t 10.0.0.1:80 -r 10.1.0.2 -i -w 0 --tun-type gue --tun-port 6080 --tun-csum
-A -u [fd00::1]:53 -s sh -b sh-port -o
-a -u [fd00::1]:53 -r [fd01::1]:53 -g -w 1
-A -f 7 -6 -s mh -p 60 -M 64
"""


def wanted(text: bytes, **more: Any) -> Wanted:
    return read_wanted(RuleText(text, "file"), **more)


def as_json(found: Wanted, form: Any = "json") -> bytes:
    """What `ipvsfast list` writes of such a table."""
    table = unpack_table(*reading_of(found.rules).sort_for_adding().rows())
    state = state_records(found.timeouts, found.daemons) if form == "json" else None
    return "".join(texts(form, table, state=state)).encode()


def test_settings_are_no_part_of_the_table() -> None:
    """Timeouts and daemons are known apart, where the text names them."""
    found = wanted(RULES)
    assert found.timeouts == Timeouts(100, 0, 30)
    assert found.daemons == [SyncDaemon("master", "lo", 7)]
    assert (len(found), found.services) == (6, 3)
    plain = wanted(b"-A -f 1 -s rr\n")
    assert (plain.timeouts, plain.daemons) == (Timeouts(), [])


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_json_is_read_back_as_it_was_written(form: str) -> None:
    """The same operations, and the same text again."""
    text = as_json(wanted(RULES), form)
    again = wanted(text)
    assert as_json(again, form) == text
    present = TableState.of(wanted(RULES))
    plan = Plan(again, present, How(order=True))
    assert not plan, list(plan)


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"# nothing\n", b"--set 1 1 1\n", b'{"services": []}', b"{}\n{}\n"]
)
def test_nothing_is_no_wish(text: bytes) -> None:
    """A text without a service is an error unless that is said to be meant."""
    with pytest.raises(InvalidValue):
        wanted(text)


def test_nothing_where_that_is_meant() -> None:
    """Then it is an empty table."""
    assert len(wanted(b"", allow_empty=True)) == len(wanted(b'{"services": []}', allow_empty=True)) == 0


def problems(text: bytes) -> list[str]:
    with pytest.raises(RulesInvalid) as caught:
        wanted(text)
    return [str(problem) for problem in caught.value.problems]


SERVICE = {"protocol": "tcp", "address": "10.0.0.1", "port": 80, "destinations": []}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "file:1: column 2: this is no JSON: Expecting property name enclosed in double quotes"),
        (b'{"services":[\n{]', "file:2: column 2: this is no JSON"),
        (b'{"services": {}}', "file:1: services: this is a list, not {}"),
        (b'{"timeouts": {}}', "file:1: the document: `services' is missing"),
        (b"[]", "file:1: the document: a table is an object with `services'"),
        (b'{"services": [7]}', "file:1: services[0]: a service is an object, not 7"),
        (b'{"services": [], "x": 1}', "file:1: the document: there is no 'x'"),
        (b'{"services": [], "services": []}', "file:1: the document: 'services' stands twice in one object"),
        (b'{"services": [{"fwmark": 1}]}', "file:1: services[0]: `destinations' is missing"),
        (b'{"fwmark": 1, "destinations": []}\n{"fwmark": 1, "destinations": []}\n', "file:2: the document: FWM 1 stands twice"),
        (b'{"fwmark": 1, "destinations": []}\n{"fwmark": 2, "destinations": [{"port": 0}]}\n',
         "file:2: destinations[0]: Destination needs 'address'"),
        (b'{"services": [], "timeouts": {"tcp": -1}}', "file:1: timeouts: tcp timeout"),
        (b'{"services": [], "daemons": [{"state": "x"}]}', "file:1: daemons[0]: daemon state"),
        (b'{"services": [\xff]}', "file:1: the document: this is no UTF-8"),
        (b"-A -f 1 -s rr\n-a -f 2 -r 10.0.0.1\n", "file:2: -a -f 2 -r 10.0.0.1: its service is not defined before it"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(text: bytes, told: str) -> None:
    """Line, place in the document, and what is wrong."""
    assert problems(text)[0].startswith(told)


def test_all_mistakes_are_told() -> None:
    """Not only the first."""
    dests = [{"address": "10.0.0.1", "port": 80, "weight": -1}, {"address": "x", "port": 80}]
    text = json.dumps({"services": [{**SERVICE, "destinations": dests}, {"fwmark": 0}]}).encode()
    assert [told.split(": ")[1] for told in problems(text)] == [
        "services[0].destinations[0]", "services[0].destinations[1]", "services[1]",
    ]  # fmt: skip


ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**70,
    1.5,
    float("nan"),
    "",
    "x",
    "\ud800",
    [],
    [1],
    ["x"],
    {},
    {"x": 1},
]


def test_odd_values_are_mistakes_and_no_crash() -> None:
    """Each value in a document in turn is something else: it is taken or told, and nothing else happens."""
    document = json.loads(as_json(wanted(RULES)))

    def spoil(node: Any) -> None:
        for name in list(node) if isinstance(node, dict) else range(len(node)):
            kept = node[name]
            if isinstance(kept, (dict, list)):
                spoil(kept)
            for odd in ODD:
                node[name] = odd
                try:
                    wanted(json.dumps(document).encode())
                except InvalidValue:
                    pass
            node[name] = kept

    spoil(document)
