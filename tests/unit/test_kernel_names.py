"""The numbers that Python repeats from linux/ip_vs.h, each against the header."""

import re
import socket
from pathlib import Path

from ipvsfast.model import kernel_names as names

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ipvsfast"


def header() -> dict[str, int]:
    """Every number that the header names: what it defines, and the members of its enums."""
    text = re.sub(r"/\*.*?\*/", "", (ROOT / "csrc/uapi/linux/ip_vs.h").read_text(), flags=re.DOTALL)
    found: dict[str, int] = {}
    for name, low, shift in re.findall(
        r"^#define\s+(\w+)\s+\(?(0x[0-9a-fA-F]+|\d+)(?:\s*<<\s*(\d+))?\)?\s*$", text, re.MULTILINE
    ):
        found[name] = int(low, 0) << int(shift or 0)
    for members in re.findall(r"enum\s*\{(.*?)\}", text, re.DOTALL):
        number = 0
        for member in re.findall(r"[^,]+", members):
            name, _, value = (part.strip() for part in member.partition("="))
            if name:
                number = int(value, 0) if value.isdecimal() else number
                found[name] = number
                number += 1
    return found


HEADER = header()


def numbers(prefix: str, *words: str) -> list[int]:
    """Their numbers in the header."""
    return [HEADER[prefix + word] for word in words]


def test_commands() -> None:
    """ipvsadm's names for IPVS_CMD_*."""
    theirs = {
        "add-service": "NEW_SERVICE", "edit-service": "SET_SERVICE", "delete-service": "DEL_SERVICE",
        "add-destination": "NEW_DEST", "edit-destination": "SET_DEST", "delete-destination": "DEL_DEST",
        "start-daemon": "NEW_DAEMON", "stop-daemon": "DEL_DAEMON", "set": "SET_CONFIG",
        "zero": "ZERO", "flush": "FLUSH",
    }  # fmt: skip
    assert {ours: HEADER[f"IPVS_CMD_{word}"] for ours, word in theirs.items()} == names.COMMANDS
    assert {names.COMMANDS[word]: word for word in names.COMMANDS} == names.COMMAND_NAMES


def test_flags_of_services() -> None:
    """IP_VS_SVC_F_*"""
    ours = [
        names.F_PERSISTENT,
        names.F_HASHED,
        names.F_ONEPACKET,
        names.F_SCHED1,
        names.F_SCHED2,
        names.F_SCHED3,
    ]
    words = ("PERSISTENT", "HASHED", "ONEPACKET", "SCHED1", "SCHED2", "SCHED3")
    assert ours == numbers("IP_VS_SVC_F_", *words)
    assert sum(numbers("IP_VS_SVC_F_", "SCHED1", "SCHED2", "SCHED3")) == names.F_SCHED


def test_flags_of_connections() -> None:
    """IP_VS_CONN_F_*: forwarding methods with their mask, and what the sync daemon made."""
    assert numbers("IP_VS_CONN_F_", "FWD_MASK", "SYNC") == [names.CONN_F_FWD_MASK, names.CONN_F_SYNC]
    methods = numbers("IP_VS_CONN_F_", "MASQ", "LOCALNODE", "TUNNEL", "DROUTE", "BYPASS")
    assert methods == [
        names.FORWARDING.index(word) for word in ("masq", "local", "tunnel", "route", "bypass")
    ]
    assert methods == list(names.FORWARDING_CODES.values())


def test_tunnels() -> None:
    """Types of tunnels and their checksums, all that the header has."""
    types = numbers("IP_VS_CONN_F_TUNNEL_TYPE_", "IPIP", "GUE", "GRE")
    assert types == [names.TUNNELS.index(word) for word in ("ipip", "gue", "gre")]
    assert types == list(names.TUNNEL_CODES.values())
    assert len(names.TUNNELS) == HEADER["IP_VS_CONN_F_TUNNEL_TYPE_MAX"]
    sums = numbers("IP_VS_TUNNEL_ENCAP_FLAG_", "NOCSUM", "CSUM", "REMCSUM")
    assert sums == [names.CHECKSUMS.index(word) for word in ("nocsum", "csum", "remcsum")]
    assert sums == list(names.CHECKSUM_CODES.values())


def test_states_of_daemons() -> None:
    """IP_VS_STATE_*"""
    states = dict(zip(("master", "backup"), numbers("IP_VS_STATE_", "MASTER", "BACKUP")))
    assert states == names.DAEMON_STATES
    assert {number: word for word, number in states.items()} == names.DAEMON_STATE_NAMES


def test_limits() -> None:
    """Names of schedulers and interfaces end with a NUL in the kernel's field, those of engines need none."""
    assert {names.NAME_MAX + 1} == set(numbers("IP_VS_", "SCHEDNAME_MAXLEN", "IFNAME_MAXLEN"))
    assert HEADER["IP_VS_PENAME_MAXLEN"] == names.ENGINE_MAX
    assert names.MAX_TIMEOUT * 1000 < 2**32  # with the largest HZ


def test_numbers_of_the_network() -> None:
    """Families and protocols are those of the system."""
    assert (names.AF_INET, names.AF_INET6) == (socket.AF_INET, socket.AF_INET6)
    protocols = (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_SCTP)
    assert (names.TCP, names.UDP, names.SCTP) == protocols == tuple(names.PROTOCOL_NAMES)
    assert {names.PROTOCOL_NAMES[number]: number for number in protocols} == names.PROTOCOLS
    for number, word in names.CONNECTION_PROTOCOLS.items():
        assert number == getattr(socket, f"IPPROTO_{word.upper()}")


def test_every_number_stands_once() -> None:
    """No other module makes such a constant of its own."""
    own = {name for name in vars(names) if name.isupper() and name != "TYPE_CHECKING"}
    for path in PACKAGE.rglob("*.py"):
        if path.name != "kernel_names.py":
            made = set(re.findall(r"^(\w+)(?:: [^=\n]+)? = ", path.read_text(), re.MULTILINE))
            assert not made & own, f"{path.relative_to(ROOT)} repeats {sorted(made & own)}"
