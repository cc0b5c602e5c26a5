"""The program's own commands beside ipvsadm's, as data: `ipvsfast VERB [options] [words]`.

They exist under the name ipvsfast only; called as ipvsadm, a first word is what it always was.
"""

from __future__ import annotations

from ..language.options import Option
from ..language.words import UsageError, tokens
from .table_options import FILTERS, OUTPUT, SOURCE
from .target_options import TARGETS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

VERB = "Verb options"


class Verb:
    """One verb. words: the names of its positional words, `[X]` for one that may be left out. function: who
    carries it out, "module.function" in this room, called with the context, the options by name, and the
    words; gives the exit status. examples: what they do, and the words behind the verb."""

    __slots__ = ("name", "words", "function", "options", "help", "examples")

    def __init__(
        self, name: str, words: tuple[str, ...], function: str, help: str,
        *, options: tuple[Option, ...] = (), examples: tuple[tuple[str, str], ...] = (),
    ) -> None:  # fmt: skip
        self.name: str = name
        self.function: str = function
        self.examples: tuple[tuple[str, str], ...] = examples
        self.words: tuple[str, ...] = words
        self.options: tuple[Option, ...] = options
        self.help: str = help

    @property
    def synopsis(self) -> str:
        return " ".join([self.name, *(["[options]"] if self.options else []), *self.words])


def _option(name: str, spellings: tuple[str, ...], help: str, argument: str = "") -> Option:
    return Option(VERB, name, spellings, argument, help)


ALLOW_NONE = _option("allow-empty", ("--allow-empty",), "also a FILE without any service")
FROM = (
    _option(
        "from",
        ("--from",),
        "FILE is rules, json, yaml, toml, or a configuration of keepalived, ldirectord or "
        "ipvsctl; auto: tell by its name and beginning; two FILEs may have one each",
        "FORM,...",
    ),
    _option("config-id", ("--config-id",), "what @ID lines of keepalived.conf are compared with", "ID"),
)
DRY = _option("dry-run", ("--dry-run",), "only say what would be done")
HOW = (
    _option("order", ("--order",), "destinations are also to stand in the order of FILE"),
    _option("keep-weights", ("--keep-weights",), "destinations that are there keep their weights"),
    _option("only", ("--only",), "nothing but these: add, edit, delete", "ACTION,..."),
    _option(
        "scope",
        ("--scope",),
        "compare and change only services in any of these: 10.0.0.0/8, :80, tcp, "
        "tcp:80, tcp:10.0.0.1:80, fwmark, fwmark:1-9; a ! in front excludes",
        "WHERE,...",
    ),
    _option(
        "tag",
        ("--tag",),
        "only services that NAME has created or adopted, and those of FILE, which become its own",
        "NAME",
    ),
    ALLOW_NONE,
)

GUARDS = (
    _option("max-delete", ("--max-delete",), "do nothing if more entries would be deleted", "N|N%"),
    _option("max-change", ("--max-change",), "do nothing if more would be changed", "N|N%"),
    _option("drain", ("--drain",), "what is to be deleted gets weight 0 first, and so long for its "
            "connections to end", "SECONDS"),
)  # fmt: skip

JSON = _option("json", ("--json",), "print one JSON object")
QUIET = _option("quiet", ("-q", "--quiet"), "tell only what goes wrong")
LOCK_WAIT = _option("wait", ("--wait",), "wait so long if another replaces the table already", "SECONDS")
LOCK_WAIT_10 = _option(
    "wait", ("--wait",), "wait so long if another replaces the table (default 10)", "SECONDS"
)
HELP = _option("help", ("-h", "--help"), "print this text")

VERBS: tuple[Verb, ...] = (
    Verb(
        "restore", ("[FILE]",), "restore.restore",
        "check all rules of FILE (or standard input), then add them",
        options=(
            _option("check", ("--check",), "only check: no kernel, no privilege; lists every error"),
            _option("keep-going", ("--keep-going",), "go on after a rule that the kernel refuses"),
            _option("stop-on-error", ("--stop-on-error",), "stop at the first one (default)"),
            _option("exist", ("--exist",), "what is there with other values is made to be as in the file"),
            _option("clear", ("--clear",), "replace the table; what stays serves on; no refusal stops it"),
            _option("allow-empty", ("--allow-empty",), "with --clear: also by a file without any service"),
            _option("wait", ("--wait",), "with --clear: wait so long if another replaces the table already",
                    "SECONDS"),
            _option("quiet", ("-q", "--quiet"), "no progress and no summary"),
        ),
    ),
    Verb(
        "save", ("[FILE]",), "save.save",
        "write everything that restore can bring back to FILE (or standard output)",
        options=(_option("compat", ("--compat",), "write what ipvsadm 1.31 -S -n writes"),),
    ),
    Verb(
        "diff", ("[FILE]", "[TO]"), "diff.diff",
        "show how the table differs from FILE (or standard input), or FILE from TO",
        options=(
            _option("summary", ("--summary",), "only how many differ"),
            _option("json", ("--json",), "print one JSON object"),
            *HOW,
            *FROM,
        ),
        examples=(
            ("What to do to make the table as the file says", "rules"),
            ("The difference of two files, without a kernel and without privilege", "old.rules new.rules"),
            ("Whether another director has the same table", "other.json --summary"),
        ),
    ),
    Verb(
        "plan", ("[FILE]",), "plan.plan",
        "print the commands that make the table what FILE (or standard input) asks for; nothing is done",
        options=(
            _option("out", ("-o", "--out"), "write the plan to a file that apply takes", "PLAN"),
            _option("detailed-exitcode", ("--detailed-exitcode",), "status 2 if there is something to do, "
                    "1 for an error"),
            _option("json", ("--json",), "print one JSON object"),
            *HOW,
            *FROM,
        ),
    ),
    Verb(
        "apply", ("[FILE]",), "apply.apply",
        "make the table what FILE (or standard input, or a plan) asks for by the least change",
        options=(
            _option("dry-run", ("--dry-run",), "only show what would be done"),
            *GUARDS,
            *HOW,
            *FROM,
            _option("keep-going", ("--keep-going",), "rules with a name that has no address are left out "
                    "and told; nothing is deleted then"),
            _option("confirm-within", ("--confirm-within",), "take it back after so long, unless confirm "
                    "keeps it", "SECONDS"),
            _option("wait", ("--wait",), "wait so long if another replaces the table already", "SECONDS"),
            _option("quiet", ("-q", "--quiet"), "tell only what goes wrong"),
        ),
        examples=(
            ("Make it so, unless that deletes more than a tenth of the table", "--max-delete 10% rules"),
            ("The same without touching weights, which a health checker sets", "--keep-weights rules"),
            ("Look at it today, do exactly that tomorrow", "plan-of-today"),
            ("What keepalived would set up", "--from keepalived /etc/keepalived/keepalived.conf"),
            ("Back again in a minute, unless `ipvsfast confirm' comes first", "--confirm-within 60 rules"),
        ),
    ),
    Verb(
        "watch", ("FILE",), "watch_verb.watch",
        "apply FILE now and whenever it changes, and tell what others change of the table, until SIGTERM",
        options=(
            _option("interval", ("--interval",), "look at the table so often (60); 0: only when FILE changes",
                    "SECONDS"),
            _option("enforce", ("--enforce",), "what others change is changed back"),
            *GUARDS,
            *HOW,
            *FROM,
            _option("wait", ("--wait",), "wait so long (10) if another replaces the table already",
                    "SECONDS"),
            _option("json", ("--json",), "messages are objects of JSON, one a line"),
            _option("check", ("--check",), "only check FILE and the options: no kernel, no privilege"),
        ),
        examples=(
            ("A service's own file; no mistake in it deletes more than a fifth", "--max-delete 20% rules"),
            ("What was changed by hand is changed back within ten seconds", "--enforce --interval 10 rules"),
            ("Only services of this file and those that it had, beside other programs'", "--tag web rules"),
        ),
    ),
    Verb(
        "undo", (), "undo.undo", "take the last apply back",
        options=(
            _option("force", ("--force",), "also what others have changed since of what it touched"),
            _option("dry-run", ("--dry-run",), "only show what would be done"),
            LOCK_WAIT,
            QUIET,
        ),
    ),
    Verb(
        "confirm", (), "confirm.confirm", "keep what apply --confirm-within did",
        options=(LOCK_WAIT, QUIET),
    ),
    Verb(
        "history", (), "history.history", "list the last applies to the table of this network namespace",
        options=(JSON,),
    ),
    Verb(
        "convert", ("[FILE]",), "convert.convert",
        "write what FILE (or standard input) asks for as rules, JSON or YAML; no kernel, no privilege",
        options=(
            *FROM,
            _option("to", ("--to",), "rules (default), json or yaml", "FORM"),
            _option("out", ("-o", "--out"), "write to a file, which is replaced as a whole", "TARGET"),
            ALLOW_NONE,
            _option("quiet", ("-q", "--quiet"), "do not tell what is left out"),
        ),
        examples=(
            ("The rules of a configuration of keepalived", "--from keepalived keepalived.conf"),
            ("A configuration of ldirectord as YAML",
             "--from ldirectord --to yaml -o table.yaml ldirectord.cf"),
        ),
    ),
    Verb(
        "drain", (), "drain.drain",
        "give destinations the weight 0 and wait until their connections are gone",
        options=(
            *TARGETS,
            _option("timeout", ("--timeout",), "wait so long at most; status 1 if some are left", "SECONDS"),
            _option("no-wait", ("--no-wait",), "only set the weight"),
            _option("delete", ("--delete",), "delete those whose connections are gone"),
            _option("force", ("--force",), "with --delete: also the others, when the time is over"),
            LOCK_WAIT_10,
            JSON,
            QUIET,
        ),
        examples=(
            ("One server of one service", "-t 10.0.0.1:80 -r 10.1.0.7:8080"),
            ("A machine, in all services that have it; out of them in five minutes at most",
             "--destination 10.1.0.7 --timeout 300 --delete --force"),
            ("A network, and come back at once", "-r 10.1.7.0/24 --no-wait"),
        ),
    ),
    Verb(
        "undrain", (), "drain.undrain", "give drained destinations the weights back that they had",
        options=(
            *TARGETS,
            _option("all", ("--all",), "of all that were drained"),
            _option("force", ("--force",), "also where another program has set a weight meanwhile"),
            LOCK_WAIT_10,
            JSON,
            QUIET,
        ),
        examples=(("A machine that is in order again, in all services", "--destination 10.1.0.7"),),
    ),
    Verb(
        "weight", ("WEIGHT",), "weight.weight",
        "give destinations a weight, at once or in steps over some time",
        options=(
            *TARGETS,
            _option("over", ("--over",), "the time that the way there takes", "SECONDS"),
            _option("steps", ("--steps",), "in so many steps; else one a second, or one for each weight",
                    "NUMBER"),
            LOCK_WAIT_10,
            JSON,
            QUIET,
        ),
        examples=(
            ("A cold server gets its share little by little, over ten minutes",
             "-t 10.0.0.1:80 -r 10.1.0.7 100 --over 600"),
            ("All servers of a network, at once", "-r 10.1.7.0/24 50"),
        ),
    ),
    Verb(
        "list", (), "list_verb.list_services", "list services and their destinations, or some of them",
        options=(
            *FILTERS,
            _option("stats", ("--stats",), "with counters, as a table"),
            _option("rate", ("--rate",), "with rates, as a table"),
            _option("thresholds", ("--thresholds",), "with thresholds, as a table"),
            _option("persistent-conn", ("--persistent-conn",), "with persistent connections, as a table"),
            _option("tun-info", ("--tun-info",), "with tunnels, as a table"),
            _option("exact", ("--exact",), "counters in full, with --stats or --rate"),
            _option("nosort", ("--nosort",), "services in the kernel's order"),
            *OUTPUT,
        ),
        examples=(
            ("Everything, for a program", "--json"),
            ("Destinations that get no new connections", "--zero-weight"),
            ("The ten destinations with most active connections", "--sort active --limit 10"),
            ("The counters of one service", "--service 10.0.0.1:443 --stats --exact"),
            ("All destinations on one server, a line each", "--destination 10.1.0.7 --csv"),
        ),
    ),
    Verb(
        "stats", (), "stats_verb.stats", "counters of services and destinations, once or again and again",
        options=(
            *FILTERS,
            _option("interval", ("--interval",), "again every so many seconds: what was counted in between",
                    "SECONDS"),
            _option("repeat", ("--repeat", "--count"), "with --interval: NUMBER readings, then end",
                    "NUMBER"),
            SOURCE,
            _option("rates", ("--rates",), "a second: with --interval true rates, else the kernel's own"),
            _option("totals", ("--totals",), "of the whole network namespace, live and never zeroed"),
            _option("exact", ("--exact",), "numbers in full"),
            _option("plot", ("--plot",), "no text: draw all readings into FILE (SVG); with --interval and "
                    "--repeat", "FILE"),
            *OUTPUT,
            _option("quiet", ("-q", "--quiet"), "no notes on standard error"),
        ),
        examples=(
            ("What one service and its destinations have counted", "--service 10.0.0.1:443"),
            ("The ten busiest destinations, again and again",
             "--interval 2 --rates --sort in_bytes --limit 10"),
            ("A log for a program, once a minute", "--interval 60 --ndjson"),
            ("A minute of one service as CSV", "--service 10.0.0.1:443 --interval 2 --repeat 31 --csv"),
            ("All traffic, every second", "--totals --rates --interval 1"),
            ("What goes through one service ten times a second",
             "--service 10.0.0.1:443 --rates --interval 0.1"),
            ("A picture of two minutes", "--interval 2 --repeat 60 --plot traffic.svg"),
        ),
    ),
    Verb(
        "exporter", (), "exporter_verb.exporter",
        "serve the table as metrics, for Prometheus and whatever reads OpenMetrics, until SIGTERM",
        options=(
            _option("listen", ("--listen",), "serve there, not on 127.0.0.1:9119: ADDR:PORT, [ADDR]:PORT, "
                    ":PORT (all addresses) or unix:PATH; sockets of systemd are served beside", "WHERE,..."),
            _option("web-config", ("--web-config",), "TLS, users and headers, as exporters of Prometheus "
                    "have them; read again when it changes, and on SIGHUP", "FILE"),
            _option("min-age", ("--min-age",), "a reading is good enough for so long (0); who comes while "
                    "one goes on shares it", "SECONDS"),
            _option("once", ("--once",), "write one exposition to FILE.prom, which is replaced as a whole, "
                    "for node_exporter's collector textfile", "FILE"),
            SOURCE,
            _option("aggregate", ("--aggregate",), "metrics of each destination (default), of each service, "
                    "or none of either: only sums", "WHAT"),
            _option("labels", ("--labels",), "only these labels; what differs in others is summed",
                    "LABEL,..."),
            *[option for option in FILTERS if option.name not in ("sort", "limit", "services-only")],
            _option("max-series", ("--max-series",), "with more, metrics are of services or sums (1000000); "
                    "0: any number", "NUMBER"),
            _option("compat", ("--compat",), "node_exporter: its node_ipvs_* metrics for services and "
                    "destinations", "NAME"),
            _option("connections", ("--connections",), "also read the connection table, which takes long, "
                    "and count it by state or client", "KEY"),
            _option("check", ("--check",), "only check the options and the files that they name: nothing is "
                    "served"),
        ),
        examples=(
            ("For the Prometheus of this machine, but not read more than every five seconds", "--min-age 5"),
            ("For one elsewhere, with TLS and a password",
             "--listen 192.0.2.1:9119 --web-config /etc/ipvsfast/web.yml"),
            ("Only what each service has, whatever its number of destinations", "--aggregate service"),
            ("From a timer, for a node_exporter that runs already",
             "--once /var/lib/prometheus/node-exporter/ipvs.prom"),
        ),
    ),
    Verb(
        "top", (), "top.top", "watch services and destinations on a screen: rates and connections",
        options=(
            *[option for option in FILTERS if option.name not in ("sort", "services-only")],
            _option("sort", ("--sort",), "sort by a column at first, named as for stats, or scheduler, "
                    "destinations, total_connections ...; a - in front: the smallest first", "COLUMN"),
            _option("destinations", ("--destinations",), "begin with the destinations of all services"),
            _option("interval", ("--interval",), "read the table every so many seconds (default: 2)",
                    "SECONDS"),
            _option("repeat", ("--repeat", "--count"), "NUMBER readings (or plain tables), then end",
                    "NUMBER"),
            SOURCE,
            _option("plain", ("--plain",), "no screen: a table again and again, as on a dumb terminal"),
            _option("quiet", ("-q", "--quiet"), "do not say why there is no screen"),
        ),
        examples=(
            ("Services and what goes through them, every five seconds", "--interval 5"),
            ("The busiest destinations of one service",
             "--destinations --service 10.0.0.1:443 --sort in_bytes"),
            ("One table of a second's rates, for a mail", "--plain --interval 1 --repeat 1"),
        ),
    ),
    Verb(
        "conns", (), "conns_verb.conns", "look into the connection table: list, filter and count its entries",
        options=(
            _option("client", ("--client",), "of these clients: address, NET/LENGTH, :PORT, or address:PORT; "
                    "a ! in front excludes, here and in the next five", "ADDRESS,..."),
            _option("service", ("--service",), "to these virtual addresses", "ADDRESS,..."),
            _option("destination", ("--destination",), "on these real servers", "ADDRESS,..."),
            _option("state", ("--state",), "in these states, such as ESTABLISHED or UDP", "STATE,..."),
            _option("protocol", ("--protocol",), "tcp, udp, sctp, ip (templates of marks) or a number",
                    "PROTOCOL,..."),
            _option("family", ("--family",), "ipv4, ipv6 or mixed (service and server differ)", "FAMILY,..."),
            _option("expires-below", ("--expires-below",), "that end in less than so many seconds",
                    "SECONDS"),
            _option("templates", ("--templates",), "only templates of persistent clients"),
            _option("no-templates", ("--no-templates",), "only connections"),
            _option("pe", ("--pe",), "that belong to this persistence engine; * is any", "ENGINE,..."),
            _option("count", ("--count",), "only say how many"),
            _option("by", ("--by",), "count by client, client-net:24, client-port, service, service-address, "
                    "destination, destination-address, state, protocol, family, pe, template", "KEY,..."),
            _option("top", ("--top",), "only the NUMBER largest counts (with --by)", "NUMBER"),
            _option("min", ("--min",), "only counts of at least NUMBER (with --by)", "NUMBER"),
            _option("sample", ("--sample",), "NUMBER entries, each with the same chance", "NUMBER"),
            _option("limit", ("--limit",), "stop reading after NUMBER entries that match", "NUMBER"),
            _option("persistent-conn", ("--persistent-conn",), "with what persistence engines keep"),
            _option("json", ("--json",), "print one JSON array"),
            _option("ndjson", ("--ndjson",), "print one JSON object a line"),
            _option("csv", ("--csv",), "print comma-separated values, a header first"),
            _option("details", ("--details",), "with --csv: also forwarding, origin, fwmark, timeout and "
                    "packets, where BPF read them"),
            _option("source", ("--source",), "read from: auto (default), proc (the text) or bpf", "SOURCE"),
            _option("watch", ("--watch",), "repeat every so many seconds, redrawn in place, until q",
                    "SECONDS"),
            _option("interval", ("--interval",), "write the count or the counts every so many seconds, with "
                    "their change", "SECONDS"),
            _option("repeat", ("--repeat",), "with --interval: NUMBER times, then end", "NUMBER"),
            _option("quiet", ("-q", "--quiet"), "no progress and no warning"),
        ),
        examples=(
            ("How many connections of one service are established",
             "--count --service 10.0.0.1:443 --state ESTABLISHED"),
            ("Which ten clients have most", "--by client --top 10"),
            ("Which networks have most, again every two seconds", "--by client-net:24 --top 20 --watch 2"),
            ("A log of who has most, once a minute", "--by client --top 5 --interval 60 --ndjson"),
            ("What one server still has to serve, line by line for a program",
             "--destination 10.1.0.7:8080 --ndjson"),
            ("The connections of a network that are about to end",
             "--client 192.0.2.0/24 --expires-below 60"),
            ("A thousand connections, chosen at random", "--sample 1000 --csv"),
        ),
    ),
    Verb(
        "install", ("[PREFIX]",), "links.install_verb",
        "link the programs, manual pages and completions into PREFIX (/usr/local)",
        options=(_option("ipvsadm", ("--ipvsadm",), "under the names of ipvsadm as well"),),
    ),
    Verb("uninstall", ("[PREFIX]",), "links.uninstall_verb",
        "take back what install has made in PREFIX (/usr/local)"),
    Verb("install-compat", ("DIR",), "compat.install_verb",
        "put the names ipvsadm, ipvsadm-save and ipvsadm-restore into DIR; what a package has there is moved "
        "aside",
        options=(DRY,)),
    Verb("remove-compat", ("DIR",), "compat.remove_verb",
        "remove those names from DIR again, if they are ours, and bring back what was moved aside",
        options=(DRY,)),
    Verb("help", ("[VERB]",), "help.help_verb", "print the help of the program, or of one verb"),
)  # fmt: skip

ALLOW_EMPTY = _option("allow-empty", ("--allow-empty",), "also by input without any service")
WAIT = _option("wait", ("--wait",), "wait so long if another replaces the table already", "SECONDS")
# What the programs beside the main one do not have when they are called as ipvsadm-save, -restore.
OWN_ONLY = (HELP, ALLOW_EMPTY, WAIT)
SCRIPTS: tuple[Verb, ...] = (
    Verb(
        "ipvsfast-save", (), "", "print the table as rules that ipvsfast-restore reads",
        options=(_option("numeric", ("-n",), "print addresses and ports as numbers"), HELP),
    ),
    Verb(
        "ipvsfast-restore", (), "",
        "check all rules read from standard input, then replace the table by them",
        options=(ALLOW_EMPTY, WAIT, HELP),
    ),
)  # fmt: skip


def find(name: str) -> Verb | None:
    """The verb of that name."""
    for verb in VERBS:
        if verb.name == name:
            return verb
    return None


def parse_verb(verb: Verb, argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """(options by name with their arguments, positional words). UsageError (2) for anything else.

    With --help among the options the words are not checked.
    """
    spellings = {spelling: option for option in (*verb.options, HELP) for spelling in option.spellings}
    words: list[str] = []
    options: dict[str, str] = {}
    try:
        for option, text, _ in tokens(argv, spellings, words):
            # Several values of one option are one list.
            more = f"{options[option.name]}," if option.argument and option.name in options else ""
            options[option.name] = more + (text or "")
    except UsageError as error:
        raise UsageError(2, f"{verb.name}: {error.message}", word=error.word) from None
    if "help" in options:
        return options, words
    needed = sum(not word.startswith("[") for word in verb.words)
    if len(words) < needed:
        raise UsageError(2, f"{verb.name}: {verb.words[len(words)]} is missing")
    if len(words) > len(verb.words):
        raise UsageError(2, f"{verb.name}: unexpected argument {words[len(verb.words)]}")
    return options, words
