"""make watch-demo, as somebody at a terminal has it; docs/monitoring.md shows what it prints without one: the same
services, and the same questions to Prometheus."""

from __future__ import annotations

import re
import shutil
import sys

from support.harness import ROOT
from support.pages import blocks
from support.require import cannot_run
from support.terminal import Terminal


def test_at_a_terminal(kernel_ready: None, monkeypatch) -> None:
    """The live screen has real traffic; q ends it, and then Prometheus has answers to all questions."""
    if not shutil.which("prometheus"):
        cannot_run("prometheus is not installed")
    command, shown = [
        one.text for one in blocks(ROOT / "docs/monitoring.md") if one.remark.endswith("/test_watch_demo.py")
    ]
    assert (
        f"\n{command.split()[1]}: deps-test venv\n\t@$(BIN)/python tools/watch_demo.py\n"
        in (ROOT / "Makefile").read_text()
    )
    services = re.findall(r"^[ !]((?:TCP|UDP|FWM) \S+)", shown, re.M)
    questions = re.findall(r"^  (\w[^\n]*?)  ", shown.partition("Prometheus answers\n")[2], re.M)
    alerts = re.findall(r"alertname (\w+)", shown)
    assert (len(services), len(questions), len(alerts)) == (9, 11, 2)
    monkeypatch.chdir(ROOT)
    with Terminal([sys.executable, "tools/watch_demo.py"], columns=110, lines=40) as terminal:
        for service in services:
            terminal.until_shown(service)
        terminal.type("q")
        terminal.until_shown("alerts that will fire unless it changes")
        assert terminal.process.wait(60) == 0
        terminal.read()
        for words in (*questions, *alerts):
            assert words in terminal.shown
