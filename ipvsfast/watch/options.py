"""What a watch is asked for."""

from __future__ import annotations

from ..drains.drain import check_seconds
from ..errors import InvalidValue
from ..model.scope import Scope
from ..plans.apply import Limits
from ..plans.forms import SOURCES
from ..plans.plan import ACTIONS, How

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Final

    from ..model.types import ActionName, WantedForm

INTERVAL = 60.0  # seconds between two looks at the table
LOCK_SECONDS = 10.0


class WatchOptions:
    """See Ipvs.watch(). InvalidValue for what cannot be."""

    def __init__(
        self,
        *,
        interval: float = INTERVAL,
        enforce: bool = False,
        wait: float = LOCK_SECONDS,
        scope: str | Iterable[str] | Scope = (),
        tag: str = "",
        order: bool = False,
        keep_weights: bool = False,
        only: Collection[ActionName] = ACTIONS,
        max_delete: int | str | None = None,
        max_change: int | str | None = None,
        drain: float | None = None,
        allow_empty: bool = False,
        source: WantedForm = "auto",
        config_id: str | None = None,
    ) -> None:
        for name, seconds in (("interval", interval), ("wait", wait), ("drain", drain)):
            check_seconds(name, seconds)
        if source not in SOURCES:
            raise InvalidValue(f"source is {', '.join(SOURCES)}, not {source!r}")
        if config_id is not None and source != "keepalived":
            raise InvalidValue('config_id goes with source="keepalived" only')
        if tag:
            from ..plans.tags import check_tag

            check_tag(tag)
        self.interval: Final[float] = interval
        self.enforce: Final[bool] = enforce
        self.wait: Final[float] = wait
        self.scope: Final[Scope] = scope if isinstance(scope, Scope) else Scope(scope)
        self.tag: Final[str] = tag
        self.how: Final[How] = How(order, keep_weights, only)
        self.limits: Final[Limits] = Limits(max_delete, max_change)
        self.drain: Final[float | None] = drain
        self.allow_empty: Final[bool] = allow_empty
        self.source: Final[WantedForm] = source
        self.config_id: Final[str | None] = config_id
