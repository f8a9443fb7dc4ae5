"""A server that receives uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional, Tuple

from . import _exit, _log
from . import options as _options
from ._callback import Call
from ._handle import Handle, Owned, StrPath, call, make, taken_text, text
from ._load import lib
from .engine import KNOWN, Root, made, session_count
from .hooks import Decide, Ended, Hooks, Notify
from .options import Certificate, ServerOptions, milliseconds, unsigned

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Server(Handle):
    """A running server: files under `root` by their URLs' paths. Stops at the end of its `with`, or of the program.

    The hooks run on threads of the server, several at a time for different sessions. A hook may take minutes. One that
    raises has its packet answered 500, and the exception goes to the logger "bitsup.server".
    """

    def __init__(
        self,
        root: Root,
        listen: str = "127.0.0.1:0",
        *,
        prefix: str = "/",
        on_request: Optional[Decide] = None,
        on_create: Optional[Decide] = None,
        on_progress: Optional[Notify] = None,
        on_received: Optional[Decide] = None,
        on_end: Optional[Ended] = None,
        **options: Unpack[ServerOptions],
    ) -> None:
        """Binds `listen`, "HOST:PORT" with 0 for a free port, and serves `root` below the URL path `prefix`.

        `root` is a directory, a MemoryStore or a Store of your own.

        on_request(upload, verdict): for every packet and every GET of a reply: who sent it, and may they?
        on_create(upload, verdict): for a new session: may it be, and where does its file go?
        on_progress(upload): stored bytes, before they are acknowledged.
        on_received(upload, verdict): a complete upload, while its client waits: is it good, and what is the reply?
        on_end(upload, reason): a session is gone.

        `options` are the keywords of ServerOptions. Raises UsageError, TypeError or ValueError for what it cannot use,
        MachineError when root or address cannot be had.
        """
        _options.refuse_unknown("a server", options, _options.SERVER, _options.IDENTITY, *KNOWN)
        config = _config(options)
        host, port = _address(listen)
        call(lib.bitsup_server_config_set_listen, config, text(host), port)
        _options.apply(_options.SERVER, config, options)
        hooks = Hooks(on_request, on_create, on_progress, on_received, on_end)
        engine = made(root, hooks, options)
        call(lib.bitsup_server_config_mount, config, text(prefix), engine)
        call(lib.bitsup_server_config_set_logger, config, _log.attached("server"))
        super().__init__(make(lib.bitsup_server_start, lib.bitsup_server_free, config))
        self._engine: Optional[Owned] = engine
        self._prefix = prefix.strip("/")
        # Until it is stopped it has threads, which must not outlive the interpreter; so it lives as long.
        _exit.enter(self, self._stop_at_exit)

    @property
    def url(self) -> str:
        """The URL below which uploads go, with the port in use: "http://127.0.0.1:41234/"."""
        root = taken_text(lib.bitsup_server_url, self._object)
        return f"{root}{self._prefix}/" if self._prefix else root

    @property
    def port(self) -> int:
        """The port in use."""
        return lib.bitsup_server_port(self._object)

    @property
    def session_count(self) -> int:
        """How many sessions there are."""
        return session_count(self._engine_object)

    def end_session(self, session_id: str) -> None:
        """Ends a session and discards what it received. Raises PeerError when there is none of that id."""
        call(lib.bitsup_engine_end_session, self._engine_object, text(session_id))

    def reload_tls(self, tls: Certificate, client_ca_file: Optional[StrPath] = None) -> None:
        """Takes certificate, key and the roots of clients from these files, for connections from now on."""
        options: "dict[str, Any]" = {"tls": tls}
        if client_ca_file is not None:
            options["client_ca_file"] = client_ca_file
        call(lib.bitsup_server_reload_tls, self._object, _config(options))

    def reload_users(self, users: Mapping[str, str]) -> None:
        """Takes these users instead, from the next request on."""
        call(lib.bitsup_server_reload_users, self._object, _config({"users": users}))

    def stop(self, grace: float = 0.0) -> None:
        """Stops accepting, gives requests under way `grace` seconds, and waits for every thread and hook of the server.

        What was acknowledged stays. On a stopped server it does nothing. Within a hook it raises UsageError, and the
        server stops without being waited for.
        """
        if self._owned is not None:
            Call(lib.bitsup_server_stop, self._owned, milliseconds(grace), calls_back=False).interruptibly()
            self._let_go()

    def close(self) -> None:
        """Stops at once."""
        self.stop()

    @property
    def _engine_object(self) -> Owned:
        return self._engine or self._object  # Without an engine it is stopped, and that raises.

    def _let_go(self) -> None:
        _exit.leave(self)
        self._engine = None
        super().close()

    def _stop_at_exit(self) -> None:
        if self._owned is not None:
            Call(lib.bitsup_server_stop, self._owned, 0, calls_back=False).here()
            self._let_go()


def _config(options: Mapping[str, Any]) -> Owned:
    """Who the server is, and who may come; the rest is as by default."""
    config = Owned(lib.bitsup_server_config_new(), lib.bitsup_server_config_free)
    _options.apply(_options.IDENTITY, config, options)
    return config


def _address(listen: str) -> Tuple[str, int]:
    """Host and port of "127.0.0.1:80", "localhost:80" or "[::1]:80"."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdecimal():
        raise ValueError(f"listen: {listen!r} is not HOST:PORT; port 0 picks a free one")
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host, unsigned(int(port), 16)
