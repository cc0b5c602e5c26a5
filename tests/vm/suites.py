"""The releases of Debian and Ubuntu that a root can be made of, and how."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .errors import CannotRunError
from .programs import need
from .sources import Mirror, keyring, machine_mirror, ubuntu_mirror

# By suite: the Python that it has.
PYTHONS = {"bookworm": "3.11", "trixie": "3.13", "noble": "3.12", "resolute": "3.14"}
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
