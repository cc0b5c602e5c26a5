"""`ipvsfast conns`: its command line, and whether it is answered once or again and again."""

from __future__ import annotations

import os

from ..errors import InvalidValue, IpvsError
from ..language.words import UsageError
from .conns import answer
from .conns_query import Query
from .output import ExitWith

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context


def conns(context: Context, options: dict[str, str], words: list[str]) -> int:
    """The verb."""
    try:
        query = Query(options)
    except UsageError:
        raise
    except InvalidValue as error:
        raise UsageError(2, f"conns: {error.strerror}") from None
    except IpvsError as error:  # the configuration forbids the source
        raise ExitWith(1, str(error)) from None
    if query.interval is not None:
        from .conns_again import log

        return log(query)
    if query.watch is None:
        return answer(context, query)
    from .watch import watch

    if not os.isatty(1):
        raise ExitWith(2, "conns: --watch needs a terminal; without it, repeat the command")
    return watch(query, options)
