"""YAML and TOML text as values, with the lines in which they stand."""

from __future__ import annotations

from .account import Mistake

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    Item = tuple[str, Callable[[Any, dict[int, int]], None]]

MOST_VALUES = 5_000_000  # of one document, where aliases are counted as what they stand for
MOST_NESTED = 50
_NULL, _TRUE, _FALSE = (
    ("", "~", "null", "Null", "NULL"),
    ("true", "True", "TRUE"),
    ("false", "False", "FALSE"),
)
_STR = "tag:yaml.org,2002:str"


class Document:
    """A value, and by id() the lines of its objects and lists, from 1; none where they are not known."""

    __slots__ = ("value", "lines")

    def __init__(self, value: Any, lines: dict[int, int]) -> None:
        self.value: Final[Any] = value
        self.lines: Final[dict[int, int]] = lines


def parse_toml(text: str) -> Document:
    """Mistake, with its line, for what is no TOML, and where no module of Python reads it."""
    from importlib import import_module

    try:
        tomllib: Any = import_module("tomllib")
    except ImportError:
        try:
            tomllib = import_module("tomli")
        except ImportError:
            raise Mistake(
                0, "TOML is read by Python 3.11 or later, or with tomli: pip install 'ipvsfast[toml]'"
            ) from None
    try:
        return Document(tomllib.loads(text.replace("\r\n", "\n")), {})
    except (ValueError, RecursionError, OverflowError) as error:
        from re import search

        told = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        found = search(r" \(at line (\d{1,9}), column \d+\)$", told)
        line = int(found[1]) if found else text.count("\n") + 1
        told = told[: found.start()] if found else told.removesuffix(" (at end of document)")
        raise Mistake(line, f"this is no TOML: {told}") from None


def parse_yaml(text: str, item: Item | None = None) -> Document:
    """One document by the core schema of YAML 1.2: `no` and `on` are texts, and so are 80:443 and dates.

    Mistake, with its line, for what is no YAML, for a name that stands twice, and without PyYAML. item: the
    name of a list in the outermost object, and what takes each value of it, with the lines of its objects
    and lists; they are not kept then.
    """
    from importlib import import_module

    try:
        yaml: Any = import_module("yaml")
    except ImportError:
        advice = "pip install 'ipvsfast[yaml]', or apt-get install python3-yaml"
        raise Mistake(0, f"YAML is read with PyYAML: {advice}") from None
    builder = _Builder(yaml, item)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        told = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise Mistake(mark.line + 1 if mark else 1, f"this is no YAML: {told}") from None
    return Document(builder.value, builder.lines)


class _Open:
    """An object or list that is being read. size: of values in it."""

    __slots__ = ("value", "key", "merged", "size", "anchor")

    def __init__(self, value: Any, anchor: str | None) -> None:
        self.value = value
        self.key: str | None = None
        self.merged: list[dict[str, Any]] = []
        self.size = 1
        self.anchor = anchor


class _Builder:
    """Makes a value of events, without a stack of calls that could overflow."""

    def __init__(self, yaml: Any, item: Item | None) -> None:
        self._yaml = yaml
        self._item = item
        self.value: Any = None
        self.lines: dict[int, int] = {}
        self._documents = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}

    def take(self, event: Any) -> None:
        """The next event."""
        yaml, line = self._yaml, event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            kind, name = (dict, "map") if isinstance(event, yaml.MappingStartEvent) else (list, "seq")
            if event.tag not in (None, "!", f"tag:yaml.org,2002:{name}"):
                raise Mistake(line, f"there is no type {event.tag!r} here")
            self._begin(kind(), event.anchor, line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._end(line)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise Mistake(line, f"nothing before has the anchor &{event.anchor}, or it holds this alias")
            value, size = self._anchors[event.anchor]
            self._put(value, size, line)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Mistake(line, "a second document begins here: one is read")

    def _begin(self, value: Any, anchor: str | None, line: int) -> None:
        if len(self._open) >= MOST_NESTED:
            raise Mistake(line, "it is nested too deeply")
        if self._open and isinstance(self._open[-1].value, dict) and self._open[-1].key is None:
            raise Mistake(line, "a name is text, not an object or a list")
        self.lines[id(value)] = line
        self._open.append(_Open(value, anchor))

    def _end(self, line: int) -> None:
        done = self._open.pop()
        for merged in done.merged:
            for name, value in merged.items():
                done.value.setdefault(name, value)
        if done.anchor:
            self._anchors[done.anchor] = done.value, done.size
        self._put(done.value, done.size, line)

    def _scalar(self, event: Any, line: int) -> None:
        plain = event.tag is None and event.implicit[0]
        if not plain and event.tag not in (None, "!", _STR):
            raise Mistake(line, f"there is no type {event.tag!r} here")
        inside = self._open[-1] if self._open else None
        if inside is not None and isinstance(inside.value, dict) and inside.key is None:
            if event.value in inside.value:
                raise Mistake(line, f"{event.value!r} stands twice in one object")
            inside.key = "\n" if plain and event.value == "<<" else event.value
            if event.anchor:
                self._anchors[event.anchor] = event.value, 1
            return
        value = _plain(event.value) if plain else event.value
        if event.anchor:
            self._anchors[event.anchor] = value, 1
        self._put(value, 1, line)

    def _put(self, value: Any, size: int, line: int) -> None:
        if not self._open:
            self.value = value
            return
        inside = self._open[-1]
        inside.size += size
        if inside.size > MOST_VALUES:
            raise Mistake(line, f"there are more than {MOST_VALUES:,} values")
        if self._item is not None and self._is_taken(self._item[0]):
            self._item[1](value, self.lines)
            self.lines.clear()
        elif isinstance(inside.value, list):
            inside.value.append(value)
        elif inside.key is None:
            raise Mistake(line, "a name is text, not an alias")
        else:
            if inside.key == "\n":
                inside.merged += _merged(value, line)
            else:
                inside.value[inside.key] = value
            inside.key = None

    def _is_taken(self, name: str) -> bool:
        """Whether the values of what is being read are those that somebody takes."""
        if len(self._open) != 2 or self._open[0].key != name:
            return False
        return isinstance(self._open[1].value, list) and self._open[1].anchor is None


def _merged(value: Any, line: int) -> list[dict[str, Any]]:
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in found):
        raise Mistake(line, "`<<' merges an object, or a list of objects")
    return found


def _plain(text: str) -> Any:
    """What text without quotes stands for."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    digits = text[1:] if text[0] in "+-" else text
    if len(digits) > 25 or not digits.isascii() or digits[:1] not in "0123456789.":
        return text
    if digits.isdigit():
        return int(text)
    try:
        if text[:2] in ("0x", "0o") and "_" not in text:
            return int(text, 0)
        from re import fullmatch

        if fullmatch(r"(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?", digits):
            return float(text)
    except ValueError:
        pass
    return text
