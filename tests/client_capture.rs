//! The captured exchanges of PROTOCOL 13, replayed at our client: the server's side says the bytes of the
//! capture.

#[path = "support/scripted.rs"]
mod scripted;

use std::path::Path;
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Source};
use scripted::{Peer, Received, serve};

/// The length of the file of the capture.
const LENGTH: usize = 4892;

/// An answer of IIS 6.0: its common head lines, then those of the packet.
fn iis(peer: &mut Peer, time: &str, lines: &str) {
    peer.raw(&format!(
        "HTTP/1.1 200 OK\r\nDate: Mon, 18 Jun 2007 {time} GMT\r\nServer: Microsoft-IIS/6.0\r\n\
         Pragma: no-cache\r\nBITS-Packet-Type: Ack\r\n{lines}\r\n"
    ));
}

fn upload(url: &str, directory: &Path) {
    let path = directory.join("rfc2119.txt");
    std::fs::write(&path, vec![b'x'; LENGTH]).unwrap();
    let config = ClientConfig {
        user_agent: "Microsoft BITS/6.7".into(),
        no_progress_timeout: Duration::ZERO,
        ..ClientConfig::default()
    };
    let client = Client::new(config).unwrap();
    client.job(url, Source::from_file(path).unwrap()).unwrap().run().unwrap();
}

/// The fields of a request that the capture has too, in the order of the capture; `Host` and `Connection`
/// are the connection's own.
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

/// Checks a request against the lines of the capture, and that it has no field beyond.
fn assert_captured(request: &Received, target: &str, expected: &[(&str, &str)]) {
    assert_eq!(request.line(), format!("BITS_POST {target} HTTP/1.1"));
    let mut all = vec![("Accept", "*/*")];
    all.extend(expected);
    let length = all.pop().unwrap();
    all.extend([("User-Agent", "Microsoft BITS/6.7"), length]);
    assert_eq!(fields(request), all);
    let lines = request.head.trim_end().lines().count();
    assert_eq!(lines, 1 + all.len() + 1, "more than the capture and Host: {}", request.head);
}

#[test]
fn capture_13_1_simple_upload() {
    const SESSION: &str = "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}";
    let (url, server) = serve(|peer| {
        let create = peer.request();
        iis(
            peer,
            "21:01:56",
            &format!(
                "BITS-Protocol: {}\r\nBITS-Session-Id: {SESSION}\r\nContent-Length: 0\r\nAccept-encoding: identity\r\n",
                scripted::GUID
            ),
        );
        let fragment = peer.request();
        iis(peer, "21:02:01", "Content-Length: 0\r\nBITS-Received-Content-Range: 4892\r\n");
        let close = peer.request();
        iis(peer, "21:02:02", "Content-Length: 0\r\n");
        [create, fragment, close]
    });
    let directory = tempfile::tempdir().unwrap();
    let target = "/upload/2000mb-rfc2119.txt";
    upload(&format!("{url}{target}"), directory.path());
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

#[test]
fn capture_13_2_a_host_id_in_the_create_ack_disturbs_nothing() {
    const SESSION: &str = "{C85B4E0A-9EB9-4114-BFA4-8A43B4710091}";
    let (url, server) = serve(|peer| {
        peer.request();
        iis(
            peer,
            "21:11:57",
            &format!(
                "BITS-Protocol: {}\r\nBITS-Session-Id: {SESSION}\r\nBITS-Host-Id: 127.0.0.1\r\n\
                 BITS-Host-Id-Fallback-Timeout: 110\r\nContent-Length: 0\r\nAccept-encoding: identity\r\n",
                scripted::GUID
            ),
        );
        let mut request = peer.request();
        if request.packet() == "Ping" {
            iis(peer, "21:11:57", "Content-Length: 0\r\n");
            request = peer.request();
        }
        iis(
            peer,
            "21:12:01",
            "Content-Length: 0\r\nBITS-Received-Content-Range: 4892\r\nBITS-Reply-URL: \
             BITS-Sessions\\Replies\\{C85B4E0A-9EB9-4114-BFA4-8A43B4710091}\\responsefile.bin\r\n",
        );
        let close = peer.request();
        iis(peer, "21:12:07", "Content-Length: 0\r\n");
        [request, close]
    });
    let directory = tempfile::tempdir().unwrap();
    upload(&format!("{url}/upload-ref-isapi-WebFarm/2100mb-rfc2119.txt"), directory.path());
    let [fragment, close] = server.join().unwrap();
    assert_eq!((fragment.packet(), close.packet()), ("Fragment", "Close-Session"));
    assert_eq!((fragment.get("BITS-Session-Id"), close.get("BITS-Session-Id")), (SESSION, SESSION));
}
