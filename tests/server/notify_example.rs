//! The example application in `docs/operations/application.md` works as described.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use sha2::{Digest, Sha256};

use crate::notify_fixture::{CompleteUpload, by_reference, by_value};

/// A Python process, killed when the test ends.
struct Python(Child);

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_documented_example_runs() {
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations/application.md")).unwrap();
    let (_, example) = page.split_once("```python\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let spawned = Command::new("python3")
        .args(["-c", example])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("cannot run python3; on Debian: apt-get install python3");
    let mut python = Python(spawned);
    let mut url = String::new();
    BufReader::new(python.0.stdout.take().unwrap()).read_line(&mut url).unwrap();

    for content in [vec![b'x'; 3 << 20], Vec::new()] {
        let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        for notifier in [by_value(url.trim()), by_reference(url.trim())] {
            let upload = CompleteUpload::in_files(&content);
            let decision = upload.notify(&notifier);
            assert!(decision.keeps_file() && decision.replies_file(upload.reply_path()), "{decision:?}");
            assert_eq!(fs::read_to_string(upload.reply_path()).unwrap(), digest);
        }
    }
}
