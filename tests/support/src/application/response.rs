//! Responses of a scripted application.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use super::pattern::send_pattern;

/// How the application responds to a request.
pub struct Response {
    pub(super) read_body: bool,
    pieces: Vec<Piece>,
    pub(super) then: Then,
}

enum Piece {
    Bytes(Vec<u8>),
    /// This number of bytes of [`pattern`](super::pattern).
    Pattern(u64),
    Pause(Duration),
    /// Waits for a message on the channel, or until its sender is dropped.
    Wait(Mutex<Receiver<()>>),
    /// Bytes computed from the body of the request.
    Computed(Box<Compute>),
}

type Compute = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Then {
    /// Reads the next request.
    Keep,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
    /// Sends nothing until the client closes the connection.
    Hang,
}

impl Response {
    /// Sends bytes as they are after the whole request. The connection stays open.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { read_body: true, pieces: vec![Piece::Bytes(bytes.into())], then: Then::Keep }
    }

    /// Sends a status, fields (`Name: value\r\n` each) and a body with `Content-Length`.
    pub fn new(status: &str, fields: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
        Self::raw([head.as_bytes(), body].concat())
    }

    /// Sends 200 with fields and a body computed from the request's.
    pub fn computed(fields: &str, compute: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let fields = fields.to_owned();
        let whole = move |body: &[u8]| {
            let content = compute(body);
            let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", content.len());
            [head.into_bytes(), content].concat()
        };
        Self { pieces: vec![Piece::Computed(Box::new(whole))], ..Self::raw("") }
    }

    pub fn ok() -> Self {
        Self::new("200 OK", "", b"")
    }

    /// Sends 200 and a body that ends with the connection, as the application of the capture does.
    pub fn until_close(body: &[u8]) -> Self {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-type: text/html\r\n\r\n";
        Self { then: Then::Close, ..Self::raw([head.as_bytes(), body].concat()) }
    }

    /// Sends 200 and a chunked body.
    pub fn chunked(chunks: &[&[u8]]) -> Self {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in chunks.iter().chain([&&b""[..]]) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()));
            bytes.extend(b"\r\n");
        }
        Self::raw(bytes)
    }

    /// Sends 200 and this number of bytes of [`pattern`](super::pattern), generated while they are sent.
    pub fn pattern(length: u64) -> Self {
        Self::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")).then_pattern(length)
    }

    /// Sends nothing until the client closes the connection.
    pub fn never() -> Self {
        Self { then: Then::Hang, ..Self::raw("") }
    }

    pub fn then_pattern(mut self, length: u64) -> Self {
        self.pieces.push(Piece::Pattern(length));
        self
    }

    pub fn then_pause(mut self, pause: Duration) -> Self {
        self.pieces.push(Piece::Pause(pause));
        self
    }

    pub fn then_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.pieces.push(Piece::Bytes(bytes.into()));
        self
    }

    /// Waits before the response for a message on the channel, or until its sender is dropped.
    pub fn when(mut self, signal: Receiver<()>) -> Self {
        self.pieces.insert(0, Piece::Wait(Mutex::new(signal)));
        self
    }

    pub fn then_close(self) -> Self {
        Self { then: Then::Close, ..self }
    }

    pub fn then_reset(self) -> Self {
        Self { then: Then::Reset, ..self }
    }

    pub fn then_hang(self) -> Self {
        Self { then: Then::Hang, ..self }
    }

    /// Responds before the body was read.
    pub fn early(self) -> Self {
        Self { read_body: false, ..self }
    }

    /// Sends the response to a request with this body.
    pub(super) fn play(&self, mut stream: impl Write, body: impl Fn() -> Vec<u8>) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Bytes(bytes) => stream.write_all(bytes),
            Piece::Pattern(length) => send_pattern(*length, &mut stream),
            Piece::Pause(pause) => {
                thread::sleep(*pause);
                Ok(())
            }
            Piece::Wait(signal) => {
                let _ = signal.lock().unwrap().recv();
                Ok(())
            }
            Piece::Computed(compute) => stream.write_all(&compute(&body())),
        })
    }
}
