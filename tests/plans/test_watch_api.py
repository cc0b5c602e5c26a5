"""`Ipvs.watch()`: the table follows a file, and a program gets what there is to tell as events."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from parity.traffic import addresses, listeners

from ipvsfast import Destination, InvalidValue, Ipvs, Service, TableFilter, Watch, WatchEvent, WatchEventKind

ONE = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
"""
TWO = ONE.replace("-w 1", "-w 5")
WEB = Service.tcp("10.0.0.1", 80, "rr")
FOREIGN = Destination("10.1.0.9", 80, forwarding="masq")
PATIENCE = 120.0  # seconds for what comes in one; the machine may be busy
LOOKS = 0.1  # seconds between two looks, where a test waits for what one of them finds


@pytest.fixture
def ipvs() -> Iterator[Ipvs]:
    with Ipvs() as ipvs:
        yield ipvs


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The file that is watched."""
    path = tmp_path / "rules"
    path.write_text(ONE)
    return path


def replaced(rules: Path, text: str) -> None:
    new = rules.with_name("new")
    new.write_text(text)
    os.replace(new, rules)


def comes(watch: Watch, kind: WatchEventKind) -> WatchEvent:
    """The next event, which is of this kind."""
    event = watch.wait(PATIENCE)
    assert event is not None
    assert event.kind == kind, event
    return event


def weights(ipvs: Ipvs) -> dict[str, int]:
    return {str(one.key): one.weight for _, destinations in ipvs.table() for one in destinations}


def applied(watch: Watch) -> WatchEvent:
    """An apply that begins and comes to its end."""
    comes(watch, "applying")
    return comes(watch, "applied")


def test_the_table_follows_the_file(ipvs: Ipvs, rules: Path) -> None:
    """It is put in force at the start and when it changes, with an account; each apply can be taken back."""
    with ipvs.watch(rules, interval=0) as watch:
        begins = comes(watch, "applying")
        assert begins.text == f"{rules} is put in force: 2 to add, 0 to change, 0 to delete"
        assert begins.lines == tuple(f"+ {line}" for line in ONE.splitlines())
        assert str(begins) == "\n".join([begins.text, *begins.lines])
        event = comes(watch, "applied")
        assert event.ok
        assert event.account is not None
        assert (event.account.added, event.account.ok) == (2, True)
        assert watch.wait(0) is None
        assert watch.status == "the table is as wanted: 2 entries"
        replaced(rules, TWO)
        assert applied(watch).ok
        assert weights(ipvs) == {"10.1.0.1:80": 5}
    assert [journal.state for journal in ipvs.history()] == ["done", "done"]
    assert ipvs.undo().ok
    assert weights(ipvs) == {"10.1.0.1:80": 1}


def test_changes_of_others(ipvs: Ipvs, rules: Path) -> None:
    """They are told, and stay until a reload; with `enforce` they are changed back."""
    with ipvs.watch(rules, interval=LOOKS) as watch:
        applied(watch)
        ipvs.add_destination(WEB, FOREIGN)
        drift = comes(watch, "drift")
        assert not drift.ok
        assert drift.lines == ("- -a -t 10.0.0.1:80 -r 10.1.0.9:80 -m -w 1",)
        assert "10.1.0.9:80" in weights(ipvs)
        watch.reload()
        assert applied(watch).ok
        assert weights(ipvs) == {"10.1.0.1:80": 1}
    with ipvs.watch(rules, interval=LOOKS, enforce=True) as watch:
        comes(watch, "settled")
        ipvs.add_destination(WEB, FOREIGN)
        assert comes(watch, "applying").text.startswith("what others have changed is changed back")
        assert comes(watch, "applied").ok
        assert weights(ipvs) == {"10.1.0.1:80": 1}


def test_mistakes(ipvs: Ipvs, rules: Path) -> None:
    """A file that cannot be used changes nothing, and all its mistakes are told; so is a guard."""
    with ipvs.watch(rules, interval=0, max_delete=0) as watch:
        applied(watch)
        replaced(rules, TWO + "-a -t 10.0.0.1:80 -r nonsense::1::2\n-A -t x\n")
        refused = comes(watch, "refused")
        assert not refused.ok
        assert len(refused.lines) == 2
        assert refused.lines[0].startswith(f"{rules}:3: ")
        replaced(rules, "")
        assert "allow_empty=True if that is meant" in comes(watch, "refused").lines[0]
        replaced(rules, ONE.splitlines(keepends=True)[0])
        comes(watch, "accepted")
        trouble = comes(watch, "trouble")
        assert (trouble.ok, trouble.text.endswith("nothing was done")) == (False, True)
        assert weights(ipvs) == {"10.1.0.1:80": 1}
        replaced(rules, ONE + "-A -f 7 -s nosuch\n")
        kept = applied(watch)
        assert (kept.ok, len(kept.lines)) == (False, 1)
        assert kept.account is not None
        assert len(kept.account.refused) == 1


def test_stop_from_another_thread(ipvs: Ipvs, rules: Path) -> None:
    """What blocks for good ends, with the events that were left; it stays stopped."""
    with ipvs.watch(rules, interval=0) as watch:
        told: list[str] = []
        thread = threading.Thread(target=lambda: told.extend([event.kind for event in watch]))
        thread.start()
        watch.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert told in ([], ["applying", "applied"])  # the thread may come first
        assert watch.is_stopped
        assert list(watch) == []
    watch.stop()
    watch.close()


def test_reload_from_another_thread(ipvs: Ipvs, rules: Path) -> None:
    """Whoever waits goes to work at once: nothing else would wake it up."""
    with ipvs.watch(rules, interval=0) as watch:
        applied(watch)
        assert watch.wait(0) is None
        thread = threading.Thread(target=watch.reload)
        thread.start()
        assert comes(watch, "settled").text.endswith("asks for: 2 entries")
        thread.join()


def test_interrupted(ipvs: Ipvs, rules: Path) -> None:
    """Ctrl-C leaves it as any exception does, and it can go on."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ipvs.watch(rules, interval=0) as watch:
            applied(watch)
            with pytest.raises(KeyboardInterrupt):
                threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
                watch.wait(PATIENCE)
            replaced(rules, TWO)
            assert applied(watch).ok
    finally:
        signal.signal(signal.SIGINT, before)


def test_stop_ends_a_drain(ipvs: Ipvs, rules: Path) -> None:
    """In the middle of an apply, told at once to `progress`: what has connections keeps weight 0."""
    space = SimpleNamespace(sockets=[])
    addresses(space, "10.0.0.1", "10.1.0.1")
    listeners(space, ("tcp", "10.1.0.1", 80))
    told: list[WatchEvent] = []

    def progress(event: WatchEvent) -> None:
        told.append(event)
        if len(told) == 3:
            watch.stop()

    with ipvs.watch(rules, interval=0, drain=3600, progress=progress) as watch:
        applied(watch)
        with socket.create_connection(("10.0.0.1", 80), timeout=PATIENCE):
            replaced(rules, ONE.splitlines(keepends=True)[0])
            event = applied(watch)
            assert watch.wait() is None
        assert [one.kind for one in told] == ["applying", "applied"] * 2
        assert not event.ok
        assert event.text.startswith("stopped; 0 added, 0 changed, 0 deleted")
        assert event.account is not None
        assert event.account.drained is not None
        assert weights(ipvs) == {"10.1.0.1:80": 0}
    for item in space.sockets:
        item.close()
    assert ipvs.undrain(TableFilter(destination="10.1.0.1")).ok


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval": -1.0}, {"wait": float("nan")}, {"drain": -1.0}, {"scope": "nonsense"}, {"tag": "a b"},
        {"only": ["rename"]}, {"max_delete": "x"}, {"source": "word"}, {"config_id": "x"},
    ],
)  # fmt: skip
def test_values_that_cannot_be(ipvs: Ipvs, rules: Path, wrong: dict[str, object]) -> None:
    """They are refused before anything is begun."""
    with pytest.raises(InvalidValue, match="limit" if "max_delete" in wrong else next(iter(wrong))):
        ipvs.watch(rules, **wrong)  # type: ignore[arg-type]
    assert ipvs.table() == []


def test_a_file_whose_changes_nobody_tells(ipvs: Ipvs, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without looks it would never be seen: that is an error; with some it is told, and followed."""

    def cannot(path: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ipvsfast.watch.watcher.FileWatch", cannot)
    with pytest.raises(OSError, match="with interval=0 it would never look at it"):
        ipvs.watch(rules, interval=0)
    with ipvs.watch(rules, interval=LOOKS) as watch:
        assert "No space left on device; it is looked at every" in comes(watch, "note").text
        applied(watch)
        replaced(rules, TWO)
        assert applied(watch).ok
