"""The engine, which receives uploads: in a server of this package, or embedded in another HTTP server."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Optional, Union

from . import _log
from . import options as _options
from ._handle import Handle, Owned, StrPath, call, make, path, text
from ._load import lib
from ._observer import UNKNOWN
from .errors import BitsError
from .hooks import DecideHook, EndHook, Hooks, ProgressHook
from .options import DURABILITY, EngineOptions, choice, unsigned
from .store import MemoryStore, Store

if TYPE_CHECKING:
    from typing_extensions import Unpack

#: Where uploads are stored: the path of a directory, or a store.
Root = Union[StrPath, MemoryStore, Store]

#: The tables of all options that an engine takes.
OPTIONS = (_options.ENGINE, _options.STORE, _options.HOST, _options.NOTIFY)


class Tick(NamedTuple):
    """The result of `Engine.tick`."""

    #: The number of sessions that expired.
    expired: int
    #: Seconds until the next tick is due; None if there is no session and the root is not shared.
    next: Optional[float]


class Engine(Handle):
    """Receives uploads for an existing HTTP server: see `bitsup.wsgi` and `bitsup.asgi`.

    It has no sockets or threads. The hooks are those of `Server`, and run on the threads that pass in the requests.
    """

    def __init__(
        self,
        root: Root,
        *,
        on_request: Optional[DecideHook] = None,
        on_create: Optional[DecideHook] = None,
        on_progress: Optional[ProgressHook] = None,
        on_received: Optional[DecideHook] = None,
        on_end: Optional[EndHook] = None,
        **options: Unpack[EngineOptions],
    ) -> None:
        """Opens `root`, a directory or a store, and resumes the sessions in it.

        The hooks are those of `Server`, `options` those of EngineOptions. Raises UsageError, TypeError or ValueError
        for an invalid argument, LocalError if the root cannot be used.
        """
        _options.reject_unknown("an engine", options, *OPTIONS)
        super().__init__(new_engine(root, Hooks(on_request, on_create, on_progress, on_received, on_end), options))
        self._due_at: Optional[float] = 0.0
        self._ticking = threading.Lock()

    def accepts(self, method: str, target: str) -> bool:
        """Whether a request is for this engine: a packet, or the GET of a reply.

        For servers that also handle other requests.
        """
        encoded_method, encoded_target = method.encode(), target.encode()
        return bool(
            lib.bitsup_engine_accepts(
                self._object, encoded_method, len(encoded_method), encoded_target, len(encoded_target)
            )
        )

    def tick(self) -> Tick:
        """Ends sessions that have been idle for too long. `bitsup.wsgi` and `bitsup.asgi` call this as requests arrive.
        """
        expired, after = ctypes.c_uint64(), ctypes.c_uint64()
        call(lib.bitsup_engine_tick, self._object, ctypes.byref(expired), ctypes.byref(after))
        return Tick(expired.value, None if after.value == UNKNOWN else after.value / 1000)

    @property
    def session_count(self) -> int:
        """The number of open sessions."""
        return session_count(self._object)

    def end_session(self, session_id: str) -> None:
        """Ends a session and discards what it received. Raises PeerError if there is no session with that id."""
        call(lib.bitsup_engine_end_session, self._object, text(session_id))

    def _tick_when_due(self) -> None:
        """Called for each request: the engine has no thread that could end idle sessions on time."""
        if self._due_at is not None and time.monotonic() >= self._due_at and self._ticking.acquire(blocking=False):
            try:
                # If the store fails, a later tick tries again; the current request is not affected.
                after = None
                with contextlib.suppress(BitsError):
                    after = self.tick().next
                # `next` does not account for sessions created later, so the interval is limited.
                interval = _MAX_TICK_INTERVAL if after is None else min(after, _MAX_TICK_INTERVAL)
                self._due_at = time.monotonic() + interval
            finally:
                self._ticking.release()


#: Seconds.
_MAX_TICK_INTERVAL = 60.0


def new_engine(root: Root, hooks: Hooks, options: Mapping[str, Any]) -> Owned:
    """Creates an engine of the library. Options of other objects are ignored."""
    config = Owned(lib.bitsup_engine_config_new(), lib.bitsup_engine_config_free)
    _options.apply(_options.ENGINE, config, options)
    if "host_id" in options:
        fallback = unsigned(options.get("host_id_fallback_timeout", 0), 32)
        call(lib.bitsup_engine_config_set_host_id, config, text(options["host_id"]), fallback)
    elif "host_id_fallback_timeout" in options:
        raise ValueError("host_id_fallback_timeout requires host_id")
    if hooks.on_received is not None and "notify_url" in options:
        raise ValueError("notify_url and on_received exclude each other: give one of them")
    native_hooks = hooks.native()
    _options.notify(native_hooks, options)
    call(lib.bitsup_engine_config_set_hooks, config, native_hooks)
    call(lib.bitsup_engine_config_set_store, config, _store(root, options))
    call(lib.bitsup_engine_config_set_logger, config, _log.native_logger("engine", "notify"))
    return make(lib.bitsup_engine_new, lib.bitsup_engine_free, config)


def session_count(engine: Owned) -> int:
    count = ctypes.c_uint64()
    call(lib.bitsup_engine_session_count, engine, ctypes.byref(count))
    return count.value


def _store(root: Root, options: Mapping[str, Any]) -> Owned:
    if isinstance(root, (MemoryStore, Store)):
        for name in _options.STORE:
            if name in options:
                raise TypeError(f"{name} applies to directories only, not to a {type(root).__name__}")
        return root._native()
    durability = choice(DURABILITY)(options.get("durability", "file"))
    shared = 1 if options.get("shared", False) else 0
    return make(lib.bitsup_store_new_dir, lib.bitsup_store_free, path(root), durability, shared)
