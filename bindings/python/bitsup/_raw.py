"""What include/bitsup.h declares, for ctypes. Written by bindings/generate.py; do not edit.

Handles are addresses. Text that the library lends arrives as bytes; what the caller has to free as an address.
"""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Optional

#: Major version of this header.
VERSION_MAJOR = 0
#: Minor version of this header.
VERSION_MINOR = 1
#: Patch version of this header.
VERSION_PATCH = 0
#: The version of this header as one number that can be compared.
VERSION_NUMBER = 65536
#: The ABI of this header; also the number in the name of the shared library.
ABI_VERSION = 0
#: Success.
OK = 0
#: A required pointer is NULL.
E_NULL_ARGUMENT = 101
#: An argument is outside its domain.
E_INVALID_ARGUMENT = 102
#: Text is not UTF-8.
E_INVALID_UTF8 = 103
#: The object is in the wrong state for this call.
E_INVALID_STATE = 104
#: The object is in use by another call.
E_BUSY = 105
#: Not supported by this build or this platform.
E_UNSUPPORTED = 106
#: Reading or writing failed on this machine.
E_IO = 201
#: A file is not there.
E_NOT_FOUND = 202
#: Not allowed on this machine.
E_DENIED = 203
#: No space left on this machine.
E_NO_SPACE = 204
#: The source changed while it was read.
E_SOURCE_CHANGED = 205
#: The name of the host did not resolve.
E_RESOLVE = 301
#: No connection.
E_CONNECT = 302
#: The TLS handshake failed.
E_TLS = 303
#: A time limit was reached.
E_TIMEOUT = 304
#: The connection was lost.
E_DISCONNECTED = 305
#: The peer broke the protocol.
E_PROTOCOL = 401
#: The peer answered with an HTTP error.
E_HTTP_STATUS = 402
#: The server reported a fault of its own, with an HRESULT.
E_SERVER_FAULT = 403
#: The server does not know the session.
E_SESSION_NOT_FOUND = 404
#: Client and server do not agree on the offset.
E_RANGE = 405
#: Over a limit of the server.
E_TOO_LARGE = 406
#: Cancelled as asked.
E_CANCELLED = 501
#: Suspended as asked.
E_SUSPENDED = 502
#: A callback asked to stop.
E_CALLBACK = 503
#: A bug in this library; the object it struck is unusable.
E_PANIC = 901
#: Who failed on the server's side: the server itself.
CONTEXT_SERVER = 5
#: Who failed on the server's side: the application behind it.
CONTEXT_APPLICATION = 7
#: The answer of a callback: go on.
CONTINUE = 0
#: The answer of a callback: stop what called it, with BITSUP_E_CALLBACK.
ABORT = 1
#: Level of a message: something of the library or of its machine is broken.
LOG_ERROR = 1
#: Level of a message: something is odd, and dealt with.
LOG_WARN = 2
#: Level of a message: one line per event of a session.
LOG_INFO = 3
#: Level of a message: one line per packet.
LOG_DEBUG = 4
#: Level of a message: everything.
LOG_TRACE = 5
#: Who asks for credentials: the server of the upload (401).
AUTH_TARGET_SERVER = 1
#: Who asks for credentials: the proxy (407).
AUTH_TARGET_PROXY = 2
#: How credentials are told: a name and a password, readable for whoever reads the connection.
AUTH_BASIC = 1
#: How credentials are told: by Digest.
AUTH_DIGEST = 2
#: How credentials are told: by NTLM.
AUTH_NTLM = 3
#: How credentials are told: by Negotiate.
AUTH_NEGOTIATE = 4
#: How credentials are told: a token, readable for whoever reads the connection.
AUTH_BEARER = 16
#: State of a job: not run yet.
JOB_READY = 0
#: State of a job: asks the server for a session.
JOB_CONNECTING = 1
#: State of a job: sends.
JOB_TRANSFERRING = 2
#: State of a job: waits before the next try.
JOB_WAITING = 3
#: State of a job: stopped by bitsup_job_suspend; can be run again.
JOB_SUSPENDED = 4
#: State of a job: the server has the whole file; its reply is being fetched.
JOB_FETCHING_REPLY = 5
#: State of a job: the server has the whole file, and its reply is where it belongs; the session is being closed, ...
JOB_TRANSFERRED = 6
#: State of a job: complete.
JOB_CLOSED = 7
#: State of a job: cancelled.
JOB_CANCELLED = 8
#: State of a job: failed; can be run again when the error was transient.
JOB_FAILED = 9
#: Durability: a loss of power may cost whatever the kernel has not written by itself.
DURABILITY_NONE = 0
#: Durability: a delivered file survives a loss of power, an unfinished upload may not.
DURABILITY_FILE = 1
#: Durability: every acknowledged fragment survives a loss of power.
DURABILITY_FRAGMENT = 2
#: Part of a session: all of it.
PART_ALL = 0
#: Part of a session: the received bytes.
PART_DATA = 1
#: Part of a session: the reply to them.
PART_REPLY = 2
#: Destination: nothing is there; a file can go there.
PLACE_FREE = 0
#: Destination: a file is there.
PLACE_FILE = 1
#: Destination: a folder is there, or what else no file can replace.
PLACE_FOLDER = 2
#: Destination: nothing is there, and no folder that could hold it.
PLACE_NO_FOLDER = 3
#: Packet: none; a session ended by itself.
PACKET_NONE = 0
#: Packet: asks whether the server is there; belongs to no session.
PACKET_PING = 1
#: Packet: opens a session.
PACKET_CREATE = 2
#: Packet: carries bytes of the file.
PACKET_FRAGMENT = 3
#: Packet: ends a session after a complete upload.
PACKET_CLOSE = 4
#: Packet: ends a session and discards it.
PACKET_CANCEL = 5
#: Packet: none, but a GET or HEAD of a reply.
PACKET_REPLY = 6
#: End of a session: closed after a complete upload.
END_CLOSED = 0
#: End of a session: cancelled by the client, or ended by the host.
END_CANCELLED = 1
#: End of a session: idle for too long.
END_EXPIRED = 2
#: End of a session: closed before the upload was complete, or refused for good, or its data was lost.
END_FAILED = 3
#: Notification: the application gets the paths of the file and of the reply to write; it is on the same machine.
NOTIFY_BY_REFERENCE = 1
#: Notification: the application gets the file, and answers with the reply.
NOTIFY_BY_VALUE = 2
#: Overlap: of a fragment that begins before the next expected byte only the new bytes are stored.
OVERLAP_TRIM = 0
#: Overlap: a fragment that begins before the next expected byte is answered 416.
OVERLAP_REJECT = 1
#: Finalize: the file becomes visible with its last byte, before the answer.
FINALIZE_LAST_FRAGMENT = 0
#: Finalize: the file becomes visible when the client closes the session, before the answer.
FINALIZE_CLOSE = 1
#: An exchange wants bytes of the request's body.
WANT_BODY = 1
#: An exchange wants bitsup_exchange_finish, whatever is left of the body.
WANT_FINISH = 2

#: Hears a message of a level, one of BITSUP_LOG_*, from a part of the library, `target`: "client", "engine", ...
log_fn: Callable[[Callable[[Any, int, Any, Any, int], None]], Any] = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Ends the life of `user_data`.
destroy_fn: Callable[[Callable[[Any], None]], Any] = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
#: Knows the credentials for `target`, one of BITSUP_AUTH_TARGET_*, by `scheme`, BITSUP_AUTH_BASIC or ...
credentials_fn: Callable[[Callable[[Any, int, int, Any, Any, int, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Puts bytes of the source into `buf`: some of those from `offset` on, at least one and `cap` at most, and their ...
read_fn: Callable[[Callable[[Any, int, Any, int, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_size_t),
)
#: Bytes were acknowledged: `sent` of `total`.
progress_fn: Callable[[Callable[[Any, int, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
)
#: Bytes of a reply or of a download came in: `received` of `total`, which is UINT64_MAX while the server has not ...
reply_progress_fn: Callable[[Callable[[Any, int, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
)
#: The job went from one BITSUP_JOB_* state to another.
state_fn: Callable[[Callable[[Any, int, int], None]], Any] = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_int32,
)
#: A request failed because of `cause`, which lives during the callback, and will be tried again after `*delay_ms`, ...
retry_fn: Callable[[Callable[[Any, Any, int, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.POINTER(ctypes.c_uint64),
)
#: Keeps the record of a session: `len` bytes of text that mean nothing to a store.
store_record_fn: Callable[[Callable[[Any, Any, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Calls bitsup_store_list_add for every session.
store_list_fn: Callable[[Callable[[Any, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
#: Tells the length of a part, and when it was last written, in milliseconds since 1970, which may be left at 0.
store_stat_fn: Callable[[Callable[[Any, Any, int, Any, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ctypes.c_uint64),
)
#: Appends to a part that is `offset` bytes long.
store_write_fn: Callable[[Callable[[Any, Any, int, int, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Does something with a part.
store_part_fn: Callable[[Callable[[Any, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
)
#: Reads at most `len` bytes of a part at `offset`; `*out_read` of them, 0 at the end only.
store_read_fn: Callable[[Callable[[Any, Any, int, int, Any, int, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_size_t),
)
#: Delivers the data to `destination`, a path with slashes: "folder/file.txt".
store_commit_fn: Callable[[Callable[[Any, Any, Any, int, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Tells what is at `destination`: one of BITSUP_PLACE_*.
store_place_fn: Callable[[Callable[[Any, Any, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_int32),
)
#: Decides about `upload` by what it sets in `verdict`.
decide_fn: Callable[[Callable[[Any, Any, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
#: Hears of `upload`.
notify_fn: Callable[[Callable[[Any, Any], None]], Any] = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
#: Hears that the session of `upload` is gone; `reason` is one of BITSUP_END_*.
end_fn: Callable[[Callable[[Any, Any, int], None]], Any] = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
)


class Library:
    """The exported functions. Raises AttributeError when the shared library lacks one."""

    def __init__(self, library: ctypes.CDLL) -> None:
        def bind(name: str, result: Any, *arguments: Any) -> Any:
            function = getattr(library, name)
            function.restype = result
            function.argtypes = arguments
            return function

        #: The version of the library in use, to be compared with BITSUP_VERSION_NUMBER.
        self.bitsup_version_number: Callable[[], int] = bind("bitsup_version_number", ctypes.c_uint32)
        #: The ABI of the library in use, to be compared with BITSUP_ABI_VERSION.
        self.bitsup_abi_version: Callable[[], int] = bind("bitsup_abi_version", ctypes.c_uint32)
        #: The version of the library in use as text: "0.1.0".
        self.bitsup_version_string: Callable[[], Optional[bytes]] = bind("bitsup_version_string", ctypes.c_char_p)
        #: The name of a status: "BITSUP_E_IO"; "BITSUP_E_UNKNOWN" for a number that this version does not know.
        self.bitsup_status_name: Callable[[int], Optional[bytes]] = bind(
            "bitsup_status_name",
            ctypes.c_char_p,
            ctypes.c_int32,
        )
        #: What a status means, in English: "reading or writing failed on this machine".
        self.bitsup_status_text: Callable[[int], Optional[bytes]] = bind(
            "bitsup_status_text",
            ctypes.c_char_p,
            ctypes.c_int32,
        )
        #: The status of the failed call; BITSUP_OK for NULL.
        self.bitsup_error_status: Callable[[Any], int] = bind("bitsup_error_status", ctypes.c_int32, ctypes.c_void_p)
        #: What failed and what to do, one sentence in English; "" for NULL.
        self.bitsup_error_message: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_error_message",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: The HTTP status of the peer's answer; 0 when no answer was the cause.
        self.bitsup_error_http_status: Callable[[Any], int] = bind(
            "bitsup_error_http_status",
            ctypes.c_uint16,
            ctypes.c_void_p,
        )
        #: The HRESULT that the server sent, or that Windows would report; 0 when there is none.
        self.bitsup_error_hresult: Callable[[Any], int] = bind("bitsup_error_hresult", ctypes.c_uint32, ctypes.c_void_p)
        #: Who failed on the server's side: one of BITSUP_CONTEXT_*, or 0 when it was not said.
        self.bitsup_error_context: Callable[[Any], int] = bind("bitsup_error_context", ctypes.c_uint32, ctypes.c_void_p)
        #: 1 when the same call is worth another try, else 0.
        self.bitsup_error_is_transient: Callable[[Any], int] = bind(
            "bitsup_error_is_transient",
            ctypes.c_int32,
            ctypes.c_void_p,
        )
        #: Frees an error.
        self.bitsup_error_free: Callable[[Any], None] = bind("bitsup_error_free", None, ctypes.c_void_p)
        #: Frees a text that a function of this library gave out as `char *`.
        self.bitsup_string_free: Callable[[Any], None] = bind("bitsup_string_free", None, ctypes.c_void_p)
        #: Frees bytes that a function of this library gave out with that length.
        self.bitsup_bytes_free: Callable[[Any, int], None] = bind(
            "bitsup_bytes_free",
            None,
            ctypes.c_void_p,
            ctypes.c_size_t,
        )
        #: A receiver of messages up to `max_level`, one of BITSUP_LOG_*.
        self.bitsup_logger_new: Callable[[Any, int, Any, Any], Any] = bind(
            "bitsup_logger_new",
            ctypes.c_void_p,
            log_fn,
            ctypes.c_int32,
            ctypes.c_void_p,
            destroy_fn,
        )
        #: Frees a logger.
        self.bitsup_logger_free: Callable[[Any], None] = bind("bitsup_logger_free", None, ctypes.c_void_p)
        #: A configuration with the defaults.
        self.bitsup_client_config_new: Callable[[], Any] = bind("bitsup_client_config_new", ctypes.c_void_p)
        #: Frees a configuration.
        self.bitsup_client_config_free: Callable[[Any], None] = bind("bitsup_client_config_free", None, ctypes.c_void_p)
        #: Length of every fragment in bytes; 0, the default, adapts it to the line.
        self.bitsup_client_config_set_fragment_size: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_fragment_size",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long connecting may take, name resolution included.
        self.bitsup_client_config_set_connect_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_connect_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long sending one request may take.
        self.bitsup_client_config_set_request_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_request_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long the answer to one request may take.
        self.bitsup_client_config_set_response_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_response_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: When a failed request is tried again: after a random delay of at most `first_delay_ms`, a bound that ...
        self.bitsup_client_config_set_retry: Callable[[Any, int, int, int, Any], int] = bind(
            "bitsup_client_config_set_retry",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.c_uint64,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long a job may make no progress, counted from its first failure.
        self.bitsup_client_config_set_no_progress_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_no_progress_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long a whole run may take; 0, the default: as long as it makes progress.
        self.bitsup_client_config_set_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The User-Agent header.
        self.bitsup_client_config_set_user_agent: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_client_config_set_user_agent",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a header field to every request.
        self.bitsup_client_config_add_header: Callable[[Any, Optional[bytes], Optional[bytes], Any], int] = bind(
            "bitsup_client_config_add_header",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Most bytes per second that one job sends; 0, the default: no limit.
        self.bitsup_client_config_set_rate_limit: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_rate_limit",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Whether POST with `X-HTTP-Method-Override: BITS_POST` is sent instead of the verb itself, for servers ...
        self.bitsup_client_config_set_method_override: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_method_override",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: URL of an http or https proxy that all connections go through, without credentials: requests to http ...
        self.bitsup_client_config_set_proxy: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_client_config_set_proxy",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a host that is reached without the proxy: a name, with all that end in a dot and it, an address, or "*".
        self.bitsup_client_config_add_no_proxy: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_client_config_add_no_proxy",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds root certificates in PEM form, which are trusted beside those of the platform.
        self.bitsup_client_config_add_root_certificates: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_client_config_add_root_certificates",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who the client is for servers that want to know by TLS: a certificate, those that lead to its root, ...
        self.bitsup_client_config_set_client_certificate: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_client_config_set_client_certificate",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Where jobs made with this configuration say what they do.
        self.bitsup_client_config_set_logger: Callable[[Any, Any, Any], int] = bind(
            "bitsup_client_config_set_logger",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets what is told to `target`, one of BITSUP_AUTH_TARGET_*, when it asks by `scheme`, one of ...
        self.bitsup_client_config_set_credentials: Callable[[Any, int, int, Optional[bytes], Optional[bytes], Any], int] = bind(
            "bitsup_client_config_set_credentials",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_int32,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who is asked for credentials when a server or the proxy asks for some and those set by ...
        self.bitsup_client_config_on_credentials: Callable[[Any, Any, Any, Any, Any], int] = bind(
            "bitsup_client_config_on_credentials",
            ctypes.c_int32,
            ctypes.c_void_p,
            credentials_fn,
            ctypes.c_void_p,
            destroy_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: A client with a copy of `config`.
        self.bitsup_client_new: Callable[[Any, Any, Any], int] = bind(
            "bitsup_client_new",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees a client.
        self.bitsup_client_free: Callable[[Any], None] = bind("bitsup_client_free", None, ctypes.c_void_p)
        #: Asks the server behind `url` whether it takes uploads: one Ping, without retry.
        self.bitsup_client_ping: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_client_ping",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Downloads `url`, for instance the reply of an upload, to the file `path`: in ranges, retrying as a job does.
        self.bitsup_client_download: Callable[[Any, Optional[bytes], Optional[bytes], Any, Any], int] = bind(
            "bitsup_client_download",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: A regular file.
        self.bitsup_source_from_file: Callable[[Optional[bytes], Any, Any], int] = bind(
            "bitsup_source_from_file",
            ctypes.c_int32,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: A copy of bytes in memory.
        self.bitsup_source_from_bytes: Callable[[Any, int, Any, Any], int] = bind(
            "bitsup_source_from_bytes",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: `total` bytes that `read` delivers.
        self.bitsup_source_from_reader: Callable[[Any, int, Any, Any, Any, Any], int] = bind(
            "bitsup_source_from_reader",
            ctypes.c_int32,
            read_fn,
            ctypes.c_uint64,
            ctypes.c_void_p,
            destroy_fn,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees a source.
        self.bitsup_source_free: Callable[[Any], None] = bind("bitsup_source_free", None, ctypes.c_void_p)
        #: A set without callbacks.
        self.bitsup_observer_new: Callable[[Any, Any], Any] = bind(
            "bitsup_observer_new",
            ctypes.c_void_p,
            ctypes.c_void_p,
            destroy_fn,
        )
        #: Frees a set.
        self.bitsup_observer_free: Callable[[Any], None] = bind("bitsup_observer_free", None, ctypes.c_void_p)
        #: Sets who hears of acknowledged bytes; NULL: nobody.
        self.bitsup_observer_on_progress: Callable[[Any, Any, Any], int] = bind(
            "bitsup_observer_on_progress",
            ctypes.c_int32,
            ctypes.c_void_p,
            progress_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who hears of received bytes of a reply or of a download; NULL: nobody.
        self.bitsup_observer_on_reply_progress: Callable[[Any, Any, Any], int] = bind(
            "bitsup_observer_on_reply_progress",
            ctypes.c_int32,
            ctypes.c_void_p,
            reply_progress_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who hears of changes of state; NULL: nobody.
        self.bitsup_observer_on_state: Callable[[Any, Any, Any], int] = bind(
            "bitsup_observer_on_state",
            ctypes.c_int32,
            ctypes.c_void_p,
            state_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who hears of failures that will be tried again; NULL: nobody.
        self.bitsup_observer_on_retry: Callable[[Any, Any, Any], int] = bind(
            "bitsup_observer_on_retry",
            ctypes.c_int32,
            ctypes.c_void_p,
            retry_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: A job that uploads the content of `source` to `url`.
        self.bitsup_job_new: Callable[[Any, Optional[bytes], Any, Any, Any], int] = bind(
            "bitsup_job_new",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees a job.
        self.bitsup_job_free: Callable[[Any], None] = bind("bitsup_job_free", None, ctypes.c_void_p)
        #: The name sent as Content-Name: 1 to 260 printable ASCII characters, without \ / : * ?
        self.bitsup_job_set_content_name: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_job_set_content_name",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a header field to every request of this job, behind those of its client; a name that is there ...
        self.bitsup_job_add_header: Callable[[Any, Optional[bytes], Optional[bytes], Any], int] = bind(
            "bitsup_job_add_header",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who is told what the job does; replaces a former observer.
        self.bitsup_job_set_observer: Callable[[Any, Any, Any], int] = bind(
            "bitsup_job_set_observer",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Makes the job an upload-reply job: when the server has the whole file, its reply is fetched to the file ...
        self.bitsup_job_set_reply_path: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_job_set_reply_path",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Uploads.
        self.bitsup_job_run: Callable[[Any, Any], int] = bind(
            "bitsup_job_run",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sends one request at most, or fetches the reply, and says in `*out_state` where the job is then: one of ...
        self.bitsup_job_step: Callable[[Any, Any, Any], int] = bind(
            "bitsup_job_step",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_int32),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Acknowledges an upload that steps have led to BITSUP_JOB_TRANSFERRED, as BITS' Complete does: closes the ...
        self.bitsup_job_close: Callable[[Any, Any], int] = bind(
            "bitsup_job_close",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Ends a run within 250 ms with BITSUP_E_SUSPENDED and returns at once.
        self.bitsup_job_suspend: Callable[[Any, Any], int] = bind(
            "bitsup_job_suspend",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Gives the upload up.
        self.bitsup_job_cancel: Callable[[Any, Any], int] = bind(
            "bitsup_job_cancel",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Most bytes per second that the job sends from now on, the request under way included; 0: no limit.
        self.bitsup_job_set_rate_limit: Callable[[Any, int, Any], int] = bind(
            "bitsup_job_set_rate_limit",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Where the job is: one of BITSUP_JOB_*; -1 for NULL or an unusable job.
        self.bitsup_job_state: Callable[[Any], int] = bind("bitsup_job_state", ctypes.c_int32, ctypes.c_void_p)
        #: How far the job is: acknowledged bytes and the length of the source.
        self.bitsup_job_progress: Callable[[Any, Any, Any, Any], int] = bind(
            "bitsup_job_progress",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The session, as the server named it.
        self.bitsup_job_session_id: Callable[[Any, Any, Any], int] = bind(
            "bitsup_job_session_id",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Where the reply of an upload-reply job is: an absolute URL.
        self.bitsup_job_reply_url: Callable[[Any, Any, Any], int] = bind(
            "bitsup_job_reply_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Keeps the state of the job in the file `path`, and continues from it when it holds the state of the same ...
        self.bitsup_job_set_state_path: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_job_set_state_path",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Copies the state of the job, from which bitsup_job_import continues in this process or another: all that ...
        self.bitsup_job_export: Callable[[Any, Any, Any, Any], int] = bind(
            "bitsup_job_export",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_size_t),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Continues from what bitsup_job_export gave out for a job with the same URL and source; to be called ...
        self.bitsup_job_import: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_job_import",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Files under the directory `root`, which must exist; unfinished uploads in its subdirectory ".bitsup".
        self.bitsup_store_new_dir: Callable[[Optional[bytes], int, int, Any, Any], int] = bind(
            "bitsup_store_new_dir",
            ctypes.c_int32,
            ctypes.c_char_p,
            ctypes.c_int32,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Files and unfinished uploads in memory, at most `max_bytes` in all; they are gone with the store.
        self.bitsup_store_new_memory: Callable[[int, Any, Any], int] = bind(
            "bitsup_store_new_memory",
            ctypes.c_int32,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees a store.
        self.bitsup_store_free: Callable[[Any], None] = bind("bitsup_store_free", None, ctypes.c_void_p)
        #: Tells of a session: the record that was kept last, and when a part was last written, in milliseconds ...
        self.bitsup_store_list_add: Callable[[Any, Optional[bytes], Any, int, int, Any], int] = bind(
            "bitsup_store_list_add",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: A set without callbacks.
        self.bitsup_store_ops_new: Callable[[Any, Any], Any] = bind(
            "bitsup_store_ops_new",
            ctypes.c_void_p,
            ctypes.c_void_p,
            destroy_fn,
        )
        #: Frees a set.
        self.bitsup_store_ops_free: Callable[[Any], None] = bind("bitsup_store_ops_free", None, ctypes.c_void_p)
        #: Sets who makes sessions: from now on there is this record, and data of no bytes.
        self.bitsup_store_ops_on_create: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_create",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_record_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who replaces records, whole or not at all; BITSUP_E_NOT_FOUND when there is no such session.
        self.bitsup_store_ops_on_save: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_save",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_record_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who lists the sessions that a former process left; asked when an engine is made.
        self.bitsup_store_ops_on_list: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_list",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_list_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who tells about parts.
        self.bitsup_store_ops_on_stat: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_stat",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_stat_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who appends.
        self.bitsup_store_ops_on_write: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_write",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_write_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who hears the end of a run of writes, before what they wrote is acknowledged: now, at the latest, ...
        self.bitsup_store_ops_on_flush: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_flush",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_part_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who reads.
        self.bitsup_store_ops_on_read: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_read",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_read_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who delivers.
        self.bitsup_store_ops_on_commit: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_commit",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_commit_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who removes: the reply, or with BITSUP_PART_ALL the session with all it has, but for a delivered file.
        self.bitsup_store_ops_on_remove: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_remove",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_part_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who tells what is at a destination, so that a session which could not end well does not begin.
        self.bitsup_store_ops_on_place: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_place",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_place_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: A store over the callbacks as they are now.
        self.bitsup_store_new_custom: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_new_custom",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: What led to the callback: one of BITSUP_PACKET_*; -1 for NULL.
        self.bitsup_upload_packet: Callable[[Any], int] = bind("bitsup_upload_packet", ctypes.c_int32, ctypes.c_void_p)
        #: The session, as the client names it: "{...}"; NULL before there is one.
        self.bitsup_upload_session_id: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_session_id",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Path and query of the remote name, as Create-Session had it, the mount point included.
        self.bitsup_upload_target: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_target",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: The absolute URL of the remote name, as far as it is known: without public URL and Host it begins with ...
        self.bitsup_upload_url: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_url",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: The address of the client; NULL when it is not known.
        self.bitsup_upload_peer: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_peer",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: The authenticated user, or whom a callback named; NULL when there is none.
        self.bitsup_upload_owner: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_owner",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: The name that the client gives the file (Content-Name); NULL when the packet has none.
        self.bitsup_upload_content_name: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_content_name",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Where the received file lies on this machine: to be read, and left there.
        self.bitsup_upload_data_path: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_data_path",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Where a reply may be written before on_received returns, to be named to bitsup_verdict_set_reply_path.
        self.bitsup_upload_reply_path: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_reply_path",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: The first header field of that name in the packet, in any case; NULL when there is none, or none in ...
        self.bitsup_upload_header: Callable[[Any, Optional[bytes]], Optional[bytes]] = bind(
            "bitsup_upload_header",
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_char_p,
        )
        #: How many bytes the session holds; 0 for NULL.
        self.bitsup_upload_received: Callable[[Any], int] = bind(
            "bitsup_upload_received",
            ctypes.c_uint64,
            ctypes.c_void_p,
        )
        #: Length of the whole file; UINT64_MAX while it is not known, and for NULL.
        self.bitsup_upload_total: Callable[[Any], int] = bind("bitsup_upload_total", ctypes.c_uint64, ctypes.c_void_p)
        #: Reads what was received, in on_received: at most `len` bytes at `offset` into `buffer`, `*out_read` of ...
        self.bitsup_upload_read: Callable[[Any, int, Any, int, Any, Any], int] = bind(
            "bitsup_upload_read",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_size_t),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Refuses: the packet is answered with that HTTP status, HRESULT and context.
        self.bitsup_verdict_reject: Callable[[Any, int, int, int, Any], int] = bind(
            "bitsup_verdict_reject",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint16,
            ctypes.c_uint32,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Refuses with 401 and asks for credentials, in on_request: `challenge` is the value of WWW-Authenticate, ...
        self.bitsup_verdict_challenge: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_challenge",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Names the user, in on_request.
        self.bitsup_verdict_set_owner: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_set_owner",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Chooses where the file goes, in on_create or on_received: a path below the root of the store with ...
        self.bitsup_verdict_set_destination: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_set_destination",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Whether the file goes to its destination, as it does by default, or is dropped when the session is closed.
        self.bitsup_verdict_set_keep_file: Callable[[Any, int, Any], int] = bind(
            "bitsup_verdict_set_keep_file",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Replies with what is at a URL of another server: absolute, at most 2200 characters, else the packet is ...
        self.bitsup_verdict_set_reply_url: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_set_reply_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Replies with the content of a file, when the callback has returned.
        self.bitsup_verdict_set_reply_path: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_set_reply_path",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Replies with bytes.
        self.bitsup_verdict_set_reply_bytes: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_verdict_set_reply_bytes",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: A set without callbacks.
        self.bitsup_hooks_new: Callable[[Any, Any], Any] = bind(
            "bitsup_hooks_new",
            ctypes.c_void_p,
            ctypes.c_void_p,
            destroy_fn,
        )
        #: Frees a set.
        self.bitsup_hooks_free: Callable[[Any], None] = bind("bitsup_hooks_free", None, ctypes.c_void_p)
        #: Sets who decides about every packet, and about the GET and HEAD of replies, before anything is done: who ...
        self.bitsup_hooks_on_request: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_request",
            ctypes.c_int32,
            ctypes.c_void_p,
            decide_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who decides about new sessions: may it be, and where does its file go (bitsup_verdict_set_destination)?
        self.bitsup_hooks_on_create: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_create",
            ctypes.c_int32,
            ctypes.c_void_p,
            decide_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who hears of stored bytes, before they are acknowledged; NULL: nobody.
        self.bitsup_hooks_on_progress: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_progress",
            ctypes.c_int32,
            ctypes.c_void_p,
            notify_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who decides about complete uploads, while the client waits: is it good, is it kept, what is the reply?
        self.bitsup_hooks_on_received: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_received",
            ctypes.c_int32,
            ctypes.c_void_p,
            decide_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets who hears of the end of sessions; NULL: nobody.
        self.bitsup_hooks_on_end: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_end",
            ctypes.c_int32,
            ctypes.c_void_p,
            end_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Lets an application at `url` decide about complete uploads, over HTTP as with IIS; `kind` is one of ...
        self.bitsup_hooks_notify_url: Callable[[Any, int, Optional[bytes], int, Any], int] = bind(
            "bitsup_hooks_notify_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_char_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds root certificates in PEM form, which are trusted beside those of the platform by what later calls ...
        self.bitsup_hooks_add_notify_root_certificates: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_hooks_add_notify_root_certificates",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: A configuration with the defaults and no store.
        self.bitsup_engine_config_new: Callable[[], Any] = bind("bitsup_engine_config_new", ctypes.c_void_p)
        #: Frees a configuration.
        self.bitsup_engine_config_free: Callable[[Any], None] = bind("bitsup_engine_config_free", None, ctypes.c_void_p)
        #: Where received bytes go.
        self.bitsup_engine_config_set_store: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_config_set_store",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The application behind the engine.
        self.bitsup_engine_config_set_hooks: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_config_set_hooks",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The URL by which clients reach the engine's root, mount point included: "https://host/prefix/".
        self.bitsup_engine_config_set_public_url: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_engine_config_set_public_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The address of this server within a farm, a host name or an address, with a port if it differs from the ...
        self.bitsup_engine_config_set_host_id: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_engine_config_set_host_id",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Whether POST with `X-HTTP-Method-Override: BITS_POST` is taken for the verb, as it passes proxies that ...
        self.bitsup_engine_config_set_method_override: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_method_override",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Where the engine says what it does.
        self.bitsup_engine_config_set_logger: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_config_set_logger",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Longest file taken, in bytes.
        self.bitsup_engine_config_set_max_upload_size: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_max_upload_size",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Longest fragment taken, in bytes; 1 or more.
        self.bitsup_engine_config_set_max_fragment_size: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_max_fragment_size",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Bytes that stay free on the volume of a directory store: what would leave fewer is answered as if it ...
        self.bitsup_engine_config_set_free_space_reserve: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_free_space_reserve",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sessions that one owner may have at a time; sessions without an owner are not counted.
        self.bitsup_engine_config_set_max_sessions_per_owner: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_max_sessions_per_owner",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sessions in all.
        self.bitsup_engine_config_set_max_sessions: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_max_sessions",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long a session lives without a successful packet; more than 0.
        self.bitsup_engine_config_set_session_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_session_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Whether an upload may replace a file: 0, the default, or not 0.
        self.bitsup_engine_config_set_allow_overwrite: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_allow_overwrite",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: What overlapping fragments do: one of BITSUP_OVERLAP_*.
        self.bitsup_engine_config_set_overlap: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_overlap",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: When files become visible: one of BITSUP_FINALIZE_*.
        self.bitsup_engine_config_set_finalize: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_finalize",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: An engine with a copy of `config`, and with the sessions that its store holds.
        self.bitsup_engine_new: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_new",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees an engine.
        self.bitsup_engine_free: Callable[[Any], None] = bind("bitsup_engine_free", None, ctypes.c_void_p)
        #: Whether a request is for this engine, for programs whose HTTP server serves other things beside it: 1 ...
        self.bitsup_engine_accepts: Callable[[Any, Optional[bytes], int, Optional[bytes], int], int] = bind(
            "bitsup_engine_accepts",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_char_p,
            ctypes.c_size_t,
        )
        #: Ends the sessions that were idle for too long: `*out_expired` of them.
        self.bitsup_engine_tick: Callable[[Any, Any, Any, Any], int] = bind(
            "bitsup_engine_tick",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How many sessions there are.
        self.bitsup_engine_session_count: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_session_count",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Ends a session and discards what it received.
        self.bitsup_engine_end_session: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_engine_end_session",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: An exchange for one request.
        self.bitsup_exchange_new: Callable[[Any, Any, Any], int] = bind(
            "bitsup_exchange_new",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees an exchange.
        self.bitsup_exchange_free: Callable[[Any], None] = bind("bitsup_exchange_free", None, ctypes.c_void_p)
        #: The method and the target of the request, as they stood on the wire: path and query, not decoded.
        self.bitsup_exchange_set_request: Callable[[Any, Optional[bytes], int, Optional[bytes], int, Any], int] = bind(
            "bitsup_exchange_set_request",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a header field of the request; all of them count, in their order.
        self.bitsup_exchange_add_header: Callable[[Any, Optional[bytes], int, Optional[bytes], int, Any], int] = bind(
            "bitsup_exchange_add_header",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Who is at the other end, for the log and for hooks; an empty text is nobody, which is the default.
        self.bitsup_exchange_set_peer: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_exchange_set_peer",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The user that the program around has authenticated; an empty text is nobody, which is the default.
        self.bitsup_exchange_set_owner: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_exchange_set_owner",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The URL prefix that the target was below, as it stood on the wire: "/upload/".
        self.bitsup_exchange_set_mount: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_exchange_set_mount",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Whether the request came by https.
        self.bitsup_exchange_set_secure: Callable[[Any, int, Any], int] = bind(
            "bitsup_exchange_set_secure",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The head of the request is complete: decides about it, and says what is wanted, one of BITSUP_WANT_*.
        self.bitsup_exchange_begin: Callable[[Any, Any, Any], int] = bind(
            "bitsup_exchange_begin",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_int32),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Takes bytes of the body, and says what is wanted now.
        self.bitsup_exchange_body: Callable[[Any, Any, int, Any, Any], int] = bind(
            "bitsup_exchange_body",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_int32),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Takes bytes of the body from the descriptor of a socket, a pipe or a file, `max_len` at most, as one ...
        self.bitsup_exchange_body_from_fd: Callable[[Any, int, int, Any, Any, Any], int] = bind(
            "bitsup_exchange_body_from_fd",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_int32),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The body has come, or is not wanted: gives the answer.
        self.bitsup_exchange_finish: Callable[[Any, Any, Any], int] = bind(
            "bitsup_exchange_finish",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The HTTP status; 0 for NULL.
        self.bitsup_response_status: Callable[[Any], int] = bind(
            "bitsup_response_status",
            ctypes.c_uint16,
            ctypes.c_void_p,
        )
        #: The reason phrase of the status; NULL for NULL.
        self.bitsup_response_reason: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_response_reason",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: How many header fields there are; 0 for NULL.
        self.bitsup_response_header_count: Callable[[Any], int] = bind(
            "bitsup_response_header_count",
            ctypes.c_size_t,
            ctypes.c_void_p,
        )
        #: The name of a header field; NULL for NULL and for an index that is not below the count.
        self.bitsup_response_header_name: Callable[[Any, int], Optional[bytes]] = bind(
            "bitsup_response_header_name",
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
        )
        #: The value of a header field; NULL for NULL and for an index that is not below the count.
        self.bitsup_response_header_value: Callable[[Any, int], Optional[bytes]] = bind(
            "bitsup_response_header_value",
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
        )
        #: The value of Content-Length; 0 for NULL.
        self.bitsup_response_content_length: Callable[[Any], int] = bind(
            "bitsup_response_content_length",
            ctypes.c_uint64,
            ctypes.c_void_p,
        )
        #: How many bytes bitsup_response_read_body gives in all; 0 for NULL.
        self.bitsup_response_body_length: Callable[[Any], int] = bind(
            "bitsup_response_body_length",
            ctypes.c_uint64,
            ctypes.c_void_p,
        )
        #: Reads the next bytes of the body, at most `cap`: `*out_len` of them.
        self.bitsup_response_read_body: Callable[[Any, Any, int, Any, Any], int] = bind(
            "bitsup_response_read_body",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_size_t),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Whether the connection must be closed after this answer, with `Connection: close` in it: nobody can know ...
        self.bitsup_response_must_close: Callable[[Any], int] = bind(
            "bitsup_response_must_close",
            ctypes.c_int32,
            ctypes.c_void_p,
        )
        #: Frees a response.
        self.bitsup_response_free: Callable[[Any], None] = bind("bitsup_response_free", None, ctypes.c_void_p)
        #: A configuration with the defaults and no engine.
        self.bitsup_server_config_new: Callable[[], Any] = bind("bitsup_server_config_new", ctypes.c_void_p)
        #: Frees a configuration.
        self.bitsup_server_config_free: Callable[[Any], None] = bind("bitsup_server_config_free", None, ctypes.c_void_p)
        #: Host name or address to listen on, and the port; 0 picks a free one, see bitsup_server_port.
        self.bitsup_server_config_set_listen: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_server_config_set_listen",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint16,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Host name or address on which operators see what goes on, and the port; 0 picks a free one, see ...
        self.bitsup_server_config_set_admin: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_server_config_set_admin",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint16,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Puts an engine under the URL path `prefix`, "/" for all.
        self.bitsup_server_config_mount: Callable[[Any, Optional[bytes], Any, Any], int] = bind(
            "bitsup_server_config_mount",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Speaks TLS 1.2 and 1.3: the server's certificate, then those that lead to its root, and the ...
        self.bitsup_server_config_set_tls: Callable[[Any, Any, int, Any, int, Any], int] = bind(
            "bitsup_server_config_set_tls",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Takes only clients with a certificate that leads to one of these roots, in PEM.
        self.bitsup_server_config_set_client_ca: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_server_config_set_client_ca",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a user, by Basic authentication.
        self.bitsup_server_config_add_user: Callable[[Any, Optional[bytes], Optional[bytes], Any], int] = bind(
            "bitsup_server_config_add_user",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Most worker threads; 1 or more.
        self.bitsup_server_config_set_max_workers: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_workers",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long the head of a request may take; more than 0.
        self.bitsup_server_config_set_head_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_head_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Most connections, 1 or more; further ones wait in the kernel's queue.
        self.bitsup_server_config_set_max_connections: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_connections",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Connections that one address may have, an IPv6 network of 64 bits counting as one.
        self.bitsup_server_config_set_max_connections_per_address: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_connections_per_address",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Longest head of a request, in bytes; a longer one is answered 431.
        self.bitsup_server_config_set_max_head_bytes: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_head_bytes",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Most header fields of a request; more are answered 431.
        self.bitsup_server_config_set_max_head_fields: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_head_fields",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Bytes per second that a body must come with, or be taken with, on the average, once `grace_ms` are over.
        self.bitsup_server_config_set_min_body_rate: Callable[[Any, int, int, Any], int] = bind(
            "bitsup_server_config_set_min_body_rate",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long the body of a request may make no progress; more than 0.
        self.bitsup_server_config_set_read_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_read_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: How long a connection may be silent between two requests; more than 0.
        self.bitsup_server_config_set_idle_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_idle_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Where the server says what it does, its engines' words aside.
        self.bitsup_server_config_set_logger: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_config_set_logger",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Whom the server tells of every request and event: of each a line, as JSON, at level BITSUP_LOG_INFO with ...
        self.bitsup_server_config_set_access_logger: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_config_set_access_logger",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Binds the address and serves, on threads of its own, until stopped.
        self.bitsup_server_start: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_start",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The URL of the server's root, with the port in use: "http://127.0.0.1:41234/", or "https:" with TLS.
        self.bitsup_server_url: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: What the server counts, in Prometheus' text format, version 0.0.4.
        self.bitsup_server_metrics: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_metrics",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The URL of the operators' page, with the port in use: "http://127.0.0.1:41235/".
        self.bitsup_server_admin_url: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_admin_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: The port in use; 0 for NULL or an unusable server.
        self.bitsup_server_port: Callable[[Any], int] = bind("bitsup_server_port", ctypes.c_uint16, ctypes.c_void_p)
        #: Takes the certificate, its key and the roots of clients from `config`, for the connections from now on.
        self.bitsup_server_reload_tls: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_reload_tls",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Takes the users from `config`, from the next request on.
        self.bitsup_server_reload_users: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_reload_users",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Stops accepting, closes idle connections, gives requests under way `grace_ms`, closes all connections ...
        self.bitsup_server_stop: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_stop",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees a server.
        self.bitsup_server_free: Callable[[Any], None] = bind("bitsup_server_free", None, ctypes.c_void_p)
