//! Every exported function begins with the guard that turns panics into `BITSUP_E_PANIC`. Clippy checks the other
//! rules for unsafe code.

use crate::sources::{code, files, word};

const EXPORTED: &str = "extern \"C\" fn bitsup_";

#[test]
fn every_exported_function_begins_with_the_guard() {
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
    let listed = include_str!("../../include/bitsup.symbols").lines();
    assert_eq!(
        exported,
        listed.collect::<Vec<_>>(),
        "exported in a way that this test does not find, or missing from bitsup.symbols"
    );
}

/// Returns the name and body of the function whose signature begins at `at`.
fn function(source: &str, code: &str, at: usize) -> (String, String) {
    let signature = &source[at + "extern \"C\" fn ".len()..];
    let name = signature.split(|c| !word(c)).next().unwrap().to_owned();
    let open = at + code[at..].find('{').unwrap();
    (name, code[open + 1..].trim_start().to_owned())
}
