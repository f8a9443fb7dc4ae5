//! The behavior of the clients of a soak test.

use std::fs;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use bitsup::proto::names;

use super::connection::{RawConnection, Response};
use crate::application::derived;
use crate::raw_http::{close, create, fragment, packet};

/// Length of the application's replies.
pub const REPLY: usize = 5000;

/// How a client behaves during one upload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClientProfile {
    /// Sends as fast as it can.
    Fast,
    /// Sends the body in pieces with pauses.
    Trickling,
    /// Loses its connection in the middle of a fragment and resumes.
    Resuming,
    /// Disconnects in the middle of a fragment and never returns.
    Vanishing,
    /// Sends invalid ranges, lengths and session ids.
    Invalid,
    /// Cancels its upload.
    Cancelling,
    /// Fetches a reply of the application.
    Replying,
}

impl ClientProfile {
    pub const ALL: [Self; 7] = [
        Self::Fast,
        Self::Trickling,
        Self::Resuming,
        Self::Vanishing,
        Self::Invalid,
        Self::Cancelling,
        Self::Replying,
    ];
}

/// One of the clients.
pub struct Client {
    pub server: SocketAddr,
    /// The folder of the server's roots, `plain` and `notified`.
    pub folder: PathBuf,
    pub number: usize,
    pub random: fastrand::Rng,
    /// Maximum file size, in bytes.
    pub longest: usize,
    pub done: usize,
}

/// An upload in progress.
struct Upload {
    connection: RawConnection,
    path: String,
    session: String,
    content: Vec<u8>,
}

impl Client {
    /// Runs the profile once. Returns how many bytes of a file were accepted. Panics if the server misbehaves.
    pub fn run(&mut self, profile: ClientProfile) -> io::Result<usize> {
        self.done += 1;
        let root = if profile == ClientProfile::Replying { "notified" } else { "plain" };
        let length = self.random.usize(1..=self.longest);
        let content: Vec<u8> = {
            let mut random = fastrand::Rng::with_seed(self.random.u64(..));
            std::iter::repeat_with(|| random.u8(..)).take(length).collect()
        };
        let path = format!("/{root}/{}-{}", self.number, self.done);
        let mut connection = RawConnection::connect(self.server)?;
        let created = connection.request(create(&path))?;
        assert_eq!(created.status, 200, "{profile:?}: {created:?}");
        let session = created.field(names::SESSION_ID).unwrap().to_owned();
        let mut upload = Upload { connection, path, session, content };
        match profile {
            ClientProfile::Vanishing => {
                upload.break_off(&mut self.random, 0)?;
                return Ok(0);
            }
            ClientProfile::Invalid => upload.send_invalid(&mut self.random, self.server)?,
            ClientProfile::Cancelling => {
                upload.whole_fragment(0, length / 2)?;
                upload.cancel()?;
            }
            _ => {
                self.deliver(&mut upload, profile)?;
                return Ok(length);
            }
        }
        assert!(!self.file(&upload).exists(), "{profile:?} left {}", upload.path);
        Ok(0)
    }

    fn deliver(&mut self, upload: &mut Upload, profile: ClientProfile) -> io::Result<()> {
        let (total, mut at, mut breaks) = (upload.content.len(), 0, 2);
        let mut last = None;
        while at < total {
            let end = at + self.random.usize(1..=(total - at).min(self.longest / 2 + 1));
            if profile == ClientProfile::Resuming && breaks > 0 {
                breaks -= 1;
                upload.break_off(&mut self.random, at)?;
                upload.connection = RawConnection::connect(self.server)?;
            }
            let response = match profile {
                ClientProfile::Trickling => upload.trickle(&mut self.random, at, end)?,
                _ => upload.whole_fragment(at, end)?,
            };
            at = match response.status {
                // 416 if bytes sent before the connection broke were already stored.
                200 | 416 => response.field(names::RECEIVED_CONTENT_RANGE).unwrap().parse().unwrap(),
                // 503 if the server read the head of the broken request after that of this one.
                503 if profile == ClientProfile::Resuming => {
                    upload.connection = RawConnection::connect(self.server)?;
                    continue;
                }
                _ => panic!("{profile:?}: {at} to {end} of {total}: {response:?}"),
            };
            last = Some(response);
        }
        if profile == ClientProfile::Replying {
            upload.fetch_reply(&last.unwrap())?;
        }
        let closed = upload.connection.request(close(&upload.path, &upload.session))?;
        assert_eq!(closed.status, 200, "{profile:?}: {closed:?}");
        let file = self.file(upload);
        assert!(fs::read(&file)? == upload.content, "{} differs", file.display());
        fs::remove_file(file)
    }

    fn file(&self, upload: &Upload) -> PathBuf {
        self.folder.join(&upload.path[1..])
    }
}

impl Upload {
    fn head(&self, first: usize, length: usize) -> String {
        fragment(&self.path, &self.session, first, length, self.content.len(), &[])
    }

    /// Sends a fragment of at least one byte.
    fn whole_fragment(&mut self, first: usize, end: usize) -> io::Result<Response> {
        let end = end.max(first + 1);
        self.connection.send(self.head(first, end - first))?;
        self.connection.request(&self.content[first..end])
    }

    fn trickle(&mut self, random: &mut fastrand::Rng, first: usize, end: usize) -> io::Result<Response> {
        self.connection.send(self.head(first, end - first))?;
        for piece in self.content[first..end].chunks((end - first).div_ceil(4)) {
            thread::sleep(Duration::from_millis(random.u64(1..20)));
            self.connection.send(piece)?;
        }
        self.connection.response()
    }

    /// Sends the head of a fragment with the rest of the file and a part of its body, then closes the connection.
    fn break_off(&mut self, random: &mut fastrand::Rng, first: usize) -> io::Result<()> {
        let left = self.content.len() - first;
        self.connection.send(self.head(first, left))?;
        self.connection.send(&self.content[first..first + random.usize(0..left)])?;
        self.connection.socket.shutdown(if random.bool() { Shutdown::Both } else { Shutdown::Write })
    }

    fn cancel(&mut self) -> io::Result<()> {
        let id = format!("BITS-Session-Id: {}", self.session);
        let cancelled = self.connection.request(packet("Cancel-Session", &self.path, &[&id], 0))?;
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
        Ok(())
    }

    /// Sends an invalid request, checks that it is rejected, and cancels the session.
    fn send_invalid(&mut self, random: &mut fastrand::Rng, server: SocketAddr) -> io::Result<()> {
        let id = format!("BITS-Session-Id: {}", self.session);
        let with_range =
            |range: &str| packet("Fragment", &self.path, &[&id, &format!("Content-Range: bytes {range}")], 5);
        let unknown_id = "{00000000-0000-0000-0000-000000000001}";
        let head = match random.u8(0..6) {
            0 => with_range("100-104/1000"),
            1 => with_range("0-99/1000"),
            2 => with_range("4-0/5"),
            3 => with_range("0-4/18446744073709551616"),
            4 => fragment(&self.path, unknown_id, 0, 5, 1000, &[]),
            _ => packet("Fragment", &self.path, &[&id], 5),
        };
        let rejected = self.connection.request(head + "bytes")?;
        // 500 for an unknown session, as from IIS.
        assert!((400..=500).contains(&rejected.status), "{rejected:?}");
        // The server may have closed the connection.
        self.connection = RawConnection::connect(server)?;
        self.cancel()
    }

    fn fetch_reply(&mut self, ack: &Response) -> io::Result<()> {
        let url = ack.field(names::REPLY_URL).unwrap();
        let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap();
        let reply = self.connection.request(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))?;
        assert!(reply.status == 200 && reply.body == derived(&self.content, REPLY), "the reply is wrong");
        Ok(())
    }
}
