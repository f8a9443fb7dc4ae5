"""The hooks of the application: what they receive, what they can decide, and how they are called."""

from __future__ import annotations

import ctypes
import logging
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Callable, Optional

from . import _exit, _raw
from ._callback import destroy, registry
from ._handle import Owned, StrPath, call, path, text
from ._load import lib
from ._observer import UNKNOWN
from .errors import UsageError
from .options import unsigned
from .states import Context, EndReason, Packet

_log = logging.getLogger("bitsup.server")


class _Scoped:
    """An object that is valid until the hook that received it returns."""

    def __init__(self, address: int) -> None:
        self._address: Optional[int] = address

    @property
    def _object(self) -> int:
        if self._address is None:
            raise UsageError(_raw.E_INVALID_STATE, f"this {type(self).__name__} is no longer valid: its hook has returned")
        return self._address

    def _invalidate(self) -> None:
        self._address = None


class Upload(_Scoped):
    """An upload, as passed to a hook. Valid until the hook returns."""

    @property
    def packet(self) -> Packet:
        """The packet that caused the call of the hook."""
        return Packet(lib.bitsup_upload_packet(self._object))

    @property
    def session_id(self) -> Optional[str]:
        """The session id; None if there is no session yet. In on_request it is unverified input from the client."""
        return _str(lib.bitsup_upload_session_id(self._object))

    @property
    def target(self) -> str:
        """Path and query of the URL of the upload, including the mount point."""
        return _str(lib.bitsup_upload_target(self._object)) or ""

    @property
    def url(self) -> str:
        """The absolute URL of the upload; only path and query if the host is unknown."""
        return _str(lib.bitsup_upload_url(self._object)) or ""

    @property
    def peer(self) -> Optional[str]:
        """The address of the client; None if unknown."""
        return _str(lib.bitsup_upload_peer(self._object))

    @property
    def owner(self) -> Optional[str]:
        """The authenticated user, or the one set by a hook."""
        return _str(lib.bitsup_upload_owner(self._object))

    @property
    def content_name(self) -> Optional[str]:
        """The file name that the client sent. Never use it as a path."""
        return _str(lib.bitsup_upload_content_name(self._object))

    @property
    def data_path(self) -> Optional[Path]:
        """The path of the received file, which may be read but not moved. Only in on_received, and only for stores
        in a directory; None otherwise."""
        return _path(lib.bitsup_upload_data_path(self._object))

    @property
    def reply_path(self) -> Optional[Path]:
        """A path to write a reply to, for `Verdict.reply_file`. Only in on_received; None otherwise."""
        return _path(lib.bitsup_upload_reply_path(self._object))

    @property
    def received(self) -> int:
        """The number of bytes received so far."""
        return lib.bitsup_upload_received(self._object)

    @property
    def total(self) -> Optional[int]:
        """The length of the whole file in bytes; None while unknown."""
        total = lib.bitsup_upload_total(self._object)
        return None if total == UNKNOWN else total

    def read(self, offset: int, length: int) -> bytes:
        """Reads at most `length` received bytes from `offset` on; returns b"" only at the end. Only in on_received;
        works for every store."""
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
        """Returns the first header field of the packet with this name; None if there is none. Case is ignored."""
        return _str(lib.bitsup_upload_header(self._object, text(name)))


class Verdict(_Scoped):
    """The decision of a hook. The default is: proceed, keep the file, no reply. Valid until the hook returns."""

    def reject(self, http_status: int = 403, *, hresult: int = 0, context: int = Context.APPLICATION) -> None:
        """Rejects the packet. 403 is final; after any other status in on_received, the client retries and
        on_received is called again. An `hresult` of 0 means the one for the HTTP status."""
        call(
            lib.bitsup_verdict_reject,
            self._object,
            unsigned(http_status, 16),
            unsigned(hresult, 32),
            unsigned(context, 32),
        )

    def challenge(self, challenge: str) -> None:
        """Rejects the packet with 401 and this value of WWW-Authenticate, such as 'Basic realm="uploads"'. Only in
        on_request."""
        call(lib.bitsup_verdict_challenge, self._object, text(challenge))

    def set_owner(self, owner: str) -> None:
        """Sets the authenticated user. Only in on_request. A session can be used only by the user who created it."""
        call(lib.bitsup_verdict_set_owner, self._object, text(owner))

    def set_destination(self, destination: str) -> None:
        """Sets the destination, a path with slashes relative to the root. Only in on_create and on_received."""
        call(lib.bitsup_verdict_set_destination, self._object, text(destination))

    def keep_file(self, keep: bool = True) -> None:
        """Sets whether the file is delivered, or discarded when the session is closed. Only in on_received."""
        call(lib.bitsup_verdict_set_keep_file, self._object, 1 if keep else 0)

    def reply(self, content: bytes) -> None:
        """Replies with bytes. Like `reply_file` and `reply_url`, only in on_received; the last call wins."""
        copy = bytes(content)
        call(lib.bitsup_verdict_set_reply_bytes, self._object, copy, len(copy))

    def reply_file(self, file: StrPath) -> None:
        """Replies with the content of a file. The library takes the file: it is moved, or copied and removed."""
        call(lib.bitsup_verdict_set_reply_path, self._object, path(file))

    def reply_url(self, url: str) -> None:
        """Replies with an absolute URL, from which the client downloads the reply."""
        call(lib.bitsup_verdict_set_reply_url, self._object, text(url))


#: Decides about a packet through the verdict. If it raises, the client gets 500.
DecideHook = Callable[[Upload, Verdict], object]
#: Called after bytes were stored.
ProgressHook = Callable[[Upload], object]
#: Called after a session ended.
EndHook = Callable[[Upload, EndReason], object]


@dataclass(frozen=True)
class Hooks:
    """The hooks of a server; see `Server`."""

    on_request: Optional[DecideHook] = None
    on_create: Optional[DecideHook] = None
    on_progress: Optional[ProgressHook] = None
    on_received: Optional[DecideHook] = None
    on_end: Optional[EndHook] = None

    def native(self) -> Owned:
        """Creates the hooks of the library that call these."""
        owned = Owned(lib.bitsup_hooks_new(registry.add(self), destroy), lib.bitsup_hooks_free)
        for name in (field.name for field in fields(self)):
            if getattr(self, name) is not None:
                call(getattr(lib, f"bitsup_hooks_{name}"), owned, _CALLBACKS[name])
        return owned


def _guarded(act: Callable[[], None], *scoped: _Scoped) -> int:
    """Runs a hook. An exception is logged, because no caller could catch it."""
    if _exit.exiting():
        return _raw.ABORT
    try:
        act()
        return _raw.CONTINUE
    except BaseException:
        _log.exception("a hook failed")
        return _raw.ABORT
    finally:
        for one in scoped:
            one._invalidate()


def _decide_callback(name: str) -> Callable[[Optional[int], int, int], int]:
    def callback(user_data: Optional[int], upload_address: int, verdict_address: int) -> int:
        upload, verdict = Upload(upload_address), Verdict(verdict_address)
        return _guarded(lambda: getattr(registry.get(user_data), name)(upload, verdict), upload, verdict)

    return callback


def _on_progress(user_data: Optional[int], upload_address: int) -> None:
    upload = Upload(upload_address)
    _guarded(lambda: registry.get(user_data).on_progress(upload), upload)


def _on_end(user_data: Optional[int], upload_address: int, reason: int) -> None:
    upload = Upload(upload_address)
    _guarded(lambda: registry.get(user_data).on_end(upload, EndReason(reason)), upload)


_CALLBACKS: "dict[str, Any]" = {
    "on_request": _raw.hooks_decide_fn(_decide_callback("on_request")),
    "on_create": _raw.hooks_decide_fn(_decide_callback("on_create")),
    "on_received": _raw.hooks_decide_fn(_decide_callback("on_received")),
    "on_progress": _raw.hooks_progress_fn(_on_progress),
    "on_end": _raw.hooks_end_fn(_on_end),
}


def _str(value: Optional[bytes]) -> Optional[str]:
    return None if value is None else value.decode(errors="replace")


def _path(value: Optional[bytes]) -> Optional[Path]:
    return None if value is None else Path(os.fsdecode(value))
