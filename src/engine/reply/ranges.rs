//! Partial responses (RFC 9110, 14).

use std::ops::Range;

use crate::engine::response::body::Piece;
use crate::proto::names;

/// The media type of replies.
pub(super) const MEDIA_TYPE: &str = "application/octet-stream";

/// The `Content-Type` and the body of a response with several parts, in the order of the request (RFC 9110,
/// 14.6).
pub(super) fn multipart(parts: &[Range<u64>], length: u64) -> (String, Vec<Piece>) {
    // Random and so long that it does not occur in the content.
    let boundary = uuid::Uuid::new_v4().simple().to_string();
    let mut pieces = Vec::new();
    for part in parts {
        let before = if pieces.is_empty() { "" } else { "\r\n" };
        let range = content_range(part, length);
        let text = format!(
            "{before}--{boundary}\r\n{}: {MEDIA_TYPE}\r\n{}: {range}\r\n\r\n",
            names::CONTENT_TYPE,
            names::CONTENT_RANGE
        );
        pieces.extend([Piece::Text(text.into_bytes()), Piece::Span(part.clone())]);
    }
    pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into_bytes()));
    (format!("multipart/byteranges; boundary={boundary}"), pieces)
}

/// The `Content-Range` of a non-empty part.
pub(super) fn content_range(part: &Range<u64>, length: u64) -> String {
    debug_assert!(part.start < part.end, "{part:?} is empty");
    format!("bytes {}-{}/{length}", part.start, part.end.saturating_sub(1))
}
