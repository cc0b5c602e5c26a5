"""What is made of a configuration: operations, mistakes, and what no table can say."""

from __future__ import annotations

from ..errors import InvalidValue
from ..model.destination import Destination
from ..model.keys import DestinationKey, ServiceKey
from ..model.operation import Operation
from ..model.service import Service
from ..model.settings import SyncDaemon, Timeouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypeVar

    _V = TypeVar("_V", Service, Destination, SyncDaemon, Timeouts)

MOST_MISTAKES = 100  # are told; behind them the text is not read any more


class TextPlace:
    """A line of a file."""

    __slots__ = ("source", "line")

    def __init__(self, source: str, line: int) -> None:
        self.source: Final[str] = source
        self.line: Final[int] = line


class LeftOut:
    """What a configuration says and no table can, or what is taken where it says nothing. what: its text.
    reason: why it is left out, or what is taken; the same for all of one kind."""

    __slots__ = ("source", "line", "what", "reason")

    def __init__(self, source: str, line: int, what: str, reason: str) -> None:
        self.source: Final[str] = source
        self.line: Final[int] = line
        self.what: Final[str] = what
        self.reason: Final[str] = reason

    def __str__(self) -> str:
        """`FILE:LINE: what: why`"""
        return f"{self.source}:{self.line}: {self.what}: {self.reason}"

    def __repr__(self) -> str:
        return f"<LeftOut {self}>"


class Mistake(Exception):
    """Text that cannot be understood."""

    def __init__(self, line: int, message: str, what: str = "") -> None:
        super().__init__(line, message, what)  # copies are made of these
        self.line: Final[int] = line
        self.message: Final[str] = message
        self.what: Final[str] = what

    def __str__(self) -> str:
        return self.message


class TooMany(Exception):
    """There are so many mistakes that the rest is not worth reading."""


class Account:
    """Collects while a configuration is read."""

    def __init__(self) -> None:
        self.operations: Final[list[Operation]] = []
        self.mistakes: Final[list[tuple[TextPlace, str, str]]] = []
        self.left_out: Final[list[LeftOut]] = []
        self.included: Final[set[str]] = set()  # files, and patterns of them, that are part of it
        self._named: Final[list[tuple[TextPlace, str]]] = []
        self._seen: Final[dict[tuple[ServiceKey, DestinationKey | None], TextPlace]] = {}

    def wrong(self, place: TextPlace, what: str, message: str) -> None:
        """One mistake: `what` is the text, or what it is about."""
        self.mistakes.append((place, what, message))
        if len(self.mistakes) >= MOST_MISTAKES:
            raise TooMany

    def leave(self, place: TextPlace, what: str, reason: str) -> None:
        """Something that is not in the table that is made."""
        self.left_out.append(LeftOut(place.source, place.line, what, reason))

    def places(self, source: str) -> list[tuple[int, bytes]]:
        """Of each service its line, and its text; 0 and also the file where that is not `source`."""
        found = []
        for place, what in self._named:
            here = place.source == source
            text = what if here else f"{place.source}:{place.line}: {what}"
            found.append((place.line if here else 0, text.encode("utf-8", "surrogateescape")))
        return found

    def value(self, place: TextPlace, what: str, make: Callable[[], _V]) -> _V | None:
        """The value, or None after a mistake."""
        try:
            return make()
        except InvalidValue as error:
            self.wrong(place, what, error.strerror or str(error))
        return None

    def service(self, place: TextPlace, what: str, service: Service) -> bool:
        """Adds it, unless it is there."""
        before = self._seen.get((service.key, None))
        if before is not None:
            self.wrong(place, what, f"{service.key} stands twice, first in {before.source}:{before.line}")
            return False
        self._seen[service.key, None] = place
        self._named.append((place, what))
        self.operations.append(Operation("add-service", service))
        return True

    def destination_again(self, service: ServiceKey, destination: DestinationKey) -> TextPlace | None:
        """Where the service has got this destination before."""
        return self._seen.get((service, destination))

    def destination(self, place: TextPlace, what: str, service: ServiceKey, destination: Destination) -> None:
        """Adds it, unless it is there, or does not go with the service."""
        before = self._seen.get((service, destination.key))
        if before is not None:
            message = f"{destination.key} stands twice, first in {before.source}:{before.line}"
            return self.wrong(place, what, message)
        try:
            operation = Operation("add-destination", service, destination)
        except InvalidValue as error:
            return self.wrong(place, what, error.strerror or str(error))
        self._seen[service, destination.key] = place
        self.operations.append(operation)
        return None

    def setting(self, value: Timeouts | SyncDaemon) -> None:
        """What is set for a whole namespace."""
        daemon = isinstance(value, SyncDaemon)
        self.operations.append(Operation("start-daemon" if daemon else "set", None, None, value))
