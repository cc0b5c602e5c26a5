"""Random configurations of keepalived and ldirectord, of what these programs take without a warning or with one."""

from __future__ import annotations

from random import Random

_TUNNELS = [
    "",
    " type ipip",
    " type gre",
    " type gre csum",
    " type gue port 6080",
    " type gue port 9 remcsum",
]


class Keepalived:
    """Virtual servers of every kind."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._lines: list[str] = []
        self._groups: list[tuple[str, int]] = []

    def text(self) -> str:
        """The whole configuration."""
        for number in range(12):
            self._group(number)
        for number in range(3):
            self._mixed_group(number)
            self._group_of_marks(number)
        for number in range(6):
            self._tunnelled(number)
        for number in range(60):
            self._server(number)
        return "\n".join(self._lines) + "\n"

    def _maybe(self, chance: float, line: str) -> list[str]:
        return [line] if self._random.random() < chance else []

    def _family(self) -> int:
        return self._random.choice([4, 4, 4, 6])

    def _real(self, family: int, number: int) -> str:
        if family == 4:
            return f"10.1.{self._random.randrange(4)}.{number + 1}"
        return f"2001:db8:1::{number + 1:x}"

    def _method(self) -> str:
        method = self._random.choice(["NAT", "DR", "TUN", "TUN"])
        return method + self._random.choice(_TUNNELS) if method == "TUN" else method

    def _block(self, head: str, lines: list[str]) -> None:
        self._lines += [f"{head} {{", *[f"    {line}" for line in lines], "}"]

    def _group(self, number: int) -> None:
        choice, family, lines = self._random.choice, self._family(), []
        for part in range(self._random.randrange(1, 4)):
            port = choice(["", " 81"]) if self._random.random() < 0.3 else " 80"
            at = part * 32 + 1
            last = at + self._random.randrange(1, 6)
            if family == 4:
                base = f"10.20.{number}."
                ranges = [f"{base}{at}", f"{base}{at}-{last}", f"{base}{at + 7}/30"]
            else:
                base = f"2001:db8:20:{number:x}::"
                ranges = [f"{base}{at:x}", f"{base}{at:x}-{last:x}", f"{base}{at + 7:x}/126"]
            lines.append(choice([*[one + port for one in ranges], f"fwmark {1000 + number * 8 + part}"]))
        self._block(f"virtual_server_group g{number}", lines)
        self._groups.append((f"g{number}", family))

    def _mixed_group(self, number: int) -> None:
        lines = [f"10.21.{number}.1 80", f"2001:db8:21:{number:x}::1 80"]
        lines += [f"fwmark {2000 + number} inet", f"fwmark {2000 + number} inet6"]
        self._block(f"virtual_server_group m{number}", lines)
        protocol = self._random.choice(["TCP", "UDP"])
        self._block(
            f"virtual_server group m{number}", [f"protocol {protocol}", "lvs_method TUN", *self._some((4, 6))]
        )

    def _group_of_marks(self, number: int) -> None:
        self._block(f"virtual_server_group n{number}", [f"fwmark {2100 + number}"])
        lines = [f"lvs_method {self._random.choice(['TUN', 'DR'])}", *self._some((self._family(),))]
        self._block(f"virtual_server group n{number}", lines)

    def _tunnelled(self, number: int) -> None:
        lines = ["lvs_method TUN", *self._maybe(0.4, f"ip_family {self._random.choice(['inet', 'inet6'])}")]
        lines += self._some(self._random.choice([(4,), (6,), (4, 6)]))
        self._block(f"virtual_server fwmark {3000 + number}", lines)

    def _some(self, families: tuple[int, ...]) -> list[str]:
        """Plain real servers."""
        count = self._random.randrange(1, 4)
        return [
            f"real_server {self._real(self._random.choice(families), number)} 80 {{ weight {number} }}"
            for number in range(count)
        ]

    def _server(self, number: int) -> None:
        choice, family = self._random.choice, self._family()
        kind = choice(["address", "address", "address", "mark", "group"])
        if kind == "group" and self._groups:
            name, family = self._groups.pop()
            head = f"virtual_server group {name}"
        elif kind == "mark":
            head = f"virtual_server fwmark {number + 1}"
        else:
            address = f"10.0.0.{number + 1}" if family == 4 else f"2001:db8::{number + 1:x}"
            head = f"virtual_server {address}{choice(['', ' 80', ' 80', ' 80', ' 53'])}"
        lines = self._settings(family, kind == "group")
        if choice([True, False]):  # some lines count only behind others
            self._random.shuffle(lines)
        weightless = self._random.random() < 0.1
        for server in range(self._random.randrange(4)):
            lines += self._real_server(family, server, weightless)
        self._block(head, lines)

    def _settings(self, family: int, group: bool) -> list[str]:
        choice, maybe = self._random.choice, self._maybe
        lines = maybe(0.85, f"protocol {choice(['TCP', 'UDP', 'SCTP'])}")
        schedulers = ["rr", "wrr", "lc", "wlc", "sh", "mh", "dh", "sed", "nq", "fo", "ovf"]
        lines += maybe(0.9, f"{choice(['lb_algo', 'lvs_sched'])} {choice(schedulers)}")
        for _ in range(2):
            flags = ["sh-port", "sh-fallback", "mh-port", "mh-fallback", "flag-1", "flag-2", "flag-3"]
            lines += maybe(0.3, choice(flags))
        lines += maybe(0.2, "ops")
        lines += maybe(0.7, f"{choice(['lb_kind', 'lvs_method'])} {self._method()}")
        lines += maybe(0.4, f"persistence_timeout{choice(['', ' 50', ' 7200'])}")
        if not group:  # which forgets it
            masks = ["255.255.255.0", "255.255.0.0"] if family == 4 else ["64", "48", "128"]
            lines += maybe(0.25, f"persistence_granularity {choice(masks)}")
        lines += maybe(0.2, "persistence_engine sip")
        lines += maybe(0.3, f"sorry_server {self._real(family, 200)} 80")
        lines += maybe(0.2, f"sorry_server_lvs_method {self._method()}")
        lines += maybe(0.2, f"quorum {self._random.randrange(1, 9)}")
        lines += maybe(0.2, "alpha")
        return lines + maybe(0.1, "inhibit_on_failure")

    def _real_server(self, family: int, number: int, weightless: bool) -> list[str]:
        choice, maybe = self._random.choice, self._maybe
        port = choice(["", " 80", " 80", " 80", " 8080"])
        weight = 0 if weightless else choice([0, 1, 2, 5, 100, 65536])
        lines = ["weight 0"] if weightless else maybe(0.6, f"weight {weight}")
        lines += maybe(0.2, f"uthreshold {self._random.randrange(10, 90)}")
        lines += maybe(0.3, f"lvs_method {self._method()}")
        lines += maybe(0.2, "inhibit_on_failure")
        return [f"real_server {self._real(family, number)}{port} {{", *lines, "}"]


def ldirectord(seed: int) -> str:
    """Virtual services of every kind, none of which is checked."""
    random = Random(seed)
    choice = random.choice
    lines = ["checktimeout=1", "checkinterval=1", "supervised=yes", "quiescent=no", "cleanstop=yes"]
    for number in range(12):
        six, mark = choice([False, False, True]), random.random() < 0.3
        suffix = "6" if six else ""
        if mark:
            head = f"{number + 1}"
        else:
            address = f"[2001:db8::{number + 1:x}]" if six else f"10.0.0.{number + 1}"
            head = f"{address}:{choice(['80', '53', '8080'])}"
        lines += ["", f"virtual{suffix}={head}", "\tchecktype=on"]
        for server in range(random.randrange(3)):
            address = f"[2001:db8:1::{server + 1:x}]" if six else f"10.1.0.{server * 8 + 1}"
            if not six and random.random() < 0.3:
                address += f"->10.1.0.{server * 8 + random.randrange(1, 4)}"
            port = choice(["", ":80", ":8080"])
            weight = choice(["", " 1", " 5", " 65535"])
            lines.append(f"\treal{suffix}={address}{port} {choice(['gate', 'masq', 'ipip'])}{weight}")
        if not mark:
            lines += [f"\tprotocol={choice(['tcp', 'udp'])}"] if random.random() < 0.5 else []
            fallback = "[2001:db8:9::1]" if six else "10.9.0.1"
            method = choice(["", " gate", " masq", " ipip"])
            lines += [f"\tfallback{suffix}={fallback}:81{method}"] if random.random() < 0.4 else []
        lines += [f"\tscheduler={choice(['rr', 'wrr', 'lc', 'wlc', 'sh'])}"] if random.random() < 0.7 else []
        if random.random() < 0.4:
            lines += ["\tpersistent=60"]
            mask = "64" if six else "255.255.255.0"
            lines += [f"\tnetmask={mask}"] if random.random() < 0.5 else []
        lines += ["\tops=yes"] if random.random() < 0.2 else []
    return "\n".join(lines) + "\n"
