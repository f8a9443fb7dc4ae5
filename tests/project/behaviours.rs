//! Rust and C cover every entry of bindings/behaviour.md. An entry is covered if its id is in the comment above a Rust
//! test or in the title of a vector, and above a function of a C program that a test runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Entries without a test, and why.
const NOT_IN_RUST: [(&str, &str); 6] = [
    ("B-HOOK-05", "the arguments of a hook are borrowed, so that they cannot outlive the call"),
    ("B-LIFE-01", "the compiler prevents use after a drop and double drops"),
    ("B-LIFE-03", "there is no garbage collector"),
    ("B-EMBED-01", NO_HOST),
    ("B-EMBED-02", NO_HOST),
    ("B-SOURCE-01", NO_STREAM),
];
const NOT_IN_C: [(&str, &str); 3] = [
    ("B-LIFE-03", "there is no garbage collector"),
    ("B-SOURCE-01", NO_STREAM),
    (
        "B-STORE-01",
        "tests/protocol/vectors.rs runs the vectors over a C store whose callbacks are written in Rust",
    ),
];
const NO_HOST: &str =
    "Rust programs have the HTTP server of bitsup; no test runs the engine in another Rust server";
const NO_STREAM: &str = "a source is read at an offset and has no position";

/// Rust tests that run C programs.
const C_RUNNERS: [&str; 3] = ["abi/c_programs.rs", "abi/c_store.rs", "abi/embed.rs"];

/// Maps each entry to the tests that cover it.
type Coverage = BTreeMap<String, Vec<String>>;

#[test]
fn every_behaviour_is_tested_in_rust() {
    compare(in_rust(), &NOT_IN_RUST);
}

#[test]
fn every_behaviour_is_tested_in_c() {
    compare(in_c(), &NOT_IN_C);
}

fn compare(covered: Coverage, exceptions: &[(&str, &str)]) {
    let list = fs::read_to_string(root().join("bindings/behaviour.md")).unwrap();
    let listed: BTreeSet<String> =
        list.lines().filter(|line| line.starts_with("| B-")).flat_map(ids).collect();
    assert!(listed.len() > 30, "{listed:?}");
    for (entry, tests) in &covered {
        println!("{entry}  {}", tests.join(" "));
    }
    let exceptions: BTreeSet<String> = exceptions.iter().map(|(entry, _)| (*entry).to_owned()).collect();
    let covered: BTreeSet<String> = covered.into_keys().collect();
    let expected: BTreeSet<String> = listed.difference(&exceptions).cloned().collect();
    assert_eq!(covered, expected, "covered entries, and expected ones");
    assert!(exceptions.is_subset(&listed), "{exceptions:?}");
}

fn in_rust() -> Coverage {
    let mut coverage = Coverage::new();
    for path in files(&root().join("tests"), "rs") {
        if !path.ends_with("behaviours.rs") && !C_RUNNERS.iter().any(|name| path.ends_with(name)) {
            tests(&path, &mut coverage);
        }
    }
    for path in files(&root().join("tests/vectors"), "txt") {
        let text = fs::read_to_string(&path).unwrap();
        for title in text.lines().filter(|line| line.starts_with("=== ")) {
            add(&mut coverage, ids(title), &path, title);
        }
    }
    coverage
}

fn in_c() -> Coverage {
    let mut coverage = Coverage::new();
    for name in C_RUNNERS {
        tests(&root().join("tests").join(name), &mut coverage);
    }
    let programs = fs::read_to_string(root().join("tests/abi/c_programs.rs")).unwrap();
    let names = programs.split_once("programs! {\n").unwrap().1.split_once('}').unwrap().0;
    for name in names.split_whitespace() {
        functions(&root().join(format!("tests/c/{name}.c")), &mut coverage);
    }
    coverage
}

/// Adds the entries in comments above tests.
fn tests(path: &Path, coverage: &mut Coverage) {
    let text = fs::read_to_string(path).unwrap();
    let (mut pending, mut is_test) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("//") {
            pending.extend(ids(line));
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]";
        } else {
            let entries = std::mem::take(&mut pending);
            assert!(
                entries.is_empty() || is_test,
                "{}: {entries:?} is not above a test but above {line}",
                path.display()
            );
            add(coverage, entries, path, line.trim_end_matches("() {"));
            is_test = false;
        }
    }
}

/// Adds the entries in comments above C functions, which must be called.
fn functions(path: &Path, coverage: &mut Coverage) {
    let text = fs::read_to_string(path).unwrap();
    let mut pending = Vec::new();
    let mut in_comment = false;
    for line in text.lines() {
        in_comment |= line.starts_with("/*");
        if in_comment {
            // The comment at the start of a program may name entries, too.
            pending.extend(ids(line));
            in_comment = !line.contains("*/");
            continue;
        }
        let entries = std::mem::take(&mut pending);
        if !entries.is_empty() {
            let name = line.split('(').next().unwrap().rsplit([' ', '*']).next().unwrap();
            let uses = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| *word == name);
            assert!(
                line.starts_with("static ") && uses.count() > 1,
                "{}: {name} is not called",
                path.display()
            );
            add(coverage, entries, path, name);
        }
    }
}

fn add(coverage: &mut Coverage, entries: Vec<String>, path: &Path, name: &str) {
    let file = path.strip_prefix(root()).unwrap().display().to_string();
    for entry in entries {
        coverage.entry(entry).or_default().push(format!("[{file}: {name}]"));
    }
}

/// Returns the entry ids in a line, such as `B-UPLOAD-01`.
fn ids(line: &str) -> Vec<String> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_id = |word: &&str| {
        let parts: Vec<&str> = word.split('-').collect();
        matches!(parts[..], ["B", _, number] if number.len() == 2 && number.parse::<u8>().is_ok())
    };
    words.filter(is_id).map(str::to_owned).collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
