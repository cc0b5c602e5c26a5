"""Rule files of every kind, by chance."""

from __future__ import annotations

import random

KEEPS = [
    "-t 10.0.0.1:80", "-u 10.0.0.1:53", "--sctp-service 10.0.0.2:9", "-t [fd00::1]:80", "-u [fd00::2]:53", "-f 7", "-f 8 -6",
    "-t 192.168.0.1:443",
]  # fmt: skip
SETTINGS = [
    "-s rr", "-s wrr", "-s wlc", "-s sh", "-s sh -b sh-port", "-s mh", "-s mh -b mh-fallback,mh-port", "-s lc -p 90",
    "-s rr -p 60", "-s rr -p 60 -M {mask}", "-s wlc",
]  # fmt: skip
WAYS = ["-m", "-g", "-i", "-i --tun-type gre --tun-csum", "-i --tun-type gue --tun-port 6080 --tun-nocsum"]


def some_rules(chance: random.Random) -> str:
    """Services of every kind, a few, in any order, each with destinations in any order."""
    lines = []
    for service in chance.sample(KEEPS, chance.randrange(1, len(KEEPS) + 1)):
        v6 = "fd00" in service or "-6" in service
        how = chance.choice(SETTINGS).format(mask=64 if v6 else "255.255.255.0")
        lines.append(f"-A {service} {how}" + (" --pe sip" if "-u" in service and "-p" in how else ""))
        lines[-1] += " -o" if "-u" in service and "-s wlc" in lines[-1] else ""
        for number in chance.sample(range(1, 9), chance.randrange(9)):
            address = f"[fd01::{number}]" if v6 else f"10.1.0.{number}"
            way = chance.choice(WAYS)
            port = f":{chance.choice((80, 81))}" if way == "-m" and "-f" not in service else ""
            limits = chance.choice(("", " -x 9 -y 3", " -x 9"))
            lines.append(f"-a {service} -r {address}{port} {way} -w {chance.randrange(3)}{limits}")
    return "".join(f"{line}\n" for line in lines)
