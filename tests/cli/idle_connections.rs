//! Ten thousand idle connections fit into 64 MiB while uploads run. The server is a process of its own, whose
//! memory nothing else uses.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, getrlimit, setrlimit};
use test_support::process;
use test_support::raw_http::{RawHttp, close, create, fragment, ping};

const IDLE: usize = 10_000;
/// Descriptors beside those of the connections.
const OTHERS: u64 = 200;
const MEMORY: usize = 64 << 20;
const FRAGMENT: usize = 1 << 20;

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ten_thousand_idle_connections_fit_into_64_mib_while_uploads_run() {
    process::isolated(|| {
        let allowed = allow_descriptors(IDLE as u64 + OTHERS).saturating_sub(OTHERS);
        let count = usize::try_from(allowed).unwrap().min(IDLE);
        let root = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_bitsup"))
            .args(["serve", "--listen", "127.0.0.1:0", "--max-connections-per-address", "0", "--root"])
            .arg(root.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let served = Served(child);
        let address = line.trim().trim_start_matches("listening on http://").trim_end_matches('/');
        let address: SocketAddr = address.parse().unwrap();

        // All have been heard once, so none of them waits in the kernel's queue.
        let mut idle: Vec<RawHttp> = Vec::new();
        while idle.len() < count {
            let many = count.saturating_sub(idle.len()).min(500);
            let mut fresh: Vec<RawHttp> = (0..many).map(|_| RawHttp::connect_to(address)).collect();
            fresh.iter_mut().for_each(|http| http.send(ping("/a")));
            fresh.iter_mut().for_each(|http| assert_eq!(http.response().status, 200));
            idle.append(&mut fresh);
        }
        for upload in 0..4 {
            let mut http = RawHttp::connect_to(address);
            let path = format!("/{upload}");
            let session = http.request(create(&path)).session();
            for first in 0..4 {
                let head = fragment(&path, &session, first * FRAGMENT, FRAGMENT, 4 * FRAGMENT, &[]);
                http.send(head);
                assert_eq!(http.request(vec![b'x'; FRAGMENT]).status, 200);
            }
            assert_eq!(http.request(close(&path, &session)).status, 200);
            assert_eq!(fs::metadata(root.path().join(&path[1..])).unwrap().len(), 4 * FRAGMENT as u64);
        }
        let peak = peak(served.0.id());
        println!("{peak} bytes at most with {count} idle connections");
        assert!(peak < MEMORY, "{peak} bytes with {count} connections");
        // They are still there.
        for mut http in idle.into_iter().step_by(1000) {
            assert_eq!(http.request(ping("/a")).status, 200);
        }
        if count < IDLE {
            eprintln!("SHORTENED to {count} connections: this machine allows no more descriptors");
        }
    });
}

/// Most bytes of memory that a process ever had.
fn peak(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// Raises the limit as far as it goes; how many there may be now.
fn allow_descriptors(needed: u64) -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX).min(needed);
    if limit.current.is_some_and(|current| current < allowed) {
        limit.current = Some(allowed);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
