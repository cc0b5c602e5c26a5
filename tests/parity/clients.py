"""Programs that call ipvsadm, started inside the worker with one or the other at its place."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from parity.namespaces import Namespace, bind_mount, private_mounts
from parity.programs import THEIRS
from parity.state import State, attributes, read_state

CHANGING, STEADY = 20.0, 1.5  # seconds


def ldirectord(namespace: Namespace, program: str, config: str) -> tuple[str, State, State]:
    """What ldirectord makes with `program` at ipvsadm's place.

    The version that the program says there, the table while ldirectord runs, and when it has stopped.
    """

    def in_place() -> None:
        private_mounts()
        if program != THEIRS:
            bind_mount(program, THEIRS)

    version = subprocess.run(
        [THEIRS, "-v"],
        preexec_fn=in_place,
        capture_output=True,
        text=True,
        check=True,
    )
    process = subprocess.Popen(
        ["/usr/sbin/ldirectord", config, "start"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # it warns of its own mistakes all the time
        preexec_fn=in_place,  # noqa: PLW1509 - the worker has one thread
        start_new_session=True,
    )
    try:
        _wait_until_steady(process)
        running = read_state()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return version.stdout, running, read_state()


def _wait_until_steady(process: subprocess.Popen[bytes]) -> None:
    """Until the table has changed, and then not any more for a while."""
    first = last = attributes()
    end = time.monotonic() + CHANGING
    since = time.monotonic()
    while time.monotonic() < end and not (last != first and time.monotonic() - since > STEADY):
        time.sleep(0.1)
        if process.poll() is not None:
            raise AssertionError(f"ldirectord ended with {process.returncode}")
        now = attributes()
        if now != last:
            last, since = now, time.monotonic()
