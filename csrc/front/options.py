"""Writes options.h: commands and options that the native front reads, from the table of the command line.

usage: options.py FILE    Used while building; not part of the wheel.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ipvsfast.language.options import CELLS, COLUMNS, COMMAND, NUMBERED, NUMBERS, OPTIONS, Option  # noqa: E402
from ipvsfast.language.values import DEFAULT_PERSISTENCE  # noqa: E402
from ipvsfast.listing.headers import PRECEDENCE  # noqa: E402

CHECKSUMS = ("tun-nocsum", "tun-csum", "tun-remcsum")
# Places in a canonical rule, in its order; then those of listings, views in the order of precedence.
RULE = (
    "service-address", "ipv6", "scheduler", "persistent", "netmask", "pe", "ops", "sched-flags",
    "real-server", "forwarding-method", *[option.name for option in NUMBERS if option.default],
    "tun-type", "tun-port", "checksum", *[option.name for option in NUMBERS if not option.default],
)  # fmt: skip
LISTING = (*PRECEDENCE, "numeric", "timeout", "connection", "exact", "nosort", "sort")
# These two are accepted with every command, but mean something only here.
LIKE = {"ipv6": "service-address", "sort": "numeric"}


def place(option: Option) -> str:
    """Where it stands; options that exclude each other share a place."""
    return "checksum" if option.name in CHECKSUMS else option.name


def in_c(name: str) -> str:
    """A name of the enumeration."""
    return name.upper().replace("-", "_")


def letter(option: Option) -> str:
    """The first one-letter spelling, or nothing."""
    first = option.spellings[0]
    return first[1:] if first[1] != "-" else ""


def in_quotes(char: str) -> str:
    """A letter as C has it; 0 for none."""
    return f"'{char}'" if char else "0"


def commands_of(option: Option) -> str:
    """The letters of the commands with which it goes."""
    row = NUMBERED.index(LIKE.get(option.name, option.name))
    with_letter = [command for command in OPTIONS if command.block == COMMAND and letter(command)]
    return "".join([
        letter(command) for command in with_letter
        if command.name in COLUMNS and CELLS[COLUMNS[command.name]][row] != "x"
    ])  # fmt: skip


def option_row(option: Option) -> str:
    """One option."""
    argument = "OPTIONAL" if option.optional else "WANTED" if option.argument else "NONE"
    return (
        f'{{ {in_quotes(letter(option))}, "{option.spellings[-1][2:]}", {in_c(place(option))}, {argument}, '
        f'"{commands_of(option)}" }},'
    )


def command_rows(command: Option) -> list[str]:
    """One command, under each of its letters."""
    letters = [spelling[1] for spelling in command.spellings if spelling[1] != "-"]
    name = command.spellings[-1][2:]
    return [f"{{ .letter = '{one}', .name = \"{name}\" }}," for one in letters if command.name in COLUMNS]


def macro(name: str, lines: list[str]) -> str:
    """What a name stands for, over several lines."""
    return " \\\n\t".join([f"#define {name}", *lines]) + "\n"


def header() -> str:
    """The whole file."""
    known = [option for option in OPTIONS if place(option) in RULE + LISTING]
    rows = [row for option in OPTIONS if option.block == COMMAND for row in command_rows(option)]
    left_out = [
        f'[{in_c(option.name)}] = " {option.spellings[0]} {option.default}",'
        for option in NUMBERS
        if option.default
    ]
    return "\n".join([
        "/* Made by options.py from ipvsfast/language/options.py. */",
        macro("FRONT_RULE_PLACES", [f"{in_c(name)}," for name in RULE]),
        macro("FRONT_LISTING_PLACES", [f"{in_c(name)}," for name in LISTING]),
        macro("FRONT_OPTIONS", [option_row(option) for option in known]),
        macro("FRONT_COMMANDS", rows),
        "/* What a number is where its option is left out, if not 0. */",
        macro("FRONT_LEFT_OUT", left_out),
        f'#define FRONT_PERSISTENCE "{DEFAULT_PERSISTENCE}"\n',
    ])  # fmt: skip


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(header())
