"""File objects as sources."""

from __future__ import annotations

import gc
import io
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO, Callable, List, cast

import pytest

import bitsup

Serve = Callable[..., bitsup.Server]


class Pipe(io.RawIOBase):
    """Returns its bytes once, a few at a time."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._left = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece, self._left = self._left[: min(len(buffer), 777)], self._left[min(len(buffer), 777) :]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.behaviour("B-SOURCE-01")
@pytest.mark.parametrize("length", [0, 1, 300_000])
def test_a_file_object_is_uploaded_from_its_current_position(root: Path, server: bitsup.Server, tmp_path: Path, length: int) -> None:
    content = os.urandom(length)
    (tmp_path / "file").write_bytes(b"skipped" + content)
    with (tmp_path / "file").open("rb") as file:
        file.seek(7)
        assert bitsup.upload(file, f"{server.url}a", fragment_size=70_000).size == length
    bitsup.upload(io.BytesIO(content), f"{server.url}b")
    assert (root / "a").read_bytes() == (root / "b").read_bytes() == content


@pytest.mark.behaviour("B-SOURCE-01")
def test_a_file_object_that_cannot_seek_is_copied_temporarily(root: Path, server: bitsup.Server) -> None:
    content = os.urandom(100_000)
    open_files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    job = bitsup.Client().job(cast(BinaryIO, Pipe(content)), f"{server.url}a")
    assert job.progress == (0, 100_000)
    job.run()
    del job
    gc.collect()
    assert (root / "a").read_bytes() == content
    # The server keeps the connection open, but the copy is closed.
    assert not open_files or len(os.listdir("/proc/self/fd")) <= open_files + 1


@pytest.mark.behaviour("B-SOURCE-02")
def test_an_exception_of_a_source_is_raised_by_the_run(root: Path, server: bitsup.Server) -> None:
    class Bad(io.BytesIO):
        broken = True

        def read(self, size: Any = -1) -> bytes:
            if self.broken and self.tell() >= 20_000:
                raise LookupError("read failed")
            return super().read(size)

    source = Bad(bytes(50_000))
    job = bitsup.Client(fragment_size=10_000).job(source, f"{server.url}a")
    with pytest.raises(LookupError, match="read failed"):
        job.run()
    assert job.progress.sent == 20_000
    source.broken = False
    job.run()
    assert (root / "a").read_bytes() == bytes(50_000)


@pytest.mark.behaviour("B-SOURCE-03")
def test_a_source_that_ends_early_is_reported_as_changed(server: bitsup.Server) -> None:
    source = io.BytesIO(bytes(1000))
    job = bitsup.Client().job(source, f"{server.url}a")
    source.truncate(10)
    with pytest.raises(bitsup.LocalError):
        job.run()


def test_a_source_without_bytes_is_rejected(server: bitsup.Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with (tmp_path / "file").open() as text, pytest.raises(TypeError, match="open it in binary mode"):
        bitsup.upload(text, f"{server.url}a")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a source must be a path, bytes or a file object, not int"):
        bitsup.upload(1, f"{server.url}a")  # type: ignore[arg-type]


def test_a_file_object_is_read_on_the_calling_thread(server: bitsup.Server) -> None:
    threads: List[int] = []

    class Recording(io.BytesIO):
        def read(self, size: Any = -1) -> bytes:
            threads.append(threading.get_ident())
            return super().read(size)

    bitsup.upload(Recording(b"x"), f"{server.url}a")
    assert set(threads) == {threading.get_ident()}
