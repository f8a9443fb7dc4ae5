"""The client: uploads, jobs and downloads."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Optional

from . import _credentials, _log, _source
from . import options as _options
from ._callback import Call
from ._handle import Handle, Owned, StrPath, call, call_for_text, make, path, text
from ._load import lib
from ._observer import Observer, OnProgress, OnReplyProgress, OnRetry, OnState
from ._source import Source
from .errors import UsageError
from .options import ClientOptions, Headers, header_fields, unsigned
from .states import JobState

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Progress(NamedTuple):
    """The progress of an upload, in bytes."""

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
    #: Where the reply was written; None if the job did not request one.
    reply: Optional[Path]
    #: The reply URL that the server sent; None if it sent none.
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
    """Uploads a file, bytes or a file object to a URL. Blocks until it is delivered; retries automatically.

    `reply`, `progress`, `state_path` and `content_name` are those of `Client.job`, `options` those of `Client`. Raises
    BitsError, and any exception of `progress`. KeyboardInterrupt stops it within 250 ms; with a `state_path`, the same
    call resumes the upload later.
    """
    with Client(**options) as client, client.job(
        path, url, reply=reply, progress=progress, state_path=state_path, content_name=content_name
    ) as job:
        return job.run()


class Client(Handle):
    """Creates jobs, which share its options. May be used by several threads at a time."""

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        """Takes the options of ClientOptions. Raises UsageError, TypeError or ValueError for an invalid option."""
        _options.reject_unknown("a client", options, _options.CLIENT, _options.RETRY, _options.CREDENTIALS)
        config = Owned(lib.bitsup_client_config_new(), lib.bitsup_client_config_free)
        _options.apply(_options.CLIENT, config, options)
        if not options.keys().isdisjoint(_options.RETRY):
            call(lib.bitsup_client_config_set_retry, config, *_options.retry(options))
        if "credentials" in options:
            _credentials.set_server(config, options["credentials"])
        if "proxy_credentials" in options:
            _credentials.set_proxy(config, options["proxy_credentials"])
        call(lib.bitsup_client_config_set_logger, config, _log.native_logger("client"))
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
        """Creates a job that uploads `source` to `url`. Nothing is sent before `Job.run`.

        The source is a path, bytes (which are copied), or a file object opened in binary mode, which is read from its
        current position to its end. If the server lost bytes, they are read again; so a file object that cannot seek is
        copied to a temporary file now. The caller keeps the file object open until the job has ended.

        With `reply`, the server must respond to the file with a reply, which is written to that path. With
        `state_path`, the state of the job is saved in that file, so that a new job with the same path resumes the
        upload, in this process or another one; the file is removed when the job is complete. `content_name` is the file
        name sent to the server; the default is the name of the file, and none for a file object. `headers` are sent
        with every request of this job, after those of the client.

        The callbacks run on the thread inside `Job.run`, `step`, `complete` or `cancel`. An exception of a callback
        stops the job and is raised there. `progress` is called with (sent, total) in bytes; `reply_progress` with
        (received, total or None); `on_state` with (old state, new state); `on_retry` with (cause, consecutive failures,
        seconds until the next attempt), and may return another number of seconds.

        Raises UsageError if `url` is not an absolute http(s) URL, LocalError if the file does not exist.
        """
        observer = Observer(progress, reply_progress, on_state, on_retry)
        job = make(lib.bitsup_job_new, lib.bitsup_job_free, self._object, text(url), _source.native_source(source))
        if content_name is not None:
            call(lib.bitsup_job_set_content_name, job, text(content_name))
        for name, value in header_fields(headers):
            call(lib.bitsup_job_add_header, job, name, value)
        if state_path is not None:
            call(lib.bitsup_job_set_state_path, job, path(state_path))
        if reply is not None:
            call(lib.bitsup_job_set_reply_path, job, path(reply))
        call(lib.bitsup_job_set_observer, job, observer.native())
        return Job(job, url, reply)

    def ping(self, url: str) -> None:
        """Checks whether the server at `url` accepts uploads, without retrying. Raises BitsError if it does not."""
        # The program does not wait for it at exit, because it may last as long as the server is silent.
        Call(lib.bitsup_client_ping, self._object, text(url), calls_back=False).run_interruptibly()

    def download(
        self,
        url: str,
        destination: StrPath,
        *,
        progress: Optional[OnReplyProgress] = None,
        on_retry: Optional[OnRetry] = None,
    ) -> None:
        """Downloads `url`, such as the reply of an upload, to a file: in ranges, retrying as a job does.

        Until it is complete, the file has the suffix ".part"; it is removed if the download fails. The callbacks are
        those of `Client.job`; `progress` is called with (received, total or None) in bytes. Raises BitsError, and any
        exception of the callbacks. After a KeyboardInterrupt the download ends when the next bytes arrive.
        """
        # There is always a progress callback, because a download can only be stopped by one.
        observer = Observer(reply_progress=progress or _ignore, on_retry=on_retry)
        Call(
            lib.bitsup_client_download, self._object, text(url), path(destination), observer.native()
        ).run_interruptibly()


class Job(Handle):
    """One upload, created by `Client.job`. `suspend`, `cancel` and the properties may be used by any thread at any
    time.
    """

    def __init__(self, owned: Owned, url: str, reply: Optional[StrPath]) -> None:
        super().__init__(owned)
        self.url = url
        self._reply = None if reply is None else Path(os.fsdecode(reply))

    def run(self) -> UploadResult:
        """Uploads the file. Blocks until it is delivered and its reply is downloaded; retries automatically.

        If a run ends early, running the job again resumes it, unless the job is cancelled. KeyboardInterrupt suspends
        the job within 250 ms. Raises SuspendedError, CancelledError, other BitsErrors, and any exception of a callback.
        """
        self._run_call().run_interruptibly()
        return self._result()

    def step(self) -> JobState:
        """Sends at most one request, or downloads the reply, and returns the new state.

        For programs that confirm a complete upload themselves: steps lead to JobState.TRANSFERRED and stop there until
        `complete` is called. In JobState.WAITING the next step waits for the rest of the delay. Raises what `run`
        raises.
        """
        state = ctypes.c_int32()
        self._step_call(state).run_interruptibly()
        return JobState(state.value)

    def complete(self) -> UploadResult:
        """Closes the session of an upload in JobState.TRANSFERRED. Until then, the server keeps session and reply.

        Blocks and raises as `run` does, and raises UsageError if the upload is not in that state.
        """
        self._complete_call().run_interruptibly()
        return self._result()

    def export_state(self) -> bytes:
        """Returns the state of the job, for `import_state` in this process or another one. Works during a run.

        The state contains the session id, which is enough to interfere with the upload, so keep it private. It contains
        no credentials. Raises UsageError if the upload is complete or cancelled.
        """
        address, length = ctypes.c_void_p(), ctypes.c_size_t()
        call(lib.bitsup_job_export, self._object, ctypes.byref(address), ctypes.byref(length))
        try:
            return ctypes.string_at(address.value or 0, length.value)
        finally:
            lib.bitsup_bytes_free(address, length.value)

    def import_state(self, state: bytes) -> None:
        """Resumes from a state that `export_state` returned for a job with the same URL and source.

        Raises UsageError if the state belongs to another upload or is damaged, or if this job has been started.
        """
        copy = bytes(state)
        call(lib.bitsup_job_import, self._object, copy, len(copy))

    def set_rate_limit(self, bytes_per_second: int) -> None:
        """Sets the maximum bytes per second, effective immediately, even for the current request; 0 means no limit."""
        call(lib.bitsup_job_set_rate_limit, self._object, unsigned(bytes_per_second, 64))

    def suspend(self) -> None:
        """Ends the current run, or else the next one, within 250 ms with SuspendedError. Does not wait for the end."""
        call(lib.bitsup_job_suspend, self._object)

    def cancel(self) -> None:
        """Cancels the upload; the job cannot be run again.

        During a run: ends it within 250 ms with CancelledError, and does not wait for the end. Otherwise: cancels the
        session on the server and waits for the acknowledgment, retrying as a run does. Raises UsageError if the upload
        is complete, and what `run` raises.
        """
        self._cancel_call().run_interruptibly()

    @property
    def progress(self) -> Progress:
        """The acknowledged bytes and the length of the file."""
        sent, total = ctypes.c_uint64(), ctypes.c_uint64()
        call(lib.bitsup_job_progress, self._object, ctypes.byref(sent), ctypes.byref(total))
        return Progress(sent.value, total.value)

    @property
    def state(self) -> JobState:
        """The current state."""
        return JobState(lib.bitsup_job_state(self._object))

    @property
    def session_id(self) -> Optional[str]:
        """The session id that the server assigned; None if there is no session."""
        return self._optional_text(lib.bitsup_job_session_id)

    @property
    def reply_url(self) -> Optional[str]:
        """The URL of the reply; None until the server has sent one."""
        return self._optional_text(lib.bitsup_job_reply_url)

    def _optional_text(self, function: _Getter) -> Optional[str]:
        try:
            return call_for_text(function, self._object)
        except UsageError:
            # `_object` raises if this job is closed; otherwise there is just no value yet.
            return None if self._object else None

    def _run_call(self) -> Call:
        return Call(lib.bitsup_job_run, self._object, stop=self._stop_function())

    def _step_call(self, state: ctypes.c_int32) -> Call:
        return Call(lib.bitsup_job_step, self._object, ctypes.byref(state), stop=self._stop_function())

    def _complete_call(self) -> Call:
        return Call(lib.bitsup_job_close, self._object, stop=self._stop_function())

    def _cancel_call(self) -> Call:
        return Call(lib.bitsup_job_cancel, self._object, stop=self._stop_function())

    def _stop_function(self) -> _Stop:
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

