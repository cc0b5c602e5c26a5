"""Manual pages and --help say what the tables of the command line say: all of it, and nothing else."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import ipvsfast
from ipvsfast.cli.commands import HELP, SCRIPTS, VERBS
from ipvsfast.cli.help import help_text, script_text, verb_text
from ipvsfast.connections.source import BREAK_EVEN
from ipvsfast.language.options import OPTIONS, VALUES
from support.command import program, run
from support.require import cannot_run
from support.tools import ROOT, tool

MAN = ROOT / "man"
PAGES = ("ipvsfast.8", "ipvsfast-save.8", "ipvsfast-restore.8")
SPELLINGS = [spelling for option in OPTIONS for spelling in option.spellings]
VERB_SPELLINGS = [
    (verb.name, spelling) for verb in VERBS for option in verb.options for spelling in option.spellings
]


def plain(roff: str) -> str:
    """A line of a page without its markup."""
    text = re.sub(r"\\f[BIPR]|\\%|^\.[BI]R? ", "", roff)
    return text.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\")


def sections(page: str) -> dict[str, list[str]]:
    """The lines of every section of a page."""
    found: dict[str, list[str]] = {}
    for line in (MAN / page).read_text().splitlines():
        if line.startswith(".SH "):
            found[line[4:]] = lines = []
        elif found:
            lines.append(line)
    return found


def tags(lines: list[str]) -> Iterator[str]:
    """What is explained: the line after each .TP."""
    for line, following in pairwise(lines):
        if re.fullmatch(r"\.TP( \d+)?", line):
            yield plain(following)


def option_words(tag: str) -> list[str]:
    """The spellings at the start of `-w, --weight number`, in a page or in a help text."""
    found = re.match(r"-{1,2}[\w-]+(?:, -{1,2}[\w-]+)*", tag)
    return found[0].split(", ") if found else []


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_up_to_date(name: str) -> None:
    """What is kept in the tree is what tools/manpages.py makes of the tables now."""
    assert (MAN / name).read_text() == tool("manpages").pages()[name], "run: make generated"


def test_the_pages_are_these() -> None:
    """No page is left over, or lacks its template."""
    assert sorted(PAGES) == sorted(tool("manpages").pages()) == sorted(path.name for path in MAN.glob("*.8"))


def test_every_option_is_in_the_page_and_nothing_else() -> None:
    """Each spelling is explained once, in the order of the table."""
    parts = sections("ipvsfast.8")
    found = [
        word for name in parts if name != "VERBS" for tag in tags(parts[name]) for word in option_words(tag)
    ]
    assert found == sorted(SPELLINGS, key=SPELLINGS.index)


def test_every_option_with_its_argument_and_help() -> None:
    """The words of the table stand there as they are."""
    text = plain((MAN / "ipvsfast.8").read_text()).replace("\n", " ")
    for option in OPTIONS:
        argument = (
            f" [{option.argument}]" if option.optional else f" {option.argument}" if option.argument else ""
        )
        start = f"{', '.join(option.spellings)}{argument} {option.help[0]}"
        assert start.lower() in text.lower()
        assert option.help[1:] + "." in text


def test_every_verb_is_in_the_page_and_nothing_else() -> None:
    """Verbs with their words and options, in the order of the table."""
    found, spellings, verb = [], [], ""
    for tag in tags(sections("ipvsfast.8")["VERBS"]):
        if tag[0] == "-":
            spellings += [(verb, word) for word in option_words(tag)]
        else:
            verb = tag.split()[0]
            found.append(tag)
    assert found == [verb.synopsis for verb in VERBS]
    assert spellings == VERB_SPELLINGS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_option_of_the_scripts_is_in_their_page(script) -> None:
    """And nothing else."""
    parts = sections(f"{script.name}.8")
    found = [word for lines in parts.values() for tag in tags(lines) for word in option_words(tag)]
    assert found == [spelling for option in script.options for spelling in option.spellings]


@pytest.mark.parametrize("name", PAGES)
def test_no_text_speaks_of_an_option_that_is_not_there(name: str) -> None:
    """Long options and single letters, also in sentences and examples."""
    text = (MAN / name).read_text()
    found = set(re.findall(r"(?:\\-){2}\w+(?:\\-\w+)*", text))
    found |= set(re.findall(r"(?<![\w\\-])\\-\w\b", text))
    assert {plain(word) for word in found} <= {*SPELLINGS, *[word for _, word in VERB_SPELLINGS]}
    assert found


def columns(text: str) -> Iterator[str]:
    """The left column of the lists in a help text."""
    usage = True
    for line in text.splitlines():
        if not line:
            usage = False
        elif not usage and line.startswith("  ") and line[2] != " ":
            yield line[2:]


def test_every_option_is_in_the_help_and_nothing_else() -> None:
    """Under both names; the verbs only under ours."""
    for name in ("ipvsadm", "/sbin/ipvsadm", "ipvsfast", "./x"):
        lines = list(columns(help_text(name)))
        assert [word for line in lines for word in option_words(line)] == SPELLINGS
        verbs = [re.split("  +", line)[0] for line in lines if line[0] != "-"]
        assert verbs == ([] if name.endswith("ipvsadm") else [verb.synopsis for verb in VERBS])


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_help_of_a_verb(verb) -> None:
    """Its usage and its options, with any option or word missing; nothing is done."""
    text = verb_text(verb, program())
    assert f"  ipvsfast {verb.synopsis}\n" in text
    expected = [spelling for option in (*verb.options, HELP) for spelling in option.spellings]
    assert [word for line in columns(text) for word in option_words(line)] == expected
    for argv in (["--help"], ["x", "y", "z", "-h"]):
        done = run(verb.name, *argv)
        assert (done.returncode, done.stdout, done.stderr) == (0, text, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_help_of_the_scripts(script) -> None:
    """The same for the programs beside the main one."""
    found = [word for line in columns(script_text(script, script.name)) for word in option_words(line)]
    assert found == [spelling for option in script.options for spelling in option.spellings]


def test_every_variable_is_in_the_page() -> None:
    """Variables of ours that the package or the native front reads, and no others."""
    package = Path(ipvsfast.__file__).parent
    read = {
        word
        for path in package.rglob("*.py")
        for word in re.findall(r"\bIPVSFAST_[A-Z_]+\b", path.read_text())
    }
    for path in (MAN.parent / "csrc/front").glob("*.c"):
        read |= set(re.findall(r'getenv\("(IPVSFAST_[A-Z_]+)"\)', path.read_text()))
    told = {tag for tag in tags(sections("ipvsfast.8")["ENVIRONMENT"]) if tag.startswith("IPVSFAST_")}
    assert read == told


def test_what_the_pages_add_is_about_something() -> None:
    """Details for options that exist, one line for every scheduler, values as in the help."""
    manpages = tool("manpages")
    assert set(manpages.DETAILS) <= {option.spellings[-1] for option in OPTIONS}
    assert list(manpages.SCHEDULERS) == list(VALUES["scheduler"])
    for option in OPTIONS:
        words = re.findall(r"[a-z0-9-]+", f"{option.argument} {option.help}")
        assert set(VALUES.get(option.name, ())) <= set(words)


@pytest.mark.parametrize("name", PAGES)
def test_values_keep_their_case(name: str) -> None:
    """A sentence that begins with a value begins as the value does."""
    starts = {line.split()[0].rstrip(",.") for line in (MAN / name).read_text().splitlines() if line.split()}
    values = {value for words in VALUES.values() for value in words} - {"rules"}  # that is any word, too
    assert not starts & ({value.capitalize() for value in values} - values)


@pytest.mark.parametrize("name", PAGES)
def test_pages_render_without_a_warning(name: str) -> None:
    """By groff with all warnings, and by man; no line is wider than the terminal."""
    if not shutil.which("groff") or not shutil.which("man"):
        cannot_run("groff and man are not installed")
    path = str(MAN / name)
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    environment = {"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["man", "-l", "--warnings", "-Tutf8", path],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_installed(name: str) -> None:
    """The wheel brings them where man looks, beside the programs."""
    assert (Path(sys.prefix) / "share/man/man8" / name).read_text() == (MAN / name).read_text()


def test_every_text_names_the_same_kernels_for_bpf() -> None:
    """5.17 brought the loop that its programs need, 7.1 another table; `auto` uses them from 5,000 entries on. The
    program of live counters knows both tables: "5.17 or later" is said of it."""
    paths = [
        ROOT / "README.md",
        *(ROOT / "docs").glob("*.md"),
        *MAN.glob("*.in"),
        *(ROOT / "ipvsfast").rglob("*.py"),
    ]
    spans = {
        path.name: re.findall(r"\b5\.17\b(?! or later)(?: to ([\d.]+\d))?", path.read_text())
        for path in paths
    }
    assert {last for found in spans.values() for last in found} == {"7.0"}
    assert {"commands.md", "connections.md", "api.md", "ipvsfast.8.in"} <= {
        name for name, found in spans.items() if found
    }
    sizes = {
        size for path in paths for size in re.findall(r"more\s+than ([\d,]+) connections", path.read_text())
    }
    assert sizes == {f"{BREAK_EVEN:,}"}
