//! What a client of the soak does over and over.

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

/// How long the application's replies are.
pub const REPLY: usize = 5000;

/// The habits, in the order of the figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClientProfile {
    /// Sends as fast as it can.
    Fast,
    /// Sends some bytes, waits, sends some more.
    Trickling,
    /// Loses its connection in the middle of a fragment and resumes.
    Resuming,
    /// Goes away in the middle of a fragment for good.
    Vanishing,
    /// Says things of ranges, lengths and sessions that are not so.
    Lying,
    /// Cancels what it began.
    Cancelling,
    /// Wants a reply of the application.
    Replying,
}

impl ClientProfile {
    pub const ALL: [Self; 7] = [
        Self::Fast,
        Self::Trickling,
        Self::Resuming,
        Self::Vanishing,
        Self::Lying,
        Self::Cancelling,
        Self::Replying,
    ];
}

/// One of the clients.
pub struct Client {
    pub server: SocketAddr,
    /// The folder that holds the server's roots, `plain` and `asked`.
    pub folder: PathBuf,
    pub number: usize,
    pub random: fastrand::Rng,
    /// Longest file, in bytes.
    pub longest: usize,
    pub done: usize,
}

/// An upload under way.
struct Upload {
    wire: RawConnection,
    path: String,
    session: String,
    content: Vec<u8>,
}

impl Client {
    /// Does once what the habit says; how many bytes of a file were accepted. Panics when the server does not do
    /// as it must.
    pub fn act(&mut self, habit: ClientProfile) -> io::Result<usize> {
        self.done += 1;
        let root = if habit == ClientProfile::Replying { "asked" } else { "plain" };
        let length = self.random.usize(1..=self.longest);
        let content: Vec<u8> = {
            let mut random = fastrand::Rng::with_seed(self.random.u64(..));
            std::iter::repeat_with(|| random.u8(..)).take(length).collect()
        };
        let path = format!("/{root}/{}-{}", self.number, self.done);
        let mut wire = RawConnection::connect(self.server)?;
        let made = wire.request(create(&path))?;
        assert_eq!(made.status, 200, "{habit:?}: {made:?}");
        let session = made.field(names::SESSION_ID).unwrap().to_owned();
        let mut upload = Upload { wire, path, session, content };
        match habit {
            ClientProfile::Vanishing => {
                upload.break_off(&mut self.random, 0)?;
                return Ok(0);
            }
            ClientProfile::Lying => upload.lie(&mut self.random, self.server)?,
            ClientProfile::Cancelling => {
                upload.whole_fragment(0, length / 2)?;
                upload.cancel()?;
            }
            _ => {
                self.deliver(&mut upload, habit)?;
                return Ok(length);
            }
        }
        assert!(!self.file(&upload).exists(), "{habit:?} left {}", upload.path);
        Ok(0)
    }

    fn deliver(&mut self, upload: &mut Upload, habit: ClientProfile) -> io::Result<()> {
        let (total, mut at, mut breaks) = (upload.content.len(), 0, 2);
        let mut last = None;
        while at < total {
            let end = at + self.random.usize(1..=(total - at).min(self.longest / 2 + 1));
            if habit == ClientProfile::Resuming && breaks > 0 {
                breaks -= 1;
                upload.break_off(&mut self.random, at)?;
                upload.wire = RawConnection::connect(self.server)?;
            }
            let answer = match habit {
                ClientProfile::Trickling => upload.trickle(&mut self.random, at, end)?,
                _ => upload.whole_fragment(at, end)?,
            };
            at = match answer.status {
                // What was sent before the connection broke is there already.
                200 | 416 => answer.field(names::RECEIVED_CONTENT_RANGE).unwrap().parse().unwrap(),
                // The server came to read the broken connection after this one, and took that for the newer one.
                503 if habit == ClientProfile::Resuming => {
                    upload.wire = RawConnection::connect(self.server)?;
                    continue;
                }
                _ => panic!("{habit:?}: {at} to {end} of {total}: {answer:?}"),
            };
            last = Some(answer);
        }
        if habit == ClientProfile::Replying {
            upload.fetch_reply(&last.unwrap())?;
        }
        let closed = upload.wire.request(close(&upload.path, &upload.session))?;
        assert_eq!(closed.status, 200, "{habit:?}: {closed:?}");
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

    /// Sends a fragment; none if it would be empty.
    fn whole_fragment(&mut self, first: usize, end: usize) -> io::Result<Response> {
        let end = end.max(first + 1);
        self.wire.send(self.head(first, end - first))?;
        self.wire.request(&self.content[first..end])
    }

    fn trickle(&mut self, random: &mut fastrand::Rng, first: usize, end: usize) -> io::Result<Response> {
        self.wire.send(self.head(first, end - first))?;
        for piece in self.content[first..end].chunks((end - first).div_ceil(4)) {
            // The habit itself.
            thread::sleep(Duration::from_millis(random.u64(1..20)));
            self.wire.send(piece)?;
        }
        self.wire.response()
    }

    /// Announces all that is missing, sends a part of it and leaves.
    fn break_off(&mut self, random: &mut fastrand::Rng, first: usize) -> io::Result<()> {
        let left = self.content.len() - first;
        self.wire.send(self.head(first, left))?;
        self.wire.send(&self.content[first..first + random.usize(0..left)])?;
        self.wire.socket.shutdown(if random.bool() { Shutdown::Both } else { Shutdown::Write })
    }

    fn cancel(&mut self) -> io::Result<()> {
        let id = format!("BITS-Session-Id: {}", self.session);
        let cancelled = self.wire.request(packet("Cancel-Session", &self.path, &[&id], 0))?;
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
        Ok(())
    }

    /// Says something that is not so, is refused, and cancels.
    fn lie(&mut self, random: &mut fastrand::Rng, server: SocketAddr) -> io::Result<()> {
        let id = format!("BITS-Session-Id: {}", self.session);
        let say =
            |range: &str| packet("Fragment", &self.path, &[&id, &format!("Content-Range: bytes {range}")], 5);
        let stranger = "{00000000-0000-0000-0000-000000000001}";
        let lie = match random.u8(0..6) {
            0 => say("100-104/1000"),
            1 => say("0-99/1000"),
            2 => say("4-0/5"),
            3 => say("0-4/18446744073709551616"),
            4 => fragment(&self.path, stranger, 0, 5, 1000, &[]),
            _ => packet("Fragment", &self.path, &[&id], 5),
        };
        let refused = self.wire.request(lie + "lies!")?;
        // 500 for a session that nobody made, as IIS answers it.
        assert!((400..=500).contains(&refused.status), "{refused:?}");
        // The connection may be closed by now, or not.
        self.wire = RawConnection::connect(server)?;
        self.cancel()
    }

    fn fetch_reply(&mut self, ack: &Response) -> io::Result<()> {
        let url = ack.field(names::REPLY_URL).unwrap();
        let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap();
        let reply = self.wire.request(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))?;
        assert!(reply.status == 200 && reply.body == derived(&self.content, REPLY), "the reply differs");
        Ok(())
    }
}
