//! The `Range` header of a GET (RFC 9110, 14.1).

use std::ops::Range;

use super::range::decimal;

/// Maximum number of parts in a response; a request for more gets the whole resource.
const MAX_PARTS: usize = 16;

/// The result of a `Range` header for a resource of known length.
///
/// # Examples
///
/// ```
/// use bitsup::proto::ByteRanges;
///
/// let last_ten = ByteRanges::parse(Some("bytes=-10"), 100);
/// assert_eq!(last_ten, ByteRanges::Parts(vec![90..100]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRanges {
    /// The whole resource: there is no header, or it is not understood.
    Whole,
    /// These parts, in the order of the header; none is empty.
    Parts(Vec<Range<u64>>),
    /// None of the requested bytes exist.
    Unsatisfiable,
}

impl ByteRanges {
    /// Parses the header for a resource of `length` bytes.
    #[must_use]
    pub fn parse(header: Option<&str>, length: u64) -> Self {
        let Some(list) = header.and_then(unit_bytes) else { return Self::Whole };
        let mut parts = Vec::new();
        let specs = list.split(',').map(str::trim).filter(|spec| !spec.is_empty());
        for (index, spec) in specs.enumerate() {
            match part(spec, length) {
                _ if index >= MAX_PARTS => return Self::Whole,
                None => return Self::Whole,
                Some(range) if range.is_empty() => {}
                Some(range) => parts.push(range),
            }
        }
        match (parts.is_empty(), list.trim_matches([' ', '\t', ',']).is_empty()) {
            (true, true) => Self::Whole,
            (true, false) => Self::Unsatisfiable,
            (false, _) => Self::Parts(parts),
        }
    }
}

fn unit_bytes(header: &str) -> Option<&str> {
    let (unit, list) = header.split_once('=')?;
    unit.trim().eq_ignore_ascii_case("bytes").then_some(list)
}

/// Parses one range: `a-b`, `a-` or `-n`. Empty if none of its bytes exist; `None` if it is invalid.
fn part(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => Some(length.saturating_sub(number(last)?)..length),
        (first, "") => Some(number(first)?..length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first..last.saturating_add(1).min(length))
        }
    }
}

/// Parses a decimal; one that exceeds 64 bits is after the end of any resource.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| decimal(text).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ByteRanges {
        ByteRanges::parse(Some(text), 100)
    }

    #[test]
    fn all_forms_of_ranges_are_parsed() {
        let table: &[(&str, &[(u64, u64)])] = &[
            ("bytes=0-0", &[(0, 1)]),
            ("bytes=0-99", &[(0, 100)]),
            ("bytes=0-999", &[(0, 100)]),
            ("bytes=90-", &[(90, 100)]),
            ("bytes=-10", &[(90, 100)]),
            ("bytes=-1000", &[(0, 100)]),
            ("Bytes = 5-6 , 1-2", &[(5, 7), (1, 3)]),
            ("bytes=1-2,,500-,-0", &[(1, 3)]),
            ("bytes=0-99999999999999999999999", &[(0, 100)]),
        ];
        for (text, expected) in table {
            let expected = expected.iter().map(|(first, end)| *first..*end).collect();
            assert_eq!(parse(text), ByteRanges::Parts(expected), "{text}");
        }
    }

    #[test]
    fn invalid_ranges_are_ignored() {
        for text in
            ["", "bytes", "lines=1-2", "bytes=", "bytes=,", "bytes=2-1", "bytes=a-b", "bytes=1", "bytes=+1-2"]
        {
            assert_eq!(parse(text), ByteRanges::Whole, "{text}");
        }
        assert_eq!(ByteRanges::parse(None, 100), ByteRanges::Whole);
    }

    #[test]
    fn ranges_after_the_end_are_unsatisfiable() {
        for text in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(parse(text), ByteRanges::Unsatisfiable, "{text}");
        }
        assert_eq!(ByteRanges::parse(Some("bytes=0-0"), 0), ByteRanges::Unsatisfiable);
        assert_eq!(ByteRanges::parse(Some("bytes=-5"), 0), ByteRanges::Unsatisfiable);
    }

    #[test]
    fn at_most_sixteen_parts() {
        let of = |count: usize| format!("bytes={}", vec!["1-2"; count].join(","));
        assert_eq!(parse(&of(16)), ByteRanges::Parts(vec![1..3; 16]));
        assert_eq!(parse(&of(17)), ByteRanges::Whole);
    }
}
