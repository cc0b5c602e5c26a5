"""The kernels the tests run on, each with the reason it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .errors import CannotRunError

Backend = Literal["uml", "qemu", "host"]


@dataclass(frozen=True)
class Kernel:
    name: str
    backend: Backend
    reason: str
    suite: str = ""
    package: str = ""


KERNELS = (
    Kernel(
        "uml",
        "uml",
        "the default: needs no root and no hardware help, boots in two seconds; "
        "the newest IPVS (per-namespace resizable tables, RCU dumps)",
        suite="testing",
        package="user-mode-linux",
    ),
    Kernel(
        "6.1",
        "qemu",
        "Debian 12: before the estimator kthreads of 6.2 and the linear ip_vs_conn of 6.14",
        suite="bookworm",
        package="linux-image-amd64",
    ),
    Kernel(
        "6.12",
        "qemu",
        "Debian 13: estimator kthreads, the connection file still quadratic",
        suite="trixie",
        package="linux-image-amd64",
    ),
    Kernel(
        "testing",
        "qemu",
        "the newest stock kernel, with several CPUs, which UML has not",
        suite="testing",
        package="linux-image-amd64",
    ),
    Kernel(
        "host",
        "host",
        "the running kernel, in a fresh network namespace: needs root and IPVS in it",
    ),
)


def find(name: str) -> Kernel:
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    known = ", ".join(kernel.name for kernel in KERNELS)
    raise CannotRunError(f"no kernel is called {name!r} (there are: {known})")
