"""Which services belong to which tag: what `apply --tag NAME` has created or adopted in a network namespace.

A file in the state folder (state_folder.py) remembers it. It is replaced under the lock of the table.
"""

from __future__ import annotations

import errno

from ..changes.state_folder import read_state, state_folder, write_state
from ..errors import InvalidValue, IpvsError, StateError
from ..kernel.layout import added_keys
from ..model.keys import ServiceKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..kernel.session import Session
    from .plan import Plan

FILE = "tags.json"
VERSION = 1
_LONGEST = 64
_MARKS = "-_.:@"

Owners = dict[ServiceKey, str]


def check_tag(tag: str) -> str:
    """The tag; InvalidValue for what can be none."""
    if not (0 < len(tag) <= _LONGEST) or not all(char.isalnum() or char in _MARKS for char in tag):
        raise InvalidValue(f"a tag is 1 to {_LONGEST} letters, digits and {_MARKS}, not {tag!r}")
    return tag


def read_owners(session: Session) -> Owners:
    """The tag of each service that has one, whether the service is there or not. StateError if that cannot be
    known."""
    import json

    folder = state_folder(session, make=False)
    content = read_state(folder, FILE)
    if content is None:
        return {}
    try:
        return _parsed(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(
            errno.EINVAL, f"{folder}/{FILE} is damaged ({error}): look at it, or remove it"
        ) from None


def _parsed(values: Any) -> Owners:
    if values["version"] != VERSION:
        raise InvalidValue(f"version {values['version']!r}, and this program knows {VERSION}")
    return {ServiceKey.parse(key): str(tag) for tag, keys in values["tags"].items() for key in keys}


def _write(session: Session, owners: Mapping[ServiceKey, str]) -> None:
    import json

    tags: dict[str, list[str]] = {}
    for key, tag in sorted(owners.items()):
        tags.setdefault(tag, []).append(str(key))
    content = json.dumps({"version": VERSION, "tags": dict(sorted(tags.items()))}, indent=1) + "\n"
    write_state(state_folder(session), FILE, content.encode())


def claim(session: Session, plan: Plan) -> None:
    """Before a plan with a tag is carried out: what it is to create or adopt becomes the tag's, and nothing
    lacks an owner if we are killed. InvalidValue if another tag has some of it by now."""
    bounds = plan.present.bounds
    if bounds is None or not bounds.tag:
        return
    owners = read_owners(session)
    keys = added_keys(plan.wanted.rules)
    for key in keys:
        if owners.get(key, bounds.tag) != bounds.tag:
            raise InvalidValue(f"{key} is of the tag {owners[key]}, not of {bounds.tag}; nothing was done")
    claimed = {**owners, **dict.fromkeys(keys, bounds.tag)}
    if claimed != owners:
        _write(session, claimed)


def settle(session: Session, plan: Plan, left: Plan | None) -> None:
    """Afterwards: what is not there any more is not the tag's any more. left: made from the table as it is
    now. Where that cannot be written the tag keeps what it had."""
    bounds = plan.present.bounds
    if bounds is None or not bounds.tag or left is None:
        return
    there = set(left.present.reading.service_keys())
    try:
        owners = read_owners(session)
        kept = {
            key: tag
            for key, tag in owners.items()
            if tag != bounds.tag or key in there or not bounds.has(key)
        }
        if kept != owners:
            _write(session, kept)
    except IpvsError:
        pass


def come_back(session: Session, tag: str, keys: Collection[ServiceKey]) -> None:
    """Before an undo: services of the tag that it brings back are the tag's again, if nobody has them."""
    owners = read_owners(session)
    new = {**dict.fromkeys(keys, tag), **owners}
    if new != owners:
        _write(session, new)


def gone(session: Session, tag: str, keys: Collection[ServiceKey]) -> None:
    """After an undo: services that it has taken away are not the tag's any more."""
    owners = read_owners(session)
    kept = {key: owner for key, owner in owners.items() if owner != tag or key not in keys}
    if kept != owners:
        _write(session, kept)
