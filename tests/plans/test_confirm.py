"""`apply --confirm-within`, `confirm` and `undo`: what is not confirmed is taken back, whatever becomes of its caller."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ipvsfast import Ipvs
from support.command import program, run
from support.front import table
from support.held import held

OLD = """\
-A -t 10.0.0.1:80 -s rr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1
-A -f 7 -s wlc -p 60
-a -f 7 -r 10.1.0.9 -g -w 1
"""
NEW = """\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
"""
LONG = "3600"
PATIENCE = 120  # seconds for what comes in one; the machine may be busy


def unordered() -> list[list[str]]:
    return [[service[0], *sorted(service[1:])] for service in table()]


def fill(text: str) -> list[list[str]]:
    assert run("restore", "-q", stdin=text).returncode == 0
    return unordered()


def last() -> dict[str, Any]:
    found = json.loads(run("history", "--json").stdout)["history"]
    return dict(found[-1])


def first() -> dict[str, Any]:
    return dict(json.loads(run("history", "--json").stdout)["history"][0])


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for something, for a generous time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"in {PATIENCE} s not: {what}"
        time.sleep(0.05)


def helper(own_state: Path) -> int:
    """The process that waits."""
    (file,) = own_state.rglob("journal-*")
    lines = file.read_bytes().split(b"\n")
    return int(json.loads(next(line for line in reversed(lines) if line.strip()))["helper"][0])


def is_gone(pid: int) -> bool:
    """Whether it has ended; it may not yet be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except OSError:
        return True


@contextlib.contextmanager
def system_log() -> Iterator[Callable[[], str]]:
    """What is written to the system's log, as long as it lasts; gives what came so far."""
    place = Path("/dev/log")
    if place.exists() or place.is_symlink():
        pytest.fail("a system log is there already")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(place))
        end.setblocking(False)
        came: list[str] = []

        def read() -> str:
            with contextlib.suppress(BlockingIOError):
                while True:
                    came.append(end.recv(65536).decode())
            return "\n".join(came)

        try:
            yield read
        finally:
            place.unlink()


def test_it_is_taken_back_when_the_time_is_over() -> None:
    """The command returns at once; nobody confirms; the log tells of the undo."""
    before = fill(OLD)
    with system_log() as log:
        done = run("apply", "--confirm-within", "1", stdin=NEW)
        assert done.returncode == 0
        assert done.stderr.endswith(
            "it is taken back in 1 s unless `ipvsfast confirm' keeps it; `ipvsfast undo' takes it back at once\n"
        )
        until(lambda: first()["state"] == "undone", "the undo")
        assert unordered() == before
        until(lambda: "is taken back" in log(), "a word in the log")
        assert (
            "apply 1 of stdin is taken back, as it was not confirmed in 1 s: 2 added, 2 changed, 0 deleted"
            in log()
        )
    assert last()["undoes"] == 1
    told = run("confirm")
    assert (told.returncode, told.stderr) == (
        2, "no apply awaits its confirmation: undo 2 of 1 has taken that back; nothing was done\n"
    )  # fmt: skip


def test_it_is_kept(own_state: Path) -> None:
    """From any session: the process ends, and nothing comes back. Then undo still works."""
    before = fill(OLD)
    assert run("apply", "-q", "--confirm-within", LONG, stdin=NEW).returncode == 0
    after = unordered()
    assert last()["state"] == "awaiting"
    assert "awaits confirmation, 3" in run("history").stdout
    pid = helper(own_state)
    assert not is_gone(pid)
    done = run("confirm")
    assert (done.returncode, done.stderr) == (0, "apply 1 of stdin is kept\n")
    until(lambda: is_gone(pid), "the end of the helper")
    assert unordered() == after
    assert (last()["state"], last()["confirmed"]) == ("done", True)
    assert run("confirm").returncode == 2
    assert run("undo", "-q").returncode == 0
    assert unordered() == before


def test_undo_takes_it_back_now(own_state: Path) -> None:
    """And the process that waits ends."""
    before = fill(OLD)
    assert run("apply", "-q", "--confirm-within", LONG, stdin=NEW).returncode == 0
    pid = helper(own_state)
    assert run("undo", "-q").returncode == 0
    assert unordered() == before
    until(lambda: is_gone(pid), "the end of the helper")
    assert first()["state"] == "undone"


def test_meanwhile_no_other_is_begun() -> None:
    """It is refused with what to do; diff and plan say what awaits."""
    fill(OLD)
    assert run("apply", "-q", "--confirm-within", LONG, stdin=NEW).returncode == 0
    now = table()
    for words in ((), ("--confirm-within", "5")):
        done = run("apply", *words, stdin=OLD)
        assert (done.returncode, done.stdout, done.stderr) == (
            2, "", "apply 1 of stdin awaits its confirmation; nothing was done (`ipvsfast confirm' keeps it, "
            "`ipvsfast undo' takes it back)\n"
        )  # fmt: skip
    told = run("diff", stdin=NEW).stderr
    assert told.startswith("apply 1 of stdin awaits its confirmation, 3")
    assert table() == now
    assert run("undo", "-q").returncode == 0
    assert run("apply", "-q", stdin=NEW).returncode == 0


def test_others_have_changed_it_meanwhile() -> None:
    """When the time is over what they changed is changed back too, and the log says it."""
    before = fill(OLD)
    with system_log() as log:
        assert run("apply", "-q", "--confirm-within", LONG, stdin=NEW).returncode == 0
        edit = ("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.2:80", "-m", "-w", "3")
        assert run(*edit).returncode == 0
        pid = int(last_helper())
        os.kill(pid, signal.SIGTERM)  # it takes it back when it is told to end
        until(lambda: first()["state"] == "undone", "the undo")
        until(lambda: "is taken back" in log(), "a word in the log")
        assert (
            "others had changed meanwhile, and it is changed back: TCP 10.0.0.1:80: destination 10.1.0.2:80"
            in log()
        )
        assert "as the process that waits for it was told to end" in log()
    assert unordered() == before


def last_helper() -> int:
    with Ipvs() as ipvs:
        return ipvs.history()[-1].helper[0]


@pytest.mark.parametrize("ended_by", [signal.SIGHUP, signal.SIGKILL])
def test_the_session_of_the_caller_dies(own_state: Path, ended_by: signal.Signals) -> None:
    """All processes of the session get a signal, and its output is read to the end: the one that waits stays."""
    before = fill(OLD)
    # A shell that stays, as that of a login does.
    script = (
        f"{program()} apply -q --confirm-within 3600 2>&1; echo done; exec 0<&-; exec >&- 2>&-; sleep 600"
    )
    shell = subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(NEW.encode())
    shell.stdin.close()
    # As over ssh: nobody holds the output open.
    assert shell.stdout.read() == b"done\n"
    pid = helper(own_state)
    os.killpg(shell.pid, ended_by)
    shell.wait(60)
    shell.stdout.close()
    assert not is_gone(pid)
    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert {os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)} == {"/dev/null"}
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGUSR1)  # looks, and goes on waiting
    assert last()["state"] == "awaiting"
    os.kill(pid, signal.SIGTERM)
    until(lambda: first()["state"] == "undone", "the undo")
    assert unordered() == before


def test_killed_before_it_was_through(shim: Path) -> None:
    """What was done of it is taken back when the time is over; until then nothing else is applied."""
    from support.command import rules

    much = rules(12, 120)
    before = fill(much)
    other = rules(18, 120).replace("10.0.0.3:", "10.9.0.3:").replace("-r 10.128.0.1", "-r 10.200.0.1")
    with held(shim, "stop:2", "apply", "--confirm-within", "3", stdin=other) as command:
        command.signal(signal.SIGKILL)
    assert unordered() != before
    done = run("apply", stdin=other)
    assert done.returncode == 2
    assert "was interrupted, and is to be taken back; nothing was done" in done.stderr
    until(lambda: first()["state"] == "undone", "the undo")
    assert unordered() == before
    assert run("apply", "-q", stdin=other).returncode == 0


def test_its_process_is_gone(own_state: Path) -> None:
    """The history says that nothing takes it back; confirm and undo still decide."""
    before = fill(OLD)
    assert run("apply", "-q", "--confirm-within", LONG, stdin=NEW).returncode == 0
    os.kill(helper(own_state), signal.SIGKILL)
    until(lambda: "but nothing takes it back: its process is gone" in run("history").stdout, "the history")
    assert run("apply", stdin=OLD).returncode == 2
    assert run("undo", "-q").returncode == 0
    assert unordered() == before


def test_where_systemd_runs(own_state: Path, tmp_path: Path) -> None:
    """The process is started by systemd-run, in a scope of its own; where that fails, without."""
    before = fill(OLD)
    runs, told = Path("/run/systemd/system"), tmp_path / "told"
    stand_in = Path("/run/systemd/systemd-run")
    runs.mkdir(parents=True)
    path = Path("/usr/bin/systemd-run")
    real = shutil.which("systemd-run", path="/bin:/usr/bin:/usr/sbin:/sbin")
    try:
        for fails in (False, True):
            end = "exit 1" if fails else 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
            stand_in.write_text(f'#!/bin/sh\necho "$@" >> {told}\n{end}\n')
            stand_in.chmod(0o755)
            _bind(stand_in, Path(real) if real else path, made=not real)
            try:
                assert run("apply", "-q", "--confirm-within", LONG, stdin=NEW).returncode == 0
            finally:
                _unbind(Path(real) if real else path, made=not real)
            assert last()["state"] == "awaiting"
            assert run("undo", "-q").returncode == 0
            assert unordered() == before
    finally:
        shutil.rmtree("/run/systemd")
    lines = told.read_text().splitlines()
    assert len(lines) == 2
    assert all(line.startswith("--scope --quiet --collect --unit=ipvsfast-confirm-") for line in lines)


def _bind(what: Path, over: Path, made: bool) -> None:
    if made:
        over.write_text("")
    subprocess.run(["mount", "--bind", what, over], check=True)


def _unbind(what: Path, made: bool) -> None:
    subprocess.run(["umount", what], check=True)
    if made:
        what.unlink()


@pytest.mark.parametrize("text", ["0", "x", "nan", "86401", "-1", ""])
def test_what_are_no_seconds(text: str) -> None:
    """Nothing is done."""
    done = run("apply", "--confirm-within", text, stdin=NEW)
    assert (done.returncode, done.stderr) == (
        2, f"apply: --confirm-within takes seconds, 1 to 86400, not `{text}'\n"
    )  # fmt: skip


def test_nothing_to_do_awaits_nothing() -> None:
    """An apply without change, and no process."""
    fill(OLD)
    assert run("apply", "--confirm-within", LONG, stdin=OLD).returncode == 0
    assert run("history").stdout == ""
    done = run("confirm")
    assert (done.returncode, done.stderr) == (2, "no apply awaits its confirmation; nothing was done\n")
