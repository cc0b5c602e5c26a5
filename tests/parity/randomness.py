"""How many random examples are played, and from which seed."""

from __future__ import annotations

import os
import random
from collections import Counter

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("IPVSFAST_PARITY_EXAMPLES", "150"))
SEED = int(os.environ.get("IPVSFAST_PARITY_SEED") or random.SystemRandom().randrange(2**32))

PLAYED: Counter[str] = Counter()  # what the random lines came to


def random_examples(divisor: int = 1) -> settings:
    """The settings of a test with a `divisor`th of the examples."""
    return settings(
        max_examples=max(1, EXAMPLES // divisor),
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
