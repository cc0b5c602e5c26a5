"""Every cell of command x option, from a table written down here and not from the program's own."""

from __future__ import annotations

import pytest
from parity.arena import Arena
from parity.compare import assert_same_output
from parity.programs import Run

# name in messages, words, and one letter per command: required, allowed, forbidden, exclusive.
#                                                               A D C L a d set start stop R S Z
#                                                               E       e
OPTIONS = [
    ("numeric", "-n", "f f f a f f f f f f a f"),
    ("connection", "-c", "f f f e f f f f f f f f"),
    ("service-address", "-t 10.0.0.1:80", "r r f e r r f f f f f a"),
    ("scheduler", "-s rr", "a f f f f f f f f f f f"),
    ("persistent", "-p 60", "a f f f f f f f f f f f"),
    ("netmask", "-M 255.255.255.0", "a f f f f f f f f f f f"),
    ("real-server", "-r 192.168.0.1:80", "f f f f r r f f f f f f"),
    ("forwarding-method", "-m", "f f f f a f f f f f f f"),
    ("weight", "-w 7", "f f f f a f f f f f f f"),
    ("u-threshold", "-x 7", "f f f f a f f f f f f f"),
    ("l-threshold", "-y 0", "f f f f a f f f f f f f"),
    ("mcast-interface", "--mcast-interface lo", "f f f f f f f a f f f f"),
    ("timeout", "--timeout", "f f f e f f f f f f f f"),
    ("daemon", "--daemon", "f f f e f f f f f f f f"),
    ("stats", "--stats", "f f f a f f f f f f f f"),
    ("rate", "--rate", "f f f a f f f f f f f f"),
    ("thresholds", "--thresholds", "f f f a f f f f f f f f"),
    ("persistent-conn", "--persistent-conn", "f f f a f f f f f f f f"),
    ("nosort", "--nosort", "f f f a f f f f f f f f"),
    ("syncid", "--syncid 7", "f f f a f f f a a f f f"),
    ("exact", "--exact", "f f f a f f f f f f f f"),
    ("ops", "-o", "a f f f f f f f f f f f"),
    ("pe", "--pe sip", "a f f f f f f f f f f f"),
    ("sched-flags", "-b flag-1", "a f f f f f f f f f f f"),
    ("mcast-group", "--mcast-group 224.0.0.1", "f f f f f f f a f f f f"),
    ("mcast-port", "--mcast-port 9", "f f f f f f f a f f f f"),
    ("mcast-ttl", "--mcast-ttl 9", "f f f f f f f a f f f f"),
    ("sync-maxlen", "--sync-maxlen 999", "f f f f f f f a f f f f"),
    ("tun-info", "--tun-info", "f f f a f f f f f f f f"),
    ("tun-type", "--tun-type ipip", "f f f f a f f f f f f f"),
    ("tun-port", "--tun-port 6080", "f f f f a f f f f f f f"),
    ("tun-nocsum", "--tun-nocsum", "f f f f a f f f f f f f"),
    ("tun-csum", "--tun-csum", "f f f f a f f f f f f f"),
    ("tun-remcsum", "--tun-remcsum", "f f f f a f f f f f f f"),
    ("", "--sort", "a a a a a a a a a a a a"),
    ("", "-f 9 -6", "r r f a r r f f f f f a"),
]

# name in messages, column above, words without which the matter would be another.
COMMANDS = [
    ("add-service", 0, "-A -t 10.0.0.1:81"),
    ("edit-service", 0, "-E -t 10.0.0.1:80"),
    ("delete-service", 1, "-D -t 10.0.0.1:80"),
    ("flush", 2, "-C"),
    ("list", 3, "-L"),
    ("add-server", 4, "-a -t 10.0.0.1:80 -r 192.168.0.9:80"),
    ("edit-server", 4, "-e -t 10.0.0.1:80 -r 192.168.0.1:80"),
    ("delete-server", 5, "-d -t 10.0.0.1:80 -r 192.168.0.1:80"),
    ("set", 6, "--set 1 2 3"),
    ("start-daemon", 7, "--start-daemon master"),
    ("stop-daemon", 8, "--stop-daemon master"),
    ("restore", 9, "-R"),
    ("save", 10, "-S"),
    ("zero", 11, "-Z"),
]
SETUP = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 192.168.0.1:80 -m\n-A -f 9 -6\n"
EXCLUSIVE = ["connection", "service-address", "timeout", "daemon"]
WORDS = {name: words for name, words, _ in OPTIONS if name}


def without(words: list[str], option: str) -> list[str]:
    """`words` without the option and its argument."""
    at = words.index(option)
    return words[:at] + words[at + 2 :]


def cells() -> list[object]:
    """(words, the message that both print or None) of every cell, and of a missing option where it is due."""
    found = []
    for command, column, start in COMMANDS:
        for name, option, letters in OPTIONS:
            words, letter, message = start.split(), letters.split()[column], None
            letter_word = option.split()[0]
            if letter == "f":
                named = name or "service-address"
                message = f"Illegal '{named}' option with the '{command}' command"
            elif letter == "r":
                words = without(words, letter_word if name else "-t")
                if name:
                    message = f"You need to supply the '{name}' option for the '{command}' command"
            if letter != "r" or not name:
                words += option.split()
            found.append(pytest.param(words, message, id=f"{command} {name or option}"))
    return found


@pytest.mark.parametrize(("words", "message"), cells())
def test_cell(arena: Arena, words: list[str], message: str | None) -> None:
    """The option is allowed, refused or missed as the table above says, by both programs alike."""
    run = Run(tuple(words))
    with arena.alike(SETUP) as pair:
        theirs, ours = pair.theirs.play("theirs", run), pair.ours.play("ours", run)
        assert_same_output(theirs, ours, run, "services" if "--nosort" in words else "")
        pair.assert_same_state()
    if message:
        assert (ours.status, ours.stderr.decode()) == (2, f"{message}\n")
    else:
        assert b"Illegal" not in ours.stderr or b"tunnel type" in ours.stderr
        assert b"You need" not in ours.stderr


@pytest.mark.parametrize("later", EXCLUSIVE)
@pytest.mark.parametrize("earlier", EXCLUSIVE)
def test_exclusive_options(arena: Arena, earlier: str, later: str) -> None:
    """Two of these with -L conflict, and the message names them in a fixed order."""
    if earlier == later:
        first, message = WORDS[earlier], f"multiple '{earlier}' options specified"
    else:
        ordered = sorted((earlier, later), key=EXCLUSIVE_ORDER.index)
        first = WORDS[earlier]
        message = f"The option '{ordered[1]}' conflicts with the '{ordered[0]}' option in the 'list' command"
    run = Run(("-L", *first.split(), *WORDS[later].split()))
    with arena.alike() as pair:
        theirs, ours = pair.theirs.play("theirs", run), pair.ours.play("ours", run)
        assert_same_output(theirs, ours, run)
        pair.assert_same_state()
    assert (ours.status, ours.stderr.decode()) == (2, f"{message}\n")


EXCLUSIVE_ORDER = [name for name, _, _ in OPTIONS if name in EXCLUSIVE]


def test_the_table_has_every_command_and_option() -> None:
    """Nothing that the program knows is missing above."""
    from ipvsfast.language.options import COMMAND
    from ipvsfast.language.options import OPTIONS as KNOWN

    options = {option.name for option in KNOWN if option.block != COMMAND} - {"ipv6", "sort"}
    assert {name for name, _, _ in OPTIONS if name} == options
    commands = {option.name for option in KNOWN if option.block == COMMAND} - {"help", "version"}
    commands = {name.replace("destination", "server") for name in commands}  # ipvsadm's word
    assert {name for name, _, _ in COMMANDS} == commands
