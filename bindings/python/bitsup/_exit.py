"""The end of the interpreter: nothing of the library may call into it any more.

A thread that enters an interpreter which is being torn down hangs or takes the process along. So at exit every server
is stopped and every call with callbacks is told to end, before the teardown; callbacks that come meanwhile see
`exiting()` and turn back.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from typing import Callable, Dict

from .errors import BitsError

#: How long calls that were told to stop may take; the library promises a quarter of a second.
_PATIENCE = 1.0

_exiting = False
_changed = threading.Condition()
_running: Dict[object, Callable[[], None]] = {}


def exiting() -> bool:
    return _exiting


def enter(who: object, stop: Callable[[], None]) -> None:
    """Notes that `who` may call back until it leaves, and how to stop it."""
    with _changed:
        _running[who] = stop


def leave(who: object) -> None:
    with _changed:
        _running.pop(who, None)
        _changed.notify_all()


@atexit.register
def _stop_all() -> None:
    global _exiting
    _exiting = True
    with _changed:
        running = list(_running.values())
    for stop in running:
        # One that fails is being stopped by somebody else already, and is waited for like the others.
        with contextlib.suppress(BitsError):
            stop()
    with _changed:
        _changed.wait_for(lambda: not _running, _PATIENCE)


def _in_child() -> None:
    # The parent's threads are not here, so nothing is under way; one of them may have held the lock.
    global _changed
    _changed = threading.Condition()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
