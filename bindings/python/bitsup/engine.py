"""What receives uploads: behind a server of this package, or inside an HTTP server of somebody else."""

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
from .hooks import Decide, Ended, Hooks, Notify
from .options import DURABILITY, EngineOptions, chosen, unsigned
from .store import MemoryStore, Store

if TYPE_CHECKING:
    from typing_extensions import Unpack

#: Where uploads go: a directory by its path, or a store.
Root = Union[StrPath, MemoryStore, Store]

#: All options that an engine takes.
KNOWN = (_options.ENGINE, _options.STORE, _options.HOST, _options.NOTIFY)


class Tick(NamedTuple):
    """What `Engine.tick` did."""

    #: How many sessions it ended.
    expired: int
    #: After how many seconds the next one can expire; None when there is none.
    next: Optional[float]


class Engine(Handle):
    """Receives uploads for an HTTP server that is there already: see `bitsup.wsgi` and `bitsup.asgi`.

    It has no socket and no thread. The hooks are those of `Server`, and run on the threads that bring the requests.
    """

    def __init__(
        self,
        root: Root,
        *,
        on_request: Optional[Decide] = None,
        on_create: Optional[Decide] = None,
        on_progress: Optional[Notify] = None,
        on_received: Optional[Decide] = None,
        on_end: Optional[Ended] = None,
        **options: Unpack[EngineOptions],
    ) -> None:
        """Takes what was received into `root`, a directory or a store, and goes on with the sessions in it.

        The callables are those of `Server`, `options` the keywords of EngineOptions. Raises UsageError, TypeError or
        ValueError for what it cannot use, MachineError when the root cannot be had.
        """
        _options.refuse_unknown("an engine", options, *KNOWN)
        super().__init__(made(root, Hooks(on_request, on_create, on_progress, on_received, on_end), options))
        self._due_at: Optional[float] = 0.0
        self._ticking = threading.Lock()

    def accepts(self, method: str, target: str) -> bool:
        """Whether a request is for this engine, where the same server has other things: a packet, or the GET of a reply."""
        how, what = method.encode(), target.encode()
        return bool(lib.bitsup_engine_accepts(self._object, how, len(how), what, len(what)))

    def tick(self) -> Tick:
        """Ends the sessions that were idle for too long. The adapters call it by themselves when requests come."""
        expired, after = ctypes.c_uint64(), ctypes.c_uint64()
        call(lib.bitsup_engine_tick, self._object, ctypes.byref(expired), ctypes.byref(after))
        return Tick(expired.value, None if after.value == UNKNOWN else after.value / 1000)

    @property
    def session_count(self) -> int:
        """How many sessions there are."""
        return session_count(self._object)

    def end_session(self, session_id: str) -> None:
        """Ends a session and discards what it received. Raises PeerError when there is none of that id."""
        call(lib.bitsup_engine_end_session, self._object, text(session_id))

    def _tick_when_due(self) -> None:
        """As a request comes: there is no thread that could do it in time, and nobody who would see it late."""
        if self._due_at is not None and time.monotonic() >= self._due_at and self._ticking.acquire(blocking=False):
            try:
                # What a store cannot end now it may end later; the request is another matter.
                after = None
                with contextlib.suppress(BitsError):
                    after = self.tick().next
                # New sessions come unseen, so it looks now and then.
                self._due_at = time.monotonic() + min(_LOOK if after is None else after, _LOOK)
            finally:
                self._ticking.release()


#: Seconds.
_LOOK = 60.0


def made(root: Root, hooks: Hooks, options: Mapping[str, Any]) -> Owned:
    """An engine of the library; options that are not its own are left to others."""
    config = Owned(lib.bitsup_engine_config_new(), lib.bitsup_engine_config_free)
    _options.apply(_options.ENGINE, config, options)
    if "host_id" in options:
        fallback = unsigned(options.get("host_id_fallback_timeout", 0), 32)
        call(lib.bitsup_engine_config_set_host_id, config, text(options["host_id"]), fallback)
    elif "host_id_fallback_timeout" in options:
        raise ValueError("host_id_fallback_timeout is of use with a host_id only")
    if hooks.on_received is not None and "notify_url" in options:
        raise ValueError("notify_url and on_received are two answers to one question; give one of them")
    asked = hooks.attached()
    _options.notify(asked, options)
    call(lib.bitsup_engine_config_set_hooks, config, asked)
    call(lib.bitsup_engine_config_set_store, config, _store(root, options))
    call(lib.bitsup_engine_config_set_logger, config, _log.attached("engine", "notify"))
    return make(lib.bitsup_engine_new, lib.bitsup_engine_free, config)


def session_count(engine: Owned) -> int:
    count = ctypes.c_uint64()
    call(lib.bitsup_engine_session_count, engine, ctypes.byref(count))
    return count.value


def _store(root: Root, options: Mapping[str, Any]) -> Owned:
    if isinstance(root, (MemoryStore, Store)):
        for name in _options.STORE:
            if name in options:
                raise TypeError(f"{name} is an option for directories; a store has its own ways")
        return root._attached()
    durability = chosen(DURABILITY)(options.get("durability", "file"))
    shared = 1 if options.get("shared", False) else 0
    return make(lib.bitsup_store_new_dir, lib.bitsup_store_free, path(root), durability, shared)
