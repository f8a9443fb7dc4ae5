//! Every finding of an examination, at a server that is well but for one thing.

use std::net::TcpListener;
use std::time::Duration;

use bitsup::client::doctor::{Check, DoctorOptions, DoctorReport, Grade};
use bitsup::client::{Client, ClientConfig, Credentials};
use test_support::application::{Application, Request, Response};
use test_support::certificates::Authority;
use test_support::tls_terminator::{TLS13, address, server_config, terminate_tls};

/// Of a session that the server has.
const SESSION: &str = "{S}";
const NOTHING: Duration = Duration::from_millis(300);

fn ack(status: &str, fields: &str) -> Response {
    Response::new(status, &format!("Server: bitsup/9\r\nBITS-Packet-Type: Ack\r\n{fields}"), b"")
}

/// Answers as a server should, which keeps what came of a fragment that broke off.
fn well(request: &Request) -> Response {
    let lost = || ack("500 Internal Server Error", "BITS-Error: 0x8020001F\r\n");
    if request.line().starts_with("GET") {
        return Response::new("404 Not Found", "Server: bitsup/9\r\n", b"some words").early();
    }
    if request.line().starts_with("POST") && request.get("X-HTTP-Method-Override") != Some("BITS_POST") {
        return Response::new("405 Method Not Allowed", "", b"");
    }
    if request.get("Expect").is_some() {
        return lost().early();
    }
    match (request.get("BITS-Packet-Type"), request.get("BITS-Session-Id")) {
        (Some("Create-Session"), _) => ack("200 OK", &format!("BITS-Session-Id: {SESSION}\r\n")),
        (Some("Fragment"), Some(SESSION)) => fragment(request, 4096),
        (Some("Fragment"), _) => lost(),
        _ => ack("200 OK", ""),
    }
}

/// The last fragment lies beyond the one that broke off, of which `kept` bytes were stored.
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
    let options = DoctorOptions::default().write(true).timeout(NOTHING);
    Client::new(config).unwrap().examine(url, &options).unwrap()
}

/// What is found at a server that is well, but for requests that `but` answers.
fn found(but: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> DoctorReport {
    found_with(ClientConfig::default(), but)
}

fn found_with(
    config: ClientConfig,
    but: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
) -> DoctorReport {
    let server = Application::start(move |request| but(request).unwrap_or_else(|| well(request)));
    examine(&server.url("/folder/"), config)
}

fn names(report: &DoctorReport) -> Vec<&str> {
    report.checks.iter().map(|check| check.name).collect()
}

/// Asserts that this check, and no other, is as bad as that, and that finding or advice say all of `words`.
#[track_caller]
fn assert_one(report: &DoctorReport, name: &str, grade: Grade, words: &[&str]) {
    let bad: Vec<&Check> = report.checks.iter().filter(|check| check.grade != Grade::Ok).collect();
    let [check] = bad[..] else { panic!("{report:#?}") };
    assert_eq!((check.name, check.grade), (name, grade), "{report:#?}");
    let said = format!("{} {}", check.finding, check.advice.as_deref().unwrap_or_default());
    words.iter().for_each(|word| assert!(said.contains(word), "{word:?} is not in {said:?}"));
    assert_eq!(report.can_upload(), grade == Grade::Warn);
}

fn is(request: &Request, packet: &str) -> bool {
    request.get("BITS-Packet-Type") == Some(packet)
}

#[test]
fn a_server_that_can_upload() {
    let server = Application::start(well);
    let report = examine(&server.url("/folder/file"), ClientConfig::default());
    assert!(report.can_upload() && report.checks.iter().all(|check| check.grade == Grade::Ok), "{report:#?}");
    let all =
        "resolve connect http verb override keep-alive body length expect session fragments buffering cancel";
    assert_eq!(names(&report), all.split(' ').collect::<Vec<_>>());
    let created: Vec<_> =
        server.requests().into_iter().filter(|request| is(request, "Create-Session")).collect();
    assert!(
        created.len() == 1 && created[0].line().starts_with("BITS_POST /folder/bitsup-doctor-"),
        "{created:?}"
    );
    assert!(server.requests().iter().any(|request| is(request, "Cancel-Session")));
}

#[test]
fn without_leave_to_write_no_session_is_begun() {
    let server = Application::start(well);
    let client = Client::new(ClientConfig::default()).unwrap();
    let report = client.examine(&server.url("/"), &DoctorOptions::default().timeout(NOTHING)).unwrap();
    assert_eq!(names(&report).last(), Some(&"expect"));
    let requests = server.requests();
    assert!(!requests.iter().any(|request| is(request, "Create-Session")), "{requests:?}");
}

#[test]
fn nobody_is_there() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_one(
        &examine(&format!("http://127.0.0.1:{port}/"), ClientConfig::default()),
        "connect",
        Grade::Fail,
        &["is running"],
    );
    let nowhere = examine("http://nowhere.invalid/", ClientConfig::default().connect_timeout(NOTHING));
    let [check] = &nowhere.checks[..] else { panic!("{nowhere:#?}") };
    assert!(["resolve", "connect"].contains(&check.name) && check.grade == Grade::Fail, "{check:?}");
    assert!(
        Client::new(ClientConfig::default()).unwrap().examine("/file", &DoctorOptions::default()).is_err()
    );
}

#[test]
fn tls_is_seen_and_its_flaws_are() {
    let (server, authority) = (Application::start(well), Authority::new());
    let backend = address(&server.url("/"));
    let trusting = |name: &str| {
        let port = terminate_tls(server_config(&authority.issue(&[name]), None, &[&TLS13]), backend);
        let config = ClientConfig::default().root_certificates(authority.pem.clone());
        examine(&format!("https://localhost:{port}/"), config)
    };
    let good = trusting("localhost");
    assert!(good.can_upload() && names(&good).contains(&"tls"), "{good:#?}");
    assert_one(&trusting("upload.test"), "tls", Grade::Fail, &["upload.test"]);
    let port = terminate_tls(server_config(&authority.issue(&["localhost"]), None, &[&TLS13]), backend);
    let stranger = examine(&format!("https://localhost:{port}/"), ClientConfig::default());
    assert_one(&stranger, "tls", Grade::Fail, &["--cacert"]);
}

#[test]
fn what_answers_is_no_http_server() {
    let answers: [(&str, &str); 3] = [
        ("SSH-2.0-x\r\n\r\n", "http"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "http"),
        ("", "connect"),
    ];
    for (answer, name) in answers {
        let report = found(move |_| Some(Response::raw(answer).early().then_close()));
        assert_one(&report, name, Grade::Fail, &[]);
    }
}

#[test]
fn a_redirect_says_where_to() {
    let moved = |_: &Request| {
        Some(Response::new("301 Moved", "Location: https://new.test/\r\nServer: nginx\r\n", b"").early())
    };
    let report = found(moved);
    for name in ["http", "verb"] {
        let check = report.checks.iter().find(|check| check.name == name).unwrap();
        assert!(check.grade == Grade::Fail && check.finding.contains("https://new.test/"), "{report:#?}");
    }
}

/// Every refusal of the verb, by everybody who is known, with the setting to change.
#[test]
fn the_verb_is_refused() {
    let cases = [
        ("403 Forbidden", "Server: nginx/1.22.1\r\n", "limit_except"),
        ("405 Method Not Allowed", "cache-control: no-cache\r\n", "http-request deny"),
        ("501 Not Implemented", "Server: Apache/2.4\r\n", "RegisterHttpMethod"),
        ("405 Method Not Allowed", "Server: Caddy\r\n", "matchers"),
        ("405 Method Not Allowed", "Server: Microsoft-IIS/10.0\r\n", "request filtering"),
        ("400 Bad Request", "Server: Varnish\r\nVia: 1.1 edge\r\n", "via 1.1 edge"),
    ];
    for (status, fields, word) in cases {
        let but = move |request: &Request| {
            request.line().starts_with("BITS_POST").then(|| Response::new(status, fields, b"no"))
        };
        assert_one(&found(but), "verb", Grade::Fail, &[&status[..3], word, "--method-override"]);
        let config = ClientConfig::default().method_override(true);
        let report = found_with(config, but);
        assert_one(&report, "verb", Grade::Warn, &[word]);
        assert_eq!(names(&report).last(), Some(&"cancel"), "all is examined by POST: {report:#?}");
    }
}

#[test]
fn an_override_that_is_wanted_is_refused() {
    let but = |request: &Request| {
        request.line().starts_with("POST").then(|| Response::new("405 No", "Allow: BITS_POST\r\n", b""))
    };
    let config = ClientConfig::default().method_override(true);
    assert_one(&found_with(config, but), "override", Grade::Fail, &["405", "start the server with"]);
    assert!(found(but).can_upload(), "nobody needs it");
}

/// What a Ping is answered, whichever way it is sent.
#[test]
fn pings_fail() {
    let cases = [
        ("200 OK", "Server: Caddy\r\n", "host without a site"),
        ("404 Not Found", "", "check the path"),
        (
            "400 Bad Request",
            "BITS-Packet-Type: Ack\r\nBITS-Error: 0x80070057\r\n",
            "forward BITS-* header fields",
        ),
        ("401 Who", "WWW-Authenticate: Basic realm=\"a\"\r\n", "--user"),
        ("407 Who", "", "--proxy-user"),
        ("411 Length Required", "BITS-Packet-Type: Ack\r\nServer: Caddy\r\n", "Content-Length"),
        ("502 Bad Gateway", "Server: nginx\r\n", "behind the proxy is running"),
        ("505 Version", "Server: nginx\r\n", "proxy_http_version 1.1"),
        ("501 No", "BITS-Packet-Type: Ack\r\nBITS-Error: 0x80070005\r\n", "0x80070005"),
        ("418 Teapot", "", "log of the server that responded"),
    ];
    for (status, fields, word) in cases {
        let report = found(move |request| is(request, "Ping").then(|| Response::new(status, fields, b"")));
        let verb = report.checks.iter().find(|check| check.name == "verb").unwrap();
        assert_eq!(verb.grade, Grade::Fail);
        let said = format!("{} {}", verb.finding, verb.advice.as_deref().unwrap());
        assert!(said.contains(word) && said.contains(&status[..3]), "{word:?} is not in {said:?}");
        assert_eq!(names(&report).last(), Some(&"override"), "nothing more can be checked: {report:#?}");
    }
}

#[test]
fn credentials_are_told_when_they_are_asked_for() {
    let guarded = |request: &Request| {
        request.get("Authorization").is_none().then(|| {
            Response::new("401 Who", "WWW-Authenticate: Basic realm=\"a\"\r\n", b"").early().then_close()
        })
    };
    let user = Credentials::new("anna", "secret");
    let report = found_with(ClientConfig::default().credentials(user), guarded);
    assert!(report.checks.iter().all(|check| check.grade == Grade::Ok), "{report:#?}");
}

#[test]
fn connections_are_not_kept() {
    let but =
        |request: &Request| is(request, "Ping").then(|| ack("200 OK", "Connection: close\r\n").then_close());
    assert_one(&found(but), "keep-alive", Grade::Warn, &["keep connections"]);
    let lying = |request: &Request| is(request, "Ping").then(|| ack("200 OK", "").then_close());
    assert_one(&found(lying), "keep-alive", Grade::Warn, &["keep connections"]);
}

#[test]
fn lengths_are_lost() {
    let but = |request: &Request| {
        (is(request, "Fragment") && request.get("Expect").is_none())
            .then(|| Response::new("411 Length Required", "BITS-Packet-Type: Ack\r\n", b""))
    };
    let report = found(but);
    let body = report.checks.iter().find(|check| check.name == "body").unwrap();
    assert!(body.grade == Grade::Fail && body.advice.as_deref().unwrap().contains("chunked"), "{report:#?}");
}

fn too_large(limit: u64, server: &'static str) -> impl Fn(&Request) -> Option<Response> + Send + Sync {
    move |request| {
        let length: u64 = request.get("Content-Length").unwrap_or("0").parse().unwrap();
        (length > limit).then(|| Response::new("413 Too Large", server, b"").early().then_close())
    }
}

/// Found without writing, by who it is. When writing is allowed, too, it is found by that as well.
#[test]
fn fragments_are_too_large() {
    let cases = [
        ("Server: nginx\r\n", "client_max_body_size 0"),
        ("Server: Apache\r\n", "SecRequestBodyLimit"),
        ("cache-control: no-cache\r\n", "HAProxy"),
        ("Server: Caddy\r\n", "max_size"),
        ("Server: Microsoft-IIS/10.0\r\n", "maxAllowedContentLength"),
    ];
    for (server, word) in cases {
        let report = found(too_large(1 << 20, server));
        assert!(report.can_upload());
        for name in ["length", "fragments"] {
            let check = report.checks.iter().find(|check| check.name == name).unwrap();
            assert_eq!(check.grade, Grade::Warn, "{report:#?}");
            assert!(check.advice.as_deref().unwrap().contains(word), "{check:?}");
        }
        let length = report.checks.iter().find(|check| check.name == "length").unwrap();
        assert!(
            length.finding.contains("1048577") && length.finding.contains("1048576 bytes are accepted"),
            "{length:?}"
        );
    }
    let length = found(too_large(100, "")).checks.into_iter().find(|check| check.name == "length").unwrap();
    assert!(!length.finding.contains("pass"), "{length:?}");
}

#[test]
fn expectations_are_not_met() {
    let expects = |request: &Request| request.get("Expect").is_some();
    let refused = found(move |request| expects(request).then(|| Response::new("417 No", "", b"").early()));
    assert_one(&refused, "expect", Grade::Warn, &["417", "or respond to it"]);
    let silent = found(move |request| expects(request).then(|| Response::raw("").early().then_hang()));
    assert_one(&silent, "expect", Grade::Warn, &["timed out"]);
    let hundred = found(move |request| {
        expects(request).then(|| Response::raw("HTTP/1.1 100 Continue\r\n\r\n").early().then_hang())
    });
    assert!(hundred.checks.iter().all(|check| check.grade == Grade::Ok), "{hundred:#?}");
}

#[test]
fn fragments_are_collected_on_the_way() {
    let but = |request: &Request| {
        let is_beyond = is(request, "Fragment") && request.get("BITS-Session-Id") == Some(SESSION);
        is_beyond.then(|| fragment(request, 0))
    };
    assert_one(
        &found(but),
        "buffering",
        Grade::Warn,
        &["nothing of an interrupted fragment was stored", "sent again as a whole"],
    );
}

#[test]
fn an_upload_is_not_begun_or_not_ended() {
    let denied = |request: &Request| {
        is(request, "Create-Session").then(|| ack("403 Forbidden", "BITS-Error: 0x80070005\r\n"))
    };
    assert_one(&found(denied), "session", Grade::Fail, &["403", "0x80070005"]);
    let stripped = |request: &Request| is(request, "Create-Session").then(|| ack("200 OK", ""));
    assert_one(&found(stripped), "session", Grade::Fail, &["BITS-* header fields"]);
    let stays = |request: &Request| is(request, "Cancel-Session").then(|| Response::new("502 Bad", "", b""));
    assert_one(&found(stays), "cancel", Grade::Warn, &["502"]);
    let breaks = |request: &Request| {
        let is_ours = is(request, "Fragment") && request.get("BITS-Session-Id") == Some(SESSION);
        is_ours.then(|| Response::raw("").early().then_reset())
    };
    assert_one(&found(breaks), "fragments", Grade::Fail, &["limit on request bodies"]);
    // As Caddy answers where a body passes its max_size.
    let lost = |request: &Request| {
        let is_ours = is(request, "Fragment") && request.get("BITS-Session-Id") == Some(SESSION);
        is_ours.then(|| Response::new("502 Bad Gateway", "Server: Caddy\r\n", b""))
    };
    assert_one(&found(lost), "fragments", Grade::Fail, &["502", "max_size"]);
}
