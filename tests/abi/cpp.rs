//! The C++ header: compiled by two compilers in two dialects, and run as it is, under Valgrind, and under the
//! address and leak sanitizers.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;
use test_support::cc::{WARNINGS, include, library, succeed, tool};
use test_support::examples::{Serve, transfer_file};

const COMPILERS: [(&str, &str); 2] = [("g++", "g++"), ("clang++", "clang")];
const STANDARDS: [&str; 2] = ["-std=c++17", "-std=c++20"];
const SOURCES: [&str; 6] = [
    "tests/cpp/wrapper.cpp",
    "tests/cpp/exchange.cpp",
    "tests/cpp/receiving.cpp",
    "examples/cpp/serve.cpp",
    "examples/cpp/upload.cpp",
    "examples/cpp/hooks.cpp",
];

/// Every C++ header, as programs include it.
fn headers() -> Vec<String> {
    let parts = fs::read_dir(include().join("bitsup")).unwrap().map(|entry| entry.unwrap().file_name());
    let parts = parts.map(|name| format!("bitsup/{}", name.to_str().unwrap()));
    ["bitsup.hpp".to_owned()].into_iter().chain(parts).collect()
}

fn compiler((name, package): (&str, &str), standard: &str) -> Command {
    let mut command = tool(name, package);
    command.arg(standard).args(WARNINGS).arg("-Wshadow").arg("-I").arg(include());
    command
}

/// A folder with the program and the library under the names by which it is linked and loaded.
fn compile(by: (&str, &str), source: &str, options: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["libbitsup.so", "libbitsup.so.0"] {
        symlink(library(), folder.path().join(name)).unwrap();
    }
    let mut command = compiler(by, STANDARDS[0]);
    command.args(["-g", "-pthread"]).args(options).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(source));
    command.arg("-o").arg(folder.path().join("program")).arg("-L").arg(folder.path());
    succeed(command.args(["-lbitsup", "-Wl,-rpath,$ORIGIN"]));
    folder
}

/// Runs the program behind `runner` with two empty folders.
fn passes(folder: &TempDir, mut runner: Command) {
    let folders = ["one", "two"].map(|name| folder.path().join(name));
    folders.iter().for_each(|path| fs::create_dir(path).unwrap());
    succeed(runner.args(folders));
}

fn program(folder: &TempDir) -> Command {
    Command::new(folder.path().join("program"))
}

fn under_valgrind(folder: &TempDir) -> Command {
    let mut command = tool("valgrind", "valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.args(["--errors-for-leak-kinds=definite,indirect", "--show-leak-kinds=definite,indirect"]);
    command.arg(folder.path().join("program"));
    command
}

#[test]
fn every_header_compiles_alone_and_twice() {
    let folder = tempfile::tempdir().unwrap();
    for header in headers() {
        let source = folder.path().join("once.cpp");
        fs::write(&source, format!("#include <{header}>\n#include <{header}>\n")).unwrap();
        for by in COMPILERS {
            for standard in STANDARDS {
                succeed(compiler(by, standard).arg("-fsyntax-only").arg(&source));
            }
        }
    }
}

#[test]
fn the_programs_compile_by_both_compilers_in_both_dialects() {
    for source in SOURCES {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        for by in COMPILERS {
            for standard in STANDARDS {
                succeed(compiler(by, standard).arg("-fsyntax-only").arg(&source));
            }
        }
    }
}

/// The header has no logic, so a function that it does not call is one that C++ programs miss.
#[test]
fn every_function_can_be_reached() {
    let text: String =
        headers().iter().map(|name| fs::read_to_string(include().join(name)).unwrap()).collect();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    for symbol in include_str!("../../include/bitsup.symbols").lines() {
        assert!(words.contains(&symbol), "no class of include/bitsup/*.hpp calls {symbol}");
    }
}

macro_rules! programs {
    ($($name:ident)*) => {
        $(mod $name {
            use super::{COMPILERS, compile, passes, program};

            const SOURCE: &str = concat!("tests/cpp/", stringify!($name), ".cpp");

            #[test]
            fn by_gcc() {
                let folder = compile(COMPILERS[0], SOURCE, &["-O2"]);
                passes(&folder, program(&folder));
            }

            #[test]
            fn by_clang() {
                let folder = compile(COMPILERS[1], SOURCE, &["-O2"]);
                passes(&folder, program(&folder));
            }

            #[test]
            fn under_valgrind() {
                let folder = compile(COMPILERS[0], SOURCE, &[]);
                passes(&folder, super::under_valgrind(&folder));
            }

            #[test]
            fn under_sanitizers() {
                let sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
                let folder = compile(COMPILERS[0], SOURCE, &sanitizers);
                passes(&folder, program(&folder));
            }
        })*
    };
}

programs! { wrapper receiving exchange }

#[test]
fn the_examples_move_a_file_also_under_valgrind() {
    let [serve, upload] =
        ["serve", "upload"].map(|name| compile(COMPILERS[0], &format!("examples/cpp/{name}.cpp"), &[]));
    transfer_file(program(&serve), program(&upload));
    transfer_file(under_valgrind(&serve), under_valgrind(&upload));
}

#[test]
fn the_examples_say_what_is_wrong_and_fail() {
    let [serve, upload] =
        ["serve", "upload"].map(|name| compile(COMPILERS[1], &format!("examples/cpp/{name}.cpp"), &[]));
    let server = Serve::start(program(&serve), serve.path());
    let url = format!("{}missing/copy.bin", server.url);
    let output = program(&upload).arg(library()).arg(url).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("HTTP 404") && stderr.contains("HRESULT 0x80190194"), "{stderr}");
    assert_eq!(server.stop(Signal::INT), Some(0));
    for program in [program(&serve), program(&upload)].each_mut() {
        assert_eq!(program.output().unwrap().status.code(), Some(2));
    }
    assert_eq!(program(&serve).arg(serve.path().join("missing")).output().unwrap().status.code(), Some(1));
}

#[test]
fn the_hooks_example_counts_lines_for_alice_only() {
    let folder = compile(COMPILERS[0], "examples/cpp/hooks.cpp", &[]);
    let [text, reply] = ["text", "reply"].map(|name| folder.path().join(name));
    fs::write(&text, "one\ntwo\nthree\n").unwrap();
    let mut server = program(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = format!("{}text", line.trim().strip_prefix("listening on ").unwrap());
    let upload = |user: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bitsup"));
        command.arg("upload").arg(&text).arg(&url).arg("--reply").arg(&reply);
        command.args(["--header", &format!("X-User: {user}")]).output().unwrap()
    };
    let refused = upload("bob");
    let accepted = upload("alice");
    drop(server.stdin.take());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && stderr.contains("403"), "{stderr}");
    assert!(accepted.status.success(), "{accepted:?}");
    assert_eq!(fs::read_to_string(&reply).unwrap(), "3 lines\n");
}
