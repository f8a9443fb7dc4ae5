"""Uploads."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Optional

from . import _credentials, _log, _source
from . import options as _options
from ._callback import Call
from ._handle import Handle, Owned, StrPath, call, make, path, taken_text, text
from ._load import lib
from ._observer import Observer, OnProgress, OnReplyProgress, OnRetry, OnState
from ._source import Source
from .errors import UsageError
from .options import ClientOptions, Headers, header_fields, unsigned
from .states import JobState

if TYPE_CHECKING:
    from typing_extensions import Unpack


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
    """Uploads a file, bytes or a file object to a URL. Blocks until it is delivered, retrying by itself.

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
        _options.refuse_unknown("a client", options, _options.CLIENT, _options.RETRY, _options.CREDENTIALS)
        config = Owned(lib.bitsup_client_config_new(), lib.bitsup_client_config_free)
        _options.apply(_options.CLIENT, config, options)
        if not options.keys().isdisjoint(_options.RETRY):
            call(lib.bitsup_client_config_set_retry, config, *_options.retry(options))
        if "credentials" in options:
            _credentials.set_server(config, options["credentials"])
        if "proxy_credentials" in options:
            _credentials.set_proxy(config, options["proxy_credentials"])
        call(lib.bitsup_client_config_set_logger, config, _log.attached("client"))
        super().__init__(make(lib.bitsup_client_new, lib.bitsup_client_free, config))

    def job(
        self,
        source: Source,
        url: str,
        *,
        reply: Optional[StrPath] = None,
        state_path: Optional[StrPath] = None,
        content_name: Optional[str] = None,
        headers: Headers = (),
        progress: Optional[OnProgress] = None,
        reply_progress: Optional[OnReplyProgress] = None,
        on_state: Optional[OnState] = None,
        on_retry: Optional[OnRetry] = None,
    ) -> Job:
        """A job that uploads `source` to `url`. Nothing is sent before `Job.run`.

        The source is a path, bytes (which are copied), or a file object opened for reading bytes: from where it stands
        to its end. It is read again where the server lost something; one that cannot seek is copied to a temporary file
        now. It stays open, and must until the job is over.

        With `reply` the server must answer the file with another one, which is written there. `state_path` keeps the
        state of the job, so that a job made anew, also by another process, continues; it goes when the job is complete.
        `content_name` is the name that the server is told; default: that of the file, none for a file object. `headers`
        are sent with every request of this job, behind those of the client.

        The callables run on the thread that is in `Job.run` or `Job.cancel`. What one of them raises stops the job and is
        raised there. `progress` gets (sent, total) in bytes; `reply_progress` (received, total or None); `on_state`
        (before, after); `on_retry` (cause, failures in a row, seconds until the next try), and may answer other seconds.

        Raises UsageError for a URL that is none, MachineError for a file that is not there.
        """
        observer = Observer(progress, reply_progress, on_state, on_retry)
        made = make(lib.bitsup_job_new, lib.bitsup_job_free, self._object, text(url), _source.attached(source))
        if content_name is not None:
            call(lib.bitsup_job_set_content_name, made, text(content_name))
        for name, value in header_fields(headers):
            call(lib.bitsup_job_add_header, made, name, value)
        if state_path is not None:
            call(lib.bitsup_job_set_state_path, made, path(state_path))
        if reply is not None:
            call(lib.bitsup_job_set_reply_path, made, path(reply))
        call(lib.bitsup_job_set_observer, made, observer.attached())
        return Job(made, url, reply)

    def ping(self, url: str) -> None:
        """Asks the server behind `url` whether it takes uploads, once. Raises BitsError when it does not."""
        # Not waited for when the program ends: it may take as long as the server is silent.
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

    def step(self) -> JobState:
        """Sends one request at most, or fetches the reply, and says where the job is then.

        For those who acknowledge a complete upload themselves: steps lead to JobState.TRANSFERRED, where they send nothing
        and `complete` goes on. After JobState.WAITING the next step waits for the rest of the delay. Raises what `run`
        does.
        """
        state = ctypes.c_int32()
        self._stepping(state).interruptibly()
        return JobState(state.value)

    def complete(self) -> UploadResult:
        """Closes the session of an upload that steps have led to JobState.TRANSFERRED; until then the server keeps it, and
        its reply. Blocks, and raises, as `run` does; UsageError when the upload is not there yet.
        """
        self._completing().interruptibly()
        return self._result()

    def export_state(self) -> bytes:
        """The state of the job, from which `import_state` goes on in this process or another, also while it runs.

        It names the session, which is all it takes to disturb the upload, so keep it private. Credentials are not in it.
        Raises UsageError when the upload is complete or cancelled.
        """
        address, length = ctypes.c_void_p(), ctypes.c_size_t()
        call(lib.bitsup_job_export, self._object, ctypes.byref(address), ctypes.byref(length))
        try:
            return ctypes.string_at(address.value or 0, length.value)
        finally:
            lib.bitsup_bytes_free(address, length.value)

    def import_state(self, state: bytes) -> None:
        """Goes on from what `export_state` gave for a job with the same URL and source. Before the job is run.

        Raises UsageError for the state of another upload, or a job that was begun.
        """
        copy = bytes(state)
        call(lib.bitsup_job_import, self._object, copy, len(copy))

    def set_rate_limit(self, bytes_per_second: int) -> None:
        """Most bytes per second from now on, the request under way included; 0: no limit."""
        call(lib.bitsup_job_set_rate_limit, self._object, unsigned(bytes_per_second, 64))

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

    def _stepping(self, state: ctypes.c_int32) -> Call:
        return Call(lib.bitsup_job_step, self._object, ctypes.byref(state), stop=self._stopper())

    def _completing(self) -> Call:
        return Call(lib.bitsup_job_close, self._object, stop=self._stopper())

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

