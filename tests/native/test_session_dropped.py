"""A session that nobody has any more closes its socket, and Ctrl-C is not lost meanwhile."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from ipvsfast.kernel.session import Session


def test_no_code_of_pythons_runs() -> None:
    """An exception raised inside a finalizer of Python's, as Ctrl-C is, is only printed, never raised."""
    ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    fd = os.dup(ours.fileno())
    session: Session | None = Session.attach(fd, 30)
    entered = []

    def profile(frame: Any, event: str, arg: object) -> None:
        if event == "call":
            entered.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        session = None
    finally:
        sys.setprofile(None)
    assert entered == []
    try:
        os.fstat(fd)
        closed = False
    except OSError:
        closed = True
    assert closed
    assert session is None
    ours.close()
    other.close()


def test_a_closed_session_ends_once() -> None:
    """What was closed is not closed a second time when it is dropped: its number may be another file's by then."""
    ours, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    fd = os.dup(ours.fileno())
    session = Session.attach(fd, 30)
    session.close()
    session.close()
    again = os.dup(ours.fileno())
    assert again == fd
    del session
    os.fstat(again)
    os.close(again)
    ours.close()
    other.close()
