"""Names of hosts and services, in both directions.

Listings need the names of many addresses at once, rule files the addresses of many names. They are
looked up together, in threads of their own and within a time limit: what has no name by then is shown
as a number, what has no address by then is a mistake. Names of addresses come from whoever runs their
reverse zone, so those that could be anything but a plain host name are dropped.
"""

from __future__ import annotations

from .model.address import LookupFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    _K = TypeVar("_K")
    _V = TypeVar("_V")

__all__ = ["DEFAULT_TIMEOUT", "RULES_TIMEOUT", "RULES_VARIABLE", "TIMEOUT_VARIABLE", "Lookups", "Resolver",
           "is_host_name"]  # fmt: skip

TIMEOUT_VARIABLE = "IPVSFAST_DNS_TIMEOUT"  # seconds for all reverse lookups together; 0: none
DEFAULT_TIMEOUT = 2.0
RULES_VARIABLE = "IPVSFAST_RULES_DNS_TIMEOUT"  # seconds for all names of a rule file together
RULES_TIMEOUT = 30.0  # glibc asks three servers that are silent for 28 s before it gives up
DEFAULT_WORKERS = 32
_STAND_IN = bytes(4)  # for an address that will be looked up
_SLICE = 0.05  # a signal that comes just before a wait is only seen after it

_AF_INET, _AF_INET6, _SOCK_STREAM = 2, 10, 1
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


def is_host_name(text: str) -> bool:
    """Whether `text` is safe to show, and to write into a rule, as the name of an address.

    Letters, digits, `-`, `_` and `.` only; it does not look like an option or like an address.
    """
    if not 0 < len(text) < 256 or text[0] in "-." or not text.isascii():
        return False
    if not text.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return False
    last = text.rstrip(".").rpartition(".")[2]
    return not (last.isdigit() or (last[:2] in ("0x", "0X") and _HEX_DIGITS.issuperset(last[2:])))


class Lookups:
    """The questions to the system, each of which may block. Resolver takes another one in tests."""

    def reverse(self, packed: bytes) -> str:
        """The name of an address; OSError if it has none."""
        from _socket import NI_NAMEREQD, getnameinfo, inet_ntop

        text = inet_ntop(_AF_INET if len(packed) == 4 else _AF_INET6, packed)
        return getnameinfo((text, 0), NI_NAMEREQD)[0]

    def forward(self, name: str, family: int) -> list[bytes]:
        """The packed addresses of a name in one family (2 or 10), in the system's order.

        Empty if the system says that there are none. OSError if it cannot say: no answer, or an error.
        """
        from _socket import EAI_ADDRFAMILY, EAI_NODATA, EAI_NONAME, gaierror, getaddrinfo, inet_pton

        # As bytes: for a str Python would load its whole IDNA machinery.
        raw = name.encode("utf-8", "surrogateescape")
        try:
            answers = getaddrinfo(raw, None, family, _SOCK_STREAM)
        except gaierror as error:
            if error.errno in (EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY):
                return []
            raise
        texts = [str(answer[4][0]) for answer in answers]
        if family == _AF_INET and len(texts) > 1:
            # The answers above stand in an order that depends on this machine's own addresses.
            from _socket import gethostbyname_ex

            texts = gethostbyname_ex(raw)[2]  # type: ignore[arg-type]
        return [inet_pton(family, text) for text in texts if "%" not in text]

    def service(self, port: int, protocol: str) -> str:
        """The service name of a port; OSError if it has none."""
        from _socket import getservbyport

        return getservbyport(port, protocol)

    def port(self, name: str, protocol: str) -> int:
        """The port of a service name; OSError if there is none."""
        from _socket import getservbyname

        return getservbyname(name, protocol)


class Resolver:
    """Answers about names, remembered for its life: that of one command.

    timeout: seconds that all calls of `prefetch` together may take; None means what the environment
    variable IPVSFAST_DNS_TIMEOUT says, else 2. With 0 no address is looked up. rules_timeout: the same
    for `look_up`, IPVSFAST_RULES_DNS_TIMEOUT, else 30. workers: lookups at the same time. A lookup that
    hangs is left behind in its thread, which keeps no process alive.
    """

    def __init__(
        self, timeout: float | None = None, workers: int = DEFAULT_WORKERS, lookups: Lookups | None = None,
        rules_timeout: float | None = None,
    ) -> None:  # fmt: skip
        self._left = _from_environment(TIMEOUT_VARIABLE, DEFAULT_TIMEOUT) if timeout is None else timeout
        if rules_timeout is None:
            rules_timeout = _from_environment(RULES_VARIABLE, RULES_TIMEOUT)
        self._rules_left = rules_timeout
        self._workers = workers
        self._lookups = Lookups() if lookups is None else lookups
        self._hosts: dict[str, bytes | LookupFailed | None] = {}
        self._wanted: list[str] | None = None  # names to be looked up later, while `together` notes them
        self._names: dict[bytes, str | None] = {}
        self._confirmed: dict[bytes, str | None] = {}
        self._services: dict[tuple[int, str], str | None] = {}
        self._ports: dict[tuple[str, str], int | None] = {}

    def host(self, name: str) -> bytes | None:
        """Packed first IPv4 address of a name; its first IPv6 address if it surely has no IPv4; else None.

        LookupFailed if neither can be found out. Waits as long as the system does, but not against Ctrl-C.
        """
        if name not in self._hosts:
            if self._wanted is not None:
                self._wanted.append(name)
                return _STAND_IN
            self._look_up([name], float("inf"))
        found = self._hosts[name]
        if isinstance(found, LookupFailed):
            raise found
        return found

    def together(self, work: Callable[[], _V]) -> _V:
        """What `work` gives, with all host names that it asks for looked up at the same time.

        It is given stand-ins for addresses that are not known yet, and is then carried out once more, from
        its beginning, until it has asked for no such name. So it may change nothing.
        """
        while True:
            wanted: list[str] = []
            self._wanted = wanted
            try:
                result = work()
            finally:
                self._wanted = None
            if not wanted:
                return result
            self.look_up(wanted)

    def look_up(self, names: Iterable[str]) -> None:
        """Look up the addresses of names, all at the same time, within what is left of the limit.

        A name that was not answered in time could not be looked up, from then on.
        """
        pending = [name for name in dict.fromkeys(names) if name not in self._hosts]
        from time import monotonic

        start = monotonic()
        self._look_up(pending, max(self._rules_left, 0))
        self._rules_left -= monotonic() - start

    def _look_up(self, names: list[str], seconds: float) -> None:
        try:
            found = _in_parallel(self._address_of, names, self._workers, seconds)
        except RuntimeError:  # no thread can be started, but a rule needs its address
            found = {name: self._address_of(name) for name in names}
        for name in names:
            late = name not in found
            self._hosts[name] = _failed(name, "no answer in time") if late else found[name]

    def _address_of(self, name: str) -> bytes | LookupFailed | None:
        try:
            # No answer about IPv4 is no reason to make it IPv6.
            found = self._ask(name, _AF_INET) or self._ask(name, _AF_INET6)
        except OSError as error:
            return _failed(name, error.strerror or str(error))
        return found[0] if found else None

    def _ask(self, name: str, family: int) -> list[bytes]:
        if not name or "\0" in name:
            return []
        try:
            return self._lookups.forward(name, family)
        except ValueError:  # not a valid name to ask for
            return []

    def port(self, name: str, protocol: str) -> int | None:
        """The port of a service name (case matters) for "tcp", "udp" or "sctp", or None."""
        key = (name, protocol)
        if key not in self._ports:
            try:
                self._ports[key] = self._lookups.port(name, protocol)
            except (OSError, ValueError):
                self._ports[key] = None
        return self._ports[key]

    def service_name(self, port: int, protocol: str) -> str | None:
        """The service name of a port for "tcp", "udp" or "sctp", or None."""
        key = (port, protocol)
        if key not in self._services:
            try:
                name = self._lookups.service(port, protocol)
            except (OSError, ValueError):
                name = ""
            # The services database is local, but may be as odd as any file.
            plain = name.isascii() and name.isprintable() and not name.isdigit()
            self._services[key] = name if plain and not set(name) & set(" :[]") and name else None
        return self._services[key]

    def prefetch(self, addresses: Iterable[bytes], confirm: bool = False) -> None:
        """Look up the names of packed addresses, all at the same time, within what is left of the timeout.

        confirm: look up each name in turn too, for confirmed_name. An address that was not answered
        in time counts as nameless from then on.
        """
        if self._left <= 0:
            return
        known = self._confirmed if confirm else self._names
        pending = list(dict.fromkeys([packed for packed in addresses if packed not in known]))
        if not pending:
            return
        from time import monotonic

        start = monotonic()
        look_up = self._confirmed_name_of if confirm else self._name_of
        try:
            found = _in_parallel(look_up, pending, self._workers, self._left)
        except RuntimeError:  # no thread can be started
            found = {}
        self._left -= monotonic() - start
        for packed in pending:
            known[packed] = found.get(packed)

    def address_name(self, packed: bytes) -> str | None:
        """The name that prefetch found, or None. Never blocks."""
        return self._names.get(packed)

    def confirmed_name(self, packed: bytes) -> str | None:
        """The name of an IPv4 address if that name leads back to it and to no other IPv4 address.

        None otherwise, and for what was not given to prefetch with confirm. Never blocks.
        """
        return self._confirmed.get(packed)

    def _name_of(self, packed: bytes) -> str | None:
        name = self._lookups.reverse(packed)
        return name if is_host_name(name) else None

    def _confirmed_name_of(self, packed: bytes) -> str | None:
        if len(packed) != 4:
            return None
        name = self._names.get(packed) or self._name_of(packed)
        # A name with several addresses gives another one first every other time.
        return name if name and set(self._ask(name, _AF_INET)) == {packed} else None


def _failed(name: str, reason: str) -> LookupFailed:
    return LookupFailed(f"{name} could not be looked up: {reason}")


def _from_environment(variable: str, default: float) -> float:
    from os import environ

    try:
        timeout = float(environ.get(variable, ""))
    except ValueError:
        return default
    return min(timeout, 3600.0) if timeout >= 0 else default


def _in_parallel(function: Callable[[_K], _V], items: list[_K], workers: int, seconds: float) -> dict[_K, _V]:
    """What `function` gave for those items that were done within `seconds`; failures are left out.

    RuntimeError if not one thread could be started.

    The threads are those of _thread, not of threading: the interpreter waits for none of them at its
    end, and threading need not be loaded.
    """
    from _thread import allocate_lock, start_new_thread
    from time import monotonic

    deadline = monotonic() + seconds
    waiting = items[::-1]
    results: dict[_K, _V] = {}

    def work(done: Callable[[], None]) -> None:
        try:
            while True:
                item = waiting.pop()
                try:
                    results[item] = function(item)
                except Exception:  # no answer, whatever the reason
                    continue
        except IndexError:
            pass  # nothing is waiting any more
        finally:
            done()

    running: list[LockType] = []
    for _ in range(min(workers, len(items))):
        lock = allocate_lock()
        lock.acquire()
        try:
            start_new_thread(work, (lock.release,))
        except RuntimeError:  # no more threads can be started
            if not running:
                raise
            break
        running.append(lock)
    try:
        for lock in running:
            while not lock.acquire(timeout=min(max(deadline - monotonic(), 0), _SLICE)):
                if monotonic() >= deadline:
                    return results.copy()
    finally:
        waiting.clear()  # also when interrupted: no lookup is begun any more
    return results.copy()
