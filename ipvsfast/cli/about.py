"""-h and -v: what needs no kernel and no privilege."""

from __future__ import annotations

from .. import __version__
from ..errors import IpvsError
from .output import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..language.parse import Request
    from .context import Context

# The release whose command line and formats these are, and the interface version it was built with.
MODEL = "v1.31"
INTERFACE = "v1.2.1"


def print_help(context: Context, request: Request) -> int:
    """-h"""
    from .help import help_text

    write(help_text(context.program))
    return 0


def print_version(context: Context, request: Request) -> int:
    """-v"""
    write(version_text(context.program))
    return 0


def base_name(program: str) -> str:
    """The last part of the path by which we were called."""
    return program.rpartition("/")[2]


def version_text(program: str) -> str:
    """One line under the name ipvsadm; under our own also what libraries and kernel there are."""
    from ..kernel.session import libnl_version

    if base_name(program) == "ipvsadm":
        return (
            f"ipvsadm {MODEL} (ipvsfast {__version__}, compiled with libnl {libnl_version()} "
            f"and IPVS {INTERFACE})\n"
        )
    return (
        f"ipvsfast v{__version__} (command line of ipvsadm {MODEL}, libnl {libnl_version()})\n"
        f"kernel: {kernel_text()}\n"
        f"connections: {connections_text()}\n"
        f"counters: {counters_text()}\n"
    )


def kernel_text() -> str:
    """What the kernel says of its IPVS, or why it does not."""
    from ..client import Ipvs

    try:
        with Ipvs() as ipvs:
            info = ipvs.info()
    except IpvsError as error:
        reason = str(error.strerror).removeprefix("Can't initialize ipvs: ")
        return f"IPVS not reachable: {reason}" + (f" ({error.advice})" if error.advice else "")
    version = ".".join([str(part) for part in info.version])
    return f"IPVS v{version}, connection table size {info.size}"


def connections_text() -> str:
    """Where `-L -c` and `conns` would read a large connection table from, and why."""
    from ..connections.source import BREAK_EVEN, chosen_source
    from ..connections.table import Connections

    try:
        source = chosen_source(None)
    except IpvsError as error:
        return f"not read: {error}"
    if source == "proc":
        return "read as text, as was chosen"
    reason = Connections().why_not_bpf()
    if not reason:
        return f"walked by BPF, from {BREAK_EVEN:,} on" if source == "auto" else "walked by BPF"
    return f"read as text; BPF cannot be used: {reason}"


def counters_text() -> str:
    """Whether live counters can be had, and why not."""
    from ..client import Ipvs
    from ..stats.sources import REFRESH, chosen_source, reason_of

    try:
        source = chosen_source(None)
        if source in ("netlink", "sockopt"):
            return f"of every {REFRESH:g} s, as was chosen"
        with Ipvs() as ipvs:
            ipvs.poller("live").open()
    except IpvsError as error:
        return f"of every {REFRESH:g} s; live ones cannot be had: {reason_of(error)}"
    return "live by BPF" + (f" where readings are less than {REFRESH:g} s apart" if source == "auto" else "")
