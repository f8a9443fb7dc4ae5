"""Objects of the library, calls on them, and what goes in and out."""

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
    """An address that is freed when nobody refers to it any more.

    A call holds its arguments until it returns, so closing a handle in one thread never frees what another thread is
    calling with.
    """

    __slots__ = ("_as_parameter_", "_free")

    def __init__(self, address: Optional[int], free: Callable[[Any], None]) -> None:
        self._as_parameter_ = address
        self._free = free
        if not address:
            raise class_of(_raw.E_PANIC)(_raw.E_PANIC, "the library made no object; this is a bug in it")

    def __del__(self) -> None:
        # The end of the process frees all, and destroy callbacks must not enter a dying interpreter.
        if self._as_parameter_ and not _exit.exiting():
            self._free(self._as_parameter_)


class Handle:
    """What all objects have in common: they can be closed, by hand, by `with` or by being dropped."""

    def __init__(self, owned: Owned) -> None:
        self._owned: Optional[Owned] = owned

    def close(self) -> None:
        """Lets go of the object in the library. Further calls raise UsageError; closing again does nothing."""
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
    """Calls a function that answers a status. Raises the error that it gives out."""
    error = ctypes.c_void_p()
    status = function(*arguments, ctypes.byref(error))
    if status != _raw.OK:
        try:
            raise error_at(error.value, status)
        finally:
            lib.bitsup_error_free(error)


def make(function: Callable[..., int], free: Callable[[Any], None], *arguments: Any) -> Owned:
    """Calls a function whose last output is a new object."""
    out = ctypes.c_void_p()
    call(function, *arguments, ctypes.byref(out))
    return Owned(out.value, free)


def taken_text(function: Callable[..., int], *arguments: Any) -> str:
    """Calls a function whose output is a text to free."""
    out = ctypes.c_void_p()
    call(function, *arguments, ctypes.byref(out))
    try:
        return ctypes.string_at(out.value or 0).decode()
    finally:
        lib.bitsup_string_free(out)


def error_at(address: Optional[int], status: int) -> BitsError:
    """The exception for an error of the library, which stays the library's."""
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
    """A text for the library. It must not hold NUL, which would end it there."""
    if not isinstance(value, str):
        raise TypeError(f"expected str, not {type(value).__name__}")
    return _ended(value.encode())


def path(value: StrPath) -> bytes:
    """A path for the library: the system's own bytes on Unix, UTF-8 elsewhere."""
    name = os.fspath(value)
    if sys.platform == "win32":
        name = os.fsdecode(name)
        return text(name)
    return _ended(os.fsencode(name))


def _ended(value: bytes) -> bytes:
    if b"\0" in value:
        raise ValueError(f"{value!r} holds a NUL character")
    return value
