//! The part of an upload that survives the process.

use serde::{Deserialize, Serialize};

use super::host::HostId;
use super::judge::is_session_id;
use crate::error::{Error, Status};
use crate::proto::reply_url::resolve;

/// Raised when an older reader would misunderstand what is written.
const VERSION: u32 = 1;

/// The part of an upload that survives the process: serialisable, opaque, versioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResumeState(Stored);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Readable {
        version: u32,
        #[serde(flatten)]
        memory: Memory,
    },
    /// From a newer release, or damaged; kept so that opening it can say which.
    Unreadable { version: u32 },
}

/// What the machine knows for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) url: String,
    pub(super) total: u64,
    /// As the server named it.
    pub(super) session: Option<String>,
    /// Acknowledged bytes.
    pub(super) offset: u64,
    pub(super) phase: Phase,
    /// A Close-Session went out whose answer never came: the session may be closed already.
    pub(super) close_in_doubt: bool,
    /// Where packets go instead of the URL's own host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host_id: Option<HostId>,
    /// Where the reply is, in the server's words. Known to upload-reply jobs only, from the last fragment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reply_url: Option<String>,
}

/// What is owed to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    Create,
    Fragment,
    FetchReply,
    Close,
    Cancel,
}

impl Memory {
    pub(super) fn new(url: &str, total: u64) -> Self {
        let phase = Phase::Create;
        Self {
            url: url.to_owned(),
            total,
            session: None,
            offset: 0,
            phase,
            close_in_doubt: false,
            host_id: None,
            reply_url: None,
        }
    }

    /// Back to the time before Create-Session. The next one goes where the last one led (PROTOCOL 6.7).
    pub(super) fn forget_session(&mut self) {
        self.session = None;
        self.offset = 0;
        self.phase = Phase::Create;
        self.close_in_doubt = false;
        self.reply_url = None;
    }

    /// Whether the fields fit together: a damaged file must not send the machine astray.
    fn is_sound(&self) -> bool {
        let is_named = self.session.as_deref().is_some_and(is_session_id);
        let is_at_end = self.offset == self.total;
        if self.host_id.as_ref().is_some_and(|host| !host.is_sound()) {
            return false;
        }
        match self.phase {
            Phase::Create => self.session.is_none() && self.offset == 0 && !self.close_in_doubt,
            // An empty file has a fragment, too.
            Phase::Fragment => {
                is_named && (self.offset < self.total || self.offset == 0) && !self.close_in_doubt
            }
            Phase::FetchReply => {
                let is_url = |reply| resolve(reply, &self.url).is_ok();
                is_named && is_at_end && !self.close_in_doubt && self.reply_url.as_deref().is_some_and(is_url)
            }
            Phase::Close => is_named && is_at_end,
            Phase::Cancel => (is_named || self.session.is_none()) && self.offset <= self.total,
        }
    }
}

impl ResumeState {
    pub(super) fn new(memory: Memory) -> Self {
        Self(Stored::Readable { version: VERSION, memory })
    }

    /// Whether more than the offset differs from `saved`. Then this state has to be on disk before the
    /// next request goes out; a stale offset alone does no harm, for the server corrects it.
    pub fn is_new_step(&self, saved: &Self) -> bool {
        match (&self.0, &saved.0) {
            (Stored::Readable { memory: new, .. }, Stored::Readable { memory: old, .. }) => {
                *new != Memory { offset: new.offset, ..old.clone() }
            }
            (new, old) => new != old,
        }
    }

    /// What was kept of the upload of `total` bytes to `url`.
    pub(super) fn open(&self, url: &str, total: u64) -> Result<&Memory, Error> {
        let refuse = |message| Err(Error::new(Status::InvalidArgument, message));
        match &self.0 {
            Stored::Readable { version, .. } | Stored::Unreadable { version } if *version > VERSION => {
                refuse("the saved state comes from a newer version of bitsup; use that one, or start over")
            }
            Stored::Readable { memory, .. } if memory.url != url => {
                refuse("the saved state belongs to an upload to another URL")
            }
            Stored::Readable { memory, .. } if memory.total != total => {
                refuse("the saved state belongs to a source of another length")
            }
            Stored::Readable { memory, .. } if memory.is_sound() => Ok(memory),
            Stored::Readable { .. } | Stored::Unreadable { .. } => {
                refuse("the saved state is damaged; start over")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://h/f";

    fn fragment() -> Memory {
        let session = Some("{A}".to_owned());
        Memory { session, offset: 5, phase: Phase::Fragment, ..Memory::new(URL, 10) }
    }

    fn from_json(json: &str) -> ResumeState {
        serde_json::from_str(json).unwrap()
    }

    fn refusal(state: &ResumeState) -> String {
        state.open(URL, 10).unwrap_err().message().to_owned()
    }

    #[test]
    fn what_is_written_reads_back() {
        let close = Memory { offset: 10, phase: Phase::Close, close_in_doubt: true, ..fragment() };
        let cancel = Memory { phase: Phase::Cancel, ..fragment() };
        let fetch =
            Memory { offset: 10, phase: Phase::FetchReply, reply_url: Some("r".into()), ..fragment() };
        let farm = Memory { host_id: HostId::new("node", Some(3)), ..fragment() };
        for memory in [Memory::new(URL, 10), fragment(), close, cancel, fetch, farm] {
            let state = ResumeState::new(memory.clone());
            let read = from_json(&serde_json::to_string(&state).unwrap());
            assert_eq!(read, state);
            assert_eq!(read.open(URL, 10).unwrap(), &memory);
        }
    }

    #[test]
    fn the_written_form_stays() {
        let json = concat!(
            r#"{"version":1,"url":"http://h/f","total":10,"session":"{A}","#,
            r#""offset":5,"phase":"fragment","close_in_doubt":false}"#
        );
        assert_eq!(serde_json::to_string(&ResumeState::new(fragment())).unwrap(), json);
    }

    #[test]
    fn a_host_id_reads_with_and_without_the_time_it_was_missed() {
        let farm = Memory { host_id: HostId::new("node", Some(3)), ..fragment() };
        let json = serde_json::to_string(&ResumeState::new(farm.clone())).unwrap();
        assert!(json.ends_with(r#""host_id":{"name":"node","fallback_s":3}}"#), "{json}");
        let mut missed = farm.clone();
        missed.host_id.as_mut().unwrap().missed(7);
        let (farm, missed) = (ResumeState::new(farm), ResumeState::new(missed));
        assert_eq!(from_json(&serde_json::to_string(&missed).unwrap()), missed);
        assert!(missed.is_new_step(&farm) && farm.is_new_step(&missed), "kept before the next request");
    }

    #[test]
    fn a_host_id_that_is_none_is_damage() {
        let farm = Memory { host_id: HostId::new("node", None), ..fragment() };
        let json = serde_json::to_string(&ResumeState::new(farm)).unwrap();
        assert!(refusal(&from_json(&json.replace("node", "a/b"))).contains("damaged"));
    }

    #[test]
    fn another_url_or_length_is_another_upload() {
        let state = ResumeState::new(fragment());
        assert!(state.open("http://h/g", 10).unwrap_err().message().contains("another URL"));
        assert!(state.open(URL, 11).unwrap_err().message().contains("another length"));
    }

    #[test]
    fn a_newer_state_is_named_as_such_whatever_it_holds() {
        for json in [r#"{"version":2}"#, r#"{"version":9,"url":7,"phase":"sing","more":[]}"#] {
            assert!(refusal(&from_json(json)).contains("newer"), "{json}");
        }
        let alike = serde_json::to_string(&ResumeState::new(fragment())).unwrap();
        assert!(refusal(&from_json(&alike.replace(r#""version":1"#, r#""version":2"#))).contains("newer"));
    }

    #[test]
    fn a_damaged_state_is_refused() {
        assert!(refusal(&from_json(r#"{"version":1,"url":"http://h/f"}"#)).contains("damaged"));
        let damaged = [
            Memory { session: None, ..fragment() },
            Memory { session: Some("a\r\nb".into()), ..fragment() },
            Memory { offset: 11, ..fragment() },
            Memory { offset: 10, ..fragment() },
            Memory { phase: Phase::Close, ..fragment() },
            Memory { phase: Phase::Create, ..fragment() },
            Memory { offset: 10, phase: Phase::FetchReply, ..fragment() },
            Memory { offset: 10, phase: Phase::FetchReply, reply_url: Some("ftp://h".into()), ..fragment() },
            Memory { phase: Phase::FetchReply, reply_url: Some("r".into()), ..fragment() },
            Memory { offset: 11, phase: Phase::Cancel, ..fragment() },
        ];
        for memory in damaged {
            assert!(refusal(&ResumeState::new(memory.clone())).contains("damaged"), "{memory:?}");
        }
        let empty = ResumeState::new(Memory { total: 0, ..fragment() });
        assert!(empty.open(URL, 0).unwrap_err().message().contains("damaged"));
        assert!(serde_json::from_str::<ResumeState>("[]").is_err());
        assert!(serde_json::from_str::<ResumeState>("{}").is_err());
    }

    #[test]
    fn only_the_offset_may_lag_behind() {
        let saved = ResumeState::new(fragment());
        assert!(!ResumeState::new(Memory { offset: 6, ..fragment() }).is_new_step(&saved));
        let steps = [
            Memory { phase: Phase::Cancel, ..fragment() },
            Memory { session: Some("{B}".into()), ..fragment() },
            Memory { close_in_doubt: true, ..fragment() },
            Memory { host_id: HostId::new("node", None), ..fragment() },
            Memory { reply_url: Some("r".into()), ..fragment() },
        ];
        for step in steps {
            assert!(ResumeState::new(step.clone()).is_new_step(&saved), "{step:?}");
        }
    }
}
