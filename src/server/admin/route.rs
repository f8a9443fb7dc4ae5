//! What can be asked, and the answers.

use std::borrow::Cow;

use serde::Serialize;

use super::Sources;
use crate::clock::{Clock, SystemClock};
use crate::engine::SessionInfo;
use crate::error::Error;
use crate::server::head::Head;
use crate::server::{Shared, answer as http};

/// A path, and what makes its answer.
type Route = (&'static str, fn(&Sources) -> Answer);

/// All there is.
const ROUTES: [Route; 6] = [
    ("/", |_| Answer::file("text/html; charset=utf-8", include_str!("page/index.html"))),
    ("/page.css", |_| Answer::file("text/css; charset=utf-8", include_str!("page/page.css"))),
    ("/page.js", |_| Answer::file("text/javascript; charset=utf-8", include_str!("page/page.js"))),
    ("/health", health),
    ("/sessions", sessions),
    ("/metrics", |sources| Answer::metrics(sources.metrics.render())),
];

/// The page loads nothing from elsewhere, runs nothing but its own script, and is shown in no other page; and no
/// other page gets to read what is here.
const FIELDS: [(&str, &str); 6] = [
    (
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("Allow", "GET, HEAD"),
];

/// An answer that is whole in memory.
pub struct Answer {
    status: u16,
    content_type: &'static str,
    body: Cow<'static, [u8]>,
}

/// What `/sessions` says.
#[derive(Serialize)]
struct Listing<'a> {
    version: &'static str,
    now_ms: u64,
    sessions: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    /// Where the session's engine is mounted.
    prefix: &'a str,
    #[serde(flatten)]
    info: SessionInfo,
}

/// The answer to a request.
pub fn answer(head: &Head, sources: &Sources) -> Answer {
    let path = head.target.split('?').next().unwrap_or_default();
    match ROUTES.iter().find(|(route, _)| *route == path) {
        None => Answer::text(404, "There is /, /health, /sessions and /metrics.\n"),
        Some(_) if !matches!(head.method.as_str(), "GET" | "HEAD") => {
            Answer::text(405, "Nothing can be changed here.\n")
        }
        Some((_, route)) => route(sources),
    }
}

/// 200 while the server can do its work, else 503 and a line for each reason.
fn health(Sources { shared, .. }: &Sources) -> Answer {
    let stopping = shared.site.is_stopping().then(|| "the server is stopping\n".to_owned());
    let engines = shared.site.router.engines();
    let failing = engines.filter_map(|(prefix, engine)| {
        engine.check_store().err().map(|error| format!("{prefix}: {}\n", error.message()))
    });
    let reasons: String = stopping.into_iter().chain(failing).collect();
    match reasons.is_empty() {
        true => Answer::text(200, "ok\n"),
        false => Answer::text(503, reasons),
    }
}

fn sessions(Sources { shared, .. }: &Sources) -> Answer {
    let listed = listing(shared).and_then(|listing| {
        serde_json::to_vec(&listing).map_err(|error| Error::io("cannot write JSON", error.into()))
    });
    match listed {
        Ok(json) => Answer { status: 200, content_type: "application/json", body: json.into() },
        Err(error) => Answer::text(500, format!("{}\n", error.message())),
    }
}

fn listing(shared: &Shared) -> Result<Listing<'_>, Error> {
    let mut sessions = Vec::new();
    for (prefix, engine) in shared.site.router.engines() {
        sessions.extend(engine.sessions()?.into_iter().map(|info| Listed { prefix, info }));
    }
    Ok(Listing { version: env!("CARGO_PKG_VERSION"), now_ms: SystemClock.now_ms(), sessions })
}

impl Answer {
    /// A few words for people and for programs that only look at the status.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        let body = text.into().into_bytes().into();
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }

    /// In the format of Prometheus.
    fn metrics(text: String) -> Self {
        let body = text.into_bytes().into();
        Self { status: 200, content_type: "text/plain; version=0.0.4; charset=utf-8", body }
    }

    fn file(content_type: &'static str, content: &'static str) -> Self {
        Self { status: 200, content_type, body: content.as_bytes().into() }
    }

    /// The answer as bytes, without its body if only the head was asked for.
    pub fn encode(&self, head_only: bool) -> Vec<u8> {
        let mut fields = vec![("Content-Type", self.content_type)];
        fields.extend(FIELDS);
        let mut bytes = http::head(self.status, fields, self.body.len() as u64, true);
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}
