"""The command: argv -> request -> client + listing."""

from __future__ import annotations

import os

from ..errors import IpvsError, sentence
from ..language.parse import UsageError
from .command import Command
from .output import INTERRUPTED, Failure, complain, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..language.parse import Request


def carry_out(command: Command, request: Request) -> int:
    """Carries out one request; returns the exit status."""
    if request.command in ("list", "save"):
        from .show import show

        show(command, request)
    elif request.command == "restore":
        from .rules_stdin import restore

        return restore(command)
    elif request.command == "help":
        from .about import help_text

        write(help_text(command.program))
    elif request.command == "version":
        from .about import version_text

        write(version_text(command.program))
    else:
        change(command, request)
    return 0


def change(command: Command, request: Request) -> None:
    """One operation on the table; Failure (255) with ipvsadm's sentence if refused."""
    from ..language.parse import operation_of

    operation = operation_of(request)
    try:
        if operation.command == "flush":
            from ..changes.replace import empty_for_restore

            code = empty_for_restore(command.table.session)
        else:
            code = command.table.apply([operation]).errnos[0]
    except IpvsError as error:
        raise Failure(255, str(error.strerror)) from None
    if code:
        raise Failure(255, sentence(operation.command, code))


def main(argv: Sequence[str], program: str) -> int:
    """Runs one command line (without argv[0]) and returns its exit status."""
    return guarded(lambda: _main(argv, program), argv, program)


def _main(argv: Sequence[str], program: str) -> int:
    command = Command(program, carry_out)
    if argv and argv[0][:1] not in ("-", "") and program.rpartition("/")[2] != "ipvsadm":
        from .commands import find

        verb = find(argv[0])
        if verb is not None:
            from .own import run_verb

            return run_verb(command, verb, argv[1:])
        try:
            return command.run(command.parse(argv))
        except UsageError as error:
            if not error.hint:
                raise
            raise UsageError(255, f"{argv[0]}: unknown verb\n{error.message}", hint=True) from None
    return command.run(command.parse(argv))


def guarded(work: Callable[[], int], argv: Sequence[str], program: str) -> int:
    """The exit status of `work`; what ended it early is told on standard error."""
    try:
        return work()
    except UsageError as error:
        complain(error.message)
        if os.isatty(2):  # elsewhere every byte is as ipvsadm has it
            from .help import slip

            more = slip(argv, program, error)
            if more:
                complain(more)
        return error.status
    except Failure as failure:
        if failure.message:
            complain(failure.message)
        return failure.status
    except MemoryError:
        complain("out of memory")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
