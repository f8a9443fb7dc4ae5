"""One request passed through an engine, for the adapters to other HTTP servers.

docs/guide/embedding.md describes the steps. Every step may block, because hooks may take minutes; the GIL is released
meanwhile.
"""

from __future__ import annotations

import ctypes
from typing import Iterable, Iterator, List, Optional, Tuple

from . import _raw
from ._handle import Owned, call, make
from ._load import lib
from .engine import Engine

#: Maximum bytes of a body that are held in memory.
CHUNK_SIZE = 256 * 1024
#: Maximum bytes of a body that are read and discarded to keep the connection open. A Windows client sends its whole
#: fragment, 13 MiB at most, before it reads the response.
MAX_DISCARD = 16 * 1024 * 1024


class Exchange:
    """One request. Dropped before `finish`, it counts as a lost connection: what was stored is kept."""

    def __init__(
        self,
        engine: Engine,
        method: bytes,
        target: bytes,
        headers: Iterable[Tuple[bytes, bytes]],
        *,
        peer: str = "",
        owner: str = "",
        mount: bytes = b"",
        secure: bool = False,
    ) -> None:
        """Takes the head of a request as received; `target` is what follows `mount`, with a slash in front."""
        self._object = make(lib.bitsup_exchange_new, lib.bitsup_exchange_free, engine._object)
        call(lib.bitsup_exchange_set_request, self._object, method, len(method), target, len(target))
        for name, value in headers:
            call(lib.bitsup_exchange_add_header, self._object, name, len(name), value, len(value))
        for function, value in (
            (lib.bitsup_exchange_set_peer, peer.encode()),
            (lib.bitsup_exchange_set_owner, owner.encode()),
            (lib.bitsup_exchange_set_mount, mount),
        ):
            call(function, self._object, value, len(value))
        call(lib.bitsup_exchange_set_secure, self._object, 1 if secure else 0)
        #: Whether `body` is to be called next; otherwise `finish` is.
        self.wants_body = False
        engine._tick_when_due()

    def begin(self) -> None:
        """Evaluates the head. May call hooks."""
        want = ctypes.c_int32()
        call(lib.bitsup_exchange_begin, self._object, ctypes.byref(want))
        self.wants_body = want.value == _raw.WANT_BODY

    def body(self, chunk: bytes) -> None:
        """Takes the next bytes of the body. An empty chunk only checks whether a newer request took over the session.
        """
        want = ctypes.c_int32()
        call(lib.bitsup_exchange_body, self._object, chunk, len(chunk), ctypes.byref(want))
        self.wants_body = want.value == _raw.WANT_BODY

    def finish(self) -> Response:
        """Returns the response. May call hooks."""
        return Response(make(lib.bitsup_exchange_finish, lib.bitsup_response_free, self._object))


class Response:
    """A response. Iterating over it yields the body in chunks."""

    def __init__(self, owned: Owned) -> None:
        self._object = owned
        self.status: int = lib.bitsup_response_status(owned)
        self.reason: str = _text(lib.bitsup_response_reason(owned))
        #: Whether the connection must be closed after this response.
        self.must_close = bool(lib.bitsup_response_must_close(owned))
        #: The header fields, including Content-Length.
        self.headers: List[Tuple[str, str]] = [
            (
                _text(lib.bitsup_response_header_name(owned, index)),
                _text(lib.bitsup_response_header_value(owned, index)),
            )
            for index in range(lib.bitsup_response_header_count(owned))
        ]
        self.headers.append(("Content-Length", str(lib.bitsup_response_content_length(owned))))

    def __iter__(self) -> Iterator[bytes]:
        while True:
            chunk = self.read()
            if not chunk:
                return
            yield chunk

    def read(self) -> bytes:
        """Returns the next chunk of the body; empty at its end."""
        buffer, length = ctypes.create_string_buffer(CHUNK_SIZE), ctypes.c_size_t()
        call(lib.bitsup_response_read_body, self._object, buffer, CHUNK_SIZE, ctypes.byref(length))
        return buffer.raw[: length.value]


def _text(value: Optional[bytes]) -> str:
    return (value or b"").decode("latin-1")
