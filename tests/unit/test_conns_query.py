"""The options of `ipvsfast conns` as a request."""

import pytest

from ipvsfast.cli import conns_query
from ipvsfast.cli.commands import find, parse_verb
from ipvsfast.cli.help import values_of
from ipvsfast.connections import source as conn_source
from ipvsfast.connections.filter import FAMILIES, ConnectionFilter
from ipvsfast.errors import InvalidValue
from ipvsfast.language.options import VALUES
from ipvsfast.language.words import UsageError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """Neither environment nor configuration of the machine that runs the tests."""
    monkeypatch.delenv(conn_source.VARIABLE, raising=False)
    monkeypatch.setattr(conns_query, "chosen_source", lambda asked: asked or "auto")


def query(text):
    given, words = parse_verb(find("conns"), text.split())
    assert not words
    return conns_query.Query(given)


def test_nothing_asked_for():
    """All rows, as a table."""
    asked = query("")
    assert (asked.streamed, asked.form, asked.where) == (True, "table", ConnectionFilter())
    assert (asked.count, asked.by, asked.top, asked.sample, asked.watch) == (False, None, None, None, None)
    assert (asked.quiet, asked.engines_shown, asked.source) == (False, False, "auto")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("--client 10.0.0.1", {"client": "10.0.0.1"}),
        ("--client=10.0.0.1 --client 10.1.0.0/16", {"client": ["10.0.0.1", "10.1.0.0/16"]}),
        ("--service :80,:443 --service [::1]:80", {"service": [":80", ":443", "[::1]:80"]}),
        ("--destination ::1", {"destination": "::1"}),
        ("--state udp --state NONE,fin_wait", {"states": ["UDP", "NONE", "FIN_WAIT"]}),
        ("--protocol tcp --protocol 50", {"protocols": [6, 50]}),
        ("--family 4 --family mixed", {"families": ["ipv4", "mixed"]}),
        ("--expires-below 60", {"expires_below": 60}),
        ("--templates", {"templates": True}),
        ("--no-templates", {"templates": False}),
        ("--pe sip --pe *", {"engines": ["sip", "*"]}),
        ("--client !10.0.0.0/8,!:80 --client ::1", {"client": ["!10.0.0.0/8", "!:80", "::1"]}),
        (
            "--state !udp --protocol !tcp --family !6 --pe !*",
            {"states": "!UDP", "protocols": "!6", "families": "!ipv6", "engines": "!*"},
        ),
        ("--limit 7", {"limit": 7}),
        ("--templates --templates", {"templates": True}),
    ],
)
def test_conditions(text, where):
    """Each option is a condition; given again, it adds to its list."""
    assert query(text).where == ConnectionFilter(**where)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("--count", {"count": True, "streamed": False}),
        ("--sample 5", {"sample": 5, "streamed": False}),
        ("--by state", {"top": None, "streamed": False}),
        ("--by state --top 3 --json", {"top": 3, "form": "json", "least": 1}),
        ("--by state --min 100", {"top": None, "least": 100}),
        ("--csv", {"form": "csv", "streamed": True}),
        ("--ndjson -q", {"form": "ndjson", "quiet": True}),
        ("--watch 0.1", {"watch": 0.1}),
        ("--watch 86400 --count", {"watch": 86400.0}),
        ("--persistent-conn --sample 5", {"engines_shown": True}),
        ("--csv --details", {"details": True}),
        ("--source bpf", {"source": "bpf"}),
    ],
)
def test_answers(text, values):
    """What is asked for, and in which form."""
    asked = query(text)
    assert {name: getattr(asked, name) for name in values} == values


# Engines have names that anybody may have chosen, in which case matters.
VALUED = [option for option in find("conns").options if values_of(option) and option.name != "pe"]


@pytest.mark.parametrize("option", VALUED, ids=[option.name for option in VALUED])
def test_values_are_understood_in_any_case(monkeypatch, option):
    """As the help writes them, and as somebody may remember them."""
    monkeypatch.undo()  # the source, too, by the real function

    def answer(text):
        asked = query(f"{option.spellings[-1]} {text}")
        return asked.where, [(key.name, key.packed) for key in asked.by or ()], asked.source

    for value in values_of(option):
        assert answer(value.upper()) == answer(value.capitalize()) == answer(value)


def test_closed_values():
    """What is offered is what there is."""
    assert {option.name for option in VALUED} == {"state", "by", "protocol", "family", "source"}
    assert set(FAMILIES) == set(VALUES["family"])
    assert set(conn_source.SOURCES) == set(VALUES["source"])


def test_keys_add_up():
    """--by again is one more key."""
    assert [key.name for key in query("--by state,client-net:8 --by pe").by] == ["state", "client-net", "pe"]


def excluded(one, other):
    return f"--{one} and --{other} exclude each other"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("--count --by state", excluded("count", "by")),
        ("--sample 1 --by state", excluded("by", "sample")),
        ("--count --sample 1", excluded("count", "sample")),
        ("--sample 1 --limit 1", excluded("sample", "limit")),
        ("--no-templates --templates", excluded("templates", "no-templates")),
        ("--json --csv", excluded("json", "csv")),
        ("--ndjson --json", excluded("json", "ndjson")),
        ("--persistent-conn --count", excluded("persistent-conn", "count")),
        ("--persistent-conn --by pe", excluded("persistent-conn", "by")),
        ("--persistent-conn --csv", excluded("persistent-conn", "csv")),
        ("--watch 1 --json", excluded("watch", "json")),
        ("--watch 1 --csv", excluded("watch", "csv")),
        ("--details", "--details is for entries as --csv; in JSON they are there wherever they are known"),
        (
            "--csv --details --count",
            "--details is for entries as --csv; in JSON they are there wherever they are known",
        ),
        ("--top 3", "--top needs --by: say what to count by, such as --by client"),
        ("--min 3", "--min needs --by: say what to count by, such as --by client"),
        ("--min 0 --by state", "--min takes a whole number from 1 to 2147483647, not `0'"),
        ("--top 0 --by state", "--top takes a whole number from 1 to 2147483647, not `0'"),
        ("--sample -1", "--sample takes a whole number from 1 to 1000000, not `-1'"),
        ("--sample 1000001", "--sample takes a whole number from 1 to 1000000, not `1000001'"),
        ("--limit 5 --limit 6", "--limit takes a whole number from 1 to 2147483647, not `5,6'"),
        ("--limit 2147483648", "--limit takes a whole number from 1 to 2147483647, not `2147483648'"),
        ("--expires-below 1.5", "--expires-below takes a whole number from 1 to 2147483647, not `1.5'"),
        ("--watch 0", "--watch takes seconds, 0.1 to 86400, not `0'"),
        ("--watch nan", "--watch takes seconds, 0.1 to 86400, not `nan'"),
        ("--watch inf", "--watch takes seconds, 0.1 to 86400, not `inf'"),
        ("--watch soon", "--watch takes seconds, 0.1 to 86400, not `soon'"),
        ("--count --interval 0", "--interval takes seconds, 0.1 to 86400, not `0'"),
        ("--interval 1", "--interval needs --count or --by: say what to count"),
        ("--count --repeat 2", "--repeat needs --interval: say how often to ask"),
        ("--count --interval 1 --watch 1", excluded("interval", "watch")),
        (
            "--count --interval 1 --json",
            "--interval and --json exclude each other; --ndjson is one object a line",
        ),
    ],
)
def test_conflicts(text, sentence):
    """Each is a usage error, status 2, with its sentence."""
    with pytest.raises(UsageError) as caught:
        query(text)
    assert (caught.value.status, caught.value.message) == (2, f"conns: {sentence}")


@pytest.mark.parametrize("text", ["junk", "--junk", "--client", "--limit"])
def test_no_options(text):
    """Words and unknown options are usage errors of the verb."""
    with pytest.raises(UsageError, match="conns: ") as caught:
        query(text)
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("--client 10.0.0.1,", "not an address, prefix or port: ''"),
        ("--state open", "no connection state 'open'"),
        ("--by port", "connections cannot be counted by 'port'"),
        ("--by client-net:33", "client-net:33: prefix lengths are 0 to 32"),
        ("--protocol tcp --protocol x", "no protocol 'x'"),
    ],
)
def test_values_that_are_none(text, sentence):
    """They have the sentence of the filter or the key."""
    with pytest.raises(InvalidValue, match=sentence.replace("'", ".")):
        query(text)
