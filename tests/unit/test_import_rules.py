"""Who may import whom: the arrows of the house, held against the code."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "ipvsfast"

# Every room, or module beside the rooms, with what it may import of the package. Arrows point downwards
# only, and nothing points to cli.
ARROWS = {
    "errors": set(),
    "resolver": {"errors", "model"},
    "outfile": set(),
    "filewatch": set(),
    "sdnotify": set(),
    "privileges": set(),
    "policy": {"errors"},
    "model": {"errors"},
    "language": {"errors", "model", "resolver"},
    "kernel": {"errors", "model", "_native"},
    "connections": {"errors", "model", "kernel", "policy"},
    "foreign": {"errors", "model"},
    "changes": {"errors", "model", "language", "kernel", "resolver"},
    "drains": {"errors", "model", "kernel", "changes"},
    "plans": {"errors", "model", "language", "kernel", "resolver", "foreign", "listing", "changes", "drains"},
    "history": {"errors", "model", "kernel", "changes", "plans"},
    "watch": {"errors", "model", "kernel", "resolver", "filewatch", "changes", "drains", "plans", "history"},
    "stats": {"errors", "model", "kernel", "policy"},
    "listing": {"errors", "model", "language", "connections", "stats"},
    "screen": {"errors", "model", "stats", "listing"},
    "live": {"errors", "stats", "screen"},
    "client": {"errors", "model", "kernel", "changes", "drains", "plans", "history", "watch", "listing", "outfile", "stats"},
    "rules": {"errors", "resolver", "model", "language", "changes", "listing"},
    "files": {"errors", "model", "changes", "plans", "listing"},
    "__init__": {"errors", "model", "client", "connections", "changes", "drains", "plans", "history", "watch", "files", "foreign", "kernel", "rules", "stats"},
    "__main__": {"cli"},
    "exporter": {"errors", "model", "kernel", "connections", "stats", "listing", "client", "outfile", "filewatch", "foreign", "privileges", "__init__"},
    "cli": {"errors", "resolver", "outfile", "model", "language", "kernel", "connections", "changes", "drains", "plans", "history", "watch", "stats", "listing", "client", "exporter", "filewatch", "sdnotify", "privileges", "screen", "live"},
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(path.relative_to(PACKAGE)) for path in MODULES]


def room_of(path: Path) -> str:
    """The folder below the package, or the module itself."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> set[str]:
    """The rooms from which a module imports, late imports and type hints included."""
    depth = len(path.relative_to(PACKAGE).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            name = node.module or ""
            if node.level == 0 and name.split(".")[0] != "ipvsfast":
                continue
            if node.level and node.level < depth:  # a neighbour in the same room
                continue
            parts = name.split(".") if node.level else name.split(".")[1:]
            found |= {parts[0]} if parts and parts[0] else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("ipvsfast.")}
    return found - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_arrows_point_downwards(path: Path) -> None:
    """A module imports only from rooms below its own."""
    room = room_of(path)
    wrong = imports(path) - ARROWS[room]
    assert not wrong, f"{path.relative_to(PACKAGE)} may not import {sorted(wrong)}"


def test_the_arrows_are_those_of_the_rooms() -> None:
    """No room is missing from the list above, none in it is gone."""
    assert set(ARROWS) == {room_of(path) for path in MODULES}


@pytest.mark.parametrize("room", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))
def test_a_room_says_what_it_is(room: str) -> None:
    """The first line of a room's package says what it is for and what it may not know."""
    text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
    assert text.endswith(".") and "\n" not in text


def test_the_doors_to_the_compiled_module() -> None:
    """Only the room of the kernel sees cdata."""
    assert {room_of(path) for path in MODULES if "_native" in imports(path)} == {"kernel"}


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_nothing_heavy_at_import(path: Path) -> None:
    """What costs start-up time is imported inside the function that needs it."""
    heavy = {"argparse", "asyncio", "collections", "curses", "dataclasses", "enum", "functools", "http", "inspect",
             "json", "logging", "re", "socket", "subprocess", "tempfile", "threading", "typing"}  # fmt: skip
    if path.name == "types.py":  # typing is what it is about
        return
    if room_of(path) == "live":  # loaded by its verb only; textual needs them all
        return
    if room_of(path) == "exporter":  # loaded by its verb only, which needs threads, sockets and HTTP at once
        return
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.Import):
            assert not {a.name.split(".")[0] for a in node.names} & heavy
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").split(".")[0] not in heavy


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_words_for_checkers_are_not_imported(path: Path) -> None:
    """model/types.py imports typing: only what nobody runs, under TYPE_CHECKING, imports it."""
    tree = ast.parse(path.read_text())
    run = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]
    names = [node.module or "" for top in run for node in ast.walk(top) if isinstance(node, ast.ImportFrom)]
    assert not [name for name in names if name.split(".")[-1] == "types"]
