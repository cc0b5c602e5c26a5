"""Lines of words and braces as statements, each with the statements of its block."""

from __future__ import annotations

from .keepalived_lines import CLOSE, OPEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final

    from .account import Account, TextPlace
    from .keepalived_lines import Line


class Statement:
    """Words, and what stands between the braces behind them, if there are any."""

    __slots__ = ("place", "words", "block")

    def __init__(self, place: TextPlace, words: list[str]) -> None:
        self.place: Final[TextPlace] = place
        self.words: Final[list[str]] = words
        self.block: list[Statement] | None = None

    def __str__(self) -> str:
        return " ".join(self.words)


def statements(lines: Iterable[Line], account: Account) -> Iterator[Statement]:
    """Those of the whole configuration, each when the next one begins: not all of them are there at once."""
    top: list[Statement] = []
    here, outer = top, []
    opened: list[Statement] = []
    for line in lines:
        last: Statement | None = None  # what more words of this line belong to
        for word in line.words:
            if word == OPEN:
                of = here[-1] if here else None
                if of is None or of.block is not None:
                    account.wrong(line.place, "{", "nothing stands before it")
                    of = Statement(line.place, [])
                of.block = []
                outer.append(here)
                opened.append(of)
                here, last = of.block, None
            elif word == CLOSE:
                if not outer:
                    account.wrong(line.place, "}", "no block is open")
                    continue
                here, last = outer.pop(), None
                opened.pop()
            elif last is None:
                last = Statement(line.place, [word])
                if here is top and top:
                    yield top.pop()
                here.append(last)
            else:
                last.words.append(word)
    for statement in opened:
        account.wrong(statement.place, str(statement), "its block does not end")
    yield from top
