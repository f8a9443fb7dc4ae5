"""What tests need to measure how soon a call ends."""

from __future__ import annotations

import threading
import time
from typing import Callable

#: Within this a call has to end that was told to; the library promises 250 ms.
SOON = 0.25
#: Longer than any test takes.
LONG = 30.0


def deferred(condition: threading.Event, act: Callable[[], object]) -> Timed:
    """Does something on a thread of its own once the condition is met."""
    return Timed(condition, act)


class Timed:
    """Notes when it acted."""

    def __init__(self, condition: threading.Event, act: Callable[[], object]) -> None:
        self._condition = condition
        self._act = act
        self._at = 0.0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        if self._condition.wait(LONG):
            self._at = time.monotonic()
            self._act()

    def elapsed(self) -> float:
        """Seconds from then to now."""
        now = time.monotonic()
        self._thread.join(LONG)
        assert self._at, "the condition was never met"
        return now - self._at
