//! `Content-Range` of a Fragment and the offset in `BITS-Received-Content-Range`.

use std::fmt;

/// The bytes a Fragment carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentRange {
    /// `bytes first-last/total`, both ends included, `first <= last < total`.
    Bytes {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
        /// Length of the whole file.
        total: u64,
    },
    /// The agreed form of a file of no bytes (PROTOCOL 4.4): complete at once.
    EmptyFile,
}

impl FragmentRange {
    /// The range of `length` bytes from `first` on; `None` when that is no range.
    pub fn new(first: u64, length: u64, total: u64) -> Option<Self> {
        let last = first.checked_add(length.checked_sub(1)?)?;
        (last < total).then_some(Self::Bytes { first, last, total })
    }

    /// Reads the header of a Fragment whose body has `content_length` bytes; `None` when range and body do
    /// not fit each other or the range is none (FRG-08, FRG-09, FRG-11, FRG-20).
    ///
    /// A body of no bytes is the whole of an empty file, and only with `bytes 0-0/0`, `bytes 0--1/0`,
    /// `bytes */0` or no header at all.
    pub fn parse(header: Option<&str>, content_length: u64) -> Option<Self> {
        if content_length == 0 {
            return Self::parse_empty(header);
        }
        let (range, total) = unit_bytes(header?)?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, total) = (decimal(first.trim())?, decimal(last.trim())?, decimal(total.trim())?);
        let parsed = Self::new(first, content_length, total)?;
        (first <= last && parsed == Self::Bytes { first, last, total }).then_some(parsed)
    }

    fn parse_empty(header: Option<&str>) -> Option<Self> {
        let Some(header) = header else { return Some(Self::EmptyFile) };
        matches!(unit_bytes(header)?, "0-0/0" | "*/0" | "0--1/0").then_some(Self::EmptyFile)
    }

    /// Offset of the first byte.
    pub fn first(&self) -> u64 {
        match *self {
            Self::Bytes { first, .. } => first,
            Self::EmptyFile => 0,
        }
    }

    /// Offset behind the last byte.
    pub fn end(&self) -> u64 {
        match *self {
            Self::Bytes { last, .. } => last.saturating_add(1),
            Self::EmptyFile => 0,
        }
    }

    /// Length of the whole file.
    pub fn total(&self) -> u64 {
        match *self {
            Self::Bytes { total, .. } => total,
            Self::EmptyFile => 0,
        }
    }

    /// Whether this is the file's last fragment.
    pub fn is_last(&self) -> bool {
        self.end() == self.total()
    }
}

impl fmt::Display for FragmentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { first, last, total } => write!(f, "bytes {first}-{last}/{total}"),
            Self::EmptyFile => f.write_str("bytes 0-0/0"),
        }
    }
}

/// Reads an unsigned decimal of digits only: no sign, no space, nothing over 64 bits.
pub fn decimal(text: &str) -> Option<u64> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok(),
        false => None,
    }
}

/// What follows the unit `bytes`, which has no case (FRG-10).
fn unit_bytes(header: &str) -> Option<&str> {
    let (unit, rest) = header.trim().split_once([' ', '\t'])?;
    unit.eq_ignore_ascii_case("bytes").then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let range = FragmentRange::new(128, 85, 1000).unwrap();
        assert_eq!(range.to_string(), "bytes 128-212/1000");
        assert_eq!(FragmentRange::parse(Some("bytes 128-212/1000"), 85), Some(range));
        assert_eq!((range.first(), range.end(), range.total(), range.is_last()), (128, 213, 1000, false));
        assert!(FragmentRange::new(999, 1, 1000).unwrap().is_last());
    }

    #[test]
    fn frg_10_unit_and_spacing_are_free() {
        for text in ["Bytes 0-9/10", "bytes  0 - 9 / 10", "BYTES\t0-9/10"] {
            assert!(FragmentRange::parse(Some(text), 10).is_some(), "{text}");
        }
    }

    #[test]
    fn frg_09_malformed_ranges() {
        let bad = [
            "bytes 5-3/10",
            "bytes 0-10/10",
            "bytes 0-9/*",
            "bytes */10",
            "bytes 0-1,3-4/10",
            "octets 0-9/10",
            "bytes a-b/10",
            "",
            "bytes",
            "bytes 0-9",
            "bytes=0-9/10",
            "bytes +0-9/10",
            "bytes 0-9/99999999999999999999",
            "bytes 18446744073709551615-9/10",
        ];
        for text in bad {
            assert_eq!(FragmentRange::parse(Some(text), 10), None, "{text}");
        }
    }

    #[test]
    fn frg_11_the_body_is_as_long_as_its_range() {
        assert_eq!(FragmentRange::parse(Some("bytes 0-9/20"), 11), None);
        assert_eq!(FragmentRange::parse(Some("bytes 0-9/20"), 9), None);
        assert_eq!(FragmentRange::parse(Some("bytes 0-18446744073709551614/18446744073709551615"), 1), None);
        let all = FragmentRange::parse(Some("bytes 0-18446744073709551614/18446744073709551615"), u64::MAX);
        assert_eq!(all.unwrap().end(), u64::MAX);
    }

    #[test]
    fn frg_31_an_empty_file_has_four_spellings() {
        for text in [None, Some("bytes 0-0/0"), Some("bytes */0"), Some("bytes 0--1/0")] {
            assert_eq!(FragmentRange::parse(text, 0), Some(FragmentRange::EmptyFile), "{text:?}");
        }
        assert_eq!(FragmentRange::parse(Some("bytes 10-9/10"), 0), None);
    }
}
