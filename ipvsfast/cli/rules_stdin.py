"""-R: rules from standard input, with ipvsadm's meaning line by line, in batches.

A refused rule does not stop the run; a line that is no command does. The exit status is that of the
last line. What is new: messages say where, and comments are read over.
"""

from __future__ import annotations

import errno
from select import select

from ..changes.problem import Problem
from ..changes.rule_reader import RuleReader, fd_chunks, text_chunks
from ..errors import IpvsError, plural
from ..kernel.rule_buffer import count_sent
from ..kernel.session import exchange_error
from .advice import problem_text
from .dispatch import carry_out
from .output import ExitWith, complain, hold_termination, interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..language.parse import Request
    from ..language.words import UsageError
    from .context import Context
    from .done import Done
    from .progress import Progress


class Restore(RuleReader):
    """One run of -R."""

    sends = True

    def __init__(self, context: Context, source: str) -> None:
        super().__init__(context.parse, source)
        self.context = context
        self.status: int = 0
        self.done: int = 0  # rules before those of the buffer, whose results are known
        self._applied = 0  # those of the buffer, once all of them are done
        self.last: int = 0  # line of the last of them
        self._progress: Progress | None = None
        self._before: Done | None = None  # what was done of the buffer that comes first
        self.lost: bool = False  # whether a reply was lost; then the run fails, whatever came last

    def feed(self, chunks: Iterable[bytes]) -> int:
        """Carries out all lines; the exit status."""
        try:
            try:
                self.read(chunks)
            finally:
                if self._progress is not None:
                    self._progress.close()
        except KeyboardInterrupt as error:
            raise interrupted(f": {self._how_far()}", error) from None
        except MemoryError:
            raise ExitWith(1, f"out of memory: {self._how_far()}") from None
        return self.status or (255 if self.lost else 0)

    def _how_far(self) -> str:
        """Wherever an exception comes: what was sent of the buffer may be counted already, or not."""
        sent = count_sent(self.buffer.results, self.buffer.count)
        last = self.buffer.numbers[sent - 1] if sent else self.last
        done = self.done + (self._applied or sent)
        return f"{done} {'rule was' if done == 1 else 'rules were'} sent, up to {self.source}:{last}"

    def go_on(self, done: Done) -> int:
        """Carries out what the native front has read and not finished, and what follows on standard input."""
        self.done, self.last = done.count, done.last
        self.buffer.skip_lines(done.line)
        self.buffer.size = self.buffer.MOST  # the front had so much room too
        self._before = done
        return self.feed(_rest(done))

    def more(self) -> bool:
        """For a moment only: what is there is carried out, though the pipe is slow."""
        return self._before is None and bool(select([0], [], [], 0.02)[0])

    def _take_over(self) -> int:
        """Takes what is known of the operations in the buffer; how many have a result."""
        done, self._before = self._before, None
        if done is None:
            return 0
        known = len(done.results)
        self.buffer.results[:known] = done.results
        if done.interrupted:
            raise done.interruption()
        if done.error:
            raise exchange_error(done.error)
        if known < self.buffer.count:  # this one takes long, as below
            self._draw(self.done + known)
        return known

    def _draw(self, done: int) -> None:
        if self._progress is None:
            from .progress import for_terminal

            self._progress = for_terminal(0, "rule")
        self._progress(done)

    def apply(self) -> None:
        buffer = self.buffer
        count = buffer.count
        self.done, self._applied = self.done + self._applied, 0
        try:
            sent = self._take_over()
            while sent < count:
                sent = self.context.ipvs.send(buffer.ops, count, buffer.results, sent)
                if sent < count:  # a time slice was used up: this one takes long
                    self._draw(self.done + sent)
        except IpvsError as error:
            sent = count_sent(buffer.results, count)
            self._tell(sent)
            done = self.done + sent
            error.operation = f"after {done} {plural(done, 'rule')}, up to {self.source}:{self.last}"
            raise
        self._tell(count)
        self.status = 255 if buffer.results[count - 1] else 0
        self._applied = count

    def _tell(self, count: int) -> None:
        """Every refusal among the first `count` operations of the buffer."""
        results = self.buffer.results[:count]
        if any(results):
            if self._progress is not None:
                self._progress.close()
            for at, code in enumerate(results):
                if code:
                    complain(problem_text(self.refusal(at, -code)))
                    self.lost |= code == -errno.ENOBUFS
        if count:
            self.last = self.buffer.numbers[count - 1]

    def mistake(self, error: UsageError, line: bytes) -> None:
        problem = str(Problem(self.source, self.buffer.line, line, error.message))
        if error.status != 255 or error.hint:
            raise ExitWith(error.status, problem)
        complain(problem)
        self.status = 255

    def other(self, request: Request, line: bytes) -> None:
        """A listing, the help or the version in the middle of rules; the latter two end the run."""
        if request.command == "restore":
            self.mistake(self.context.hint(), line)
        try:
            self.status = carry_out(self.context, request)
        except ExitWith as failure:
            problem = Problem(self.source, self.buffer.line, line, failure.message)
            raise ExitWith(failure.status, str(problem)) from None
        if request.command in ("help", "version"):
            raise ExitWith(0)


def _rest(done: Done) -> Iterator[bytes]:
    if done.interrupted and not done.results:
        raise done.interruption()
    if done.ended:
        yield from text_chunks(done.text)
    else:
        yield from fd_chunks(0, done.text)


def restore(context: Context, request: Request) -> int:
    """Runs -R on standard input."""
    hold_termination()
    try:
        if context.done is not None:
            return Restore(context, "stdin").go_on(context.done)
        context.ipvs  # noqa: B018 - the kernel is asked first: without it nothing is read
        return Restore(context, "stdin").feed(fd_chunks(0))
    except IpvsError as error:
        raise ExitWith(255, str(error)) from None
    except OSError as error:
        raise ExitWith(1, f"cannot read standard input: {error.strerror}") from None
