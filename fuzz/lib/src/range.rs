//! Ranges of Fragments and of downloads: two lengths of eight bytes each, then the value of the header field.

use bitsup::proto::range::decimal;
use bitsup::proto::{ByteRanges, FragmentRange};

pub fn run(data: &[u8]) {
    let Some((content, rest)) = data.split_first_chunk() else { return };
    let Some((resource, text)) = rest.split_first_chunk() else { return };
    let (content, resource) = (u64::from_le_bytes(*content), u64::from_le_bytes(*resource));
    let Ok(text) = std::str::from_utf8(text) else { return };
    check_decimal(text);
    check_fragment(text, content);
    check_parts(text, resource);
}

fn check_decimal(text: &str) {
    let shortest = text.trim_start_matches('0');
    match decimal(text) {
        Some(number) => assert_eq!(number, shortest.parse().unwrap_or(0)),
        None => assert!(text.is_empty() || text.bytes().any(|b| !b.is_ascii_digit()) || shortest.len() > 19),
    }
}

fn check_fragment(text: &str, length: u64) {
    let Some(range) = FragmentRange::parse(Some(text), length) else { return };
    let (first, end, total) = (range.first(), range.end(), range.total());
    assert!(first <= end && end <= total, "{range:?}");
    assert_eq!(end - first, length, "{range:?}");
    assert_eq!(range.is_last(), end == total, "{range:?}");
    if length > 0 {
        let canonical = format!("bytes {first}-{}/{total}", end - 1);
        assert_eq!(FragmentRange::parse(Some(&canonical), length), Some(range));
        assert_eq!(FragmentRange::new(first, length, total), Some(range));
    }
}

fn check_parts(text: &str, length: u64) {
    if let ByteRanges::Parts(parts) = ByteRanges::parse(Some(text), length) {
        assert!(!parts.is_empty());
        for part in parts {
            assert!(part.start < part.end && part.end <= length, "{part:?} of {length}");
        }
    }
}
