"""The server, which receives uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Tuple

from . import _exit, _log
from . import options as _options
from ._callback import Call
from ._handle import Handle, Owned, StrPath, call, call_for_text, make, text
from ._load import lib
from .engine import OPTIONS, Root, new_engine, session_count
from .hooks import DecideHook, EndHook, Hooks, ProgressHook
from .options import Certificate, ServerOptions, milliseconds, unsigned

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Server(Handle):
    """A running server, which stores each file below `root` under the path of its URL.

    It stops at the end of its `with` block, or when the program exits. The hooks run on threads of the server,
    concurrently for different sessions, and may take minutes. If a hook raises, the client gets 500, and the exception
    is logged to the logger "bitsup.server".
    """

    def __init__(
        self,
        root: Root,
        listen: str = "127.0.0.1:0",
        *,
        prefix: str = "/",
        on_request: Optional[DecideHook] = None,
        on_create: Optional[DecideHook] = None,
        on_progress: Optional[ProgressHook] = None,
        on_received: Optional[DecideHook] = None,
        on_end: Optional[EndHook] = None,
        **options: Unpack[ServerOptions],
    ) -> None:
        """Listens on `listen`, "HOST:PORT" (port 0 selects a free one), and serves `root` below the URL path `prefix`.

        `root` is the path of a directory, a MemoryStore, or an instance of a subclass of Store.

        on_request(upload, verdict): called for every packet and every GET of a reply, to authenticate the client.
        on_create(upload, verdict): called for a new session, to reject it or to set the destination.
        on_progress(upload): called after bytes were stored, before they are acknowledged.
        on_received(upload, verdict): called for a complete upload, while the client waits, to reject it or to reply.
        on_end(upload, reason): called after a session ended.

        `options` are those of ServerOptions. Raises UsageError, TypeError or ValueError for an invalid argument,
        LocalError if the root or the address cannot be used.
        """
        _options.reject_unknown("a server", options, _options.SERVER, _options.IDENTITY, *OPTIONS)
        config = _config(options)
        host, port = _address(listen)
        call(lib.bitsup_server_config_set_listen, config, text(host), port)
        _options.apply(_options.SERVER, config, options)
        hooks = Hooks(on_request, on_create, on_progress, on_received, on_end)
        engine = new_engine(root, hooks, options)
        call(lib.bitsup_server_config_mount, config, text(prefix), engine)
        call(lib.bitsup_server_config_set_logger, config, _log.native_logger("server"))
        super().__init__(make(lib.bitsup_server_start, lib.bitsup_server_free, config))
        self._engine: Optional[Owned] = engine
        self._prefix = prefix.strip("/")
        # A running server has threads, which must be stopped before the interpreter shuts down.
        _exit.register(self, self._stop_at_exit)

    @property
    def url(self) -> str:
        """The base URL for uploads, with the actual port: "http://127.0.0.1:41234/"."""
        root = call_for_text(lib.bitsup_server_url, self._object)
        return f"{root}{self._prefix}/" if self._prefix else root

    @property
    def port(self) -> int:
        """The actual port."""
        return lib.bitsup_server_port(self._object)

    @property
    def session_count(self) -> int:
        """The number of open sessions."""
        return session_count(self._engine_object)

    def end_session(self, session_id: str) -> None:
        """Ends a session and discards what it received. Raises PeerError if there is no session with that id."""
        call(lib.bitsup_engine_end_session, self._engine_object, text(session_id))

    def reload_tls(self, tls: Certificate, client_ca_file: Optional[StrPath] = None) -> None:
        """Replaces the certificate, the key and the client CA for new connections."""
        options: "dict[str, Any]" = {"tls": tls}
        if client_ca_file is not None:
            options["client_ca_file"] = client_ca_file
        call(lib.bitsup_server_reload_tls, self._object, _config(options))

    def reload_users(self, users: Mapping[str, str]) -> None:
        """Replaces the users, effective from the next request on."""
        call(lib.bitsup_server_reload_users, self._object, _config({"users": users}))

    def stop(self, grace: float = 0.0) -> None:
        """Stops accepting connections, gives running requests `grace` seconds, and waits for all threads and hooks.

        Everything that was acknowledged is kept. Stopping a stopped server does nothing. Called from a hook, it raises
        UsageError, and the server stops without a wait.
        """
        if self._owned is not None:
            Call(lib.bitsup_server_stop, self._owned, milliseconds(grace), calls_back=False).run_interruptibly()
            self._release()

    def close(self) -> None:
        """Stops the server without a grace period."""
        self.stop()

    @property
    def _engine_object(self) -> Owned:
        return self._engine or self._object  # Without an engine the server is stopped, so `_object` raises.

    def _release(self) -> None:
        _exit.unregister(self)
        self._engine = None
        super().close()

    def _stop_at_exit(self) -> None:
        if self._owned is not None:
            Call(lib.bitsup_server_stop, self._owned, 0, calls_back=False).run()
            self._release()


def _config(options: Mapping[str, Any]) -> Owned:
    """Creates a configuration with TLS and users; everything else has its default."""
    config = Owned(lib.bitsup_server_config_new(), lib.bitsup_server_config_free)
    _options.apply(_options.IDENTITY, config, options)
    return config


def _address(listen: str) -> Tuple[str, int]:
    """Splits "127.0.0.1:80", "localhost:80" or "[::1]:80" into host and port."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise ValueError(f"invalid listen address {listen!r}: expected HOST:PORT; port 0 selects a free one")
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host, unsigned(int(port), 16)
