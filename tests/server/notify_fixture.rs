//! Complete uploads, and what a notifier decides about them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitsup::engine::{Hooks, Upload, Verdict};
use bitsup::log::{Level, Logger};
use bitsup::proto::{Headers, PacketKind, SessionId};
use bitsup::server::{Notifier, NotifyConfig, NotifyKind, NotifyTimeouts};
use bitsup::store::Content;

pub const ID: &str = "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}";
/// Longer than anything takes; a test that waits for it fails.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// The default configuration, with timeouts short enough for a failing test.
pub fn config(kind: NotifyKind, url: impl Into<String>) -> NotifyConfig {
    NotifyConfig::new(kind, url).timeouts(timeouts(TIMEOUT, TIMEOUT, TIMEOUT))
}

pub fn timeouts(send: Duration, receive_headers: Duration, receive_body: Duration) -> NotifyTimeouts {
    NotifyTimeouts::default().send(send).receive_headers(receive_headers).receive_body(receive_body)
}

pub fn by_value(url: impl Into<String>) -> Notifier {
    Notifier::new(config(NotifyKind::ByValue, url)).unwrap()
}

pub fn by_reference(url: impl Into<String>) -> Notifier {
    Notifier::new(config(NotifyKind::ByReference, url)).unwrap()
}

/// Returns a logger and the lines that it receives.
pub fn log() -> (Logger, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let logger = Logger::new(Level::Trace, move |level, target, text| {
        sink.lock().unwrap().push(format!("{level:?} {target} {text}"));
    });
    (logger, lines)
}

/// A complete upload.
pub struct CompleteUpload {
    pub target: String,
    pub url: String,
    pub content: Box<dyn Content>,
    pub data_path: Option<PathBuf>,
    pub reply_path: Option<PathBuf>,
    /// Keeps the files until the upload is dropped.
    _directory: Option<tempfile::TempDir>,
}

impl CompleteUpload {
    /// An upload in a store without files.
    pub fn in_memory(content: impl Content + 'static) -> Self {
        Self {
            target: "/v/f.txt".into(),
            url: "http://up.test/v/f.txt".into(),
            content: Box::new(content),
            data_path: None,
            reply_path: None,
            _directory: None,
        }
    }

    /// An upload in a directory store.
    pub fn in_files(content: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        std::fs::write(&data, content).unwrap();
        Self {
            data_path: Some(data.clone()),
            reply_path: Some(directory.path().join("reply")),
            _directory: Some(directory),
            ..Self::in_memory(OnDisk(File::open(data).unwrap()))
        }
    }

    pub fn reply_path(&self) -> &Path {
        self.reply_path.as_deref().unwrap()
    }

    /// Notifies of the upload, and returns the decision.
    pub fn notify(&self, notifier: &Notifier) -> Decision {
        let (headers, mut verdict) = (Headers::new(), Verdict::default());
        notifier.on_received(
            &Upload {
                packet: Some(PacketKind::Fragment),
                session_id: SessionId::parse(ID),
                target: &self.target,
                url: &self.url,
                peer: None,
                owner: None,
                headers: &headers,
                received: self.content.length(),
                total: Some(self.content.length()),
                content: Some(&*self.content),
                data_path: self.data_path.as_deref(),
                reply_path: self.reply_path.as_deref(),
            },
            &mut verdict,
        );
        Decision(format!("{verdict:?}"))
    }
}

/// A verdict in its debug format, because only the engine can read one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision(String);

impl Decision {
    /// Returns status, HRESULT and context of a rejection.
    pub fn rejection(&self) -> Option<(u16, u32, &str)> {
        let rest = self.0.split_once("rejection: Some(Fault { ")?.1;
        let value = |name: &str| {
            let from = rest.split_once(name).unwrap().1;
            &from[..from.find([',', ')']).unwrap()]
        };
        let hresult = value("hresult: Some(HResult(").parse().unwrap();
        Some((value("status: ").parse().unwrap(), hresult, value("context: ")))
    }

    pub fn is_accepted(&self) -> bool {
        self.0.contains("rejection: None")
    }

    /// Returns whether the file goes to its destination. The upload must be accepted.
    pub fn keeps_file(&self) -> bool {
        assert!(self.is_accepted(), "{self:?}");
        assert_ne!(self.0.contains("keep_file: Some(true)"), self.0.contains("keep_file: Some(false)"));
        self.0.contains("keep_file: Some(true)")
    }

    fn has_reply(&self, reply: &str) -> bool {
        assert!(self.is_accepted(), "{self:?}");
        self.0.contains(&format!("reply: {reply}"))
    }

    pub fn replies_bytes(&self, bytes: &[u8]) -> bool {
        self.has_reply(&format!("Bytes({bytes:?})"))
    }

    pub fn replies_file(&self, path: &Path) -> bool {
        self.has_reply(&format!("File({path:?})"))
    }

    pub fn replies_url(&self, url: &str) -> bool {
        self.has_reply(&format!("Url({url:?})"))
    }
}

/// Bytes in memory.
pub struct InMemory(pub Vec<u8>);

impl Content for InMemory {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn modified_ms(&self) -> u64 {
        0
    }

    fn read_at(&self, offset: u64, mut buffer: &mut [u8]) -> io::Result<usize> {
        io::Write::write(&mut buffer, &self.0[offset as usize..])
    }
}

struct OnDisk(File);

impl Content for OnDisk {
    fn length(&self) -> u64 {
        self.0.metadata().unwrap().len()
    }

    fn modified_ms(&self) -> u64 {
        0
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}
