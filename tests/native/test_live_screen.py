"""The live screen without a terminal and without a kernel: made-up readings, keys, lines of text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipvsfast.cli import top as top_verb
from ipvsfast.listing.chosen_rows import RowChooser
from ipvsfast.listing.figures import amount, graph, short
from ipvsfast.model.keys import ServiceKey
from ipvsfast.model.table_filter import TableFilter
from ipvsfast.screen.columns import DESTINATION_COLUMNS, SERVICE_COLUMNS, SORTS, fitting, sort_name
from ipvsfast.screen.drawing import HELP, LOOKS, lines
from ipvsfast.screen.history import PastRates
from ipvsfast.screen.live_screen import LiveScreen
from ipvsfast.screen.plain_table import PlainTable
from ipvsfast.stats.snapshot import Snapshot
from ipvsfast.stats.window import Moment, RateWindow
from support.tables import Table, destination_of, snapshot_of

WEB, DNS, MAIL = (
    ServiceKey.of("tcp", "10.0.0.1", 80),
    ServiceKey.of("udp", "10.0.0.2", 53),
    ServiceKey.mark(9),
)
KEYS = [
    "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "enter", "escape", "tab", "backspace", "/", "?",
    "1", "!", "x", "p", "+", "-", "r", "<", ">", "j", "k", "g", "G", "ctrl+u",
]  # fmt: skip


def table(web: int = 3, dns: int = 2, factor: int = 1) -> Table:
    """Destinations that have counted their number, times `factor`; services that have counted the sums."""

    def below(first: int, count: int) -> dict:
        return {destination_of(first + n): (factor * (first + n), 0, 0, 100 * n, 0) for n in range(count)}

    found: Table = {}
    for key, first, count in ((WEB, 1, web), (DNS, 20, dns), (MAIL, 40, 0)):
        rows = below(first, count)
        found[key] = (tuple([sum(values[at] for values in rows.values()) for at in range(5)]), rows)
    return found


def at(snapshot: Snapshot, time: float) -> Snapshot:
    """The snapshot as if it had been read then."""
    snapshot.started = snapshot.ended = time
    return snapshot


def moment(**shape: int) -> Moment:
    """What two readings three seconds apart give."""
    first = at(snapshot_of(table(**shape)), 10.0)
    second = at(snapshot_of(table(**shape, factor=4), first), 13.0)
    return Moment(second, second - first, (6.0, 1.0, 2.0, 3000.0, 4e6))


def screen(**options: object) -> LiveScreen:
    """One that has had a reading."""
    made = LiveScreen(
        RowChooser(TableFilter()),
        **{"interval": 2.0, "sort": "connections", "upwards": False, "destinations": False, "limit": 0, **options},
    )  # fmt: skip
    made.show(moment())
    return made


def drawn(of: LiveScreen, width: int = 80, height: int = 24) -> list[str]:
    """The lines as plain text."""
    found = lines(of, width, height, host="here", clock="12:00:00")
    assert all(look in LOOKS for line in found for _, look in line)
    return ["".join([text for text, _ in line]) for line in found]


def names(of: LiveScreen) -> list[str]:
    """Those of the rows, from top to bottom."""
    rows = of.rows
    assert rows is not None
    return [rows.label(number) for number in of.numbers]


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (7, "7"), (0.04, "~0"), (0.5, "0.5"), (99.94, "99.9"), (99.96, "100"), (999, "999"), (999.4, "999"),
    (999.6, "1.00k"), (1234, "1.23k"), (99_950, "100k"), (123456, "123k"), (999_600, "1.00M"), (5e9, "5.00G"),
    (2**64 - 1, "18.4E"), (-3, "-3"),
])  # fmt: skip
def test_short_numbers(value: float, text: str) -> None:
    """At most five columns, three digits."""
    assert short(value) == text
    assert len(text) <= 5


@settings(deadline=None)
@given(st.floats(0, 2**64))
def test_short_numbers_are_short(value: float) -> None:
    """Whatever the number is; and they are near it."""
    text = short(value)
    assert len(text) <= 5
    if text != "~0":
        step = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}.get(text[-1], 1)
        assert abs(float(text.rstrip("kMGTPE")) * step - value) <= max(value * 0.006, 0.051)


def test_units() -> None:
    """The letter goes to the unit."""
    assert amount(12345, "B/s") == "12.3 kB/s"
    assert amount(3, "/s") == "3 /s"


def test_graphs() -> None:
    """The largest is a whole block, nothing is a blank, the last one stands at the right."""
    assert graph([1, 2, None, 8, 0], 7) == "  ▂▃ █ "
    assert graph([5] * 9, 3) == "███"
    assert graph([], 4) == "    "
    assert graph([1], 0) == ""


@pytest.mark.parametrize("columns", [SERVICE_COLUMNS, DESTINATION_COLUMNS])
def test_columns_fit(columns: tuple) -> None:
    """At every width; 80 have the eight that matter, 200 all."""
    for width in range(1, 300):
        name, found = fitting(columns, width)
        assert name + sum([column.width for column in found]) <= width
    assert len(fitting(columns, 80)[1]) == 8
    assert fitting(columns, 80)[0] == 24
    assert set(fitting(columns, 200)[1]) == set(columns)


def test_names_of_columns() -> None:
    """Those of `stats` are known, and the kernel's for the rates."""
    assert sort_name("in_bps") == "in_bytes"
    assert sort_name("speed") is None
    assert {"service", "destination", "weight", "upper", "active", "total_in_bytes", "scheduler"} <= set(
        SORTS
    )


def test_rates_and_order() -> None:
    """True rates; sorted by any column, both ways."""
    made = screen(destinations=True)
    assert names(made)[:2] == ["10.1.0.21:80", "10.1.0.20:80"]
    assert made.rows is not None
    assert made.rows.number(DESTINATION_COLUMNS[0], made.numbers[0]) == 21 * 3 / 3
    for name in SORTS:
        made.sort_by(name)
        downwards = list(names(made))
        made.key("r")
        assert sorted(names(made)) == sorted(downwards)
    made = screen(destinations=True, sort="destination")
    assert names(made) == [f"10.1.0.{n}:80" for n in (1, 2, 3, 20, 21)]
    made.key("r")
    assert names(made)[0] == "10.1.0.21:80"


def test_before_there_are_rates() -> None:
    """The kernel's own stand there, and it is said."""
    made = screen()
    made.show(Moment(at(snapshot_of(table()), 5.0), None, None))
    assert "kernel's own rates" in drawn(made)[4]


def test_the_row_stays_chosen() -> None:
    """Wherever it goes, and when its number changes; when it is gone, the one in its place is."""
    made = screen()
    drawn(made)
    assert names(made) == ["UDP 10.0.0.2:53", "TCP 10.0.0.1:80", "FWM 9"]
    made.key("down")
    assert made.row is not None
    made.show(moment(dns=0))
    assert names(made)[made.cursor] == "TCP 10.0.0.1:80"
    made.key("enter")
    assert names(made) == ["10.1.0.3:80", "10.1.0.2:80", "10.1.0.1:80"]
    made.key("end")
    made.show(moment(web=2))
    assert names(made)[made.cursor] == "10.1.0.1:80"
    made.key("escape")
    assert names(made)[made.cursor] == "TCP 10.0.0.1:80"
    made.key("home")
    made.show(moment())
    assert names(made)[made.cursor] == "UDP 10.0.0.2:53"  # the first, whichever it is


def test_the_filter() -> None:
    """Words, exclusions, and what is typed while it is open."""
    made = screen()
    for key in ("/", "T", "c", "p"):
        made.key(key)
    assert (made.text, names(made)) == ("Tcp", ["TCP 10.0.0.1:80"])
    made.key("ctrl+u")
    for key in "!udp !fwm":
        made.key(key)
    assert names(made) == ["TCP 10.0.0.1:80"]
    made.key("enter")
    assert "filter: !udp !fwm " in drawn(made)[4]
    made.key("escape")
    assert len(names(made)) == 3
    made.key("tab")
    made.key("/")
    for key in "10.0.0.2":  # destinations are found by their service
        made.key(key)
    assert names(made) == ["10.1.0.21:80", "10.1.0.20:80"]


def test_pause() -> None:
    """What is shown stays; the last reading is shown afterwards."""
    made = screen()
    made.key("p")
    made.show(moment(web=1, dns=0))
    assert "5 destinations" in drawn(made)[0]
    assert "paused" in drawn(made)[0]
    made.key(" ")
    assert "1 destination " in drawn(made)[0]


def test_signs() -> None:
    """New rows and those that get nothing are told by a sign, not by colour."""
    first = at(snapshot_of(table()), 10.0)
    more = {**table(), ServiceKey.of("tcp", "10.0.0.5", 80): ((0,) * 5, {destination_of(90): (0,) * 5})}
    second = at(snapshot_of(more, first), 13.0)
    made = screen()
    made.show(Moment(second, second - first, None))
    text = drawn(made)
    assert [line[0] for line in text if "TCP 10.0.0.5:80" in line] == ["+"]
    assert [line[0] for line in text if line[1:].startswith("FWM 9")] == ["!"]


def test_the_module_is_away() -> None:
    """It is said until there is a reading again."""
    made = screen()
    made.away("no module")
    assert drawn(made)[4] == " no module"
    made.show(moment())
    assert "no module" not in "".join(drawn(made))


def test_help_fits() -> None:
    """80 columns, 24 lines."""
    made = screen()
    made.key("?")
    text = drawn(made)
    assert len(HELP) + 4 <= 24
    assert "any key: back" in text[-1]
    wide = ["".join([t for t, _ in line]) for line in lines(made, 300, 50, host="", clock="")]
    assert max([len(line) for line in wide[1:]]) <= 80


@settings(deadline=None)
@given(st.lists(st.sampled_from(KEYS), max_size=25), st.randoms(use_true_random=False))
def test_every_size_and_key(keys: list[str], chance: random.Random) -> None:
    """No line is too long, and there are never too many, whatever keys came before."""
    made = screen()
    for key in keys:
        made.key(key)
        width, height = chance.randint(0, 220), chance.randint(0, 70)
        text = drawn(made, width, height)
        assert len(text) <= height
        assert all(len(line) <= width for line in text)
        made.click(chance.randint(0, 220), chance.randint(0, 70))
        if chance.random() < 0.3:
            made.show(moment(web=chance.randint(0, 5), dns=chance.randint(0, 2)))
    assert len(drawn(made, 80, 24)) == (24 if not made.help else len(HELP) + 4)


def test_the_plain_table() -> None:
    """ASCII, as wide as it is told, the first rows only where that is asked for."""
    made = PlainTable(
        RowChooser(TableFilter()), sort="connections", upwards=False, destinations=True, limit=2
    )
    text = "".join(made.text(moment(), "now", 80)).splitlines()
    assert text[0] == "now  3 services, 5 destinations, rates over 3 s"
    assert text[1] == "total: new 6 /s, in 3.00 kB/s 1 pkt/s, out 4.00 MB/s 2 pkt/s"
    assert text[2] == "connections: 35 active, 40 inactive"
    assert text[3].split()[:3] == ["Destination", "CPS", "InPPS"]
    assert [line.split()[:2] for line in text[4:6]] == [["10.1.0.21:80", "21"], ["10.1.0.20:80", "20"]]
    assert text[6:] == [""]


def test_history_is_bounded() -> None:
    """240 readings, a thousand rows; a row that was not seen has gaps."""
    history = PastRates()
    for reading in range(300):
        history.begin((float(reading),))
        history.note("always", (float(reading),))
        if reading % 2:
            history.note("at times", (1.0,))
    assert len(history.totals(0)) == 240
    assert history.row("always", 0)[-1] == 299.0
    assert history.row("at times", 0)[-4:] == [None, 1.0, None, 1.0]
    for number in range(2000):
        history.note(number, (0.0,))
    assert len(history) == 1000


def test_the_window() -> None:
    """A reading is compared with one four seconds older; until there is one two seconds older with none. Few
    are kept, and after forget() none."""
    window = RateWindow()
    last = None
    seconds = []
    for number in range(40):
        last = at(snapshot_of(table(), last), number / 4)
        delta = window.add(last).delta
        seconds.append(None if delta is None else delta.seconds)
        assert len(window._kept) <= 6
    assert seconds[:8] == [None] * 8
    assert seconds[8] == 2.0
    assert all(3.8 <= found <= 5 for found in seconds[20:] if found is not None)
    window.forget()
    assert window.add(at(snapshot_of(table()), 99.0)).delta is None


def test_the_window_of_live_counters() -> None:
    """A live reading is compared with the one before, however short that is ago, and never with the kernel's
    counters, nor these with it."""
    window = RateWindow()
    found = []
    for number, name in enumerate(("live", "live", "sockopt", "sockopt", "live", "live")):
        delta = window.add(at(snapshot_of(table(), name=name), 10 + number / 10)).delta
        found.append(None if delta is None else round(delta.seconds, 3))
    assert found == [None, 0.1, None, None, None, 0.1]


def test_live_rates_are_called_so() -> None:
    """On the screen and in the plain table; where the kernel counts, that it does so in steps."""
    window = RateWindow()
    window.add(at(snapshot_of(table(), name="live"), 10.0))
    shown = window.add(at(snapshot_of(table(factor=2), name="live"), 10.1))
    made = screen(interval=0.1)
    assert any("in steps: the kernel counts every 2 s" in line for line in drawn(made, 130))
    made.show(shown)
    assert any(line.rstrip().endswith("rates over 0.1 s, live") for line in drawn(made, 130))
    plain = PlainTable(
        RowChooser(TableFilter()), sort="connections", upwards=False, destinations=True, limit=2
    )
    heading = next(plain.text(shown, "now", 80))
    assert heading == "now  3 services, 5 destinations, rates over 0.1 s, live\n"


def test_why_there_is_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing that is missing is named."""
    terminals = {0, 1, 2}
    monkeypatch.setattr("os.isatty", lambda number: number in terminals)
    monkeypatch.setenv("TERM", "xterm")

    class Stream:
        encoding = "utf-8"

    monkeypatch.setattr("sys.stderr", Stream)
    assert top_verb._why_plain() is None
    for version, told in (
        ("0.1.13", "0.1.13"),
        ("2.0.4", "2.0.4"),
        ("2.1", ""),
        ("10.0.1", ""),
        ("3rc1", ""),
    ):
        monkeypatch.setattr("importlib.metadata.version", lambda name, version=version: version)
        assert (f"textual is too old: {told}, and 2.1" in (top_verb._why_plain() or "")) == bool(told)
    monkeypatch.setitem(__import__("sys").modules, "textual", None)
    assert "extra `live`" in (top_verb._why_plain() or "")
    Stream.encoding = "iso8859-1"
    assert top_verb._why_plain() == "the locale's encoding is iso88591, not UTF-8"
    monkeypatch.setenv("TERM", "dumb")
    assert "dumb" in (top_verb._why_plain() or "")
    terminals.remove(2)
    assert top_verb._why_plain() == "standard error is no terminal"
