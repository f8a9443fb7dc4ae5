//! The server's session id: a GUID. (A client treats the id as opaque text.)

use std::fmt;

/// A session id as this server issues it: `{8-4-4-4-12}`, upper-case hexadecimal.
///
/// Parsed from any case, with or without braces; printed in one form only, so that it is safe as a file name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u128);

/// Where the dashes of a GUID stand.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl SessionId {
    /// An id of the given 128 bits.
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// Reads an id; `None` when this server cannot have issued it.
    pub fn parse(text: &str) -> Option<Self> {
        #[cfg(feature = "planted-panics")]
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
                bits = bits.checked_shl(4)? | u128::from(digit.to_digit(16)?);
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
    fn any_case_and_optional_braces_name_one_session() {
        let canonical = "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}";
        let id = SessionId::parse(canonical).unwrap();
        assert_eq!(id.to_string(), canonical);
        assert_eq!(SessionId::parse("a0ff5911-4144-45b3-bf27-27afc8ec8a67"), Some(id));
    }

    #[test]
    fn what_is_no_guid_is_no_session() {
        let braces = "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67";
        for text in ["", "{}", "abc", "../etc", braces, "A0FF59114-144-45B3-BF27-27AFC8EC8A67"] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
        assert_eq!(SessionId::parse("A0FF5911-4144-45B3-BF27-27AFC8EC8A67-0"), None);
        assert_eq!(SessionId::parse("A0FF5911-4144-45B3-BF27-27AFC8EC8A6é"), None);
    }
}
