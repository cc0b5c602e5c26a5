"""`ipvsfast undo`: the last apply is taken back, as far as nobody else has changed what it touched."""

from __future__ import annotations

from ..errors import IpvsError
from ..history.take_back import TakingBack, command_line
from ..history.undo import NothingToUndo
from ..plans.apply import TableMoved
from .apply import carry_out
from .lock import CommandLock, wait_seconds
from .output import ExitWith, ReaderGone, complain, write_all
from .past import history_of
from .progress import for_terminal
from .wanted import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context

_ADVICE = "--wait SECONDS waits for its end"


def undo(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: it was seen to be as before; 1: it is not; 2: nothing was done."""
    wait = wait_seconds(options["wait"].rpartition(",")[2], "undo") if "wait" in options else None
    quiet = "quiet" in options
    if "dry-run" in options:
        taking = _taking(context, options)
        _show(taking, quiet)
        complain(f"{taking.plan}; nothing was done (--dry-run)")
        return 0
    with CommandLock(context.ipvs.session, wait, _ADVICE, quiet, NOTHING):
        taking = _taking(context, options)
        _show(taking, quiet)
        command = command_line(context.program.rpartition("/")[2])
        line = for_terminal(len(taking.plan), "operation", quiet)
        status = carry_out(taking.begin(command, line), line, quiet, taking.end)
        if taking.unwritten is not None:
            complain(f"{taking.unwritten}: the history does not tell of this undo")
        return status


def _taking(context: Context, options: dict[str, str]) -> TakingBack:
    try:
        return TakingBack(context.ipvs.session, history_of(context), "force" in options)
    except TableMoved as error:
        raise ExitWith(NOTHING, f"{error} (--force takes it back all the same)") from None
    except NothingToUndo as error:
        raise ExitWith(NOTHING, str(error)) from None
    except IpvsError as error:
        raise ExitWith(NOTHING, f"{error}; nothing was done") from None


def _show(taking: TakingBack, quiet: bool) -> None:
    if quiet:
        return
    from ..plans.difference import difference_lines

    complain(f"taking back {taking.journal.title} of {taking.journal.day} by {taking.journal.who}")
    try:
        write_all(difference_lines(taking.plan))
    except ReaderGone:
        pass
