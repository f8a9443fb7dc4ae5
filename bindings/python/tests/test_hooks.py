"""The hooks of a server: what they receive and what they can decide."""

from __future__ import annotations

import http.client
import logging
import threading
from pathlib import Path
from typing import Any, Callable, List

import pytest

import bitsup
from bitsup import Context, EndReason, Packet, Upload, Verdict, _raw

Serve = Callable[..., bitsup.Server]


@pytest.mark.behaviour("B-HOOK-01")
def test_a_session_belongs_to_the_owner_set_by_the_application(serve: Serve, root: Path) -> None:
    owners: List[Any] = []
    statuses: List[int] = []

    def on_request(upload: Upload, verdict: Verdict) -> None:
        verdict.set_owner(upload.header("X-User") or "nobody")

    def progress(_sent: int, _total: int) -> None:
        if not statuses:
            statuses.append(cancelled_by("eve", server, job.session_id))

    server = serve(on_request=on_request, on_received=lambda upload, _: owners.append((upload.owner, upload.packet)))
    job = bitsup.Client(headers=[("X-User", "anna")], fragment_size=10).job(
        bytes(30), f"{server.url}a", progress=progress
    )
    job.run()
    assert statuses == [403]
    assert owners == [("anna", Packet.FRAGMENT)]
    assert (root / "a").stat().st_size == 30


def cancelled_by(user: str, server: bitsup.Server, session: Any) -> int:
    """Sends Cancel-Session and returns the status of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    headers = {"BITS-Packet-Type": "Cancel-Session", "BITS-Session-Id": session, "X-User": user, "Content-Length": "0"}
    connection.request("BITS_POST", "/a", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.behaviour("B-HOOK-02")
def test_the_application_chooses_the_destination(serve: Serve, root: Path) -> None:
    (root / "chosen").mkdir()

    def on_create(upload: Upload, verdict: Verdict) -> None:
        assert (upload.packet, upload.data_path, upload.reply_path) == (Packet.CREATE, None, None)
        verdict.set_destination(f"chosen/{upload.target.lstrip('/')}.new")

    bitsup.upload(b"x", f"{serve(on_create=on_create).url}a")
    assert (root / "chosen" / "a.new").read_bytes() == b"x"


@pytest.mark.behaviour("B-HOOK-03")
def test_the_application_is_notified_of_progress_and_of_the_end(serve: Serve) -> None:
    seen: List[Any] = []
    server = serve(
        on_progress=lambda upload: seen.append((upload.received, upload.total)),
        on_end=lambda upload, reason: seen.append((upload.session_id, reason)),
    )
    bitsup.upload(bytes(20), f"{server.url}a", fragment_size=10)
    session = seen[-1][0]
    assert seen == [(10, 20), (20, 20), (session, EndReason.CLOSED)]
    assert session.startswith("{")


@pytest.mark.behaviour("B-HOOK-04")
def test_the_application_can_read_the_file_and_discard_it(serve: Serve, root: Path) -> None:
    contents: List[bytes] = []

    def on_received(upload: Upload, verdict: Verdict) -> None:
        assert upload.data_path is not None
        contents.append(upload.data_path.read_bytes())
        verdict.keep_file(False)

    bitsup.upload(b"once", f"{serve(on_received=on_received).url}a")
    assert contents == [b"once"]
    assert not (root / "a").exists()


@pytest.mark.behaviour("B-HOOK-05")
def test_hook_arguments_are_invalid_after_the_hook_has_returned(serve: Serve) -> None:
    received: List[Any] = []
    bitsup.upload(b"x", f"{serve(on_received=lambda *arguments: received.extend(arguments)).url}a")
    upload, verdict = received
    uses: List[Callable[[], object]] = [
        lambda: upload.url,
        lambda: upload.header("Host"),
        lambda: verdict.reply(b"late"),
    ]
    for use in uses:
        with pytest.raises(bitsup.UsageError, match="its hook has returned") as caught:
            use()
        assert caught.value.status == _raw.E_INVALID_STATE


@pytest.mark.behaviour("B-HOOK-06")
@pytest.mark.parametrize("hook", ["on_request", "on_create", "on_received"])
def test_a_failing_hook_causes_a_response_with_500(serve: Serve, hook: str, caplog: pytest.LogCaptureFixture) -> None:
    def failing(_upload: Upload, _verdict: Verdict) -> None:
        raise LookupError("no such thing")

    with caplog.at_level(logging.ERROR, "bitsup.server"), pytest.raises(bitsup.PeerError) as caught:
        bitsup.upload(b"x", f"{serve(**{hook: failing}).url}a", no_progress_timeout=0)
    assert (caught.value.http_status, caught.value.context) == (500, Context.APPLICATION)
    assert "no such thing" in caplog.text


@pytest.mark.parametrize("hook", ["on_progress", "on_end"])
def test_a_failing_notification_hook_is_only_logged(
    serve: Serve, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    bitsup.upload(b"x", f"{serve(**{hook: lambda *_: 1 / 0}).url}a")
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.behaviour("B-HOOK-07")
def test_stopping_a_server_from_its_own_hook_reports_busy_and_stops_it(serve: Serve) -> None:
    statuses: List[int] = []
    asked = threading.Event()

    def on_request(_upload: Upload, _verdict: Verdict) -> None:
        if not asked.is_set():
            with pytest.raises(bitsup.UsageError) as caught:
                server.stop()
            statuses.append(caught.value.status)
            asked.set()

    server = serve(on_request=on_request)
    with pytest.raises(bitsup.NetworkError):
        bitsup.upload(b"x", f"{server.url}a", max_attempts=3, retry_delay=0.2)
    assert statuses == [_raw.E_BUSY]


@pytest.mark.behaviour("B-REJECT-01")
def test_a_rejection_reaches_the_client_with_all_its_codes(serve: Serve) -> None:
    server = serve(on_create=lambda _upload, verdict: verdict.reject(409, hresult=0x80070050, context=Context.SERVER))
    with pytest.raises(bitsup.PeerError) as caught:
        bitsup.upload(b"x", f"{server.url}a", no_progress_timeout=0)
    error = caught.value
    assert (error.http_status, error.hresult, error.context) == (409, 0x80070050, Context.SERVER)
    assert "0x80070050" in str(error)


@pytest.mark.behaviour("B-REJECT-02")
def test_a_rejected_complete_file_is_not_delivered(serve: Serve, root: Path) -> None:
    calls: List[None] = []

    def on_received(_upload: Upload, verdict: Verdict) -> None:
        calls.append(None)
        verdict.reject()

    with pytest.raises(bitsup.PeerError) as caught:
        bitsup.upload(b"x", f"{serve(on_received=on_received).url}a")
    assert (caught.value.http_status, caught.value.transient, len(calls)) == (403, False, 1)
    assert not (root / "a").exists()


def test_sessions_can_be_counted_and_ended(server: bitsup.Server) -> None:
    job = bitsup.Client(fragment_size=10).job(
        bytes(30), f"{server.url}a", progress=lambda _sent, _total: job.suspend()
    )
    with pytest.raises(bitsup.SuspendedError):
        job.run()
    assert server.session_count == 1 and job.session_id is not None
    server.end_session(job.session_id)
    assert server.session_count == 0


@pytest.mark.parametrize("listen", ["localhost", "127.0.0.1:http", ":80", "127.0.0.1:99999"])
def test_an_address_without_host_or_port_is_rejected(root: Path, listen: str) -> None:
    with pytest.raises(ValueError, match="invalid listen address|between"):
        bitsup.Server(root, listen)


def test_ipv6_addresses_have_brackets(root: Path) -> None:
    with bitsup.Server(root, "[::1]:0") as server:
        assert server.url == f"http://[::1]:{server.port}/"
        bitsup.Client().ping(f"{server.url}a")


def test_every_server_option_reaches_the_library(root: Path) -> None:
    with bitsup.Server(
        root,
        durability="none",
        shared=False,
        public_url="https://example.org/",
        host_id="node1",
        host_id_fallback_timeout=60,
        max_upload_size=10,
        max_fragment_size=10,
        max_sessions_per_owner=1,
        max_sessions=2,
        session_timeout=3600,
        overlap="reject",
        finalize="close",
        max_workers=2,
        max_connections=10,
        head_timeout=1,
        read_timeout=1.5,
        idle_timeout=2,
    ) as server:
        bitsup.Client().ping(f"{server.url}a")


def test_overwriting_and_the_method_override_can_be_allowed(root: Path, serve: Serve) -> None:
    server = serve(allow_overwrite=True, method_override=True)
    for content in (b"first", b"second"):
        bitsup.upload(content, f"{server.url}a", method_override=True)
        assert (root / "a").read_bytes() == content


def test_an_unknown_option_is_named(root: Path) -> None:
    options: Any = {"max_uploadsize": 1}
    with pytest.raises(TypeError, match="a server has no option 'max_uploadsize': expected one of allow_overwrite, "):
        bitsup.Server(root, **options)
