"""The verbs: `ipvsfast restore`, `save`, `install-compat`, ..."""

from __future__ import annotations

from .commands import parse_verb
from .output import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .command import Command
    from .commands import Verb


def run_verb(command: Command, verb: Verb, argv: Sequence[str]) -> int:
    """Carries out one verb; the exit status."""
    given, words = parse_verb(verb, argv)
    if "help" in given:
        from .help import verb_text

        write(verb_text(verb, command.program))
        return 0
    if verb.name == "help":
        from .help import verb_help

        write(verb_help(words, command.program))
        return 0
    if verb.name == "restore":
        from .restore import restore_file

        return restore_file(command, given, words[0] if words else None)
    if verb.name == "save":
        from .save import save_file

        return save_file(command, given, words[0] if words else None)
    if verb.name == "conns":
        from .conns_verb import run

        return run(command, given)
    if verb.name in ("install", "uninstall"):
        from . import links

        prefix = words[0] if words else links.PREFIX
        if verb.name == "uninstall":
            return links.uninstall(prefix)
        return links.install(command.program, prefix, "ipvsadm" in given)
    from .compat import install, remove

    return install(words[0], command.program) if verb.name == "install-compat" else remove(words[0])
