"""Callbacks from the library into Python.

The library is given module-level functions only. Their `user_data` is a number under which `registry` keeps the Python
object until the library calls `destroy`. So nothing that C refers to can be garbage collected, and nothing is kept
longer than C needs it.

Callbacks of a client run on the thread inside the call. If one raises, the exception is stored in that call, the call
is stopped, and the exception is raised where the call was made.
"""

from __future__ import annotations

import os
import queue
import threading
from typing import Any, Callable, Dict, Optional, TypeVar

from . import _exit, _raw
from ._handle import call

T = TypeVar("T")
#: Runs a callback on the thread it belongs to, and returns or raises what the callback does.
Dispatch = Callable[[Callable[[], Any]], Any]


class Registry:
    """Objects by number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: Dict[int, Any] = {}
        self._last = 0

    def add(self, value: Any) -> int:
        """Keeps an object and returns its number."""
        with self._lock:
            self._last += 1
            self._objects[self._last] = value
            return self._last

    def get(self, number: Optional[int]) -> Any:
        """Returns the object with this number, or None."""
        with self._lock:
            return self._objects.get(number or 0)

    def remove(self, number: Optional[int]) -> None:
        """Forgets the object with this number."""
        with self._lock:
            removed = self._objects.pop(number or 0, None)
        # Released without the lock: the object may have a finalizer that calls this class.
        del removed

    def __len__(self) -> int:
        with self._lock:
            return len(self._objects)

    def reset_lock(self) -> None:
        """Replaces the lock, which another thread of the parent may have held at the time of a fork."""
        self._lock = threading.Lock()


registry = Registry()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=registry.reset_lock)


@_raw.destroy_fn
def destroy(user_data: Optional[int]) -> None:
    registry.remove(user_data)


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
        self._dispatch: Dispatch = _call_directly

    def stop(self) -> None:
        """Ends the call: at once if the library can, otherwise at its next callback."""
        self._stopped = True
        if self._stop is not None:
            self._stop()

    @property
    def stops_soon(self) -> bool:
        """Whether `stop` ends the call within a moment, so that it is worth waiting for its end."""
        return self._stop is not None

    def run(self, dispatch: Optional[Dispatch] = None) -> None:
        """Makes the call on this thread. Raises what a callback raised, otherwise the error of the call."""
        self._dispatch = dispatch or _call_directly
        before, _current.call = _current.call, self
        if self._calls_back:
            _exit.register(self, self.stop)
        error: Optional[BaseException] = None
        try:
            call(self._function, *self._arguments)
        except BaseException as caught:
            error = caught
        finally:
            _exit.unregister(self)
            _current.call = before
        try:
            if self._failure is not None:
                raise self._failure
            if error is not None:
                raise error
        finally:
            # Breaks the reference cycle between the traceback and this frame.
            del error
            self._failure = None

    def run_interruptibly(self) -> None:
        """Makes the call so that signals are handled while it runs.

        Python runs signal handlers in the main thread, between two bytecode instructions; inside a call of the library
        there are none. So the main thread has a helper thread make the call, waits for it, and runs its callbacks.
        """
        if threading.current_thread() is threading.main_thread():
            _HelperThread(self).run()
        else:
            self.run()

    def invoke(self, act: Callable[[], Any], convert: Callable[[Any], T], default: T) -> T:
        """Runs a callback and converts its result. Returns `default` if that fails or the call is stopping."""
        if self._failure is None and not self._stopped and not _exit.exiting():
            try:
                return convert(self._dispatch(act))
            except BaseException as failure:
                self._failure = failure
                self.stop()
        return default


def invoke(act: Callable[[], Any], convert: Callable[[Any], T], default: T) -> T:
    """Runs a callback of the call that this thread is in."""
    current = _current.call
    return default if current is None else current.invoke(act, convert, default)


def _call_directly(act: Callable[[], Any]) -> Any:
    return act()


#: Seconds. A wait without a timeout would not notice a signal that arrived just before it began.
_POLL_INTERVAL = 0.05


class _HelperThread:
    """Makes a call on a helper thread, while this thread runs the callbacks."""

    def __init__(self, pending: Call) -> None:
        self._call = pending
        self._requests: queue.SimpleQueue[Optional[Callable[[], Any]]] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._error: Optional[BaseException] = None

    def run(self) -> None:
        helper = threading.Thread(target=self._work, name="bitsup", daemon=True)
        try:
            helper.start()
            self._run_callbacks()
        except BaseException as interrupt:
            # A signal handler raised, most likely KeyboardInterrupt. Once stopped, the call requests no further
            # callback; one that it may be waiting for now fails with the same exception.
            self._call.stop()
            self._results.put((None, interrupt))
            if self._call.stops_soon and helper.ident is not None:
                helper.join()
            raise
        try:
            if self._error is not None:
                raise self._error
        finally:
            self._error = None

    def _run_callbacks(self) -> None:
        """Runs callbacks until the call has returned."""
        while True:
            try:
                act = self._requests.get(timeout=_POLL_INTERVAL)
            except queue.Empty:
                continue
            if act is None:
                return
            self._results.put(_result_of(act))

    def _work(self) -> None:
        try:
            self._call.run(self._dispatch)
        except BaseException as error:
            self._error = error
        self._requests.put(None)

    def _dispatch(self, act: Callable[[], Any]) -> Any:
        self._requests.put(act)
        result, failure = self._results.get()
        if failure is not None:
            raise failure
        return result


def _result_of(act: Callable[[], Any]) -> Any:
    try:
        return act(), None
    except BaseException as failure:
        return None, failure
