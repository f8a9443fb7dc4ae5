//! The header, the list of symbols and the shared library agree, and the header compiles on its own.

#![cfg(target_os = "linux")]

use std::fs;

use test_support::cc::{WARNINGS, include, library, succeed, tool};

const HEADER: &str = include_str!("../../include/bitsup.h");
const SYMBOLS: &str = include_str!("../../include/bitsup.symbols");

/// A declaration in the header, with the comment above it.
struct Declaration {
    comment: Vec<&'static str>,
    code: String,
}

#[cfg(feature = "header")]
#[test]
fn the_checked_in_header_is_the_generated_one() {
    let advice = "run tools/header and commit the result";
    assert!(include_str!(env!("BITSUP_GENERATED_HEADER")) == HEADER, "include/bitsup.h: {advice}");
    assert_eq!(include_str!(env!("BITSUP_GENERATED_SYMBOLS")), SYMBOLS, "include/bitsup.symbols: {advice}");
}

#[test]
fn the_library_exports_the_listed_symbols_and_no_others() {
    let output = succeed(tool("nm", "binutils").args(["-D", "--defined-only"]).arg(library()));
    let table = String::from_utf8(output.stdout).unwrap();
    let mut exported: Vec<&str> = table.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    exported.sort_unstable();
    assert_eq!(exported, SYMBOLS.lines().collect::<Vec<_>>());
}

#[test]
fn the_library_has_an_abi_soname_and_stays_loaded() {
    let output = succeed(tool("readelf", "binutils").arg("-d").arg(library()));
    let dynamic = String::from_utf8(output.stdout).unwrap();
    let abi = macro_value("BITSUP_ABI_VERSION").unwrap();
    assert!(dynamic.contains(&format!("Library soname: [libbitsup.so.{abi}]")), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

#[test]
fn the_version_macros_match_the_package() {
    let parts =
        ["MAJOR", "MINOR", "PATCH"].map(|part| macro_value(&format!("BITSUP_VERSION_{part}")).unwrap());
    assert_eq!(parts.join("."), env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_header_compiles_alone_and_twice_in_every_standard() {
    let directory = tempfile::tempdir().unwrap();
    let compilers = [
        ("cc", "gcc", "once.c", &["c99", "c11", "c17"][..]),
        ("c++", "g++", "once.cpp", &["c++11", "c++14", "c++17", "c++20"][..]),
    ];
    for (compiler, package, name, standards) in compilers {
        let source = directory.path().join(name);
        let number = "typedef int number_fits[BITSUP_VERSION_NUMBER >= 0 ? 1 : -1];";
        fs::write(&source, format!("#include <bitsup.h>\n#include <bitsup.h>\n{number}\n")).unwrap();
        for standard in standards {
            let mut command = tool(compiler, package);
            command.arg(format!("-std={standard}")).arg("-I").arg(include());
            succeed(command.args(WARNINGS).arg("-fsyntax-only").arg(&source));
        }
    }
}

#[test]
fn the_header_exposes_no_layout_that_could_change() {
    for Declaration { code, .. } in declarations() {
        let words: Vec<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for word in ["bool", "_Bool", "enum", "union", "extern", "long", "int", "unsigned", "float", "double"]
        {
            assert!(!words.contains(&word), "{code}");
        }
        assert!(!code.contains(['{', '[']) && !code.contains("..."), "{code}");
    }
}

#[test]
fn every_function_is_documented_under_the_same_headings() {
    let functions: Vec<_> = declarations().into_iter().filter(|d| function_name(&d.code).is_some()).collect();
    assert_eq!(functions.len(), SYMBOLS.lines().count());
    for Declaration { comment, code } in functions {
        let headings = ["Ownership:", "Threads:", "Callbacks:", "Errors:", "Since:"];
        let found: Vec<_> =
            comment.iter().filter_map(|l| headings.into_iter().find(|h| l.starts_with(h))).collect();
        let expected: Vec<_> =
            headings.into_iter().filter(|h| *h != "Callbacks:" || found.contains(h)).collect();
        assert_eq!(found, expected, "{code}");
        assert!(comment.contains(&"Since: 0.1"), "{code}");
    }
}

#[test]
fn names_and_parameters_follow_the_conventions() {
    for Declaration { code, .. } in declarations() {
        let Some(name) = function_name(&code) else { continue };
        let parameters = code.split_once('(').unwrap().1;
        let returns_status = code.starts_with("bitsup_status bitsup_");
        let getter = ["bitsup_error_status"].contains(&name);
        let takes_error = parameters.ends_with("bitsup_error **error);");
        assert!(getter || returns_status == takes_error, "{code}: a status and an error go together");
        for output in parameters.split(", ").filter(|p| p.contains("**") && !p.contains("error")) {
            assert!(output.contains(" **out"), "{code}: {output} is an output");
        }
    }
}

/// The value of a macro.
fn macro_value(name: &str) -> Option<&'static str> {
    HEADER.lines().find_map(|line| line.strip_prefix(&format!("#define {name} ")))
}

fn function_name(code: &str) -> Option<&str> {
    let before = code.split_once('(')?.0;
    let name = before.rsplit([' ', '*']).next()?;
    (!code.starts_with("typedef") && name.starts_with("bitsup_")).then_some(name)
}

/// All declarations of the header that end with a semicolon, each joined into one line.
fn declarations() -> Vec<Declaration> {
    let (mut all, mut comment, mut code) = (Vec::new(), Vec::new(), String::new());
    for line in HEADER.lines().map(str::trim) {
        match line {
            "/**" | "/*" => (comment, code) = (Vec::new(), String::new()),
            _ if line.starts_with('*') => comment.push(line.trim_start_matches(['*', '/']).trim()),
            _ if line.is_empty() || line.starts_with(['#', '}']) || line.starts_with("extern \"C\"") => {}
            _ => {
                code = format!("{code} {line}").trim().to_owned();
                if code.ends_with(';') {
                    let comment = comment.drain(..).filter(|line| !line.is_empty()).collect();
                    all.push(Declaration { comment, code: std::mem::take(&mut code) });
                }
            }
        }
    }
    all
}
