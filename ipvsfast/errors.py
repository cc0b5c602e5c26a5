"""Exceptions, and the sentence that belongs to a kernel errno.

The sentences are those that ipvsadm prints, because scripts search for them. `advice` adds what to do, in
words that are right for every caller; what to type on a command line is said by cli/advice.py.
"""

from __future__ import annotations

import errno as _e
from os import strerror

__all__ = [
    "AlreadyExists",
    "InvalidValue",
    "IpvsError",
    "IpvsUnavailable",
    "KernelError",
    "KernelRefused",
    "NotFound",
    "NotPermitted",
    "NotRestorable",
    "OutcomeUnknown",
    "TableChanging",
    "TableLocked",
    "sentence",
    "advice",
    "error_for",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def remade(kind: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """An exception without its own constructor, which asks for other values than those that it keeps."""
    error = kind.__new__(kind)
    (OSError if isinstance(error, OSError) else BaseException).__init__(error, *args)
    return error


def reduce_error(error: BaseException) -> tuple[Any, ...]:
    """`__reduce__` of our exceptions: copies, and those from another process, say and hold the same.

    A pool of processes hangs or breaks at an exception that cannot be unpickled.
    """
    return remade, (type(error), error.args), dict(vars(error))


class IpvsError(Exception):
    """Base of all errors of this package.

    Attributes: errno (int), strerror (the sentence), operation (what was asked, or ""), advice (what to
    do about it, or ""), more (what else went wrong, or ""). results: on the way out of `Ipvs.apply` the
    Results of what was done, else None; restored: the same for `Ipvs.restore`, a Restored; applied: for
    `Ipvs.apply_plan`, an Applied; drained: for `Ipvs.drain`, a Drained; ramped: for `Ipvs.set_weights`, a
    Ramped.
    """

    errno: int
    strerror: str
    more: str = ""
    results: Any = None
    restored: Any = None
    applied: Any = None
    drained: Any = None
    ramped: Any = None

    def __init__(self, errno: int, message: str = "", operation: str = "", advice: str = "") -> None:
        message = message or strerror(errno)
        super().__init__(errno, message)
        self.errno = errno
        self.strerror = message
        self.operation = operation
        self.advice = advice

    def __str__(self) -> str:
        text = f"{self.operation}: {self.strerror}" if self.operation else self.strerror
        if self.advice:
            text += f" ({self.advice})"
        return f"{text}; {self.more}" if self.more else text

    __reduce__ = reduce_error


class NotRestorable(IpvsError):
    """A table was saved, but for what no rule makes again: see `rules`, texts of the form `REASON: RULE`.

    others: what the call would have returned.
    """

    def __init__(self, rules: list[str], others: int = 0, *, commented: bool = True) -> None:
        count = len(rules)
        what = f"{count:,} {plural(count, 'rule')} cannot be restored and "
        if commented:
            what += "is a comment" if count == 1 else "are comments"
        else:
            what += "was left out" if count == 1 else "were left out"
        first = rules[0] if count == 1 else f"the first is {rules[0]}"
        super().__init__(_e.EOPNOTSUPP, f"{what}: {first}")
        self.rules = rules
        self.others = others


class KernelError(IpvsError, OSError):  # type: ignore[misc]  # an OSError's errno may be None, ours never is
    """An error that came from the kernel or from the exchange with it; `errno` says which."""


class KernelRefused(KernelError):
    """The kernel refused one operation; the others of its batch were not affected."""


class NotFound(KernelRefused):
    """What the operation names is not there: the service, the destination, the daemon or its interface, or
    (ENOENT for a service) the scheduler or persistence engine."""


class AlreadyExists(KernelRefused):
    """What was to be added is there already: the service, the destination, or a daemon of that state."""


class NotPermitted(KernelError, PermissionError):  # type: ignore[misc]  # as above
    """CAP_NET_ADMIN in the initial user namespace is missing."""


class IpvsUnavailable(KernelError):
    """The kernel has no IPVS, or its module cannot be loaded or was removed."""


class OutcomeUnknown(KernelError):
    """The kernel's reply was lost: the operation may or may not have been carried out."""


class TableChanging(KernelError):
    """A listing could not be read consistently because the table kept changing."""


class TableLocked(IpvsError):
    """Another process or thread is replacing the table of this network namespace; nothing was done. errno is
    EBUSY. Any other says why there can be no lock here, which is an error only where it was asked for."""


class StateError(IpvsError):
    """What has to be remembered about a table, such as weights, cannot be kept or not be read."""


class InvalidValue(IpvsError, ValueError):
    """A value that no IPVS table should hold, refused before it reaches the kernel."""

    def __init__(self, message: str, operation: str = "") -> None:
        super().__init__(_e.EINVAL, message, operation)


# What an errno means depends on the request; the kernel reuses ENOENT, ESRCH and EEXIST.
_BY_COMMAND: dict[tuple[str, int], str] = {
    ("add-service", _e.ENOENT): "Scheduler or persistence engine not found",
    ("add-service", _e.EEXIST): "Service already exists",
    ("edit-service", _e.ENOENT): "Scheduler or persistence engine not found",
    ("edit-service", _e.ESRCH): "No such service",
    ("delete-service", _e.ESRCH): "No such service",
    ("zero", _e.ESRCH): "No such service",
    ("add-destination", _e.ESRCH): "Service not defined",
    ("add-destination", _e.EEXIST): "Destination already exists",
    ("edit-destination", _e.ENOENT): "No such destination",
    ("edit-destination", _e.ESRCH): "Service not defined",
    ("put-service", _e.ENOENT): "Scheduler or persistence engine not found",
    ("put-service", _e.EEXIST): "Service already exists",
    ("put-service", _e.ESRCH): "No such service",
    ("put-destination", _e.EEXIST): "Destination already exists",
    ("put-destination", _e.ENOENT): "No such destination",
    ("put-destination", _e.ESRCH): "Service not defined",
    ("delete-destination", _e.ENOENT): "No such destination",
    ("delete-destination", _e.ESRCH): "Service not defined",
    ("start-daemon", _e.EEXIST): "Daemon has already run",
    ("stop-daemon", _e.ESRCH): "No daemon is running",
    ("list", _e.ESRCH): "No such service",
}

_GENERAL: dict[int, str] = {
    _e.EPERM: "Permission denied (you must be root)",
    _e.EINVAL: "Invalid operation.  Possibly wrong module version, address not unicast, ...",
    _e.ENOPROTOOPT: "Protocol not available",
    _e.ENOMEM: "Memory allocation problem",
    _e.EOPNOTSUPP: "Operation not supported with IPv6",
    _e.EAFNOSUPPORT: "Operation not supported with specified address family",
    _e.EMSGSIZE: "Module is wrong version",
}

_ADVICE: dict[tuple[str, int], str] = {
    ("add-service", _e.ENOENT): "check the scheduler's name; its module ip_vs_NAME may be missing",
    ("edit-service", _e.ENOENT): "check the scheduler's name; its module ip_vs_NAME may be missing",
    ("add-destination", _e.ESRCH): "add the service first",
    ("edit-destination", _e.ESRCH): "add the service first",
    ("delete-destination", _e.ESRCH): "the service is not in the table",
    ("add-destination", _e.EINVAL): "the server address must be unicast, and lo must be up in this namespace",
    (
        "edit-destination",
        _e.EINVAL,
    ): "the server address must be unicast, and lo must be up in this namespace",
    ("add-destination", _e.ERANGE): "the lower threshold may not exceed the upper one",
    ("edit-destination", _e.ERANGE): "the lower threshold may not exceed the upper one",
    ("start-daemon", _e.ENODEV): "name an existing interface",
    ("start-daemon", _e.ENETUNREACH): "the multicast interface is down",
    ("start-daemon", _e.EINVAL): "no daemon can run while a tunnel server of the other address family exists",
}

_GENERAL_ADVICE: dict[int, str] = {
    _e.EPERM: "CAP_NET_ADMIN in the initial user namespace is needed",
    _e.ENOPROTOOPT: "load the module ip_vs: modprobe ip_vs",
    _e.ENOBUFS: "a reply was lost; list the table to see what was done",
    _e.EAFNOSUPPORT: "this kernel runs without IPv6, or the family is wrong",
}


def sentence(command: str, errno: int) -> str:
    """The text that ipvsadm prints for `errno` as the answer to `command` (its message name)."""
    errno = abs(errno)
    if errno == _e.ENOBUFS:
        return "The kernel's reply was lost"
    return _BY_COMMAND.get((command, errno)) or _GENERAL.get(errno) or strerror(errno)


def advice(command: str, errno: int) -> str:
    """What to do about `errno` as the answer to `command`; empty where nothing is known."""
    errno = abs(errno)
    return _ADVICE.get((command.replace("put-", "edit-"), errno)) or _GENERAL_ADVICE.get(errno) or ""


# Answers by which the kernel says that something is not there: the sentence depends on the command.
_NOT_FOUND = (_e.ENOENT, _e.ESRCH, _e.ENODEV)
# Nobody refused anything: the kernel was not reached, or not understood.
_NO_EXCHANGE = (_e.EIO, _e.EBADMSG, _e.EPROTONOSUPPORT, _e.ECONNREFUSED, _e.ECONNRESET, _e.ETIMEDOUT)


def _kind(command: str, errno: int) -> type[KernelError]:
    if errno == _e.EPERM:
        return NotPermitted
    if errno == _e.ENOPROTOOPT:
        return IpvsUnavailable
    if errno == _e.ENOBUFS:
        return OutcomeUnknown
    if not command or errno in _NO_EXCHANGE:
        return KernelError
    if errno in _NOT_FOUND:
        return NotFound
    return AlreadyExists if errno == _e.EEXIST else KernelRefused


def error_for(command: str, errno: int, operation: str = "") -> KernelError:
    """The exception for a kernel errno (either sign) given to `command`; "" for the exchange itself."""
    errno = abs(errno)
    kind = _kind(command, errno)
    return kind(errno, sentence(command, errno), operation, advice(command, errno))


def plural(number: int, noun: str) -> str:
    """`noun` as it stands behind `number`: 1 rule, 0 rules."""
    return noun if number == 1 else f"{noun}s"
