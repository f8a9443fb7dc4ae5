//! The request packets: their types, and the parsing of their header fields.

use super::fault::Fault;
use super::headers::Headers;
use super::limits::{MAX_PROTOCOLS, MAX_SESSION_ID};
use super::range::{FragmentRange, decimal};
use super::session_id::SessionId;
use super::{limits, names};

/// The five requests of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketKind {
    /// Checks whether the server supports uploads; belongs to no session.
    Ping,
    /// Creates a session.
    CreateSession,
    /// Transfers bytes of the file.
    Fragment,
    /// Ends a session after a complete upload.
    CloseSession,
    /// Ends a session and discards it.
    CancelSession,
}

impl PacketKind {
    /// All five packets.
    pub const ALL: [Self; 5] =
        [Self::Ping, Self::CreateSession, Self::Fragment, Self::CloseSession, Self::CancelSession];

    /// Returns the value of `BITS-Packet-Type`, in the case that Windows uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ping => "Ping",
            Self::CreateSession => "Create-Session",
            Self::Fragment => "Fragment",
            Self::CloseSession => "Close-Session",
            Self::CancelSession => "Cancel-Session",
        }
    }

    /// Parses the packet type of a request.
    ///
    /// # Errors
    ///
    /// 400 if it is missing or unknown (GEN-07, GEN-08).
    pub fn from_headers(headers: &Headers) -> Result<Self, Fault> {
        let Some(name) = headers.single(names::PACKET_TYPE)? else {
            return Err(Fault::invalid("no BITS-Packet-Type"));
        };
        let known = Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name));
        known.ok_or(Fault::invalid("unknown BITS-Packet-Type"))
    }
}

/// The session that a packet refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionRef {
    /// An id that this server may have issued.
    Id(SessionId),
    /// Text that the protocol allows but that is not an id of this server: an unknown session.
    Unknown,
}

impl SessionRef {
    /// Parses `BITS-Session-Id`.
    ///
    /// # Errors
    ///
    /// 400 if it is missing or longer than 100 characters (FRG-13).
    pub fn from_headers(headers: &Headers) -> Result<Self, Fault> {
        let name = headers.single(names::SESSION_ID)?.filter(|name| !name.is_empty());
        let name = name.ok_or(Fault::invalid("no BITS-Session-Id"))?;
        if name.chars().count() > MAX_SESSION_ID {
            return Err(Fault::invalid("the BITS-Session-Id is longer than 100 characters"));
        }
        Ok(SessionId::parse(name).map_or(Self::Unknown, Self::Id))
    }
}

/// A request whose format is valid (PROTOCOL 3). Whether it has a `Content-Length` is checked later, after
/// the permission check (PROTOCOL 4.3).
///
/// # Examples
///
/// ```
/// use bitsup::proto::{Headers, Packet, PacketKind};
///
/// let headers: Headers = [("BITS-Packet-Type", "Ping")].into_iter().collect();
/// let kind = PacketKind::from_headers(&headers)?;
/// assert_eq!(Packet::parse(kind, &headers)?, Packet::Ping);
/// # Ok::<(), bitsup::proto::Fault>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    /// A Ping.
    Ping,
    /// A Create-Session that offers [`names::PROTOCOL_GUID`].
    CreateSession,
    /// A Fragment of that session.
    Fragment(SessionRef),
    /// A Close-Session of that session.
    CloseSession(SessionRef),
    /// A Cancel-Session of that session.
    CancelSession(SessionRef),
}

impl Packet {
    /// Checks the format of a request of this kind.
    ///
    /// # Errors
    ///
    /// 400 if a header field is missing, malformed or too long, or if the protocol is not offered.
    pub fn parse(kind: PacketKind, headers: &Headers) -> Result<Self, Fault> {
        headers.check_lengths()?;
        let packet = match kind {
            PacketKind::Ping => Self::Ping,
            PacketKind::CreateSession => Self::create(headers)?,
            PacketKind::Fragment => Self::fragment(headers)?,
            PacketKind::CloseSession => Self::CloseSession(SessionRef::from_headers(headers)?),
            PacketKind::CancelSession => Self::CancelSession(SessionRef::from_headers(headers)?),
        };
        if kind != PacketKind::Fragment && content_length(headers)?.is_some_and(|length| length > 0) {
            return Err(Fault::invalid("only a Fragment has a body"));
        }
        Ok(packet)
    }

    /// Returns the session that the packet refers to; `None` for Ping and Create-Session.
    #[must_use]
    pub fn session(&self) -> Option<SessionRef> {
        match *self {
            Self::Ping | Self::CreateSession => None,
            Self::Fragment(name) | Self::CloseSession(name) | Self::CancelSession(name) => Some(name),
        }
    }

    fn create(headers: &Headers) -> Result<Self, Fault> {
        let offer = headers.single(names::SUPPORTED_PROTOCOLS)?;
        let offer = offer.ok_or(Fault::invalid("no BITS-Supported-Protocols"))?;
        let ours = SessionId::parse(names::PROTOCOL_GUID);
        let mut guids = offer.split([' ', ',', '\t']).filter(|guid| !guid.is_empty()).take(MAX_PROTOCOLS);
        if guids.any(|guid| SessionId::parse(guid) == ours) {
            Ok(Self::CreateSession)
        } else {
            Err(Fault::invalid("no protocol in common"))
        }
    }

    fn fragment(headers: &Headers) -> Result<Self, Fault> {
        let coding = headers.single(names::CONTENT_ENCODING)?.unwrap_or("identity");
        if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
            return Err(Fault::invalid("the only supported Content-Encoding is identity"));
        }
        if let Some(length) = content_length(headers)? {
            fragment_range(headers, length)?;
        }
        Ok(Self::Fragment(SessionRef::from_headers(headers)?))
    }
}

/// Parses the length of the body in bytes. `Ok(None)` if it is missing or the body is chunked (PROTOCOL 2.1
/// #10, #11).
///
/// # Errors
///
/// 400 if it is not a number, or repeated with different values.
pub fn content_length(headers: &Headers) -> Result<Option<u64>, Fault> {
    if headers.all(names::TRANSFER_ENCODING).next().is_some() {
        return Ok(None);
    }
    let Some(text) = headers.single(names::CONTENT_LENGTH)? else { return Ok(None) };
    decimal(text).map(Some).ok_or(Fault::invalid("Content-Length is not a number"))
}

/// Parses the range of a Fragment whose body has `length` bytes.
///
/// # Errors
///
/// 400 if it is missing, malformed, or does not have that length.
pub fn fragment_range(headers: &Headers, length: u64) -> Result<FragmentRange, Fault> {
    let header = headers.single(names::CONTENT_RANGE)?;
    let range = FragmentRange::parse(header, length);
    range.ok_or(Fault::invalid("Content-Range is missing, malformed or does not fit the body"))
}

/// Returns whether a name can be sent as `Content-Name` (CLI-45): 1 to 260 printable ASCII characters, without
/// those that Windows forbids in file names.
#[must_use]
pub fn is_content_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= limits::MAX_CONTENT_NAME
        && name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"\\/:*?\"<>|".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().copied().collect()
    }

    #[test]
    fn gen_04_packet_types_are_case_insensitive() {
        for kind in PacketKind::ALL {
            let shouted = kind.name().to_ascii_uppercase();
            assert_eq!(PacketKind::from_headers(&headers(&[("bits-packet-type", &shouted)])), Ok(kind));
        }
    }

    #[test]
    fn cre_09_only_the_first_hundred_protocols_count() {
        let unknown = "{00000000-0000-0000-0000-000000000000}";
        let offer =
            |before: usize| format!("{}{}", format!("{unknown} ").repeat(before), names::PROTOCOL_GUID);
        let create = |text: &str| Packet::create(&headers(&[(names::SUPPORTED_PROTOCOLS, text)]));
        assert!(create(&offer(99)).is_ok());
        assert_eq!(create(&offer(100)).unwrap_err().status, 400);
    }

    #[test]
    fn a_chunked_body_has_no_length() {
        let chunked = headers(&[("Content-Length", "3"), ("Transfer-Encoding", "chunked")]);
        assert_eq!(content_length(&chunked), Ok(None));
        assert_eq!(content_length(&headers(&[("Content-Length", "+3")])).unwrap_err().status, 400);
        let twice = headers(&[("Content-Length", "3"), ("Content-Length", "4")]);
        assert_eq!(content_length(&twice).unwrap_err().status, 400);
    }

    #[test]
    fn cli_45_content_names() {
        assert!(is_content_name("report 1.txt"));
        for name in ["", "a/b", "a\\b", "a:b", "what?", "caf\u{e9}", &"x".repeat(261)] {
            assert!(!is_content_name(name), "{name}");
        }
    }
}
