//! The names of methods, header fields and packet types, in the case that Windows and IIS use.

/// The HTTP method of all packets. Methods are case-sensitive.
pub const METHOD: &str = "BITS_POST";
/// The only upload protocol, as in `BITS-Supported-Protocols` and `BITS-Protocol`.
pub const PROTOCOL_GUID: &str = "{7df0354d-249b-430f-820d-3d2a9bef4931}";

/// The type of the packet; `Ack` in responses.
pub const PACKET_TYPE: &str = "BITS-Packet-Type";
/// The value of [`PACKET_TYPE`] in responses.
pub const ACK: &str = "Ack";
/// The protocols that the client offers, in order of preference.
pub const SUPPORTED_PROTOCOLS: &str = "BITS-Supported-Protocols";
/// The protocol that the server chose.
pub const PROTOCOL: &str = "BITS-Protocol";
/// The session of the packet.
pub const SESSION_ID: &str = "BITS-Session-Id";
/// The next offset that the server expects.
pub const RECEIVED_CONTENT_RANGE: &str = "BITS-Received-Content-Range";
/// The HRESULT of an error, as named by the specification.
pub const ERROR: &str = "BITS-Error";
/// The HRESULT of an error, as named by the Win32 documentation.
pub const ERROR_CODE: &str = "BITS-Error-Code";
/// What failed: the server (0x5) or the application behind it (0x7).
pub const ERROR_CONTEXT: &str = "BITS-Error-Context";
/// The address of this server within a server farm.
pub const HOST_ID: &str = "BITS-Host-Id";
/// The time in seconds after which the client returns from the host id to the original host.
pub const HOST_ID_FALLBACK_TIMEOUT: &str = "BITS-Host-Id-Fallback-Timeout";
/// The URL of the reply of an upload-reply job.
pub const REPLY_URL: &str = "BITS-Reply-URL";

/// To the server application: the URL of the upload.
pub const ORIGINAL_REQUEST_URL: &str = "BITS-Original-Request-URL";
/// To the server application, by reference: the path of the received file.
pub const REQUEST_DATA_FILE_NAME: &str = "BITS-Request-DataFile-Name";
/// To the server application, by reference: the path where it may write the reply.
pub const RESPONSE_DATA_FILE_NAME: &str = "BITS-Response-DataFile-Name";
/// From the server application: a URL that is the reply.
pub const STATIC_RESPONSE_URL: &str = "BITS-Static-Response-URL";
/// From the server application: whether the file goes to its destination.
pub const COPY_FILE_TO_DESTINATION: &str = "BITS-Copy-File-To-Destination";
/// To the server application: the same value in all notifications of one upload.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The name of the client's file without its folder; informative only.
pub const CONTENT_NAME: &str = "Content-Name";
/// The byte range of a Fragment.
pub const CONTENT_RANGE: &str = "Content-Range";
/// The length of the body; in all requests.
pub const CONTENT_LENGTH: &str = "Content-Length";
/// The coding of the body; only `identity` is supported.
pub const CONTENT_ENCODING: &str = "Content-Encoding";
/// The framing of the body; the protocol does not allow it.
pub const TRANSFER_ENCODING: &str = "Transfer-Encoding";
/// In the Ack of Create-Session: the codings that the server accepts in Fragments.
pub const ACCEPT_ENCODING: &str = "Accept-Encoding";
/// Prevents HTTP/1.0 caches from storing Acks, as IIS does.
pub const PRAGMA: &str = "Pragma";
/// Prevents HTTP/1.1 caches from storing Acks.
pub const CACHE_CONTROL: &str = "Cache-Control";
/// The time in seconds to wait before a retry.
pub const RETRY_AFTER: &str = "Retry-After";
/// The methods that a resource supports.
pub const ALLOW: &str = "Allow";
/// The real method of a POST, for proxies that reject unknown methods.
pub const METHOD_OVERRIDE: &str = "X-HTTP-Method-Override";
/// The host and port of the server; in all requests.
pub const HOST: &str = "Host";
/// The byte ranges that a GET requests.
pub const RANGE: &str = "Range";
/// The challenge of a server that requires credentials.
pub const WWW_AUTHENTICATE: &str = "WWW-Authenticate";
/// Credentials for a server.
pub const AUTHORIZATION: &str = "Authorization";
/// The challenge of a proxy that requires credentials.
pub const PROXY_AUTHENTICATE: &str = "Proxy-Authenticate";
/// Credentials for a proxy.
pub const PROXY_AUTHORIZATION: &str = "Proxy-Authorization";
/// A condition for [`RANGE`]: the resource is still this version.
pub const IF_RANGE: &str = "If-Range";
/// A condition of a request: the resource is one of these versions.
pub const IF_MATCH: &str = "If-Match";
/// A condition of a request: the resource is none of these versions.
pub const IF_NONE_MATCH: &str = "If-None-Match";
/// A condition of a request: the resource was not modified since then.
pub const IF_UNMODIFIED_SINCE: &str = "If-Unmodified-Since";
/// A condition of a request: the resource was modified since then.
pub const IF_MODIFIED_SINCE: &str = "If-Modified-Since";
/// The units in which ranges of a resource can be requested.
pub const ACCEPT_RANGES: &str = "Accept-Ranges";
/// The media type of the body.
pub const CONTENT_TYPE: &str = "Content-Type";
/// The version of a resource.
pub const ETAG: &str = "ETag";
/// The time when a resource was last modified.
pub const LAST_MODIFIED: &str = "Last-Modified";
