//! A panic in any layer of the release library is returned as BITSUP_E_PANIC. To show it, the library is built with
//! the same sources, profile and flags, and with one panic planted in each layer.

#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_support::cc::{WARNINGS, succeed, tool};
use test_support::make::{self, make};
use test_support::repository;

/// The message of every planted panic begins with this.
const MARK: &str = "planted-panic-in-";

/// Builds the library with the planted panics, in a separate target directory so that it is not used elsewhere.
fn library_with_planted_panics() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("planted");
    let mut cargo = make::in_clean_environment(Command::new(env!("CARGO")));
    cargo.args(["rustc", "--locked", "--quiet", "--release", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--no-default-features", "--features", "planted-panics", "--target-dir"]);
    succeed(cargo.arg(&target));
    target.join("release/libbitsup.so")
}

#[test]
fn a_panic_in_any_layer_becomes_a_status_and_the_process_continues() {
    let library = library_with_planted_panics();
    assert!(has_mark(&library), "{} has no planted panics", library.display());
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
fn no_regular_library_has_a_planted_panic() {
    assert!(!has_mark(&env::current_exe().unwrap().with_file_name("libbitsup.so")));
    succeed(&mut make("release"));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    for name in ["libbitsup.so", "libbitsup.a", "bitsup"] {
        let path = target.join("release").join(name);
        assert!(!has_mark(&path), "{} has planted panics", path.display());
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
