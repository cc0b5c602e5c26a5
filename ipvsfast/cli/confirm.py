"""`ipvsfast confirm`: what `apply --confirm-within` did is kept."""

from __future__ import annotations

from ..errors import IpvsError
from ..history.history import confirm as keep
from .lock import CommandLock, wait_seconds
from .output import ExitWith, complain
from .past import history_of
from .wanted import NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context


def confirm(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: it is kept; 2: there is nothing to confirm."""
    wait = wait_seconds(options["wait"].rpartition(",")[2], "confirm") if "wait" in options else None
    quiet = "quiet" in options
    with CommandLock(context.ipvs.session, wait, "--wait SECONDS waits for its end", quiet, NOTHING):
        try:
            journal = keep(history_of(context))
        except IpvsError as error:
            raise ExitWith(NOTHING, str(error)) from None
    if not quiet:
        complain(f"{journal.title} is kept")
    return 0
