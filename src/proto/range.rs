//! The `Content-Range` of a Fragment.

use std::fmt;

/// The bytes of the file that a Fragment transfers.
///
/// # Examples
///
/// ```
/// use bitsup::proto::FragmentRange;
///
/// let range = FragmentRange::parse(Some("bytes 128-212/1000"), 85);
/// assert_eq!(range, FragmentRange::new(128, 85, 1000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentRange {
    /// `bytes first-last/total`, both inclusive, with `first <= last < total`.
    Bytes {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
        /// Length of the whole file.
        total: u64,
    },
    /// The only Fragment of an empty file (PROTOCOL 4.4).
    EmptyFile,
}

impl FragmentRange {
    /// Creates the range of `length` bytes from offset `first`; `None` if it is empty or exceeds `total`.
    #[must_use]
    pub fn new(first: u64, length: u64, total: u64) -> Option<Self> {
        let last = first.checked_add(length.checked_sub(1)?)?;
        (last < total).then_some(Self::Bytes { first, last, total })
    }

    /// Parses the header of a Fragment whose body has `content_length` bytes; `None` if the range is malformed
    /// or has another length (FRG-08, FRG-09, FRG-11, FRG-20).
    ///
    /// An empty body is only valid for an empty file, with `bytes 0-0/0`, `bytes 0--1/0`, `bytes */0` or no
    /// header.
    #[must_use]
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

    /// Returns the offset of the first byte.
    #[must_use]
    pub fn first(&self) -> u64 {
        match *self {
            Self::Bytes { first, .. } => first,
            Self::EmptyFile => 0,
        }
    }

    /// Returns the offset after the last byte.
    #[must_use]
    pub fn end(&self) -> u64 {
        match *self {
            Self::Bytes { last, total, .. } => {
                debug_assert!(last < total, "byte {last} is not in a file of {total} bytes");
                last.saturating_add(1)
            }
            Self::EmptyFile => 0,
        }
    }

    /// Returns the length of the whole file.
    #[must_use]
    pub fn total(&self) -> u64 {
        match *self {
            Self::Bytes { total, .. } => total,
            Self::EmptyFile => 0,
        }
    }

    /// Returns whether the range ends at the end of the file.
    #[must_use]
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

/// Parses an unsigned 64-bit decimal that consists of digits only, without sign or white space.
#[must_use]
pub fn decimal(text: &str) -> Option<u64> {
    // `parse` alone would accept a plus sign.
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// What follows the unit `bytes`, which is case-insensitive (FRG-10).
fn unit_bytes(header: &str) -> Option<&str> {
    let (unit, rest) = header.trim().split_once([' ', '\t'])?;
    unit.eq_ignore_ascii_case("bytes").then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_round_trips() {
        let range = FragmentRange::new(128, 85, 1000).unwrap();
        assert_eq!(range.to_string(), "bytes 128-212/1000");
        assert_eq!(FragmentRange::parse(Some("bytes 128-212/1000"), 85), Some(range));
        assert_eq!((range.first(), range.end(), range.total(), range.is_last()), (128, 213, 1000, false));
        assert!(FragmentRange::new(999, 1, 1000).unwrap().is_last());
    }

    #[test]
    fn frg_10_case_and_white_space_are_ignored() {
        for text in ["Bytes 0-9/10", "bytes  0 - 9 / 10", "BYTES\t0-9/10"] {
            assert!(FragmentRange::parse(Some(text), 10).is_some(), "{text}");
        }
    }

    #[test]
    fn frg_09_malformed_ranges_are_refused() {
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
    fn frg_11_range_and_body_must_have_the_same_length() {
        assert_eq!(FragmentRange::parse(Some("bytes 0-9/20"), 11), None);
        assert_eq!(FragmentRange::parse(Some("bytes 0-9/20"), 9), None);
        assert_eq!(FragmentRange::parse(Some("bytes 0-18446744073709551614/18446744073709551615"), 1), None);
        let all = FragmentRange::parse(Some("bytes 0-18446744073709551614/18446744073709551615"), u64::MAX);
        assert_eq!(all.unwrap().end(), u64::MAX);
    }

    #[test]
    fn frg_31_an_empty_file_has_four_forms() {
        for text in [None, Some("bytes 0-0/0"), Some("bytes */0"), Some("bytes 0--1/0")] {
            assert_eq!(FragmentRange::parse(text, 0), Some(FragmentRange::EmptyFile), "{text:?}");
        }
        assert_eq!(FragmentRange::parse(Some("bytes 10-9/10"), 0), None);
    }
}
