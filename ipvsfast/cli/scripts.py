"""ipvsfast-save and ipvsfast-restore, which also answer to ipvsadm-save and ipvsadm-restore.

Like ipvsadm's, -restore replaces the table; unlike there, it does nothing before all of its input is
known to be right, and under our own name input without any service has to be meant.
"""

from __future__ import annotations

from .context import Context
from .dispatch import carry_out
from .output import complain, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .done import Done

_SAVE_USAGE = """\
{}: Script to save the IPVS table to stdout.
   With the -n option, prints out the table in numeric format."""


def save(argv: Sequence[str], program: str, done: Done | None = None) -> int:
    """Prints the table as rules; words that are no options are passed over. done: what was done before."""
    name = _base_name(program)
    if _asks_for_help(argv, name):
        return _help("ipvsfast-save", name)
    if any(word[:1] == "-" and word != "-n" for word in argv):
        complain(_SAVE_USAGE.format(name))
        return 1
    context = Context(_main_name(name))
    context.done = done
    return carry_out(context, context.parse(["-S", "-n"] if "-n" in argv else ["-S"]))


def restore(argv: Sequence[str], program: str, done: Done | None = None) -> int:
    """Replaces the table by the rules on standard input, or reports what is wrong with them. done: what was
    done before."""
    name = _base_name(program)
    if _asks_for_help(argv, name):
        return _help("ipvsfast-restore", name)
    from .restore_programs import replace_table

    if name.startswith("ipvsadm"):
        return replace_table(Context("ipvsadm"), True, done)
    return replace_table(Context(_main_name(name)), "--allow-empty" in argv, done, _wait(argv, name))


def _wait(argv: Sequence[str], name: str) -> float | None:
    """The seconds of --wait, the last one; None without it. Other words are passed over."""
    from .lock import wait_seconds

    seconds = None
    for at, word in enumerate(argv):
        if word == "--wait":
            seconds = wait_seconds(argv[at + 1] if at + 1 < len(argv) else "", name)
        elif word.startswith("--wait="):
            seconds = wait_seconds(word[len("--wait=") :], name)
    return seconds


def _base_name(program: str) -> str:
    return program.rpartition("/")[2]


def _main_name(name: str) -> str:
    """How the main program is called, for messages that name it: ipvsadm-restore speaks of ipvsadm."""
    return name.removesuffix("-save").removesuffix("-restore")


def _asks_for_help(argv: Sequence[str], name: str) -> bool:
    # ipvsadm's two have no such option, and -restore would empty the table where help was meant.
    return not name.startswith("ipvsadm") and ("-h" in argv or "--help" in argv)


def _help(script: str, name: str) -> int:
    from .commands import SCRIPTS
    from .help import script_text

    write("".join([script_text(entry, name) for entry in SCRIPTS if entry.name == script]))
    return 0
