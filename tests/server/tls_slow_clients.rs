//! Many idle and slow TLS clients occupy no thread and little memory.

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
/// The memory that an idle connection may take, without the socket buffers of the kernel.
const MAX_MEMORY: usize = 16 * 1024;

#[test]
fn slow_tls_clients_occupy_no_thread_and_little_memory() {
    process::isolated(|| {
        allow_descriptors(2 * (IDLE + 2 * SLOW) as u64 + 200);
        let authority = Authority::named("root");
        let config = authority.client_config();
        let server =
            serve_tls(&authority, &MemoryStore::new(u64::MAX), |server| server.max_workers = MAX_WORKERS);
        let open = || {
            let mut http = connect(&server, &config);
            assert_eq!(http.request(ping("/a")).status, 200);
            http.socket
        };
        // The first connections allocate what the process needs only once.
        (0..20).for_each(|_| drop(open()));

        let (before, began) = (resident_memory(), Instant::now());
        // On the client's side only the sockets are kept.
        let idle: Vec<TcpStream> = (0..IDLE).map(|_| open().sock).collect();
        let each = resident_memory().saturating_sub(before) / IDLE;
        println!("{each} bytes per idle connection, {:?} per handshake and request", began.elapsed() / 2000);
        assert!(each <= MAX_MEMORY, "{each} bytes per idle connection");

        let hello = client_hello(&authority);
        let (first, rest) = hello.split_at(hello.len() / 2);
        let mut handshaking: Vec<RawHttp> = (0..SLOW).map(|_| RawHttp::connect(&server)).collect();
        handshaking.iter_mut().for_each(|client| client.send(first));
        let mut requesting: Vec<(TlsStream, Vec<u8>)> = (0..SLOW).map(|_| start_record(open())).collect();
        // Other clients are served meanwhile.
        let mut quick = RawHttp::over(tls_stream(server.local_addr(), &config));
        assert_eq!(quick.request(ping("/a")).status, 200);
        let threads = fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads <= MAX_WORKERS + 3, "{threads} threads");

        for (client, rest) in &mut requesting {
            client.sock.write_all(rest).unwrap();
        }
        for (client, _) in requesting {
            assert_eq!(RawHttp::over(client).response().status, 200);
        }
        handshaking.iter_mut().for_each(|client| client.send(rest));
        for mut client in handshaking {
            let mut record = [0; 3];
            client.socket.read_exact(&mut record).unwrap();
            assert_eq!(record[0], 22, "not a handshake record: {record:?}");
        }
        drop(idle);
    });
}

/// Sends the first half of a record that contains a request, and returns the second half.
fn start_record(mut client: TlsStream) -> (TlsStream, Vec<u8>) {
    client.conn.writer().write_all(ping("/a").as_bytes()).unwrap();
    let mut record = Vec::new();
    while client.conn.wants_write() {
        client.conn.write_tls(&mut record).unwrap();
    }
    let rest = record.split_off(record.len() / 2);
    client.sock.write_all(&record).unwrap();
    (client, rest)
}

/// Returns the first message of a client.
fn client_hello(authority: &Authority) -> Vec<u8> {
    let mut hello = Vec::new();
    let mut client =
        ClientConnection::new(authority.client_config(), "127.0.0.1".try_into().unwrap()).unwrap();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// Returns the resident memory of this process in bytes.
fn resident_memory() -> usize {
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
