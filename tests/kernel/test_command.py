"""The installed command on a real kernel: what it does, prints and returns when things go wrong."""

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from ipvsfast import Ipvs
from support.command import NOBODY, program, rules, run
from support.held import held
from support.pages import blocks
from support.tools import ROOT

pytestmark = pytest.mark.usefixtures("netns")

HOPE = "Are you sure that IP Virtual Server is built in the kernel or as module?\n"


def test_the_main_job() -> None:
    """Restore, list, save; what is saved equals what was restored."""
    text = rules(20, 50)
    assert run("-R", stdin=text).returncode == 0
    listing = run("-L", "-n").stdout.splitlines()
    assert listing[0].startswith("IP Virtual Server version 1.2.1 (size=")
    assert len(listing) == 3 + 20 * 51
    assert run("-S", "-n").stdout == text


@pytest.mark.parametrize("argv", [("-L", "-n"), ("-S",), ("-A", "-t", "10.0.0.1:80"), ("-R",), ("-C",)])
def test_without_the_capability(argv: tuple[str, ...]) -> None:
    """One clear message and status 2; nothing else is printed."""
    done = run(*argv, prefix=NOBODY)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Can't initialize ipvs: Permission denied (you must be root)\n" + HOPE


@pytest.mark.parametrize("argv", [("-h",), ("-v",), ("--version",)])
def test_help_and_version_need_no_privilege(argv: tuple[str, ...]) -> None:
    """They answer, and the version says why the kernel cannot be asked."""
    done = run(*argv, prefix=NOBODY)
    assert (done.returncode, done.stderr) == (0, "")
    if argv != ("-h",):
        assert "IPVS not reachable: Permission denied" in done.stdout


def test_version_names_everything() -> None:
    """Own version, libnl's, the kernel's IPVS version and table size, where connections and counters are
    read from."""
    first, second, third, fourth = run("--version").stdout.splitlines()
    assert first.startswith("ipvsfast v0.2.0 (command line of ipvsadm v1.31, libnl 3.")
    assert second.startswith("kernel: IPVS v1.2.1, connection table size ")
    (shown,) = [
        one.text for one in blocks(ROOT / "docs/connections.md") if one.remark.endswith("/test_command.py")
    ]
    by_bpf, as_text = shown.splitlines()
    assert third == by_bpf or third.startswith(as_text[: as_text.rindex(": ")])
    assert fourth == "counters: live by BPF where readings are less than 2 s apart" or fourth.startswith(
        "counters: of every 2 s; live ones cannot be had: "
    )


def test_bad_lines_say_where() -> None:
    """Every complaint of -R has the place, the rule, the sentence and what to do."""
    text = (
        "-A -t 10.0.0.1:80 -s rr\n"
        "-a -t 10.9.9.9:80 -r 10.0.0.2:80 -m -w 1\n"
        "-A -t 10.0.0.1:80 -s rr\n"
        "-A -t 10.0.0.2:80 -s nosuch\n"
        "-A -t 10.0.0.3:80 --bogus\n"
        "-A -t 10.0.0.4:99999\n"
        "-A -t 10.0.0.5:80\n"
    )
    done = run("-R", stdin=text)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "stdin:2: -a -t 10.9.9.9:80 -r 10.0.0.2:80 -m -w 1: Service not defined (add the service first with -A)",
        "stdin:3: -A -t 10.0.0.1:80 -s rr: Service already exists (edit it with -E, or delete it first)",
        "stdin:4: -A -t 10.0.0.2:80 -s nosuch: Scheduler or persistence engine not found "
        "(check the scheduler's name; its module ip_vs_NAME may be missing)",
        "stdin:5: -A -t 10.0.0.3:80 --bogus: --bogus: unknown option",
        "stdin:6: -A -t 10.0.0.4:99999: illegal virtual server address[:port] specified",
    ]
    assert run("-S", "-n").stdout == "-A -t 10.0.0.1:80 -s rr\n"


def test_control_characters_do_not_reach_the_terminal() -> None:
    """A hostile rule file cannot send escape sequences through error messages."""
    done = run("-R", stdin="-A -t \x1b[31mred:80\n")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "\\x1b[31mred" in done.stderr


def test_lines_are_carried_out_as_they_come() -> None:
    """A writer that pauses sees its first rules in force: nothing waits for the end of input."""
    with subprocess.Popen([program(), "-R"], stdin=subprocess.PIPE, text=True) as restore, Ipvs() as ipvs:
        assert restore.stdin is not None
        restore.stdin.write("-A -f 1 -s rr\n-A -f 2 -s rr\n")
        restore.stdin.flush()
        deadline = time.monotonic() + 20
        while len(ipvs.services()) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(ipvs.services()) == 2
        restore.stdin.write("-A -f 3 -s rr")
        restore.stdin.close()
        assert restore.wait(20) == 0
        assert len(ipvs.services()) == 3


def test_ctrl_c_tells_how_far_it_came(shim: Path) -> None:
    """SIGINT in the middle of a restore: no hang, status 130, a true count."""
    with held(shim, "stop:3", "-R", stdin=rules(1, 16000)) as restore, Ipvs() as ipvs:
        before = len(ipvs.table()[0][1])
        restore.signal(signal.SIGINT)
        assert restore.status == 130
        done = int(restore.err.split()[1])
        assert restore.err == f"interrupted: {done} rules were sent, up to stdin:{done}\n"
        assert 0 < before < done < 16000
        assert len(ipvs.table()[0][1]) == done - 1


def test_a_closed_standard_output_is_an_error() -> None:
    """Nobody to tell: status 1 and a message, no traceback."""
    done = subprocess.run(
        ["sh", "-c", '"$0" -L -n >&-', program()], stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == "cannot write to standard output: Bad file descriptor\n"


def test_a_full_disk_is_an_error() -> None:
    """`-S > full disk` must not look like a good save."""
    run("-A", "-f", "1")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [program(), "-S", "-n"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "cannot write to standard output: No space left on device\n")


def test_head_ends_it_quietly() -> None:
    """`| head` gives no traceback and no message."""
    run("-R", stdin=rules(100, 50))
    done = subprocess.run(
        ["bash", "-c", '"$0" -L -n | head -1; exit ${PIPESTATUS[0]}', program()],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.startswith("IP Virtual Server")
    assert done.returncode in (0, 128 + signal.SIGPIPE)


def test_names_are_not_asked_with_n(tmp_path) -> None:
    """-n opens no file of the resolver and no socket but netlink's and its helper."""
    run("-A", "-t", "10.0.0.1:80")
    trace = tmp_path / "trace"
    code = "import sys; sys.argv=['ipvsfast','-L','-n']; import ipvsfast.cli.start as m\n"
    code += f"def leave(s):\n open({str(trace)!r},'w').write(' '.join(sys.modules))\n raise SystemExit(s)\n"
    code += "m.leave=leave; m.run()"
    subprocess.run([program("python"), "-I", "-c", code], check=True, capture_output=True, timeout=60)
    loaded = set(trace.read_text().split())
    heavy = {
        "socket",
        "re",
        "enum",
        "dataclasses",
        "argparse",
        "json",
        "asyncio",
        "typing",
        "threading",
        "curses",
        "http",
    }
    assert not heavy & loaded
    assert "ipvsfast.resolver" not in loaded


def test_as_a_person_at_a_terminal() -> None:
    """With standard output on a terminal the listing is the same text."""
    run("-A", "-f", "7")
    main, other = pty.openpty()
    done = subprocess.run([program(), "-L", "-n"], stdout=other, check=False, timeout=60)
    os.close(other)
    shown = os.read(main, 65536).decode().replace("\r\n", "\n")
    os.close(main)
    assert done.returncode == 0
    assert shown == run("-L", "-n").stdout
