//! A connection as the jobs' are, on which a caller sees what they have no use for: interim answers, versions, and
//! whether the connection lives on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::Uri;
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, RustlsConnector, Transport};

use super::connect::{Dialer, NoResolver, system_lookup};
use super::line::MAX_HEAD;
use super::proxy::{Way, read_head};
use super::{Answered, DRAIN_LIMIT, Http, failure};
use crate::error::{Error, Status};
use crate::proto::{HResult, Headers, names};
use crate::upload::Trust;

/// A request as it is written.
#[derive(Debug, Clone, Default)]
pub(in crate::client) struct Question {
    pub method: &'static str,
    pub fields: Vec<(&'static str, String)>,
    /// What the head says of the body.
    pub length: Option<u64>,
    /// How many bytes of the body, all of them 0, are sent before the answer is waited for.
    pub sent: u64,
}

/// The first answer, interim or not.
#[derive(Debug, Clone)]
pub(in crate::client) struct Heard {
    pub status: u16,
    pub headers: Headers,
    /// `HTTP/1.0`, for instance.
    pub version: String,
    /// Whether the connection can serve another request.
    pub is_kept: bool,
}

/// One connection.
#[derive(Debug)]
pub(in crate::client) struct Wire<'a> {
    http: &'a Http,
    uri: &'a Uri,
    connection: Box<dyn Transport>,
}

impl Http {
    /// Connects to the server of a URL. TLS is spoken when the first question is asked.
    ///
    /// Errors: as the table in `failure` says.
    pub fn open<'a>(&'a self, uri: &'a Uri, timeout: Duration) -> Result<Wire<'a>, Error> {
        let config = self.agent.config();
        let dialer = Dialer { line: self.line.clone(), timeout, lookup: system_lookup };
        let details = ConnectionDetails {
            uri,
            addrs: NoResolver.empty(),
            config,
            request_level: false,
            resolver: &NoResolver,
            now: ureq::unversioned::transport::time::Instant::now(),
            timeout: within(timeout),
            current_time: Arc::new(ureq::unversioned::transport::time::Instant::now),
            run_connector: Arc::new(|_| Err(ureq::Error::ConnectionFailed)),
            register_shutdown: Arc::new(|_| Ok(())),
        };
        let connector = Way::new(dialer, self.proxy.clone()).chain(RustlsConnector::default());
        match connector.connect(&details, None) {
            Ok(Some(connection)) => Ok(Wire { http: self, uri, connection: Box::new(connection) }),
            Ok(None) => Err(failure::of(ureq::Error::ConnectionFailed, uri)),
            Err(error) => Err(failure::of(error, uri)),
        }
    }
}

impl Http {
    /// Asks on a connection of its own; once more when credentials are asked for that are known.
    ///
    /// Errors: those of [`Wire::ask`].
    pub fn ask(&self, uri: &Uri, question: &Question, patience: Duration) -> Result<Heard, Error> {
        let mut answered = Answered::of(Trust::Own);
        loop {
            let heard = self.open(uri, patience)?.ask(question, patience)?;
            if !self.is_worth_repeating(uri, heard.status, &heard.headers, &mut answered)? {
                return Ok(heard);
            }
        }
    }
}

impl Wire<'_> {
    /// Asks, and waits for the answer.
    ///
    /// Errors: [`Status::Timeout`] when none comes within `patience`; as the table in `failure` says.
    pub fn ask(&mut self, question: &Question, patience: Duration) -> Result<Heard, Error> {
        self.http.line.begin();
        let head = self.head(question);
        self.write(head.as_bytes(), patience)?;
        let zeros = vec![0; BLOCK];
        let mut left = question.sent;
        while left > 0 && !self.http.line.is_hung_up() {
            let block = zeros.get(..usize::try_from(left).unwrap_or(BLOCK).min(BLOCK)).unwrap_or_default();
            self.write(block, patience)?;
            left = left.saturating_sub(block.len() as u64);
        }
        self.read(patience)
    }

    fn head(&self, question: &Question) -> String {
        let target = self.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut head =
            format!("{} {target} HTTP/1.1\r\nHost: {}\r\n", question.method, failure::host(self.uri));
        let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        for (name, value) in &self.http.headers {
            add(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
        for (name, value) in self.http.credentials(self.uri, Trust::Own) {
            add(name, &value);
        }
        for (name, value) in &question.fields {
            add(name, value);
        }
        if let Some(length) = question.length {
            add(names::CONTENT_LENGTH, &length.to_string());
        }
        head.push_str("\r\n");
        head
    }

    fn write(&mut self, bytes: &[u8], patience: Duration) -> Result<(), Error> {
        for piece in bytes.chunks(BLOCK) {
            let room = self.connection.buffers().output().get_mut(..piece.len());
            let room = room.ok_or_else(|| failure::of(ureq::Error::ConnectionFailed, self.uri))?;
            room.copy_from_slice(piece);
            let sent = self.connection.transmit_output(piece.len(), within(patience));
            sent.map_err(|error| failure::of(error, self.uri))?;
        }
        Ok(())
    }

    fn read(&mut self, patience: Duration) -> Result<Heard, Error> {
        let until = Instant::now().checked_add(patience);
        loop {
            let input = self.connection.buffers().input();
            if let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = input.get(..end).unwrap_or_default();
                let version = String::from_utf8_lossy(head.get(..8).unwrap_or_default()).into_owned();
                let (status, headers) = read_head(head).ok_or_else(|| self.no_http())?;
                self.connection.buffers().input_consume(end.saturating_add(4));
                let is_kept = self.drain(status, &version, &headers, patience);
                return Ok(Heard { status, headers, version, is_kept });
            }
            if input.len() > MAX_HEAD {
                return Err(self.no_http());
            }
            let left = until.map_or(patience, |until| until.saturating_duration_since(Instant::now()));
            match self.connection.await_input(within(left)) {
                Ok(true) => {}
                Ok(false) if self.connection.buffers().input().is_empty() => {
                    return Err(failure::of(ureq::Error::ConnectionFailed, self.uri));
                }
                Ok(false) => return Err(self.no_http()),
                Err(error) => return Err(failure::of(error, self.uri)),
            }
        }
    }

    /// Reads the body of an answer; whether another request may follow it.
    fn drain(&mut self, status: u16, version: &str, headers: &Headers, patience: Duration) -> bool {
        let closes = headers.all("Connection").any(|value| value.eq_ignore_ascii_case(b"close"));
        let length = headers.get(names::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        let length = if matches!(status, 100..=199 | 204 | 304) { Some(0) } else { length };
        let Some(mut left) = length.filter(|length| *length <= DRAIN_LIMIT) else { return false };
        while left > 0 {
            let here = self.connection.buffers().input().len() as u64;
            let taken = here.min(left);
            self.connection.buffers().input_consume(usize::try_from(taken).unwrap_or(0));
            left = left.saturating_sub(taken);
            if left > 0 && !matches!(self.connection.await_input(within(patience)), Ok(true)) {
                return false;
            }
        }
        !closes && version == "HTTP/1.1"
    }

    fn no_http(&self) -> Error {
        let message = format!("{} does not answer in HTTP; check scheme and port", failure::host(self.uri));
        Error::new(Status::Protocol, message).with_hresult(HResult(0x8007_2F78))
    }
}

/// Most bytes that are handed to a connection at once; they fit its buffer.
const BLOCK: usize = 16 * 1024;

fn within(patience: Duration) -> NextTimeout {
    NextTimeout { after: patience.into(), reason: ureq::Timeout::RecvResponse, ..NextTimeout::default() }
}
