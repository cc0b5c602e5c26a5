"""The live screen as lines, each of pieces of text with a word for how they look."""

from __future__ import annotations

from ..listing.figures import amount, graph, short
from ..model.destination import SHARE
from .columns import GRAPH, cell, fitting
from .order import columns_of
from .rows import SERVICES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .columns import Column
    from .live_screen import LiveScreen
    from .rows import Rows

    Line = list[tuple[str, str]]

# The words for how a piece looks. None of them says something that the text does not say.
LOOKS = (
    "",
    "title",
    "head",
    "sorted",
    "dim",
    "chosen",
    "in",
    "out",
    "conns",
    "warning",
    "new",
    "key",
    "strong",
)
_KEYS = (
    ("?", "help"), ("/", "filter"), ("Enter", "open"), ("Tab", "all"), ("< >", "sort"), ("r", "reverse"),
    ("p", "pause"), ("q", "quit"), ("+ -", "interval"), ("Home", "follow the first row"),
)  # fmt: skip
_LABEL = 30  # columns of a total in front of its graph
_BESIDE = 20  # behind it
HELP = (
    ("up, down, j, k, wheel", "choose a row; it stays chosen wherever it goes"),
    ("Home, g", "the first row, whichever that is"),
    ("PgUp, PgDn, End, G", "a page on, the last row"),
    ("Enter, second click", "the destinations of a service"),
    ("Esc, Backspace", "no filter; back to the services"),
    ("Tab", "services, or destinations of all services"),
    ("< >, left, right, click", "sort by another column"),
    ("r", "sort the other way round"),
    ("/", "filter: words that are in a row, !word that is not"),
    ("p, blank", "pause; readings go on behind it"),
    ("+ -", "a longer or shorter interval"),
    ("q, Ctrl-C", "quit"),
    ("", ""),
    ("CPS, PPS, BPS", "connections, packets, bytes a second"),
    ("k, M, G, T", "steps of 1000"),
    ("+ in front of a row", "it is new; 0: its counters were zeroed"),
    ("! in front of a row", "weight 0, or no destination has one: it gets nothing"),
    ("rates of rows", "over the last seconds, as said above the table: the"),
    ("", "kernel counts every 2 s; live ones over one interval"),
    ("totals on top", "over one interval; they have no such steps"),
)


def lines(screen: LiveScreen, width: int, height: int, *, host: str, clock: str) -> list[Line]:
    """The whole screen, `height` lines of `width` columns at most."""
    if width <= 0 or height <= 0:
        return []
    if screen.help:
        return [_cut(line, width) for line in _help(width)[:height]]
    head = [_title(screen, width, host, clock)] if height > 2 else []
    if height >= 10:
        head += _totals(screen, width)
    foot: list[Line] = []
    if height >= 18:
        foot += _row_panel(screen, width)
    if height >= 6:
        foot.append(_keys(screen, width))
    page = max(height - len(head) - len(foot) - 2, 0)
    shown = screen.visible(page)
    if foot:
        foot = [*(_row_panel(screen, width) if height >= 18 else []), foot[-1]]
    name_width, columns = fitting(columns_of(screen.kind), width)
    _remember_heads(screen, name_width, columns)
    screen.first_line = len(head) + 2
    body = [_about(screen, width), _heads(screen, name_width, columns, width)]
    rows = screen.rows
    if rows is not None:
        for row in shown:
            body.append(_row(screen, rows, row, name_width, columns, width))
    body += [[] for _ in range(page - len(shown))]
    return [_cut(line, width) for line in [*head, *body, *foot][:height]]


def _cut(line: Line, width: int) -> Line:
    found, left = [], width
    for text, look in line:
        if left <= 0:
            break
        found.append((text[:left], look))
        left -= len(text)
    return found


def _sides(left: str, right: str, width: int) -> str:
    """Two texts, at both ends; the left one is cut where they do not fit."""
    room = width - len(right)
    if room < min(len(left), 24) + 1:
        return left[:width].ljust(width)
    return left[: room - 1].ljust(room) + right


def seconds_text(seconds: float) -> str:
    """2 s, 0.5 s"""
    return f"{seconds:g} s"


def _title(screen: LiveScreen, width: int, host: str, clock: str) -> Line:
    pace = "paused" if screen.paused else f"every {seconds_text(screen.interval)}"
    counted = ""
    if screen.moment is not None:
        snapshot = screen.moment.snapshot
        services, below = len(snapshot.services), len(snapshot.destinations)
        counted = f"{services} service{'s' * (services != 1)}, {below} destination{'s' * (below != 1)}   "
    return [(_sides(f" ipvsfast top   {host}", f"{counted}{pace}   {clock} ", width), "title")]


def _totals(screen: LiveScreen, width: int) -> list[Line]:
    moment = screen.moment
    totals = None if moment is None else moment.totals
    beside = [("", "")] * 3
    if moment is not None:
        beside = [
            ("Active", short(sum(moment.of_destinations("active")))),
            ("Inactive", short(sum(moment.of_destinations("inactive")))),
            ("Persistent", short(sum(moment.of_destinations("persistent")))),
        ]
    texts = [
        ("New", "" if totals is None else f"{amount(totals[0], '/s'):>9}", "conns", 0),
        ("In", _traffic(totals, 3, 1), "in", 3),
        ("Out", _traffic(totals, 4, 2), "out", 4),
    ]
    found = []
    for (label, text, look, which), (name, value) in zip(texts, beside):
        room = width - _LABEL - _BESIDE
        drawn = graph(screen.history.totals(which), room)
        found.append([
            (f" {label:<4}", "strong"), (f"{text:<{_LABEL - 5}}", ""), (drawn, look),
            (f"  {name:<11}", "dim"), (f"{value:>6}", ""),
        ])  # fmt: skip
    return found


def _traffic(totals: tuple[float, ...] | None, octets: int, packets: int) -> str:
    if totals is None:
        return ""
    return f"{amount(totals[octets], 'B/s'):>9} {amount(totals[packets], 'pkt/s'):>12}"


def _about(screen: LiveScreen, width: int) -> Line:
    """What the table shows; or what is wrong."""
    if screen.notice:
        return [(f" {screen.notice}", "warning")]
    rows, moment = screen.rows, screen.moment
    if rows is None or moment is None:
        return [(" reading the table", "dim")]
    many = len(screen.numbers)
    title = "Services" if screen.kind == SERVICES else "Destinations of all services"
    if screen.service is not None:
        gone = moment.snapshot.services.keys().count(screen.service[0]) == 0
        title = f"Destinations of {screen.service[0]}{' (it is gone)' if gone else ''}"
    left = f" {title}: {many}"
    found: Line = [(left, "strong")]
    if screen.typing or screen.text:
        found.append(("  filter: ", "dim"))
        found.append((f"{screen.text}{'_' if screen.typing else ''}", "key"))
    used = sum([len(text) for text, _ in found])
    delta = moment.delta
    right = "kernel's own rates " if delta is None else f"rates over {delta.seconds:.1f} s "
    if moment.snapshot.live:
        if delta is not None:
            right = f"rates over {seconds_text(round(delta.seconds, 2))}, live "
        found.append((" " * max(1, width - used - len(right)) + right, "dim"))
    elif moment.snapshot.estimating is False:
        right = "the kernel's counters stand still: run_estimation is off "
        found.append((" " * max(1, width - used - len(right)) + right, "warning"))
    elif screen.interval < 2 and width >= 120:
        right = f"{right[:-1]}, in steps: the kernel counts every 2 s "
        found.append((" " * max(1, width - used - len(right)) + right, "dim"))
    else:
        found.append((" " * max(1, width - used - len(right)) + right, "dim"))
    return found


def _name_title(screen: LiveScreen) -> str:
    return "Service" if screen.kind == SERVICES else "Destination"


def _remember_heads(screen: LiveScreen, name_width: int, columns: list[Column]) -> None:
    found = [(0, name_width, "service" if screen.kind == SERVICES else "destination")]
    at = name_width
    for column in columns:
        found.append((at, at + column.width, column.name))
        at += column.width
    screen.heads = found


def _heads(screen: LiveScreen, name_width: int, columns: list[Column], width: int) -> Line:
    mark = "▲" if screen.upwards else "▼"
    sorts = screen.sort in ("service", "destination")
    title = f" {_name_title(screen)}{mark if sorts else ''}"
    found: Line = [(title[:name_width].ljust(name_width), "sorted" if sorts else "head")]
    used = name_width
    for column in columns:
        chosen = column.name == screen.sort
        if column.text:
            text = f" {column.title}{mark if chosen else ''}"[: column.width].ljust(column.width)
        else:
            text = f"{mark if chosen else ''}{column.title}"[: column.width].rjust(column.width)
        found.append((text, "sorted" if chosen else "head"))
        used += column.width
    found.append((" " * max(0, width - used), "head"))
    return found


def _row(
    screen: LiveScreen, rows: Rows, row: int, name_width: int, columns: list[Column], width: int
) -> Line:
    chosen = row == screen.row
    mark = rows.mark(row)
    label = rows.label(row)
    if rows.kind != SERVICES and screen.service is None and name_width >= 45:
        label = f"{label:<22} {rows.key(row)[0]}"
    if len(label) > name_width - 1:
        label = f"{label[: max(name_width - 2, 0)]}…"
    look = "new" if mark in "+0" else "warning" if mark == "!" else ""
    found: Line = [(mark[:name_width], look), (label.ljust(name_width - 1)[: max(name_width - 1, 0)], look)]
    for column in columns:
        if column.name == GRAPH:
            values = screen.history.row(rows.key(row), 0)
            found.append((f" {graph(values, column.width - 1)}", "conns"))
            continue
        text = cell(rows, column, row)
        if column.text:
            found.append((f" {text}"[: column.width].ljust(column.width), ""))
        else:
            look = "warning" if mark == "!" and column.name == SHARE else "dim" if text == "0" else ""
            found.append((text.rjust(column.width)[-column.width :], look))
    if chosen:  # a graph that is drawn reversed would show the opposite
        found = [(text, look if look == "conns" else "chosen") for text, look in found]
        found.append((" " * (width - sum([len(text) for text, _ in found])), "chosen"))
    return found


def _row_panel(screen: LiveScreen, width: int) -> list[Line]:
    """More about the chosen row."""
    row, rows = screen.row, screen.rows
    if row is None or rows is None:
        return [[("─" * width, "dim")], []]
    key = rows.key(row)
    name = str(key[0]) if len(key) == 1 else f"{key[1]} of {key[0]}"
    counted = [
        f"{short(rows.get('connections')[row])} conns",
        f"{amount(rows.get('in_bytes')[row], 'B')} in", f"{amount(rows.get('out_bytes')[row], 'B')} out",
    ]  # fmt: skip
    if rows.kind == SERVICES:
        many = rows.get("destination_count")[row]
        counted.insert(0, rows.scheduler(row))
        counted.insert(1, f"{many} dest{'s' * (many != 1)}")
    line = f"── {name} ── {', '.join(counted)} "
    each = max((width - 2) // 3, 1)
    graphs: Line = [(" ", "")]
    columns = columns_of(rows.kind)
    for label, which, at, unit, look in (
        ("new", 0, 0, "/s", "conns"),
        ("in", 1, 3, "B/s", "in"),
        ("out", 2, 4, "B/s", "out"),
    ):
        value = amount(rows.number(columns[at], row), unit)
        text = f"{label} {value:>9} "
        graphs += [
            (text, ""), (graph(screen.history.row(key, which), each - len(text) - 1), look), (" ", ""),
        ]  # fmt: skip
    return [[(line[:width].ljust(width, "─"), "dim")], graphs]


def _keys(screen: LiveScreen, width: int) -> Line:
    if screen.typing:
        return [(" Enter", "key"), (" keep the filter  ", ""), ("Esc", "key"), (" no filter  ", ""),
                ("!word", "key"), (" what is not in it", "")]  # fmt: skip
    found: Line = [(" ", "")]
    left = width - 1
    for key, meaning in _KEYS:
        if key == "Enter" and screen.service is not None:
            key, meaning = "Esc", "back"
        elif key == "Tab" and screen.kind != SERVICES:
            meaning = "up"
        elif key == "p" and screen.paused:
            meaning = "go on"
        left -= len(key) + len(meaning) + 1
        if left < 0:  # the rest stands in the help
            break
        found += [(key, "key"), (f" {meaning}  ", "")]
        left -= 2
    return found


def _help(width: int) -> list[Line]:
    found: list[Line] = [[(" ipvsfast top: keys, and what the signs mean".ljust(width), "title")], []]
    found += [[(f"  {key:<25}", "key"), (text, "")] for key, text in HELP]
    return [*found, [], [("  any key: back", "dim")]]
