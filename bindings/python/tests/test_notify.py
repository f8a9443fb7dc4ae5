"""Notification of an application over HTTP."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest

import bitsup

Serve = Callable[..., bitsup.Server]


@pytest.fixture
def application() -> Iterator[Tuple[str, List[Any]]]:
    """An application that replies with the reversed body, so that the file is not kept."""
    asked: List[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.headers["BITS-Original-Request-URL"], body))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body[::-1])

        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", asked
        server.shutdown()
        thread.join()


@pytest.mark.behaviour("B-NOTIFY-01")
def test_an_application_is_notified_over_http(
    application: Tuple[str, List[Any]], serve: Serve, root: Path, tmp_path: Path
) -> None:
    url, asked = application
    server = serve(notify_url=url, notify="value", notify_timeout=10)
    bitsup.upload(b"question", f"{server.url}a", reply=tmp_path / "reply")
    assert (tmp_path / "reply").read_bytes() == b"noitseuq"
    assert asked == [(f"{server.url}a", b"question")] and not (root / "a").exists()


def test_conflicting_options_are_rejected(root: Path) -> None:
    wrong: Any
    for wrong, message in (
        ({"notify": "value"}, "notify requires notify_url"),
        ({"notify_url": "http://127.0.0.1/"}, "notify_url requires notify"),
        ({"notify_url": "http://127.0.0.1/", "notify": "both"}, "invalid value 'both': expected 'value' or 'reference'"),
        ({"notify_url": "http://127.0.0.1/", "notify": "value", "on_received": print}, "give one of them"),
    ):
        with pytest.raises(ValueError, match=message):
            bitsup.Engine(root, **wrong)
    with pytest.raises(bitsup.UsageError):
        bitsup.Engine(root, notify_url="ftp://x/", notify="value")
