"""Third-party HTTP servers. Each runs once, on a thread; the tests replace its application."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any, Awaitable, Callable, Iterable, Optional, Protocol

import uvicorn
import waitress.server
from cheroot import wsgi
from waitress import wasyncore

import bitsup
import bitsup.asgi
import bitsup.wsgi
from support import LONG


class Host(Protocol):
    """A running server."""

    port: int

    def mount(self, engine: bitsup.Engine) -> None: ...
    def stop(self) -> None: ...


class _Wsgi:
    """A WSGI server that calls the mounted application."""

    _application: Optional[Callable[..., Iterable[bytes]]] = None

    def mount(self, engine: bitsup.Engine) -> None:
        self._application = bitsup.wsgi.app(engine)

    def _respond(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        assert self._application is not None, "nothing is mounted"
        return self._application(environ, start_response)


class Waitress(_Wsgi):
    def __init__(self) -> None:
        self._server: Any = waitress.server.create_server(self._respond, listen="127.0.0.1:0", ident=None)
        self.port = int(self._server.effective_port)
        self._stopping = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping:
            wasyncore.loop(timeout=1, map=self._server._map, count=1)

    def stop(self) -> None:
        self._stopping = True
        self._server.pull_trigger()
        self._thread.join(LONG)
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._server._map)


class Cheroot(_Wsgi):
    def __init__(self) -> None:
        self._server = wsgi.Server(("127.0.0.1", 0), self._respond, numthreads=4, shutdown_timeout=1)
        self._server.prepare()
        self.port = int(self._server.bind_addr[1])
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(LONG)


class Uvicorn:
    def __init__(self) -> None:
        self._application: Optional[bitsup.asgi.Application] = None
        self._server = uvicorn.Server(
            uvicorn.Config(self._respond, interface="asgi3", http="h11", ws="none", lifespan="off", log_config=None, access_log=False)
        )
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve([self._socket])))
        self._thread.start()

    def mount(self, engine: bitsup.Engine) -> None:
        self._application = bitsup.asgi.app(engine)

    async def _respond(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        assert self._application is not None, "nothing is mounted"
        await self._application(scope, receive, send)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(LONG)
        self._socket.close()


HOSTS = {"waitress": Waitress, "cheroot": Cheroot, "uvicorn": Uvicorn}
