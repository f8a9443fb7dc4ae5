//! The Debian packages and the tarball contain what `make install` installs, and work wherever they are unpacked.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use test_support::cc::{WARNINGS, succeed, tool};
use test_support::examples::transfer_file;
use test_support::make::make;
use test_support::repository;

const SYMBOLS: &str = include_str!("../../include/bitsup.symbols");
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn debian_packages_contain_the_program_the_library_and_the_headers() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        eprintln!("skipped: dpkg-deb is not installed");
        return;
    }
    let folder = build("deb");
    let packages = ["libbitsup0", "libbitsup-dev", "bitsup"].map(|name| Deb::of(folder.path(), name));
    let [library, development, program] = &packages;
    assert!(library.control.contains(" Depends: libc6 (>= 2.") && library.files.iter().any(is_library));
    assert!(development.control.contains(&format!(" Depends: libbitsup0 (= {VERSION}), libc6-dev\n")));
    for unit in ["service", "socket"] {
        assert!(program.files.contains(&format!("./usr/lib/systemd/system/bitsup.{unit}")));
    }
    assert!(program.files.contains("./usr/bin/bitsup") && !program.control.contains("libbitsup"));

    let all_files: BTreeSet<_> = packages.iter().flat_map(|package| &package.files).collect();
    let count: usize = packages.iter().map(|package| package.files.len()).sum();
    assert_eq!(all_files.len(), count, "two packages contain the same file");

    let root = folder.path().join("root");
    packages.iter().for_each(|package| package.unpack(&root));
    let libraries = library.files.iter().find(|name| is_library(name)).unwrap();
    let libraries = root.join(Path::new(libraries).parent().unwrap());
    assert_works(&libraries, Some(&root));
    succeed(Command::new(root.join("usr/bin/bitsup")).arg("--help"));
    assert_symbols_are_listed(library, &folder.path().join("control"));
}

fn assert_symbols_are_listed(library: &Deb, control: &Path) {
    succeed(Command::new("dpkg-deb").arg("--control").arg(&library.path).arg(control));
    let mut symbols = "libbitsup.so.0 libbitsup0 #MINVER#\n".to_owned();
    SYMBOLS.lines().for_each(|name| symbols += &format!(" {name}@Base {VERSION}\n"));
    assert_eq!(fs::read_to_string(control.join("symbols")).unwrap(), symbols);
    let shlibs = fs::read_to_string(control.join("shlibs")).unwrap();
    let next = env!("CARGO_PKG_VERSION_MINOR").parse::<u32>().unwrap() + 1;
    let expected = format!("libbitsup 0 libbitsup0 (>= {VERSION}), libbitsup0 (<< 0.{next})\n");
    assert_eq!(shlibs, expected);
}

#[test]
fn the_tarball_works_wherever_it_is_unpacked() {
    let folder = build("tarball");
    let tarball = only_file(folder.path());
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    succeed(Command::new("tar").arg("-xzf").arg(&tarball).arg("-C").arg(&elsewhere));
    let tree = fs::read_dir(&elsewhere).unwrap().next().unwrap().unwrap().path();
    let moved = folder.path().join("moved");
    fs::rename(tree, &moved).unwrap();
    assert_works(&moved.join("lib"), None);
    succeed(Command::new(moved.join("bin/bitsup")).arg("--help"));
}

#[test]
fn the_tarball_is_reproducible() {
    let (one, two) = (build("tarball"), build("tarball"));
    let (one, two) = (only_file(one.path()), only_file(two.path()));
    assert_eq!(one.file_name(), two.file_name());
    assert!(fs::read(one).unwrap() == fs::read(two).unwrap());
}

/// A Debian package.
struct Deb {
    path: PathBuf,
    /// The output of `dpkg-deb -I`.
    control: String,
    /// Its files and links, without directories.
    files: BTreeSet<String>,
}

impl Deb {
    fn of(folder: &Path, name: &str) -> Self {
        let start = format!("{name}_{VERSION}_");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let is_wanted = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(&start);
        let path = entries.into_iter().find(is_wanted).unwrap_or_else(|| panic!("no {start}*.deb"));
        let output_of = |flag| {
            let output = succeed(Command::new("dpkg-deb").arg(flag).arg(&path));
            String::from_utf8(output.stdout).unwrap()
        };
        let (control, listed) = (output_of("-I"), output_of("-c"));
        for field in [format!(" Package: {name}\n"), format!(" Version: {VERSION}\n")] {
            assert!(control.contains(&field), "{control}");
        }
        let files = listed.lines().filter(|line| !line.starts_with('d')).map(|line| {
            assert!(line.contains(" root/root "), "{line}");
            line.split_whitespace().nth(5).unwrap().to_owned()
        });
        Self { files: files.collect(), control, path }
    }

    fn unpack(&self, root: &Path) {
        succeed(Command::new("dpkg-deb").arg("-x").arg(&self.path).arg(root));
    }
}

fn is_library(name: impl AsRef<str>) -> bool {
    name.as_ref().ends_with(&format!("/libbitsup.so.{VERSION}"))
}

/// Runs `make deb` or `make tarball`, and returns the folder with the result.
fn build(target: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    succeed(make(target).arg(format!("out={}", folder.path().display())));
    folder
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// Asserts that programs can be built against these libraries and run with them. `root` is the root directory of the
/// unpacked packages.
fn assert_works(libraries: &Path, root: Option<&Path>) {
    let mut command = tool("pkg-config", "pkg-config");
    command.env("PKG_CONFIG_PATH", libraries.join("pkgconfig")).args(["--cflags", "--libs", "bitsup"]);
    if let Some(root) = root {
        command.env("PKG_CONFIG_SYSROOT_DIR", root).arg("--keep-system-cflags").arg("--keep-system-libs");
    }
    let flags = String::from_utf8(succeed(&mut command).stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [serve, upload] = ["serve", "upload"].map(|name| {
        let mut command = tool("cc", "gcc");
        command.args(WARNINGS).arg(repository().join("examples/c").join(format!("{name}.c")));
        command.args(flags.split_whitespace()).arg("-pthread").arg("-o").arg(folder.path().join(name));
        succeed(&mut command);
        let mut program = Command::new(folder.path().join(name));
        program.env("LD_LIBRARY_PATH", libraries);
        program
    });
    transfer_file(serve, upload);
}
