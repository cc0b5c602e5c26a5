"""What we make of configurations of keepalived and ldirectord, beside what these programs make of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from parity.arena import Arena
from parity.cases import HERE
from parity.configurations import Keepalived, ldirectord
from parity.randomness import SEED

from support.require import cannot_run

CONFIGURATIONS = [
    ("keepalived", "addresses.conf"),
    ("keepalived", "marks.conf"),
    ("keepalived", "settings.conf"),
    ("keepalived", "groups.conf"),
    ("keepalived", "parameters.conf"),
    ("keepalived", "checked.conf"),
    ("ldirectord", "plain.cf"),
    ("ldirectord", "marks.cf"),
    ("ldirectord", "checked.cf"),
]


@pytest.mark.parametrize(("form", "name"), CONFIGURATIONS, ids=str)
def test_the_same_table(arena: Arena, form: Any, name: str) -> None:
    """Every service and destination, with all its settings; timeouts and daemons too."""
    if not os.path.exists(f"/usr/sbin/{form}"):
        cannot_run(f"{form} is missing: install it")
    config = str(HERE / "data" / form / name)
    with arena.space() as space:
        ours = space.call("parity.clients:converted", config, form, "one")
    with arena.space() as space:
        for port in (8080, 8081):
            space.call("parity.traffic:listeners", ("tcp", "127.0.0.1", port))
        theirs = space.call("parity.clients:made_by", form, config, ours)
    assert len(ours) >= 2
    assert theirs == ours


RANDOM = [("keepalived", number) for number in range(5)] + [("ldirectord", number) for number in range(2)]


@pytest.mark.parametrize(("form", "number"), RANDOM, ids=str)
def test_the_same_of_random_configurations(arena: Arena, form: Any, number: int, tmp_path: Path) -> None:
    """Whatever is combined."""
    if not os.path.exists(f"/usr/sbin/{form}"):
        cannot_run(f"{form} is missing: install it")
    seed = SEED + number
    text = Keepalived(seed).text() if form == "keepalived" else ldirectord(seed)
    config = tmp_path / "config"
    config.write_text(text)
    with arena.space() as space:
        ours = space.call("parity.clients:converted", str(config), form, "one")
    with arena.space() as space:
        theirs = space.call("parity.clients:made_by", form, str(config), ours)
    assert len(ours) > 5
    assert theirs == ours, f"seed {seed}"
