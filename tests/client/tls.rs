//! Uploads over TLS: trusted certificates, client certificates, and the errors if they do not match.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitsup::client::{Client, ClientConfig, Source};
use bitsup::{Error, Status};
use rustls::ServerConfig;
use test_support::certificates::{Authority, Identity};
use test_support::scripted::serve;
use test_support::tls_terminator::{TLS12, TLS13, address, server_config, terminate_tls};

const CONTENT: &[u8] = b"0123456789";

fn trusting(authority: &Authority) -> ClientConfig {
    ClientConfig::default().root_certificates(authority.pem.clone())
}

fn upload(config: ClientConfig, url: &str) -> Result<(), Error> {
    Client::new(config).unwrap().job(url, Source::from_bytes(CONTENT)).unwrap().run()
}

/// Uploads to a server that accepts everything, and returns the bytes it received.
fn upload_succeeds(tls: Arc<ServerConfig>, config: ClientConfig) -> Vec<u8> {
    let (url, server) = serve(|peer| peer.finish_upload());
    let port = terminate_tls(tls, address(&url));
    upload(config, &format!("https://localhost:{port}/file")).unwrap();
    server.join().unwrap().remove(1).body
}

/// Uploads with the default retries to a server that the client does not trust, or that does not trust the client.
/// Returns HRESULT and message of the error.
fn upload_fails(tls: Arc<ServerConfig>, config: ClientConfig, host: &str) -> (u32, String) {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = terminate_tls(tls, backend.local_addr().unwrap());
    let start = Instant::now();
    let error = upload(config, &format!("https://{host}:{port}/file")).unwrap_err();
    assert_eq!((error.status(), error.is_transient()), (Status::Tls, false), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "the permanent error was retried");
    assert!(error.message().contains(&format!("{host}:{port}")), "{error}");
    (error.hresult().unwrap().0, error.message().to_owned())
}

// B-TLS-01
#[test]
fn uploads_work_over_tls_1_2_and_1_3() {
    let authority = Authority::new();
    let issued = authority.issue(&["localhost"]);
    for version in [&TLS12, &TLS13] {
        assert_eq!(upload_succeeds(server_config(&issued, None, &[version]), trusting(&authority)), CONTENT);
    }
}

#[test]
fn a_certificate_can_name_an_ip_address_and_its_root_can_be_one_of_several() {
    let authority = Authority::new();
    let issued = authority.issue(&["127.0.0.1"]);
    let (url, server) = serve(|peer| peer.finish_upload());
    let port = terminate_tls(server_config(&issued, None, &[&TLS13]), address(&url));
    let roots = format!("some text\n{}\n{}", Authority::new().pem, authority.pem);
    let config = ClientConfig::default().root_certificates(roots);
    upload(config, &format!("https://127.0.0.1:{port}/file")).unwrap();
    assert_eq!(server.join().unwrap().len(), 3);
}

// B-TLS-01
#[test]
fn a_certificate_from_an_unknown_authority_is_rejected() {
    let issued = Authority::new().issue(&["localhost"]);
    for config in [ClientConfig::default(), trusting(&Authority::new())] {
        let (hresult, message) = upload_fails(server_config(&issued, None, &[&TLS13]), config, "localhost");
        assert_eq!(hresult, 0x8007_2F0D);
        assert!(message.contains("--cacert"), "{message}");
    }
}

#[test]
fn a_certificate_for_another_name_is_rejected() {
    let authority = Authority::new();
    let issued = authority.issue(&["upload.test"]);
    let tls = server_config(&issued, None, &[&TLS13]);
    let (hresult, message) = upload_fails(tls, trusting(&authority), "localhost");
    assert_eq!(hresult, 0x8007_2F06);
    assert!(message.contains("upload.test"), "{message}");
}

#[test]
fn an_expired_or_not_yet_valid_certificate_is_rejected() {
    let authority = Authority::new();
    let expired = authority.issue_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let early = authority.issue_with(&["localhost"], |params| {
        params.not_before = rcgen::date_time_ymd(4000, 1, 1);
        params.not_after = rcgen::date_time_ymd(4001, 1, 1);
    });
    for (issued, expected) in [(expired, "renew the server's certificate"), (early, "clocks")] {
        let tls = server_config(&issued, None, &[&TLS12, &TLS13]);
        let (hresult, message) = upload_fails(tls, trusting(&authority), "localhost");
        assert_eq!(hresult, 0x8007_2F05);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_server_without_tls_is_reported() {
    let (url, server) = serve(|peer| {
        peer.accept();
        peer.raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        peer.wait_for_hang_up();
    });
    let error =
        upload(ClientConfig::default(), &format!("{}/f", url.replace("http:", "https:"))).unwrap_err();
    assert_eq!((error.status(), error.is_transient()), (Status::Tls, false));
    assert!(error.message().contains("does not use TLS"), "{error}");
    server.join().unwrap();
}

#[test]
fn a_client_certificate_is_presented() {
    let (authority, users) = (Authority::new(), Authority::new());
    let (issued, user) = (authority.issue(&["localhost"]), users.issue(&["alice"]));
    for version in [&TLS12, &TLS13] {
        let config = trusting(&authority).client_certificate(user.both());
        assert_eq!(upload_succeeds(server_config(&issued, Some(&users), &[version]), config), CONTENT);
    }
}

#[test]
fn a_missing_or_rejected_client_certificate_is_reported() {
    let (authority, users) = (Authority::new(), Authority::new());
    let issued = authority.issue(&["localhost"]);
    let untrusted = Some(Authority::new().issue(&["mallory"]).both().into());
    for version in [&TLS12, &TLS13] {
        for client_certificate in [None, untrusted.clone()] {
            let mut config = trusting(&authority);
            config.client_certificate = client_certificate;
            let tls = server_config(&issued, Some(&users), &[version]);
            let (hresult, message) = upload_fails(tls, config, "localhost");
            assert_eq!(hresult, 0x8007_2F0C, "{message}");
            assert!(message.contains("--cert"), "{message}");
        }
    }
}

#[test]
fn invalid_certificates_and_keys_are_rejected_when_configured() {
    let authority = Authority::new();
    let (one, other) = (authority.issue(&["one"]), authority.issue(&["other"]));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for roots in ["nothing", one.key.as_str(), broken, "-----BEGIN CERTIFICATE-----\n!"] {
        let config = ClientConfig::default().root_certificates(roots);
        assert_eq!(Client::new(config).unwrap_err().status(), Status::InvalidArgument, "{roots}");
    }
    let mixed = Identity { certificate: one.certificate.clone(), key: other.key };
    for pem in ["", "nothing", &one.certificate, &one.key, &mixed.both(), &format!("{broken}{}", one.key)] {
        let config = ClientConfig::default().client_certificate(pem);
        let error = Client::new(config).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{pem}");
        assert!(error.message().contains("client certificate"), "{error}");
    }
}
