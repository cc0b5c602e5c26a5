"""Writes man/*.8 from the templates man/*.8.in and the tables of the command line.

usage: python tools/manpages.py    (with the package installed, or PYTHONPATH=.)

A line @NAME@ of a template is replaced by a block that is made here. What the tables say in one line
is said here in more, where a page has room for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from ipvsfast.changes.state_folder import DEFAULT_PLACE
from ipvsfast.cli.commands import SCRIPTS, VERB, VERBS, Verb
from ipvsfast.cli.help import USAGE, values_of
from ipvsfast.language.options import (
    CELLS,
    COLUMNS,
    COMMAND,
    DAEMON,
    NUMBERED,
    OPTION,
    OPTIONS,
    SERVICE,
    VALUES,
    Option,
)
from ipvsfast.resolver import DEFAULT_TIMEOUT, RULES_TIMEOUT, RULES_VARIABLE, TIMEOUT_VARIABLE

MAN = Path(__file__).resolve().parents[1] / "man"
HEADER = '.\\" Made by tools/manpages.py from {}; do not edit.\n'

# By the last spelling of the option.
DETAILS = {
    "--edit-service": "Without -s the scheduler becomes wlc, whatever it was.",
    "--restore": "See RULE FILES.",
    "--save": "See RULE FILES.",
    "--list": "Without any option: all services with their servers. See LISTINGS.",
    "--set": "Three words follow: the seconds for TCP connections, for TCP connections after a FIN packet, "
    "and for UDP; each at most 2678400 (31 days).",
    "--start-daemon": "A master sends the states of its connections by multicast; a backup receives them, so "
    "that it can take over. Both can run at the same time.",
    "--help": "Has to come first; nothing else is read.",
    "--version": "Has to come first; nothing else is read.",
    "--fwmark-service": "A firewall mark, which nft(8) or iptables(8) puts on packets, makes one service of "
    "any addresses and ports.",
    "--ipv6": "Has to follow -f. The services of one mark for IPv4 and for IPv6 are two.",
    "--sched-flags": "Those with a scheduler's name go with that one only: sh-fallback and mh-fallback "
    "choose another server if the first choice takes no connections, sh-port and mh-port count the client's "
    "port too. The flags flag-1, flag-2 and flag-3 are the bits by number, for any scheduler.",
    "--pe": "It decides what makes two connections belong together: with sip, the Call-ID of UDP packets.",
    "--persistent": "From 1 to 2678400 (31 days). The number can be attached, or be the next word.",
    "--netmask": "All clients of such a network count as one. The default is one client each.",
    "--ops": "Each packet is scheduled anew, and no connection is kept.",
    "--real-server": "Only with -m, or for a firewall mark, can its port differ from that of the service; "
    "otherwise it is replaced.",
    "--gatewaying": "The server has to answer the client itself, under the service's address.",
    "--ipip": "Also to a server of the other address family.",
    "--masquerading": "The answers have to come back through this machine.",
    "--weight": "At most 2147483647.",
    "--u-threshold": "At most 2147483647.",
    "--l-threshold": "At most -x. With 0 the kernel takes three quarters of -x.",
    "--connection": "With --persistent-conn also the persistence engine and its data.",
    "--numeric": "No name is looked up.",
    "--mcast-group": "An IPv4 or IPv6 address.",
}

SCHEDULERS = {
    "rr": "round robin",
    "wrr": "weighted round robin",
    "lc": "fewest connections",
    "wlc": "fewest connections for the weight",
    "lblc": "a destination address keeps its server while that is not overloaded (for caches)",
    "lblcr": "the same with a set of servers per destination",
    "dh": "hash of the destination address",
    "sh": "hash of the source address",
    "sed": "shortest expected delay",
    "nq": "an idle server, else shortest expected delay",
    "fo": "the available server of the highest weight",
    "ovf": "the same until it has as many connections as its weight, then the next",
    "mh": "consistent hash of the source address (Maglev)",
}

STATUS = (
    ("0", "Done; for -R, the last line was carried out, and no reply of the kernel was lost; for watch and "
          "exporter, it was ended by SIGTERM or SIGINT while it waited."),
    ("1", "A listing or a file could not be read, or not be written in full; for the verb restore, a rule is "
          "wrong or not in force; for diff, there is a difference; for apply and undo, the table is not as "
          "wanted; for drain, undrain and weight, connections are left or a weight is not as wanted; "
          "for exporter --once, the file tells that the table could not be read; for plan with "
          "--detailed-exitcode, something went wrong."),
    ("2", "The command line is wrong, or the kernel's IPVS cannot be reached; for diff, plan, apply, undo, "
          "confirm, watch, exporter, drain, undrain and weight, nothing was done, as a file has mistakes or "
          "another reason forbids it; for plan with --detailed-exitcode, there is something to do."),
    ("127", "The Python of this installation, or its part of the program, was not found."),
    ("130", "Interrupted."),
    ("143", "Terminated by SIGTERM while rules were sent; the message tells how far it had come."),
    ("255", "The kernel refused a change; or the first option is no command, or another one is unknown or "
            "lacks its argument."),
)  # fmt: skip

# (name, text, pages)
ENVIRONMENT = (
    (TIMEOUT_VARIABLE,
     f"Seconds that all lookups of names for a listing may take together (default {DEFAULT_TIMEOUT:g}). "
     "With 0 none is made.",
     ("ipvsfast", "ipvsfast-save")),
    (RULES_VARIABLE,
     "Seconds that the lookups of all host names of a rule file may take together, where it is checked as a "
     f"whole (default {RULES_TIMEOUT:g}). What has no answer by then is a mistake.",
     ("ipvsfast", "ipvsfast-restore")),
    ("IPVSFAST_CONNECTIONS_SOURCE",
     "Where connections are read from if no option says it: auto (default), proc or bpf.",
     ("ipvsfast",)),
    ("IPVSFAST_COUNTERS_SOURCE",
     "Where counters of services and destinations are read from by stats, top and exporter if no option says "
     "it: auto (default), live, netlink or sockopt.",
     ("ipvsfast",)),
    ("IPVSFAST_STATE",
     "The folder below which is remembered what has to be known later about the tables of this machine "
     f"(default {DEFAULT_PLACE}).",
     ("ipvsfast",)),
    ("IPVSFAST_FRONT",
     "off: everything is carried out in Python. require: a command that cannot be carried out without "
     "Python, or not to its end, is an error with status 125; it may have been carried out in part. "
     "Anything else, or none: plain commands do not start Python, with the same result.",
     ("ipvsfast", "ipvsfast-save", "ipvsfast-restore")),
    ("POSIXLY_CORRECT",
     "If set, the first word that is no option ends the options. POSIX_ME_HARDER does the same.",
     ("ipvsfast", "ipvsfast-restore")),
)  # fmt: skip

_OPTION_WORD = re.compile(r"(?<![\w\\-])-{1,2}[A-Za-z0-9][\w-]*")
_PAGE = re.compile(r"\b([a-z]+)(\(\d\))")


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {f"{template.name[:-3]}": _page(template) for template in sorted(MAN.glob("*.8.in"))}


def _page(template: Path) -> str:
    name = template.name.removesuffix(".8.in")
    blocks = _main_blocks() if name == "ipvsfast" else _script_blocks(name)
    blocks["environment"] = lambda: [
        line for word, text, where in ENVIRONMENT if name in where for line in _entry(_bold(word), text)
    ]
    lines = []
    for line in template.read_text().splitlines():
        lines += blocks[line[1:-1]]() if line[:1] == "@" else [line]
    return HEADER.format(template.name) + "\n".join(lines) + "\n"


def _main_blocks() -> dict[str, Callable[[], list[str]]]:
    return {
        "synopsis": _synopsis,
        "commands": lambda: _entries(COMMAND),
        "services": lambda: _entries(SERVICE),
        "options": lambda: _entries(OPTION),
        "daemon": lambda: _entries(DAEMON),
        "verbs": _verbs,
        "status": lambda: [line for status, text in STATUS for line in _entry(_bold(status), text)],
    }


def _script_blocks(name: str) -> dict[str, Callable[[], list[str]]]:
    (script,) = [script for script in SCRIPTS if script.name == name]
    options = " ".join(f"[{'|'.join(option.spellings)}]" for option in script.options)
    return {
        "synopsis": lambda: [f".SY {literal(name)}", literal(options), ".YS"],
        "options": lambda: _option_list(script.options),
    }


def literal(text: str) -> str:
    """Text that must come out as it is: no hyphen may become another character."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return text.replace("^", "\\(ha").replace("~", "\\(ti")


def prose(text: str) -> str:
    """A sentence, with options and names of pages in bold."""
    text = text.replace("\\", "\\e")
    if text[:1] in (".", "'"):  # at the start of a line these are roff's
        text = f"\\&{text}"
    text = _OPTION_WORD.sub(lambda match: _bold(match[0]), text)
    return _PAGE.sub(lambda match: f"{_bold(match[1])}{match[2]}", text)


def _bold(text: str) -> str:
    return f"\\fB\\%{literal(text)}\\fP"  # never hyphenated


def _argument(text: str) -> str:
    """The words of an argument in italics, what is written as it is in bold."""
    if text[0] == "{":
        return f"{{{'|'.join(_bold(word) for word in text[1:-1].split('|'))}}}"
    return re.sub(r"[a-zA-Z]+", lambda match: f"\\fI{match[0]}\\fP", text)


def _tag(option: Option) -> str:
    text = ", ".join(_bold(spelling) for spelling in option.spellings)
    if not option.argument:
        return text
    argument = _argument(option.argument)
    return f"{text} [{argument}]" if option.optional else f"{text} {argument}"


def _entry(tag: str, *sentences: str) -> list[str]:
    lines = [line for text in sentences for line in re.split(r"(?<=\.) (?=[A-Z])", text) if line]
    return [".TP", tag, *map(prose, lines)]


def _sentence(text: str, first_is_value: bool = False) -> str:
    """A line of the help as a sentence; it may begin with a value, which keeps its case."""
    return (text if first_is_value else f"{text[0].upper()}{text[1:]}") + "."


def _option_list(options: Iterable[Option]) -> list[str]:
    lines: list[str] = []
    for option in options:
        value = option.help.partition(" ")[0].rstrip(",") in values_of(option)
        detail = "" if option.block == VERB else DETAILS.get(option.spellings[-1], "")
        lines += _entry(_tag(option), _sentence(option.help, value), detail)
        if option.block == COMMAND and option.name in COLUMNS:
            lines += _goes_with(option)
        if option.name == "scheduler":
            lines += _scheduler_table()
    return lines


def _entries(block: str) -> list[str]:
    return _option_list(option for option in OPTIONS if option.block == block)


def _scheduler_table() -> list[str]:
    lines = [".RS"]
    for name in VALUES["scheduler"]:
        lines += [".TP 8", _bold(name), _sentence(SCHEDULERS[name])]
    return [*lines, ".PP", "Others that the kernel can load are accepted too.", ".RE"]


def _goes_with(command: Option) -> list[str]:
    """Which options the command needs and takes, from the matrix."""
    cells = dict(zip(NUMBERED, CELLS[COLUMNS[command.name]], strict=True))
    lines = []
    for cell, words in (("+", "Needs"), (".", "Takes"), ("1", "Takes one of these:")):
        names = dict.fromkeys(option.name for option in OPTIONS if cells.get(option.name) == cell)
        if names:
            *others, last = [_spoken(name) for name in names]
            lines.append(f"{words} {', '.join(others)} and {last}." if others else f"{words} {last}.")
    return lines


def _spoken(name: str) -> str:
    if name == "service-address":
        return "a virtual service"
    return " or ".join(_bold(option.spellings[0]) for option in OPTIONS if option.name == name)


def _synopsis() -> list[str]:
    # An .SY behind another one that .YS has not ended moves to the right from groff 1.24 on. Before it
    # each one leaves a blank line above itself, unless .PD says otherwise.
    lines = [".PD 0"]
    for usage in (*USAGE, *[verb.synopsis for verb in VERBS]):
        lines += [".SY ipvsfast", literal(usage), ".YS"]
    return [*lines, ".PD"]


def _verbs() -> list[str]:
    lines: list[str] = []
    for verb in VERBS:
        lines += _entry(_verb_tag(verb), _sentence(verb.help))
        if verb.options:
            lines += [".RS", *_option_list(verb.options), ".RE"]
    return lines


def _verb_tag(verb: Verb) -> str:
    parts = [_bold(verb.name), *(["[\\fIoptions\\fP]"] if verb.options else []), *map(_argument, verb.words)]
    return " ".join(parts)


def main() -> None:
    for name, text in pages().items():
        (MAN / name).write_text(text)


if __name__ == "__main__":
    main()
