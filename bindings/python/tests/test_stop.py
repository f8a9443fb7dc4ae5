"""Suspending, cancelling and Ctrl-C end a call within 250 ms in every phase."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

import pytest

import bitsup
from bitsup import JobState, _raw
from support import LONG, SOON, Timed, deferred

Phase = Tuple[bitsup.Job, threading.Event]


@pytest.fixture(params=["sending", "waiting", "silent"])
def phase(request: pytest.FixtureRequest, server: bitsup.Server, silent: socket.socket) -> Iterator[Phase]:
    """A job that stays in one phase when it runs, and an event that is set in that phase."""
    reached = threading.Event()
    phase: str = request.param

    def on_state(_before: JobState, after: JobState) -> None:
        if after is (JobState.WAITING if phase == "waiting" else JobState.CONNECTING):
            reached.set()

    with bitsup.Client(rate_limit=20_000, fragment_size=10_000, retry_delay=LONG) as client:
        if phase == "sending":
            job = client.job(bytes(1_000_000), f"{server.url}a", progress=lambda _sent, _total: reached.set())
        else:
            port = silent.getsockname()[1] if phase == "silent" else refused(silent)
            # Replaces the random delay with a long one.
            job = client.job(b"x", f"http://127.0.0.1:{port}/a", on_state=on_state, on_retry=lambda *_: LONG)
        with job:
            yield job, reached


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def refused(listener: socket.socket) -> int:
    port = int(listener.getsockname()[1])
    listener.close()
    return port


@pytest.mark.behaviour("B-SUSPEND-01")
def test_suspending_ends_a_run_soon(phase: Phase) -> None:
    job, reached = phase
    suspended = deferred(reached, job.suspend)
    with pytest.raises(bitsup.SuspendedError):
        job.run()
    assert suspended.elapsed() < SOON
    assert job.state is JobState.SUSPENDED


@pytest.mark.behaviour("B-CANCEL-01")
def test_canceling_ends_a_run_soon_and_permanently(phase: Phase) -> None:
    job, reached = phase
    cancelled = deferred(reached, job.cancel)
    with pytest.raises(bitsup.CancelledError):
        job.run()
    assert cancelled.elapsed() < SOON
    with pytest.raises(bitsup.BitsError):
        job.run()
    assert job.state is JobState.CANCELLED


def test_ctrl_c_ends_a_run_soon(phase: Phase) -> None:
    job, reached = phase
    interrupted = deferred(reached, interrupt)
    with pytest.raises(KeyboardInterrupt):
        job.run()
    assert interrupted.elapsed() < SOON
    assert job.state is JobState.SUSPENDED


def test_ctrl_c_in_a_callback_ends_the_run_and_the_job_can_resume(root: Path, server: bitsup.Server) -> None:
    pressed = threading.Event()

    def progress(_sent: int, _total: int) -> None:
        if not pressed.is_set():
            pressed.set()
            interrupt()
            threading.Event().wait(LONG)

    with bitsup.Client(fragment_size=10_000).job(bytes(50_000), f"{server.url}a", progress=progress) as job:
        with pytest.raises(KeyboardInterrupt):
            job.run()
        job.run()
    assert (root / "a").stat().st_size == 50_000


def test_ctrl_c_ends_a_ping_and_a_download_soon(silent: socket.socket, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
    client = bitsup.Client(connect_timeout=1, response_timeout=1, no_progress_timeout=0)
    acts: List[Callable[[], None]] = [lambda: client.ping(url), lambda: client.download(url, tmp_path / "a")]
    for act in acts:
        connected = threading.Event()
        accepted: List[socket.socket] = []

        def accept() -> None:
            accepted.append(silent.accept()[0])
            connected.set()

        threading.Thread(target=accept).start()
        interrupted: Timed = deferred(connected, interrupt)
        with pytest.raises(KeyboardInterrupt):
            act()
        assert interrupted.elapsed() < SOON
        accepted[0].close()


@pytest.mark.behaviour("B-SUSPEND-02")
def test_a_suspended_job_resumes_where_it_stopped(root: Path, server: bitsup.Server) -> None:
    seen: List[int] = []

    def progress(sent: int, _total: int) -> None:
        if sent == 20_000 and sent not in seen:
            job.suspend()
        seen.append(sent)

    content = os.urandom(50_000)
    job = bitsup.Client(fragment_size=10_000).job(content, f"{server.url}a", progress=progress)
    with pytest.raises(bitsup.SuspendedError):
        job.run()
    assert job.progress.sent == 20_000
    session = job.session_id
    job.run()
    assert session is not None and (root / "a").read_bytes() == content
    # The position where it resumes is reported again.
    assert seen == [10_000, 20_000, 20_000, 30_000, 40_000, 50_000]


@pytest.mark.behaviour("B-CANCEL-02")
def test_canceling_without_a_run_ends_the_session_on_the_server(serve: Callable[..., bitsup.Server]) -> None:
    ends: List[bitsup.EndReason] = []
    server = serve(on_end=lambda upload, reason: ends.append(reason))
    job = bitsup.Client(fragment_size=10).job(
        bytes(100), f"{server.url}a", progress=lambda _sent, _total: job.suspend()
    )
    with pytest.raises(bitsup.SuspendedError):
        job.run()
    assert server.session_count == 1
    job.cancel()
    assert (server.session_count, ends) == (0, [bitsup.EndReason.CANCELLED])


def test_a_running_job_cannot_be_run_again(server: bitsup.Server) -> None:
    refusals: List[int] = []

    def progress(_sent: int, _total: int) -> None:
        if not refusals:
            with pytest.raises(bitsup.UsageError) as caught:
                job.run()
            refusals.append(caught.value.status)

    job = bitsup.Client().job(bytes(10), f"{server.url}a", progress=progress)
    job.run()
    assert refusals == [_raw.E_BUSY]


def interrupt() -> None:
    """Sends SIGINT to this process, as Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)
