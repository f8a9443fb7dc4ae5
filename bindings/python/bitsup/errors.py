"""The exceptions: one class per status class of the C interface."""

from __future__ import annotations

from typing import Any, Dict, Tuple, Type

from . import _raw


class BitsError(Exception):
    """A call of the library failed. Handle it by class, `status` and `transient`; messages may change between versions.
    """

    #: The BITSUP_E_* code.
    status: int
    #: What failed and what to do, in English.
    message: str
    #: The HTTP status of the peer's response; 0 if no response caused the error.
    http_status: int
    #: The HRESULT that the server sent, or that Windows would report; 0 if there is none.
    hresult: int
    #: Where the server says that the failure occurred: 5 the server, 7 the application behind it; 0 if unknown.
    context: int
    #: Whether the same call may succeed later.
    transient: bool

    def __init__(
        self,
        status: int,
        message: str,
        *,
        http_status: int = 0,
        hresult: int = 0,
        context: int = 0,
        transient: bool = False,
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.http_status = http_status
        self.hresult = hresult
        self.context = context
        self.transient = transient

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Tuple[Any, ...]:
        # The default would call the class with `args` only. The dictionary includes attributes that the program added.
        return (_restored, (type(self), self.status, self.message), dict(self.__dict__))


class UsageError(BitsError):
    """1xx: an error in the program: an invalid argument, or an object in the wrong state or in use."""


class LocalError(BitsError):
    """2xx: an error on this machine: a file is missing, inaccessible or changed, or the disk is full."""


class NetworkError(BitsError):
    """3xx: name resolution, the connection or TLS failed, or a timeout. Usually temporary, except for TLS."""


class PeerError(BitsError):
    """4xx: the server rejected the request, failed, or violated the protocol. See `http_status`, `hresult`, `context`.
    """


class StoppedError(BitsError):
    """5xx: the program itself ended the call."""


class CancelledError(StoppedError):
    """501: the job was cancelled. It cannot be run again."""


class SuspendedError(StoppedError):
    """502: the job was suspended. Run it again to resume."""


class InternalError(BitsError):
    """9xx: a bug in the library. The affected object cannot be used any more."""


_BY_STATUS: Dict[int, Type[BitsError]] = {
    _raw.E_CANCELLED: CancelledError,
    _raw.E_SUSPENDED: SuspendedError,
}
_BY_CLASS: Dict[int, Type[BitsError]] = {
    1: UsageError,
    2: LocalError,
    3: NetworkError,
    4: PeerError,
    5: StoppedError,
    9: InternalError,
}


def class_of(status: int) -> Type[BitsError]:
    """Returns the exception class for a status. An unknown status is classified by its hundreds digit."""
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, BitsError)


def _restored(kind: Type[BitsError], status: int, message: str) -> BitsError:
    error = kind.__new__(kind)
    BitsError.__init__(error, status, message)
    return error
