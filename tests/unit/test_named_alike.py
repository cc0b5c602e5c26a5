"""A service or destination is named by itself or by its key, everywhere; all else is one clear TypeError."""

import inspect
import io

import pytest

from ipvsfast import (
    Batch,
    Destination,
    InvalidValue,
    Ipvs,
    Operation,
    Service,
    ServiceKey,
    SyncDaemon,
    Timeouts,
)
from ipvsfast.kernel.layout import pack_operations

WEB = Service.tcp("10.0.0.1", 80)
SERVER = Destination("10.1.0.7", 80)
NO_SERVICE = "a service is named by a Service or a ServiceKey, not "
NO_DESTINATION = "a destination is named by a Destination or a DestinationKey, not "
STRANGE = ["tcp 10.0.0.1:80", None, (0, 2, 6, b"\n\0\0\1", 80), 80, SERVER, SERVER.key]


class Recorder(Ipvs):
    """An Ipvs that packs what it would send, as the real one does first of all."""

    def __init__(self) -> None:
        self.sent: list[Operation] = []
        self._session = io.BytesIO()  # it has read(), which no test comes to

    def apply(self, operations):
        self.sent += operations
        pack_operations(self.sent)
        return Batch()


@pytest.mark.parametrize("name", ["delete_service", "zero"])
@pytest.mark.parametrize("kind", [Batch, Recorder])
def test_services(kind, name: str) -> None:
    """The same operation comes of both, and it holds the key."""
    made = []
    for service in (WEB, WEB.key):
        holder = kind()
        try:
            getattr(holder, name)(service)
        except AttributeError:
            assert kind is Recorder  # it has no results
        made += holder.operations if kind is Batch else holder.sent
    assert made[0] == made[1]
    assert made[0].service == WEB.key and type(made[0].service) is ServiceKey


@pytest.mark.parametrize("name", ["add_destination", "edit_destination", "delete_destination"])
def test_services_of_destinations(name: str) -> None:
    """Both name the service; to be deleted, a destination may be given as itself."""
    made = [getattr(Batch(), name)(service, SERVER).operations[0] for service in (WEB, WEB.key)]
    if name == "delete_destination":
        made.append(Batch().delete_destination(WEB, SERVER.key).operations[0])
        assert made[0].destination == SERVER.key
    assert len(set(made)) == 1
    assert bytes(pack_operations(made[:1])) == bytes(pack_operations(made[-1:]))


@pytest.mark.parametrize("strange", STRANGE, ids=[type(value).__name__ for value in STRANGE])
def test_what_names_no_service(strange) -> None:
    """Text, numbers, plain tuples and destinations are refused by everything that takes a service."""
    batch = Batch()
    for call in (
        lambda: batch.delete_service(strange),
        lambda: batch.add_destination(strange, SERVER),
        lambda: batch.edit_destination(strange, SERVER),
        lambda: batch.delete_destination(strange, SERVER),
        lambda: Operation("delete-service", strange),
        lambda: SERVER.check_service(strange) if strange is not SERVER.key else batch.delete_service(strange),
        lambda: Ipvs.service(Recorder(), strange) if strange is not None else batch.delete_service(strange),
        lambda: Ipvs.read(Recorder(), strange) if strange is not None else batch.delete_service(strange),
        lambda: (
            Ipvs.destinations(Recorder(), strange) if strange is not None else batch.delete_service(strange)
        ),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        if strange is not SERVER or "service" in str(caught.value):
            assert NO_SERVICE + repr(strange) in str(caught.value)
    assert not batch.operations


@pytest.mark.parametrize("strange", ["10.1.0.7:80", None, (2, b"\n\1\0\7", 80), WEB, WEB.key], ids=repr)
def test_what_names_no_destination(strange) -> None:
    """The same for destinations."""
    with pytest.raises(TypeError) as caught:
        Batch().delete_destination(WEB, strange)
    assert NO_DESTINATION + repr(strange) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: Batch().add_service(WEB.key),
            "the service of add-service must be a Service, not ServiceKey",
        ),
        (lambda: Batch().edit_service("x"), "the service of edit-service must be a Service, not 'x'"),
        (
            lambda: Batch().add_destination(WEB, SERVER.key),
            "the destination of add-destination must be a Destination, not DestinationKey",
        ),
        (lambda: Batch().set_timeouts((1, 2, 3)), "the value of set must be a Timeouts, not (1, 2, 3)"),
        (
            lambda: Batch().start_daemon("master"),
            "the value of start-daemon must be a SyncDaemon, not 'master'",
        ),
        (lambda: Operation("flush", WEB), "flush takes no service, not Service("),
        (lambda: Operation("flush", None, SERVER), "flush takes no destination, not Destination("),
        (lambda: Operation("zero", WEB, None, Timeouts()), "zero takes no value, not Timeouts()"),
        (lambda: Operation("set"), "the value of set must be a Timeouts, not None"),
        (
            lambda: Operation("stop-daemon", value=Timeouts()),
            "the value of stop-daemon must be a SyncDaemon, not Timeouts()",
        ),
        (lambda: Service("10.0.0.1:80"), "key must be a ServiceKey, not '10.0.0.1:80'"),
        (lambda: Service(WEB.key, stats=1), "stats must be a Stats, not 1"),
        (lambda: Destination("10.1.0.7", 80, "tunnel", tunnel="gre"), "tunnel must be a Tunnel, not 'gre'"),
        (lambda: pack_operations(Operation("flush")), "expected Operations, not 'flush'"),
        (lambda: pack_operations([WEB]), "expected Operations, not Service("),
        (lambda: pack_operations(["set"]), "expected Operations, not 'set'"),
        (lambda: ServiceKey.parse(80), "parse() takes text, not 80"),
    ],
)
def test_slips_are_type_errors(make, text: str) -> None:
    """What is of the wrong kind says what was wanted and what came."""
    with pytest.raises(TypeError) as caught:
        make()
    assert not isinstance(caught.value, InvalidValue)
    assert str(caught.value).startswith(text)


def test_every_method_has_one_rule() -> None:
    """No method of Ipvs or Batch takes keys alone."""
    for kind in (Ipvs, Batch):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                kinds = [str(one.annotation) for one in inspect.signature(method).parameters.values()]
                assert not [one for one in kinds if one.startswith(("ServiceKey", "DestinationKey"))], name


@pytest.mark.parametrize("forwarding", ["route", "tunnel"])
@pytest.mark.parametrize("port", [0, 81])
def test_a_port_that_nothing_would_reach(forwarding: str, port: int) -> None:
    """Without masquerading packets keep their port: a destination with another one is refused, where the
    command line silently takes the service's. One that is there already can be edited and deleted."""
    server = Destination("10.1.0.7", port, forwarding)
    for make in (
        lambda: Batch().add_destination(WEB, server),
        lambda: Operation("add-destination", WEB.key, server),
    ):
        with pytest.raises(InvalidValue) as caught:
            make()
        assert str(caught.value) == (
            f"{forwarding} leaves the port as it is: 10.1.0.7:{port} must have port 80, as its service TCP 10.0.0.1:80"
        )
    assert len(Batch().edit_destination(WEB, server).delete_destination(WEB, server)) == 2
    assert len(Batch().add_destination(Service.mark(7), server)) == 1
    assert len(Batch().add_destination(WEB, server.replace(forwarding="masq"))) == 1


def test_stopping_a_daemon() -> None:
    """Its state is enough."""
    assert Batch().stop_daemon("backup").operations == [
        Operation("stop-daemon", value=SyncDaemon("backup", "lo"))
    ]
    with pytest.raises(InvalidValue):
        Batch().stop_daemon("slave")
