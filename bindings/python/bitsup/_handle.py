"""Objects of the library, calls of its functions, and conversion of arguments and results."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any, Callable, Optional, Type, TypeVar, Union

from . import _exit, _raw
from ._load import lib
from .errors import BitsError, UsageError, class_of

_Self = TypeVar("_Self", bound="Handle")
StrPath = Union[str, "os.PathLike[str]", bytes, "os.PathLike[bytes]"]


class Owned:
    """The address of an object, which is freed when the last reference to this is gone.

    A call holds references to its arguments until it returns, so closing a handle in one thread never frees an object
    that a call in another thread uses.
    """

    __slots__ = ("_as_parameter_", "_free")

    def __init__(self, address: Optional[int], free: Callable[[Any], None]) -> None:
        self._as_parameter_ = address
        self._free = free
        if not address:
            raise class_of(_raw.E_PANIC)(_raw.E_PANIC, "the library returned no object: please report this bug")

    def __del__(self) -> None:
        # At exit the process frees everything, and destroy callbacks must not enter an interpreter that shuts down.
        if self._as_parameter_ and not _exit.exiting():
            self._free(self._as_parameter_)


class Handle:
    """Base of all public objects. They are closed by `close`, by the end of a `with` block, or when garbage collected.
    """

    def __init__(self, owned: Owned) -> None:
        self._owned: Optional[Owned] = owned

    def close(self) -> None:
        """Releases the object of the library. Further calls raise UsageError; closing again does nothing."""
        self._owned = None

    @property
    def _object(self) -> Owned:
        owned = self._owned
        if owned is None:
            raise UsageError(_raw.E_INVALID_STATE, f"this {type(self).__name__} is closed")
        return owned

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} belongs to its process and cannot be pickled")


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Calls a function that returns a status. Raises the error that it reports."""
    error = ctypes.c_void_p()
    status = function(*arguments, ctypes.byref(error))
    if status != _raw.OK:
        try:
            raise error_from(error.value, status)
        finally:
            lib.bitsup_error_free(error)


def make(function: Callable[..., int], free: Callable[[Any], None], *arguments: Any) -> Owned:
    """Calls a function whose last output is a new object."""
    out = ctypes.c_void_p()
    call(function, *arguments, ctypes.byref(out))
    return Owned(out.value, free)


def call_for_text(function: Callable[..., int], *arguments: Any) -> str:
    """Calls a function whose output is a string to free."""
    out = ctypes.c_void_p()
    call(function, *arguments, ctypes.byref(out))
    try:
        return ctypes.string_at(out.value or 0).decode()
    finally:
        lib.bitsup_string_free(out)


def error_from(address: Optional[int], status: int) -> BitsError:
    """Returns the exception for an error object of the library, which is not freed."""
    kind: Type[BitsError] = class_of(status)
    return kind(
        status,
        (lib.bitsup_error_message(address) or b"").decode(errors="replace"),
        http_status=lib.bitsup_error_http_status(address),
        hresult=lib.bitsup_error_hresult(address),
        context=lib.bitsup_error_context(address),
        transient=bool(lib.bitsup_error_is_transient(address)),
    )


def text(value: str) -> bytes:
    """Encodes a string for the library. Raises ValueError if it contains NUL, which would end it."""
    if not isinstance(value, str):
        raise TypeError(f"expected str, not {type(value).__name__}")
    return _without_nul(value.encode())


def path(value: StrPath) -> bytes:
    """Encodes a path for the library: in the file system's encoding on Unix, in UTF-8 elsewhere."""
    name = os.fspath(value)
    if sys.platform == "win32":
        name = os.fsdecode(name)
        return text(name)
    return _without_nul(os.fsencode(name))


def _without_nul(value: bytes) -> bytes:
    if b"\0" in value:
        raise ValueError(f"{value!r} contains a NUL character")
    return value
