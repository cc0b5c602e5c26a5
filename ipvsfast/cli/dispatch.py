"""Which function carries out which of ipvsadm's commands. The verbs have their rows in commands.py."""

from __future__ import annotations

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
    """Carries out one request; the exit status."""
    status: int = load(FUNCTIONS.get(request.command, CHANGE))(context, request)
    return status
