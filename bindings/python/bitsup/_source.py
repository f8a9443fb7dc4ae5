"""The sources of uploads: paths, bytes and file objects."""

from __future__ import annotations

import ctypes
import io
import os
import shutil
import tempfile
from typing import Any, BinaryIO, Union

from . import _raw
from ._callback import destroy, invoke, registry
from ._handle import Owned, make, path
from ._load import lib

#: What can be uploaded: the path of a file (any str is a path), bytes, or a file object opened in binary mode.
Source = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO]


def native_source(source: Source) -> Owned:
    """Creates the source of the library. Bytes are copied."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        content = bytes(source)
        return make(lib.bitsup_source_from_bytes, lib.bitsup_source_free, content, len(content))
    if isinstance(source, (str, os.PathLike)):
        return make(lib.bitsup_source_from_file, lib.bitsup_source_free, path(source))
    if isinstance(source, io.TextIOBase):
        raise TypeError(f"{source!r} is a text file: open it in binary mode")
    if callable(getattr(source, "read", None)):
        reader = _Reader(source)
        return make(
            lib.bitsup_source_from_reader, lib.bitsup_source_free, _read, reader.total, registry.add(reader), destroy
        )
    raise TypeError(f"a source must be a path, bytes or a file object, not {type(source).__name__}")


class _Reader:
    """Reads a file object from its current position. One that cannot seek is copied to a temporary file first."""

    def __init__(self, file: BinaryIO) -> None:
        self._copy = None if file.seekable() else _copy_of(file)
        self._file = self._copy or file
        self._start = self._file.tell()
        self.total = max(self._file.seek(0, io.SEEK_END) - self._start, 0)
        self._file.seek(self._start)

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(self._start + offset)
        return self._file.read(length)

    def __del__(self) -> None:
        copy = getattr(self, "_copy", None)
        if copy is not None:
            copy.close()


def _copy_of(file: BinaryIO) -> BinaryIO:
    copy = tempfile.TemporaryFile()
    shutil.copyfileobj(file, copy)
    copy.seek(0)
    return copy


@_raw.source_read_fn
def _read(user_data: Any, offset: int, buffer: Any, length: int, out_length: Any) -> int:
    def convert(content: bytes) -> int:
        ctypes.memmove(buffer, content, len(content))
        out_length[0] = len(content)
        return _raw.CONTINUE

    def act() -> bytes:
        content = registry.get(user_data).read(offset, length)
        # A raw file in non-blocking mode may return None.
        if not isinstance(content, bytes):
            raise TypeError(f"read returned {type(content).__name__} instead of bytes")
        return content

    return invoke(act, convert, _raw.ABORT)
