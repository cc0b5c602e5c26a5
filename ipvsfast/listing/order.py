"""The order in which ipvsadm lists services and destinations.

ipvsadm compares two values by subtracting them as unsigned 32-bit words and looking at the sign of
the result as a signed 32-bit number: fwmark, family, protocol, the words of the address, port. So
values 2**31 or more apart compare the wrong way round, and three values can form a circle; then the
result depends on the algorithm, a stable top-down merge sort, and on the order of the input. Files
under version control show this order, so it is kept.

Wherever all values that are compared in one column lie within less than 2**31 of each other on the
circle of 32-bit numbers, the comparison is a total order, and any stable sort gives the same result.
That is nearly always so, and then the built-in sort does the work.
"""

from __future__ import annotations

from ..model.kernel_names import AF_INET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypeVar

    from ..model.destination import Destination
    from ..model.keys import DestinationKey, ServiceKey
    from ..model.service import Service

    _T = TypeVar("_T")
    Words = tuple[int, ...]
    Entry = tuple[Service, Sequence[Destination]]

_HALF = 1 << 31
_MASK = (1 << 32) - 1


def sort_services(table: Iterable[Entry]) -> list[Entry]:
    """The (service, destinations) pairs in ipvsadm's order; destinations are left as they are.

    The input order matters where the comparison goes in circles: give the kernel's.
    """
    entries = list(table)
    if len(entries) < 2:
        return entries
    ordered = sorted(entries, key=_service_key)
    if _is_plain(ordered):
        return ordered
    return _arranged(entries, [_service_words(service.key) for service, _ in entries])


def sort_destinations(destinations: Sequence[Destination]) -> list[Destination]:
    """The destinations of one service in ipvsadm's order. Input order as for sort_services."""
    if len(destinations) < 2:
        return list(destinations)
    ordered = sorted(destinations, key=_key)
    first, last = ordered[0].key, ordered[-1].key  # family first: all are of one family if these are
    if first[0] != last[0]:
        words = [_mixed_words(d.key) for d in destinations]
        return [destinations[i] for i in merge_sort(range(len(words)), words, _mixed_after)]
    if _is_plain_run(first[1], last[1]):
        return ordered
    return _arranged(destinations, [(*_address_words(d.key[1]), d.key[2]) for d in destinations])


class _Numbered:
    """A key where the functions above look for it, and its place in the input."""

    __slots__ = ("key", "number")

    def __init__(self, key: Any, number: int) -> None:
        self.key, self.number = key, number


def service_numbers(keys: Sequence[ServiceKey]) -> list[int]:
    """The numbers of the services with these keys in ipvsadm's order."""
    entries: Any = [(_Numbered(key, number), ()) for number, key in enumerate(keys)]
    found: list[Any] = sort_services(entries)
    return [entry[0].number for entry in found]


def destination_numbers(keys: Sequence[DestinationKey], first: int, count: int) -> list[int]:
    """The numbers of `count` destinations of one service, from the first one on, in ipvsadm's order."""
    numbered: Any = [_Numbered(keys[number], number) for number in range(first, first + count)]
    found: list[Any] = sort_destinations(numbered)
    return [one.number for one in found]


def _key(destination: Destination) -> DestinationKey:
    return destination.key


def _service_key(entry: Entry) -> ServiceKey:
    return entry[0].key


def _is_plain(ordered: list[Entry]) -> bool:
    """Whether naturally sorted services are in ipvsadm's order too: the quick check, for most tables."""
    if ordered[-1][0].key[0] - ordered[0][0].key[0] >= _HALF:
        return False
    start = 0
    while start < len(ordered):
        fwmark, family, protocol, packed, _ = ordered[start][0].key
        if fwmark:  # nothing but marks from here on, and they have no address
            return True
        end = _first_beyond(ordered, start, (0, family, protocol + 1))
        if not _is_plain_run(packed, ordered[end - 1][0].key[3]):
            return False
        start = end
    return True


def _is_plain_run(first: bytes, last: bytes) -> bool:
    """The same for addresses of one family, given the least and the greatest: one word differs, by little."""
    return first[:-4] == last[:-4] and _number(last[-4:]) - _number(first[-4:]) < _HALF


def _first_beyond(ordered: list[Entry], start: int, limit: tuple[int, ...]) -> int:
    low, high = start, len(ordered)
    while low < high:
        middle = (low + high) // 2
        if ordered[middle][0].key < limit:
            low = middle + 1
        else:
            high = middle
    return low


def _number(packed: bytes) -> int:
    return int.from_bytes(packed, "big")


def _address_words(packed: bytes) -> Words:
    if len(packed) == 4:
        return (_number(packed),)
    number = _number(packed)
    return number >> 96, number >> 64 & _MASK, number >> 32 & _MASK, number & _MASK


def _service_words(key: ServiceKey) -> Words:
    fwmark, family, protocol, packed, port = key
    return fwmark, family, protocol, *_address_words(packed), port


def _mixed_words(key: DestinationKey) -> Words:
    """All columns for a list of both families; an IPv4 address is the first of four words there."""
    family, packed, port = key
    if len(packed) == 4:
        return family, _number(packed), 0, 0, 0, port
    return family, *_address_words(packed), port


def _after(a: Words, b: Words) -> bool:
    """Whether ipvsadm finds `a` greater than `b`."""
    for left, right in zip(a, b):
        if left != right:
            return (left - right) & _MASK < _HALF
    return False


def _mixed_after(a: Words, b: Words) -> bool:
    """The same for destinations of both families: that of `a` decides how much is compared."""
    if a[0] == AF_INET:
        return _after((a[1], a[5]), (b[1], b[5]))
    return _after(a[1:], b[1:])


def _arranged(items: Sequence[_T], words: list[Words]) -> list[_T]:
    natural = sorted(range(len(words)), key=words.__getitem__)
    order = _settled(natural, words, 0)
    if order is None:
        order = merge_sort(range(len(words)), words, _after)
    return [items[i] for i in order]


def _settled(run: list[int], words: list[Words], column: int) -> list[int] | None:
    """`run` in ipvsadm's order, or None if the comparison may go in circles there.

    `run` holds indices of entries that are equal in all columns before `column`, sorted naturally.
    """
    first, last = words[run[0]], words[run[-1]]
    while column < len(first) and first[column] == last[column]:
        column += 1
    if column == len(first):
        return run
    if last[column] - first[column] >= _HALF:
        # Values on an arc shorter than half the circle leave a gap of more than the other half, and
        # such a gap has 2**31 in it. The arc, and with it the order, begins after the gap.
        cut = _first_from(run, words, column)
        if words[run[cut]][column] - words[run[cut - 1]][column] <= _HALF:
            return None
        run = run[cut:] + run[:cut]
    ordered: list[int] = []
    start = 0
    while start < len(run):
        value = words[run[start]][column]
        end = start + 1
        while end < len(run) and words[run[end]][column] == value:
            end += 1
        if end - start == 1:
            ordered.append(run[start])
        else:
            inner = _settled(run[start:end], words, column + 1)
            if inner is None:
                return None
            ordered += inner
        start = end
    return ordered


def _first_from(run: list[int], words: list[Words], column: int) -> int:
    """Index in `run` of the first value of 2**31 or more; there is one, and it is not the first."""
    low, high = 0, len(run) - 1
    while low < high:
        middle = (low + high) // 2
        if words[run[middle]][column] >= _HALF:
            high = middle
        else:
            low = middle + 1
    return low


def merge_sort(order: Sequence[int], words: list[Any], after: Callable[[Any, Any], bool]) -> list[int]:
    """Stable top-down merge sort of indices into `words`: halves of n // 2 and the rest.

    With a comparison that goes in circles this very algorithm decides what comes out.
    """
    if len(order) < 2:
        return list(order)
    half = len(order) // 2
    left = merge_sort(order[:half], words, after)
    right = merge_sort(order[half:], words, after)
    merged: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if after(words[left[i]], words[right[j]]):
            merged.append(right[j])
            j += 1
        else:
            merged.append(left[i])
            i += 1
    return merged + left[i:] + right[j:]
