"""Listings and rule lines against what ipvsadm 1.31 printed for the same commands.

A case is the commands that build a table, then pairs of a listing and its text; `·` at the end of a
line is a blank. Where ipvsadm's own text is wrong the corrected one stands here, and the case says so.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ipvsfast.language.parse import parse
from ipvsfast.listing.headers import chosen_view
from ipvsfast.listing.rules import rule_lines
from ipvsfast.listing.tables import ListOptions, render
from ipvsfast.model.settings import Info
from ipvsfast.resolver import Resolver
from support.names import FakeLookups

HOSTS = """
127.0.0.1 localhost
::1 localhost ip6-localhost
10.9.8.7 web.example.test web
2001:db8::77 v6only.example.test v6only
10.9.8.1 multi.example.test
10.9.8.2 multi.example.test
10.9.9.1 a-very-long-host-name-that-exceeds-columns.example.test
10.9.9.4 abcdefghijklmnopqrstuv
"""
SERVICES = {
    ("http", "tcp"): 80, ("https", "tcp"): 443, ("http-alt", "tcp"): 8080, ("domain", "udp"): 53,
    ("domain", "tcp"): 53, ("cisco-sccp", "tcp"): 2000,
}  # fmt: skip


def cases():
    """(title, commands, {arguments: text}) of every case in the file."""
    path = Path(__file__).parent.parent / "data" / "listings.golden"
    found = []
    for line in path.read_text("utf-8").replace("·", " ").split("\n")[:-1]:
        if line.startswith("### "):
            commands, listings = [], {}
            found.append((line[4:], commands, listings))
        elif line.startswith("$ "):
            arguments = line[2:]
            listings[arguments] = ""
        elif found and listings:
            listings[arguments] += f"{line}\n"
        elif found:
            commands.append(line)
    return found


CASES = cases()


def packed(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def lookups():
    """Names from the two tables above, as the C library would read them from its files."""
    lines = [(packed(address), words) for address, *words in map(str.split, HOSTS.strip().splitlines())]
    addresses = {}
    for address, words in lines:
        for word in words:
            addresses.setdefault((word, socket.AF_INET if len(address) == 4 else socket.AF_INET6), []).append(
                address
            )
    services = {(number, protocol): name for (name, protocol), number in SERVICES.items()}
    return FakeLookups({address: words[0] for address, words in lines}, addresses, services)


def build(commands):
    """The table that the kernel would hold after the commands: the newest first."""
    table = []
    for line in commands:
        request = parse(line.split(), None, "ipvsadm")
        if request.command == "add-service":
            table.insert(0, (request.service, []))
        else:
            [dests] = [dests for service, dests in table if service.key == request.key]
            dests.insert(0, request.destination)
    return table


def listing(table, arguments):
    """What the command prints for the table, names included."""
    request = parse(arguments.split(), None, "ipvsadm")
    asked = request.options
    names = None if "numeric" in asked else Resolver(timeout=10, lookups=lookups())
    if request.command == "save":
        return "".join(rule_lines(table, names))
    info = Info._make((1, 2, 1), 256)
    if request.key is not None:
        info, table = None, [entry for entry in table if entry[0].key == request.key]
    options = ListOptions(chosen_view(asked), exact="exact" in asked, sort="nosort" not in asked, info=info)
    return "".join(render(table, options, names))


CHECKS = [
    pytest.param(commands, arguments, text, id=f"{title}: {arguments}")
    for title, commands, listings in CASES
    for arguments, text in listings.items()
]


@pytest.mark.parametrize(("commands", "arguments", "text"), CHECKS)
def test_text(commands, arguments, text):
    """The listing is what ipvsadm prints, byte for byte."""
    assert listing(build(commands), arguments) == text


@pytest.mark.parametrize("commands", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_rules_build_the_same_table_again(commands):
    """What -S prints is the table, whether read back as numbers or as names."""
    table = {service.key: (service, {d.key: d for d in dests}) for service, dests in build(commands)}
    for names in (None, Resolver(timeout=10, lookups=lookups())):
        resolver = Resolver(timeout=10, lookups=lookups())
        again = {}
        for line in "".join(rule_lines(build(commands), names)).splitlines():
            request = parse(line.split(), resolver, "ipvsadm")
            if request.service is not None:
                again[request.key] = (request.service, {})
            else:
                again[request.key][1][request.destination.key] = request.destination
        assert again == {
            key: (service.replace(netmask=None) if not service.persistent else service, dests)
            for key, (service, dests) in table.items()
        }
