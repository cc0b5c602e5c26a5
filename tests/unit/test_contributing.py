"""What CONTRIBUTING.md names is there."""

import re

import pytest

from support.tools import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text().replace("NAME", "*")
# Paths below a folder of the tree. NAME and * stand for any file; the one that is left out may hold nothing.
PATHS = sorted(
    set(re.findall(r"(?:\.ci|bench|csrc|docs|ipvsfast|man|tests|tools)/[\w./*-]*[\w/*]", TEXT))
    - {"tests/fuzz/crash-*"}
)
FILES = sorted(set(re.findall(r"`([\w*]+\.(?:py|md|c|h|sh))`", TEXT)))
TARGETS = sorted(set(re.findall(r"`make ([\w-]+)", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_paths_exist(path: str) -> None:
    """Every file and folder."""
    assert list(ROOT.glob(path.removesuffix("/"))), f"CONTRIBUTING.md names {path}"


@pytest.mark.parametrize("name", FILES)
def test_files_exist(name: str) -> None:
    """Every file that is named without its folder: in the root, beside the rooms, or in each room."""
    assert [*ROOT.glob(name), *ROOT.glob(f"ipvsfast/{name}"), *ROOT.glob(f"tests/fuzz/{name}")]


@pytest.mark.parametrize("target", TARGETS)
def test_targets_exist(target: str) -> None:
    """Every target of make."""
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


def test_every_room_is_named() -> None:
    """Each folder of sources has its row in the table of rooms."""
    sources = [*ROOT.glob("csrc/*/**/*.[ch]"), *ROOT.glob("ipvsfast/*/**/*.py")]
    rooms = {str(path.parent.relative_to(ROOT)) for path in sources} - {"csrc/uapi/linux"}
    assert sorted(room for room in rooms if f"`{room}/`" not in TEXT) == []


@pytest.mark.parametrize(
    "word", ["OPTIONS", "MATRIX", "SET_NUMBERS", "_CONVERT", "VERBS", "FORMATS", "DETAILS"]
)
def test_tables_exist(word: str) -> None:
    """Every table that a recipe names."""
    assert f"`{word}`" in TEXT
    sources = [*ROOT.glob("ipvsfast/*/*.py"), *ROOT.glob("tools/*.py")]
    assert any(re.search(rf"^{word}\b.* = ", path.read_text(), re.M) for path in sources)


# Not touched for another number: a filter for this very one, what keeps it as it is, the kernel's older interface, which gets no new fields, and the words of other programs' configurations.
OF_THIS_ONE = r"zero-weight|weight 0|op\.dest\.weight = there->conf\.weight"
OF_OTHERS = ("csrc/sockopt/", "ipvsfast/foreign/")
# What this very number is there for, to take destinations out and in.
ABOUT_THIS_ONE = {
    f"ipvsfast/{name}.py"
    for name in (
        "drains/chosen", "drains/drain", "drains/undrain", "drains/ramp", "drains/remembered",
        "drains/methods",
        "cli/drain", "cli/weight", "cli/commands", "cli/target_options", "errors",
    )
}  # fmt: skip


def test_few_files_name_a_number_of_a_destination() -> None:
    """Those of the recipe, and no others."""
    found = []
    for path in [*ROOT.glob("ipvsfast/**/*.py"), *ROOT.glob("csrc/**/*.[ch]"), *ROOT.glob("csrc/**/*.py")]:
        name = str(path.relative_to(ROOT))
        if name in ABOUT_THIS_ONE or name.startswith(("csrc/uapi/", *OF_OTHERS)):
            continue
        if re.search(r"\bweight\b", re.sub(OF_THIS_ONE, "", path.read_text())):
            found.append(name)
    recipe = TEXT[TEXT.index("### Add an option") : TEXT.index("Beside the code:")]
    assert sorted(found) == sorted(set(re.findall(r"`((?:csrc|ipvsfast)/[\w/.]+)`", recipe)))
    assert len(found) <= 7
