"""Engines inside other HTTP servers, as far as the vectors do not cover it."""

from __future__ import annotations

import asyncio
import io
import os
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

import bitsup
import bitsup.asgi
import bitsup.wsgi
from hosts import HOSTS, Host
from support import LONG


@pytest.fixture(params=sorted(HOSTS))
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    running: Any = HOSTS[request.param]()
    yield running
    running.stop()


@pytest.mark.behaviour("B-EMBED-02")
def test_a_large_file_and_its_reply_pass_through_another_server(host: Host, root: Path, tmp_path: Path) -> None:
    content, owners = os.urandom(3_000_000), []

    def on_received(upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        assert upload.peer is not None and upload.peer.startswith("127.0.0.1")
        owners.append(upload.owner)
        verdict.reply(content[::-1])

    with bitsup.Engine(root, on_received=on_received) as engine:
        host.mount(engine)
        url = f"http://127.0.0.1:{host.port}/a"
        bitsup.upload(content, url, reply=tmp_path / "reply", fragment_size=1_000_000)
        assert engine.session_count == 0
    assert (root / "a").read_bytes() == content and owners == [None]
    assert (tmp_path / "reply").read_bytes() == content[::-1]


@pytest.mark.behaviour("B-EMBED-03")
def test_a_slow_hook_does_not_delay_other_requests(host: Host, root: Path) -> None:
    asked, proceed = threading.Event(), threading.Event()

    def on_received(upload: bitsup.Upload, _verdict: bitsup.Verdict) -> None:
        if upload.target == "/slow":
            asked.set()
            assert proceed.wait(LONG)

    with bitsup.Engine(root, on_received=on_received) as engine:
        host.mount(engine)
        url = f"http://127.0.0.1:{host.port}/"
        slow = threading.Thread(target=lambda: bitsup.upload(b"slow", f"{url}slow"))
        slow.start()
        assert asked.wait(LONG)
        bitsup.upload(b"fast", f"{url}fast")
        assert (root / "fast").exists() and not (root / "slow").exists()
        proceed.set()
        slow.join()
    assert (root / "slow").read_bytes() == b"slow"


def wsgi_response(application: Any, environ: Dict[str, Any], body: bytes = b"") -> Tuple[str, Dict[str, str], bytes]:
    """Calls a WSGI application and returns its status, header fields and body."""
    started: List[Any] = []
    full = {"REQUEST_METHOD": "BITS_POST", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), **environ}
    content = b"".join(application(full, lambda status, headers: started.append((status, dict(headers)))))
    return (*started[0], content)


CREATE = {
    "HTTP_HOST": "up.test",
    "HTTP_BITS_PACKET_TYPE": "Create-Session",
    "HTTP_BITS_SUPPORTED_PROTOCOLS": "{7df0354d-249b-430f-820d-3d2a9bef4931}",
    "CONTENT_LENGTH": "0",
}


@pytest.mark.parametrize(
    ("paths", "target", "url"),
    [
        ({"PATH_INFO": "/a b", "REQUEST_URI": "/a%20b?x"}, "/a%20b?x", "http://up.test/a%20b?x"),
        ({"PATH_INFO": "/a b", "QUERY_STRING": "x=1"}, "/a%20b?x=1", "http://up.test/a%20b?x=1"),
        ({"SCRIPT_NAME": "/in", "PATH_INFO": "/a", "RAW_URI": "/in/a"}, "/in/a", "http://up.test/in/a"),
        ({"SCRIPT_NAME": "/in", "PATH_INFO": "/a", "REQUEST_URI": "/%69n/a"}, "/in/a", "http://up.test/in/a"),
        ({"SCRIPT_NAME": "/in", "PATH_INFO": "", "REQUEST_URI": "/in"}, "/in/", "http://up.test/in/"),
        ({"PATH_INFO": "/a", "wsgi.url_scheme": "https"}, "/a", "https://up.test/a"),
    ],
)
def test_the_target_is_used_as_received(root: Path, paths: Dict[str, str], target: str, url: str) -> None:
    seen: List[Tuple[str, str, Any, Any]] = []

    def on_request(upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        seen.append((upload.target, upload.url, upload.owner, upload.peer))
        verdict.reject(403)

    with bitsup.Engine(root, on_request=on_request) as engine:
        who = {"REMOTE_USER": "anna", "REMOTE_ADDR": "::1", "REMOTE_PORT": "17"}
        status, headers, body = wsgi_response(bitsup.wsgi.app(engine), {**CREATE, **paths, **who})
    assert (status, headers["BITS-Packet-Type"], body) == ("403 Forbidden", "Ack", b"")
    assert seen == [(target, url, "anna", "[::1]:17")]


def test_other_requests_are_passed_to_the_fallback(root: Path) -> None:
    def other(_environ: Any, start_response: Any) -> List[bytes]:
        start_response("200 OK", [])
        return [b"a page"]

    with bitsup.Engine(root) as engine:
        assert engine.accepts("BITS_POST", "/a") and not engine.accepts("GET", "/a")
        application = bitsup.wsgi.app(engine, other)
        assert wsgi_response(application, {"REQUEST_METHOD": "GET", "PATH_INFO": "/"})[2] == b"a page"
        assert wsgi_response(application, {**CREATE, "PATH_INFO": "/a"})[0] == "200 OK"
        assert wsgi_response(bitsup.wsgi.app(engine), {"REQUEST_METHOD": "GET", "PATH_INFO": "/"})[0].startswith("40")


def test_a_rejected_body_is_discarded_unless_the_client_expects_100_continue(root: Path) -> None:
    fragment = {
        **CREATE,
        "PATH_INFO": "/a",
        "HTTP_BITS_PACKET_TYPE": "Fragment",
        "HTTP_BITS_SESSION_ID": "{7DF0354D-249B-430F-820D-3D2A9BEF4931}",
        "HTTP_CONTENT_RANGE": "bytes 0-9/10",
        "CONTENT_LENGTH": "10",
    }
    with bitsup.Engine(root) as engine:
        for expect, left in (("", b""), ("100-continue", b"0123456789")):
            body = io.BytesIO(b"0123456789")
            status, *_ = wsgi_response(bitsup.wsgi.app(engine), {**fragment, "HTTP_EXPECT": expect, "wsgi.input": body})
            assert status.startswith("500") and body.read() == left


def test_idle_sessions_expire(root: Path) -> None:
    ended: List[bitsup.EndReason] = []
    options: Any = {"session_timeout": 1, "on_end": lambda _upload, reason: ended.append(reason)}
    with bitsup.Engine(root, **options) as engine:
        assert engine.tick() == (0, None)
        application = bitsup.wsgi.app(engine)
        session = wsgi_response(application, {**CREATE, "PATH_INFO": "/a"})[1]["BITS-Session-Id"]
        after = engine.tick().next
        assert after is not None and 0 < after <= 1
        deadline = time.monotonic() + LONG
        while not ended:
            assert time.monotonic() < deadline
            engine.tick()
        assert ended == [bitsup.EndReason.EXPIRED] and engine.session_count == 0
        with pytest.raises(bitsup.PeerError):
            engine.end_session(session)


def asgi_messages(application: bitsup.asgi.Application, scope: Dict[str, Any], *messages: Dict[str, Any]) -> List[Any]:
    """Calls an ASGI application and returns what it sends."""
    sent: List[Any] = []
    left = list(messages)

    async def receive() -> Any:
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    whole = {"type": "http", "method": "BITS_POST", "path": "/a", "headers": [], **scope}
    asyncio.run(asyncio.wait_for(application(whole, receive, send), LONG))
    return sent


def test_an_asgi_application_with_a_root_path_and_a_fallback(root: Path) -> None:
    seen: List[Any] = []

    async def other(_scope: Any, _receive: Any, send: Any) -> None:
        await send("other")

    def on_request(upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        seen.append((upload.url, upload.owner, upload.peer))
        verdict.reject(403)

    headers = [(b"host", b"up.test"), (b"content-length", b"0"), (b"bits-packet-type", b"Ping")]
    scope = {
        "root_path": "/in",
        "path": "/in/a b",
        "query_string": b"x",
        "headers": headers,
        "scheme": "https",
        "client": ("127.0.0.1", 17),
        "state": {"owner": "anna"},
    }
    empty = {"type": "http.request", "body": b"", "more_body": False}
    with bitsup.Engine(root, on_request=on_request) as engine:
        application = bitsup.asgi.app(engine, other)
        assert asgi_messages(application, scope, empty)[0]["status"] == 403
        assert asgi_messages(application, {"method": "GET"}) == asgi_messages(application, {"type": "lifespan"}) == ["other"]
        with pytest.raises(ValueError, match="unsupported scope type 'lifespan'"):
            asgi_messages(bitsup.asgi.app(engine), {"type": "lifespan"})
    assert seen == [("https://up.test/in/a%20b?x", "anna", "127.0.0.1:17")]


def test_a_silent_request_ends_when_a_newer_one_takes_over(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitsup.asgi, "_TAKEOVER_CHECK_INTERVAL", 0.01)
    sent: List[Any] = []

    async def main() -> None:
        silent, forever = asyncio.Event(), asyncio.Event()

        async def receive() -> Any:
            if not silent.is_set():
                silent.set()
                return {"type": "http.request", "body": b"01234", "more_body": True}
            await forever.wait()

        async def send(message: Any) -> None:
            sent.append(message)

        headers = fragment_of(session)
        scope = {"type": "http", "method": "BITS_POST", "path": "/a", "headers": headers}
        older = asyncio.ensure_future(bitsup.asgi.app(engine)(scope, receive, send))
        await silent.wait()
        while (root / ".bitsup" / session / "data").stat().st_size < 5:
            await asyncio.sleep(0)
        fields = {f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, value in headers}
        fields["CONTENT_LENGTH"] = fields.pop("HTTP_CONTENT_LENGTH")
        newer = {**fields, "PATH_INFO": "/a"}
        assert wsgi_response(bitsup.wsgi.app(engine), newer, b"0123456789")[0] == "200 OK"
        await asyncio.wait_for(older, LONG)

    with bitsup.Engine(root) as engine:
        session = wsgi_response(bitsup.wsgi.app(engine), {**CREATE, "PATH_INFO": "/a"})[1]["BITS-Session-Id"]
        asyncio.run(main())
    assert sent[0]["status"] == 503 and (b"connection", b"close") in sent[0]["headers"]


def fragment_of(session: str) -> List[Tuple[bytes, bytes]]:
    """Returns the header fields for the first ten of twenty bytes."""
    headers = [(b"host", b"x"), (b"bits-packet-type", b"Fragment"), (b"bits-session-id", session.encode())]
    return [*headers, (b"content-range", b"bytes 0-9/20"), (b"content-length", b"10")]


def test_a_lost_connection_keeps_what_was_stored(root: Path) -> None:
    with bitsup.Engine(root) as engine:
        session = wsgi_response(bitsup.wsgi.app(engine), {**CREATE, "PATH_INFO": "/a"})[1]["BITS-Session-Id"]
        lost = ({"type": "http.request", "body": b"12345", "more_body": True}, {"type": "http.disconnect"})
        assert asgi_messages(bitsup.asgi.app(engine), {"headers": fragment_of(session)}, *lost) == []
        assert (root / ".bitsup" / session / "data").read_bytes() == b"12345"
        engine.end_session(session)
