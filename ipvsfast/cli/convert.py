"""`ipvsfast convert`: what a file asks for, written as rules, JSON or YAML."""

from __future__ import annotations

from ..errors import NotRestorable, plural
from ..language.words import UsageError
from ..listing.converted import FORMS, converted
from ..outfile import write_file
from .ending import Orderly
from .output import ExitWith, complain, write_all
from .wanted import NOTHING, tell_left_out, text_of, wanted_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .context import Context


def convert(context: Context, options: dict[str, str], words: list[str]) -> int:
    """0; 1 where rules cannot say all of it, which is told; 2 where nothing was written."""
    form: Any = options.get("to", "rules")
    if form not in FORMS:
        raise UsageError(2, f"convert: --to takes {', '.join(FORMS)}, not `{form}'")
    wanted = wanted_from(context, text_of(words[0] if words else None), options, verb="convert")
    if "quiet" not in options:
        tell_left_out(wanted, every=True)
    lost: list[str] = []
    pieces = converted(form, wanted.operations(), lost)
    path = options.get("out")
    if path is None or path == "-":
        write_all(pieces)
    else:
        _save(path, [piece.encode("utf-8", "surrogateescape") for piece in pieces])
    if lost:
        complain(str(NotRestorable(lost, commented=True)))
    return 1 if lost else 0


def _save(path: str, pieces: list[bytes]) -> None:
    try:
        with Orderly():
            others = write_file(path, pieces)
    except OSError as error:
        raise ExitWith(NOTHING, f"cannot write {path}: {error.strerror}") from None
    if others:
        complain(
            f"{path} is a new file now: {others:,} {plural(others, 'other name')} of it keep the old content"
        )
