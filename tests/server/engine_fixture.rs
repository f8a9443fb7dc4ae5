//! An engine that notifies a server application, and a client that sends one packet at a time.

use std::path::Path;
use std::sync::Arc;

use bitsup::engine::{Engine, EngineConfig, Hooks, RequestHead};
use bitsup::proto::{Headers, names};
use bitsup::server::{Notifier, NotifyConfig};
use bitsup::store::{DirOptions, DirStore, Store};
use test_support::packets::{Response, exchange};

/// Creates an engine over a directory that notifies an application.
pub fn engine(root: &Path, config: NotifyConfig) -> Engine {
    let store = DirStore::open(root, DirOptions::default()).unwrap();
    engine_over(Arc::new(store), Some(Arc::new(Notifier::new(config).unwrap())))
}

pub fn engine_over(store: Arc<dyn Store>, hooks: Option<Arc<dyn Hooks>>) -> Engine {
    let mut config = EngineConfig::new(store);
    config.hooks = hooks;
    Engine::new(config).unwrap()
}

/// A client with a session.
pub struct Upload<'a> {
    engine: &'a Engine,
    target: String,
    host: String,
    session: String,
}

impl<'a> Upload<'a> {
    /// Creates a session.
    pub fn create(engine: &'a Engine, target: &str) -> Self {
        Self::create_at(engine, "up.test", target)
    }

    pub fn create_at(engine: &'a Engine, host: &str, target: &str) -> Self {
        let mut upload = Self { engine, target: target.into(), host: host.into(), session: String::new() };
        let response =
            upload.packet("Create-Session", &[(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)], b"");
        assert_eq!(response.status, 200);
        upload.session = response.get(names::SESSION_ID).to_owned();
        upload
    }

    /// Continues a session, as after a restart.
    pub fn resume(engine: &'a Engine, target: &str, session: &str) -> Self {
        Self { engine, target: target.into(), host: "up.test".into(), session: session.into() }
    }

    pub fn session(&self) -> &str {
        &self.session
    }

    /// Sends a whole file in one Fragment.
    pub fn send(&self, content: &[u8]) -> Response {
        self.fragment(content, 0, content.len())
    }

    /// Sends `content[first..end]`.
    pub fn fragment(&self, content: &[u8], first: usize, end: usize) -> Response {
        let range = format!("bytes {first}-{}/{}", end - 1, content.len());
        self.packet("Fragment", &[(names::CONTENT_RANGE, &range)], &content[first..end])
    }

    pub fn close(&self) -> Response {
        self.packet("Close-Session", &[], b"")
    }

    /// Fetches the reply from the URL in an Ack.
    pub fn reply(&self, ack: &Response) -> Response {
        let url = ack.get(names::REPLY_URL);
        let target = url.strip_prefix(&format!("http://{}", self.host)).unwrap();
        self.request("GET", target, Headers::new(), b"")
    }

    fn packet(&self, kind: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
        let length = body.len().to_string();
        let mut headers: Headers = fields.iter().copied().collect();
        headers.push(names::PACKET_TYPE, kind);
        headers.push(names::CONTENT_LENGTH, length);
        if !self.session.is_empty() {
            headers.push(names::SESSION_ID, &self.session);
        }
        self.request(names::METHOD, &self.target, headers, body)
    }

    fn request(&self, method: &str, target: &str, mut headers: Headers, body: &[u8]) -> Response {
        headers.push("Host", &self.host);
        exchange(self.engine, RequestHead::new(method, target).headers(headers), body)
    }
}
