//! Rust and C run the behaviour list of the bindings, too: every entry of bindings/behaviour.md is named above a
//! test of Rust, or in the title of a vector, and above a function of a C program that is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What cannot be shown.
const NOT_IN_RUST: [(&str, &str); 6] = [
    ("B-HOOK-05", "what a hook is shown is borrowed: it cannot be kept"),
    ("B-LIFE-01", "what is in use cannot be dropped, and nothing is dropped twice"),
    ("B-LIFE-03", "there is no collector"),
    ("B-EMBED-01", NO_HOST),
    ("B-EMBED-02", NO_HOST),
    ("B-SOURCE-01", NO_STREAM),
];
const NOT_IN_C: [(&str, &str); 3] = [
    ("B-LIFE-03", "there is no collector"),
    ("B-SOURCE-01", NO_STREAM),
    (
        "B-STORE-01",
        "tests/protocol/vectors.rs runs them over callbacks of the C API, which are written in Rust",
    ),
];
const NO_HOST: &str = "bitsup has an HTTP server for Rust; no test puts the engine into another one in Rust";
const NO_STREAM: &str =
    "a source is read at the offset that is asked for: it stands nowhere, and can go back";

/// Tests in Rust that run programs in C.
const RUN_C: [&str; 3] = ["abi/c_programs.rs", "abi/c_store.rs", "abi/embed.rs"];

/// Where the entries are named: entry to places.
type Shown = BTreeMap<String, Vec<String>>;

#[test]
fn every_behaviour_is_tested_in_rust() {
    compare(in_rust(), &NOT_IN_RUST);
}

#[test]
fn every_behaviour_is_tested_in_c() {
    compare(in_c(), &NOT_IN_C);
}

fn compare(shown: Shown, without: &[(&str, &str)]) {
    let list = fs::read_to_string(root().join("bindings/behaviour.md")).unwrap();
    let listed: BTreeSet<String> =
        list.lines().filter(|line| line.starts_with("| B-")).flat_map(ids).collect();
    assert!(listed.len() > 30, "{listed:?}");
    for (entry, places) in &shown {
        println!("{entry}  {}", places.join(" "));
    }
    let without: BTreeSet<String> = without.iter().map(|(entry, _)| (*entry).to_owned()).collect();
    let shown: BTreeSet<String> = shown.into_keys().collect();
    let expected: BTreeSet<String> = listed.difference(&without).cloned().collect();
    assert_eq!(shown, expected, "what is shown, and what is to be shown");
    assert!(without.is_subset(&listed), "{without:?}");
}

fn in_rust() -> Shown {
    let mut shown = Shown::new();
    for path in files(&root().join("tests"), "rs") {
        if !path.ends_with("behaviours.rs") && !RUN_C.iter().any(|name| path.ends_with(name)) {
            tests(&path, &mut shown);
        }
    }
    for path in files(&root().join("tests/vectors"), "txt") {
        let text = fs::read_to_string(&path).unwrap();
        for title in text.lines().filter(|line| line.starts_with("=== ")) {
            add(&mut shown, ids(title), &path, title);
        }
    }
    shown
}

fn in_c() -> Shown {
    let mut shown = Shown::new();
    for name in RUN_C {
        tests(&root().join("tests").join(name), &mut shown);
    }
    let programs = fs::read_to_string(root().join("tests/abi/c_programs.rs")).unwrap();
    let run = programs.split_once("programs! {\n").unwrap().1.split_once('}').unwrap().0;
    for name in run.split_whitespace() {
        functions(&root().join(format!("tests/c/{name}.c")), &mut shown);
    }
    shown
}

/// Entries in the comment above a test.
fn tests(path: &Path, shown: &mut Shown) {
    let text = fs::read_to_string(path).unwrap();
    let (mut pending, mut is_test) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        if line.starts_with("//") {
            pending.extend(ids(line));
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]";
        } else {
            let entries = std::mem::take(&mut pending);
            assert!(entries.is_empty() || is_test, "{}: {line} is no test of {entries:?}", path.display());
            add(shown, entries, path, line.trim_end_matches("() {"));
            is_test = false;
        }
    }
}

/// Entries in the comment above a function that is used.
fn functions(path: &Path, shown: &mut Shown) {
    let text = fs::read_to_string(path).unwrap();
    let mut pending = Vec::new();
    let mut in_comment = false;
    for line in text.lines() {
        in_comment |= line.starts_with("/*");
        if in_comment {
            // The head of a program says what it is for.
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
                "{}: nobody calls {name}",
                path.display()
            );
            add(shown, entries, path, name);
        }
    }
}

fn add(shown: &mut Shown, entries: Vec<String>, path: &Path, name: &str) {
    let file = path.strip_prefix(root()).unwrap().display().to_string();
    for entry in entries {
        shown.entry(entry).or_default().push(format!("[{file}: {name}]"));
    }
}

/// `B-UPLOAD-01` and the like.
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
