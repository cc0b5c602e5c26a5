"""seeds.py FOLDER: writes inputs to start from, made of what the tests of the BTF reader use."""

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.btf_blob import Blob, connection, sample


def main() -> None:
    folder = Path(sys.argv[1])
    for base in (sample(), connection()):
        module = Blob(base)
        module.compound("list", 16, [("next", 3, 0), ("", 5, 64)])
        first, second = base.data(), module.data()
        (folder / f"{len(first)}").write_bytes(struct.pack("=I", len(first)) + first + second)


main()
