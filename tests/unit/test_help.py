"""The help text, and suggestions for mistyped options."""

import pytest

from ipvsfast.cli.commands import HELP, SCRIPTS, VERBS, find, parse_verb
from ipvsfast.cli.conns_query import Query
from ipvsfast.cli.help import USAGE, help_text, script_text, suggest, synopsis, verb_help, verb_text
from ipvsfast.language.options import OPTIONS, SPELLINGS
from ipvsfast.language.words import UsageError
from support.command import program, run


def test_help_names_every_option() -> None:
    """Help is made from the table: nothing is missing."""
    text = help_text("prog")
    for option in OPTIONS:
        assert f"  {synopsis(option)}" in text
        assert option.help in unwrapped(text)
    for usage in USAGE:
        assert f" prog {usage} " in unwrapped(text)
    assert text.count("  prog -") == len(USAGE) == 13
    assert text.endswith("\n")


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def help_texts() -> list[tuple[str, str]]:
    """(name, text) of every help text there is."""
    texts = [(name, help_text(name)) for name in ("ipvsadm", "ipvsfast")]
    texts += [(f"ipvsfast {verb.name}", verb_text(verb, "ipvsfast")) for verb in VERBS]
    return texts + [(script.name, script_text(script, script.name)) for script in SCRIPTS]


@pytest.mark.parametrize("text", [text for _, text in help_texts()], ids=[name for name, _ in help_texts()])
def test_help_fits_a_terminal(text: str) -> None:
    """80 columns, no blanks at ends of lines; a bracket is not torn from its other end."""
    for line in text.splitlines():
        assert len(line) <= 80
        assert line == line.rstrip()
        assert line.count("[") == line.count("]")


def test_help_of_verbs_names_every_option() -> None:
    """And gives the examples of the table."""
    for verb in VERBS:
        text = verb_text(verb, "/opt/bin/ipvsfast")
        for option in (*verb.options, HELP):
            assert f"  {synopsis(option)}" in text
            assert option.help in unwrapped(text)
        for what, words in verb.examples:
            assert f"\n  {what}:\n    ipvsfast {verb.name} {words}\n" in text


def test_examples_are_right() -> None:
    """Every example of conns is a question that can be asked."""
    verb = find("conns")
    assert verb and len(verb.examples) >= 5
    for _, words in verb.examples:
        Query(parse_verb(verb, words.split())[0])


def test_help_of_a_verb_by_another_way() -> None:
    """`help VERB` is `VERB --help`, `help` is `--help`; what is no verb is an error."""
    for verb in VERBS:
        assert verb_help([verb.name], "ipvsfast") == verb_text(verb, "ipvsfast")
    assert verb_help([], "ipvsfast") == help_text("ipvsfast")
    with pytest.raises(UsageError, match="^cons: unknown verb$"):
        verb_help(["cons"], "ipvsfast")


def test_the_verb_help() -> None:
    """As a command, with its exit statuses."""
    done = run("help", "conns")
    assert (done.returncode, done.stdout, done.stderr) == (0, run("conns", "--help").stdout, "")
    done = run("help")
    assert (done.returncode, done.stdout, done.stderr) == (0, run("--help").stdout, "")
    done = run("help", "cons")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "cons: unknown verb\n")


@pytest.mark.parametrize("words", ["cons --count", "cons", "lists", "x y", "-- x"])
def test_an_unknown_verb_is_named(words: str) -> None:
    """Under our own name the first word is a verb, if no command of ipvsadm stands behind it."""
    done = run(*words.split())
    hint = f"Try `{program()} -h' or '{program()} --help' for more information.\n"
    first = words.partition(" ")[0]
    assert done.returncode == 255
    assert done.stderr == (hint if first == "--" else f"{first}: unknown verb\n{hint}")
    assert (run("1", "2", "3", "4", "--set").stderr) == "unexpected argument 4\n"


def test_every_spelling_is_an_option_once() -> None:
    """No two rows share a word; the long form is the last."""
    assert len(SPELLINGS) == sum(len(option.spellings) for option in OPTIONS)
    assert all(option.spellings[-1].startswith("--") for option in OPTIONS)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--stat", "--stats"), ("-stats", "--stats"), ("--wieght=3", "--weight"), ("--numerci", "--numeric"),
        ("--tcp_service", "--tcp-service"), ("--tcp", "--tcp-service"), ("--lsit", "--list"),
        ("--tun-crc", None), ("--Weight", "--weight"), ("-z", None), ("--bogus", None), ("", None),
        ("--", None), ("--flush", "--clear"),
    ],
)  # fmt: skip
def test_suggestions(word: str, expected: str | None) -> None:
    """A mistyped or shortened long option finds its neighbour; what resembles nothing finds none."""
    assert suggest(word) == expected
