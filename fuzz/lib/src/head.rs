//! The head of a request, after a byte that determines its pieces. The parser is private to the server, so its source
//! is compiled into this target instead of exporting it for a test.

#[path = "../../../src/server/http1/head.rs"]
#[allow(dead_code, reason = "the server uses more of it")]
mod parser;

use parser::{HeadLimits, HeadParse};

/// The defaults of a server.
const LIMITS: HeadLimits = HeadLimits { bytes: 64 * 1024, fields: 100 };

pub fn run(data: &[u8]) {
    let Some((step, input)) = data.split_first() else { return };
    // In longer inputs the result may depend on which of several errors is found first.
    if input.len() > 60_000 {
        return;
    }
    let whole = parser::parse(input, &mut 0, LIMITS);
    check(input, &whole);
    let (mut scanned, mut length) = (0, 0);
    let mut pieces = HeadParse::Partial;
    while matches!(pieces, HeadParse::Partial) && length < input.len() {
        length = input.len().min(length + 1 + usize::from(*step));
        pieces = parser::parse(&input[..length], &mut scanned, LIMITS);
    }
    assert_eq!(meaning(&whole), meaning(&pieces));
}

fn check(input: &[u8], parsed: &HeadParse) {
    match parsed {
        HeadParse::Partial => {}
        HeadParse::Rejected(status) => assert!([400, 431, 505].contains(status), "{status}"),
        HeadParse::Complete(head, length) => {
            let bytes = &input[..*length];
            assert!(bytes.ends_with(b"\r\n\r\n") && !bytes.contains(&0));
            assert_eq!(bytes.windows(4).filter(|end| end == b"\r\n\r\n").count(), 1);
            assert_eq!(head.headers.all("Host").count(), 1);
            assert!(head.headers.all("Content-Length").count() <= 1);
            assert!(!head.method.is_empty() && !head.target.is_empty());
        }
    }
}

fn meaning(parsed: &HeadParse) -> String {
    format!("{parsed:?}")
}
