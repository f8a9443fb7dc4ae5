//! A very large response of an application is streamed to a file, not held in memory.
//!
//! Slow in a debug build: the HTTP library checks for every 16 bytes whether to log them, which takes several seconds.

use std::fs::{self, File};
use std::io::Read;

use test_support::application::{Application, Response, pattern};
use test_support::process;

use crate::notify_fixture::{CompleteUpload, by_value};

const LENGTH: u64 = 2 << 30;
/// How much the peak may rise, for the buffers of both sides.
const MAX_GROWTH: u64 = 16 << 20;

/// NTF-07.
#[test]
fn a_reply_of_2_gib_is_streamed_to_its_file_bit_exact() {
    process::isolated(|| {
        let application = Application::start(|_| Response::pattern(LENGTH));
        let upload = CompleteUpload::in_files(b"data");
        let before = peak_memory();
        assert!(upload.notify(&by_value(application.url("/"))).replies_file(upload.reply_path()));
        let grown = peak_memory() - before;
        println!("the peak rose by {} KiB from {} KiB", grown >> 10, before >> 10);
        assert!(grown < MAX_GROWTH, "the peak rose by {grown} bytes");

        let mut reply = File::open(upload.reply_path()).unwrap();
        assert_eq!(reply.metadata().unwrap().len(), LENGTH);
        let (mut source, mut expected, mut found) = (pattern(LENGTH), vec![0; 65_521], vec![0; 65_521]);
        while let length @ 1.. = source.read(&mut expected).unwrap() {
            reply.read_exact(&mut found[..length]).unwrap();
            assert!(found[..length] == expected[..length]);
        }
    });
}

/// Returns the peak memory of this process in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}
