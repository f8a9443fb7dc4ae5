//! Authentication and access: Basic credentials, tokens that a hook checks, and sessions that belong to their owner.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bitsup::Status;
use bitsup::engine::{Access, Engine, EngineConfig, Hooks, Upload, Verdict};
use bitsup::log::{Level, Logger};
use bitsup::proto::names;
use bitsup::server::{Server, Users};
use bitsup::store::MemoryStore;
use test_support::raw_http::{self, RawHttp, Response, close, create, fragment, packet, ping, serve};

const ANNA: &str = "anna:secret of anna";
const BERT: &str = "bert:secret of bert";

/// Returns the users in a list of `NAME:PASSWORD`.
fn users(list: &[&str]) -> Users {
    let mut users = Users::default();
    for (name, password) in list.iter().map(|user| user.split_once(':').unwrap()) {
        users.add(name, password).unwrap();
    }
    users
}

/// Starts a server for Anna and Bert, with an application that replies to every upload.
fn serve_users(store: &MemoryStore, adjust: impl FnOnce(&mut EngineConfig)) -> Server {
    let mut config = EngineConfig::new(Arc::new(store.clone()));
    config.hooks = Some(Arc::new(Application));
    adjust(&mut config);
    let engine = Engine::new(config).unwrap();
    serve(store, |config| {
        config.mounts = vec![("/".into(), engine)];
        config.users = users(&[ANNA, BERT]);
    })
}

struct Application;

impl Hooks for Application {
    fn on_received(&self, _: &Upload<'_>, verdict: &mut Verdict) {
        verdict.set_reply_bytes(*b"reply");
    }
}

fn with_authorization(request: &str, value: &str) -> String {
    request.replacen("\r\n", &format!("\r\nAuthorization: {value}\r\n"), 1)
}

fn as_user(credentials: &str, request: &str) -> String {
    with_authorization(request, &format!("Basic {}", STANDARD.encode(credentials)))
}

fn cancel(path: &str, session: &str) -> String {
    packet("Cancel-Session", path, &[&format!("BITS-Session-Id: {session}")], 0)
}

/// Uploads five bytes; returns the session and a request for the reply.
fn upload(http: &mut RawHttp, credentials: &str, path: &str) -> (String, String) {
    let session = http.request(as_user(credentials, &create(path))).session();
    let response = http.request(as_user(credentials, &fragment(path, &session, 0, 5, 5, &[])) + "hello");
    assert_eq!(response.status, 200, "{}", response.text);
    let url = response.field(names::REPLY_URL).unwrap().strip_prefix("http://test").unwrap().to_owned();
    (session, format!("GET {url} HTTP/1.1\r\nHost: test\r\n\r\n"))
}

// B-AUTH-01
#[test]
fn every_request_without_a_valid_password_is_challenged() {
    let server = serve_users(&MemoryStore::new(u64::MAX), |_| {});
    let mut http = RawHttp::connect(&server);
    let (session, get) = upload(&mut http, ANNA, "/a");
    let requests = [
        (ping("/a"), ""),
        (create("/b"), ""),
        (fragment("/a", &session, 0, 5, 5, &[]), "hello"),
        (close("/a", &session), ""),
        (cancel("/a", &session), ""),
        (get.clone(), ""),
        (get.replacen("GET", "HEAD", 1), ""),
        (ping("/nowhere"), ""),
    ];
    for (request, body) in &requests {
        let mut http = RawHttp::connect(&server);
        let response = http.request(request.clone() + body);
        let challenge = response.field(names::WWW_AUTHENTICATE);
        assert_eq!((response.status, challenge), (401, Some("Basic realm=\"bitsup\", charset=\"UTF-8\"")));
        assert!(!response.closes(), "the client must be able to authenticate on the same connection");
        assert_eq!(response.field(names::PACKET_TYPE), request.starts_with("BITS").then_some("Ack"));
        assert_eq!(http.request(as_user("anna:wrong", request) + body).status, 401);
    }
    assert_eq!(http.request(as_user(ANNA, &close("/a", &session))).status, 200);
}

/// GEN-14.
#[test]
fn the_challenge_comes_instead_of_100_continue() {
    let server = serve_users(&MemoryStore::new(u64::MAX), |_| {});
    let mut http = RawHttp::connect(&server);
    let session = http.request(as_user(ANNA, &create("/a"))).session();
    let response = http.request(fragment("/a", &session, 0, 5, 5, &["Expect: 100-continue"]));
    assert_eq!((response.status, response.closes()), (401, true));
}

// B-AUTH-01
#[test]
fn a_session_accepts_only_its_owner_and_reveals_nothing_to_others() {
    let store = MemoryStore::new(u64::MAX);
    let server = serve_users(&store, |_| {});
    let mut http = RawHttp::connect(&server);
    let open = http.request(as_user(ANNA, &create("/open"))).session();
    assert_eq!(http.request(as_user(ANNA, &fragment("/open", &open, 0, 5, 9, &[])) + "hello").status, 200);
    let (done, get) = upload(&mut http, ANNA, "/done");
    let mut foreign = Vec::new();
    for (path, session) in [("/open", &open), ("/done", &done)] {
        let mut send = |request: String| foreign.push(http.request(as_user(BERT, &request)));
        send(fragment(path, session, 5, 4, 9, &[]) + "evil");
        // A gap, and a different total: these rejections contain the session's length, which only the owner may learn.
        send(fragment(path, session, 7, 2, 9, &[]) + "il");
        send(fragment(path, session, 5, 5, 10, &[]) + "worse");
        send(close(path, session));
        send(cancel(path, session));
    }
    assert!(foreign.iter().all(|response| response.status == 403), "{foreign:?}");
    // A malformed packet is rejected as such, whoever sends it.
    let malformed = fragment("/open", &open, 5, 4, 9, &[]).replacen("bytes 5-8/9", "nonsense", 1);
    foreign.push(http.request(as_user(BERT, &malformed) + "evil"));
    for Response { text, .. } in &foreign {
        assert!(!text.contains("Range") && !text.contains("Reply") && !text.contains(&open), "{text}");
    }
    assert_eq!(http.request(as_user(BERT, &get)).status, 403);
    assert_eq!(http.request(as_user(ANNA, &fragment("/open", &open, 5, 4, 9, &[])) + "good").status, 200);
    assert_eq!(store.file("open").unwrap(), b"hellogood");
    assert_eq!(http.request(as_user(ANNA, &close("/done", &done))).status, 200);
}

/// A hundred packets take a fraction of the time that a hundred checks would.
#[test]
fn a_valid_password_is_not_hashed_for_every_packet() {
    let hash = bcrypt::hash("secret of anna", 10).unwrap();
    let began = Instant::now();
    assert!(bcrypt::verify("secret of anna", &hash).unwrap());
    let check = began.elapsed();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, format!("anna:{hash}\n")).unwrap();
    let mut users = Users::default();
    users.add_file(file.path()).unwrap();
    let server = serve(&MemoryStore::new(0), |config| config.users = users);
    let mut http = RawHttp::connect(&server);
    let began = Instant::now();
    (0..100).for_each(|_| assert_eq!(http.request(as_user(ANNA, &ping("/a"))).status, 200));
    let bound = check * 25 + Duration::from_millis(500);
    assert!(began.elapsed() < bound, "{:?}, where one check takes {check:?}", began.elapsed());
    assert_eq!(http.request(as_user("anna:wrong", &ping("/a"))).status, 401);
}

#[test]
fn password_guessing_gets_503_while_known_users_continue() {
    let server = serve_users(&MemoryStore::new(0), |_| {});
    let mut user = RawHttp::connect(&server);
    assert_eq!(user.request(as_user(ANNA, &ping("/a"))).status, 200);
    let responses: Vec<Response> = (0..30)
        .map(|guess| RawHttp::connect(&server).request(as_user(&format!("anna:{guess}"), &ping("/a"))))
        .collect();
    assert!(
        responses[..10].iter().all(|response| response.status == 401),
        "a few failures may be typing errors"
    );
    let throttled = responses.last().unwrap();
    assert_eq!(throttled.status, 503, "{}", throttled.text);
    assert!(throttled.field(names::RETRY_AFTER).is_some_and(|seconds| seconds.parse::<u32>().unwrap() > 0));
    assert_eq!(user.request(as_user(ANNA, &ping("/a"))).status, 200);
}

#[test]
fn users_can_be_replaced_while_the_server_runs() {
    let server = serve_users(&MemoryStore::new(0), |_| {});
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request(as_user(ANNA, &ping("/a"))).status, 200);
    server.reload_users(users(&["anna:new"])).unwrap();
    assert_eq!(http.request(as_user(ANNA, &ping("/a"))).status, 401);
    assert_eq!(http.request(as_user("anna:new", &ping("/a"))).status, 200);
    assert_eq!(server.reload_users(Users::default()).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(http.request(ping("/a")).status, 401);
    let open = raw_http::serve_anything();
    assert_eq!(open.reload_users(users(&[ANNA])).unwrap_err().status(), Status::InvalidState);
}

/// Accepts two bearer tokens.
struct TokenHooks;

impl Hooks for TokenHooks {
    fn on_request(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        match upload.headers.get("Authorization") {
            Some("Bearer token-of-anna") => verdict.set_owner("anna"),
            Some("Bearer token-of-bert") => verdict.set_owner("bert"),
            Some(_) => verdict.challenge("Bearer realm=\"up\", error=\"invalid_token\""),
            None => verdict.challenge("Bearer realm=\"up\""),
        }
    }
}

// B-HOOK-01
#[test]
fn a_hook_can_accept_tokens_and_set_the_owner() {
    let mut config = EngineConfig::new(Arc::new(MemoryStore::new(u64::MAX)));
    config.hooks = Some(Arc::new(TokenHooks));
    let engine = Engine::new(config).unwrap();
    let server = serve(&MemoryStore::new(0), |config| config.mounts = vec![("/".into(), engine)]);
    let mut http = RawHttp::connect(&server);
    let challenged =
        |response: Response| (response.status, response.field(names::WWW_AUTHENTICATE).map(str::to_owned));
    assert_eq!(challenged(http.request(ping("/a"))), (401, Some("Bearer realm=\"up\"".into())));
    assert_eq!(
        challenged(http.request(with_authorization(&create("/a"), "Bearer old"))),
        (401, Some("Bearer realm=\"up\", error=\"invalid_token\"".into()))
    );
    let session = http.request(with_authorization(&create("/a"), "Bearer token-of-anna")).session();
    assert_eq!(http.request(with_authorization(&close("/a", &session), "Bearer token-of-bert")).status, 403);
    assert_eq!(http.request(with_authorization(&cancel("/a", &session), "Bearer token-of-anna")).status, 200);
}

#[test]
fn a_directory_is_open_only_to_its_users() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let store = MemoryStore::new(u64::MAX);
    store.put_file("old", b"old");
    let server = serve_users(&store, |config| {
        config.access = Access::default()
            .users(Some(set(&["anna", "bert"])))
            .creators(Some(set(&["anna"])))
            .overwriters(set(&["anna"]));
    });
    server.reload_users(users(&[ANNA, BERT, "carl:c"])).unwrap();
    let mut http = RawHttp::connect(&server);
    // Bert may use the directory, but not create sessions. Carl may not even send a Ping.
    assert_eq!(http.request(as_user(BERT, &ping("/a"))).status, 200);
    assert_eq!(http.request(as_user(BERT, &create("/a"))).status, 403);
    assert_eq!(http.request(as_user("carl:c", &ping("/a"))).status, 403);
    let (_, get) = upload(&mut http, ANNA, "/old");
    assert_eq!(store.file("old").unwrap(), b"hello");
    assert_eq!(http.request(as_user("carl:c", &get)).status, 403);
}

#[test]
fn only_overwriters_may_replace_files() {
    let store = MemoryStore::new(u64::MAX);
    store.put_file("old", b"old");
    let server = serve_users(&store, |config| {
        config.access.overwriters = [String::from("bert")].into();
    });
    let mut http = RawHttp::connect(&server);
    assert_eq!(http.request(as_user(ANNA, &create("/old"))).status, 403);
    assert_eq!(http.request(ping("/old")).status, 401);
    upload(&mut http, BERT, "/old");
    assert_eq!(store.file("old").unwrap(), b"hello");
}

// B-LOG-01
#[test]
fn credentials_are_not_in_the_log() {
    let logged: Arc<Mutex<String>> = Arc::default();
    let log = Arc::clone(&logged);
    let logger = Logger::new(Level::Trace, move |_, _, text| {
        let mut logged = log.lock().unwrap();
        logged.push_str(text);
        logged.push('\n');
    });
    let store = MemoryStore::new(u64::MAX);
    let mut config = EngineConfig::new(Arc::new(store.clone()));
    config.logger = logger.clone();
    let engine = Engine::new(config).unwrap();
    let server = serve(&store, |config| {
        config.mounts = vec![("/".into(), engine)];
        config.users = users(&[ANNA]);
        config.logger = logger;
    });
    let mut http = RawHttp::connect(&server);
    http.request(as_user(ANNA, &create("/a?token=in-the-query"))).session();
    for guess in 0..12 {
        RawHttp::connect(&server).request(as_user(&format!("anna:guess-{guess}"), &ping("/a")));
    }
    http.request(with_authorization(&ping("/a"), "Basic not base64"));
    http.request(as_user(ANNA, "garbage\r\n\r\n"));
    drop(server);
    let logged = logged.lock().unwrap();
    assert!(logged.contains("401") && logged.contains("503") && logged.contains("created by"), "{logged}");
    for secret in ["secret", "guess-", "not base64", "in-the-query", &STANDARD.encode(ANNA), "Basic "] {
        assert!(!logged.contains(secret), "{secret:?} is in the log:\n{logged}");
    }
}
