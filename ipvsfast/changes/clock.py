"""Time for what waits: it can be told apart from the real one in tests."""

from __future__ import annotations

import time


class Clock:
    """Seconds that never go back, and waiting for a moment of them."""

    def now(self) -> float:
        """The seconds since some moment."""
        return time.monotonic()

    def wait_until(self, moment: float) -> None:
        """Sleeps until then; a signal whose handler raises ends it."""
        left = moment - self.now()
        if left > 0:
            time.sleep(left)
