"""The first file tree of a stock kernel: just enough to mount the caller's file tree as its root."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotRunError


@dataclass(frozen=True)
class Entry:
    """A file, folder or device node to be put into an archive."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(name: str) -> Entry:
    return Entry(name, stat.S_IFDIR | 0o755)


def program(name: str, data: bytes) -> Entry:
    return Entry(name, stat.S_IFREG | 0o755, data)


def console() -> Entry:
    return Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))


def archive(entries: Iterable[Entry]) -> bytes:
    """The entries as a cpio archive in the "newc" format, the one the kernel unpacks."""
    parts: list[bytes] = []
    for number, entry in enumerate([*entries, Entry("TRAILER!!!", 0)], 1):
        name = entry.name.encode() + b"\0"
        links = 2 if stat.S_ISDIR(entry.mode) else 1
        # ino, mode, uid, gid, nlink, mtime, size, device of the file, device it is, name size, check
        fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        parts += [_padded(header + name), _padded(entry.data)]
    return b"".join(parts)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def module_name(path: str) -> str:
    """The name of a module from its path: fs/9p/9p.ko.xz is 9p, and dashes count as underscores."""
    return path.rsplit("/", 1)[-1].split(".ko", 1)[0].replace("-", "_")


def module_closure(wanted: Iterable[str], dependencies: str, builtin: str) -> list[str]:
    """Paths of the wanted modules and what they need, in loading order.

    The texts are those of modules.dep and modules.builtin; what is built in is left out.
    """
    needs: dict[str, list[str]] = {}
    paths: dict[str, str] = {}
    for line in dependencies.splitlines():
        path, _, rest = line.partition(":")
        paths[module_name(path)] = path
        # depmod lists all that a module needs, also indirectly, the last to be loaded first.
        needs[path] = list(reversed(rest.split()))
    compiled_in = {module_name(path) for path in builtin.split()}
    order: list[str] = []
    for name in wanted:
        path = paths.get(name, "")
        if not path:
            if name in compiled_in:
                continue
            raise CannotRunError(f"the kernel package holds no module {name}")
        order += [step for step in [*needs[path], path] if step not in order]
    return order


def kernel_modules(tree: Path, wanted: Iterable[str]) -> list[Path]:
    """The files of module_closure() in a modules folder."""
    indexes = [tree / name for name in ("modules.dep", "modules.builtin")]
    for index in indexes:
        if not index.exists():
            raise CannotRunError(f"the kernel packages hold no {index.name}")
    return [tree / path for path in module_closure(wanted, *[i.read_text() for i in indexes])]
