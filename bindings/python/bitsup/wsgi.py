"""Uploads inside a WSGI server: `bitsup.wsgi.app(engine)` is a WSGI application.

The server must pass on the method BITS_POST; waitress and cheroot do. The server controls framing and connections, so
responses never contain `Connection: close`. The target is taken from REQUEST_URI or RAW_URI if the server provides one,
because PATH_INFO does not distinguish "/a%2Fb" from "/a/b".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Iterator, Optional, Tuple
from urllib.parse import quote

from ._exchange import CHUNK_SIZE, MAX_DISCARD, Exchange
from .engine import Engine

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["app"]

#: Characters of a path that need no percent-encoding, besides letters and digits (RFC 3986, 3.3).
_UNQUOTED = "/:@!$&'()*+,;=-._~"


def app(engine: Engine, fallback: Optional[WSGIApplication] = None) -> WSGIApplication:
    """Returns an application that passes requests to an engine, and all others to `fallback`, if given.

    Sessions belong to REMOTE_USER, if the server or a middleware sets it. Bodies are read in chunks, if the server
    supports that.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        mount, target = _target(environ)
        if fallback is not None and not engine.accepts(environ["REQUEST_METHOD"], target):
            return fallback(environ, start_response)
        exchange = Exchange(
            engine,
            environ["REQUEST_METHOD"].encode("latin-1"),
            target.encode("latin-1"),
            _headers(environ),
            peer=_peer(environ),
            owner=environ.get("REMOTE_USER") or "",
            mount=mount.encode("latin-1"),
            secure=environ.get("wsgi.url_scheme") == "https",
        )
        exchange.begin()
        _read_body(exchange, environ)
        response = exchange.finish()
        start_response(f"{response.status} {response.reason}", response.headers)
        return response

    return application


def _target(environ: WSGIEnvironment) -> Tuple[str, str]:
    """Returns the mount point with a final slash, or "", and the target below it, as received if the server provides
    that.
    """
    name = quote(environ.get("SCRIPT_NAME", "").rstrip("/"), _UNQUOTED, "latin-1")
    mount = f"{name}/" if name else ""
    raw: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    if raw and not name:
        return mount, raw
    if raw and (raw == name or raw.startswith((f"{name}/", f"{name}?"))):
        rest = raw[len(name) :]
    else:
        query = environ.get("QUERY_STRING", "")
        rest = quote(environ.get("PATH_INFO", ""), _UNQUOTED, "latin-1") + (f"?{query}" if query else "")
    return mount, rest if rest.startswith("/") else f"/{rest}"


def _headers(environ: WSGIEnvironment) -> Iterator[Tuple[bytes, bytes]]:
    for key, value in environ.items():
        name = key[5:] if key.startswith("HTTP_") else key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else ""
        # Servers set CONTENT_LENGTH to "" if the request has none.
        if name and (value or key.startswith("HTTP_")):
            yield name.replace("_", "-").encode("latin-1"), value.encode("latin-1")


def _peer(environ: WSGIEnvironment) -> str:
    address, port = environ.get("REMOTE_ADDR") or "", environ.get("REMOTE_PORT") or ""
    if ":" in address:
        address = f"[{address}]"
    return f"{address}:{port}" if address and port else address


def _read_body(exchange: Exchange, environ: WSGIEnvironment) -> None:
    """Passes the body to the engine. What the engine does not want is discarded: clients send the whole body first.

    If the client expects 100 Continue and is rejected, the body is not read, because reading would send 100 Continue.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    remaining = int(length) if length.isdecimal() else 0
    if not exchange.wants_body and "100-continue" in environ.get("HTTP_EXPECT", "").lower():
        return
    body: InputStream = environ["wsgi.input"]
    # read1 returns a chunk as soon as it arrives; not every server has it.
    read = getattr(body, "read1", body.read)
    discarded = 0
    while remaining > 0 and discarded <= MAX_DISCARD:
        chunk = read(min(remaining, CHUNK_SIZE))
        if not chunk:
            return
        remaining -= len(chunk)
        if exchange.wants_body:
            exchange.body(chunk)
        else:
            discarded += len(chunk)
