"""Where a reading of the table comes from: the one place that knows which sources there are.

A source fills a reading; what is above does not care how. Another one is a class here and a row in SOURCES,
and "auto" chooses in `source_of`.
"""

from __future__ import annotations

from ..errors import InvalidValue
from ..kernel.table_reading import BY_NETLINK, EVERYTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ..kernel.reading_memory import LentRows
    from ..kernel.session import Session
    from ..kernel.table_reading import Reading

    class Source(Protocol):
        """What fills readings."""

        @property
        def name(self) -> str:
            """The word for it in `source=`."""
            ...

        def read(self, into: Reading, before: LentRows | None = None) -> None:
            """Reads the whole table over the old rows of a reading. before: the reading before this one."""
            ...


class NetlinkSource:
    """Everything that the kernel tells, one dump for each service."""

    name = "netlink"

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, into: Reading, before: LentRows | None = None) -> None:
        """Reads the whole table over the old rows of a reading."""
        self._session.read(into=into, scope=BY_NETLINK)


class SockoptSource:
    """The same values for less: services by one dump, and by the older socket option the destinations of each
    of which that tells all. Its counters have 32 bits; they are taken where bytes prove that this is enough,
    or where they go on from those of the reading before. csrc/sockopt/dest_rows.c does it."""

    name = "sockopt"

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, into: Reading, before: LentRows | None = None) -> None:
        """Reads the whole table over the old rows of a reading."""
        self._session.read(into=into, scope=EVERYTHING, before=before)


SOURCES: dict[str, type[NetlinkSource] | type[SockoptSource]] = {
    "netlink": NetlinkSource,
    "sockopt": SockoptSource,
}
NAMES = ("auto", *SOURCES)


def source_of(name: str, session: Session) -> Source:
    """The source of that name; "auto" takes the best that there is."""
    if name not in NAMES:
        raise InvalidValue(f"source must be one of {', '.join(NAMES)}, not {name!r}")
    return SOURCES["sockopt" if name == "auto" else name](session)
