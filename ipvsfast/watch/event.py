"""What a watch tells, and what goes on around one."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from typing import Final

    from ..drains.drain import Drained
    from ..model.types import WatchEventKind
    from ..plans.apply import Applied


class WatchEvent:
    """Something that a watch tells.

    kind: "applying" (an apply begins), "applied" (it has come to its end), "settled" (the table is as
    wanted, without an apply), "drift" (others have changed it, and that stays), "refused" (the file cannot be
    used, and changes nothing), "accepted" (it can again), "trouble" (the table cannot be read or not be
    changed now; it is tried again), "note" (anything else). text: it in one line. lines: more of it: rules
    that come, go and change, mistakes of the file, refusals of the kernel; 20, and one that says that there
    are more. ok: nothing is wrong. account: what was done, of "applied" only.
    """

    __slots__ = ("kind", "text", "lines", "ok", "account")

    def __init__(
        self, kind: WatchEventKind, text: str, lines: Iterable[str] = (), ok: bool = True,
        account: Applied | None = None,
    ) -> None:  # fmt: skip
        self.kind: Final[WatchEventKind] = kind
        self.text: Final[str] = text
        self.lines: Final[tuple[str, ...]] = tuple(lines)
        self.ok: Final[bool] = ok
        self.account: Final[Applied | None] = account

    def __str__(self) -> str:
        """All of it, a line each."""
        return "\n".join([self.text, *self.lines])

    def __repr__(self) -> str:
        return f"<WatchEvent {self.kind}: {self.text}>"


class Around:
    """What goes on around a watch: whoever runs one says more."""

    # What to do, in words of who runs it.
    allow_empty: str = "allow_empty=True"
    no_interval: str = "interval=0"

    def told(self, event: WatchEvent) -> None:
        """Something is told, at the moment it happens."""

    def alive(self) -> None:
        """A part of an apply is done, and it goes on."""

    def drained(self, account: Drained) -> None:
        """An apply waits for connections to end."""

    def exposed(self) -> AbstractContextManager[None]:
        """Entered while an apply goes on, which an exception may end there."""
        from contextlib import nullcontext

        return nullcontext()


class Stopped(Exception):
    """Raised in the middle of an apply, it ends that; the watch tells what was done."""

    def __str__(self) -> str:
        return "stopped"


class Blind(OSError):
    """Nobody tells of changes of the file, and it is not to be looked at either."""
