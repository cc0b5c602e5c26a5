"""Advice that can be followed as it stands."""

import sys
from shlex import split

import pytest

from ipvsfast.cli.output import Failure
from ipvsfast.cli.watch import watch


@pytest.mark.parametrize("python", ["/opt/x/bin/python3", "/opt/my place/bin/python3"])
def test_what_watch_needs(monkeypatch: pytest.MonkeyPatch, python: str) -> None:
    """The interpreter that lacks the package is named, and the package by the name that an index has."""
    for name in ("rich", "rich.console", "rich.live"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(sys, "executable", python)
    with pytest.raises(Failure) as caught:
        watch(None, None)  # type: ignore[arg-type]
    reason, _, command = caught.value.message.partition("missing: ")
    assert reason.startswith("conns: --watch needs the Python package rich")
    assert split(command) == [python, "-m", "pip", "install", "rich"]
