"""The schemas of connections and of their counts: one vocabulary, the same as the program's."""

import re

import pytest
from jsonschema import ValidationError

from ipvsfast.connections import count_by, forms
from ipvsfast.listing import counted_records
from ipvsfast.model.stats import Stats
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
