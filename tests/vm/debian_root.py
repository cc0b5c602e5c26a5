"""python -m tests.vm.debian_root [--arch ARCH] SUITE -- COMMAND...

Runs a command on another release of Debian, or on one of Ubuntu: in a root of its own, made by debootstrap and kept
beside the kernels, in a copy of this checkout below a folder that only root can enter. Needs root.

What the command installs there with apt stays for the next run. Python packages are fetched here, where pip
is set up, for the Python there; kernels are shared. Programs of another architecture are carried out by
QEMU's user mode, on this machine's kernel; there only the packages that tests need are fetched.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import requires
from pathlib import Path
from typing import BinaryIO

from . import cache, emulation
from .errors import CannotRunError, VmError
from .programs import ADMIN_PATH, need
from .suites import SUITES, kept, kept_name, make, python_of

ROOT = Path(__file__).resolve().parents[2]
# What the README says that there has to be.
INCLUDED = "make"
PRIVATE = "root"
CACHE_THERE = "/var/cache/ipvsfast/vm"
PASSED = ("CI", "TERM", "http_proxy", "https_proxy", "no_proxy")
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_5", "linux")
# How this machine reaches its mirrors, and whether it takes one that was frozen some time ago: testing's signature
# holds for a week.
MIRROR_SETTINGS = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-Valid-Until")
# Everything is gone with the first process: the mounts and whatever the command has left running.
MOUNTS = """
set -e
root=$1
shift
# What is mounted can be unshared there in its turn.
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	: > "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
if [ -n "$CACHE" ]; then
	mkdir -p "$root$CACHE_THERE"
	mount --bind "$CACHE" "$root$CACHE_THERE"
fi
cd "$root"
# Below a chroot the kernel lets nobody make a user namespace.
pivot_root . .
umount --lazy .
exec env -i "$@"
"""


@contextmanager
def kept_root(suite: str, architecture: str) -> Iterator[Path]:
    """The root, which nobody else uses meanwhile."""
    if os.geteuid() != 0:
        raise CannotRunError("a root of another release can be made and entered by root only")
    cache.root().mkdir(parents=True, exist_ok=True)
    words = [architecture] if architecture != emulation.own_architecture() else []
    with open(cache.root() / f"{kept_name('root', suite, *words)}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        emulation.enable(architecture)
        yield kept("root", suite, lambda folder: make(suite, architecture, folder, INCLUDED), *words)


@contextmanager
def fresh_root(suite: str, *included: str) -> Iterator[Path]:
    """A root in which nothing is but a base system and the packages `included`; it is gone afterwards."""
    if os.geteuid() != 0:
        raise CannotRunError("a root of another release can be made and entered by root only")
    architecture = emulation.own_architecture()
    base = kept("base", suite, lambda folder: make(suite, architecture, folder, *included), *included)
    with tempfile.TemporaryDirectory(prefix=f"fresh-{suite}-", dir=cache.root()) as place:
        root = Path(place) / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root)], check=True)
        settle(root)
        yield root


def enter(
    root: Path,
    environment: Sequence[str],
    command: Sequence[str],
    *,
    cached: bool = True,
    output: BinaryIO | None = None,
) -> int:
    """The exit status of the command in the root, which sees nothing of this machine but the network and, if `cached`,
    the kernels. Its output goes there if an `output` is given."""
    unshare = need("unshare", "util-linux", "to mount what the root needs")
    done = subprocess.run(
        [
            *(unshare, "--mount", "--pid", "--fork", "--kill-child"),
            *("sh", "-c", MOUNTS, "sh", str(root), *environment, *command),
        ],
        env={**os.environ, "CACHE": str(cache.root()) if cached else "", "CACHE_THERE": CACHE_THERE},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        check=False,
    )
    return done.returncode


def copy_checkout(target: Path) -> None:
    """What git knows of and what is new, with the repository."""
    git = need("git", "git", "to copy the checkout")
    subprocess.run([git, "clone", "-q", "--no-checkout", str(ROOT), str(target)], check=True)
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in map(os.fsdecode, filter(None, listed.stdout.split(b"\0"))):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    subprocess.run([git, "reset", "-q"], cwd=target, check=True)


def needed_packages(architecture: str) -> list[str]:
    """The Python packages that the checkout needs."""
    lines = list(requires("ipvsfast") or ())
    if architecture != emulation.own_architecture():
        lines = [*[line for line in lines if "extra" not in line], *of_extra("test", lines)]
    lines = [line for line in lines if not line.startswith("ipvsfast")]
    return ["setuptools>=77", *[line.partition(";")[0] for line in lines]]


def of_extra(name: str, lines: Sequence[str]) -> list[str]:
    """The requirements of an extra of ours, and of the extras that it names."""
    found = []
    for line in lines:
        if f'extra == "{name}"' in line:
            other = re.match(r"ipvsfast\[(\w+)\]", line)
            found += of_extra(other[1], lines) if other else [line]
    return found


def fetch_packages(python: str, architecture: str, wanted: Sequence[str], target: Path) -> None:
    """Python packages for a Python such as 3.13, as this machine's pip finds them."""
    machine = emulation.MACHINES[architecture]
    platforms = [word for name in PLATFORMS for word in ("--platform", f"{name}_{machine}")]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--dest", str(target), "--only-binary", ":all:", "--python-version", python),
            *platforms,
            *wanted,
        ],
        check=True,
    )


def settle(root: Path) -> None:
    """What the machine is told about its network holds there too."""
    for name in ("resolv.conf", "hosts"):
        shutil.copy(f"/etc/{name}", root / "etc" / name)
    dump = subprocess.run(
        ["apt-config", "dump", *MIRROR_SETTINGS], capture_output=True, text=True, check=True
    )
    (root / "etc/apt/apt.conf.d/90mirror").write_text(dump.stdout)
    # Nobody minds if a power failure spoils it.
    (root / "etc/dpkg/dpkg.cfg.d/unsafe").write_text("force-unsafe-io\n")


def environment(there: str) -> list[str]:
    passed = {
        name: value for name, value in os.environ.items() if name in PASSED or name.startswith("IPVSFAST_")
    }
    passed |= {
        "HOME": f"/{PRIVATE}",
        "PATH": ADMIN_PATH,
        "LANG": "C.UTF-8",
        "XDG_CACHE_HOME": "/var/cache",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": f"{there}/packages",
    }
    return [f"{name}={value}" for name, value in passed.items()]


def run(suite: str, architecture: str, command: Sequence[str], *, fetching: bool = True) -> int:
    """The exit status of the command there. fetching: it needs Python packages beside those of the release."""
    with kept_root(suite, architecture) as root:
        settle(root)
        (root / PRIVATE).chmod(0o700)
        with tempfile.TemporaryDirectory(prefix="ipvsfast-", dir=root / PRIVATE) as place:
            there = f"/{PRIVATE}/{Path(place).name}"
            copy_checkout(Path(place) / "checkout")
            if fetching:
                wanted = needed_packages(architecture)
                fetch_packages(python_of(root), architecture, wanted, Path(place) / "packages")
            return enter(
                root,
                environment(there),
                ["sh", "-c", f'cd {there}/checkout && exec "$@"', "sh", *command],
            )


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.vm.debian_root",
        description=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--arch", choices=sorted(emulation.MACHINES), help="by its Debian name; this machine's"
    )
    parser.add_argument("suite", choices=sorted(SUITES))
    parser.add_argument("command", nargs="*", metavar="-- COMMAND")
    # Split by hand: what argparse makes of a second "--" differs between Python versions.
    at = argv.index("--") if "--" in argv else len(argv)
    options = parser.parse_args(argv[:at])
    options.command += argv[at + 1 :]
    if not options.command:
        parser.error("a COMMAND is needed")
    try:
        return run(options.suite, options.arch or emulation.own_architecture(), options.command)
    except VmError as error:
        print(f"debian_root: {error}", file=sys.stderr)
        return error.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
