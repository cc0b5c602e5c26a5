"""What can go wrong around a command, as opposed to inside it."""

from __future__ import annotations

from collections.abc import Sequence

STATUS_LOST = 125
STATUS_CANNOT_RUN = 126


class VmError(Exception):
    """Base of everything the harness raises."""

    status = STATUS_CANNOT_RUN


class CannotRunError(VmError):
    """This kernel cannot be booted here; the text says what was tried and what to do."""


class VmLostError(VmError):
    """The kernel went away, or fell silent, before the command had ended."""

    status = STATUS_LOST

    def __init__(self, reason: str, console: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.console = list(console)

    def __str__(self) -> str:
        reason = super().__str__()
        if not self.console:
            return f"the VM was lost: {reason}"
        tail = "\n".join(f"  | {line}" for line in self.console)
        return f"the VM was lost: {reason}\nlast lines of its console:\n{tail}"
