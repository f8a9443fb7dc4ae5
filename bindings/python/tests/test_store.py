"""Custom stores and stores in memory."""

from __future__ import annotations

import errno
import gc
import weakref
from typing import Any, Dict, List, Tuple

import pytest

import bitsup
from bitsup import Part, _raw
from memory import DictStore


@pytest.mark.behaviour("B-STORE-02")
@pytest.mark.parametrize(
    ("raised", "status", "hresult", "logged"),
    [
        (KeyError("gone"), 404, 0, False),
        (PermissionError("no"), 403, 0, False),
        (OSError(errno.ENOSPC, "full"), 500, 0x80070070, False),
        (bitsup.LocalError(_raw.E_NO_SPACE, "full"), 500, 0x80070070, False),
        (LookupError("broken"), 500, 0, True),
    ],
)
def test_the_exception_of_a_store_determines_the_response(
    raised: Exception, status: int, hresult: int, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(DictStore):
        def create(self, session_id: str, record: bytes) -> None:
            raise raised

    with bitsup.Server(Failing()) as server, pytest.raises(bitsup.PeerError) as caught:
        bitsup.upload(b"x", f"{server.url}a", no_progress_timeout=0)
    assert caught.value.http_status == status
    assert not hresult or caught.value.hresult == hresult
    own = [record for record in caplog.records if record.name == "bitsup.store"]
    assert [record.exc_info[1] for record in own if record.exc_info] == ([raised] if logged else [])


@pytest.mark.behaviour("B-STORE-03")
def test_the_sessions_of_a_store_outlive_its_engine() -> None:
    store = DictStore()
    with bitsup.Server(store) as server:
        port = server.port
        job = bitsup.Client(fragment_size=10).job(bytes(30), f"{server.url}a")
        while job.progress.sent < 20:
            job.step()
    with bitsup.Server(store, f"127.0.0.1:{port}") as server:
        assert server.session_count == 1
        job.run()
    assert store.file("a") == bytes(30) and store.flushes >= 3


@pytest.mark.behaviour("B-STORE-03")
def test_the_optional_methods_are_optional() -> None:
    class Small(bitsup.Store):
        """Implements the required methods only."""

        def __init__(self) -> None:
            self.parts: Dict[Tuple[str, Part], bytes] = {}
            self.files: Dict[str, bytes] = {}

        def create(self, session_id: str, record: bytes) -> None:
            self.parts[session_id, Part.DATA] = b""

        def stat(self, session_id: str, part: Part) -> int:
            return len(self.parts[session_id, part])

        def write(self, session_id: str, part: Part, offset: int, data: bytes) -> None:
            self.parts[session_id, part] = self.parts.get((session_id, part), b"") + data

        def read(self, session_id: str, part: Part, offset: int, length: int) -> bytes:
            return self.parts[session_id, part][offset:][:length]

        def commit(self, session_id: str, destination: str, overwrite: bool, record: bytes) -> None:
            self.files[destination] = self.parts[session_id, Part.DATA]

        def remove(self, session_id: str, part: Part) -> None:
            for one in (Part.DATA, Part.REPLY):
                if part in (Part.ALL, one):
                    self.parts.pop((session_id, one), None)

    store = Small()
    with bitsup.Server(store) as server:
        bitsup.upload(b"one", f"{server.url}folder/a")
    assert store.files == {"folder/a": b"one"} and store.parts == {}
    with pytest.raises(TypeError, match="abstract"):
        bitsup.Store()  # type: ignore[abstract]


def test_a_read_that_returns_too_much_fails(caplog: pytest.LogCaptureFixture) -> None:
    class Oversized(DictStore):
        def read(self, session_id: str, part: Part, offset: int, length: int) -> bytes:
            return bytes(length + 1)

    failures: List[BaseException] = []

    def on_received(upload: bitsup.Upload, _verdict: bitsup.Verdict) -> None:
        try:
            upload.read(0, 10)
        except bitsup.BitsError as error:
            failures.append(error)

    with bitsup.Server(Oversized(), on_received=on_received) as server:
        bitsup.upload(b"0123456789", f"{server.url}a")
    assert [type(failure) for failure in failures] == [bitsup.LocalError]
    assert "read returned 11 bytes, at most 10 were requested" in caplog.text


@pytest.mark.behaviour("B-STORE-04")
def test_the_application_can_read_from_a_memory_store() -> None:
    contents: List[Any] = []

    def on_received(upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        contents.append((upload.data_path, upload.read(0, 3), upload.read(3, 100), upload.read(8, 1)))
        verdict.keep_file(False)

    with bitsup.Server(bitsup.MemoryStore(1000), on_received=on_received) as server:
        bitsup.upload(b"in memory", f"{server.url}a")
        with pytest.raises(bitsup.PeerError) as caught:
            bitsup.upload(bytes(2000), f"{server.url}b", no_progress_timeout=0)
    assert contents == [(None, b"in ", b"memory", b"y")]
    assert caught.value.http_status in (413, 500)


def test_directory_options_are_rejected_for_stores() -> None:
    for store in (DictStore(), bitsup.MemoryStore(10)):
        with pytest.raises(TypeError, match="durability applies to directories only"):
            bitsup.Server(store, durability="file")


def test_a_store_lives_as_long_as_its_engine() -> None:
    store = DictStore()
    store.root = None
    kept = weakref.ref(store)
    engine = bitsup.Engine(store)
    del store
    gc.collect()
    assert kept() is not None
    engine.close()
    del engine
    gc.collect()
    assert kept() is None
