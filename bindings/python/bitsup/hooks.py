"""The application behind a server: what it sees, what it may decide, and how it is called."""

from __future__ import annotations

import ctypes
import logging
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Callable, Optional

from . import _exit, _raw
from ._callback import destroy, slab
from ._handle import Owned, StrPath, call, path, text
from ._load import lib
from ._observer import UNKNOWN
from .errors import UsageError
from .options import unsigned
from .states import Context, End, Packet

_log = logging.getLogger("bitsup.server")


class _View:
    """Something that is there until the hook that it was handed to returns."""

    def __init__(self, address: int) -> None:
        self._address: Optional[int] = address

    @property
    def _object(self) -> int:
        if self._address is None:
            raise UsageError(_raw.E_INVALID_STATE, f"the hook that this {type(self).__name__} was for has returned")
        return self._address

    def _end(self) -> None:
        self._address = None


class Upload(_View):
    """An upload, as a hook sees it. Good until the hook returns."""

    @property
    def packet(self) -> Packet:
        """What led to the hook."""
        return Packet(lib.bitsup_upload_packet(self._object))

    @property
    def session_id(self) -> Optional[str]:
        """The session; None before there is one. In on_request it is only what the request claims."""
        return _str(lib.bitsup_upload_session_id(self._object))

    @property
    def target(self) -> str:
        """Path and query of the remote name, the mount point included."""
        return _str(lib.bitsup_upload_target(self._object)) or ""

    @property
    def url(self) -> str:
        """The absolute URL of the remote name, as far as it is known."""
        return _str(lib.bitsup_upload_url(self._object)) or ""

    @property
    def peer(self) -> Optional[str]:
        """The address of the client; None when it is not known."""
        return _str(lib.bitsup_upload_peer(self._object))

    @property
    def owner(self) -> Optional[str]:
        """The authenticated user, or whom a hook named."""
        return _str(lib.bitsup_upload_owner(self._object))

    @property
    def content_name(self) -> Optional[str]:
        """The name that the client gives the file. It is no path to write to."""
        return _str(lib.bitsup_upload_content_name(self._object))

    @property
    def data_path(self) -> Optional[Path]:
        """Where the received file lies: to be read, and left there. None but in on_received, and for stores without
        files."""
        return _path(lib.bitsup_upload_data_path(self._object))

    @property
    def reply_path(self) -> Optional[Path]:
        """Where a reply may be written, to be named to `Verdict.reply_file`. None but in on_received."""
        return _path(lib.bitsup_upload_reply_path(self._object))

    @property
    def received(self) -> int:
        """How many bytes the session holds."""
        return lib.bitsup_upload_received(self._object)

    @property
    def total(self) -> Optional[int]:
        """Length of the whole file in bytes; None while it is not known."""
        total = lib.bitsup_upload_total(self._object)
        return None if total == UNKNOWN else total

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes of what was received, from `offset` on; none at the end only. In on_received; for every
        store, also those without files."""
        buffer, count = ctypes.create_string_buffer(max(length, 1)), ctypes.c_size_t()
        call(
            lib.bitsup_upload_read,
            self._object,
            unsigned(offset, 64),
            buffer,
            unsigned(length, 63),
            ctypes.byref(count),
        )
        return buffer.raw[: count.value]

    def header(self, name: str) -> Optional[str]:
        """The first header field of that name in the packet, in any case."""
        return _str(lib.bitsup_upload_header(self._object, text(name)))


class Verdict(_View):
    """What a hook decides. Untouched, it means: go on; keep the file; no reply. Good until the hook returns."""

    def reject(self, http_status: int = 403, *, hresult: int = 0, context: int = Context.APPLICATION) -> None:
        """Refuses the packet. 403 is final; after any other status the client of a complete upload tries again, and
        on_received is called again. An `hresult` of 0 stands for that of the status."""
        call(
            lib.bitsup_verdict_reject,
            self._object,
            unsigned(http_status, 16),
            unsigned(hresult, 32),
            unsigned(context, 32),
        )

    def challenge(self, challenge: str) -> None:
        """Refuses with 401 and asks for credentials, in on_request: by the value of WWW-Authenticate, such as
        'Basic realm="uploads"'."""
        call(lib.bitsup_verdict_challenge, self._object, text(challenge))

    def set_owner(self, owner: str) -> None:
        """Names the user, in on_request. Sessions belong to whoever made them, and nobody else may use them."""
        call(lib.bitsup_verdict_set_owner, self._object, text(owner))

    def set_destination(self, destination: str) -> None:
        """Chooses where the file goes, in on_create or on_received: a path below the root, with slashes."""
        call(lib.bitsup_verdict_set_destination, self._object, text(destination))

    def keep_file(self, keep: bool = True) -> None:
        """Whether the file goes to its destination, or is dropped when the session is closed. In on_received."""
        call(lib.bitsup_verdict_set_keep_file, self._object, 1 if keep else 0)

    def reply(self, content: bytes) -> None:
        """Replies with bytes. In on_received, as the following; the last one counts."""
        copy = bytes(content)
        call(lib.bitsup_verdict_set_reply_bytes, self._object, copy, len(copy))

    def reply_file(self, file: StrPath) -> None:
        """Replies with the content of a file, which is taken over: moved, or copied and removed."""
        call(lib.bitsup_verdict_set_reply_path, self._object, path(file))

    def reply_url(self, url: str) -> None:
        """Replies with what is at an absolute URL of another server."""
        call(lib.bitsup_verdict_set_reply_url, self._object, text(url))


#: Decides about an upload by what it sets in the verdict. When it raises, the packet is answered 500.
Decide = Callable[[Upload, Verdict], object]
#: Hears of an upload.
Notify = Callable[[Upload], object]
#: Hears why a session ended.
Ended = Callable[[Upload, End], object]


@dataclass(frozen=True)
class Hooks:
    """The callables of a server; see `Server`."""

    on_request: Optional[Decide] = None
    on_create: Optional[Decide] = None
    on_progress: Optional[Notify] = None
    on_received: Optional[Decide] = None
    on_end: Optional[Ended] = None

    def attached(self) -> Owned:
        """The object of the library that calls this one."""
        owned = Owned(lib.bitsup_hooks_new(slab.keep(self), destroy), lib.bitsup_hooks_free)
        for name in (field.name for field in fields(self)):
            if getattr(self, name) is not None:
                call(getattr(lib, f"bitsup_hooks_{name}"), owned, _TRAMPOLINES[name])
        return owned


def _guarded(act: Callable[[], None], *views: _View) -> int:
    """Runs a hook. There is no call that its exception could be raised from, so it is logged."""
    if _exit.exiting():
        return _raw.ABORT
    try:
        act()
        return _raw.CONTINUE
    except BaseException:
        _log.exception("a hook failed")
        return _raw.ABORT
    finally:
        for view in views:
            view._end()


def _deciding(name: str) -> Callable[[Optional[int], int, int], int]:
    def trampoline(user_data: Optional[int], upload_at: int, verdict_at: int) -> int:
        upload, verdict = Upload(upload_at), Verdict(verdict_at)
        return _guarded(lambda: getattr(slab.get(user_data), name)(upload, verdict), upload, verdict)

    return trampoline


def _on_progress(user_data: Optional[int], upload_at: int) -> None:
    upload = Upload(upload_at)
    _guarded(lambda: slab.get(user_data).on_progress(upload), upload)


def _on_end(user_data: Optional[int], upload_at: int, reason: int) -> None:
    upload = Upload(upload_at)
    _guarded(lambda: slab.get(user_data).on_end(upload, End(reason)), upload)


_TRAMPOLINES: "dict[str, Any]" = {
    "on_request": _raw.decide_fn(_deciding("on_request")),
    "on_create": _raw.decide_fn(_deciding("on_create")),
    "on_received": _raw.decide_fn(_deciding("on_received")),
    "on_progress": _raw.notify_fn(_on_progress),
    "on_end": _raw.end_fn(_on_end),
}


def _str(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else value.decode(errors="replace")


def _path(value: Optional[bytes]) -> Optional[Path]:
    return None if value is None else Path(os.fsdecode(value))
