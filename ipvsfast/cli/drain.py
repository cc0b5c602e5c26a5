"""`ipvsfast drain` and `undrain`: destinations get no new connections, and their weights back."""

from __future__ import annotations

import os
from time import monotonic

from ..changes.drain import Draining, connections_text
from ..changes.undrain import undrain as undrain_targets
from ..errors import InvalidValue, IpvsError, StateError, plural, sentence
from ..language.words import UsageError
from .output import ExitWith, complain, hold_termination, interrupted, write
from .status_line import StatusLine
from .target_options import NO_TARGET, seconds_of, targets_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..changes.drain import Drained, DrainedDestination
    from ..changes.undrain import Undrained
    from ..kernel.session import Session
    from .context import Context

NOTHING = 2  # exit status: nothing was done
_QUIESCENT = "net.ipv4.vs.expire_quiescent_template"
_GO_ON = "the same command goes on, `ipvsfast undrain' gives the weights back"


def drain(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: no connection is left (with --no-wait: the weights are 0); 1: some are, or something went wrong;
    2: nothing was done."""
    targets = targets_from("drain", options)
    if targets is None:
        raise UsageError(2, f"drain: {NO_TARGET}")
    timeout = seconds_of("drain", "timeout", options)
    if timeout is not None and "no-wait" in options:
        raise UsageError(2, "drain: --timeout and --no-wait exclude each other")
    if "force" in options and "delete" not in options:
        raise UsageError(2, "drain: --force is for --delete")
    quiet, as_json = "quiet" in options, "json" in options
    session = context.ipvs.session
    told = _Told(session, timeout, quiet)
    work = Draining(
        session, targets, timeout=timeout, wait="no-wait" not in options, delete="delete" in options,
        force="force" in options, progress=None if "no-wait" in options else told,
    )  # fmt: skip
    hold_termination()
    try:
        account = work.carry_out()
    except BaseException as error:
        told.close()
        if not work.begun:
            _not_begun(error)
            raise
        raise _ended(work.account(error), error) from None
    told.close()
    told.notes(account)
    _wrong(account.those("raised", "refused"))
    ok = account.ok or (
        "no-wait" in options and "delete" not in options and not account.those("raised", "refused")
    )
    if not quiet or not ok:
        for one in account.left:
            complain(f"{one} has {_connections(one)}")
        complain(_summary(account))
    if as_json:
        _write_json(account)
    return 0 if ok else 1


def _not_begun(error: BaseException) -> None:
    """ExitWith (2) for what has kept it from beginning."""
    if isinstance(error, (InvalidValue, IpvsError)):
        raise ExitWith(NOTHING, str(error)) from None


def _ended(account: Drained, error: BaseException) -> BaseException:
    """How the command ends where something ended the drain."""
    where = f"{account.summary()}; weights stay 0: {_GO_ON}"
    if isinstance(error, KeyboardInterrupt):
        return interrupted(f": {where}", error)
    if isinstance(error, (IpvsError, MemoryError)):
        return ExitWith(1, f"{'out of memory' if isinstance(error, MemoryError) else error}\n{where}")
    complain(where)
    return error


def _summary(account: Drained) -> str:
    return account.summary()


def _connections(one: DrainedDestination) -> str:
    return connections_text((one.active, one.inactive, one.persistent))


def _wrong(destinations: list[DrainedDestination]) -> None:
    for one in destinations:
        if one.state == "raised":
            complain(f"{one} has weight {one.weight:,}, which another program has set meanwhile: left so")
        else:
            command = "edit-destination" if one.weight else "delete-destination"
            complain(f"{one}: {sentence(command, one.errno)}")


def _write_json(account: Drained | Undrained) -> None:
    import json

    write(json.dumps(account.to_dict(), separators=(",", ":")) + "\n")


class _Told:
    """Says how a drain goes on: a line that is redrawn on a terminal, else one now and then."""

    def __init__(self, session: Session, timeout: float | None, quiet: bool) -> None:
        self._session = session
        self._quiet = quiet
        self._end = None if timeout is None else monotonic() + timeout
        self._line = StatusLine(quiet)
        self._noted = False

    def __call__(self, account: Drained) -> None:
        self.notes(account)
        if not account.left:
            return
        count = len(account.destinations)
        left = "" if self._end is None else f", {max(self._end - monotonic(), 0):.0f} s left"
        self._line.show(
            f"{count:,} {plural(count, 'destination')}, weight 0: {len(account.left):,} with "
            f"{connections_text(account.connections)}",
            left,
        )

    def notes(self, account: Drained) -> None:
        """What is to be said once."""
        if self._noted or self._quiet:
            return
        self._noted = True
        for text in account.unmet:
            complain(f"nothing is at {text}")
        if account.persistent:
            complain(_persistence_note(self._session, account))

    def close(self) -> None:
        """Nothing of the line stays."""
        self._line.close()


def _persistence_note(session: Session, account: Drained) -> str:
    count = len(account.destinations)
    of = (
        "it is"
        if count == 1
        else f"{account.persistent:,} of them {'is' if account.persistent == 1 else 'are'}"
    )
    value = _sysctl(session)
    what = "go on coming there" if value == "0" else "come elsewhere from now on"
    known = f"of a persistent service: clients that it knows {what}"
    return f"{of} {known} ({_QUIESCENT} is {value})" if value else f"{of} {known} unless {_QUIESCENT} is set"


def _sysctl(session: Session) -> str:
    fd = session.open_file(f"/proc/sys/{_QUIESCENT.replace('.', '/')}")
    if fd < 0:
        return ""
    try:
        return os.read(fd, 16).decode("ascii", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def undrain(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: all that was meant has its weight from before; 1: not all; 2: nothing was done."""
    targets = targets_from("undrain", options)
    if (targets is None) == ("all" not in options):
        text = "--all and names exclude each other" if targets is not None else f"{NO_TARGET} without --all"
        raise UsageError(2, f"undrain: {text}")
    hold_termination()
    try:
        account = undrain_targets(context.ipvs.session, targets, force="force" in options)
    except InvalidValue as error:
        raise ExitWith(NOTHING, f"{error} (`ipvsfast weight' with the same names sets a weight)") from None
    except StateError as error:
        raise ExitWith(NOTHING, f"{error} (`ipvsfast weight' sets weights)") from None
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    for one in account.destinations:
        if one.state == "changed":
            complain(
                f"{one} has weight {one.weight:,}, which another program has set: left so "
                f"(--force sets {one.before:,})"
            )
        elif one.state == "gone":
            complain(f"{one} is not there any more")
        elif one.state == "refused":
            complain(f"{one}: {sentence('edit-destination', one.errno)}")
    for name in account.unknown:
        complain(f"{name} has weight 0, and none is remembered (`ipvsfast weight' sets one)")
    if "quiet" not in options:
        complain(str(account))
    if "json" in options:
        _write_json(account)
    return 0 if account.ok else 1
