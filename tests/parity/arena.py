"""Two programs, each in a namespace of its own: the tests' side of the worker."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from parity.programs import Result, Run
from parity.state import State

from support.command import program
from support.front_reader import by_front

HERE = os.path.dirname(os.path.abspath(__file__))


class Lost(Exception):
    """The worker has died; what it wrote stands above."""


class Space:
    """One namespace in the worker."""

    def __init__(self, arena: Arena, number: int) -> None:
        self._arena = arena
        self.number = number

    def run(self, how: str, *argv: str, **settings: Any) -> Result:
        """how: "theirs", "ours" or a path; settings: fields of programs.Run.

        Ours is Python, or the installed command, where the front of that takes the line and the arena is for that.
        """
        return self.play(how, Run(argv, **settings))

    def play(self, how: str, run: Run) -> Result:
        if how == "ours" and self._arena.front and by_front(list(run.argv)) is not None:
            how = program()
        return self._arena.ask("run", self.number, how, run)  # type: ignore[no-any-return]

    def add(self, rules: str) -> None:
        self._arena.ask("add", self.number, rules.encode())

    def state(self) -> State:
        return self._arena.ask("state", self.number)  # type: ignore[no-any-return]

    def attributes(self, counters: bool = False, ordered: bool = True) -> list[str]:
        return self._arena.ask("attributes", self.number, counters, ordered)  # type: ignore[no-any-return]

    def call(self, name: str, *arguments: Any) -> Any:
        return self._arena.ask("call", self.number, name, *arguments)


class Pair:
    """Two namespaces that were made alike."""

    def __init__(
        self, arena: Arena, setup: str, devices: tuple[str, ...] = (), addresses: tuple[str, ...] = ()
    ) -> None:
        self._arena = arena
        spaces = [Space(arena, arena.ask("open", setup.encode(), devices)) for _ in range(2)]
        for space in spaces:
            space.call("parity.traffic:addresses", *addresses)
        self.theirs, self.ours = spaces
        self._start = self._attributes()
        self.unchanged = False  # so far as is known

    def _attributes(self) -> list[list[str]]:
        return [self.theirs.attributes(), self.ours.attributes()]

    def assert_same_state(self) -> None:
        """Both tables are the same: to netlink, and to the real ipvsadm unless nothing has changed at all."""
        now = self._attributes()
        assert now[1] == now[0]
        self.unchanged = now == self._start
        if not self.unchanged:
            assert self.ours.state() == self.theirs.state()

    def close(self) -> None:
        for space in (self.theirs, self.ours):
            self._arena.ask("close", space.number)


class Arena:
    """The worker, and requests to it. front: command lines that the native front takes are played through it."""

    def __init__(self, front: bool = False) -> None:
        self.front = front
        self._pairs: dict[tuple[object, ...], Pair] = {}
        self._start()

    def _start(self) -> None:
        self._pairs.clear()
        environment = {**os.environ, "PYTHONPATH": os.path.dirname(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def ask(self, method: str, *arguments: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        try:
            pickle.dump((method, arguments), self._process.stdin)
            self._process.stdin.flush()
            worked, value = pickle.load(self._process.stdout)
        except (BrokenPipeError, EOFError, pickle.UnpicklingError) as error:
            raise Lost(f"the worker ended with {self._process.wait()}") from error
        if not worked:
            raise AssertionError(value)
        return value

    def _lost(self) -> bool:
        return self._process.poll() is not None

    @contextmanager
    def space(self, setup: str = "", devices: tuple[str, ...] = ()) -> Iterator[Space]:
        """A fresh namespace with the rules of `setup`."""
        if self._lost():
            self._start()
        space = Space(self, self.ask("open", setup.encode(), devices))
        try:
            yield space
        finally:
            if not self._lost():
                self.ask("close", space.number)

    @contextmanager
    def pair(self, setup: str = "", devices: tuple[str, ...] = ()) -> Iterator[tuple[Space, Space]]:
        """Two alike, for theirs and for ours."""
        with self.space(setup, devices) as theirs, self.space(setup, devices) as ours:
            yield theirs, ours

    @contextmanager
    def alike(self, setup: str = "", *rest: tuple[str, ...]) -> Iterator[Pair]:
        """The same for one case, kept for the next one with the same setup if they are seen to be as they were.

        rest: devices, and addresses of the loopback device.
        """
        if self._lost():
            self._start()
        key = (setup, *rest)
        pair = self._pairs.pop(key, None) or Pair(self, setup, *rest)
        pair.unchanged = False
        try:
            yield pair
        finally:
            if pair.unchanged:
                self._pairs[key] = pair
            elif not self._lost():
                pair.close()

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
