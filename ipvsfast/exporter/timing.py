"""How long and how many: what one client may cost the others."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


class Patience:
    """In seconds. idle: for a request to begin; head: for it to be whole, and for a TLS handshake; stall:
    for a client to take anything; answer: for it to take all; reading: for the table to be read; ending: at
    the end, for what is being answered. clients: how many may be connected."""

    __slots__ = ("answer", "clients", "ending", "head", "idle", "reading", "stall")

    def __init__(
        self, idle: float = 120.0, head: float = 10.0, stall: float = 10.0, answer: float = 120.0,
        reading: float = 30.0, ending: float = 10.0, clients: int = 128,
    ) -> None:  # fmt: skip
        self.idle: Final[float] = idle
        self.head: Final[float] = head
        self.stall: Final[float] = stall
        self.answer: Final[float] = answer
        self.reading: Final[float] = reading
        self.ending: Final[float] = ending
        self.clients: Final[int] = clients
