"""The native front in odd surroundings does what Python alone does there."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from ipvsfast import Ipvs
from support.command import program, rules
from support.front import ALONE, NATIVE, assert_alike, filled, left, wait_until_read

LARGE = rules(60, 90)
SMALL = "-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1:0 -g -w 1\n"
COMMANDS = ["-L -n", "-S -n", "-A -f 9 -s rr", "-A -f 1 -s rr", "-R", "-C", "-L", "-L -n -c"]


def shell(script: str, *argv: str) -> list[str]:
    """The command with its arguments as "$@" of a shell script."""
    return ["bash", "-c", script, "bash", program(), *argv]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", COMMANDS)
def test_closed_descriptors(words: str, closed: str) -> None:
    """None of our sockets gets their numbers, and what cannot be written is said."""
    assert_alike(shell(f'exec "$@" {closed}', *words.split()), b"-A -f 5 -s rr\nfoo\n", SMALL)


@pytest.mark.parametrize("words", COMMANDS)
def test_standard_input_is_a_directory(words: str) -> None:
    """It matters to -R only."""
    assert_alike(shell('exec "$@" < /', *words.split()), rules=SMALL)


@pytest.mark.parametrize("words", ["-L -n", "-S -n", "-L -n --stats"])
@pytest.mark.parametrize("where", ["> /dev/full", "> /", "< /dev/null >&0"])
def test_nowhere_to_write(words: str, where: str) -> None:
    """A listing that cannot be written is an error, with the same sentence."""
    assert_alike(shell(f'exec "$@" {where}', *words.split()), rules=SMALL)


def test_nowhere_to_save() -> None:
    """The same for the program that saves."""
    done = assert_alike(["bash", "-c", '"$0" -n > /dev/full', program("ipvsfast-save")], rules=SMALL)
    assert (done.status, done.stderr) == (1, b"cannot write to standard output: No space left on device\n")


def test_a_disk_that_fills_half_way(tmp_path: Path) -> None:
    """What fits is there, the rest is an error."""
    script = f'mount -t tmpfs -o size=100k none {tmp_path}; "$@" > {tmp_path}/file; s=$?; wc -c < {tmp_path}/file; exit $s'
    argv = ["unshare", "-m", *shell(script, "-S", "-n")]
    done = assert_alike(argv, rules=LARGE)
    assert (done.status, done.stderr) == (1, b"cannot write to standard output: No space left on device\n")
    assert 0 < int(done.stdout) <= 102400


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """`ulimit -f` is an error like a full disk, not the end by a signal."""
    script = f'ulimit -f 8; "$@" > {tmp_path}/file; s=$?; wc -c < {tmp_path}/file; exit $s'
    done = assert_alike(shell(script, "-S", "-n"), rules=LARGE)
    assert (done.status, done.stdout) == (1, b"8192\n")


def test_a_slow_reader() -> None:
    """Every byte arrives, whatever the pipe holds."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with (
        filled(LARGE),
        subprocess.Popen([program(), "-S", "-n"], stdout=writer, env=os.environ | NATIVE) as child,
    ):
        os.close(writer)
        text = b""
        while piece := os.read(reader, 1000):
            text += piece
        assert child.wait(60) == 0
    os.close(reader)
    assert text.decode() == LARGE


@pytest.mark.parametrize("ignored", ["", "trap '' PIPE; "])
def test_a_reader_that_goes_away(ignored: str) -> None:
    """The end by SIGPIPE, unless that is ignored: then as Python alone ends."""
    script = f'{ignored}"$@" | head -1; exit ${{PIPESTATUS[0]}}'
    done = assert_alike(shell(script, "-L", "-n"), rules=LARGE)
    assert done.stdout.startswith(b"IP Virtual Server")


def test_ignored_ctrl_c() -> None:
    """nohup and background jobs ignore it: a restore goes on to its end."""
    reader, writer = os.pipe()
    argv = shell("trap '' INT; exec \"$@\"", "-R")
    with filled(""), subprocess.Popen(argv, stdin=reader, env=os.environ | NATIVE) as child, Ipvs() as ipvs:
        os.write(writer, b"-A -f 1 -s rr\n")
        wait_until_read(reader, child)
        child.send_signal(signal.SIGINT)
        os.write(writer, b"-A -f 2 -s rr\n")
        os.close(writer)
        assert child.wait(60) == 0
        assert len(ipvs.services()) == 2
    os.close(reader)


@pytest.mark.parametrize("words", ["-R", "-a -f 1 -r 10.0.0.9:0 -x 1 -y 2", "-L -n"])
def test_files_in_memory_may_not_be_executable(words: str) -> None:
    """The strictest setting of vm.memfd_noexec, where the kernel has it."""
    script = 'f=/proc/sys/vm/memfd_noexec; [ ! -e $f ] || echo 2 > $f; "$@"'
    argv = ["unshare", "-p", "-f", "--mount-proc", *shell(script, *words.split())]
    assert_alike(argv, b"-A -f 5 -s rr\n-A -f 5 -s rr\nfoo\n", SMALL)


@pytest.mark.parametrize(
    "env", [{"POSIXLY_CORRECT": "1"}, {"LC_ALL": "de_DE.UTF-8"}, {"IPVSFAST_FRONT": "nonsense"}]
)
@pytest.mark.parametrize("words", COMMANDS)
def test_variables(words: str, env: dict[str, str]) -> None:
    """Those that change how words are read, or texts."""
    assert_alike([program(), *words.split()], b"foo\n", SMALL, env=env)


def test_no_environment_at_all() -> None:
    """`env -i`: Python is found all the same."""
    for words in ("-L -n", "-L", "-A -f 1 -s rr"):
        with filled(SMALL):
            mine = subprocess.run([program(), *words.split()], env={}, capture_output=True, check=False)
            alone = subprocess.run([program(), *words.split()], env=ALONE, capture_output=True, check=False)
        assert (mine.returncode, mine.stdout, mine.stderr) == (alone.returncode, alone.stdout, alone.stderr)


def test_no_name_at_all() -> None:
    """A caller that gives not even argv[0] gets the listing."""
    with filled(SMALL):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.dup2(writer, 1)
            ctypes.CDLL(None).execve(
                program().encode(), (ctypes.c_char_p * 1)(None), (ctypes.c_char_p * 1)(None)
            )
            os._exit(99)
        os.close(writer)
        with open(reader, "rb") as file:
            shown = file.read()
        assert os.waitpid(child, 0)[1] == 0
    assert shown.startswith(b"IP Virtual Server version")


PROBE = """\
#!/bin/sh
grep -E '^(Uid|Gid|CapPrm|CapEff)' /proc/self/status
"""


@pytest.mark.parametrize(
    ("words", "native"), [("-L -n", True), ("-A -f 2 -s rr", True), ("-L", False), ("-R", False)]
)
def test_a_privileged_copy(tmp_path: Path, words: str, native: bool) -> None:
    """With setuid root the front may do what it does itself; Python gets the rights of the caller only."""
    (tmp_path / "python").write_text(PROBE)
    script = (
        f"mount -t tmpfs none /mnt; cp {tmp_path}/python {program()} /mnt; echo '#!/mnt/python' > /mnt/ipvsfast-python; "
        "chmod 755 /mnt/*; chmod 4755 /mnt/ipvsfast; "
        f"exec setpriv --reuid=65534 --regid=65534 --clear-groups /mnt/ipvsfast {words}"
    )
    done = left(["unshare", "-m", "sh", "-c", script], b"foo\n", SMALL)
    assert (done.status, done.stderr) == (0, b"")
    if native:
        assert done.stdout.startswith(b"IP Virtual" if words == "-L -n" else b"")
        assert len(done.table) == 1 + ("-A" in words)
    else:
        rights = [line.split() for line in done.stdout.decode().splitlines()]
        assert {(word, *numbers) for word, *numbers in rights} == {
            ("Uid:", *["65534"] * 4), ("Gid:", *["65534"] * 4), ("CapPrm:", "0" * 16), ("CapEff:", "0" * 16),
        }  # fmt: skip


def test_it_links_to_nothing_but_libc() -> None:
    """Where a wheel is made for all distributions, an executable with another library is replaced by a script."""
    tool = shutil.which("readelf")
    assert tool, "readelf comes with the compiler"
    shown = subprocess.run([tool, "-d", program()], capture_output=True, text=True, check=True).stdout
    needed = [line.split("[")[1].rstrip("]") for line in shown.splitlines() if "(NEEDED)" in line]
    assert {name.partition(".so")[0] for name in needed} <= {
        "libc",
        "libpthread",
        "ld-linux-x86-64",
        "ld-linux-aarch64",
    }


def test_a_small_command_takes_little_memory() -> None:
    """2 MiB at most, seen while it waits for more."""
    reader, writer = os.pipe()
    argv = [program(), "-R"]
    with filled(""), subprocess.Popen(argv, stdin=reader, env=os.environ | NATIVE) as child, Ipvs() as ipvs:
        os.write(writer, SMALL.encode())
        wait_until_read(reader, child)
        while not ipvs.services():
            pass
        status = Path(f"/proc/{child.pid}/status").read_text()
        os.close(writer)
        assert child.wait(60) == 0
    os.close(reader)
    assert int(status.partition("VmHWM:")[2].split()[0]) <= 2048


def test_left_is_not_fooled() -> None:
    """What the tests above compare is there: a table, a status, a message."""
    done = left([program(), "-A", "-f", "1", "-s", "rr"], rules=SMALL)
    assert (done.status, done.stdout, done.stderr) == (255, b"", b"Service already exists\n")
    assert len(done.table) == 1
