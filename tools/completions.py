"""Writes the completions for bash, zsh and fish from the templates and the tables of the command line.

usage: python tools/completions.py    (with the package installed, or PYTHONPATH=.)

A line @NAME@ of a template completions/*.in is replaced by lines that are made here; @NAME@ within a
line by words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ipvsfast.cli.commands import HELP, OWN_ONLY, SCRIPTS, VERB, VERBS
from ipvsfast.cli.help import goes_with, values_of
from ipvsfast.language.options import COLUMNS, COMMAND, OPTIONS, OWN_OPTIONS, REQUIRED, Option

FOLDER = Path(__file__).resolve().parents[1] / "completions"
HEADER = "# Made by tools/completions.py; do not edit.\n"
COMPAT = {"ipvsfast-save": "ipvsadm-save", "ipvsfast-restore": "ipvsadm-restore"}
COMMANDS = [option for option in OPTIONS if option.block == COMMAND]
# What ipvsadm lacks goes with this command only, and with -c.
LISTING = next(option for option in COMMANDS if option.name == "list")
# Words for an argument that say what it is.
KINDS = {"FILE": "files", "[FILE]": "files", "DIR": "folders", "[PREFIX]": "folders",
         "[VERB]": " ".join(["words", *[verb.name for verb in VERBS]])}  # fmt: skip


def files() -> dict[str, str]:
    """The files by their path below completions/."""
    made = {
        "bash/ipvsfast": _fill("ipvsfast.bash.in", _bash_blocks()),
        "zsh/_ipvsfast": _fill("ipvsfast.zsh.in", _zsh_blocks()),
    }
    for program in ("ipvsfast", "ipvsadm"):
        made[f"fish/{program}.fish"] = _fill("ipvsfast.fish.in", _fish_blocks(program))
    # bash and fish look for a file with the command's name.
    for name in ("ipvsadm", *COMPAT, *COMPAT.values()):
        made[f"bash/{name}"] = f'{HEADER}. "${{BASH_SOURCE[0]%/*}}/ipvsfast"\n'
    for name, options in _scripts():
        lines = [f"complete -c {name} -f", *[_fish(name, option, "") for option in options]]
        made[f"fish/{name}.fish"] = HEADER + "\n".join(lines) + "\n"
    return made


def _fill(template: str, blocks: dict[str, list[str]]) -> str:
    text = (FOLDER / template).read_text()
    # zsh wants its #compdef in the first line.
    first, rest = text.split("\n", 1) if text.startswith("#compdef") else ("", text)
    text = (f"{first}\n" if first else "") + HEADER + rest
    whole = re.compile(r"^@(\w+)@\n", re.M)
    text = whole.sub(lambda match: "".join(f"{line}\n" for line in blocks[match[1]]), text)
    return re.sub(r"@(\w+)@", lambda match: " ".join(blocks[match[1]]), text)


def _scripts() -> list[tuple[str, list[Option]]]:
    """The names of the programs beside the main one with their options; ipvsadm's lack some."""
    return [
        (name, [option for option in script.options if name == script.name or option not in OWN_ONLY])
        for script in SCRIPTS
        for name in (script.name, COMPAT[script.name])
    ]


def allowed(command: Option) -> list[Option]:
    """The options to offer behind a command, those that it needs first."""
    required = REQUIRED[COLUMNS[command.name]] if command.name in COLUMNS else ()
    found = [option for option in OPTIONS if goes_with(option, command)]
    return sorted(found, key=lambda option: option.name not in required)


def _spellings(options: Iterable[Option]) -> list[str]:
    return [spelling for option in options for spelling in option.spellings]


def _alike(option: Option) -> list[str]:
    """The spellings of all options that exclude this one, with its own."""
    if option.block == VERB or option in OWN_OPTIONS:  # they may share names with others
        return list(option.spellings)
    return _spellings(other for other in OPTIONS if other.name == option.name)


def _sections() -> list[tuple[list[str], list[Option], tuple[str, str]]]:
    """(commands or verbs, their options, their first word and what completes it) for all that offer any.

    Commands that offer the same are together.
    """
    sections: list[tuple[list[str], list[Option], tuple[str, str]]] = []
    for command in COMMANDS:
        found = allowed(command)
        first = (command.argument, f"({' '.join(values_of(command))})") if command.argument else ("", "")
        for words, options, other in sections:
            if (options, other) == (found, first):
                words += command.spellings
                break
        else:
            sections.append((list(command.spellings), found, first))
    for verb in VERBS:
        word = verb.words[0] if verb.words else ""
        sections.append(([verb.name], [*verb.options, HELP], (word, KINDS.get(word, "any"))))
    return [section for section in sections if section[1]]


def kind(option: Option) -> str:
    """What completes the argument: "words", "list", "files", "folders", "interfaces" or "any"."""
    if values_of(option):
        return "list" if option.argument.endswith(",...") else "words"
    return "interfaces" if option.name == "mcast-interface" else KINDS.get(option.argument, "any")


# bash


def _bash_blocks() -> dict[str, list[str]]:
    options = [(words, _spellings(found)) for words, found, _ in _sections()]
    groups: list[tuple[str, list[str]]] = [
        ("", list(group)) for group in dict.fromkeys(tuple(_alike(o)) for o in OPTIONS if o.block != COMMAND)
    ]
    arguments: dict[str, list[str]] = {}
    all_options = [("", option) for option in (*OPTIONS, *OWN_OPTIONS)]
    for at, option in all_options + [(f"{verb.name} ", option) for verb in VERBS for option in verb.options]:
        if option.argument and not option.optional:
            what = " ".join([kind(option), *values_of(option)])
            arguments.setdefault(what, []).extend(f"{at}{spelling}" for spelling in option.spellings)
    for verb in VERBS:
        groups += [(f"{verb.name} ", list(option.spellings)) for option in (*verb.options, HELP)]
        if verb.words:
            arguments.setdefault(KINDS.get(verb.words[0], "any"), []).append(verb.name)
    alike = [([f"{at}{word}" for word in group], group) for at, group in groups if len(group) > 1]
    scripts = [
        f"\t{name}) COMPREPLY=($(compgen -W '{' '.join(_spellings(options))}' -- \"$cur\")) ;;"
        for name, options in _scripts()
        if options
    ]
    return {
        "options": [_bash_case(words, " ".join(found)) for words, found in options],
        "alike": [_bash_case(words, " ".join(group)) for words, group in alike],
        "arguments": [_bash_case(words, what) for what, words in arguments.items()],
        "commands": _spellings(COMMANDS),
        "verbs": [verb.name for verb in VERBS],
        "scripts": scripts,
        "listing": ["|".join(LISTING.spellings)],
        "own": _spellings(OWN_OPTIONS),
    }


def _bash_case(words: Iterable[str], reply: str) -> str:
    """One branch that sets REPLY."""
    patterns = "|".join(f"'{word}'" if " " in word else word for word in words)
    return f"\t{patterns}) REPLY='{reply}' ;;"


# zsh


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _zsh_blocks() -> dict[str, list[str]]:
    lines = []
    for words, found, first in _sections():
        specs = [*map(_zsh_spec, found), *_zsh_word(*first)]
        lines.append(f"\t({'|'.join(words)})")
        if words == list(LISTING.spellings):
            specs.insert(0, "$own")
            lines.append(f"\t\t_ipvsfast_connections && own=({' '.join(map(_zsh_spec, OWN_OPTIONS))})")
        lines.append("\t\t_arguments -s -S : \\")
        lines += [f"\t\t\t{spec} \\" for spec in specs[:-1]]
        lines += [f"\t\t\t{specs[-1]}", "\t\t;;"]
    scripts = [
        f"\t({name}) _arguments -s : {' '.join(map(_zsh_spec, options))}; return ;;"
        for name, options in _scripts()
        if options
    ]
    commands = [f"{word}:{command.help}" for command in COMMANDS for word in command.spellings]
    return {
        "commands": [f"\t\t{_quoted(text)}" for text in commands],
        "verbs": [f"\t\t{_quoted(f'{verb.name}:{verb.help}')}" for verb in VERBS],
        "options": lines,
        "scripts": scripts,
    }


def _zsh_spec(option: Option) -> str:
    """One argument of _arguments: what it excludes, spellings, help, and what its argument is."""
    words = []
    for spelling in option.spellings:
        attached = "=" if spelling[:2] == "--" else "+"
        words.append(spelling + (attached if option.argument else ""))
    names = f"{{{','.join(words)}}}" if len(words) > 1 else words[0]
    excluded = " ".join(_alike(option))
    help = option.help.replace("[", "\\[").replace("]", "\\]")
    text = f"[{help}]"
    if option.argument:
        message = option.argument.replace(":", "\\:")
        text += f"{'::' if option.optional else ':'}{message}:{_zsh_action(option)}"
    return f"{_quoted(f'({excluded})')}{names}{_quoted(text)}"


def _zsh_action(option: Option) -> str:
    what, values = kind(option), " ".join(values_of(option))
    return {
        "words": f"({values})",
        "list": f"{{_values -s , flag {values}}}",
        "files": "_files",
        "folders": "_files -/",
        "interfaces": "_net_interfaces",
    }.get(what, " ")


def _zsh_word(word: str, what: str) -> list[str]:
    """The specification of a first word; none if there is no such word."""
    if not word:
        return []
    action = {"files": "_files", "folders": "_files -/", "any": " "}.get(what, what)
    if what.startswith("words "):
        action = f"({what.removeprefix('words ')})"
    return [_quoted(f"{'::' if word[0] == '[' else ':'}{word.strip('[]').lower()}:{action}")]


# fish


def _fish_blocks(program: str) -> dict[str, list[str]]:
    commands = []
    for command in COMMANDS:
        # Its argument is asked for when the command stands there already.
        again = f"; or __ipvsfast_command {command.spellings[-1]}" if command.argument else ""
        commands.append(_fish(program, command, f"-n '__ipvsfast_first{again}'"))
    given: dict[int, list[str]] = {}
    for command in COMMANDS:
        for option in allowed(command):
            given.setdefault(OPTIONS.index(option), []).extend(command.spellings)
    options = [_fish(program, OPTIONS[at], _fish_condition(given[at])) for at in sorted(given)]
    if program == "ipvsfast":
        options += [_fish(program, option, "-n __ipvsfast_connections") for option in OWN_OPTIONS]
    verbs = []
    for verb in VERBS if program == "ipvsfast" else ():
        verbs.append(f"complete -c {program} -n __ipvsfast_first -a {verb.name} -d {_quoted_fish(verb.help)}")
        behind = _fish_condition([verb.name])
        verbs += [_fish(program, option, behind) for option in (*verb.options, HELP)]
        what = KINDS.get(verb.words[0], "") if verb.words else ""
        if what.startswith("words "):
            verbs.append(f"complete -c {program} {behind} -a '{what.removeprefix('words ')}'")
        elif what:
            verbs.append(f"complete -c {program} {behind} {_FISH_WORDS[what]}")
    return {"program": [program], "commands": commands, "options": options, "verbs": verbs}


_FISH_WORDS = {"files": "-F", "folders": "-a '(__fish_complete_directories)'"}


def _fish_condition(words: list[str]) -> str:
    return f"-n '__ipvsfast_command {' '.join(words)}'"


def _quoted_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish(program: str, option: Option, condition: str) -> str:
    parts = [f"complete -c {program}", *([condition] if condition else [])]
    parts += [f"-l {word[2:]}" if word[:2] == "--" else f"-s {word[1:]}" for word in option.spellings]
    if option.argument and not option.optional:
        values = " ".join(values_of(option))
        parts.append({
            "words": f"-x -a '{values}'",
            "list": f"-x -a '(__ipvsfast_list {values})'",
            "files": "-r -F",
            "folders": "-x -a '(__fish_complete_directories)'",
            "interfaces": "-x -a '(__fish_print_interfaces)'",
        }.get(kind(option), "-x"))  # fmt: skip
    return " ".join([*parts, f"-d {_quoted_fish(option.help)}"])


def main() -> None:
    for name, text in files().items():
        path = FOLDER / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
