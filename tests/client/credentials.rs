//! Credentials: told when the server asks, with every packet from then on, and to nobody else.

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
    impatient().credentials(credentials)
}

/// A script that goes wrong ends the test at once.
fn impatient() -> ClientConfig {
    ClientConfig::default().no_progress_timeout(Duration::ZERO)
}

fn upload(url: &str) -> Result<(), bitsup::Error> {
    let client = Client::new(config()).unwrap();
    client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap().run()
}

/// Refuses the next request for want of credentials, and returns it.
fn challenge(peer: &mut ScriptedServer) -> scripted::Received {
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
    assert!(!error.is_transient() && error.message().contains("set or check user and password"), "{error}");
    assert_eq!(server.join().unwrap().get("Authorization"), BASIC);
}

/// Hands out tokens with numbers, and knows how often it was asked.
struct Tokens(AtomicUsize);

impl CredentialsSource for Tokens {
    fn credentials(&self, challenge: &Challenge) -> Result<Option<Credentials>, bitsup::Error> {
        assert_eq!((challenge.target, challenge.scheme), (AuthTarget::Server, AuthScheme::Bearer));
        assert_eq!(challenge.realm, "drive");
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Some(Credentials::new(String::new(), format!("token-{number}"))))
    }
}

/// Refuses the next request because its token is none, or too old.
fn expire(peer: &mut ScriptedServer) -> scripted::Received {
    let request = peer.request();
    peer.ack("401 Unauthorized", &[("WWW-Authenticate", "Bearer realm=\"drive\", error=\"invalid_token\"")]);
    request
}

#[test]
fn a_token_that_expires_in_mid_upload_is_renewed_and_the_job_goes_on() {
    let (url, server) = serve(|peer| {
        expire(peer);
        peer.request();
        peer.ack_create("{S}");
        peer.request();
        peer.ack_fragment(5);
        let refused = expire(peer);
        let again = peer.request();
        peer.ack_fragment(10);
        let close = peer.request();
        peer.ack("200 OK", &[]);
        [refused, again, close]
    });
    let source = SharedCredentialsSource::new(Tokens(AtomicUsize::new(1)));
    let config = impatient().credentials_source(source).fragment_size(5);
    let client = Client::new(config).unwrap();
    client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap().run().unwrap();
    let [refused, again, close] = server.join().unwrap();
    let tokens = [&refused, &again, &close].map(|packet| packet.get("Authorization"));
    assert_eq!(tokens, ["Bearer token-1", "Bearer token-2", "Bearer token-2"]);
    assert_eq!((again.packet(), again.body.as_slice()), ("Fragment", &b"56789"[..]));
}

// B-AUTH-03
#[test]
fn cli_15_a_source_is_asked_once_per_challenge_and_not_in_a_loop() {
    let (url, server) = serve(|peer| [expire(peer), expire(peer)]);
    let source = SharedCredentialsSource::new(Tokens(AtomicUsize::new(1)));
    let config = impatient().credentials_source(source);
    let client = Client::new(config).unwrap();
    let error = client.ping(&format!("{url}/file")).unwrap_err();
    assert_eq!(error.http_status(), Some(401));
    let tokens = server.join().unwrap().map(|packet| packet.get("Authorization").to_owned());
    assert_eq!(tokens, ["", "Bearer token-1"]);
}

// B-AUTH-02
#[test]
fn what_was_set_is_told_before_the_source_is_asked() {
    let (url, server) = serve(|peer| {
        expire(peer);
        let first = expire(peer);
        expire(peer);
        let second = peer.request();
        peer.ack("200 OK", &[]);
        [first, second]
    });
    let source = SharedCredentialsSource::new(Tokens(AtomicUsize::new(1)));
    let config = impatient().credentials_source(source).bearer_token("set");
    let client = Client::new(config).unwrap();
    let mut job = client.job(&format!("{url}/file"), Source::from_bytes(*b"0123456789")).unwrap();
    assert_eq!(job.run().unwrap_err().http_status(), Some(401), "what was set is refused");
    job.run().unwrap_err();
    let tokens = server.join().unwrap().map(|packet| packet.get("Authorization").to_owned());
    assert_eq!(tokens, ["Bearer set", "Bearer token-1"]);
}

#[test]
fn schemes_that_are_not_spoken_are_named() {
    let (url, server) = serve(|peer| {
        peer.request();
        peer.ack("401 Unauthorized", &[("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")]);
    });
    let error = upload(&url).unwrap_err();
    assert_eq!((error.status(), error.http_status()), (Status::Unsupported, Some(401)));
    assert!(error.message().contains("Negotiate, NTLM") && !error.is_transient(), "{error}");
    server.join().unwrap();
}

/// Knows none, or fails.
struct Nobody(Option<bitsup::Error>);

impl CredentialsSource for Nobody {
    fn credentials(&self, _: &Challenge) -> Result<Option<Credentials>, bitsup::Error> {
        self.0.clone().map_or(Ok(None), Err)
    }
}

// B-AUTH-04
#[test]
fn a_source_may_know_none_and_may_end_the_job() {
    let failure = bitsup::Error::new(Status::Callback, "the user closed the window");
    for (answer, status, said) in
        [(None, Status::HttpStatus, "401"), (Some(failure), Status::Callback, "the user closed the window")]
    {
        let (url, server) = serve(expire);
        let config = impatient().credentials_source(SharedCredentialsSource::new(Nobody(answer)));
        let client = Client::new(config).unwrap();
        let mut job = client.job(&format!("{url}/file"), Source::from_bytes(*b"0")).unwrap();
        let error = job.run().unwrap_err();
        assert!(error.status() == status && error.to_string().contains(said), "{error}");
        server.join().unwrap();
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
fn name_host(peer: &mut ScriptedServer, host: &str) {
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
        error
            .message()
            .contains("a server named by BITS-Host-Id only gets credentials that are set as a header field"),
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
    let client = Client::new(impatient().headers(headers)).unwrap();
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
