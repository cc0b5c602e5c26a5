"""What the requests of one run share."""

from __future__ import annotations

import os

from ..arguments import hint
from ..grammar import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..client import Ipvs
    from ..grammar import Request, UsageError
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
    """The table, opened when first needed, our name, the resolver, and who carries out requests."""

    def __init__(self, program: str, carry_out: Callable[[Command, Request], int]) -> None:
        self.program = program
        self._carry_out = carry_out
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
        return hint(self.program)

    def run(self, request: Request) -> int:
        """Carries out one request; returns the exit status."""
        return self._carry_out(self, request)
