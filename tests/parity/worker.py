"""The process that runs the cases: `python worker.py`, requests on standard input, answers on output.

It is a process of its own because it is root over private mounts and many network namespaces, and
because a small process forks quickly. A request is a pickled (method, arguments), an answer a pickled
(worked, value or traceback).
"""

from __future__ import annotations

import importlib
import os
import pickle
import pkgutil
import sys
import tempfile
import traceback
from typing import Any

from parity import programs, state
from parity.namespaces import Namespace, bind_mount, ip, private_mounts

import ipvsfast

HERE = os.path.dirname(os.path.abspath(__file__))
# The files of this folder's data/ are put over these, so that names are the same everywhere.
REPLACED = ("/etc/hosts", "/etc/services", "/etc/nsswitch.conf", "/sbin/modprobe")


class Worker:
    """The methods that a request may name."""

    def __init__(self) -> None:
        self.namespaces: dict[int, Namespace] = {}
        self.folder = tempfile.mkdtemp(prefix="parity-")
        self.last = 0

    def open(self, setup: bytes = b"", devices: tuple[str, ...] = ()) -> int:
        """A new namespace with the rules of `setup` in it; its number."""
        namespace = Namespace()
        self.last += 1
        self.namespaces[self.last] = namespace
        with namespace.entered():
            for device in devices:
                ip("link", "add", device, "type", "dummy")
                ip("link", "set", device, "up")
            if setup:
                self.fill(setup)
        return self.last

    def fill(self, rules: bytes) -> None:
        result = programs.run_file(programs.THEIRS, programs.Run(("-R",), rules))
        if result.status or result.stderr:
            raise AssertionError(f"setup failed: {result}")

    def add(self, number: int, rules: bytes) -> None:
        """More rules."""
        with self.namespaces[number].entered():
            self.fill(rules)

    def run(self, number: int, how: str, run: programs.Run) -> programs.Result:
        """how: "theirs", "ours" (in this process where that will do), or the path of a program."""
        with self.namespaces[number].entered():
            if how == "theirs":
                return programs.run_file(programs.THEIRS, run)
            if how != "ours":
                return programs.run_file(how, run)
            if run.uid or run.environment:
                return programs.run_ours(run)
            return programs.run_ours_here(run)

    def state(self, number: int) -> state.State:
        with self.namespaces[number].entered():
            return state.read_state()

    def attributes(self, number: int, counters: bool = False, ordered: bool = True) -> list[str]:
        with self.namespaces[number].entered():
            return state.attributes(counters, ordered)

    def call(self, number: int, name: str, *arguments: Any) -> Any:
        """Calls `module:function` with the namespace and the arguments, inside the namespace."""
        module, _, function = name.partition(":")
        namespace = self.namespaces[number]
        with namespace.entered():
            return getattr(importlib.import_module(module), function)(namespace, *arguments)

    def close(self, number: int) -> None:
        self.namespaces.pop(number).close()


def private_files() -> None:
    """Our own hosts, services, nsswitch.conf and modprobe, for this process and its children only."""
    private_mounts()
    for target in REPLACED:
        if not os.path.exists(target):
            raise FileNotFoundError(f"{target} is needed as a place to mount over")
        bind_mount(f"{HERE}/data/{os.path.basename(target)}", target)


def load_everything() -> None:
    """Imports all of ipvsfast, so that no forked copy has to read it from disk."""
    for module in pkgutil.walk_packages(ipvsfast.__path__, "ipvsfast."):
        if module.name not in ("ipvsfast.__main__", "ipvsfast._native"):
            importlib.import_module(module.name)


def main() -> None:
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    private_files()
    load_everything()
    worker = Worker()
    while True:
        try:
            method, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = (True, getattr(worker, method)(*arguments))
        except Exception:
            answer = (False, traceback.format_exc())
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    # Started as a file, so that the source tree in the working directory is not on the path.
    sys.exit(main())
