"""Who may import whom: the arrows of the house, held against the code."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "ipvsfast"

# Every module with what it may import of the package. Arrows point downwards only.
VALUES = {"addresses", "errors", "frozen", "keys", "model"}
LANGUAGE = VALUES | {"options", "arguments", "grammar", "rulefile"}
ALLOWED = {
    "errors": set(),
    "addresses": {"errors"},
    "frozen": {"errors"},
    "keys": {"addresses", "errors", "frozen"},
    "model": {"addresses", "errors", "frozen", "keys"},
    "options": set(),
    "names": VALUES,
    "arguments": VALUES | {"options"},
    "grammar": VALUES | {"options", "arguments"},
    "rulefile": LANGUAGE,
    "helptext": {"options", "arguments", "verbs"},
    "verbs": {"options", "arguments"},
    "batch": VALUES | {"grammar"},
    "wire": VALUES | {"batch"},
    "netns": {"errors"},
    "outfile": set(),
    "session": {"_native", "wire", "errors", "netns"},
    # The connection table: its text instead of netlink, so with a door of its own.
    "connection": VALUES,
    "connforms": {"errors"},
    "connwire": VALUES | {"connection"},
    "connfilter": VALUES | {"connection"},
    "conngroups": VALUES | {"connection", "connfilter"},
    "connreader": {"_native", "errors"},
    "connsource": {"errors"},
    "conntable": VALUES | {"connection", "connwire", "connfilter", "connforms", "conngroups", "connreader",
                         "connsource", "netns"},
    # Rule text into the kernel: the language above, the session below.
    "loader": LANGUAGE | {"session", "wire", "batch"},
    "adder": VALUES | {"arguments", "loader", "session", "wire"},
    "replacer": VALUES | {"arguments", "grammar", "adder", "loader", "session", "wire"},
    "restore": LANGUAGE | {"adder", "loader", "names", "replacer", "session"},
    "client": VALUES | {"session", "wire", "batch", "restore", "adder", "loader"},
    "__init__": VALUES | {"batch", "client", "connection", "connfilter", "conngroups", "conntable"},
    "__main__": {"cli"},
}
LISTING = VALUES | {"grammar", "listing", "connection", "connforms", "conngroups"}


def imports(path: Path) -> set[str]:
    """First parts of what a module imports from the package, late imports and type hints included."""
    depth = len(path.relative_to(PACKAGE).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            name = node.module or ""
            if node.level == 0 and name.split(".")[0] != "ipvsfast":
                continue
            if node.level and node.level < depth:  # a neighbour in the same folder
                found.add(path.parent.name)
                continue
            parts = name.split(".") if node.level else name.split(".")[1:]
            found |= {parts[0]} if parts and parts[0] else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("ipvsfast.")}
    return found - {"__version__"}


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(PACKAGE)) for p in MODULES])
def test_arrows_point_downwards(path: Path) -> None:
    """A module imports only what its floor allows; nothing imports cli."""
    inside = path.relative_to(PACKAGE).parts
    used = imports(path)
    if inside[0] == "cli":
        assert "_native" not in used
        return
    allowed = LISTING if inside[0] == "listing" else ALLOWED[path.stem]
    assert used <= allowed, f"{'/'.join(inside)} may not import {sorted(used - allowed)}"


def test_two_importers_of_the_compiled_module() -> None:
    """Only the two doors see cdata: one to netlink, one to the connection table."""
    assert [p.name for p in MODULES if "_native" in imports(p)] == ["connreader.py", "session.py"]


@pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(PACKAGE)) for p in MODULES])
def test_nothing_heavy_at_import(path: Path) -> None:
    """What costs start-up time is imported inside the function that needs it."""
    heavy = {"argparse", "asyncio", "collections", "curses", "dataclasses", "enum", "functools", "http", "inspect",
             "json", "logging", "re", "socket", "subprocess", "tempfile", "threading", "typing"}  # fmt: skip
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.Import):
            assert not {a.name.split(".")[0] for a in node.names} & heavy
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert (node.module or "").split(".")[0] not in heavy
