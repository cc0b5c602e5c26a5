"""Where a reading of the table comes from: the one place that knows which sources there are.

A source fills a reading; what is above does not care how. Another one is a class here and a line of
`source_of`, and AutoSource chooses.
"""

from __future__ import annotations

import errno
import os
import time

from ..errors import InvalidValue, IpvsError, IpvsUnavailable
from ..kernel.table_reading import BY_NETLINK, EVERYTHING
from ..policy import CONFIG, no_live_counters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ..kernel.live_reader import LiveReader
    from ..kernel.reading_memory import LentRows
    from ..kernel.session import Session
    from ..kernel.table_reading import Reading
    from ..model.table_filter import TableFilter
    from ..model.types import SnapshotSource

    class Source(Protocol):
        """What fills readings. `name` is the word for where the last one came from, `note` what whoever uses
        it should know of that, a sentence, mostly empty. `interval`: seconds between readings as far as they
        are known, which may change at any time."""

        name: str
        note: str
        interval: float | None

        def open(self) -> None:
            """Gets ready what takes privileges."""
            ...

        def close(self) -> None:
            """Gives back what open() got."""
            ...

        def read(self, into: Reading, before: LentRows | None, estimating: bool | None) -> None:
            """Reads the table over the old rows of a reading. before: the rows of the reading before this
            one, if these are the kernel's own counters. estimating: whether the kernel refreshes those."""
            ...


LIVE = "live"
VARIABLE = "IPVSFAST_COUNTERS_SOURCE"
# So often the kernel refreshes the counters of each service and destination, in seconds.
REFRESH = 2.0
STEPS = (
    f"the kernel refreshes its counters every {REFRESH:g} s: in a shorter interval they stand still, or step"
)
_PATIENCE = 30.0  # seconds after which it is tried again to get what was refused


class _KernelsOwn:
    """The kernel's own counters, which take no more than a session."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.name: str = name
        self.note: str = ""
        self.interval: float | None = None

    def open(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class NetlinkSource(_KernelsOwn):
    """Everything that the kernel tells, one dump for each service."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "netlink")

    def read(self, into: Reading, before: LentRows | None, estimating: bool | None) -> None:
        """Reads the whole table over the old rows of a reading."""
        self._session.read(into=into, scope=BY_NETLINK)


class SockoptSource(_KernelsOwn):
    """The same values for less: services by one dump, and by the older socket option the destinations of each
    of which that tells all. Its counters have 32 bits; they are taken where bytes prove that this is enough,
    or where they go on from those of the reading before. csrc/sockopt/dest_rows.c does it."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "sockopt")

    def read(self, into: Reading, before: LentRows | None, estimating: bool | None) -> None:
        """Reads the whole table over the old rows of a reading."""
        self._session.read(into=into, scope=EVERYTHING, before=before)


class LiveSource:
    """Counters as they are at this moment, which a BPF program sums up over the processors. wanted: what rows
    are asked for; the others are not read."""

    def __init__(self, session: Session, wanted: TableFilter | None = None) -> None:
        self.name: str = LIVE
        self.note: str = ""
        self.interval: float | None = None
        self._session, self._wanted = session, wanted
        self._reader: LiveReader | None = None

    def open(self) -> None:
        """Loads the program, if it is not there; afterwards readings take no privilege. IpvsError: why it
        cannot be had, IpvsUnavailable among them."""
        if self._reader is not None:
            return
        if no_live_counters():
            raise IpvsError(errno.EACCES, f"reading live counters is forbidden by {CONFIG}")
        from ..kernel.live_reader import LiveReader

        try:
            self._reader = LiveReader(self._session)
        except IpvsError:
            self._session.info()  # tells better that there is no module
            raise

    def read(self, into: Reading, before: LentRows | None, estimating: bool | None) -> None:
        """Reads what is wanted over the old rows of a reading."""
        self.open()
        assert self._reader is not None  # open() has made one
        try:
            self._reader.read(into, self._wanted)
        except IpvsError as error:
            if error.errno in (errno.EAGAIN, errno.ECHILD):  # changing, so the next reading may work; forked
                raise
            self.close()
            self._session.info()  # tells, once, that the module was removed, or removed and loaded again
            self.open()
            self._reader.read(into, self._wanted)

    def close(self) -> None:
        """Unloads the program."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


class AutoSource:
    """Live counters where those of the kernel would stand still: for readings that are less than two seconds
    apart, and where it refreshes none. Else, and where live ones cannot be had, the socket option."""

    def __init__(self, session: Session, wanted: TableFilter | None = None) -> None:
        self._live, self._other = LiveSource(session, wanted), SockoptSource(session)
        self.interval: float | None = None
        self.name: str = self._other.name
        self.note: str = ""
        self._refusal = ""
        self._again = 0.0  # when the next try is due, in monotonic seconds

    def open(self) -> None:
        """Gets live counters ready, if they can be had: for who gives up privileges."""
        self._ready()

    def close(self) -> None:
        """Unloads the program."""
        self._live.close()

    def _ready(self) -> bool:
        if self._refusal and time.monotonic() < self._again:
            return False
        try:
            self._live.open()
        except IpvsUnavailable:
            raise
        except IpvsError as error:
            self._refuse(error)
            return False
        self._refusal = ""
        return True

    def _refuse(self, error: IpvsError) -> None:
        self._refusal = reason_of(error)
        self._again = time.monotonic() + (0 if error.errno == errno.EAGAIN else _PATIENCE)

    def read(self, into: Reading, before: LentRows | None, estimating: bool | None) -> None:
        """Reads the table over the old rows of a reading."""
        self.note = ""
        short = self.interval is not None and self.interval < REFRESH
        if short or estimating is False:
            if self._ready():
                try:
                    self._live.read(into, before, estimating)
                    self.name = self._live.name
                    return
                except IpvsUnavailable:
                    raise
                except IpvsError as error:
                    self._refuse(error)
            self.note = f"live counters cannot be had: {self._refusal}"
            if estimating is not False:
                self.note = f"{STEPS}; {self.note}"
        self._other.read(into, before, estimating)
        self.name = self._other.name


def reason_of(error: IpvsError) -> str:
    """Why live counters cannot be had, to go on after that."""
    return str(error).removeprefix("live counters cannot be read: ")


NAMES = ("auto", LIVE, "netlink", "sockopt")


def source_of(name: str, session: Session, wanted: TableFilter | None = None) -> Source:
    """The source of that name. wanted: rows that are asked for, for a source that can leave the others
    out."""
    if check_source(name) == "auto":
        return AutoSource(session, wanted)
    if name == LIVE:
        return LiveSource(session, wanted)
    return NetlinkSource(session) if name == "netlink" else SockoptSource(session)


def check_source(name: str) -> SnapshotSource:
    """The same, if it is the name of a source; else InvalidValue."""
    if name not in NAMES:
        raise InvalidValue(f"source must be one of {', '.join(NAMES)}, not {name!r}")
    return name  # type: ignore[return-value]  # it was looked up


def chosen_source(asked: str | None) -> SnapshotSource:
    """For a command: what was asked for, else what the environment says, else "auto"."""
    default = os.environ.get(VARIABLE) or "auto"
    if default not in NAMES:
        raise InvalidValue(f"{VARIABLE}={default}: {', '.join(NAMES)} can be chosen")
    return check_source(default if asked is None else asked)
