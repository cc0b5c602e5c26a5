"""What exceptions hold survives a copy, and the way from one process into another."""

import copy
import importlib
import pickle
import pkgutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

import ipvsfast
from ipvsfast import (
    AwaitsConfirmation,
    Batch,
    Destination,
    Interrupted,
    InvalidValue,
    Ipvs,
    IpvsError,
    IpvsUnavailable,
    Journal,
    KernelRefused,
    NothingToConfirm,
    NothingToUndo,
    NotPermitted,
    NotRestorable,
    OutcomeUnknown,
    ReadingInterrupted,
    Results,
    Service,
    StateError,
    TableChanging,
    TableLocked,
    TableMoved,
    UndoMoved,
)
from ipvsfast.changes.problem import Problem
from ipvsfast.changes.restore import RulesInvalid
from ipvsfast.connections.count_by import Group
from ipvsfast.errors import error_for
from ipvsfast.foreign.account import Mistake, TooMany
from ipvsfast.kernel.rule_buffer import new_results
from ipvsfast.language.words import UsageError
from ipvsfast.model.address import HostUnknown, LookupFailed
from ipvsfast.plans.wanted import NoService, NothingNamed
from ipvsfast.watch.event import Blind, Stopped

WEB = Service.tcp("10.0.0.1", 80)


def results() -> Results:
    """Two of three operations were sent, the second was refused; the results are memory that C writes."""
    batch = Batch().add_service(WEB).add_service(WEB).delete_service(WEB.key)
    errnos = new_results(len(batch))
    errnos[0], errnos[1] = 0, -17
    return Results(batch.operations, errnos, 2)


def problems() -> list[Problem]:
    """One of each kind."""
    return [
        Problem("rules", 7, b"-A -t 10.0.0.1:80", "this stands twice"),
        Problem("rules", 9, b"-a", "Destination already exists", hint="do something", code=17),
    ]


def invalid() -> InvalidValue:
    """What a constructor raises."""
    with pytest.raises(InvalidValue) as caught:
        Destination("10.0.0.1", 80, weight=-1)
    return caught.value


def journal() -> Journal:
    """An apply that awaits its confirmation."""
    who = {"user": "root", "sudo": "", "pid": 7, "started": 0}
    head = {
        "when": 1.0, "who": who, "command": "ipvsfast apply rules", "folder": "/", "source": "rules", "undoes": 0,
        "continues": 0, "confirm_within": 60, "order": False, "boot": "0", "main": True, "planned": (1, 2, 3),
        "settings": {}, "orders": {},
    }  # fmt: skip
    return Journal("/x/journal-00000012", head, [{"state": "awaiting"}], 0)


SAMPLES = [
    Blind(28, "changes of rules are not told"),
    Stopped(),
    IpvsError(5, "a sentence", "add-service TCP 10.0.0.1:80", "what to do"),
    error_for("", 110),
    error_for("add-service", 17, "add-service TCP 10.0.0.1:80"),
    error_for("delete-service", 3, "delete-service TCP 10.0.0.1:80"),
    error_for("add-destination", 22, "add-destination TCP 10.0.0.1:80 10.0.0.2:80"),
    error_for("list", 1),
    error_for("list", 92),
    error_for("add-destination", 105, "add-destination TCP 10.0.0.1:80 10.0.0.2:80"),
    TableChanging(11, "the table kept changing while it was read"),
    TableMoved(["TCP 10.0.0.1:80 was changed"]),
    UndoMoved(["TCP 10.0.0.1:80 was changed"]),
    NothingToUndo("no apply to this table is remembered"),
    NothingToConfirm(None),
    AwaitsConfirmation(journal()),
    TableLocked(16, "process 7 is replacing the table of this network namespace; nothing was done"),
    StateError(13, "cannot write /var/lib/ipvsfast/x: Permission denied"),
    NotRestorable(["protocol 47: -A 47 10.0.0.1:80", "port 0: -A -t 10.0.0.1:0"], 1),
    InvalidValue("no such thing", "restore"),
    NoService("rules holds no service"),
    NothingNamed(problems()),
    Mistake(7, "this is no address", "real_server"),
    TooMany("too many mistakes"),
    invalid(),
    UsageError(255, "Try `x -h'", hint=True, word="-q"),
    UsageError(2, "illegal", reason="no such host: web"),
    HostUnknown("no such host: web"),
    LookupFailed("web could not be looked up: no answer in time"),
    RulesInvalid(problems()),
    Interrupted(results()),
    ReadingInterrupted(4711),
    ReadingInterrupted([Group(("192.0.2.1",), 3)]),
]


# What serves and draws raises exceptions of its own, which reach no caller of the library.
PROGRAMS = ("ipvsfast.cli", "ipvsfast.exporter", "ipvsfast.live", "ipvsfast.__main__")


def exported() -> set[type[BaseException]]:
    """Every exception class of the library, found in its modules."""
    found: set[type[BaseException]] = set()
    for module in pkgutil.walk_packages(ipvsfast.__path__, "ipvsfast."):
        if module.name.startswith(PROGRAMS):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(value, type)
                and issubclass(value, BaseException)
                and value.__module__[:9] == "ipvsfast."
            ):
                found.add(value)
    return found


def held(error: BaseException) -> object:
    """Everything that an exception says and holds, in a form that compares."""
    values = {name: told(value) for name, value in vars(error).items()}
    return (
        type(error),
        str(error),
        error.args,
        getattr(error, "errno", None),
        getattr(error, "strerror", None),
        values,
    )


def told(value: object) -> object:
    """A value that does not compare by what it holds, by what it holds."""
    if isinstance(value, Results):
        return value.operations, list(value.errnos), value.sent, [str(result) for result in value]
    if isinstance(value, list) and value and isinstance(value[0], Problem):
        return [(str(problem), problem.errno, problem.advice) for problem in value]
    return value


def test_every_exception_has_a_sample() -> None:
    """A class that is added is tested below as well."""
    assert exported() == {type(error) for error in SAMPLES}
    assert {KernelRefused, NotPermitted, IpvsUnavailable, OutcomeUnknown} <= exported()


@pytest.mark.parametrize("error", SAMPLES, ids=[type(error).__name__ for error in SAMPLES])
def test_exceptions_survive_copy_and_pickle(error: BaseException) -> None:
    """Class, text, errno, advice and whatever else they carry; notes too."""
    for again in (
        copy.copy(error),
        copy.deepcopy(error),
        *[pickle.loads(pickle.dumps(error, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)],
    ):
        assert again is not error
        assert held(again) == held(error)
        assert repr(again) == repr(error)


def test_exceptions_come_back_from_another_process() -> None:
    """A pool hands them to whoever waits, with what they hold, and works on after it."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with pytest.raises(InvalidValue) as caught:
            pool.submit(Destination, "10.0.0.1", 80, weight=-1).result()
        assert str(caught.value) == str(invalid())
        with pytest.raises(RulesInvalid) as wrong:  # it is raised before the table is asked for anything
            pool.submit(Ipvs.restore, None, b"-A -t 10.0.0.1:80\n-q\n-z\n").result()
        assert [problem.line for problem in wrong.value.problems] == [2, 3]
        assert pool.submit(abs, -1).result() == 1
