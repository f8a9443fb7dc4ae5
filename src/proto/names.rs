//! Every name the protocol puts on the wire, spelled as real peers spell it.

/// The extension method of every packet; method tokens are case-sensitive.
pub const METHOD: &str = "BITS_POST";
/// The only upload protocol there is, as it travels in `BITS-Supported-Protocols` and `BITS-Protocol`.
pub const PROTOCOL_GUID: &str = "{7df0354d-249b-430f-820d-3d2a9bef4931}";

/// Names the packet; `Ack` in every answer.
pub const PACKET_TYPE: &str = "BITS-Packet-Type";
/// Value of [`PACKET_TYPE`] in every answer.
pub const ACK: &str = "Ack";
/// The protocols a client offers, most preferred first.
pub const SUPPORTED_PROTOCOLS: &str = "BITS-Supported-Protocols";
/// The protocol the server chose.
pub const PROTOCOL: &str = "BITS-Protocol";
/// The session a packet belongs to.
pub const SESSION_ID: &str = "BITS-Session-Id";
/// The next offset the server expects.
pub const RECEIVED_CONTENT_RANGE: &str = "BITS-Received-Content-Range";
/// HRESULT of an error, by the specification's name.
pub const ERROR: &str = "BITS-Error";
/// HRESULT of an error, by the name of the Win32 documentation.
pub const ERROR_CODE: &str = "BITS-Error-Code";
/// Who failed: the server (0x5) or the application behind it (0x7).
pub const ERROR_CONTEXT: &str = "BITS-Error-Context";
/// Address of this very server within a farm.
pub const HOST_ID: &str = "BITS-Host-Id";
/// Seconds after which a client returns from the host id to the original host.
pub const HOST_ID_FALLBACK_TIMEOUT: &str = "BITS-Host-Id-Fallback-Timeout";
/// Where the reply of an upload-reply job lies.
pub const REPLY_URL: &str = "BITS-Reply-URL";

/// To the server application: the URL of the upload.
pub const ORIGINAL_REQUEST_URL: &str = "BITS-Original-Request-URL";
/// To the server application, by reference: where the received file lies.
pub const REQUEST_DATA_FILE_NAME: &str = "BITS-Request-DataFile-Name";
/// To the server application, by reference: where it may write the reply.
pub const RESPONSE_DATA_FILE_NAME: &str = "BITS-Response-DataFile-Name";
/// From the server application: a URL that is the reply.
pub const STATIC_RESPONSE_URL: &str = "BITS-Static-Response-URL";
/// From the server application: the file is to go to its destination.
pub const COPY_FILE_TO_DESTINATION: &str = "BITS-Copy-File-To-Destination";
/// To the server application: the same for every notification of one upload.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Leaf name of the client's file; informative only.
pub const CONTENT_NAME: &str = "Content-Name";
/// Bytes a Fragment carries.
pub const CONTENT_RANGE: &str = "Content-Range";
/// Length of a body; on every request.
pub const CONTENT_LENGTH: &str = "Content-Length";
/// Coding of a body; only `identity` is known.
pub const CONTENT_ENCODING: &str = "Content-Encoding";
/// Framing that the protocol does not allow.
pub const TRANSFER_ENCODING: &str = "Transfer-Encoding";
/// In a Create-Session Ack: codings the server takes in Fragments.
pub const ACCEPT_ENCODING: &str = "Accept-Encoding";
/// Keeps HTTP/1.0 caches away from Acks, as IIS does.
pub const PRAGMA: &str = "Pragma";
/// Keeps HTTP/1.1 caches away from Acks.
pub const CACHE_CONTROL: &str = "Cache-Control";
/// Seconds to wait before the next try.
pub const RETRY_AFTER: &str = "Retry-After";
/// The methods a resource takes.
pub const ALLOW: &str = "Allow";
/// The method that is meant, where proxies only let POST through.
pub const METHOD_OVERRIDE: &str = "X-HTTP-Method-Override";
/// The address of a server, in every request.
pub const HOST: &str = "Host";
/// The parts of a resource that a GET asks for.
pub const RANGE: &str = "Range";
/// A condition for the ranges of a GET: the resource is still the one they were counted in.
pub const IF_RANGE: &str = "If-Range";
/// A condition for a request: the resource is one of these.
pub const IF_MATCH: &str = "If-Match";
/// A condition for a request: the resource is none of these.
pub const IF_NONE_MATCH: &str = "If-None-Match";
/// A condition for a request: the resource was not written since.
pub const IF_UNMODIFIED_SINCE: &str = "If-Unmodified-Since";
/// A condition for a request: the resource was written since.
pub const IF_MODIFIED_SINCE: &str = "If-Modified-Since";
/// The ranges that a resource can be asked for in.
pub const ACCEPT_RANGES: &str = "Accept-Ranges";
/// What a body is.
pub const CONTENT_TYPE: &str = "Content-Type";
/// Which version of a resource this is.
pub const ETAG: &str = "ETag";
/// When a resource was last written.
pub const LAST_MODIFIED: &str = "Last-Modified";
