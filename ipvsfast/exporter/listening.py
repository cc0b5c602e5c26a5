"""Sockets that clients come to: bound by us, or passed on by a service manager (systemd's LISTEN_FDS)."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat

from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Final

DEFAULT = "127.0.0.1:9119"
_BACKLOG = 128
_FIRST_FD = 3
_MOST_FDS = 64
_UNIX_MASK = 0o117  # the owner and the group may connect


class Listener:
    """One of them. name: as --listen has it. path: of a socket file that we have made, else empty."""

    def __init__(self, sock: socket.socket, name: str, path: str = "") -> None:
        self.socket: Final[socket.socket] = sock
        self.name: Final[str] = name
        self._made = _identity(path) if path else None
        self._path = path
        sock.setblocking(False)

    def close(self) -> None:
        """Nobody can come any more; the file goes too, if it is still ours."""
        self.socket.close()
        if self._made is not None and _identity(self._path) == self._made:
            try:
                os.unlink(self._path)
            except OSError:
                pass  # the folder is not ours any more; the next start finds nobody behind the file


def check_places(places: list[str]) -> None:
    """InvalidValue for a place that is none."""
    for place in places:
        _address(place)


def open_listeners(places: list[str]) -> list[Listener]:
    """All of them, or none: InvalidValue for a place that is none, OSError, with it, where it cannot be
    had."""
    wanted = [(place, _address(place)) for place in places]
    found: list[Listener] = []
    try:
        for place, (family, address) in wanted:
            try:
                found.append(_listener(family, address))
            except OSError as error:
                raise OSError(error.errno, error.strerror, place) from None
    except BaseException:
        for listener in found:
            listener.close()
        raise
    return found


def passed_listeners(environment: MutableMapping[str, str] = os.environ) -> list[Listener]:
    """Those of the service manager, whose variables are taken out of the environment; InvalidValue where
    they are no sockets that clients can come to."""
    count, pid = environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if not count or pid != str(os.getpid()):
        return []
    if not (count.isascii() and count.isdigit() and int(count) <= _MOST_FDS):
        raise InvalidValue(f"LISTEN_FDS is a number up to {_MOST_FDS}, not {count!r}")
    return [_passed(fd) for fd in range(_FIRST_FD, _FIRST_FD + int(count))]


def _passed(fd: int) -> Listener:
    try:
        os.set_inheritable(fd, False)
        sock = socket.socket(fileno=fd)
        if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise InvalidValue(f"descriptor {fd} of LISTEN_FDS is no stream socket that listens (Accept=no)")
    except OSError as error:
        raise InvalidValue(f"descriptor {fd} of LISTEN_FDS is no socket: {error.strerror}") from None
    return Listener(sock, _name(sock))


def _address(place: str) -> tuple[int, tuple[str, int] | str]:
    """Family and address of ADDR:PORT, [ADDR]:PORT, :PORT (all addresses) or unix:PATH."""
    if place.startswith("unix:"):
        path = place.removeprefix("unix:")
        if not path.startswith("/") or len(os.fsencode(path)) > 107 or "\0" in path:
            raise InvalidValue(f"unix:PATH takes a whole path of up to 107 bytes, not `{path}'")
        return socket.AF_UNIX, path
    host, colon, port = place.rpartition(":")
    bracketed = host[:1] == "[" and host[-1:] == "]"
    host = host[1:-1] if bracketed else host
    digits = colon and port.isascii() and port.isdigit() and len(port) < 6
    try:
        address = ipaddress.ip_address(host or "::")
        if not digits or int(port) > 65535 or (host and bracketed != (address.version == 6)):
            raise ValueError
    except ValueError:
        raise InvalidValue(
            f"takes ADDR:PORT, [ADDR]:PORT, :PORT or unix:PATH, with numbers, not `{place}'"
        ) from None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return family, (host, int(port))


def _listener(family: int, address: tuple[str, int] | str) -> Listener:
    if isinstance(address, str):
        return _unix_listener(address)
    host, port = address
    sock = _bound(family, host or "::", port, both=not host)
    return Listener(sock, _name(sock))


def _bound(family: int, host: str, port: int, both: bool) -> socket.socket:
    """both: IPv4 too, or IPv4 alone where the kernel has no IPv6."""
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if not both or error.errno != errno.EAFNOSUPPORT:
            raise
        return _bound(socket.AF_INET, "0.0.0.0", port, both=False)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _unix_listener(path: str) -> Listener:
    """A socket file that nobody listens behind any more is replaced."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_UNIX_MASK)
    try:
        if _is_left_over(path):
            os.unlink(path)
        sock.bind(path)
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(before)
    return Listener(sock, f"unix:{path}", path)


def _is_left_over(path: str) -> bool:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
    except OSError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _name(sock: socket.socket) -> str:
    address = sock.getsockname()
    if not isinstance(address, tuple):
        return f"unix:{os.fsdecode(address)}"
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
