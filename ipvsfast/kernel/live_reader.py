"""The door to the reader of live counters (csrc/live), as kernel/session.py is to netlink.

All cdata stays in here. A reading works for a slice of time only, so that Ctrl-C is noticed.
"""

from __future__ import annotations

import errno
import os
import sys

from .._native import ffi, lib
from ..errors import KernelError
from ..model.kernel_names import AF_INET, AF_INET6, FAMILY_NAMES, PROTOCOLS
from ..model.place import included, parse_place
from .session import BUDGET_MS, Opened, table_changing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ..model.table_filter import TableFilter
    from .session import Session
    from .table_reading import Reading

_REASON_SIZE = 512
_PROTOCOL_BITS = {"tcp": lib.IPVSF_LIVE_TCP, "udp": lib.IPVSF_LIVE_UDP, "sctp": lib.IPVSF_LIVE_SCTP}
_FAMILY_BITS = {AF_INET: lib.IPVSF_LIVE_IPV4, AF_INET6: lib.IPVSF_LIVE_IPV6}
_PLACES: int = lib.IPVSF_LIVE_PLACES
_COUNTS = ("runs", "places", "restarts", "uneven", "behind", "read_ns", "longest_ns", "cpus")


class LiveReader(Opened):
    """Reads the table with its counters as they are now, by a BPF program, in the namespace of a session.

    All rights are asked for here: KernelError says why it cannot be, such as a capability that is missing, or
    lockdown. Threads may share it; a fork may not. It needs the session for no more than being made.
    """

    _what = "reader of live counters"

    def __init__(self, session: Session) -> None:
        super().__init__()
        reason, out = ffi.new("char[]", _REASON_SIZE), ffi.new("struct ipvsf_live **")
        code = session.open_live(reason, _REASON_SIZE, out)
        if code == -errno.ENOMEM:
            raise MemoryError
        if code:
            text = ffi.string(reason).decode("utf-8", "replace") or os.strerror(-code)
            raise KernelError(-code, f"live counters cannot be read: {text}")
        self._own(out[0], lib.ipvsf_live_close)

    def read(self, into: Reading, wanted: TableFilter | None = None) -> None:
        """The table as it is now, over the old rows of a reading, in the order of Session.read().

        wanted: rows that are not wanted are not read, as far as the program can tell: by what identifies
        services and destinations, at most 64 places of each. All other rows are there, also those that a
        scheduler, numbers or the limit of `wanted` would leave out: whoever asks chooses among them as in any
        reading.

        KernelError: ENODEV when the module was removed or replaced, for which another reader can be made;
        TableChanging when the kernel changes the size of its table for too long; ECHILD after fork; others
        for what cannot be true.
        """
        table = into.begin().table
        chosen = ffi.NULL if wanted is None else _packed(wanted)
        with self._own_lock():
            code = lib.ipvsf_live_begin(self._open(), chosen)
            while code in (0, -errno.EAGAIN, -errno.EINTR):
                code = lib.ipvsf_live_read(self._open(), table, BUDGET_MS)
                if not code:
                    return
        raise _error(code)

    @property
    def account(self) -> dict[str, int]:
        """How the last reading went: `runs` of the program, the `longest_ns` and all of them (`read_ns`) in
        nanoseconds; `places` lost as the table changed and `restarts` as it changed its size; `uneven`:
        services with another number of destinations than the kernel counted; `behind`: counters below those
        of the kernel's last estimation (then the reading failed); `cpus` whose counters were added up."""
        out = ffi.new("struct ipvsf_live_account *")
        with self._own_lock():
            lib.ipvsf_live_account(self._open(), out)
        return {name: int(getattr(out, name)) for name in _COUNTS}


def _error(code: int) -> Exception:
    """The exception for a reading that failed."""
    if code == -errno.ENOMEM:
        return MemoryError()
    if code == -errno.EBUSY:
        return table_changing()
    text = {
        -errno.ENODEV: "the module ip_vs was removed or replaced",
        -errno.ECHILD: "a reader of live counters cannot be used after fork: make a new one",
        -errno.EBADMSG: "what was read of live counters cannot be true",
    }.get(code, f"live counters: {os.strerror(-code)}")
    return KernelError(-code, text)


def _packed(wanted: TableFilter) -> Any:
    """struct ipvsf_live_wanted of what the program can tell."""
    packed = ffi.new("struct ipvsf_live_wanted *")
    packed.families = sum(
        [bit for af, bit in _FAMILY_BITS.items() if _holds(wanted.families, FAMILY_NAMES[af])]
    )
    packed.protocols = _protocols(wanted.protocols)
    if wanted.fwmarks:
        packed.protocols &= lib.IPVSF_LIVE_MARK
        if wanted.service:  # an address: no mark has one
            packed.protocols = 0
        packed.marks = len(wanted.fwmarks) <= _PLACES
        places = [(mark.to_bytes(4, sys.byteorder), b"\xff" * 4, 0, 0, 65535, 0) for mark in wanted.fwmarks]
    else:
        places = _places(wanted.service)
        if places:
            packed.protocols &= ~lib.IPVSF_LIVE_MARK
    packed.num_services = _put(places, packed.services)
    packed.services_included = any(not place[-1] for place in places)
    places = _places(wanted.destination)
    packed.num_dests = _put(places, packed.dests)
    packed.dests_included = any(not place[-1] for place in places)
    return packed


def _holds(words: tuple[str, ...], word: str) -> bool:
    """As conditions on a word hold, those that exclude among them."""
    named = [text for text in words if text[0] != "!"]
    return f"!{word}" not in words and (not named or word in named)


def _protocols(words: tuple[str, ...]) -> int:
    """Bits of those that may be wanted."""
    bits = sum([bit for name, bit in _PROTOCOL_BITS.items() if _holds(words, name)])
    if _holds(words, "fwm"):
        bits |= lib.IPVSF_LIVE_MARK
    named = [text for text in words if text[0] != "!"]
    if not named or any(text not in PROTOCOLS and text != "fwm" for text in named):
        bits |= lib.IPVSF_LIVE_OTHER
    return int(bits)


_Place = tuple[bytes, bytes, int, int, int, int]


def _places(texts: tuple[str, ...]) -> list[_Place]:
    """(address, mask, family or 0, lowest port, highest port, excluded), those that exclude first."""
    found = []
    for text in texts:
        place, wanted = included(text)
        family, packed, prefix, low, high = parse_place(place)
        size = 8 * len(packed)
        mask = (((1 << prefix) - 1) << (size - prefix)).to_bytes(len(packed), "big")
        address = bytes([a & m for a, m in zip(packed, mask)])
        found.append((address, mask, family, low, high, int(not wanted)))
    return sorted(found, key=lambda place: -place[-1])


def _put(places: Iterable[_Place], into: Any) -> int:
    """Packs them; how many. Where they are too many, none: whoever asked leaves rows out by himself."""
    rows = list(places)
    if len(rows) > _PLACES:
        return 0
    for place, (address, mask, family, low, high, excluded) in zip(into, rows):
        place.addr[0 : len(address)] = address
        place.mask[0 : len(mask)] = mask
        place.af, place.low, place.high, place.excluded = family, low, high, excluded
    return len(rows)
