//! Layers depend on lower layers only: `proto` → `store`, `engine`, `upload` → `server`, `client` → `ffi`. Checks every
//! path in the code of a layer, except in test modules.

use crate::sources::{code, files, word};

/// Files or folders of `src`, and the prefixes of paths that are forbidden in them.
type Rule = (&'static [&'static str], &'static [&'static str]);

const BASE: &[&str] = &["proto/", "error.rs", "log.rs", "clock.rs", "trust.rs"];
const NETWORK: &[&str] = &["std::net", "rustix::net", "ureq", "polling", "httparse"];

const RULES: [Rule; 14] = [
    (
        BASE,
        &["crate::store", "crate::engine", "crate::upload", "crate::client", "crate::server", "crate::ffi"],
    ),
    (&["store/"], &["crate::engine", "crate::upload", "crate::client", "crate::server", "crate::ffi"]),
    (&["engine/"], &["crate::upload", "crate::client", "crate::server", "crate::ffi"]),
    (&["engine/"], &["crate::store::DirStore", "crate::store::DirOptions", "crate::store::dir"]),
    (&["upload/"], &["crate::store", "crate::engine", "crate::client", "crate::server", "crate::ffi"]),
    (&["client/"], &["crate::store", "crate::engine", "crate::server", "crate::ffi", "polling", "httparse"]),
    (&["server/"], &["crate::store", "crate::upload", "crate::client", "crate::ffi"]),
    (&["ffi/"], &["crate::upload", "std::fs", "std::thread::spawn", "rustix"]),
    (&["bin/"], &["bitsup::ffi"]),
    (
        &["proto/", "error.rs", "log.rs", "clock.rs", "trust.rs", "store/", "engine/", "upload/", "ffi/"],
        NETWORK,
    ),
    (
        &["proto/", "error.rs", "log.rs", "clock.rs", "engine/", "upload/"],
        &["std::fs", "std::thread", "rustix"],
    ),
    (
        &["proto/", "error.rs", "log.rs", "engine/", "upload/"],
        &["std::time::Instant", "std::time::SystemTime"],
    ),
    (&["store/"], &["std::thread"]),
    (
        &["proto/", "store/", "engine/", "upload/", "client/", "server/", "ffi/", "error.rs", "trust.rs"],
        &["libc"],
    ),
];

#[test]
fn layers_depend_on_lower_layers_only() {
    for (path, source) in sources() {
        let paths = paths(&path, &code(&source));
        for (_, forbidden) in RULES.iter().filter(|(files, _)| is_in(&path, files)) {
            for used in &paths {
                assert!(!forbidden.iter().any(|root| begins_with(used, root)), "src/{path} uses {used}");
            }
        }
    }
}

/// The compiler denies unsafe code in the library; these are the exceptions.
#[test]
fn unsafe_code_is_allowed_in_the_c_layer_and_for_one_call() {
    let allowing = files("src").into_iter().filter(|(_, source)| code(source).contains("allow(unsafe_code)"));
    let allowing: Vec<_> = allowing.map(|(path, _)| path).collect();
    assert_eq!(allowing, ["src/lib.rs", "src/server/network/registration.rs"]);
}

#[test]
fn only_two_folders_use_the_http_library() {
    let folders = ["client/http/", "server/notify/"];
    for (path, source) in sources().filter(|(path, _)| !is_in(path, &folders)) {
        let uses_ureq = paths(&path, &code(&source)).iter().any(|used| begins_with(used, "ureq"));
        assert!(!uses_ureq, "src/{path} uses ureq");
    }
}

/// The files of `src` without their tests, by their path in it.
pub fn sources() -> impl Iterator<Item = (String, String)> {
    let test_file = |path: &str| {
        let stem = path.trim_end_matches(".rs");
        stem.ends_with("/tests") || stem.ends_with("_tests") || path.contains("/tests/")
    };
    let rust = files("src").into_iter().filter(move |(path, _)| path.ends_with(".rs") && !test_file(path));
    rust.map(|(path, source)| {
        let tests = source.find("#[cfg(test)]\nmod ").or_else(|| source.find("#[cfg(test)]\n#[allow("));
        let end = tests.unwrap_or(source.len());
        (path["src/".len()..].to_owned(), source[..end].to_owned())
    })
}

fn is_in(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn begins_with(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every path in the code, groups spelt out and `super` resolved: `a::{b, c}` is `a::b` and `a::c`.
pub fn paths(file: &str, code: &str) -> Vec<String> {
    let module: Vec<&str> = file.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let (mut found, mut tokens) = (Vec::new(), tokens(code));
    tokens.reverse();
    while let Some(token) = tokens.pop() {
        if token.starts_with(word) {
            path(token.to_owned(), &mut tokens, &mut found);
        }
    }
    found.iter().map(|path| absolute(path, &module)).collect()
}

/// Splits code into words and punctuation; `::` is one token.
fn tokens(code: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), code.trim_start());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("::") => 2,
            c if word(c) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

/// Reads the rest of a path that starts with `head`. `tokens` is a stack with the next token at the end.
fn path(head: String, tokens: &mut Vec<&str>, found: &mut Vec<String>) {
    if tokens.last() != Some(&"::") {
        return found.push(head);
    }
    tokens.pop();
    match tokens.pop() {
        Some("{") => group(&head, tokens, found),
        Some(part) if part.starts_with(word) => path(format!("{head}::{part}"), tokens, found),
        _ => found.push(head),
    }
}

fn group(head: &str, tokens: &mut Vec<&str>, found: &mut Vec<String>) {
    while let Some(token) = tokens.pop() {
        match token {
            "}" => return,
            part if part.starts_with(word) => path(format!("{head}::{part}"), tokens, found),
            _ => {}
        }
    }
}

fn absolute(path: &str, module: &[&str]) -> String {
    let mut rest = path;
    let mut up = 0;
    while let Some(after) = rest.strip_prefix("super::") {
        (rest, up) = (after, up + 1);
    }
    let base = &module[..module.len().saturating_sub(up)];
    if up == 0 { path.to_owned() } else { [&["crate"], base, &[rest]].concat().join("::") }
}

#[test]
fn the_path_parser_handles_groups_super_and_inline_paths() {
    let code = "use super::super::{engine::{Engine, Want}, log}; fn f() { super::x(); crate::store::open() }";
    let found = paths("ffi/job.rs", code);
    for path in
        ["crate::engine::Engine", "crate::engine::Want", "crate::log", "crate::ffi::x", "crate::store::open"]
    {
        assert!(found.iter().any(|found| found == path), "{path} is not in {found:?}");
    }
    assert!(begins_with("crate::store::open", "crate::store"));
    assert!(!begins_with("crate::storehouse", "crate::store"));
}
