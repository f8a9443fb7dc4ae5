//! Certificates and proxies of the client, and the root certificates of the notifier.

use std::fs;
use std::time::{Duration, Instant};

use rustls::SupportedProtocolVersion;
use test_support::certificates::Authority;
use test_support::proxy::{Proxy, field};
use test_support::tls_terminator::{TLS12, TLS13, address, server_config, terminate_tls};

use crate::program::{Outcome, TestServer, Workspace, bitsup, run};

const BASIC: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

/// A server behind TLS, with a source to upload and a file with the root certificate.
struct TlsServer {
    backend: TestServer,
    url: String,
    source: String,
    content: Vec<u8>,
    cacert: String,
}

impl TlsServer {
    fn new(clients: Option<&Authority>, version: &'static SupportedProtocolVersion) -> Self {
        let (backend, authority) = (TestServer::new(&[]), Authority::new());
        let port = terminate_tls(
            server_config(&authority.issue(&["localhost"]), clients, &[version]),
            backend.address(),
        );
        let (source, content) = backend.workspace.source("source", 300_000);
        let cacert = backend.workspace.path_str("ca.pem");
        fs::write(&cacert, &authority.pem).unwrap();
        Self { url: format!("https://localhost:{port}/file"), backend, source, content, cacert }
    }

    fn upload(&self, options: &[&str]) -> std::process::Command {
        let state = self.backend.workspace.path_str("state");
        bitsup(&[&["upload", &self.source, &self.url, "--state-dir", &state], options].concat())
    }

    #[track_caller]
    fn assert_received(&self, outcome: Outcome) {
        outcome.assert_success();
        let file = self.backend.workspace.received("file");
        assert!(fs::read(&file).unwrap() == self.content, "the file differs from its source");
        fs::remove_file(file).unwrap();
    }
}

fn output(command: &mut std::process::Command) -> Outcome {
    command.output().unwrap().into()
}

#[test]
fn uploads_work_over_tls_with_a_given_root_certificate() {
    for version in [&TLS12, &TLS13] {
        let server = TlsServer::new(None, version);
        server.assert_received(output(&mut server.upload(&["--cacert", &server.cacert])));
        run(&["ping", &server.url, "--cacert", &server.cacert]).assert_success();
    }
}

/// SSL_CERT_FILE names the file that stands for the root certificates of the platform.
#[test]
fn platform_roots_are_trusted_in_addition_to_given_ones() {
    let (one, other) = (TlsServer::new(None, &TLS13), TlsServer::new(None, &TLS13));
    let with_platform =
        |mut command: std::process::Command| output(command.env("SSL_CERT_FILE", &one.cacert));
    one.assert_received(with_platform(one.upload(&[])));
    one.assert_received(with_platform(one.upload(&["--cacert", &other.cacert])));
    other.assert_received(with_platform(other.upload(&["--cacert", &other.cacert])));
    with_platform(other.upload(&[])).assert_failure(1, &["cannot make a TLS connection", "--cacert"]);
}

#[test]
fn an_untrusted_server_is_not_retried() {
    let server = TlsServer::new(None, &TLS13);
    let start = Instant::now();
    output(&mut server.upload(&[])).assert_failure(1, &["localhost", "--cacert", "HRESULT: 0x80072F0D"]);
    run(&["ping", &server.url]).assert_failure(1, &["--cacert"]);
    assert!(start.elapsed() < Duration::from_secs(10), "the client retried until its timeout");
    output(&mut server.upload(&["--cacert", &server.source])).assert_failure(2, &["root certificates"]);
    output(&mut server.upload(&["--cacert", "/nonexistent/ca.pem"]))
        .assert_failure(1, &["/nonexistent/ca.pem"]);
}

#[test]
fn a_client_certificate_is_accepted() {
    let users = Authority::new();
    let server = TlsServer::new(Some(&users), &TLS13);
    let issued = users.issue(&["alice"]);
    let [cert, key, both] =
        ["cert.pem", "key.pem", "both.pem"].map(|name| server.backend.workspace.path_str(name));
    fs::write(&cert, issued.certificate.trim_end()).unwrap();
    fs::write(&key, &issued.key).unwrap();
    fs::write(&both, issued.both()).unwrap();
    let cacert = ["--cacert", &server.cacert];
    for options in [&["--cert", &cert, "--key", &key][..], &["--cert", &both]] {
        let options = [&cacert[..], options].concat();
        server.assert_received(output(&mut server.upload(&options)));
        run(&[&["ping", &server.url][..], &options].concat()).assert_success();
    }
    output(&mut server.upload(&cacert)).assert_failure(1, &["--cert", "HRESULT: 0x80072F0C"]);
    output(&mut server.upload(&["--cert", &cert])).assert_failure(2, &["no private key"]);
}

#[test]
fn a_proxy_is_set_by_option_or_environment() {
    let backend = TestServer::new(&[]);
    let (source, _) = backend.workspace.source("source", 1000);
    let (url, state) = (backend.url_of("file"), backend.workspace.path_str("state"));
    let args = ["upload", &source, &url, "--state-dir", &state];
    let proxy = Proxy::start(Some(BASIC));
    let with_user = format!("http://Aladdin:open%20sesame@{}", proxy.address);
    let upload = |options: &[&str], environment: &[(&str, &str)]| {
        let before = proxy.heads().len();
        let mut command = bitsup(&[&args[..], options].concat());
        let outcome = output(command.envs(environment.iter().copied()));
        fs::remove_file(backend.workspace.received("file")).ok();
        (outcome, proxy.heads().len() > before)
    };
    let plain = proxy.url();
    let user = ["--proxy-user", "Aladdin:open sesame"];
    for (options, environment, uses_proxy) in [
        (&["--proxy", &with_user][..], &[][..], true),
        (&["--proxy", &plain, user[0], user[1]], &[], true),
        (&[], &[("http_proxy", with_user.as_str())], true),
        (&user, &[("ALL_PROXY", &plain)], true),
        (&[], &[("HTTP_PROXY", &plain), ("https_proxy", &plain)], false),
        (&[], &[("http_proxy", &plain), ("NO_PROXY", "example.com,127.0.0.1")], false),
        (&["--proxy", ""], &[("http_proxy", &plain)], false),
    ] {
        let (outcome, used_proxy) = upload(options, environment);
        outcome.assert_success();
        assert_eq!(used_proxy, uses_proxy, "{options:?} {environment:?}");
    }
    let (outcome, _) = upload(&["--proxy", &plain], &[]);
    outcome.assert_failure(1, &["HTTP status: 407", "set or check its user and password"]);
}

#[test]
fn https_uses_a_proxy_tunnel_and_the_proxy_password_is_not_printed() {
    let server = TlsServer::new(None, &TLS13);
    let proxy = Proxy::start(Some(BASIC));
    let url = format!("http://Aladdin:open%20sesame@{}", proxy.address);
    let outcome =
        output(&mut server.upload(&["--cacert", &server.cacert, "--proxy", &url, "-vvv", "--json"]));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(!outcome.stderr.contains("sesame") && !outcome.stdout.contains("sesame"), "{outcome:?}");
    let heads = proxy.heads();
    assert!(heads.iter().all(|head| head.starts_with("CONNECT localhost:")), "{heads:?}");
    assert_eq!(field(heads.last().unwrap(), "Proxy-Authorization"), Some(BASIC));
}

#[test]
fn notify_ca_adds_a_trusted_root() {
    let authority = Authority::new();
    let application = test_support::application::Application::start(|_| {
        test_support::application::Response::new("200 OK", "BITS-Copy-File-To-Destination: yes\r\n", b"")
    });
    let tls = server_config(&authority.issue(&["localhost"]), None, &[&TLS13]);
    let notify = format!("https://localhost:{}/", terminate_tls(tls, address(&application.url(""))));
    let workspace = Workspace::new();
    let (source, content) = workspace.source("source", 5000);
    let ca = workspace.path_str("ca.pem");
    fs::write(&ca, &authority.pem).unwrap();
    let options = ["--notify", "value", "--notify-url", &notify, "--notify-ca", &ca];
    let server = TestServer::start_in(workspace, "127.0.0.1:0", &options);
    let state = server.workspace.path_str("state");
    run(&["upload", &source, &server.url_of("file"), "--state-dir", &state]).assert_success();
    assert!(application.request().body == content);
}

/// Stacks of this size cannot be allocated, so no thread can be started.
#[test]
fn without_threads_the_client_fails_with_an_error() {
    let workspace = Workspace::new();
    let ((file, _), state) = (workspace.source("file", 7), workspace.path_str("state"));
    let upload: &[&str] = &["upload", &file, "http://localhost:1/file", "--state-dir", &state];
    for (args, code) in [(&["ping", "http://localhost:1/file"] as &[&str], 3), (upload, 1)] {
        let mut command = bitsup(args);
        command.env("RUST_MIN_STACK", (1_u64 << 60).to_string());
        Outcome::from(command.output().unwrap()).assert_failure(code, &["cannot start"]);
    }
}
