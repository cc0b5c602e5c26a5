"""Writes texts.h: every text that the native front prints, from the modules whose texts they are.

usage: texts.py FILE    Used while building; not part of the wheel.
"""

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ipvsfast.changes.state_folder import (  # noqa: E402
    BOOT_ID,
    DEFAULT_PLACE,
    JOURNAL,
    JOURNAL_BYTES,
    JOURNAL_VERSION,
    JOURNALS,
    KEPT,
    UNSETTLED,
    VARIABLE,
)
from ipvsfast.errors import sentence  # noqa: E402
from ipvsfast.listing.connections import headers  # noqa: E402
from ipvsfast.listing.headers import HEADERS, version_line  # noqa: E402
from ipvsfast.listing.state import timeout_text  # noqa: E402
from ipvsfast.model.kernel_names import COMMANDS  # noqa: E402
from ipvsfast.plans.account_text import (  # noqa: E402
    as_wanted_text,
    cannot_text,
    done_text,
    no_way_back_text,
    order_text,
    plan_text,
    stays_open_text,
)

VIEWS = {
    "default": "DEFAULT",
    "stats": "STATS",
    "rate": "RATE",
    "thresholds": "THRESHOLDS",
    "persistent-conn": "PERSISTENT",
    "tun-info": "TUNNEL",
}
# An outcome that is not known is for Python to tell.
UNKNOWN = errno.ENOBUFS
NEWLINE = "\n"


def quoted(text: str) -> str:
    """`text` as a string in C."""
    return '"' + text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'


def refusals() -> list[str]:
    """The answers of the kernel that have a sentence of ipvsadm's, and not the system's."""
    lines = []
    for command, number in COMMANDS.items():
        for code, name in sorted(errno.errorcode.items()):
            text = sentence(command, code)
            if text != os.strerror(code) and code != UNKNOWN:
                lines.append(f"\t{{ {number}, {name}, {quoted(text)} }},")
    return lines


def as_wanted(entries: int) -> str:
    """The account of an apply that came to its end, for one entry or several; numbers come as text."""
    text = as_wanted_text(done_text(111, 222, 333, 4.44), entries, "%s")
    for number in ("111", "222", "333"):
        text = text.replace(number, "%s")
    return quoted(text.replace("4.44", "%.2f").replace(f": {entries} ", ": %s ") + "\n")


def order(services: int) -> str:
    """What is said of services whose destinations stand in another order; the number as text."""
    return quoted(order_text(services).replace(f"{services} ", "%s ", 1) + "\n")


def header() -> str:
    """The whole file."""
    numbers = SimpleNamespace(version=("%u", "%u", "%u"), size="%u", tcp="%u", tcp_fin="%u", udp="%u")
    views = [f"\t[IPVSF_VIEW_{name}] = {quoted(HEADERS[view])}," for view, name in VIEWS.items()]
    lines = [
        "/* Made by texts.py from ipvsfast/. */",
        f"#define FRONT_VERSION_LINE {quoted(version_line(numbers))}",  # type: ignore[arg-type]
        f"#define FRONT_TIMEOUTS {quoted(timeout_text(numbers))}",  # type: ignore[arg-type]
        f"#define FRONT_AS_WANTED {as_wanted(2)}",
        f"#define FRONT_AS_WANTED_ONE {as_wanted(1)}",
        f"#define FRONT_ORDER {order(2)}",
        f"#define FRONT_ORDER_ONE {order(1)}",
        f"#define FRONT_NO_WAY_BACK {quoted(no_way_back_text(cannot_text('write', '%s', '%s')) + NEWLINE)}",
        f"#define FRONT_STAYS_OPEN {quoted(stays_open_text(cannot_text('write', '%s', '%s')) + NEWLINE)}",
        f"#define FRONT_NOTHING_LEFT {quoted(plan_text(0, 0, 0))}",
        f"#define FRONT_STATE_KEPT {KEPT}",
        f"#define FRONT_JOURNAL_PREFIX {quoted(JOURNAL)}",
        f"#define FRONT_JOURNAL_VERSION {JOURNAL_VERSION}",
        f"#define FRONT_JOURNALS_KEPT {JOURNALS}",
        f"#define FRONT_JOURNAL_BYTES {JOURNAL_BYTES}",
        f"#define FRONT_STATE_VARIABLE {quoted(VARIABLE)}",
        f"#define FRONT_STATE_PLACE {quoted(DEFAULT_PLACE)}",
        f"#define FRONT_BOOT_ID {quoted(BOOT_ID)}",
        f"#define FRONT_UNSETTLED {quoted(UNSETTLED)}",
        f"#define FRONT_CONN_HEAD {quoted(headers())}",
        f"#define FRONT_CONN_HEAD_ENGINES {quoted(headers(True))}",
        "",
        "__attribute__((unused)) static const char *const front_headers[] = {",
        *views,
        '\t[IPVSF_VIEW_RULES] = "",',
        "};",
        "",
        "__attribute__((unused)) static const struct {",
        "\tuint16_t cmd;",
        "\tint number;",
        "\tconst char *text;",
        "} front_refusals[] = {",
        *refusals(),
        "};",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(header())
