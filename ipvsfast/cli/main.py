"""The command: argv -> request -> client + listing."""

from __future__ import annotations

import os

from ..language.words import UsageError
from .context import Context
from .dispatch import carry_out, load
from .output import INTERRUPTED, TERMINATED, ExitWith, Terminated, complain, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .commands import Verb
    from .done import Done


def main(argv: Sequence[str], program: str) -> int:
    """Runs one command line (without argv[0]) and returns its exit status."""
    return guarded(lambda: command_line(argv, program), argv, program)


def command_line(argv: Sequence[str], program: str, done: Done | None = None) -> int:
    """The same, with what ends it early as an exception. done: what was done of it before."""
    context = Context(program)
    context.done = done
    if argv and argv[0][:1] not in ("-", "") and program.rpartition("/")[2] != "ipvsadm":
        from .commands import find

        verb = find(argv[0])
        if verb is not None:
            return _run_verb(context, verb, argv[1:])
        try:
            return carry_out(context, context.parse(argv))
        except UsageError as error:
            if not error.hint:
                raise
            raise UsageError(255, f"{argv[0]}: unknown verb\n{error.message}", hint=True) from None
    return carry_out(context, context.parse(argv))


def _run_verb(context: Context, verb: Verb, argv: Sequence[str]) -> int:
    from .commands import parse_verb

    options, words = parse_verb(verb, argv)
    if "help" in options:
        from .help import verb_text

        write(verb_text(verb, context.program))
        return 0
    status: int = load(verb.function)(context, options, words)
    return status


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
    except ExitWith as failure:
        if failure.message:
            complain(failure.message)
        return failure.status
    except MemoryError:
        complain("out of memory")
        return 1
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED
