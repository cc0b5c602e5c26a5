"""Random tables, as rules that every ipvsadm reads."""

from __future__ import annotations

from hypothesis import strategies as st

WEIGHTS = st.one_of(st.integers(0, 100), st.sampled_from([0, 1, 65536, 2**31 - 1]))
PORTS = st.one_of(st.integers(1, 65535), st.sampled_from([80, 443, 8080]))
SECONDS = st.one_of(st.integers(1, 600), st.just(2678400))
PLAIN = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sed", "nq", "fo", "ovf"]


@st.composite
def ipv4(draw: st.DrawFn, tops: tuple[int, ...] = (10, 10, 172, 192)) -> str:
    return f"{draw(st.sampled_from(tops))}.{draw(st.integers(0, 3))}.0.{draw(st.integers(1, 250))}"


@st.composite
def ipv6(draw: st.DrawFn) -> str:
    return f"2001:db8:{draw(st.sampled_from(['', '8000:1:', 'ffff:']))}:{draw(st.integers(0x100, 0xFFFF)):x}"


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@st.composite
def service(draw: st.DrawFn) -> tuple[str, bool, int]:
    """(selector, whether it is IPv6, port); the port is -1 for marks."""
    six = draw(st.booleans())
    kind = draw(st.sampled_from(["-t", "-t", "-u", "--sctp-service", "-f"]))
    if kind == "-f":
        return f"-f {draw(st.integers(1, 2**31 - 1))}{' -6' if six else ''}", six, -1
    port = draw(PORTS)
    return f"{kind} {endpoint(draw(ipv6() if six else ipv4()), port)}", six, port


@st.composite
def service_settings(draw: st.DrawFn, selector: str, six: bool) -> str:
    scheduler = draw(st.sampled_from([*PLAIN, "sh", "mh"]))
    text = f"-s {scheduler}"
    if draw(st.integers(0, 2)) == 0:
        text += f" -p {draw(SECONDS)}"
        if draw(st.booleans()):
            masks = st.integers(1, 128) if six else st.sampled_from(
                ["255.255.255.0", "0.0.0.0", "255.0.255.0", "255.255.255.255", "128.0.0.0"])  # fmt: skip
            text += f" -M {draw(masks)}"
    if selector.startswith("-u") and draw(st.integers(0, 3)) == 0:
        text += " --pe sip"
    if selector[:2] in ("-u", "-f") and draw(st.integers(0, 3)) == 0:
        text += " -o"
    if draw(st.integers(0, 3)) == 0:
        names = [f"{scheduler}-port", f"{scheduler}-fallback"] if scheduler in ("sh", "mh") else [
            "flag-1", "flag-2", "flag-3"]  # fmt: skip
        text += f" -b {','.join(draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))}"
    return text


@st.composite
def server(draw: st.DrawFn, selector: str, six: bool, port: int, thresholds: bool) -> str:
    method = draw(st.sampled_from(["-g", "-m", "-m", "-i"]))
    other = draw(st.integers(0, 3)) == 0
    address = draw(ipv6() if six != (method == "-i" and other) else ipv4((10, 100, 172, 192)))
    if method == "-m" or port < 0:
        port = draw(PORTS)
    text = f"-a {selector} -r {endpoint(address, port)} {method} -w {draw(WEIGHTS)}"
    if method == "-i":
        checksum = draw(st.sampled_from(["--tun-nocsum", "--tun-csum"]))
        text += draw(st.sampled_from(["", " --tun-type ipip", f" --tun-type gre {checksum}",
                                      f" --tun-type gue --tun-port {draw(PORTS)} {checksum}",
                                      f" --tun-type gue --tun-port {draw(PORTS)} --tun-remcsum"]))  # fmt: skip
    if thresholds and draw(st.integers(0, 3)) == 0:
        upper = draw(st.integers(1, 2**31 - 1))
        text += f" -x {upper} -y {draw(st.integers(0, upper))}"
    return text


@st.composite
def table(draw: st.DrawFn, thresholds: bool = True, services: int = 8, servers: int = 6) -> str:
    """Rules without duplicates. thresholds: servers may have some, which -S of ipvsadm forgets."""
    text = ""
    for selector, six, port in draw(st.lists(service(), max_size=services, unique_by=lambda s: s[0])):
        text += f"-A {selector} {draw(service_settings(selector, six))}\n"
        rules = draw(st.lists(server(selector, six, port, thresholds), max_size=servers))
        text += "".join(
            [f"{rule}\n" for rule in {rule.split(" -r ")[1].split()[0]: rule for rule in rules}.values()]
        )
    return text
