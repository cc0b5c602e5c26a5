"""The forms in which entries of the connection table are written: their fields, and what frames them. No I/O.

Rows themselves are made in C (csrc/conns/format.c), and by listing/connections.py where names are shown.
"""

from __future__ import annotations

from ..errors import InvalidValue

FIELDS = (
    "protocol", "state", "client", "client_port", "service", "service_port", "destination",
    "destination_port", "expires", "template", "pe", "pe_data",
)  # fmt: skip
# Only BPF reads these; "csv-details" has a column for each, JSON has them where they are known.
DETAILS = ("forwarding", "origin", "fwmark", "timeout", "packets")

_TITLE = "IPVS connection entries\n"
_TABLE = "pro expire state       source             virtual            destination"

HEADS = {
    "table": f"{_TITLE}{_TABLE}\n",
    "table-pe": f"{_TITLE}{_TABLE}        pe name          pe_data\n",
    "csv": f"{','.join(FIELDS)}\n",
    "csv-details": f"{','.join(FIELDS + DETAILS)}\n",
    "json": "[\n",
    "ndjson": "",
}
_ENDS = {"json": "\n]\n"}
_EMPTY = {"json": "[]\n"}


def check_form(form: str) -> str:
    """One of HEADS; InvalidValue for anything else."""
    if form not in HEADS:
        raise InvalidValue(f"no form {form!r}: there are {', '.join(HEADS)}")
    return form


def frame(form: str, empty: bool) -> tuple[str, str]:
    """The texts before and after the rows. empty: there are no rows."""
    if empty and form in _EMPTY:
        return _EMPTY[form], ""
    return HEADS[form], _ENDS.get(form, "")
