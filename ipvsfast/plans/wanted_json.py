"""A wanted table as JSON: what `ipvsfast list --json` and `--ndjson` write; and the same object as YAML or
TOML. Each mistake has its place."""

from __future__ import annotations

from ..changes.problem import Problem
from ..changes.restore import RulesInvalid
from ..errors import InvalidValue
from ..kernel.layout import pack_operations
from ..model.destination import Destination
from ..model.kernel_names import AF_INET
from ..model.keys import ServiceKey
from ..model.operation import Operation
from ..model.service import Service
from ..model.settings import SyncDaemon, Timeouts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    Read = tuple[bytearray, list[tuple[int, bytes]]]

# What is told of the moment, and is nobody's wish.
_MEASURED = ("stats", "active", "inactive", "persistent")
_TABLE = ("timeouts", "daemons", "services")
_FORM = "`ipvsfast list --json' shows the form"


class _Reader:
    """Takes documents apart, and goes on after mistakes."""

    def __init__(self, source: str, lines: dict[int, int] | None = None) -> None:
        self.source = source
        self.line = 1
        self._lines = lines or {}
        self.place = ""
        self.problems: list[Problem] = []
        self.packed = bytearray()  # operations that add, set and start what was read
        self.places: list[tuple[int, bytes]] = []
        self._services: set[ServiceKey] = set()

    def wrong(self, message: str, place: str = "") -> None:
        where = place or self.place or "the document"
        self.problems.append(Problem(self.source, self.line, where.encode("utf-8", "replace"), message))

    def table(self, document: dict[str, Any]) -> None:
        """An object that holds all of it."""
        for name in document:
            if name not in _TABLE:
                self.wrong(f"there is no {name!r}: a table has {', '.join(_TABLE)}")
        if "timeouts" in document:
            self.place = "timeouts"
            self._value("set", Timeouts, document["timeouts"])
        for number, daemon in self._list(document, "daemons"):
            self.place = f"daemons[{number}]"
            self._value("start-daemon", SyncDaemon, daemon)
        for number, service in self._list(document, "services"):
            self.place = f"services[{number}]"
            self.service(service)

    def document(self, value: Any, form: str) -> None:
        """A whole table, or one service."""
        if isinstance(value, dict) and not ("address" in value or "fwmark" in value):
            if "services" in value:
                self.table(value)
            else:
                self.wrong(f"`services' is missing: {form}")
        elif isinstance(value, dict):
            self.service(value)
        elif value is not None:
            self.wrong(f"a table is an object with `services': {form}")

    def _list(self, document: dict[str, Any], name: str) -> Iterator[tuple[int, Any]]:
        values = document.get(name, [])
        if not isinstance(values, list):
            self.wrong(f"this is a list, not {values!r}", name)
            values = []
        return iter(enumerate(values))

    def know_lines(self, lines: dict[int, int]) -> None:
        """Of the objects that are read next."""
        self._lines = lines

    def _at(self, values: Any) -> None:
        """The line of what is read next, where it is known."""
        self.line = self._lines.get(id(values), self.line)

    def _value(self, command: Any, kind: Any, values: Any) -> None:
        self._at(values)
        try:
            self.packed += pack_operations([Operation(command, None, None, kind.from_dict(values))])
        except (InvalidValue, TypeError) as error:
            self.wrong(str(error))

    def service(self, values: Any) -> None:
        """A service with its destinations."""
        self._at(values)
        if not isinstance(values, dict):
            return self.wrong(f"a service is an object, not {values!r}")
        given = {name: value for name, value in values.items() if name not in ("destinations", "stats")}
        try:
            service = Service.from_dict(given)
        except (InvalidValue, TypeError) as error:
            return self.wrong(str(error))
        key = service.key
        if service.persistent and key.family != AF_INET and not service.netmask:
            return self.wrong("the netmask of a persistent IPv6 service is 1 to 128")
        if key in self._services:
            return self.wrong(f"{key} stands twice")
        self._services.add(key)
        operations = [Operation("add-service", service)]
        self.places.append((self.line, (self.place or "the document").encode()))
        if "destinations" not in values:
            return self.wrong(
                "`destinations' is missing: with none in it, all that are there would be deleted"
            )
        where, seen = self.place, set()
        for number, one in self._list(values, "destinations"):
            self.place = f"{where}.destinations[{number}]" if where else f"destinations[{number}]"
            found = self._destination(key, one, operations)
            if found is not None and found.key in seen:
                self.wrong(f"{found.key} stands twice")
            elif found is not None:
                seen.add(found.key)
        self.place = where
        self.packed += pack_operations(operations)
        return None

    def _destination(self, key: ServiceKey, values: Any, operations: list[Operation]) -> Destination | None:
        self._at(values)
        if isinstance(values, dict):
            values = {name: value for name, value in values.items() if name not in _MEASURED}
        try:
            found = Destination.from_dict(values)
            operations.append(Operation("add-destination", key, found))
        except (InvalidValue, TypeError) as error:
            self.wrong(str(error))
            return None
        return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a name that stands twice nobody knows which is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidValue(f"{twice!r} stands twice in one object")
    return found


def parse_document(text: str) -> Any:
    """The value that JSON text holds; InvalidValue for a name that stands twice in an object."""
    import json

    return json.loads(text, object_pairs_hook=_object)


def read_json(source: str, text: bytes) -> Read:
    """What adds what the text holds, packed, and of each service where it stands; RulesInvalid with all
    mistakes."""
    reader = _Reader(source)
    try:
        decoded = text.decode("utf-8")
        if _took_pieces(reader, decoded):
            return reader.packed, reader.places
        reader = _Reader(source)
        _read(reader, decoded)
    except UnicodeDecodeError as error:
        reader.line = text.count(b"\n", 0, error.start) + 1
        reader.wrong("this is no UTF-8")
    if reader.problems:
        raise RulesInvalid(reader.problems)
    return reader.packed, reader.places


def _took_pieces(reader: _Reader, text: str) -> bool:
    """Reads a table service by service, so that not all of it is there as values at once. False where there
    is a mistake, or anything but that object: it is read in one piece then."""
    try:
        for name, value in _pieces(text):
            if name == "service":
                reader.place = f"services[{len(reader.places)}]"
                reader.service(value)
            else:
                reader.table({name: value})
            if reader.problems:
                return False
    except (InvalidValue, ValueError, RecursionError):
        return False
    return True


def _pieces(text: str) -> Iterator[tuple[str, Any]]:
    """The names and values of the object that is the text; of the list `services` each as a "service".
    ValueError for what is no such object."""
    import re
    from json.decoder import JSONDecoder

    blank = re.compile(r"[ \t\n\r]*").match
    decode = JSONDecoder(object_pairs_hook=_object).raw_decode

    def skip(at: int) -> int:
        found = blank(text, at)
        return found.end() if found else at

    def expect(chars: str, at: int) -> int:
        at = skip(at)
        if at >= len(text) or text[at] not in chars:
            raise ValueError
        return at + 1

    at, seen = expect("{", 0), set()
    while True:
        name, at = decode(text, skip(at))
        at = skip(expect(":", at))
        if not isinstance(name, str) or name in seen:
            raise ValueError
        seen.add(name)
        if name == "services" and text[at : at + 1] == "[" and not text.startswith("]", skip(at + 1)):
            while text[at] != "]":
                value, at = decode(text, skip(at + 1))
                yield "service", value
                at = expect(",]", at) - 1
            at += 1
        else:
            value, at = decode(text, at)
            yield name, value
        at = expect(",}", at)
        if text[at - 1] == "}":
            break
    if skip(at) != len(text) or "services" not in seen:
        raise ValueError


def read_document(source: str, text: bytes, form: str) -> Read:
    """The same for YAML or TOML, which hold the same object."""
    from ..foreign.account import Mistake
    from ..foreign.documents import parse_toml, parse_yaml

    reader = _Reader(source)
    try:
        decoded = text.decode("utf-8")
        if form == "yaml" and _took_items(reader, decoded):
            return reader.packed, reader.places
        reader = _Reader(source)
        found = (parse_toml if form == "toml" else parse_yaml)(decoded)
        reader = _Reader(source, found.lines)
        if form == "toml":
            reader.line = 0
        reader.document(
            found.value, "docs/convert.md shows the form, and so does `ipvsfast convert --to yaml'"
        )
    except UnicodeDecodeError as error:
        reader.line = text.count(b"\n", 0, error.start) + 1
        reader.wrong("this is no UTF-8")
    except Mistake as mistake:
        reader.line = mistake.line
        reader.wrong(mistake.message)
    if reader.problems:
        raise RulesInvalid(reader.problems)
    return reader.packed, reader.places


def _took_items(reader: _Reader, text: str) -> bool:
    """As _took_pieces, of YAML."""
    from ..foreign.account import Mistake
    from ..foreign.documents import parse_yaml

    def item(value: Any, lines: dict[int, int]) -> None:
        reader.know_lines(lines)
        reader.place = f"services[{len(reader.places)}]"
        reader.service(value)
        if reader.problems:
            raise Mistake(0, "")

    try:
        found = parse_yaml(text, ("services", item)).value
        reader.know_lines({})
        if (
            not isinstance(found, dict)
            or found.get("services") != []
            or "address" in found
            or "fwmark" in found
        ):
            return False
        reader.table(found)
    except Mistake:
        return False
    return not reader.problems


def json_of(operations: Iterable[Operation]) -> bytes:
    """JSON that asks for what the operations add, set and start."""
    import json

    document: dict[str, Any] = {"daemons": [], "services": []}
    for operation in operations:
        service, destination, value = operation.service, operation.destination, operation.value
        if isinstance(service, Service):
            document["services"].append({**_settings(service), "destinations": []})
        elif isinstance(destination, Destination):
            document["services"][-1]["destinations"].append(_settings(destination))
        elif isinstance(value, Timeouts):
            document["timeouts"] = value.to_dict()
        elif isinstance(value, SyncDaemon):
            document["daemons"].append(value.to_dict())
    return json.dumps(document).encode()


def _settings(value: Service | Destination) -> dict[str, Any]:
    measured = ("stats",) if isinstance(value, Service) else _MEASURED
    return {name: one for name, one in value.to_dict().items() if name not in measured}


def _read(reader: _Reader, text: str) -> None:
    lines = text.splitlines() if _is_lines(text) else []
    if not lines:
        reader.document(_parsed(reader, text, 1), _FORM)
        return
    for number, line in enumerate(lines, 1):
        reader.line, reader.place = number, ""
        if line.strip():
            service = _parsed(reader, line, number)
            if service is not None:
                reader.service(service)


def _is_lines(text: str) -> bool:
    """Whether the first line is a document of its own, and more follows."""
    first, _, rest = text.lstrip().partition("\n")
    if not rest.strip():
        return False
    try:
        parse_document(first)
    except InvalidValue:  # a document, but for a mistake
        return True
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(reader: _Reader, text: str, line: int) -> Any:
    try:
        return parse_document(text)
    except InvalidValue as error:
        reader.wrong(error.strerror)
    except (ValueError, RecursionError) as error:
        # What json.JSONDecodeError has.
        reader.line = line + getattr(error, "lineno", 1) - 1
        column = getattr(error, "colno", 0)
        reader.wrong(f"this is no JSON: {getattr(error, 'msg', error)}", f"column {column}" if column else "")
    return None
