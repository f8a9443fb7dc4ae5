//! Installs the release build with `make install`, and builds programs against it with pkg-config and with CMake, with
//! the shared and the static library.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use test_support::cc::{WARNINGS, succeed, tool};
use test_support::examples::transfer_file;
use test_support::make::{self, make};
use test_support::repository;

const SYMBOLS: &str = include_str!("../../include/bitsup.symbols");
const MANUAL: &str = include_str!("../../docs/operations/install.md");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Installs everything once, and returns the prefix.
fn tree() -> &'static Path {
    static TREE: OnceLock<PathBuf> = OnceLock::new();
    TREE.get_or_init(|| {
        let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join("installed");
        fs::remove_dir_all(&tree).ok();
        succeed(make("install").arg(format!("prefix={}", tree.display())));
        tree
    })
}

#[test]
fn programs_build_with_pkg_config_and_the_shared_library() {
    let [serve, upload] = build_examples("$(pkg-config --cflags", &work_dir("shared"));
    for program in [&serve, &upload] {
        assert!(needed_libraries(program).contains("libbitsup.so.0"));
    }
    transfer_file(with_installed_library(&serve), with_installed_library(&upload));
}

#[test]
fn programs_build_with_pkg_config_and_the_static_library() {
    let [serve, upload] = build_examples("$(pkg-config --static", &work_dir("static"));
    for program in [&serve, &upload] {
        let needed = needed_libraries(program);
        assert!(!needed.contains("bitsup"), "{needed}");
    }
    transfer_file(Command::new(serve), Command::new(upload));
}

#[test]
fn programs_build_with_cmake_and_either_library() {
    let build = work_dir("cmake");
    succeed(&mut configure(&build, &VERSION[..VERSION.rfind('.').unwrap()]));
    succeed(tool("cmake", "cmake").arg("--build").arg(&build));
    for kind in ["bitsup-c", "bitsup-cpp", "static-c", "static-cpp"] {
        let [serve, upload] = ["serve", "upload"].map(|name| build.join(format!("{name}-{kind}")));
        assert_eq!(
            needed_libraries(&upload).contains("libbitsup.so.0"),
            kind.starts_with("bitsup"),
            "{kind}"
        );
        transfer_file(Command::new(serve), Command::new(upload));
    }
}

#[test]
fn cmake_rejects_incompatible_versions() {
    for version in ["0.0.1", "0.2", "1.0"] {
        let output = configure(&work_dir(&format!("cmake-{version}")), version).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && stderr.contains(&format!("version: {VERSION}")), "{stderr}");
    }
}

/// The compiler's list, which the pkg-config file, the CMake file and the documents repeat.
#[test]
fn the_system_libraries_are_those_that_rustc_reports() {
    let mut command = make::in_clean_environment(Command::new(env!("CARGO")));
    command.args(["rustc", "--locked", "--lib", "--crate-type", "staticlib", "--all-features"]);
    let output = succeed(command.args(["--", "--print", "native-static-libs"]));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let libraries = stderr.split("native-static-libs: ").nth(1).expect("no list in the output of rustc");
    let libraries = libraries.lines().next().unwrap().trim();

    let pc = fs::read_to_string(tree().join("lib/pkgconfig/bitsup.pc")).unwrap();
    assert!(pc.contains(&format!("\nLibs.private: {libraries}\n")), "{libraries}\n{pc}");
    let cmake = fs::read_to_string(tree().join("lib/cmake/bitsup/bitsup-config.cmake")).unwrap();
    let listed = libraries.replace(" -l", ";").replace("-l", "");
    assert!(cmake.contains(&format!("INTERFACE_LINK_LIBRARIES \"{listed}\"")), "{libraries}\n{cmake}");
    for document in [MANUAL, include_str!("../../README.md")] {
        assert!(document.contains(&format!("`{libraries}`")), "a document does not contain `{libraries}`");
    }
}

#[test]
fn the_installed_library_exports_only_the_api_and_has_no_debug_information() {
    let library = tree().join("lib/libbitsup.so");
    assert_eq!(fs::canonicalize(&library).unwrap(), tree().join(format!("lib/libbitsup.so.{VERSION}")));
    assert_eq!(
        fs::read_link(tree().join("lib/libbitsup.so.0")).unwrap(),
        Path::new(&format!("libbitsup.so.{VERSION}"))
    );
    let output = succeed(tool("nm", "binutils").args(["-D", "--defined-only", "-j"]).arg(&library));
    let exported: BTreeSet<_> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(exported, SYMBOLS.lines().map(str::to_owned).collect());
    for name in ["libbitsup.so", "libbitsup.a"] {
        let sections = succeed(tool("readelf", "binutils").arg("-SW").arg(tree().join("lib").join(name)));
        assert!(!String::from_utf8_lossy(&sections.stdout).contains(".debug_"), "{name}");
    }
}

#[test]
fn every_header_is_installed_and_the_program_runs() {
    for name in ["", "bitsup"] {
        let names = |root: &Path| -> BTreeSet<_> {
            let entries = fs::read_dir(root.join("include").join(name)).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).filter(|name| name != "bitsup.symbols").collect()
        };
        assert_eq!(names(tree()), names(repository()));
    }
    let output = succeed(Command::new(tree().join("bin/bitsup")).arg("--version"));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), format!("bitsup {VERSION}"));
}

#[test]
fn a_staged_tree_refers_to_its_final_prefix_and_can_be_removed() {
    let staging = work_dir("stage");
    let command = |target: &str| {
        let mut command = make(target);
        command.arg(format!("DESTDIR={}", staging.display()));
        command.args(["prefix=/opt/bits", "libdir=/opt/bits/lib64", "includedir=/opt/include/bits"]);
        command
    };
    succeed(&mut command("install"));
    let pc = fs::read_to_string(staging.join("opt/bits/lib64/pkgconfig/bitsup.pc")).unwrap();
    let directories = "prefix=/opt/bits\nlibdir=${prefix}/lib64\nincludedir=/opt/include/bits\n";
    assert!(pc.starts_with(directories), "{pc}");
    let cmake = fs::read_to_string(staging.join("opt/bits/lib64/cmake/bitsup/bitsup-config.cmake")).unwrap();
    assert!(cmake.contains("/../../include/bits\""), "{cmake}");
    succeed(&mut command("uninstall"));
    let left =
        succeed(Command::new("find").arg(&staging).args(["-not", "-type", "d", "-o", "-name", "bitsup"]));
    assert_eq!(String::from_utf8(left.stdout).unwrap(), "");
}

/// Creates an empty directory for one test.
fn work_dir(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install").join(name);
    fs::remove_dir_all(&path).ok();
    fs::create_dir_all(&path).unwrap();
    path
}

/// Builds the example programs with the command of the manual that contains `command_part`.
fn build_examples(command_part: &str, folder: &Path) -> [PathBuf; 2] {
    tool("pkg-config", "pkg-config");
    let line = MANUAL.lines().find(|line| line.starts_with("cc ") && line.contains(command_part)).unwrap();
    ["serve", "upload"].map(|name| {
        let line =
            line.replace("upload", name).replacen("cc", &format!("cc -std=c11 {}", WARNINGS.join(" ")), 1);
        let sources = folder.join(format!("{name}.c"));
        fs::copy(repository().join("examples/c").join(format!("{name}.c")), sources).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).env("PKG_CONFIG_PATH", tree().join("lib/pkgconfig")).current_dir(folder);
        succeed(&mut shell);
        folder.join(name)
    })
}

fn configure(build: &Path, version: &str) -> Command {
    let mut command = tool("cmake", "cmake");
    command.arg("-S").arg(repository().join("tests/cmake")).arg("-B").arg(build);
    command.arg(format!("-DCMAKE_PREFIX_PATH={}", tree().display())).arg(format!("-Dwanted={version}"));
    command.arg(format!("-Dexamples={}", repository().join("examples").display()));
    command
}

/// Returns the libraries that the loader will look for.
fn needed_libraries(program: &Path) -> String {
    let output = succeed(tool("readelf", "binutils").arg("-d").arg(program));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter(|line| line.contains("NEEDED")).collect()
}

/// Returns a command that runs the program with the installed library.
fn with_installed_library(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("LD_LIBRARY_PATH", tree().join("lib"));
    command
}
