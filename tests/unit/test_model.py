"""Values check themselves when they are made, and compare by what they mean."""

import ipaddress

import pytest

from ipvsfast import (
    Batch,
    ConnectionFilter,
    Destination,
    DestinationKey,
    Info,
    InvalidValue,
    IpvsError,
    Operation,
    Service,
    ServiceKey,
    Stats,
    SyncDaemon,
    Timeouts,
    Tunnel,
)

KEY = ServiceKey.of("tcp", "10.0.0.1", 80)

WRONG = [
    (lambda: ServiceKey.of("icmp", "10.0.0.1", 80), "protocol must be tcp, udp or sctp, not 'icmp'"),
    (lambda: ServiceKey.of("tcp", "10.0.0.256", 80), "not an IPv4 or IPv6 address: '10.0.0.256'"),
    (lambda: ServiceKey.of("tcp", "localhost", 80), "not an IPv4 or IPv6 address: 'localhost'"),
    (
        lambda: ServiceKey.of("tcp", "10.0.0.1", 65536),
        "port must be a whole number from 0 to 65535, not 65536",
    ),
    (lambda: ServiceKey.of("tcp", "10.0.0.1", "80"), "port must be a whole number from 0 to 65535, not '80'"),
    (lambda: ServiceKey.mark(0), "fwmark must be a whole number from 1 to 4294967295, not 0"),
    (lambda: Service(KEY, ""), "scheduler must be 1 to 15 bytes without blanks, not ''"),
    (lambda: Service(KEY, "a" * 16), "scheduler must be 1 to 15 bytes without blanks"),
    (lambda: Service(KEY, "r r"), "scheduler must be 1 to 15 bytes without blanks"),
    (
        lambda: Service(KEY, persistent=2678401),
        "persistence timeout (seconds) must be a whole number from 0 to 2678400",
    ),
    (lambda: Service(KEY, persistent=1, netmask=33 - 66), "netmask"),
    (lambda: Service(ServiceKey.of("tcp", "::1", 80), netmask=129), "netmask"),
    (lambda: Service(KEY, netmask="255.255.255"), "netmask"),
    (lambda: Service(KEY, engine="e" * 17), "persistence engine must be 1 to 16 bytes"),
    (lambda: Service(KEY, scheduler_flags=1), "scheduler flags must be among 0x08, 0x10, 0x20, not 0x1"),
    (lambda: Service(KEY, "rr", scheduler_flags=["sh-port"]), "incompatible scheduler flag `sh-port'"),
    (lambda: Service(KEY, "sh", scheduler_flags=["port"]), "invalid scheduler flag `port'"),
    (lambda: Service.tcp("10.0.0.1", 0), "Zero port specified for non-persistent service"),
    (lambda: Service.tcp("10.0.0.1", 80, one_packet=True), "One-Packet Scheduling is only for UDP"),
    (
        lambda: Destination("10.0.0.1", 80, forwarding="local"),
        "forwarding must be masq, route or tunnel, not 'local'",
    ),
    (
        lambda: Destination("10.0.0.1", 80, weight=-1),
        "weight must be a whole number from 0 to 2147483647, not -1",
    ),
    (lambda: Destination("10.0.0.1", 80, upper=2**31), "upper threshold must be a whole number"),
    (lambda: Destination("10.0.0.1", 80, upper=1, lower=2), "lower threshold 2 is above the upper one 1"),
    (lambda: Destination("0.0.0.0", 80), "a destination must be a unicast address, not 0.0.0.0"),
    (lambda: Destination("224.0.0.1", 80), "unicast"),
    (lambda: Destination("239.255.255.255", 80), "unicast"),
    (lambda: Destination("255.255.255.255", 80), "unicast"),
    (lambda: Destination("::", 80), "unicast"),
    (lambda: Destination("ff02::1", 80), "unicast"),
    (
        lambda: Destination("10.0.0.1", 80, tunnel=Tunnel("gre")),
        "Tunnel options conflict with forward method",
    ),
    (lambda: Tunnel("vxlan"), "tunnel type must be ipip, gue or gre, not 'vxlan'"),
    (lambda: Tunnel("gue"), "the port of a gue tunnel must be a whole number from 1 to 65535, not 0"),
    (lambda: Tunnel("gre", 5), "only gue tunnels have a port, not gre"),
    (lambda: Tunnel("gre", checksum="remcsum"), "gre tunnels know no remcsum"),
    (lambda: Tunnel("ipip", checksum="csum"), "ipip tunnels know no csum"),
    (lambda: Tunnel("gue", 5, "sum"), "tunnel checksum must be nocsum, csum or remcsum, not 'sum'"),
    (lambda: ServiceKey(0, 2, 6, "::1", 80), "::1 is not of the address family 2 (ipv4)"),
    (lambda: ServiceKey(0, 3, 6, "10.0.0.1", 80), "family must be 2 (IPv4) or 10 (IPv6), not 3"),
    (lambda: ServiceKey(0, 2, 0, "10.0.0.1", 80), "protocol must be a whole number from 1 to 255, not 0"),
    (lambda: ServiceKey(7, 2, 6, "10.0.0.1", 80), "a firewall mark has no protocol, no address and no port"),
    (lambda: ServiceKey(2**32, 2, 0, b"", 0), "fwmark must be a whole number from 0 to 4294967295"),
    (lambda: ServiceKey(0, 2, 6, b"\n\0\0", 80), "not an IPv4 or IPv6 address"),
    (lambda: DestinationKey(10, "10.0.0.1", 80), "10.0.0.1 is not of the address family 10 (ipv6)"),
    (lambda: DestinationKey.of("10.0.0.1", 65536), "port must be a whole number from 0 to 65535"),
    (lambda: Service(KEY, 5), "scheduler must be 1 to 15 bytes without blanks, not 5"),
    (lambda: Service(KEY, one_packet="no"), "one_packet must be True or False, not 'no'"),
    (
        lambda: Destination("10.0.0.1", 80, weight=True),
        "weight must be a whole number from 0 to 2147483647, not True",
    ),
    (lambda: Destination("10.0.0.1", 80, upper=None), "upper threshold must be a whole number"),
    (lambda: Destination("10.0.0.1", 80, active=-1), "active connections must be a whole number"),
    (
        lambda: Destination(DestinationKey.of("10.0.0.1", 80), 81),
        "port 81 beside 10.0.0.1:80, which has its own",
    ),
    (lambda: Stats(-1), "connections must be a whole number from 0 to 18446744073709551615, not -1"),
    (lambda: Stats(in_bps="1"), "in_bps must be a whole number"),
    (lambda: Info((1, 2), 4096), "version must be three numbers such as (1, 2, 1), not (1, 2)"),
    (lambda: Info("1.2.1", 4096), "version must be three numbers"),
    (
        lambda: Info((1, 2, 256), 4096),
        "a number of the version must be a whole number from 0 to 255, not 256",
    ),
    (lambda: Info((1, 2, 1), -1), "size of the connection table must be a whole number"),
    (lambda: Operation("add"), "there is no command 'add': choose from add-service, edit-service, "),
    (lambda: Timeouts(-1), "tcp timeout (seconds) must be a whole number from 0 to 2678400, not -1"),
    (lambda: SyncDaemon("slave"), "daemon state must be master or backup, not 'slave'"),
    (lambda: SyncDaemon("master", "a" * 16), "multicast interface must be 1 to 15 bytes"),
    (lambda: SyncDaemon("master", sync_id=256), "syncid must be a whole number from 0 to 255, not 256"),
    (lambda: SyncDaemon("master", group="10.0.0.1"), "multicast group must be a multicast address"),
    (
        lambda: Batch().add_destination(KEY, Destination("::2", 80)),
        "Different address family is allowed only for tunneling servers",
    ),
]


@pytest.mark.parametrize(("make", "text"), WRONG, ids=[text[:40] for _, text in WRONG])
def test_nonsense_is_refused_with_a_sentence(make, text: str) -> None:
    """What the kernel would accept silently, or refuse without a word, ends here."""
    with pytest.raises(InvalidValue) as caught:
        make()
    assert text in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, IpvsError)


def test_equality_is_about_configuration() -> None:
    """Counters and connection numbers do not make a destination another one."""
    plain = Destination("10.0.0.1", 80)
    assert Destination("10.0.0.1", 80, active=5, stats=Stats(9)) == plain
    assert plain != Destination("10.0.0.1", 80, weight=2)
    assert plain != "10.0.0.1:80"


def test_replace_checks_and_keeps_the_rest() -> None:
    """A copy with changes is checked like a new value; masks that look like prefixes stay masks."""
    odd = Service(KEY, persistent=5, netmask="0.0.0.24")
    assert odd.replace(scheduler="rr").netmask == 24
    assert odd.replace(key=ServiceKey.of("tcp", "::1", 80)).netmask == 128
    with pytest.raises(InvalidValue):
        Destination("10.0.0.1", 80).replace(weight=-5)


def test_scheduler_flags_by_name() -> None:
    """As ipvsadm has them: one, several, or several behind commas."""
    for names in (["sh-port", "sh-fallback"], "sh-port,sh-fallback", 0x18):
        assert Service(KEY, "sh", scheduler_flags=names).scheduler_flags == 0x18
    assert Service(KEY, "mh", scheduler_flags="mh-port").scheduler_flags == 0x10


def test_an_engine_has_up_to_sixteen_bytes() -> None:
    """The kernel takes so many; a service and a filter of connections agree on it."""
    assert Service(KEY, persistent=1, engine="e" * 16).engine == "e" * 16
    assert ConnectionFilter(engines="e" * 16).engines == ("e" * 16,)
    for make in (lambda name: Service(KEY, engine=name), lambda name: ConnectionFilter(engines=name)):
        for name in ("e" * 17, "s p", 5):
            with pytest.raises(InvalidValue):
                make(name)


def test_netmasks() -> None:
    """Prefix lengths, dotted text and mask numbers; none means a client by itself."""
    assert Service(KEY, netmask=24).netmask == 0xFFFFFF00
    assert Service(KEY, netmask="255.255.0.0").netmask == 0xFFFF0000
    assert Service(KEY, netmask=0xFFFFFFF0).netmask == 0xFFFFFFF0
    assert Service(KEY).netmask == 0xFFFFFFFF
    assert Service(ServiceKey.mark(1, ipv6=True)).netmask == 128


def test_addresses_of_the_standard_library_are_taken() -> None:
    """ipaddress objects work where text does."""
    assert ServiceKey.of("tcp", ipaddress.ip_address("10.0.0.1"), 80) == KEY


def test_keys_sort_naturally() -> None:
    """Marks last, IPv4 before IPv6, then protocol, address and port as numbers."""
    keys = [
        ServiceKey.of("tcp", "9.0.0.1", 443), ServiceKey.of("tcp", "10.0.0.1", 80), ServiceKey.of("udp", "1.0.0.1", 1),
        ServiceKey.of("tcp", "::1", 80), ServiceKey.mark(1), ServiceKey.mark(1, ipv6=True), ServiceKey.mark(2),
    ]  # fmt: skip
    assert sorted(set(keys)) == keys


def test_class_e_is_unicast() -> None:
    """The kernel takes these addresses; only that of everybody is none."""
    assert Destination("240.0.0.1", 80).address == "240.0.0.1"
    assert Destination("255.255.255.254", 80).address == "255.255.255.254"
