//! The application of a case: it decides as the case specifies and records its calls.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use bitsup::engine::{EndReason, Hooks, Upload, Verdict};
use bitsup::proto::{Context, HResult};

use super::parse::{bytes, span};

/// The decisions of the application for each callback, and the recorded calls.
#[derive(Default)]
pub struct App(Mutex<Script>);

#[derive(Default)]
struct Script {
    on_request: Vec<String>,
    on_create: Vec<String>,
    on_received: Vec<String>,
    /// The content that `on_received` must get.
    expected: Option<Vec<u8>>,
    calls: usize,
    progress: Vec<u64>,
    ended: Vec<&'static str>,
}

impl App {
    /// Runs an `app` step of the case.
    pub fn perform(&self, words: &[&str], location: &str) {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let mut script = self.script();
        match words {
            ["request", decision @ ..] => script.on_request = owned(decision),
            ["create", decision @ ..] => script.on_create = owned(decision),
            ["received", decision @ ..] => script.on_received = owned(decision),
            ["sees", content] => script.expected = Some(bytes(span(content))),
            ["calls", count] => {
                assert_eq!(script.calls.to_string(), *count, "{location}: calls of on_received")
            }
            ["progress", offsets @ ..] => {
                let seen: Vec<String> = script.progress.iter().map(u64::to_string).collect();
                assert_eq!(seen, offsets, "{location}: progress");
            }
            ["ended", reasons @ ..] => assert_eq!(script.ended, reasons, "{location}: ends of sessions"),
            _ => panic!("{location}: unknown step `app {}`", words.join(" ")),
        }
    }

    /// Handles a callback of an engine in another process. `line` contains the callback, a number, the URL, the path
    /// of the file and the path for the reply. Returns a line with the decision, followed by a reply if there is one.
    pub fn handle_line(&self, line: &str) -> Vec<u8> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [callback, number, url, data_path, reply_path] = fields[..] else { panic!("{line:?}") };
        let mut script = self.script();
        let words = match callback {
            "request" => script.on_request.clone(),
            "create" => script.on_create.clone(),
            "received" => {
                script.calls += 1;
                let seen = std::fs::read(data_path).unwrap();
                assert_eq!(seen.len().to_string(), number);
                assert!(url.starts_with("http"), "{url}");
                assert!(script.expected.as_ref().is_none_or(|expected| *expected == seen));
                script.on_received.clone()
            }
            "progress" => {
                script.progress.push(number.parse().unwrap());
                Vec::new()
            }
            "ended" => {
                script
                    .ended
                    .push(["closed", "cancelled", "expired", "failed"][number.parse::<usize>().unwrap()]);
                Vec::new()
            }
            _ => panic!("{line:?}"),
        };
        encode_decision(&words, Path::new(reply_path))
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl Hooks for App {
    fn on_request(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        decide(&self.script().on_request, upload, verdict);
    }

    fn on_create(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        assert_eq!(upload.session_id, None);
        decide(&self.script().on_create, upload, verdict);
    }

    fn on_progress(&self, upload: &Upload<'_>) {
        self.script().progress.push(upload.received);
    }

    fn on_received(&self, upload: &Upload<'_>, verdict: &mut Verdict) {
        let mut script = self.script();
        script.calls += 1;
        let content = upload.content.expect("the received file");
        assert_eq!(upload.total, Some(content.length()));
        assert_eq!(upload.received, content.length());
        let expected_root = ["http://vector/", "https://vector/", "https://files.example/in/"]
            .map(|root| upload.url.starts_with(root));
        assert!(expected_root.contains(&true), "{}", upload.url);
        if let Some(expected) = &script.expected {
            let mut seen = vec![0; expected.len() + 1];
            assert_eq!(content.read_at(0, &mut seen).unwrap(), expected.len());
            assert_eq!(&seen[..expected.len()], expected);
        }
        if let Some(path) = upload.data_path {
            assert_eq!(std::fs::metadata(path).unwrap().len(), content.length());
        }
        decide(&script.on_received, upload, verdict);
    }

    fn on_end(&self, _: &Upload<'_>, reason: EndReason) {
        self.script().ended.push(reason.name());
    }
}

/// Encodes a decision for another process, with numbers and contents written out.
fn encode_decision(words: &[String], reply_path: &Path) -> Vec<u8> {
    let (mut line, mut reply) = (String::new(), Vec::new());
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value");
        line += &match word {
            "accept" => "accept ".to_owned(),
            "reject" => {
                let (status, hresult, context) = rejection(&mut words);
                format!("reject {status} {} {} ", hresult.0, context as u32)
            }
            "url-of-length" => format!("url {} ", url_of_length(value())),
            "reply" => {
                reply = bytes(span(value()));
                format!("reply {} ", reply.len())
            }
            "reply-file" => {
                assert!(!reply_path.exists(), "leftover of a previous attempt: {}", reply_path.display());
                std::fs::write(reply_path, bytes(span(value()))).unwrap();
                "reply-file ".to_owned()
            }
            _ => format!("{word} {} ", value()),
        };
    }
    [line.as_bytes(), b"\n", &reply].concat()
}

/// Parses the words after `reject`.
fn rejection<'a>(words: &mut impl Iterator<Item = &'a str>) -> (u16, HResult, Context) {
    let status: u16 = words.next().expect("a status").parse().unwrap();
    let hresult = words.next().map_or(HResult::http(status), |text| HResult::from_wire(text).unwrap());
    let context = match words.next() {
        Some("server") => Context::Server,
        _ => Context::Application,
    };
    (status, hresult, context)
}

fn url_of_length(length: &str) -> String {
    let length: usize = length.parse().unwrap();
    let start = "http://static/";
    format!("{start}{}", "x".repeat(length - start.len()))
}

fn decide(words: &[String], upload: &Upload<'_>, verdict: &mut Verdict) {
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value");
        match word {
            "accept" => {}
            "reject" => {
                let (status, hresult, context) = rejection(&mut words);
                verdict.reject(status, hresult, context, "rejected by the case");
            }
            "challenge" => {
                let challenge = format!("Basic realm=\"{}\"", value());
                match upload.headers.get("Authorization") {
                    None => verdict.challenge(challenge),
                    Some(credentials) => verdict.set_owner(credentials),
                }
            }
            "owner" => verdict.set_owner(value()),
            "to" => verdict.set_destination(value()),
            "keep" => verdict.set_keep_file(value() == "yes"),
            "url" => verdict.set_reply_url(value()),
            "url-of-length" => verdict.set_reply_url(url_of_length(value())),
            "reply" => verdict.set_reply_bytes(bytes(span(value()))),
            "reply-file" => {
                let path = upload.reply_path.expect("the case needs `only dir`");
                assert!(!path.exists(), "leftover of a previous attempt: {}", path.display());
                std::fs::write(path, bytes(span(value()))).unwrap();
                verdict.set_reply_file(path);
            }
            _ => panic!("unknown decision `{word}`"),
        }
    }
}
