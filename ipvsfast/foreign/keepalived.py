"""keepalived.conf: its virtual servers, as keepalived sets them up while all health checks succeed.

Written from keepalived.conf(5), and from what keepalived 2.2.7 does where that leaves it open.
"""

from __future__ import annotations

import os

from ..errors import InvalidValue
from ..model.settings import SyncDaemon, Timeouts
from .account import Account
from .keepalived_blocks import Statement, statements
from .keepalived_groups import VirtualAddress, number, of_mark, of_range, port_of
from .keepalived_lines import Lines
from .keepalived_server import VirtualServer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_NOT_THE_TABLE = "left out: no part of the table"
# What may stand outside of all blocks and says nothing about virtual servers.
_OTHERS = frozenset({
    "vrrp_instance", "vrrp_sync_group", "vrrp_script", "vrrp_track_process", "vrrp_track_file",
    "track_process", "track_file", "track_group", "static_track_group", "static_ipaddress",
    "static_routes", "static_rules", "garp_group", "interface_up_down_delays", "linkbeat_interfaces",
    "linkbeat_use_polling", "bfd_instance", "SSL", "net_namespace", "net_namespace_ipvs",
    "namespace_with_ipsets", "instance", "use_pid_dir", "child_wait_time", "process_names",
    "include_check", "config_save_dir", "tmp_config_directory", "reload_time_file", "reload_repeat",
    "reload_file",
})  # fmt: skip


def read_keepalived(source: str, text: bytes, account: Account, config_id: str | None = None) -> None:
    """What the text, and what it includes, makes of an empty table goes to the account."""
    folder = os.path.dirname(source) or "."
    found = statements(Lines(account, config_id).read(source, text, folder), account)
    _Configuration(account).take(found)


class _Configuration:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._groups: dict[str, list[VirtualAddress]] = {}

    def take(self, found: Iterable[Statement]) -> None:
        """All in their order, but groups first: they may stand behind the servers that name them."""
        held: list[Statement] = []
        for statement in found:
            if statement.words[:1] == ["virtual_server_group"]:
                self._group(statement)
            elif held or self._lacks_group(statement.words):
                held.append(statement)
            else:
                self._take(statement)
        for statement in held:
            self._take(statement)

    def _lacks_group(self, words: list[str]) -> bool:
        return words[:2] == ["virtual_server", "group"] and words[2:3] != [] and words[2] not in self._groups

    def _take(self, statement: Statement) -> None:
        word = statement.words[0] if statement.words else ""
        if word == "virtual_server":
            self._server(statement)
        elif word == "global_defs":
            self._globals(statement)
        elif word in _OTHERS:
            self._account.leave(statement.place, str(statement), _NOT_THE_TABLE)
        elif word:
            self._account.wrong(statement.place, str(statement), f"there is no {word!r} here")

    def _group(self, statement: Statement) -> None:
        place, what = statement.place, str(statement)
        if len(statement.words) != 2 or statement.block is None:
            return self._account.wrong(place, what, "virtual_server_group NAME { ... } is expected")
        name = statement.words[1]
        if name in self._groups:
            return self._account.wrong(place, what, f"the group {name} stands twice")
        entries = self._groups[name] = []
        for one in statement.block:
            try:
                if one.block is not None:
                    raise InvalidValue("a group has addresses and marks, not blocks")
                if one.words[:1] == ["fwmark"]:
                    entries.append(of_mark(one.place, one.words[1:]))
                else:
                    entries += of_range(one.place, one.words)
            except InvalidValue as error:
                self._account.wrong(one.place, str(one), error.strerror)
        families = {entry.family for entry in entries if not entry.fwmark}
        if len(families) > 1 and any(entry.fwmark and not entry.family for entry in entries):
            self._account.wrong(place, what, "beside IPv4 and IPv6 a mark needs `inet' or `inet6'")
        return None

    def _server(self, statement: Statement) -> None:
        place, what = statement.place, str(statement)
        if statement.block is None:
            return self._account.wrong(place, what, "its block, { ... }, is missing")
        try:
            entries, group = self._entries(statement), statement.words[1] == "group"
        except InvalidValue as error:
            return self._account.wrong(place, what, error.strerror)
        return VirtualServer(self._account, statement, entries, group).carry_out()

    def _entries(self, statement: Statement) -> list[VirtualAddress]:
        words, place = statement.words[1:], statement.place
        if words[:1] == ["group"] and len(words) == 2:
            entries = self._groups.get(words[1])
            if not entries:
                raise InvalidValue(f"there is no group {words[1]}, or nothing is in it")
            return entries
        if words[:1] == ["fwmark"] and len(words) == 2:
            return [of_mark(place, words[1:])]
        if words[:1] in ([], ["group"], ["fwmark"]):
            raise InvalidValue("an address with its port, `fwmark N' or `group NAME' is expected")
        if "-" in words[0] or "/" in words[0]:
            raise InvalidValue("ranges stand in a virtual_server_group")
        port_of(words[1:])
        return list(of_range(place, words))

    def _globals(self, statement: Statement) -> None:
        others = []
        for one in statement.block or []:
            word = one.words[0] if one.words else ""
            if word == "lvs_timeouts":
                timeouts = self._account.value(one.place, str(one), lambda one=one: _timeouts(one.words[1:]))  # type: ignore[misc]
                if timeouts is not None:
                    self._account.setting(timeouts)
            elif word == "lvs_sync_daemon":
                self._daemons(one)
            elif word == "nftables_ipvs":
                reason = "groups are written out, where keepalived would make one service of a mark of each"
                self._account.leave(one.place, str(one), reason)
            elif word == "lvs_flush" or word.startswith("lvs_flush_on_stop"):
                self._account.leave(one.place, str(one), _NOT_THE_TABLE)
            elif word:
                others.append(word)
        if others:
            names = ", ".join(dict.fromkeys(others))
            self._account.leave(statement.place, f"global_defs: {names}", _NOT_THE_TABLE)

    def _daemons(self, statement: Statement) -> None:
        """Both run where no VRRP instance says which."""
        words = statement.words[1:]
        known = ("id", "maxlen", "port", "ttl", "group")
        if len(words) > 1 and words[1] not in known:
            reason = "which daemon runs depends on a VRRP instance"
            return self._account.leave(statement.place, str(statement), reason)

        def make(state: Any) -> SyncDaemon:
            if not words or len(words) % 2 == 0:
                raise InvalidValue("an interface, then pairs of id, maxlen, port, ttl, group and a value")
            given: dict[str, Any] = {}
            for name, value in zip(words[1::2], words[2::2]):
                if name not in known:
                    raise InvalidValue(f"there is no {name!r} here")
                field = {"id": "sync_id", "maxlen": "max_len"}.get(name, name)
                given[field] = value if name == "group" else number(value, name, 0, 65535)
            return SyncDaemon(state, words[0], **given)

        for state in ("master", "backup"):
            daemon = self._account.value(statement.place, str(statement), lambda state=state: make(state))  # type: ignore[misc]
            if daemon is None:
                return None
            self._account.setting(daemon)
        return None


def _timeouts(words: list[str]) -> Timeouts:
    names = {"tcp": "tcp", "tcpfin": "tcp_fin", "udp": "udp"}
    given: dict[str, int] = {}
    for name, value in zip(words[::2], words[1::2]):
        if name not in names:
            raise InvalidValue(f"tcp, tcpfin and udp have timeouts, not {name!r}")
        given[names[name]] = number(value, "a timeout", 1, 31 * 24 * 3600)
    if not given or len(words) % 2:
        raise InvalidValue("pairs of tcp, tcpfin or udp and seconds are expected")
    return Timeouts(**given)
