"""Where this machine gets its Debian packages from: its own apt sources, read, never written."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotRunError
from .programs import need

MIRROR_VARIABLE = "IPVSFAST_DEBIAN_MIRROR"
UBUNTU_VARIABLE = "IPVSFAST_UBUNTU_MIRROR"
KEYRINGS = (
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
)
# Where the package debootstrap names the main mirrors of both, each in one line.
DEBIAN_IN_DEBOOTSTRAP = Path("/usr/sbin/debootstrap"), re.compile(r'^DEF_MIRROR="?(http\S+?)"?$', re.M)
UBUNTU_IN_DEBOOTSTRAP = (
    Path("/usr/share/debootstrap/scripts/gutsy"),
    # Not that of releases which are not kept up.
    re.compile(r"^\s*default_mirror (https?://(?!old)\S+/ubuntu)$", re.M),
)
ANSWER_SECONDS = 30
ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<rest>.*)")


@dataclass(frozen=True)
class Source:
    """One address out of an apt sources file."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


@dataclass(frozen=True)
class Mirror:
    uri: str
    signed_by: str
    found: str
    # Nothing says that there is one; it may be tried.
    guessed: bool = False


def parse_one_line(text: str) -> Iterator[Source]:
    """The entries of a sources.list file."""
    for line in text.splitlines():
        match = ONE_LINE.match(line.split("#", 1)[0].strip())
        if not match:
            continue
        options = dict(option.split("=", 1) for option in (match["options"] or "").split() if "=" in option)
        yield Source(
            match["uri"],
            (match["suite"],),
            tuple(match["rest"].split()),
            options.get("signed-by", ""),
        )


def parse_deb822(text: str) -> Iterator[Source]:
    """The entries of a .sources file."""
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t"):
                fields[name] = f"{fields.get(name, '')} {line.strip()}".strip()
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value.strip()
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        for uri in fields.get("uris", "").split():
            yield Source(
                uri,
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                fields.get("signed-by", ""),
            )


def read_sources(etc_apt: Path) -> list[Source]:
    found: list[Source] = []
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        found.extend(parse_deb822(text) if path.suffix == ".sources" else parse_one_line(text))
    return found


def serves(source: Source, distribution: str) -> bool:
    """Whether this is the main archive of `distribution`: not its security one, no third party's."""
    path = source.uri.split("://", 1)[-1].split("/")[1:]
    names = [part.removesuffix(".list") for part in path]
    return distribution in names and "main" in source.components


def find_mirror(sources: Iterable[Source], given: str = "") -> Mirror:
    """The Debian mirror: as given, as named in the sources, or next to an Ubuntu one."""
    if given:
        return Mirror(given, "", f"given by {MIRROR_VARIABLE}")
    ubuntu = ""
    for source in sources:
        if serves(source, "debian"):
            return Mirror(source.uri, source.signed_by, "named in this machine's apt sources")
        if not ubuntu and serves(source, "ubuntu"):
            ubuntu = source.uri
    if ubuntu:
        derived = re.sub(r"/ubuntu(\.list)?(?=/|$)", r"/debian\1", ubuntu)
        return Mirror(derived, "", f"derived from this machine's Ubuntu mirror {ubuntu}", True)
    raise CannotRunError(
        "no Debian mirror is named in /etc/apt/sources.list or /etc/apt/sources.list.d; "
        f"name one with {MIRROR_VARIABLE}=http://HOST/debian, "
        "or use this machine's own kernel (-k host, as root)"
    )


def keyring(signed_by: str) -> str:
    """The signed-by value for a source, empty when apt's own trusted keys have to do."""
    if signed_by.startswith("/"):
        return signed_by
    return next((path for path in KEYRINGS if Path(path).exists()), "")


def answers(uri: str, suite: str) -> bool:
    """Whether a mirror has this suite, as far as it can be asked."""
    curl = need("curl", "curl", "to ask a mirror")
    done = subprocess.run(
        [curl, "--silent", "--fail", "--location", "--head", "--max-time", str(ANSWER_SECONDS),
         f"{uri.rstrip('/')}/dists/{suite}/InRelease"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


def better(guess: Mirror, suite: str, named: tuple[Path, re.Pattern[str]]) -> Mirror:
    """The guess, unless it does not answer and the one that debootstrap names does."""
    path, line = named
    found = line.findall(path.read_text()) if path.is_file() else []
    if not found or not guess.uri.startswith("http") or answers(guess.uri, suite):
        return guess
    other = Mirror(found[0], "", f"named by debootstrap; {guess.uri} has none")
    return other if answers(other.uri, suite) else guess


def machine_mirror() -> Mirror:
    given = os.environ.get(MIRROR_VARIABLE, "")
    mirror = find_mirror(read_sources(Path("/etc/apt")), given)
    return better(mirror, "testing", DEBIAN_IN_DEBOOTSTRAP) if mirror.guessed else mirror


def find_ubuntu_mirror(sources: Iterable[Source], given: str = "") -> Mirror:
    """The Ubuntu mirror: as given, as named in the sources, or next to a Debian one."""
    if given:
        return Mirror(given, "", f"given by {UBUNTU_VARIABLE}")
    debian = ""
    for source in sources:
        if serves(source, "ubuntu"):
            return Mirror(source.uri, "", "named in this machine's apt sources")
        if not debian and serves(source, "debian"):
            debian = source.uri
    if debian:
        derived = re.sub(r"/debian(\.list)?(?=/|$)", r"/ubuntu\1", debian)
        return Mirror(derived, "", f"derived from this machine's Debian mirror {debian}", True)
    raise CannotRunError(
        "no Ubuntu mirror is named in /etc/apt/sources.list or /etc/apt/sources.list.d; "
        f"name one with {UBUNTU_VARIABLE}=http://HOST/ubuntu"
    )


def ubuntu_mirror() -> Mirror:
    given = os.environ.get(UBUNTU_VARIABLE, "")
    mirror = find_ubuntu_mirror(read_sources(Path("/etc/apt")), given)
    return better(mirror, "noble", UBUNTU_IN_DEBOOTSTRAP) if mirror.guessed else mirror
