//! A server application at an https URL.

use bitsup::Status;
use bitsup::server::{Notifier, NotifyConfig, NotifyKind};
use test_support::application::{Application, Response};
use test_support::certificates::Authority;
use test_support::tls_terminator::{TLS12, TLS13, address, server_config, terminate_tls};

use crate::notify_fixture::{CompleteUpload, InMemory, config, log};

/// Starts an application behind TLS, and returns it with its URL.
fn tls_application(
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
        let (application, url) = tls_application(&authority, version);
        // Larger than the buffers on the way.
        let content = b"0123456789".repeat(300_000);
        let notifier = Notifier::new(trusting(&authority, NotifyKind::ByValue, &url)).unwrap();
        let decision = CompleteUpload::in_memory(InMemory(content.clone())).notify(&notifier);
        assert!(decision.keeps_file() && decision.replies_bytes(b"reply"), "{decision:?}");
        assert!(application.request().body == content);
    }
}

#[test]
fn by_reference_one_tls_connection_is_reused() {
    let authority = Authority::new();
    let (application, url) = tls_application(&authority, &TLS13);
    let notifier = Notifier::new(trusting(&authority, NotifyKind::ByReference, &url)).unwrap();
    for _ in 0..2 {
        assert!(CompleteUpload::in_files(b"data").notify(&notifier).keeps_file());
    }
    assert_eq!((application.requests().len(), application.connections()), (2, 1));
}

#[test]
fn an_application_with_an_untrusted_certificate_is_not_called() {
    let authority = Authority::new();
    let (application, url) = tls_application(&authority, &TLS13);
    for trusted in [None, Some(Authority::new())] {
        let (logger, lines) = log();
        let config = match trusted {
            None => config(NotifyKind::ByValue, &url),
            Some(other) => trusting(&other, NotifyKind::ByValue, &url),
        };
        let notifier = Notifier::new(config.logger(logger)).unwrap();
        let decision = CompleteUpload::in_memory(InMemory(b"secret".to_vec())).notify(&notifier);
        assert_eq!(decision.rejection(), Some((502, 0x8019_01F6, "Application")));
        assert!(lines.lock().unwrap()[0].contains("check its certificate"), "{lines:?}");
    }
    assert!(application.requests().is_empty());
}

#[test]
fn invalid_root_certificates_are_rejected_at_once() {
    let config =
        NotifyConfig::new(NotifyKind::ByValue, "https://localhost/").root_certificates(b"nothing".to_vec());
    assert_eq!(Notifier::new(config).err().unwrap().status(), Status::InvalidArgument);
}
