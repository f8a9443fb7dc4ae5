"""Uploads inside a WSGI server: `bitsup.wsgi.app(engine)` is an application.

The server must pass the verb BITS_POST on; waitress and cheroot do. Framing and connections are the server's, so an answer
never says `Connection: close`. The target is taken from REQUEST_URI or RAW_URI where the server has one, for PATH_INFO
does not tell "/a%2Fb" from "/a/b".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Iterator, Optional, Tuple
from urllib.parse import quote

from ._exchange import DISCARD, PIECE, Exchange
from .engine import Engine

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["app"]

#: What may stand in a path as it is, beside letters and digits (RFC 3986, 3.3).
_PLAIN = "/:@!$&'()*+,;=-._~"


def app(engine: Engine, otherwise: Optional[WSGIApplication] = None) -> WSGIApplication:
    """An application that gives requests to an engine; those that are not for it go to `otherwise` if that is given.

    REMOTE_USER, where the server or a middleware sets it, owns the sessions. A body is read in pieces, as far as the
    server hands it over so.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        mount, target = _target(environ)
        if otherwise is not None and not engine.accepts(environ["REQUEST_METHOD"], target):
            return otherwise(environ, start_response)
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
        _feed(exchange, environ)
        response = exchange.finish()
        start_response(f"{response.status} {response.reason}", response.headers)
        return response

    return application


def _target(environ: WSGIEnvironment) -> Tuple[str, str]:
    """The mount point with a slash behind it, or nothing; and what follows it, as it stood on the wire if that is known."""
    name = quote(environ.get("SCRIPT_NAME", "").rstrip("/"), _PLAIN, "latin-1")
    mount = f"{name}/" if name else ""
    raw: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    if raw and not name:
        return mount, raw
    if raw and (raw == name or raw.startswith((f"{name}/", f"{name}?"))):
        rest = raw[len(name) :]
    else:
        query = environ.get("QUERY_STRING", "")
        rest = quote(environ.get("PATH_INFO", ""), _PLAIN, "latin-1") + (f"?{query}" if query else "")
    return mount, rest if rest.startswith("/") else f"/{rest}"


def _headers(environ: WSGIEnvironment) -> Iterator[Tuple[bytes, bytes]]:
    for key, value in environ.items():
        name = key[5:] if key.startswith("HTTP_") else key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else ""
        # Servers leave CONTENT_LENGTH empty where there is none.
        if name and (value or key.startswith("HTTP_")):
            yield name.replace("_", "-").encode("latin-1"), value.encode("latin-1")


def _peer(environ: WSGIEnvironment) -> str:
    address, port = environ.get("REMOTE_ADDR") or "", environ.get("REMOTE_PORT") or ""
    if ":" in address:
        address = f"[{address}]"
    return f"{address}:{port}" if address and port else address


def _feed(exchange: Exchange, environ: WSGIEnvironment) -> None:
    """Gives the body to the engine, and drops what that does not want, for the client writes all of it first.

    A client that waits to be asked and is refused is not asked: reading would do that.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    left = int(length) if length.isdecimal() else 0
    if not exchange.wants_body and "100-continue" in environ.get("HTTP_EXPECT", "").lower():
        return
    body: InputStream = environ["wsgi.input"]
    # A piece as soon as it is there, where the server can do that.
    read = getattr(body, "read1", body.read)
    dropped = 0
    while left > 0 and dropped <= DISCARD:
        piece = read(min(left, PIECE))
        if not piece:
            return
        left -= len(piece)
        if exchange.wants_body:
            exchange.body(piece)
        else:
            dropped += len(piece)
