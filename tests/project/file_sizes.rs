//! Limits the length of files (600 lines, except in `src/ffi`, where each C type has one file) and of function
//! bodies (50 lines).

use crate::sources::{code, files};

const FILE_LINES: usize = 600;
const BODY_LINES: usize = 50;

fn all() -> impl Iterator<Item = (String, String)> {
    ["src", "tests", "examples", "tools"].into_iter().flat_map(files)
}

#[test]
fn no_file_is_too_long() {
    // What is read at a stretch is code and prose; vectors and captures are data.
    let is_data = |path: &str| [".txt", ".bin"].iter().any(|ending| path.ends_with(ending));
    let is_limited = |path: &str| !is_data(path) && !path.starts_with("src/ffi/");
    for (path, text) in all().filter(|(path, _)| is_limited(path)) {
        let lines = text.lines().count();
        assert!(lines <= FILE_LINES, "{path} has {lines} lines");
    }
}

#[test]
fn no_function_is_too_long() {
    let mut seen = 0;
    for (path, text) in all() {
        let bodies = match path.rsplit('.').next() {
            Some("rs") => bodies(&code(&text), |line| line.contains("fn ")),
            Some("c" | "h") => bodies(&text, |line| line.starts_with(|c: char| c.is_ascii_alphabetic())),
            _ => continue,
        };
        seen += bodies.len();
        for (line, length) in bodies {
            assert!(length <= BODY_LINES, "{path}:{line}: a body of {length} lines");
        }
    }
    assert!(seen > 100, "only {seen} functions found");
}

/// The line where each function begins, and how many lines are between its braces. In formatted code the
/// closing brace stands alone, as far in as the line that `begins` the function.
fn bodies(code: &str, begins: impl Fn(&str) -> bool) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = code.lines().map(str::trim_end).collect();
    let mut bodies = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| begins(line)) {
        let indent = line.len() - line.trim_start().len();
        let Some(open) = lines[at..].iter().position(|line| line.ends_with(['{', ';', '}'])) else {
            continue;
        };
        if !lines[at + open].ends_with('{') {
            continue;
        }
        let closes = |line: &&str| line.trim_start() == "}" && line.len() == indent + 1;
        let length =
            lines[at + open + 1..].iter().position(closes).expect("formatted code closes its functions");
        bodies.push((at + 1, length));
    }
    bodies
}

#[test]
fn the_counter_counts_what_is_between_the_braces() {
    let code = "impl A {\n    fn f(\n        x: u8,\n    ) -> u8 {\n        x\n            + 1\n    }\n    fn g();\n}\n";
    assert_eq!(bodies(code, |line| line.contains("fn ")), [(2, 2)]);
}
