"""What Ctrl-C (SIGINT) does, from the first moment of a command to its last.

While nothing was done it ends the process, without a word. While a command is carried out it is a
KeyboardInterrupt, and whoever has done something by then tells what. When all is done it comes too late.
Where it came ignored it stays so.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the public module would import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SIGINT: int = _signal.SIGINT


def _is_ours() -> bool:
    return _signal.getsignal(SIGINT) in (_signal.SIG_DFL, _signal.default_int_handler)


def let_through(held: bool, begun: bool) -> bool:
    """At the start. held: the native front has blocked it. begun: it has done something, which has to be
    told, so that one that came meanwhile does not end us: then it is True."""
    ours = _is_ours()
    came = False
    if ours:
        _signal.signal(SIGINT, _signal.SIG_DFL)
    if held:
        came = begun and SIGINT in _signal.sigpending()
        if came:
            _signal.signal(SIGINT, _signal.SIG_IGN)  # takes the one that waits away
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (SIGINT,))
        if came and ours:
            _signal.signal(SIGINT, _signal.default_int_handler)
    return came and ours


def carried_out(work: Callable[[], int], late: bool) -> int:
    """What `work` gives, or KeyboardInterrupt where it was interrupted. late: it calls hold_termination()
    before it does anything, and until then Ctrl-C just ends us: an exception inside an import can get
    lost."""
    status, ours = None, _is_ours()
    try:
        try:
            if ours and not late:
                _signal.signal(SIGINT, _signal.default_int_handler)
            status = work()
        finally:  # what there is to say is said
            if ours:
                _signal.signal(SIGINT, _signal.SIG_IGN)
    except KeyboardInterrupt:
        if status is None:
            raise
    return status
