"""The words of a command line as popt splits them, and the mistake of who typed them.

Apart from what reads their values: a verb needs no more than this.
"""

from __future__ import annotations

from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .options import Option


class UsageError(InvalidValue):
    """A command line that cannot be carried out.

    status: the exit status. message: the text for standard error, without the final newline. word: the
    word that is no option, else "". hint: the message only points to --help. reason: why a host name
    has no address, else "".
    """

    def __init__(
        self, status: int, message: str, hint: bool = False, word: str = "", operation: str = "",
        *, reason: str = "",
    ) -> None:  # fmt: skip
        super().__init__(message.rstrip("\n"), operation)
        self.status = status
        self.message = message
        self.hint = hint
        self.word = word
        self.reason = reason


def hint(program: str, word: str = "") -> UsageError:
    """The error that only points to --help: a line that does not start with a command. word: if it
    starts with an unknown option, that."""
    text = f"Try `{program} -h' or '{program} --help' for more information."
    return UsageError(255, text, hint=True, word=word)


def tokens(
    argv: Sequence[str], spellings: dict[str, Option], words: list[str], posix: bool = False
) -> Iterator[tuple[Option, str | None, str]]:
    """(option, its argument or None, last word consumed) for every option, as popt reads them.

    Positional words are appended to `words`. UsageError 255 for an unknown option, a missing argument,
    or an argument that is not wanted.
    """
    position, end = 0, len(argv)
    while position < end:
        word = argv[position]
        position += 1
        if word[:1] != "-" or word == "-":
            words.append(word)
            if posix:
                break
            continue
        if word == "--":
            break
        name = word.partition("=")[0] if word[1] == "-" else word[:2]
        tail = word[len(name) :]
        option = spellings.get(name)
        while option is not None and not option.argument:
            if tail[:1] == "=":
                raise UsageError(255, f"{word}: option does not take an argument")
            yield option, None, word
            if not tail:
                break
            name, tail = "-" + tail[0], tail[1:]  # the next letter of a cluster
            option = spellings.get(name)
        if option is None:
            raise UsageError(255, f"{word}: unknown option", word=word)
        if not option.argument:
            continue
        if tail:
            yield option, tail[1:] if tail[0] == "=" else tail, word
        elif position < end and not (option.optional and argv[position][:1] == "-"):
            position += 1
            yield option, argv[position - 1], argv[position - 1]
        elif option.optional:
            yield option, None, word
        else:
            raise UsageError(255, f"{word}: missing argument")
    words.extend(argv[position:])
