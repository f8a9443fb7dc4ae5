"""Uploads with asyncio."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path
from typing import Any, Callable, Coroutine, List

import pytest

import bitsup
from bitsup import aio
from support import LONG, SOON


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), LONG))


def test_an_upload_does_not_block_the_event_loop_and_runs_callbacks_in_it(root: Path, server: bitsup.Server) -> None:
    async def main() -> None:
        threads: List[int] = []

        async def progress(_sent: int, _total: int) -> None:
            await asyncio.sleep(0)
            threads.append(threading.get_ident())

        result = await aio.upload(b"one", f"{server.url}a", progress=progress)
        assert (result.size, threads) == (3, [threading.get_ident()])
        await asyncio.gather(*(aio.upload(b"many", f"{server.url}{number}") for number in range(8)))

    run(main)
    assert (root / "7").read_bytes() == b"many"


def test_canceling_a_task_suspends_its_job_soon() -> None:
    async def main() -> None:
        connecting = asyncio.Event()

        def on_state(_before: bitsup.JobState, _after: bitsup.JobState) -> None:
            connecting.set()

        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
            async with aio.Job(bitsup.Client().job(b"x", url, on_state=on_state)) as job:
                task = asyncio.ensure_future(job.run())
                await connecting.wait()
                begun = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert time.monotonic() - begun < SOON
                assert job.state is bitsup.JobState.SUSPENDED

    run(main)


def test_a_suspended_job_can_be_canceled(server: bitsup.Server) -> None:
    async def main() -> None:
        def progress(sent: int, _total: int) -> None:
            if sent == 10:
                job.suspend()

        client = bitsup.Client(fragment_size=10)
        job = aio.Job(client.job(bytes(30), f"{server.url}a", progress=progress))
        with pytest.raises(bitsup.SuspendedError):
            await job.run()
        assert job.progress == (10, 30) and job.session_id is not None and job.reply_url is None
        await job.cancel()
        assert server.session_count == 0

    run(main)


def test_a_job_with_an_imported_state_is_stepped_and_completed(server: bitsup.Server) -> None:
    async def main() -> None:
        client = bitsup.Client(fragment_size=10)
        first = aio.Job(client.job(bytes(30), f"{server.url}a"))
        while first.progress.sent < 10:
            await first.step()
        second = aio.Job(client.job(bytes(30), f"{server.url}a"))
        second.import_state(first.export_state())
        second.set_rate_limit(1_000_000)
        while await second.step() is not bitsup.JobState.TRANSFERRED:
            pass
        assert (await second.complete()).size == 30

    run(main)


@pytest.mark.parametrize("is_async", [False, True])
def test_an_exception_of_a_callback_is_raised_by_the_task(server: bitsup.Server, is_async: bool) -> None:
    def progress(_sent: int, _total: int) -> None:
        raise LookupError("out of a callback")

    async def progress_async(sent: int, total: int) -> None:
        progress(sent, total)

    async def main() -> None:
        with pytest.raises(LookupError, match="out of a callback"):
            await aio.upload(b"x", f"{server.url}a", progress=progress_async if is_async else progress)

    run(main)
