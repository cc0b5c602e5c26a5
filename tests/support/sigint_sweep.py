"""Ctrl-C at every line of this package in turn, while rules are restored: is the account what is there?

An exception of the trace function stands for the signal: it comes where a signal could, at a place of our choice.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import ipvsfast
from ipvsfast import Batch, Destination, Interrupted, Ipvs, Operation, Service, Timeouts
from ipvsfast.rules import from_rule

PACKAGE = os.path.dirname(ipvsfast.__file__) + os.sep

# What is there before: marks 1 and 2 as in the rules, 3 and a destination of 5 with other values.
_BEFORE = Batch().add_service(Service.mark(1, "rr")).add_service(Service.mark(2, "wlc", persistent=60))
_BEFORE.add_service(Service.mark(3, "lc")).add_service(Service.mark(5, "rr")).add_service(
    Service.mark(9, "sh")
)
_BEFORE.add_destination(Service.mark(5).key, Destination("10.0.0.1", 0, weight=7, upper=3))
_TIMEOUTS = Timeouts(901, 121, 301)
_ADDED = "-A -f 10 -s rr\n-a -f 10 -r 10.0.0.1:0 -g -w 1\n-a -f 10 -r 10.0.0.2:0 -g -w 1\n"
_THERE = "-A -f 1 -s rr\n-A -f 2 -s wlc -p 60\n"
_OTHER = "-A -f 3 -s rr\n-A -f 5 -s rr\n-a -f 5 -r 10.0.0.1:0 -g -w 1\n"
_MORE = "--set 7 8 9\n-A -f 11 -s wlc\n-a -f 11 -r 10.0.0.3:0 -i -w 2\n"
_REFUSED = "-A -f 12 -s nosuch\n"

# The text, and how it is restored.
CASES: dict[str, tuple[str, dict[str, bool]]] = {
    "right": (_ADDED + _THERE + _MORE, {}),
    "refused first": (_REFUSED + _ADDED + _THERE + _MORE, {}),
    "refused in the middle": (_ADDED + _THERE + _REFUSED + _MORE + _OTHER, {}),
    "refused at the end": (_ADDED + _MORE + _THERE + _REFUSED, {}),
    "exist": (_ADDED + _OTHER + _THERE + _MORE, {"exist": True}),
    "exist, refused first": (_REFUSED + _OTHER + _ADDED + _THERE + _MORE, {"exist": True}),
    "exist, edit refused": (
        _OTHER + "-A -f 9 -s nosuch\n" + _OTHER.replace("-f 5", "-f 2").replace("-A -f 2 -s rr", "-A -f 2 -s lc")
        .replace("-A -f 3 -s rr\n", "") + _ADDED + _MORE, {"exist": True},
    ),
    "keep going": (_ADDED + _REFUSED + _OTHER + _THERE + _MORE, {"stop_on_error": False}),
    "keep going, exist": (_ADDED + _REFUSED + _OTHER + _MORE, {"stop_on_error": False, "exist": True}),
    "clear": (_ADDED + _THERE + _REFUSED + _OTHER + _MORE, {"clear": True}),
}  # fmt: skip


class _Tracer:
    """Counts the lines of the package that are run; raises at one of them."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.count = 0
        self.where = ""

    def __call__(self, frame: FrameType, event: str, arg: object) -> Any:
        ours = frame.f_code.co_filename.startswith(PACKAGE) and frame.f_code.co_name != "__del__"
        return self._line if ours else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self.place:
                sys.settrace(None)
                self.where = f"{frame.f_code.co_filename.removeprefix(PACKAGE)}:{frame.f_lineno}"
                raise KeyboardInterrupt
        return self._line


def _values(ipvs: Ipvs) -> dict[object, object]:
    """Whatever is in force, by what names it."""
    found: dict[object, object] = {"set": ipvs.timeouts()}
    for service, dests in ipvs.table():
        found[service.key] = (service.scheduler, service.persistent)
        for dest in dests:
            found[service.key, dest.key] = (dest.forwarding, dest.weight, dest.upper)
    return found


def _wanted(op: Operation) -> tuple[object, object]:
    """What a rule asks for, as above."""
    if op.command == "set":
        return "set", op.value
    if op.command == "add-service":
        assert isinstance(op.service, Service)
        return op.service.key, (op.service.scheduler, op.service.persistent)
    assert isinstance(op.destination, Destination)
    service = op.service.key if isinstance(op.service, Service) else op.service
    return (service, op.destination.key), (
        op.destination.forwarding,
        op.destination.weight,
        op.destination.upper,
    )


def _judge(
    text: str, how: dict[str, bool], before: dict[object, object], ipvs: Ipvs, account: Any
) -> list[str]:
    """What is wrong with the account."""
    now = _values(ipvs)
    rules = [_wanted(from_rule(line)) for line in text.splitlines()]
    there = [now.get(key) == value for key, value in rules]
    same = [key in before and before[key] == value for key, value in rules]
    if account is None:
        return [] if now == before else [f"no account, and the table is {now}"]
    if "clear" in how:  # before the table is emptied some of what it held may be as the rules say
        known = account.in_force in (sum(there), 0) if account.ended else account.in_force == sum(there)
        return [] if known else [f"{account} of {there}"]
    new = [is_there and key not in before for is_there, (key, _) in zip(there, rules)]
    edited = [is_there and not was and key in before for is_there, was, (key, _) in zip(there, same, rules)]
    set_now = sum(is_edited and key == "set" for is_edited, (key, _) in zip(edited, rules))
    wrong = []
    if account.added != sum(new) + set_now or account.changed != sum(edited) - set_now:
        wrong.append(f"{account}; added {new}, edited {edited}")
    if account.already_there > sum(same) or (account.ended is None and account.in_force != sum(there)):
        wrong.append(f"{account} of {there}")
    if account.unknown or account.found or account.refused != len(account.problems):
        wrong.append(f"nothing was lost: {account}")
    if gone := [key for key in before if key not in now]:
        wrong.append(f"gone is {gone}")
    refused = next((at for at, line in enumerate(text.splitlines()) if "nosuch" in line), len(rules))
    told = (
        account.problems or "-f 9" not in text
    )  # that rule's edit is refused, which may not have been tried
    if (
        told
        and how.get("stop_on_error", True)
        and any((new + edited)[at] for at in range(refused, len(rules)))
    ):
        wrong.append(f"behind the refused rule are {new}, {edited}")
    if account.ended is None and refused < len(rules) and account.problems[0].line != refused + 1:
        wrong.append(f"not told: {account.problems}")
    return wrong


def _one(ipvs: Ipvs, text: str, how: dict[str, bool], place: int) -> tuple[bool, str, list[str]]:
    """One restore, interrupted at its line number `place`. Whether it was, where, and what is wrong."""
    ipvs.flush()
    ipvs.set_timeouts(_TIMEOUTS)
    ipvs.apply(_BEFORE).check()
    before = _values(ipvs)
    tracer = _Tracer(place)
    account: Any = None
    wrong: list[str] = []
    with Ipvs() as own:
        sys.settrace(tracer)
        try:
            account = own.restore(text.encode(), **how)
        except Interrupted as error:
            account = error.restored
        except BaseException as error:
            if type(error) is not KeyboardInterrupt:
                wrong.append(f"out came {error!r}")
        finally:
            sys.settrace(None)
    wrong += _judge(text, how, before, ipvs, account)
    return bool(tracer.where), tracer.where, wrong


def sweep(case: str, stride: int = 1, first: int = 1) -> Iterator[tuple[int, str, list[str]]]:
    """The number of each place, its file and line, and what is wrong with a restore that ends there; the
    last one is not interrupted."""
    text, how = CASES[case]
    place, interrupted = first, True
    with Ipvs() as ipvs:
        ipvs.restore(b"-A -f 1 -s rr\n")  # what is imported late is there
        while interrupted:
            interrupted, where, wrong = _one(ipvs, text, how, place)
            yield place, where, wrong
            place += stride
