"""Wanted tables in files, for programs: read from every form, and written in another one."""

from __future__ import annotations

from .errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .model.types import ConvertedForm, RuleSource, WantedForm
    from .plans.wanted import Wanted

__all__ = ["converted", "read_wanted"]


def read_wanted(
    file: RuleSource, *, source: WantedForm = "auto", config_id: str | None = None, allow_empty: bool = False,
    keep_going: bool = False,
) -> Wanted:  # fmt: skip
    """What the table is to hold by a path, bytes or lines; `Ipvs.plan` takes it. No kernel is asked.

    source: "auto" tells rules, JSON, YAML and TOML by the name of the file and by how it begins;
    "keepalived", "ldirectord" and "ipvsctl" are configurations of these programs, of which `Wanted.left_out`
    has what no table can say. RulesInvalid, with every mistake, if there is any; InvalidValue for one without
    any service, unless allow_empty. config_id: what lines of keepalived.conf that begin with `@` are compared
    with, by default the first part of this machine's name. keep_going: rules of a rule file with a name that
    has no address, or none in time, are left out instead of being mistakes: `Wanted.unnamed` has them, and no
    plan made of it deletes anything.
    """
    from .changes.restore import RuleText
    from .plans.wanted import read_wanted as read

    return read(
        RuleText(file, "text"), source=source, config_id=config_id, allow_empty=allow_empty,
        keep_going=keep_going,
    )  # fmt: skip


def converted(wanted: Wanted, form: ConvertedForm = "rules") -> str:
    """The text that asks for the same: "rules", "json" or "yaml". InvalidValue for what no rule can say."""
    from .listing.converted import FORMS
    from .listing.converted import converted as texts

    if form not in FORMS:
        raise InvalidValue(f"a table is converted to {', '.join(FORMS)}, not {form!r}")
    lost: list[str] = []
    text = "".join(texts(form, wanted.operations(), lost))
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        raise InvalidValue(f"no rule says {lost[0]}{more}")
    return text
