"""What a command may expect of the VM, and what its caller may expect when the VM is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.harness import ROOT, Run, harness


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


@pytest.mark.parametrize(("script", "status"), [("true", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_the_status_of_the_command_is_passed_on(vm: Run, script: str, status: int) -> None:
    """Also that of a command killed by a signal."""
    assert vm(shell(script)).returncode == status


def test_output_and_errors_stay_apart(vm: Run) -> None:
    """Each stream arrives whole and in order."""
    done = vm(shell("for i in 1 2 3; do echo out $i; echo err $i >&2; done"))
    assert done.stdout == "out 1\nout 2\nout 3\n"
    assert done.stderr == "err 1\nerr 2\nerr 3\n"


def test_the_command_arrives_as_it_was_given(vm: Run) -> None:
    """Arguments with blanks, quotes, line ends and dashes; the current folder; no input."""
    words = ["a b", "it's", '"$HOME"', "--", "-x", "two\nlines", ""]
    script = "import os, sys; print([sys.argv[1:], os.getcwd(), sys.stdin.read()])"
    done = vm([sys.executable, "-S", "-c", script, *words])
    assert done.stdout == f"{[words, str(ROOT), '']}\n"


def test_some_of_the_environment_is_passed(vm: Run) -> None:
    """The variables that steer tests are, others are not."""
    done = vm(["env"], IPVSFAST_PROBE="it's $5", PYTEST_PROBE="p", SECRET_PROBE="s")
    lines = done.stdout.splitlines()
    assert "IPVSFAST_PROBE=it's $5" in lines
    assert "PYTEST_PROBE=p" in lines
    assert "SECRET_PROBE" not in done.stdout


def test_the_kernel_loads_schedulers_by_itself(vm: Run) -> None:
    """As it does on a real machine: IPVS is there, and what a rule needs follows."""
    done = vm(shell("ipvsadm -A -t 192.0.2.1:80 -s wrr && ipvsadm -S -n && cat /proc/modules"))
    assert "-A -t 192.0.2.1:80 -s wrr\n" in done.stdout
    assert "\nip_vs_wrr " in done.stdout


def test_a_kernel_without_the_module(vm: Run) -> None:
    """Tests can see what a machine without IPVS is like."""
    done = vm(shell("grep ^ip_vs /proc/modules; test ! -e /proc/net/ip_vs"), IPVSFAST_VM_MODULES="")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_guest_is_fit_for_tests(vm: Run) -> None:
    """Root, lo up, namespaces with names, devices, temporary files."""
    script = """set -e
        [ "$(id -u)" = 0 ]
        ip netns add a; ip link add v0 type veth peer name v1 netns a; ip link add d0 type dummy
        ip -br addr show lo | grep -q 127.0.0.1
        [ -d /dev/shm -a -d /dev/pts -a -e /dev/fd/1 ]; echo x > "$(mktemp)"
        """
    done = vm(shell(script))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_second_start_needs_no_network(vm: Run) -> None:
    """What is in the cache folder is used without asking anybody."""
    assert vm(["true"], IPVSFAST_DEBIAN_MIRROR="file:///nonexistent").returncode == 0


def test_a_panic_is_no_test_result(vm: Run) -> None:
    """Status 125, the panic on the console shown, the output until then kept."""
    done = vm(shell("echo until here; echo c > /proc/sysrq-trigger"))
    assert done.returncode == 125
    assert done.stdout == "until here\n"
    assert "the VM was lost" in done.stderr
    assert "Kernel panic" in done.stderr


def test_a_power_off_is_no_test_result(vm: Run) -> None:
    """A guest that ends on its own leaves no status."""
    done = vm(shell("echo o > /proc/sysrq-trigger; sleep 60"))
    assert done.returncode == 125
    assert "it ended before the command did" in done.stderr


# One page of a file many times: no memory is needed, but a map for each.
MAPS = """
import ctypes, mmap, sys
with open("/proc/sys/vm/max_map_count", "w") as limit:
    limit.write("10000000")
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
with open(sys.executable, "rb") as file:
    for _ in range(int(sys.argv[1])):
        ctypes.c_char.from_address(libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_PRIVATE, file.fileno(), 0)).value
"""


def test_a_shortage_of_the_host_is_named(vm: Run) -> None:
    """A program that needs more maps than the host grants dies; why, and what to do, is said."""
    limit = int(Path("/proc/sys/vm/max_map_count").read_text())
    done = vm([sys.executable, "-S", "-c", MAPS, str(limit + 1000)])
    assert done.returncode == 128 + signal.SIGSEGV
    assert f"vm.max_map_count is {limit}" in done.stderr
    done = vm([sys.executable, "-S", "-c", MAPS, "1000"])
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_that_hangs_is_ended(vm: Run) -> None:
    """The deadline holds, and the message names it."""
    done = vm(shell("echo begun; sleep 1000"), "--timeout", "20")
    assert done.returncode == 125
    assert done.stdout == "begun\n"
    assert "had not ended after 20 s" in done.stderr


def left_over(pid: int) -> list[str]:
    """Processes and folders that belong to the run of harness process `pid`."""
    mark = f"ipvsfast-vm-{pid}-"
    found = [str(path) for base in ("/dev/shm", "/tmp") for path in Path(base).glob(f"{mark}*")]
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes():
                found.append(str(entry))
        except OSError:
            continue
    return found


def left_for_good(pid: int) -> list[str]:
    """The same without processes that were killed and need a moment to go."""
    deadline = time.monotonic() + 60
    while (rest := left_over(pid)) and any("cmdline" in name for name in rest):
        assert time.monotonic() < deadline, rest
        time.sleep(0.1)
    return rest


def start_and_signal(number: int) -> tuple[int, int]:
    """Start a VM, signal the harness once a line of output has come; its pid and status."""
    process = subprocess.Popen(
        harness("--", "sh", "-c", "sleep 500 & echo begun; sleep 500"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"begun\n"
    process.send_signal(number)
    return process.pid, process.wait(60)


@pytest.mark.usefixtures("kernel_ready")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing_behind(number: int, status: int) -> None:
    """Ctrl-C and SIGTERM end the VM; this also shows that output comes while the command runs."""
    pid, got = start_and_signal(number)
    assert got == status
    assert left_for_good(pid) == []


@pytest.mark.usefixtures("kernel_ready")
def test_the_vm_dies_with_the_harness() -> None:
    """Even SIGKILL leaves no process; the folder that remains is removed by the next run."""
    pid, got = start_and_signal(signal.SIGKILL)
    assert got == -signal.SIGKILL
    assert left_for_good(pid)
    subprocess.run(harness("--", "true"), cwd=ROOT, check=True, timeout=300)
    assert left_over(pid) == []


@pytest.mark.usefixtures("kernel_ready")
def test_a_reader_that_leaves_ends_the_run() -> None:
    """As in `... | head`: no traceback, the status of SIGPIPE."""
    process = subprocess.Popen(
        harness("--", "sh", "-c", "echo begun; sleep 1; seq 1 1000000; sleep 500"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"begun\n"
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == 141
    assert left_for_good(process.pid) == []


def test_an_unknown_kernel_is_refused(vm: Run) -> None:
    """With the list of those there are."""
    done = vm(["true"], "-k", "nosuch")
    assert done.returncode == 126
    assert "uml, 6.1, 6.12, testing, host" in done.stderr


def test_a_mirror_that_fails_is_named(vm: Run, tmp_path: Path) -> None:
    """What was tried, why it failed, what to do; and no half-filled cache entry."""
    mirror = f"file://{tmp_path}/nothing"
    done = vm(["true"], "-k", "uml", IPVSFAST_DEBIAN_MIRROR=mirror, XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 126
    assert mirror in done.stderr
    assert "IPVSFAST_DEBIAN_MIRROR=" in done.stderr
    assert os.listdir(tmp_path / "ipvsfast/vm") == ["lock"]


def test_the_host_back_end(vm: Run) -> None:
    """It is the running kernel, here that of the VM, with a namespace of its own."""
    script = f"""ipvsadm -A -f 1; cd {ROOT}
        {sys.executable} -m tests.vm -k host -- sh -c 'ipvsadm -S -n; ip -br addr show lo; exit 4'"""
    done = vm(shell(script))
    assert done.returncode == 4, done.stderr
    assert "-f 1" not in done.stdout
    assert "127.0.0.1" in done.stdout


def test_the_host_back_end_without_ipvs(vm: Run) -> None:
    """It says what is missing."""
    script = f"echo /bin/false > /proc/sys/kernel/modprobe; PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        {sys.executable} -m tests.vm -k host -- true"
    done = vm(shell(script), IPVSFAST_VM_MODULES="")
    assert done.returncode == 126
    assert "has no IPVS" in done.stderr
