"""Calls that call back.

The library gets module-level functions only, and as `user_data` a number under which the Python object is kept until
`destroy`. So nothing that C refers to can be collected, and nothing is kept longer than C needs it.

Callbacks of a client come on the thread inside the call. What they raise is kept on that call, stops it, and is raised
where the call began.
"""

from __future__ import annotations

import os
import queue
import threading
from typing import Any, Callable, Dict, Optional, TypeVar

from . import _exit, _raw
from ._handle import call

T = TypeVar("T")
#: Runs a callback where it belongs, and gives back or raises what it does.
Deliver = Callable[[Callable[[], Any]], Any]


class Slab:
    """Objects by number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: Dict[int, Any] = {}
        self._last = 0

    def keep(self, kept: Any) -> int:
        with self._lock:
            self._last += 1
            self._kept[self._last] = kept
            return self._last

    def get(self, number: Optional[int]) -> Any:
        with self._lock:
            return self._kept.get(number or 0)

    def drop(self, number: Optional[int]) -> None:
        with self._lock:
            kept = self._kept.pop(number or 0, None)
        # Without the lock: what is dropped may have a finalizer, which may come here.
        del kept

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def renew_lock(self) -> None:
        self._lock = threading.Lock()


slab = Slab()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=slab.renew_lock)


@_raw.destroy_fn
def destroy(user_data: Optional[int]) -> None:
    slab.drop(user_data)


class _Current(threading.local):
    call: Optional[Call] = None


_current = _Current()


class Call:
    """One call of a function that may block. `stop` makes it return soon, from any thread."""

    def __init__(
        self,
        function: Callable[..., int],
        *arguments: Any,
        stop: Optional[Callable[[], None]] = None,
        calls_back: bool = True,
    ) -> None:
        self._function = function
        self._arguments = arguments
        self._stop = stop
        self._calls_back = calls_back
        self._failure: Optional[BaseException] = None
        self._stopped = False
        self._deliver: Deliver = _directly

    def stop(self) -> None:
        """Ends the call: at once where the library can, else at its next callback."""
        self._stopped = True
        if self._stop is not None:
            self._stop()

    @property
    def stops_soon(self) -> bool:
        """Whether `stop` ends the call in a moment, so that its end is worth being waited for."""
        return self._stop is not None

    def here(self, deliver: Optional[Deliver] = None) -> None:
        """Makes the call on this thread. Raises what a callback raised, else what went wrong."""
        self._deliver = deliver or _directly
        before, _current.call = _current.call, self
        if self._calls_back:
            _exit.enter(self, self.stop)
        error: Optional[BaseException] = None
        try:
            call(self._function, *self._arguments)
        except BaseException as caught:
            error = caught
        finally:
            _exit.leave(self)
            _current.call = before
        try:
            if self._failure is not None:
                raise self._failure
            if error is not None:
                raise error
        finally:
            # A traceback refers to this frame, and this frame to it.
            del error
            self._failure = None

    def interruptibly(self) -> None:
        """Makes the call so that signals are handled meanwhile.

        Python handles signals in the main thread, between two steps of its own; inside a call of the library there
        are none. So the main thread lets another thread make the call, waits for it, and runs its callbacks.
        """
        if threading.current_thread() is threading.main_thread():
            _Errand(self).run()
        else:
            self.here()

    def answer(self, act: Callable[[], Any], convert: Callable[[Any], T], otherwise: T) -> T:
        """Runs a callback and converts its result. When that fails, or the call is to end, answers `otherwise`."""
        if self._failure is None and not self._stopped and not _exit.exiting():
            try:
                return convert(self._deliver(act))
            except BaseException as failure:
                self._failure = failure
                self.stop()
        return otherwise


def answer(act: Callable[[], Any], convert: Callable[[Any], T], otherwise: T) -> T:
    """Runs a callback of the call that this thread is in."""
    current = _current.call
    return otherwise if current is None else current.answer(act, convert, otherwise)


def _directly(act: Callable[[], Any]) -> Any:
    return act()


#: Seconds. A wait without end would not notice a signal that came just before it began.
_GLANCE = 0.05


class _Errand:
    """A call made by a helper, with this thread at its service."""

    def __init__(self, errand: Call) -> None:
        self._call = errand
        self._asked: queue.SimpleQueue[Optional[Callable[[], Any]]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._outcome: Optional[BaseException] = None

    def run(self) -> None:
        helper = threading.Thread(target=self._work, name="bitsup", daemon=True)
        try:
            helper.start()
            self._serve()
        except BaseException as interrupt:
            # A signal handler raised, most likely KeyboardInterrupt. From now on the call asks nothing more; what it
            # may be asking just now is answered so.
            self._call.stop()
            self._answers.put((None, interrupt))
            if self._call.stops_soon and helper.ident is not None:
                helper.join()
            raise
        try:
            if self._outcome is not None:
                raise self._outcome
        finally:
            self._outcome = None

    def _serve(self) -> None:
        """Runs callbacks until the call is over."""
        while True:
            try:
                act = self._asked.get(timeout=_GLANCE)
            except queue.Empty:
                continue
            if act is None:
                return
            self._answers.put(_outcome_of(act))

    def _work(self) -> None:
        try:
            self._call.here(self._deliver)
        except BaseException as outcome:
            self._outcome = outcome
        self._asked.put(None)

    def _deliver(self, act: Callable[[], Any]) -> Any:
        self._asked.put(act)
        result, failure = self._answers.get()
        if failure is not None:
            raise failure
        return result


def _outcome_of(act: Callable[[], Any]) -> Any:
    try:
        return act(), None
    except BaseException as failure:
        return None, failure
