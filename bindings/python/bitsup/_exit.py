"""Shutdown of the interpreter: after it has begun, the library must not call into Python any more.

A thread that enters an interpreter during its finalization hangs or crashes the process. So before the finalization, at
exit, every server is stopped and every call with callbacks is asked to stop. Callbacks that still arrive check
`exiting()` and return at once.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from typing import Callable, Dict

from .errors import BitsError

#: Seconds to wait for calls that were asked to stop; they end within 250 ms.
_TIMEOUT = 1.0

_exiting = False
_changed = threading.Condition()
_running: Dict[object, Callable[[], None]] = {}


def exiting() -> bool:
    """Whether the interpreter is shutting down."""
    return _exiting


def register(owner: object, stop: Callable[[], None]) -> None:
    """Records that `owner` may call back until it is unregistered, and how to stop it."""
    with _changed:
        _running[owner] = stop


def unregister(owner: object) -> None:
    """Records that `owner` calls back no more."""
    with _changed:
        _running.pop(owner, None)
        _changed.notify_all()


@atexit.register
def _stop_all() -> None:
    global _exiting
    _exiting = True
    with _changed:
        running = list(_running.values())
    for stop in running:
        # If this fails, another thread is stopping it already; it is waited for like the others.
        with contextlib.suppress(BitsError):
            stop()
    with _changed:
        _changed.wait_for(lambda: not _running, _TIMEOUT)


def _after_fork_in_child() -> None:
    # The parent's threads do not exist here, so nothing is running; but one of them may have held the lock.
    global _changed
    _changed = threading.Condition()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
