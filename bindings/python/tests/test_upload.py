"""Uploads and replies."""

from __future__ import annotations

import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest

import bitsup
from bitsup import _raw

Serve = Callable[..., bitsup.Server]


@pytest.mark.behaviour("B-UPLOAD-01")
@pytest.mark.parametrize("kind", [str, Path, os.fsdecode])
def test_a_file_is_stored_under_the_path_of_its_url(root: Path, server: bitsup.Server, tmp_path: Path, kind: Any) -> None:
    content = os.urandom(300_000)
    (tmp_path / "fïle.bin").write_bytes(content)
    result = bitsup.upload(kind(str(tmp_path / "fïle.bin")), f"{server.url}incoming.bin")
    assert (root / "incoming.bin").read_bytes() == content
    assert result == bitsup.UploadResult(f"{server.url}incoming.bin", len(content), None, None)


@pytest.mark.behaviour("B-UPLOAD-02")
@pytest.mark.parametrize("content", [b"", b"bytes", bytearray(b"array"), memoryview(b"view")])
def test_bytes_in_memory_are_uploaded(root: Path, server: bitsup.Server, content: Any) -> None:
    bitsup.upload(content, f"{server.url}memory.bin")
    assert (root / "memory.bin").read_bytes() == bytes(content)


@pytest.mark.behaviour("B-UPLOAD-03", "B-UPLOAD-05")
def test_progress_is_reported_per_fragment_up_to_the_total(server: bitsup.Server) -> None:
    seen: List[Tuple[int, int]] = []
    with bitsup.Client(fragment_size=40_000) as client:
        with client.job(bytes(100_000), f"{server.url}a", progress=lambda *now: seen.append(now)) as job:
            assert job.progress == (0, 100_000)
            job.run()
            assert job.progress == bitsup.Progress(sent=100_000, total=100_000)
            assert job.state is bitsup.JobState.CLOSED
    assert seen == [(40_000, 100_000), (80_000, 100_000), (100_000, 100_000)]


@pytest.mark.behaviour("B-UPLOAD-04")
def test_the_server_receives_content_name_and_header_fields(serve: Serve) -> None:
    seen: List[Any] = []

    def on_received(upload: bitsup.Upload, _verdict: bitsup.Verdict) -> None:
        assert upload.peer is not None and upload.peer.startswith("127.0.0.1:")
        seen.append((upload.content_name, upload.header("x-who"), upload.header("X-Not-There")))

    with serve(on_received=on_received, prefix="/in/") as server:
        assert server.url.endswith(f":{server.port}/in/")
        bitsup.upload(b"x", f"{server.url}a", content_name="name.txt", headers={"X-Who": "me"}, user_agent="test")
    assert seen == [("name.txt", "me", None)]


@pytest.mark.behaviour("B-UPLOAD-06")
def test_a_ping_checks_whether_uploads_are_accepted(server: bitsup.Server) -> None:
    client = bitsup.Client()
    client.ping(f"{server.url}a")
    server.stop()
    with pytest.raises(bitsup.NetworkError) as caught:
        client.ping(f"http://127.0.0.1:{free_port()}/a")
    assert caught.value.status == _raw.E_CONNECT


@pytest.mark.behaviour("B-UPLOAD-07")
def test_eight_threads_upload_concurrently(root: Path, server: bitsup.Server) -> None:
    contents = [os.urandom(200_000) for _ in range(8)]
    together = threading.Barrier(8)
    client = bitsup.Client()

    def upload(number: int) -> None:
        job = client.job(contents[number], f"{server.url}{number}", progress=lambda _sent, _total: None)
        together.wait()
        job.run()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, range(8)))
    assert [(root / str(number)).read_bytes() for number in range(8)] == contents


@pytest.mark.behaviour("B-REPLY-01")
def test_a_reply_of_bytes_is_written_to_the_given_file(serve: Serve, tmp_path: Path) -> None:
    seen: List[Any] = []
    server = serve(on_received=lambda _upload, verdict: verdict.reply(b"thank you"))
    job = bitsup.Client().job(
        b"question",
        f"{server.url}a",
        reply=tmp_path / "reply",
        reply_progress=lambda *now: seen.append(now),
    )
    result = job.run()
    assert (tmp_path / "reply").read_bytes() == b"thank you"
    assert result.reply == tmp_path / "reply"
    assert result.reply_url is not None and result.reply_url.startswith(server.url)
    assert seen[-1] == (9, 9)


@pytest.mark.behaviour("B-REPLY-02")
def test_a_reply_file_is_consumed(serve: Serve, tmp_path: Path) -> None:
    written: List[Path] = []

    def on_received(upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        assert upload.reply_path is not None and upload.data_path is not None
        upload.reply_path.write_bytes(upload.data_path.read_bytes().upper())
        verdict.reply_file(upload.reply_path)
        written.append(upload.reply_path)

    bitsup.upload(b"loud", f"{serve(on_received=on_received).url}a", reply=tmp_path / "reply")
    assert (tmp_path / "reply").read_bytes() == b"LOUD"
    assert not written[0].exists()


@pytest.mark.behaviour("B-REPLY-03")
def test_a_missing_reply_is_a_protocol_error(server: bitsup.Server, tmp_path: Path) -> None:
    with pytest.raises(bitsup.PeerError) as caught:
        bitsup.upload(b"x", f"{server.url}a", reply=tmp_path / "reply", no_progress_timeout=0)
    assert caught.value.status == _raw.E_PROTOCOL


@pytest.mark.behaviour("B-REPLY-04")
def test_a_reply_can_be_downloaded_while_the_session_is_open(serve: Serve, tmp_path: Path) -> None:
    server = serve(on_received=lambda _upload, verdict: verdict.reply(bytes(50_000)))
    client = bitsup.Client()
    seen: List[Any] = []

    def fetch(_before: bitsup.JobState, after: bitsup.JobState) -> None:
        if after is bitsup.JobState.FETCHING_REPLY:
            assert job.reply_url is not None
            client.download(job.reply_url, tmp_path / "mine", progress=lambda *now: seen.append(now))

    job = client.job(b"x", f"{server.url}a", reply=tmp_path / "reply", on_state=fetch)
    assert (job.session_id, job.reply_url) == (None, None)
    job.run()
    assert (tmp_path / "mine").read_bytes() == (tmp_path / "reply").read_bytes() == bytes(50_000)
    assert seen[-1] == (50_000, 50_000)


def free_port() -> int:
    """Returns a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
