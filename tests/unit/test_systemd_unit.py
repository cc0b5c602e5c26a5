"""The unit for systemd that comes along starts what there is."""

import shlex

from ipvsfast.cli.commands import find, parse_verb
from support.tools import ROOT

UNIT = ROOT / "contrib" / "systemd" / "ipvsfast-watch@.service"


def test_the_command_line_of_the_unit() -> None:
    """Its words are those of the verb, and percent signs of our own are doubled."""
    (line,) = [line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart=")]
    text = line.removeprefix("ExecStart=").replace("%%", "\0").replace("%i", "web")
    assert "%" not in text
    program, name, *words = shlex.split(text.replace("\0", "%"))
    assert program.endswith("/ipvsfast")
    verb = find(name)
    assert verb is not None
    assert parse_verb(verb, words) == ({"tag": "web", "max-delete": "50%"}, ["/etc/ipvsfast/web"])
