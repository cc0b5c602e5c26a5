"""install-compat and remove-compat: the names of ipvsadm's three programs as links to ours."""

from __future__ import annotations

import os

from . import system_names as names
from .installation import NAMES, programs_folder
from .output import ExitWith, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context

# What it has needs no link of ours.
OWN_PACKAGE = "ipvsfast-ipvsadm"


def install_verb(context: Context, options: dict[str, str], words: list[str]) -> int:
    """`ipvsfast install-compat`"""
    return install(words[0], context.program, "dry-run" in options)


def remove_verb(context: Context, options: dict[str, str], words: list[str]) -> int:
    """`ipvsfast remove-compat`"""
    return remove(words[0], "dry-run" in options)


def install(directory: str, program: str, dry_run: bool = False) -> int:
    """Puts the three names into `directory`, and tells the package manager; ExitWith (1), and nothing is
    made, if one of them is taken by what no package has.

    program: how we were called. dry_run: only says what would be done.
    """
    folder = _folder(directory)
    home = programs_folder(program)
    links = [(f"{folder}/{name}", f"{home}/{script}") for name, script in NAMES]
    foreign = []
    for path, target in links:
        owner, _ = names.recorded(path)
        if owner == OWN_PACKAGE:
            raise ExitWith(1, f"{path} belongs to our package {owner} already; nothing was changed")
        if os.path.lexists(path) and not _is_ours(path, target) and not owner:
            foreign.append(path)
    if foreign:
        raise taken(foreign, "Or choose a directory that comes earlier in PATH, such as /usr/local/sbin.")
    if names.alternatives() and folder in names.SYSTEM_FOLDERS:
        return _install_alternative(links, dry_run)
    steps = [step for path, _ in links for step in names.divert(path)]
    if not dry_run:
        _carry_out(steps, links)
    write("".join([f"{step.text}\n" for step in steps]))
    write("".join([f"{path} -> {target}\n" for path, target in links]))
    return _end(dry_run)


def remove(directory: str, dry_run: bool = False) -> int:
    """Takes those of the three names that are our links out of `directory`, and brings back what was moved
    aside for them; what is not ours stays. dry_run: only says what would be done."""
    folder = _folder(directory)
    leading = f"{folder}/{NAMES[0][0]}"
    target = names.of_alternatives(leading)
    if names.alternatives() and os.path.basename(target) == NAMES[0][1]:
        if not dry_run:
            names.carry_out([names.alternatives(), "--remove", names.GROUP, target])
        write(f"{target} is no alternative for {names.GROUP} any more\n")
        return _end(dry_run)
    for name, script in NAMES:
        path = f"{folder}/{name}"
        ours = os.path.lexists(path) and _is_ours(path, script) and names.recorded(path)[0] != OWN_PACKAGE
        if ours:
            if not dry_run:
                try:
                    os.unlink(path)
                except OSError as error:
                    raise ExitWith(1, f"cannot remove {path}: {error.strerror}") from None
            write(f"{path} removed\n")
        elif os.path.lexists(path):
            write(f"{path} is not ours and stays\n")
            continue
        for spelling in names.diverted(path):
            back = os.path.lexists(spelling + names.ASIDE)
            if not dry_run:
                names.carry_out(names.undivert(spelling))
            write(f"{spelling} is diverted no more{', and is what it was before' if back else ''}\n")
            ours = True
        if not ours:
            write(f"{path} is not there\n")
    return _end(dry_run)


def _end(dry_run: bool) -> int:
    if dry_run:
        write("This is what would be done; nothing was.\n")
    return 0


def _install_alternative(links: list[tuple[str, str]], dry_run: bool) -> int:
    step = names.alternative(links)
    if not dry_run:
        for path, _ in links:
            if os.path.islink(path) and not names.of_alternatives(path):
                os.unlink(path)  # one of ours, as it was checked: alternatives replace no other link
        names.carry_out(step.do)
        for path, target in links:
            if names.of_alternatives(path) != target:
                names.called(step.undo)
                raise ExitWith(
                    1, f"{path} does not lead to {target}, as another alternative comes first. It was undone."
                )
    write(f"{step.text}\n")
    write("".join([f"{path} -> {target}\n" for path, target in links]))
    return _end(dry_run)


def _carry_out(steps: list[names.Step], links: list[tuple[str, str]]) -> None:
    """All of it or nothing: what fails takes back what was done before."""
    done: list[names.Step] = []
    made: list[str] = []
    try:
        for step in steps:
            names.carry_out(step.do)
            done.append(step)
            spelling = step.do[-1]
            if spelling not in names.diverted(spelling):
                raise ExitWith(1, f"dpkg does not know of the diversion of {spelling}")
        for path, target in links:
            try:
                if not link(path, target):
                    made.append(path)
            except OSError as error:
                raise ExitWith(1, f"cannot make {path}: {error.strerror}") from None
    except ExitWith:
        for path in made:
            os.unlink(path)
        for step in reversed(done):
            names.called(step.undo)
        raise


def _folder(directory: str) -> str:
    if not os.path.isdir(directory):
        raise ExitWith(1, f"{directory}: no such directory")
    return os.path.abspath(directory).rstrip("/")


def _is_ours(path: str, script: str) -> bool:
    """Whether `path` is a link to a script of that name. An older installation may lie elsewhere, or be
    gone, so the directory does not count."""
    return os.path.islink(path) and os.path.basename(os.readlink(path)) == os.path.basename(script)


def link(path: str, target: str) -> str:
    """Makes one link, in place of one if need be; what led there before, or "" if nothing did."""
    if not os.path.lexists(path):
        os.symlink(target, path)  # fails if somebody was quicker
        return ""
    before = os.readlink(path)
    if before != target:
        fresh = f"{path}.{os.getpid()}"
        os.symlink(target, fresh)
        try:
            os.rename(fresh, path)  # at no moment is the name missing
        except OSError:
            os.unlink(fresh)
            raise
    return before


def taken(paths: list[str], otherwise: str) -> ExitWith:
    """What is said where others have put something in the place of our links."""
    verb, what = ("is", "It") if len(paths) == 1 else ("are", "They")
    lines = [f"{', '.join(paths)} {verb} there already, not made by ipvsfast. Nothing was changed."]
    lines.append(f"{what} can be moved aside; on Debian its package has to know of it:")
    lines += [f"  dpkg-divert --local --rename --add {path}" for path in paths]
    return ExitWith(1, "\n".join([*lines, otherwise]))
