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
#: Version of this header as a single number, for comparisons: major << 24, minor << 16, patch << 8.
VERSION_NUMBER = 65536
#: ABI version of this header.
ABI_VERSION = 0
#: Success.
OK = 0
#: A required pointer is NULL.
E_NULL_ARGUMENT = 101
#: An argument is malformed or out of range.
E_INVALID_ARGUMENT = 102
#: A text is not valid UTF-8.
E_INVALID_UTF8 = 103
#: The object is in the wrong state for this call.
E_INVALID_STATE = 104
#: The object is in use by another call.
E_BUSY = 105
#: Not supported by this build or platform.
E_UNSUPPORTED = 106
#: A local read or write failed.
E_IO = 201
#: A local file or directory does not exist.
E_NOT_FOUND = 202
#: Permission denied on the local machine.
E_DENIED = 203
#: No space left on the local machine.
E_NO_SPACE = 204
#: The source changed during the upload.
E_SOURCE_CHANGED = 205
#: The host name could not be resolved.
E_RESOLVE = 301
#: The connection could not be established.
E_CONNECT = 302
#: The TLS handshake failed.
E_TLS = 303
#: A timeout expired.
E_TIMEOUT = 304
#: The connection was lost.
E_DISCONNECTED = 305
#: The peer violated the protocol.
E_PROTOCOL = 401
#: The peer responded with an HTTP error status.
E_HTTP_STATUS = 402
#: The server reported an error with an HRESULT.
E_SERVER_FAULT = 403
#: The server does not know the session.
E_SESSION_NOT_FOUND = 404
#: Client and server disagree about the offset.
E_RANGE = 405
#: The upload exceeds a limit of the server.
E_TOO_LARGE = 406
#: Cancelled by the caller.
E_CANCELLED = 501
#: Suspended by the caller.
E_SUSPENDED = 502
#: A callback stopped the operation.
E_CALLBACK = 503
#: A bug in this library; the affected object is unusable.
E_PANIC = 901
#: Origin of a server-side error: the server itself.
CONTEXT_SERVER = 5
#: Origin of a server-side error: the application behind the server.
CONTEXT_APPLICATION = 7
#: Return value of a callback: continue.
CONTINUE = 0
#: Return value of a callback: stop the operation that called it, which then fails with BITSUP_E_CALLBACK.
ABORT = 1
#: Log level: a failure in the library or on the local machine that needs attention.
LOG_ERROR = 1
#: Log level: something unexpected that the library handled.
LOG_WARN = 2
#: Log level: one message per session event.
LOG_INFO = 3
#: Log level: one message per packet.
LOG_DEBUG = 4
#: Log level: everything.
LOG_TRACE = 5
#: Authentication target: the server (status 401).
AUTH_TARGET_SERVER = 1
#: Authentication target: the proxy (status 407).
AUTH_TARGET_PROXY = 2
#: Authentication scheme: Basic, a user name and a password.
AUTH_BASIC = 1
#: Authentication scheme: Digest.
AUTH_DIGEST = 2
#: Authentication scheme: NTLM.
AUTH_NTLM = 3
#: Authentication scheme: Negotiate.
AUTH_NEGOTIATE = 4
#: Authentication scheme: Bearer, a token.
AUTH_BEARER = 16
#: Job state: not run yet.
JOB_READY = 0
#: Job state: opening a session on the server.
JOB_CONNECTING = 1
#: Job state: sending data.
JOB_TRANSFERRING = 2
#: Job state: waiting before a retry.
JOB_WAITING = 3
#: Job state: stopped by bitsup_job_suspend; can be run again.
JOB_SUSPENDED = 4
#: Job state: the server has the whole file, and its reply is being fetched.
JOB_FETCHING_REPLY = 5
#: Job state: the server has the whole file, and the reply, if any, is stored.
JOB_TRANSFERRED = 6
#: Job state: complete.
JOB_CLOSED = 7
#: Job state: cancelled.
JOB_CANCELLED = 8
#: Job state: failed; can be run again if the error was transient.
JOB_FAILED = 9
#: Durability: a power failure can lose whatever the operating system has not yet written to disk.
DURABILITY_NONE = 0
#: Durability: a delivered file survives a power failure, an unfinished upload may not.
DURABILITY_FILE = 1
#: Durability: every acknowledged fragment survives a power failure.
DURABILITY_FRAGMENT = 2
#: Part of a session: all parts.
PART_ALL = 0
#: Part of a session: the received data.
PART_DATA = 1
#: Part of a session: the reply.
PART_REPLY = 2
#: State of a destination: nothing exists there, and a file can be created.
PLACE_FREE = 0
#: State of a destination: a file exists there.
PLACE_FILE = 1
#: State of a destination: a folder exists there, or something else that a file cannot replace.
PLACE_FOLDER = 2
#: State of a destination: nothing exists there, nor does the folder that would contain it.
PLACE_NO_FOLDER = 3
#: Packet: none; the session ended without a request.
PACKET_NONE = 0
#: Packet: checks that the server is there; belongs to no session.
PACKET_PING = 1
#: Packet: opens a session.
PACKET_CREATE = 2
#: Packet: carries part of the file.
PACKET_FRAGMENT = 3
#: Packet: ends a session after a complete upload.
PACKET_CLOSE = 4
#: Packet: ends a session and discards its data.
PACKET_CANCEL = 5
#: Packet: none; the request is a GET or HEAD of a reply.
PACKET_REPLY = 6
#: End of a session: closed after a complete upload.
END_CLOSED = 0
#: End of a session: cancelled by the client or ended by the host application.
END_CANCELLED = 1
#: End of a session: idle for longer than the session timeout.
END_EXPIRED = 2
#: End of a session: closed before the upload was complete, finally rejected, or its data was lost.
END_FAILED = 3
#: Notification: the request contains the paths of the received file and of the reply to write.
NOTIFY_BY_REFERENCE = 1
#: Notification: the request contains the received file, and its response is the reply.
NOTIFY_BY_VALUE = 2
#: Overlap: if a fragment begins before the next expected byte, only its new bytes are stored.
OVERLAP_TRIM = 0
#: Overlap: a fragment that begins before the next expected byte is rejected with 416.
OVERLAP_REJECT = 1
#: Finalize: the file is delivered with its last fragment, before the response.
FINALIZE_LAST_FRAGMENT = 0
#: Finalize: the file is delivered when the client closes the session, before the response.
FINALIZE_CLOSE = 1
#: An exchange needs bytes of the request body.
WANT_BODY = 1
#: An exchange needs bitsup_exchange_finish and no more of the body.
WANT_FINISH = 2

#: Receives a log message.
log_fn: Callable[[Callable[[Any, int, Any, Any, int], None]], Any] = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Releases `user_data`.
destroy_fn: Callable[[Callable[[Any], None]], Any] = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
#: Supplies credentials for `target`, one of BITSUP_AUTH_TARGET_*, and `scheme`, BITSUP_AUTH_BASIC or ...
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
#: Reads bytes of the source: copies 1 to `cap` bytes, starting at `offset`, to `buf` and their number to `*out_len`.
read_fn: Callable[[Callable[[Any, int, Any, int, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_size_t),
)
#: Reports upload progress: the server has acknowledged `sent` of `total` bytes.
progress_fn: Callable[[Callable[[Any, int, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
)
#: Reports progress of a reply or download: `received` of `total` bytes have arrived.
reply_progress_fn: Callable[[Callable[[Any, int, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
)
#: Reports that the job changed from the state `from` to the state `to`; both are BITSUP_JOB_*.
state_fn: Callable[[Callable[[Any, int, int], None]], Any] = ctypes.CFUNCTYPE(
    None,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_int32,
)
#: Reports that a request failed with the transient error `cause` and will be retried after `*delay_ms` milliseconds.
retry_fn: Callable[[Callable[[Any, Any, int, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_uint32,
    ctypes.POINTER(ctypes.c_uint64),
)
#: Stores the record of a session: `len` bytes of text that the store does not interpret.
store_record_fn: Callable[[Callable[[Any, Any, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Lists the stored sessions by calling bitsup_store_list_add for each.
store_list_fn: Callable[[Callable[[Any, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
#: Returns the length of a part, and when it was last written, in milliseconds since 1970 (0 if unknown).
store_stat_fn: Callable[[Callable[[Any, Any, int, Any, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ctypes.c_uint64),
)
#: Appends `len` bytes to a part whose current length is `offset`.
store_write_fn: Callable[[Callable[[Any, Any, int, int, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_uint64,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Acts on a part: flushes or removes it.
store_part_fn: Callable[[Callable[[Any, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
)
#: Reads up to `len` bytes of a part at `offset` and stores their number in `*out_read`, which is 0 only at the end ...
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
#: Delivers the received data to `destination`, a relative path with slashes, for example "folder/file.txt".
store_commit_fn: Callable[[Callable[[Any, Any, Any, int, Any, int], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_size_t,
)
#: Stores what exists at `destination`, one of BITSUP_PLACE_*, in `*out_place`.
store_place_fn: Callable[[Callable[[Any, Any, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_int32),
)
#: Decides about `upload` by calling the functions of bitsup_verdict.
decide_fn: Callable[[Callable[[Any, Any, Any], int]], Any] = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
#: Reports progress of `upload`.
notify_fn: Callable[[Callable[[Any, Any], None]], Any] = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
#: Reports that the session of `upload` ended; `reason` is one of BITSUP_END_*.
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

        #: Returns the version of the loaded library, for comparison with BITSUP_VERSION_NUMBER.
        self.bitsup_version_number: Callable[[], int] = bind("bitsup_version_number", ctypes.c_uint32)
        #: Returns the ABI version of the loaded library.
        self.bitsup_abi_version: Callable[[], int] = bind("bitsup_abi_version", ctypes.c_uint32)
        #: Returns the version of the loaded library as text, for example "0.1.0".
        self.bitsup_version_string: Callable[[], Optional[bytes]] = bind("bitsup_version_string", ctypes.c_char_p)
        #: Returns the name of a status, for example "BITSUP_E_IO"; "BITSUP_E_UNKNOWN" for a number that this ...
        self.bitsup_status_name: Callable[[int], Optional[bytes]] = bind(
            "bitsup_status_name",
            ctypes.c_char_p,
            ctypes.c_int32,
        )
        #: Returns a short English description of a status, for example "a local read or write failed".
        self.bitsup_status_text: Callable[[int], Optional[bytes]] = bind(
            "bitsup_status_text",
            ctypes.c_char_p,
            ctypes.c_int32,
        )
        #: Returns the status of the failed call; BITSUP_OK for NULL.
        self.bitsup_error_status: Callable[[Any], int] = bind("bitsup_error_status", ctypes.c_int32, ctypes.c_void_p)
        #: Returns an English message that says what failed and what to do about it; "" for NULL.
        self.bitsup_error_message: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_error_message",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the HTTP status of the response that caused the error; 0 if no response did.
        self.bitsup_error_http_status: Callable[[Any], int] = bind(
            "bitsup_error_http_status",
            ctypes.c_uint16,
            ctypes.c_void_p,
        )
        #: Returns the HRESULT that the server sent, or that Windows reports for this error; 0 if there is none.
        self.bitsup_error_hresult: Callable[[Any], int] = bind("bitsup_error_hresult", ctypes.c_uint32, ctypes.c_void_p)
        #: Returns which part of the server failed, one of BITSUP_CONTEXT_*; 0 if the server did not say.
        self.bitsup_error_context: Callable[[Any], int] = bind("bitsup_error_context", ctypes.c_uint32, ctypes.c_void_p)
        #: Returns 1 if the same call may succeed later, otherwise 0.
        self.bitsup_error_is_transient: Callable[[Any], int] = bind(
            "bitsup_error_is_transient",
            ctypes.c_int32,
            ctypes.c_void_p,
        )
        #: Frees an error.
        self.bitsup_error_free: Callable[[Any], None] = bind("bitsup_error_free", None, ctypes.c_void_p)
        #: Frees a text that a function of this library returned through a `char **` output.
        self.bitsup_string_free: Callable[[Any], None] = bind("bitsup_string_free", None, ctypes.c_void_p)
        #: Frees bytes that a function of this library returned; `len` is the length returned with them.
        self.bitsup_bytes_free: Callable[[Any, int], None] = bind(
            "bitsup_bytes_free",
            None,
            ctypes.c_void_p,
            ctypes.c_size_t,
        )
        #: Creates a logger for messages up to `max_level`, one of BITSUP_LOG_*.
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
        #: Creates a configuration with the default settings.
        self.bitsup_client_config_new: Callable[[], Any] = bind("bitsup_client_config_new", ctypes.c_void_p)
        #: Frees a configuration.
        self.bitsup_client_config_free: Callable[[Any], None] = bind("bitsup_client_config_free", None, ctypes.c_void_p)
        #: Sets the length of each fragment in bytes.
        self.bitsup_client_config_set_fragment_size: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_fragment_size",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long establishing a connection may take, including name resolution, in milliseconds.
        self.bitsup_client_config_set_connect_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_connect_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long sending one request may take, in milliseconds.
        self.bitsup_client_config_set_request_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_request_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long to wait for the response to one request, in milliseconds.
        self.bitsup_client_config_set_response_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_response_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets when a request that failed with a transient error is retried: after a random delay of at most ...
        self.bitsup_client_config_set_retry: Callable[[Any, int, int, int, Any], int] = bind(
            "bitsup_client_config_set_retry",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.c_uint64,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long a job keeps retrying without progress, in milliseconds from its first failure.
        self.bitsup_client_config_set_no_progress_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_no_progress_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long a whole run may take, in milliseconds.
        self.bitsup_client_config_set_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the User-Agent header field.
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
        #: Sets the maximum number of bytes per second that each job sends.
        self.bitsup_client_config_set_rate_limit: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_rate_limit",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets whether requests are sent as POST with `X-HTTP-Method-Override: BITS_POST` instead of with the ...
        self.bitsup_client_config_set_method_override: Callable[[Any, int, Any], int] = bind(
            "bitsup_client_config_set_method_override",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the proxy for all connections: an http or https URL without credentials, or "" for none, the default.
        self.bitsup_client_config_set_proxy: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_client_config_set_proxy",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a host to reach without the proxy: a domain name, which includes its subdomains, an IP address, or ...
        self.bitsup_client_config_add_no_proxy: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_client_config_add_no_proxy",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds trusted root certificates in PEM format, in addition to those of the platform.
        self.bitsup_client_config_add_root_certificates: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_client_config_add_root_certificates",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the client certificate for servers that authenticate clients by TLS.
        self.bitsup_client_config_set_client_certificate: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_client_config_set_client_certificate",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the logger of the client and its jobs.
        self.bitsup_client_config_set_logger: Callable[[Any, Any, Any], int] = bind(
            "bitsup_client_config_set_logger",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the credentials for `target`, one of BITSUP_AUTH_TARGET_*, and `scheme`, one of BITSUP_AUTH_*.
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
        #: Sets the callback that supplies credentials on demand: if a server or proxy asks for credentials and ...
        self.bitsup_client_config_on_credentials: Callable[[Any, Any, Any, Any, Any], int] = bind(
            "bitsup_client_config_on_credentials",
            ctypes.c_int32,
            ctypes.c_void_p,
            credentials_fn,
            ctypes.c_void_p,
            destroy_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a client with a copy of `config`.
        self.bitsup_client_new: Callable[[Any, Any, Any], int] = bind(
            "bitsup_client_new",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees a client.
        self.bitsup_client_free: Callable[[Any], None] = bind("bitsup_client_free", None, ctypes.c_void_p)
        #: Checks that the server at `url` accepts BITS uploads, by sending one Ping packet without retries.
        self.bitsup_client_ping: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_client_ping",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Downloads `url`, for example the reply to an upload, to the file `path`.
        self.bitsup_client_download: Callable[[Any, Optional[bytes], Optional[bytes], Any, Any], int] = bind(
            "bitsup_client_download",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a source from a regular file.
        self.bitsup_source_from_file: Callable[[Optional[bytes], Any, Any], int] = bind(
            "bitsup_source_from_file",
            ctypes.c_int32,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a source with a copy of `len` bytes.
        self.bitsup_source_from_bytes: Callable[[Any, int, Any, Any], int] = bind(
            "bitsup_source_from_bytes",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a source of `total` bytes that the callback `read` supplies.
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
        #: Creates an observer without callbacks.
        self.bitsup_observer_new: Callable[[Any, Any], Any] = bind(
            "bitsup_observer_new",
            ctypes.c_void_p,
            ctypes.c_void_p,
            destroy_fn,
        )
        #: Frees an observer.
        self.bitsup_observer_free: Callable[[Any], None] = bind("bitsup_observer_free", None, ctypes.c_void_p)
        #: Sets the callback for acknowledged bytes; NULL removes it.
        self.bitsup_observer_on_progress: Callable[[Any, Any, Any], int] = bind(
            "bitsup_observer_on_progress",
            ctypes.c_int32,
            ctypes.c_void_p,
            progress_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback for received bytes of a reply or download; NULL removes it.
        self.bitsup_observer_on_reply_progress: Callable[[Any, Any, Any], int] = bind(
            "bitsup_observer_on_reply_progress",
            ctypes.c_int32,
            ctypes.c_void_p,
            reply_progress_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback for state changes; NULL removes it.
        self.bitsup_observer_on_state: Callable[[Any, Any, Any], int] = bind(
            "bitsup_observer_on_state",
            ctypes.c_int32,
            ctypes.c_void_p,
            state_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback for failures that will be retried; NULL removes it.
        self.bitsup_observer_on_retry: Callable[[Any, Any, Any], int] = bind(
            "bitsup_observer_on_retry",
            ctypes.c_int32,
            ctypes.c_void_p,
            retry_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a job that uploads the content of `source` to `url`.
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
        #: Sets the file name that is sent as Content-Name: 1 to 260 printable ASCII characters, without \ / : * ?
        self.bitsup_job_set_content_name: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_job_set_content_name",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a header field to every request of the job, after those of its client.
        self.bitsup_job_add_header: Callable[[Any, Optional[bytes], Optional[bytes], Any], int] = bind(
            "bitsup_job_add_header",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the observer of the job and replaces any previous one.
        self.bitsup_job_set_observer: Callable[[Any, Any, Any], int] = bind(
            "bitsup_job_set_observer",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Makes this an upload-reply job: once the server has the whole file, the job fetches the server's reply ...
        self.bitsup_job_set_reply_path: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_job_set_reply_path",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Uploads the source.
        self.bitsup_job_run: Callable[[Any, Any], int] = bind(
            "bitsup_job_run",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sends at most one request, or fetches the reply, and stores the resulting state, one of BITSUP_JOB_*, in ...
        self.bitsup_job_step: Callable[[Any, Any, Any], int] = bind(
            "bitsup_job_step",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_int32),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Acknowledges an upload that steps have brought to BITSUP_JOB_TRANSFERRED, like Complete in BITS: closes ...
        self.bitsup_job_close: Callable[[Any, Any], int] = bind(
            "bitsup_job_close",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Stops a run: it ends within 250 ms with BITSUP_E_SUSPENDED.
        self.bitsup_job_suspend: Callable[[Any, Any], int] = bind(
            "bitsup_job_suspend",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Cancels the upload for good; the job cannot be run again.
        self.bitsup_job_cancel: Callable[[Any, Any], int] = bind(
            "bitsup_job_cancel",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum number of bytes per second that the job sends; 0 removes the limit.
        self.bitsup_job_set_rate_limit: Callable[[Any, int, Any], int] = bind(
            "bitsup_job_set_rate_limit",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the state of the job, one of BITSUP_JOB_*; -1 for NULL or an unusable job.
        self.bitsup_job_state: Callable[[Any], int] = bind("bitsup_job_state", ctypes.c_int32, ctypes.c_void_p)
        #: Returns the number of bytes that the server has acknowledged and the length of the source.
        self.bitsup_job_progress: Callable[[Any, Any, Any, Any], int] = bind(
            "bitsup_job_progress",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the id of the session as the server sent it, for example to find the upload in the server's log.
        self.bitsup_job_session_id: Callable[[Any, Any, Any], int] = bind(
            "bitsup_job_session_id",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the absolute URL of the reply to the upload.
        self.bitsup_job_reply_url: Callable[[Any, Any, Any], int] = bind(
            "bitsup_job_reply_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Stores the state of the job in the file `path`, so that the upload survives the process.
        self.bitsup_job_set_state_path: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_job_set_state_path",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the current state of the job, from which bitsup_job_import can continue in this process or another.
        self.bitsup_job_export: Callable[[Any, Any, Any, Any], int] = bind(
            "bitsup_job_export",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_size_t),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Continues from a state that bitsup_job_export returned for a job with the same URL and source.
        self.bitsup_job_import: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_job_import",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Opens a store of files in the directory `root`, which must exist.
        self.bitsup_store_new_dir: Callable[[Optional[bytes], int, int, Any, Any], int] = bind(
            "bitsup_store_new_dir",
            ctypes.c_int32,
            ctypes.c_char_p,
            ctypes.c_int32,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a store that keeps files and unfinished uploads in memory, at most `max_bytes` in total.
        self.bitsup_store_new_memory: Callable[[int, Any, Any], int] = bind(
            "bitsup_store_new_memory",
            ctypes.c_int32,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees a store.
        self.bitsup_store_free: Callable[[Any], None] = bind("bitsup_store_free", None, ctypes.c_void_p)
        #: Creates a set without callbacks.
        self.bitsup_store_ops_new: Callable[[Any, Any], Any] = bind(
            "bitsup_store_ops_new",
            ctypes.c_void_p,
            ctypes.c_void_p,
            destroy_fn,
        )
        #: Frees a set.
        self.bitsup_store_ops_free: Callable[[Any], None] = bind("bitsup_store_ops_free", None, ctypes.c_void_p)
        #: Sets the callback that creates a session with this record and empty data.
        self.bitsup_store_ops_on_create: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_create",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_record_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that replaces the record of a session atomically.
        self.bitsup_store_ops_on_save: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_save",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_record_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that lists the sessions of an earlier process.
        self.bitsup_store_ops_on_list: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_list",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_list_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that returns the length of a part.
        self.bitsup_store_ops_on_stat: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_stat",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_stat_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that appends to a part.
        self.bitsup_store_ops_on_write: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_write",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_write_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that ends a series of writes.
        self.bitsup_store_ops_on_flush: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_flush",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_part_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that reads a part, for replies and for applications that read the data.
        self.bitsup_store_ops_on_read: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_read",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_read_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that delivers the data.
        self.bitsup_store_ops_on_commit: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_commit",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_commit_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that removes the reply (BITSUP_PART_REPLY) or the whole session (BITSUP_PART_ALL).
        self.bitsup_store_ops_on_remove: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_remove",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_part_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that checks a destination before a session is created, so that an upload that cannot ...
        self.bitsup_store_ops_on_place: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_ops_on_place",
            ctypes.c_int32,
            ctypes.c_void_p,
            store_place_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a store from a copy of the callbacks.
        self.bitsup_store_new_custom: Callable[[Any, Any, Any], int] = bind(
            "bitsup_store_new_custom",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a session: its last stored record, and when a part was last written, in milliseconds since 1970 (0 ...
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
        #: Returns the packet that caused the callback, one of BITSUP_PACKET_*; -1 for NULL.
        self.bitsup_upload_packet: Callable[[Any], int] = bind("bitsup_upload_packet", ctypes.c_int32, ctypes.c_void_p)
        #: Returns the session id that the client uses, "{...}"; NULL if there is no session yet.
        self.bitsup_upload_session_id: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_session_id",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the path and query of the upload URL as sent with Create-Session, including the mount point.
        self.bitsup_upload_target: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_target",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the absolute upload URL; without a public URL and a Host header field, only its path and query.
        self.bitsup_upload_url: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_url",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the address of the client; NULL if it is unknown.
        self.bitsup_upload_peer: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_peer",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the authenticated user, or the one that on_request set; NULL if there is none.
        self.bitsup_upload_owner: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_owner",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the file name that the client sent as Content-Name; NULL if the packet has none.
        self.bitsup_upload_content_name: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_content_name",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the path of the received file, which the callback may read but must not move or change.
        self.bitsup_upload_data_path: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_data_path",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns a path where on_received may write a reply and then pass it to bitsup_verdict_set_reply_path.
        self.bitsup_upload_reply_path: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_upload_reply_path",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the first header field of the packet with that name, in any letter case; NULL if there is none ...
        self.bitsup_upload_header: Callable[[Any, Optional[bytes]], Optional[bytes]] = bind(
            "bitsup_upload_header",
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_char_p,
        )
        #: Returns the number of bytes that the session holds; 0 for NULL.
        self.bitsup_upload_received: Callable[[Any], int] = bind(
            "bitsup_upload_received",
            ctypes.c_uint64,
            ctypes.c_void_p,
        )
        #: Returns the length of the whole file; UINT64_MAX if it is not known yet, and for NULL.
        self.bitsup_upload_total: Callable[[Any], int] = bind("bitsup_upload_total", ctypes.c_uint64, ctypes.c_void_p)
        #: Reads up to `len` bytes of the received file at `offset` into `buffer` and stores their number in ...
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
        #: Rejects the packet with this HTTP status, HRESULT and context.
        self.bitsup_verdict_reject: Callable[[Any, int, int, int, Any], int] = bind(
            "bitsup_verdict_reject",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint16,
            ctypes.c_uint32,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Rejects the request with 401 and asks for credentials.
        self.bitsup_verdict_challenge: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_challenge",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the user who sent the request.
        self.bitsup_verdict_set_owner: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_set_owner",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets where the file is delivered.
        self.bitsup_verdict_set_destination: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_set_destination",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets whether the file is delivered to its destination (not 0, the default) or discarded when the session ...
        self.bitsup_verdict_set_keep_file: Callable[[Any, int, Any], int] = bind(
            "bitsup_verdict_set_keep_file",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets a URL on another server as the reply, and replaces any other reply.
        self.bitsup_verdict_set_reply_url: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_set_reply_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the content of the file `path` as the reply, and replaces any other reply.
        self.bitsup_verdict_set_reply_path: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_verdict_set_reply_path",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets `len` bytes as the reply, and replaces any other reply.
        self.bitsup_verdict_set_reply_bytes: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_verdict_set_reply_bytes",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a set without callbacks.
        self.bitsup_hooks_new: Callable[[Any, Any], Any] = bind(
            "bitsup_hooks_new",
            ctypes.c_void_p,
            ctypes.c_void_p,
            destroy_fn,
        )
        #: Frees a set.
        self.bitsup_hooks_free: Callable[[Any], None] = bind("bitsup_hooks_free", None, ctypes.c_void_p)
        #: Sets the callback that decides about every packet, and every GET and HEAD of a reply, before it is ...
        self.bitsup_hooks_on_request: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_request",
            ctypes.c_int32,
            ctypes.c_void_p,
            decide_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that decides about new sessions: it accepts or rejects the upload and may set where ...
        self.bitsup_hooks_on_create: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_create",
            ctypes.c_int32,
            ctypes.c_void_p,
            decide_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback for stored bytes; it runs before they are acknowledged.
        self.bitsup_hooks_on_progress: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_progress",
            ctypes.c_int32,
            ctypes.c_void_p,
            notify_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback that decides about complete uploads while the client waits: it accepts or rejects the ...
        self.bitsup_hooks_on_received: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_received",
            ctypes.c_int32,
            ctypes.c_void_p,
            decide_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callback for the end of sessions; NULL removes it.
        self.bitsup_hooks_on_end: Callable[[Any, Any, Any], int] = bind(
            "bitsup_hooks_on_end",
            ctypes.c_int32,
            ctypes.c_void_p,
            end_fn,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Lets an application at `url` decide about complete uploads over HTTP, as in IIS; `kind` is one of ...
        self.bitsup_hooks_notify_url: Callable[[Any, int, Optional[bytes], int, Any], int] = bind(
            "bitsup_hooks_notify_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.c_char_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds trusted root certificates in PEM format, in addition to those of the platform, for https URLs of ...
        self.bitsup_hooks_add_notify_root_certificates: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_hooks_add_notify_root_certificates",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates a configuration with the default settings and no store.
        self.bitsup_engine_config_new: Callable[[], Any] = bind("bitsup_engine_config_new", ctypes.c_void_p)
        #: Frees a configuration.
        self.bitsup_engine_config_free: Callable[[Any], None] = bind("bitsup_engine_config_free", None, ctypes.c_void_p)
        #: Sets where received data is stored.
        self.bitsup_engine_config_set_store: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_config_set_store",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the callbacks of the application behind the engine.
        self.bitsup_engine_config_set_hooks: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_config_set_hooks",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the URL under which clients reach the engine, including the mount point, for example ...
        self.bitsup_engine_config_set_public_url: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_engine_config_set_public_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the address of this server in a server farm (BITS-Host-ID): a host name or address, with a port if ...
        self.bitsup_engine_config_set_host_id: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_engine_config_set_host_id",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets whether POST with `X-HTTP-Method-Override: BITS_POST` is accepted as BITS_POST.
        self.bitsup_engine_config_set_method_override: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_method_override",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the logger of the engine.
        self.bitsup_engine_config_set_logger: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_config_set_logger",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum length of a file in bytes.
        self.bitsup_engine_config_set_max_upload_size: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_max_upload_size",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum length of a fragment in bytes; at least 1.
        self.bitsup_engine_config_set_max_fragment_size: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_max_fragment_size",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how many bytes a directory store leaves free on its volume.
        self.bitsup_engine_config_set_free_space_reserve: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_free_space_reserve",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum number of sessions per user.
        self.bitsup_engine_config_set_max_sessions_per_owner: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_max_sessions_per_owner",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum number of sessions in total.
        self.bitsup_engine_config_set_max_sessions: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_max_sessions",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long a session lives without a successful packet, in milliseconds; at least 1.
        self.bitsup_engine_config_set_session_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_session_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets whether an upload may replace an existing file (not 0).
        self.bitsup_engine_config_set_allow_overwrite: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_allow_overwrite",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how overlapping fragments are handled, one of BITSUP_OVERLAP_*.
        self.bitsup_engine_config_set_overlap: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_overlap",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets when files are delivered to their destination, one of BITSUP_FINALIZE_*.
        self.bitsup_engine_config_set_finalize: Callable[[Any, int, Any], int] = bind(
            "bitsup_engine_config_set_finalize",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates an engine with a copy of `config`, and loads the sessions in its store.
        self.bitsup_engine_new: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_new",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees an engine.
        self.bitsup_engine_free: Callable[[Any], None] = bind("bitsup_engine_free", None, ctypes.c_void_p)
        #: Returns 1 if a request is for this engine: a packet, or a GET or HEAD of a reply; otherwise 0, also for NULL.
        self.bitsup_engine_accepts: Callable[[Any, Optional[bytes], int, Optional[bytes], int], int] = bind(
            "bitsup_engine_accepts",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_char_p,
            ctypes.c_size_t,
        )
        #: Ends sessions that have been idle for longer than the session timeout and stores their number in ...
        self.bitsup_engine_tick: Callable[[Any, Any, Any, Any], int] = bind(
            "bitsup_engine_tick",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the number of sessions.
        self.bitsup_engine_session_count: Callable[[Any, Any, Any], int] = bind(
            "bitsup_engine_session_count",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_uint64),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Ends a session and discards its data, for example on behalf of an administrator.
        self.bitsup_engine_end_session: Callable[[Any, Optional[bytes], Any], int] = bind(
            "bitsup_engine_end_session",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Creates an exchange for one request.
        self.bitsup_exchange_new: Callable[[Any, Any, Any], int] = bind(
            "bitsup_exchange_new",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees an exchange.
        self.bitsup_exchange_free: Callable[[Any], None] = bind("bitsup_exchange_free", None, ctypes.c_void_p)
        #: Sets the method and the target of the request as received: path and query, not decoded.
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
        #: Adds a header field of the request.
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
        #: Sets the address of the client for the log and for hooks.
        self.bitsup_exchange_set_peer: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_exchange_set_peer",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the user that the application has authenticated.
        self.bitsup_exchange_set_owner: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_exchange_set_owner",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the URL prefix that was removed from the target, as received, for example "/upload/".
        self.bitsup_exchange_set_mount: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_exchange_set_mount",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets whether the request was sent over https (not 0).
        self.bitsup_exchange_set_secure: Callable[[Any, int, Any], int] = bind(
            "bitsup_exchange_set_secure",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_int32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Processes the head of the request and stores what is needed next, one of BITSUP_WANT_*, in `*out_want`.
        self.bitsup_exchange_begin: Callable[[Any, Any, Any], int] = bind(
            "bitsup_exchange_begin",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_int32),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Processes bytes of the body and stores what is needed next in `*out_want`.
        self.bitsup_exchange_body: Callable[[Any, Any, int, Any, Any], int] = bind(
            "bitsup_exchange_body",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_int32),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Reads bytes of the body, at most `max_len`, from the descriptor of a socket, pipe or file, as one call ...
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
        #: Returns the response.
        self.bitsup_exchange_finish: Callable[[Any, Any, Any], int] = bind(
            "bitsup_exchange_finish",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the HTTP status; 0 for NULL.
        self.bitsup_response_status: Callable[[Any], int] = bind(
            "bitsup_response_status",
            ctypes.c_uint16,
            ctypes.c_void_p,
        )
        #: Returns the reason phrase of the status; NULL for NULL.
        self.bitsup_response_reason: Callable[[Any], Optional[bytes]] = bind(
            "bitsup_response_reason",
            ctypes.c_char_p,
            ctypes.c_void_p,
        )
        #: Returns the number of header fields, without Content-Length; 0 for NULL.
        self.bitsup_response_header_count: Callable[[Any], int] = bind(
            "bitsup_response_header_count",
            ctypes.c_size_t,
            ctypes.c_void_p,
        )
        #: Returns the name of a header field; NULL for NULL or if `index` is not below the count.
        self.bitsup_response_header_name: Callable[[Any, int], Optional[bytes]] = bind(
            "bitsup_response_header_name",
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
        )
        #: Returns the value of a header field, which is printable ASCII; NULL for NULL or if `index` is not below ...
        self.bitsup_response_header_value: Callable[[Any, int], Optional[bytes]] = bind(
            "bitsup_response_header_value",
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
        )
        #: Returns the value of Content-Length; 0 for NULL.
        self.bitsup_response_content_length: Callable[[Any], int] = bind(
            "bitsup_response_content_length",
            ctypes.c_uint64,
            ctypes.c_void_p,
        )
        #: Returns the number of bytes that bitsup_response_read_body will return in total; 0 for NULL.
        self.bitsup_response_body_length: Callable[[Any], int] = bind(
            "bitsup_response_body_length",
            ctypes.c_uint64,
            ctypes.c_void_p,
        )
        #: Reads the next bytes of the body, at most `cap`, and stores their number in `*out_len`: 0 at the end, or ...
        self.bitsup_response_read_body: Callable[[Any, Any, int, Any, Any], int] = bind(
            "bitsup_response_read_body",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_size_t),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns 1 if the connection must be closed after this response, which needs `Connection: close`, because ...
        self.bitsup_response_must_close: Callable[[Any], int] = bind(
            "bitsup_response_must_close",
            ctypes.c_int32,
            ctypes.c_void_p,
        )
        #: Frees a response.
        self.bitsup_response_free: Callable[[Any], None] = bind("bitsup_response_free", None, ctypes.c_void_p)
        #: Creates a configuration with the default settings and no engine.
        self.bitsup_server_config_new: Callable[[], Any] = bind("bitsup_server_config_new", ctypes.c_void_p)
        #: Frees a configuration.
        self.bitsup_server_config_free: Callable[[Any], None] = bind("bitsup_server_config_free", None, ctypes.c_void_p)
        #: Sets the host name or address and the port to listen on.
        self.bitsup_server_config_set_listen: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_server_config_set_listen",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint16,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Enables the administration page on this host name or address and port.
        self.bitsup_server_config_set_admin: Callable[[Any, Optional[bytes], int, Any], int] = bind(
            "bitsup_server_config_set_admin",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint16,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Mounts an engine at the URL path `prefix`; "/" is the whole server.
        self.bitsup_server_config_mount: Callable[[Any, Optional[bytes], Any, Any], int] = bind(
            "bitsup_server_config_mount",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Enables TLS 1.2 and 1.3.
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
        #: Requires clients to present a certificate issued by one of these authorities, given as root certificates ...
        self.bitsup_server_config_set_client_ca: Callable[[Any, Any, int, Any], int] = bind(
            "bitsup_server_config_set_client_ca",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Adds a user for Basic authentication.
        self.bitsup_server_config_add_user: Callable[[Any, Optional[bytes], Optional[bytes], Any], int] = bind(
            "bitsup_server_config_add_user",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum number of worker threads; at least 1.
        self.bitsup_server_config_set_max_workers: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_workers",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long receiving the head of a request may take, in milliseconds; at least 1.
        self.bitsup_server_config_set_head_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_head_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum number of connections; at least 1.
        self.bitsup_server_config_set_max_connections: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_connections",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum number of connections per client address; an IPv6 /64 network counts as one address.
        self.bitsup_server_config_set_max_connections_per_address: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_connections_per_address",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum length of a request head in bytes; at least 1.
        self.bitsup_server_config_set_max_head_bytes: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_head_bytes",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the maximum number of header fields of a request; at least 1.
        self.bitsup_server_config_set_max_head_fields: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_max_head_fields",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the minimum average rate, in bytes per second, at which clients must send request bodies and ...
        self.bitsup_server_config_set_min_body_rate: Callable[[Any, int, int, Any], int] = bind(
            "bitsup_server_config_set_min_body_rate",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long a request body may make no progress, in milliseconds; at least 1.
        self.bitsup_server_config_set_read_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_read_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets how long a connection may be idle between two requests, in milliseconds; at least 1.
        self.bitsup_server_config_set_idle_timeout: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_config_set_idle_timeout",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the logger of the server.
        self.bitsup_server_config_set_logger: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_config_set_logger",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Sets the logger for the access log: one JSON object per request and event, at level BITSUP_LOG_INFO with ...
        self.bitsup_server_config_set_access_logger: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_config_set_access_logger",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Starts a server: binds the address and serves requests on its own threads until it is stopped.
        self.bitsup_server_start: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_start",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the URL of the server with the port in use, for example "http://127.0.0.1:41234/"; with TLS it ...
        self.bitsup_server_url: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the metrics of the server in the Prometheus text format, version 0.0.4.
        self.bitsup_server_metrics: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_metrics",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the URL of the administration page with the port in use, for example "http://127.0.0.1:41235/".
        self.bitsup_server_admin_url: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_admin_url",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Returns the port in use; 0 for NULL or an unusable server.
        self.bitsup_server_port: Callable[[Any], int] = bind("bitsup_server_port", ctypes.c_uint16, ctypes.c_void_p)
        #: Replaces the certificate, its key and the client authority by those in `config`, for new connections.
        self.bitsup_server_reload_tls: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_reload_tls",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Replaces the users by those in `config`, from the next request on.
        self.bitsup_server_reload_users: Callable[[Any, Any, Any], int] = bind(
            "bitsup_server_reload_users",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Stops the server: accepts no more connections, closes idle ones, waits up to `grace_ms` milliseconds for ...
        self.bitsup_server_stop: Callable[[Any, int, Any], int] = bind(
            "bitsup_server_stop",
            ctypes.c_int32,
            ctypes.c_void_p,
            ctypes.c_uint64,
            ctypes.POINTER(ctypes.c_void_p),
        )
        #: Frees a server.
        self.bitsup_server_free: Callable[[Any], None] = bind("bitsup_server_free", None, ctypes.c_void_p)
