"""What the requests of one run share."""

from __future__ import annotations

import os

from ..errors import IpvsError, IpvsUnavailable
from ..language.words import hint
from .output import ExitWith

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..client import Ipvs
    from ..language.parse import Request
    from ..language.words import UsageError
    from ..resolver import Resolver
    from .done import Done


HOPE = "Are you sure that IP Virtual Server is built in the kernel or as module?"


def _modprobe() -> bool:
    """Whether /sbin/modprobe loaded ip_vs; what it has to say goes to standard error."""
    try:
        pid = os.posix_spawn("/sbin/modprobe", ["/sbin/modprobe", "--", "ip_vs"], os.environ)
    except OSError:
        return False
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def open_table() -> Ipvs:
    """The table of our own namespace; ExitWith (2) with ipvsadm's two lines if there is none."""
    from ..client import Ipvs

    try:
        try:
            return Ipvs()
        except IpvsUnavailable:
            # The kernel has tried already; modprobe says why it cannot be done.
            if not _modprobe():
                raise
            return Ipvs()
    except IpvsError as error:
        text = str(error.strerror)
        if not text.startswith("Can't"):
            text = f"Can't initialize ipvs: {text}"
        raise ExitWith(2, f"{text}\n{HOPE}") from None


class LateResolver:
    """The resolver, loaded only when a name has to be looked up, and kept for its answers."""

    _loaded: Resolver | None = None

    def host(self, name: str) -> bytes | None:
        return self.resolver().host(name)

    def port(self, name: str, protocol: str) -> int | None:
        return self.resolver().port(name, protocol)

    def resolver(self) -> Resolver:
        if self._loaded is None:
            from ..resolver import Resolver

            self._loaded = Resolver()
        return self._loaded


class Context:
    """The table, opened when first needed, our name, and the resolver.

    done: what the native front has done already of the one command that this run is for.
    """

    def __init__(self, program: str) -> None:
        self.program = program
        self.names: LateResolver = LateResolver()
        self.done: Done | None = None
        self._ipvs: Ipvs | None = None

    @property
    def ipvs(self) -> Ipvs:
        if self._ipvs is None:
            self._ipvs = open_table()
            if self.done is not None:  # listings in one run all show what was so at its start
                from ..model.settings import Info

                self._ipvs.opened = Info._make(self._ipvs.opened.version, self.done.size)
        return self._ipvs

    def parse(self, argv: Sequence[str]) -> Request:
        """What ipvsadm's own words ask for. A verb goes without that grammar and what it needs."""
        from ..language.parse import parse

        posix = "POSIXLY_CORRECT" in os.environ or "POSIX_ME_HARDER" in os.environ
        own = self.program.rpartition("/")[2] != "ipvsadm"
        return parse(argv, self.names, self.program, posix, own)

    def hint(self) -> UsageError:
        """What is said of a first word that is no command."""
        return hint(self.program)
