//! `tools/abi-check` finds the changes of the header that break compiled programs.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

const HEADER: &str = include_str!("../../include/bitsup.h");

/// Compares the header with `new`, each with its ABI version. Returns exit code and output.
fn compare(versions: [u32; 2], new: &str) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    let [old, new] =
        [("old.h", HEADER, versions[0]), ("new.h", new, versions[1])].map(|(name, text, version)| {
            let path = directory.path().join(name);
            let definition = "#define BITSUP_ABI_VERSION 0\n";
            assert!(text.contains(definition));
            fs::write(&path, text.replace(definition, &format!("#define BITSUP_ABI_VERSION {version}\n")))
                .unwrap();
            path
        });
    let output = tool().args([old, new]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn tool() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/abi-check"))
}

/// The header with `text` replaced by `other`.
fn replaced(text: &str, other: &str) -> String {
    assert!(HEADER.contains(text), "{text}");
    HEADER.replace(text, other)
}

#[test]
fn a_header_is_compatible_with_itself_and_with_additions() {
    let extended =
        replaced("void bitsup_store_free(", "int32_t bitsup_new(int32_t number);\nvoid bitsup_store_free(");
    for new in [HEADER, &extended, &format!("{HEADER}\n#define BITSUP_NEW 1\n")] {
        let (code, text) = compare([1, 1], new);
        assert!(code == 0 && text.ends_with("abi-check: compatible\n"), "{code} {text}");
    }
}

#[test]
fn removals_and_changes_are_named_and_fail() {
    let changes = [
        ("bitsup_store_new_memory", replaced("bitsup_store_new_memory(", "bitsup_store_new_other(")),
        ("bitsup_store_new_memory", replaced("uint64_t max_bytes", "uint32_t max_bytes")),
        (
            "bitsup_hooks_on_end",
            replaced("(*bitsup_hooks_end_fn)(void *user_data,", "(*bitsup_hooks_end_fn)("),
        ),
        ("BITSUP_E_IO 201", replaced("#define BITSUP_E_IO 201", "#define BITSUP_E_IO 299")),
        ("BITSUP_PART_REPLY 2", replaced("#define BITSUP_PART_REPLY 2\n", "")),
    ];
    for (name, new) in changes {
        let (code, text) = compare([1, 1], &new);
        assert!(
            code == 1 && text.contains(name) && text.contains("docs/reference/abi.md"),
            "{name}: {code} {text}"
        );
    }
}

#[test]
fn a_new_abi_version_or_version_0_may_be_incompatible() {
    let new = replaced("bitsup_store_new_memory(", "bitsup_store_new_other(");
    for versions in [[1, 2], [0, 0]] {
        let (code, text) = compare(versions, &new);
        assert!(code == 0 && text.contains("abi-check: not compatible, "), "{code} {text}");
    }
}

#[test]
fn an_unrelated_header_is_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.h");
    fs::write(&empty, "int other(void);\n").unwrap();
    let output = tool().arg(empty).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && stderr.contains("declares no function"), "{stderr}");
}
