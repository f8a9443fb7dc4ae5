"""One request on its way through an engine, for the adapters to other HTTP servers.

docs/guide/embedding.md says how it goes. All of it may block, for hooks may take minutes; the interpreter's lock is free then.
"""

from __future__ import annotations

import ctypes
from typing import Iterable, Iterator, List, Optional, Tuple

from . import _raw
from ._handle import Owned, call, make
from ._load import lib
from .engine import Engine

#: Longest piece of a body that is in memory, in bytes.
PIECE = 256 * 1024
#: Longest body that is read and dropped so that its connection can go on, in bytes. A Windows client writes its whole
#: fragment, 13 MiB at most, before it reads the answer.
DISCARD = 16 * 1024 * 1024


class Exchange:
    """A request. One that is dropped before `finish` is a lost connection: what was stored stays."""

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
        """The head of a request as it came; `target` is what follows `mount`, with a slash in front."""
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
        #: Whether bytes of the body are wanted; they are, or `finish` is.
        self.wants_body = False
        engine._tick_when_due()

    def begin(self) -> None:
        """Decides about the head. Hooks may be asked."""
        want = ctypes.c_int32()
        call(lib.bitsup_exchange_begin, self._object, ctypes.byref(want))
        self.wants_body = want.value == _raw.WANT_BODY

    def body(self, piece: bytes) -> None:
        """Takes the next bytes of the body. With none it looks whether a newer request took the session over."""
        want = ctypes.c_int32()
        call(lib.bitsup_exchange_body, self._object, piece, len(piece), ctypes.byref(want))
        self.wants_body = want.value == _raw.WANT_BODY

    def finish(self) -> Response:
        """The answer. Hooks may be asked."""
        return Response(make(lib.bitsup_exchange_finish, lib.bitsup_response_free, self._object))


class Response:
    """An answer. Its body comes by iterating, in pieces."""

    def __init__(self, owned: Owned) -> None:
        self._object = owned
        self.status: int = lib.bitsup_response_status(owned)
        self.reason: str = _text(lib.bitsup_response_reason(owned))
        #: Whether nobody can know where the next request of the connection would begin.
        self.must_close = bool(lib.bitsup_response_must_close(owned))
        #: Content-Length included.
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
            piece = self.read()
            if not piece:
                return
            yield piece

    def read(self) -> bytes:
        """The next piece of the body; nothing at its end."""
        buffer, length = ctypes.create_string_buffer(PIECE), ctypes.c_size_t()
        call(lib.bitsup_response_read_body, self._object, buffer, PIECE, ctypes.byref(length))
        return buffer.raw[: length.value]


def _text(value: Optional[bytes]) -> str:
    return (value or b"").decode("latin-1")
