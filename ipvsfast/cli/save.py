"""`ipvsfast save`: everything that `ipvsfast restore` can bring back, to a file or standard output."""

from __future__ import annotations

import errno

from ..client import saved_text
from ..errors import IpvsError, NotRestorable, plural
from ..outfile import TEMPORARY, write_file
from .ending import Orderly
from .output import ExitWith, complain, write_pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..client import Ipvs
    from .context import Context

# The errors of a folder that takes no new file, and of a file that is a mount point.
_NO_REPLACING = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY)


def save(context: Context, options: dict[str, str], words: list[str]) -> int:
    """Writes the rules; a file is replaced as a whole or not at all. 1: it was, but not everything in the
    table can be restored."""
    table, path = context.ipvs, words[0] if words else None
    left_out: list[str] = []
    compat = "compat" in options
    try:
        pieces = compatible(table, left_out) if compat else saved_text(table, left_out)
        if path is None or path == "-":
            write_pieces("", pieces)
        else:
            with Orderly():
                others = write_file(path, pieces)
            if others:
                verb = "keeps" if others == 1 else "keep"
                names = f"{others:,} {plural(others, 'other name')}"
                complain(f"{path} is a new file now: {names} of the old one (hard links) {verb} its content")
    except IpvsError as error:
        raise ExitWith(1, str(error)) from None
    except OSError as error:
        reason = f"{error.strerror}{_advice(path, error)}"
        raise ExitWith(1, f"cannot write {path or repr(path)}: {reason}") from None
    if left_out:
        complain(str(NotRestorable(left_out, commented=not compat)))
    return 1 if left_out else 0


def _advice(path: str | None, error: OSError) -> str:
    """For a file that could be opened, but not be replaced."""
    replacing = isinstance(error.filename, str) and error.filename.startswith(TEMPORARY)
    if replacing and error.errno in _NO_REPLACING:
        return f" (the file is replaced as a whole, in its folder; `ipvsfast save > {path}' writes into it)"
    return ""


def compatible(table: Ipvs, left_out: list[str]) -> Iterator[bytes | memoryview]:
    """What ipvsadm 1.31 -S -n writes: sorted, without header, timeouts, daemons and thresholds; and without
    what cannot be restored, since ipvsadm -R takes no comments."""
    from ..listing.saved import saved_rules

    services = table.table(strict=True)
    plain = [(service, [d._with(upper=0, lower=0) for d in dests]) for service, dests in services]
    for text in saved_rules(plain, left_out, sort=True, comments=False):
        yield text.encode("utf-8", "surrogateescape")
