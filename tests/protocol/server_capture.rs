//! The two captured exchanges of PROTOCOL 13, played at our server: the client's bytes as they stood on the
//! wire, and the answers compared with IIS's field by field.

use bitsup::server::Server;
use bitsup::store::MemoryStore;
use test_support::raw_http::{RawHttp, serve};

/// The captured file is the text of RFC 2119; its length is what counts here.
const LENGTH: usize = 4892;

/// Fields of a captured answer; `?` stands for any value.
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

/// One captured session: its URL, and the session id once the server has named it.
struct Play {
    store: MemoryStore,
    _server: Server,
    line: RawHttp,
    path: &'static str,
    session: String,
}

impl Play {
    fn new(path: &'static str) -> Self {
        let store = MemoryStore::new(u64::MAX);
        store.make_directory(path.trim_start_matches('/').split('/').next().unwrap());
        let server = serve(&store, |_| {});
        let line = RawHttp::connect(&server);
        Self { store, _server: server, line, path, session: String::new() }
    }

    /// Sends a packet with the captured fields in their captured order, and checks the answer.
    fn packet(&mut self, kind: &str, fields: &[&str], host: &str, body: &[u8], captured: Captured) {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let head = format!(
            "BITS_POST {} HTTP/1.1\r\nAccept: */*\r\nBITS-Packet-Type: {kind}\r\n{fields}User-Agent: Microsoft \
             BITS/6.7\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: Keep-Alive\r\n\r\n",
            self.path,
            body.len()
        );
        self.line.send(head.replace("{session}", &self.session));
        self.line.send(body);
        let answer = self.line.response();
        assert!(answer.text.starts_with("HTTP/1.1 200 OK\r\n"), "{}", answer.text);
        for (name, value) in captured {
            let found = answer.field(name).unwrap_or_else(|| panic!("no {name} in {}", answer.text));
            assert!(*value == "?" || found == *value, "{name}: {found}, captured {value}");
        }
        let fields = answer.text.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name);
        for name in fields.filter(|name| name.starts_with("BITS-")) {
            let known = captured.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            // IIS names the session in the Create-Session Ack only, we in every Ack (PROTOCOL 2.5).
            assert!(known || name == "BITS-Session-Id", "{name} is not in the captured answer");
        }
        if kind == "Create-Session" {
            self.session = answer.session();
        }
    }

    fn create(&mut self, host: &str) {
        let offer = "BITS-Supported-Protocols: {7df0354d-249b-430f-820d-3d2a9bef4931}";
        self.packet("Create-Session", &[offer, "Content-Name: rfc2119.txt"], host, b"", CREATE_ACK);
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
fn the_simple_upload_of_13_1() {
    let mut play = Play::new("/upload/2000mb-rfc2119.txt");
    play.create("frankcao8");
    play.fragment("frankcao8");
    play.ping("frankcao8");
    play.close("frankcao8");
}

/// The upload of 13.2: after Create-Session the client comes by another name of the host.
#[test]
fn the_upload_of_13_2() {
    let mut play = Play::new("/upload-ref-isapi-WebFarm/2100mb-rfc2119.txt");
    play.create("frankcao8");
    play.ping("FRANKCAO8");
    play.fragment("FRANKCAO8");
    play.close("FRANKCAO8");
}
