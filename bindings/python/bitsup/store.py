"""Stores, which keep what an engine receives: in memory, or wherever a subclass puts it."""

from __future__ import annotations

import abc
import ctypes
import enum
import errno
import logging
from typing import Any, Callable, Iterable, NamedTuple, Optional, Type

from . import _exit, _raw
from ._callback import destroy, registry
from ._handle import Owned, call, make, text
from ._load import lib
from .errors import BitsError
from .options import unsigned

_log = logging.getLogger("bitsup.store")


class Part(enum.IntEnum):
    """A part of a session in a store."""

    #: The whole session.
    ALL = _raw.PART_ALL
    #: The received bytes.
    DATA = _raw.PART_DATA
    #: The reply.
    REPLY = _raw.PART_REPLY


class DestinationState(enum.IntEnum):
    """What exists at a destination."""

    #: Nothing; a file can be created.
    FREE = _raw.DESTINATION_FREE
    #: A file.
    FILE = _raw.DESTINATION_FILE
    #: A folder, or anything else that a file cannot replace.
    FOLDER = _raw.DESTINATION_FOLDER
    #: Nothing, and its folder does not exist.
    NO_FOLDER = _raw.DESTINATION_NO_FOLDER


class StoredSession(NamedTuple):
    """A session that a previous process left in a store."""

    session_id: str
    #: The most recently saved record.
    record: bytes
    #: When a part was last written, in seconds since 1970; 0 if unknown.
    modified: float = 0.0


class MemoryStore:
    """Keeps files and unfinished uploads in memory. For tests, and for small uploads that hooks read with
    `Upload.read`.
    """

    def __init__(self, max_bytes: int) -> None:
        """Stores at most `max_bytes` in total. Every engine created with this object gets a separate store."""
        self.max_bytes = unsigned(max_bytes, 64)

    def _native(self) -> Owned:
        return make(lib.bitsup_store_new_memory, lib.bitsup_store_free, self.max_bytes)


class Store(abc.ABC):
    """Base class for custom stores, such as a database, an object store or an encrypted disk.

    For each session a store keeps a record and two parts, Part.DATA and Part.REPLY. The methods are called on threads
    of the server: concurrently for different sessions, one at a time for one session, except `stat` and `read`, which
    may be called at any time. They must not call an engine or a server.

    The exception of a method determines the response to the client: FileNotFoundError and KeyError mean 404,
    PermissionError and FileExistsError mean 403, OSError with ENOSPC means a full disk, and a BitsError counts as its
    `status`. If `stat` does not find the data of a session, the session is removed, and a client that sends a fragment
    starts again. Anything else means 500, and is logged to the logger "bitsup.store".
    """

    @abc.abstractmethod
    def create(self, session_id: str, record: bytes) -> None:
        """Creates a session with this record and empty data. Replaces an existing session with the same id."""

    @abc.abstractmethod
    def stat(self, session_id: str, part: Part) -> int:
        """Returns the length of a part in bytes. Raises KeyError if the part does not exist."""

    @abc.abstractmethod
    def write(self, session_id: str, part: Part, offset: int, data: bytes) -> None:
        """Appends to a part that is `offset` bytes long. Offset 0 creates the reply, even if `data` is empty."""

    @abc.abstractmethod
    def read(self, session_id: str, part: Part, offset: int, length: int) -> bytes:
        """Returns at most `length` bytes of a part; b"" only at its end."""

    @abc.abstractmethod
    def commit(self, session_id: str, destination: str, overwrite: bool, record: bytes) -> None:
        """Moves the data to `destination`, such as "folder/file.txt", and saves the record, atomically.

        Raises FileExistsError if the file exists and `overwrite` is not set. It may be called again after it succeeded,
        and must then succeed although the data has been moved.
        """

    @abc.abstractmethod
    def remove(self, session_id: str, part: Part) -> None:
        """Removes the reply, or with Part.ALL the session, but never a delivered file. Succeeds if nothing exists."""

    def save(self, session_id: str, record: bytes) -> None:
        """Replaces a record. Required if `list` is implemented."""

    def list(self) -> Iterable[StoredSession]:
        """Returns the sessions that a previous process left. Without this, sessions end with the process."""
        return ()

    def flush(self, session_id: str, part: Part) -> None:
        """Makes what was written survive a crash. Called before it is acknowledged to the client."""

    def destination_state(self, destination: str) -> DestinationState:
        """Checks a destination, so that a session whose file could not be delivered is rejected at its start."""
        return DestinationState.FREE

    def _native(self) -> Owned:
        ops = Owned(lib.bitsup_store_ops_new(registry.add(self), destroy), lib.bitsup_store_ops_free)
        for name, (register, callback) in _CALLBACKS.items():
            if getattr(type(self), name) is not getattr(Store, name):
                call(register, ops, callback)
        return make(lib.bitsup_store_new_custom, lib.bitsup_store_free, ops)


def _status(act: Callable[[], None]) -> int:
    """Runs a method and returns its status."""
    if _exit.exiting():
        return _raw.E_IO
    try:
        act()
        return _raw.OK
    except BaseException as error:
        status = _status_of(error)
        if status == _raw.E_IO:
            _log.exception("a store raised an exception")
        return status


def _status_of(error: BaseException) -> int:
    if isinstance(error, BitsError):
        return error.status
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _raw.E_NO_SPACE
    kinds: "list[tuple[tuple[Type[BaseException], ...], int]]" = [
        ((FileNotFoundError, KeyError), _raw.E_NOT_FOUND),
        ((PermissionError, FileExistsError), _raw.E_DENIED),
    ]
    return next((status for kind, status in kinds if isinstance(error, kind)), _raw.E_IO)


def _store_of(user_data: Optional[int]) -> Any:
    return registry.get(user_data)


def _str(address: int) -> str:
    return ctypes.string_at(address).decode()


def _bytes(address: Optional[int], length: int) -> bytes:
    return ctypes.string_at(address, length) if address else b""


@_raw.store_record_fn
def _create(user_data: Any, session: Any, record: Any, length: int) -> int:
    return _status(lambda: _store_of(user_data).create(_str(session), _bytes(record, length)))


@_raw.store_record_fn
def _save(user_data: Any, session: Any, record: Any, length: int) -> int:
    return _status(lambda: _store_of(user_data).save(_str(session), _bytes(record, length)))


@_raw.store_list_fn
def _list(user_data: Any, out: Any) -> int:
    def act() -> None:
        for session in _store_of(user_data).list():
            stored = StoredSession(*session)
            modified = unsigned(int(stored.modified * 1000), 64)
            record = bytes(stored.record)
            call(lib.bitsup_store_list_add, out, text(stored.session_id), record, len(record), modified)

    return _status(act)


@_raw.store_stat_fn
def _stat(user_data: Any, session: Any, part: int, out_length: Any, _out_modified: Any) -> int:
    def act() -> None:
        out_length[0] = unsigned(_store_of(user_data).stat(_str(session), Part(part)), 64)

    return _status(act)


@_raw.store_write_fn
def _write(user_data: Any, session: Any, part: int, offset: int, data: Any, length: int) -> int:
    return _status(lambda: _store_of(user_data).write(_str(session), Part(part), offset, _bytes(data, length)))


@_raw.store_part_fn
def _flush(user_data: Any, session: Any, part: int) -> int:
    return _status(lambda: _store_of(user_data).flush(_str(session), Part(part)))


@_raw.store_read_fn
def _read(user_data: Any, session: Any, part: int, offset: int, buffer: Any, length: int, out_read: Any) -> int:
    def act() -> None:
        content = bytes(_store_of(user_data).read(_str(session), Part(part), offset, length))
        if len(content) > length:
            raise ValueError(f"read returned {len(content)} bytes, at most {length} were requested")
        ctypes.memmove(buffer, content, len(content))
        out_read[0] = len(content)

    return _status(act)


@_raw.store_commit_fn
def _commit(user_data: Any, session: Any, destination: Any, overwrite: int, record: Any, length: int) -> int:
    content = _bytes(record, length)
    return _status(lambda: _store_of(user_data).commit(_str(session), _str(destination), bool(overwrite), content))


@_raw.store_part_fn
def _remove(user_data: Any, session: Any, part: int) -> int:
    return _status(lambda: _store_of(user_data).remove(_str(session), Part(part)))


@_raw.store_destination_state_fn
def _destination_state(user_data: Any, destination: Any, out_state: Any) -> int:
    def act() -> None:
        out_state[0] = DestinationState(_store_of(user_data).destination_state(_str(destination)))

    return _status(act)


#: How each method is registered, and the function that calls it.
_CALLBACKS = {
    "create": (lib.bitsup_store_ops_on_create, _create),
    "save": (lib.bitsup_store_ops_on_save, _save),
    "list": (lib.bitsup_store_ops_on_list, _list),
    "stat": (lib.bitsup_store_ops_on_stat, _stat),
    "write": (lib.bitsup_store_ops_on_write, _write),
    "flush": (lib.bitsup_store_ops_on_flush, _flush),
    "read": (lib.bitsup_store_ops_on_read, _read),
    "commit": (lib.bitsup_store_ops_on_commit, _commit),
    "remove": (lib.bitsup_store_ops_on_remove, _remove),
    "destination_state": (lib.bitsup_store_ops_on_destination_state, _destination_state),
}
