"""Every command of the documents is run, and prints what they show."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service
from support.pages import LISTS, Page, Running, blocks, played
from support.tools import ROOT

PAGES = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))]
RULES = "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 3\n"
KEEPALIVED = "virtual_server 10.0.0.1 80 {\n lb_algo wlc\n lb_kind NAT\n protocol TCP\n real_server 10.1.0.1 8080 {\n }\n}\n"
# What does not end by itself.
LASTS = re.compile(r"ipvsfast (?:watch|exporter|top)\b|--watch|--interval")
ENDS = re.compile(r"--repeat|--plot")


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(played(block) for block in blocks(ROOT / page))]
)
def test_page(page: str, tmp_path: Path) -> None:
    """As somebody would do it who reads it from its beginning to its end, on a machine with an empty table."""
    Page(page, tmp_path).play()


def commands(page: str) -> list[str]:
    """The lines of a list of commands, without their remarks."""
    text = "".join(block.text for block in blocks(ROOT / page) if block.language == "sh")
    return [line.split("  #")[0].rstrip() for line in text.splitlines() if line.startswith("ipvsfast")]


@pytest.mark.parametrize(
    ("page", "command"), [(page, command) for page in LISTS for command in commands(page)]
)
def test_command(page: str, command: str, tmp_path: Path) -> None:
    """Each command of a list does something on a table that has what it names."""
    web = Service.tcp("10.0.0.1", 80, "wlc")
    batch = Batch().add_service(web).add_service(Service.tcp("10.0.0.1", 443, "rr"))
    for number in (1, 7):
        batch.add_destination(web, Destination(f"10.1.0.{number}", 80, forwarding="masq", weight=5))
    with Ipvs() as ipvs:
        ipvs.apply(batch).check()
    playing = Page(page, tmp_path)
    (playing.home / "rules").write_text(RULES)
    (playing.home / "keepalived.conf").write_text(KEEPALIVED)
    first = {
        "ipvsfast undo": "ipvsfast apply rules",
        "ipvsfast undrain": "ipvsfast drain --destination 10.1.0.7",
    }
    before = next((run for start, run in first.items() if command.startswith(start)), "true")
    command = re.sub(
        r"--(over|interval|timeout) \d+", r"--\1 1", re.sub(r"--repeat \d+", "--repeat 3", command)
    )
    running = Running(
        f'{before} > before 2>&1; {command}; echo "status $?"', playing.home, playing.environment
    )
    if LASTS.search(command) and not ENDS.search(command):
        assert running.until([""], bool)
        printed = running.end(interrupt=True)
    else:
        printed = running.end()
    assert printed[-1:] and re.fullmatch("status (?:[01]|130)", printed[-1]), printed


def test_the_lists_have_commands() -> None:
    """Else nothing would be run."""
    assert all(len(commands(page)) > 3 for page in LISTS)
    assert os.environ["IPVSFAST_STATE"]
