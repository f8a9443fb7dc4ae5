//! Header fields: names are case-insensitive, values are bytes.

use super::fault::Fault;
use super::limits::MAX_HEADER_VALUE;

/// The header fields of a message, in the order of the message.
///
/// # Examples
///
/// ```
/// use bitsup::proto::Headers;
///
/// let headers: Headers = [("BITS-Packet-Type", "Ping")].into_iter().collect();
/// assert_eq!(headers.get("bits-packet-type"), Some("Ping"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Creates an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a field. White space around the value is removed.
    pub fn push(&mut self, name: impl Into<String>, value: impl AsRef<[u8]>) {
        self.0.push((name.into(), value.as_ref().trim_ascii().to_vec()));
    }

    /// Returns the first value of the field `name`; `None` if it is missing or not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns all values of the field `name`.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// Returns the only value of the field `name`; `None` if it is missing.
    ///
    /// # Errors
    ///
    /// 400 if the field is not UTF-8, or repeated with different values, which a proxy may interpret
    /// differently than the server.
    pub fn single(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut values = self.all(name);
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) {
            return Err(Fault::invalid("a header is repeated with different values"));
        }
        let text = std::str::from_utf8(first).map_err(|_| Fault::invalid("a header value is not UTF-8"))?;
        Ok(Some(text))
    }

    /// Checks the length of all values (PROTOCOL 2.1 #7).
    ///
    /// # Errors
    ///
    /// 400 if a value is longer than [`MAX_HEADER_VALUE`].
    pub fn check_lengths(&self) -> Result<(), Fault> {
        if self.0.iter().any(|(_, value)| value.len() > MAX_HEADER_VALUE) {
            return Err(Fault::invalid("a header value is longer than 4096 bytes"));
        }
        Ok(())
    }

    /// Returns all fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl<N: Into<String>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut headers = Self::new();
        fields.into_iter().for_each(|(name, value)| headers.push(name, value));
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_insensitive_and_values_are_trimmed() {
        let headers: Headers = [("bits-session-ID", "  {x} ")].into_iter().collect();
        assert_eq!(headers.get("BITS-Session-Id"), Some("{x}"));
    }

    #[test]
    fn a_repeated_header_must_have_one_value() {
        let same: Headers = [("A", "1"), ("a", "1")].into_iter().collect();
        assert_eq!(same.single("A"), Ok(Some("1")));
        let differs: Headers = [("A", "1"), ("a", "2")].into_iter().collect();
        assert_eq!(differs.single("A").unwrap_err().status, 400);
    }

    #[test]
    fn the_longest_value_is_4096_bytes() {
        let fits: Headers = [("X", "x".repeat(4096))].into_iter().collect();
        assert!(fits.check_lengths().is_ok());
        let over: Headers = [("X", "x".repeat(4097))].into_iter().collect();
        assert_eq!(over.check_lengths().unwrap_err().status, 400);
    }
}
