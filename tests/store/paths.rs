//! Which URL paths are valid destinations, and which files they refer to (CRE-14, CRE-16).

use std::path::{Component, Path};

use bitsup::store::Destination;
use proptest::prelude::*;

use crate::url_cases::{ACCEPTED, LONG_NAME, LONG_PATH, REJECTED};

#[test]
fn accepted_spellings_refer_to_one_file_below_the_root() {
    for (spelling, file) in ACCEPTED {
        let destination = Destination::from_url_path(spelling).map(String::from);
        assert_eq!(destination.as_deref(), Ok(*file), "{spelling}");
    }
}

/// CRE-14, CRE-16
#[test]
fn traversal_and_other_unsafe_spellings_are_rejected_with_a_reason() {
    for (spelling, reason) in REJECTED {
        assert_eq!(Destination::from_url_path(spelling), Err(*reason), "{spelling}");
    }
}

#[test]
fn names_and_paths_have_a_maximum_length() {
    let file = |spelling: &str| Destination::from_url_path(spelling).map(String::from);
    let name = "n".repeat(255);
    assert_eq!(file(&format!("/{name}")), Ok(name.clone()));
    assert_eq!(file(&format!("/{name}n")), Err(LONG_NAME));
    // The limit for names is in bytes, not characters: 128 times two bytes.
    assert_eq!(file(&format!("/{}", "é".repeat(128))), Err(LONG_NAME));
    // The limit for paths is in encoded characters.
    let path = format!("/{}end", "n/".repeat(1098));
    assert_eq!(path.len(), 2200);
    assert!(file(&path).is_ok());
    assert_eq!(file(&format!("{path}s")), Err(LONG_PATH));
}

/// A record cannot bypass the rules.
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

/// Combines pieces of path traversals with arbitrary text.
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
    fn no_segment_of_an_accepted_destination_leaves_its_folder(spelling in spellings()) {
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

    /// Every ordinary name can be reached with all of its bytes encoded.
    #[test]
    fn a_fully_encoded_name_refers_to_itself(name in "x[a-z0-9_%é日 .]{0,20}[a-z]") {
        let encoded = name.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let destination = Destination::from_url_path(&format!("/{encoded}")).unwrap();
        prop_assert_eq!(destination.segments(), [name]);
    }
}
