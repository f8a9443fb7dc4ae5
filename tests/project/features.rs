//! The features and dependencies of a Rust program that depends on bitsup.

use std::process::Command;

/// Runs `cargo tree` on the package alone, as a dependency: without the other members of the workspace.
fn cargo_tree(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--package",
            "bitsup",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_default_features_exclude_the_program_and_the_c_abi() {
    assert_eq!(cargo_tree(&["--depth", "0", "--format", "{f}"]).trim(), "client,default,server");
    let tree = cargo_tree(&[]);
    assert!(tree.contains("ureq v") && tree.contains("httparse v"), "{tree}");
    for package in ["cbindgen", "clap", "indicatif", "rpassword", "sd-notify", "signal-hook"] {
        assert!(!tree.lines().any(|line| line.starts_with(&format!("{package} v"))), "{package}\n{tree}");
    }
}

#[test]
fn without_features_no_network_library_is_needed() {
    let tree = cargo_tree(&["--no-default-features"]);
    for package in ["ureq", "rustls", "httparse", "polling"] {
        assert!(!tree.lines().any(|line| line.starts_with(&format!("{package} v"))), "{package}\n{tree}");
    }
}
