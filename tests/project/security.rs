//! SECURITY.md and docs/operations/durability.md name tests for their claims, and these tests exist.

use crate::sources;

const DOCUMENTS: [(&str, &str); 2] = [
    ("SECURITY.md", include_str!("../../SECURITY.md")),
    ("docs/operations/durability.md", include_str!("../../docs/operations/durability.md")),
];

/// Returns the tests that a text names as `file::test`.
fn named_tests(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|quoted| quoted.split_once("::")).filter(|(file, _)| file.chars().all(is_path_char))
}

fn is_path_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || "_/".contains(c)
}

#[test]
fn every_test_that_a_claim_names_exists() {
    let tests = sources::files("tests");
    for (document, text) in DOCUMENTS {
        assert!(named_tests(text).count() > 0, "{document}");
        for (file, test) in named_tests(text) {
            let path = format!("tests/{file}.rs");
            let source = tests.iter().find(|(found, _)| *found == path).map(|(_, source)| source);
            let source = source.unwrap_or_else(|| panic!("{document} names {path}, which does not exist"));
            let code = sources::code(source);
            let mut names = code.split(|c| !sources::word(c));
            assert!(names.any(|name| name == test), "{document}: no {test} in {path}");
        }
    }
}

#[test]
fn every_row_of_the_threat_table_names_a_test() {
    let threats = DOCUMENTS[0].1.split("## Threats and defenses").nth(1).unwrap();
    let rows: Vec<&str> = threats.lines().filter(|line| line.starts_with("| ")).collect();
    let tables = rows.iter().filter(|row| row.ends_with("| Shown by |")).count();
    assert!(tables >= 7, "{tables} tables");
    for row in rows.iter().filter(|row| !row.ends_with("| Shown by |")) {
        let shown_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(named_tests(shown_by).count() > 0, "{row}");
    }
}
