"""Host and service names that no system is asked for: a resolver, and the lookups below the real one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from ipvsfast.resolver import Lookups


class FakeResolver:
    """Answers from tables, and keeps the questions. Without tables it knows nothing.

    hosts: addresses by name; ports: by (name, protocol); addresses: names by address; services: names by
    (port, protocol).
    """

    def __init__(
        self,
        hosts: Mapping[str, bytes] | None = None,
        ports: Mapping[tuple[str, str], int] | None = None,
        addresses: Mapping[bytes, str] | None = None,
        services: Mapping[tuple[int, str], str] | None = None,
    ) -> None:
        self.hosts, self.ports = hosts or {}, ports or {}
        self.addresses, self.services = addresses or {}, services or {}
        self.asked: list[str] = []
        self.prefetched: list[tuple[list[bytes], bool]] = []  # with whether names have to be confirmed

    def host(self, name: str) -> bytes | None:
        self.asked.append(name)
        return self.hosts.get(name)

    def port(self, name: str, protocol: str) -> int | None:
        self.asked.append(f"{name}/{protocol}")
        return self.ports.get((name, protocol))

    def prefetch(self, addresses: Iterable[bytes], confirm: bool = False) -> None:
        self.prefetched.append((list(addresses), confirm))

    def address_name(self, packed: bytes) -> str | None:
        return self.addresses.get(packed)

    def service_name(self, port: int, protocol: str) -> str | None:
        return self.services.get((port, protocol))


class FakeLookups(Lookups):
    """Answers from tables, keeps the questions, and hangs or fails where it is told to.

    names: by address; addresses: lists by (name, family); services: names by (port, protocol).
    """

    def __init__(self, names=(), addresses=(), services=(), hang=(), fail=()):
        self.names, self.addresses, self.services = dict(names), dict(addresses), dict(services)
        self.fail = dict(fail)
        self.hang, self.asked, self.release = set(hang), [], threading.Event()

    def _answer(self, question, table):
        self.asked.append(question)
        if question in self.hang:
            self.release.wait(30)
        if question not in table:
            raise OSError("no answer")
        return table[question]

    def reverse(self, packed):
        return self._answer(packed, self.names)

    def forward(self, name, family):
        if (name, family) in self.fail:
            self.asked.append((name, family))
            raise self.fail[name, family]
        return self._answer((name, family), {(name, family): [], **self.addresses})

    def service(self, port, protocol):
        return self._answer((port, protocol), self.services)

    def port(self, name, protocol):
        return self._answer((name, protocol), {(n, p): number for (number, p), n in self.services.items()})
