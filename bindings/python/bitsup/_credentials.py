"""What a client tells to servers and proxies that want to know who it is."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Dict, Literal, NamedTuple, Optional, Tuple, Union

from . import _raw
from ._callback import answer, destroy, slab
from ._handle import Owned, call, text
from ._load import lib

#: A name with a password (Basic), or a token (Bearer).
Secret = Union[Tuple[str, str], str]


class AuthRequest(NamedTuple):
    """Somebody wants credentials, and those that are set are of no use."""

    #: Who asks.
    target: Literal["server", "proxy"]
    #: "basic" wants a name with a password, "bearer" a token.
    scheme: Literal["basic", "bearer"]
    #: What they are for, in the words of who asks; may be empty.
    realm: str


#: Asked for credentials; None: there are none, and the refusal stands.
AskCredentials = Callable[[AuthRequest], Optional[Secret]]
Credentials = Union[Secret, AskCredentials]

_TARGETS: Dict[int, Literal["server", "proxy"]] = {
    _raw.AUTH_TARGET_SERVER: "server",
    _raw.AUTH_TARGET_PROXY: "proxy",
}
_SCHEMES: Dict[int, Literal["basic", "bearer"]] = {_raw.AUTH_BASIC: "basic", _raw.AUTH_BEARER: "bearer"}


def set_server(config: Owned, credentials: Credentials) -> None:
    """The option `credentials`."""
    if callable(credentials):
        call(lib.bitsup_client_config_on_credentials, config, _ask, slab.keep(credentials), destroy)
    else:
        _set(config, _raw.AUTH_TARGET_SERVER, credentials)


def set_proxy(config: Owned, credentials: Secret) -> None:
    """The option `proxy_credentials`."""
    _set(config, _raw.AUTH_TARGET_PROXY, credentials)


def _set(config: Owned, target: int, secret: Secret) -> None:
    scheme, user, word = _parts(secret)
    call(lib.bitsup_client_config_set_credentials, config, target, scheme, user, word)


def _parts(secret: Any) -> Tuple[int, Optional[bytes], bytes]:
    if isinstance(secret, str):
        return _raw.AUTH_BEARER, None, text(secret)
    if isinstance(secret, tuple) and len(secret) == 2:
        return _raw.AUTH_BASIC, text(secret[0]), text(secret[1])
    raise TypeError(f"credentials are (name, password) or a token, not {type(secret).__name__}")


@_raw.credentials_fn
def _ask(
    user_data: Any, target: int, scheme: int, realm: Any, user: Any, user_size: int, secret: Any, secret_size: int
) -> int:
    request = AuthRequest(_TARGETS[target], _SCHEMES[scheme], ctypes.string_at(realm).decode(errors="replace"))

    def convert(told: Optional[Secret]) -> int:
        if told is not None:
            kind, name, word = _parts(told)
            if kind != scheme:
                raise TypeError(f"{request.scheme} was asked for, and {_SCHEMES[kind]} credentials were answered")
            _write(user, user_size, name or b"")
            _write(secret, secret_size, word)
        return _raw.CONTINUE

    return answer(lambda: slab.get(user_data)(request), convert, _raw.ABORT)


def _write(buffer: int, size: int, value: bytes) -> None:
    if len(value) >= size:
        raise ValueError(f"credentials are at most {size - 1} bytes long")
    ctypes.memmove(buffer, value + b"\0", len(value) + 1)
