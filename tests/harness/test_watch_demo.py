"""make watch-demo, as somebody at a terminal has it; docs/monitoring.md shows what it prints without one."""

from __future__ import annotations

import shutil
import sys

from support.harness import ROOT
from support.require import cannot_run
from support.terminal import Terminal


def test_at_a_terminal(kernel_ready: None, monkeypatch) -> None:
    """The live screen has real traffic; q ends it, and then Prometheus has answers to all questions."""
    if not shutil.which("prometheus"):
        cannot_run("prometheus is not installed")
    monkeypatch.chdir(ROOT)
    with Terminal([sys.executable, "tools/watch_demo.py"], columns=110, lines=40) as terminal:
        terminal.until_shown("198.51.100.53")
        terminal.type("q")
        terminal.until_shown("alerts that will fire unless it changes")
        assert terminal.process.wait(60) == 0
        terminal.read()
        for words in ("new connections a second", "busiest service", "IpvsServiceWithoutWeight"):
            assert words in terminal.shown
