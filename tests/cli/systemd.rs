//! Checks the systemd units with systemd-analyze: they are valid, and the service is sandboxed.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Maximum exposure that `systemd-analyze security` may report. 100 is a service without any restriction.
const EXPOSURE: u32 = 20;

/// The units as installed, with the path of the program under test.
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

fn analyze(args: &[&str], folder: &TempDir, files: &[&str]) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(args).args(files.iter().map(|file| folder.path().join(file)));
    // The files refer to units of the system, which must be found as well.
    command
        .output()
        .unwrap_or_else(|error| panic!("systemd-analyze: {error}; on Debian: apt-get install systemd"))
}

fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn systemd_accepts_the_units() {
    let folder = units();
    let output = analyze(&["verify", "--man=no"], &folder, &["bitsup.service", "bitsup.socket"]);
    let text = output_text(&output);
    assert!(output.status.success() && !text.contains("bitsup."), "{text}");
    // The check reports an unknown setting.
    let service = folder.path().join("bitsup.service");
    let text = fs::read_to_string(&service).unwrap() + "\n[Service]\nNoSuchThing=yes\n";
    fs::write(service, text).unwrap();
    let output = analyze(&["verify", "--man=no"], &folder, &["bitsup.service"]);
    assert!(output_text(&output).contains("NoSuchThing"), "{output:?}");
}

#[test]
fn the_service_is_sandboxed() {
    let folder = units();
    let threshold = format!("--threshold={EXPOSURE}");
    let output =
        analyze(&["security", "--offline=true", "--no-pager", &threshold], &folder, &["bitsup.service"]);
    assert!(output.status.success(), "{}", output_text(&output));
}

#[test]
fn the_packaged_configuration_is_valid() {
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
    // The configuration is valid. Only the address is rejected, as it requires users.
    assert_eq!(output.status.code(), Some(2));
    assert!(output_text(&output).contains("other machines can reach 192.0.2.1"), "{}", output_text(&output));
}
