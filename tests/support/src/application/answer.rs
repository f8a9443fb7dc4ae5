//! What a scripted application does with a request.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use super::pattern::send_pattern;

/// What the application does with a request.
pub struct Response {
    pub(super) read_body: bool,
    pieces: Vec<Piece>,
    pub(super) then: Then,
}

enum Piece {
    Bytes(Vec<u8>),
    /// So many bytes of [`pattern`](super::pattern).
    Pattern(u64),
    Pause(Duration),
    /// Until the other end of the channel says so or is gone.
    Wait(Mutex<Receiver<()>>),
    /// What is made of the body of the request.
    Made(Box<Maker>),
}

type Maker = dyn Fn(&[u8]) -> Vec<u8> + Send + Sync;

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Then {
    /// The next request.
    Keep,
    /// The end of the connection.
    Close,
    /// An end without a goodbye: with unread bytes, a reset.
    Reset,
    /// Silence, until the other side hangs up.
    Hang,
}

impl Response {
    /// Bytes as they are, behind the whole request; the connection stays open.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { read_body: true, pieces: vec![Piece::Bytes(bytes.into())], then: Then::Keep }
    }

    /// A status with fields (`Name: value\r\n` each) and a body with its length.
    pub fn new(status: &str, fields: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
        Self::raw([head.as_bytes(), body].concat())
    }

    /// 200 with fields and a body that is made of the request's.
    pub fn made(fields: &str, make: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let fields = fields.to_owned();
        let whole = move |body: &[u8]| {
            let made = make(body);
            let head = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", made.len());
            [head.into_bytes(), made].concat()
        };
        Self { pieces: vec![Piece::Made(Box::new(whole))], ..Self::raw("") }
    }

    pub fn ok() -> Self {
        Self::new("200 OK", "", b"")
    }

    /// 200 and a body that the end of the connection ends, as the application of the capture does.
    pub fn until_close(body: &[u8]) -> Self {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-type: text/html\r\n\r\n";
        Self { then: Then::Close, ..Self::raw([head.as_bytes(), body].concat()) }
    }

    /// 200 and a body in chunks.
    pub fn chunked(chunks: &[&[u8]]) -> Self {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in chunks.iter().chain([&&b""[..]]) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()));
            bytes.extend(b"\r\n");
        }
        Self::raw(bytes)
    }

    /// 200 and so many bytes of [`pattern`](super::pattern), made on the way.
    pub fn pattern(length: u64) -> Self {
        Self::raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")).then_pattern(length)
    }

    /// No answer at all, until the other side hangs up.
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

    /// Late: only when the other end of the channel says so or is gone.
    pub fn when(mut self, told: Receiver<()>) -> Self {
        self.pieces.insert(0, Piece::Wait(Mutex::new(told)));
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

    /// Answers without having read the body.
    pub fn early(self) -> Self {
        Self { read_body: false, ..self }
    }

    /// Sends the answer to a request with that body.
    pub(super) fn play(&self, mut stream: impl Write, body: impl Fn() -> Vec<u8>) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Bytes(bytes) => stream.write_all(bytes),
            Piece::Pattern(length) => send_pattern(*length, &mut stream),
            Piece::Pause(pause) => {
                thread::sleep(*pause);
                Ok(())
            }
            Piece::Wait(told) => {
                let _ = told.lock().unwrap().recv();
                Ok(())
            }
            Piece::Made(make) => stream.write_all(&make(&body())),
        })
    }
}
