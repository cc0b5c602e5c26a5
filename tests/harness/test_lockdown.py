"""What only a kernel of its own can show: lockdown cannot be taken back."""

import sys

from support.harness import Run

SCRIPT = """
import sys
sys.path.insert(0, "tests")
from pathlib import Path
from support.bpf_kernel import refused
from support.native_conns import Refused, count

lock = Path("/sys/kernel/security/lockdown")
if refused():
    print("another table")
else:
    for mode in ("", "integrity", "confidentiality"):
        if mode:
            lock.write_text(mode)
        try:
            print(mode, count("bpf"))
        except Refused as refusal:
            print(mode, *refusal.args)
"""
LIVE = """
import sys
sys.path.insert(0, "tests")
from pathlib import Path
from ipvsfast import Ipvs, Service
from ipvsfast.errors import KernelError
from ipvsfast.kernel.session import Session
from support.live import TYPES, opened, read_quietly

lock = Path("/sys/kernel/security/lockdown")
Ipvs().add_service(Service.tcp("10.0.0.1", 80))
if not TYPES.exists():
    print("no BPF")
else:
    for mode in ("", "integrity", "confidentiality"):
        if mode:
            lock.write_text(mode)
        try:
            with opened(Session()) as reader:
                print(mode, len(read_quietly(reader)[0]))
        except KernelError as refusal:
            print(mode, refusal)
"""
FORBIDDEN = 'kernel lockdown is in its mode "confidentiality"'


MOUNT = "mount -t securityfs securityfs /sys/kernel/security"


def test_lockdown(vm: Run) -> None:
    """Connections are read by BPF in the mode of Secure Boot; the other one is named as the reason why not."""
    done = vm(["sh", "-c", f'{MOUNT}; exec "$0" -I -c "$1"', sys.executable, SCRIPT])
    assert done.returncode == 0, done.stderr
    if done.stdout == "another table\n":
        return
    lines = done.stdout.splitlines()
    assert lines[:2] == [" 0", "integrity 0"]
    assert lines[2].startswith("confidentiality -") and FORBIDDEN in lines[2]


def test_lockdown_and_live_counters(vm: Run) -> None:
    """The same of live counters."""
    done = vm(["sh", "-c", f'{MOUNT}; exec "$0" -I -c "$1"', sys.executable, LIVE])
    assert done.returncode == 0, done.stderr
    if done.stdout == "no BPF\n":
        return
    lines = done.stdout.splitlines()
    assert lines[:2] == [" 1", "integrity 1"]
    assert lines[2].startswith("confidentiality live counters cannot be read: ") and FORBIDDEN in lines[2]
