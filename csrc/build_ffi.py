"""cffi builder of ipvsfast._native: reads api/*.h as they are, finds libnl, lists the sources.

Only used while building; not part of the wheel.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
API = ("ipvsfast.h", "conns.h", "bpf.h", "stats.h", "metrics.h", "live.h")
ROOMS = ("core", "netlink", "sockopt", "rules", "listing", "stats", "bpf")
ROOMS += ("conns", "conns/proc", "conns/bpf", "live")

NEEDS = (
    "Debian/Ubuntu: apt install gcc pkg-config python3-dev libnl-3-dev libnl-genl-3-dev; "
    "Fedora/RHEL: dnf install gcc pkgconf-pkg-config python3-devel libnl3-devel; "
    "Alpine: apk add gcc musl-dev linux-headers pkgconf python3-dev libnl3-dev"
)


def stop(what: str) -> None:
    sys.exit(f"ipvsfast cannot be built: {what}. Install it with the line for your system: {NEEDS}")


def pkg_config(flag: str) -> list[str]:
    program = os.environ.get("PKG_CONFIG", "pkg-config")
    if not shutil.which(program):
        stop(f"{program} is missing")
    done = subprocess.run(
        [program, flag, "libnl-3.0", "libnl-genl-3.0"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        stop("the libnl-3 and libnl-genl-3 headers are missing")
    return done.stdout.split()


def check_compiler() -> None:
    import sysconfig

    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    if not shutil.which(compiler):
        stop(f"the C compiler ({compiler}) is missing")
    include = sysconfig.get_path("include")
    if not (Path(include) / "Python.h").exists():
        stop("the Python headers (Python.h) are missing")


def files(pattern: str) -> list[str]:
    """What matches below this folder, in an order that does not depend on the file system."""
    return sorted(str(path.relative_to(HERE)) for path in HERE.glob(pattern))


def make() -> FFI:
    check_compiler()
    ffi = FFI()
    for name in API:
        ffi.cdef((HERE / "api" / name).read_text())
    relative = os.path.relpath(HERE)
    ffi.set_source(
        "ipvsfast._native",
        '#include "core/internal.h"',
        sources=[os.path.join(relative, path) for room in ROOMS for path in files(f"{room}/*.c")],
        depends=[os.path.join(relative, path) for path in files("**/*.h")],
        include_dirs=[relative],
        extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden", "-pthread", *pkg_config("--cflags")],
        extra_link_args=["-pthread", *pkg_config("--libs")],
        py_limited_api=True,
    )
    return ffi


ffibuilder = make()
