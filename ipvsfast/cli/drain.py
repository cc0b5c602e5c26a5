"""`ipvsfast drain` and `undrain`: destinations get no new connections, and their weights back."""

from __future__ import annotations

from ..changes.drain import Draining, connections_text
from ..changes.undrain import undrain as undrain_targets
from ..errors import InvalidValue, IpvsError, StateError, sentence
from ..language.words import UsageError
from .drain_line import DrainLine
from .output import ExitWith, complain, hold_termination, interrupted, write
from .target_options import NO_TARGET, seconds_of, targets_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..changes.drain import Drained, DrainedDestination
    from ..changes.undrain import Undrained
    from .context import Context

NOTHING = 2  # exit status: nothing was done
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
    told = DrainLine(session, timeout, quiet)
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
        complain(account.summary())
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
        _write_json(account)
    return 0 if account.ok else 1
