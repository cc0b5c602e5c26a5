"""The table as JSON, NDJSON and CSV, in the words of the values' to_dict(). docs/json.md describes them."""

from __future__ import annotations

from ..model.destination import CONNECTIONS, SET_NUMBERS, SETTINGS
from ..model.kernel_names import FAMILY_NAMES
from ..model.stats import Stats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from ..model.destination import Destination
    from ..model.service import Service
    from ..model.settings import SyncDaemon, Timeouts
    from ..model.types import RecordForm

    Entry = tuple[Service, Sequence[Destination]]

# In CSV a row is a destination with its service; a service without any has a row of its own.
SERVICE_COLUMNS = (
    "protocol", "service", "service_port", "fwmark", "family", "scheduler", "scheduler_flags", "persistence",
    "netmask", "engine", "one_packet",
)  # fmt: skip
DESTINATION_COLUMNS = (
    "destination", "destination_port", "forwarding", *SET_NUMBERS, "tunnel", "tunnel_port", "checksum",
    *CONNECTIONS,
)  # fmt: skip
COUNTERS = Stats._fields


def _encoder() -> Callable[[object], str]:
    from json import JSONEncoder

    return JSONEncoder(separators=(",", ":")).encode


def record(service: Service, destinations: Sequence[Destination] | None) -> dict[str, Any]:
    """A service as JSON has it, with its destinations unless None."""
    values = service.to_dict()
    if destinations is not None:
        values["destinations"] = [destination.to_dict() for destination in destinations]
    return values


def state_records(timeouts: Timeouts, daemons: Iterable[SyncDaemon]) -> dict[str, Any]:
    """What a table has beside its services."""
    return {"timeouts": timeouts.to_dict(), "daemons": [daemon.to_dict() for daemon in daemons]}


def frame(form: RecordForm, state: dict[str, Any] | None = None, empty: bool = False) -> tuple[str, str]:
    """What stands before the records of a table with its destinations, and behind them. empty: there are
    none."""
    if form == "json":
        encode = _encoder()
        head = "".join([f"{encode(name)}:{encode(value)},\n" for name, value in (state or {}).items()])
        return f'{{{head}"services":[', "]}\n" if empty else "\n]}\n"
    return _csv_head(False) if form == "csv" else "", ""


def texts(
    form: RecordForm,
    table: Iterable[Entry],
    *,
    state: dict[str, Any] | None = None,
    services_only: bool = False,
) -> Iterator[str]:
    """The table in pieces. state: what state_records() gave, for JSON. services_only: no destinations."""
    yield _csv_head(services_only) if form == "csv" else frame(form, state)[0]
    empty = True
    for piece in records(form, table, services_only=services_only):
        yield piece
        empty = False
    yield frame(form, state, empty)[1]


def records(
    form: RecordForm, table: Iterable[Entry], *, services_only: bool = False, first: bool = True
) -> Iterator[str]:
    """The same without what stands before and behind all of them. first: no others come before these."""
    if form == "csv":
        yield from _csv(table, services_only)
        return
    encode = _encoder()
    before, end = ("", "\n") if form == "ndjson" else ("\n" if first else ",\n", "")
    for service, destinations in table:
        yield before + encode(record(service, None if services_only else destinations)) + end
        before = before and ",\n"


def _csv_head(services_only: bool) -> str:
    columns = SERVICE_COLUMNS if services_only else SERVICE_COLUMNS + DESTINATION_COLUMNS
    return ",".join(columns + COUNTERS) + "\n"


def _csv(table: Iterable[Entry], services_only: bool) -> Iterator[str]:
    nothing = "," * len(DESTINATION_COLUMNS)
    for service, destinations in table:
        start = _service_cells(service)
        if services_only:
            yield f"{start},{_numbers(service.stats)}\n"
        elif not destinations:
            yield f"{start}{nothing}{',' * len(COUNTERS)}\n"
        else:
            yield "".join([f"{start},{_destination_cells(d)},{_numbers(d.stats)}\n" for d in destinations])


def _service_cells(service: Service) -> str:
    values = service.to_dict()
    key = service.key
    cells = (
        "" if key[0] else values["protocol"], service.address, "" if key[0] else key[4], key[0],
        FAMILY_NAMES.get(key[1], key[1]), service.scheduler, " ".join(values["scheduler_flags"]),
        service.persistent, values["netmask"], service.engine, service.one_packet,
    )  # fmt: skip
    return ",".join([_cell(value) for value in cells])


def _destination_cells(destination: Destination) -> str:
    d: Any = destination
    *settings, tunnel = d[SETTINGS]
    if d.forwarding != "tunnel":
        tunnel = ("", "", "")
    cells = (d.address, d.port, *settings, *tunnel, d.active, d.inactive, d.persistent)
    return ",".join([_cell(value) for value in cells])


def _numbers(stats: Stats) -> str:
    values: Any = stats
    return ",".join([str(value) for value in values])


def _cell(value: object) -> str:
    """A value as CSV has it: true and false, and quotes where commas and the like would mislead."""
    if value is True or value is False:
        return "true" if value else "false"
    text = str(value)
    if any(char in text for char in ',"\r\n'):
        text = text.replace('"', '""')
        return f'"{text}"'
    return text
