"""Which function carries out which of ipvsadm's commands. The verbs have their rows in commands.py."""

from __future__ import annotations

from .output import ReaderGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..language.parse import Request
    from .context import Context

# Command, as language/parse names it -> "module.function" in this room. The others change the table.
FUNCTIONS = {
    "list": "list.list_table",
    "save": "list.list_rules",
    "restore": "rules_stdin.restore",
    "help": "about.print_help",
    "version": "about.print_version",
}
CHANGE = "change.change"


def load(name: str) -> Any:
    """The function of a row, whose module is loaded only now: a run pays for what it carries out."""
    module, _, function = name.partition(".")
    return getattr(__import__(f"{__package__}.{module}", fromlist=[function]), function)


def carry_out(context: Context, request: Request) -> int:
    """Carries out one request; the exit status.

    Where SIGPIPE is ignored, ipvsadm ends well in `ipvsadm -Ln | grep -q X`, and so do we.
    """
    try:
        if context.done is not None:
            context.done.check_output()
        status: int = load(FUNCTIONS.get(request.command, CHANGE))(context, request)
    except ReaderGone:
        return 0
    return status
