"""Where a reading of the table comes from: the one place that knows which sources there are.

A source fills a reading; what is above does not care how. Another one is a class here and a row in SOURCES,
and "auto" chooses in `source_of`.
"""

from __future__ import annotations

from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from ..kernel.session import Session
    from ..kernel.table_reading import Reading

    class Source(Protocol):
        """What fills readings."""

        @property
        def name(self) -> str:
            """The word for it in `source=`."""
            ...

        def read(self, into: Reading) -> None:
            """Reads the whole table over the old rows of a reading."""
            ...


class NetlinkSource:
    """Everything that the kernel tells, one dump for each service."""

    name = "netlink"

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, into: Reading) -> None:
        """Reads the whole table over the old rows of a reading."""
        self._session.read(into=into)


SOURCES = {"netlink": NetlinkSource}
NAMES = ("auto", *SOURCES)


def source_of(name: str, session: Session) -> Source:
    """The source of that name; "auto" takes the best that there is."""
    if name not in NAMES:
        raise InvalidValue(f"source must be one of {', '.join(NAMES)}, not {name!r}")
    return SOURCES["netlink" if name == "auto" else name](session)
