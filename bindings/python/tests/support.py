"""Helpers to measure how soon a call ends."""

from __future__ import annotations

import threading
import time
from typing import Callable

#: Seconds within which a stopped call must end; the library promises 250 ms.
SOON = 0.25
#: Seconds; longer than any test takes.
LONG = 30.0


def deferred(condition: threading.Event, act: Callable[[], object]) -> Timed:
    """Calls `act` on a new thread when the condition is set."""
    return Timed(condition, act)


class Timed:
    """Calls a function when a condition is set, and records the time."""

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
        """Returns the seconds since the call."""
        now = time.monotonic()
        self._thread.join(LONG)
        assert self._at, "the condition was never set"
        return now - self._at
