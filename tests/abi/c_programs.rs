//! The C ABI as C sees it: the programs in `tests/c`, compiled against the header, linked to the shared
//! library, and run as they are, under Valgrind, and under the address and leak sanitizers. And the examples.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;
use test_support::cc::{WARNINGS, include, library, succeed, tool};
use test_support::examples::{Serve, sample, signal_to, transfer_file};

/// How a program is compiled and run.
#[derive(Clone, Copy, PartialEq)]
enum Under {
    Nothing,
    Valgrind,
    Sanitizers,
}

/// One compiled program with the library under its SONAME beside it, and folders for it to work in.
struct Program {
    folder: TempDir,
    under: Under,
}

impl Program {
    fn compile(source: &str, under: Under) -> Self {
        Self::compile_with(source, under, None)
    }

    /// With further files to include from a folder.
    fn compile_with(source: &str, under: Under, includes: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libbitsup.so", "libbitsup.so.0"] {
            symlink(library(), folder.path().join(name)).unwrap();
        }
        let mut command = tool("cc", "gcc");
        command.args(["-std=c11", "-g"]).args(WARNINGS).arg("-I").arg(include());
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(source))
            .arg("-o")
            .arg(folder.path().join("program"));
        if let Some(path) = includes {
            command.arg("-I").arg(path);
        }
        command.arg("-L").arg(folder.path()).args(["-lbitsup", "-pthread", "-ldl", "-Wl,-rpath,$ORIGIN"]);
        if under == Under::Sanitizers {
            command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
        }
        succeed(&mut command);
        Self { folder, under }
    }

    fn command(&self) -> Command {
        let program = self.folder.path().join("program");
        if self.under != Under::Valgrind {
            return Command::new(program);
        }
        let mut command = tool("valgrind", "valgrind");
        command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
        command.arg(concat!("--suppressions=", env!("CARGO_MANIFEST_DIR"), "/tests/c/valgrind.supp"));
        command.arg("--errors-for-leak-kinds=definite,indirect").arg(program);
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make_folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        path
    }
}

/// Compiles and runs one test program; it gets two empty folders, beside which lie two certificates of
/// "pc17", with their keys.
fn passes(name: &str, under: Under) {
    let program = Program::compile(&format!("tests/c/{name}.c"), under);
    for (cert, key) in [("cert.pem", "key.pem"), ("cert2.pem", "key2.pem")] {
        let signing_key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "pc17");
        fs::write(program.path(cert), params.self_signed(&signing_key).unwrap().pem()).unwrap();
        fs::write(program.path(key), signing_key.serialize_pem()).unwrap();
    }
    let (one, two) = (program.make_folder("one"), program.make_folder("two"));
    succeed(program.command().args([one, two]));
}

macro_rules! programs {
    ($($name:ident)*) => {
        $(mod $name {
            use super::{Under, passes};

            #[test]
            fn alone() {
                passes(stringify!($name), Under::Nothing);
            }

            #[test]
            fn under_valgrind() {
                passes(stringify!($name), Under::Valgrind);
            }

            #[test]
            fn under_sanitizers() {
                passes(stringify!($name), Under::Sanitizers);
            }
        })*
    };
}

programs! {
    null values extremes lifetimes callbacks roundtrip process unload hooks applications replies notify credentials
    exchange exchanges steps readers loggers stops stores challenge types security behaviours
}

/// `tests/c/embedding.c` includes the C code of the page and is the HTTP server around it.
#[test]
fn the_snippets_of_the_manual_serve_requests() {
    let folder = tempfile::tempdir().unwrap();
    let page = include_str!("../../docs/guide/embedding.md");
    let snippets = page.split("```c\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    fs::write(folder.path().join("embedding.inc"), snippets.collect::<String>()).unwrap();
    for under in [Under::Nothing, Under::Valgrind, Under::Sanitizers] {
        let program = Program::compile_with("tests/c/embedding.c", under, Some(folder.path()));
        let (one, two) = (program.make_folder("one"), program.make_folder("two"));
        succeed(program.command().args([one, two]));
    }
}

#[test]
fn every_function_is_called_with_null() {
    let calls = include_str!("../c/null.c");
    for symbol in include_str!("../../include/bitsup.symbols").lines() {
        assert!(calls.contains(&format!("{symbol}(")), "tests/c/null.c does not call {symbol}");
    }
}

fn example(name: &str) -> Program {
    Program::compile(&format!("examples/c/{name}.c"), Under::Nothing)
}

#[test]
fn the_examples_move_a_file_and_show_its_progress() {
    let (serve, upload) = (example("serve"), example("upload"));
    transfer_file(serve.command(), upload.command());
}

#[test]
fn the_upload_example_says_what_is_wrong_and_fails() {
    let (serve, upload) = (example("serve"), example("upload"));
    let server = Serve::start(serve.command(), &serve.make_folder("root"));
    let (path, _) = sample(upload.folder.path(), 10);
    let output = upload.command().arg(path).arg(format!("{}missing/copy.bin", server.url)).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("HTTP 404") && stderr.contains("HRESULT 0x80190194"), "{stderr}");
    assert_eq!(upload.command().output().unwrap().status.code(), Some(2));
    assert_eq!(server.stop(Signal::INT), Some(0));
}

#[test]
fn the_upload_example_continues_after_an_interrupt() {
    let (serve, upload) = (example("serve"), example("upload"));
    let root = serve.make_folder("root");
    let server = Serve::start(serve.command(), &root);
    // Long enough for an interrupt at the first line of progress to strike while fragments are under way.
    let (path, data) = sample(upload.folder.path(), 64 << 20);
    let state = upload.path("state");
    let mut command = upload.command();
    command
        .arg(path)
        .arg(format!("{}copy.bin", server.url))
        .arg(&state)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    signal_to(&child, Signal::INT);
    stdout.read_to_end(&mut Vec::new()).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("BITSUP_E_SUSPENDED") && state.is_file() && !root.join("copy.bin").exists(),
        "{stderr}"
    );
    succeed(&mut command);
    assert!(fs::read(root.join("copy.bin")).unwrap() == data && !state.exists());
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

// B-RESUME-01 in C
#[test]
fn the_resume_example_goes_on_after_it_was_killed() {
    let (serve, resume) = (example("serve"), example("resume"));
    let root = serve.make_folder("root");
    let server = Serve::start(serve.command(), &root);
    let (path, data) = sample(resume.folder.path(), 64 << 20);
    let state = resume.path("state");
    let mut command = resume.command();
    command.arg(path).arg(format!("{}copy.bin", server.url)).arg(&state);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reached = loop {
        let sent = sent(&lines.next().unwrap().unwrap());
        if sent > 0 {
            break sent;
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached < data.len() as u64 && state.is_file() && !root.join("copy.bin").exists());
    let output = succeed(&mut command);
    let again = String::from_utf8(output.stdout).unwrap();
    assert!(again.lines().map(sent).all(|sent| sent >= reached), "after {reached}: {again}");
    assert!(fs::read(root.join("copy.bin")).unwrap() == data && !state.exists());
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

/// How far a line of progress says the upload is.
fn sent(line: &str) -> u64 {
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_reply_example_prints_what_its_application_replies() {
    let reply = example("reply");
    let root = reply.make_folder("root");
    let path = reply.path("sample.txt");
    fs::write(&path, "first line\nsecond line\n").unwrap();
    let output = succeed(reply.command().args([&root, &path]));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "23 bytes\nFIRST LINE\n");
    let output = reply.command().args([&root, &reply.path("missing.txt")]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("missing.txt") && stderr.contains("BITSUP_E_NOT_FOUND"), "{stderr}");
    assert_eq!(reply.command().output().unwrap().status.code(), Some(2));
}
