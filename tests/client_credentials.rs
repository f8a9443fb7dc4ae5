//! Credentials: told when the server asks, with every packet from then on, and to nobody else.

#[path = "support/scripted.rs"]
mod scripted;

use std::time::Duration;

use bitsup::Status;
use bitsup::client::{Client, ClientConfig, Credentials, Source};
use scripted::{Peer, serve};

const BASIC: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
const CHALLENGE: (&str, &str) = ("WWW-Authenticate", "Basic realm=\"uploads\"");

fn config() -> ClientConfig {
    let credentials = Credentials { user: "Aladdin".into(), password: "open sesame".into() };
    ClientConfig { credentials: Some(credentials), ..impatient() }
}

/// A script that goes wrong ends the test at once.
fn impatient() -> ClientConfig {
    ClientConfig { no_progress_timeout: Duration::ZERO, ..ClientConfig::default() }
}

fn upload(url: &str) -> Result<(), bitsup::Error> {
    let client = Client::new(config()).unwrap();
    client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap().run()
}

/// Refuses the next request for want of credentials, and returns it.
fn challenge(peer: &mut Peer) -> scripted::Received {
    let mut request = peer.head();
    request.body = peer.body(request.get("Content-Length").parse().unwrap_or(0));
    peer.ack("401 Unauthorized", &[CHALLENGE]);
    request
}

#[test]
fn cli_14_the_same_packet_is_sent_again_with_the_credentials_and_so_are_all_others() {
    let (url, server) = serve(|peer| {
        let first = challenge(peer);
        (first, peer.finish_upload())
    });
    upload(&url).unwrap();
    let (first, packets) = server.join().unwrap();
    assert_eq!((first.packet(), first.get("Authorization")), ("Create-Session", ""));
    let kinds: Vec<_> = packets.iter().map(|packet| packet.packet()).collect();
    assert_eq!(kinds, ["Create-Session", "Fragment", "Close-Session"]);
    assert!(packets.iter().all(|packet| packet.get("Authorization") == BASIC), "{packets:#?}");
}

#[test]
fn cli_14_a_fragment_is_repeated_with_its_body() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        let refused = challenge(peer);
        let again = peer.request();
        peer.ack_fragment(10);
        peer.request();
        peer.ack("200 OK", &[]);
        (refused, again)
    });
    upload(&url).unwrap();
    let (refused, again) = server.join().unwrap();
    assert_eq!((refused.packet(), again.packet()), ("Fragment", "Fragment"));
    assert_eq!((again.body.as_slice(), again.get("Authorization")), (&b"0123456789"[..], BASIC));
    assert_eq!(again.get("Content-Range"), refused.get("Content-Range"));
}

#[test]
fn cli_15_credentials_that_are_refused_are_reported() {
    let (url, server) = serve(|peer| {
        challenge(peer);
        challenge(peer)
    });
    let error = upload(&url).unwrap_err();
    assert_eq!((error.status(), error.http_status()), (Status::HttpStatus, Some(401)));
    assert!(!error.is_transient() && error.message().contains("check them"), "{error}");
    assert_eq!(server.join().unwrap().get("Authorization"), BASIC);
}

#[test]
fn cli_14_a_proxy_gets_its_own() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack("407 Proxy Authentication Required", &[("Proxy-Authenticate", "Basic realm=\"p\"")]);
        peer.finish_upload()
    });
    let proxy = Some(Credentials { user: "Aladdin".into(), password: "open sesame".into() });
    let config = ClientConfig { proxy_credentials: proxy, ..impatient() };
    let client = Client::new(config).unwrap();
    client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap().run().unwrap();
    for packet in server.join().unwrap() {
        assert_eq!((packet.get("Proxy-Authorization"), packet.get("Authorization")), (BASIC, ""));
    }
}

#[test]
fn dl_05_a_reply_is_asked_for_again_with_the_credentials() {
    let (url, server) = serve(|peer| {
        let first = challenge(peer);
        let again = peer.head();
        peer.raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nreply");
        (first, again)
    });
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reply");
    Client::new(config()).unwrap().download(&format!("{url}/reply"), &path, None).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"reply");
    let (first, again) = server.join().unwrap();
    assert_eq!((first.get("Authorization"), again.get("Authorization")), ("", BASIC));
}

/// Answers Create-Session with that host id.
fn name_host(peer: &mut Peer, host: &str) {
    peer.request();
    let protocol = ("BITS-Protocol", scripted::GUID);
    peer.ack("200 OK", &[protocol, ("BITS-Session-Id", "{S}"), ("BITS-Host-Id", host)]);
}

#[test]
fn the_server_of_a_host_id_is_not_told_the_credentials_even_if_it_asks() {
    let (node, there) = serve(challenge);
    let host = node["http://".len()..].to_owned();
    let (url, here) = serve(move |peer| {
        challenge(peer);
        name_host(peer, &host);
    });
    let error = upload(&url).unwrap_err();
    assert_eq!(error.http_status(), Some(401));
    assert!(
        error.message().contains("the server of a host id is told them in a header field only"),
        "{error}"
    );
    here.join().unwrap();
    let asked = there.join().unwrap();
    assert_eq!((asked.packet(), asked.get("Authorization")), ("Ping", ""));
}

#[test]
fn a_host_id_that_names_the_server_of_the_url_changes_nothing() {
    let (url, server) = serve(|peer| {
        challenge(peer);
        let own = peer.address();
        name_host(peer, &own);
        peer.finish_upload()
    });
    upload(&url).unwrap();
    let packets = server.join().unwrap();
    assert!(packets.iter().all(|packet| packet.get("Authorization") == BASIC), "{packets:#?}");
}

#[test]
fn header_fields_go_to_the_server_of_a_host_id_too() {
    let (node, there) = serve(|peer| peer.finish_upload());
    let host = node["http://".len()..].to_owned();
    let (url, _here) = serve(move |peer| {
        name_host(peer, &host);
        peer.close();
    });
    let headers = vec![("Authorization".to_owned(), BASIC.to_owned())];
    let client = Client::new(ClientConfig { headers, ..impatient() }).unwrap();
    client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap().run().unwrap();
    let packets = there.join().unwrap();
    assert!(packets.iter().all(|packet| packet.get("Authorization") == BASIC), "{packets:#?}");
}

#[test]
fn a_reply_at_another_server_is_not_told_the_credentials() {
    let (other, stranger) = serve(challenge);
    let reply_url = format!("{other}/reply");
    let (url, _server) = serve(move |peer| {
        challenge(peer);
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack("200 OK", &[("BITS-Received-Content-Range", "10"), ("BITS-Reply-URL", &reply_url)]);
    });
    let directory = tempfile::tempdir().unwrap();
    let client = Client::new(config()).unwrap();
    let mut job = client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap();
    job.set_reply_path(directory.path().join("reply")).unwrap();
    assert_eq!(job.run().unwrap_err().http_status(), Some(401));
    assert_eq!(stranger.join().unwrap().get("Authorization"), "");
}
