"""What the Python API offers is exported and documented, and what is documented is offered."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import ipvsfast
from support.tools import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXPORTED = {name: getattr(ipvsfast, name) for name in ipvsfast.__all__ if name != "__version__"}
CLASSES = {name: value for name, value in EXPORTED.items() if isinstance(value, type)}
# Public methods may name these: they are the way down for modules of the package itself.
INSIDE = {
    "Session",
    "ConnGroups",
    "ConnSample",
    "ConnReader",
    "RuleBuffer",
    "Key",
    "LentRows",
    "MemoryPool",
    "Changes",
    "Shape",
    "WatchOptions",
}


def classes_of_the_package() -> dict[str, type]:
    """Every class that is defined outside the command, by its name."""
    found = {}
    for module in pkgutil.walk_packages(ipvsfast.__path__, "ipvsfast."):
        if module.name.startswith("ipvsfast.cli") or module.name in ("ipvsfast.__main__", "ipvsfast._native"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, type) and value.__module__ == module.name:
                found[name] = value
    return found


def code_of(path: Path) -> list[str]:
    """What a document has in backquotes, outside of its examples."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))


def public_members(kind: type) -> dict[str, object]:
    """Methods and properties that a class has of itself or of a base in the package, without underscore."""
    return {
        name: value
        for base in reversed(kind.__mro__)
        if base.__module__.startswith("ipvsfast.")
        for name, value in vars(base).items()
        if not name.startswith("_")
        and (callable(value) or isinstance(value, (property, classmethod, staticmethod)))
    }


def test_every_exported_name_is_documented() -> None:
    """Each stands in docs/api.md, in code."""
    code = " ".join(code_of(ROOT / "docs/api.md"))
    assert [name for name in EXPORTED if not re.search(rf"\b{name}\b", code)] == []


def test_every_documented_class_is_exported() -> None:
    """A class that a document names in code is one that can be imported from the package."""
    named = {word for path in DOCUMENTS for code in code_of(path) for word in re.findall(r"\w+", code)}
    assert sorted(named & set(classes_of_the_package()) - set(EXPORTED)) == []


@pytest.mark.parametrize(
    "name", [name for name, value in EXPORTED.items() if isinstance(value, type) or inspect.isfunction(value)]
)
def test_every_class_and_function_has_a_docstring(name: str) -> None:
    """And so has every public method and property of a class."""
    assert inspect.getdoc(EXPORTED[name])
    if isinstance(EXPORTED[name], type):
        bare = [
            member for member, value in public_members(EXPORTED[name]).items() if not inspect.getdoc(value)
        ]
        assert bare == []


def annotated(function: object) -> set[str]:
    """The names in the annotations of a method or property."""
    function = inspect.unwrap(getattr(function, "fget", None) or getattr(function, "__func__", function))
    return {
        word
        for text in getattr(function, "__annotations__", {}).values()
        for word in re.findall(r"\w+", str(text))
    }


@pytest.mark.parametrize("name", CLASSES)
def test_what_public_methods_take_and_give_is_exported(name: str) -> None:
    """A user can write down the type of everything that he gets."""
    inner = set(classes_of_the_package()) - set(EXPORTED) - INSIDE
    members = {**public_members(CLASSES[name]), "__init__": CLASSES[name].__init__}
    assert {
        member: annotated(value) & inner for member, value in members.items() if annotated(value) & inner
    } == {}


def test_the_three_lists_of_exported_names_agree() -> None:
    """What type checkers see, what is loaded when asked for, and __all__."""
    tree = ast.parse(Path(ipvsfast.__file__).read_text())
    seen = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
    }
    assert seen == set(ipvsfast._HOME) == set(EXPORTED)
