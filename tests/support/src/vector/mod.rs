//! Runs the vectors.

pub mod app;
pub mod drive;
pub mod environment;
pub mod parse;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bitsup::proto::names;
use drive::{Message, Response};
use environment::{Environment, Mode};
use parse::{Case, Expect, Step, bytes, span};

/// Runs one case in one mode. Panics with the line of the first difference.
pub fn run(case: &Case, mode: Mode) {
    let mut environment = Environment::new(case, mode);
    for step in &case.steps {
        let location = format!("{} `{}` line {} by {mode:?}", case.origin, case.title, step.line);
        perform(&mut environment, step, &location);
    }
}

fn perform(environment: &mut Environment, step: &Step, location: &str) {
    let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["given", "file", path, content] => environment.put_file(path, &bytes(span(content))),
        ["given", "folder", path] => environment.make_folder(path),
        ["store", ..] => check_store(environment, &words[1..], location),
        ["wait", time] => environment.clock.advance(milliseconds(time)),
        ["restart"] => environment.restart(),
        ["tick"] => drop(environment.engine.tick().unwrap()),
        ["uploads", switch] => environment.engine.set_enabled(*switch == "on").unwrap(),
        ["lose", "data"] => std::fs::remove_file(environment.data_path("it")).unwrap(),
        ["extend", "data", length] => extend(environment, length.parse().unwrap()),
        ["app", rest @ ..] => environment.app.as_ref().unwrap().perform(rest, location),
        ["hung"] => {
            let (hanging, rest) = environment.hanging.remove(0);
            check(&hanging.complete(&rest), step, environment, location);
        }
        _ => request(environment, step, &words, location),
    }
}

fn request(environment: &mut Environment, step: &Step, words: &[&str], location: &str) {
    let message = message(environment, step, words, location);
    let changes = &step.request;
    if let Some(count) = changes.cut.or(changes.hang) {
        let stored_length =
            |environment: &Environment| environment.session_data("it").map_or(0, |data| data.len());
        let before = stored_length(environment);
        let hanging = environment.driver.hang(&message, count);
        let deadline = Instant::now() + Duration::from_secs(10);
        while stored_length(environment) < before + count {
            assert!(Instant::now() < deadline, "{location}: the first part of the body did not arrive");
            std::thread::yield_now();
        }
        if changes.hang.is_some() {
            environment.hanging.push((hanging, message.body[count..].to_vec()));
        }
        return;
    }
    let mut seen = HashSet::new();
    for _ in 0..changes.times.unwrap_or(1) {
        let response = environment.driver.send(&message);
        check(&response, step, environment, location);
        let roots = ["http://vector", "https://vector"];
        let url = response.get(names::REPLY_URL);
        if let Some(path) = url.and_then(|url| roots.iter().find_map(|root| url.strip_prefix(root))) {
            environment.reply = Some(path.to_owned());
        }
        for expect in &step.expect {
            if let Expect::Distinct(name) = expect {
                assert!(
                    seen.insert(response.get(name).unwrap().to_owned()),
                    "{location}: {name} is repeated"
                );
            }
        }
        if words[0] == "create"
            && let Some(id) = response.get(names::SESSION_ID)
        {
            let name = if words.get(2) == Some(&"as") { words[3] } else { "it" };
            environment.sessions.insert(name.to_owned(), id.to_owned());
        }
    }
}

/// Builds the plain request of its kind, then applies the changes of the case.
fn message(environment: &mut Environment, step: &Step, words: &[&str], location: &str) -> Message {
    let changes = &step.request;
    let session: &str = match words {
        [.., "of", name] => name,
        _ => "it",
    };
    let mut method = names::METHOD.to_owned();
    let mut body = Vec::new();
    let mut headers = vec![("Accept".to_owned(), "*/*".to_owned())];
    let mut put = |name: &str, value: &str| headers.push((name.to_owned(), value.to_owned()));
    match words[0] {
        "create" => {
            environment.path = format!("/{}", words[1]);
            put(names::PACKET_TYPE, "Create-Session");
            put(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID);
        }
        "ping" => put(names::PACKET_TYPE, "Ping"),
        "fragment" => {
            put(names::PACKET_TYPE, "Fragment");
            put(names::CONTENT_RANGE, &format!("bytes {}", words[1]));
            let range = words[1].split('/').next().unwrap();
            body = changes.body.map_or_else(|| bytes(span(range)), bytes);
        }
        "close" => put(names::PACKET_TYPE, "Close-Session"),
        "cancel" => put(names::PACKET_TYPE, "Cancel-Session"),
        "request" => method = words[1].to_owned(),
        "get" | "head" => method = words[0].to_ascii_uppercase(),
        _ => panic!("{location}: unknown step `{}`", step.words.join(" ")),
    }
    if let Some(other) = &changes.method {
        method.clone_from(other);
    }
    if matches!(words[0], "fragment" | "close" | "cancel") {
        put(names::SESSION_ID, environment.sessions.get(session).map_or("", String::as_str));
    }
    if !matches!(words[0], "fragment") {
        body = changes.body.map(bytes).unwrap_or_default();
    }
    put(names::CONTENT_LENGTH, &body.len().to_string());
    let mut replaced: HashSet<String> = HashSet::new();
    for (name, value) in &changes.set {
        if replaced.insert(name.to_ascii_lowercase()) {
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        }
        let value = value.replace("$session", environment.sessions.get(session).map_or("", String::as_str));
        headers.push((name.clone(), value));
    }
    headers.retain(|(name, _)| !changes.remove.iter().any(|removed| removed.eq_ignore_ascii_case(name)));
    let target = target(environment, step, words, session);
    let version = changes.version.clone().unwrap_or_else(|| "HTTP/1.1".to_owned());
    Message { method, target, version, headers, body, owner: changes.by.clone() }
}

/// Returns the request target: that of the case, the last reply, or the path of the last session.
fn target(environment: &Environment, step: &Step, words: &[&str], session: &str) -> String {
    let id = environment.sessions.get(session).map_or("", String::as_str);
    let given = step.request.to.as_ref().map(|to| to.replace("$bare", id.trim_matches(['{', '}'])));
    given.unwrap_or_else(|| match (words, environment.path.as_str()) {
        (["get" | "head", "reply"], _) => environment.reply.clone().expect("an earlier reply URL"),
        (_, "") => "/unnamed".to_owned(),
        (_, path) => path.to_owned(),
    })
}

fn check(response: &Response, step: &Step, environment: &Environment, location: &str) {
    let session = environment.sessions.get("it").map_or("", String::as_str);
    let plain = step.expect.iter().any(|expect| matches!(expect, Expect::Plain));
    for expect in &step.expect {
        match expect {
            Expect::Status(any) => {
                assert!(any.contains(&response.status), "{location}: expected {any:?}, got {response:#?}");
            }
            Expect::Is(name, value) => {
                let value = value.replace("$bare", session.trim_matches(['{', '}']));
                let value = value.replace("$scheme", environment.scheme());
                assert_eq!(response.get(name), Some(value.as_str()), "{location}: {name} in {response:#?}");
            }
            Expect::Present(name) => {
                assert!(response.get(name).is_some(), "{location}: no {name}: {response:#?}")
            }
            Expect::Absent(name) => {
                assert_eq!(response.get(name), None, "{location}: {name} in {response:#?}")
            }
            Expect::Closed => {
                assert!(response.close, "{location}: the connection is not closed: {response:#?}")
            }
            Expect::Body(content) => {
                assert!(
                    response.body == bytes(*content),
                    "{location}: {} bytes of body",
                    response.body.len()
                );
            }
            Expect::Plain | Expect::Distinct(_) => {}
        }
    }
    let reads = matches!(step.words[0].as_str(), "get" | "head");
    if !reads {
        assert_eq!(response.get(names::CONTENT_LENGTH), Some("0"), "{location}: GEN-03: {response:#?}");
    } else if step.words[0] == "head" {
        assert!(response.body.is_empty(), "{location}: a body after HEAD");
    }
    if plain || reads {
        assert_eq!(response.get(names::PACKET_TYPE), None, "{location}: {response:#?}");
    } else {
        check_ack(response, location);
    }
}

/// Checks what holds for every Ack: GEN-02, GEN-21, GEN-22, GEN-23, GEN-25.
fn check_ack(response: &Response, location: &str) {
    assert_eq!(response.get(names::PACKET_TYPE), Some("Ack"), "{location}: GEN-02: {response:#?}");
    assert_eq!(response.get(names::PRAGMA), Some("no-cache"), "{location}: GEN-25: {response:#?}");
    let error = response.get(names::ERROR);
    assert_eq!(error, response.get(names::ERROR_CODE), "{location}: GEN-23: {response:#?}");
    assert!(error != Some(""), "{location}: GEN-23: {response:#?}");
    let context = response.get(names::ERROR_CONTEXT);
    assert_eq!(context.is_some(), error.is_some(), "{location}: GEN-21: {response:#?}");
    assert!(matches!(context, None | Some("0x5" | "0x7")), "{location}: GEN-21: {response:#?}");
    if response.status == 200 {
        assert_eq!(error, None, "{location}: GEN-22: {response:#?}");
    }
}

fn check_store(environment: &Environment, words: &[&str], location: &str) {
    match words {
        ["file", path, content] => {
            let found = environment.file(path).unwrap_or_else(|| panic!("{location}: no file {path}"));
            assert!(found == bytes(span(content)), "{location}: {path} differs, {} bytes", found.len());
        }
        ["file-of", path, length] => {
            assert_eq!(environment.file_length(path), length.parse().ok(), "{location}: {path}");
        }
        ["no", "file", path] => assert_eq!(environment.file(path), None, "{location}: {path} exists"),
        ["files", names @ ..] => assert_eq!(environment.files(), names, "{location}: files"),
        ["session", content] => {
            let found =
                environment.session_data("it").unwrap_or_else(|| panic!("{location}: no session data"));
            assert!(found == bytes(span(content)), "{location}: the session has {} bytes", found.len());
        }
        ["no", "session"] => {
            assert_eq!(environment.session_data("it"), None, "{location}: the session's data exists");
        }
        ["sessions", count] => {
            assert_eq!(environment.session_count().to_string(), *count, "{location}: sessions");
        }
        _ => panic!("{location}: unknown step `store {}`", words.join(" ")),
    }
}

/// Extends the session's data without writing, to simulate a very large upload near its end.
fn extend(environment: &Environment, length: u64) {
    let data = std::fs::File::options().write(true).open(environment.data_path("it")).unwrap();
    data.set_len(length).unwrap();
}

fn milliseconds(time: &str) -> u64 {
    let (number, unit) = time.split_at(time.len() - 1);
    let factor = match unit {
        "s" => 1_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => panic!("unknown unit in `{time}`"),
    };
    number.parse::<u64>().unwrap() * factor
}
