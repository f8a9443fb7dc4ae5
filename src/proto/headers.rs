//! A header list: names compared without case, values kept byte for byte.

use super::fault::Fault;
use super::limits::MAX_HEADER_VALUE;

/// The header fields of one message, in their order on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field at the end; surrounding white space of the value is dropped.
    pub fn push(&mut self, name: impl Into<String>, value: impl AsRef<[u8]>) {
        self.0.push((name.into(), value.as_ref().trim_ascii().to_vec()));
    }

    /// The first field of that name as text; `None` when it is missing or not UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value of that name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// The one value of a field the protocol gives a meaning to.
    ///
    /// Errors: repeated with different values, or not UTF-8. Two readers of one message must not see two
    /// different truths.
    pub fn single(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut values = self.all(name);
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) {
            return Err(Fault::invalid("a header is repeated with different values"));
        }
        let text = std::str::from_utf8(first).map_err(|_| Fault::invalid("a header value is not UTF-8"))?;
        Ok(Some(text))
    }

    /// Refuses values over 4 KiB (PROTOCOL 2.1 #7).
    pub fn check_lengths(&self) -> Result<(), Fault> {
        match self.0.iter().any(|(_, value)| value.len() > MAX_HEADER_VALUE) {
            true => Err(Fault::invalid("a header value is longer than 4096 bytes")),
            false => Ok(()),
        }
    }

    /// All fields in their order.
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
    fn names_have_no_case_and_values_no_margin() {
        let headers: Headers = [("bits-session-ID", "  {x} ")].into_iter().collect();
        assert_eq!(headers.get("BITS-Session-Id"), Some("{x}"));
    }

    #[test]
    fn a_repeated_header_must_agree_with_itself() {
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
