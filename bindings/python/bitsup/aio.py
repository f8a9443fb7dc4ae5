"""Uploads for asyncio. The work is done by a thread per call; callables run in the event loop and may be coroutines.

Cancelling a task suspends its job, and waits for that: 250 ms at most.
"""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional, Type

from . import client as _client
from ._callback import Call
from ._handle import StrPath
from ._observer import OnProgress
from ._source import Source
from .client import Client, Progress, UploadResult
from .options import ClientOptions
from .states import JobState

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Job", "upload"]


async def upload(
    path: Source,
    url: str,
    *,
    reply: Optional[StrPath] = None,
    progress: Optional[OnProgress] = None,
    state_path: Optional[StrPath] = None,
    content_name: Optional[str] = None,
    **options: Unpack[ClientOptions],
) -> UploadResult:
    """As `bitsup.upload`, without blocking the event loop."""
    with Client(**options) as client, client.job(
        path, url, reply=reply, progress=progress, state_path=state_path, content_name=content_name
    ) as job:
        return await Job(job).run()


class Job:
    """A job of `Client.job`, without blocking the event loop."""

    def __init__(self, job: _client.Job) -> None:
        self._job = job

    async def run(self) -> UploadResult:
        """As `bitsup.Job.run`. Cancelling the task suspends the job."""
        await _made(self._job._running())
        return self._job._result()

    async def step(self) -> JobState:
        """As `bitsup.Job.step`. Cancelling the task suspends the job."""
        state = ctypes.c_int32()
        await _made(self._job._stepping(state))
        return JobState(state.value)

    async def complete(self) -> UploadResult:
        """As `bitsup.Job.complete`. Cancelling the task suspends the job."""
        await _made(self._job._completing())
        return self._job._result()

    async def cancel(self) -> None:
        """As `bitsup.Job.cancel`."""
        await _made(self._job._cancelling())

    def suspend(self) -> None:
        """As `bitsup.Job.suspend`, which does not wait."""
        self._job.suspend()

    def export_state(self) -> bytes:
        """As `bitsup.Job.export_state`."""
        return self._job.export_state()

    def import_state(self, state: bytes) -> None:
        """As `bitsup.Job.import_state`."""
        self._job.import_state(state)

    def set_rate_limit(self, bytes_per_second: int) -> None:
        """As `bitsup.Job.set_rate_limit`."""
        self._job.set_rate_limit(bytes_per_second)

    @property
    def progress(self) -> Progress:
        """As `bitsup.Job.progress`."""
        return self._job.progress

    @property
    def state(self) -> JobState:
        return self._job.state

    @property
    def session_id(self) -> Optional[str]:
        """As `bitsup.Job.session_id`."""
        return self._job.session_id

    @property
    def reply_url(self) -> Optional[str]:
        """As `bitsup.Job.reply_url`."""
        return self._job.reply_url

    async def __aenter__(self) -> Job:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._job.close()


async def _made(call: Call) -> None:
    """Makes a call on a thread of its own: a pool's threads would be used up by uploads that take hours."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def deliver(act: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(_awaited(act), loop).result()

    def work() -> None:
        failure: Optional[BaseException] = None
        try:
            call.here(deliver)
        except BaseException as caught:
            failure = caught
        try:
            loop.call_soon_threadsafe(_settle, done, failure)
        except RuntimeError:
            pass  # The loop was closed over the call's head; nobody waits.

    threading.Thread(target=work, name="bitsup", daemon=True).start()
    try:
        await asyncio.shield(done)
    except asyncio.CancelledError:
        call.stop()
        await asyncio.wait([done])
        done.exception()  # It is not lost: cancelling is what was asked for.
        raise


async def _awaited(act: Callable[[], Any]) -> Any:
    result = act()
    return await result if inspect.isawaitable(result) else result


def _settle(done: asyncio.Future[None], failure: Optional[BaseException]) -> None:
    if done.cancelled():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
