"""The keyword options: their types, and the functions of the library that set them."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Literal, Mapping, Set, Tuple, TypedDict, Union

from . import _raw
from ._credentials import Credentials, Secret
from ._handle import Owned, StrPath, call, text
from ._load import lib

#: For each option: the function that sets it, and a conversion of its value to the arguments of one or more calls.
Setters = Dict[str, Tuple[Callable[..., int], Callable[[Any], Iterable[Tuple[Any, ...]]]]]
Headers = Union[Mapping[str, str], Iterable[Tuple[str, str]]]
#: A certificate chain and its unencrypted private key in PEM format: one file, or a pair (chain, key).
Certificate = Union[StrPath, Tuple[StrPath, StrPath]]


class ClientOptions(TypedDict, total=False):
    """The options of a client. Sizes are in bytes, times in seconds."""

    #: Fragment size; 0, the default, adapts it to the connection.
    fragment_size: int
    #: Maximum bytes per second of each job; 0, the default, means no limit.
    rate_limit: int
    #: Header fields added to every request.
    headers: Headers
    #: User-Agent header. Default: "bitsup/" and the version.
    user_agent: str
    #: Timeout for connecting, including name resolution. Default: 30.
    connect_timeout: float
    #: Timeout for sending one request.
    request_timeout: float
    #: Timeout for the response to one request.
    response_timeout: float
    #: Timeout for a whole run; 0, the default, means none.
    timeout: float
    #: How long a job retries without progress, counted from the first failure. 0 disables retries. Default: 600.
    no_progress_timeout: float
    #: Maximum consecutive failures; 0, the default, means that only `no_progress_timeout` applies.
    max_attempts: int
    #: Upper bound of the random delay after a failure; doubles with each further failure. Default: 1. A longer
    #: Retry-After of the server takes precedence.
    retry_delay: float
    #: Limit for the doubled `retry_delay`. Default: 60.
    max_retry_delay: float
    #: Send POST with X-HTTP-Method-Override: BITS_POST instead of BITS_POST. Default: False.
    method_override: bool
    #: Credentials for servers that request them: (name, password), a token, or a callable that returns one of these.
    credentials: Credentials
    #: PEM file of root certificates that are trusted in addition to those of the platform.
    ca_file: StrPath
    #: Client certificate for servers that request one.
    client_certificate: Certificate
    #: URL of the proxy for all connections. Default: none; environment variables are not read.
    proxy: str
    #: Credentials for the proxy: (name, password).
    proxy_credentials: Secret
    #: Hosts that are reached without the proxy: names (including their subdomains), addresses, or "*".
    no_proxy: Iterable[str]


class EngineOptions(TypedDict, total=False):
    """The options of an engine. Sizes are in bytes, times in seconds."""

    #: What survives a power failure: "none", "file" (default) or "fragment". A crash of the process never loses data.
    durability: Literal["none", "file", "fragment"]
    #: Whether several processes share the root; all of them must set this. Default: False.
    shared: bool
    #: The URL of the root for clients: "https://host/prefix/". Default: derived from the requests.
    public_url: str
    #: The address of this server in a server farm.
    host_id: str
    #: Seconds after which clients fall back from `host_id` to the original host; 0, the default, is not sent.
    host_id_fallback_timeout: int
    #: Accept POST with X-HTTP-Method-Override: BITS_POST as BITS_POST. Default: False.
    method_override: bool
    #: Maximum file size. Default: no limit.
    max_upload_size: int
    #: Maximum fragment size. Default: no limit.
    max_fragment_size: int
    #: Maximum sessions per owner; 0 means no limit. Default: 50.
    max_sessions_per_owner: int
    #: Maximum sessions in total; 0, the default, means no limit.
    max_sessions: int
    #: Free space to reserve on the volume of a directory. Default: 64 MiB.
    free_space_reserve: int
    #: How long a session may be idle before it expires. Default: 14 days.
    session_timeout: float
    #: Whether an upload may replace a file. Default: False.
    allow_overwrite: bool
    #: A fragment that overlaps received bytes: store the new bytes ("trim", default) or respond with 416 ("reject").
    overlap: Literal["trim", "reject"]
    #: When files are delivered: after the last fragment ("fragment", default) or when the session is closed ("close").
    finalize: Literal["fragment", "close"]
    #: URL of an application that is notified of complete uploads over HTTP, as IIS does. Replaces on_received.
    notify_url: str
    #: What the application receives: the file ("value") or paths on this machine ("reference"). Required with
    #: `notify_url`.
    notify: Literal["value", "reference"]
    #: Timeout for each step of the notification: sending, the response head, and each read of the body. Default: 300.
    notify_timeout: float
    #: PEM file of root certificates for an https `notify_url`, in addition to those of the platform.
    notify_ca_file: StrPath


class ServerOptions(EngineOptions, total=False):
    """The options of a server, in addition to those of its engine."""

    #: Maximum worker threads. Default: 256.
    max_workers: int
    #: Maximum connections; further ones wait in the kernel's queue. Default: 16384.
    max_connections: int
    #: Maximum connections per client address; 0 means no limit. Default: 4096.
    max_connections_per_address: int
    #: Maximum size of a request head. Default: 65536.
    max_head_bytes: int
    #: Maximum header fields of a request. Default: 100.
    max_head_fields: int
    #: Timeout for receiving a request head and for a TLS handshake. Default: 30.
    head_timeout: float
    #: How long a request body or a response may go without progress. Default: 120.
    read_timeout: float
    #: How long a connection may be idle before the first request and between requests. Default: 300.
    idle_timeout: float
    #: Certificate of the server, which enables TLS 1.2 and 1.3.
    tls: Certificate
    #: PEM file of root certificates. Only clients with a certificate issued under one of them are accepted; their
    #: sessions belong to the subject of the certificate.
    client_ca_file: StrPath
    #: Names and passwords for Basic authentication. Only these users are accepted; their sessions belong to them.
    users: Mapping[str, str]


def milliseconds(seconds: float) -> int:
    """Converts seconds to milliseconds. Rounds up, because 0 often has a special meaning."""
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"invalid time {seconds!r}: expected a number of seconds, 0 or more")
    return unsigned(math.ceil(seconds * 1000), 64)


def unsigned(value: int, bits: int) -> int:
    """Checks that a number fits; ctypes would truncate it silently."""
    if not isinstance(value, int):
        raise TypeError(f"expected int, not {type(value).__name__}")
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{value} is not between 0 and {(1 << bits) - 1}")
    return value


def choice(choices: Mapping[str, int]) -> Callable[[Any], int]:
    """Returns a conversion that accepts the keys of `choices`."""

    def convert(value: Any) -> int:
        if value not in choices:
            raise ValueError(f"invalid value {value!r}: expected {' or '.join(map(repr, choices))}")
        return choices[value]

    return convert


def apply(setters: Setters, target: Owned, options: Mapping[str, Any]) -> None:
    """Sets the options that `setters` contains. The error for an invalid value begins with the name of the option."""
    for name, (function, convert) in setters.items():
        if name in options:
            try:
                calls = list(convert(options[name]))
            except (TypeError, ValueError) as error:
                raise type(error)(f"{name}: {error}") from None
            for arguments in calls:
                call(function, target, *arguments)


def reject_unknown(what: str, options: Mapping[str, Any], *known: Iterable[str]) -> None:
    """Raises TypeError for an option that is not in one of the tables `known`."""
    names: Set[str] = set().union(*known)
    for name in options:
        if name not in names:
            raise TypeError(f"{what} has no option {name!r}: expected one of {', '.join(sorted(names))}")


def single(convert: Callable[[Any], Any]) -> Callable[[Any], Iterable[Tuple[Any, ...]]]:
    """Returns the conversion of an option that is set by one call with one argument."""
    return lambda value: [(convert(value),)]


def header_fields(headers: Headers) -> Iterator[Tuple[bytes, bytes]]:
    pairs: Any = headers.items() if isinstance(headers, Mapping) else headers
    return ((text(name), text(value)) for name, value in pairs)


def _pem_file(file: StrPath) -> Iterator[Tuple[bytes, int]]:
    content = Path(os.fsdecode(file)).read_bytes()
    yield content, len(content)


def _joined_pem(certificate: Certificate) -> Iterator[Tuple[bytes, int]]:
    files = certificate if isinstance(certificate, tuple) else (certificate,)
    content = b"\n".join(Path(os.fsdecode(file)).read_bytes() for file in files)
    yield content, len(content)


def _certificate_and_key(certificate: Certificate) -> Iterator[Tuple[bytes, int, bytes, int]]:
    files = certificate if isinstance(certificate, tuple) else (certificate, certificate)
    chain, key = (Path(os.fsdecode(file)).read_bytes() for file in files)
    yield chain, len(chain), key, len(key)


def _users(users: Mapping[str, str]) -> Iterator[Tuple[bytes, bytes]]:
    return ((text(name), text(password)) for name, password in users.items())


def _each(names: Iterable[str]) -> Iterator[Tuple[bytes]]:
    if isinstance(names, str):
        raise TypeError("expected an iterable of str, not a str")
    return ((text(name),) for name in names)


u32 = single(lambda value: unsigned(value, 32))
u64 = single(lambda value: unsigned(value, 64))
seconds = single(milliseconds)
flag = single(lambda value: 1 if value else 0)
string = single(text)

CLIENT: Setters = {
    "fragment_size": (lib.bitsup_client_config_set_fragment_size, u64),
    "rate_limit": (lib.bitsup_client_config_set_rate_limit, u64),
    "headers": (lib.bitsup_client_config_add_header, header_fields),
    "user_agent": (lib.bitsup_client_config_set_user_agent, string),
    "connect_timeout": (lib.bitsup_client_config_set_connect_timeout, seconds),
    "request_timeout": (lib.bitsup_client_config_set_request_timeout, seconds),
    "response_timeout": (lib.bitsup_client_config_set_response_timeout, seconds),
    "timeout": (lib.bitsup_client_config_set_timeout, seconds),
    "no_progress_timeout": (lib.bitsup_client_config_set_no_progress_timeout, seconds),
    "method_override": (lib.bitsup_client_config_set_method_override, flag),
    "ca_file": (lib.bitsup_client_config_add_root_certificates, _pem_file),
    "client_certificate": (lib.bitsup_client_config_set_client_certificate, _joined_pem),
    "proxy": (lib.bitsup_client_config_set_proxy, string),
    "no_proxy": (lib.bitsup_client_config_add_no_proxy, _each),
}
#: Set by the module _credentials.
CREDENTIALS = ("credentials", "proxy_credentials")
#: Set together by one call, with these defaults; see `retry`.
RETRY = {"max_attempts": 0, "retry_delay": 1.0, "max_retry_delay": 60.0}

DURABILITY = {
    "none": _raw.DURABILITY_NONE,
    "file": _raw.DURABILITY_FILE,
    "fragment": _raw.DURABILITY_FRAGMENT,
}
_OVERLAP = {"trim": _raw.OVERLAP_TRIM, "reject": _raw.OVERLAP_REJECT}
_FINALIZE = {"fragment": _raw.FINALIZE_LAST_FRAGMENT, "close": _raw.FINALIZE_CLOSE}

_NOTIFY = {"value": _raw.NOTIFY_BY_VALUE, "reference": _raw.NOTIFY_BY_REFERENCE}
#: Set by `notify`.
NOTIFY = ("notify_url", "notify", "notify_timeout", "notify_ca_file")

#: Applied when the store of an engine is created.
STORE = ("durability", "shared")
#: Set together by one call.
HOST = ("host_id", "host_id_fallback_timeout")
ENGINE: Setters = {
    "public_url": (lib.bitsup_engine_config_set_public_url, string),
    "method_override": (lib.bitsup_engine_config_set_method_override, flag),
    "max_upload_size": (lib.bitsup_engine_config_set_max_upload_size, u64),
    "max_fragment_size": (lib.bitsup_engine_config_set_max_fragment_size, u64),
    "max_sessions_per_owner": (lib.bitsup_engine_config_set_max_sessions_per_owner, u64),
    "max_sessions": (lib.bitsup_engine_config_set_max_sessions, u64),
    "free_space_reserve": (lib.bitsup_engine_config_set_free_space_reserve, u64),
    "session_timeout": (lib.bitsup_engine_config_set_session_timeout, seconds),
    "allow_overwrite": (lib.bitsup_engine_config_set_allow_overwrite, flag),
    "overlap": (lib.bitsup_engine_config_set_overlap, single(choice(_OVERLAP))),
    "finalize": (lib.bitsup_engine_config_set_finalize, single(choice(_FINALIZE))),
}

SERVER: Setters = {
    "max_workers": (lib.bitsup_server_config_set_max_workers, u32),
    "max_connections": (lib.bitsup_server_config_set_max_connections, u32),
    "max_connections_per_address": (lib.bitsup_server_config_set_max_connections_per_address, u32),
    "max_head_bytes": (lib.bitsup_server_config_set_max_head_bytes, u32),
    "max_head_fields": (lib.bitsup_server_config_set_max_head_fields, u32),
    "head_timeout": (lib.bitsup_server_config_set_head_timeout, seconds),
    "read_timeout": (lib.bitsup_server_config_set_read_timeout, seconds),
    "idle_timeout": (lib.bitsup_server_config_set_idle_timeout, seconds),
}
#: Set in this order: `client_ca_file` requires `tls`.
IDENTITY: Setters = {
    "tls": (lib.bitsup_server_config_set_tls, _certificate_and_key),
    "client_ca_file": (lib.bitsup_server_config_set_client_ca, _pem_file),
    "users": (lib.bitsup_server_config_add_user, _users),
}


def notify(hooks: Owned, options: Mapping[str, Any]) -> None:
    """Sets the application that is notified over HTTP, if there is one."""
    if "notify_url" not in options:
        for name in NOTIFY:
            if name in options:
                raise ValueError(f"{name} requires notify_url")
        return
    if "notify" not in options:
        raise ValueError("notify_url requires notify, which selects what is sent")
    apply({"notify_ca_file": (lib.bitsup_hooks_add_notify_root_certificates, _pem_file)}, hooks, options)
    kind = choice(_NOTIFY)(options["notify"])
    timeout = milliseconds(options.get("notify_timeout", 300))
    call(lib.bitsup_hooks_set_notify_url, hooks, kind, text(options["notify_url"]), timeout)


def retry(options: Mapping[str, Any]) -> Iterator[Any]:
    """Yields the arguments of the retry setter. The default maximum delay is raised to `retry_delay` if necessary."""
    effective = {**RETRY, **options}
    delay = milliseconds(effective["retry_delay"])
    max_delay = milliseconds(effective["max_retry_delay"])
    yield unsigned(effective["max_attempts"], 32)
    yield delay
    yield max_delay if "max_retry_delay" in options else max(delay, max_delay)
