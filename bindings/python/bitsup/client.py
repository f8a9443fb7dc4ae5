"""Uploads."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Optional, Union

from . import options as _options
from ._callback import Call
from ._handle import Handle, Owned, StrPath, call, make, path, taken_text, text
from ._load import lib
from ._observer import Observer, OnProgress, OnReplyProgress, OnRetry, OnState
from .errors import UsageError
from .options import ClientOptions
from .states import JobState

if TYPE_CHECKING:
    from typing_extensions import Unpack

#: What can be uploaded: a file by its path, or bytes. Text is a path.
Source = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview]


class Progress(NamedTuple):
    """How far an upload is, in bytes."""

    #: Acknowledged by the server.
    sent: int
    #: Length of the whole file.
    total: int


@dataclass(frozen=True)
class UploadResult:
    """A complete upload."""

    url: str
    #: Length of the file in bytes.
    size: int
    #: Where the reply was written; None for a job without one.
    reply: Optional[Path]
    #: Where the server had the reply; None when it named none.
    reply_url: Optional[str]


def upload(
    path: Source,
    url: str,
    *,
    reply: Optional[StrPath] = None,
    progress: Optional[OnProgress] = None,
    state_path: Optional[StrPath] = None,
    content_name: Optional[str] = None,
    **options: Unpack[ClientOptions],
) -> UploadResult:
    """Uploads a file, or bytes, to a URL. Blocks until it is delivered, retrying by itself.

    `reply`, `progress`, `state_path` and `content_name` are those of `Client.job`, `options` those of `Client`. Raises
    BitsError, and whatever `progress` raises. KeyboardInterrupt ends it within 250 ms; with a `state_path` the same call
    goes on later.
    """
    with Client(**options) as client, client.job(
        path, url, reply=reply, progress=progress, state_path=state_path, content_name=content_name
    ) as job:
        return job.run()


class Client(Handle):
    """Makes jobs, which share its options. May be used by many threads at a time."""

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        """Takes the keywords of ClientOptions. Raises UsageError, TypeError or ValueError for what it cannot use."""
        _options.refuse_unknown("a client", options, _options.CLIENT, _options.RETRY)
        config = Owned(lib.bitsup_client_config_new(), lib.bitsup_client_config_free)
        _options.apply(_options.CLIENT, config, options)
        if not options.keys().isdisjoint(_options.RETRY):
            call(lib.bitsup_client_config_set_retry, config, *_options.retry(options))
        super().__init__(make(lib.bitsup_client_new, lib.bitsup_client_free, config))

    def job(
        self,
        source: Source,
        url: str,
        *,
        reply: Optional[StrPath] = None,
        state_path: Optional[StrPath] = None,
        content_name: Optional[str] = None,
        progress: Optional[OnProgress] = None,
        reply_progress: Optional[OnReplyProgress] = None,
        on_state: Optional[OnState] = None,
        on_retry: Optional[OnRetry] = None,
    ) -> Job:
        """A job that uploads a file or bytes to `url`. Nothing is sent before `Job.run`.

        With `reply` the server must answer the file with another one, which is written there. `state_path` keeps the
        state of the job, so that a job made anew, also by another process, continues; it goes when the job is complete.
        `content_name` is the name that the server is told; default: that of the file.

        The callables run on the thread that is in `Job.run` or `Job.cancel`. What one of them raises stops the job and is
        raised there. `progress` gets (sent, total) in bytes; `reply_progress` (received, total or None); `on_state`
        (before, after); `on_retry` (cause, failures in a row, seconds until the next try), and may answer other seconds.

        Raises UsageError for a URL that is none, MachineError for a file that is not there.
        """
        observer = Observer(progress, reply_progress, on_state, on_retry)
        made = make(lib.bitsup_job_new, lib.bitsup_job_free, self._object, text(url), _source(source))
        if content_name is not None:
            call(lib.bitsup_job_set_content_name, made, text(content_name))
        if state_path is not None:
            call(lib.bitsup_job_set_state_path, made, path(state_path))
        if reply is not None:
            call(lib.bitsup_job_set_reply_path, made, path(reply))
        call(lib.bitsup_job_set_observer, made, observer.attached())
        return Job(made, url, reply)

    def ping(self, url: str) -> None:
        """Asks the server behind `url` whether it takes uploads, once. Raises BitsError when it does not."""
        Call(lib.bitsup_client_ping, self._object, text(url), calls_back=False).interruptibly()

    def download(
        self,
        url: str,
        destination: StrPath,
        *,
        progress: Optional[OnReplyProgress] = None,
        on_retry: Optional[OnRetry] = None,
    ) -> None:
        """Downloads `url`, for instance the reply of an upload, to a file: in ranges, retrying as a job does.

        Until the file is whole it is `destination` with ".part" behind it, and a later download goes on with that. The
        callables are those of `Client.job`; `progress` gets (received, total or None) in bytes. Raises BitsError, and
        whatever they raise. After a KeyboardInterrupt the download ends when the next bytes come.
        """
        # Always one that listens: it is how a download is stopped.
        observer = Observer(reply_progress=progress or _ignore, on_retry=on_retry)
        Call(
            lib.bitsup_client_download, self._object, text(url), path(destination), observer.attached()
        ).interruptibly()


class Job(Handle):
    """One upload, made by `Client.job`. `suspend`, `cancel` and the properties may be used by any thread at any time."""

    def __init__(self, owned: Owned, url: str, reply: Optional[StrPath]) -> None:
        super().__init__(owned)
        self.url = url
        self._reply = None if reply is None else Path(os.fsdecode(reply))

    def run(self) -> UploadResult:
        """Uploads. Blocks until the file is delivered and its reply fetched, retrying by itself.

        Run an ended job again and it goes on, unless it was complete or cancelled. KeyboardInterrupt suspends the job
        within 250 ms. Raises SuspendedError, CancelledError, other BitsErrors, and whatever a callable of the job raises.
        """
        self._running().interruptibly()
        return self._result()

    def suspend(self) -> None:
        """Ends a run within 250 ms with SuspendedError, without waiting for that. Before a run, it ends that."""
        call(lib.bitsup_job_suspend, self._object)

    def cancel(self) -> None:
        """Gives the upload up; the job cannot be run any more.

        While a run is in progress: ends it within 250 ms with CancelledError, without waiting for that. Without a run:
        cancels the session on the server and waits until it has acknowledged, retrying as a run does. Raises UsageError
        for a complete upload, and what `run` does.
        """
        self._cancelling().interruptibly()

    @property
    def progress(self) -> Progress:
        """Acknowledged bytes, and the length of the file."""
        sent, total = ctypes.c_uint64(), ctypes.c_uint64()
        call(lib.bitsup_job_progress, self._object, ctypes.byref(sent), ctypes.byref(total))
        return Progress(sent.value, total.value)

    @property
    def state(self) -> JobState:
        return JobState(lib.bitsup_job_state(self._object))

    @property
    def session_id(self) -> Optional[str]:
        """The session, as the server named it; None when there is none."""
        return self._text_if_there(lib.bitsup_job_session_id)

    @property
    def reply_url(self) -> Optional[str]:
        """Where the server has the reply; None as long as it has not named one."""
        return self._text_if_there(lib.bitsup_job_reply_url)

    def _text_if_there(self, function: _Getter) -> Optional[str]:
        try:
            return taken_text(function, self._object)
        except UsageError:
            # Asking a closed handle is a mistake; that there is none yet is not.
            return None if self._object else None

    def _running(self) -> Call:
        return Call(lib.bitsup_job_run, self._object, stop=self._stopper())

    def _cancelling(self) -> Call:
        return Call(lib.bitsup_job_cancel, self._object, stop=self._stopper())

    def _stopper(self) -> _Stop:
        owned = self._object
        return lambda: call(lib.bitsup_job_suspend, owned)

    def _result(self) -> UploadResult:
        return UploadResult(self.url, self.progress.total, self._reply, self.reply_url)


if TYPE_CHECKING:
    from typing import Callable

    _Getter = Callable[..., int]
    _Stop = Callable[[], None]


def _ignore(_received: int, _total: Optional[int]) -> None:
    pass


def _source(source: Source) -> Owned:
    """What the library reads from. Bytes are copied."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        content = bytes(source)
        return make(lib.bitsup_source_from_bytes, lib.bitsup_source_free, content, len(content))
    if isinstance(source, (str, os.PathLike)):
        return make(lib.bitsup_source_from_file, lib.bitsup_source_free, path(source))
    raise TypeError(f"a source is a path or bytes, not {type(source).__name__}")
