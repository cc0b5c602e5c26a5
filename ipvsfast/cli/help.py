"""What is said about the command line: the help text, and what a mistyped word may have meant."""

from __future__ import annotations

from ..language.options import (
    CELLS,
    COLUMNS,
    COMMAND,
    DAEMON,
    NUMBERED,
    NUMBERS,
    OPTION,
    OPTIONS,
    SERVICE,
    SPELLINGS,
    VALUES,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..language.options import Option
    from ..language.words import UsageError
    from .commands import Verb
    from .context import Context

_SCHEDULING = "[-s scheduler] [-p [seconds]] [-M mask] [--pe engine] [-o] [-b flag,...]"
_NUMBERS = " ".join([f"[{option.spellings[0]} {option.field}]" for option in NUMBERS])
_SERVER = f"[-g|-i|-m] {_NUMBERS} [tunnel options]"
USAGE = (
    f"-A|-E virtual-service {_SCHEDULING}",
    "-D virtual-service",
    "-C",
    "-R",
    "-S [-n]",
    f"-a|-e virtual-service -r address[:port] {_SERVER}",
    "-d virtual-service -r address[:port]",
    "-L|-l [virtual-service|-c|--timeout|--daemon] [options]",
    "-Z [virtual-service]",
    "--set tcp tcpfin udp",
    "--start-daemon {master|backup} [daemon options]",
    "--stop-daemon {master|backup}",
    "-h|-v",
)
_COLUMNS = 80  # of a terminal
_LEFT = 32  # columns for an option and its argument
# What people try because another program, or the field, calls it so.
_OTHER_NAMES = {
    "flush": "--clear", "nat": "--masquerading", "direct": "--gatewaying", "dr": "--gatewaying",
    "tunnel": "--ipip", "tunneling": "--ipip", "counters": "--stats", "status": "--list",
}  # fmt: skip


def base_name(program: str) -> str:
    """The last part of the path by which we were called."""
    return program.rpartition("/")[2]


def is_own_name(program: str) -> bool:
    """Whether we were called by a name of ours, not as ipvsadm: then there are verbs."""
    return base_name(program) != "ipvsadm"


def values_of(option: Option) -> tuple[str, ...]:
    """What the argument of an option can be, where that is a matter of few words; else nothing."""
    if option.name in VALUES:
        return VALUES[option.name]
    if option.name == "state":
        from ..connections.filter import STATES

        return STATES
    if option.name == "by":
        from ..connections.count_by import KEYS

        return tuple(KEYS)
    return ()


def help_text(program: str) -> str:
    """The text of --help below the version line: usage, commands, options; ends with a newline."""
    program = base_name(program)
    lines = ["Usage:", *[line for usage in USAGE for line in _usage(f"{program} {usage}")], ""]
    lines.append("Commands (long and short options may be used alike):")
    lines += _block(COMMAND)
    for block in (SERVICE, OPTION, DAEMON):
        lines += ["", f"{block}:", *_block(block)]
    if is_own_name(program):
        from .commands import VERBS

        lines += ["", f"Verbs ({program} VERB --help shows the options of one):"]
        lines += _rows([(verb.synopsis, verb.help) for verb in VERBS])
    return "\n".join(lines) + "\n"


def verb_text(verb: Verb, program: str) -> str:
    """The text of VERB --help."""
    from .commands import HELP

    program = base_name(program)
    text = _usage_text(f"{program} {verb.synopsis}", verb.help, (*verb.options, HELP))
    examples = [f"  {what}:\n    {program} {verb.name} {words}\n" for what, words in verb.examples]
    return text + "\n".join(["", "Examples:", *examples]) if examples else text


def help_verb(context: Context, options: dict[str, str], words: list[str]) -> int:
    """`ipvsfast help`"""
    from .output import write

    write(verb_help(words, context.program))
    return 0


def verb_help(words: Sequence[str], program: str) -> str:
    """The text of `help [VERB]`. UsageError (2) for a word that is no verb."""
    if not words:
        return help_text(program)
    from ..language.words import UsageError
    from .commands import find

    verb = find(words[0])
    if verb is None:
        raise UsageError(2, f"{words[0]}: unknown verb", word=words[0])
    return verb_text(verb, program)


def script_text(script: Verb, program: str) -> str:
    """The text of --help of a program beside the main one."""
    return _usage_text(f"{base_name(program)} [options]", script.help, script.options)


def _usage_text(usage: str, help: str, options: Iterable[Option]) -> str:
    rows = _rows([(synopsis(option), option.help) for option in options])
    sentence = _wrapped(f"{help[0].upper()}{help[1:]}.".split(), "", 0)
    return "\n".join(["Usage:", *_usage(usage), "", *sentence, "", "Options:", *rows]) + "\n"


def synopsis(option: Option) -> str:
    """Spellings and argument: `-s, --scheduler name`, `--set`; an optional argument is in brackets."""
    text = ", ".join(option.spellings)
    if not option.argument:
        return text
    return f"{text} [{option.argument}]" if option.optional else f"{text} {option.argument}"


def _block(block: str) -> list[str]:
    return _rows([(synopsis(option), option.help) for option in OPTIONS if option.block == block])


def _rows(pairs: Iterable[tuple[str, str]]) -> list[str]:
    lines = []
    for left, right in pairs:
        left = f"  {left}"
        if len(left) >= _LEFT:
            lines.append(left)
            left = ""
        lines += _wrapped(right.split(" "), f"{left:{_LEFT}}", _LEFT)
    return lines


def _usage(text: str) -> list[str]:
    """A line of the usage; it is never broken within brackets."""
    pieces: list[str] = []
    for word in text.split(" "):
        if pieces and pieces[-1].count("[") > pieces[-1].count("]"):
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
    return _wrapped(pieces, "  ", 8)


def _wrapped(words: Iterable[str], start: str, indent: int) -> list[str]:
    """Lines of at most _COLUMNS columns: the first begins with `start`, the others are indented."""
    lines, line, first = [], start, True
    for word in words:
        if not first and len(line) + 1 + len(word) > _COLUMNS:
            lines.append(line)
            line, first = " " * indent, True
        line += word if first else f" {word}"
        first = False
    return [*lines, line]


def slip(argv: Sequence[str], program: str, error: UsageError) -> str:
    """One line for a person who has just read the message of `error`; "" if nothing helpful is known."""
    first = argv[0] if argv else ""
    verb = None
    if first[:1] not in ("-", "") and is_own_name(program):
        from .commands import HELP, VERBS, find

        names = [verb.name for verb in VERBS]
        verb = find(first)
        if verb and verb.name == "help":
            return _did_you_mean(_nearest(error.word, names))
        if verb:
            return _did_you_mean(suggest(error.word, (*verb.options, HELP)))
        if error.hint:
            return _did_you_mean(_nearest(first, names) or suggest(first))
    if error.hint:
        return _needs_command(first) or _did_you_mean(suggest(first, _with_command("")))
    if error.word:
        return _did_you_mean(suggest(error.word, _with_command(first)))
    return _did_you_mean(_one_dash(argv)) or _reason(error)


def _reason(error: UsageError) -> str:
    """Why a host name has no address, where the message does not say it."""
    if not error.reason or error.reason in error.message:
        return ""
    return f"{error.reason[0].upper()}{error.reason[1:]}."


def goes_with(option: Option, command: Option) -> bool:
    """Whether it makes sense to give `option` with `command`."""
    if command.name not in COLUMNS:
        return False
    # These two are accepted everywhere, but mean something only here.
    if option.name == "sort":
        return command.name == "list"
    name = "service-address" if option.name == "ipv6" else option.name
    return name in NUMBERED and CELLS[COLUMNS[command.name]][NUMBERED.index(name)] != "x"


def _did_you_mean(meant: str | None) -> str:
    return f"Did you mean {meant}?" if meant else ""


def _known(word: str) -> Option | None:
    return SPELLINGS.get(word.partition("=")[0] if word[:2] == "--" else word[:2])


def _with_command(word: str) -> list[Option]:
    """All options: first those that go with the command `word`, or the commands if it is not one."""
    command = _known(word)
    if command is None:
        return sorted(OPTIONS, key=lambda option: option.block != COMMAND)
    return sorted(OPTIONS, key=lambda option: not goes_with(option, command))


def _needs_command(word: str) -> str:
    """For a line that starts with an option: which commands that option goes with."""
    option = _known(word)
    if option is None or option.block == COMMAND:
        return ""
    commands = [command.spellings[0] for command in OPTIONS if goes_with(option, command)]
    return f"The command comes first; {option.spellings[0]} goes with {', '.join(commands)}."


def _one_dash(argv: Sequence[str]) -> str | None:
    """The long option that was written with one dash, and so was read as a cluster: -stats is -s tats."""
    for word in argv:
        if len(word) > 4 and word[0] == "-" != word[1]:
            long = f"-{word.partition('=')[0]}"
            if long in SPELLINGS:
                return long
    return None


def suggest(word: str, options: Iterable[Option] = OPTIONS) -> str | None:
    """The long option that `word`, an unknown one, most probably meant; None if nothing is close.

    `--stat` and `-stat` give `--stats`, `--shceduler=rr` gives `--scheduler`. Among equals the first wins.
    """
    bare = word.lstrip("-").partition("=")[0].replace("_", "-").lower()
    if word[:2] != "--" and len(bare) < 4:
        return None  # a cluster of letters
    names = [spelling[2:] for option in options for spelling in option.spellings if spelling[:2] == "--"]
    found = _nearest(bare, names)
    return f"--{found}" if found else _OTHER_NAMES.get(bare)


def _nearest(word: str, names: Iterable[str]) -> str | None:
    """The first of `names` that starts with `word`, else the one that is few edits away."""
    if len(word) < 2:
        return None
    best, limit = None, 1 + len(word) // 4
    for name in names:
        if name.startswith(word):
            return name
        distance = _distance(word, name, limit)
        if distance <= limit:
            best, limit = name, distance - 1
    return best


def _distance(a: str, b: str, limit: int) -> int:
    """Edits from `a` to `b` (insert, delete, replace, swap neighbours); above `limit` only that it is."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row = row, [i]
        for j, y in enumerate(b, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = previous
    return row[-1]
