"""What class Ipvs has for a table that follows a file."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable

    from ..kernel.session import Session
    from ..model.types import ActionName, WantedForm
    from .event import WatchEvent
    from .watching import Watch


class WatchMethods:
    """Methods of Ipvs; see there."""

    _session: Session

    def watch(
        self,
        path: str | os.PathLike[str],
        *,
        interval: float = 60.0,
        enforce: bool = False,
        wait: float = 10.0,
        scope: str | Iterable[str] = (),
        tag: str = "",
        order: bool = False,
        keep_weights: bool = False,
        only: Collection[ActionName] = ("add", "edit", "delete"),
        max_delete: int | str | None = None,
        max_change: int | str | None = None,
        drain: float | None = None,
        allow_empty: bool = False,
        source: WantedForm = "auto",
        config_id: str | None = None,
        progress: Callable[[WatchEvent], None] | None = None,
    ) -> Watch:
        """What keeps the table as a file asks for, while somebody waits for the events of it.

        The file is applied at the start, when it changes, and on reload(); each apply is remembered, for
        undo(). interval: seconds between looks at the table and, where the kernel does not tell of changes,
        at the file; 0: none, and an OSError where changes are not told. enforce: what others change is
        changed back; else it is told, and stays. wait: seconds in which to get the lock of the table, before
        that is told. source, config_id and allow_empty as for read_wanted(), the others as for plan() and
        apply_plan(). progress: called with each event at the moment it happens, also in the middle of an
        apply. InvalidValue for values that cannot be; mistakes in the file are events.
        """
        import os

        from .options import WatchOptions
        from .watching import Watch

        options = WatchOptions(
            interval=interval, enforce=enforce, wait=wait, scope=scope, tag=tag, order=order,
            keep_weights=keep_weights, only=only, max_delete=max_delete, max_change=max_change, drain=drain,
            allow_empty=allow_empty, source=source, config_id=config_id,
        )  # fmt: skip
        return Watch(self._session, os.fspath(path), options, progress)
