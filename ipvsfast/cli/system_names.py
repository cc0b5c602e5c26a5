"""How the package manager is told that names in its folders are ours: dpkg's diversions, or alternatives.

A program of a package is moved aside by a diversion, which has to name it as dpkg has recorded it: since
/sbin is /usr/sbin there are two spellings, and dpkg ignores the other one, so that its next upgrade would
replace our link.
"""

from __future__ import annotations

import os

from .output import ExitWith

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Where package managers have their own programs, whatever the caller's PATH is.
TOOLS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
# Where packages put programs; in any other folder nobody disputes a name with us.
SYSTEM_FOLDERS = ("/sbin", "/bin", "/usr/sbin", "/usr/bin")
# What a program of another package is called beside our link. It tells our diversions from those of others.
ASIDE = ".before-ipvsfast"
PRIORITY = "50"
GROUP = "ipvsadm"


class Step:
    """Something to do, and how to take it back. text: it, in the words of the output."""

    __slots__ = ("text", "do", "undo")

    def __init__(self, text: str, do: Sequence[str], undo: Sequence[str]) -> None:
        self.text: str = text
        self.do: Sequence[str] = do
        self.undo: Sequence[str] = undo


def tool(*names: str) -> str:
    """The path of the first of these programs that is there, or ""."""
    for name in names:
        for folder in TOOLS:
            if os.access(f"{folder}/{name}", os.X_OK):
                return f"{folder}/{name}"
    return ""


def called(argv: Sequence[str]) -> tuple[int, str, str]:
    """The exit status of a program, and what it has written, in English."""
    from subprocess import DEVNULL, run

    done = run(
        argv, stdin=DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def carry_out(argv: Sequence[str]) -> None:
    """Runs a program that has to succeed; ExitWith (1) with what it says if it does not."""
    status, out, error = called(argv)
    if status:
        said = (error or out).strip() or f"it ended with status {status}"
        raise ExitWith(1, f"{' '.join(argv)} failed: {said}")


def has_dpkg() -> bool:
    """Whether packages are dpkg's here."""
    return bool(tool("dpkg-divert")) and bool(tool("dpkg-query"))


def spellings(path: str) -> list[str]:
    """`path`, and what else dpkg may have recorded the same file as."""
    folder, name = os.path.split(path)
    found = [path]
    for other in SYSTEM_FOLDERS:
        if (
            other != folder
            and folder in SYSTEM_FOLDERS
            and os.path.isdir(other)
            and os.path.samefile(other, folder)
        ):
            found.append(f"{other}/{name}")
    return found


def recorded(path: str) -> tuple[str, str]:
    """The package that a file belongs to, and the path that dpkg has recorded for it; "" if none has it."""
    if not has_dpkg():
        return "", ""
    for spelling in spellings(path):
        _, out, _ = called([tool("dpkg-query"), "-S", spelling])
        for line in out.splitlines():
            package, _, found = line.partition(": ")
            if found == spelling and not line.startswith("diversion by "):
                return package, spelling
    return "", ""


def diverted(path: str) -> list[str]:
    """The recorded paths of this file that are diverted to make room for us."""
    if not has_dpkg():
        return []
    return [
        spelling for spelling in spellings(path)
        if called([tool("dpkg-divert"), "--truename", spelling])[1].strip() == spelling + ASIDE
    ]  # fmt: skip


def divert(path: str) -> list[Step]:
    """What keeps dpkg from putting its own program at `path`: a diversion of what is recorded there, which is
    moved aside, or of both spellings where nothing is yet."""
    if not has_dpkg():
        return []
    _, known = recorded(path)
    there = diverted(path)
    wanted = [known] if known else spellings(path) if os.path.dirname(path) in SYSTEM_FOLDERS else []
    program = tool("dpkg-divert")
    rename = "--rename" if known else "--no-rename"
    return [
        Step(
            f"{spelling} is diverted to {spelling}{ASIDE}",
            [program, "--local", rename, "--divert", spelling + ASIDE, "--add", spelling],
            undivert(spelling, bool(known)),
        )
        for spelling in wanted if spelling not in there
    ]  # fmt: skip


def undivert(spelling: str, rename: bool = True) -> list[str]:
    """What ends a diversion; rename: what was moved aside comes back."""
    program = tool("dpkg-divert")
    how = "--rename" if rename else "--no-rename"
    return [program, "--local", how, "--divert", spelling + ASIDE, "--remove", spelling]


def alternatives() -> str:
    """The program that keeps links of one name on an RPM system, or ""."""
    return tool("alternatives", "update-alternatives") if tool("rpm") and not has_dpkg() else ""


def of_alternatives(path: str) -> str:
    """Where a link of the alternatives leads to, or ""."""
    if not os.path.islink(path):
        return ""
    middle = os.readlink(path)
    return os.readlink(middle) if middle.startswith("/etc/alternatives/") and os.path.islink(middle) else ""


def alternative(links: Sequence[tuple[str, str]]) -> Step:
    """One alternative for all of these (path, target): the first leads, and the others follow it."""
    program = alternatives()
    (path, target), *rest = links
    words = [program, "--install", path, GROUP, target, PRIORITY]
    for other, its in rest:
        words += ["--slave", other, os.path.basename(other), its]
    return Step(f"{target} is an alternative for {GROUP}", words, [program, "--remove", GROUP, target])
