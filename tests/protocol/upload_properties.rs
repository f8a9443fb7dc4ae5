//! Properties of the upload machine for arbitrary responses, failures and saved states.

use std::time::Duration;

use bitsup::proto::{Ack, Context, FragmentRange, HResult, PacketKind, names};
use bitsup::upload::{Action, ResumeState, RetryPolicy, UploadMachine, UploadOptions, UploadRequest};
use bitsup::{Error, Status};
use proptest::prelude::*;

const URL: &str = "http://server/upload/file.bin";
/// More actions than any finite history needs.
const MAX_STEPS: usize = 5_000;

#[derive(Debug, Clone)]
enum Event {
    Response(Ack),
    Fail(Status, bool),
    Abandon,
    Cancel,
    Restart,
}

fn ack() -> impl Strategy<Value = Ack> {
    let status = prop_oneof![
        8 => Just(200u16),
        3 => Just(416),
        2 => Just(500),
        1 => prop::sample::select(vec![201, 204, 302, 401, 403, 404, 408, 409, 413, 501, 503]),
        1 => any::<u16>(),
    ];
    let session = prop::sample::select(vec![None, Some("abc"), Some("other"), Some("a\nb"), Some("")]);
    let received =
        prop_oneof![1 => Just(None), 6 => (0..=64u64).prop_map(Some), 1 => any::<u64>().prop_map(Some)];
    let error = prop::sample::select(vec![0, 0, 0, 0x8020_001F, 0x8020_0020, 0x8007_0057, 0x8007_0070, 1]);
    let context = prop::sample::select(vec![None, Some(Context::Server), Some(Context::Application)]);
    let protocol = prop::sample::select(vec![None, Some(names::PROTOCOL_GUID), Some("{0}")]);
    let host = prop::sample::select(vec![None, None, Some("node"), Some("[::1]:8"), Some("a/b")]);
    let reply = prop::sample::select(vec![None, Some("r\\{x}"), Some("http://cdn/r"), Some("ftp://h/r")]);
    let farm = (host, prop::option::of(prop::sample::select(vec![0, 2, u32::MAX])), reply);
    let rest =
        (context, protocol, prop::option::weighted(0.1, any::<u32>()), prop::bool::weighted(0.9), farm);
    (status, session, received, error, rest).prop_map(|(status, session, received, error, rest)| Ack {
        status,
        is_ack: rest.3,
        session_id: session.map(str::to_owned),
        received,
        error: (error != 0).then_some(HResult(error)),
        context: rest.0,
        protocol: rest.1.map(str::to_owned),
        retry_after: rest.2,
        challenge: None,
        host_id: rest.4.0.map(str::to_owned),
        host_id_fallback: rest.4.1,
        reply_url: rest.4.2.map(str::to_owned),
    })
}

fn event() -> impl Strategy<Value = Event> {
    let status = prop::sample::select(vec![
        Status::Connect,
        Status::Timeout,
        Status::Disconnected,
        Status::SourceChanged,
        Status::Protocol,
    ]);
    prop_oneof![
        30 => ack().prop_map(Event::Response),
        6 => (status, prop::bool::weighted(0.8)).prop_map(|(status, transient)| Event::Fail(status, transient)),
        2 => Just(Event::Abandon),
        1 => Just(Event::Cancel),
        1 => Just(Event::Restart),
    ]
}

fn options() -> impl Strategy<Value = UploadOptions> {
    let size = prop::option::of(1..40u64);
    let attempts = prop::option::of(0..6u32);
    let timeout = prop::sample::select(vec![0, 1, 60, 600]);
    (size, prop::option::of(1..1_000u64), attempts, 0..3u64, timeout, any::<bool>()).prop_map(
        |(fragment_size, rate_limit, max_attempts, first, timeout, reply)| {
            UploadOptions::default()
                .fragment_size(fragment_size)
                .rate_limit(rate_limit)
                .retry(
                    RetryPolicy::default()
                        .first_delay(Duration::from_secs(first))
                        .max_delay(Duration::from_secs(60))
                        .max_attempts(max_attempts),
                )
                .no_progress_timeout(Duration::from_secs(timeout))
                .reply(reply)
        },
    )
}

fn resumed(upload: &UploadMachine, total: u64, options: &UploadOptions) -> UploadMachine {
    let json = serde_json::to_string(&upload.state()).unwrap();
    let state: ResumeState = serde_json::from_str(&json).unwrap();
    assert_eq!(state, upload.state(), "the saved state reads back");
    UploadMachine::resume(URL, total, options.clone(), &state, 7).unwrap()
}

/// Asserts what holds for every request.
fn check(request: &UploadRequest, upload: &UploadMachine, total: u64) {
    let value = |name| request.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
    assert!(request.offset.checked_add(request.length).unwrap() <= total, "beyond the source: {request:?}");
    match request.kind {
        PacketKind::Fragment => {
            assert_eq!(request.offset, upload.sent(), "not at the acknowledged offset");
            assert_eq!(request.length == 0, total == 0);
            let range = FragmentRange::parse(value(names::CONTENT_RANGE), request.length).unwrap();
            assert_eq!((range.first(), range.total()), (request.offset, total));
            assert_eq!(range.end(), request.offset + request.length);
        }
        PacketKind::CloseSession => assert_eq!(upload.sent(), total, "closes an incomplete upload"),
        _ => {}
    }
    let has_session = !matches!(request.kind, PacketKind::Ping | PacketKind::CreateSession);
    assert_eq!(value(names::SESSION_ID), upload.session_id().filter(|_| has_session));
    assert_eq!(has_session, value(names::SESSION_ID).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_history_panics_sends_an_invalid_request_or_never_ends(
        total in prop_oneof![Just(0u64), Just(1), 2..64u64, Just(u64::MAX)],
        options in options(),
        events in prop::collection::vec(event(), 0..60),
        seed: u64,
    ) {
        let mut upload = UploadMachine::new(URL, total, options.clone(), seed).unwrap();
        let mut now_ms = 0u64;
        let mut events = events.into_iter();
        for step in 0.. {
            prop_assert!(step < MAX_STEPS, "does not end: {upload:?}");
            match upload.next_action(now_ms) {
                Action::Wait { delay, .. } => now_ms = now_ms.saturating_add(delay.as_millis() as u64),
                Action::Done | Action::Failed(_) => match events.next() {
                    None => break,
                    Some(Event::Cancel) => upload.cancel(),
                    Some(Event::Restart) => upload = resumed(&upload, total, &options),
                    Some(_) => {}
                },
                Action::FetchReply(locations) => {
                    prop_assert!(options.reply && upload.sent() == total && !locations.is_empty());
                    now_ms += 1_000;
                    match events.next() {
                        Some(Event::Response(ack)) if ack.is_success() => upload.reply_fetched(),
                        Some(Event::Response(ack)) => {
                            let error = Error::new(Status::HttpStatus, "x").with_http_status(ack.status);
                            upload.on_failure(now_ms, if ack.status >= 500 { error.transient() } else { error });
                        }
                        Some(Event::Fail(status, true)) => upload.on_failure(now_ms, Error::new(status, "x").transient()),
                        Some(Event::Fail(status, false)) => upload.on_failure(now_ms, Error::new(status, "x")),
                        Some(Event::Abandon) => upload.reply_progressed(),
                        Some(Event::Cancel) => upload.cancel(),
                        Some(Event::Restart) => upload = resumed(&upload, total, &options),
                        None => upload.reply_fetched(),
                    }
                }
                Action::Send(request) => {
                    check(&request, &upload, total);
                    now_ms += 1_000;
                    match events.next() {
                        Some(Event::Response(ack)) => upload.on_response(now_ms, &ack),
                        Some(Event::Fail(status, true)) => upload.on_failure(now_ms, Error::new(status, "x").transient()),
                        Some(Event::Fail(status, false)) => upload.on_failure(now_ms, Error::new(status, "x")),
                        Some(Event::Abandon) => {}
                        Some(Event::Cancel) => upload.cancel(),
                        Some(Event::Restart) => upload = resumed(&upload, total, &options),
                        None => upload.on_failure(now_ms, Error::new(Status::Connect, "x").transient()),
                    }
                }
            }
        }
    }

    #[test]
    fn repeated_responses_end(
        total in 0..64u64,
        options in options(),
        responses in prop::collection::vec(ack(), 1..6),
    ) {
        let mut upload = UploadMachine::new(URL, total, options, 1).unwrap();
        let mut now_ms = 0u64;
        let mut responses = responses.iter().cycle();
        for step in 0.. {
            prop_assert!(step < MAX_STEPS, "does not end: {upload:?}");
            match upload.next_action(now_ms) {
                Action::Wait { delay, .. } => now_ms = now_ms.saturating_add(delay.as_millis() as u64),
                Action::Done | Action::Failed(_) => break,
                Action::Send(_) => {
                    now_ms += 1_000;
                    upload.on_response(now_ms, responses.next().unwrap());
                }
                Action::FetchReply(_) => {
                    now_ms += 1_000;
                    let status = responses.next().unwrap().status;
                    let error = Error::new(Status::HttpStatus, "x").with_http_status(status);
                    upload.on_failure(now_ms, if status >= 500 { error.transient() } else { error });
                }
            }
        }
    }

    #[test]
    fn every_byte_arrives_once_and_in_place_despite_failures(
        data in prop::collection::vec(any::<u8>(), 0..400),
        outcomes in prop::collection::vec(0..8u8, 0..80),
        trims: bool,
        size in 1..40u64,
    ) {
        let options = UploadOptions::default().fragment_size(size);
        let total = data.len() as u64;
        let mut server = Server { trims, ..Server::default() };
        let mut upload = UploadMachine::new(URL, total, options.clone(), 1).unwrap();
        let mut outcomes = outcomes.into_iter().chain(std::iter::repeat(7));
        let lost = || Error::new(Status::Disconnected, "lost").transient();
        for step in 0.. {
            prop_assert!(step < MAX_STEPS, "does not end: {upload:?}");
            match upload.next_action(step as u64) {
                Action::Wait { .. } => {}
                Action::Done => break,
                Action::Failed(error) => prop_assert!(false, "{error}"),
                Action::FetchReply(_) => prop_assert!(false, "unexpected reply"),
                Action::Send(request) => match outcomes.next().unwrap() {
                    0 => upload.on_failure(step as u64, lost()),
                    1 => { server.handle(&request, &data); upload.on_failure(step as u64, lost()) }
                    2 => { server.handle(&request, &data); upload = resumed(&upload, total, &options) }
                    3 => upload = resumed(&upload, total, &options),
                    _ => { let ack = server.handle(&request, &data); upload.on_response(step as u64, &ack) }
                },
            }
        }
        prop_assert_eq!(server.closed.as_deref(), Some(data.as_slice()));
    }

    #[test]
    fn resuming_from_any_text_does_not_panic(text in "\\PC*", total: u64) {
        resume_from(&text, total);
    }

    #[test]
    fn resuming_from_any_json_does_not_panic(
        version in prop::sample::select(vec!["0", "1", "2", "4294967295", "-1", "null"]),
        session in prop::sample::select(vec!["null", "\"abc\"", "\"\"", "\"a\\u0000\"", "7"]),
        phase in prop::sample::select(vec!["create", "fragment", "fetch_reply", "close", "cancel", "unknown"]),
        reply in prop::sample::select(vec!["null", "\"r\"", "\"ftp://h\"", "7"]),
        host in prop::sample::select(vec!["null", r#"{"name":"h"}"#, r#"{"name":"a/b","fallback_s":1}"#]),
        offset in prop_oneof![0..3u64, any::<u64>()],
        total in prop_oneof![0..3u64, any::<u64>()],
    ) {
        let text = format!(
            r#"{{"version":{version},"url":"{URL}","total":{total},"session":{session},"offset":{offset},
                "phase":"{phase}","reply_url":{reply},"host_id":{host}}}"#
        );
        resume_from(&text, total);
    }
}

/// Asserts that a state is rejected or leads to valid requests.
fn resume_from(text: &str, total: u64) {
    let Ok(state) = serde_json::from_str::<ResumeState>(text) else { return };
    for reply in [false, true] {
        let options = UploadOptions::default().reply(reply);
        let Ok(mut upload) = UploadMachine::resume(URL, total, options, &state, 1) else { return };
        for now_ms in 0..3 {
            if let Action::Send(request) = upload.next_action(now_ms) {
                check(&request, &upload, total);
                upload.on_response(now_ms, &Ack::ok());
            }
        }
    }
}

/// A minimal server with one session at a time. The session id is a counter.
#[derive(Default)]
struct Server {
    trims: bool,
    session_number: u32,
    open: bool,
    bytes: Vec<u8>,
    closed: Option<Vec<u8>>,
}

impl Server {
    fn handle(&mut self, request: &UploadRequest, data: &[u8]) -> Ack {
        let session = request.headers.iter().find(|(name, _)| *name == names::SESSION_ID);
        let is_ours = session.is_some_and(|(_, id)| self.open && *id == self.session_number.to_string());
        let unknown = || Ack { status: 500, error: Some(HResult::BG_E_SESSION_NOT_FOUND), ..Ack::ok() };
        match request.kind {
            PacketKind::Ping => Ack::ok(),
            PacketKind::CreateSession => {
                self.session_number += 1;
                self.open = true;
                self.bytes.clear();
                Ack { session_id: Some(self.session_number.to_string()), ..Ack::ok() }
            }
            _ if !is_ours => unknown(),
            PacketKind::Fragment => self.append(request, data),
            PacketKind::CloseSession => {
                self.open = false;
                self.closed = Some(std::mem::take(&mut self.bytes));
                Ack::ok()
            }
            PacketKind::CancelSession => {
                self.open = false;
                Ack::ok()
            }
        }
    }

    fn append(&mut self, request: &UploadRequest, data: &[u8]) -> Ack {
        let (first, end) = (request.offset as usize, (request.offset + request.length) as usize);
        let next = self.bytes.len();
        let fits = first == next || (self.trims && first < next && next < end);
        if fits {
            self.bytes.extend_from_slice(&data[next..end]);
        }
        let received = Some(self.bytes.len() as u64);
        Ack { status: if fits { 200 } else { 416 }, received, ..Ack::ok() }
    }
}
