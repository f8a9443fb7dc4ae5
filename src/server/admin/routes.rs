//! What can be asked, and the answers.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::{Clock, SystemClock};
use crate::engine::SessionInfo;
use crate::error::Error;
use crate::server::context::ServerContext;
use crate::server::http1::head::HttpHead;
use crate::server::http1::response;
use crate::server::observability::metrics::Metrics;

/// What responses are made from.
pub(crate) struct AdminSources {
    pub context: Arc<ServerContext>,
    pub metrics: Metrics,
}

/// A path and the function that creates its response.
type Route = (&'static str, fn(&AdminSources) -> AdminResponse);

/// All there is.
const ROUTES: [Route; 6] = [
    ("/", |_| AdminResponse::file("text/html; charset=utf-8", include_str!("page/index.html"))),
    ("/page.css", |_| AdminResponse::file("text/css; charset=utf-8", include_str!("page/page.css"))),
    ("/page.js", |_| AdminResponse::file("text/javascript; charset=utf-8", include_str!("page/page.js"))),
    ("/health", health),
    ("/sessions", sessions),
    ("/metrics", |sources| AdminResponse::metrics(sources.metrics.render())),
];

/// The page loads nothing from elsewhere, runs nothing but its own script, and is shown in no other page; and no
/// other page gets to read what is here.
const SECURITY_FIELDS: [(&str, &str); 6] = [
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
pub struct AdminResponse {
    status: u16,
    content_type: &'static str,
    body: Cow<'static, [u8]>,
}

/// What `/sessions` says.
#[derive(Serialize)]
struct SessionListing<'a> {
    version: &'static str,
    now_ms: u64,
    sessions: Vec<ListedSession<'a>>,
}

#[derive(Serialize)]
struct ListedSession<'a> {
    /// Where the session's engine is mounted.
    prefix: &'a str,
    #[serde(flatten)]
    info: SessionInfo,
}

/// The answer to a request.
pub fn respond(head: &HttpHead, sources: &AdminSources) -> AdminResponse {
    let path = head.target.split('?').next().unwrap_or_default();
    match ROUTES.iter().find(|(route, _)| *route == path) {
        None => AdminResponse::text(404, "There is /, /health, /sessions and /metrics.\n"),
        Some(_) if !matches!(head.method.as_str(), "GET" | "HEAD") => {
            AdminResponse::text(405, "Nothing can be changed here.\n")
        }
        Some((_, route)) => route(sources),
    }
}

/// 200 while the server can do its work, else 503 and a line for each reason.
fn health(AdminSources { context, .. }: &AdminSources) -> AdminResponse {
    let stopping = context.is_stopping().then(|| "the server is stopping\n".to_owned());
    let engines = context.router.engines();
    let failing = engines.filter_map(|(prefix, engine)| {
        engine.check_store().err().map(|error| format!("{prefix}: {}\n", error.message()))
    });
    let reasons: String = stopping.into_iter().chain(failing).collect();
    match reasons.is_empty() {
        true => AdminResponse::text(200, "ok\n"),
        false => AdminResponse::text(503, reasons),
    }
}

fn sessions(AdminSources { context, .. }: &AdminSources) -> AdminResponse {
    let listed = listing(context).and_then(|listing| {
        serde_json::to_vec(&listing).map_err(|error| Error::io("cannot write JSON", error.into()))
    });
    match listed {
        Ok(json) => AdminResponse { status: 200, content_type: "application/json", body: json.into() },
        Err(error) => AdminResponse::text(500, format!("{}\n", error.message())),
    }
}

fn listing(context: &ServerContext) -> Result<SessionListing<'_>, Error> {
    let mut sessions = Vec::new();
    for (prefix, engine) in context.router.engines() {
        sessions.extend(engine.sessions()?.into_iter().map(|info| ListedSession { prefix, info }));
    }
    Ok(SessionListing { version: env!("CARGO_PKG_VERSION"), now_ms: SystemClock.now_ms(), sessions })
}

impl AdminResponse {
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
        fields.extend(SECURITY_FIELDS);
        let mut bytes = response::encode_head(self.status, fields, self.body.len() as u64, true);
        if !head_only {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}
