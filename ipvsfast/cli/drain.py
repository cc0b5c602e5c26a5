"""`ipvsfast drain` and `undrain`: destinations get no new connections, and their weights back."""

from __future__ import annotations

from ..drains.drain import Draining, connections_text
from ..drains.undrain import undrain as undrain_targets
from ..errors import InvalidValue, IpvsError, StateError, TableLocked, sentence
from ..language.words import UsageError
from .drain_line import DrainLine
from .lasting import NOTHING, ended, not_begun, tell_no_lock, write_account
from .output import ExitWith, complain, hold_termination, interrupted
from .target_options import NO_TARGET, seconds_of, targets_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..drains.drain import DrainedDestination
    from .context import Context

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
    wait = seconds_of("drain", "wait", options)
    told = DrainLine(session, timeout, quiet)
    work = Draining(
        session, targets, timeout=timeout, wait="no-wait" not in options, delete="delete" in options,
        force="force" in options, progress=None if "no-wait" in options else told,
        lock_wait=wait,
    )  # fmt: skip
    hold_termination()
    try:
        account = work.carry_out()
    except BaseException as error:
        told.close()
        if not work.begun:
            not_begun(error, wait)
            raise
        where = f"{work.account(error).summary()}; weights stay 0: {_GO_ON}"
        raise ended(where, error) from None
    told.close()
    tell_no_lock(work.locks.missing, quiet)
    told.notes(account)
    _wrong(account.those("raised", "refused"))
    ok = account.ok or (
        "no-wait" in options and "delete" not in options and not account.those("raised", "refused")
    )
    if not quiet or not ok:
        for one in account.left:
            complain(f"{one} has {_connections(one)}")
        complain(account.summary())
    if as_json:
        write_account(account)
    return 0 if ok else 1


def _connections(one: DrainedDestination) -> str:
    return connections_text((one.active, one.inactive, one.persistent))


def _wrong(destinations: list[DrainedDestination]) -> None:
    for one in destinations:
        if one.state == "raised":
            complain(f"{one} has weight {one.weight:,}, which another program has set meanwhile: left so")
        else:
            command = "edit-destination" if one.weight else "delete-destination"
            complain(f"{one}: {sentence(command, one.errno)}")


def undrain(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0: all that was meant has its weight from before; 1: not all; 2: nothing was done."""
    targets = targets_from("undrain", options)
    if (targets is None) == ("all" not in options):
        text = "--all and names exclude each other" if targets is not None else f"{NO_TARGET} without --all"
        raise UsageError(2, f"undrain: {text}")
    wait = seconds_of("undrain", "wait", options)
    hold_termination()
    try:
        account = undrain_targets(context.ipvs.session, targets, force="force" in options, wait=wait)
    except InvalidValue as error:
        raise ExitWith(NOTHING, f"{error} (`ipvsfast weight' with the same names sets a weight)") from None
    except StateError as error:
        raise ExitWith(NOTHING, f"{error} (`ipvsfast weight' sets weights)") from None
    except TableLocked as error:
        not_begun(error, wait)
        raise
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    except KeyboardInterrupt as error:
        raise interrupted("; the same command goes on", error) from None
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
        write_account(account)
    return 0 if account.ok else 1
