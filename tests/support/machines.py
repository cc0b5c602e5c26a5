"""A Debian or Ubuntu that systemd has booted: the first process of a container, in a network namespace of the caller's."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable

from support.package_roots import PATH, Root

# They want a console, or take long; ours need none of them.
MASKED = ("console-getty", "ldconfig", "systemd-journal-catalog-update", "systemd-hwdb-update")
# What the root's packages have enabled beside ours is not what is tested.
KEPT = ("ipvs",)
SECONDS = 600
# The control groups that systemd makes are below one of this machine's own.
GROUP = r"""
set -e
mount --make-rprivate /
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
	echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
done
mkdir "/sys/fs/cgroup/machine-$$"
echo $$ > "/sys/fs/cgroup/machine-$$/cgroup.procs"
exec unshare --cgroup --pid --uts --ipc --fork --kill-child sh -c "$@"
"""
# As documented in systemd's Container Interface: /sys cannot be written, so that nobody manages devices.
BOOT = r"""
set -e
root=$1 notified=$2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -o remount,bind,ro "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	: > "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
: > "$root/dev/console"
mount --bind /dev/null "$root/dev/console"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for modules in /run/vm/lib/modules/* /lib/modules/*; do
	[ ! -d "$modules" ] || [ "${modules##*/}" != "$(uname -r)" ] || found=$modules
done
mkdir -p "$root/lib/modules/$(uname -r)"
mount --bind "$found" "$root/lib/modules/$(uname -r)"
cd "$root"
pivot_root . .
umount --lazy .
exec env -i container=ipvsfast NOTIFY_SOCKET="$notified" PATH="$3" /lib/systemd/systemd --show-status=no
"""


class Machine(Root):
    """A Debian with ours installed. Until it is booted, and when it is off, commands run in it as in any other root."""

    _process: subprocess.Popen[bytes] | None = None
    _first = 0

    def boot(self, *enabled: str) -> None:
        """Returns when systemd has done all that it does by itself; these units are enabled before."""
        for link in self.path.glob("etc/systemd/system/*.wants/*"):
            if not link.name.startswith(KEPT):
                link.unlink()
        self("systemctl", "mask", *[f"{name}.service" for name in MASKED])
        for unit in enabled:
            self("systemctl", "enable", unit)
        # Also what it says when it ends is kept.
        (self.path / "var/log/journal").mkdir(exist_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            told.settimeout(1)
            name = f"ipvsfast-machine-{os.getpid()}"
            told.bind(f"\0{name}")
            argv = ["unshare", "--mount", "sh", "-c", GROUP, "sh", BOOT, "sh"]
            argv += [str(self.path), f"@{name}", PATH]
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
            self._first = first_process(told, self._process)
        self.way_in = ["nsenter", "--all", f"--target={self._first}", "--"]

    def off(self) -> None:
        """As poweroff does it: every unit is stopped, in the order that they demand."""
        assert self._process is not None
        # What systemd takes as the wish to be off.
        os.kill(self._first, signal.SIGRTMIN + 4)
        self._process.wait(SECONDS)
        self._process = None
        self.way_in = ["chroot", str(self.path)]

    def end(self) -> None:
        """Whatever runs there ends at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def systemctl(self, *words: str, fails: bool = False) -> str:
        return self("systemctl", "--no-pager", *words, fails=fails)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.systemctl("show", "-P", name, unit).strip()

    def state(self, unit: str) -> str:
        return self.show(unit, "ActiveState")

    def began(self, unit: str) -> int:
        """When the unit's first command was started, in microseconds of the machine's."""
        return int(self.show(unit, "ExecMainStartTimestampMonotonic"))

    def said(self, unit: str) -> list[str]:
        """What the unit's commands have written since the machine was booted, without what systemd says of it."""
        self("journalctl", "--sync")
        found = self("journalctl", "-b", "-o", "cat", f"_SYSTEMD_UNIT={unit}", "_TRANSPORT=stdout")
        return [line for line in found.splitlines() if line != "-- No entries --"]

    def process(self, unit: str) -> dict[str, str]:
        """What the kernel says of the unit's main process."""
        lines = self("cat", f"/proc/{self.show(unit, 'MainPID')}/status").splitlines()
        return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


def first_process(told: socket.socket, process: subprocess.Popen[bytes]) -> int:
    """Who says that all is ready: systemd itself."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            data, ancillary, _, _ = told.recvmsg(1 << 16, 256)
        except TimeoutError:
            assert process.poll() is None, "the machine was lost while it was booted"
            assert time.monotonic() < deadline, f"the machine is not up after {SECONDS} s"
            continue
        if b"READY=1" in data.split(b"\n"):
            number, _, _ = struct.unpack("3i", ancillary[0][2])
            assert isinstance(number, int)
            return number


def until(done: Callable[[], object]) -> None:
    """Returns once it is so."""
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)
