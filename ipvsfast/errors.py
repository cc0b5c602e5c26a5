"""Exceptions, and the sentence that belongs to a kernel errno.

The sentences are those that ipvsadm prints, because scripts search for them; `advice` adds what to do.
"""

from __future__ import annotations

import errno as _e
from os import strerror

__all__ = [
    "InvalidValue",
    "IpvsError",
    "IpvsUnavailable",
    "KernelRefused",
    "NotPermitted",
    "OutcomeUnknown",
    "TableChanging",
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


class IpvsError(OSError):
    """Base of all errors that the kernel or the netlink exchange causes.

    Attributes: errno (int), strerror (the sentence), operation (what was asked, or ""),
    advice (what to do about it, or "").
    """

    def __init__(self, errno: int, message: str = "", operation: str = "", advice: str = "") -> None:
        super().__init__(errno, message or strerror(errno))
        self.operation = operation
        self.advice = advice

    def __str__(self) -> str:
        text = f"{self.operation}: {self.strerror}" if self.operation else str(self.strerror)
        return f"{text} ({self.advice})" if self.advice else text

    __reduce__ = reduce_error


class KernelRefused(IpvsError):
    """The kernel refused one operation; the others of its batch were not affected."""


class NotPermitted(IpvsError, PermissionError):
    """CAP_NET_ADMIN in the initial user namespace is missing."""


class IpvsUnavailable(IpvsError):
    """The kernel has no IPVS, or its module cannot be loaded."""


class OutcomeUnknown(IpvsError):
    """The kernel's reply was lost: the operation may or may not have been carried out."""


class TableChanging(IpvsError):
    """A listing could not be read consistently because the table kept changing."""


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
    ("add-server", _e.ESRCH): "Service not defined",
    ("add-server", _e.EEXIST): "Destination already exists",
    ("edit-server", _e.ENOENT): "No such destination",
    ("edit-server", _e.ESRCH): "Service not defined",
    ("delete-server", _e.ENOENT): "No such destination",
    ("delete-server", _e.ESRCH): "Service not defined",
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
    ("add-service", _e.EEXIST): "edit it with -E, or delete it first",
    ("edit-service", _e.ESRCH): "add it with -A",
    ("add-server", _e.ESRCH): "add the service first with -A",
    ("edit-server", _e.ESRCH): "add the service first with -A",
    ("delete-server", _e.ESRCH): "the service is not in the table",
    ("add-server", _e.EEXIST): "edit it with -e",
    ("edit-server", _e.ENOENT): "add it with -a",
    ("add-server", _e.EINVAL): "the server address must be unicast, and lo must be up in this namespace",
    ("edit-server", _e.EINVAL): "the server address must be unicast, and lo must be up in this namespace",
    ("add-server", _e.ERANGE): "the lower threshold may not exceed the upper one",
    ("edit-server", _e.ERANGE): "the lower threshold may not exceed the upper one",
    ("start-daemon", _e.ENODEV): "name an existing interface with --mcast-interface",
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
    return _ADVICE.get((command, errno)) or _GENERAL_ADVICE.get(errno) or ""


def error_for(command: str, errno: int, operation: str = "") -> IpvsError:
    """The exception for a kernel errno (either sign) given to `command`."""
    errno = abs(errno)
    kind: type[IpvsError] = KernelRefused
    if errno == _e.EPERM:
        kind = NotPermitted
    elif errno == _e.ENOPROTOOPT:
        kind = IpvsUnavailable
    elif errno == _e.ENOBUFS:
        kind = OutcomeUnknown
    return kind(errno, sentence(command, errno), operation, advice(command, errno))


def plural(number: int, noun: str) -> str:
    """`noun` as it stands behind `number`: 1 rule, 0 rules."""
    return noun if number == 1 else f"{noun}s"
