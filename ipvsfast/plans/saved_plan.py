"""A plan in a file: what was wanted, how to get there, and what tells whether the table is still the same."""

from __future__ import annotations

from ..changes.restore import RuleText
from ..errors import InvalidValue
from ..model.scope import Scope
from .apply import TableMoved, check_unmoved
from .bounds import bounds_of
from .plan import How, Plan
from .wanted import read_wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from ..kernel.session import Session
    from ..model.types import WantedForm
    from ..resolver import Resolver
    from .plan import TableState

VERSION = 1


def plan_to_save(plan: Plan) -> dict[str, Any]:
    """What a file of the plan has beside its changes, which it begins with."""
    how, wanted, bounds = plan.how, plan.wanted, plan.present.bounds
    return {
        "ipvsfast_plan": VERSION,
        "source": wanted.source,
        "text": wanted.text.decode("utf-8", "surrogateescape"),
        "scope": list(bounds.scope.texts) if bounds is not None else [],
        "tag": bounds.tag if bounds is not None else "",
        "how": {"order": how.order, "keep_weights": how.keep_weights, "only": list(how.only)},
        "operations": _digest(plan),
        "table": plan.present.fingerprints(),
    }


def _digest(plan: Plan) -> str:
    """Of the operations. Those that start a daemon or set timeouts are among them."""
    import hashlib
    import json

    text = json.dumps([change.operation.to_dict() for change in plan], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class SavedPlan:
    """What a file of a plan holds. Made anew for the same table it has to be the same plan."""

    def __init__(self, text: RuleText, names: Resolver | None = None) -> None:
        self.name: Final[str] = text.name
        values = self._values(text.text)
        try:
            how = values["how"]
            self.how: Final[How] = How(bool(how["order"]), bool(how["keep_weights"]), how["only"])
            rules = values["text"].encode("utf-8", "surrogateescape")
            self._operations: str = values["operations"]
            self._table: dict[str, str] = values["table"]
            source = str(values["source"])
            self.scope: Final[Scope] = Scope(values.get("scope", ()))
            self.tag: Final[str] = str(values.get("tag", ""))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InvalidValue(f"{text.name} is no whole plan ({error}): make it anew") from None
        kept = RuleText(rules, source)
        # That it is empty was allowed when it was made, and the name may be that of a file in another form.
        form: WantedForm = "json" if kept.looks_like_json else "rules"
        self.wanted: Final = read_wanted(kept, names, source=form, allow_empty=True)

    def _values(self, text: bytes) -> Any:
        from .wanted_json import parse_document

        try:
            values = parse_document(text.decode())
        except (ValueError, RecursionError) as error:
            raise InvalidValue(f"{self.name} is no whole plan ({error}): make it anew") from None
        version = values.get("ipvsfast_plan")
        if version != VERSION:
            raise InvalidValue(
                f"{self.name} is a plan of version {version!r}, and this program knows {VERSION}"
            )
        return values

    def plan(self, present: TableState, session: Session | None = None) -> Plan:
        """The plan for the table as it is; TableMoved if that, within its bounds, is not the one it was made
        for. session: where its tag counts."""
        within = present.within(bounds_of(self.wanted, self.scope, self.tag, session))
        check_unmoved(self._table, within.fingerprints())
        plan = Plan(self.wanted, within, self.how)
        if _digest(plan) != self._operations:
            raise TableMoved(
                ["its timeouts, its daemons, the address of a name, or the plan itself was changed"]
            )
        return plan
