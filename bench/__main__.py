"""``python -m bench``: measure, print the tables, write the JSON."""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

from bench import (
    apply,
    commands,
    connections,
    listing,
    netns,
    poll,
    prepare,
    records,
    report,
    restore,
    run,
    save,
    startup,
    tools,
)  # fmt: skip
from bench.workloads import Size

QUESTIONS: dict[str, tuple[run.Question, ...]] = {
    q.name: (q,)
    for q in (
        restore.QUESTION, listing.QUESTION, save.QUESTION, records.QUESTION, startup.QUESTION,
    )
}  # fmt: skip
QUESTIONS[commands.NAME] = commands.QUESTIONS
QUESTIONS[apply.NAME] = apply.QUESTIONS
# The last two keep their contenders, or their tables, from one reading to the next.
NAMES = (*QUESTIONS, poll.NAME, connections.NAME)
SIZES = ("20x50", "1000x50", "20000x1", "1x5000")

# A quick look: a tenth of the big table for everyone, the big table for those that manage it in seconds.
QUICK_SIZES = ("20x50", "100x50", "1000x50")
QUICK_RULES = 6000
QUICK = run.Options(runs=3, budget=5.0, slow_limit=QUICK_RULES)
QUICK_REMARK = "--quick: few runs, fewer sizes; programs that take long for many rules got 100x50 at most"


def _list_of(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _sizes(text: str) -> list[Size]:
    try:
        return [Size.parse(part) for part in _list_of(text)]
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def _questions(text: str) -> list[str]:
    unknown = [name for name in _list_of(text) if name not in NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]}: choose from {', '.join(NAMES)}")
    return _list_of(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes: fewer runs, fewer sizes")
    parser.add_argument("--only", type=_questions, metavar="QUESTION,...", help=", ".join(NAMES))
    parser.add_argument("--sizes", type=_sizes, metavar="SxD,...", help=f"default {','.join(SIZES)}")
    parser.add_argument("--runs", type=int, help="runs of each contender, unless its time is used up")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="time for one contender on one size")
    parser.add_argument(
        "--deadline", type=float, metavar="SECONDS", help="a run that takes longer has failed"
    )
    parser.add_argument("--ipvsfast", type=Path, default=tools.OURS, metavar="PATH", help="default .venv's")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where the JSON goes")
    parser.add_argument("--prepare", action="store_true", help="only build and download what the bench needs")
    return parser.parse_args()


def _options(arguments: argparse.Namespace) -> run.Options:
    base = QUICK if arguments.quick else run.Options()
    return run.Options(
        runs=arguments.runs or base.runs,
        budget=base.budget if arguments.budget is None else arguments.budget,
        deadline=arguments.deadline or base.deadline,
        slow_limit=base.slow_limit,
    )


def _cannot_run_here() -> str:
    if os.geteuid() != 0:
        return "root is needed, for network namespaces and IPVS"
    if not netns.has_ipvs():
        return "this kernel has no IPVS loaded: modprobe ip_vs, or use the test kernel"
    return ""


def main() -> int:
    """Measure what was asked for."""
    arguments = _arguments()
    if arguments.prepare:
        prepare.prepare()
        return 0
    reason = _cannot_run_here()
    if reason:
        print(f"bench: {reason} (python -m tests.vm -- python -m bench)", file=sys.stderr)
        return 2
    options = _options(arguments)
    sizes = arguments.sizes or [Size.parse(s) for s in (QUICK_SIZES if arguments.quick else SIZES)]
    found = tools.discover(arguments.ipvsfast.absolute())
    host = report.describe_host(found)
    names = arguments.only or NAMES
    asked = [question for name in names for question in QUESTIONS.get(name, ())]
    sections = run.run(asked, sizes, found, options)
    tables = [report.section_table(section) for section in sections]
    polls: list[poll.Section] = []
    if poll.NAME in names:
        default = map(Size.parse, poll.QUICK_SIZES if arguments.quick else poll.SIZES)
        polls = poll.measure(found, options, arguments.sizes or list(default), arguments.quick)
    tables += map(poll.table, polls)
    conns = connections.measure(found, options, arguments.quick) if connections.NAME in names else []
    tables += [connections.table(section) for section in conns]
    print(report.text(host, found, tables, QUICK_REMARK if arguments.quick else ""))
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    path = arguments.json or Path(__file__).parent / "results" / f"{stamp}.json"
    report.write_json(path, host, found, [*sections, *polls, *conns], asdict(options))
    print(f"\nevery run: {path}")
    broken = any(row.note.startswith("failed") for s in sections for row in s.rows)
    return 1 if broken or any(map(poll.failed, polls)) or any(map(connections.failed, conns)) else 0


if __name__ == "__main__":
    sys.exit(main())
