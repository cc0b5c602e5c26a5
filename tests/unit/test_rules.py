"""Operations as rules and rules as operations, for programs that read and write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast import (
    Batch,
    Destination,
    InvalidValue,
    Operation,
    RulesInvalid,
    Service,
    ServiceKey,
    SyncDaemon,
    Timeouts,
    Tunnel,
    check,
    from_rule,
    to_rule,
)

WEB = Service.tcp("10.0.0.1", 80, "rr")
MARK = ServiceKey.mark(7, ipv6=True)
REAL = Destination("10.1.0.1", 8080, forwarding="masq", weight=5, upper=9, lower=3)
FAR = Destination("2001:db8::1", 0, forwarding="tunnel", tunnel=Tunnel("gue", 6080, "csum"))

LINES = [
    (Batch().add_service(WEB), "-A -t 10.0.0.1:80 -s rr"),
    (Batch().edit_service(WEB.replace(persistent=60)), "-E -t 10.0.0.1:80 -s rr -p 60"),
    (Batch().delete_service(WEB.key), "-D -t 10.0.0.1:80"),
    (Batch().delete_service(MARK), "-D -f 7 -6"),
    (Batch().add_destination(WEB.key, REAL), "-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 5 -x 9 -y 3"),
    (
        Batch().edit_destination(MARK, FAR),
        "-e -f 7 -6 -r [2001:db8::1]:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
    ),
    (Batch().delete_destination(WEB.key, REAL.key), "-d -t 10.0.0.1:80 -r 10.1.0.1:8080"),
    (Batch().delete_destination(MARK, FAR.key), "-d -f 7 -6 -r [2001:db8::1]:0"),
    (Batch().zero(), "-Z"),
    (Batch().zero(ServiceKey.of("udp", "::1", 53)), "-Z -u [::1]:53"),
    (Batch().flush(), "-C"),
    (Batch().set_timeouts(Timeouts(900, 0, 300)), "--set 900 0 300"),
    (
        Batch().start_daemon(SyncDaemon("master", "eth1", 3, max_len=1400, group="224.0.0.9", port=9, ttl=2)),
        "--start-daemon master --mcast-interface eth1 --syncid 3 --sync-maxlen 1400 --mcast-group 224.0.0.9 --mcast-port 9 --mcast-ttl 2",
    ),
    (Batch().stop_daemon("backup"), "--stop-daemon backup"),
]


@pytest.mark.parametrize(("batch", "line"), LINES, ids=[line for _, line in LINES])
def test_every_operation_has_its_line(batch: Batch, line: str) -> None:
    """One line that ipvsadm understands, and that gives the same operation again."""
    (operation,) = batch
    assert to_rule(operation) == line
    again = from_rule(line)
    assert (again.command, to_rule(again)) == (operation.command, line)
    if operation.command != "stop-daemon":  # where the kernel looks at the state only
        assert again == operation


def test_values_are_written_as_what_adds_them() -> None:
    """A service, timeouts, a daemon; a destination with the service that it belongs to, by key or as itself."""
    assert to_rule(WEB) == "-A -t 10.0.0.1:80 -s rr"
    assert to_rule(Timeouts(1, 2, 3)) == "--set 1 2 3"
    assert to_rule(SyncDaemon("backup", "lo")) == "--start-daemon backup --mcast-interface lo --syncid 0"
    for service in (WEB, WEB.key):
        assert to_rule(REAL, service) == "-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 5 -x 9 -y 3"


def test_a_service_may_stand_where_its_key_does() -> None:
    """An operation takes either."""
    assert to_rule(Operation("delete-service", WEB)) == "-D -t 10.0.0.1:80"
    assert to_rule(Operation("delete-destination", WEB, REAL)) == "-d -t 10.0.0.1:80 -r 10.1.0.1:8080"


def test_a_put_is_written_as_what_adds() -> None:
    """Rule files say what is wanted; `restore --exist` edits what is there."""
    assert [to_rule(op) for op in Batch().put_service(WEB).put_destination(WEB, REAL)] == [
        to_rule(WEB),
        to_rule(REAL, WEB),
    ]


@pytest.mark.parametrize("what", [WEB.key, REAL.key, "-A -t 10.0.0.1:80", None, Batch()])
def test_what_has_no_rule(what: object) -> None:
    """A TypeError that shows it."""
    with pytest.raises(TypeError, match="no rule says"):
        to_rule(what)  # type: ignore[arg-type]


def test_a_destination_needs_its_service() -> None:
    """Its line names the service too."""
    with pytest.raises(TypeError, match="the rule of a destination needs its service"):
        to_rule(REAL)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("-A -t 10.0.0.1", "-A -t 10.0.0.1: Zero port specified for non-persistent service"),
        (
            "-a -t 10.0.0.1:80 -r x:http",
            "-a -t 10.0.0.1:80 -r x:http: illegal real server address[:port] specified",
        ),
        ("-A -6 -f 1", "-A -6 -f 1: -6 used before -f"),
        ("-q", "-q: this is no rule"),
        ("foo -A", "foo -A: unexpected argument foo"),
        ("foo", "foo: this is no rule"),
        ("  # a comment", "# a comment: a rule changes something; this asks to list"),
        ("", "a rule changes something; this asks to list"),
        ("-L -n", "-L -n: a rule changes something; this asks to list"),
        ("-S", "-S: a rule changes something; this asks to save"),
        ("-R", "-R: a rule changes something; this asks to restore"),
        ("--help", "--help: a rule changes something; this asks to help"),
        ("-A -t \x1b[31m:80", "-A -t \\x1b[31m:80: illegal virtual server address[:port] specified"),
    ],
)
def test_a_line_that_is_no_rule(line: str, text: str) -> None:
    """An InvalidValue with the line and the sentence; it says nothing of a help text that a program has not."""
    with pytest.raises(InvalidValue) as caught:
        from_rule(line)
    assert str(caught.value) == text
    assert type(caught.value) is InvalidValue


def test_a_line_may_begin_with_the_program() -> None:
    """As in rule files."""
    assert from_rule(" /sbin/ipvsadm  -A -t 10.0.0.1:80 -s rr\n") == from_rule("-A -t 10.0.0.1:80 -s rr")


keys = st.one_of(
    st.builds(
        ServiceKey.of,
        st.sampled_from(["tcp", "udp", "sctp"]),
        st.ip_addresses().map(str),
        st.integers(1, 65535),
    ),
    st.builds(ServiceKey.mark, st.integers(1, 2**32 - 1), st.booleans()),
)
numbers = st.integers(0, 2**31 - 1)


@st.composite
def services(draw: st.DrawFn) -> Service:
    key, persistent = draw(keys), draw(st.sampled_from([0, 1, 300, 2678400]))
    scheduler = draw(st.sampled_from(["rr", "wlc", "sh", "mh", "unknown"]))
    mask = draw(st.integers(1, 128 if key.family == 10 else 32)) if persistent else None
    flags = draw(st.sampled_from([0, 8, 16, 32, 56]))
    once = (key.fwmark or key.protocol == "udp") and draw(st.booleans())
    engine = draw(st.sampled_from(["", "sip"]))
    return Service(
        key,
        scheduler,
        persistent=persistent,
        netmask=mask,
        engine=engine,
        one_packet=bool(once),
        scheduler_flags=flags,
    )


@st.composite
def destinations(draw: st.DrawFn, key: ServiceKey) -> Destination:
    forwarding = draw(st.sampled_from(["masq", "route", "tunnel"]))
    versions = st.ip_addresses(v=4 if key.family == 2 else 6) if forwarding != "tunnel" else st.ip_addresses()
    address = draw(
        versions.filter(lambda a: any(a.packed) and a.packed[0] < (224 if a.version == 4 else 255))
    )
    port = draw(st.integers(0, 65535)) if forwarding == "masq" or key.fwmark else key.port
    tunnel = draw(st.sampled_from([Tunnel(), Tunnel("gue", 6080, "remcsum"), Tunnel("gre", checksum="csum")]))
    upper = draw(numbers)
    return Destination(
        str(address), port, forwarding=forwarding, weight=draw(numbers), upper=upper,
        lower=draw(st.integers(0, upper)), tunnel=tunnel if forwarding == "tunnel" else Tunnel(),
    )  # fmt: skip


@given(services(), st.data())
def test_there_and_back(service: Service, data: st.DataObject) -> None:
    """Any service and any of its destinations, added, edited and deleted."""
    destination = data.draw(destinations(service.key))
    batch = Batch().add_service(service).edit_service(service).delete_service(service.key)
    batch.add_destination(service.key, destination).edit_destination(service.key, destination)
    batch.delete_destination(service.key, destination.key).zero(service.key)
    assert [from_rule(to_rule(operation)) for operation in batch] == list(batch)


def test_check_counts_the_rules(tmp_path) -> None:
    """Of a path, bytes or lines, without a kernel."""
    text = "# two\n-A -f 1 -s rr\n\n-a -f 1 -r 10.0.0.1 -g\n"
    (tmp_path / "rules").write_text(text)
    for source in (
        str(tmp_path / "rules"),
        tmp_path / "rules",
        text.encode(),
        text.splitlines(),
        [to_rule(WEB), to_rule(REAL, WEB)],
    ):
        assert check(source) == 2


def test_check_raises_every_mistake() -> None:
    """As restore does, before anything is sent."""
    with pytest.raises(RulesInvalid) as caught:
        check(["-A -f 1 -s rr", "-A -f 1 -s rr", "-L", "-A -t 10.0.0.1"])
    assert [(p.line, p.message) for p in caught.value.problems] == [
        (2, "this stands twice"),
        (3, "a rule file holds add-service, add-destination, set, start-daemon only, not list"),
        (4, "Zero port specified for non-persistent service"),
    ]
    assert str(caught.value) == "rules:2: -A -f 1 -s rr: this stands twice (and 2 more)"
