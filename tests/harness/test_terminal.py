"""A command in the VM may have the caller's terminal."""

from __future__ import annotations

import sys
import termios

from support.harness import ROOT, harness
from support.terminal import Terminal

# Ctrl-C ends what is asked first.
ASKS = "trap 'echo interrupted' INT; stty size; read -r a; stty size; read -r b; echo \"it was $b\"; exit 3"


def test_a_terminal_is_passed_on(kernel_ready: None, monkeypatch) -> None:
    """Keys, the screen, the size and its changes, Ctrl-C, and the status; the terminal is as before afterwards."""
    monkeypatch.chdir(ROOT)
    command = harness("--terminal", "--", "sh", "-c", ASKS)
    with Terminal(command, columns=70, lines=20) as terminal:
        terminal.until_shown("20 70")
        terminal.resize(90, 30)
        terminal.type("\x03")
        terminal.until_shown("interrupted")
        terminal.until_shown("30 90")
        terminal.type("hello\r")
        terminal.until_shown("it was hello")
        assert terminal.process.wait(60) == 3
        assert terminal.mode == termios.tcgetattr(terminal._other)


def test_without_a_terminal(vm) -> None:
    """That is said, and no kernel is booted."""
    done = vm([sys.executable, "-c", ""], "--terminal")
    assert done.returncode == 126
    assert "--terminal: standard input and output are no terminal" in done.stderr
