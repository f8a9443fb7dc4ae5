"""Stores: where an engine keeps what it receives, when that is no directory."""

from __future__ import annotations

import abc
import ctypes
import enum
import errno
import logging
from typing import Any, Callable, Iterable, NamedTuple, Optional, Type

from . import _exit, _raw
from ._callback import destroy, slab
from ._handle import Owned, call, make, text
from ._load import lib
from .errors import BitsError
from .options import unsigned

_log = logging.getLogger("bitsup.store")


class Part(enum.IntEnum):
    """What a session has in a store."""

    #: All of it.
    ALL = _raw.PART_ALL
    #: The received bytes.
    DATA = _raw.PART_DATA
    #: The reply to them.
    REPLY = _raw.PART_REPLY


class Place(enum.IntEnum):
    """What is at a destination."""

    #: Nothing; a file can go there.
    FREE = _raw.PLACE_FREE
    FILE = _raw.PLACE_FILE
    #: A folder, or what else no file can replace.
    FOLDER = _raw.PLACE_FOLDER
    #: Nothing, and no folder that could hold it.
    NO_FOLDER = _raw.PLACE_NO_FOLDER


class StoredSession(NamedTuple):
    """A session that a former process left in a store."""

    session_id: str
    #: As it was kept last.
    record: bytes
    #: When a part was last written, in seconds since 1970; 0 when that is not known.
    modified: float = 0.0


class MemoryStore:
    """Files and unfinished uploads in memory. For tests, and for small uploads that hooks take over by `Upload.read`."""

    def __init__(self, max_bytes: int) -> None:
        """Takes at most `max_bytes` in all. Each engine that it is given to has a store of its own."""
        self.max_bytes = unsigned(max_bytes, 64)

    def _attached(self) -> Owned:
        return make(lib.bitsup_store_new_memory, lib.bitsup_store_free, self.max_bytes)


class Store(abc.ABC):
    """A store of your own, to be subclassed: a database, an object store, an encrypted disk.

    It keeps, per session, a record and two parts, Part.DATA and Part.REPLY. Calls have no state between them. They come on
    the threads of the server, at the same time for different sessions, one after the other for one session, but for
    `stat` and `read`, which come at any time. They must not call an engine or a server.

    What a method raises decides about the answer to the client: FileNotFoundError or KeyError 404, PermissionError or
    FileExistsError 403, OSError with ENOSPC a full disk; a BitsError has its status. Anything else is 500, and goes to the
    logger "bitsup.store".
    """

    @abc.abstractmethod
    def create(self, session_id: str, record: bytes) -> None:
        """From now on there is this record, and data of no bytes; a session of that id is replaced."""

    @abc.abstractmethod
    def stat(self, session_id: str, part: Part) -> int:
        """The length of a part in bytes. Raises KeyError when there is none."""

    @abc.abstractmethod
    def write(self, session_id: str, part: Part, offset: int, data: bytes) -> None:
        """Appends to a part that is `offset` bytes long; at 0 a reply is made, perhaps of no bytes."""

    @abc.abstractmethod
    def read(self, session_id: str, part: Part, offset: int, length: int) -> bytes:
        """At most `length` bytes of a part; none at its end only."""

    @abc.abstractmethod
    def commit(self, session_id: str, destination: str, overwrite: bool, record: bytes) -> None:
        """Puts the data at `destination`, "folder/file.txt", whole or not at all, keeps the record, gives the data up.

        Raises FileExistsError where a file is there and `overwrite` is not set. It may be called again, and then finds
        what it did before; data that it gave up already is success.
        """

    @abc.abstractmethod
    def remove(self, session_id: str, part: Part) -> None:
        """Removes the reply, or with Part.ALL the session, but no delivered file. Nothing to remove is success."""

    def save(self, session_id: str, record: bytes) -> None:
        """Replaces a record. Needed for a store with `list`."""

    def list(self) -> Iterable[StoredSession]:
        """The sessions that a former process left. Without it sessions end with the process."""
        return ()

    def flush(self, session_id: str, part: Part) -> None:
        """What was written is about to be acknowledged: now it must outlive a crash of the process."""

    def place(self, destination: str) -> Place:
        """What is at a destination, so that a session that could not end well does not begin."""
        return Place.FREE

    def _attached(self) -> Owned:
        ops = Owned(lib.bitsup_store_ops_new(slab.keep(self), destroy), lib.bitsup_store_ops_free)
        for name, trampoline in _TRAMPOLINES.items():
            if getattr(type(self), name) is not getattr(Store, name):
                call(getattr(lib, f"bitsup_store_ops_on_{name}"), ops, trampoline)
        return make(lib.bitsup_store_new_custom, lib.bitsup_store_free, ops)


def _status(act: Callable[[], None]) -> int:
    """Runs a method, and says how it went."""
    if _exit.exiting():
        return _raw.E_IO
    try:
        act()
        return _raw.OK
    except BaseException as error:
        status = _status_of(error)
        if status == _raw.E_IO:
            _log.exception("a store failed")
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


def _kept(user_data: Optional[int]) -> Any:
    return slab.get(user_data)


def _str(address: int) -> str:
    return ctypes.string_at(address).decode()


def _bytes(address: Optional[int], length: int) -> bytes:
    return ctypes.string_at(address, length) if address else b""


@_raw.store_record_fn
def _create(user_data: Any, session: Any, record: Any, length: int) -> int:
    return _status(lambda: _kept(user_data).create(_str(session), _bytes(record, length)))


@_raw.store_record_fn
def _save(user_data: Any, session: Any, record: Any, length: int) -> int:
    return _status(lambda: _kept(user_data).save(_str(session), _bytes(record, length)))


@_raw.store_list_fn
def _list(user_data: Any, out: Any) -> int:
    def act() -> None:
        for one in _kept(user_data).list():
            stored = StoredSession(*one)
            modified = unsigned(int(stored.modified * 1000), 64)
            record = bytes(stored.record)
            call(lib.bitsup_store_list_add, out, text(stored.session_id), record, len(record), modified)

    return _status(act)


@_raw.store_stat_fn
def _stat(user_data: Any, session: Any, part: int, out_length: Any, _out_modified: Any) -> int:
    def act() -> None:
        out_length[0] = unsigned(_kept(user_data).stat(_str(session), Part(part)), 64)

    return _status(act)


@_raw.store_write_fn
def _write(user_data: Any, session: Any, part: int, offset: int, data: Any, length: int) -> int:
    return _status(lambda: _kept(user_data).write(_str(session), Part(part), offset, _bytes(data, length)))


@_raw.store_part_fn
def _flush(user_data: Any, session: Any, part: int) -> int:
    return _status(lambda: _kept(user_data).flush(_str(session), Part(part)))


@_raw.store_read_fn
def _read(user_data: Any, session: Any, part: int, offset: int, buffer: Any, length: int, out_read: Any) -> int:
    def act() -> None:
        content = bytes(_kept(user_data).read(_str(session), Part(part), offset, length))
        if len(content) > length:
            raise ValueError(f"read gave {len(content)} bytes where {length} were asked for")
        ctypes.memmove(buffer, content, len(content))
        out_read[0] = len(content)

    return _status(act)


@_raw.store_commit_fn
def _commit(user_data: Any, session: Any, destination: Any, overwrite: int, record: Any, length: int) -> int:
    content = _bytes(record, length)
    return _status(lambda: _kept(user_data).commit(_str(session), _str(destination), bool(overwrite), content))


@_raw.store_part_fn
def _remove(user_data: Any, session: Any, part: int) -> int:
    return _status(lambda: _kept(user_data).remove(_str(session), Part(part)))


@_raw.store_place_fn
def _place(user_data: Any, destination: Any, out_place: Any) -> int:
    def act() -> None:
        out_place[0] = Place(_kept(user_data).place(_str(destination)))

    return _status(act)


_TRAMPOLINES = {
    "create": _create,
    "save": _save,
    "list": _list,
    "stat": _stat,
    "write": _write,
    "flush": _flush,
    "read": _read,
    "commit": _commit,
    "remove": _remove,
    "place": _place,
}
