"""The command: argv -> request -> client + listing."""

from __future__ import annotations

import os
import sys

from ..errors import IpvsError, sentence
from ..grammar import UsageError, parse
from .output import Failure, complain, guard_streams, leave, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from ..client import Ipvs
    from ..grammar import Request
    from ..names import Resolver


class Names:
    """The resolver, loaded only when a name has to be looked up, and kept for its answers."""

    _loaded: Resolver | None = None

    def host(self, name: str) -> bytes | None:
        return self.resolver().host(name)

    def port(self, name: str, protocol: str) -> int | None:
        return self.resolver().port(name, protocol)

    def resolver(self) -> Resolver:
        if self._loaded is None:
            from ..names import Resolver

            self._loaded = Resolver()
        return self._loaded


class Command:
    """What the requests of one run share: the table, opened when first needed, and our name."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.names = Names()
        self._table: Ipvs | None = None

    @property
    def table(self) -> Ipvs:
        if self._table is None:
            from .kernel import open_table

            self._table = open_table()
        return self._table

    def parse(self, argv: Sequence[str]) -> Request:
        posix = "POSIXLY_CORRECT" in os.environ or "POSIX_ME_HARDER" in os.environ
        return parse(argv, self.names, self.program, posix)

    def hint(self) -> UsageError:
        """What is said of a first word that is no command."""
        from ..grammar import hint

        return hint(self.program)

    def run(self, request: Request) -> int:
        """Carries out one request; returns the exit status."""
        command = request.command
        if command in ("list", "save"):
            from .show import show

            show(self, request)
        elif command == "restore":
            from .restore import restore

            return restore(self)
        elif command == "help":
            from .about import help_text

            write(help_text(self.program))
        elif command == "version":
            from .about import version_text

            write(version_text(self.program))
        else:
            self.change(request)
        return 0

    def change(self, request: Request) -> None:
        """One operation on the table; Failure (255) with ipvsadm's sentence if refused."""
        from ..batch import operation_of

        operation = operation_of(request)
        try:
            if operation.command == "flush":
                from ..replacer import empty_for_restore

                code = empty_for_restore(self.table.session)
            else:
                code = self.table.apply([operation]).errnos[0]
        except IpvsError as error:
            raise Failure(255, str(error.strerror)) from None
        if code:
            raise Failure(255, sentence(operation.command, code))


def main(argv: Sequence[str], program: str) -> int:
    """Runs one command line (without argv[0]) and returns its exit status."""
    return guarded(lambda: _main(argv, program), argv, program)


def _main(argv: Sequence[str], program: str) -> int:
    command = Command(program)
    if argv and argv[0][:1] not in ("-", "") and program.rpartition("/")[2] != "ipvsadm":
        from ..verbs import find

        verb = find(argv[0])
        if verb is not None:
            from .own import run_verb

            return run_verb(command, verb, argv[1:])
    return command.run(command.parse(argv))


def guarded(work: Callable[[], int], argv: Sequence[str], program: str) -> int:
    """The exit status of `work`; what ended it early is told on standard error."""
    try:
        return work()
    except UsageError as error:
        complain(error.message)
        if os.isatty(2):  # elsewhere every byte is as ipvsadm has it
            from ..helptext import slip

            more = slip(argv, program, error)
            if more:
                complain(more)
        return error.status
    except Failure as failure:
        if failure.message:
            complain(failure.message)
        return failure.status
    except KeyboardInterrupt as interrupt:
        if interrupt.args:
            complain(str(interrupt))
        return 130


def run() -> NoReturn:
    """The entry of the command `ipvsfast`, under whatever name it was called."""
    # Like any filter: `| head` ends us quietly. The public module would import enum.
    import _signal  # type: ignore[import-not-found]

    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    guard_streams()
    leave(main(sys.argv[1:], sys.argv[0]))
