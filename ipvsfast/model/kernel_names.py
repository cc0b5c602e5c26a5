"""Numbers of the kernel and the words for them, each once. tests/native holds them against linux/ip_vs.h.

What a table or a command line shows instead of such a word (`Masq`, `-m`) stands where it is written. The
same words as types for checkers are in types.py; a test compares the two.
"""

from __future__ import annotations

from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

AF_INET, AF_INET6 = 2, 10
FAMILY_NAMES = {AF_INET: "ipv4", AF_INET6: "ipv6"}

# Protocols of services, and those of the connection table as the kernel writes them there. IP is that of
# the templates of firewall marks.
TCP, UDP, SCTP = 6, 17, 132
PROTOCOLS: dict[str, int] = {"tcp": TCP, "udp": UDP, "sctp": SCTP}
PROTOCOL_NAMES: dict[int, str] = {number: name for name, number in PROTOCOLS.items()}
CONNECTION_PROTOCOLS = {0: "IP", 1: "ICMP", TCP: "TCP", UDP: "UDP", 58: "ICMPv6", SCTP: "SCTP"}

# IPVS_CMD_* by ipvsadm's names for them.
COMMANDS = {
    "add-service": 1,
    "edit-service": 2,
    "delete-service": 3,
    "add-destination": 5,
    "edit-destination": 6,
    "delete-destination": 7,
    "start-daemon": 9,
    "stop-daemon": 10,
    "set": 12,
    "zero": 16,
    "flush": 17,
}
COMMAND_NAMES = {number: name for name, number in COMMANDS.items()}

# IP_VS_SVC_F_*
F_PERSISTENT, F_HASHED, F_ONEPACKET = 0x01, 0x02, 0x04
F_SCHED1, F_SCHED2, F_SCHED3 = 0x08, 0x10, 0x20
F_SCHED = F_SCHED1 | F_SCHED2 | F_SCHED3

# IP_VS_CONN_F_*: the word for a forwarding method is at the place of its number.
CONN_F_FWD_MASK, CONN_F_SYNC = 0x7, 0x20
FORWARDING = ("masq", "local", "tunnel", "route", "bypass")
FORWARDING_CODES: dict[str, int] = {name: number for number, name in enumerate(FORWARDING)}

# IP_VS_CONN_F_TUNNEL_TYPE_* and IP_VS_TUNNEL_ENCAP_FLAG_*, in the same way.
TUNNELS = ("ipip", "gue", "gre")
TUNNEL_CODES: dict[str, int] = {name: number for number, name in enumerate(TUNNELS)}
CHECKSUMS = ("nocsum", "csum", "remcsum")
CHECKSUM_CODES: dict[str, int] = {name: number for number, name in enumerate(CHECKSUMS)}

# IP_VS_STATE_*
DAEMON_STATES: dict[str, int] = {"master": 1, "backup": 2}
DAEMON_STATE_NAMES = {number: name for name, number in DAEMON_STATES.items()}

INT_MAX = 2**31 - 1
NAME_MAX = 15  # bytes of a scheduler or interface name
ENGINE_MAX = NAME_MAX + 1  # of a persistence engine: the kernel lets this one fill its field
MAX_TIMEOUT = 31 * 24 * 3600  # what ipvsadm allows; the kernel multiplies by HZ in 32 bits


def flag_names(scheduler: str, bits: int) -> list[str]:
    """Names of scheduler flag bits as ipvsadm writes them: sh-fallback, sh-port, mh-..., flag-N."""
    names = ["flag-1", "flag-2", "flag-3"]
    if scheduler in ("sh", "mh"):
        names[:2] = [f"{scheduler}-fallback", f"{scheduler}-port"]
    return [n for n, b in zip(names, (F_SCHED1, F_SCHED2, F_SCHED3)) if bits & b]


def flag_bits(scheduler: str, names: Iterable[str]) -> int:
    """The bits of scheduler flag names; InvalidValue for unknown ones or those of another scheduler."""
    bits = 0
    for name in names:
        prefix, _, rest = str(name).partition("-")
        if prefix == "flag" and rest in ("1", "2", "3"):
            bits |= F_SCHED1 << (int(rest) - 1)
        elif prefix in ("sh", "mh") and rest in ("fallback", "port"):
            if prefix != scheduler:
                raise InvalidValue(f"incompatible scheduler flag `{name}'")
            bits |= F_SCHED1 if rest == "fallback" else F_SCHED2
        else:
            raise InvalidValue(f"invalid scheduler flag `{name}'")
    return bits
