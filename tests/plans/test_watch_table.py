"""`ipvsfast watch FILE`: the table follows the file, what others change is told, and mistakes change nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from parity.traffic import addresses, listeners

from ipvsfast import Ipvs
from support.command import program, run
from support.held import Held, held
from support.module import LOADER, module_afterwards, unload

ONE = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
"""
TWO = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5
-A -u 10.0.0.1:53 -s rr
-a -u 10.0.0.1:53 -r 10.1.0.4:53 -m -w 1
"""
FOREIGN = ("-a", "-t", "10.0.0.1:80", "-r", "10.1.0.9:80", "-m", "-w", "1")
PATIENCE = 120  # seconds for what comes in one; the machine may be busy
LONG = "3600"  # an interval that no test sees the end of


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for something, for a generous time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"in {PATIENCE} s not: {what}"
        time.sleep(0.05)


class Watch:
    """A watch that runs, and what it has said so far."""

    def __init__(self, folder: Path, *argv: str) -> None:
        self.log = folder / "log"
        with open(self.log, "wb") as log, open(os.devnull, "rb") as null:
            self.process = subprocess.Popen([program(), "watch", *argv], stdin=null, stdout=log, stderr=log)

    @property
    def lines(self) -> list[str]:
        """Without their times, which a file gets."""
        return [line[20:] for line in self.log.read_text().splitlines()]

    def says(self, text: str, times: int = 1) -> None:
        """Waits until it has said this."""
        end = time.monotonic() + PATIENCE
        while sum(text in line for line in self.lines) < times:
            assert self.process.poll() is None, self.lines
            assert time.monotonic() < end, f"not said: {text}: {self.lines}"
            time.sleep(0.05)

    def done(self, times: int) -> None:
        """Waits for the end of so many applies: a signal in the middle of one, when the table is as wanted but
        not looked at again, would end it with another status."""
        self.says("the table is as ", times)

    def hang_up(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


Starts = Callable[..., Watch]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The file that is watched."""
    path = tmp_path / "rules"
    path.write_text(ONE)
    return path


@pytest.fixture
def watch(tmp_path: Path, rules: Path) -> Iterator[Starts]:
    """Starts a watch of it, which has put it in force."""
    with contextlib.ExitStack() as stack:

        def start(*argv: str, interval: str = LONG, says: str = "the table is as ") -> Watch:
            found = Watch(tmp_path, "--interval", interval, *argv, str(rules))
            stack.callback(found.process.wait, PATIENCE)
            stack.callback(found.process.kill)
            found.says(says)
            return found

        yield start


def replaced(rules: Path, text: str) -> None:
    """By rename, as editors and agents do it."""
    new = rules.with_name("new")
    new.write_text(text)
    os.replace(new, rules)


def weights() -> dict[str, int]:
    """Of each destination in the table."""
    with Ipvs() as ipvs:
        return {
            str(destination.key): destination.weight
            for _, destinations in ipvs.table()
            for destination in destinations
        }


OF_ONE = {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
OF_TWO = {"10.1.0.1:80": 5, "10.1.0.4:53": 1}


def test_the_table_follows_the_file(watch: Starts, rules: Path) -> None:
    """At the start and after a change, by rename and in place; the history has each apply; SIGTERM ends it well."""
    one = watch()
    assert weights() == OF_ONE
    replaced(rules, TWO)
    one.says("2 added, 1 changed, 1 deleted")
    assert weights() == OF_TWO
    rules.write_text(ONE)
    one.says("1 added, 1 changed, 2 deleted")
    assert weights() == OF_ONE
    assert one.end() == 0
    assert one.lines[0].endswith("rules is put in force: 3 to add, 0 to change, 0 to delete")
    assert one.lines[1:4] == [f"+ {line}" for line in ONE.splitlines()]
    assert one.lines[-1] == "ended by SIGTERM; the table stays as it is"
    history = json.loads(run("history", "--json").stdout)["history"]
    assert [entry["state"] for entry in history] == ["done"] * 3
    assert weights() == OF_ONE


def test_nothing_to_do_changes_nothing(watch: Starts, rules: Path) -> None:
    """A file that is in force, and one that is only written anew: no apply, no word."""
    assert run("restore", "-q", stdin=ONE).returncode == 0
    one = watch()
    rules.write_text("# the same\n" + ONE)
    replaced(rules, ONE)
    one.hang_up()
    one.says("the table is as", 2)
    assert one.end(signal.SIGINT) == 0
    assert [line.split("rules ")[-1] for line in one.lines] == [
        "asks for: 3 entries", "asks for: 3 entries", "ended by SIGINT; the table stays as it is"
    ]  # fmt: skip
    assert json.loads(run("history", "--json").stdout)["history"] == []


def test_changes_of_others_are_told_once_and_left(watch: Starts) -> None:
    """Until they are other ones, or gone again. SIGHUP puts the file in force."""
    one = watch(interval="0.2")
    assert run(*FOREIGN).returncode == 0
    one.says("which has not changed: 0 to add, 0 to change, 1 to delete")
    one.says("- -a -t 10.0.0.1:80 -r 10.1.0.9:80 -m -w 1")
    time.sleep(1)  # some looks more
    assert sum("which has not changed" in line for line in one.lines) == 1
    assert "10.1.0.9:80" in weights()
    assert run("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.2:80", "-m", "-w", "7").returncode == 0
    one.says("~ -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1  # weight 7 -> 1")
    assert run("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.2:80", "-m", "-w", "8").returncode == 0
    one.says("~ -a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1  # weight 8 -> 1")
    one.hang_up()
    one.says("0 added, 1 changed, 1 deleted")
    assert weights() == OF_ONE
    assert run(*FOREIGN).returncode == 0
    one.says("- -a -t 10.0.0.1:80 -r 10.1.0.9:80 -m -w 1", 5)
    assert run("-d", "-t", "10.0.0.1:80", "-r", "10.1.0.9:80").returncode == 0
    one.says("asks for again: 3 entries")
    assert one.end() == 0


def test_enforce_changes_them_back(watch: Starts) -> None:
    """What others have added, changed and deleted; each time it is told."""
    one = watch("--enforce", interval="0.2")
    for times in (1, 2):
        assert run(*FOREIGN).returncode == 0
        one.says("what others have changed is changed back: 0 to add, 0 to change, 1 to delete", times)
        until(lambda: weights() == OF_ONE, "the table as wanted")
    assert run("-C").returncode == 0
    one.says("what others have changed is changed back: 3 to add")
    until(lambda: weights() == OF_ONE, "the table as wanted")
    one.done(4)
    assert one.end() == 0


def test_mistakes_change_nothing(watch: Starts, rules: Path) -> None:
    """A line that is wrong, an empty file, none at all: each told once, and what was wanted before stays wanted."""
    one = watch("--enforce", interval="0.2")
    replaced(rules, TWO + "-a -t 10.0.0.1:80 -r nonsense::1::2\n")
    one.says("rules:5: ")
    replaced(rules, "")
    one.says("holds no service")
    rules.unlink()
    one.says("No such file or directory")
    assert weights() == OF_ONE
    assert run(*FOREIGN).returncode == 0
    one.says("what others have changed is changed back")
    until(lambda: weights() == OF_ONE, "the last good state")
    time.sleep(1)
    assert sum("cannot be used: what it held before stays wanted" in line for line in one.lines) == 3
    rules.write_text(TWO)
    one.says("rules can be used now")
    until(lambda: weights() == OF_TWO, "the file in force")
    one.done(3)
    assert one.end() == 0


def test_a_file_that_comes_later(watch: Starts, rules: Path) -> None:
    """It may be missing at the start."""
    rules.unlink()
    one = watch(says="cannot be used: nothing is changed")
    rules.write_text(ONE)
    until(lambda: weights() == OF_ONE, "the file in force")
    one.says("the table is as wanted")  # else the apply is not over
    assert one.end() == 0


def test_a_file_whose_changes_nobody_tells(tmp_path: Path) -> None:
    """As on network filesystems: one with mistakes is read again at each look. Here it is the host's name."""
    before = socket.gethostname()
    one = Watch(tmp_path, "--interval", "0.2", "/proc/sys/kernel/hostname")
    try:
        one.says("cannot be used: nothing is changed")
        socket.sethostname("-A -f 7 -s rr")
        one.says("the table is as wanted: 1 entry")
        with Ipvs() as ipvs:
            assert [str(service.key) for service in ipvs.services()] == ["FWM 7"]
        assert one.end() == 0
    finally:
        socket.sethostname(before)
        one.process.kill()
        one.process.wait(PATIENCE)


def test_the_guards(watch: Starts, rules: Path) -> None:
    """What would delete too much is not begun, and told; a file outside of the scope is one with a mistake."""
    one = watch("--max-delete", "1", "--scope", "10.0.0.0/24")
    replaced(rules, "-A -t 10.0.0.1:80 -s rr\n")
    one.says("the plan deletes 2 of 3 entries, and max-delete is 1: nothing was done")
    replaced(rules, ONE + "-A -t 10.0.9.1:80 -s rr\n")
    one.says("TCP 10.0.9.1:80 is outside the scope 10.0.0.0/24")
    assert weights() == OF_ONE
    replaced(rules, ONE.replace("-w 1", "-w 2"))
    one.says("0 added, 2 changed, 0 deleted")
    assert one.end() == 0


def test_a_tag(watch: Starts, rules: Path) -> None:
    """Services that nobody has are left alone; one of another tag is a mistake, told once, until that lets go of it."""
    assert run("-A", "-f", "7", "-s", "rr").returncode == 0
    other = "-A -u 10.0.0.1:53 -s wlc\n"
    assert run("apply", "-q", "--tag", "mail", stdin=other).returncode == 0
    one = watch("--tag", "web", interval="0.2")
    replaced(rules, TWO)
    one.says("UDP 10.0.0.1:53 is of the tag mail, not of web")
    time.sleep(1)
    assert sum("of the tag mail" in line for line in one.lines) == 1
    assert weights() == OF_ONE
    assert run("apply", "-q", "--tag", "mail", "--allow-empty", stdin="").returncode == 0
    one.says("the table is as wanted", 2)
    assert weights() == OF_TWO
    with Ipvs() as ipvs:
        assert "FWM 7" in {str(service.key) for service in ipvs.services()}
    assert one.end() == 0


def test_drain(watch: Starts, rules: Path) -> None:
    """What is deleted is drained first, as by apply."""
    one = watch("--drain", "60")
    replaced(rules, TWO)
    one.says("drained: 1 destination")
    assert weights() == OF_TWO
    assert one.end() == 0


def test_an_undo_is_a_change_of_others(watch: Starts, rules: Path) -> None:
    """It is told, and stays."""
    one = watch(interval="0.2")
    replaced(rules, ONE.replace("-w 1", "-w 4"))
    one.says("0 added, 2 changed, 0 deleted")
    assert run("undo", "-q").returncode == 0
    one.says("which has not changed: 0 to add, 2 to change, 0 to delete")
    assert weights() == OF_ONE
    assert one.end() == 0


def test_a_refusal(watch: Starts, rules: Path) -> None:
    """What the kernel refuses is told once with what was done, and tried again; other files go in force."""
    one = watch(interval="0.2")
    replaced(rules, ONE + "-A -f 7 -s nosuch\n")
    one.says("Scheduler or persistence engine not found")
    one.says("1 refused")
    time.sleep(1)
    assert sum("1 refused" in line for line in one.lines) == 1
    replaced(rules, ONE + "-A -f 7 -s rr\n")
    one.says("1 added, 0 changed, 0 deleted")
    assert one.end() == 0


def test_the_kernel_cannot_be_reached_for_a_moment(
    watch: Starts, rules: Path, shim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An apply that cannot be sent is told, with what is in force, and tried again."""
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(shim))
        patch.setenv("FAULT", "refuse:2")  # every second time
        one = watch(interval="0.2")
    replaced(rules, TWO)
    one.says("Connection refused; 0 added, 0 changed, 0 deleted")
    until(lambda: weights() == OF_TWO, "the file in force")
    one.done(2)
    assert one.end() == 0


def test_nothing_wakes_it_up(watch: Starts) -> None:
    """Between two looks it sleeps: the kernel counts no switch to it."""
    one = watch(interval="0")
    status = Path(f"/proc/{one.process.pid}/status")

    def switches() -> str:
        return next(line for line in status.read_text().splitlines() if line.startswith("voluntary"))

    until(lambda: "sleeping" in status.read_text(), "its sleep")
    time.sleep(1)
    before = switches()
    time.sleep(3)
    assert switches() == before
    assert one.end() == 0


def test_another_has_the_lock(watch: Starts, rules: Path, shim: Path) -> None:
    """It waits, says so when its time is over, tries again at the next look, and ends on SIGTERM meanwhile."""
    one = watch("--wait", "0", interval="0.2")
    with _applies(shim) as other:
        replaced(rules, TWO)
        one.says("replacing the table of this network namespace")
        other.signal(signal.SIGCONT)
    one.says("the table is as wanted", 2)
    assert weights() == OF_TWO
    assert sum("replacing the table" in line for line in one.lines) == 1
    with _applies(shim):
        replaced(rules, ONE)
        one.says("replacing the table of this network namespace", 2)
        assert one.end() == 0


@contextlib.contextmanager
def _applies(shim: Path) -> Iterator[Held]:
    """Another apply that stands still with the lock in its hand."""
    with held(shim, "stop:1", "apply", "-q", "-", stdin=ONE.replace("-w 1", "-w 9")) as command:
        yield command


def test_an_apply_that_awaits_its_confirmation(watch: Starts, rules: Path) -> None:
    """It is told once, and the file is put in force when that is decided."""
    one = watch(interval="0.2")
    assert run("apply", "-q", "--confirm-within", LONG, stdin=TWO).returncode == 0
    replaced(rules, ONE.replace("-w 1", "-w 3"))
    one.says("awaits its confirmation: until that is decided nothing is changed")
    time.sleep(1)
    assert sum("awaits its confirmation" in line for line in one.lines) == 1
    assert weights() == OF_TWO
    assert run("confirm").returncode == 0
    until(lambda: weights() == dict.fromkeys(OF_ONE, 3), "the file in force")
    one.done(2)
    assert one.end() == 0


def test_sigterm_in_the_middle_of_an_apply(shim: Path, rules: Path) -> None:
    """It tells what was done, and has the status that apply has."""
    with held(shim, "stop:1", "watch", str(rules)) as command:
        command.signal(signal.SIGTERM)
    assert command.status == 143
    assert "ended by SIGTERM while the table was changed: " in command.err


def test_the_module_goes_and_comes_back(watch: Starts) -> None:
    """That it cannot be reached is told once; when it can be again, what is missing is a change of others."""
    with module_afterwards():
        one = watch(interval="0.2")
        loader = LOADER.read_text()
        assert run("-C").returncode == 0
        one.says("which has not changed: 3 to add, 0 to change, 0 to delete")
        unload(for_good=True)
        one.says("Protocol not available")
        time.sleep(1)  # some looks more
        assert sum("Protocol not available" in line for line in one.lines) == 1
        LOADER.write_text(loader)
        one.says("which has not changed: 3 to add, 0 to change, 0 to delete", 2)
        one.hang_up()
        until(lambda: weights() == OF_ONE, "the table again")
        one.done(2)
        assert one.end() == 0


def test_a_service_manager(tmp_path: Path, rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told when the file is in force, of every reload, how things are, signs of life, and the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        came: list[str] = []

        def comes(text: str) -> None:
            while not came or not came[-1].startswith(text):
                came.append(manager.recv(65536).decode())

        one = Watch(tmp_path, "--interval", "0", str(rules))
        try:
            comes("STATUS=the table is as wanted: 3 entries")
            comes("READY=1")
            assert weights() == OF_ONE
            comes("WATCHDOG=1")
            one.hang_up()
            comes("RELOADING=1\nMONOTONIC_USEC=")
            comes("READY=1")
            replaced(rules, "nonsense\n")
            comes("STATUS=")
            assert "cannot be used: what it held before stays wanted" in came[-1]
            one.process.send_signal(signal.SIGTERM)
            comes("STOPPING=1")
            assert one.process.wait(PATIENCE) == 0
        finally:
            one.process.kill()
            one.process.wait(PATIENCE)


def test_a_service_manager_waits_for_a_drain(
    tmp_path: Path, rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that has to wait for connections asks for more time, again and again."""
    space = SimpleNamespace(sockets=[])
    addresses(space, "10.0.0.1", "10.1.0.1")
    listeners(space, ("tcp", "10.1.0.1", 80))
    assert run("restore", "-q", stdin="".join(ONE.splitlines(keepends=True)[:2])).returncode == 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_connection(("10.0.0.1", 80), timeout=PATIENCE))
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        rules.write_text(ONE.splitlines(keepends=True)[0])
        one = Watch(tmp_path, "--interval", "0", "--drain", "3600", str(rules))
        stack.callback(one.process.wait, PATIENCE)
        stack.callback(one.process.kill)
        for _ in range(3):
            came = ""
            while came != "EXTEND_TIMEOUT_USEC=60000000":
                came = manager.recv(65536).decode()
                assert came != "READY=1", one.lines
    for item in space.sockets:
        item.close()


@pytest.mark.parametrize("argv", [(), ("-",), ("--interval", "x", "rules"), ("--max-delete", "x", "rules")])
def test_a_wrong_command_line(argv: tuple[str, ...]) -> None:
    """Nothing is begun."""
    done = run("watch", *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("watch: ")
