"""Reading command lines in tests: a resolver, and requests as one short line."""

from ipvsfast.language.parse import Request, parse
from ipvsfast.language.words import UsageError
from ipvsfast.model.address import format_ip
from support.names import FakeResolver

HINT = "Try `ipvsadm -h' or 'ipvsadm --help' for more information."


# The hosts file of the recorded examples, and a few services.
HOSTS = {
    "localhost": bytes.fromhex("7f000001"),
    "web": bytes.fromhex("0a090807"),
    "dual": bytes.fromhex("0a090806"),
    "multi.example.test": bytes.fromhex("0a090801"),
    "v6only": bytes.fromhex("20010db8000000000000000000000077"),
}
PORTS = {("http", "tcp"): 80, ("https", "tcp"): 443, ("domain", "tcp"): 53, ("domain", "udp"): 53}


def names() -> FakeResolver:
    """Knows the tables above."""
    return FakeResolver(HOSTS, PORTS)


def read(argv: list[str], posix: bool = False) -> Request:
    return parse(argv, names(), "ipvsadm", posix)


def show(request: Request) -> str:
    """A request as one short line."""
    parts = [request.command]
    service, destination, daemon = request.service, request.destination, request.daemon
    if request.key:
        parts.append(str(request.key))
    if service:
        parts.append(service.scheduler)
        parts += [f"p={service.persistent}"] if service.persistent else []
        if service.netmask != service.full_mask:
            v4 = service.key.family == 2
            mask = format_ip(service.netmask.to_bytes(4, "big")) if v4 else service.netmask
            parts.append(f"mask={mask}")
        parts += [f"pe={service.engine}"] if service.engine else []
        parts += ["ops"] if service.one_packet else []
        parts += [f"flags={service.scheduler_flags:#x}"] if service.scheduler_flags else []
    if destination:
        parts += ["->", str(destination.key), destination.forwarding, f"w={destination.weight}"]
        parts += [f"x={destination.upper}"] if destination.upper else []
        parts += [f"y={destination.lower}"] if destination.lower else []
        if destination.forwarding == "tunnel":
            tunnel = destination.tunnel
            parts.append(f"{tunnel.type}:{tunnel.port}:{tunnel.checksum}")
    if request.timeouts:
        parts.append(f"{request.timeouts.tcp} {request.timeouts.tcp_fin} {request.timeouts.udp}")
    if daemon:
        parts.append(f"{daemon.state} {daemon.interface or '-'} id={daemon.sync_id}")
        values = (
            ("len", daemon.max_len),
            ("group", daemon.group),
            ("port", daemon.port),
            ("ttl", daemon.ttl),
        )
        parts += [f"{name}={value}" for name, value in values if value]
    if request.command in ("list", "save", "zero"):
        parts += sorted(request.options - {"service-address"})
    return " ".join(parts)


def outcome(argv: list[str], posix: bool = False) -> str:
    try:
        return show(read(argv, posix))
    except UsageError as error:
        assert error.hint == (error.message == HINT)
        return f"{error.status} {error.message}"


def table(text: str) -> list[tuple[str, str]]:
    """Lines `argv => outcome`; the argv is split as a shell does."""
    rows = [line.partition(" => ") for line in text.strip().splitlines() if line.strip()]
    return [(argv.strip(), expected.strip(" ")) for argv, _, expected in rows]
