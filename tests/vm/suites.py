"""The releases of Debian and Ubuntu that a root can be made of, and how."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from . import cache
from .errors import CannotRunError
from .programs import need
from .sources import Mirror, keyring, machine_mirror, ubuntu_mirror

# Those that the README names.
RELEASES = ("bookworm", "trixie", "noble", "resolute")
# What is in these changes from day to day, so they are called by the name that does not become another suite's.
MOVING = ("testing",)
SUITES = (*RELEASES, *MOVING)
UBUNTU = ("noble", "resolute")
MAKE_SECONDS = 1200
# Debian has no package with Ubuntu's keys. This one of Ubuntu's is known by its content, and vouches for all else.
UBUNTU_KEYS = "pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb"
UBUNTU_KEYS_SHA256 = "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8"
UBUNTU_KEYRING = "usr/share/keyrings/ubuntu-archive-keyring.gpg"
# debootstrap's way to make any release of Ubuntu, where it has not heard of this one.
UBUNTU_SCRIPT = "gutsy"


def fetch_ubuntu_keys(mirror: Mirror, place: Path) -> Path:
    """The keyring, unpacked into `place`."""
    curl = need("curl", "curl", "to fetch Ubuntu's keys")
    package = place / "keys.deb"
    done = subprocess.run(
        [curl, "--silent", "--show-error", "--fail", "--location", "--output", str(package),
         f"{mirror.uri.rstrip('/')}/{UBUNTU_KEYS}"],
        capture_output=True, text=True, check=False, timeout=MAKE_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise CannotRunError(
            f"{UBUNTU_KEYS} cannot be had from {mirror.uri} ({mirror.found}): {done.stderr.strip()}"
        )
    if hashlib.sha256(package.read_bytes()).hexdigest() != UBUNTU_KEYS_SHA256:
        raise CannotRunError(f"{UBUNTU_KEYS} of {mirror.uri} is another file than the one that is known")
    subprocess.run(["dpkg-deb", "-x", str(package), str(place / "keys")], check=True)
    return place / "keys" / UBUNTU_KEYRING


def kept_name(kind: str, suite: str, *words: str) -> str:
    """What a root of this kind is kept as. One of a suite that moves is of this month."""
    month = [f"{date.today():%Y-%m}"] if suite in MOVING else []
    return "-".join([kind, suite, *month, *words])


def kept(kind: str, suite: str, fill: Callable[[Path], None], *words: str) -> Path:
    """The root of that name, beside the kernels; made by `fill(folder)` if it is not there."""
    if suite in MOVING:
        _drop_old(suite)
    return cache.filled(kept_name(kind, suite, *words), fill)


def _drop_old(suite: str) -> None:
    """Roots of a suite that moves, of months before the last: nobody works in those any more."""
    last_month = f"{date.today().replace(day=1) - timedelta(days=1):%Y-%m}"
    for path in cache.root().glob(f"*-{suite}-*"):
        found = re.match(rf"[a-z]+-{suite}-(\d{{4}}-\d\d)\b", path.name)
        if not found or found[1] >= last_month:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def python_of(root: Path) -> str:
    """The Python of the release in a root, such as 3.13, whether it is installed there or not."""
    chroot = need("chroot", "coreutils", "to ask apt in a root")
    argv = [chroot, str(root), "apt-cache", "show", "--no-all-versions", "python3"]
    told = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = re.search(r"^Version: (\d+\.\d+)", told.stdout, re.MULTILINE)
    if not found:
        raise CannotRunError(f"apt in {root} does not know which Python it has: {told.stderr.strip()}")
    return found[1]


def make(suite: str, architecture: str, folder: Path, *included: str) -> None:
    """A base system in `folder`, with the packages that are to be included."""
    options = ["--variant=minbase", f"--arch={architecture}"]
    options += [f"--include={','.join(included)}"] if included else []
    if suite not in UBUNTU:
        mirror = machine_mirror()
        key = keyring(mirror.signed_by)
        options += [f"--keyring={key}"] if key else []
        _debootstrap(suite, architecture, folder, mirror, options)
        return
    mirror = ubuntu_mirror()
    with tempfile.TemporaryDirectory() as place:
        options += [f"--keyring={fetch_ubuntu_keys(mirror, Path(place))}", "--components=main,universe"]
        _debootstrap(suite, architecture, folder, mirror, options, UBUNTU_SCRIPT)


def _debootstrap(
    suite: str, architecture: str, folder: Path, mirror: Mirror, options: Sequence[str], script: str = ""
) -> None:
    debootstrap = need("debootstrap", "debootstrap", f"to make a root of {suite}")
    print(
        f"debian_root: making a root of {suite} ({architecture}) from {mirror.uri}",
        file=sys.stderr,
        flush=True,
    )
    done = subprocess.run(
        [debootstrap, *options, suite, str(folder), mirror.uri, *filter(None, [script])],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=MAKE_SECONDS,
    )  # fmt: skip
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        raise CannotRunError(
            f"debootstrap of {suite} ({architecture}) from {mirror.uri} ({mirror.found}) failed:\n{said}"
        )
