//! The application in `docs/operations/application.md` does what the page says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use sha2::{Digest, Sha256};

use crate::notify_fixture::{Uploaded, by_reference, by_value};

/// Ended when the test is.
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
        .expect("python3 is needed for this test");
    let mut python = Python(spawned);
    let mut url = String::new();
    BufReader::new(python.0.stdout.take().unwrap()).read_line(&mut url).unwrap();

    for content in [vec![b'x'; 3 << 20], Vec::new()] {
        let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        for notifier in [by_value(url.trim()), by_reference(url.trim())] {
            let upload = Uploaded::in_files(&content);
            let judged = upload.judge(&notifier);
            assert!(judged.keeps() && judged.replies_file(upload.reply_path()), "{judged:?}");
            assert_eq!(fs::read_to_string(upload.reply_path()).unwrap(), digest);
        }
    }
}
