"""Errors, and exceptions of callbacks."""

from __future__ import annotations

import gc
import pickle
import socket
import threading
import traceback
from pathlib import Path
from typing import Any, Callable, Dict, List, Set

import pytest

import bitsup
from bitsup import _raw
from bitsup._callback import registry
from bitsup.errors import class_of
from support import LONG

Serve = Callable[..., bitsup.Server]


@pytest.mark.behaviour("B-ERROR-01")
def test_usage_errors() -> None:
    with pytest.raises(bitsup.UsageError) as caught:
        bitsup.upload(b"x", "no url")
    assert caught.value.status == _raw.E_INVALID_ARGUMENT
    with pytest.raises(bitsup.UsageError):
        bitsup.Client(user_agent="two\nlines")
    client = bitsup.Client()
    client.close()
    with pytest.raises(bitsup.UsageError, match="this Client is closed") as caught:
        client.ping("http://127.0.0.1/a")
    assert caught.value.status == _raw.E_INVALID_STATE


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"fragmentsize": 1}, TypeError, "no option 'fragmentsize'"),
        ({"fragment_size": -1}, ValueError, "fragment_size: -1 is not between"),
        ({"fragment_size": 2**64}, ValueError, "is not between"),
        ({"fragment_size": 1.5}, TypeError, "fragment_size: expected int, not float"),
        ({"timeout": -0.1}, ValueError, "timeout: invalid time -0.1"),
        ({"timeout": float("nan")}, ValueError, "invalid time nan"),
        ({"user_agent": "a\0b"}, ValueError, "user_agent: .* NUL"),
        ({"headers": {"A": 1}}, TypeError, "headers: expected str, not int"),
    ],
)
def test_an_invalid_client_option_is_named(options: Dict[str, Any], kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        bitsup.Client(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": "both"}, "overlap: invalid value 'both': expected 'trim' or 'reject'"),
        ({"durability": "some"}, "invalid value 'some': expected 'none' or 'file' or 'fragment'"),
        ({"host_id_fallback_timeout": 1}, "requires host_id"),
    ],
)
def test_an_invalid_server_option_is_named(root: Path, options: Dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bitsup.Server(root, **options)


@pytest.mark.behaviour("B-ERROR-02")
def test_local_errors(server: bitsup.Server, tmp_path: Path) -> None:
    with pytest.raises(bitsup.LocalError, match="absent") as caught:
        bitsup.upload(tmp_path / "absent", f"{server.url}a")
    assert caught.value.status == _raw.E_NOT_FOUND
    source = tmp_path / "source"
    source.write_bytes(bytes(50_000))
    client = bitsup.Client(fragment_size=10_000)
    with pytest.raises(bitsup.LocalError) as caught:
        client.job(source, f"{server.url}a", progress=lambda _sent, _total: source.write_bytes(b"other")).run()
    assert caught.value.status == _raw.E_SOURCE_CHANGED


@pytest.mark.behaviour("B-ERROR-03")
def test_connection_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(bitsup.NetworkError) as caught:
        bitsup.upload(b"x", f"http://127.0.0.1:{port}/a", no_progress_timeout=0)
    error = caught.value
    assert (error.status, error.transient, error.http_status) == (_raw.E_CONNECT, True, 0)
    assert error.hresult == 0x80072EFD


@pytest.mark.behaviour("B-ERROR-04")
def test_rejections_by_the_server(serve: Serve) -> None:
    server = serve(max_upload_size=100)
    bitsup.upload(b"x", f"{server.url}a")
    with pytest.raises(bitsup.PeerError) as caught:
        bitsup.upload(b"x", f"{server.url}a")
    assert (caught.value.http_status, caught.value.hresult) == (403, 0x80070005)
    with pytest.raises(bitsup.PeerError) as caught:
        bitsup.upload(bytes(101), f"{server.url}b", no_progress_timeout=0)
    assert caught.value.status == _raw.E_TOO_LARGE
    with pytest.raises(bitsup.PeerError) as caught:
        server.end_session("{00000000-0000-0000-0000-000000000000}")
    assert caught.value.status == _raw.E_SESSION_NOT_FOUND


def fail_in_callback(_first: object, *_more: object) -> None:
    raise LookupError("out of a callback")


@pytest.mark.behaviour("B-ERROR-05")
@pytest.mark.parametrize("callback", ["progress", "reply_progress", "on_state", "on_retry"])
@pytest.mark.parametrize("thread", ["main", "other"])
def test_an_exception_of_a_callback_is_raised_by_the_call(serve: Serve, tmp_path: Path, callback: str, thread: str) -> None:
    server = serve(on_received=lambda _upload, verdict: verdict.reply(b"reply"))
    url = f"{server.url}a"
    if callback == "on_retry":
        server.stop()
    callables: Dict[str, Any] = {callback: fail_in_callback}
    job = bitsup.Client().job(b"x", url, reply=tmp_path / "reply", **callables)
    error = raised_by(job.run, thread)
    assert isinstance(error, LookupError)
    frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert frames[0] == "raised_by_this" and frames[-1] == "fail_in_callback"


def raised_by(act: Callable[[], object], where: str) -> BaseException:
    """Returns what `act` raises, on the main thread or on another one."""
    raised: List[BaseException] = []

    def raised_by_this() -> None:
        try:
            act()
        except BaseException as error:
            raised.append(error)

    if where == "main":
        raised_by_this()
    else:
        thread = threading.Thread(target=raised_by_this)
        thread.start()
        thread.join(LONG)
    return raised[0]


@pytest.mark.parametrize("thread", ["main", "other"])
def test_callbacks_run_on_the_calling_thread(server: bitsup.Server, thread: str) -> None:
    threads: Set[int] = set()

    def run() -> None:
        threads.add(threading.get_ident())
        job.run()
        raise LookupError("done")

    callables: Dict[str, Any] = {
        name: lambda *_: threads.add(threading.get_ident()) for name in ("progress", "on_state")
    }
    job = bitsup.Client().job(b"x", f"{server.url}a", **callables)
    assert str(raised_by(run, thread)) == "done"
    assert len(threads) == 1


def test_an_exception_of_a_callback_is_raised_by_a_download(serve: Serve, tmp_path: Path) -> None:
    server = serve(on_received=lambda _upload, verdict: verdict.reply(b"reply"))
    caught: List[BaseException] = []

    def download(_before: bitsup.JobState, after: bitsup.JobState) -> None:
        if after is bitsup.JobState.FETCHING_REPLY:
            url = job.reply_url or ""
            caught.append(raised_by(lambda: client.download(url, tmp_path / "b", progress=fail_in_callback), "main"))

    client = bitsup.Client()
    job = client.job(b"x", f"{server.url}a", reply=tmp_path / "a", on_state=download)
    job.run()
    assert isinstance(caught[0], LookupError)


@pytest.mark.behaviour("B-ERROR-06")
def test_two_failing_jobs_each_raise_their_own_exception(server: bitsup.Server) -> None:
    together = threading.Barrier(2)
    raised: Dict[str, BaseException] = {}

    def run(name: str) -> None:
        def progress(_sent: int, _total: int) -> None:
            together.wait(LONG)
            raise LookupError(name)

        raised[name] = raised_by(bitsup.Client().job(b"x", f"{server.url}{name}", progress=progress).run, "main")

    threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert {name: str(error) for name, error in raised.items()} == {"a": "a", "b": "b"}


def test_on_retry_gets_the_cause_and_can_change_the_delay(server: bitsup.Server) -> None:
    url = f"{server.url}a"
    server.stop()
    seen: List[Any] = []

    def on_retry(cause: bitsup.BitsError, attempt: int, delay: float) -> float:
        seen.append((cause.status, attempt, type(delay)))
        return 0.0

    with pytest.raises(bitsup.NetworkError):
        bitsup.Client(max_attempts=3, retry_delay=LONG).job(b"x", url, on_retry=on_retry).run()
    assert seen == [(_raw.E_CONNECT, 1, float), (_raw.E_CONNECT, 2, float)]


def test_an_invalid_delay_from_on_retry_is_raised_by_the_call(server: bitsup.Server) -> None:
    url = f"{server.url}a"
    server.stop()
    with pytest.raises(ValueError, match="invalid time -1"):
        bitsup.Client().job(b"x", url, on_retry=lambda *_: -1).run()


def test_errors_can_be_pickled_with_all_attributes() -> None:
    error = bitsup.PeerError(402, "no", http_status=500, hresult=0x80004005, context=7, transient=True)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is bitsup.PeerError and copy.__dict__ == error.__dict__ and copy.args == error.args
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(bitsup.Client())


def test_an_unknown_status_is_classified_by_its_hundreds_digit() -> None:
    assert class_of(399) is bitsup.NetworkError
    assert class_of(502) is bitsup.SuspendedError
    assert class_of(777) is bitsup.BitsError


@pytest.mark.behaviour("B-LIFE-01")
def test_objects_can_be_closed_in_any_order_even_during_a_run(root: Path, server: bitsup.Server) -> None:
    def progress(_sent: int, _total: int) -> None:
        client.close()
        job.close()

    client = bitsup.Client(fragment_size=10)
    job = client.job(bytes(30), f"{server.url}a", progress=progress)
    with pytest.raises(bitsup.UsageError, match="this Job is closed"):
        job.run()
    assert (root / "a").stat().st_size == 30
    job.close()
    server.stop()
    server.stop()
    server.close()
    with pytest.raises(bitsup.UsageError, match="this Server is closed"):
        server.session_count


@pytest.mark.behaviour("B-LIFE-02")
def test_no_callback_outlives_its_object(root: Path) -> None:
    gc.collect()
    before = len(registry)
    with bitsup.Server(root, on_request=lambda _upload, _verdict: None) as server:
        with bitsup.Client() as client:
            for number in range(20):
                client.job(b"x", f"{server.url}{number}", progress=lambda _sent, _total: None).run()
            for _ in range(100):
                client.job(b"x", f"{server.url}unrun", progress=lambda _sent, _total: None)
    del server, client
    gc.collect()
    assert len(registry) == before


@pytest.mark.behaviour("B-LIFE-03")
def test_garbage_can_be_collected_inside_every_callback(serve: Serve, tmp_path: Path) -> None:
    called = set()

    def collecting(name: str) -> Callable[..., None]:
        def callback(*_arguments: object) -> None:
            gc.collect()
            called.add(name)

        return callback

    def on_received(_upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        collecting("on_received")()
        verdict.reply(b"reply")

    hooks = {name: collecting(name) for name in ("on_request", "on_create", "on_progress", "on_end")}
    server = serve(on_received=on_received, **hooks)
    url = f"{server.url}a"
    callables: Dict[str, Any] = {name: collecting(name) for name in ("progress", "reply_progress", "on_state")}
    bitsup.Client().job(b"x", url, reply=tmp_path / "reply", **callables).run()
    server.stop()
    with pytest.raises(bitsup.NetworkError):
        bitsup.Client(max_attempts=2, retry_delay=0.001).job(b"x", url, on_retry=collecting("on_retry")).run()
    assert called == {*hooks, *callables, "on_received", "on_retry"}
