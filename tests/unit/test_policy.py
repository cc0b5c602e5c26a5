"""/etc/ipvsfast.conf: what the machine's administrator allows."""

from pathlib import Path

import pytest

from ipvsfast import InvalidValue, IpvsError
from ipvsfast.connections import source as connections
from ipvsfast.policy import no_live_counters, only_proc
from ipvsfast.stats.sources import NAMES, VARIABLE, chosen_source


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "ipvsfast.conf"


@pytest.mark.parametrize(
    ("text", "connections_off", "live_off"),
    [
        ("", False, False),
        ("# nothing = set\n\n", False, False),
        ("connections-source = proc  # no BPF here\n", True, True),
        ("connections-source=proc\nlive-counters=auto\n", True, False),
        ("live-counters = off\n", False, True),
        ("connections-source = auto\nlive-counters = off\n", False, True),
        ("live-counters = off\nlive-counters = auto\n", False, False),
    ],
)
def test_what_is_forbidden(config: Path, text: str, connections_off: bool, live_off: bool) -> None:
    """Each of the two has its line; who forbade BPF before there were live counters forbids both."""
    config.write_text(text)
    assert only_proc(str(config)) is connections_off
    assert no_live_counters(str(config)) is live_off


def test_without_a_file(config: Path) -> None:
    """All is allowed."""
    assert not only_proc(str(config))
    assert not no_live_counters(str(config))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("live-counters = of", "live-counters = auto or live-counters = off, not 'live-counters = of'"),
        ("connections-source = bpf", "connections-source = auto or connections-source = proc, not"),
        ("live-counters", "live-counters = auto or live-counters = off, not"),
        (
            "live = off",
            "connections-source = proc, live-counters = auto or live-counters = off, not 'live = off'",
        ),
    ],
)
def test_a_slip_allows_nothing(config: Path, text: str, expected: str) -> None:
    """A line that is unknown is an error with its place, for both questions."""
    config.write_text(f"# a comment\n{text}\n")
    for ask in (only_proc, no_live_counters):
        with pytest.raises(InvalidValue) as caught:
            ask(str(config))
        assert f"{config}:2: expected " in str(caught.value)
        assert expected in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """It is an error, not a file that allows everything."""
    with pytest.raises(IpvsError) as caught:
        no_live_counters(str(tmp_path))
    assert "cannot read" in str(caught.value)


def test_connections_that_are_forbidden(config: Path) -> None:
    """What was left open is the text, what was asked for is refused."""
    config.write_text("connections-source = proc\n")
    assert connections.chosen_source(None, str(config)) == "proc"
    with pytest.raises(IpvsError, match="is forbidden by"):
        connections.chosen_source("bpf", str(config))


def test_the_source_of_counters_for_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option, else the environment, else auto."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert chosen_source(None) == "auto"
    monkeypatch.setenv(VARIABLE, "netlink")
    assert chosen_source(None) == "netlink"
    assert [chosen_source(name) for name in NAMES] == list(NAMES)
    with pytest.raises(InvalidValue, match="source must be one of auto, live, netlink, sockopt, not 'bpf'"):
        chosen_source("bpf")
    monkeypatch.setenv(VARIABLE, "Live")
    with pytest.raises(InvalidValue, match=f"{VARIABLE}=Live: auto, live, netlink, sockopt can be chosen"):
        chosen_source("auto")
