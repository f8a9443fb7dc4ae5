//! Packets sent to an engine, once with whole bodies and then in pieces: responses and files must be the same.
//!
//! The first byte is the length of the file, the second the size of the first piece. Then each packet is four bytes:
//! its type, first offset and length of a Fragment, and how much of the body arrives before the connection is lost.

use std::sync::Arc;

use bitsup::clock::ManualClock;
use bitsup::engine::{Engine, EngineConfig, Overlap, RequestHead, Response, Want};
use bitsup::proto::names;
use bitsup::store::MemoryStore;

const PATH: &str = "/file";

pub fn run(data: &[u8]) {
    let [total, piece, packets @ ..] = data else { return };
    let replay = |piece| Replay::new(*total, piece, data).run(packets);
    let whole = replay(usize::MAX);
    assert_eq!(whole, replay(1));
    assert_eq!(whole, replay(usize::from(*piece) + 1));
}

/// An upload of one file.
struct Replay {
    store: MemoryStore,
    engine: Engine,
    session: String,
    total: u64,
    /// Size of the first piece of each body; the size doubles with each further piece.
    piece: usize,
    responses: Vec<String>,
}

impl Replay {
    fn new(total: u8, piece: usize, data: &[u8]) -> Self {
        let store = MemoryStore::default();
        let config = EngineConfig::new(Arc::new(store.clone()))
            .clock(Arc::new(ManualClock::new(0)))
            .allow_overwrite(true)
            .overlap(if data.len().is_multiple_of(2) { Overlap::Trim } else { Overlap::Reject })
            .max_fragment_size(200);
        let engine = Engine::new(config).unwrap();
        let (session, responses) = (String::new(), Vec::new());
        Self { store, engine, session, total: total.into(), piece, responses }
    }

    /// Returns the responses, the stored file, and the number of sessions at the end.
    fn run(mut self, packets: &[u8]) -> (Vec<String>, Option<Vec<u8>>, u64) {
        self.send("Create-Session", None, None);
        for packet in packets.chunks_exact(4).take(32) {
            match packet {
                [0, ..] => self.send("Close-Session", None, None),
                [1, ..] => self.send("Cancel-Session", None, None),
                [2, ..] => self.send("Ping", None, None),
                [3, ..] => self.send("Create-Session", None, None),
                [kind, first, length, lost] => {
                    let lost = (kind.is_multiple_of(2)).then_some(usize::from(*lost));
                    self.send("Fragment", Some((u64::from(*first), u64::from(*length))), lost);
                }
                _ => {}
            }
        }
        (self.responses, self.store.file(&PATH[1..]), self.engine.session_count())
    }

    fn send(&mut self, kind: &str, range: Option<(u64, u64)>, lost: Option<usize>) {
        let mut head = RequestHead::from_wire(names::METHOD.as_bytes(), PATH.as_bytes());
        let (first, length) = range.unwrap_or_default();
        head.headers.push(names::PACKET_TYPE, kind);
        head.headers.push(names::CONTENT_LENGTH, length.to_string());
        head.headers.push(names::SUPPORTED_PROTOCOLS, names::PROTOCOL_GUID);
        head.headers.push(names::SESSION_ID, &self.session);
        if range.is_some() {
            let last = (first + length).wrapping_sub(1);
            head.headers.push(names::CONTENT_RANGE, format!("bytes {first}-{last}/{}", self.total));
        }
        let body: Vec<u8> = (first..first + length).map(|at| at as u8).collect();
        let mut exchange = self.engine.begin(head);
        let (mut rest, mut piece) = (&body[..lost.unwrap_or(body.len()).min(body.len())], self.piece);
        while let (Want::Body(_), false) = (exchange.want(), rest.is_empty()) {
            let (next, remaining) = rest.split_at(piece.min(rest.len()));
            exchange.body(next);
            (rest, piece) = (remaining, piece.saturating_mul(2));
        }
        match lost {
            Some(_) => drop(exchange),
            None => self.record(&exchange.finish()),
        }
    }

    /// Records the response without the session id, which is random.
    fn record(&mut self, response: &Response) {
        let id = response.headers.iter().find(|(name, _)| *name == names::SESSION_ID);
        if let Some((_, id)) = id {
            self.session.clone_from(id);
        }
        let fields = response.headers.iter().filter(|(name, _)| *name != names::SESSION_ID);
        let fields: Vec<_> = fields.map(|(name, value)| format!("{name}: {value}")).collect();
        self.responses.push(format!("{} {} {fields:?}", response.status, response.close));
    }
}
