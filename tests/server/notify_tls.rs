//! A server application at an https URL.

use bitsup::Status;
use bitsup::server::{Notifier, NotifyConfig, NotifyKind};
use test_support::application::{Application, Response};
use test_support::certificates::Authority;
use test_support::tls_terminator::{TLS12, TLS13, address, server_config, terminate_tls};

use crate::notify_fixture::{InMemory, Uploaded, config, log};

/// An application behind TLS, and where it is.
fn secured(
    authority: &Authority,
    version: &'static rustls::SupportedProtocolVersion,
) -> (Application, String) {
    let fields = "BITS-Copy-File-To-Destination: yes\r\n";
    let application = Application::start(move |_| Response::new("200 OK", fields, b"reply"));
    let tls = server_config(&authority.issue(&["localhost"]), None, &[version]);
    let port = terminate_tls(tls, address(&application.url("")));
    (application, format!("https://localhost:{port}/app"))
}

fn trusting(authority: &Authority, kind: NotifyKind, url: &str) -> NotifyConfig {
    config(kind, url).root_certificates(authority.pem.clone())
}

#[test]
fn the_application_decides_over_tls_1_2_and_1_3() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        let (application, url) = secured(&authority, version);
        // More than fits into the buffers on the way.
        let content = b"0123456789".repeat(300_000);
        let notifier = Notifier::new(trusting(&authority, NotifyKind::ByValue, &url)).unwrap();
        let judged = Uploaded::in_memory(InMemory(content.clone())).judge(&notifier);
        assert!(judged.keeps() && judged.replies_bytes(b"reply"), "{judged:?}");
        assert!(application.request().body == content);
    }
}

#[test]
fn by_reference_too_on_one_connection() {
    let authority = Authority::new();
    let (application, url) = secured(&authority, &TLS13);
    let notifier = Notifier::new(trusting(&authority, NotifyKind::ByReference, &url)).unwrap();
    for _ in 0..2 {
        assert!(Uploaded::in_files(b"data").judge(&notifier).keeps());
    }
    assert_eq!((application.requests().len(), application.connections()), (2, 1));
}

#[test]
fn nobody_trusts_an_application_that_others_trust() {
    let authority = Authority::new();
    let (application, url) = secured(&authority, &TLS13);
    for trusted in [None, Some(Authority::new())] {
        let (logger, lines) = log();
        let config = match trusted {
            None => config(NotifyKind::ByValue, &url),
            Some(other) => trusting(&other, NotifyKind::ByValue, &url),
        };
        let notifier = Notifier::new(config.logger(logger)).unwrap();
        let judged = Uploaded::in_memory(InMemory(b"secret".to_vec())).judge(&notifier);
        assert_eq!(judged.rejection(), Some((502, 0x8019_01F6, "Application")));
        assert!(lines.lock().unwrap()[0].contains("check its certificate"), "{lines:?}");
    }
    assert!(application.requests().is_empty());
}

#[test]
fn roots_that_are_none_are_refused_at_once() {
    let config =
        NotifyConfig::new(NotifyKind::ByValue, "https://localhost/").root_certificates(b"nothing".to_vec());
    assert_eq!(Notifier::new(config).err().unwrap().status(), Status::InvalidArgument);
}
