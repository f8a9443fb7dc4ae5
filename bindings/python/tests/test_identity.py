"""Authentication, TLS and proxies."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple

import pytest
import trustme

import bitsup
from bitsup import _raw

Serve = Callable[..., bitsup.Server]


class Files(NamedTuple):
    authority: Path
    server: Path
    other: Path
    client: Path


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("pem")
    authority = trustme.CA()
    files = Files(*(folder / f"{name}.pem" for name in Files._fields))
    authority.cert_pem.write_to_path(str(files.authority))
    for path, certificate in (
        (files.server, authority.issue_cert("127.0.0.1")),
        (files.other, authority.issue_cert("127.0.0.1")),
        (files.client, authority.issue_cert("pc17@example.org", common_name="pc17")),
    ):
        certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
    return files


@pytest.mark.behaviour("B-AUTH-01")
def test_a_user_with_a_password_owns_the_sessions(serve: Serve, root: Path) -> None:
    owners: List[Any] = []
    server = serve(users={"anna": "pass:wörd"}, on_received=lambda upload, _: owners.append(upload.owner))
    bitsup.upload(b"x", f"{server.url}a", credentials=("anna", "pass:wörd"))
    assert owners == ["anna"] and (root / "a").exists()
    for wrong in ({}, {"credentials": ("anna", "word")}, {"credentials": "token"}):
        options: Any = wrong
        with pytest.raises(bitsup.PeerError) as caught:
            bitsup.upload(b"x", f"{server.url}b", **options)
        assert caught.value.http_status == 401
    server.reload_users({"bert": "new"})
    bitsup.upload(b"x", f"{server.url}c", credentials=("bert", "new"))


@pytest.fixture
def bearer(serve: Serve) -> bitsup.Server:
    """A server whose application requires a token."""

    def on_request(upload: bitsup.Upload, verdict: bitsup.Verdict) -> None:
        if upload.header("Authorization") == "Bearer right":
            verdict.set_owner("holder")
        else:
            verdict.challenge('Bearer realm="uploads"')

    return serve(on_request=on_request)


@pytest.mark.behaviour("B-AUTH-02")
def test_a_token_is_sent_to_a_server_that_requests_one(bearer: bitsup.Server, root: Path) -> None:
    bitsup.upload(b"x", f"{bearer.url}a", credentials="right")
    assert (root / "a").exists()


@pytest.mark.behaviour("B-AUTH-03")
def test_a_credentials_callback_gets_the_realm(bearer: bitsup.Server, root: Path) -> None:
    asked: List[bitsup.AuthRequest] = []

    def credentials(request: bitsup.AuthRequest) -> str:
        asked.append(request)
        return "right"

    client = bitsup.Client(credentials=credentials)
    client.job(b"x", f"{bearer.url}a").run()
    client.ping(f"{bearer.url}a")
    assert asked[0] == ("server", "bearer", "uploads") and (root / "a").exists()


@pytest.mark.behaviour("B-AUTH-04")
def test_a_credentials_callback_may_return_none_or_raise(bearer: bitsup.Server) -> None:
    with pytest.raises(bitsup.PeerError) as caught:
        bitsup.upload(b"x", f"{bearer.url}a", credentials=lambda _request: None)
    assert caught.value.http_status == 401

    def fail(_request: bitsup.AuthRequest) -> None:
        raise LookupError("no keyring")

    with pytest.raises(LookupError, match="no keyring"):
        bitsup.upload(b"x", f"{bearer.url}a", credentials=fail)
    with pytest.raises(TypeError, match="expected bearer credentials, got basic"):
        bitsup.upload(b"x", f"{bearer.url}a", credentials=lambda _request: ("anna", "word"))
    with pytest.raises(ValueError, match="at most 16383 bytes are supported"):
        bitsup.upload(b"x", f"{bearer.url}a", credentials=lambda _request: "x" * 16384)


def test_invalid_credentials_are_rejected() -> None:
    wrong: Any
    for wrong in (1, ("name",), ["name", "password"]):
        with pytest.raises(TypeError, match="credentials must be"):
            bitsup.Client(credentials=wrong)


@pytest.mark.behaviour("B-TLS-01")
def test_a_server_certificate_is_verified_against_its_root(serve: Serve, root: Path, pem: Files) -> None:
    server = serve(tls=pem.server)
    assert server.url.startswith("https://127.0.0.1:")
    bitsup.upload(b"secret", f"{server.url}a", ca_file=pem.authority)
    assert (root / "a").read_bytes() == b"secret"
    with pytest.raises(bitsup.NetworkError) as caught:
        bitsup.upload(b"secret", f"{server.url}b", no_progress_timeout=0)
    assert caught.value.status == _raw.E_TLS and not caught.value.transient
    first = ssl.get_server_certificate(("127.0.0.1", server.port))
    server.reload_tls((pem.other, pem.other))
    assert ssl.get_server_certificate(("127.0.0.1", server.port)) != first


@pytest.mark.behaviour("B-TLS-02")
def test_the_subject_of_a_client_certificate_owns_the_sessions(serve: Serve, pem: Files) -> None:
    owners: List[Any] = []
    server = serve(tls=pem.server, client_ca_file=pem.authority, on_received=lambda up, _: owners.append(up.owner))
    bitsup.upload(b"x", f"{server.url}a", ca_file=pem.authority, client_certificate=pem.client)
    assert len(owners) == 1 and "CN=pc17" in owners[0]
    with pytest.raises(bitsup.NetworkError):
        bitsup.upload(b"x", f"{server.url}b", ca_file=pem.authority, no_progress_timeout=0)


def test_a_missing_file_of_an_option_raises_file_not_found(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bitsup.Client(ca_file=tmp_path / "none.pem")
    with pytest.raises(bitsup.UsageError):
        bitsup.Server(root, client_ca_file=__file__)


@pytest.fixture
def proxy() -> Iterator[Any]:
    """A proxy that records its requests and rejects them."""
    seen: List[Any] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_BITS_POST(self) -> None:
            authorization = self.headers.get("Proxy-Authorization")
            seen.append((self.path, authorization))
            self.send_response(407 if authorization is None else 403)
            self.send_header("Proxy-Authenticate", 'Basic realm="way out"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


@pytest.mark.behaviour("B-PROXY-01")
def test_a_proxy_is_used_and_gets_its_credentials(proxy: Any, server: bitsup.Server) -> None:
    address, seen = proxy
    with pytest.raises(bitsup.PeerError) as caught:
        bitsup.Client(proxy=address, proxy_credentials=("me", "word")).ping("http://far.example/a")
    assert caught.value.http_status == 403
    assert seen == [("http://far.example/a", None), ("http://far.example/a", "Basic bWU6d29yZA==")]
    bitsup.Client(proxy=address, no_proxy=["127.0.0.1"]).ping(f"{server.url}a")
    assert len(seen) == 2
    with pytest.raises(TypeError, match="no_proxy: expected an iterable of str"):
        bitsup.Client(no_proxy="far.example")
