"""The weights of a ramp, and which destinations a command line means; no kernel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipvsfast import DestinationKey, InvalidValue, ServiceKey, TableFilter
from ipvsfast.cli.target_options import targets_from
from ipvsfast.drains.chosen import Targets
from ipvsfast.drains.ramp import weight_at
from ipvsfast.language.words import UsageError

WEIGHTS = st.integers(0, 2**31 - 1)
WEB = ServiceKey.parse("tcp 10.0.0.1:80")
DNS = ServiceKey.parse("udp 10.0.0.1:53")
WEB6 = ServiceKey.parse("tcp [2001:db8::1]:80")
MARK = ServiceKey.mark(7)
SERVICES = (WEB, DNS, WEB6, MARK)
ONE, TWO = DestinationKey.of("10.1.0.7", 80), DestinationKey.of("10.1.0.8", 53)


@given(WEIGHTS, WEIGHTS, st.integers(1, 1000))
def test_a_ramp_is_a_line_of_whole_numbers(start: int, goal: int, steps: int) -> None:
    """It begins and ends where it should, goes one way only, and is never off the line by more than a half."""
    found = [weight_at(start, goal, step, steps) for step in range(steps + 1)]
    assert (found[0], found[-1]) == (start, goal)
    assert found == sorted(found, reverse=goal < start)
    for step, weight in enumerate(found):
        assert abs((weight - start) * steps - (goal - start) * step) * 2 <= steps


@pytest.mark.parametrize(
    ("options", "services"),
    [
        ({"tcp-target": "10.0.0.1"}, {WEB}),
        ({"tcp-target": "10.0.0.1,2001:db8::/32"}, {WEB, WEB6}),
        ({"tcp-target": "10.0.0.1:53"}, set()),
        ({"udp-target": "10.0.0.1:53"}, {DNS}),
        ({"udp-target": "10.0.0.0/8", "mark-target": "7"}, {DNS, MARK}),
        ({"sctp-target": "10.0.0.1"}, set()),
        ({"service": "10.0.0.1"}, {WEB, DNS}),
        ({"service": "!10.0.0.1", "protocol": "tcp"}, {WEB6}),
        ({"mark-target": "7", "family": "ipv6"}, set()),
        ({"tcp-target": ":80", "family": "ipv6"}, {WEB6}),
        ({"destination": "10.1.0.7"}, set(SERVICES)),
        ({"destination": "10.1.0.8"}, set()),
        ({"destination": "10.1.0.7:80", "tcp-target": ":80"}, {WEB, WEB6}),
    ],
)
def test_the_options_name_destinations(options: dict[str, str], services: set[ServiceKey]) -> None:
    """As ipvsadm names services, of which several may be given; or as filters, which all have to hold."""
    targets = targets_from("drain", options)
    assert targets is not None
    meant = {service: targets.mean(service) for service in SERVICES}
    assert {service for service, of_it in meant.items() if of_it is not None and of_it(ONE)} == services


def test_no_option_names_none() -> None:
    """Nothing is meant then; others do not count."""
    assert targets_from("drain", {"timeout": "3", "delete": ""}) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tcp-target": "web"}, "drain: not an address, prefix or port: 'web'"),
        ({"mark-target": "0"}, "drain: --fwmark takes numbers from 1 to 4294967295, not `0'"),
        ({"tcp-target": "10.0.0.1", "protocol": "tcp"}, "drain: --protocol does not go with -t, -u,"),
        ({"destination": "10.0.0.0/33"}, "drain: the prefix length of"),
    ],
)
def test_options_that_are_wrong(options: dict[str, str], message: str) -> None:
    """Status 2 and a sentence."""
    with pytest.raises(UsageError) as caught:
        targets_from("drain", options)
    assert caught.value.status == 2
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "filters",
    [(), TableFilter(), [TableFilter(service="10.0.0.1"), TableFilter()], TableFilter(service=":80", limit=3),
     TableFilter(schedulers="rr"), TableFilter(destination="10.1.0.7", zero_weight=True)],
)  # fmt: skip
def test_targets_are_named(filters: object) -> None:
    """Never all of the table, nor what depends on the moment."""
    with pytest.raises(InvalidValue):
        Targets(filters)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Targets(["10.0.0.1"])  # type: ignore[list-item]


def test_addresses_without_anything() -> None:
    """Those that were asked for and not met, each once; what was excluded is none of them."""
    one = TableFilter(service=("10.0.0.1", "10.0.0.2"), destination=("10.1.0.7", "10.1.0.9", "!10.1.0.3"))
    targets = Targets([one, TableFilter(destination="10.1.0.9")])
    assert targets.unmet([(WEB, ONE), (MARK, TWO)]) == ["10.0.0.2", "10.1.0.9"]
