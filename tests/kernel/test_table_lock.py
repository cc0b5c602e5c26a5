"""One at a time replaces the table of a network namespace, and nobody else is held up by that."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipvsfast import InvalidValue, Ipvs, Service, TableLocked
from support.command import program, rules, run
from support.held import held
from support.netns import fresh_namespace

pytestmark = pytest.mark.usefixtures("netns")

FIRST = rules(3, 400)
SECOND = rules(2, 5).replace(" 10.0.", " 10.99.")
RESTORES = [("ipvsfast", "restore", "--clear", "-q"), ("ipvsfast-restore",)]
BUSY = "replacing the table of this network namespace; nothing was done"
WAITS = " (--wait SECONDS waits for its end)\n"
# A folder of locks in which nothing can be made.
READ_ONLY = (
    "unshare",
    "-m",
    "sh",
    "-c",
    'mount -t tmpfs -o ro,mode=0755 none /run/ipvsfast && exec "$@"',
    "sh",
)


@contextmanager
def waiting(name: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that has the second table to put in place, and has not ended after a second."""
    with subprocess.Popen([program(name), *words], stdin=subprocess.PIPE, text=True) as two:
        assert two.stdin is not None
        two.stdin.write(SECOND)
        two.stdin.close()
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                two.wait(1)
            yield two
        finally:
            two.kill()


@pytest.mark.parametrize("second", RESTORES, ids=lambda words: words[0])
@pytest.mark.parametrize("first", RESTORES, ids=lambda words: words[0])
def test_the_second_one_is_told_who_is_first(
    shim: Path, first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    """Status 1, its process id and name, and the table becomes that of the first one alone."""
    name, *words = first
    with held(shim, "stop:1", *words, stdin=FIRST, name=name) as one:
        done = run(*second[1:], stdin=SECOND, name=second[0])
        comm = Path(f"/proc/{one.pid}/comm").read_text().strip()
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"process {one.pid} ({comm}) is {BUSY}{WAITS}"
        one.signal(signal.SIGCONT)
        assert one.status == 0, one.err
    assert run("-S", "-n").stdout == FIRST
    assert run(*second[1:], stdin=SECOND, name=second[0]).returncode == 0
    assert run("-S", "-n").stdout == SECOND


@pytest.mark.parametrize("second", RESTORES, ids=lambda words: words[0])
def test_the_second_one_can_wait(shim: Path, second: tuple[str, ...]) -> None:
    """With --wait it does its work after the first one; if that takes too long, it says so and does nothing."""
    name, *words = second
    with held(shim, "stop:1", "restore", "--clear", stdin=FIRST) as one:
        done = run(*words, "--wait", "0.2", stdin=SECOND, name=name)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith(f") is still, after 0.2 s {BUSY}\n")
        with waiting(name, *words, "--wait=60") as two:
            one.signal(signal.SIGCONT)
            assert one.status == 0, one.err
            assert two.wait(60) == 0
    assert run("-S", "-n").stdout == SECOND


def test_it_can_be_interrupted_while_it_waits(shim: Path) -> None:
    """Ctrl-C ends it at once, with nothing done."""
    with held(shim, "stop:1", "restore", "--clear", stdin=FIRST) as one:
        with waiting("ipvsfast", "restore", "--clear", "--wait", "600") as two:
            two.send_signal(signal.SIGINT)
            assert two.wait(60) in (130, -signal.SIGINT)
        one.signal(signal.SIGCONT)
    assert run("-S", "-n").stdout == FIRST


def test_nobody_else_is_held_up(shim: Path) -> None:
    """Readers, single changes, -R, -C, a restore that adds, and all of another namespace go on."""
    with held(shim, "stop:1", "restore", "--clear", stdin=FIRST) as one:
        assert run("-L", "-n").returncode == 0
        assert run("-A", "-f", "9", "-s", "rr").returncode == 0
        assert run("-R", stdin="-a -f 9 -r 10.1.0.1:0 -g -w 1\n").returncode == 0
        assert run("restore", "-q", stdin="-A -f 8 -s rr\n").returncode == 0
        assert run("-C").returncode == 0
        with fresh_namespace():
            for name, *words in RESTORES:
                assert run(*words, stdin=SECOND, name=name).returncode == 0
        one.signal(signal.SIGCONT)


def test_who_is_killed_holds_nothing(shim: Path) -> None:
    """The next one goes on at once, and the file stays where it is."""
    inode = os.stat("/proc/thread-self/ns/net").st_ino
    file = Path(f"/run/ipvsfast/{inode}.lock")
    with held(shim, "stop:1", "restore", "--clear", stdin=FIRST) as one:
        assert file.read_text().startswith(f"{one.pid} ")
        one.signal(signal.SIGKILL)
    assert run("restore", "--clear", "-q", stdin=SECOND).returncode == 0
    assert (file.stat().st_mode & 0o7777, file.stat().st_uid) == (0o600, 0)
    assert file.parent.stat().st_mode & 0o7777 == 0o755


def test_the_library_has_the_same_lock(shim: Path) -> None:
    """TableLocked while a command or another thread has it; nothing was sent."""
    with Ipvs() as ipvs, Ipvs() as other:
        with held(shim, "stop:1", "restore", "--clear", stdin=FIRST) as one:
            before = ipvs.rules()
            for wait in (None, 0, 0.1):
                with pytest.raises(
                    TableLocked, match=rf"process {one.pid} \(ipvsfast\) is .*{BUSY}"
                ) as caught:
                    ipvs.restore(SECOND.encode(), clear=True, wait=wait)
                assert (caught.value.errno, caught.value.restored) == (errno.EBUSY, None)
            assert ipvs.rules() == before
            one.signal(signal.SIGCONT)
        assert ipvs.restore(SECOND.encode(), clear=True, wait=60).ok
        inside, leave = threading.Event(), threading.Event()

        def pause(sent: int) -> None:
            inside.set()
            leave.wait(60)

        worker = threading.Thread(
            target=other.restore, args=(FIRST.encode(),), kwargs={"clear": True, "progress": pause}
        )
        worker.start()
        assert inside.wait(60)
        with pytest.raises(TableLocked, match=f"process {os.getpid()} "):
            ipvs.restore(SECOND.encode(), clear=True)
        ipvs.add_service(Service.mark(4))
        leave.set()
        worker.join(60)
        assert ipvs.restore(SECOND.encode(), clear=True).ok
        with pytest.raises(InvalidValue, match="seconds to wait are 0 to 86400, not -1"):
            ipvs.restore(SECOND.encode(), clear=True, wait=-1)


def test_without_a_place_for_the_lock(tmp_path: Path) -> None:
    """It is said, and the table is replaced; with --wait, which asks for the lock, it is an error."""
    Path("/run/ipvsfast").mkdir(exist_ok=True)
    why = "no lock in /run/ipvsfast: Read-only file system"
    alone = f"{why}; nothing keeps others from replacing the table at the same time\n"
    for name, *words in RESTORES:
        loud = [word for word in words if word != "-q"]
        done = run(*loud, stdin=SECOND, name=name, prefix=READ_ONLY)
        assert done.returncode == 0
        assert done.stderr.startswith(alone)
        assert run("-S", "-n").stdout == SECOND
        done = run(*words, "--wait", "1", stdin=FIRST, name=name, prefix=READ_ONLY)
        assert (done.returncode, done.stderr) == (1, f"{why}; nothing was done\n")
        assert run("-S", "-n").stdout == SECOND
    done = run(*RESTORES[0][1:], stdin=FIRST, prefix=READ_ONLY)
    assert (done.returncode, done.stderr) == (0, "")
    compat = tmp_path / "ipvsadm-restore"  # its bytes are those of ipvsadm's program
    compat.symlink_to(program("ipvsfast-restore"))
    done = subprocess.run(
        [*READ_ONLY, compat], input=SECOND, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("mode", ["0777", "0775"])
def test_a_folder_that_others_can_write_to_is_not_trusted(mode: str) -> None:
    """Else anybody could hold up who replaces tables."""
    Path("/run/ipvsfast").mkdir(exist_ok=True)
    prefix = (*READ_ONLY[:4], f'mount -t tmpfs -o mode={mode} none /run/ipvsfast && exec "$@"', "sh")
    done = run("restore", "--clear", "-q", "--wait", "1", stdin=SECOND, prefix=prefix)
    assert (done.returncode, done.stderr) == (
        1,
        "no lock in /run/ipvsfast: Operation not permitted; nothing was done\n",
    )


def test_wrong_words() -> None:
    """What --wait takes, and with what it goes."""
    assert run("restore", "--wait", "3").stderr == "restore: --wait goes with --clear only\n"
    for text in ("x", "-1", "nan", "1e9"):
        done = run("restore", "--clear", f"--wait={text}")
        assert (done.returncode, done.stderr) == (
            2,
            f"restore: --wait takes seconds, 0 to 86400, not `{text}'\n",
        )
    done = run("--wait", name="ipvsfast-restore")
    assert (done.returncode, done.stderr) == (
        2,
        "ipvsfast-restore: --wait takes seconds, 0 to 86400, not `'\n",
    )
