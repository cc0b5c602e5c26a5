"""Random command lines: right ones, nearly right ones, and words at random."""

from __future__ import annotations

from hypothesis import strategies as st

# Addresses of services lie so that ipvsadm's order of them does not go in circles (nor do the marks).
GOOD_SERVICES = [
    "-t 10.0.0.1:80", "-t 10.0.0.2:443", "-u 10.0.0.1:53", "-u 10.0.0.1:5060", "-t [2001:db8::1]:80",
    "-u [2001:db8::1]:53", "-f 1", "-f 2", "-f 1 -6", "-f 7 -6", "--sctp-service 10.0.0.1:3868",
    "--tcp-service 192.168.0.1:80", "--fwmark-service=3",
]  # fmt: skip
ODD_SERVICES = [
    "-t 10.0.0.1:0", "-t [2001:db8::2]:0", "-t 10.0.0.3", "-t 1.2.3.4:http", "-u 10.0.0.9:domain",
    "-t 2001:db8::9", "-t 010.0.0.1:80", "-t 1.2.3:81", "-t web:https", "-t nosuch.invalid:80",
    "-f 2147483647", "-u 0.0.0.0:80", "-f 0", "-f -1", "-t", "-u 10.0.0.1:http", "-t 10.0.0.1:65536",
]  # fmt: skip
GOOD_SERVERS = [
    "192.168.0.1", "192.168.0.2:80", "192.168.0.3:8080", "10.0.0.5:http", "[2001:db8::21]:80",
    "[2001:db8::22]:8080", "2001:db8::23", "172.16.0.1:80", "100.64.0.1",
]  # fmt: skip
ODD_SERVERS = [
    "rs10.example.test", "127.0.0.1:8080", "224.0.0.1", "0.0.0.0", "[ff02::1]:80", "172.16.0.1:0",
    "nosuch.invalid", "192.168.0.4:domain", "192.168.0.1:3868", "192.168.0.1:65536", "1", "",
]  # fmt: skip
SMALL = ["0", "1", "2", "5", "80", "100", "200", "255"]
ODD_INTEGERS = ["256", "360", "65507", "65508", "65535", "65536", "2678400", "2678401", "2147483647",
                "2147483648", "4294967296", "18446744073709551616", "-1", "-0", "+3", " 4", "5 ", "007",
                "0x10", "1.5", "", "x", "1h"]  # fmt: skip


def mostly(good: list[str], odd: list[str]) -> st.SearchStrategy[str]:
    """Of the good ones nine times of ten."""
    return st.sampled_from([*(good * (9 * len(odd))), *(odd * len(good))]) if odd else st.sampled_from(good)


number = mostly(SMALL, ODD_INTEGERS)
seconds = mostly(SMALL[1:], ODD_INTEGERS)

# option as written short and long, and what may follow it
VALUES: dict[tuple[str, str], st.SearchStrategy[str]] = {
    ("-s", "--scheduler"): mostly(["rr", "wrr", "lc", "wlc", "sh", "mh", "dh"], ["", "none"]),
    ("-b", "--sched-flags"): mostly(
        ["flag-1", "flag-2", "flag-1,flag-2"],
        ["sh-port", "sh-fallback", "mh-port", "sh-port,sh-fallback", "", "nosuch", ",flag-1", "flag-1,,flag-2"]),
    ("-p", "--persistent"): seconds,
    ("-M", "--netmask"): mostly(
        ["255.255.255.0", "255.255.255.255", "0.0.0.0", "255.0.255.0"], ["129", "64", "0xffffff00", "/24", ""]),
    ("", "--pe"): mostly(["sip"], [""]),
    ("-r", "--real-server"): mostly(GOOD_SERVERS, ODD_SERVERS),
    ("-w", "--weight"): number,
    ("-x", "--u-threshold"): mostly(["200", "250"], ODD_INTEGERS),
    ("-y", "--l-threshold"): number,
    ("", "--tun-type"): mostly(["ipip", "gue", "gre"], ["vxlan", ""]),
    ("", "--tun-port"): seconds,
    ("", "--mcast-interface"): mostly(["lo"], ["", "nosuch0"]),
    ("", "--mcast-group"): mostly(["224.0.0.81", "239.1.2.3", "ff05::81"], ["10.0.0.1", "fe80::1", ""]),
    ("", "--mcast-port"): seconds,
    ("", "--mcast-ttl"): seconds,
    ("", "--sync-maxlen"): mostly(["1000", "1472", "500"], ODD_INTEGERS),
    ("", "--syncid"): number,
}  # fmt: skip
FLAGS = [
    ("-n", "--numeric"), ("-c", "--connection"), ("", "--timeout"), ("", "--daemon"), ("", "--stats"),
    ("", "--rate"), ("", "--thresholds"), ("", "--persistent-conn"), ("", "--nosort"), ("-X", "--exact"),
    ("-o", "--ops"), ("", "--tun-info"), ("", "--tun-nocsum"), ("", "--tun-csum"), ("", "--tun-remcsum"),
    ("-g", "--gatewaying"), ("-i", "--ipip"), ("-m", "--masquerading"), ("", "--sort"), ("-6", "--ipv6"),
]  # fmt: skip
COMMANDS = {
    "-A": "--add-service", "-E": "--edit-service", "-D": "--delete-service", "-C": "--clear", "-S": "--save",
    "-a": "--add-server", "-e": "--edit-server", "-d": "--delete-server", "-L": "--list", "-l": "--list",
    "-Z": "--zero", "-R": "--restore",
}  # fmt: skip
# What goes with a command; "s" stands for a service, which comes first.
FITTING = {
    "-A": "s -s -b -p -M --pe -o",
    "-E": "s -s -b -p -M --pe -o",
    "-D": "s",
    "-a": "s -r -m -g -i -w -x -y tunnel",
    "-e": "s -r -m -g -i -w -x -y tunnel",
    "-d": "s -r",
    "-L": "s -n -c --timeout --daemon --stats --rate --thresholds --persistent-conn --nosort -X --tun-info --sort",
    "-S": "-n --sort",
    "-Z": "s",
    "-C": "--sort",
    "--set": "",
    "--start-daemon": "--mcast-interface --syncid --sync-maxlen --mcast-group --mcast-port --mcast-ttl",
    "--stop-daemon": "--syncid",
}
OPTIONAL_SERVICE = ("-L", "-Z")
TUNNELS = [
    "--tun-type ipip", "--tun-type gre", "--tun-type gre --tun-csum", "--tun-type=gre --tun-nocsum",
    "--tun-type gue --tun-port 6080", "--tun-type gue --tun-port=1 --tun-csum",
    "--tun-type gue --tun-port 65535 --tun-remcsum", "--tun-nocsum --tun-type gue --tun-port 7",
]  # fmt: skip
ODD_TUNNELS = ["--tun-type gue", "--tun-port 5", "--tun-csum", "--tun-type gre --tun-remcsum", "--tun-remcsum",
               "--tun-type gre --tun-port 5", "--tun-type gue --tun-port 5 --tun-csum --tun-nocsum"]  # fmt: skip
CHANGES = ["-A", "-A", "-A", "-a", "-a", "-a", "-E", "-e", "-D", "-d"]
OTHERS = ["-L", "-L", "-S", "-Z", "-C", "--set", "--start-daemon", "--stop-daemon"]

_BY_WORD = {word: pair for pair in [*VALUES, *FLAGS] for word in pair if word}
_STRAY = ["word", "", "-", "--", "-z", "--bogus", "--stat", "-L", "-A", "ipvs", "-h", "--sort", "-n=1", "7"]


@st.composite
def written(draw: st.DrawFn, word: str, value: str | None) -> list[str]:
    """One option in one of its spellings."""
    short, long = _BY_WORD.get(word, (word, ""))
    if value is None:
        return [draw(st.sampled_from([w for w in (short, short, long) if w]))]
    forms = []
    if short:
        forms += [[short, value], [short, value], [short + value], [f"{short}={value}"]]
    if long:
        forms += [[long, value], [f"{long}={value}"]]
    return draw(st.sampled_from(forms))


@st.composite
def service(draw: st.DrawFn) -> list[str]:
    return draw(mostly(GOOD_SERVICES, ODD_SERVICES)).split()


@st.composite
def option(draw: st.DrawFn, word: str, six: bool = False) -> list[str]:
    """An option with a value. six: for an IPv6 service."""
    if word == "tunnel":
        return draw(mostly(TUNNELS, ODD_TUNNELS)).split()
    pair = _BY_WORD[word]
    if word == "-M" and six:
        return draw(written(word, draw(mostly(["64", "1", "128"], ["129", "0", "x"]))))
    if pair not in VALUES:
        return draw(written(word, None))
    if word == "-p" and draw(st.integers(0, 3)) == 0:
        return [draw(st.sampled_from(pair))]
    return draw(written(word, draw(VALUES[pair])))


@st.composite
def command_word(draw: st.DrawFn, command: str) -> list[str]:
    if command in ("--start-daemon", "--stop-daemon"):
        state = draw(st.sampled_from(["master", "backup", "master", "backup", "Master", ""]))
        return draw(st.sampled_from([[command, state], [f"{command}={state}"]]))
    if command == "--set":
        count = draw(st.sampled_from([3, 3, 3, 3, 2, 4]))
        return [command, *[draw(number) for _ in range(count)]]
    return [draw(st.sampled_from([command, command, COMMANDS[command]]))]


@st.composite
def fitting_line(draw: st.DrawFn) -> list[list[str]]:
    """A line that is right but perhaps for its values; a list of options, each a list of words."""
    command = draw(st.sampled_from(draw(st.sampled_from([CHANGES, CHANGES, OTHERS]))))
    fitting = FITTING[command].split()
    line = [draw(command_word(command))]
    options = []
    if "s" in fitting:
        fitting.remove("s")
        if command not in OPTIONAL_SERVICE or draw(st.booleans()):
            line.append(draw(service()))
    if "-r" in fitting and draw(st.integers(0, 19)):
        options.append(draw(option("-r")))
        fitting.remove("-r")
    six = any("[" in word or word == "-6" for word in line[-1])
    if "-o" in fitting and line[-1][0] not in ("-u", "-f"):
        fitting.remove("-o")
    chosen = draw(st.lists(st.sampled_from(fitting), max_size=4, unique=True)) if fitting else []
    options += [draw(option(word, six)) for word in made_to_fit(chosen)]
    return line + draw(st.permutations(options))


def made_to_fit(words: list[str]) -> list[str]:
    """One forwarding method only, and that of tunnels where there are options of tunnels."""
    methods = [word for word in words if word in ("-m", "-g", "-i")]
    others = [word for word in words if word not in methods]
    if "tunnel" in words:
        methods = ["-i"]
    if "-y" in words and "-x" not in words:
        others.append("-x")
    views = [word for word in others if word in ("-c", "--timeout", "--daemon")]
    return [word for word in others if word not in views[1:]] + methods[:1]


@st.composite
def spoiled(draw: st.DrawFn, line: list[list[str]]) -> list[list[str]]:
    """The line with one thing changed."""
    line = [list(words) for words in line]
    at = draw(st.integers(0, len(line) - 1))
    how = draw(st.sampled_from(["drop", "repeat", "stray", "option", "swap", "letter", "cluster", "command"]))
    if how == "drop":
        del line[at]
    elif how == "repeat":
        line.insert(draw(st.integers(1, len(line))), line[at])
    elif how == "stray":
        line.insert(draw(st.integers(0, len(line))), [draw(st.sampled_from(_STRAY))])
    elif how == "option":
        line.insert(draw(st.integers(1, len(line))), draw(option(draw(st.sampled_from(sorted(_BY_WORD))))))
    elif how == "swap":
        other = draw(st.integers(0, len(line) - 1))
        line[at], line[other] = line[other], line[at]
    elif how == "letter":
        line[at] = [draw(misspelt(word)) for word in line[at]]
    elif how == "command":
        line.insert(draw(st.integers(0, len(line))), [draw(st.sampled_from(sorted(COMMANDS)))])
    else:
        line = joined(line, at)
    return line


def joined(line: list[list[str]], at: int) -> list[list[str]]:
    """The option at `at` and its neighbour in one word, if both are short."""
    if at + 1 < len(line) and all(
        words and words[0][:1] == "-" != words[0][1:2] for words in line[at : at + 2]
    ):
        first, second = line[at], line[at + 1]
        return [*line[:at], [*first[:-1], first[-1] + second[0][1:], *second[1:]], *line[at + 2 :]]
    return line


@st.composite
def misspelt(draw: st.DrawFn, word: str) -> str:
    at = draw(st.integers(0, len(word)))
    letter = draw(st.sampled_from("0159-=:.,[]axn \t%/~\xe9"))
    how = draw(st.sampled_from(["insert", "delete", "replace", "keep"]))
    if how == "keep":
        return word
    return word[:at] + (letter if how != "delete" else "") + word[at + (how != "insert") :]


@st.composite
def soup(draw: st.DrawFn) -> list[list[str]]:
    """Options and words without a plan, after a command."""
    known = sorted(_BY_WORD)
    one = st.one_of(
        st.sampled_from(known).flatmap(option), service(), st.sampled_from(_STRAY).map(lambda word: [word])
    )
    command = draw(st.sampled_from(sorted(COMMANDS)).flatmap(command_word))
    return [command, *draw(st.lists(one, max_size=5))]


@st.composite
def line(draw: st.DrawFn) -> list[str]:
    """The words of one command line."""
    kind = draw(st.integers(0, 11))
    parts = draw(soup()) if kind == 0 else draw(fitting_line())
    if kind in (1, 2, 3):
        parts = draw(spoiled(parts)) if parts else parts
    if kind == 1 and parts:
        parts = draw(spoiled(parts))
    return [word for words in parts for word in words]


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Standard input for -R: several lines, with some irregular blanks."""
    text = ""
    right = fitting_line().map(lambda parts: [word for words in parts for word in words])
    for words in draw(st.lists(st.one_of(right, right, line()), min_size=1, max_size=6)):
        blank = draw(st.sampled_from([" ", " ", " ", "\t", "  ", " \r"]))
        start = draw(st.sampled_from(["", "", "", "ipvsadm ", "  ", "\n"]))
        text += f"{start}{blank.join(words)}{draw(st.sampled_from(['', '', ' ', chr(13)]))}\n"
    return text


@st.composite
def step(draw: st.DrawFn) -> tuple[tuple[str, ...], bytes]:
    """One invocation: its words and its standard input."""
    if draw(st.integers(0, 11)) == 0:
        return ("-R",), draw(rules()).encode()
    return tuple(draw(line())), b""


@st.composite
def start(draw: st.DrawFn) -> str:
    """Rules for a table on which the lines above have an effect."""
    servers = st.sampled_from([server for server in GOOD_SERVERS if "http" not in server])
    text = ""
    for selector in draw(st.lists(st.sampled_from(GOOD_SERVICES), unique=True, min_size=3)):
        text += f"-A {selector} -s {draw(st.sampled_from(['rr', 'wlc', 'sh']))}\n"
        six = "[" in selector or "-6" in selector
        for server in draw(st.lists(servers, unique=True, max_size=3)):
            text += f"-a {selector} -r {server} {'-m' if six == ('2001' in server) else '-i'} -w 1\n"
    return text


steps = st.lists(step(), min_size=1, max_size=12)
