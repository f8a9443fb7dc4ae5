"""The callbacks of a job or a download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional

from . import _raw
from ._callback import destroy, invoke, registry
from ._handle import Owned, call, error_from
from ._load import lib
from .errors import BitsError
from .options import milliseconds
from .states import JobState

#: Called with (sent, total) in bytes.
OnProgress = Callable[[int, int], object]
#: Called with (received, total) in bytes of a reply or download; total is None while it is unknown.
OnReplyProgress = Callable[[int, Optional[int]], object]
#: Called with (old state, new state).
OnState = Callable[[JobState, JobState], object]
#: Called with (cause, consecutive failures, seconds until the next attempt); may return another number of seconds.
OnRetry = Callable[[BitsError, int, float], Optional[float]]

#: Means "unknown" in the C interface.
UNKNOWN = 2**64 - 1


@dataclass(frozen=True)
class Observer:
    progress: Optional[OnProgress] = None
    reply_progress: Optional[OnReplyProgress] = None
    on_state: Optional[OnState] = None
    on_retry: Optional[OnRetry] = None

    def native(self) -> Owned:
        """Creates the observer of the library that calls this one."""
        owned = Owned(lib.bitsup_observer_new(registry.add(self), destroy), lib.bitsup_observer_free)
        if self.progress is not None:
            call(lib.bitsup_observer_on_progress, owned, _progress)
        if self.reply_progress is not None:
            call(lib.bitsup_observer_on_reply_progress, owned, _reply_progress)
        if self.on_state is not None:
            call(lib.bitsup_observer_on_state, owned, _state)
        if self.on_retry is not None:
            call(lib.bitsup_observer_on_retry, owned, _retry)
        return owned


def _proceed(_result: object) -> int:
    return _raw.CONTINUE


@_raw.observer_progress_fn
def _progress(user_data: Any, sent: int, total: int) -> int:
    return invoke(lambda: registry.get(user_data).progress(sent, total), _proceed, _raw.ABORT)


@_raw.observer_reply_progress_fn
def _reply_progress(user_data: Any, received: int, total: int) -> int:
    known = None if total == UNKNOWN else total
    return invoke(lambda: registry.get(user_data).reply_progress(received, known), _proceed, _raw.ABORT)


@_raw.observer_state_fn
def _state(user_data: Any, before: int, after: int) -> None:
    invoke(lambda: registry.get(user_data).on_state(JobState(before), JobState(after)), _proceed, _raw.ABORT)


@_raw.observer_retry_fn
def _retry(user_data: Any, cause: Any, attempt: int, delay_ms: Any) -> int:
    def act() -> Any:
        error = error_from(cause, lib.bitsup_error_status(cause))
        return registry.get(user_data).on_retry(error, attempt, delay_ms[0] / 1000)

    def convert(seconds: Optional[float]) -> int:
        if seconds is not None:
            delay_ms[0] = milliseconds(seconds)
        return _raw.CONTINUE

    return invoke(act, convert, _raw.ABORT)
