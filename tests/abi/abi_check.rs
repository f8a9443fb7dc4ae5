//! `tools/abi-check` notices what programs that are already built would notice.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

const HEADER: &str = include_str!("../../include/bitsup.h");

/// Exit code and output of a comparison, both headers with that ABI version.
fn compare(versions: [u32; 2], new: &str) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] =
        [("old.h", HEADER, versions[0]), ("new.h", new, versions[1])].map(|(name, text, version)| {
            let path = folder.path().join(name);
            let now = "#define BITSUP_ABI_VERSION 0\n";
            assert!(text.contains(now));
            fs::write(&path, text.replace(now, &format!("#define BITSUP_ABI_VERSION {version}\n"))).unwrap();
            path
        });
    let output = tool().args([old, new]).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

fn tool() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/abi-check"))
}

/// The header with something else in the place of `text`.
fn with(text: &str, other: &str) -> String {
    assert!(HEADER.contains(text), "{text}");
    HEADER.replace(text, other)
}

#[test]
fn a_header_is_compatible_with_itself_and_with_one_that_has_more() {
    let more =
        with("void bitsup_store_free(", "int32_t bitsup_new(int32_t number);\nvoid bitsup_store_free(");
    for new in [HEADER, &more, &format!("{HEADER}\n#define BITSUP_NEW 1\n")] {
        let (code, text) = compare([1, 1], new);
        assert!(code == 0 && text.ends_with("abi-check: compatible\n"), "{code} {text}");
    }
}

#[test]
fn what_is_gone_or_different_is_named_and_fails() {
    let changes = [
        ("bitsup_store_new_memory", with("bitsup_store_new_memory(", "bitsup_store_new_other(")),
        ("bitsup_store_new_memory", with("uint64_t max_bytes", "uint32_t max_bytes")),
        ("bitsup_hooks_on_end", with("(*bitsup_hooks_end_fn)(void *user_data,", "(*bitsup_hooks_end_fn)(")),
        ("BITSUP_E_IO 201", with("#define BITSUP_E_IO 201", "#define BITSUP_E_IO 299")),
        ("BITSUP_PART_REPLY 2", with("#define BITSUP_PART_REPLY 2\n", "")),
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
fn a_new_abi_version_and_version_0_may_break() {
    let new = with("bitsup_store_new_memory(", "bitsup_store_new_other(");
    for versions in [[1, 2], [0, 0]] {
        let (code, text) = compare(versions, &new);
        assert!(code == 0 && text.contains("abi-check: not compatible, "), "{code} {text}");
    }
}

#[test]
fn what_is_no_header_of_ours_is_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.h");
    fs::write(&empty, "int other(void);\n").unwrap();
    let output = tool().arg(empty).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && stderr.contains("declares no function"), "{stderr}");
}
