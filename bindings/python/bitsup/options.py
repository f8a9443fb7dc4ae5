"""Options by keyword: their types, and the function of the library that takes each."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Literal, Mapping, Set, Tuple, TypedDict, Union

from . import _raw
from ._credentials import Credentials, Secret
from ._handle import Owned, StrPath, call, text
from ._load import lib

#: A table: option, the function that takes it, and how its value becomes the arguments of one call or several.
Setters = Dict[str, Tuple[Callable[..., int], Callable[[Any], Iterable[Tuple[Any, ...]]]]]
Headers = Union[Mapping[str, str], Iterable[Tuple[str, str]]]
#: A certificate with those that lead to its root, and its key without a password, in PEM: one file, or one for each.
Certificate = Union[StrPath, Tuple[StrPath, StrPath]]


class ClientOptions(TypedDict, total=False):
    """How a client behaves. Sizes are bytes, times seconds."""

    #: Length of every fragment; 0, the default, adapts it to the line.
    fragment_size: int
    #: Most bytes per second that one job sends; 0, the default: no limit.
    rate_limit: int
    #: Header fields for every request.
    headers: Headers
    #: The User-Agent header. Default: "bitsup/" and the version.
    user_agent: str
    #: How long connecting may take, name resolution included. Default: 30.
    connect_timeout: float
    #: How long sending one request may take.
    request_timeout: float
    #: How long the answer to one request may take.
    response_timeout: float
    #: How long a whole run may take; 0, the default: as long as it makes progress.
    timeout: float
    #: How long a job may make no progress, counted from its first failure. 0: the first failure is final. Default: 600.
    no_progress_timeout: float
    #: At most how many failures in a row; 0, the default, leaves the end to `no_progress_timeout`.
    max_attempts: int
    #: The bound of the random delay after a failure, which doubles with each further one. Default: 1.
    retry_delay: float
    #: What `retry_delay` doubles up to. Default: 60.
    max_retry_delay: float
    #: Send POST with X-HTTP-Method-Override instead of BITS_POST. Default: False.
    method_override: bool
    #: What the server is told when it asks: (name, password) or a token, or a callable that is asked for them.
    credentials: Credentials
    #: File of root certificates in PEM, which are trusted beside those of the platform.
    ca_file: StrPath
    #: Who the client is for servers that want to know by TLS.
    client_certificate: Certificate
    #: URL of the proxy that all connections go through. Default: none; the environment is not looked at.
    proxy: str
    #: What the proxy is told when it asks: (name, password).
    proxy_credentials: Secret
    #: Hosts that are reached without the proxy: names, with all that end in a dot and them, addresses, or "*".
    no_proxy: Iterable[str]


class EngineOptions(TypedDict, total=False):
    """How uploads are received. Sizes are bytes, times seconds."""

    #: What survives a loss of power: "none", "file" (default) or "fragment". A crash of the process costs nothing ever.
    durability: Literal["none", "file", "fragment"]
    #: Whether other processes share the root, all of them with this. Default: False.
    shared: bool
    #: The URL by which clients reach the root: "https://host/prefix/". Default: what the requests say.
    public_url: str
    #: The address of this server within a farm.
    host_id: str
    #: After how many seconds without it clients go back to the original host; 0, the default, says nothing of that.
    host_id_fallback_timeout: int
    #: Take POST with X-HTTP-Method-Override: BITS_POST for the verb. Default: False.
    method_override: bool
    #: Longest file taken. Default: no limit.
    max_upload_size: int
    #: Longest fragment taken. Default: no limit.
    max_fragment_size: int
    #: Sessions that one owner may have at a time; 0: no limit. Default: 50.
    max_sessions_per_owner: int
    #: Sessions in all; 0, the default: no limit.
    max_sessions: int
    #: Bytes that stay free on the volume of a directory. Default: 64 MiB.
    free_space_reserve: int
    #: How long a session lives without a successful packet. Default: 14 days.
    session_timeout: float
    #: Whether an upload may replace a file. Default: False.
    allow_overwrite: bool
    #: Of a fragment that begins too early: store the new bytes ("trim", default) or answer 416 ("reject").
    overlap: Literal["trim", "reject"]
    #: When files become visible: with their last byte ("fragment", default) or when the session is closed ("close").
    finalize: Literal["fragment", "close"]
    #: URL of an application that decides about complete uploads over HTTP, as with IIS, in the place of on_received.
    notify_url: str
    #: What it gets: the file itself ("value"), or paths on this machine ("reference"). Needed with `notify_url`.
    notify: Literal["value", "reference"]
    #: How long it may take the request, to begin its answer, and to go on with it. Default: 300.
    notify_timeout: float
    #: File of root certificates in PEM, trusted beside the platform's when it is at an https URL.
    notify_ca_file: StrPath


class ServerOptions(EngineOptions, total=False):
    """How a server listens, on top of how it receives."""

    #: Most worker threads. Default: 256.
    max_workers: int
    #: Most connections; more wait in the kernel's queue. Default: 16384.
    max_connections: int
    #: Connections of one address; 0: no limit. Default: 4096.
    max_connections_per_address: int
    #: Longest head of a request in bytes. Default: 65536.
    max_head_bytes: int
    #: Most header fields of a request. Default: 100.
    max_head_fields: int
    #: How long the head of a request may take. Default: 30.
    head_timeout: float
    #: How long the body of a request may make no progress. Default: 120.
    read_timeout: float
    #: How long a connection may be silent between two requests. Default: 300.
    idle_timeout: float
    #: Speak TLS 1.2 and 1.3, as whom.
    tls: Certificate
    #: File of root certificates in PEM: take only clients with a certificate that leads to one of them. Its subject owns
    #: their sessions.
    client_ca_file: StrPath
    #: Names with passwords: take only these users, by Basic authentication. They own their sessions.
    users: Mapping[str, str]


def milliseconds(seconds: float) -> int:
    """Seconds as the library counts them. Less than a millisecond is one: 0 often means something else."""
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{seconds!r} is no number of seconds")
    return unsigned(math.ceil(seconds * 1000), 64)


def unsigned(value: int, bits: int) -> int:
    """A number that fits; ctypes would cut off what does not."""
    if not isinstance(value, int):
        raise TypeError(f"expected int, not {type(value).__name__}")
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{value} is not between 0 and {(1 << bits) - 1}")
    return value


def chosen(choices: Mapping[str, int]) -> Callable[[Any], int]:
    def choose(value: Any) -> int:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, choices))}")
        return choices[value]

    return choose


def apply(setters: Setters, target: Owned, options: Mapping[str, Any]) -> None:
    """Sets the options that `setters` knows. A wrong value is named with its option."""
    for name, (function, convert) in setters.items():
        if name in options:
            try:
                calls = list(convert(options[name]))
            except (TypeError, ValueError) as error:
                raise type(error)(f"{name}: {error}") from None
            for arguments in calls:
                call(function, target, *arguments)


def refuse_unknown(what: str, options: Mapping[str, Any], *known: Iterable[str]) -> None:
    names: Set[str] = set().union(*known)
    for name in options:
        if name not in names:
            raise TypeError(f"{what} has no option {name!r}; there are {', '.join(sorted(names))}")


def one(convert: Callable[[Any], Any]) -> Callable[[Any], Iterable[Tuple[Any, ...]]]:
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
        raise TypeError("expected several str, not one")
    return ((text(name),) for name in names)


u32 = one(lambda value: unsigned(value, 32))
u64 = one(lambda value: unsigned(value, 64))
seconds = one(milliseconds)
flag = one(lambda value: 1 if value else 0)
words = one(text)

CLIENT: Setters = {
    "fragment_size": (lib.bitsup_client_config_set_fragment_size, u64),
    "rate_limit": (lib.bitsup_client_config_set_rate_limit, u64),
    "headers": (lib.bitsup_client_config_add_header, header_fields),
    "user_agent": (lib.bitsup_client_config_set_user_agent, words),
    "connect_timeout": (lib.bitsup_client_config_set_connect_timeout, seconds),
    "request_timeout": (lib.bitsup_client_config_set_request_timeout, seconds),
    "response_timeout": (lib.bitsup_client_config_set_response_timeout, seconds),
    "timeout": (lib.bitsup_client_config_set_timeout, seconds),
    "no_progress_timeout": (lib.bitsup_client_config_set_no_progress_timeout, seconds),
    "method_override": (lib.bitsup_client_config_set_method_override, flag),
    "ca_file": (lib.bitsup_client_config_add_root_certificates, _pem_file),
    "client_certificate": (lib.bitsup_client_config_set_client_certificate, _joined_pem),
    "proxy": (lib.bitsup_client_config_set_proxy, words),
    "no_proxy": (lib.bitsup_client_config_add_no_proxy, _each),
}
#: See the module _credentials.
CREDENTIALS = ("credentials", "proxy_credentials")
#: These are one call together, with these defaults; see `retry`.
RETRY = {"max_attempts": 0, "retry_delay": 1.0, "max_retry_delay": 60.0}

DURABILITY = {
    "none": _raw.DURABILITY_NONE,
    "file": _raw.DURABILITY_FILE,
    "fragment": _raw.DURABILITY_FRAGMENT,
}
_OVERLAP = {"trim": _raw.OVERLAP_TRIM, "reject": _raw.OVERLAP_REJECT}
_FINALIZE = {"fragment": _raw.FINALIZE_LAST_FRAGMENT, "close": _raw.FINALIZE_CLOSE}

_NOTIFY = {"value": _raw.NOTIFY_BY_VALUE, "reference": _raw.NOTIFY_BY_REFERENCE}
#: See `notify`.
NOTIFY = ("notify_url", "notify", "notify_timeout", "notify_ca_file")

#: What the store of an engine takes when it is made.
STORE = ("durability", "shared")
#: These are one call together.
HOST = ("host_id", "host_id_fallback_timeout")
ENGINE: Setters = {
    "public_url": (lib.bitsup_engine_config_set_public_url, words),
    "method_override": (lib.bitsup_engine_config_set_method_override, flag),
    "max_upload_size": (lib.bitsup_engine_config_set_max_upload_size, u64),
    "max_fragment_size": (lib.bitsup_engine_config_set_max_fragment_size, u64),
    "max_sessions_per_owner": (lib.bitsup_engine_config_set_max_sessions_per_owner, u64),
    "max_sessions": (lib.bitsup_engine_config_set_max_sessions, u64),
    "free_space_reserve": (lib.bitsup_engine_config_set_free_space_reserve, u64),
    "session_timeout": (lib.bitsup_engine_config_set_session_timeout, seconds),
    "allow_overwrite": (lib.bitsup_engine_config_set_allow_overwrite, flag),
    "overlap": (lib.bitsup_engine_config_set_overlap, one(chosen(_OVERLAP))),
    "finalize": (lib.bitsup_engine_config_set_finalize, one(chosen(_FINALIZE))),
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
#: Set in this order; the second needs the first.
IDENTITY: Setters = {
    "tls": (lib.bitsup_server_config_set_tls, _certificate_and_key),
    "client_ca_file": (lib.bitsup_server_config_set_client_ca, _pem_file),
    "users": (lib.bitsup_server_config_add_user, _users),
}


def notify(hooks: Owned, options: Mapping[str, Any]) -> None:
    """Sets the application that is asked over HTTP, if there is one."""
    if "notify_url" not in options:
        for name in NOTIFY:
            if name in options:
                raise ValueError(f"{name} is of use with a notify_url only")
        return
    if "notify" not in options:
        raise ValueError("a notify_url needs notify, which says what is sent there")
    apply({"notify_ca_file": (lib.bitsup_hooks_add_notify_root_certificates, _pem_file)}, hooks, options)
    kind = chosen(_NOTIFY)(options["notify"])
    timeout = milliseconds(options.get("notify_timeout", 300))
    call(lib.bitsup_hooks_notify_url, hooks, kind, text(options["notify_url"]), timeout)


def retry(options: Mapping[str, Any]) -> Iterator[Any]:
    """The arguments that say when to try again. A longer first delay than usual lifts the usual bound."""
    chosen_ones = {**RETRY, **options}
    first = milliseconds(chosen_ones["retry_delay"])
    most = milliseconds(chosen_ones["max_retry_delay"])
    yield unsigned(chosen_ones["max_attempts"], 32)
    yield first
    yield most if "max_retry_delay" in options else max(first, most)
