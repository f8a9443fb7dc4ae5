//! `Range` of a GET: which parts of a reply a client wants (RFC 9110, 14.1).

use std::ops::Range;

use super::range::decimal;

/// Most parts of one answer; a request for more gets the whole.
const MAX_PARTS: usize = 16;

/// What a `Range` header comes to for a resource of a known length. Ranges count from 0, ends excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRanges {
    /// All of it: nothing else was asked for, or not in a way that is understood.
    Whole,
    /// These parts, in the order they were asked for; none of them is empty.
    Parts(Vec<Range<u64>>),
    /// Nothing of what was asked for is there.
    Unsatisfiable,
}

impl ByteRanges {
    /// Reads the header for a resource of `length` bytes.
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

/// One range: `a-b`, `a-` or `-n`; empty when nothing of it is there, `None` when it is no range.
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

/// A decimal; one over 64 bits lies behind every end.
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
    fn all_forms_of_a_range() {
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
    fn what_is_not_understood_is_not_there() {
        for text in
            ["", "bytes", "lines=1-2", "bytes=", "bytes=,", "bytes=2-1", "bytes=a-b", "bytes=1", "bytes=+1-2"]
        {
            assert_eq!(parse(text), ByteRanges::Whole, "{text}");
        }
        assert_eq!(ByteRanges::parse(None, 100), ByteRanges::Whole);
    }

    #[test]
    fn ranges_behind_the_end() {
        for text in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(parse(text), ByteRanges::Unsatisfiable, "{text}");
        }
        assert_eq!(ByteRanges::parse(Some("bytes=0-0"), 0), ByteRanges::Unsatisfiable);
        assert_eq!(ByteRanges::parse(Some("bytes=-5"), 0), ByteRanges::Unsatisfiable);
    }

    #[test]
    fn sixteen_parts_and_no_more() {
        let of = |count: usize| format!("bytes={}", vec!["1-2"; count].join(","));
        assert_eq!(parse(&of(16)), ByteRanges::Parts(vec![1..3; 16]));
        assert_eq!(parse(&of(17)), ByteRanges::Whole);
    }
}
