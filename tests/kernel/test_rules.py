"""The table as rules, in memory and in a file, and back."""

import os

import pytest

from ipvsfast import (
    Batch,
    Destination,
    Interrupted,
    Ipvs,
    Service,
    Timeouts,
    Tunnel,
    check,
    from_rule,
    to_rule,
)
from support.command import rules, run

pytestmark = pytest.mark.usefixtures("netns")

WEB = Service.tcp("10.0.0.1", 80, "mh", persistent=60, netmask=24, scheduler_flags=["mh-port"])
MARK = Service.mark(7, "rr", ipv6=True)
FILL = (
    Batch()
    .set_timeouts(Timeouts(901, 121, 301))
    .add_service(WEB)
    .add_destination(WEB.key, Destination("10.1.0.2", 8080, forwarding="masq", weight=0, upper=9, lower=2))
    .add_destination(WEB.key, Destination("10.1.0.1", 80, forwarding="tunnel", tunnel=Tunnel("gue", 6080)))
    .add_service(MARK)
    .add_destination(MARK.key, Destination("2001:db8::1", 0))
)


def test_rules_bring_the_table_back() -> None:
    """Every line is an operation; restoring them gives the same table, order of destinations included."""
    with Ipvs() as ipvs:
        ipvs.apply(FILL).check()
        before = ipvs.table()
        lines = ipvs.rules()
        assert sorted(lines) == sorted(to_rule(operation) for operation in FILL)
        assert check(lines) == len(lines) == len(FILL)
        ipvs.flush()
        ipvs.set_timeouts(Timeouts(1, 1, 1))
        ipvs.apply(from_rule(line) for line in lines).check()
        assert sorted(ipvs.table(), key=str) == sorted(before, key=str)
        assert ipvs.timeouts() == Timeouts(901, 121, 301)
        assert ipvs.restore(lines, clear=True).ok
        assert ipvs.rules() == lines


def test_rules_of_an_empty_table() -> None:
    """The timeouts are left."""
    with Ipvs() as ipvs:
        assert ipvs.rules() == [to_rule(ipvs.timeouts())]


def test_save_writes_what_the_command_writes(tmp_path) -> None:
    """Byte for byte, but for the time; the file is replaced as a whole and keeps its mode; a path of any kind."""
    run("-R", stdin=rules(20, 20))
    with Ipvs() as ipvs:
        path = tmp_path / "rules"
        path.write_text("old\n")
        path.chmod(0o640)
        assert ipvs.save(path) == 0
        first, _, body = path.read_text().partition("\n")
        theirs = run("save").stdout
        assert (first[:11], body) == ("# ipvsfast ", theirs.partition("\n")[2])
        assert (path.stat().st_mode & 0o777, os.listdir(tmp_path)) == (0o640, ["rules"])
        os.link(path, tmp_path / "other")
        assert ipvs.save(str(path)) == 1
        ipvs.flush()
        assert ipvs.restore(path).ok
        assert ipvs.rules() == body.splitlines()


def test_a_file_that_cannot_be_written(tmp_path) -> None:
    """The system's error; nothing is left behind."""
    with Ipvs() as ipvs:
        with pytest.raises(FileNotFoundError):
            ipvs.save(tmp_path / "no" / "rules")
        assert os.listdir(tmp_path) == []


class Stop(Exception):
    """What a caller might raise."""


@pytest.mark.parametrize("kind", [Stop, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("how", [{}, {"stop_on_error": False}, {"exist": True}, {"clear": True}])
def test_whatever_ends_a_restore_has_its_account(kind: type[BaseException], how: dict[str, bool]) -> None:
    """Nothing is swallowed, Ctrl-C least of all, and what is in force is told."""

    def progress(done: int) -> None:
        raise kind

    with Ipvs() as ipvs:
        with pytest.raises(Interrupted if kind is KeyboardInterrupt else kind) as caught:
            ipvs.restore(rules(50, 50).encode(), progress=progress, **how)
        account = caught.value.restored
        assert account.in_force == sum(1 + len(dests) for _, dests in ipvs.table()) > 0
        assert (account.total, account.problems, account.refused) == (2550, [], 0)
