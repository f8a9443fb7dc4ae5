"""What goes wrong, as exceptions: one class per hundred of the statuses of the C interface."""

from __future__ import annotations

from typing import Any, Dict, Tuple, Type

from . import _raw


class BitsError(Exception):
    """A call of the library failed. Decide by the class, by `status` and by `transient`; texts may change."""

    #: One of the BITSUP_E_* numbers.
    status: int
    #: What failed and what to do, one sentence in English.
    message: str
    #: The HTTP status of the peer's answer; 0 when no answer was the cause.
    http_status: int
    #: The HRESULT that the server sent, or that Windows would report; 0 when there is none.
    hresult: int
    #: Who failed on the server's side: 5 the server, 7 the application behind it; 0 when it was not said.
    context: int
    #: Whether the same call is worth another try.
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
        # The usual way would call the class with `args` only. The dictionary also has what a user added.
        return (_restored, (type(self), self.status, self.message), dict(self.__dict__))


class UsageError(BitsError):
    """1xx: a mistake in the program: an argument out of its domain, an object in the wrong state or in use."""


class MachineError(BitsError):
    """2xx: a file of this machine is missing, not permitted, changed, or there is no space. Can be put right."""


class NetworkError(BitsError):
    """3xx: no address, no connection, no TLS, or too slow. May pass, but for TLS."""


class PeerError(BitsError):
    """4xx: the server refused, failed, or broke the protocol; `http_status`, `hresult` and `context` say how."""


class StoppedError(BitsError):
    """5xx: the program itself ended the call."""


class CancelledError(StoppedError):
    """501: the job was cancelled. It cannot be run any more."""


class SuspendedError(StoppedError):
    """502: the job was suspended. Run it again, and it goes on where it was."""


class InternalError(BitsError):
    """9xx: a bug in the library. The object that it struck answers nothing else any more."""


_BY_STATUS: Dict[int, Type[BitsError]] = {
    _raw.E_CANCELLED: CancelledError,
    _raw.E_SUSPENDED: SuspendedError,
}
_BY_HUNDRED: Dict[int, Type[BitsError]] = {
    1: UsageError,
    2: MachineError,
    3: NetworkError,
    4: PeerError,
    5: StoppedError,
    9: InternalError,
}


def class_of(status: int) -> Type[BitsError]:
    """The class for a status; one that this version does not know is treated by its hundred."""
    return _BY_STATUS.get(status) or _BY_HUNDRED.get(status // 100, BitsError)


def _restored(kind: Type[BitsError], status: int, message: str) -> BitsError:
    error = kind.__new__(kind)
    BitsError.__init__(error, status, message)
    return error
