//! No panic leaves the library, and unsafe code stays in one place: held by reading the sources.

mod rules;

use rules::{code, files, word};

const EXPORTED: &str = "extern \"C\" fn bitsup_";

#[test]
fn every_exported_body_begins_with_the_guard() {
    let mut exported = Vec::new();
    for (path, source) in files("src/ffi") {
        let code = code(&source);
        for (at, _) in source.match_indices(EXPORTED) {
            let (name, body) = function(&source, &code, at);
            let guarded = body.starts_with("guard!(") || body.starts_with("guard_or!(");
            assert!(guarded, "{path}: {name} does not begin with a guard");
            exported.push(name);
        }
    }
    exported.sort_unstable();
    let listed = include_str!("../include/bitsup.symbols").lines();
    assert_eq!(exported, listed.collect::<Vec<_>>(), "another way to export than the one this test reads?");
}

/// Name and body of the function whose signature begins at `at`.
fn function(source: &str, code: &str, at: usize) -> (String, String) {
    let signature = &source[at + "extern \"C\" fn ".len()..];
    let name = signature.split(|c| !word(c)).next().unwrap().to_owned();
    let open = at + code[at..].find('{').unwrap();
    (name, code[open + 1..].trim_start().to_owned())
}

/// The one exception registers a socket with the poller, behind a type that keeps the two together.
#[test]
fn unsafe_code_is_in_the_c_layer_only() {
    let mut places = Vec::new();
    for (path, source) in files("src").into_iter().filter(|(path, _)| !path.starts_with("src/ffi/")) {
        let count = code(&source).split(|c| !word(c)).filter(|word| *word == "unsafe").count();
        places.extend((count > 0).then_some((path, count)));
    }
    assert_eq!(places, [("src/server/network/registration.rs".to_owned(), 1)]);
}

#[test]
fn every_unsafe_block_says_why_it_is_safe() {
    for (path, source) in files("src") {
        let lines: Vec<&str> = source.lines().collect();
        for (at, line) in code(&source).lines().enumerate() {
            let block = line.contains("unsafe {") || line.trim_start().starts_with("unsafe impl");
            let reason = || lines[..at].iter().rev().take(4).any(|line| line.contains("// SAFETY: "));
            assert!(!block || reason(), "{path}:{}: unsafe without a SAFETY comment", at + 1);
        }
    }
}
