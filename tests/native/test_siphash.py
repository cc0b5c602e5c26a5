"""The hash of C: its published answers, and that inputs which are made to collide do not."""

from __future__ import annotations

import ctypes
import random
import socket
from functools import cache
from itertools import product

import pytest

from ipvsfast.kernel.conn_reader import ConnReader
from support.built import library
from support.connlines import HEADER, line
from support.connread import file_of

KEY = bytes(range(16))


@cache
def hashes(word_rounds: int = 1, end_rounds: int = 3) -> ctypes.CDLL:
    rounds = (f"-DIPVSF_SIP_WORD_ROUNDS={word_rounds}", f"-DIPVSF_SIP_END_ROUNDS={end_rounds}")
    built = library("hashes", flags=rounds)
    built.hash64.restype = ctypes.c_uint64
    return built


def packed_key(key: bytes) -> ctypes.Array[ctypes.c_uint64]:
    """The key as C holds it: two numbers."""
    return (ctypes.c_uint64 * 2)(int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little"))


def hash64(built: ctypes.CDLL, key: bytes, data: bytes) -> int:
    return int(built.hash64(packed_key(key), data, ctypes.c_size_t(len(data))))


def hash128(built: ctypes.CDLL, key: bytes, data: bytes) -> bytes:
    found = (ctypes.c_uint64 * 2)()
    built.hash128(packed_key(key), data, ctypes.c_size_t(len(data)), found)
    return b"".join([number.to_bytes(8, "little") for number in found])


def test_the_answer_of_the_specification() -> None:
    """Appendix A of the paper: SipHash-2-4 of 15 bytes."""
    assert hash64(hashes(2, 4), KEY, bytes(range(15))) == 0xA129CA6149BE45E5


@pytest.mark.parametrize(
    ("size", "answer"),
    [(0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45")],
)
def test_the_published_answers_of_128_bits(size: int, answer: str) -> None:
    """Of SipHash-2-4, which its authors published with the longer output."""
    assert hash128(hashes(2, 4), KEY, bytes(range(size))).hex() == answer


@pytest.mark.parametrize(
    ("size", "answer"),
    [
        (1, 0x68A914128E01E473), (7, 0x2F098AB0C751325A), (8, 0xEAD411E67EBE2EEA), (15, 0xF30EB725BB91C9EA),
        (16, 0x8972188433A5C5B7), (64, 0x75E05FD5BBC870C6),
    ],
)  # fmt: skip
def test_the_answers_of_another_implementation(size: int, answer: int) -> None:
    """CPython 3.11 and later hash bytes with SipHash-1-3, and PYTHONHASHSEED=0 makes the key zero."""
    assert hash64(hashes(), bytes(16), bytes(range(size))) == answer


def test_keys_are_secret() -> None:
    """No two are the same, and none is zero."""
    keys = [(ctypes.c_uint64 * 2)() for _ in range(100)]
    assert [hashes().new_key(key) for key in keys] == [0] * 100
    assert len({bytes(key) for key in keys}) == 100
    assert bytes(16) not in {bytes(key) for key in keys}


BITS = 5


def colliding_clients() -> list[bytes]:
    """IPv6 clients whose packed keys collided, 32 at a time and under every seed, where each word was mixed in by
    `h = (h ^ word) * K; h ^= h >> 32`: a change of the highest bits stays in those, the shift copies it 32 bits
    down, and the next word can take back both."""
    found = []
    for first, high, low in product(range(1 << BITS), repeat=3):
        words = first << 64 - BITS, high << 64 - BITS | low << 32 - BITS, 1
        key = b"".join([word.to_bytes(8, "little") for word in words])[:17]
        found.append(bytes([socket.AF_INET6]) + key[1:])
    return found


def test_clients_cannot_choose_one_slot() -> None:
    """Of 2^15 hashes of 32 bits about none are the same by chance; with the clients' help 31 of 32 were."""
    keys = colliding_clients()
    found = (ctypes.c_uint32 * len(keys))()
    assert hashes().hash_clients(b"".join(keys), ctypes.c_size_t(len(keys)), found) == 0
    assert len(set(keys)) == len(keys)
    assert len(keys) - len(set(found)) < 8


def test_clients_cannot_hide_each_other() -> None:
    """200,000 pairs of IPv6 clients that were taken for one, 1 of 9,000, where the mark of an entry was made by two
    multiplications for each word: the first difference comes out of them as the second one."""
    chosen = random.Random(1)
    rest = line("TCP", "2001:db8::9", 1, "2001:db8::1", 80, "2001:db8::2").split(b" ", 2)[2]
    text = [HEADER]
    for _ in range(200_000):
        number = chosen.getrandbits(128)
        for difference in (0, 0x8000000400000000 << 64 | 0x4CA446A280000000):
            client = (number ^ difference).to_bytes(16, "little").hex(":", 2)
            text.append(b"TCP %s %s" % (client.encode(), rest))
    reader = ConnReader()
    reader.remember(True)
    reader.attach(file_of(b"".join(text)))
    while not reader.ended:
        reader.count()
    assert (reader.account.matched, reader.account.repeated) == (400_000, 0)
