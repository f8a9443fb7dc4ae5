//! Parses `tests/vectors/*.txt`. `tests/vectors/README.md` describes the language.

use std::collections::BTreeMap;

/// One case: a title, the ids of the statements it covers, settings and steps.
#[derive(Debug, Clone)]
pub struct Case {
    pub origin: String,
    pub ids: Vec<String>,
    pub title: String,
    pub only: Vec<String>,
    pub settings: BTreeMap<String, String>,
    pub steps: Vec<Step>,
}

/// One step of a case, with its line number.
#[derive(Debug, Clone)]
pub struct Step {
    pub line: usize,
    pub words: Vec<String>,
    pub request: Request,
    pub expect: Vec<Expect>,
}

/// The differences of a request from the plain one of its kind.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub set: Vec<(String, String)>,
    pub remove: Vec<String>,
    pub to: Option<String>,
    pub by: Option<String>,
    pub method: Option<String>,
    pub body: Option<(u64, u64)>,
    pub cut: Option<usize>,
    pub hang: Option<usize>,
    pub times: Option<usize>,
    pub version: Option<String>,
}

/// One expectation about a response.
#[derive(Debug, Clone)]
pub enum Expect {
    Status(Vec<u16>),
    Is(String, String),
    Present(String),
    Absent(String),
    /// A plain HTTP response, not an Ack.
    Plain,
    Closed,
    Distinct(String),
    Body((u64, u64)),
}

pub fn parse(origin: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = raw.split(" # ").next().unwrap().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix("===") {
            cases.push(case(origin, index + 1, title));
            continue;
        }
        let case = cases.last_mut().unwrap_or_else(|| panic!("{origin}: a step before the first title"));
        if let Some(rest) = line.strip_prefix('>') {
            modify(&mut case.steps.last_mut().expect("a request before `>`").request, rest.trim());
        } else if let Some(rest) = line.strip_prefix('<') {
            case.steps.last_mut().expect("a request before `<`").expect.push(expect(rest.trim()));
        } else {
            step(case, index + 1, line);
        }
    }
    cases
}

fn case(origin: &str, line: usize, title: &str) -> Case {
    let (ids, title) = title.split_once(':').unwrap_or_else(|| panic!("{origin}:{line}: no `IDS: title`"));
    Case {
        origin: format!("{origin}:{line}"),
        ids: ids.split_whitespace().map(str::to_owned).collect(),
        title: title.trim().to_owned(),
        only: Vec::new(),
        settings: BTreeMap::new(),
        steps: Vec::new(),
    }
}

fn step(case: &mut Case, line: usize, text: &str) {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    match words[0].as_str() {
        "only" => case.only.extend_from_slice(&words[1..]),
        "set" => {
            case.settings.insert(words[1].clone(), words[2..].join(" "));
        }
        _ => case.steps.push(Step { line, words, request: Request::default(), expect: Vec::new() }),
    }
}

fn modify(request: &mut Request, text: &str) {
    if let Some(name) = text.strip_prefix('!') {
        request.remove.push(name.to_owned());
        return;
    }
    if let Some((name, value)) = text.split_once(':').filter(|(name, _)| !name.contains(' ')) {
        request.set.push((name.to_owned(), repeated(value.trim())));
        return;
    }
    let (word, value) = text.split_once(' ').unwrap_or_else(|| panic!("unknown modification `> {text}`"));
    match word {
        "to" => request.to = Some(repeated(value)),
        "by" => request.by = Some(value.to_owned()),
        "method" => request.method = Some(value.to_owned()),
        "body" => request.body = Some(span(value)),
        "cut" => request.cut = value.parse().ok(),
        "hang" => request.hang = value.parse().ok(),
        "times" => request.times = value.parse().ok(),
        "version" => request.version = Some(value.to_owned()),
        _ => panic!("unknown modification `> {text}`"),
    }
}

/// Expands `{{text*n}}`.
fn repeated(value: &str) -> String {
    let Some((before, rest)) = value.split_once("{{") else { return value.to_owned() };
    let (inner, after) = rest.split_once("}}").expect("`}}`");
    let (text, count) = inner.rsplit_once('*').expect("`{{text*n}}`");
    let count: usize = count.parse().expect("a number in `{{text*n}}`");
    format!("{before}{}{}", text.repeat(count), repeated(after))
}

fn expect(text: &str) -> Expect {
    if let Some(name) = text.strip_prefix('!') {
        return Expect::Absent(name.to_owned());
    }
    if let Some(name) = text.strip_prefix("distinct ") {
        return Expect::Distinct(name.to_owned());
    }
    if let Some(content) = text.strip_prefix("body ") {
        return Expect::Body(span(content));
    }
    match text {
        "plain" => return Expect::Plain,
        "closed" => return Expect::Closed,
        _ => {}
    }
    if let Some((name, value)) = text.split_once(':') {
        return match value.trim() {
            "*" => Expect::Present(name.to_owned()),
            value => Expect::Is(name.to_owned(), value.to_owned()),
        };
    }
    Expect::Status(text.split('|').map(|status| status.parse().expect("a status")).collect())
}

/// Parses a range of bytes: `0-99` with both ends included, or `none`.
pub fn span(text: &str) -> (u64, u64) {
    if text == "none" {
        return (0, 0);
    }
    let (first, last) = text.split_once('-').unwrap_or_else(|| panic!("`{text}` is not a range"));
    (first.parse().unwrap(), last.parse::<u64>().unwrap() + 1)
}

/// Returns the byte at this offset, which is the same in all files of the vectors.
pub fn byte_at(offset: u64) -> u8 {
    ((offset ^ (offset >> 8) ^ (offset >> 16)).wrapping_mul(167) % 251) as u8
}

pub fn bytes((first, end): (u64, u64)) -> Vec<u8> {
    (first..end).map(byte_at).collect()
}
