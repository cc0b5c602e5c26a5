"""A journal: what one apply does, written before it does anything, and what became of it.

A file of it is a line of JSON (who, when, from what), the operations and what they take away, packed and
compressed, and then a line of JSON for whatever happens to it later. Lines are only ever added, and one that
is not whole, as its writer was killed, does not count.
"""

from __future__ import annotations

import errno
import os
import sys

from ..changes.state_folder import JOURNAL_VERSION, UNSETTLED
from ..errors import StateError
from ..kernel.layout import OP_SIZE, dest_key, packed_rows, service_key, service_of
from ..plans.account_text import cannot_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Final

    from ..model.types import JournalState
    from ..plans.apply import Applied
    from ..plans.plan import Plan

# States that a line can say; without a line it is being written, or was interrupted.
OPEN, DONE, INCOMPLETE, AWAITING, UNDONE = "open", "done", "incomplete", "awaiting", "undone"
_PACKED_AS = f"{sys.byteorder} {OP_SIZE}"  # another program version on another machine reads no bytes of this
_OPEN_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


class Who:
    """Who has applied something. user: its name, or its number where it has none; sudo: who that was before
    sudo, or "". pid and started tell the process, also from a later one with its number."""

    __slots__ = ("user", "sudo", "pid", "started")

    def __init__(self, user: str, sudo: str, pid: int, started: int) -> None:
        self.user: Final[str] = user
        self.sudo: Final[str] = sudo
        self.pid: Final[int] = pid
        self.started: Final[int] = started

    @classmethod
    def here(cls) -> Who:
        """This process."""
        sudo = os.environ.get("SUDO_USER", "")
        return cls(_user(), sudo if sudo.isprintable() else "", os.getpid(), process_start(os.getpid()))

    def __str__(self) -> str:
        return f"{self.user} (sudo: {self.sudo})" if self.sudo else self.user

    def to_dict(self) -> dict[str, Any]:
        """user, sudo, pid, started."""
        return {"user": self.user, "sudo": self.sudo, "pid": self.pid, "started": self.started}


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def process_start(pid: int) -> int:
    """When a process was started, in ticks since the boot; 0 if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b") ")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


class Journal:
    """One apply of the past, or the one that is going on.

    number: counts them, in one network namespace. when: seconds since 1970. who, command, folder: who did
    what, and where. source: what it was applied from. tag: whose services, or "". undoes: the number of what
    it takes back; 0: none. continues: that of one that was interrupted, which it goes on from; continued_by:
    the other way round, in a list. confirm_within: seconds; 0: it needs no confirmation. planned: how many
    it was to add, edit and delete; done: how many it did. order: whether the order of destinations was among
    what was wanted. boot: the beginning of the kernel's boot id; this_boot: whether that is the present one.
    main: whether the network namespace was that of the first process.
    """

    def __init__(self, path: str, head: dict[str, Any], later: Sequence[dict[str, Any]], start: int) -> None:
        self.path: Final[str] = path
        self.number: Final[int] = int(path.rpartition("-")[2])
        self.when: Final[float] = float(head["when"])
        who = head["who"]
        self.who: Final[Who] = Who(str(who["user"]), str(who["sudo"]), int(who["pid"]), int(who["started"]))
        self.command: Final[str] = str(head["command"])
        self.folder: Final[str] = str(head["folder"])
        self.source: Final[str] = str(head["source"])
        self.tag: Final[str] = str(head.get("tag", ""))
        self.undoes: Final[int] = int(head["undoes"])
        self.continues: Final[int] = int(head["continues"])
        self.confirm_within: Final[float] = float(head["confirm_within"])
        self.order: Final[bool] = bool(head["order"])
        self.boot: Final[str] = str(head["boot"])
        self.main: Final[bool] = bool(head["main"])
        self.this_boot: bool = True
        self.continued_by: int = 0
        self.planned: Final[tuple[int, int, int]] = tuple(map(int, head["planned"]))  # type: ignore[assignment]
        self.settings: Final[dict[str, Any]] = dict(head["settings"])
        self.orders: Final[dict[str, list[str]]] = dict(head["orders"])
        self._head = head
        self._start = start
        self.later: Final[list[dict[str, Any]]] = list(later)

    @property
    def _last(self) -> dict[str, Any]:
        return self.later[-1] if self.later else {}

    @property
    def state(self) -> JournalState:
        """applying, interrupted, done, incomplete (refused, or not all of it), awaiting (confirmation) or
        undone."""
        said = str(self._last.get("state", OPEN))
        if said != OPEN:
            return said  # type: ignore[return-value]  # who adds a line knows the states
        return "applying" if self.this_boot and is_alive(self.who.pid, self.who.started) else "interrupted"

    @property
    def is_open(self) -> bool:
        """Whether nobody has said yet what became of it."""
        return not self.later

    @property
    def may_lapse(self) -> bool:
        """Whether it is taken back unless somebody confirms it."""
        return self._last.get("state") == AWAITING or bool(self.is_open and self.confirm_within)

    @property
    def done(self) -> tuple[int, int, int]:
        """What it did: added, edited, deleted; as planned where nobody has said."""
        for line in self.later:
            if "done" in line:
                return tuple(map(int, line["done"]))  # type: ignore[return-value]
        return (0, 0, 0) if self.is_open else self.planned

    @property
    def undone_by(self) -> int:
        """The number of the undo, 0 for none."""
        return int(self._last.get("by", 0))

    @property
    def confirmed(self) -> bool:
        """Whether somebody has confirmed it."""
        return any(line.get("confirmed") for line in self.later)

    @property
    def helper(self) -> tuple[int, int]:
        """The process that takes it back when the time is over, and when that was started."""
        pid, started = self._last.get("helper", (0, 0))
        return int(pid), int(started)

    @property
    def helper_is_alive(self) -> bool:
        """Whether that process is there."""
        return is_alive(*self.helper)

    @property
    def seconds_left(self) -> float | None:
        """Of the time in which it is to be confirmed; None where it need not be."""
        if self._last.get("state") != AWAITING:
            return None
        from time import CLOCK_BOOTTIME, clock_gettime

        return max(0.0, float(self._last["until"]) - clock_gettime(CLOCK_BOOTTIME))

    def content(self) -> tuple[bytes, bytes]:
        """The operations, and what they found: operations that add that again. StateError where they cannot
        be read."""
        import zlib

        head = self._head
        if head["packed_as"] != _PACKED_AS:
            raise StateError(errno.EPROTO, f"{self.path} was written by another version of this program")
        try:
            with open(os.open(self.path, os.O_RDONLY | _OPEN_FLAGS), "rb") as file:
                file.seek(self._start)
                both = zlib.decompress(file.read(int(head["size"])))
        except OSError as error:
            raise cannot("read", self.path, error) from None
        except zlib.error:
            raise StateError(errno.EBADMSG, f"{self.path} is damaged") from None
        end = int(head["operations"]) * OP_SIZE
        return both[:end], both[end:]

    def add(self, state: str, more: dict[str, Any]) -> None:
        """What became of it, on the disk too. more: names and values beside it."""
        import json

        line = {"state": state, **more}
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | _OPEN_FLAGS)
            try:
                # The LF in front ends a line that was not finished.
                data = f"\n{json.dumps(line)}\n".encode()
                if os.write(fd, data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(fd)
        except OSError as error:
            raise cannot("write", self.path, error) from None
        self.later.append(line)
        if state != AWAITING:
            unmark(os.path.dirname(self.path))

    def to_dict(self) -> dict[str, Any]:
        """What `ipvsfast history --json` shows of it."""
        values: dict[str, Any] = {
            "number": self.number, "when": self.when, "who": self.who.to_dict(), "command": self.command,
            "folder": self.folder, "source": self.source, "tag": self.tag, "state": self.state,
            "undoes": self.undoes, "continues": self.continues, "continued_by": self.continued_by,
            "undone_by": self.undone_by, "confirm_within": self.confirm_within, "confirmed": self.confirmed,
            "seconds_left": self.seconds_left, "boot": self.boot, "this_boot": self.this_boot,
        }  # fmt: skip
        for name, numbers in (("planned", self.planned), ("done", self.done)):
            values[name] = dict(zip(("added", "changed", "deleted"), numbers))
        return values

    @property
    def title(self) -> str:
        """What it is, in a sentence: `apply 12 of rules`."""
        kind = f"undo {self.number} of {self.undoes}" if self.undoes else f"apply {self.number}"
        return kind if self.undoes else f"{kind} of {self.source}"

    @property
    def day(self) -> str:
        """When it was, as text."""
        import time

        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.when))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Journal):
            return NotImplemented
        return (self.path, self._head, self.later) == (other.path, other._head, other.later)

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"<Journal {self.title}: {self.state}>"


def mark(folder: str) -> None:
    """For the native front: an apply is not settled."""
    os.close(os.open(f"{folder}/{UNSETTLED}", os.O_WRONLY | os.O_CREAT | _OPEN_FLAGS, 0o600))


def unmark(folder: str) -> None:
    """The other way round."""
    try:
        os.unlink(f"{folder}/{UNSETTLED}")
    except OSError:
        pass


def is_alive(pid: int, started: int) -> bool:
    """Whether that very process still runs."""
    return bool(started) and process_start(pid) == started


def cannot(verb: str, path: str, error: OSError) -> StateError:
    """The exception for what cannot be read or written."""
    return StateError(error.errno or errno.EIO, cannot_text(verb, path, error.strerror))


def begun(plan: Plan, **head: Any) -> bytes:
    """The text of a new journal. head: what the plan does not say."""
    import json
    import zlib

    ops, before = bytes(plan.ops), plan.before()
    packed = zlib.compress(ops + before, 1)
    values = {
        "ipvsfast_journal": JOURNAL_VERSION, **head, "planned": (plan.added, plan.edited, plan.deleted),
        "order": plan.how.order, "orders": _orders(plan) if plan.how.order else {},
        "settings": _settings(plan), "packed_as": _PACKED_AS, "operations": len(ops) // OP_SIZE,
        "size": len(packed),
    }  # fmt: skip
    return json.dumps(values).encode() + b"\n" + packed


def _settings(plan: Plan) -> dict[str, Any]:
    """Timeouts and daemons as they were, where the plan touches them, and as they are to be."""
    found: dict[str, Any] = {}
    for change in plan.settings_changes():
        op = change.operation
        before = None if change.before is None else change.before.to_dict()
        after = None if change.after is None else change.after.to_dict()
        name = "timeouts" if op.command == "set" else str(op.value and op.value.to_dict()["state"])
        pair = found.setdefault(name, [before, after])
        pair[1] = after
    return found


def _orders(plan: Plan) -> dict[str, list[str]]:
    """The keys of destinations, newest first, of each service that the plan touches."""
    touched = {
        service_key(service_of(plan.ops[at : at + OP_SIZE])) for at in range(0, len(plan.ops), OP_SIZE)
    }
    found = {}
    for service, dests in packed_rows(*plan.present.reading.rows()):
        key = service_key(service)
        if key in touched:
            found[key.hex()] = [dest_key(dest).hex() for dest in dests]
    return found


def read_journal(path: str, boot: str) -> Journal | None:
    """A journal from its file; None for one that is gone, or not whole. boot: the present one."""
    import json

    try:
        with open(os.open(path, os.O_RDONLY | _OPEN_FLAGS), "rb") as file:
            first = file.readline()
            head = json.loads(first)
            if head["ipvsfast_journal"] != JOURNAL_VERSION:
                return None
            file.seek(len(first) + int(head["size"]))
            later = [line for line in map(_line, file.read().split(b"\n")) if line]
        found = Journal(path, head, later, len(first))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot("read", path, error) from None
    except (ValueError, KeyError, TypeError):
        return None
    found.this_boot = found.boot == boot
    return found


def _line(text: bytes) -> dict[str, Any]:
    import json

    try:
        value = json.loads(text)
    except ValueError:  # its writer was killed
        return {}
    return value if isinstance(value, dict) and isinstance(value.get("state"), str) else {}


def account_of(applied: Applied) -> dict[str, Any]:
    """What a journal keeps of the account."""
    return {
        "done": (applied.added, applied.edited, applied.deleted), "refused": len(applied.refused),
        "unsent": applied.unsent, "left": None if applied.left is None else str(applied.left),
    }  # fmt: skip
