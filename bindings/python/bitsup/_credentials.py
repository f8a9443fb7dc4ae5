"""The credentials of a client, for servers and proxies that request them."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Dict, Literal, NamedTuple, Optional, Tuple, Union

from . import _raw
from ._callback import destroy, invoke, registry
from ._handle import Owned, call, text
from ._load import lib

#: A name with a password (Basic), or a token (Bearer).
Secret = Union[Tuple[str, str], str]


class AuthRequest(NamedTuple):
    """A request for credentials: none are set, or those that are set were rejected."""

    #: Who requests them.
    target: Literal["server", "proxy"]
    #: "basic" requires a name with a password, "bearer" a token.
    scheme: Literal["basic", "bearer"]
    #: The realm of the server or proxy; may be empty.
    realm: str


#: Returns credentials, or None if there are none; the request then fails.
CredentialsCallback = Callable[[AuthRequest], Optional[Secret]]
Credentials = Union[Secret, CredentialsCallback]

_TARGETS: Dict[int, Literal["server", "proxy"]] = {
    _raw.AUTH_TARGET_SERVER: "server",
    _raw.AUTH_TARGET_PROXY: "proxy",
}
_SCHEMES: Dict[int, Literal["basic", "bearer"]] = {_raw.AUTH_BASIC: "basic", _raw.AUTH_BEARER: "bearer"}


def set_server(config: Owned, credentials: Credentials) -> None:
    """Applies the option `credentials`."""
    if callable(credentials):
        call(lib.bitsup_client_config_on_credentials, config, _on_credentials, registry.add(credentials), destroy)
    else:
        _set(config, _raw.AUTH_TARGET_SERVER, credentials)


def set_proxy(config: Owned, credentials: Secret) -> None:
    """Applies the option `proxy_credentials`."""
    _set(config, _raw.AUTH_TARGET_PROXY, credentials)


def _set(config: Owned, target: int, credentials: Secret) -> None:
    scheme, user, secret = _parts(credentials)
    call(lib.bitsup_client_config_set_credentials, config, target, scheme, user, secret)


def _parts(credentials: Any) -> Tuple[int, Optional[bytes], bytes]:
    """Returns scheme, user and secret."""
    if isinstance(credentials, str):
        return _raw.AUTH_BEARER, None, text(credentials)
    if isinstance(credentials, tuple) and len(credentials) == 2:
        return _raw.AUTH_BASIC, text(credentials[0]), text(credentials[1])
    raise TypeError(f"credentials must be (name, password) or a token, not {type(credentials).__name__}")


@_raw.credentials_fn
def _on_credentials(
    user_data: Any, target: int, scheme: int, realm: Any, user: Any, user_size: int, secret: Any, secret_size: int
) -> int:
    request = AuthRequest(_TARGETS[target], _SCHEMES[scheme], ctypes.string_at(realm).decode(errors="replace"))

    def convert(found: Optional[Secret]) -> int:
        if found is not None:
            found_scheme, found_user, found_secret = _parts(found)
            if found_scheme != scheme:
                raise TypeError(f"expected {request.scheme} credentials, got {_SCHEMES[found_scheme]}")
            _write(user, user_size, found_user or b"")
            _write(secret, secret_size, found_secret)
        return _raw.CONTINUE

    return invoke(lambda: registry.get(user_data)(request), convert, _raw.ABORT)


def _write(buffer: int, size: int, value: bytes) -> None:
    if len(value) >= size:
        raise ValueError(f"credentials of {len(value)} bytes are too long: at most {size - 1} bytes are supported")
    ctypes.memmove(buffer, value + b"\0", len(value) + 1)
