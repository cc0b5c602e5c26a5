"""What a user writes, checked by mypy and pyright in their strict modes (`make lint`); nobody runs it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any, TypedDict

from typing_extensions import Unpack, assert_type

from ipvsfast import (
    Batch,
    Connection,
    ConnectionFilter,
    Connections,
    Delta,
    Destination,
    DestinationKey,
    DestinationOrKey,
    Drained,
    DrainState,
    ForwardingName,
    Info,
    Interrupted,
    InvalidValue,
    Ipvs,
    KernelError,
    NotFound,
    Operation,
    ProtocolName,
    Ramped,
    ReadingInterrupted,
    Result,
    Results,
    RulesInvalid,
    Service,
    ServiceKey,
    ServiceOptions,
    ServiceOrKey,
    Snapshot,
    Stats,
    SyncDaemon,
    TableFilter,
    Timeouts,
    Tunnel,
    Undrained,
    Wanted,
    WatchEvent,
    converted,
    read_wanted,
)


class Backend(TypedDict):
    """One server, as a configuration has it."""

    address: str
    weight: int
    forwarding: ForwardingName


def follow(path: Path) -> None:
    """A table that follows a file, and what is told of it."""
    with Ipvs() as ipvs, ipvs.watch(path, interval=30, only=["add", "edit"], source="keepalived") as watch:
        for event in watch:
            assert_type(event, WatchEvent)
            if event.kind == "applied" and event.account is not None:
                assert_type(event.account.added, int)
                watch.stop()
            elif event.kind == "drift":
                watch.reload()
        assert_type(watch.wait(1.5), WatchEvent | None)


def make_values() -> list[Service | Destination | Tunnel | Timeouts | SyncDaemon]:
    """Values, by position and by name, in all the forms of an address."""
    web = Service.tcp("10.0.0.1", 80, "sh", persistent=300, netmask=24, scheduler_flags=["sh-port"])
    names = Service.udp(IPv4Address("10.0.0.1"), 53, one_packet=True, engine="sip", scheduler_flags="sh-port")
    mark = Service.mark(7, ipv6=True, netmask="64", scheduler_flags=0x08)
    plain = Service(ServiceKey.of("sctp", ip_address("2001:db8::1"), 3868), "wlc", 0, None)
    server = Destination("10.1.0.7", 80, "tunnel", 5, tunnel=Tunnel("gue", 6080, "csum"), upper=10, lower=5)
    other = Destination(DestinationKey.of(ip_address("10.1.0.8"), 80), forwarding="masq")
    return [
        web,
        names,
        mark,
        plain,
        server,
        other,
        Tunnel(),
        Timeouts(udp=300),
        SyncDaemon("master", group="224.0.0.81"),
    ]


def read_values(service: Service, destination: Destination) -> None:
    """What attributes are."""
    assert_type(service.key, ServiceKey)
    assert_type(service.key.address, str)
    assert_type(service.key.packed, bytes)
    assert_type(service.port, int)
    assert_type(service.one_packet, bool)
    assert_type(service.stats, Stats)
    assert_type(service.stats.in_bytes, int)
    assert_type(service.replace(scheduler="rr", netmask="255.255.255.0"), Service)
    assert_type(destination.key, DestinationKey)
    assert_type(destination.address, str)
    assert_type(destination.tunnel.port, int)
    assert_type(destination.replace(weight=0, forwarding="masq"), Destination)
    assert_type(service.to_dict(), dict[str, Any])
    assert_type(Service.from_dict(json.loads("{}")), Service)
    assert_type(ServiceKey.parse("tcp 10.0.0.1:80").replace(port=81), ServiceKey)
    fwmark, family, protocol, packed, port = service.key
    assert_type((fwmark, family, protocol, packed, port), tuple[int, int, int, bytes, int])
    assert_type(destination.key[1], bytes)
    assert_type({service.key: [destination]}, dict[ServiceKey, list[Destination]])
    assert_type(sorted([service, service]), list[Service])
    assert_type(Info((1, 2, 1), 4096).version, tuple[int, int, int])


def wrapped(protocol: ProtocolName, address: str, port: int, **options: Unpack[ServiceOptions]) -> Service:
    """A helper of the user's own that passes options on."""
    return Service(ServiceKey.of(protocol, address, port), **options)


def reconcile(ipvs: Ipvs, service: ServiceOrKey, backends: Iterable[Backend]) -> Results:
    """A controller: what it should be is made to be."""
    batch = Batch()
    try:
        present = {destination.address: destination for destination in ipvs.destinations(service)}
    except NotFound as error:
        assert_type(error.errno, int)
        present = {}
    for backend in backends:
        wanted = Destination(backend["address"], 80, backend["forwarding"], backend["weight"])
        found = present.pop(wanted.address, None)
        if found is None:
            batch.add_destination(service, wanted)
        elif found != wanted:
            batch.edit_destination(service, wanted)
    for left in present.values():
        batch.delete_destination(service, left)
    try:
        results = ipvs.apply(batch, progress=print)
    except Interrupted as error:
        print(error.results)
        raise
    except KernelError as error:
        print(error.errno, error.strerror, error.operation, error.advice, error.results)
        raise
    for result in results.failed:
        assert_type(result, Result)
        assert_type(result.operation, Operation)
        assert_type(result.operation.destination, Destination | DestinationKey | None)
        print(result.error)
    assert_type(results[0], Result)
    assert_type(results[1:], Results)
    return results.check()


def change(ipvs: Ipvs, service: Service, destination: DestinationOrKey) -> None:
    """One thing after the other, by value or by key."""
    ipvs.add_service(service)
    ipvs.delete_destination(service.key, destination)
    ipvs.zero()
    ipvs.zero(service)
    ipvs.set_timeouts(Timeouts(tcp=900))
    ipvs.start_daemon(SyncDaemon("backup", "eth0", sync_id=1))
    ipvs.stop_daemon("backup")
    ipvs.apply([Operation("add-service", service), Operation("flush"), Operation("zero", service.key)])
    for one, destinations in ipvs.table(strict=True):
        assert_type(one, Service)
        assert_type(destinations, list[Destination])


def restore(folder: Path) -> None:
    """Rule text in every form."""
    with Ipvs(netns=Path("/run/netns/blue")) as ipvs, (folder / "rules").open("rb") as binary:
        for source in (
            folder / "rules",
            str(folder / "rules"),
            b"-C\n",
            ["-C"],
            [b"-C"],
            (line for line in binary),
        ):
            try:
                print(ipvs.restore(source, exist=True).in_force)
            except RulesInvalid as error:
                for problem in error.problems:
                    assert_type(problem.line, int)
        ipvs.restore(binary)
        ipvs.restore((folder / "rules").open())


def connections() -> Iterator[Connection]:
    """The connection table."""
    table = Connections(
        "blue", source="auto", progress=lambda pace: print(pace.rows, pace.seconds_left(1000))
    )
    where = ConnectionFilter(
        client=["10.0.0.0/8", "!10.1.0.0/16"], service=":443", states=["ESTABLISHED", "!TIME_WAIT"],
        protocols=["tcp", 17], families="ipv4", templates=False, limit=100,
    )  # fmt: skip
    assert_type(where.states, tuple[str, ...])
    try:
        assert_type(table.count(where), int)
        for group in table.top(10, by=("client-net:24", "state"), where=where.replace(limit=0)):
            assert_type(group.keys, tuple[str, ...])
            keys, count = group
            assert_type((keys, count), tuple[tuple[str, ...], int])
    except ReadingInterrupted as error:
        print(error.partial)
    assert_type(table.columns("client", "expires"), dict[str, memoryview])
    for connection in table.rows(where):
        assert_type(connection.client, str)
        assert_type(connection.client_packed, bytes)
        assert_type(connection.forwarding, str | None)
        assert_type(connection[3], int)
        yield connection
    print(b"".join(map(bytes, table.text("csv", where))))


def rates(ipvs: Ipvs, earlier: Snapshot | None = None) -> dict[str, float]:
    """Numbers over time."""
    ipvs.poller("live", interval=0.1, wanted=TableFilter(service="10.0.0.1")).close()
    assert_type(ipvs.snapshot("live").live, bool)
    ipvs.snapshot("bpf")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    poller = ipvs.poller(source="netlink")
    snapshot = poller.poll()
    assert_type(snapshot.services["scheduler"], list[str])
    assert_type(snapshot.services["connections"], memoryview)
    assert_type(snapshot.destinations["weight"], memoryview)
    assert_type(snapshot.destinations["weight"][0], int)
    assert_type(snapshot.destinations.keys(), list[DestinationKey])
    assert_type(snapshot.services.row(-1), Service)
    assert_type(snapshot.services.find(Service.mark(7)), int | None)
    assert_type(snapshot.estimating, bool | None)
    assert_type(snapshot.totals(), Stats)
    assert_type(snapshot.namespace_totals(), Stats | None)
    print({name: len(snapshot.services[name]) for name in snapshot.services.names})
    for destination in snapshot.destinations:
        assert_type(destination, Destination)
    for delta in poller.every(1):
        assert_type(delta, Delta)
        assert_type(delta.services["connections"][0], int)
        assert_type(delta.services["connections_rate"][0], float)
        assert_type(delta.services.vanished, list[ServiceKey])
        assert_type(delta.destinations.vanished, list[tuple[ServiceKey, DestinationKey]])
    delta = snapshot - (earlier or ipvs.snapshot())
    return {str(key): rate for key, rate in zip(snapshot.services.keys(), delta.services["in_bytes_rate"])}


async def watch(ipvs: Ipvs) -> None:
    """The same in asyncio."""
    async for delta in ipvs.poller().every(0.5):
        print(delta.seconds, delta.fresh)


def out_and_in(ipvs: Ipvs, address: str) -> list[DestinationKey]:
    """A machine is drained in all services and brought back little by little; what it still serves."""

    def look(account: Drained) -> None:
        print(account.connections, [str(one) for one in account.left])

    server = TableFilter(destination=address)
    drained: Drained = ipvs.drain([server], timeout=60, progress=look)
    undrained: Undrained = ipvs.undrain(server, force=True)
    ramped: Ramped = ipvs.set_weights(
        server, 100, over=600, steps=20, progress=lambda account: print(account.step)
    )
    state: DrainState = drained.destinations[0].state
    print(state, undrained.those("changed"), ramped.those("on the way"))
    ipvs.apply_plan(ipvs.plan("rules"), drain=60)
    drained.those("empty")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ipvs.drain(server.destination)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return [one.destination for one in drained.left]


def poller_slips(ipvs: Ipvs, delta: Delta) -> None:
    """Words that there are not."""
    ipvs.poller("sockets")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(delta.snapshot.destinations["scheduler"])  # type: ignore[index]  # pyright: ignore[reportArgumentType]
    print(delta.services["conns"])  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownArgumentType]
    print(delta.snapshot - 5)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue, reportUnknownArgumentType]


def slips(ipvs: Ipvs, service: Service, destination: Destination) -> None:
    """What is wrong, and has to be seen by both checkers: an ignored line without an error is one itself."""
    Service.tcp("10.0.0.1", 80, persistant=300)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Service.tcp("10.0.0.1", "80")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Service.mark(7, scheduler_flags=["sh-ports"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    ServiceKey.of("icmp", "10.0.0.1", 80)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Destination("10.0.0.1", forwarding="local")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Destination("10.0.0.1", wieght=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Tunnel("vxlan")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    SyncDaemon("slave")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Operation("add-real-server")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    service.replace(persistant=300)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    destination.replace(weight="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    service.persistent = 5  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    destination.stats.cps = 5  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    service.key.port = 5  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    service.fwmark = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    ipvs.delete_service("tcp 10.0.0.1:80")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ipvs.add_service(service.key)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ipvs.add_destination(service, destination.key)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ipvs.stop_daemon("both")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ipvs.read().text("statistics")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ipvs.restore(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Ipvs(netns=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Connections(source="ebpf")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Connections().text("xml")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Connections().columns("adress")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ConnectionFilter(states="ESTABLISHD")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ConnectionFilter(state="UDP")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ConnectionFilter(protocols=["tpc"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    len(service)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    result = ipvs.apply([])[0]
    result.errno = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def convert(path: Path, ipvs: Ipvs) -> list[str]:
    """What another program's configuration asks for."""
    wanted = read_wanted(path, source="keepalived", config_id="one", allow_empty=True)
    assert_type(wanted, Wanted)
    assert_type(converted(wanted, "yaml"), str)
    read_wanted(path, source="haproxy")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    converted(wanted, "toml")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    if ipvs.plan(wanted, keep_weights=True).deleted:
        return []
    return [f"{one.source}:{one.line}: {one.what} ({one.reason})" for one in wanted.left_out]


def refused() -> str | None:
    """Values that are wrong at run time only."""
    try:
        Destination("10.0.0.1", 80, weight=-1)
    except InvalidValue as error:
        return error.strerror
    return None
