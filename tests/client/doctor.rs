//! Every finding of `bitsup doctor`, against a healthy server with one problem at a time.

use std::net::TcpListener;
use std::time::Duration;

use bitsup::client::doctor::{Check, DoctorOptions, DoctorReport, Grade};
use bitsup::client::{Client, ClientConfig, Credentials};
use test_support::application::{Application, Request, Response};
use test_support::certificates::Authority;
use test_support::tls_terminator::{TLS13, address, server_config, terminate_tls};

/// The session that the server creates.
const SESSION: &str = "{S}";
const TIMEOUT: Duration = Duration::from_millis(300);

fn ack(status: &str, fields: &str) -> Response {
    Response::new(status, &format!("Server: bitsup/9\r\nBITS-Packet-Type: Ack\r\n{fields}"), b"")
}

/// Responds as a healthy server, which keeps the bytes of an interrupted fragment.
fn healthy(request: &Request) -> Response {
    let unknown_session = || ack("500 Internal Server Error", "BITS-Error: 0x8020001F\r\n");
    if request.line().starts_with("GET") {
        return Response::new("404 Not Found", "Server: bitsup/9\r\n", b"some text").early();
    }
    if request.line().starts_with("POST") && request.get("X-HTTP-Method-Override") != Some("BITS_POST") {
        return Response::new("405 Method Not Allowed", "", b"");
    }
    if request.get("Expect").is_some() {
        return unknown_session().early();
    }
    match (request.get("BITS-Packet-Type"), request.get("BITS-Session-Id")) {
        (Some("Create-Session"), _) => ack("200 OK", &format!("BITS-Session-Id: {SESSION}\r\n")),
        (Some("Fragment"), Some(SESSION)) => fragment(request, 4096),
        (Some("Fragment"), _) => unknown_session(),
        _ => ack("200 OK", ""),
    }
}

/// Responds to a fragment. The doctor sends a fragment of one byte after an interrupted one, of which `kept` bytes
/// were stored.
fn fragment(request: &Request, kept: u64) -> Response {
    let range = request.get("Content-Range").unwrap().trim_start_matches("bytes ");
    let (first, rest) = range.split_once('-').unwrap();
    let last: u64 = rest.split('/').next().unwrap().parse().unwrap();
    let next = last + 1;
    match request.get("Content-Length") {
        Some("1") => {
            let stored = first.parse::<u64>().unwrap() - (1 << 20) - 1 + kept;
            ack("416 Range Not Satisfiable", &format!("BITS-Received-Content-Range: {stored}\r\n"))
        }
        _ => ack("200 OK", &format!("BITS-Received-Content-Range: {next}\r\n")),
    }
}

fn examine(url: &str, config: ClientConfig) -> DoctorReport {
    let options = DoctorOptions::default().write(true).timeout(TIMEOUT);
    Client::new(config).unwrap().examine(url, &options).unwrap()
}

/// Examines a healthy server. `respond` can replace its response to a request.
fn examine_server(respond: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> DoctorReport {
    examine_with(ClientConfig::default(), respond)
}

fn examine_with(
    config: ClientConfig,
    respond: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
) -> DoctorReport {
    let server = Application::start(move |request| respond(request).unwrap_or_else(|| healthy(request)));
    examine(&server.url("/folder/"), config)
}

fn names(report: &DoctorReport) -> Vec<&str> {
    report.checks.iter().map(|check| check.name).collect()
}

/// Asserts that the check `name` has this grade, that all others pass, and that its finding and advice contain all
/// of `expected`.
#[track_caller]
fn assert_one_problem(report: &DoctorReport, name: &str, grade: Grade, expected: &[&str]) {
    let bad: Vec<&Check> = report.checks.iter().filter(|check| check.grade != Grade::Ok).collect();
    let [check] = bad[..] else { panic!("{report:#?}") };
    assert_eq!((check.name, check.grade), (name, grade), "{report:#?}");
    let text = format!("{} {}", check.finding, check.advice.as_deref().unwrap_or_default());
    for part in expected {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    assert_eq!(report.can_upload(), grade == Grade::Warn);
}

fn is_packet(request: &Request, packet: &str) -> bool {
    request.get("BITS-Packet-Type") == Some(packet)
}

#[test]
fn a_healthy_server_passes_every_check() {
    let server = Application::start(healthy);
    let report = examine(&server.url("/folder/file"), ClientConfig::default());
    assert!(report.can_upload() && report.checks.iter().all(|check| check.grade == Grade::Ok), "{report:#?}");
    let all =
        "resolve connect http verb override keep-alive body length expect session fragments buffering cancel";
    assert_eq!(names(&report), all.split(' ').collect::<Vec<_>>());
    let created: Vec<_> =
        server.requests().into_iter().filter(|request| is_packet(request, "Create-Session")).collect();
    assert!(
        created.len() == 1 && created[0].line().starts_with("BITS_POST /folder/bitsup-doctor-"),
        "{created:?}"
    );
    assert!(server.requests().iter().any(|request| is_packet(request, "Cancel-Session")));
}

#[test]
fn without_the_write_option_no_session_is_created() {
    let server = Application::start(healthy);
    let client = Client::new(ClientConfig::default()).unwrap();
    let report = client.examine(&server.url("/"), &DoctorOptions::default().timeout(TIMEOUT)).unwrap();
    assert_eq!(names(&report).last(), Some(&"expect"));
    let requests = server.requests();
    assert!(!requests.iter().any(|request| is_packet(request, "Create-Session")), "{requests:?}");
}

#[test]
fn an_unreachable_server_fails_connect_or_resolve() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_one_problem(
        &examine(&format!("http://127.0.0.1:{port}/"), ClientConfig::default()),
        "connect",
        Grade::Fail,
        &["is running"],
    );
    let unknown_host =
        examine("http://unknown_host.invalid/", ClientConfig::default().connect_timeout(TIMEOUT));
    let [check] = &unknown_host.checks[..] else { panic!("{unknown_host:#?}") };
    assert!(["resolve", "connect"].contains(&check.name) && check.grade == Grade::Fail, "{check:?}");
    assert!(
        Client::new(ClientConfig::default()).unwrap().examine("/file", &DoctorOptions::default()).is_err()
    );
}

#[test]
fn tls_and_certificate_problems_are_reported() {
    let (server, authority) = (Application::start(healthy), Authority::new());
    let backend = address(&server.url("/"));
    let trusting = |name: &str| {
        let port = terminate_tls(server_config(&authority.issue(&[name]), None, &[&TLS13]), backend);
        let config = ClientConfig::default().root_certificates(authority.pem.clone());
        examine(&format!("https://localhost:{port}/"), config)
    };
    let trusted = trusting("localhost");
    assert!(trusted.can_upload() && names(&trusted).contains(&"tls"), "{trusted:#?}");
    assert_one_problem(&trusting("upload.test"), "tls", Grade::Fail, &["upload.test"]);
    let port = terminate_tls(server_config(&authority.issue(&["localhost"]), None, &[&TLS13]), backend);
    let untrusted = examine(&format!("https://localhost:{port}/"), ClientConfig::default());
    assert_one_problem(&untrusted, "tls", Grade::Fail, &["--cacert"]);
}

#[test]
fn a_server_that_does_not_speak_http_1_1_is_reported() {
    let responses: [(&str, &str); 3] = [
        ("SSH-2.0-x\r\n\r\n", "http"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "http"),
        ("", "connect"),
    ];
    for (response, name) in responses {
        let report = examine_server(move |_| Some(Response::raw(response).early().then_close()));
        assert_one_problem(&report, name, Grade::Fail, &[]);
    }
}

#[test]
fn a_redirect_is_reported_with_its_target() {
    let redirect = |_: &Request| {
        Some(Response::new("301 Moved", "Location: https://new.test/\r\nServer: nginx\r\n", b"").early())
    };
    let report = examine_server(redirect);
    for name in ["http", "verb"] {
        let check = report.checks.iter().find(|check| check.name == name).unwrap();
        assert!(check.grade == Grade::Fail && check.finding.contains("https://new.test/"), "{report:#?}");
    }
}

/// Every known proxy that rejects the verb is named with the setting to change.
#[test]
fn a_rejected_verb_names_the_setting_of_each_known_server() {
    let cases = [
        ("403 Forbidden", "Server: nginx/1.22.1\r\n", "limit_except"),
        ("405 Method Not Allowed", "cache-control: no-cache\r\n", "http-request deny"),
        ("501 Not Implemented", "Server: Apache/2.4\r\n", "RegisterHttpMethod"),
        ("405 Method Not Allowed", "Server: Caddy\r\n", "matchers"),
        ("405 Method Not Allowed", "Server: Microsoft-IIS/10.0\r\n", "request filtering"),
        ("400 Bad Request", "Server: Varnish\r\nVia: 1.1 edge\r\n", "via 1.1 edge"),
    ];
    for (status, fields, expected) in cases {
        let respond = move |request: &Request| {
            request.line().starts_with("BITS_POST").then(|| Response::new(status, fields, b"no"))
        };
        assert_one_problem(
            &examine_server(respond),
            "verb",
            Grade::Fail,
            &[&status[..3], expected, "--method-override"],
        );
        let config = ClientConfig::default().method_override(true);
        let report = examine_with(config, respond);
        assert_one_problem(&report, "verb", Grade::Warn, &[expected]);
        assert_eq!(names(&report).last(), Some(&"cancel"), "the remaining checks use POST: {report:#?}");
    }
}

#[test]
fn a_rejected_method_override_fails_only_if_it_is_configured() {
    let respond = |request: &Request| {
        request.line().starts_with("POST").then(|| Response::new("405 No", "Allow: BITS_POST\r\n", b""))
    };
    let config = ClientConfig::default().method_override(true);
    assert_one_problem(
        &examine_with(config, respond),
        "override",
        Grade::Fail,
        &["405", "start the server with"],
    );
    assert!(examine_server(respond).can_upload(), "the override is not needed");
}

/// The Ping fails with and without the method override.
#[test]
fn a_failed_ping_is_explained() {
    let cases = [
        ("200 OK", "Server: Caddy\r\n", "host without a site"),
        ("404 Not Found", "", "check the path"),
        (
            "400 Bad Request",
            "BITS-Packet-Type: Ack\r\nBITS-Error: 0x80070057\r\n",
            "forward BITS-* header fields",
        ),
        ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"a\"\r\n", "--user"),
        ("407 Proxy Authentication Required", "", "--proxy-user"),
        ("411 Length Required", "BITS-Packet-Type: Ack\r\nServer: Caddy\r\n", "Content-Length"),
        ("502 Bad Gateway", "Server: nginx\r\n", "behind the proxy is running"),
        ("505 Version", "Server: nginx\r\n", "proxy_http_version 1.1"),
        ("501 No", "BITS-Packet-Type: Ack\r\nBITS-Error: 0x80070005\r\n", "0x80070005"),
        ("418 Teapot", "", "log of the server that responded"),
    ];
    for (status, fields, expected) in cases {
        let report = examine_server(move |request| {
            is_packet(request, "Ping").then(|| Response::new(status, fields, b""))
        });
        let verb = report.checks.iter().find(|check| check.name == "verb").unwrap();
        assert_eq!(verb.grade, Grade::Fail);
        let text = format!("{} {}", verb.finding, verb.advice.as_deref().unwrap());
        assert!(text.contains(expected) && text.contains(&status[..3]), "{expected:?} is not in {text:?}");
        assert_eq!(names(&report).last(), Some(&"override"), "later checks are skipped: {report:#?}");
    }
}

#[test]
fn credentials_are_sent_after_a_challenge() {
    let require_credentials = |request: &Request| {
        request.get("Authorization").is_none().then(|| {
            Response::new("401 Unauthorized", "WWW-Authenticate: Basic realm=\"a\"\r\n", b"")
                .early()
                .then_close()
        })
    };
    let user = Credentials::new("anna", "secret");
    let report = examine_with(ClientConfig::default().credentials(user), require_credentials);
    assert!(report.checks.iter().all(|check| check.grade == Grade::Ok), "{report:#?}");
}

#[test]
fn closed_connections_are_a_keep_alive_warning() {
    let respond = |request: &Request| {
        is_packet(request, "Ping").then(|| ack("200 OK", "Connection: close\r\n").then_close())
    };
    assert_one_problem(&examine_server(respond), "keep-alive", Grade::Warn, &["keep connections"]);
    let unannounced = |request: &Request| is_packet(request, "Ping").then(|| ack("200 OK", "").then_close());
    assert_one_problem(&examine_server(unannounced), "keep-alive", Grade::Warn, &["keep connections"]);
}

#[test]
fn a_lost_content_length_fails_the_body_check() {
    let respond = |request: &Request| {
        (is_packet(request, "Fragment") && request.get("Expect").is_none())
            .then(|| Response::new("411 Length Required", "BITS-Packet-Type: Ack\r\n", b""))
    };
    let report = examine_server(respond);
    let body = report.checks.iter().find(|check| check.name == "body").unwrap();
    assert!(body.grade == Grade::Fail && body.advice.as_deref().unwrap().contains("chunked"), "{report:#?}");
}

fn too_large(limit: u64, server: &'static str) -> impl Fn(&Request) -> Option<Response> + Send + Sync {
    move |request| {
        let length: u64 = request.get("Content-Length").unwrap_or("0").parse().unwrap();
        (length > limit).then(|| Response::new("413 Too Large", server, b"").early().then_close())
    }
}

/// The limit is found from Content-Length alone, and again by a test upload if writing is allowed. The advice depends
/// on the server.
#[test]
fn a_body_size_limit_is_found_with_its_setting() {
    let cases = [
        ("Server: nginx\r\n", "client_max_body_size 0"),
        ("Server: Apache\r\n", "SecRequestBodyLimit"),
        ("cache-control: no-cache\r\n", "HAProxy"),
        ("Server: Caddy\r\n", "max_size"),
        ("Server: Microsoft-IIS/10.0\r\n", "maxAllowedContentLength"),
    ];
    for (server, expected) in cases {
        let report = examine_server(too_large(1 << 20, server));
        assert!(report.can_upload());
        for name in ["length", "fragments"] {
            let check = report.checks.iter().find(|check| check.name == name).unwrap();
            assert_eq!(check.grade, Grade::Warn, "{report:#?}");
            assert!(check.advice.as_deref().unwrap().contains(expected), "{check:?}");
        }
        let length = report.checks.iter().find(|check| check.name == "length").unwrap();
        assert!(
            length.finding.contains("1048577") && length.finding.contains("1048576 bytes are accepted"),
            "{length:?}"
        );
    }
    let length =
        examine_server(too_large(100, "")).checks.into_iter().find(|check| check.name == "length").unwrap();
    assert!(!length.finding.contains("pass"), "{length:?}");
}

#[test]
fn rejected_and_unanswered_expectations_are_warnings() {
    let expects = |request: &Request| request.get("Expect").is_some();
    let refused =
        examine_server(move |request| expects(request).then(|| Response::new("417 No", "", b"").early()));
    assert_one_problem(&refused, "expect", Grade::Warn, &["417", "or respond to it"]);
    let silent =
        examine_server(move |request| expects(request).then(|| Response::raw("").early().then_hang()));
    assert_one_problem(&silent, "expect", Grade::Warn, &["timed out"]);
    let continued = examine_server(move |request| {
        expects(request).then(|| Response::raw("HTTP/1.1 100 Continue\r\n\r\n").early().then_hang())
    });
    assert!(continued.checks.iter().all(|check| check.grade == Grade::Ok), "{continued:#?}");
}

#[test]
fn request_buffering_is_detected() {
    let respond = |request: &Request| {
        let is_test_fragment =
            is_packet(request, "Fragment") && request.get("BITS-Session-Id") == Some(SESSION);
        is_test_fragment.then(|| fragment(request, 0))
    };
    assert_one_problem(
        &examine_server(respond),
        "buffering",
        Grade::Warn,
        &["nothing of an interrupted fragment was stored", "sent again as a whole"],
    );
}

#[test]
fn failures_of_the_test_upload_are_reported() {
    let denied = |request: &Request| {
        is_packet(request, "Create-Session").then(|| ack("403 Forbidden", "BITS-Error: 0x80070005\r\n"))
    };
    assert_one_problem(&examine_server(denied), "session", Grade::Fail, &["403", "0x80070005"]);
    let without_fields = |request: &Request| is_packet(request, "Create-Session").then(|| ack("200 OK", ""));
    assert_one_problem(&examine_server(without_fields), "session", Grade::Fail, &["BITS-* header fields"]);
    let failing_cancel =
        |request: &Request| is_packet(request, "Cancel-Session").then(|| Response::new("502 Bad", "", b""));
    assert_one_problem(&examine_server(failing_cancel), "cancel", Grade::Warn, &["502"]);
    let reset = |request: &Request| {
        let is_test_fragment =
            is_packet(request, "Fragment") && request.get("BITS-Session-Id") == Some(SESSION);
        is_test_fragment.then(|| Response::raw("").early().then_reset())
    };
    assert_one_problem(&examine_server(reset), "fragments", Grade::Fail, &["limit on request bodies"]);
    // The response of Caddy to a body that exceeds its max_size.
    let bad_gateway = |request: &Request| {
        let is_test_fragment =
            is_packet(request, "Fragment") && request.get("BITS-Session-Id") == Some(SESSION);
        is_test_fragment.then(|| Response::new("502 Bad Gateway", "Server: Caddy\r\n", b""))
    };
    assert_one_problem(&examine_server(bad_gateway), "fragments", Grade::Fail, &["502", "max_size"]);
}
