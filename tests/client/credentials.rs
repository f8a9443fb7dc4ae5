//! Credentials: sent after a challenge and with every later packet, and only to the server of the URL.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bitsup::Status;
use bitsup::client::{
    AuthScheme, AuthTarget, Challenge, Client, ClientConfig, Credentials, CredentialsSource,
    SharedCredentialsSource, Source,
};
use test_support::scripted::{self, ScriptedServer, serve};

const BASIC: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
const CHALLENGE: (&str, &str) = ("WWW-Authenticate", "Basic realm=\"uploads\"");

fn config() -> ClientConfig {
    let credentials = Credentials::new("Aladdin", "open sesame");
    no_retry().credentials(credentials)
}

/// A configuration that never retries, so that a failing script ends the test at once.
fn no_retry() -> ClientConfig {
    ClientConfig::default().no_progress_timeout(Duration::ZERO)
}

fn upload(url: &str) -> Result<(), bitsup::Error> {
    let client = Client::new(config()).unwrap();
    client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap().run()
}

/// Responds 401 to the next request and returns it.
fn challenge(peer: &mut ScriptedServer) -> scripted::Received {
    let mut request = peer.head();
    request.body = peer.body(request.get("Content-Length").parse().unwrap_or(0));
    peer.ack("401 Unauthorized", &[CHALLENGE]);
    request
}

#[test]
fn cli_14_the_challenged_packet_is_repeated_and_later_ones_carry_credentials() {
    let (url, server) = serve(|peer| {
        let first = challenge(peer);
        (first, peer.finish_upload())
    });
    upload(&url).unwrap();
    let (first, packets) = server.join().unwrap();
    assert_eq!((first.packet(), first.get("Authorization")), ("Create-Session", ""));
    let names: Vec<_> = packets.iter().map(|packet| packet.packet()).collect();
    assert_eq!(names, ["Create-Session", "Fragment", "Close-Session"]);
    assert!(packets.iter().all(|packet| packet.get("Authorization") == BASIC), "{packets:#?}");
}

#[test]
fn cli_14_a_challenged_fragment_is_repeated_with_its_body() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack_create("{S}");
        let rejected = challenge(peer);
        let again = peer.request();
        peer.ack_fragment(10);
        peer.request();
        peer.ack("200 OK", &[]);
        (rejected, again)
    });
    upload(&url).unwrap();
    let (rejected, again) = server.join().unwrap();
    assert_eq!((rejected.packet(), again.packet()), ("Fragment", "Fragment"));
    assert_eq!((again.body.as_slice(), again.get("Authorization")), (&b"0123456789"[..], BASIC));
    assert_eq!(again.get("Content-Range"), rejected.get("Content-Range"));
}

#[test]
fn cli_15_rejected_credentials_are_reported() {
    let (url, server) = serve(|peer| {
        challenge(peer);
        challenge(peer)
    });
    let error = upload(&url).unwrap_err();
    assert_eq!((error.status(), error.http_status()), (Status::HttpStatus, Some(401)));
    assert!(!error.is_transient() && error.message().contains("set or check user and password"), "{error}");
    assert_eq!(server.join().unwrap().get("Authorization"), BASIC);
}

/// Returns numbered tokens and counts the calls.
struct Tokens(AtomicUsize);

impl CredentialsSource for Tokens {
    fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, bitsup::Error> {
        assert_eq!((challenge.target, challenge.scheme), (AuthTarget::Server, AuthScheme::Bearer));
        assert_eq!(challenge.realm, "drive");
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Credentials::new(String::new(), format!("token-{number}"))))
    }
}

/// Rejects the token of the next request, missing or expired, and returns the request.
fn reject_token(peer: &mut ScriptedServer) -> scripted::Received {
    let request = peer.request();
    peer.ack("401 Unauthorized", &[("WWW-Authenticate", "Bearer realm=\"drive\", error=\"invalid_token\"")]);
    request
}

#[test]
fn a_token_that_expires_during_an_upload_is_renewed() {
    let (url, server) = serve(|peer| {
        reject_token(peer);
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(5);
        let rejected = reject_token(peer);
        let again = peer.request();
        peer.ack_fragment(10);
        let close = peer.request();
        peer.ack("200 OK", &[]);
        [rejected, again, close]
    });
    let source = SharedCredentialsSource::new(Tokens(AtomicUsize::new(1)));
    let config = no_retry().credentials_source(source).fragment_size(5);
    let client = Client::new(config).unwrap();
    client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap().run().unwrap();
    let [rejected, again, close] = server.join().unwrap();
    let tokens = [&rejected, &again, &close].map(|packet| packet.get("Authorization"));
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2", "Bearer token-2"]);
    assert_eq!((again.packet(), again.body.as_slice()), ("Fragment", &b"56789"[..]));
}

// B-AUTH-03
#[test]
fn cli_15_a_credentials_source_is_called_once_per_challenge() {
    let (url, server) = serve(|peer| [reject_token(peer), reject_token(peer)]);
    let source = SharedCredentialsSource::new(Tokens(AtomicUsize::new(1)));
    let config = no_retry().credentials_source(source);
    let client = Client::new(config).unwrap();
    let error = client.ping(&format!("{url}/file")).unwrap_err();
    assert_eq!(error.http_status(), Some(401));
    let tokens = server.join().unwrap().map(|packet| packet.get("Authorization").to_owned());
    assert_eq!(tokens, ["", "Bearer token-1"]);
}

// B-AUTH-02
#[test]
fn configured_credentials_are_used_before_the_source() {
    let (url, server) = serve(|peer| {
        reject_token(peer);
        let first = reject_token(peer);
        reject_token(peer);
        let second = peer.request();
        peer.ack("200 OK", &[]);
        [first, second]
    });
    let source = SharedCredentialsSource::new(Tokens(AtomicUsize::new(1)));
    let config = no_retry().credentials_source(source).bearer_token("set");
    let client = Client::new(config).unwrap();
    let mut job = client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap();
    assert_eq!(job.run().unwrap_err().http_status(), Some(401), "the configured token is rejected");
    job.run().unwrap_err();
    let tokens = server.join().unwrap().map(|packet| packet.get("Authorization").to_owned());
    assert_eq!(tokens, ["Bearer set", "Bearer token-1"]);
}

#[test]
fn unsupported_schemes_are_named() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack("401 Unauthorized", &[("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")]);
    });
    let error = upload(&url).unwrap_err();
    assert_eq!((error.status(), error.http_status()), (Status::Unsupported, Some(401)));
    assert!(error.message().contains("Negotiate, NTLM") && !error.is_transient(), "{error}");
    server.join().unwrap();
}

/// Has no credentials, or fails.
struct NoCredentials(Option<bitsup::Error>);

impl CredentialsSource for NoCredentials {
    fn credentials(&self, _: &Challenge) -> Result<Option<Credentials>, bitsup::Error> {
        self.0.clone().map_or(Ok(None), Err)
    }
}

// B-AUTH-04
#[test]
fn a_source_may_have_no_credentials_or_fail_the_job() {
    let failure = bitsup::Error::new(Status::Callback, "the user closed the window");
    for (result, status, expected) in
        [(None, Status::HttpStatus, "401"), (Some(failure), Status::Callback, "the user closed the window")]
    {
        let (url, server) = serve(reject_token);
        let config = no_retry().credentials_source(SharedCredentialsSource::new(NoCredentials(result)));
        let client = Client::new(config).unwrap();
        let mut job = client.job(&format!("{url}/file"), Source::from_bytes(*b"0")).unwrap();
        let error = job.run().unwrap_err();
        assert!(error.status() == status && error.to_string().contains(expected), "{error}");
        server.join().unwrap();
    }
}

#[test]
fn dl_05_a_challenged_reply_request_is_repeated_with_credentials() {
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

/// Acknowledges a Create-Session with a host id.
fn ack_with_host_id(peer: &mut ScriptedServer, host: &str) {
    peer.request();
    let protocol = ("BITS-Protocol", scripted::GUID);
    peer.ack("200 OK", &[protocol, ("BITS-Session-Id", "{S}"), ("BITS-Host-Id", host)]);
}

#[test]
fn a_host_id_server_gets_no_credentials_even_if_it_challenges() {
    let (node, node_server) = serve(challenge);
    let host = node["http://".len()..].to_owned();
    let (url, server) = serve(move |peer| {
        challenge(peer);
        ack_with_host_id(peer, &host);
    });
    let error = upload(&url).unwrap_err();
    assert_eq!(error.http_status(), Some(401));
    assert!(
        error
            .message()
            .contains("a server named by BITS-Host-Id only gets credentials that are set as a header field"),
        "{error}"
    );
    server.join().unwrap();
    let request = node_server.join().unwrap();
    assert_eq!((request.packet(), request.get("Authorization")), ("Ping", ""));
}

#[test]
fn a_host_id_equal_to_the_url_host_still_gets_credentials() {
    let (url, server) = serve(|peer| {
        challenge(peer);
        let address = peer.address();
        ack_with_host_id(peer, &address);
        peer.finish_upload()
    });
    upload(&url).unwrap();
    let packets = server.join().unwrap();
    assert!(packets.iter().all(|packet| packet.get("Authorization") == BASIC), "{packets:#?}");
}

#[test]
fn custom_header_fields_are_sent_to_a_host_id_server() {
    let (node, node_server) = serve(|peer| peer.finish_upload());
    let host = node["http://".len()..].to_owned();
    let (url, _server) = serve(move |peer| {
        ack_with_host_id(peer, &host);
        peer.close();
    });
    let headers = vec![("Authorization".to_owned(), BASIC.to_owned())];
    let client = Client::new(no_retry().headers(headers)).unwrap();
    client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap().run().unwrap();
    let packets = node_server.join().unwrap();
    assert!(packets.iter().all(|packet| packet.get("Authorization") == BASIC), "{packets:#?}");
}

#[test]
fn a_reply_server_on_another_origin_gets_no_credentials() {
    let (reply_origin, reply_server) = serve(challenge);
    let reply_url = format!("{reply_origin}/reply");
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
    assert_eq!(reply_server.join().unwrap().get("Authorization"), "");
}
