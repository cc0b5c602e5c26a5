"""A dashboard compared with what Grafana's own schema has, by the classes that Grafana makes of it for Python.

Those read what they know and pass over all else; here what they would pass over is a mistake, and so is a value of
another type.
"""

from __future__ import annotations

import enum
import inspect
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import gauge, prometheus, stat, table, timeseries


class NoCustom:
    """That of a panel that has none."""


# Which options a panel has, and its part of the fields that is called custom.
PANELS: dict[str, tuple[type, type]] = {
    "gauge": (gauge.Options, NoCustom),
    "stat": (stat.Options, NoCustom),
    "table": (table.Options, table.FieldConfig),
    "timeseries": (timeseries.Options, timeseries.FieldConfig),
}


def problems(data: dict[str, Any]) -> list[str]:
    """What is wrong with a dashboard: where, and what."""
    register_default_plugins()
    return list(_class_problems(model.Dashboard, data, "dashboard"))


_hints = cache(typing.get_type_hints)


@cache
def _keys(cls: Any) -> dict[str, str]:
    """The attribute of each JSON name of a class."""
    names = {}
    for attribute in _hints(cls):
        first, *rest = attribute.removesuffix("_val").split("_")
        names[first + "".join(word.capitalize() for word in rest)] = attribute
    return names


def _class_problems(cls: Any, data: Any, place: str) -> Iterator[str]:
    if not isinstance(data, dict):
        yield f"{place}: an object is expected, not {data!r}"
        return
    hints, keys = _hints(cls), _keys(cls)
    for name, value in data.items():
        where = f"{place}.{name}"
        if name not in keys:
            yield f"{where}: there is no such field in {cls.__name__}"
        else:
            yield from _problems(_hint(cls, data, name, hints[keys[name]]), value, where)
    if cls is model.Panel:
        yield from _custom_problems(data, place)
    for name, attribute in keys.items():
        if not _optional(hints[attribute]) and name not in data and not _has_default(cls, attribute):
            yield f"{place}: {name} is missing"


def _hint(cls: Any, data: dict[str, Any], name: str, hint: Any) -> Any:
    """The schema leaves the options to the panel."""
    return PANELS[data["type"]][0] if cls is model.Panel and name == "options" else hint


def _custom_problems(data: dict[str, Any], place: str) -> Iterator[str]:
    """And this part of the fields."""
    custom: Any = data["fieldConfig"]
    for name in ("defaults", "custom"):
        custom = custom.get(name) if isinstance(custom, dict) else None
    if custom is not None:
        yield from _class_problems(PANELS[data["type"]][1], custom, f"{place}.fieldConfig.defaults.custom")


@cache
def _has_default(cls: Any, attribute: str) -> bool:
    return inspect.signature(cls).parameters[attribute].default is not inspect.Parameter.empty


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _problems(hint: Any, value: Any, place: str) -> Iterator[str]:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        return
    if origin is typing.Union:
        found = [list(_problems(part, value, place)) for part in parts if part is not type(None)]
        if value is not None and all(found):
            yield from min(found, key=len)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{place}: a list is expected, not {value!r}"
            return
        for n, one in enumerate(value):
            yield from _problems(_row_or_panel(parts[0], one), one, f"{place}[{n}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{place}: an object is expected, not {value!r}"
            return
        for name, one in value.items():
            yield from _problems(parts[1], one, f"{place}.{name}")
    elif origin is typing.Literal:
        if value not in parts:
            yield f"{place}: {value!r} is none of {parts}"
    elif hint is Dataquery:
        yield from _class_problems(prometheus.Dataquery, value, place)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in [one.value for one in hint]:
            yield f"{place}: {value!r} is none of {[one.value for one in hint]}"
    elif hasattr(hint, "from_json"):
        yield from _class_problems(hint, value, place)
    elif not _is_a(value, hint):
        yield f"{place}: {hint.__name__} is expected, not {value!r}"


def _is_a(value: object, kind: type) -> bool:
    """Whole numbers are numbers; true and false are not."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _row_or_panel(hint: Any, value: dict[str, Any]) -> Any:
    """The schema has a union there, which the kind decides."""
    if model.RowPanel in typing.get_args(hint):
        return model.RowPanel if value["type"] == "row" else model.Panel
    return hint
