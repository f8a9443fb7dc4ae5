//! Ten thousand idle connections fit into 64 MiB while uploads run. The server runs in its own process, so that its
//! memory can be measured.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, getrlimit, setrlimit};
use test_support::process;
use test_support::raw_http::{RawHttp, close, create, fragment, ping};

const IDLE: usize = 10_000;
/// Descriptors in addition to those of the connections.
const RESERVED_DESCRIPTORS: u64 = 200;
const MEMORY_LIMIT: usize = 64 << 20;
const FRAGMENT: usize = 1 << 20;

struct ServerProcess(Child);

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn ten_thousand_idle_connections_fit_into_64_mib_while_uploads_run() {
    process::isolated(|| {
        let allowed =
            raise_descriptor_limit(IDLE as u64 + RESERVED_DESCRIPTORS).saturating_sub(RESERVED_DESCRIPTORS);
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
        let server = ServerProcess(child);
        let address = line.trim().trim_start_matches("listening on http://").trim_end_matches('/');
        let address: SocketAddr = address.parse().unwrap();

        // Each connection makes one request, so that none is left in the accept queue.
        let mut idle: Vec<RawHttp> = Vec::new();
        while idle.len() < count {
            let batch = count.saturating_sub(idle.len()).min(500);
            let mut connections: Vec<RawHttp> = (0..batch).map(|_| RawHttp::connect_to(address)).collect();
            connections.iter_mut().for_each(|http| http.send(ping("/a")));
            connections.iter_mut().for_each(|http| assert_eq!(http.response().status, 200));
            idle.append(&mut connections);
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
        let peak_memory = peak_memory(server.0.id());
        println!("{peak_memory} bytes at peak with {count} idle connections");
        assert!(peak_memory < MEMORY_LIMIT, "{peak_memory} bytes with {count} connections");
        // The idle connections are still open.
        for mut http in idle.into_iter().step_by(1000) {
            assert_eq!(http.request(ping("/a")).status, 200);
        }
        if count < IDLE {
            eprintln!("SHORTENED to {count} connections: this machine allows no more descriptors");
        }
    });
}

/// The peak memory of a process in bytes.
fn peak_memory(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// Raises the limit of open descriptors towards `needed`. Returns the new limit.
fn raise_descriptor_limit(needed: u64) -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX).min(needed);
    if limit.current.is_some_and(|current| current < allowed) {
        limit.current = Some(allowed);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
