"""Uploads resume after the client or the server was terminated."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, List

import pytest

import bitsup
from support import LONG

Serve = Callable[..., bitsup.Server]

CHILD = """
import sys, bitsup
source, url, state = sys.argv[1:]
def progress(sent, total):
    if sent == 30_000:
        print("there", flush=True)
        sys.stdin.read()
bitsup.upload(source, url, state_path=state, progress=progress, fragment_size=10_000)
"""


@pytest.mark.behaviour("B-RESUME-01", "B-RESUME-03")
def test_after_a_kill_only_the_missing_bytes_are_sent(serve: Serve, root: Path, tmp_path: Path) -> None:
    stored: List[int] = []
    server = serve(on_progress=lambda upload: stored.append(upload.received))
    content = os.urandom(80_000)
    source, state = tmp_path / "source", tmp_path / "state"
    source.write_bytes(content)
    arguments = [sys.executable, "-c", CHILD, str(source), f"{server.url}a", str(state)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"there\n"
        child.kill()
    assert state.exists()
    bitsup.upload(source, f"{server.url}a", state_path=state, fragment_size=10_000)
    assert (root / "a").read_bytes() == content
    assert stored == list(range(10_000, 90_000, 10_000))
    assert not state.exists()


@pytest.mark.behaviour("B-RESUME-02")
def test_a_job_continues_after_a_restart_of_the_server(serve: Serve, root: Path) -> None:
    first = serve()
    reached, back = threading.Event(), threading.Event()
    again: List[Any] = []

    def restart() -> None:
        assert reached.wait(LONG)
        first.stop()
        again.append(serve(f"127.0.0.1:{first_port}"))
        back.set()

    def progress(sent: int, _total: int) -> None:
        if sent == 20_000 and not reached.is_set():
            reached.set()
            assert back.wait(LONG)

    first_port = first.port
    content = os.urandom(50_000)
    worker = threading.Thread(target=restart)
    worker.start()
    bitsup.upload(content, f"{first.url}a", progress=progress, fragment_size=10_000, retry_delay=0.01)
    worker.join()
    assert (root / "a").read_bytes() == content
