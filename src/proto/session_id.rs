//! Session ids of this server, which are GUIDs. A client treats a session id as opaque text.

use std::fmt;

/// A session id as this server issues it.
///
/// Parsed in any case, with or without braces. Formatted as upper-case hexadecimal in braces, `{8-4-4-4-12}`,
/// which is safe as a file name.
///
/// # Examples
///
/// ```
/// use bitsup::proto::SessionId;
///
/// let id = SessionId::parse("a0ff5911-4144-45b3-bf27-27afc8ec8a67").map(|id| id.to_string());
/// assert_eq!(id.as_deref(), Some("{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u128);

/// The lengths of the groups of a GUID.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl SessionId {
    /// Creates an id of these 128 bits.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// Parses an id; `None` if this server cannot have issued it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        #[cfg(feature = "fault-injection")]
        crate::fault_injection::maybe_panic("proto", text);
        let bare = match text.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}')?,
            None => text,
        };
        let mut groups = bare.split('-');
        let mut bits = 0u128;
        for length in GROUPS {
            let group = groups.next().filter(|group| group.len() == length)?;
            for digit in group.chars() {
                bits = bits << 4 | u128::from(digit.to_digit(16)?);
            }
        }
        groups.next().is_none().then_some(Self(bits))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        let (a, b, c) = (bits >> 96, (bits >> 80) & 0xFFFF, (bits >> 64) & 0xFFFF);
        let (d, e) = ((bits >> 48) & 0xFFFF, bits & 0xFFFF_FFFF_FFFF);
        write!(f, "{{{a:08X}-{b:04X}-{c:04X}-{d:04X}-{e:012X}}}")
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a session id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_braces_are_optional() {
        let canonical = "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}";
        let id = SessionId::parse(canonical).unwrap();
        assert_eq!(id.to_string(), canonical);
        assert_eq!(SessionId::parse("a0ff5911-4144-45b3-bf27-27afc8ec8a67"), Some(id));
    }

    #[test]
    fn other_text_is_not_a_session_id() {
        let braces = "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67";
        for text in ["", "{}", "abc", "../etc", braces, "A0FF59114-144-45B3-BF27-27AFC8EC8A67"] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
        assert_eq!(SessionId::parse("A0FF5911-4144-45B3-BF27-27AFC8EC8A67-0"), None);
        assert_eq!(SessionId::parse("A0FF5911-4144-45B3-BF27-27AFC8EC8A6é"), None);
    }
}
