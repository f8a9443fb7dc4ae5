"""Who is told what a job or a download does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional

from . import _raw
from ._callback import answer, destroy, slab
from ._handle import Owned, call, error_at
from ._load import lib
from .errors import BitsError
from .options import milliseconds
from .states import JobState

#: Told of (sent, total) bytes.
OnProgress = Callable[[int, int], object]
#: Told of (received, total) bytes of a reply or download; total is None while the server has not said it.
OnReplyProgress = Callable[[int, Optional[int]], object]
#: Told of (from, to).
OnState = Callable[[JobState, JobState], object]
#: Asked with (cause, failures in a row, seconds until the next try); may answer other seconds.
OnRetry = Callable[[BitsError, int, float], Optional[float]]

#: What the C interface says for "not known".
UNKNOWN = 2**64 - 1


@dataclass(frozen=True)
class Observer:
    progress: Optional[OnProgress] = None
    reply_progress: Optional[OnReplyProgress] = None
    on_state: Optional[OnState] = None
    on_retry: Optional[OnRetry] = None

    def attached(self) -> Owned:
        """The object of the library that calls this one."""
        owned = Owned(lib.bitsup_observer_new(slab.keep(self), destroy), lib.bitsup_observer_free)
        if self.progress is not None:
            call(lib.bitsup_observer_on_progress, owned, _progress)
        if self.reply_progress is not None:
            call(lib.bitsup_observer_on_reply_progress, owned, _reply_progress)
        if self.on_state is not None:
            call(lib.bitsup_observer_on_state, owned, _state)
        if self.on_retry is not None:
            call(lib.bitsup_observer_on_retry, owned, _retry)
        return owned


def _go_on(_result: object) -> int:
    return _raw.CONTINUE


@_raw.progress_fn
def _progress(user_data: Any, sent: int, total: int) -> int:
    return answer(lambda: slab.get(user_data).progress(sent, total), _go_on, _raw.ABORT)


@_raw.reply_progress_fn
def _reply_progress(user_data: Any, received: int, total: int) -> int:
    known = None if total == UNKNOWN else total
    return answer(lambda: slab.get(user_data).reply_progress(received, known), _go_on, _raw.ABORT)


@_raw.state_fn
def _state(user_data: Any, before: int, after: int) -> None:
    answer(lambda: slab.get(user_data).on_state(JobState(before), JobState(after)), _go_on, _raw.ABORT)


@_raw.retry_fn
def _retry(user_data: Any, cause: Any, attempt: int, delay_ms: Any) -> int:
    def act() -> Any:
        error = error_at(cause, lib.bitsup_error_status(cause))
        return slab.get(user_data).on_retry(error, attempt, delay_ms[0] / 1000)

    def convert(seconds: Optional[float]) -> int:
        if seconds is not None:
            delay_ms[0] = milliseconds(seconds)
        return _raw.CONTINUE

    return answer(act, convert, _raw.ABORT)
