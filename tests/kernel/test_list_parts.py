"""Listings are written while they are read, where the order allows it: by the native front, and by Python."""

import csv
import fcntl
import io
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipvsfast import Batch, Destination, Ipvs, Service, ServiceKey
from ipvsfast.kernel.layout import packed_operation
from ipvsfast.kernel.rule_buffer import new_results
from ipvsfast.listing.records import state_records, texts
from ipvsfast.listing.tables import ListOptions, render
from ipvsfast.model.kernel_names import COMMANDS
from ipvsfast.model.types import RecordForm
from support.command import program
from support.odd_entries import OddDestination, OddService

pytestmark = pytest.mark.usefixtures("netns")

SERVICES = 2000
PIPE = 4096  # bytes, less than the text of what is read at once
NATIVE, PYTHON = {"IPVSFAST_FRONT": "require"}, {"IPVSFAST_FRONT": "off"}
BOTH = pytest.mark.parametrize("env", [NATIVE, PYTHON], ids=["front", "python"])
FORMS: tuple[RecordForm, ...] = ("json", "ndjson", "csv")
ARGV = ("-L", "-n", "--nosort")


def fill(wide: bool = False) -> list[ServiceKey]:
    """Services with a destination each; their keys as the kernel lists them."""
    batch = Batch()
    for number in range(1, SERVICES + 1):
        address = f"2001:db8::{number:x}" if wide else f"10.1.{number >> 8}.{number & 255}"
        service = Service.tcp(address, 80, "rr")
        batch.add_service(service)
        batch.add_destination(service, Destination("2001:db8:1::1" if wide else "10.2.0.1", 80))
    with Ipvs() as ipvs:
        ipvs.apply(batch).check()
        return [service.key for service in ipvs.services()]


def batch_of_deletions(keys: list[ServiceKey]) -> Batch:
    batch = Batch()
    for key in keys:
        batch.delete_service(key)
    return batch


def lines_of(text: str) -> list[str]:
    """The lines above the table, and then each service with what stands below it. Sorted, as the kernel brings
    its services into another order when it makes room for more, which may be at any time."""
    head, *services = text.split("\nTCP  ")
    return [head, *sorted(one.rstrip("\n") for one in services)]


def expected() -> list[str]:
    """The listing by its definition."""
    with Ipvs() as ipvs:
        return lines_of("".join(render(ipvs.table(), ListOptions(sort=False, info=ipvs.opened))))


def add_odd(*keys: ServiceKey) -> None:
    """A destination with a method that has no name, for each of these services."""
    for key in keys:
        service = OddService(address=bytes(map(int, key.address.split("."))))
        odd = OddDestination(4, address=b"\x0a\x03\0\1")
        packed = packed_operation(COMMANDS["add-destination"], service.packed(), odd.packed())
        results = new_results(1)
        with Ipvs() as ipvs:
            ipvs.send(bytearray(packed), 1, results)
        assert list(results) == [0]


class Listing:
    """A command that has begun to write, and cannot go on before the rest is asked for."""

    def __init__(self, child: "subprocess.Popen[bytes]", reader: int) -> None:
        self._child, self._reader = child, reader
        self._first = os.read(reader, 1)

    def rest(self) -> tuple[int, list[str], str]:
        """Status, lines and errors."""
        status, out, err = self.whole()
        return status, lines_of(out), err

    def whole(self) -> tuple[int, str, str]:
        """The same, with what was written as it is."""
        with open(self._reader, "rb", closefd=False) as file:
            out = self._first + file.read()
        _, err = self._child.communicate(timeout=60)
        assert out.endswith(b"\n")
        return self._child.returncode, out.decode(), err.decode()


@contextmanager
def listing(*argv: str, env: dict[str, str]) -> Iterator[Listing]:
    """The command, once its first byte was read from a small pipe."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE)
    child = subprocess.Popen(
        [program(), *argv], stdout=writer, stderr=subprocess.PIPE, env={**os.environ, **env}
    )
    os.close(writer)
    try:
        yield Listing(child, reader)
    finally:
        os.close(reader)
        child.kill()
        child.communicate()


@contextmanager
def not_all_read(shim: Path, mark: Path, *argv: str, env: dict[str, str]) -> Iterator[Listing]:
    """The same, if the destinations of the last service have not been asked for by then."""
    fault = {"LD_PRELOAD": str(shim), "FAULT": f"dests:{SERVICES}:unset LD_PRELOAD; touch {mark}"}
    with listing(*argv, env={**env, **fault}) as begun:
        assert not mark.exists()
        yield begun
    assert mark.exists()


@BOTH
def test_it_begins_before_the_last_service_is_read(shim: Path, tmp_path: Path, env: dict[str, str]) -> None:
    """With the first bytes there, the destinations of the last service have not been asked for."""
    fill()
    with not_all_read(shim, tmp_path / "last", *ARGV, env=env) as begun:
        assert begun.rest() == (0, expected(), "")


@pytest.mark.parametrize("form", FORMS)
def test_records_begin_so_too(shim: Path, tmp_path: Path, form: RecordForm) -> None:
    """`ipvsfast list` needs no more than the services for its order, and what it writes is as defined."""
    fill()
    with not_all_read(shim, tmp_path / "last", "list", f"--{form}", env={}) as begun:
        assert begun.rest() == (0, lines_of(recorded(form)), "")


@pytest.mark.parametrize("words", ["", "--nosort", "--service 10.1.0.0/16 --family ipv4", "--thresholds"])
def test_tables_begin_so_too(shim: Path, tmp_path: Path, words: str) -> None:
    """Whole ones, and those with conditions."""
    fill()
    view = "thresholds" if "thresholds" in words else "default"
    with Ipvs() as ipvs:
        wanted = "".join(render(ipvs.table(), ListOptions(view, info=ipvs.opened)))
    with not_all_read(shim, tmp_path / "last", "list", *words.split(), env={}) as begun:
        status, out, err = begun.whole()
    assert (status, err) == (0, "")
    assert lines_of(out) == lines_of(wanted)
    assert out == wanted or "nosort" in words


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("words", ["", "--nosort", "--protocol tcp", "--sort active", "--services-only"])
def test_odd_values_among_records(form: RecordForm, words: str) -> None:
    """Python writes what only it has words for, between what C writes, in every order."""
    keys = fill()
    add_odd(keys[SERVICES // 2], keys[SERVICES // 2 + 1], keys[-1])
    status, out, err = 0, "", ""
    with listing("list", f"--{form}", *words.split(), env={}) as begun:
        status, out, err = begun.whole()
    assert (status, err) == (0, "")
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        assert len(rows) == SERVICES + (0 if "only" in words else 3)
    else:
        found = json.loads(out)["services"] if form == "json" else list(map(json.loads, out.splitlines()))
        assert len(found) == SERVICES
        odd = [one for one in found if len(one.get("destinations", ())) == 2]
        assert len(odd) == (0 if "only" in words else 3)
    if not words:
        assert out == recorded(form)


def recorded(form: RecordForm) -> str:
    """The table as `ipvsfast list` has it, by its definition."""
    with Ipvs() as ipvs:
        table = ipvs.read().sort_for_adding().values()
        state = state_records(ipvs.timeouts(), ipvs.daemons())
    return "".join(texts(form, table, state=state if form == "json" else None))


@BOTH
def test_changes_meanwhile(env: dict[str, str]) -> None:
    """What goes before it is read is left out, what comes is not shown, and what stands is there once."""
    keys = fill()
    whole = expected()
    with listing(*ARGV, env=env) as begun, Ipvs() as ipvs:
        ipvs.apply(batch_of_deletions(keys[::2])).check()
        standing = expected()
        ipvs.add_service(Service.tcp("10.9.0.1", 80, "rr"))
        status, out, err = begun.rest()
    assert (status, err) == (0, "")
    assert len(out) == len(set(out))
    assert set(standing) <= set(out) <= set(whole)
    assert len(out) - len(standing) < SERVICES // 2  # of those that went only what was read before


@BOTH
def test_all_that_is_left_goes(env: dict[str, str]) -> None:
    """A table that is cleared meanwhile ends the listing, which is no mistake."""
    fill()
    whole = expected()
    with listing(*ARGV, env=env) as begun, Ipvs() as ipvs:
        ipvs.flush()
        status, out, err = begun.rest()
    assert (status, err) == (0, "")
    assert 1 < len(out) < len(whole)
    assert set(out) <= set(whole)


@pytest.mark.parametrize("env", [{}, PYTHON], ids=["front", "python"])
def test_what_only_python_has_words_for(env: dict[str, str]) -> None:
    """Where such a value comes late the front has begun: Python goes on behind what is written."""
    keys = fill()
    add_odd(keys[SERVICES // 2], keys[-1])
    wanted = expected()
    assert "".join(wanted).count("(null)") == 2
    with listing(*ARGV, env=env) as begun:
        assert begun.rest() == (0, wanted, "")


def test_the_front_leaves_a_failure_to_python(shim: Path, tmp_path: Path) -> None:
    """Nothing lacks and nothing stands twice where the front fails in the middle."""
    fill(wide=True)
    wanted = expected()
    # Python asks for less than that in all, so that it does not fail.
    fault = {"LD_PRELOAD": str(shim), "FAULT": f"send-error:{SERVICES - 500}:{tmp_path}/came:5"}
    with listing(*ARGV, env=fault) as begun:
        assert begun.rest() == (0, wanted, "")
    assert (tmp_path / "came").exists()


def test_a_failure_in_the_middle(shim: Path, tmp_path: Path) -> None:
    """It is said, with the status 1; what was written before are whole lines of the listing."""
    fill(wide=True)
    wanted = expected()
    fault = {"LD_PRELOAD": str(shim), "FAULT": f"send-error:{SERVICES - 500}:{tmp_path}/came:5"}
    with listing(*ARGV, env={**PYTHON, **fault}) as begun:
        status, out, err = begun.rest()
    assert (status, err) == (1, "Input/output error\n")
    assert 1 < len(out) < len(wanted)
    assert len(out) == len(set(out))
    assert set(out) <= set(wanted)


@BOTH
@pytest.mark.parametrize(
    "words", ["-t 10.1.0.1:80", "-t 10.1.0.1:80 --stats", "--rate --exact", "--thresholds"]
)
def test_views(words: str, env: dict[str, str]) -> None:
    """One service, and the other views, are those of the sorted listing in another order."""
    fill()
    with (
        listing(*ARGV, *words.split(), env=env) as begun,
        listing("-L", "-n", *words.split(), env=env) as other,
    ):
        done, sorted_one = begun.rest(), other.rest()
    assert (done[0], done[2]) == (0, "")
    assert done[1] == sorted_one[1]
