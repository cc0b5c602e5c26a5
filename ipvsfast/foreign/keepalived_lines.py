"""The lines of keepalived.conf: includes, comments, conditions, parameters, sequences, lists; then words."""

from __future__ import annotations

import os

from .account import Mistake, TextPlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from .account import Account

# Braces that are no part of a quoted word.
OPEN, CLOSE = "\0{", "\0}"
_INCLUDES = ("include", "includer", "includem", "includew", "includeb", "includea", "includet")
_DEEPEST = 30  # files that include each other, and parameters within parameters
_LONGEST = 100_000  # characters of a line
MOST_LINES = 500_000  # that sequences and parameters can make

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


class Line:
    """Words of one line, and braces."""

    __slots__ = ("place", "words")

    def __init__(self, place: TextPlace, words: list[str]) -> None:
        self.place: Final[TextPlace] = place
        self.words: Final[list[str]] = words


class Lines:
    """Reads one configuration. config_id: what `@NAME` lines are compared with; by default the first part of
    this machine's name."""

    def __init__(self, account: Account, config_id: str | None = None) -> None:
        import re

        self._account = account
        self._id = os.uname().nodename.partition(".")[0] if config_id is None else config_id
        self._values: dict[str, str] = {"_INSTANCE": self._id, "_HASH": "#", "_BANG": "!"}
        self._count = 0
        self._definition = re.compile(rf"\$({_NAME})=(.*)", re.DOTALL)
        self._begins = re.compile(rf"(@\S*\s+)?\$({_NAME})=.*\\")
        self._alone = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})\}})")
        self._parameter = re.compile(rf"\$\{{({_NAME})([^{{}}]*)\}}|\$({_NAME})(?=\s|$)")
        self._sequence = re.compile(rf"~SEQ(x?)\(\s*({_NAME})\s*,([^()]*)\)\s*(.*)", re.DOTALL)
        self._list = re.compile(r"~LST\(([^()]*)\)\s*(.*)", re.DOTALL)

    def read(self, source: str, text: bytes, folder: str) -> Iterator[Line]:
        """The lines of the text, and of what it includes. folder: where relative paths begin."""
        yield from self._read(source, text, folder, (os.path.realpath(os.path.join(folder, source)),))

    def _read(self, source: str, text: bytes, folder: str, within: tuple[str, ...]) -> Iterator[Line]:
        before = self._values.get("_PWD")
        self._values["_PWD"] = os.path.abspath(folder)
        held, start = "", 0
        for number, raw in enumerate(text.split(b"\n"), 1):
            place = TextPlace(source, number)
            try:
                line = _without_comment(_decoded(raw)).strip()
                if held or ("$" in line and self._begins.fullmatch(line)):
                    start = start if held else number
                    held += line.removesuffix("\\").rstrip() + "\n"
                    if line.endswith("\\"):
                        continue
                    line, held, place = held, "", TextPlace(source, start)
                if line.partition(" ")[0].partition("\t")[0] in _INCLUDES:
                    yield from self._include(place, line, folder, within)
                elif line and "$" not in line and line[0] not in "@~":  # it stands for itself
                    yield Line(place, _words(line))
                else:
                    yield from self._expanded(place, line, 0)
            except Mistake as mistake:
                self._account.wrong(place, mistake.what or raw.decode("utf-8", "replace"), mistake.message)
        if held:
            self._account.wrong(
                TextPlace(source, start), held.partition("\n")[0], "the definition does not end"
            )
        if before is not None:
            self._values["_PWD"] = before

    def _include(self, place: TextPlace, line: str, folder: str, within: tuple[str, ...]) -> Iterator[Line]:
        from glob import glob, has_magic

        words = _words(line)
        if len(words) != 2:
            raise Mistake(0, "one file, or a pattern, is included", line)
        pattern = os.path.join(folder, words[1])
        if "{" in words[1] or CLOSE in words or OPEN in words:
            raise Mistake(0, "braces in the pattern of an include are not understood", line)
        self._account.included.add(pattern)
        paths = sorted(glob(pattern)) if has_magic(pattern) else [pattern]
        if not paths:
            self._account.leave(place, line, "left out: no file has such a name")
        for path in paths:
            real = os.path.realpath(path)
            if real in within:
                raise Mistake(0, f"{path} includes itself", line)
            if len(within) > _DEEPEST:
                raise Mistake(0, "files include each other too deeply", line)
            try:
                with open(path, "rb") as stream:
                    text = stream.read()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise Mistake(0, f"cannot read {path}: {reason}", line) from None
            yield from self._read(path, text, os.path.dirname(path) or ".", (*within, real))

    def _expanded(self, place: TextPlace, text: str, depth: int) -> Iterator[Line]:
        """What a line stands for."""
        self._count += 1
        if self._count > MOST_LINES:
            raise Mistake(0, f"parameters and sequences make more than {MOST_LINES:,} lines")
        for _ in range(_DEEPEST):
            text = text.strip()
            if text[:1] == "@":
                word, _, text = text.replace("\t", " ").partition(" ")
                if (word.lstrip("@").lstrip("^") == self._id) == word.startswith("@^"):
                    return
                continue
            if text[:1] == "$":
                definition = self._definition.fullmatch(text)
                if definition:
                    self._values[definition[1]] = definition[2].strip()
                    return
                alone = self._alone.fullmatch(text)
                body = self._values.get(alone[1] or alone[2], "") if alone else ""
                if "\n" in body:
                    yield from self._body(place, body, depth)
                    return
            if text[:4] in ("~SEQ", "~LST"):
                yield from self._repeated(place, text, depth)
                return
            replaced = self._parameter.sub(self._value, text) if "$" in text else text
            if len(replaced) > _LONGEST:
                raise Mistake(0, f"with its parameters the line has more than {_LONGEST:,} characters")
            if replaced == text:
                if text:
                    yield Line(place, _words(text))
                return
            text = replaced
        raise Mistake(0, "its parameters contain each other")

    def _body(self, place: TextPlace, body: str, depth: int) -> Iterator[Line]:
        if depth >= _DEEPEST:
            raise Mistake(0, "its parameters contain each other")
        for line in body.split("\n"):
            yield from self._expanded(place, line, depth + 1)

    def _value(self, found: object) -> str:
        whole, name, more, bare = found[0], found[1], found[2], found[3]  # type: ignore[index]
        if name == "_RANDOM":
            raise Mistake(0, "${_RANDOM} is another number each time: write one")
        value = self._values.get(name or bare)
        if value is None or more:
            return str(whole)
        if "\n" in value:
            raise Mistake(0, f"{whole} has several lines: it stands alone in a line")
        return value

    def _repeated(self, place: TextPlace, text: str, depth: int) -> Iterator[Line]:
        if depth >= _DEEPEST:
            raise Mistake(0, "sequences contain each other too deeply")
        for _ in range(_DEEPEST):  # the bounds may be parameters
            head, parenthesis, rest = text.partition(")")
            replaced = self._parameter.sub(self._value, head) + parenthesis + rest
            if replaced == text:
                break
            text = replaced
        sequence, listed = self._sequence.fullmatch(text), self._list.fullmatch(text)
        if sequence:
            form = "x" if sequence[1] else "d"
            for number in _numbers(sequence[3]):
                self._values[sequence[2]] = format(number, form)
                yield from self._expanded(place, sequence[4], depth + 1)
        elif listed:
            names, *rows = _groups(listed[1])
            if not rows or any(len(row) != len(names) for row in rows):
                raise Mistake(0, "~LST has a name and values, or several names and as many values in braces")
            for row in rows:
                self._values.update(zip(names, row))
                yield from self._expanded(place, listed[2], depth + 1)
        else:
            raise Mistake(0, "~SEQ(NAME, START, STEP, END) or ~LST(NAME, VALUE, ...) is expected")


def _decoded(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Mistake(0, "this is no UTF-8") from None
    if "\0" in text:
        raise Mistake(0, "a NUL byte is in it")
    return text


def _without_comment(line: str) -> str:
    if "#" not in line and "!" not in line:
        return line
    quote, at = "", 0
    while at < len(line):
        char = line[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char in "#!":
            return line[:at]
        at += 1
    return line


def _words(text: str) -> list[str]:
    """Words, without the quotes around them or their parts."""
    if text in ("{", "}"):
        return [OPEN if text == "{" else CLOSE]
    if '"' not in text and "'" not in text:
        plain = text.split()
        if "{" not in text and "}" not in text:
            return plain
        return [part for one in plain for part in _apart(one)]
    words: list[str] = []
    word: str | None = None
    quoted, at = False, 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            if word is not None:
                words += [word] if quoted else _apart(word)
            word, quoted = None, False
        elif char in "\"'":
            end = at + 1
            while end < len(text) and text[end] != char:
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                raise Mistake(0, "a quotation does not end")
            word, quoted, at = (word or "") + text[at + 1 : end], True, end
        else:
            word = (word or "") + char
        at += 1
    if word is not None:
        words += [word] if quoted else _apart(word)
    return words


def _apart(word: str) -> list[str]:
    """Braces at the end of a word, unless they are those of a parameter, are words of their own."""
    end = len(word)
    while end and (word[end - 1] == "{" or (word[end - 1] == "}" and "{" not in word[: end - 1])):
        end -= 1
    braces = [OPEN if char == "{" else CLOSE for char in word[end:]]
    return [word[:end], *braces] if end else braces


def _numbers(text: str) -> range:
    """Of `START, STEP, END`, `START, END` or `END`."""
    try:
        given = [int(one, 16 if "x" in one else 10) for one in text.lower().split(",")]
    except ValueError:
        given = []
    if not 1 <= len(given) <= 3:
        raise Mistake(0, "~SEQ has up to three numbers: START, STEP, END")
    end = given[-1]
    start = given[0] if len(given) > 1 else 1 if end > 0 else -1
    step = given[1] if len(given) == 3 else 1 if end >= start else -1
    if step == 0:
        raise Mistake(0, "the step of ~SEQ is not 0")
    return range(start, end + (1 if step > 0 else -1), step)


def _groups(text: str) -> list[list[str]]:
    """What stands between commas; several values in braces."""
    from re import findall

    found = findall(r"\{([^{}]*)\}|([^,{}]+)", text)
    groups = [[one.strip() for one in (several or single).split(",")] for several, single in found]
    return [group for group in groups if group != [""]]
