"""Reading the case files: see cases/README.md for the format."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
TABLES = HERE / "tables"

_REPEAT = re.compile(r"\{(.)\*(\d+)\}")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[trn\\])")
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\"}


class CaseError(Exception):
    """A case file that cannot be read; says where."""


@dataclass
class Expected:
    """What one program is to do, word for word. rules: the table afterwards, None if it is not stated."""

    status: int
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)
    rules: list[str] | None = None


@dataclass
class Case:
    """One command line to play on both sides."""

    id: str
    where: str
    setup: str
    argv: tuple[str, ...]
    stdin: bytes = b""
    options: dict[str, str] = field(default_factory=dict)
    quirk: str = ""
    theirs: list[Expected] = field(default_factory=list)  # releases of it may differ, in the status too
    ours: Expected | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(self.options.get("device", "").split())


def expand(text: str) -> str:
    """`{x*5}` is five times x; `\\t \\r \\n \\\\ \\xNN` are those bytes."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if code[0] == "x" else _ESCAPES[code]

    return _ESCAPE.sub(one, _REPEAT.sub(lambda m: m[1] * int(m[2]), text))


def table(name: str) -> str:
    """The rules of tables/NAME.rules."""
    return (TABLES / f"{name}.rules").read_text()


class _Reader:
    """One file, line by line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cases: list[Case] = []
        self.setup = ""
        self.options: dict[str, str] = {}
        self.fresh = True
        self.side: Expected | None = None

    def read(self) -> list[Case]:
        for number, line in enumerate(self.path.read_text().splitlines(), 1):
            try:
                self.line(line, number)
            except (ValueError, IndexError, AssertionError, OSError) as error:
                raise CaseError(f"{self.path.name}:{number}: {line!r}: {error}") from error
        return self.cases

    def line(self, line: str, number: int) -> None:
        if not line.strip():
            self.fresh = True
        elif line.lstrip().startswith("#"):
            pass
        elif line[0] == " ":
            self.detail(line.strip().replace("·", " "))
        else:
            if self.fresh:
                self.setup, self.options, self.fresh = "", {}, False
            self.item(line, number)

    def item(self, line: str, number: int) -> None:
        kind, _, text = line.partition(" ")
        if kind == "+":
            self.setup += table(text[1:]) if text.startswith("@") else f"{text}\n"
        elif kind == "@":
            name, _, value = text.partition(" ")
            self.options[name] = value
        elif kind == "$":
            argv = tuple(expand(word) for word in shlex.split(text))
            name = f"{self.path.stem}:{number} {text[:60]}".strip()
            where = f"{self.path.name}:{number}"
            self.cases.append(Case(name, where, self.setup, argv, options=dict(self.options)))
            self.side = None
        else:
            raise ValueError(f"a line starts with '+', '@' or '$', not with {kind!r}")

    def detail(self, line: str) -> None:
        case = self.cases[-1]
        kind, _, text = line.partition(" ")
        if kind == "<":
            case.stdin += f"{expand(text)}\n".encode("latin-1")
        elif kind == "<-":
            case.stdin += expand(text).encode("latin-1")
        elif kind == "@":
            name, _, value = text.partition(" ")
            case.options[name] = value
        elif kind == "quirk":
            assert text, "a quirk needs its number"
            case.quirk = text
        elif kind in ("theirs", "ours"):
            status, _, message = expand(text).partition(" => ")
            self.side = Expected(int(status), stderr=[message] if message else [])
            if kind == "theirs":
                case.theirs.append(self.side)
            else:
                case.ours = self.side
        else:
            self.expectation(kind, text)

    def expectation(self, kind: str, text: str) -> None:
        assert self.side, "this line follows 'theirs' or 'ours'"
        if kind == "s>":
            self.side.rules = [*(self.side.rules or []), *([text] if text else [])]
        else:
            {"1>": self.side.stdout, "2>": self.side.stderr}[kind].append(text)


def read_file(path: Path) -> list[Case]:
    cases = _Reader(path).read()
    for case in cases:
        stated = [bool(case.theirs), case.ours is not None]
        if any(stated) != bool(case.quirk) or any(stated) != all(stated):
            raise CaseError(f"{case.where}: a quirk states what theirs and what ours does")
    return cases


def read_all() -> list[Case]:
    return [case for path in sorted(CASES.glob("*.txt")) for case in read_file(path)]
