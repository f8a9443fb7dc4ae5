//! A crowd of idle and slow TLS peers holds no thread and little memory. One test, because it counts the threads
//! and the memory of the process.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use bitsup::store::MemoryStore;
use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::ClientConnection;
use test_support::certificates::Authority;
use test_support::process;
use test_support::raw_http::{RawHttp, ping};
use test_support::tls::{TlsStream, connect, serve_tls, tls_stream};

const IDLE: usize = 2000;
const SLOW: usize = 100;
const MAX_WORKERS: usize = 32;
/// What an idle connection may hold, sockets in the kernel aside.
const MEMORY: usize = 16 * 1024;

#[test]
fn a_crowd_of_tls_peers_holds_no_thread_and_little_memory() {
    process::isolated(|| {
        allow_descriptors(2 * (IDLE + 2 * SLOW) as u64 + 200);
        let authority = Authority::named("root");
        let client = authority.client_config();
        let server =
            serve_tls(&authority, &MemoryStore::new(u64::MAX), |config| config.max_workers = MAX_WORKERS);
        let greet = || {
            let mut http = connect(&server, &client);
            assert_eq!(http.request(ping("/a")).status, 200);
            http.socket
        };
        // The first ones bring in what the process needs but once.
        (0..20).for_each(|_| drop(greet()));

        let (before, began) = (resident(), Instant::now());
        // Of the others only the sockets stay on this side.
        let idle: Vec<TcpStream> = (0..IDLE).map(|_| greet().sock).collect();
        let each = resident().saturating_sub(before) / IDLE;
        println!(
            "{each} bytes for an idle connection, {:?} for a handshake and a request",
            began.elapsed() / 2000
        );
        assert!(each <= MEMORY, "{each} bytes for an idle connection");

        let hello = hello(&authority);
        let (first, rest) = hello.split_at(hello.len() / 2);
        let mut greeting: Vec<RawHttp> = (0..SLOW).map(|_| RawHttp::connect(&server)).collect();
        greeting.iter_mut().for_each(|peer| peer.send(first));
        let mut asking: Vec<(TlsStream, Vec<u8>)> = (0..SLOW).map(|_| begin_record(greet())).collect();
        // Slow clients are still served, and no client has waited for another one.
        let mut quick = RawHttp::over(tls_stream(server.local_addr(), &client));
        assert_eq!(quick.request(ping("/a")).status, 200);
        let threads = fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads <= MAX_WORKERS + 3, "{threads} threads");

        for (peer, rest) in &mut asking {
            peer.sock.write_all(rest).unwrap();
        }
        for (peer, _) in asking {
            assert_eq!(RawHttp::over(peer).response().status, 200);
        }
        greeting.iter_mut().for_each(|peer| peer.send(rest));
        for mut peer in greeting {
            let mut record = [0; 3];
            peer.socket.read_exact(&mut record).unwrap();
            assert_eq!(record[0], 22, "the server's part of the handshake: {record:?}");
        }
        drop(idle);
    });
}

/// Sends half of a record with a request in it; the other half is given back.
fn begin_record(mut peer: TlsStream) -> (TlsStream, Vec<u8>) {
    peer.conn.writer().write_all(ping("/a").as_bytes()).unwrap();
    let mut record = Vec::new();
    while peer.conn.wants_write() {
        peer.conn.write_tls(&mut record).unwrap();
    }
    let rest = record.split_off(record.len() / 2);
    peer.sock.write_all(&record).unwrap();
    (peer, rest)
}

/// The first flight of a client.
fn hello(authority: &Authority) -> Vec<u8> {
    let mut hello = Vec::new();
    let mut client =
        ClientConnection::new(authority.client_config(), "127.0.0.1".try_into().unwrap()).unwrap();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// Bytes of memory that the process has in use.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

fn allow_descriptors(needed: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = Some(needed);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}
