"""Add or edit: what is there already is made to be what an operation says."""

from __future__ import annotations

import errno

from ..kernel.layout import OP_SIZE, command_of, commands_of, with_command
from ..kernel.rule_buffer import NOT_SENT, new_results
from ..model.kernel_names import COMMANDS
from .present import daemon_runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from ..kernel.layout import Buffer
    from ..kernel.session import Session

_ADD_SERVICE, _ADD_DESTINATION = COMMANDS["add-service"], COMMANDS["add-destination"]
_EDIT = {_ADD_SERVICE: COMMANDS["edit-service"], _ADD_DESTINATION: COMMANDS["edit-destination"]}
# What an edit is answered where another program has deleted the entry since it could not be added.
_GONE = {_ADD_SERVICE: -errno.ESRCH, _ADD_DESTINATION: -errno.ENOENT}
_ADDING = bytes([*_EDIT, COMMANDS["start-daemon"]])
_ROUNDS = 3


def send_puts(
    session: Session,
    ops: bytearray,
    results: memoryview,
    puts: Container[int],
    sent: Callable[[int], None],
) -> None:
    """Sends all operations in order, and edits what those at the places `puts` could not add.

    Additions that follow each other go out together, before the edits: those are the same whether they
    come at once or a moment later. Before anything else is sent they are done. sent: told how many
    operations were.
    """
    commands = commands_of(memoryview(ops))
    at = 0
    while at < len(commands):
        start, end = at, _end_of_run(commands, at)
        while at < end:
            at = session.send(ops, end, results, at)
            sent(at)
        if commands[start] in _ADDING:
            _settle(session, ops, results, [n for n in range(start, end) if n in puts])


def _end_of_run(commands: bytes, start: int) -> int:
    """Where the additions end that begin there, or what is none."""
    rest = commands[start:]
    if commands[start] in _ADDING:
        return len(commands) - len(rest.lstrip(_ADDING))
    found = [rest.find(command) for command in _ADDING]
    return start + min([at for at in found if at >= 0], default=len(rest))


def _settle(session: Session, ops: bytearray, results: memoryview, places: list[int]) -> None:
    """The results of additions at these places become those of the edits, where these are needed. What
    another program deletes in between is added after all; if that goes on, the last answer stands."""
    for at in places:
        if results[at] == -errno.EEXIST and daemon_runs(session, _op(ops, at)):
            results[at] = 0
    for _ in range(_ROUNDS):
        there = [at for at in places if results[at] == -errno.EEXIST and _command(ops, at) in _EDIT]
        _send(session, [with_command(_EDIT[_command(ops, at)], _op(ops, at)) for at in there], results, there)
        gone = [at for at in there if results[at] == _GONE[_command(ops, at)]]
        if not gone:
            return
        _send(session, [_op(ops, at) for at in gone], results, gone)


def _op(ops: bytearray, at: int) -> bytearray:
    return ops[at * OP_SIZE : (at + 1) * OP_SIZE]


def _command(ops: bytearray, at: int) -> int:
    return command_of(_op(ops, at))


def _send(session: Session, ops: Iterable[Buffer], results: memoryview, places: list[int]) -> None:
    """Sends operations whose results belong to these places, which are known however this ends."""
    packed = bytearray().join(ops)
    codes, done = new_results(len(places)), 0
    try:
        while done < len(places):
            done = session.send(packed, len(places), codes, done)
    finally:
        for at, code in zip(places, codes):
            if code != NOT_SENT:
                results[at] = code
