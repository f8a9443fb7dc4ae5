//! The two captured exchanges of PROTOCOL 13, replayed against the server: sends the captured bytes of the client
//! and compares the responses with those of IIS field by field.

use bitsup::server::Server;
use bitsup::store::MemoryStore;
use test_support::raw_http::{RawHttp, serve};

/// The length of the captured file, the text of RFC 2119. Its content does not matter here.
const LENGTH: usize = 4892;

/// Fields of a captured response; `?` matches any value.
type Captured<'a> = &'a [(&'a str, &'a str)];

const CREATE_ACK: Captured = &[
    ("Date", "?"),
    ("Pragma", "no-cache"),
    ("BITS-Packet-Type", "Ack"),
    ("BITS-Protocol", "{7df0354d-249b-430f-820d-3d2a9bef4931}"),
    ("BITS-Session-Id", "?"),
    ("Content-Length", "0"),
    ("Accept-encoding", "identity"),
];
const FRAGMENT_ACK: Captured = &[
    ("Date", "?"),
    ("Pragma", "no-cache"),
    ("BITS-Packet-Type", "Ack"),
    ("Content-Length", "0"),
    ("BITS-Received-Content-Range", "4892"),
];
const PLAIN_ACK: Captured =
    &[("Date", "?"), ("Pragma", "no-cache"), ("BITS-Packet-Type", "Ack"), ("Content-Length", "0")];

/// One captured session. The session id is set after Create-Session.
struct Replay {
    store: MemoryStore,
    _server: Server,
    http: RawHttp,
    path: &'static str,
    session: String,
}

impl Replay {
    fn new(path: &'static str) -> Self {
        let store = MemoryStore::new(u64::MAX);
        store.make_directory(path.trim_start_matches('/').split('/').next().unwrap());
        let server = serve(&store, |_| {});
        let http = RawHttp::connect(&server);
        Self { store, _server: server, http, path, session: String::new() }
    }

    /// Sends a packet with the captured fields in the captured order, and checks the response.
    fn packet(&mut self, kind: &str, fields: &[&str], host: &str, body: &[u8], captured: Captured) {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let head = format!(
            "BITS_POST {} HTTP/1.1\r\nAccept: */*\r\nBITS-Packet-Type: {kind}\r\n{fields}User-Agent: Microsoft \
             BITS/6.7\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: Keep-Alive\r\n\r\n",
            self.path,
            body.len()
        );
        self.http.send(head.replace("{session}", &self.session));
        self.http.send(body);
        let response = self.http.response();
        assert!(response.text.starts_with("HTTP/1.1 200 OK\r\n"), "{}", response.text);
        for (name, value) in captured {
            let found = response.field(name).unwrap_or_else(|| panic!("no {name} in {}", response.text));
            assert!(*value == "?" || found == *value, "{name}: {found}, captured {value}");
        }
        let fields = response.text.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name);
        for name in fields.filter(|name| name.starts_with("BITS-")) {
            let known = captured.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            // IIS sends the session id in the Create-Session Ack only, bitsup in every Ack (PROTOCOL 2.5).
            assert!(known || name == "BITS-Session-Id", "{name} is not in the captured response");
        }
        if kind == "Create-Session" {
            self.session = response.session();
        }
    }

    fn create(&mut self, host: &str) {
        let protocols = "BITS-Supported-Protocols: {7df0354d-249b-430f-820d-3d2a9bef4931}";
        self.packet("Create-Session", &[protocols, "Content-Name: rfc2119.txt"], host, b"", CREATE_ACK);
    }

    fn ping(&mut self, host: &str) {
        self.packet("Ping", &[], host, b"", PLAIN_ACK);
    }

    fn fragment(&mut self, host: &str) {
        let name = "Content-Name: rfc2119.txt";
        let fields = ["BITS-Session-Id: {session}", name, "Content-Range: bytes 0-4891/4892"];
        self.packet("Fragment", &fields, host, &content(), FRAGMENT_ACK);
    }

    fn close(&mut self, host: &str) {
        let fields = ["BITS-Session-Id: {session}", "Content-Name: rfc2119.txt"];
        self.packet("Close-Session", &fields, host, b"", PLAIN_ACK);
        assert_eq!(self.store.file(self.path.trim_start_matches('/')), Some(content()));
    }
}

fn content() -> Vec<u8> {
    (0..LENGTH).map(|i| (i % 251) as u8).collect()
}

#[test]
fn capture_13_1_simple_upload() {
    let mut replay = Replay::new("/upload/2000mb-rfc2119.txt");
    replay.create("frankcao8");
    replay.fragment("frankcao8");
    replay.ping("frankcao8");
    replay.close("frankcao8");
}

/// After Create-Session the client uses another spelling of the host name.
#[test]
fn capture_13_2_upload_with_another_host_name() {
    let mut replay = Replay::new("/upload-ref-isapi-WebFarm/2100mb-rfc2119.txt");
    replay.create("frankcao8");
    replay.ping("FRANKCAO8");
    replay.fragment("FRANKCAO8");
    replay.close("FRANKCAO8");
}
