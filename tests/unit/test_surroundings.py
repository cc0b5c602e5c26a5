"""The tests pass wherever and however they are started."""

import signal
import subprocess
import sys

import pytest

from support.tools import ROOT

SIGNALS = ("INT", "HUP", "QUIT", "TERM")


@pytest.mark.parametrize("name", SIGNALS)
def test_programs_can_be_signalled(name: str) -> None:
    """What a test starts ends by the signal."""
    done = subprocess.run(["sh", "-c", f"kill -{name} $$; exit 7"], check=False, timeout=30)
    assert done.returncode == -signal.Signals[f"SIG{name}"]


def test_ctrl_c_is_an_exception() -> None:
    """In the tests' own process."""
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_started_with_signals_ignored() -> None:
    """A background job of a script, or under nohup: both of the above hold all the same."""
    script = f"trap '' {' '.join(SIGNALS)}; exec \"$@\""
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "signalled or ctrl_c",
    ]
    done = subprocess.run(
        ["sh", "-c", script, "sh", *argv], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
