//! The C++ headers: compiled by two compilers for two standards. The test programs run directly, under Valgrind, and
//! with the address and leak sanitizers.

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

/// The names of all C++ headers, as programs include them.
fn headers() -> Vec<String> {
    let names = fs::read_dir(include().join("bitsup")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| format!("bitsup/{}", name.to_str().unwrap()));
    ["bitsup.hpp".to_owned()].into_iter().chain(names).collect()
}

fn compiler((name, package): (&str, &str), standard: &str) -> Command {
    let mut command = tool(name, package);
    command.arg(standard).args(WARNINGS).arg("-Wshadow").arg("-I").arg(include());
    command
}

/// Compiles a program. Returns a directory with it and the library, under the names for linking and loading.
fn compile(compiler_package: (&str, &str), source: &str, options: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["libbitsup.so", "libbitsup.so.0"] {
        symlink(library(), directory.path().join(name)).unwrap();
    }
    let mut command = compiler(compiler_package, STANDARDS[0]);
    command.args(["-g", "-pthread"]).args(options).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(source));
    command.arg("-o").arg(directory.path().join("program")).arg("-L").arg(directory.path());
    succeed(command.args(["-lbitsup", "-Wl,-rpath,$ORIGIN"]));
    directory
}

/// Runs a test program with two empty directories as arguments.
fn run_test_program(directory: &TempDir, mut runner: Command) {
    let directories = ["one", "two"].map(|name| directory.path().join(name));
    directories.iter().for_each(|path| fs::create_dir(path).unwrap());
    succeed(runner.args(directories));
}

fn program(directory: &TempDir) -> Command {
    Command::new(directory.path().join("program"))
}

fn under_valgrind(directory: &TempDir) -> Command {
    let mut command = tool("valgrind", "valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.args(["--errors-for-leak-kinds=definite,indirect", "--show-leak-kinds=definite,indirect"]);
    command.arg(directory.path().join("program"));
    command
}

#[test]
fn every_header_compiles_alone_and_twice() {
    let directory = tempfile::tempdir().unwrap();
    for header in headers() {
        let source = directory.path().join("once.cpp");
        fs::write(&source, format!("#include <{header}>\n#include <{header}>\n")).unwrap();
        for compiler_package in COMPILERS {
            for standard in STANDARDS {
                succeed(compiler(compiler_package, standard).arg("-fsyntax-only").arg(&source));
            }
        }
    }
}

#[test]
fn the_programs_compile_with_both_compilers_and_standards() {
    for source in SOURCES {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        for compiler_package in COMPILERS {
            for standard in STANDARDS {
                succeed(compiler(compiler_package, standard).arg("-fsyntax-only").arg(&source));
            }
        }
    }
}

/// A C function that the headers do not call is missing in the C++ API.
#[test]
fn every_c_function_is_wrapped() {
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
            use super::{COMPILERS, compile, program, run_test_program};

            const SOURCE: &str = concat!("tests/cpp/", stringify!($name), ".cpp");

            #[test]
            fn built_with_gcc() {
                let directory = compile(COMPILERS[0], SOURCE, &["-O2"]);
                run_test_program(&directory, program(&directory));
            }

            #[test]
            fn built_with_clang() {
                let directory = compile(COMPILERS[1], SOURCE, &["-O2"]);
                run_test_program(&directory, program(&directory));
            }

            #[test]
            fn under_valgrind() {
                let directory = compile(COMPILERS[0], SOURCE, &[]);
                run_test_program(&directory, super::under_valgrind(&directory));
            }

            #[test]
            fn under_sanitizers() {
                let sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
                let directory = compile(COMPILERS[0], SOURCE, &sanitizers);
                run_test_program(&directory, program(&directory));
            }
        })*
    };
}

programs! { wrapper receiving exchange }

#[test]
fn the_examples_transfer_a_file_also_under_valgrind() {
    let [serve, upload] =
        ["serve", "upload"].map(|name| compile(COMPILERS[0], &format!("examples/cpp/{name}.cpp"), &[]));
    transfer_file(program(&serve), program(&upload));
    transfer_file(under_valgrind(&serve), under_valgrind(&upload));
}

#[test]
fn the_examples_report_errors_and_fail() {
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
    let directory = compile(COMPILERS[0], "examples/cpp/hooks.cpp", &[]);
    let [text, reply] = ["text", "reply"].map(|name| directory.path().join(name));
    fs::write(&text, "one\ntwo\nthree\n").unwrap();
    let mut server = program(&directory).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = format!("{}text", line.trim().strip_prefix("listening on ").unwrap());
    let upload = |user: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bitsup"));
        command.arg("upload").arg(&text).arg(&url).arg("--reply").arg(&reply);
        command.args(["--header", &format!("X-User: {user}")]).output().unwrap()
    };
    let rejected = upload("bob");
    let accepted = upload("alice");
    drop(server.stdin.take());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let stderr = String::from_utf8(rejected.stderr).unwrap();
    assert!(!rejected.status.success() && stderr.contains("403"), "{stderr}");
    assert!(accepted.status.success(), "{accepted:?}");
    assert_eq!(fs::read_to_string(&reply).unwrap(), "3 lines\n");
}
