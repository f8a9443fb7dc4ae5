"""Uploads inside an ASGI server: `bitsup.asgi.app(engine)` is an ASGI application.

The server must pass on the method BITS_POST. uvicorn does with h11 (`http="h11"`), but not with httptools. The engine
is called on worker threads, so the event loop is never blocked, even if hooks take minutes.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Awaitable, Callable, Dict, MutableMapping, Optional, Tuple, TypeVar
from urllib.parse import quote

from ._exchange import CHUNK_SIZE, MAX_DISCARD, Exchange, Response
from .engine import Engine

__all__ = ["app"]

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: While the client is silent, seconds between checks whether a newer request has taken over the session.
_TAKEOVER_CHECK_INTERVAL = 5.0


def app(engine: Engine, fallback: Optional[Application] = None, *, max_workers: int = 256) -> Application:
    """Returns an application that passes requests to an engine, and all others to `fallback`, if given.

    At most `max_workers` requests are processed at a time; one whose hook takes minutes occupies a worker. Sessions
    belong to the user in `scope["state"]["owner"]`, if a middleware sets it. "lifespan" is passed to `fallback`.
    """
    workers = ThreadPoolExecutor(max_workers, "bitsup.asgi")

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if fallback is not None:
                await fallback(scope, receive, send)
                return
            raise ValueError(f"unsupported scope type {scope['type']!r}: only 'http' is supported")
        mount, target = _target(scope)
        if fallback is not None and not engine.accepts(scope["method"], target):
            await fallback(scope, receive, send)
            return
        await _Request(engine, workers, scope, receive, send).run(mount, target)

    return application


def _target(scope: Scope) -> Tuple[str, str]:
    """Returns the mount point with a final slash, or "", and the target below it, as received if the server provides
    that.
    """
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    # Servers differ in whether the path includes the root path.
    root = quote(scope.get("root_path", "").rstrip("/"))
    path = raw.decode("latin-1")
    rest = path[len(root) :] if path.startswith(f"{root}/") or path == root else path
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{root}/" if root else "", (rest or "/") + (f"?{query}" if query else "")


class _Request:
    """One request. Every step of the exchange runs on a worker thread."""

    def __init__(
        self, engine: Engine, workers: ThreadPoolExecutor, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._engine = engine
        self._workers = workers
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers: Dict[bytes, bytes] = {name.lower(): value for name, value in scope["headers"]}

    async def run(self, mount: str, target: str) -> None:
        exchange = await self._in_worker(lambda: self._exchange(mount, target))
        await self._in_worker(exchange.begin)
        complete = await self._read_body(exchange)
        # After a lost connection the exchange is dropped; what was stored is kept.
        if complete is not None:
            response = await self._in_worker(exchange.finish)
            await self._respond(response, response.must_close or not complete)

    def _exchange(self, mount: str, target: str) -> Exchange:
        host, port = self._scope.get("client") or ("", 0)
        return Exchange(
            self._engine,
            self._scope["method"].encode(),
            target.encode("latin-1"),
            self._scope["headers"],
            peer=f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if host else "",
            owner=(self._scope.get("state") or {}).get("owner") or "",
            mount=mount.encode("latin-1"),
            secure=self._scope.get("scheme") == "https",
        )

    async def _read_body(self, exchange: Exchange) -> Optional[bool]:
        """Reads the body. Returns True if it is complete, False if the connection must be closed, None if it was lost.

        A rejection is sent without reading the body if the client expects 100 Continue, which receiving would send; if
        the body is longer than MAX_DISCARD; or if its length is unknown.
        """
        get = self._headers.get
        if not exchange.wants_body:
            length = get(b"content-length", b"0")
            too_long = not length.isdigit() or int(length) > MAX_DISCARD
            if too_long or b"transfer-encoding" in self._headers or b"100-continue" in get(b"expect", b"").lower():
                return False
        discarded = 0
        while discarded <= MAX_DISCARD:
            message = await self._next(exchange)
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            if exchange.wants_body:
                for start in range(0, len(chunk), CHUNK_SIZE):
                    await self._in_worker(partial(exchange.body, chunk[start : start + CHUNK_SIZE]))
            else:
                discarded += len(chunk)
            if not message.get("more_body", False):
                return True
        return False

    async def _next(self, exchange: Exchange) -> Message:
        """Returns the next message, or an empty last one as soon as a newer request has taken over the session."""
        receiving = asyncio.ensure_future(self._receive())
        try:
            while True:
                done, _ = await asyncio.wait([receiving], timeout=_TAKEOVER_CHECK_INTERVAL)
                if done:
                    return receiving.result()
                if exchange.wants_body:
                    await self._in_worker(partial(exchange.body, b""))
                    if not exchange.wants_body:
                        return {"type": "http.request", "more_body": False}
        finally:
            receiving.cancel()

    async def _respond(self, response: Response, close: bool) -> None:
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
        if close:
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": response.status, "headers": headers})
        while True:
            chunk = await self._in_worker(response.read)
            await self._send({"type": "http.response.body", "body": chunk, "more_body": bool(chunk)})
            if not chunk:
                return

    async def _in_worker(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, act)
