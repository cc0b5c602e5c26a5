"""Ctrl-C at every line of a restore in turn, in each of its ways: is the account what is there?

    .venv/bin/python -m tests.vm --timeout 1800 -- .venv/bin/python tests/campaigns/sigint_sweep.py [CASE]...

takes a quarter of an hour; or as root in a network namespace of its own (`unshare -n`). It tells each place where the account is not true, and
ends with status 1 if there is one. tests/kernel/test_interrupted_restore.py does a sample of it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.sigint_sweep import CASES, sweep


def main(cases: list[str]) -> int:
    """The exit status."""
    failed = 0
    for case in cases:
        places = bad = 0
        for place, where, wrong in sweep(case):
            places += 1
            bad += bool(wrong)
            for text in wrong:
                print(f"{case}, place {place}, {where or 'not interrupted'}: {text}")
        print(f"{case}: {places} places, {bad} with an account that is not true", flush=True)
        failed += bad
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(CASES)))
