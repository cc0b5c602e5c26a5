"""The text that -S prints and -R reads: lines to requests, services and servers to lines.

One line is one command line: words separated by blanks, tabs or carriage returns, without quoting or
escapes. Lines that start with `#` are comments; a leading `ipvsadm` or `ipvsfast`, also as a path, is
skipped. Text that is not UTF-8 passes through unchanged (surrogateescape).
"""

from __future__ import annotations

from .addresses import format_endpoint, format_ip
from .arguments import UsageError, hint
from .grammar import parse
from .model import AF_INET, flag_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .addresses import Resolver
    from .grammar import Request
    from .model import Destination, Service, ServiceKey

    Endpoint = Callable[[bytes, int, str], str]

_PROGRAMS = ("ipvsadm", "ipvsfast")


class RuleError(UsageError):
    """A line of a rule file that cannot be carried out.

    source, lineno (from 1) and text say where and what; status, message and the rest are those of the
    UsageError. str() starts with `source:lineno:`.
    """

    def __init__(self, source: str, lineno: int, text: str, error: UsageError) -> None:
        super().__init__(error.status, error.message, error.hint, error.word, f"{source}:{lineno}")
        self.source = source
        self.lineno = lineno
        self.text = text


def split_line(line: str | bytes) -> list[str]:
    """The words of one line, without the program's name; empty for blank lines and comments."""
    if isinstance(line, bytes):
        line = line.decode("utf-8", "surrogateescape")
    line = line.rstrip("\n")
    if line.isprintable():  # then the space is the only blank in it
        words = line.split()
    else:
        words = [word for word in line.replace("\t", " ").replace("\r", " ").split(" ") if word]
        if "\0" in line:  # which ends a C string
            words = [word.partition("\0")[0] for word in words]
    if words:
        first = words[0]
        if first[:1] == "#":
            return []
        if first in _PROGRAMS or first.rpartition("/")[2] in _PROGRAMS:
            del words[0]
    return words


def read_rules(stream: Iterable[str | bytes], source_name: str) -> Iterator[tuple[int, str, list[str]]]:
    """(line number from 1, line without its end, words) for every line that is not blank or a comment.

    `stream`: a file opened in binary mode (a lone carriage return ends no line), or any lines.
    OSError from reading it gets `source_name` as its file name.
    """
    lines = iter(stream)
    lineno = 0
    while True:
        try:
            line = next(lines, None)
        except OSError as error:
            error.filename = source_name
            raise
        if line is None:
            return
        lineno += 1
        words = split_line(line)
        if words:
            text = line if isinstance(line, str) else line.decode("utf-8", "surrogateescape")
            yield lineno, text.rstrip("\r\n"), words


def read_requests(
    stream: Iterable[str | bytes],
    source_name: str,
    resolver: Resolver,
    program: str = "ipvsfast",
    posix: bool = False,
) -> Iterator[tuple[int, str, Request]]:
    """(line number, line, request) for every rule. RuleError at the first that is wrong.

    A `-R` inside gives the hint, as in ipvsadm; listings, -h and -v are requests like others.
    """
    for lineno, text, words in read_rules(stream, source_name):
        try:
            request = parse(words, resolver, program, posix)
            if request.command == "restore":
                raise hint(program)
        except UsageError as error:
            raise RuleError(source_name, lineno, text, error) from None
        yield lineno, text, request


def _numeric(packed: bytes, port: int, protocol: str) -> str:
    return format_endpoint(packed, port)


def format_selector(key: ServiceKey, endpoint: Endpoint = _numeric) -> str:
    """`-t ADDRESS`, `-u ...`, `--sctp-service ...`, `-f MARK`, `-f MARK -6`."""
    if key[0]:
        return f"-f {key[0]}" if key[1] == AF_INET else f"-f {key[0]} -6"
    protocol = key.protocol
    option = {"tcp": "-t", "udp": "-u", "sctp": "--sctp-service"}.get(protocol, "--xxx-service")
    return f"{option} {endpoint(key[3], key[4], protocol)}"


def format_service(service: Service, endpoint: Endpoint = _numeric) -> str:
    """The -S line of a service, without line end.

    endpoint: called with packed address, port and protocol name, for listings with names.
    """
    parts = [f"-A {format_selector(service.key, endpoint)} -s {service.scheduler}"]
    if service.persistent:
        parts.append(f"-p {service.persistent}")
        mask = service.netmask
        if mask != service.full_mask:
            parts.append(f"-M {format_ip(mask.to_bytes(4, 'big')) if service.key[1] == AF_INET else mask}")
    if service.engine:
        parts.append(f"--pe {service.engine}")
    if service.one_packet:
        parts.append("-o")
    if service.scheduler_flags:
        parts.append(f"-b {','.join(flag_names(service.scheduler, service.scheduler_flags))}")
    return " ".join(parts)


def format_destination(key: ServiceKey, destination: Destination, endpoint: Endpoint = _numeric) -> str:
    """The -S line of a server of the service `key`, without line end.

    Thresholds, which ipvsadm forgets, stand last, so that what reads its lines still finds its columns.
    """
    server = destination.key
    method = {"masq": "-m", "tunnel": "-i"}.get(destination.forwarding, "-g")
    address = endpoint(server[1], server[2], key.protocol)
    line = f"-a {format_selector(key, endpoint)} -r {address} {method} -w {destination.weight}"
    if destination.forwarding == "tunnel":
        tunnel = destination.tunnel
        line += f" --tun-type {tunnel.type}"
        if tunnel.type == "gue":
            line += f" --tun-port {tunnel.port}"
        if tunnel.type != "ipip":
            line += f" --tun-{tunnel.checksum}"
    if destination.upper:
        line += f" -x {destination.upper}"
    if destination.lower:
        line += f" -y {destination.lower}"
    return line
