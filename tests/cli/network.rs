//! The way to a server: certificates and proxies.

use std::fs;
use std::time::{Duration, Instant};

use rustls::SupportedProtocolVersion;
use test_support::certificates::Authority;
use test_support::proxy::{Proxy, field};
use test_support::tls_terminator::{TLS12, TLS13, address, server_config, terminate_tls};

use crate::program::{Outcome, Served, Workspace, bitsup, run};

const BASIC: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

/// A server behind TLS, with a source to send and a file with the root certificate.
struct Secured {
    served: Served,
    url: String,
    source: String,
    content: Vec<u8>,
    cacert: String,
}

impl Secured {
    fn new(clients: Option<&Authority>, version: &'static SupportedProtocolVersion) -> Self {
        let (served, authority) = (Served::new(&[]), Authority::new());
        let port = terminate_tls(
            server_config(&authority.issue(&["localhost"]), clients, &[version]),
            served.address(),
        );
        let (source, content) = served.place.source("source", 300_000);
        let cacert = served.place.text("ca.pem");
        fs::write(&cacert, &authority.pem).unwrap();
        Self { url: format!("https://localhost:{port}/file"), served, source, content, cacert }
    }

    fn upload(&self, options: &[&str]) -> std::process::Command {
        let state = self.served.place.text("state");
        bitsup(&[&["upload", &self.source, &self.url, "--state-dir", &state], options].concat())
    }

    #[track_caller]
    fn assert_received(&self, outcome: Outcome) {
        outcome.succeeded();
        let file = self.served.place.received("file");
        assert!(fs::read(&file).unwrap() == self.content, "the file differs from its source");
        fs::remove_file(file).unwrap();
    }
}

fn output(command: &mut std::process::Command) -> Outcome {
    command.output().unwrap().into()
}

#[test]
fn an_upload_over_tls_trusts_what_it_is_told_to() {
    for version in [&TLS12, &TLS13] {
        let secured = Secured::new(None, version);
        secured.assert_received(output(&mut secured.upload(&["--cacert", &secured.cacert])));
        run(&["ping", &secured.url, "--cacert", &secured.cacert]).succeeded();
    }
}

/// The platform's certificates are those of the file that this variable names.
#[test]
fn it_trusts_the_platform_and_what_it_is_told_to_beside() {
    let (one, other) = (Secured::new(None, &TLS13), Secured::new(None, &TLS13));
    let with_platform =
        |mut command: std::process::Command| output(command.env("SSL_CERT_FILE", &one.cacert));
    one.assert_received(with_platform(one.upload(&[])));
    one.assert_received(with_platform(one.upload(&["--cacert", &other.cacert])));
    other.assert_received(with_platform(other.upload(&["--cacert", &other.cacert])));
    with_platform(other.upload(&[])).failed(1, &["cannot make a TLS connection", "--cacert"]);
}

#[test]
fn a_server_that_is_not_trusted_is_not_tried_again_and_again() {
    let secured = Secured::new(None, &TLS13);
    let begun = Instant::now();
    output(&mut secured.upload(&[])).failed(1, &["localhost", "--cacert", "HRESULT: 0x80072F0D"]);
    run(&["ping", &secured.url]).failed(1, &["--cacert"]);
    assert!(begun.elapsed() < Duration::from_secs(10), "the default patience is ten minutes");
    output(&mut secured.upload(&["--cacert", &secured.source])).failed(2, &["root certificates"]);
    output(&mut secured.upload(&["--cacert", "/nonexistent/ca.pem"])).failed(1, &["/nonexistent/ca.pem"]);
}

#[test]
fn a_client_certificate_opens_the_door() {
    let users = Authority::new();
    let secured = Secured::new(Some(&users), &TLS13);
    let issued = users.issue(&["alice"]);
    let [cert, key, both] = ["cert.pem", "key.pem", "both.pem"].map(|name| secured.served.place.text(name));
    fs::write(&cert, issued.certificate.trim_end()).unwrap();
    fs::write(&key, &issued.key).unwrap();
    fs::write(&both, issued.both()).unwrap();
    let cacert = ["--cacert", &secured.cacert];
    for options in [&["--cert", &cert, "--key", &key][..], &["--cert", &both]] {
        let options = [&cacert[..], options].concat();
        secured.assert_received(output(&mut secured.upload(&options)));
        run(&[&["ping", &secured.url][..], &options].concat()).succeeded();
    }
    output(&mut secured.upload(&cacert)).failed(1, &["--cert", "HRESULT: 0x80072F0C"]);
    output(&mut secured.upload(&["--cert", &cert])).failed(2, &["no private key"]);
}

#[test]
fn a_proxy_is_named_by_option_or_environment() {
    let served = Served::new(&[]);
    let (source, _) = served.place.source("source", 1000);
    let (url, state) = (served.url_of("file"), served.place.text("state"));
    let args = ["upload", &source, &url, "--state-dir", &state];
    let proxy = Proxy::start(Some(BASIC));
    let with_user = format!("http://Aladdin:open%20sesame@{}", proxy.address);
    let upload = |options: &[&str], environment: &[(&str, &str)]| {
        let before = proxy.heads().len();
        let mut command = bitsup(&[&args[..], options].concat());
        let outcome = output(command.envs(environment.iter().copied()));
        fs::remove_file(served.place.received("file")).ok();
        (outcome, proxy.heads().len() > before)
    };
    let plain = proxy.url();
    let user = ["--proxy-user", "Aladdin:open sesame"];
    for (options, environment, through) in [
        (&["--proxy", &with_user][..], &[][..], true),
        (&["--proxy", &plain, user[0], user[1]], &[], true),
        (&[], &[("http_proxy", with_user.as_str())], true),
        (&user, &[("ALL_PROXY", &plain)], true),
        (&[], &[("HTTP_PROXY", &plain), ("https_proxy", &plain)], false),
        (&[], &[("http_proxy", &plain), ("NO_PROXY", "example.com,127.0.0.1")], false),
        (&["--proxy", ""], &[("http_proxy", &plain)], false),
    ] {
        let (outcome, was_through) = upload(options, environment);
        outcome.succeeded();
        assert_eq!(was_through, through, "{options:?} {environment:?}");
    }
    let (outcome, _) = upload(&["--proxy", &plain], &[]);
    outcome.failed(1, &["HTTP status: 407", "set or check its user and password"]);
}

#[test]
fn a_proxy_makes_a_tunnel_to_tls_and_its_password_is_said_nowhere() {
    let secured = Secured::new(None, &TLS13);
    let proxy = Proxy::start(Some(BASIC));
    let url = format!("http://Aladdin:open%20sesame@{}", proxy.address);
    let outcome =
        output(&mut secured.upload(&["--cacert", &secured.cacert, "--proxy", &url, "-vvv", "--json"]));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stderr.contains("sesame") && !outcome.stdout.contains("sesame"), "{outcome:?}");
    let heads = proxy.heads();
    assert!(heads.iter().all(|head| head.starts_with("CONNECT localhost:")), "{heads:?}");
    assert_eq!(field(heads.last().unwrap(), "Proxy-Authorization"), Some(BASIC));
}

#[test]
fn the_notifier_trusts_a_certificate_of_ones_own() {
    let authority = Authority::new();
    let application = test_support::application::Application::start(|_| {
        test_support::application::Response::new("200 OK", "BITS-Copy-File-To-Destination: yes\r\n", b"")
    });
    let tls = server_config(&authority.issue(&["localhost"]), None, &[&TLS13]);
    let notify = format!("https://localhost:{}/", terminate_tls(tls, address(&application.url(""))));
    let place = Workspace::new();
    let (source, content) = place.source("source", 5000);
    let ca = place.text("ca.pem");
    fs::write(&ca, &authority.pem).unwrap();
    let options = ["--notify", "value", "--notify-url", &notify, "--notify-ca", &ca];
    let served = Served::over(place, "127.0.0.1:0", &options);
    let state = served.place.text("state");
    run(&["upload", &source, &served.url_of("file"), "--state-dir", &state]).succeeded();
    assert!(application.request().body == content);
}
