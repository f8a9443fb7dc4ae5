//! A client that sends one file and does not give up.

use bitsup::engine::Engine;
use bitsup::proto::names;
use test_support::packets::{PacketClient, Response};

/// At the begin of each sector of a file. Distinguishes the data of files from that of the file system.
const MARK: &[u8] = b"a sector of a file";
const SECTOR: usize = 512;
const SESSION_NOT_FOUND: &str = "0x8020001F";
const INVALID_ARGUMENT: &str = "0x80070057";

/// Returns the content of a file, without zeros, which would look like lost bytes.
pub fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut content: Vec<u8> = std::iter::repeat_with(|| random.u8(1..)).take(length).collect();
    for sector in content.chunks_mut(SECTOR).filter(|sector| sector.len() >= MARK.len()) {
        sector[..MARK.len()].copy_from_slice(MARK);
    }
    content
}

/// Returns whether blocks that are written contain data of a file.
pub fn is_content(data: &[u8]) -> bool {
    data.starts_with(MARK)
}

/// What the client does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Create,
    Fragment,
    Close,
    /// The server has acknowledged the end of the session, or refuses to receive the file again.
    Nothing,
}

/// A client of one file, and what it knows.
#[derive(Clone)]
pub struct FileClient {
    pub path: &'static str,
    pub content: Vec<u8>,
    pub fragment: usize,
    /// The session's id, after the server has acknowledged the session.
    pub session: Option<String>,
    /// The number of bytes that the server has acknowledged.
    pub acknowledged: usize,
    pub is_closed: bool,
    is_refused: bool,
}

impl FileClient {
    pub fn new(path: &'static str, content: Vec<u8>, fragment: usize) -> Self {
        Self { path, content, fragment, session: None, acknowledged: 0, is_closed: false, is_refused: false }
    }

    pub fn next(&self) -> Next {
        match self.session {
            _ if self.is_closed || self.is_refused => Next::Nothing,
            None => Next::Create,
            Some(_) if self.acknowledged < self.content.len() => Next::Fragment,
            Some(_) => Next::Close,
        }
    }

    /// Sends the next packet, and returns the status of the response.
    pub fn step(&mut self, engine: &Engine) -> u16 {
        let id = self.session.clone().unwrap_or_default();
        let client = PacketClient { engine: engine.clone(), path: self.path, id };
        match self.next() {
            Next::Create => {
                let response = client.packet(
                    "Create-Session",
                    &[(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID)],
                    &[],
                );
                match response.status {
                    200 => self.session = Some(response.get(names::SESSION_ID).to_owned()),
                    403 => self.is_refused = true,
                    _ => {}
                }
                response.status
            }
            Next::Fragment => {
                let end = self.content.len().min(self.acknowledged + self.fragment);
                let range = format!("bytes {}-{}/{}", self.acknowledged, end - 1, self.content.len());
                let data = &self.content[self.acknowledged..end];
                let response = client.packet("Fragment", &[(names::CONTENT_RANGE, &range)], data);
                if response.status == 200 {
                    self.acknowledged = end;
                } else {
                    self.adjust(&response);
                }
                response.status
            }
            Next::Close => {
                let response = client.close();
                if response.status == 200 {
                    self.is_closed = true;
                } else {
                    self.adjust(&response);
                }
                response.status
            }
            Next::Nothing => 200,
        }
    }

    /// Goes back to the offset that the server names, or to a new session. Panics if a client would give up.
    fn adjust(&mut self, response: &Response) {
        let is_lost = match response.field(names::ERROR) {
            Some(SESSION_NOT_FOUND) => true,
            // The server has lost bytes that it had acknowledged.
            Some(INVALID_ARGUMENT) => self.next() == Next::Close,
            _ => false,
        };
        match response.field(names::RECEIVED_CONTENT_RANGE) {
            _ if is_lost => (self.session, self.acknowledged) = (None, 0),
            Some(offset) => self.acknowledged = offset.parse().unwrap(),
            None => assert!(response.status >= 500, "{}: {response:?}", self.path),
        }
    }

    /// Sends packets until there is nothing left to send. Panics if that takes too many.
    pub fn finish(&mut self, engine: &Engine) {
        let most = 4 * self.content.len() / self.fragment + 20;
        let mut statuses = Vec::new();
        while self.next() != Next::Nothing {
            statuses.push((self.next(), self.step(engine)));
            assert!(statuses.len() < most, "{}: {statuses:?}", self.path);
        }
    }
}
