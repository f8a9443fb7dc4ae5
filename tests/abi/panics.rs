//! A panic in any layer of the release library is returned as BITSUP_E_PANIC. The release library has no known
//! panics, so the test builds one that has: the same sources, profile and flags, and an injected panic in each layer.

#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::cc::{WARNINGS, succeed, tool};
use test_support::make::{self, make};
use test_support::repository;

/// The start of the message of every injected panic.
const MARK: &str = "injected-panic-in-";

/// Builds the library with the panics, in a target directory of its own so that it does not replace the other one.
fn library_with_panics() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault-injection");
    let mut cargo = make::in_clean_environment(Command::new(env!("CARGO")));
    cargo.args(["rustc", "--locked", "--quiet", "--release", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--no-default-features", "--features", "fault-injection", "--target-dir"]);
    succeed(cargo.arg(&target));
    target.join("release/libbitsup.so")
}

#[test]
fn a_panic_in_any_layer_of_the_release_library_becomes_a_status_and_the_process_continues() {
    let library = library_with_panics();
    assert!(has_mark(&library), "{} has no injected panics", library.display());
    let directory = tempfile::tempdir().unwrap();
    for name in ["libbitsup.so", "libbitsup.so.0"] {
        symlink(&library, directory.path().join(name)).unwrap();
    }
    let program = directory.path().join("program");
    let mut command = tool("cc", "gcc");
    command.args(["-std=c11", "-g"]).args(WARNINGS).arg("-I").arg(repository().join("include"));
    command.arg(repository().join("tests/c/panics.c")).arg("-o").arg(&program);
    succeed(command.arg("-L").arg(directory.path()).args(["-lbitsup", "-Wl,-rpath,$ORIGIN"]));
    let directories = ["one", "two"].map(|name| directory.path().join(name));
    directories.iter().for_each(|path| fs::create_dir(path).unwrap());
    succeed(Command::new(program).args(directories));
}

#[test]
fn no_regular_library_has_an_injected_panic() {
    assert!(!has_mark(&env::current_exe().unwrap().with_file_name("libbitsup.so")));
    succeed(&mut make("release"));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    for name in ["libbitsup.so", "libbitsup.a", "bitsup"] {
        let path = target.join("release").join(name);
        assert!(!has_mark(&path), "{} has injected panics", path.display());
    }
}

fn has_mark(library: &Path) -> bool {
    let status = tool("grep", "grep")
        .args(["--quiet", "--text", "--fixed-strings", MARK])
        .arg(library)
        .status()
        .unwrap();
    status.code().filter(|code| *code < 2).unwrap_or_else(|| panic!("cannot read {}", library.display())) == 0
}
