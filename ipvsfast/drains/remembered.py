"""The weights that destinations had before they were drained, kept in the state folder of their namespace."""

from __future__ import annotations

from errno import EBADMSG

from ..changes.state_folder import StateLock, read_state, state_folder, write_state
from ..errors import InvalidValue, StateError
from ..model.keys import DestinationKey, ServiceKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..kernel.session import Session
    from .chosen import Entry, Name

    Weights = dict[Name, int]

FILE = "weights.json"


def remembered(session: Session) -> Weights:
    """All that is remembered of this namespace."""
    return _read(state_folder(session, make=False))


def remember(session: Session, entries: Iterable[Entry]) -> Weights:
    """Keeps their weights, and gives all that is kept now. A weight of 0 takes the place of none: the
    destination is being drained already. StateError where nothing can be kept."""

    def keep(weights: Weights) -> None:
        for entry in entries:
            if entry.weight or entry.name not in weights:
                weights[entry.name] = entry.weight

    return _change(session, keep)


def forget(session: Session, names: Iterable[Name]) -> None:
    """These are not drained any more."""

    def drop(weights: Weights) -> None:
        for name in names:
            weights.pop(name, None)

    _change(session, drop)


def _change(session: Session, change: Callable[[Weights], None]) -> Weights:
    folder = state_folder(session)
    with StateLock(folder):
        weights = _read(folder)
        before = dict(weights)
        change(weights)
        if weights != before:
            write_state(folder, FILE, _text(weights))
    return weights


def _text(weights: Weights) -> bytes:
    import json

    # Most of them stand there many times.
    services = {service: str(service) for service, _ in weights}
    dests = {dest: str(dest) for _, dest in weights}
    rows = [
        {"service": services[service], "destination": dests[dest], "weight": weight}
        for (service, dest), weight in weights.items()
    ]
    return (json.dumps({"weights": rows}) + "\n").encode()  # with indent it is many times as slow


def _read(folder: str) -> Weights:
    text = read_state(folder, FILE)
    if text is None:
        return {}
    import json

    try:
        rows = [
            (row["service"], row["destination"], int(row["weight"])) for row in json.loads(text)["weights"]
        ]
        # Most of them stand there many times.
        services = {text: ServiceKey.parse(text) for text in {service for service, _, _ in rows}}
        dests = {text: DestinationKey.parse(text) for text in {dest for _, dest, _ in rows}}
        return {(services[service], dests[dest]): weight for service, dest, weight in rows}
    except (ValueError, KeyError, TypeError, InvalidValue):
        raise StateError(
            EBADMSG, f"{folder}/{FILE} is not what was written there; without it no weight is known"
        ) from None
