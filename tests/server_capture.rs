//! The two captured exchanges of PROTOCOL 13, played at our server: the client's bytes as they stood on the
//! wire, and the answers compared with IIS's field by field.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bitsup::engine::{Engine, EngineConfig};
use bitsup::server::{Server, ServerConfig};
use bitsup::store::{MemoryStore, Store};

/// The captured file is the text of RFC 2119; its length is what counts here.
const LENGTH: usize = 4892;

struct Stage {
    store: MemoryStore,
    server: Server,
    socket: TcpStream,
}

impl Stage {
    fn new(folder: &str) -> Self {
        let store = MemoryStore::new(u64::MAX);
        store.make_directory(folder);
        let engine = Engine::new(EngineConfig::new(Arc::new(store.clone()) as Arc<dyn Store>)).unwrap();
        let mounts = vec![("/".to_owned(), engine)];
        let server = Server::start(ServerConfig { mounts, ..ServerConfig::default() }).unwrap();
        let socket = TcpStream::connect(server.local_addr()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { store, server, socket }
    }

    /// Sends a captured request and checks the answer against the captured one. `?` stands for any value.
    fn play(&mut self, request: &str, body: &[u8], answer: &[(&str, &str)]) -> Vec<(String, String)> {
        let wire =
            request.trim_start().lines().map(|line| format!("{}\r\n", line.trim())).collect::<String>();
        self.socket.write_all(format!("{wire}\r\n").as_bytes()).unwrap();
        self.socket.write_all(body).unwrap();
        let (status_line, fields) = read_answer(&mut self.socket);
        assert_eq!(status_line, "HTTP/1.1 200 OK");
        for (name, value) in answer {
            let found = find(&fields, name).unwrap_or_else(|| panic!("no {name} in {fields:?}"));
            assert!(*value == "?" || found == *value, "{name}: {found}, captured {value}");
        }
        for name in fields.iter().map(|(name, _)| name).filter(|name| name.starts_with("BITS-")) {
            let known = answer.iter().any(|(captured, _)| captured.eq_ignore_ascii_case(name));
            // IIS names the session in the Create-Session Ack only, we in every Ack (PROTOCOL 2.5).
            assert!(known || name == "BITS-Session-Id", "{name} is not in the captured answer");
        }
        fields
    }
}

fn find<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn read_answer(socket: &mut TcpStream) -> (String, Vec<(String, String)>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
    let status_line = lines.next().unwrap();
    let fields = lines.map(|line| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap());
    (status_line, fields.collect())
}

fn content() -> Vec<u8> {
    (0..LENGTH).map(|i| (i % 251) as u8).collect()
}

const CREATE_ACK: [(&str, &str); 6] = [
    ("Date", "?"),
    ("Pragma", "no-cache"),
    ("BITS-Packet-Type", "Ack"),
    ("BITS-Protocol", "{7df0354d-249b-430f-820d-3d2a9bef4931}"),
    ("Content-Length", "0"),
    ("Accept-encoding", "identity"),
];
const PLAIN_ACK: [(&str, &str); 4] =
    [("Date", "?"), ("Pragma", "no-cache"), ("BITS-Packet-Type", "Ack"), ("Content-Length", "0")];

fn create(path: &str) -> String {
    format!(
        "BITS_POST {path} HTTP/1.1
         Accept: */*
         BITS-Packet-Type: Create-Session
         BITS-Supported-Protocols: {{7df0354d-249b-430f-820d-3d2a9bef4931}}
         Content-Name: rfc2119.txt
         User-Agent: Microsoft BITS/6.7
         Host: frankcao8
         Content-Length: 0
         Connection: Keep-Alive"
    )
}

fn fragment(path: &str, session: &str, host: &str) -> String {
    format!(
        "BITS_POST {path} HTTP/1.1
         Accept: */*
         BITS-Packet-Type: Fragment
         BITS-Session-Id: {session}
         Content-Name: rfc2119.txt
         Content-Range: bytes 0-4891/4892
         User-Agent: Microsoft BITS/6.7
         Host: {host}
         Content-Length: 4892
         Connection: Keep-Alive"
    )
}

fn ping(path: &str, host: &str) -> String {
    format!(
        "BITS_POST {path} HTTP/1.1
         Accept: */*
         BITS-Packet-Type: Ping
         User-Agent: Microsoft BITS/6.7
         Host: {host}
         Content-Length: 0
         Connection: Keep-Alive"
    )
}

fn close(path: &str, session: &str, host: &str) -> String {
    format!(
        "BITS_POST {path} HTTP/1.1
         Accept: */*
         BITS-Packet-Type: Close-Session
         BITS-Session-Id: {session}
         Content-Name: rfc2119.txt
         User-Agent: Microsoft BITS/6.7
         Host: {host}
         Content-Length: 0
         Connection: Keep-Alive"
    )
}

#[test]
fn the_simple_upload_of_13_1() {
    let path = "/upload/2000mb-rfc2119.txt";
    let mut stage = Stage::new("upload");
    let fields = stage.play(&create(path), b"", &CREATE_ACK);
    let session = find(&fields, "BITS-Session-Id").unwrap().to_owned();
    let mut fragment_ack = PLAIN_ACK.to_vec();
    fragment_ack.push(("BITS-Received-Content-Range", "4892"));
    stage.play(&fragment(path, &session, "frankcao8"), &content(), &fragment_ack);
    stage.play(&ping(path, "frankcao8"), b"", &PLAIN_ACK);
    stage.play(&close(path, &session, "frankcao8"), b"", &PLAIN_ACK);
    assert_eq!(stage.store.file("upload/2000mb-rfc2119.txt"), Some(content()));
    stage.server.stop(Duration::ZERO).unwrap();
}

/// The upload of 13.2: after Create-Session the client comes by another name of the host.
#[test]
fn the_upload_of_13_2() {
    let path = "/upload-ref-isapi-WebFarm/2100mb-rfc2119.txt";
    let mut stage = Stage::new("upload-ref-isapi-WebFarm");
    let fields = stage.play(&create(path), b"", &CREATE_ACK);
    let session = find(&fields, "BITS-Session-Id").unwrap().to_owned();
    stage.play(&ping(path, "FRANKCAO8"), b"", &PLAIN_ACK);
    let mut fragment_ack = PLAIN_ACK.to_vec();
    fragment_ack.push(("BITS-Received-Content-Range", "4892"));
    stage.play(&fragment(path, &session, "FRANKCAO8"), &content(), &fragment_ack);
    stage.play(&close(path, &session, "FRANKCAO8"), b"", &PLAIN_ACK);
    assert_eq!(stage.store.file("upload-ref-isapi-WebFarm/2100mb-rfc2119.txt"), Some(content()));
    stage.server.stop(Duration::ZERO).unwrap();
}
