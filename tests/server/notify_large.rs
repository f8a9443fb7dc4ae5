//! An answer of an application as large as uploads are: streamed to its file, never in memory.
//!
//! A process of its own, because the peak of its memory is looked at. In a debug build it takes longer than other
//! tests: the HTTP library then spends several seconds on asking, for every 16 bytes, whether to log them.

use std::fs::{self, File};
use std::io::Read;

use test_support::application::{Application, Response, pattern};
use test_support::process;

use crate::notify_fixture::{Uploaded, by_value};

const LENGTH: u64 = 2 << 30;
/// What the peak may rise by: buffers of both sides, whatever the length.
const MEMORY: u64 = 16 << 20;

/// NTF-07.
#[test]
fn a_reply_of_2_gib_goes_to_its_file_bit_exact_and_not_through_memory() {
    process::isolated(|| {
        let application = Application::start(|_| Response::pattern(LENGTH));
        let upload = Uploaded::in_files(b"data");
        let before = peak_memory();
        assert!(upload.judge(&by_value(application.url("/"))).replies_file(upload.reply_path()));
        let grown = peak_memory() - before;
        println!("the peak rose by {} KiB from {} KiB", grown >> 10, before >> 10);
        assert!(grown < MEMORY, "by {grown} bytes");

        let mut reply = File::open(upload.reply_path()).unwrap();
        assert_eq!(reply.metadata().unwrap().len(), LENGTH);
        let (mut wanted, mut expected, mut found) = (pattern(LENGTH), vec![0; 65_521], vec![0; 65_521]);
        while let length @ 1.. = wanted.read(&mut expected).unwrap() {
            reply.read_exact(&mut found[..length]).unwrap();
            assert!(found[..length] == expected[..length]);
        }
    });
}

/// The most memory this process ever had, in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}
