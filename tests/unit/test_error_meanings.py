"""Errors mean what their class says, and speak no command line's language."""

import ast
import errno
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import ipvsfast
from ipvsfast import (
    AlreadyExists,
    InvalidValue,
    IpvsError,
    IpvsUnavailable,
    KernelError,
    KernelRefused,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    TableChanging,
    errors,
)
from ipvsfast.changes.problem import refused
from ipvsfast.changes.restore import RulesInvalid
from ipvsfast.cli import advice
from ipvsfast.errors import error_for
from ipvsfast.language.words import UsageError

OF_THE_KERNEL = (
    AlreadyExists,
    IpvsUnavailable,
    KernelRefused,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    TableChanging,
)
OF_VALUES = (InvalidValue, RulesInvalid, UsageError)

MEANINGS = [
    ("add-service", errno.EEXIST, AlreadyExists),
    ("add-destination", errno.EEXIST, AlreadyExists),
    ("start-daemon", errno.EEXIST, AlreadyExists),
    ("add-service", errno.ENOENT, NotFound),
    ("edit-service", errno.ESRCH, NotFound),
    ("delete-service", errno.ESRCH, NotFound),
    ("zero", errno.ESRCH, NotFound),
    ("list", errno.ESRCH, NotFound),
    ("add-destination", errno.ESRCH, NotFound),
    ("edit-destination", errno.ENOENT, NotFound),
    ("delete-destination", errno.ENOENT, NotFound),
    ("stop-daemon", errno.ESRCH, NotFound),
    ("start-daemon", errno.ENODEV, NotFound),
    ("add-destination", errno.EINVAL, KernelRefused),
    ("edit-destination", errno.ERANGE, KernelRefused),
    ("list", errno.EPERM, NotPermitted),
    ("flush", errno.EPERM, NotPermitted),
    ("", errno.ENOPROTOOPT, IpvsUnavailable),
    ("add-service", errno.ENOBUFS, OutcomeUnknown),
    ("", errno.ENOENT, KernelError),
    ("", errno.ECONNREFUSED, KernelError),
    ("list", errno.ETIMEDOUT, KernelError),
]


@pytest.mark.parametrize(("command", "code", "kind"), MEANINGS)
def test_an_errno_becomes_the_class_that_says_what_it_means(command: str, code: int, kind: type) -> None:
    """With either sign, with its sentence, and as an OSError with its number."""
    for number in (code, -code):
        error = error_for(command, number, "what was asked")
        assert type(error) is kind
        assert isinstance(error, OSError)
        assert (error.errno, error.strerror) == (code, errors.sentence(command, code))
        assert str(error).startswith(f"what was asked: {error.strerror}")


def test_what_the_kernel_refuses_is_an_oserror_and_a_wrong_value_is_not() -> None:
    """All are IpvsErrors; `except OSError` does not swallow a mistake in the caller's values."""
    for kind in OF_THE_KERNEL:
        assert issubclass(kind, IpvsError)
        assert issubclass(kind, KernelError)
        assert issubclass(kind, OSError)
    for kind in OF_VALUES:
        assert issubclass(kind, InvalidValue)
        assert issubclass(kind, IpvsError)
        assert issubclass(kind, ValueError)
        assert not issubclass(kind, OSError)
    assert issubclass(NotPermitted, PermissionError)


def test_a_wrong_value_has_the_attributes_of_every_error() -> None:
    """errno, sentence, operation and advice, for who prints them all alike."""
    error = InvalidValue("no such thing", "add-service FWM 7")
    assert (error.errno, error.strerror, error.operation) == (
        errno.EINVAL,
        "no such thing",
        "add-service FWM 7",
    )
    assert (error.advice, error.results) == ("", None)
    assert str(error) == "add-service FWM 7: no such thing"


def test_the_library_does_not_advise_options_of_the_command() -> None:
    """What it says is right for a program that has no command line; what to type is added by the command."""
    option = re.compile(r"(?<!\w)--?[a-zA-Z]")
    said = [
        text
        for table in (errors._BY_COMMAND, errors._GENERAL, errors._ADVICE, errors._GENERAL_ADVICE)
        for text in table.values()
    ]
    assert [text for text in said if option.search(text)] == []
    assert all(option.search(text) for text in advice._ADVICE.values())


def test_a_refused_rule_is_told_with_advice_by_the_command_only() -> None:
    """The problem says where and what; the command adds what to do about it."""
    problem = refused("f", 3, b"-A -f 7 -s rr", "add-service", errno.EEXIST)
    assert str(problem) == "f:3: -A -f 7 -s rr: Service already exists"
    assert advice.problem_text(problem) == f"{problem} (edit it with -E, or delete it first)"
    other = refused("f", 3, b"-A -f 7 -s nosuch", "add-service", errno.ENOENT)
    assert advice.problem_text(other) == str(other)
    assert str(other).endswith("(check the scheduler's name; its module ip_vs_NAME may be missing)")


def package() -> Iterator[tuple[Path, ast.AST]]:
    """Every node of every module."""
    for path in sorted(Path(ipvsfast.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            yield path, node


def test_what_an_interruption_says_is_in_an_exception_of_ours() -> None:
    """Nobody puts words into a KeyboardInterrupt of Python's, where another handler would take them for its own."""
    made = [
        path.name
        for path, node in package()
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "KeyboardInterrupt" and node.args
    ]
    assert made == []
    for kind in (ipvsfast.Interrupted, ipvsfast.ReadingInterrupted):
        assert issubclass(kind, KeyboardInterrupt)


def test_one_class_of_a_name() -> None:
    """A name means one thing: there is one Progress, one Resolver, one Names."""
    count = Counter(node.name for _, node in package() if isinstance(node, ast.ClassDef))
    assert [name for name, times in count.items() if times > 1] == []
    aliases = {
        target.id
        for _, node in package()
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert aliases & {"Progress", "Resolver"} == set()
