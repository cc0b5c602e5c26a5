"""In which form a wanted table is written, and the configurations of other programs among them."""

from __future__ import annotations

from ..changes.problem import Problem
from ..changes.restore import RulesInvalid
from ..errors import InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..changes.restore import RuleText
    from ..foreign.account import Account
    from ..model.types import WantedForm
    from ..resolver import Resolver

SOURCES = ("auto", "rules", "json", "yaml", "toml", "keepalived", "ldirectord", "ipvsctl")


def form_of(text: RuleText) -> WantedForm:
    """Of a text whose form nobody has named. Configurations of other programs are never guessed."""
    first = _first_line(text.text)
    if first[:1] == b"-" and (first[1:2].isalpha() or (first[1:2] == b"-" and first[2:3].isalpha())):
        return "rules"
    ending = text.name.rpartition(".")[2].lower()
    if ending in ("yaml", "yml"):
        return "yaml"
    if ending == "toml":
        return "toml"
    first = first.replace(b" ", b"")
    if first.startswith((b"[[services]]", b"[[daemons]]", b"[timeouts]", b"services=[", b"daemons=[")):
        return "toml"
    if first.startswith((b"---", b"%YAML", b"services:", b"timeouts:", b"daemons:")):
        return "yaml"
    return "json" if text.looks_like_json else "rules"


def _first_line(text: bytes) -> bytes:
    """The first one with something other than a comment."""
    for line in text[:65536].split(b"\n"):
        if line.strip() and line.lstrip()[:1] != b"#":
            return line.strip()
    return b""


# How lines begin that are no rules, and what has them.
_TELLTALE = (
    (b"virtual_server", "keepalived"), (b"vrrp_instance", "keepalived"), (b"global_defs", "keepalived"),
    (b"virtual=", "ldirectord"), (b"virtual6=", "ldirectord"), (b"checktimeout=", "ldirectord"),
)  # fmt: skip


def check_rules(text: RuleText, problems: list[Problem]) -> None:
    """RulesInvalid for problems; InvalidValue where the text is something else than rules."""
    if not problems:
        return
    for line in text.text[: 1 << 20].split(b"\n"):
        for begin, program in _TELLTALE:
            if line.replace(b" ", b"").startswith(begin):
                raise InvalidValue(
                    f"{text.name} holds no rules, but looks like a configuration of {program}: "
                    f"--from {program} reads it"
                )
    raise RulesInvalid(sorted(problems, key=lambda problem: problem.line))


def read_foreign(
    text: RuleText, form: str, names: Resolver, config_id: str | None, included: set[str] | None = None
) -> Account:
    """What the configuration of another program comes to; RulesInvalid with all its mistakes. included: gets
    the paths and patterns of the files that it includes, in any case."""
    from ..foreign.account import Account, TooMany

    reader = _reader(form, names, config_id)

    def read() -> Account:
        account = Account()
        try:
            reader(text, account)
        except TooMany:
            pass
        return account

    account = names.together(read)
    if included is not None:
        included |= account.included
    if account.mistakes:
        raise RulesInvalid(
            [
                Problem(place.source, place.line, what.encode("utf-8", "surrogateescape"), message)
                for place, what, message in account.mistakes
            ]
        )
    left_out = account.left_out
    files = {name: number for number, name in reversed(list(enumerate([one.source for one in left_out])))}
    left_out.sort(key=lambda one: (files[one.source], one.line))
    return account


def _reader(form: str, names: Resolver, config_id: str | None) -> Callable[[RuleText, Account], None]:
    if form == "keepalived":
        from ..foreign.keepalived import read_keepalived

        return lambda text, account: read_keepalived(text.name, text.text, account, config_id)
    if form == "ldirectord":
        from ..foreign.ldirectord import read_ldirectord

        return lambda text, account: read_ldirectord(text.name, text.text, account, names)
    if form == "ipvsctl":
        from ..foreign.ipvsctl import read_ipvsctl

        return lambda text, account: read_ipvsctl(text.name, text.text, account)
    raise InvalidValue(f"the form of a wanted table is {', '.join(SOURCES)}, not {form!r}")
