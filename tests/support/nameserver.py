"""A name server for tests, with the answers and the faults that a test wants."""

from __future__ import annotations

import queue
import socket
import struct
import threading
from collections.abc import Mapping

A, AAAA = 1, 28
SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5

# What becomes of a question: packed addresses (none of them: the name has none), a response code, or silence.
Answer = list[bytes] | int | None


class NameServer:
    """Answers by (name, type), and that there is no such name to everything else.

    hold: nothing is answered before so many different names were asked for. asked: the questions so far.
    """

    def __init__(self, address: str, answers: Mapping[tuple[str, int], Answer], hold: int = 0) -> None:
        self.asked: list[tuple[str, int]] = []
        self.arrived: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self._answers = answers
        self._hold = hold
        self._held: list[tuple[bytes, tuple[str, int]]] = []  # packets with their senders
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more questions are taken."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, client = self._socket.recvfrom(512)
            if not packet:
                return
            name, kind = question(packet)
            self.asked.append((name, kind))
            self.arrived.put((name, kind))
            self._held.append((packet, client))
            if len({name for name, _ in self.asked}) >= self._hold:
                for packet, client in self._held:
                    self._answer(packet, client)
                self._held.clear()

    def _answer(self, packet: bytes, client: tuple[str, int]) -> None:
        answer = self._answers.get(question(packet), NXDOMAIN)
        if answer is not None:
            self._socket.sendto(response(packet, answer), client)


def question(packet: bytes) -> tuple[str, int]:
    """The name and the type that a packet asks for."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels), struct.unpack_from(">H", packet, at + 1)[0]


def response(packet: bytes, answer: list[bytes] | int) -> bytes:
    """The packet that answers another one."""
    end = packet.index(b"\0", 12) + 5
    kind = packet[end - 4 : end - 2]
    code, addresses = (answer, []) if isinstance(answer, int) else (0, answer)
    head = packet[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(addresses), 0, 0)
    records = [b"\xc0\x0c" + kind + struct.pack(">HIH", 1, 60, len(packed)) + packed for packed in addresses]
    return head + packet[12:end] + b"".join(records)
