//! The paths of the administration page and their responses.

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

/// The data that responses are built from.
pub(crate) struct AdminSources {
    pub context: Arc<ServerContext>,
    pub metrics: Metrics,
}

/// A path and the function that creates its response.
type Route = (&'static str, fn(&AdminSources) -> AdminResponse);

/// All paths.
const ROUTES: [Route; 6] = [
    ("/", |_| AdminResponse::file("text/html; charset=utf-8", include_str!("page/index.html"))),
    ("/page.css", |_| AdminResponse::file("text/css; charset=utf-8", include_str!("page/page.css"))),
    ("/page.js", |_| AdminResponse::file("text/javascript; charset=utf-8", include_str!("page/page.js"))),
    ("/health", health),
    ("/sessions", sessions),
    ("/metrics", |sources| AdminResponse::metrics(sources.metrics.render())),
];

/// Header fields of all responses. The page loads nothing from other origins, runs only its own script and cannot be
/// framed, and other origins cannot read it.
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

/// A response in memory.
pub struct AdminResponse {
    status: u16,
    content_type: &'static str,
    body: Cow<'static, [u8]>,
}

/// The JSON of `/sessions`.
#[derive(Serialize)]
struct SessionListing<'a> {
    version: &'static str,
    now_ms: u64,
    sessions: Vec<MountedSession<'a>>,
}

#[derive(Serialize)]
struct MountedSession<'a> {
    /// The URL prefix of the session's engine.
    prefix: &'a str,
    #[serde(flatten)]
    info: SessionInfo,
}

/// Returns the response to a request.
pub fn respond(head: &HttpHead, sources: &AdminSources) -> AdminResponse {
    let path = head.target.split_once('?').map_or(&*head.target, |(path, _)| path);
    match ROUTES.iter().find(|(route, _)| *route == path) {
        None => AdminResponse::text(404, "Not found: use /, /health, /sessions or /metrics.\n"),
        Some(_) if !matches!(head.method.as_str(), "GET" | "HEAD") => {
            AdminResponse::text(405, "Method not allowed: use GET or HEAD.\n")
        }
        Some((_, route)) => route(sources),
    }
}

/// Responds 200 if the server is healthy, else 503 with a line per reason.
fn health(AdminSources { context, .. }: &AdminSources) -> AdminResponse {
    let stopping = context.is_stopping().then(|| "the server is stopping\n".to_owned());
    let engines = context.router.engines();
    let failing = engines.filter_map(|(prefix, engine)| {
        engine.check_store().err().map(|error| format!("{prefix}: {}\n", error.message()))
    });
    let reasons: String = stopping.into_iter().chain(failing).collect();
    if reasons.is_empty() { AdminResponse::text(200, "ok\n") } else { AdminResponse::text(503, reasons) }
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
        sessions.extend(engine.sessions()?.into_iter().map(|info| MountedSession { prefix, info }));
    }
    Ok(SessionListing { version: env!("CARGO_PKG_VERSION"), now_ms: SystemClock.now_ms(), sessions })
}

impl AdminResponse {
    /// Returns a plain-text response.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        let body = text.into().into_bytes().into();
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }

    /// Returns metrics in the text format of Prometheus.
    fn metrics(text: String) -> Self {
        let body = text.into_bytes().into();
        Self { status: 200, content_type: "text/plain; version=0.0.4; charset=utf-8", body }
    }

    fn file(content_type: &'static str, content: &'static str) -> Self {
        Self { status: 200, content_type, body: content.as_bytes().into() }
    }

    /// Encodes the response, without its body for a HEAD request.
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
