//! Which URL paths are destinations, and which file they mean (CRE-14, CRE-16).

use std::path::{Component, Path};

use bitsup::store::{Destination, PathError};
use proptest::prelude::*;

use PathError::{Directory, Reserved, Unsafe};

const SLASH: PathError = Unsafe("a name contains an encoded slash or a backslash");
const START: PathError = Unsafe("it does not begin with a slash");
const STEP: PathError = Unsafe("a name is a relative step");
const EMPTY: PathError = Unsafe("a name is empty");
const ESCAPE: PathError = Unsafe("a percent sign does not begin an escape");
const UTF8: PathError = Unsafe("a name is not UTF-8");
const CONTROL: PathError = Unsafe("a name contains a control character");
const COLON: PathError = Unsafe("a name contains a colon");
const TRAIL: PathError = Unsafe("a name ends with a dot or a space");
const DEVICE: PathError = Unsafe("a name is that of a device");
const LONG_NAME: PathError = Unsafe("a name is too long");
const LONG_PATH: PathError = Unsafe("it is too long");

/// Spelling -> the file it means below the root.
#[rustfmt::skip]
const ACCEPTED: &[(&str, &str)] = &[
    ("/a.txt", "a.txt"),
    ("/a/b/c.txt", "a/b/c.txt"),
    ("/a%20b.txt", "a b.txt"),
    ("/a+b.txt", "a+b.txt"),
    ("/%61.txt", "a.txt"),
    ("/gr%C3%BC%C3%9fe.txt", "grüße.txt"),
    ("/grüße.txt", "grüße.txt"),
    ("/%E6%97%A5%E6%9C%AC.txt", "日本.txt"),
    ("/100%25.txt", "100%.txt"),
    ("/a%3Fb%23c", "a?b#c"),
    ("/a&b;c=d,e@f!", "a&b;c=d,e@f!"),
    ("/.hidden", ".hidden"),
    ("/...a", "...a"),
    ("/..a", "..a"),
    ("/a..b", "a..b"),
    ("/%20a", " a"),
    ("/~/a", "~/a"),
    ("/-rf", "-rf"),
    ("/$HOME", "$HOME"),
    // Traversal that only a second decoding would make: plain names, inside the root.
    ("/%252e%252e/a", "%2e%2e/a"),
    ("/%252e%252e%252fa", "%2e%2e%2fa"),
    ("/%25252e%25252e/a", "%252e%252e/a"),
    ("/%255c..a", "%5c..a"),
    ("/%2500", "%00"),
    // Characters that only look like dots and slashes: plain names as well.
    ("/%ef%bc%8e%ef%bc%8e/a", "．．/a"),
    ("/..%ef%bc%8fa", "..／a"),
    ("/..%e2%88%95a", "..∕a"),
    ("/%e2%80%a5/a", "‥/a"),
    ("/..;/a", "..;/a"),
    ("/..%3b/a", "..;/a"),
    // Names that only begin like a device's or the store's own.
    ("/console", "console"),
    ("/nullable.txt", "nullable.txt"),
    ("/com", "com"),
    ("/com10", "com10"),
    ("/lpt.txt", "lpt.txt"),
    ("/a.nul", "a.nul"),
    ("/.bitsupper", ".bitsupper"),
    ("/bitsup", "bitsup"),
    ("/a/.bitsup/b", "a/.bitsup/b"),
];

/// Spelling -> why it is refused.
#[rustfmt::skip]
const REFUSED: &[(&str, PathError)] = &[
    ("", START),
    ("a.txt", START),
    ("../a", START),
    ("\\a", START),
    ("C:/a", START),
    ("http://host/a", START),
    ("/", Directory),
    ("//", Directory),
    ("/a/", Directory),
    ("/a/../", Directory),
    ("//a", EMPTY),
    ("//server/share/a", EMPTY),
    ("/a//b", EMPTY),
    ("/.", STEP),
    ("/..", STEP),
    ("/../a", STEP),
    ("/./a", STEP),
    ("/a/../../b", STEP),
    ("/a/..", STEP),
    ("/%2e", STEP),
    ("/%2e%2e/a", STEP),
    ("/%2E%2E/a", STEP),
    ("/.%2e/a", STEP),
    ("/%2e./a", STEP),
    ("/a/%2e%2E/%2E%2e/etc/passwd", STEP),
    ("/..%2fa", SLASH),
    ("/..%2Fa", SLASH),
    ("/%2e%2e%2fa", SLASH),
    ("/%2fetc%2fpasswd", SLASH),
    ("/a%2fb", SLASH),
    ("/..\\a", SLASH),
    ("/a\\..\\b", SLASH),
    ("/..%5ca", SLASH),
    ("/..%5Ca", SLASH),
    ("/%2e%2e%5ca", SLASH),
    ("/%5c%5cserver%5cshare", SLASH),
    ("/\\\\server\\share", SLASH),
    ("/%5c%5c?%5cC:%5ca", SLASH),
    ("/\\\\.\\PhysicalDrive0", SLASH),
    // Dot and slash as overlong UTF-8, of two, three and four bytes, and in other wrong forms.
    ("/%c0%ae%c0%ae/a", UTF8),
    ("/%C0%AE%C0%AE/a", UTF8),
    ("/%c0%2e%c0%2e/a", UTF8),
    ("/%e0%80%ae%e0%80%ae/a", UTF8),
    ("/%f0%80%80%ae%f0%80%80%ae/a", UTF8),
    ("/..%c0%afa", UTF8),
    ("/..%e0%80%afa", UTF8),
    ("/..%c1%9ca", UTF8),
    ("/%ff", UTF8),
    ("/%fc", UTF8),
    ("/%ed%a0%80", UTF8),
    ("/%2e%2e%00%ff", UTF8),
    ("/%", ESCAPE),
    ("/a%", ESCAPE),
    ("/%2", ESCAPE),
    ("/%g1", ESCAPE),
    ("/%2g", ESCAPE),
    ("/%%32e", ESCAPE),
    ("/%u002e%u002e/a", ESCAPE),
    ("/%2/e", ESCAPE),
    ("/%é", ESCAPE),
    ("/% 2e", ESCAPE),
    ("/a%00", CONTROL),
    ("/a%00.txt", CONTROL),
    ("/..%00/a", CONTROL),
    ("/a\0b", CONTROL),
    ("/a%0d%0aX-Header%3a%20b", CONTROL),
    ("/a%09b", CONTROL),
    ("/a%1b[31m", CONTROL),
    ("/a%7f", CONTROL),
    ("/a%c2%85", CONTROL),
    ("/C:", COLON),
    ("/C:/Windows/a", COLON),
    ("/c%3a/a", COLON),
    ("/C%3Aa.txt", COLON),
    ("/file.txt::$DATA", COLON),
    ("/file.txt:stream", COLON),
    ("/file.txt%3a%3a$DATA", COLON),
    ("/a./b", TRAIL),
    ("/a.txt.", TRAIL),
    ("/a.txt%2e", TRAIL),
    ("/...", TRAIL),
    ("/..../a", TRAIL),
    ("/a.txt%20", TRAIL),
    ("/a.txt ", TRAIL),
    ("/..%20/a", TRAIL),
    ("/.%20./a", TRAIL),
    ("/%20", TRAIL),
    ("/nul", DEVICE),
    ("/NUL", DEVICE),
    ("/nul.txt", DEVICE),
    ("/nul.tar.gz", DEVICE),
    ("/nul%20.txt", DEVICE),
    ("/%6eul", DEVICE),
    ("/CON/a.txt", DEVICE),
    ("/a/Prn.log", DEVICE),
    ("/aux", DEVICE),
    ("/com0", DEVICE),
    ("/COM1", DEVICE),
    ("/com9.txt", DEVICE),
    ("/com%c2%b9", DEVICE),
    ("/LPT²", DEVICE),
    ("/lpt%C2%B3.txt", DEVICE),
    ("/lpt1", DEVICE),
    ("/conin$", DEVICE),
    ("/CONOUT$.txt", DEVICE),
    ("/.bitsup", Reserved),
    ("/.bitsup/a", Reserved),
    ("/.BITSUP/a", Reserved),
    ("/.BitsUp", Reserved),
    ("/%2ebitsup/a", Reserved),
    ("/%2e%42%49tsup/lock", Reserved),
    ("/.bitsup%2fa", SLASH),
    ("/.bitsup./a", TRAIL),
    ("/.bitsup%20/a", TRAIL),
    ("/.bitsup::$INDEX_ALLOCATION/a", COLON),
    ("/./.bitsup", STEP),
    ("//.bitsup/a", EMPTY),
    // What file systems that fold Unicode or skip invisible characters take for the same name.
    ("/.bit%c5%bfup/a", Reserved),
    ("/.bits%e2%80%8dup/a", Reserved),
    ("/.bits%ef%bb%bfup/a", Reserved),
];

#[test]
fn accepted_spellings_mean_exactly_one_file_below_the_root() {
    for (spelling, file) in ACCEPTED {
        let destination = Destination::from_url_path(spelling).map(String::from);
        assert_eq!(destination.as_deref(), Ok(*file), "{spelling}");
    }
}

/// CRE-14, CRE-16
#[test]
fn traversal_and_other_unsafe_spellings_are_refused_for_their_reason() {
    for (spelling, reason) in REFUSED {
        assert_eq!(Destination::from_url_path(spelling), Err(*reason), "{spelling}");
    }
}

#[test]
fn names_and_paths_have_a_longest_length() {
    let file = |spelling: &str| Destination::from_url_path(spelling).map(String::from);
    let name = "n".repeat(255);
    assert_eq!(file(&format!("/{name}")), Ok(name.clone()));
    assert_eq!(file(&format!("/{name}n")), Err(LONG_NAME));
    // Bytes count for a name, not characters: 128 times two bytes.
    assert_eq!(file(&format!("/{}", "é".repeat(128))), Err(LONG_NAME));
    // Characters as they were sent count for the path.
    let path = format!("/{}end", "n/".repeat(1098));
    assert_eq!(path.len(), 2200);
    assert!(file(&path).is_ok());
    assert_eq!(file(&format!("{path}s")), Err(LONG_PATH));
}

/// A record is no way around the rules.
#[test]
fn a_recorded_destination_is_checked_again_and_not_decoded() {
    let read = |text: &str| serde_json::from_value::<Destination>(text.into());
    let destination = read("a/100%.txt").unwrap();
    assert_eq!(destination.segments(), ["a", "100%.txt"]);
    assert_eq!(serde_json::to_string(&destination).unwrap(), "\"a/100%.txt\"");
    assert_eq!(read("%2e%2e/a").unwrap().segments(), ["%2e%2e", "a"]);
    for text in ["", "/", "a/", "/a", "../a", "a/../b", "a//b", "C:/a", "a\\b", "nul", ".bitsup/a", "a."] {
        assert!(read(text).is_err(), "{text}");
    }
}

/// Pieces that traversals are made of, mixed with anything else.
fn spellings() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        ".",
        "..",
        "/",
        "\\",
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "%25",
        "%00",
        "%c0%ae",
        "%",
        ":",
        " ",
        "%20",
        ";",
        ".bitsup",
        "nul",
        "com1",
        "a",
        "bitsup",
        "%ef%bc%8e",
    ]);
    let piece = prop_oneof![4 => piece.prop_map(String::from), 1 => "\\PC{0,3}", 1 => "(?s).{0,2}"];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    /// CRE-16
    #[test]
    fn no_accepted_destination_has_a_segment_that_leaves_its_place(spelling in spellings()) {
        if let Ok(destination) = Destination::from_url_path(&spelling) {
            let segments = destination.segments();
            prop_assert!(!segments.is_empty());
            prop_assert!(!segments[0].eq_ignore_ascii_case(".bitsup"));
            for segment in segments {
                prop_assert!(!segment.contains(|c: char| c.is_control() || "/\\:".contains(c)));
                prop_assert!(!segment.ends_with(['.', ' ']));
                prop_assert!((1..=255).contains(&segment.len()));
                let components = Path::new(segment).components().collect::<Vec<_>>();
                prop_assert_eq!(components, [Component::Normal(segment.as_ref())]);
            }
            let again = Destination::try_from(String::from(destination.clone()));
            prop_assert_eq!(again, Ok(destination));
        }
    }

    /// Every plain name can be reached: all of its bytes encoded lead back to it.
    #[test]
    fn an_encoded_plain_name_means_itself(name in "x[a-z0-9_%é日 .]{0,20}[a-z]") {
        let encoded = name.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let destination = Destination::from_url_path(&format!("/{encoded}")).unwrap();
        prop_assert_eq!(destination.segments(), [name]);
    }
}
