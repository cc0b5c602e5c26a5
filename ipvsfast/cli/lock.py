"""The lock of what replaces the table, with what a command line has to say about it."""

from __future__ import annotations

from ..changes.lock import LONGEST, TableLock
from ..errors import TableLocked
from ..language.words import UsageError
from .output import ExitWith, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel.session import Session


class CommandLock(TableLock):
    """ExitWith (status) where another has it. advice: what to do then. quiet: that there can be none is not
    said."""

    def __init__(
        self, session: Session, wait: float | None, advice: str = "", quiet: bool = False, status: int = 1
    ) -> None:
        super().__init__(session, wait)
        self._status = status
        self._advice = advice if wait is None else ""
        self._quiet = quiet

    def __enter__(self) -> TableLock:
        try:
            super().__enter__()
        except TableLocked as error:
            error.advice = self._advice
            raise ExitWith(self._status, str(error)) from None
        if self.missing and not self._quiet:
            complain(f"{self.missing}; nothing keeps others from replacing the table at the same time")
        return self


def wait_seconds(text: str, program: str, option: str = "--wait") -> float:
    """The argument of an option that takes seconds; UsageError (2) if it is none."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST:
        raise UsageError(2, f"{program}: {option} takes seconds, 0 to {LONGEST:.0f}, not `{text}'")
    return seconds
