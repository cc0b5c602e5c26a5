"""Configurations of other programs as wanted tables: what stands in them, what is left out, and mistakes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ipvsfast import InvalidValue, RulesInvalid, SyncDaemon, Timeouts, converted, read_wanted
from ipvsfast.changes.restore import RuleText
from ipvsfast.plans.wanted import Wanted
from ipvsfast.plans.wanted import read_wanted as read_text
from ipvsfast.resolver import Resolver

FORMS: list[Any] = ["keepalived", "ldirectord", "ipvsctl"]


def wanted(text: str, form: Any, **more: Any) -> Wanted:
    return read_wanted(text.encode(), source=form, **more)


def rules(text: str, form: Any, **more: Any) -> list[str]:
    return converted(wanted(text, form, **more)).splitlines()


def left(text: str, form: Any, **more: Any) -> list[str]:
    return [str(one) for one in wanted(text, form, allow_empty=True, **more).left_out]


def mistakes(text: str, form: Any, **more: Any) -> list[str]:
    with pytest.raises(RulesInvalid) as caught:
        wanted(text, form, **more)
    return [str(problem) for problem in caught.value.problems]


def server(inside: str = "", head: str = "10.0.0.1 80", real: str = "") -> str:
    """A virtual server of one real server, whose block begins in line 4."""
    return f"virtual_server {head} {{\nprotocol TCP\n{inside}\nreal_server 10.1.0.1 80 {{\n{real}\n}}\n}}\n"


# keepalived.conf: what the real program makes of it is in tests/parity/test_converted.py


def test_settings_of_keepalived() -> None:
    """Timeouts that are not given stay as they are; both daemons run, unless a VRRP instance says which."""
    text = (
        "global_defs {\nrouter_id x\nlvs_timeouts udp 30\nlvs_sync_daemon eth1 INST id 4 ttl 2\n}\n"
        + server()
    )
    found = wanted(text.replace("INST", ""), "keepalived")
    assert found.timeouts == Timeouts(0, 0, 30)
    assert found.daemons == [SyncDaemon(state, "eth1", 4, ttl=2) for state in ("master", "backup")]
    assert [str(one) for one in found.left_out] == [
        "text:1: global_defs: router_id: left out: no part of the table"
    ]
    depends = wanted(text.replace("INST", "VI_1"), "keepalived")
    assert not depends.daemons
    assert "depends on a VRRP instance" in str(depends.left_out[1])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (server("delay_loop 6"), "text:3: delay_loop 6: left out: servers are not checked"),
        (server(real="TCP_CHECK {\n}"), "text:5: TCP_CHECK of real_server 10.1.0.1 80: left out: servers are not checked"),
        (server("sorry_server 10.7.0.1 80"), "text:3: sorry_server 10.7.0.1 80: left out: it comes only when too few"),
        (server("sh-port"), "text:3: sh-port: left out: keepalived ignores it unless it stands behind lvs_sched sh"),
        (server("ops"), "text:1: ops of virtual_server 10.0.0.1 80: left out: it is for UDP only"),
        (server("lb_kind DR", "10.0.0.1 90"), "text:4: real_server 10.1.0.1 80: its port has no effect"),
        (server(head="10.0.0.1"), "text:1: virtual_server 10.0.0.1: a port that is not given makes it persistent for 360"),
        (server().replace("protocol TCP", ""), "text:1: virtual_server 10.0.0.1 80: no protocol is given: it is UDP"),
        (server("persistence_engine sip"), "text:1: persistence_engine sip: left out: without a persistence_timeout"),
        ("virtual_server 10.0.0.1 80 {\n}\n", "text:1: virtual_server 10.0.0.1 80: left out: it has no real_server"),
        ("vrrp_instance A {\nstate MASTER\n}\n", "text:1: vrrp_instance A: left out: no part of the table"),
        (server("sorry_server_lvs_method DR"), "text:3: sorry_server_lvs_method DR: left out: keepalived heeds it only behind"),
        ("include nothing/*.conf\n", "text:1: include nothing/*.conf: left out: no file has such a name"),
        (server(real="}\nreal_server 10.1.0.1 80 {"), "text:6: real_server 10.1.0.1 80: left out: it stands twice, first in line 4"),
        ("global_defs {\nnftables_ipvs\n}\n", "text:2: nftables_ipvs: groups are written out"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_told(text: str, told: str) -> None:
    """With its place, and why."""
    assert left(text, "keepalived")[0].startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (server("lb_algo nosuch"), "text:3: lb_algo nosuch: there is no scheduler 'nosuch'"),
        (server("lb_algo"), "text:3: lb_algo: there is no scheduler ''"),
        (server("lb_kind dr"), "text:3: lb_kind dr: NAT, DR, or TUN"),
        (server("lb_kind NAT x"), "text:3: lb_kind NAT x: NAT, DR, or TUN"),
        (server("lvs_method TUN type gue"), "text:3: lvs_method TUN type gue: the port of a gue tunnel"),
        (server("lvs_method TUN type ipip csum"), "text:3: lvs_method TUN type ipip csum: ipip tunnels know no csum"),
        (server("protocol ICMP"), "text:3: protocol ICMP: protocol is TCP, UDP or SCTP"),
        (server("persistence_timeout 0"), "text:3: persistence_timeout 0: persistence_timeout is a number from 1"),
        (server("persistence_granularity 24"), "text:1: virtual_server 10.0.0.1 80: persistence_granularity 24: it is a netmask"),
        (server("hello world"), "text:3: hello world: there is no 'hello' in a virtual_server"),
        (server("ops no"), "text:3: ops no: 'no' behind ops is not understood"),
        (server(real="weight -1"), "text:5: weight -1: weight is a number from 0 to 2147483647"),
        (server(real="weight 1 2"), "text:5: weight 1 2: '2' is not understood"),
        (server(real="weight"), "text:5: weight: a value is missing"),
        (server(real="weight $UNDEFINED"), "text:5: weight $UNDEFINED: weight is a number"),
        (server(real="foo"), "text:5: foo: there is no 'foo' in a real_server"),
        (server(real="lthreshold 9"), "text:4: real_server 10.1.0.1 80: lower threshold 9 is above the upper one 0"),
        (server(real="uthreshold 5000000000"), "text:5: uthreshold 5000000000: uthreshold is a number"),
        (server(head="10.0.0.1 http"), "text:1: virtual_server 10.0.0.1 http: a port is a number"),
        (server(head="10.0.0.1-9 80"), "text:1: virtual_server 10.0.0.1-9 80: ranges stand in a virtual_server_group"),
        (server(head="group g"), "text:1: virtual_server group g: there is no group g"),
        (server(head="fwmark 0"), "text:1: virtual_server fwmark 0: a mark is a number from 1"),
        (server(head="2001:db8::1 80"), "text:4: real_server 10.1.0.1 80: Different address family"),
        (server() + server(), "text:8: virtual_server 10.0.0.1 80: TCP 10.0.0.1:80 stands twice, first in text:1"),
        ("virtual_server 10.0.0.1 80\n", "text:1: virtual_server 10.0.0.1 80: its block, { ... }, is missing"),
        ("virtual_server_group g {\n10.0.0.1-x 80\n}\n", "text:2: 10.0.0.1-x 80: no address ends in 'x'"),
        ("virtual_server_group g {\n10.0.0.9-3 80\n}\n", "text:2: 10.0.0.9-3 80: 10.0.0.9-3 does not end behind its beginning"),
        ("virtual_server_group g {\n10.0.0.9/24 80\n}\n", "text:2: 10.0.0.9/24 80: 10.0.0.9 is not the first address"),
        ("virtual_server_group g {\n10.0.0.0/8 80\n}\n", "text:2: 10.0.0.0/8 80: 10.0.0.0/8 has more than 65,536 addresses"),
        ("virtual_server_group g {\n10.0.0.1\n2001:db8::1\nfwmark 1\n}\n", "text:1: virtual_server_group g: beside IPv4 and IPv6"),
        ("nosuch thing\n", "text:1: nosuch thing: there is no 'nosuch' here"),
        ("}\n", "text:1: }: no block is open"),
        ("{\n}\n", "text:1: {: nothing stands before it"),
        ("SSL {\n", "text:1: SSL: its block does not end"),
        ("SSL 'x\n", "text:1: SSL 'x: a quotation does not end"),
        ("\xff\n", "text:1: \xff: there is no '\xff' here"),
        ("include missing.conf\n", "text:1: include missing.conf: cannot read ./missing.conf: No such file"),
        ("include {a,b}.conf\n", "text:1: include {a,b}.conf: braces in the pattern"),
        ("$A=$B\n$B=$A\nx $A\n", "text:3: x $A: its parameters contain each other"),
        ("$A=x$A$A\n", None),
        ("$A= \\\n $B=1 \\\n $A\n$A\n", "text:4: $A: its parameters contain each other"),
        ("x ${_RANDOM}\n", "text:1: x ${_RANDOM}: ${_RANDOM} is another number each time"),
        ("~SEQ(A, 1, 0, 5) x\n", "text:1: ~SEQ(A, 1, 0, 5) x: the step of ~SEQ is not 0"),
        ("~SEQ(A, b) x\n", "text:1: ~SEQ(A, b) x: ~SEQ has up to three numbers"),
        ("~SEQ A\n", "text:1: ~SEQ A: ~SEQ(NAME, START, STEP, END)"),
        ("~LST({A,B}, 1, 2) x\n", "text:1: ~LST({A,B}, 1, 2) x: ~LST has a name and values"),
        ("$A= \\\n x\\", "text:1: $A=: the definition does not end"),
        ("global_defs {\nlvs_timeouts tcp\n}\n", "text:2: lvs_timeouts tcp: pairs of tcp"),
        ("global_defs {\nlvs_sync_daemon\n}\n", "text:2: lvs_sync_daemon: an interface, then pairs"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(text: str, told: str | None) -> None:
    """File, line, the text, and what is wrong with it."""
    if told is None:
        assert wanted(text, "keepalived", allow_empty=True).services == 0
    else:
        assert mistakes(text, "keepalived")[0].startswith(told)


def test_many_lines_are_refused() -> None:
    """A sequence cannot keep the program busy for ever: its lines are counted, and its mistakes too."""
    assert len(mistakes("~SEQ(A, 1, 1000000000) x\n", "keepalived")) == 100
    bomb = "$A=\n" + "~SEQ(A, 1, 2000)" * 4 + " $B=1\n"
    assert "parameters and sequences make more than 500,000 lines" in mistakes(bomb, "keepalived")[0]


def test_included_files(tmp_path: Path) -> None:
    """Relative to the file that includes them; their mistakes have their name; none includes itself."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.conf").write_text("include two.conf\n")
    (tmp_path / "a" / "two.conf").write_text(server("foo"))
    path = tmp_path / "main.conf"
    path.write_text("include a/one.conf\n")
    with pytest.raises(RulesInvalid, match=r"a/two\.conf:3: foo: there is no 'foo'"):
        read_wanted(path, source="keepalived")
    (tmp_path / "a" / "two.conf").write_text("include ../main.conf\n")
    with pytest.raises(RulesInvalid, match=r"two\.conf:1: .* includes itself"):
        read_wanted(path, source="keepalived")


def test_conditions() -> None:
    """Lines with `@` are for one configuration id, those with `@^` for all others."""
    text = server("@one lb_algo rr\n@^one lb_algo wrr")
    assert rules(text, "keepalived", config_id="one")[0] == "-A -t 10.0.0.1:80 -s rr"
    assert rules(text, "keepalived", config_id="two")[0] == "-A -t 10.0.0.1:80 -s wrr"


def test_a_long_range_has_the_addresses_between() -> None:
    """keepalived 2.2.7 makes 256 of the four of this one."""
    text = "virtual_server_group g {\n192.168.2.254-192.168.3.1 80\n}\n" + server(head="group g")
    assert [line.split()[2] for line in rules(text, "keepalived")[::2]] == [
        "192.168.2.254:80", "192.168.2.255:80", "192.168.3.0:80", "192.168.3.1:80"
    ]  # fmt: skip


def test_the_granularity_of_a_group_counts() -> None:
    """keepalived 2.2.7 forgets it."""
    text = "virtual_server_group g {\n10.0.0.1 80\n}\n" + server(
        "persistence_granularity 255.255.0.0", "group g"
    )
    assert rules(text, "keepalived")[0] == "-A -t 10.0.0.1:80 -s wlc -p 360 -M 255.255.0.0"


# ldirectord.cf


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("real=10.1.0.1:80 masq 3", "-r 10.1.0.1:80 -m -w 3"),
        ("real = 10.1.0.1:8080 gate", "-r 10.1.0.1:80 -g -w 1"),
        ("real=10.1.0.1 masq", "-r 10.1.0.1:0 -m -w 1"),
        ('real=10.1.0.1:8080 masq 7 "a", "b", "l:2" "u:9"', "-r 10.1.0.1:8080 -m -w 7 -x 9 -y 2"),
        ("real=localhost:8080 masq", "-r 127.0.0.1:8080 -m -w 1"),
    ],
)
def test_real_servers_of_ldirectord(line: str, rule: str) -> None:
    """Their port is that of the service unless it can be another one."""
    text = f"virtual=10.0.0.1:80\n\t{line}\n\tchecktype=on\n"
    assert rules(text, "ldirectord") == ["-A -t 10.0.0.1:80 -s wrr", f"-a -t 10.0.0.1:80 {rule}"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("virtual=10.0.0.1\n", "text:1: virtual=10.0.0.1: a virtual service has a port"),
        ("virtual=10.0.0.1:nosuch\n", "text:1: virtual=10.0.0.1:nosuch: no such service: 'nosuch'"),
        ("virtual=0\n", "text:1: virtual=0: fwmark"),
        ("virtual=2001:db8::1:80\n", "text:1: virtual=2001:db8::1:80: not an IPv4 or IPv6 address: '2001'"),
        ("virtual=[2001:db8::1]:80\n", "text:1: virtual=[2001:db8::1]:80: 2001:db8::1 stands in lines of virtual6"),
        ("virtual6=[2001:db8::1:80\n", "text:1: virtual6=[2001:db8::1:80: no address"),
        ("virtual=10.0.0.1:80\n\tfoo=1\n", "text:2: foo=1: there is no 'foo' in a virtual service"),
        ("foo=1\n", "text:1: foo=1: there is no 'foo' outside of a virtual service"),
        ("real\n", "text:1: real: a name, `=' and a value are expected"),
        ("\treal=1\n", "text:1: real=1: it is indented, and no virtual service stands before it"),
        ("virtual=10.0.0.1:80\n real=10.1.0.1:80\n", "text:2: real=10.1.0.1:80: ADDRESS:PORT, then gate, masq"),
        ("virtual=10.0.0.1:80\n real=10.1.0.1:80 nat\n", "text:2: real=10.1.0.1:80 nat: forwarding is gate, masq, ipip"),
        ("virtual=10.0.0.1:80\n real=10.1.0.1:80 gate -1\n", "text:2: real=10.1.0.1:80 gate -1: a weight is a number"),
        ("virtual=10.0.0.1:80\n real=10.1.0.9->10.1.0.1 gate\n", "text:2: real=10.1.0.9->10.1.0.1 gate: the range ends before"),
        ('virtual=10.0.0.1:80\n real=10.1.0.1 gate "a\n', 'text:2: real=10.1.0.1 gate "a: a quotation does not end'),
        ("virtual=10.0.0.1:80\n persistent=x\n", "text:1: virtual=10.0.0.1:80: persistent is a number"),
        ("virtual=10.0.0.1:80\n netmask=24\n", "text:1: virtual=10.0.0.1:80: netmask is dotted for IPv4"),
        ("virtual=10.0.0.1:80\n protocol=sctp\n", "text:1: virtual=10.0.0.1:80: the protocol of an address is tcp or udp"),
        ("virtual=7\n protocol=tcp\n", "text:1: virtual=7: the protocol of a firewall mark is fwm"),
        ("virtual=10.0.0.1:80\n ops=maybe\n", "text:1: virtual=10.0.0.1:80: ops is yes or no"),
        ("virtual=10.0.0.1:80\n ops=yes\n ops=no\n", "text:3: ops=no: ops stands twice"),
        ("virtual=10.0.0.1:80\nvirtual=10.0.0.1:80\n", "text:2: virtual=10.0.0.1:80: TCP 10.0.0.1:80 stands twice, first in text:1"),
        ("virtual=10.0.0.1:80\n real=10.1.0.1 gate\n real=10.1.0.1 gate\n", "text:3: real=10.1.0.1 gate: 10.1.0.1:80 stands twice, first in text:2"),
    ],
)  # fmt: skip
def test_a_mistake_in_ldirectord_cf_has_its_place(text: str, told: str) -> None:
    """File, line, the text, and what is wrong with it."""
    assert mistakes(text, "ldirectord")[0].startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("checktimeout=1\n", "text:1: checktimeout=1: left out: servers are not checked"),
        ("logfile=x\n", "text:1: logfile=x: left out: no part of the table"),
        ("virtual=10.0.0.1:80\n fallback=10.1.0.9\n real=10.1.0.1 gate\n",
         "text:2: fallback=10.1.0.9 of virtual=10.0.0.1:80: left out: it comes only when no real server is alive"),
        ("virtual=10.0.0.1:80\n real=10.1.0.1 gate\n checktype=off\n", "text:2: real=10.1.0.1 gate: left out: with checktype=off"),
        ("virtual=10.0.0.1:80\n ops=yes\n", "text:2: ops of virtual=10.0.0.1:80: left out: it is for UDP only"),
        ("virtual=10.0.0.1:80\n checktype=ping\n", "text:2: checktype=ping: left out: servers are not checked"),
        ('virtual=10.0.0.1:80\n real=10.1.0.1 gate "a" "b" "u:9"\n', 'text:2: real=10.1.0.1 gate "a" "b" "u:9": thresholds are taken'),
    ],
)  # fmt: skip
def test_what_is_left_out_of_ldirectord_cf_is_told(text: str, told: str) -> None:
    """With its place, and why."""
    assert left(text, "ldirectord")[0].startswith(told)


# ipvsctl

MODEL = """\
defaults:
  port: 80
  sched: wrr
  forward: direct
  weight: 2
services:
  - address: tcp://1.2.3.4
    destinations:
    - address: 10.0.0.1
      weight: 1
    - address: 10.0.0.2
  - address: udp://5.6.7.8:90
    sched: rr
    destinations:
    - address: 10.0.1.1:100
      forward: nat
    - address: 10.0.2.1:100
      weight: 1
      forward: tunnel
  - address: fwmark:30
    destinations:
    - address: 10.0.0.1
"""


def test_ipvsctl() -> None:
    """Defaults are those of the model, else rr, direct and a weight of 0."""
    assert rules(MODEL, "ipvsctl") == [
        "-A -t 1.2.3.4:80 -s wrr",
        "-a -t 1.2.3.4:80 -r 10.0.0.1:80 -g -w 1",
        "-a -t 1.2.3.4:80 -r 10.0.0.2:80 -g -w 2",
        "-A -u 5.6.7.8:90 -s rr",
        "-a -u 5.6.7.8:90 -r 10.0.1.1:100 -m -w 2",
        "-a -u 5.6.7.8:90 -r 10.0.2.1:90 -i -w 1 --tun-type ipip",
        "-A -f 30 -s wrr",
        "-a -f 30 -r 10.0.0.1:0 -g -w 2",
    ]
    assert left(MODEL, "ipvsctl") == [
        "text:17: port 100 of 10.0.2.1: tunnel leaves the port as it is: 90",
    ]
    bare = "services: [{address: 'sctp://10.0.0.1:80', destinations: [{address: '10.1.0.1:80'}]}]"
    assert rules(bare, "ipvsctl") == [
        "-A --sctp-service 10.0.0.1:80 -s rr", "-a --sctp-service 10.0.0.1:80 -r 10.1.0.1:80 -g -w 0"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services:\n- address: tcp://10.0.0.1\n", "text:2: services[0]: tcp://10.0.0.1 has no port"),
        ("services:\n- address: 10.0.0.1:80\n", "text:2: services[0]: an address is tcp://IP:PORT"),
        ("services:\n- address: tcp://${host.eth0}:80\n", "text:2: services[0]: 'tcp://${host.eth0}:80' has a parameter"),
        ("services:\n- sched: rr\n", "text:2: services[0]: its address is missing"),
        ("services:\n- address: fwmark:x\n", "text:2: services[0]: a mark is a number"),
        ("services:\n- address: tcp://10.0.0.1:80\n  port: 3\n", "text:2: services[0]: there is no 'port'"),
        ("services: 3\n", "text:1: services: this is a list"),
        ("3\n", "text:1: the document: this is an object with defaults, services"),
        ("defaults:\n  weight: x\nservices:\n- address: tcp://10.0.0.1:80\n  destinations:\n  - address: 10.1.0.1\n",
         "text:6: services[0].destinations[0]: weight"),
        ("services:\n- address: tcp://10.0.0.1:80\n  destinations:\n  - address: 10.1.0.1\n    forward: dr\n",
         "text:4: services[0].destinations[0]: forward is nat, tunnel, direct, not 'dr'"),
        ("services:\n- address: tcp://10.0.0.1:80\n- address: tcp://10.0.0.1:80\n", "text:3: services[1]: TCP 10.0.0.1:80 stands twice"),
        ("a: [\n", "text:2: the document: this is no YAML"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_model_has_its_place(text: str, told: str) -> None:
    """File, line, place in the document, and what is wrong."""
    assert mistakes(text, "ipvsctl")[0].startswith(told)


# Garbage

WORDS = [
    "virtual_server", "virtual_server_group", "group", "fwmark", "real_server", "{", "}", "\n", "\n\t", "10.0.0.1",
    "10.0.0.1-9", "2001:db8::1", "80", "weight", "lb_algo", "lb_kind", "rr", "NAT", "DR", "TUN", "type", "gue", "port",
    "protocol", "TCP", "persistence_timeout", "persistence_granularity", "255.255.0.0", "64", "$A", "$A=", "${A}",
    "~SEQ(A, 1, 3)", "~LST(A, 1, 2)", "~SEQ(", "@x", "@^x", "include", "*.nothing", '"', "'", "\\", "!", "#", "=",
    "global_defs", "lvs_timeouts", "lvs_sync_daemon", "sorry_server", "ops", "virtual=", "virtual6=", "real=", "->",
    "gate", "masq", "fallback=", "[", "]", ":", "checktype=off", "services:", "- address: tcp://10.0.0.1:80", "&a",
    "*a", "<<: *a", "destinations:", "defaults:", "\0", "\x85", "\u2028", "999999999999999999999999", "-1", "",
]  # fmt: skip


class NoNames(Resolver):
    """Knows no name, and asks nobody."""

    def host(self, name: str) -> bytes | None:
        return None


@pytest.mark.parametrize("form", [*FORMS, "yaml", "toml", "auto"])
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.one_of(
        st.lists(st.sampled_from(WORDS)).map(" ".join).map(str.encode), st.text().map(str.encode), st.binary()
    )
)
@example(b"")
@example(b"[" * 100_000)
@example(b"{" * 100_000)
@example(b"a: &a [" + b"*a," * 10 + b"]")
@example(b"- " * 50_000)
@example(
    "\n".join([f"a{n}: &a{n} [{f'*a{n - 1}, ' * 20}1]" for n in range(1, 30)]).replace("*a0, ", "").encode()
)
def test_garbage_is_a_mistake(form: Any, text: bytes) -> None:
    """It is read, or refused as a whole, with a place; nothing else happens."""
    try:
        found = read_text(RuleText(text, "text"), NoNames(), source=form, config_id="x")
    except RulesInvalid as error:
        assert error.problems
        for problem in error.problems:
            assert re.match(r"text(:\d+)?: ", str(problem)), problem
            assert problem.message
    except InvalidValue as error:
        assert error.strerror
    else:
        assert converted(found, "json")
