"""One entry of the connection table. No I/O."""

from __future__ import annotations

from .address import format_ip

# Bits of the kernel's flags (IP_VS_CONN_F_*).
FORWARDING_MASK, F_SYNC = 0x7, 0x20
FORWARDING = {0: "masq", 1: "local", 2: "tunnel", 3: "route", 4: "bypass"}

_PROTOCOLS = {0: "IP", 1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP"}


def protocol_text(number: int) -> str:
    """A protocol as the kernel writes it here: TCP, UDP, SCTP, IP for marks' templates, IP_50."""
    return _PROTOCOLS.get(number) or f"IP_{number}"


def protocol_number(text: str) -> int | None:
    """The number of a protocol by its name in any case, or by its number; None if it is neither."""
    upper = text.upper()
    for known, name in _PROTOCOLS.items():
        if name.upper() == upper:
            return known
    digits = upper.removeprefix("IP_")
    number = int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < 4 else 256
    return number if number < 256 else None


class Connection(tuple):  # type: ignore[type-arg]
    """One entry of the connection table: a connection, or the template of a persistent client.

    A plain tuple: (protocol number, template, client, port, service, port, destination, port, state,
    expires, engine, data, details) with packed addresses. details is None, as the kernel's text does not
    tell them, or (flags, fwmark, timeout, packets), where BPF read the entry. A template has client port
    0; that of a firewall mark has protocol IP and the mark as its service address (77 is 0.0.0.77).
    """

    __slots__ = ()

    @property
    def protocol(self) -> str:
        """As the kernel writes it: TCP, UDP, SCTP, IP, ICMP, ICMPv6, IP_50."""
        return protocol_text(self[0])

    @property
    def protocol_number(self) -> int:
        return self[0]  # type: ignore[no-any-return]

    @property
    def template(self) -> bool:
        """Whether this is a persistence template. The kernel's text does not say so: of entries with
        client port 0, those in state NONE or ASSURED are taken for templates."""
        return self[1]  # type: ignore[no-any-return]

    @property
    def client(self) -> str:
        """Address of the client."""
        return format_ip(self[2])

    @property
    def client_packed(self) -> bytes:
        return self[2]  # type: ignore[no-any-return]

    @property
    def client_port(self) -> int:
        return self[3]  # type: ignore[no-any-return]

    @property
    def service(self) -> str:
        """Virtual address that the client speaks to."""
        return format_ip(self[4])

    @property
    def service_packed(self) -> bytes:
        return self[4]  # type: ignore[no-any-return]

    @property
    def service_port(self) -> int:
        return self[5]  # type: ignore[no-any-return]

    @property
    def destination(self) -> str:
        """Address of the real server; its family may differ from the service's."""
        return format_ip(self[6])

    @property
    def destination_packed(self) -> bytes:
        return self[6]  # type: ignore[no-any-return]

    @property
    def destination_port(self) -> int:
        return self[7]  # type: ignore[no-any-return]

    @property
    def state(self) -> str:
        """As the kernel writes it: ESTABLISHED, FIN_WAIT, UDP, ASSURED ..."""
        return self[8]  # type: ignore[no-any-return]

    @property
    def expires(self) -> int:
        """Seconds until the entry ends if nothing more is seen."""
        return self[9]  # type: ignore[no-any-return]

    @property
    def engine(self) -> str:
        """Name of the persistence engine, or ""."""
        return self[10]  # type: ignore[no-any-return]

    @property
    def data(self) -> bytes:
        """What the persistence engine keeps (a SIP Call-ID): bytes chosen by a client. Never print them
        raw; listing.connections.escaped() makes them fit for a terminal."""
        return self[11]  # type: ignore[no-any-return]

    @property
    def details(self) -> tuple[int, int, int, int] | None:
        """(flags, fwmark, timeout, packets): IP_VS_CONN_F_* bits, mark of its service, seconds that expires
        starts from, packets received; None where only the text was read."""
        return self[12]  # type: ignore[no-any-return]

    @property
    def forwarding(self) -> str | None:
        """How its packets are sent on: masq, local, tunnel, route or bypass; None: not known."""
        return None if self[12] is None else FORWARDING.get(self[12][0] & FORWARDING_MASK, "")

    @property
    def origin(self) -> str | None:
        """"sync" if another director told of it, else "local"; None: not known."""
        return None if self[12] is None else "sync" if self[12][0] & F_SYNC else "local"

    def __repr__(self) -> str:
        return (
            f"<Connection {self.protocol} {self.state} {self.client}:{self.client_port} -> "
            f"{self.service}:{self.service_port} -> {self.destination}:{self.destination_port}>"
        )
