"""The command line as data: commands, options, and which option goes with which command.

`Option` rows carry what the parser needs (spellings, argument, the name used in messages) and what
help text, manual page and completions print. The order of MATRIX is the order in which violations are
reported. Nothing is computed here but lookup tables.
"""

from __future__ import annotations

from ..model.kernel_names import INT_MAX

COMMAND, SERVICE, OPTION, DAEMON = "Commands", "virtual-service", "Options", "Daemon Options"


class Option:
    """One command or option.

    name: its name in messages; options that exclude each other share one. value: what the option means
    among those that share its name, else "". spellings: short ones first. argument: the word for its
    argument in help texts, "" if it takes none. optional: the argument may be left out. block:
    COMMAND, SERVICE, OPTION or DAEMON. help: one line. number: if its argument is one, the least, the
    greatest, and the message for others. field: the one of a Destination that takes it. default: what that
    is without the option; where this is not 0, a rule always has the option.
    """

    __slots__ = (
        "name", "value", "spellings", "argument", "optional", "block", "help", "number", "field", "default",
    )  # fmt: skip

    def __init__(
        self,
        block: str,
        name: str,
        spellings: tuple[str, ...],
        argument: str,
        help: str,
        *,
        value: str = "",
        optional: bool = False,
        number: tuple[int, int, str] | None = None,
        field: str = "",
        default: int = 0,
    ) -> None:
        self.name: str = name
        self.value: str = value
        self.spellings: tuple[str, ...] = spellings
        self.argument: str = argument
        self.optional: bool = optional
        self.block: str = block
        self.help: str = help
        self.number: tuple[int, int, str] | None = number
        self.field: str = field
        self.default: int = default

    def __repr__(self) -> str:
        return f"<Option {' '.join(self.spellings)}>"


OPTIONS: tuple[Option, ...] = (
    Option(COMMAND, "add-service", ("-A", "--add-service"), "", "add a virtual service"),
    Option(COMMAND, "edit-service", ("-E", "--edit-service"), "",
           "replace a service's settings; what is not given is reset"),
    Option(COMMAND, "delete-service", ("-D", "--delete-service"), "", "delete a service and its servers"),
    Option(COMMAND, "flush", ("-C", "--clear"), "", "delete all services"),
    Option(COMMAND, "restore", ("-R", "--restore"), "", "carry out rules read from standard input"),
    Option(COMMAND, "save", ("-S", "--save"), "", "print the table as rules that -R reads"),
    Option(COMMAND, "add-destination", ("-a", "--add-server"), "", "add a real server to a service"),
    Option(COMMAND, "edit-destination", ("-e", "--edit-server"), "",
           "replace a server's settings; what is not given is reset"),
    Option(COMMAND, "delete-destination", ("-d", "--delete-server"), "",
           "delete a real server from a service"),
    Option(COMMAND, "list", ("-L", "-l", "--list"), "", "list the table, or one service"),
    Option(COMMAND, "zero", ("-Z", "--zero"), "", "zero the counters of all services, or of one"),
    Option(COMMAND, "set", ("--set",), "",
           "set the three connection timeouts (seconds; 0 leaves one as it is)"),
    Option(COMMAND, "start-daemon", ("--start-daemon",), "{master|backup}",
           "start sending or receiving connection states"),
    Option(COMMAND, "stop-daemon", ("--stop-daemon",), "{master|backup}",
           "stop the synchronization daemon of that state"),
    Option(COMMAND, "help", ("-h", "--help"), "", "print this text"),
    Option(COMMAND, "version", ("-v", "--version"), "", "print the version"),
    Option(SERVICE, "service-address", ("-t", "--tcp-service"), "address[:port]", "TCP service", value="tcp"),
    Option(SERVICE, "service-address", ("-u", "--udp-service"), "address[:port]", "UDP service", value="udp"),
    Option(SERVICE, "service-address", ("--sctp-service",), "address[:port]", "SCTP service", value="sctp"),
    Option(SERVICE, "service-address", ("-f", "--fwmark-service"), "mark",
           "packets with this firewall mark (1 to 4294967295)", value="fwmark"),
    Option(OPTION, "ipv6", ("-6", "--ipv6"), "", "the firewall mark before it selects IPv6 packets"),
    Option(OPTION, "scheduler", ("-s", "--scheduler"), "name",
           "rr, wrr, lc, wlc (default), lblc, lblcr, dh, sh, sed, nq, fo, ovf or mh"),
    Option(OPTION, "sched-flags", ("-b", "--sched-flags"), "flag,...",
           "sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3"),
    Option(OPTION, "pe", ("--pe",), "engine", "persistence engine: sip"),
    Option(OPTION, "persistent", ("-p", "--persistent"), "seconds",
           "send a client to the same server for so long (default 360)", optional=True),
    Option(OPTION, "netmask", ("-M", "--netmask"), "mask",
           "group the clients of a persistent service: dotted mask, or IPv6 prefix length"),
    Option(OPTION, "ops", ("-o", "--ops"), "", "one-packet scheduling (UDP and firewall marks)"),
    Option(OPTION, "real-server", ("-r", "--real-server"), "address[:port]",
           "the server (default port: the service's)"),
    Option(OPTION, "forwarding-method", ("-g", "--gatewaying"), "",
           "forward by direct routing (default)", value="route"),
    Option(OPTION, "forwarding-method", ("-i", "--ipip"), "", "forward through a tunnel", value="tunnel"),
    Option(OPTION, "forwarding-method", ("-m", "--masquerading"), "",
           "forward by network address translation", value="masq"),
    Option(OPTION, "tun-type", ("--tun-type",), "type", "ipip (default), gue or gre"),
    Option(OPTION, "tun-port", ("--tun-port",), "port", "UDP port of a gue tunnel",
           number=(1, 65535, "illegal tunnel port specified")),
    Option(OPTION, "tun-nocsum", ("--tun-nocsum",), "", "no checksum in the tunnel header (default)"),
    Option(OPTION, "tun-csum", ("--tun-csum",), "", "checksum in the tunnel header (gue, gre)"),
    Option(OPTION, "tun-remcsum", ("--tun-remcsum",), "", "remote checksum offload (gue)"),
    Option(OPTION, "weight", ("-w", "--weight"), "number",
           "share of the server (default 1; 0: no new connections)",
           number=(0, INT_MAX, "illegal weight specified"), field="weight", default=1),
    Option(OPTION, "u-threshold", ("-x", "--u-threshold"), "number",
           "connections from which on it gets no new ones (0: no limit)",
           number=(0, INT_MAX, "illegal u_threshold specified"), field="upper"),
    Option(OPTION, "l-threshold", ("-y", "--l-threshold"), "number",
           "connections below which it gets new ones again",
           number=(0, INT_MAX, "illegal l_threshold specified"), field="lower"),
    Option(OPTION, "connection", ("-c", "--connection"), "", "list the connections"),
    Option(OPTION, "timeout", ("--timeout",), "", "show the connection timeouts (tcp tcpfin udp)"),
    Option(OPTION, "daemon", ("--daemon",), "", "show the synchronization daemons"),
    Option(OPTION, "stats", ("--stats",), "", "show counters"),
    Option(OPTION, "rate", ("--rate",), "", "show rates per second"),
    Option(OPTION, "exact", ("-X", "--exact"), "", "print counters and rates in full"),
    Option(OPTION, "thresholds", ("--thresholds",), "", "show the thresholds of servers"),
    Option(OPTION, "persistent-conn", ("--persistent-conn",), "", "show persistent connections"),
    Option(OPTION, "tun-info", ("--tun-info",), "", "show tunnel types"),
    Option(OPTION, "nosort", ("--nosort",), "", "list in the kernel's order"),
    Option(OPTION, "sort", ("--sort",), "", "no effect: listings are sorted"),
    Option(OPTION, "numeric", ("-n", "--numeric"), "", "print addresses and ports as numbers"),
    Option(DAEMON, "syncid", ("--syncid",), "number",
           "group of daemons to take part in (0 to 255, default 0)",
           number=(0, 255, "illegal syncid specified")),
    Option(DAEMON, "sync-maxlen", ("--sync-maxlen",), "bytes",
           "longest message (default: what the interface carries)",
           number=(1, 65507, "illegal sync-maxlen specified")),
    Option(DAEMON, "mcast-interface", ("--mcast-interface",), "name", "interface to use (default eth0)"),
    Option(DAEMON, "mcast-group", ("--mcast-group",), "address", "multicast address (default 224.0.0.81)"),
    Option(DAEMON, "mcast-port", ("--mcast-port",), "port", "UDP port (default 8848)",
           number=(1, 65535, "illegal mcast-port specified")),
    Option(DAEMON, "mcast-ttl", ("--mcast-ttl",), "number", "time to live of the messages (default 1)",
           number=(1, 255, "illegal mcast-ttl specified")),
)  # fmt: skip

SPELLINGS: dict[str, Option] = {spelling: option for option in OPTIONS for spelling in option.spellings}

# What sets the numbers of a Destination, in the order of its fields.
NUMBERS: tuple[Option, ...] = tuple([option for option in OPTIONS if option.field])

# Options that ipvsadm does not have; under the name ipvsadm they are unknown.
OWN_OPTIONS: tuple[Option, ...] = (
    Option(OPTION, "source", ("--source",), "auto|proc|bpf", "with -L -c: where to read connections from"),
)
WITH_OWN: dict[str, Option] = {**SPELLINGS, **{option.spellings[0]: option for option in OWN_OPTIONS}}

REPEATABLE = frozenset(("ipv6", "sort"))

# "+" required, "." allowed, "x" refused, "1" at most one of these. Options that are not here go with
# every command; their order is that of the reports.
MATRIX: tuple[tuple[str, str], ...] = (
    #                     -A     -a     --start --stop
    #                     -E -D -C -L -e -d --set  -R -S -Z
    ("numeric",           "xxx.xxxxxx.x"),
    ("connection",        "xxx1xxxxxxxx"),
    ("service-address",   "++x1++xxxxx."),
    ("scheduler",         ".xxxxxxxxxxx"),
    ("persistent",        ".xxxxxxxxxxx"),
    ("netmask",           ".xxxxxxxxxxx"),
    ("real-server",       "xxxx++xxxxxx"),
    ("forwarding-method", "xxxx.xxxxxxx"),
    ("weight",            "xxxx.xxxxxxx"),
    ("u-threshold",       "xxxx.xxxxxxx"),
    ("l-threshold",       "xxxx.xxxxxxx"),
    ("mcast-interface",   "xxxxxxx.xxxx"),
    ("timeout",           "xxx1xxxxxxxx"),
    ("daemon",            "xxx1xxxxxxxx"),
    ("stats",             "xxx.xxxxxxxx"),
    ("rate",              "xxx.xxxxxxxx"),
    ("thresholds",        "xxx.xxxxxxxx"),
    ("persistent-conn",   "xxx.xxxxxxxx"),
    ("nosort",            "xxx.xxxxxxxx"),
    ("syncid",            "xxx.xxx..xxx"),
    ("exact",             "xxx.xxxxxxxx"),
    ("ops",               ".xxxxxxxxxxx"),
    ("pe",                ".xxxxxxxxxxx"),
    ("sched-flags",       ".xxxxxxxxxxx"),
    ("mcast-group",       "xxxxxxx.xxxx"),
    ("mcast-port",        "xxxxxxx.xxxx"),
    ("mcast-ttl",         "xxxxxxx.xxxx"),
    ("sync-maxlen",       "xxxxxxx.xxxx"),
    ("tun-info",          "xxx.xxxxxxxx"),
    ("tun-type",          "xxxx.xxxxxxx"),
    ("tun-port",          "xxxx.xxxxxxx"),
    ("tun-nocsum",        "xxxx.xxxxxxx"),
    ("tun-csum",          "xxxx.xxxxxxx"),
    ("tun-remcsum",       "xxxx.xxxxxxx"),
)  # fmt: skip

# The column of each command.
COLUMNS: dict[str, int] = {
    "add-service": 0, "edit-service": 0, "delete-service": 1, "flush": 2, "list": 3, "add-destination": 4,
    "edit-destination": 4, "delete-destination": 5, "set": 6, "start-daemon": 7, "stop-daemon": 8,
    "restore": 9, "save": 10, "zero": 11,
}  # fmt: skip

NUMBERED: tuple[str, ...] = tuple([name for name, _ in MATRIX])
CELLS: tuple[str, ...] = tuple(
    ["".join(column) for column in zip(*[cells for _, cells in MATRIX], strict=True)]
)
# The options of each column that are certainly right: only other lines are compared cell by cell.
REQUIRED: tuple[frozenset[str], ...] = tuple(
    [frozenset([name for name, row in MATRIX if row[i] == "+"]) for i in range(len(CELLS))]
)
ALLOWED: tuple[frozenset[str], ...] = tuple(
    [frozenset([name for name, row in MATRIX if row[i] in "+."]) | REPEATABLE for i in range(len(CELLS))]
)

TUNNEL_OPTIONS = ("tun-port", "tun-nocsum", "tun-csum", "tun-remcsum")
TUNNEL_CELLS: dict[str, str] = {"ipip": "xxxx", "gue": "+111", "gre": "x11x"}

# What the argument of an option can be, where that is a matter of few words.
VALUES: dict[str, tuple[str, ...]] = {
    "scheduler": (
        "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh",
    ),
    "sched-flags": ("sh-fallback", "sh-port", "mh-fallback", "mh-port", "flag-1", "flag-2", "flag-3"),
    "pe": ("sip",),
    "tun-type": tuple(TUNNEL_CELLS),
    "protocol": ("tcp", "udp", "sctp", "ip", "icmp", "icmpv6"),
    "family": ("ipv4", "ipv6", "mixed"),
    "source": ("auto", "proc", "bpf"),
    "counters-source": ("auto", "live", "netlink", "sockopt"),
    "from": ("auto", "rules", "json", "yaml", "toml", "keepalived", "ldirectord", "ipvsctl"),
    "to": ("rules", "json", "yaml"),
    "start-daemon": ("master", "backup"),
    "stop-daemon": ("master", "backup"),
}  # fmt: skip
