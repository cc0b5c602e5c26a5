"""A strict restore: everything is checked first, then added; one account of what was done."""

from __future__ import annotations

import os

from ..errors import InvalidValue, IpvsUnavailable
from ..language.parse import parse as parse_words
from ..resolver import Resolver
from .add import InOrder
from .check import FileCheck
from .problem import Problem
from .replace import WholeTable
from .rule_reader import text_chunks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from ..kernel.session import Session
    from ..model.types import RuleSource
    from .add import OnProgress
    from .replace import Replaced
    from .rule_reader import Parse


class RulesInvalid(InvalidValue):
    """Rule text that holds mistakes; nothing of it was sent. problems: all of them, in order."""

    def __init__(self, problems: list[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = problems


class Restored:
    """The account of a restore: what became of each rule of the text.

    total: rules in the text. added: put in force by this restore. changed: were there with other values
    and were edited (exist). already_there: in force before, just as the rule says. problems: what the
    kernel refused, in order. ended: the exception that ended it early, or None. Where replies of the kernel
    were lost, the table was looked at. found: rules that it shows in force, whoever put them there; unknown:
    the others, of which nobody can say more. They are among the problems, with ENOBUFS. replaced: what became
    of the table that was to be replaced (clear), else None.
    """

    __slots__ = (
        "total", "added", "changed", "already_there", "found", "unknown", "problems", "ended", "replaced"
    )  # fmt: skip

    def __init__(
        self,
        total: int,
        *,
        added: int,
        changed: int,
        already_there: int,
        problems: list[Problem],
        ended: BaseException | None = None,
        found: int = 0,
        unknown: int = 0,
        replaced: Replaced | None = None,
    ) -> None:
        self.total: Final[int] = total
        self.added: Final[int] = added
        self.changed: Final[int] = changed
        self.already_there: Final[int] = already_there
        self.found: Final[int] = found
        self.unknown: Final[int] = unknown
        self.problems: Final[list[Problem]] = problems
        self.ended: Final[BaseException | None] = ended
        self.replaced: Final[Replaced | None] = replaced

    @property
    def in_force(self) -> int:
        """Rules of the text that are known to be in force."""
        return self.added + self.changed + self.already_there + self.found

    done = in_force

    @property
    def refused(self) -> int:
        """Rules that the kernel refused."""
        return len(self.problems) - self.unknown

    @property
    def not_tried(self) -> int:
        """Rules that were not sent, or taken back, because it had stopped before them."""
        return self.total - self.in_force - self.refused - self.unknown

    @property
    def ok(self) -> bool:
        """Whether all rules are in force, and, if they replace the table, nothing else is in it."""
        return self.in_force == self.total and (self.replaced is None or self.replaced.ok)

    def __str__(self) -> str:
        """`2 of 4 rules are in force: 1 added, 1 already there, 1 refused, 1 not tried`"""
        return self.summary()

    def summary(self, seconds: float | None = None) -> str:
        """The account in one line. seconds: what it took, to be told too."""
        rules = "rule is" if self.total == 1 else "rules are"
        text = f"{self.in_force:,} of {self.total:,} {rules} in force"
        if seconds is not None:
            text += f" after {seconds:.2f} s"
        old = str(self.replaced or "")
        old = f"; {old}" if old else ""
        if not (self.changed or self.already_there or self.found or self.problems):
            return text + old  # all that was done is to add them
        parts = [f"{self.added:,} added"]
        parts += [f"{self.changed:,} changed"] if self.changed else []
        parts += [f"{self.already_there:,} already there"]
        parts += [f"{self.found:,} found in force after lost replies"] if self.found else []
        parts += [f"{self.refused:,} refused"]
        parts += [f"{self.unknown:,} unknown"] if self.unknown else []
        parts += [f"{self.not_tried:,} not tried"] if self.not_tried else []
        return f"{text}: {', '.join(parts)}{old}"

    def __repr__(self) -> str:
        return f"<Restored {self}>"


def _line(line: str | bytes) -> bytes:
    """One line of rule text, with its end."""
    if isinstance(line, str):
        line = line.encode("utf-8", "surrogateescape")
    elif not isinstance(line, bytes):
        raise TypeError(f"a line of rule text must be str or bytes, not {line!r}")
    return line if line.endswith(b"\n") else line + b"\n"


class RuleText:
    """Rule text that is read only once, and so is the same in both passes: a file, bytes, or lines. name: how
    problems call it."""

    def __init__(self, source: RuleSource, name: str = "rules") -> None:
        self.name: str = name
        self._text: bytes
        if isinstance(source, (bytes, bytearray, memoryview)):
            self._text = bytes(source)
        elif isinstance(source, (str, os.PathLike)):
            self.name = os.fsdecode(source)
            if "\n" in self.name:
                raise InvalidValue("rule text as str: a str is a path; give the text as bytes, or its lines")
            with open(self.name, "rb", buffering=0) as stream:
                self._text = stream.readall()
        else:
            named = getattr(source, "name", None)  # of a file
            self.name = named if isinstance(named, str) else name
            self._text = b"".join([_line(line) for line in source])

    @property
    def text(self) -> bytes:
        """All of it."""
        return self._text

    @property
    def looks_like_json(self) -> bool:
        """No rule begins like this."""
        return self._text[:4096].lstrip()[:1] in (b"{", b"[")

    @property
    def is_saved_plan(self) -> bool:
        """Whether it is what `ipvsfast plan -o` writes."""
        return self._text.startswith(b'{"ipvsfast_plan":')

    def chunks(self) -> Iterator[bytes]:
        """The text from its beginning."""
        return text_chunks(self._text)


def check_rules(text: RuleText, parse: Parse | None = None, names: Resolver | None = None) -> FileCheck:
    """The first pass over the text: counts its rules and finds every mistake. No kernel is asked.

    parse: the grammar, which has its names from `names`, unless given with the system's names; the
    second pass has to use that of the result, so that no name changes its address in between.
    """
    resolver = Resolver() if names is None else names
    read = parse or (lambda words: parse_words(words, resolver))

    def check() -> FileCheck:
        checker = FileCheck(read, text.name)
        checker.read(text.chunks())
        return checker

    checker = resolver.together(check)
    checker.problems.sort(key=lambda problem: problem.line)
    return checker


class Adding:
    """The second pass over the text. stop: end at the first refusal, with nothing after it in force. exist:
    what is there already is made to be what the rule says. clear: replace the table; then it never stops.

    Whatever ends it, and wherever it comes, `account` tells what was done.
    """

    def __init__(
        self,
        session: Session,
        text: RuleText,
        total: int,
        parse: Parse,
        *,
        stop: bool = True,
        exist: bool = False,
        clear: bool = False,
        progress: OnProgress | None = None,
    ) -> None:
        self._text = text
        self._total = total
        self._whole: WholeTable | None = None
        self._worker: InOrder | WholeTable
        if clear:
            self._worker = self._whole = WholeTable(parse, text.name, session, progress)
        else:
            self._worker = InOrder(parse, text.name, session, stop=stop, exist=exist, progress=progress)

    def carry_out(self) -> Restored:
        """The account, unless an exception ends it."""
        self._worker.read(self._text.chunks())
        if self._whole is not None:
            self._whole.replace()
        return self.account()

    def account(self, ended: BaseException | None = None) -> Restored:
        """What was done so far. ended: the exception that ended it."""
        worker = self._worker
        if self._whole is not None and ended is not None:
            self._whole.settle()
        if isinstance(ended, IpvsUnavailable):  # the module was removed, and its table with it
            return Restored(
                self._total, added=0, changed=0, already_there=0, problems=worker.problems, ended=ended
            )
        return Restored(
            self._total, added=worker.added, changed=worker.changed, already_there=worker.already_there,
            found=worker.found, unknown=worker.unknown, problems=worker.problems, ended=ended,
            replaced=None if self._whole is None else self._whole.replaced,
        )  # fmt: skip
