//! Framing, routing and persistent connections.

use bitsup::server::ServerConfig;
use bitsup::store::MemoryStore;
use test_support::raw_http::{RawHttp, close, create, engine, fragment, packet, ping, serve, serve_anything};

/// More than the server drains.
const HUGE: usize = 64 << 20;

#[test]
fn gen_01_gen_03_every_packet_is_answered_on_one_connection() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |_| {});
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request(ping("/a")).status, 200);
    let session = http.request(create("/a")).session();
    let ack = http.request(fragment("/a", &session, 0, 5, 10, &[]) + "hello");
    assert_eq!((ack.status, ack.field("BITS-Received-Content-Range")), (200, Some("5")));
    assert_eq!(http.request(fragment("/a", &session, 5, 5, 10, &[]) + "world").status, 200);
    let ack = http.request(close("/a", &session));
    assert_eq!((ack.status, ack.closes()), (200, false));
    assert_eq!(store.file("a").unwrap(), b"helloworld");
}

#[test]
fn gen_05_header_names_are_case_insensitive() {
    let server = serve_anything();
    let (line, fields) = create("/a").split_once("\r\n").map(|(l, f)| (l.to_owned(), f.to_owned())).unwrap();
    let response = RawHttp::connect(&server).request(format!("{line}\r\n{}", fields.to_lowercase()));
    assert_eq!(response.status, 200);
}

#[test]
fn gen_12_a_header_value_of_4096_bytes_is_accepted() {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    let value = |length| packet("Ping", "/a", &[&format!("X-Foo: {}", "x".repeat(length))], 0);
    assert_eq!(http.request(value(4096)).status, 200);
    assert_eq!(http.request(value(4097)).status, 400);
}

#[test]
fn gen_17_each_packet_may_use_its_own_connection() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |_| {});
    let send = |bytes: String| RawHttp::connect(&server).request(bytes);
    let session = send(create("/a")).session();
    assert_eq!(send(fragment("/a", &session, 0, 3, 6, &[]) + "abc").status, 200);
    assert_eq!(send(fragment("/a", &session, 3, 3, 6, &[]) + "def").status, 200);
    assert_eq!(send(close("/a", &session)).status, 200);
    assert_eq!(store.file("a").unwrap(), b"abcdef");
}

#[test]
fn gen_18_other_methods_create_no_session() {
    let engine = engine(&MemoryStore::new(u64::MAX));
    let mounts = vec![("/".into(), engine.clone())];
    let server = serve(&MemoryStore::new(0), |config| config.mounts = mounts);
    let mut http = RawHttp::connect(&server);
    for method in ["PUT", "POST", "bits_post"] {
        let response = http.request(create("/up/a").replacen("BITS_POST", method, 1));
        assert!(matches!(response.status, 405 | 501), "{method}: {}", response.text);
    }
    assert_eq!(engine.session_count(), 0);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    let body = "x".repeat(5000);
    let requests = ping("/a")
        + &fragment("/a", &session, 0, 5000, 10_000, &[])
        + &body
        + &packet("Nonsense", "/a", &[], 0)
        + &fragment("/a", &session, 5000, 5000, 10_000, &[])
        + &body
        + &close("/a", &session);
    http.send(requests);
    let statuses: Vec<u16> = (0..5).map(|_| http.response().status).collect();
    assert_eq!(statuses, [200, 200, 400, 200, 200]);
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |_| {});
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    let request = fragment("/a", &session, 0, 10, 10, &[]) + "0123456789";
    request.bytes().for_each(|byte| http.send([byte]));
    assert_eq!(http.response().status, 200);
    assert_eq!(store.file("a").unwrap(), b"0123456789");
}

#[test]
fn a_body_may_be_split_anywhere() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |_| {});
    let mut http = RawHttp::connect(&server);
    let content: Vec<u8> = (0..1_000_000u32).map(|i| (i ^ (i >> 8)) as u8).collect();
    let session = http.request(create("/a")).session();
    let head = fragment("/a", &session, 0, content.len(), content.len(), &[]);
    let request = [head.as_bytes(), &content].concat();
    let mut rest = request.as_slice();
    for length in (1..).map(|i: usize| i * i * 7 % 9973 + 1) {
        let (piece, remaining) = rest.split_at(length.min(rest.len()));
        http.send(piece);
        rest = remaining;
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!(http.response().status, 200);
    assert!(store.file("a").unwrap() == content);
}

#[test]
fn an_empty_line_between_requests_is_skipped() {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request(ping("/a") + "\r\n\r\n").status, 200);
    assert_eq!(http.request(ping("/a")).status, 200);
}

#[test]
fn gen_19_a_wanted_body_gets_100_continue() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |_| {});
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    http.read_continue();
    assert_eq!(http.request("hello").status, 200);
    assert_eq!(http.request(close("/a", &session)).status, 200);
    assert_eq!(store.file("a").unwrap(), b"hello");
}

#[test]
fn gen_19_an_unwanted_body_gets_no_100_continue() {
    let server = serve_anything();
    for (path, status) in [("/a", 416), ("/missing/a", 500)] {
        let mut http = RawHttp::connect(&server);
        let session = RawHttp::connect(&server).request(create("/a")).session();
        let id = if status == 416 { session.as_str() } else { "{00000000-0000-0000-0000-000000000000}" };
        let response = http.request(fragment(path, id, 100, 5, 500, &["Expect: 100-continue"]));
        assert_eq!((response.status, response.closes()), (status, true), "{}", response.text);
        http.assert_closed();
    }
}

#[test]
fn an_unknown_expectation_is_rejected_and_the_connection_stays_open() {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    let response = http.request(packet("Ping", "/a", &["Expect: miracles"], 4) + "body");
    assert_eq!((response.status, response.closes()), (417, false));
    assert_eq!(response.field("BITS-Packet-Type"), None);
    assert_eq!(http.request(ping("/a")).status, 200);
}

#[test]
fn gen_20_an_unwanted_body_is_drained_before_the_next_request() {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    // 13 MiB, the largest fragment of a Windows client, which sends it completely before it reads the response.
    let length = 13 << 20;
    http.send(fragment("/a", &session, 100, length, 2 * length, &[]));
    http.send(vec![b'\n'; length]);
    let response = http.response();
    assert_eq!((response.status, response.closes()), (416, false));
    assert_eq!(response.field("BITS-Received-Content-Range"), Some("0"));
    assert_eq!(http.request(ping("/a")).status, 200);
}

#[test]
fn gen_20_the_response_to_a_huge_unwanted_body_arrives_before_the_close() {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    let session = http.request(create("/a")).session();
    http.send(fragment("/a", &session, 100, HUGE, 2 * HUGE, &[]));
    // The client is still sending when the response arrives; a reset would discard the response.
    http.send(vec![0; 4 << 20]);
    let response = http.response();
    assert_eq!((response.status, response.closes()), (416, true));
    http.assert_closed();
}

#[test]
fn a_client_that_asks_to_close_is_answered_first() {
    let server = serve_anything();
    let mut http = RawHttp::connect(&server);
    let response = http.request(ping("/a").replace("Keep-Alive", "close"));
    assert_eq!((response.status, response.closes()), (200, true));
    http.assert_closed();
}

#[test]
fn the_longest_prefix_wins() {
    let [outer, inner] = [(); 2].map(|()| MemoryStore::new(u64::MAX));
    let config = ServerConfig::default().mount("up", engine(&outer)).mount("/up/in", engine(&inner));
    let server = bitsup::server::Server::start(config).unwrap();
    let mut http = RawHttp::connect(&server);
    let mut upload = |path: &str| {
        let session = http.request(create(path)).session();
        assert_eq!(http.request(fragment(path, &session, 0, 1, 1, &[]) + "x").status, 200);
    };
    upload("/up/a");
    upload("/up/in/b");
    upload("/up/inside");
    upload("http://elsewhere:80/up/in/c");
    assert_eq!(
        (outer.files(), inner.files()),
        (vec!["a".into(), "inside".into()], vec!["b".into(), "c".into()])
    );
}

#[test]
fn gen_24_paths_outside_all_prefixes_get_404() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve(&store, |config| config.mounts = vec![("up".into(), engine(&store))]);
    let mut http = RawHttp::connect(&server);
    for target in ["/", "/up", "/upper/a", "/UP/a", "/%75p/a", "*", "up/a"] {
        let response = http.request(create(target));
        assert_eq!((response.status, response.closes()), (404, false), "{target}");
        assert!(!response.text.contains("BITS-"), "{}", response.text);
    }
    assert_eq!(http.request(create("/up/a")).status, 200);
}
