//! Checks that every testable statement of the protocol is covered by a test that carries its ID in its name, in a
//! comment or in the title of a vector.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The families of statements, and the highest number of each.
pub const FAMILIES: [(&str, usize); 11] = [
    ("GEN", 25),
    ("PNG", 7),
    ("CRE", 23),
    ("FRG", 37),
    ("CLS", 10),
    ("CAN", 8),
    ("SES", 6),
    ("NTF", 23),
    ("RPL", 6),
    ("CLI", 46),
    ("DL", 6),
];

#[test]
fn every_statement_is_covered_by_a_test() {
    let covered = covered();
    let mut missing = Vec::new();
    for (family, last) in FAMILIES {
        for number in 1..=last {
            let id = format!("{family}-{number:02}");
            match covered.get(&id) {
                Some(files) => println!("{id}  {}", files.join(" ")),
                None => missing.push(id),
            }
        }
    }
    assert!(missing.is_empty(), "no test covers {missing:?}");
}

#[test]
fn no_test_claims_a_statement_that_does_not_exist() {
    for (id, files) in covered() {
        let (family, number) = id.split_once('-').unwrap();
        let last = FAMILIES.iter().find(|(name, _)| *name == family).unwrap().1;
        let number: usize = number.parse().unwrap();
        assert!((1..=last).contains(&number), "{id} in {files:?}");
    }
}

/// Returns the files that contain each ID.
fn covered() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut covered: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files(&root.join("tests")).into_iter().chain(files(&root.join("src"))) {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        // These contain IDs that they do not test.
        if ["tests/protocol/statements.rs", "tests/protocol/vectors.rs"].contains(&name.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        // In src only the test modules count. IDs in other comments explain the code.
        let tests =
            if name.starts_with("src") { text.split_once("#[cfg(test)]").map_or("", |x| x.1) } else { &text };
        for id in ids(tests) {
            let files = covered.entry(id).or_default();
            if files.last() != Some(&name) {
                files.push(name.clone());
            }
        }
    }
    covered
}

/// Returns the IDs in a text: `FRG-05` in prose, `frg_05` in names.
fn ids(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let family = pair[0].to_ascii_uppercase();
        let number = pair[1];
        let known = FAMILIES.iter().any(|(name, _)| *name == family);
        let is_number = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
        (known && is_number).then(|| format!("{family}-{number}"))
    });
    pairs.collect()
}

/// Returns the Rust files and vectors below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            None if path.is_dir() => found.extend(files(&path)),
            Some("rs" | "txt") => found.push(path),
            _ => {}
        }
    }
    found.sort();
    found
}
