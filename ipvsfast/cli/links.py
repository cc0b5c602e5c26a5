"""install and uninstall: links to our programs, manual pages and completions, where a shell looks for them.

What was made is recorded below the same prefix, by a shell script that can take it back when ipvsfast itself
is gone.
"""

from __future__ import annotations

import os
from os.path import join

from .compat import link, taken
from .installation import NAMES, programs_folder
from .output import ExitWith, complain, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .context import Context

PREFIX = "/usr/local"
RECORD = "share/ipvsfast/uninstall"
_MAN = "share/man/man8"
_BASH = "share/bash-completion/completions"
_FISH = "share/fish/vendor_completions.d"
# fish looks below /usr/local only where XDG_DATA_DIRS is set, in a session on a desktop; here always.
_FISH_ANYWHERE = "/etc/fish/completions"
_ZSH = "share/zsh/site-functions/_ipvsfast"
_BEGIN, _END = "# made:\n", "# end\n"
_SCRIPT = """\
#!/bin/sh
# Made by `ipvsfast install`. Takes back what that has made, also when ipvsfast itself is gone.
cd "$(dirname -- "$0")/../.." || exit
status=0

link() { # PATH TARGET
	case $1 in
	/*) path=$1 ;;
	*) path=$PWD/$1 ;;
	esac
	if [ ! -L "$path" ] && [ ! -e "$path" ]; then
		echo "$path is not there"
	elif [ "$(readlink "$path")" != "$2" ]; then
		echo "$path was changed since and stays"
	elif rm "$path"; then
		echo "$path removed"
	else
		status=1
	fi
}

record() { # PATH: of this script
	[ $status != 0 ] || rm -- "$1"
}

folder() { # PATH
	[ $status != 0 ] || rmdir -- "$1" 2> /dev/null
}

"""
_SCRIPT_END = """exit $status
"""


def install_verb(context: Context, options: dict[str, str], words: list[str]) -> int:
    """`ipvsfast install`"""
    return install(context.program, words[0] if words else PREFIX, "ipvsadm" in options)


def uninstall_verb(context: Context, options: dict[str, str], words: list[str]) -> int:
    """`ipvsfast uninstall`"""
    return uninstall(words[0] if words else PREFIX)


def install(program: str, prefix: str, ipvsadm: bool) -> int:
    """Makes the links below `prefix`. ExitWith (1), and nothing is made, if something else is in their place.

    program: how we were called. ipvsadm: the names of ipvsadm as well.
    """
    root = _prefix(prefix)
    home = programs_folder(program)
    before = _Record.read(root)
    ipvsadm = ipvsadm or f"sbin/{NAMES[0][0]}" in before.links
    wanted = dict(_wanted(home, ipvsadm, _fish_folder(root)))
    for target in wanted.values():
        if not os.path.exists(target):
            raise ExitWith(1, f"cannot find {target}: install ipvsfast again, and not as editable")
    there = {path for path, target in wanted.items() if _leads_to(join(root, path), target)}
    new = {path: target for path, target in wanted.items() if path not in there}
    foreign = [
        join(root, path) for path, target in new.items()
        if os.path.lexists(join(root, path)) and not _is_ours(root, path, target, before)
    ]  # fmt: skip
    if foreign:
        raise taken(foreign, "Or choose another prefix.")
    _make(root, before, new)
    paths = [(join(root, path), target) for path, target in wanted.items()]
    write("".join([f"{path} -> {target}\n" for path, target in paths if path != target]))
    from shlex import quote

    where = f" {quote(root)}" if root != PREFIX else ""
    script = quote(f"{root}/{RECORD}")
    write(f"`ipvsfast uninstall{where}` takes them back; when ipvsfast itself is gone, {script} does.\n")
    for folder in ("bin", "sbin") if ipvsadm else ("bin",):
        if join(root, folder) not in os.get_exec_path():
            complain(f"{root}/{folder} is not in your PATH.")
    return 0


def uninstall(prefix: str) -> int:
    """Takes back what install() made below `prefix`; what was changed since stays."""
    root = _prefix(prefix)
    record = _Record.read(root)
    if not record.links:
        raise ExitWith(1, f"{root}: there is nothing that `ipvsfast install` has made (no {root}/{RECORD})")
    for name, target in record.links.items():
        path = join(root, name)
        if not os.path.lexists(path):
            write(f"{path} is not there\n")
        elif not os.path.islink(path) or os.readlink(path) != target:
            write(f"{path} was changed since and stays\n")
        else:
            _remove(path)
            write(f"{path} removed\n")
    record.remove(root)
    return 0


class _Record:
    """links: path below the prefix -> target. folders: those made for them, the outer ones first."""

    def __init__(self, links: dict[str, str], folders: list[str]) -> None:
        self.links = links
        self.folders = folders

    @staticmethod
    def read(root: str) -> _Record:
        """What was recorded below `root`; empty if nothing was."""
        record = _Record({}, [])
        try:
            with open(f"{root}/{RECORD}", encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        except FileNotFoundError:
            return record
        except OSError as error:
            raise ExitWith(1, f"cannot read {root}/{RECORD}: {error.strerror}") from None
        from shlex import split

        known = {path for fish in (_FISH, _FISH_ANYWHERE) for path, _ in _wanted("", True, fish)}
        words = iter(split(text.partition(_BEGIN)[2].partition(_END)[0]))
        for word in words:
            path = next(words, "")
            if word == "folder":
                record.folders.insert(0, path)
            elif word == "link" and path.removesuffix(".gz") in known:  # a record may name no other path
                record.links[path] = next(words, "")
        return record

    def write(self, root: str) -> None:
        """As the script that takes it all back; at once."""
        from shlex import quote

        lines = [f"link {quote(path)} {quote(target)}\n" for path, target in self.links.items()]
        lines.append(f"record {quote(RECORD)}\n")
        lines += [f"folder {quote(path)}\n" for path in reversed(self.folders)]
        path = f"{root}/{RECORD}"
        fresh = f"{path}.{os.getpid()}"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
        try:
            with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write("".join([_SCRIPT, _BEGIN, *lines, _END, _SCRIPT_END]))
            os.rename(fresh, path)
        except OSError:
            os.unlink(fresh)
            raise

    def remove(self, root: str) -> None:
        """The record itself, and the folders that are empty now."""
        _remove(f"{root}/{RECORD}")
        _remove_folders(root, self.folders)


def _prefix(directory: str) -> str:
    if not os.path.isdir(directory):
        raise ExitWith(1, f"{directory}: no such directory")
    return os.path.abspath(directory).rstrip("/")


def _fish_folder(root: str) -> str:
    return _FISH_ANYWHERE if root == PREFIX and os.path.isdir(_FISH_ANYWHERE) else _FISH


def _wanted(home: str, ipvsadm: bool, fish: str) -> Iterator[tuple[str, str]]:
    """(path below the prefix, target) of each link. home: the folder with our programs."""
    share = os.path.dirname(home)
    for old, new in NAMES:
        packed = ".gz" if os.path.exists(f"{share}/{_MAN}/{new}.8.gz") else ""
        for name, folder in ((new, "bin"), (old, "sbin")) if ipvsadm else ((new, "bin"),):
            yield f"{folder}/{name}", f"{home}/{new}"
            yield f"{_MAN}/{name}.8{packed}", f"{share}/{_MAN}/{new}.8{packed}"
            yield f"{_BASH}/{name}", f"{share}/{_BASH}/{name}"
            yield f"{fish}/{name}.fish", f"{share}/{_FISH}/{name}.fish"
    yield _ZSH, f"{share}/{_ZSH}"


def _leads_to(path: str, target: str) -> bool:
    """Whether `path` is a link to `target`, or the very file."""
    if os.path.islink(path):
        return os.readlink(path) == target
    return os.path.exists(path) and os.path.samefile(path, target)


def _is_ours(root: str, path: str, target: str, record: _Record) -> bool:
    """Whether it is a link of ours, which may lead to an older installation that is gone."""
    if not os.path.islink(join(root, path)):
        return False
    found = os.readlink(join(root, path))
    if path.startswith(("bin/", "sbin/")):
        end = f"/{os.path.basename(target)}"
    else:
        end = target[target.rindex("/share/") :]
    return found.endswith(end) or record.links.get(path) == found


def _make(root: str, before: _Record, links: dict[str, str]) -> None:
    """Makes links, with their record first: an install that is cut short can be taken back. All or none."""
    if not links:
        return
    record = _Record({**before.links, **links}, list(before.folders))
    folders: list[str] = []
    done: list[tuple[str, str]] = []
    at = ""
    try:
        for path in (RECORD, *links):
            for at in _missing_folders(root, path):
                os.mkdir(join(root, at))
                folders.append(at)
        record.folders += folders
        at = RECORD
        record.write(root)
        for at, target in links.items():
            done.append((at, link(join(root, at), target)))
    except OSError as error:
        _take_back(root, before, done, folders)
        raise ExitWith(1, f"cannot make {join(root, at)}: {error.strerror}. Nothing was changed.") from None


def _missing_folders(root: str, path: str) -> list[str]:
    """The folders above `path` that are not there, the outer ones first."""
    parts = path.split("/")[:-1]
    folders = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return [folder for folder in folders if not os.path.isdir(join(root, folder))]


def _take_back(root: str, before: _Record, done: Iterable[tuple[str, str]], folders: list[str]) -> None:
    for path, target in done:
        if target:
            link(join(root, path), target)
        else:
            os.unlink(join(root, path))
    if before.links:
        before.write(root)
    elif os.path.exists(f"{root}/{RECORD}"):
        os.unlink(f"{root}/{RECORD}")
    _remove_folders(root, folders)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        raise ExitWith(1, f"cannot remove {path}: {error.strerror}") from None


def _remove_folders(root: str, folders: list[str]) -> None:
    for folder in reversed(folders):
        try:
            os.rmdir(join(root, folder))
        except OSError:  # somebody else's things are there
            pass
