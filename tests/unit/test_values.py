"""There is one kind of value: every class of them keeps the same promises."""

import copy
import importlib
import json
import pickle
import pkgutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ipvsfast
from ipvsfast import (
    Connection,
    ConnectionFilter,
    Destination,
    DestinationKey,
    Info,
    InvalidValue,
    Operation,
    Service,
    ServiceKey,
    Stats,
    SyncDaemon,
    Timeouts,
    Tunnel,
)
from ipvsfast.connections.count_by import Group
from ipvsfast.connections.table import ConnectionsStatus, Pace, ReadingReport
from ipvsfast.kernel.layout import pack_operations, unpack_table
from ipvsfast.model.table_filter import TableFilter
from ipvsfast.model.value import Record, Value

KEY = ServiceKey.of("tcp", "10.0.0.1", 80)
SERVER = Destination("10.1.0.7", 8080, "masq", 5)
COUNTED = Stats(1, 2, 3, 4, 5, 6, 7, 8, 9, 2**64 - 1)
VALUES = [
    KEY,
    ServiceKey.of("udp", "2001:db8::1", 53),
    ServiceKey(0, 2, 50, "10.0.0.1", 80),
    ServiceKey.mark(7),
    ServiceKey.mark(2**32 - 1, ipv6=True),
    DestinationKey.of("2001:db8::1", 80),
    Service(KEY),
    Service.udp(
        "::1", 53, "sh", persistent=9, netmask=64, one_packet=True, scheduler_flags=["sh-port"], stats=COUNTED
    ),
    Service.tcp("10.0.0.1", 0, "mh", persistent=1, netmask="0.0.0.24", engine="sip", scheduler_flags=0x38),
    Service.mark(7, "wlc"),
    SERVER,
    Destination("10.0.0.1", 80, "tunnel", 0, 5, 2, Tunnel("gue", 6080, "csum"), 1, 2, 3, COUNTED),
    Destination("2001:db8::1"),
    Tunnel(),
    Tunnel("gre", checksum="csum"),
    Stats(),
    COUNTED,
    Timeouts(1, 2, 3),
    SyncDaemon("backup", "lo", 5, group="ff05::81"),
    SyncDaemon("master", max_len=1400, port=1, ttl=2),
    Info((1, 2, 1), 4096),
    Operation("add-service", Service(KEY, "rr")),
    Operation("delete-service", KEY),
    Operation("add-destination", KEY, SERVER),
    Operation("delete-destination", KEY, SERVER.key),
    Operation("zero"),
    Operation("zero", ServiceKey.mark(7)),
    Operation("flush"),
    Operation("set", value=Timeouts(udp=5)),
    Operation("start-daemon", value=SyncDaemon("master", "lo")),
    Connection("tcp", False, "192.0.2.1", 40000, "10.0.0.1", 80, "10.1.0.7", 8080, "ESTABLISHED", 900),
    Connection(
        0, True, "::1", 0, "::7", 0, "10.1.0.7", 0, "ASSURED", 9, "sip", b"a\xff \\x41\n", (0x22, 7, 300, 9)
    ),
    ConnectionFilter(),
    ConnectionFilter(
        ":80", states=["UDP", "!NONE"], protocols=["tcp", "!udp", 50], templates=False, engines="*", limit=3
    ),
    TableFilter(),
    TableFilter(":80", protocols=["tcp"], min_active=1, zero_weight=False, sort="weight", limit=3),
    Group(("192.0.2.1", "UDP"), 3),
    ConnectionsStatus(None, 4096, False),
    ReadingReport("proc", 5, 4, 3, 2, "TCP ...", 5, 1, False, False, 0),
    Pace(5, 0.5, True, 0.1, 0.01),
]
every_value = pytest.mark.parametrize(
    "value", VALUES, ids=[f"{at}-{type(value).__name__}" for at, value in enumerate(VALUES)]
)


def kinds() -> set[type[Value]]:
    """Every class of values in the package."""
    for module in pkgutil.walk_packages(ipvsfast.__path__, "ipvsfast."):
        if module.name != "ipvsfast.__main__" and not module.name.startswith("ipvsfast.cli"):
            importlib.import_module(module.name)
    found: set[type[Value]] = set()
    new = {Value}
    while new:
        found |= new
        new = {
            below
            for kind in new
            for below in kind.__subclasses__()
            if below.__module__.startswith("ipvsfast.")
        } - found
    return found - {Value, Record}


def arguments(value: Value) -> dict[str, object]:
    """What the constructor takes, by name."""
    return value._arguments()


def same(value: Value, other: Value) -> bool:
    """Whether nothing differs, what equality leaves out neither."""
    return type(other) is type(value) and tuple(other) == tuple(value)


def test_every_kind_is_here() -> None:
    """A class that is added is tested as well; each is a tuple of its fields and nothing else."""
    assert {type(value) for value in VALUES} == kinds()
    for kind in kinds():
        assert issubclass(kind, tuple)
        assert not hasattr(VALUES[[type(value) for value in VALUES].index(kind)], "__dict__")


def test_no_value_changes_its_class() -> None:
    """Nothing in the package is made as one thing and becomes another."""
    package = Path(ipvsfast.__file__).parent
    assert not [path for path in package.rglob("*.py") if "__class__ =" in path.read_text()]


@every_value
def test_fields_stand_in_their_order(value: Value) -> None:
    """The names are those of the places in the tuple."""
    assert tuple([getattr(value, name) for name in value._fields]) == tuple(value)


@every_value
def test_by_position_and_by_name(value: Value) -> None:
    """Both make the same value."""
    given = arguments(value)
    kind = type(value)
    assert same(value, kind(**given))
    names, _ = kind._parameters()
    if names == tuple(given):
        assert same(value, kind(*given.values()))


@every_value
def test_immutable(value: Value) -> None:
    """Neither setting nor deleting an attribute works, nor adding one, nor changing the class."""
    for name in (*value._fields, "new", "__class__"):
        with pytest.raises(AttributeError):
            setattr(value, name, 1)
        with pytest.raises(AttributeError):
            delattr(value, name)
    with pytest.raises(TypeError):
        value[0] = 1


@every_value
def test_repr_can_be_evaluated(value: Value) -> None:
    """It makes the same value again, with all that it holds."""
    names = {kind.__name__: kind for kind in kinds()}
    assert same(value, eval(repr(value), names))


def test_repr_is_short() -> None:
    """What identifies a value stands first, and nothing is said that goes without saying."""
    assert (
        repr(Destination("10.1.0.7", 443, weight=5))
        == "Destination(DestinationKey.of('10.1.0.7', 443), weight=5)"
    )
    assert repr(Service(KEY)) == "Service(ServiceKey.of('tcp', '10.0.0.1', 80))"
    assert repr(Service.mark(7, "rr", ipv6=True)) == "Service(ServiceKey.mark(7, ipv6=True), scheduler='rr')"
    assert repr(Operation("flush")) == "Operation('flush')"
    assert repr(Timeouts(udp=3)) == "Timeouts(udp=3)"
    assert repr(VALUES[30]).startswith(
        "Connection('TCP', template=False, client='192.0.2.1', client_port=40000, "
    )


@every_value
def test_copies(value: Value) -> None:
    """A value is its own copy; one from another process is the same in all that it holds."""
    assert copy.copy(value) is value
    assert copy.deepcopy(value) is value
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert same(value, again)
        assert hash(again) == hash(value)


@every_value
def test_json_and_back(value: Value) -> None:
    """What to_dict() gives survives JSON and makes the same value again."""
    text = json.dumps(value.to_dict())
    assert same(value, type(value).from_dict(json.loads(text)))


@every_value
def test_json_is_checked(value: Value) -> None:
    """A name that there is not, and one that is missing, are said; so is what is no object at all."""
    values = value.to_dict()
    with pytest.raises(InvalidValue, match="'nonsense'"):
        type(value).from_dict({**values, "nonsense": 1})
    with pytest.raises(InvalidValue, match=f"{type(value).__name__} needs names and values"):
        type(value).from_dict([1])
    for name in values:
        for changed in ({one: values[one] for one in values if one != name}, {**values, name: {"a": []}}):
            try:
                type(value).from_dict(changed)
            except InvalidValue:
                pass  # anything else is a fault


@every_value
def test_replace(value: Value) -> None:
    """Without changes it is the same value; what there is not is refused."""
    assert same(value, value.replace())
    with pytest.raises(TypeError):
        value.replace(nonsense=1)


@every_value
def test_equality_and_order(value: Value) -> None:
    """Values compare with their own kind; of those that are no plain tuples by promise, with no other."""
    assert value == type(value)._make(*value)
    assert (value != type(value)._make(*value)) is False
    assert hash(value) == hash(type(value)._make(*value))
    assert value <= type(value)._make(*value)
    assert value >= type(value)._make(*value)
    assert not value < type(value)._make(*value)
    assert not value > type(value)._make(*value)
    assert (value == tuple(value)) is not isinstance(value, Record)
    assert (tuple(value) == value) is not isinstance(value, Record)
    assert value != "text"
    assert value is not None


def test_values_of_different_kinds_have_no_order() -> None:
    """They are not equal either, though they hold the same."""
    assert Timeouts(1, 2, 3) != Stats(1, 2, 3)
    assert Tunnel("ipip", 0, "nocsum") != ConnectionsStatus("ipip", 0, "nocsum")
    with pytest.raises(TypeError):
        sorted([Timeouts(1, 2, 3), Info((1, 2, 1), 1)])
    assert sorted([Timeouts(2), Timeouts(1)]) == [Timeouts(1), Timeouts(2)]
    assert sorted([Destination("10.0.0.9"), Destination("10.0.0.1", stats=COUNTED)])[1].address == "10.0.0.9"


def test_plain_classes_take_all_their_fields() -> None:
    """Those without checks of their own are not made by halves."""
    assert ConnectionsStatus(entries=1, buckets=2, watched=True) == ConnectionsStatus(1, 2, watched=True)
    for made in (
        lambda: ConnectionsStatus(1),
        lambda: ConnectionsStatus(1, 2, True, 4),
        lambda: ConnectionsStatus(1, 2, True, buckets=2),
        lambda: ConnectionsStatus(1, 2, seen=1),
    ):
        with pytest.raises(TypeError, match="ConnectionsStatus takes entries, buckets, watched"):
            made()


def test_json_of_a_service() -> None:
    """Words rather than bits and numbers, and nothing nested but what has several values itself."""
    made = Service.tcp("10.0.0.1", 80, "sh", persistent=300, netmask=24, scheduler_flags=0x10).to_dict()
    assert made.pop("stats") == Stats().to_dict()
    assert made == {
        "protocol": "tcp", "address": "10.0.0.1", "port": 80, "scheduler": "sh", "persistent": 300,
        "netmask": "255.255.255.0", "engine": "", "one_packet": False, "scheduler_flags": ["sh-port"],
    }  # fmt: skip
    assert Service.mark(7, ipv6=True).to_dict()["netmask"] == 128
    assert Service.from_dict({"fwmark": 7}) == Service.mark(7)


def test_json_of_a_destination() -> None:
    """A tunnel only where there is one."""
    made = SERVER.to_dict()
    assert made.pop("stats") == Stats().to_dict()
    assert made == {
        "address": "10.1.0.7", "port": 8080, "forwarding": "masq", "weight": 5, "upper": 0, "lower": 0,
        "tunnel": None, "active": 0, "inactive": 0, "persistent": 0,
    }  # fmt: skip
    tunnelled = Destination("10.1.0.7", 8080, "tunnel").to_dict()
    assert tunnelled["tunnel"] == {"type": "ipip", "port": 0, "checksum": "nocsum"}
    assert Destination.from_dict({"address": "10.1.0.7", "port": 80}) == Destination("10.1.0.7", 80)


def test_json_of_an_operation() -> None:
    """Only what the command has."""
    assert Operation("flush").to_dict() == {"command": "flush"}
    assert Operation("delete-destination", KEY, SERVER).to_dict() == {
        "command": "delete-destination", "service": KEY.to_dict(), "destination": {"address": "10.1.0.7", "port": 8080},
    }  # fmt: skip
    with pytest.raises(InvalidValue, match="there is no command 'x'"):
        Operation.from_dict({"command": "x"})


def test_keys_from_text() -> None:
    """What str() writes can be read again, in any case."""
    for key in [value for value in VALUES if isinstance(value, (ServiceKey, DestinationKey))]:
        assert same(key, type(key).parse(str(key)))
        assert same(key, type(key).parse(str(key).lower()))
    assert ServiceKey.parse(" tcp\t10.0.0.1:80 ") == KEY


@pytest.mark.parametrize(
    "text",
    ["", "tcp", "10.0.0.1:80", "tcp 10.0.0.1", "tcp 10.0.0.1:", "tcp ::1:80", "tcp [10.0.0.1]:80", "tcp [::1]80",
     "tcp 10.0.0.1:65536", "tcp 10.0.0.1:-1", "tcp host:80", "icmp 10.0.0.1:80", "tcp 10.0.0.1:80 x", "fwm", "fwm 0",
     "fwm -7", "fwm 7 ipv4", "fwm 99999999999", "0 10.0.0.1:80", "256 10.0.0.1:80", "tcp 10.0.0.1:\u0661"],
)  # fmt: skip
def test_no_keys(text: str) -> None:
    """Anything else is an InvalidValue that shows what was given."""
    with pytest.raises(InvalidValue):
        ServiceKey.parse(text)
    with pytest.raises(InvalidValue):
        DestinationKey.parse(text.replace("10.0.0.1:80", "10.0.0.1:x"))


@given(st.text(max_size=30) | st.text("tcpfwmudipv46 .:[]0123456789", max_size=30))
def test_any_text_as_key(text: str) -> None:
    """Any text is a key, or an InvalidValue."""
    for kind in (ServiceKey, DestinationKey):
        try:
            key = kind.parse(text)
        except InvalidValue:
            continue
        assert kind.parse(str(key)) == key


def test_an_address_brings_its_family() -> None:
    """In replace() of a key, and of a service: its netmask is then that of the family."""
    assert KEY.replace(address="::1") == ServiceKey.of("tcp", "::1", 80)
    assert SERVER.key.replace(address="::1") == DestinationKey.of("::1", 8080)
    odd = Service(KEY, persistent=5, netmask="0.0.0.24")
    assert odd.replace(scheduler="rr").netmask == 24
    assert odd.replace(key=KEY.replace(address="::1")).netmask == 128
    with pytest.raises(InvalidValue):
        KEY.replace(address="::1", family=2)


def test_parts_of_keys_are_at_hand() -> None:
    """A service and a destination tell what their keys tell."""
    service = Service(KEY)
    assert (service.protocol, service.address, service.port, service.family, service.fwmark) == (
        "tcp",
        "10.0.0.1",
        80,
        2,
        0,
    )
    assert Service.mark(7).fwmark == 7
    assert (SERVER.address, SERVER.port, SERVER.family) == ("10.1.0.7", 8080, 2)


def test_what_the_kernel_reports_stays_as_it_is() -> None:
    """Values that no constructor takes survive a copy and go back to the kernel as they came."""
    odd = Destination._make(
        SERVER.key, "method-7", -1, 1, 2, Tunnel._make("type-9", 5, "flags-3"), 0, 0, 0, Stats()
    )
    assert same(odd, pickle.loads(pickle.dumps(odd)))
    with pytest.raises(InvalidValue):
        odd.replace(weight=1)
    with pytest.raises(InvalidValue):
        Destination.from_dict(odd.to_dict())
    packed = pack_operations([Operation._make("add-destination", KEY, odd, None)])
    assert packed[104:108] == (7).to_bytes(4, sys.byteorder)


def test_a_row_becomes_values() -> None:
    """Packed rows give values of the same kind, equal to those that a constructor makes."""
    from ipvsfast.kernel.layout import DEST_ROW, SERVICE_ROW

    service = SERVICE_ROW.pack(2, 6, 80, 0, 0, 0, 0, 0, 2**32 - 1, b"\n\0\0\1", b"wlc", b"", *COUNTED, 0, 1)
    dest = DEST_ROW.pack(2, 8080, b"\n\1\0\7", 0, 5, 0, 0, 0, 0, 0, 1, 2, 3, *COUNTED)
    [(first, [second])] = unpack_table(service, dest)
    assert same(first, Service(KEY, stats=COUNTED))
    assert same(second, SERVER.replace(active=1, inactive=2, persistent=3, stats=COUNTED))
