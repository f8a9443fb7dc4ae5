"""Steps, exported states, rate limits and header fields of jobs."""

from __future__ import annotations

import os
import pickle
import time
from pathlib import Path
from typing import Any, Callable, List

import pytest

import bitsup
from bitsup import JobState, _raw

Serve = Callable[..., bitsup.Server]


@pytest.mark.behaviour("B-STEP-01", "B-STEP-02")
def test_steps_lead_to_a_complete_upload_with_an_open_session(serve: Serve, root: Path, tmp_path: Path) -> None:
    server = serve(on_received=lambda _upload, verdict: verdict.reply(b"thanks"))
    with bitsup.Client(fragment_size=10) as client:
        job = client.job(bytes(30), f"{server.url}a", reply=tmp_path / "reply")
    with pytest.raises(bitsup.UsageError) as early:
        job.complete()
    assert early.value.status == _raw.E_INVALID_STATE
    states: List[JobState] = []
    sent: List[int] = []
    while not states or states[-1] is not JobState.TRANSFERRED:
        states.append(job.step())
        sent.append(job.progress.sent)
    assert sent[:4] == [0, 10, 20, 30] and (tmp_path / "reply").read_bytes() == b"thanks"
    assert job.step() is JobState.TRANSFERRED and server.session_count == 1
    assert job.complete().size == 30
    assert (job.state, server.session_count) == (JobState.CLOSED, 0)


@pytest.mark.behaviour("B-STATE-01")
def test_an_exported_state_is_resumed_by_another_job(serve: Serve, root: Path) -> None:
    stored: List[int] = []
    server = serve(on_progress=lambda upload: stored.append(upload.received))
    content = os.urandom(40)
    client = bitsup.Client(fragment_size=10)
    first = client.job(content, f"{server.url}a")
    while first.progress.sent < 20:
        first.step()
    state = pickle.loads(pickle.dumps(first.export_state()))
    first.close()
    second = client.job(content, f"{server.url}a")
    second.import_state(state)
    second.run()
    assert (root / "a").read_bytes() == content
    assert stored == [10, 20, 30, 40]
    with pytest.raises(bitsup.UsageError):
        second.export_state()


@pytest.mark.behaviour("B-STATE-02")
def test_the_state_of_another_upload_is_rejected(server: bitsup.Server) -> None:
    client = bitsup.Client()
    job = client.job(b"content", f"{server.url}a")
    job.step()
    state = job.export_state()
    for source, url, taken in ((b"contents", "a", state), (b"content", "b", state), (b"content", "a", state[:-1])):
        other = client.job(source, f"{server.url}{url}")
        with pytest.raises(bitsup.UsageError) as caught:
            other.import_state(taken)
        assert caught.value.status == _raw.E_INVALID_ARGUMENT


@pytest.mark.behaviour("B-RATE-01")
def test_the_rate_limit_can_be_removed_during_a_request(root: Path, server: bitsup.Server) -> None:
    def progress(sent: int, _total: int) -> None:
        if sent == 1000:
            job.set_rate_limit(0)

    # With the limit it would take more than three minutes.
    job = bitsup.Client(rate_limit=2000, fragment_size=1000).job(bytes(400_000), f"{server.url}a", progress=progress)
    begun = time.monotonic()
    job.run()
    assert time.monotonic() - begun < 60
    assert (root / "a").stat().st_size == 400_000


def test_header_fields_of_a_job_follow_those_of_its_client(serve: Serve) -> None:
    seen: List[Any] = []
    server = serve(on_received=lambda upload, _verdict: seen.append((upload.header("X-Who"), upload.header("X-Job"))))
    client = bitsup.Client(headers={"X-Who": "client"})
    client.job(b"x", f"{server.url}a", headers={"X-Who": "job", "X-Job": "1"}).run()
    client.job(b"x", f"{server.url}b").run()
    assert seen == [("client", "1"), ("client", None)]
    with pytest.raises(bitsup.UsageError):
        client.job(b"x", f"{server.url}c", headers={"BITS-Session-Id": "mine"})
