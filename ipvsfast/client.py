"""class Ipvs: the table of one network namespace."""

from __future__ import annotations

import errno
import os

from .drains.methods import WeightMethods
from .errors import InvalidValue, NotRestorable, TableLocked, error_for
from .history.methods import HistoryMethods
from .kernel.layout import OP_SIZE, pack_key, pack_operations, unpack_daemon
from .kernel.rule_buffer import count_sent, new_results
from .kernel.session import Session
from .kernel.table_reading import EVERYTHING, scope_of
from .model.operation import PUTS, Batch, Operation
from .model.result import Results, leave_with
from .model.service import service_key
from .model.settings import Info, Timeouts
from .watch.methods import WatchMethods

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Any

    from .changes.add import OnProgress
    from .changes.restore import Restored
    from .kernel.layout import Table
    from .kernel.table_reading import Reading
    from .model.destination import Destination
    from .model.service import Service
    from .model.settings import SyncDaemon
    from .model.table_filter import TableFilter
    from .model.types import (
        ActionName,
        CommandName,
        DaemonState,
        DestinationOrKey,
        Namespace,
        RuleSource,
        ServiceOrKey,
        SnapshotSource,
        ViewName,
    )
    from .plans.apply import Applied
    from .plans.plan import Plan
    from .plans.wanted import Wanted
    from .stats.poller import Poller
    from .stats.snapshot import Snapshot


class Ipvs(WeightMethods, HistoryMethods, WatchMethods):
    """The IPVS table of a network namespace, over one kept-open netlink socket.

    netns: path or `ip netns` name; None for the caller's own. Needs CAP_NET_ADMIN in the initial
    user namespace for reading too. Use it as a context manager, or call close(). Threads may share
    one; after fork open another. `opened` is the kernel's Info at the start. Methods raise KernelError:
    NotPermitted, IpvsUnavailable, and KernelRefused (NotFound, AlreadyExists) with `errno` and the
    sentence that ipvsadm prints. InvalidValue is raised before the kernel is asked.
    """

    def __init__(self, netns: Namespace | None = None) -> None:
        self._session = Session(netns)
        try:
            self.opened: Info = self.info()
        except BaseException:
            self._session.close()
            raise

    def __enter__(self) -> Ipvs:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket; a second call does nothing."""
        self._session.close()

    def info(self) -> Info:
        """The kernel's IPVS version and the size of its connection table now."""
        version, size = self._session.info()
        return Info._make((version >> 16 & 255, version >> 8 & 255, version & 255), size)

    @property
    def session(self) -> Session:
        """The session below, for the modules of this package."""
        return self._session

    # Reading

    def table(self, *, strict: bool = False) -> Table:
        """Every service with its destinations: services in kernel order, destinations newest first.

        A table that changes while it is read is read again a few times. With strict, all that stood
        still meanwhile is in it, or TableChanging is raised; else the last reading is given: nothing in
        it stands twice, but some may lack.
        """
        return self.read(complete=strict).values()

    def read(
        self, service: ServiceOrKey | None = None, *, complete: bool = False, view: ViewName | None = None
    ) -> Reading:
        """The table, or one service of it, as packed rows that can be sorted, turned into text at
        memory speed, or into values. complete: as `strict` of table(). view: the only one that will be made
        of it, which may be had for less; what it does not show of destinations may be wrong."""
        scope = EVERYTHING if view is None else scope_of(view)
        key = _packed(service) if service is not None else None
        return self._session.read(key, complete=complete, scope=scope)

    def services(self) -> list[Service]:
        """Every service with its counters, in kernel order."""
        return [service for service, _ in self._session.read(dests=False).values()]

    def service(self, service: ServiceOrKey) -> Service:
        """One service with its counters; NotFound if there is none."""
        return self._session.read(_packed(service), dests=False).values()[0][0]

    def one(self, service: ServiceOrKey) -> tuple[Service, list[Destination]]:
        """One service and its destinations, newest first; NotFound if there is none."""
        table = self.read(service).values()
        if not table:  # deleted between the two requests
            raise error_for("list", errno.ESRCH)
        return table[0]

    def destinations(self, service: ServiceOrKey) -> list[Destination]:
        """The destinations of one service with counters, newest first."""
        return self.one(service)[1]

    def timeouts(self) -> Timeouts:
        """The connection timeouts in seconds."""
        return Timeouts._make(*self._session.timeouts())

    def daemons(self) -> list[SyncDaemon]:
        """The running sync daemons, master first."""
        rows = [unpack_daemon(row) for row in self._session.daemons()]
        return sorted(rows, key=lambda d: d.state != "master")

    def snapshot(self, source: SnapshotSource = "auto") -> Snapshot:
        """The table now, timed and as columns, for numbers over time; who takes many should have a poller.
        source: as for poller()."""
        from .stats.snapshot import take_snapshot
        from .stats.sources import source_of

        return take_snapshot(self._session, source_of(source, self._session))

    def poller(
        self,
        source: SnapshotSource = "auto",
        *,
        interval: float | None = None,
        wanted: TableFilter | None = None,
    ) -> Poller:
        """What takes such snapshots again and again; see Poller for the arguments. InvalidValue for a source
        that there is not."""
        from .stats.poller import Poller

        return Poller(self._session, source, interval, wanted)

    # Changing

    def apply(
        self,
        operations: Batch | Iterable[Operation],
        *,
        exist: bool = False,
        progress: OnProgress | None = None,
    ) -> Results:
        """Carry out operations in order, many per system call, and give one result for each.

        No operation stops the others; look at Results.failed, or call Results.check(). exist: what was to
        be added and is there already is edited, as the put operations do it, and a daemon that runs as
        wanted is no refusal. progress: called with the number of operations sent so far, about every
        50 ms. Whatever exception leaves it, Interrupted on Ctrl-C, KernelError when the exchange itself
        fails, what a signal handler or `progress` raises, has the `results` of what was done before.
        """
        ops: list[Operation] = []
        try:
            ops += operations
            packed = pack_operations(ops)
        except BaseException as error:
            leave_with(error, Results(ops, (), 0))
        puts = range(len(ops)) if exist else {at for at, op in enumerate(ops) if op.command in PUTS}
        return self.apply_packed(packed, ops, progress, puts)

    def apply_packed(
        self,
        packed: bytearray,
        ops: list[Operation],
        progress: OnProgress | None = None,
        puts: Collection[int] = (),
    ) -> Results:
        """`apply` of operations that were packed before (kernel/layout.py). puts: the places of those
        that edit what they cannot add."""
        count = len(ops)
        if len(packed) != count * OP_SIZE:
            raise ValueError(f"{count} operations, but {len(packed)} packed bytes")
        errnos = new_results(count)
        done = 0
        try:
            if puts:
                from .changes.put import send_puts

                send_puts(self._session, packed, errnos, puts, progress or (lambda sent: None))
                done = count
            while done < count:
                done = self._session.send(packed, count, errnos, done)
                if progress is not None:
                    progress(done)
        except BaseException as error:
            leave_with(error, Results(ops, errnos, count_sent(errnos, count)))
        return Results(ops, errnos, count)

    def restore(
        self,
        source: RuleSource,
        *,
        stop_on_error: bool = True,
        exist: bool = False,
        clear: bool = False,
        allow_empty: bool = False,
        wait: float | None = None,
        progress: OnProgress | None = None,
    ) -> Restored:
        """Check rule text (a path, bytes, or lines) as a whole, then add it; an account of what was done.

        An open file has lines, a text file and a binary one.
        RulesInvalid, with every mistake, if it holds any: then nothing was sent. stop_on_error: at a
        refusal of the kernel nothing after it stays in force. What is there as the rule says is no
        refusal. exist: what is there with other values is edited, instead of being refused. clear:
        replace the table; refusals do not stop it then, and text without any service is InvalidValue,
        unless allow_empty; and only one at a time does it in a network namespace: another one waits `wait`
        seconds and is then TableLocked (see changes/lock.py). progress: called with the number of rules sent
        so far, about every 50 ms. Whatever exception leaves it after that, as with apply, has the account as
        `restored`.
        """
        from contextlib import nullcontext

        from .changes.lock import TableLock
        from .changes.restore import Adding, RulesInvalid, RuleText, check_rules
        from .changes.rule_reader import no_services

        if clear and exist:
            raise InvalidValue("exist=True has no effect with clear=True, which replaces all: leave one out")
        text = RuleText(source)
        checked = check_rules(text)
        if checked.problems:
            raise RulesInvalid(checked.problems)
        if clear and not checked.services and not allow_empty:
            raise no_services(text.name, "allow_empty=True if that is meant")
        work = Adding(
            self._session, text, checked.total, checked.parse,
            stop=stop_on_error, exist=exist, clear=clear, progress=progress,
        )  # fmt: skip
        lock = TableLock(self._session, wait)
        try:
            with lock if clear else nullcontext():
                return work.carry_out()
        except TableLocked:
            raise  # nothing was begun
        except BaseException as error:
            lock.release()
            leave_with(error, restored=work.account(error))

    def plan(
        self,
        source: RuleSource | Wanted,
        *,
        order: bool = False,
        keep_weights: bool = False,
        only: Collection[ActionName] = ("add", "edit", "delete"),
        allow_empty: bool = False,
        scope: str | Iterable[str] = (),
        tag: str = "",
    ) -> Plan:
        """The least change that makes the table what rule text or JSON asks for; nothing is done.

        source: as for restore, or what `ipvsfast list --json` and `--ndjson` write, or the same as YAML or
        TOML; or what read_wanted() gave. RulesInvalid, with every
        mistake, if it holds any; InvalidValue for one without any service, unless allow_empty. order:
        destinations are also to stand in its order, else those that are there stay where they are.
        keep_weights: destinations that are there keep their weights. only: nothing but these actions. scope:
        only services there are compared and changed (see Scope); RulesInvalid if one is wanted elsewhere.
        tag: only services that were created or adopted under that name, and those of the source, which become
        its own; RulesInvalid if one of these is another tag's.
        """
        from .changes.restore import RuleText
        from .model.scope import Scope
        from .plans.apply import read_present
        from .plans.bounds import bounds_of
        from .plans.plan import How, Plan
        from .plans.wanted import Wanted, read_wanted

        how = How(order, keep_weights, only)
        if isinstance(source, Wanted):
            wanted = source
        else:
            wanted = read_wanted(RuleText(source), allow_empty=allow_empty)
        bounds = bounds_of(wanted, Scope(scope), tag, self._session)
        return Plan(wanted, read_present(self._session).within(bounds), how)

    def apply_plan(
        self,
        plan: Plan,
        *,
        max_delete: int | str | None = None,
        max_change: int | str | None = None,
        wait: float | None = None,
        drain: float | None = None,
        progress: OnProgress | None = None,
        remember: bool = False,
        confirm_within: float = 0,
    ) -> Applied:
        """Carry out a plan of this table and look at the table again; an account of what was done.

        TableMoved, with nothing done, if the table is not as it was when the plan was made. max_delete,
        max_change: InvalidValue if it deletes or changes more than so many entries, or "10%" of them. What is
        not wanted is deleted only when all that was to be added is there. drain: it gets weight 0 first, and
        so many seconds for its connections to end; `drained` of the account tells what became of it. One at
        a time does it in a network namespace: another one waits `wait` seconds and is then TableLocked.
        progress: called with the number of operations sent so far, about every 50 ms. Whatever exception
        leaves it after that, as with apply, has the account as `applied`. remember: it is written into the
        history, for undo(). confirm_within: that too, and after so many seconds it is taken back, also if
        this process is gone by then, unless confirm() keeps it. For both, StateError where nothing can be
        written, and AwaitsConfirmation while another one is to be confirmed.
        """
        from .changes.lock import TableLock
        from .history.awaiting import Remembered
        from .plans.apply import Applying, Limits, check_unmoved, read_present

        Limits(max_delete, max_change).check(plan)
        lock = TableLock(self._session, wait)
        try:
            with lock:
                now = read_present(self._session).within(plan.present.bounds)
                check_unmoved(plan.present.fingerprints(), now.fingerprints())
                work: Applying
                if drain is None:
                    work = Applying(self._session, plan, progress)
                else:
                    from .plans.apply_drain import DrainingApply

                    work = DrainingApply(self._session, plan, drain, progress)
                with Remembered(self._session, plan, remember, confirm_within) as work.journal:
                    try:
                        return work.carry_out()
                    except BaseException as error:
                        leave_with(error, applied=work.account(error))
        except BaseException:
            lock.release()
            raise

    def rules(self) -> list[str]:
        """The table as rules that restore brings back, one a string: timeouts, daemons, services, and
        destinations in the order in which to add them. What no rule makes again, since another program made
        it, is a comment: `# not restorable: protocol 47: -A ...`. TableChanging if it cannot be read in one
        piece."""
        text = b"".join([bytes(piece) for piece in self.rule_text()])
        return text.decode("utf-8", "surrogateescape").splitlines()

    def rule_text(self, left_out: list[str] | None = None) -> Iterator[bytes | memoryview]:
        """The same as pieces of text, each valid until the next. left_out: gets `REASON: RULE` of every
        comment."""
        from .listing.saved import saved_rules, saved_settings

        lost = [] if left_out is None else left_out
        head = saved_settings(self.timeouts(), self.daemons(), lost)
        reading = self.read(complete=True, view="rules")
        yield head.encode("utf-8", "surrogateescape")  # only now: what was written cannot be taken back
        pieces = reading.sort_for_adding().saved_text()
        if pieces is not None:
            yield from pieces
            return
        for text in saved_rules(reading.values(), lost):
            yield text.encode("utf-8", "surrogateescape")

    def save(self, path: str | os.PathLike[str]) -> int:
        """Write the rules, and a comment that says when and where, to a file that restore brings back.

        A file has its old content until the new one is on the disk; pipes and devices are written to.
        Gives the number of other names (hard links) that keep the old content. OSError if it cannot be
        written. NotRestorable, after it was written, if a part of the table is in it as comments only.
        """
        from .outfile import write_file

        left_out: list[str] = []
        others = write_file(os.fspath(path), saved_text(self, left_out))
        if left_out:
            raise NotRestorable(left_out, others)
        return others

    def send(self, packed: bytearray, count: int, errnos: memoryview, start: int = 0) -> int:
        """One time slice of packed operations; see Session.send. For callers that stream."""
        return self._session.send(packed, count, errnos, start)

    def _one(self, command: CommandName, service: Any = None, dest: Any = None, value: Any = None) -> None:
        self.apply([Operation(command, service, dest, value)]).check()

    def add_service(self, service: Service) -> None:
        """Add a service."""
        self._one("add-service", service)

    def edit_service(self, service: Service) -> None:
        """Replace scheduler, persistence, netmask, engine and flags of an existing service."""
        self._one("edit-service", service)

    def put_service(self, service: Service) -> None:
        """Add a service, or edit the one that is there; its destinations stay."""
        self._one("put-service", service)

    def delete_service(self, service: ServiceOrKey) -> None:
        """Delete a service, given as itself or by its key, with its destinations."""
        self._one("delete-service", service)

    def add_destination(self, service: ServiceOrKey, destination: Destination) -> None:
        """Add a destination to a service."""
        self._one("add-destination", service, destination)

    def edit_destination(self, service: ServiceOrKey, destination: Destination) -> None:
        """Replace all that an existing destination has beside its key."""
        self._one("edit-destination", service, destination)

    def put_destination(self, service: ServiceOrKey, destination: Destination) -> None:
        """Add a destination to a service, or edit the one that is there."""
        self._one("put-destination", service, destination)

    def delete_destination(self, service: ServiceOrKey, destination: DestinationOrKey) -> None:
        """Delete a destination, given as itself or by its key."""
        self._one("delete-destination", service, destination)

    def zero(self, service: ServiceOrKey | None = None) -> None:
        """Zero the counters of one service and its destinations, or of everything."""
        self._one("zero", service)

    def flush(self) -> None:
        """Delete every service of this namespace."""
        self._one("flush")

    def set_timeouts(self, timeouts: Timeouts) -> None:
        """Set connection timeouts; 0 leaves one as it is."""
        self._one("set", value=timeouts)

    def start_daemon(self, daemon: SyncDaemon) -> None:
        """Start a sync daemon."""
        self._one("start-daemon", value=daemon)

    def stop_daemon(self, state: DaemonState) -> None:
        """Stop the "master" or the "backup" daemon."""
        self.apply(Batch().stop_daemon(state)).check()


def saved_text(table: Ipvs, left_out: list[str]) -> Iterator[bytes | memoryview]:
    """What `Ipvs.save` writes, in pieces, each valid until the next. left_out: as for `Ipvs.rule_text`."""
    import time

    from . import __version__

    pieces = table.rule_text(left_out)
    first = bytes(next(pieces))  # the table is read; nothing was written so far
    kernel, now = os.uname(), time.strftime("%Y-%m-%dT%H:%M:%S%z")
    yield f"# ipvsfast {__version__}, {kernel.sysname} {kernel.release}, {now}\n".encode() + first
    yield from pieces


def _packed(service: ServiceOrKey) -> bytes:
    return pack_key(service_key(service))
