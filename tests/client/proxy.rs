//! Uploads through a proxy: forwarded requests for http URLs, a tunnel for https URLs.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bitsup::client::{Client, ClientConfig, Credentials, Source};
use bitsup::{Error, Status};
use test_support::certificates::Authority;
use test_support::proxy::{Proxy, field};
use test_support::scripted::{self, Received, serve};
use test_support::tls_terminator::{TLS13, address, server_config, terminate_tls};

const BASIC: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
const CONTENT: &[u8] = b"0123456789";

fn through(proxy: &Proxy) -> ClientConfig {
    ClientConfig::default().proxy(proxy.url()).no_progress_timeout(Duration::ZERO)
}

fn with_credentials(proxy: &Proxy) -> ClientConfig {
    through(proxy).proxy_credentials(Credentials::new("Aladdin", "open sesame"))
}

fn upload(config: ClientConfig, url: &str) -> Result<(), Error> {
    Client::new(config).unwrap().job(url, Source::from_bytes(CONTENT)).unwrap().run()
}

fn port(url: &str) -> u16 {
    address(url).port()
}

fn assert_complete(packets: &[Received]) {
    assert_eq!(packets.len(), 3);
    assert_eq!(packets[1].body, CONTENT);
    for packet in packets {
        assert_eq!((packet.get("Proxy-Authorization"), packet.get("Authorization")), ("", ""));
    }
}

/// Puts TLS in front of `backend`. Returns its port, and `config` with its root certificate.
fn secured(backend: &str, config: ClientConfig) -> (u16, ClientConfig) {
    let authority = Authority::new();
    let tls = server_config(&authority.issue(&["upload.test"]), None, &[&TLS13]);
    let port = terminate_tls(tls, address(backend));
    (port, config.root_certificates(authority.pem))
}

#[test]
fn http_requests_go_to_the_proxy_in_absolute_form() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let proxy = Proxy::start(None);
    let origin = format!("http://upload.test:{}", port(&url));
    upload(through(&proxy), &format!("{origin}/a%20b?c=d")).unwrap();
    let packets = server.join().unwrap();
    assert_complete(&packets);
    assert_eq!(packets[0].line(), "BITS_POST /a%20b?c=d HTTP/1.1");
    let heads = proxy.heads();
    assert_eq!(heads.len(), 3);
    for head in heads {
        assert!(head.starts_with(&format!("BITS_POST {origin}/a%20b?c=d HTTP/1.1\r\n")), "{head}");
        assert_eq!(field(&head, "Host"), origin.strip_prefix("http://"));
    }
}

// B-PROXY-01
#[test]
fn cli_14_proxy_credentials_are_sent_to_the_proxy_only() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let proxy = Proxy::start(Some(BASIC));
    upload(with_credentials(&proxy), &format!("http://upload.test:{}/f", port(&url))).unwrap();
    assert_complete(&server.join().unwrap());
    let credentials: Vec<bool> =
        proxy.heads().iter().map(|head| field(head, "Proxy-Authorization").is_some()).collect();
    assert_eq!(credentials, [false, true, true, true], "only after the challenge");
}

#[test]
fn https_requests_go_through_a_tunnel() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let proxy = Proxy::start(None);
    let (port, config) = secured(&url, through(&proxy));
    upload(config, &format!("https://upload.test:{port}/f")).unwrap();
    assert_complete(&server.join().unwrap());
    let heads = proxy.heads();
    assert!(heads[0].starts_with(&format!("CONNECT upload.test:{port} HTTP/1.1\r\n")), "{heads:?}");
    assert_eq!(heads.len(), 1, "one tunnel for all: {heads:?}");
}

#[test]
fn cli_14_proxy_credentials_of_a_tunnel_do_not_reach_the_server() {
    let (url, server) = serve(|peer| peer.finish_upload());
    let proxy = Proxy::start(Some(BASIC));
    let (port, config) = secured(&url, with_credentials(&proxy));
    upload(config, &format!("https://upload.test:{port}/f")).unwrap();
    assert_complete(&server.join().unwrap());
    let credentials = proxy
        .heads()
        .iter()
        .map(|head| field(head, "Proxy-Authorization").map(str::to_owned))
        .collect::<Vec<_>>();
    assert_eq!(credentials, [None, Some(BASIC.to_owned())]);
}

#[test]
fn cli_15_rejected_proxy_credentials_end_the_upload() {
    for scheme in ["http", "https"] {
        for (has_credentials, attempts) in [(false, 1), (true, 2)] {
            let proxy = Proxy::start(Some("Basic b3RoZXI6b25l"));
            let config = if has_credentials { with_credentials(&proxy) } else { through(&proxy) };
            let error = upload(config, &format!("{scheme}://upload.test:1/f")).unwrap_err();
            assert_eq!((error.status(), error.http_status()), (Status::HttpStatus, Some(407)));
            assert!(
                !error.is_transient() && error.message().contains("proxy requires credentials")
                    || error.message().contains("set or check the proxy's user and password"),
                "{error}"
            );
            assert_eq!(proxy.heads().len(), attempts, "{scheme}");
        }
    }
}

// B-PROXY-01
#[test]
fn a_407_from_a_server_gets_no_credentials() {
    let reject = |peer: &mut scripted::ScriptedServer| {
        let request = peer.request();
        peer.ack("407 Proxy Authentication Required", &[("Proxy-Authenticate", "Basic realm=\"p\"")]);
        request
    };
    let (url, server) = serve(reject);
    let proxy = Proxy::start(None);
    let direct = with_credentials(&proxy).no_proxy(vec!["127.0.0.1".into()]);
    assert_eq!(upload(direct, &format!("{url}/f")).unwrap_err().http_status(), Some(407));
    assert_eq!(server.join().unwrap().get("Proxy-Authorization"), "");

    let (url, server) = serve(reject);
    let (port, config) = secured(&url, with_credentials(&proxy));
    let error = upload(config, &format!("https://upload.test:{port}/f")).unwrap_err();
    assert_eq!(error.http_status(), Some(407));
    assert_eq!(server.join().unwrap().get("Proxy-Authorization"), "");
    assert_eq!(proxy.heads().len(), 1, "the tunnel");
}

#[test]
fn a_proxy_can_be_reached_over_https() {
    let (url, server) = serve(|peer| {
        let mut packets = peer.finish_upload();
        packets.extend(peer.finish_upload());
        packets
    });
    let proxy = Proxy::start(Some(BASIC));
    let authority = Authority::new();
    let certificate = authority.issue(&["localhost"]);
    let secured_proxy = terminate_tls(server_config(&certificate, None, &[&TLS13]), proxy.address);
    let server_authority = Authority::new();
    let tls = server_config(&server_authority.issue(&["upload.test"]), None, &[&TLS13]);
    let secured = terminate_tls(tls, address(&url));
    let config = with_credentials(&proxy)
        .proxy(format!("https://localhost:{secured_proxy}"))
        .root_certificates(format!("{}{}", authority.pem, server_authority.pem));
    upload(config.clone(), &format!("https://upload.test:{secured}/f")).unwrap();
    upload(config, &format!("http://upload.test:{}/f", port(&url))).unwrap();
    let packets = server.join().unwrap();
    assert_complete(&packets[..3]);
    assert_complete(&packets[3..]);
}

#[test]
fn proxy_failures_are_reported() {
    let unused_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let proxy = Proxy::start(None);
    let error = upload(through(&proxy), &format!("https://upload.test:{unused_port}/f")).unwrap_err();
    assert_eq!((error.http_status(), error.is_transient()), (Some(502), true));
    assert!(error.message().contains("rejected the tunnel to upload.test"), "{error}");

    for (response, status, transient) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", Status::HttpStatus, false),
        ("SSH-2.0-something\r\n\r\n", Status::Protocol, true),
    ] {
        let (url, server) = serve(move |peer| {
            peer.head();
            peer.raw(response);
        });
        let config = ClientConfig::default().proxy(url).no_progress_timeout(Duration::ZERO);
        let error = upload(config, "https://upload.test/f").unwrap_err();
        assert_eq!((error.status(), error.is_transient()), (status, transient), "{error}");
        server.join().unwrap();
    }
}

#[test]
fn a_silent_proxy_times_out() {
    let (url, server) = serve(|peer| {
        peer.head();
        peer.wait_for_hang_up();
    });
    let config = ClientConfig::default()
        .proxy(url)
        .connect_timeout(Duration::from_millis(100))
        .no_progress_timeout(Duration::ZERO);
    let error = upload(config, "https://upload.test/f").unwrap_err();
    assert_eq!((error.status(), error.is_transient()), (Status::Timeout, true));
    server.join().unwrap();
}

#[test]
fn a_reply_on_another_server_is_fetched_through_the_proxy() {
    let (reply_origin, reply_server) = serve(|peer| {
        let request = peer.get();
        peer.resource("200 OK", &[], "reply");
        request
    });
    let reply_url = format!("http://reply.test:{}/r", port(&reply_origin));
    let (url, server) = serve(move |peer| {
        peer.accept_upload(&reply_url);
        peer.request();
        peer.ack("200 OK", &[]);
    });
    let proxy = Arc::new(Proxy::start(Some(BASIC)));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("reply");
    let client = Client::new(with_credentials(&proxy)).unwrap();
    let upload_url = format!("http://upload.test:{}/f", port(&url));
    let mut job = client.job(&upload_url, Source::from_bytes(CONTENT)).unwrap();
    job.set_reply_path(&path).unwrap();
    job.run().unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"reply");
    assert_eq!(reply_server.join().unwrap().get("Proxy-Authorization"), "");
    server.join().unwrap();
}
