"""What is said about the command line: the help text, and what a mistyped word may have meant."""

from __future__ import annotations

from .options import COMMAND, DAEMON, OPTION, OPTIONS, SERVICE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .options import Option

_SCHEDULING = "[-s scheduler] [-p [seconds]] [-M mask] [--pe engine] [-o] [-b flag,...]"
_SERVER = "[-g|-i|-m] [-w weight] [-x number] [-y number] [tunnel options]"
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
_WIDTH = 36


def help_text(program: str) -> str:
    """The text of --help below the version line: usage, commands, options; ends with a newline."""
    lines = ["Usage:", *[f"  {program} {usage}" for usage in USAGE], ""]
    lines.append("Commands (long and short options may be used alike):")
    lines += _block(COMMAND)
    for block in (SERVICE, OPTION, DAEMON):
        lines += ["", f"{block}:", *_block(block)]
    return "\n".join(lines) + "\n"


def synopsis(option: Option) -> str:
    """Spellings and argument: `-w, --weight number`, `--set`; an optional argument is in brackets."""
    text = ", ".join(option.spellings)
    if not option.argument:
        return text
    return f"{text} [{option.argument}]" if option.optional else f"{text} {option.argument}"


def _block(block: str) -> list[str]:
    lines = []
    for option in OPTIONS:
        if option.block == block:
            left = f"  {synopsis(option)}"
            if len(left) >= _WIDTH:
                lines.append(left)
                left = ""
            lines.append(f"{left:{_WIDTH}}{option.help}")
    return lines


def suggest(word: str) -> str | None:
    """The long option that `word`, an unknown one, most probably meant; None if nothing is close.

    `--stat` and `-stat` give `--stats`, `--wieght=3` gives `--weight`.
    """
    bare = word.lstrip("-").partition("=")[0].replace("_", "-").lower()
    if len(bare) < 2:
        return None
    best, limit = None, 1 + len(bare) // 4
    for option in OPTIONS:
        long = option.spellings[-1]
        name = long[2:]
        if name.startswith(bare):
            return long
        distance = _distance(bare, name, limit)
        if distance <= limit:
            best, limit = long, distance - 1
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
