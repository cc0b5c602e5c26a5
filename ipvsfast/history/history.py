"""The applies of the past of one network namespace: their journals, in its state folder, no more than some.

Each has a number, one more than the one before. Who adds one holds the lock of the namespace.
"""

from __future__ import annotations

import errno
import os

from ..changes.state_folder import JOURNAL, JOURNAL_BYTES, JOURNALS, boot_prefix, put_file, state_folder
from ..errors import IpvsError
from .journal import (
    AWAITING,
    DONE,
    INCOMPLETE,
    UNDONE,
    Who,
    account_of,
    begun,
    cannot,
    is_alive,
    mark,
    read_journal,
    unmark,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from ..errors import StateError
    from ..kernel.session import Session
    from ..plans.apply import Applied
    from ..plans.plan import Plan
    from .journal import Journal


class AwaitsConfirmation(IpvsError):
    """An apply awaits its confirmation: until then no other is begun; nothing was done. journal: of it."""

    def __init__(self, journal: Journal) -> None:
        how = "awaits its confirmation"
        if journal.state == "interrupted":
            how = "was interrupted, and is to be taken back"
        super().__init__(errno.EBUSY, f"{journal.title} {how}; nothing was done")
        self.journal = journal


class History:
    """The journals of the network namespace of a session. StateError where they cannot be read. make: the
    folder is made, if there is none."""

    def __init__(self, session: Session, make: bool = False) -> None:
        self._session = session
        self._boot = boot_prefix()
        self.folder: Final[str] = state_folder(session, make)

    @property
    def is_main(self) -> bool:
        """Whether the namespace is that of the first process, which stands for it from boot to boot."""
        try:
            return os.stat("/proc/1/ns/net").st_ino == self._session.namespace_identity()[0]
        except OSError:
            return False

    @property
    def is_certain(self) -> bool:
        """Whether the kernel tells this namespace from a later one that got its inode."""
        return bool(self._session.namespace_identity()[1]) or self.is_main

    def _numbers(self, folder: str) -> list[int]:
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise cannot("read", folder, error) from None
        ends = [name.removeprefix(JOURNAL) for name in names if name.startswith(JOURNAL)]
        return sorted([int(end) for end in ends if end.isdecimal()])

    def _path(self, number: int) -> str:
        return f"{self.folder}/{JOURNAL}{number:08}"

    def get(self, number: int) -> Journal | None:
        """One journal; None if it is not kept any more."""
        return read_journal(self._path(number), self._boot)

    def last(self) -> Journal | None:
        """The last one; None if there is none."""
        for number in reversed(self._numbers(self.folder)):
            found = self.get(number)
            if found is not None:
                return found
        return None

    def all(self) -> list[Journal]:
        """All that are kept, the oldest first; of the main namespace those of earlier boots too."""
        found = [one for number in self._numbers(self.folder) if (one := self.get(number)) is not None]
        by_number = {journal.number: journal for journal in found}
        for journal in found:
            if journal.continues in by_number:
                by_number[journal.continues].continued_by = journal.number
        return sorted(self.earlier() + found, key=lambda journal: journal.when)

    def earlier(self) -> list[Journal]:
        """Those of the main namespace, if this is it, before it was booted the last time."""
        if not self.is_main:
            return []
        place, mine = os.path.split(self.folder)
        found = []
        for name in os.listdir(place) if os.path.isdir(place) else []:
            if name == mine or name.startswith(self._boot) or name.count("-") != 2:
                continue
            folder = f"{place}/{name}"
            for number in self._numbers(folder) if os.path.isdir(folder) else []:
                journal = read_journal(f"{folder}/{JOURNAL}{number:08}", self._boot)
                if journal is not None and journal.main:
                    found.append(journal)
        return found

    def unsettled(self) -> Journal | None:
        """An apply that was interrupted, or that awaits confirmation; None if there is none."""
        last = self.last()
        if last is None:
            return None
        return self._unsettled(last)

    def tidy(self) -> None:
        """For who holds the lock and has found that all is settled."""
        unmark(self.folder)

    def _unsettled(self, last: Journal) -> Journal | None:
        if last.undoes:  # what it takes back is settled only when it is through
            undone = self.get(last.undoes)
            if undone is not None and undone.may_lapse:
                return undone
        return last if last.may_lapse or last.is_open else None

    def chain(self, journal: Journal) -> list[Journal]:
        """A journal, and before it those of interrupted applies that it goes on from; the oldest first."""
        found = [journal]
        while found[0].continues:
            before = self.get(found[0].continues)
            if before is None:
                break
            found.insert(0, before)
        return found

    def begin(
        self, plan: Plan, command: str, *, undoes: int = 0, continues: int = 0, confirm_within: float = 0,
        tag: str = "",
    ) -> OpenJournal:  # fmt: skip
        """Writes the journal of what is about to be applied; it is on the disk then. tag: of an undo, which
        has no bounds."""
        import time

        bounds = plan.present.bounds

        text = begun(
            plan, when=time.time(), who=Who.here().to_dict(), command=command, folder=_folder(),
            source=plan.wanted.source,
            tag=tag if bounds is None else bounds.tag, undoes=undoes, continues=continues,
            confirm_within=confirm_within, boot=self._boot,
            main=self.is_main,
        )  # fmt: skip
        numbers = self._numbers(self.folder)
        self._forget(numbers)
        number = numbers[-1] + 1 if numbers else 1
        path = self._path(number)
        try:
            mark(self.folder)
            put_file(self.folder, path, text)
        except BaseException as error:
            # It may stand there, and be told as an apply that was cut short. But nothing was sent.
            if os.path.exists(path):
                os.unlink(path)
            if isinstance(error, OSError):
                raise cannot("write", path, error) from None
            raise
        journal = read_journal(path, self._boot)
        if journal is None:
            raise cannot("read", path, OSError(errno.EIO, os.strerror(errno.EIO)))
        return OpenJournal(journal)

    def _forget(self, numbers: list[int]) -> None:
        """The oldest go, until there is room for another one."""
        sizes = {}
        for number in numbers:
            try:
                sizes[number] = os.lstat(self._path(number)).st_size
            except OSError:
                sizes[number] = 0
        for number in numbers[:-1]:  # the last may be needed
            if len(sizes) < JOURNALS and sum(sizes.values()) < JOURNAL_BYTES:
                return
            try:
                os.unlink(self._path(number))
            except OSError:
                pass
            del sizes[number]


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


class OpenJournal:
    """The journal of an apply that is going on. problem: why its end could not be written, or None. until: by
    CLOCK_BOOTTIME, when it is taken back unless somebody confirms it, by which process; None: never."""

    def __init__(self, journal: Journal) -> None:
        self.journal: Final[Journal] = journal
        self.problem: StateError | None = None
        self.helper: tuple[int, int] | None = None

    def close(self, applied: Applied) -> None:
        """Writes what was done."""
        from ..errors import StateError

        state, more = DONE if applied.ok else INCOMPLETE, account_of(applied)
        if self.helper is not None:
            from time import CLOCK_BOOTTIME, clock_gettime

            until = clock_gettime(CLOCK_BOOTTIME) + self.journal.confirm_within
            more.update(ok=applied.ok, until=until, helper=self.helper)
            state = AWAITING
        try:
            self.journal.add(state, more)
        except StateError as error:
            self.problem = error


def settle(history: History, journal: Journal, by: int) -> None:
    """What was taken back is told so. by: the number of the undo, 0 where nothing was left to do."""
    for one in history.chain(journal):
        one.add(UNDONE, {"by": by})
        wake(one)


def confirm(history: History) -> Journal:
    """The apply that awaits its confirmation is kept; NothingToConfirm if there is none."""
    journal = history.unsettled()
    if journal is None or journal.state != AWAITING:
        raise NothingToConfirm(history.last())
    state = DONE if journal.later[-1].get("ok") else INCOMPLETE
    helper = journal.helper
    journal.add(state, {"confirmed": Who.here().to_dict()})
    wake(journal, helper)
    return journal


class NothingToConfirm(IpvsError):
    """No apply awaits its confirmation; nothing was done."""

    def __init__(self, last: Journal | None) -> None:
        text = "no apply awaits its confirmation"
        if last is not None and last.undoes:
            text += f": {last.title} has taken that back"
        elif last is not None and last.state == "interrupted":
            text += f": {last.title} was interrupted"
        super().__init__(errno.ENOENT, f"{text}; nothing was done")


def wake(journal: Journal, helper: tuple[int, int] | None = None) -> None:
    """The process that waits for the confirmation looks at once, where it can be told."""
    import signal

    for line in journal.later:
        if "helper" in line:
            helper = int(line["helper"][0]), int(line["helper"][1])
    if helper is None:
        return
    try:
        fd = os.pidfd_open(helper[0])
    except OSError:  # it is gone, or the kernel cannot: it looks by itself every second
        return
    try:
        if is_alive(*helper):
            signal.pidfd_send_signal(fd, signal.SIGUSR1)
    except OSError:
        pass
    finally:
        os.close(fd)
