//! The units of systemd, read by systemd itself: nothing in them is unknown to it, and the service can do little.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The worst that `systemd-analyze security` may say of the service; 100 is a service that may do everything.
const EXPOSURE: u32 = 20;

/// The units as they are installed, but for the program, which is the one under test.
fn units() -> TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd");
    let folder = tempfile::tempdir().unwrap();
    let service = fs::read_to_string(source.join("bitsup.service.in")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_bitsup"));
    fs::create_dir(folder.path().join("bin")).unwrap();
    std::os::unix::fs::symlink(program, folder.path().join("bin/bitsup")).unwrap();
    let service = service.replace("@bindir@", folder.path().join("bin").to_str().unwrap());
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    fs::write(folder.path().join("bitsup.service"), service.replace("@docdir@/README.md", readme)).unwrap();
    fs::copy(source.join("bitsup.socket"), folder.path().join("bitsup.socket")).unwrap();
    folder
}

fn analyze(words: &[&str], folder: &TempDir, files: &[&str]) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(words).args(files.iter().map(|file| folder.path().join(file)));
    // Beside the units of the system, which the files name.
    command
        .output()
        .unwrap_or_else(|error| panic!("systemd-analyze: {error}; on Debian: apt-get install systemd"))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn systemd_understands_the_units() {
    let folder = units();
    let output = analyze(&["verify", "--man=no"], &folder, &["bitsup.service", "bitsup.socket"]);
    let said = said(&output);
    assert!(output.status.success() && !said.contains("bitsup."), "{said}");
    // The check sees what it is to see.
    let service = folder.path().join("bitsup.service");
    let text = fs::read_to_string(&service).unwrap() + "\n[Service]\nNoSuchThing=yes\n";
    fs::write(service, text).unwrap();
    let output = analyze(&["verify", "--man=no"], &folder, &["bitsup.service"]);
    assert!(self::said(&output).contains("NoSuchThing"), "{output:?}");
}

#[test]
fn the_service_can_do_little() {
    let folder = units();
    let threshold = format!("--threshold={EXPOSURE}");
    let output =
        analyze(&["security", "--offline=true", "--no-pager", &threshold], &folder, &["bitsup.service"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_examples_configuration_is_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/systemd/bitsup.toml");
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let text = fs::read_to_string(file).unwrap().replace("/var/lib/bitsup", root);
    let text = text.replace("127.0.0.1:8080", "192.0.2.1:0");
    fs::write(folder.path().join("bitsup.toml"), text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_bitsup"))
        .args(["serve", "--config"])
        .arg(folder.path().join("bitsup.toml"))
        .output()
        .unwrap();
    // It is understood down to the address, which nobody may serve without users.
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("other machines can reach 192.0.2.1"), "{}", said(&output));
}
