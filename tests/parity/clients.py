"""Programs that call ipvsadm, started inside the worker with one or the other at its place."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time

from parity.namespaces import Namespace, bind_mount, ip, private_mounts
from parity.programs import THEIRS
from parity.state import State, attributes, read_state

from ipvsfast import Ipvs, WantedForm, read_wanted

STARTING, STOPPING = 120.0, 60.0  # seconds, on the slowest of kernels


def ldirectord(
    namespace: Namespace, program: str, config: str, wanted: tuple[str, ...]
) -> tuple[str, State, State]:
    """What ldirectord makes with `program` at ipvsadm's place.

    wanted: the rules that are waited for. What is returned: the version that the program says there,
    the table while ldirectord runs, and when it has stopped.
    """

    def in_place() -> None:
        private_mounts()
        if program != THEIRS:
            _link_in_place(program)

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
        running = _wait_for(wanted, process)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return version.stdout, running, read_state()


def _link_in_place(program: str) -> None:
    """Makes ipvsadm's path a link to `program`, for the mounts of this process only."""
    folder = os.path.dirname(THEIRS)
    aside = tempfile.mkdtemp()  # left behind; it is a few links in the machine that is booted for the tests
    links, real = f"{aside}/links", f"{aside}/real"
    os.mkdir(links)
    os.mkdir(real)
    bind_mount(folder, real)
    for name in os.listdir(folder):
        target = program if f"{folder}/{name}" == THEIRS else f"{real}/{name}"
        os.symlink(target, f"{links}/{name}")
    bind_mount(links, folder)


def _wait_for(wanted: tuple[str, ...], process: subprocess.Popen[bytes]) -> State:
    """The table once it is as wanted, or what has become of it after a long while."""
    last: list[str] = []
    end = time.monotonic() + STARTING
    while True:
        now = attributes()
        if now != last or time.monotonic() > end:
            state = read_state()
            if state.rules == wanted or time.monotonic() > end:
                return state
            last = now
        if process.poll() is not None:
            raise AssertionError(f"ldirectord ended with {process.returncode}")
        time.sleep(0.1)


def converted(namespace: Namespace, config: str, form: WantedForm, config_id: str | None = None) -> list[str]:
    """The attributes of the table that we make of a configuration."""
    ip("link", "set", "lo", "up")
    with Ipvs() as ipvs:
        applied = ipvs.apply_plan(ipvs.plan(read_wanted(config, source=form, config_id=config_id)))
        assert applied.ok
    return attributes(ordered=False)


def made_by(namespace: Namespace, form: WantedForm, config: str, wanted: list[str]) -> list[str]:
    """The attributes of the table that the real program makes of its configuration, as soon as they are as
    wanted, or what they have become after a long while."""
    ip("link", "set", "lo", "up")
    folder = tempfile.mkdtemp()
    command = ["/usr/sbin/ldirectord", config, "start"]
    if form == "keepalived":
        command = ["/usr/sbin/keepalived", "-n", "-l", "-G", "-C", "-R", "-i", "one", "-f", config]
        command += ["-p", f"{folder}/pid", "-c", f"{folder}/checkers.pid"]
    with open(f"{folder}/log", "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        end = time.monotonic() + STARTING
        while (now := attributes(ordered=False)) != wanted and time.monotonic() < end:
            assert process.poll() is None, f"it ended: {open(f'{folder}/log').read()}"
            time.sleep(0.1)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return now
