//! The part of an upload's state that survives the process.

use serde::{Deserialize, Serialize};

use super::classify::is_session_id;
use super::session_host::SessionHost;
use crate::error::{Error, Status};
use crate::proto::reply_url::resolve;

/// Format version; raised when an older reader would misunderstand the content.
const VERSION: u32 = 1;

/// The state from which [`super::UploadMachine::resume`] continues an upload, in this process or another.
///
/// Opaque and versioned; store it with any serde format. It contains the session id, with which anyone could
/// disturb the upload, so keep it private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResumeState(StoredState);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum StoredState {
    Readable {
        version: u32,
        #[serde(flatten)]
        checkpoint: Checkpoint,
    },
    /// Written by a newer release, or damaged. Kept, so that [`ResumeState::open`] can tell which.
    Unreadable { version: u32 },
}

/// The persistent state of [`super::UploadMachine`]. The field names are part of the stored format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) url: String,
    pub(super) total: u64,
    /// The session id, exactly as the server sent it.
    pub(super) session: Option<String>,
    /// Number of acknowledged bytes.
    pub(super) offset: u64,
    pub(super) phase: UploadPhase,
    /// A Close-Session was sent and its response did not arrive: the session may be closed already.
    pub(super) close_in_doubt: bool,
    /// The server that packets are sent to instead of the one in `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host_id: Option<SessionHost>,
    /// The reply URL exactly as the server sent it; set in upload-reply jobs, from the last fragment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reply_url: Option<String>,
}

/// The step of the protocol that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UploadPhase {
    Create,
    Fragment,
    FetchReply,
    Close,
    Cancel,
}

impl Checkpoint {
    pub(super) fn new(url: &str, total: u64) -> Self {
        Self {
            url: url.to_owned(),
            total,
            session: None,
            offset: 0,
            phase: UploadPhase::Create,
            close_in_doubt: false,
            host_id: None,
            reply_url: None,
        }
    }

    /// Goes back to before Create-Session. The next one is sent to the same server as the last packet (PROTOCOL 6.7).
    pub(super) fn forget_session(&mut self) {
        self.session = None;
        self.offset = 0;
        self.phase = UploadPhase::Create;
        self.close_in_doubt = false;
        self.reply_url = None;
    }

    /// Whether the fields are consistent, so that a damaged file cannot put the machine into an impossible state.
    fn is_valid(&self) -> bool {
        let has_session = self.session.as_deref().is_some_and(is_session_id);
        let is_at_end = self.offset == self.total;
        if self.host_id.as_ref().is_some_and(|host| !host.is_valid()) {
            return false;
        }
        match self.phase {
            UploadPhase::Create => self.session.is_none() && self.offset == 0 && !self.close_in_doubt,
            // An empty file is sent as one fragment, at offset 0 of 0.
            UploadPhase::Fragment => {
                has_session && (self.offset < self.total || self.offset == 0) && !self.close_in_doubt
            }
            UploadPhase::FetchReply => {
                let is_url = |reply| resolve(reply, &self.url).is_ok();
                has_session
                    && is_at_end
                    && !self.close_in_doubt
                    && self.reply_url.as_deref().is_some_and(is_url)
            }
            UploadPhase::Close => has_session && is_at_end,
            UploadPhase::Cancel => (has_session || self.session.is_none()) && self.offset <= self.total,
        }
    }
}

impl ResumeState {
    pub(super) fn new(checkpoint: Checkpoint) -> Self {
        Self(StoredState::Readable { version: VERSION, checkpoint })
    }

    /// Whether this state differs from `saved` in more than the offset.
    ///
    /// If so, it has to be on disk before the next request is sent. A stale offset alone is harmless, because the
    /// server corrects it.
    pub fn is_new_step(&self, saved: &Self) -> bool {
        match (&self.0, &saved.0) {
            (
                StoredState::Readable { checkpoint: new, .. },
                StoredState::Readable { checkpoint: old, .. },
            ) => *new != Checkpoint { offset: new.offset, ..old.clone() },
            (new, old) => new != old,
        }
    }

    /// Returns the checkpoint if it is one of an upload of `total` bytes to `url`.
    pub(super) fn open(&self, url: &str, total: u64) -> Result<&Checkpoint, Error> {
        let reject = |message| Err(Error::new(Status::InvalidArgument, message));
        match &self.0 {
            StoredState::Readable { version, .. } | StoredState::Unreadable { version }
                if *version > VERSION =>
            {
                reject(
                    "the saved state was written by a newer version of bitsup: use that version, or start over",
                )
            }
            StoredState::Readable { checkpoint, .. } if checkpoint.url != url => {
                reject("the saved state belongs to an upload to another URL")
            }
            StoredState::Readable { checkpoint, .. } if checkpoint.total != total => {
                reject("the saved state belongs to a source of another length")
            }
            StoredState::Readable { checkpoint, .. } if checkpoint.is_valid() => Ok(checkpoint),
            StoredState::Readable { .. } | StoredState::Unreadable { .. } => {
                reject("the saved state is damaged: start over")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://h/f";

    fn fragment() -> Checkpoint {
        let session = Some("{A}".to_owned());
        Checkpoint { session, offset: 5, phase: UploadPhase::Fragment, ..Checkpoint::new(URL, 10) }
    }

    fn from_json(json: &str) -> ResumeState {
        serde_json::from_str(json).unwrap()
    }

    fn rejection(state: &ResumeState) -> String {
        state.open(URL, 10).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_state_survives_serialization() {
        let close = Checkpoint { offset: 10, phase: UploadPhase::Close, close_in_doubt: true, ..fragment() };
        let cancel = Checkpoint { phase: UploadPhase::Cancel, ..fragment() };
        let fetch = Checkpoint {
            offset: 10,
            phase: UploadPhase::FetchReply,
            reply_url: Some("r".into()),
            ..fragment()
        };
        let host = Checkpoint { host_id: SessionHost::new("node", Some(3)), ..fragment() };
        for checkpoint in [Checkpoint::new(URL, 10), fragment(), close, cancel, fetch, host] {
            let state = ResumeState::new(checkpoint.clone());
            let read = from_json(&serde_json::to_string(&state).unwrap());
            assert_eq!(read, state);
            assert_eq!(read.open(URL, 10).unwrap(), &checkpoint);
        }
    }

    #[test]
    fn the_stored_format_is_stable() {
        let json = concat!(
            r#"{"version":1,"url":"http://h/f","total":10,"session":"{A}","#,
            r#""offset":5,"phase":"fragment","close_in_doubt":false}"#
        );
        assert_eq!(serde_json::to_string(&ResumeState::new(fragment())).unwrap(), json);
    }

    #[test]
    fn a_host_id_is_stored_with_the_time_since_it_is_unreachable() {
        let host = Checkpoint { host_id: SessionHost::new("node", Some(3)), ..fragment() };
        let json = serde_json::to_string(&ResumeState::new(host.clone())).unwrap();
        assert!(json.ends_with(r#""host_id":{"name":"node","fallback_s":3}}"#), "{json}");
        let mut unreachable = host.clone();
        unreachable.host_id.as_mut().unwrap().mark_unreachable(7);
        let (host, unreachable) = (ResumeState::new(host), ResumeState::new(unreachable));
        assert_eq!(from_json(&serde_json::to_string(&unreachable).unwrap()), unreachable);
        assert!(
            unreachable.is_new_step(&host) && host.is_new_step(&unreachable),
            "saved before the next request"
        );
    }

    #[test]
    fn an_invalid_host_id_is_damage() {
        let host = Checkpoint { host_id: SessionHost::new("node", None), ..fragment() };
        let json = serde_json::to_string(&ResumeState::new(host)).unwrap();
        assert!(rejection(&from_json(&json.replace("node", "a/b"))).contains("damaged"));
    }

    #[test]
    fn a_state_of_another_url_or_length_is_rejected() {
        let state = ResumeState::new(fragment());
        assert!(state.open("http://h/g", 10).unwrap_err().message().contains("another URL"));
        assert!(state.open(URL, 11).unwrap_err().message().contains("another length"));
    }

    #[test]
    fn a_newer_state_is_recognized_whatever_its_content() {
        for json in [r#"{"version":2}"#, r#"{"version":9,"url":7,"phase":"sing","more":[]}"#] {
            assert!(rejection(&from_json(json)).contains("newer"), "{json}");
        }
        let alike = serde_json::to_string(&ResumeState::new(fragment())).unwrap();
        assert!(rejection(&from_json(&alike.replace(r#""version":1"#, r#""version":2"#))).contains("newer"));
    }

    #[test]
    fn a_damaged_state_is_rejected() {
        assert!(rejection(&from_json(r#"{"version":1,"url":"http://h/f"}"#)).contains("damaged"));
        let damaged = [
            Checkpoint { session: None, ..fragment() },
            Checkpoint { session: Some("a\r\nb".into()), ..fragment() },
            Checkpoint { offset: 11, ..fragment() },
            Checkpoint { offset: 10, ..fragment() },
            Checkpoint { phase: UploadPhase::Close, ..fragment() },
            Checkpoint { phase: UploadPhase::Create, ..fragment() },
            Checkpoint { offset: 10, phase: UploadPhase::FetchReply, ..fragment() },
            Checkpoint {
                offset: 10,
                phase: UploadPhase::FetchReply,
                reply_url: Some("ftp://h".into()),
                ..fragment()
            },
            Checkpoint { phase: UploadPhase::FetchReply, reply_url: Some("r".into()), ..fragment() },
            Checkpoint { offset: 11, phase: UploadPhase::Cancel, ..fragment() },
        ];
        for checkpoint in damaged {
            assert!(rejection(&ResumeState::new(checkpoint.clone())).contains("damaged"), "{checkpoint:?}");
        }
        let empty = ResumeState::new(Checkpoint { total: 0, ..fragment() });
        assert!(empty.open(URL, 0).unwrap_err().message().contains("damaged"));
        assert!(serde_json::from_str::<ResumeState>("[]").is_err());
        assert!(serde_json::from_str::<ResumeState>("{}").is_err());
    }

    #[test]
    fn only_the_offset_may_be_stale() {
        let saved = ResumeState::new(fragment());
        assert!(!ResumeState::new(Checkpoint { offset: 6, ..fragment() }).is_new_step(&saved));
        let steps = [
            Checkpoint { phase: UploadPhase::Cancel, ..fragment() },
            Checkpoint { session: Some("{B}".into()), ..fragment() },
            Checkpoint { close_in_doubt: true, ..fragment() },
            Checkpoint { host_id: SessionHost::new("node", None), ..fragment() },
            Checkpoint { reply_url: Some("r".into()), ..fragment() },
        ];
        for step in steps {
            assert!(ResumeState::new(step.clone()).is_new_step(&saved), "{step:?}");
        }
    }
}
