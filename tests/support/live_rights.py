"""As bpf_rights.py, but opens a reader of live counters and prints `RESULT SERVICES REASON`. A program."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> None:
    from ipvsfast._native import ffi, lib
    from support import bpf_rights

    bpf_rights.give_up(arguments)  # and with it perhaps the right to read what is not loaded by then

    reason, out = ffi.new("char[]", 512), ffi.new("struct ipvsf_live **")
    result = lib.ipvsf_live_open(-1, reason, 512, out)
    services = 0
    if not result:
        if "--drop" in arguments:
            bpf_rights.keep_only([])
        table = ffi.gc(ffi.new("struct ipvsf_table *"), lib.ipvsf_table_deinit)
        result = lib.ipvsf_live_begin(out[0], ffi.NULL) or lib.ipvsf_live_read(out[0], table, 0)
        services = table.num_services
        lib.ipvsf_live_close(out[0])
    print(result, services, ffi.string(reason).decode(), end="")


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main(sys.argv[1:])
