"""Uploads inside an ASGI server: `bitsup.asgi.app(engine)` is an application.

The server must pass the verb BITS_POST on; uvicorn with h11 does (`http="h11"`), its httptools does not. The engine works on
threads of its own, so the event loop stays free, also while hooks take their minutes.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Awaitable, Callable, Dict, MutableMapping, Optional, Tuple, TypeVar
from urllib.parse import quote

from ._exchange import DISCARD, PIECE, Exchange, Response
from .engine import Engine

__all__ = ["app"]

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Seconds of silence after which it is asked whether a newer request took the session over.
_SILENCE = 5.0


def app(engine: Engine, otherwise: Optional[Application] = None, *, max_workers: int = 256) -> Application:
    """An application that gives requests to an engine; those that are not for it go to `otherwise` if that is given.

    At most `max_workers` threads work at a time; a hook that takes minutes holds one. What `scope["state"]["owner"]` names,
    where a middleware sets it, owns the sessions. "lifespan" is left to `otherwise`, or needs nothing.
    """
    workers = ThreadPoolExecutor(max_workers, "bitsup.asgi")

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if otherwise is not None:
                await otherwise(scope, receive, send)
                return
            raise ValueError(f"bitsup has nothing for {scope['type']!r}")
        mount, target = _target(scope)
        if otherwise is not None and not engine.accepts(scope["method"], target):
            await otherwise(scope, receive, send)
            return
        await _Request(engine, workers, scope, receive, send).answer(mount, target)

    return application


def _target(scope: Scope) -> Tuple[str, str]:
    """The mount point with a slash behind it, or nothing; and what follows it, as it stood on the wire if that is known."""
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    # Servers differ in whether the path has the root in front.
    root = quote(scope.get("root_path", "").rstrip("/"))
    path = raw.decode("latin-1")
    rest = path[len(root) :] if path.startswith(f"{root}/") or path == root else path
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{root}/" if root else "", (rest or "/") + (f"?{query}" if query else "")


class _Request:
    """One request. The engine's part of it is done by the workers, one step after the other."""

    def __init__(
        self, engine: Engine, workers: ThreadPoolExecutor, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._engine = engine
        self._workers = workers
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers: Dict[bytes, bytes] = {name.lower(): value for name, value in scope["headers"]}

    async def answer(self, mount: str, target: str) -> None:
        exchange = await self._working(lambda: self._exchange(mount, target))
        await self._working(exchange.begin)
        whole = await self._feed(exchange)
        # What is not whole is a lost connection: the exchange is dropped, and what was stored stays.
        if whole is not None:
            response = await self._working(exchange.finish)
            await self._reply(response, response.must_close or not whole)

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

    async def _feed(self, exchange: Exchange) -> Optional[bool]:
        """Whether the whole body was read: else the connection must be closed; None when it was lost.

        A refusal goes out at once where the client waits to be asked, which receiving would do; where there is more of
        the body than is worth reading; and where nobody can know how much.
        """
        get = self._headers.get
        if not exchange.wants_body:
            too_long = int(get(b"content-length", b"0")) > DISCARD if get(b"content-length", b"0").isdigit() else True
            if too_long or b"transfer-encoding" in self._headers or b"100-continue" in get(b"expect", b"").lower():
                return False
        dropped = 0
        while dropped <= DISCARD:
            message = await self._next(exchange)
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            if exchange.wants_body:
                for at in range(0, len(piece), PIECE):
                    await self._working(partial(exchange.body, piece[at : at + PIECE]))
            else:
                dropped += len(piece)
            if not message.get("more_body", False):
                return True
        return False

    async def _next(self, exchange: Exchange) -> Message:
        """The next message. While the client is silent, a newer request may take over; then nothing more is wanted."""
        receiving = asyncio.ensure_future(self._receive())
        try:
            while True:
                done, _ = await asyncio.wait([receiving], timeout=_SILENCE)
                if done:
                    return receiving.result()
                if exchange.wants_body:
                    await self._working(partial(exchange.body, b""))
                    if not exchange.wants_body:
                        return {"type": "http.request", "more_body": False}
        finally:
            receiving.cancel()

    async def _reply(self, response: Response, close: bool) -> None:
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
        if close:
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": response.status, "headers": headers})
        while True:
            piece = await self._working(response.read)
            await self._send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})
            if not piece:
                return

    async def _working(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, act)
