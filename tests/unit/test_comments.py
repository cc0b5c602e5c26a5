"""Comments and docstrings name files that exist: a room that is moved takes its mentions along."""

import re
from pathlib import Path

from support.tools import ROOT

PATTERNS = ("csrc/**/*.[ch]", "ipvsfast/**/*.py", "tests/**/*.py", "tools/*")
# A path below one of the folders; not an #include of the system's, nor a part of a longer path.
NAMED = re.compile(r"(?<![\w/.{<-])((?!NAME)\w+(?:/(?!NAME)\w+)+\.(?:c|h|py|md))\b")
FOLDERS = (ROOT, ROOT / "csrc", ROOT / "csrc/uapi", ROOT / "ipvsfast", ROOT / "tests")
KERNEL = ("include/uapi/", "linux/bpf.h")  # files of its own sources


def missing(path: Path) -> list[str]:
    """The files that a source names and that are in none of the folders, nor beside it."""
    found = set(NAMED.findall(path.read_text("utf-8", "surrogateescape")))
    folders = (*FOLDERS, path.parent)
    return sorted(n for n in found if not n.startswith(KERNEL) and not any((f / n).exists() for f in folders))


def test_files_that_are_named_exist() -> None:
    """Below the root, or below the folder of C, of the package or of the tests."""
    sources = [path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.is_file()]
    assert len(sources) > 100
    assert {str(path.relative_to(ROOT)): names for path in sources if (names := missing(path))} == {}
