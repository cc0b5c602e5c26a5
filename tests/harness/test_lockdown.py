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
FORBIDDEN = 'kernel lockdown is in its mode "confidentiality"'


def test_lockdown(vm: Run) -> None:
    """Connections are read by BPF in the mode of Secure Boot; the other one is named as the reason why not."""
    mount = "mount -t securityfs securityfs /sys/kernel/security"
    done = vm(["sh", "-c", f'{mount}; exec "$0" -I -c "$1"', sys.executable, SCRIPT])
    assert done.returncode == 0, done.stderr
    if done.stdout == "another table\n":
        return
    lines = done.stdout.splitlines()
    assert lines[:2] == [" 0", "integrity 0"]
    assert lines[2].startswith("confidentiality -") and FORBIDDEN in lines[2]
