"""One exposition as a file, for node_exporter's collector textfile."""

from __future__ import annotations

from ..errors import InvalidValue
from ..outfile import write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .exposition import Scraped

ENDING = ".prom"  # of the names that node_exporter reads


def check_path(path: str) -> str:
    """The path, if node_exporter would read that file, or if it is a device; else InvalidValue."""
    if path.startswith("/dev/") or path.endswith(ENDING):
        return path
    raise InvalidValue(f"node_exporter reads files whose names end in {ENDING}, not {path!r}")


def write_textfile(path: str, scraped: Scraped) -> None:
    """Puts it in the place of the file: whoever reads finds the old one or the new one, each as a whole.
    OSError if it cannot be written; the old one is still there then."""
    write_file(path, scraped.blocks(False))
