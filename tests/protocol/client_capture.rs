//! The captured exchanges of PROTOCOL 13, replayed against the client: a scripted server sends the bytes of the
//! capture.

use std::path::Path;
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Job, Source};
use bitsup::upload::RetryPolicy;
use test_support::scripted::{self, Received, ScriptedServer, serve};

/// The length of the captured file.
const LENGTH: usize = 4892;
const FARM_SESSION: &str = "{C85B4E0A-9EB9-4114-BFA4-8A43B4710091}";
/// The reply's path as the captured client requested it.
const REPLY: &str = "/upload-ref-isapi-WebFarm/BITS-Sessions/Replies/\
                     %7BC85B4E0A-9EB9-4114-BFA4-8A43B4710091%7D/responsefile.bin";

/// Sends a response of IIS 6.0: its common header lines, then those of the packet.
fn iis(server: &mut ScriptedServer, time: &str, lines: &str) {
    server.raw(&format!(
        "HTTP/1.1 200 OK\r\nDate: Mon, 18 Jun 2007 {time} GMT\r\nServer: Microsoft-IIS/6.0\r\n\
         Pragma: no-cache\r\nBITS-Packet-Type: Ack\r\n{lines}\r\n"
    ));
}

fn job(url: &str, directory: &Path) -> Job {
    let path = directory.join("rfc2119.txt");
    std::fs::write(&path, vec![b'x'; LENGTH]).unwrap();
    let moment = Duration::from_millis(1);
    let retry = RetryPolicy::default().first_delay(moment).max_delay(moment).max_attempts(2);
    let config = ClientConfig::default().user_agent("Microsoft BITS/6.7").retry(retry);
    Client::new(config).unwrap().job(url, Source::from_file(path).unwrap()).unwrap()
}

/// The fields of a request that the capture contains, in the order of the capture, without `Host` and
/// `Connection`.
fn fields(request: &Received) -> Vec<(&str, &str)> {
    let names = [
        "Accept",
        "BITS-Packet-Type",
        "BITS-Supported-Protocols",
        "BITS-Session-Id",
        "Content-Name",
        "Content-Range",
        "User-Agent",
        "Content-Length",
    ];
    let present = names.into_iter().filter(|name| !request.all(name).is_empty());
    present.map(|name| (name, request.get(name))).collect()
}

/// Asserts that a request has the fields of the capture and `Host`, and no others.
fn assert_captured(request: &Received, target: &str, expected: &[(&str, &str)]) {
    assert_eq!(request.line(), format!("BITS_POST {target} HTTP/1.1"));
    let mut all = vec![("Accept", "*/*")];
    all.extend(expected);
    let length = all.pop().unwrap();
    all.extend([("User-Agent", "Microsoft BITS/6.7"), length]);
    assert_eq!(fields(request), all);
    let lines = request.head.trim_end().lines().count();
    assert_eq!(lines, 1 + all.len() + 1, "other fields than the captured ones and Host: {}", request.head);
}

#[test]
fn capture_13_1_simple_upload() {
    const SESSION: &str = "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}";
    let (url, server) = serve(|server| {
        let create = server.request();
        iis(
            server,
            "21:01:56",
            &format!(
                "BITS-Protocol: {}\r\nBITS-Session-Id: {SESSION}\r\nContent-Length: 0\r\nAccept-encoding: identity\r\n",
                scripted::GUID
            ),
        );
        let fragment = server.request();
        iis(server, "21:02:01", "Content-Length: 0\r\nBITS-Received-Content-Range: 4892\r\n");
        let close = server.request();
        iis(server, "21:02:02", "Content-Length: 0\r\n");
        [create, fragment, close]
    });
    let directory = tempfile::tempdir().unwrap();
    let target = "/upload/2000mb-rfc2119.txt";
    job(&format!("{url}{target}"), directory.path()).run().unwrap();
    let [create, fragment, close] = server.join().unwrap();

    let name = ("Content-Name", "rfc2119.txt");
    let packet = |kind| ("BITS-Packet-Type", kind);
    let protocols = ("BITS-Supported-Protocols", scripted::GUID);
    let session = ("BITS-Session-Id", SESSION);
    let empty = ("Content-Length", "0");
    assert_captured(&create, target, &[packet("Create-Session"), protocols, name, empty]);
    let range = ("Content-Range", "bytes 0-4891/4892");
    assert_captured(
        &fragment,
        target,
        &[packet("Fragment"), session, name, range, ("Content-Length", "4892")],
    );
    assert_captured(&close, target, &[packet("Close-Session"), session, name, empty]);
    assert_eq!(fragment.body, [b'x'; LENGTH]);
    let host = url.strip_prefix("http://").unwrap();
    for request in [&create, &fragment, &close] {
        assert_eq!((request.get("Host"), request.connection), (host, 1));
    }
}

/// Sends the response of IIS to a GET of the reply, with the captured ETag and time.
fn iis_reply(server: &mut ScriptedServer, status: &str, range: &str, length: usize) {
    server.raw(&format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Type: application/octet-stream\r\n\
         Content-Location: http://localhost{REPLY}\r\n{range}Last-Modified: Mon, 18 Jun 2007 21:12:01 GMT\r\n\
         Accept-Ranges: bytes\r\nETag: \"f84d5b50edb1c71:2488\"\r\nServer: Microsoft-IIS/6.0\r\n\
         Date: Mon, 18 Jun 2007 21:12:06 GMT\r\n\r\n"
    ));
}

/// Plays both servers of 13.2, one after the other.
fn play_farm(server: &mut ScriptedServer) -> [Received; 6] {
    let create = server.request();
    iis(
        server,
        "21:11:57",
        &format!(
            "BITS-Protocol: {}\r\nBITS-Session-Id: {FARM_SESSION}\r\nBITS-Host-Id: 127.0.0.1\r\n\
             BITS-Host-Id-Fallback-Timeout: 110\r\nContent-Length: 0\r\nAccept-encoding: identity\r\n",
            scripted::GUID
        ),
    );
    server.close();
    let ping = server.request();
    iis(server, "21:11:57", "Content-Length: 0\r\n");
    let fragment = server.request();
    iis(
        server,
        "21:12:01",
        "Content-Length: 0\r\nBITS-Received-Content-Range: 4892\r\nBITS-Reply-URL: \
         BITS-Sessions\\Replies\\{C85B4E0A-9EB9-4114-BFA4-8A43B4710091}\\responsefile.bin\r\n",
    );
    server.close();
    let get = server.get();
    iis_reply(server, "200 OK", "", 10_240);
    server.raw(&"a".repeat(9_977));
    server.close();
    let rest = server.get();
    iis_reply(server, "206 Partial Content", "Content-Range: bytes 9977-10239/10240\r\n", 263);
    server.raw(&"b".repeat(263));
    server.close();
    let close = server.request();
    iis(server, "21:12:07", "Content-Length: 0\r\n");
    [create, ping, fragment, get, rest, close]
}

/// A host id without a port, a reply URL with backslashes and braces, GET at the original host, Close at the
/// other. The original host is `localhost` and the host id `127.0.0.1`, so that `Host` distinguishes them. The
/// captured client requested the first 9,977 of 10,240 bytes. This client requests all of them, gets 9,977
/// before the connection ends, and requests the rest.
#[test]
fn capture_13_2_upload_reply_with_a_host_id() {
    let (url, server) = serve(play_farm);
    let origin = url.replace("127.0.0.1", "localhost");
    let directory = tempfile::tempdir().unwrap();
    let target = "/upload-ref-isapi-WebFarm/2100mb-rfc2119.txt";
    let mut job = job(&format!("{origin}{target}"), directory.path());
    let reply = directory.path().join("reply");
    job.set_reply_path(&reply).unwrap();
    job.run().unwrap();
    let [create, ping, fragment, get, rest, close] = server.join().unwrap();

    assert!(std::fs::read(reply).unwrap() == ["a".repeat(9_977), "b".repeat(263)].concat().into_bytes());
    let (origin, node) = (&origin["http://".len()..], &url["http://".len()..]);
    let hosts = [&create, &ping, &fragment, &get, &rest, &close].map(|request| request.get("Host"));
    assert_eq!(hosts, [origin, node, node, origin, origin, node]);

    let packet = |kind| ("BITS-Packet-Type", kind);
    let (name, session) = (("Content-Name", "rfc2119.txt"), ("BITS-Session-Id", FARM_SESSION));
    let (protocols, empty) = (("BITS-Supported-Protocols", scripted::GUID), ("Content-Length", "0"));
    assert_captured(&create, target, &[packet("Create-Session"), protocols, name, empty]);
    assert_captured(&ping, target, &[packet("Ping"), empty]);
    let range = ("Content-Range", "bytes 0-4891/4892");
    let length = ("Content-Length", "4892");
    assert_captured(&fragment, target, &[packet("Fragment"), session, name, range, length]);
    assert_captured(&close, target, &[packet("Close-Session"), session, name, empty]);

    let conditions = [("", ""), ("bytes=9977-", "\"f84d5b50edb1c71:2488\"")];
    for (request, condition) in [get, rest].iter().zip(conditions) {
        assert_eq!(request.line(), format!("GET {REPLY} HTTP/1.1"));
        assert_eq!((request.get("Accept"), request.get("Accept-Encoding")), ("*/*", "identity"));
        assert_eq!(request.get("User-Agent"), "Microsoft BITS/6.7");
        assert_eq!((request.get("Range"), request.get("If-Range")), condition);
    }
}
