"""Clients and servers on the loopback device of a namespace; called inside the worker."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from typing import NamedTuple

from parity.namespaces import Namespace, bind_mount, ip, unmount

from support.nameserver import Answer, NameServer

SO_MARK = 36
IPPROTO_SCTP = 132


_name_servers: dict[Namespace, NameServer] = {}


class Flow(NamedTuple):
    """One client. close: it closes its TCP connection, and so does the server if that is "both"."""

    kind: str  # tcp, udp, sctp
    source: tuple[str, int]
    target: tuple[str, int]
    mark: int = 0
    payload: bytes = b"x"
    close: str = ""


def addresses(namespace: Namespace, *texts: str) -> None:
    """Adds addresses to the loopback device."""
    for text in texts:
        words = ("nodad",) if ":" in text else ()
        ip("address", "add", f"{text}/{128 if ':' in text else 32}", "dev", "lo", *words)


def listeners(namespace: Namespace, *endpoints: tuple[str, str, int]) -> None:
    """Servers that live as long as the namespace: (kind, address, port)."""
    for kind, host, port in endpoints:
        server = _socket(kind, host)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        if kind != "udp":
            server.listen(100)
        namespace.sockets.append(server)


def clients(namespace: Namespace, *flows: Flow) -> None:
    """Every flow sends its payload; its sockets live as long as the namespace unless it closes."""
    for flow in flows:
        client = _socket(flow.kind, flow.source[0])
        client.settimeout(5)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if flow.mark:
            client.setsockopt(socket.SOL_SOCKET, SO_MARK, flow.mark)
        client.bind(flow.source)
        client.connect(flow.target)
        client.send(flow.payload)
        if flow.close == "both":
            _close_servers(namespace)
        if flow.close:
            client.close()
        else:
            namespace.sockets.append(client)


def _close_servers(namespace: Namespace) -> None:
    """Accepts what waits at the TCP servers, and closes it."""
    for server in namespace.sockets:
        if server.type == socket.SOCK_STREAM and server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            server.settimeout(0.05)
            try:
                while True:
                    server.accept()[0].close()
            except TimeoutError:
                pass


def wait_for_counters(namespace: Namespace, wanted: str, seconds: float = 8) -> str:
    """The --stats listing once it matches `wanted`: the kernel adds counters up every two seconds."""
    from parity.programs import THEIRS, Run, run_file

    end = time.monotonic() + seconds
    while True:
        text = run_file(THEIRS, Run(("-Ln", "--stats", "--exact"))).stdout.decode()
        if re.search(wanted, text) or time.monotonic() > end:
            return text
        time.sleep(0.2)


def silent_name_server(namespace: Namespace, folder: str) -> None:
    """Names are asked of a server on the loopback device that never answers, for one second each."""
    listeners(namespace, ("udp", "127.0.0.53", 53))
    ask_name_server(folder)


def name_server(
    namespace: Namespace,
    folder: str,
    answers: dict[tuple[str, int], Answer],
    hold: int = 0,
    patience: str = "1 1",
) -> None:
    """Names are asked of a server that gives these answers. patience: seconds for each attempt, attempts."""
    _name_servers[namespace] = NameServer("127.0.0.53", answers, hold)
    ask_name_server(folder, *patience.split())


def no_name_server(namespace: Namespace) -> list[tuple[str, int]]:
    """Ends it; what it was asked."""
    usual_name_files(namespace)
    server = _name_servers.pop(namespace)
    server.close()
    return server.asked


def interrupted(namespace: Namespace, *words: str) -> tuple[int, str]:
    """Runs a program, and interrupts it when it has asked the name server; its status and messages."""
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        try:
            _name_servers[namespace].arrived.get(timeout=60)
            child.send_signal(signal.SIGINT)
            messages = child.communicate(timeout=60)[1]
        finally:
            child.kill()
    return child.returncode, messages


def ask_name_server(folder: str, seconds: str = "1", attempts: str = "1") -> None:
    """Names come from 127.0.0.53 only."""
    resolver = f"nameserver 127.0.0.53\noptions timeout:{seconds} attempts:{attempts}\n"
    for name, text in (("resolv.conf", resolver), ("nsswitch.conf", "hosts: dns\nservices: files\n")):
        path = f"{folder}/{name}"
        with open(path, "w") as file:
            file.write(text)
        bind_mount(path, f"/etc/{name}")


def usual_name_files(namespace: Namespace) -> None:
    """Undoes ask_name_server."""
    for name in ("resolv.conf", "nsswitch.conf"):
        unmount(f"/etc/{name}")


def connection_file(namespace: Namespace) -> str:
    with open("/proc/net/ip_vs_conn", encoding="latin-1", newline="\n") as file:
        return file.read()


def _socket(kind: str, host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if kind == "udp":
        return socket.socket(family, socket.SOCK_DGRAM)
    return socket.socket(family, socket.SOCK_STREAM, IPPROTO_SCTP if kind == "sctp" else 0)
