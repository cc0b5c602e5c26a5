"""The JSON Schema files that users get, and real output held against them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from support.tools import ROOT

FOLDER = ROOT / "docs" / "schemas"


@cache
def schema(name: str) -> dict[str, Any]:
    """The file NAME.json."""
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return loaded


@cache
def _validator(name: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema(name))
    return Draft202012Validator(schema(name))


def fitting(name: str, objects: Iterable[object]) -> list[Any]:
    """The objects, each of which has to fit; ValidationError for the first that does not."""
    found = list(objects)
    for one in found:
        _validator(name).validate(one)
    return found
