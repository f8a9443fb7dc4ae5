//! Runs the vectors: each case in every mode that suits it.

pub mod app;
pub mod drive;
pub mod parse;
pub mod world;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bitsup::proto::names;
use drive::{Message, Response};
use parse::{Case, Expect, Step, bytes, span};
use world::{Mode, World};

/// Runs one case; panics with its place and what differs.
pub fn run(case: &Case, mode: Mode) {
    let mut world = World::new(case, mode);
    for step in &case.steps {
        let place = format!("{} `{}` line {} by {mode:?}", case.origin, case.title, step.line);
        perform(&mut world, step, &place);
    }
}

fn perform(world: &mut World, step: &Step, place: &str) {
    let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["given", "file", path, content] => world.put_file(path, &bytes(span(content))),
        ["given", "folder", path] => world.make_folder(path),
        ["store", ..] => check_store(world, &words[1..], place),
        ["wait", time] => world.clock.advance(milliseconds(time)),
        ["restart"] => world.restart(),
        ["tick"] => drop(world.engine.tick().unwrap()),
        ["uploads", switch] => world.engine.set_enabled(*switch == "on").unwrap(),
        ["lose", "data"] => std::fs::remove_file(world.data_path("it")).unwrap(),
        ["extend", "data", length] => extend(world, length.parse().unwrap()),
        ["app", rest @ ..] => world.app.as_ref().unwrap().perform(rest, place),
        ["hung"] => {
            let (hanging, rest) = world.hanging.remove(0);
            check(&hanging.go_on(&rest), step, world, place);
        }
        _ => request(world, step, &words, place),
    }
}

fn request(world: &mut World, step: &Step, words: &[&str], place: &str) {
    let message = message(world, step, words, place);
    let asked = &step.request;
    if let Some(count) = asked.cut.or(asked.hang) {
        let held = |world: &World| world.session_data("it").map_or(0, |data| data.len());
        let before = held(world);
        let hanging = world.driver.hang(&message, count);
        let deadline = Instant::now() + Duration::from_secs(10);
        while held(world) < before + count {
            assert!(Instant::now() < deadline, "{place}: the first part of the body does not arrive");
            std::thread::yield_now();
        }
        if asked.hang.is_some() {
            world.hanging.push((hanging, message.body[count..].to_vec()));
        }
        return;
    }
    let mut seen = HashSet::new();
    for _ in 0..asked.times.unwrap_or(1) {
        let answer = world.driver.send(&message);
        check(&answer, step, world, place);
        let own = ["http://vector", "https://vector"];
        let url = answer.get(names::REPLY_URL);
        if let Some(path) = url.and_then(|url| own.iter().find_map(|root| url.strip_prefix(root))) {
            world.reply = Some(path.to_owned());
        }
        for expect in &step.expect {
            if let Expect::Distinct(name) = expect {
                assert!(seen.insert(answer.get(name).unwrap().to_owned()), "{place}: {name} came twice");
            }
        }
        if words[0] == "create"
            && let Some(id) = answer.get(names::SESSION_ID)
        {
            let name = if words.get(2) == Some(&"as") { words[3] } else { "it" };
            world.sessions.insert(name.to_owned(), id.to_owned());
        }
    }
}

/// The plain request of its kind, then what the case changes of it.
fn message(world: &mut World, step: &Step, words: &[&str], place: &str) -> Message {
    let asked = &step.request;
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
            world.path = format!("/{}", words[1]);
            put(names::PACKET_TYPE, "Create-Session");
            put(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID);
        }
        "ping" => put(names::PACKET_TYPE, "Ping"),
        "fragment" => {
            put(names::PACKET_TYPE, "Fragment");
            put(names::CONTENT_RANGE, &format!("bytes {}", words[1]));
            let range = words[1].split('/').next().unwrap();
            body = asked.body.map_or_else(|| bytes(span(range)), bytes);
        }
        "close" => put(names::PACKET_TYPE, "Close-Session"),
        "cancel" => put(names::PACKET_TYPE, "Cancel-Session"),
        "request" => method = words[1].to_owned(),
        "get" | "head" => method = words[0].to_ascii_uppercase(),
        _ => panic!("{place}: what is `{}`?", step.words.join(" ")),
    }
    if let Some(other) = &asked.method {
        method.clone_from(other);
    }
    if matches!(words[0], "fragment" | "close" | "cancel") {
        put(names::SESSION_ID, world.sessions.get(session).map_or("", String::as_str));
    }
    if !matches!(words[0], "fragment") {
        body = asked.body.map(bytes).unwrap_or_default();
    }
    put(names::CONTENT_LENGTH, &body.len().to_string());
    let mut fresh: HashSet<String> = HashSet::new();
    for (name, value) in &asked.set {
        if fresh.insert(name.to_ascii_lowercase()) {
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        }
        let value = value.replace("$session", world.sessions.get(session).map_or("", String::as_str));
        headers.push((name.clone(), value));
    }
    headers.retain(|(name, _)| !asked.remove.iter().any(|gone| gone.eq_ignore_ascii_case(name)));
    let target = target(world, step, words, session);
    let version = asked.version.clone().unwrap_or_else(|| "HTTP/1.1".to_owned());
    Message { method, target, version, headers, body, owner: asked.by.clone() }
}

/// What the request asks for: what the case says, the last reply, or the path of the last session.
fn target(world: &World, step: &Step, words: &[&str], session: &str) -> String {
    let id = world.sessions.get(session).map_or("", String::as_str);
    let given = step.request.to.as_ref().map(|to| to.replace("$bare", id.trim_matches(['{', '}'])));
    given.unwrap_or_else(|| match (words, world.path.as_str()) {
        (["get" | "head", "reply"], _) => world.reply.clone().expect("a reply URL before"),
        (_, "") => "/unnamed".to_owned(),
        (_, path) => path.to_owned(),
    })
}

fn check(answer: &Response, step: &Step, world: &World, place: &str) {
    let session = world.sessions.get("it").map_or("", String::as_str);
    let plain = step.expect.iter().any(|expect| matches!(expect, Expect::Plain));
    for expect in &step.expect {
        match expect {
            Expect::Status(any) => {
                assert!(any.contains(&answer.status), "{place}: expected {any:?}, got {answer:#?}");
            }
            Expect::Is(name, value) => {
                let value = value.replace("$bare", session.trim_matches(['{', '}']));
                let value = value.replace("$scheme", world.scheme());
                assert_eq!(answer.get(name), Some(value.as_str()), "{place}: {name} in {answer:#?}");
            }
            Expect::Present(name) => assert!(answer.get(name).is_some(), "{place}: no {name}: {answer:#?}"),
            Expect::Absent(name) => assert_eq!(answer.get(name), None, "{place}: {name} in {answer:#?}"),
            Expect::Closed => assert!(answer.close, "{place}: the connection stays: {answer:#?}"),
            Expect::Body(content) => {
                assert!(answer.body == bytes(*content), "{place}: {} bytes of body", answer.body.len());
            }
            Expect::Plain | Expect::Distinct(_) => {}
        }
    }
    let reads = matches!(step.words[0].as_str(), "get" | "head");
    if !reads {
        assert_eq!(answer.get(names::CONTENT_LENGTH), Some("0"), "{place}: GEN-03: {answer:#?}");
    } else if step.words[0] == "head" {
        assert!(answer.body.is_empty(), "{place}: a body after HEAD");
    }
    if plain || reads {
        assert_eq!(answer.get(names::PACKET_TYPE), None, "{place}: {answer:#?}");
    } else {
        check_ack(answer, place);
    }
}

/// What holds for every Ack: GEN-02, GEN-21, GEN-22, GEN-23, GEN-25.
fn check_ack(answer: &Response, place: &str) {
    assert_eq!(answer.get(names::PACKET_TYPE), Some("Ack"), "{place}: GEN-02: {answer:#?}");
    assert_eq!(answer.get(names::PRAGMA), Some("no-cache"), "{place}: GEN-25: {answer:#?}");
    let error = answer.get(names::ERROR);
    assert_eq!(error, answer.get(names::ERROR_CODE), "{place}: GEN-23: {answer:#?}");
    assert!(error != Some(""), "{place}: GEN-23: {answer:#?}");
    let context = answer.get(names::ERROR_CONTEXT);
    assert_eq!(context.is_some(), error.is_some(), "{place}: GEN-21: {answer:#?}");
    assert!(matches!(context, None | Some("0x5" | "0x7")), "{place}: GEN-21: {answer:#?}");
    if answer.status == 200 {
        assert_eq!(error, None, "{place}: GEN-22: {answer:#?}");
    }
}

fn check_store(world: &World, words: &[&str], place: &str) {
    match words {
        ["file", path, content] => {
            let found = world.file(path).unwrap_or_else(|| panic!("{place}: no file {path}"));
            assert!(found == bytes(span(content)), "{place}: {path} differs, {} bytes", found.len());
        }
        ["file-of", path, length] => {
            assert_eq!(world.file_length(path), length.parse().ok(), "{place}: {path}");
        }
        ["no", "file", path] => assert_eq!(world.file(path), None, "{place}: {path} is there"),
        ["files", names @ ..] => assert_eq!(world.files(), names, "{place}: files"),
        ["session", content] => {
            let found = world.session_data("it").unwrap_or_else(|| panic!("{place}: no session data"));
            assert!(found == bytes(span(content)), "{place}: the session holds {} bytes", found.len());
        }
        ["no", "session"] => {
            assert_eq!(world.session_data("it"), None, "{place}: the session's data is there");
        }
        ["sessions", count] => {
            assert_eq!(world.session_count().to_string(), *count, "{place}: sessions");
        }
        _ => panic!("{place}: what is `store {}`?", words.join(" ")),
    }
}

/// Makes the session's data longer without writing: what a very large upload looks like near its end.
fn extend(world: &World, length: u64) {
    let data = std::fs::File::options().write(true).open(world.data_path("it")).unwrap();
    data.set_len(length).unwrap();
}

fn milliseconds(time: &str) -> u64 {
    let (number, unit) = time.split_at(time.len() - 1);
    let factor = match unit {
        "s" => 1_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => panic!("`{time}`: s, h or d"),
    };
    number.parse::<u64>().unwrap() * factor
}
