//! The reply of an upload-reply job: where it is, and when the session may be closed (PROTOCOL 6.4, 7).

use super::machine::{Ending, Upload};
use super::state::Phase;
use super::{Action, ReplyUrl, judge};
use crate::proto::{Ack, reply_url};

impl Upload {
    /// The reply is safe on disk: from now on Close-Session is owed. Means nothing unless an
    /// [`Action::FetchReply`] is under way.
    pub fn reply_fetched(&mut self) {
        if std::mem::take(&mut self.fetching) && self.memory.phase == Phase::FetchReply {
            self.memory.phase = Phase::Close;
            self.retry.progress();
        }
    }

    /// Bytes of the reply came in that never came before: patience starts anew.
    pub fn reply_progressed(&mut self) {
        if self.fetching {
            self.retry.progress();
        }
    }

    /// The reply is wanted once more, although it was fetched before.
    pub fn fetch_reply_again(&mut self) {
        if self.memory.phase == Phase::Close && self.memory.reply_url.is_some() {
            self.memory.phase = Phase::FetchReply;
            self.memory.close_in_doubt = false;
        }
    }

    /// Where the reply is expected first, as soon as the server has said so.
    pub fn reply_url(&self) -> Option<String> {
        self.candidates(self.memory.reply_url.as_deref()?).ok()?.into_iter().next().map(|reply| reply.url)
    }

    /// All bytes are there. The session is closed next, unless there is a reply to be fetched before.
    pub(super) fn complete(&mut self, ack: &Ack) {
        if !self.wants_reply {
            self.memory.phase = Phase::Close;
            return;
        }
        let outcome = match &ack.reply_url {
            Some(url) => self.candidates(url).map(drop).map_err(|flaw| judge::bad_reply_url(ack, flaw)),
            // A server may tell only those who send the last byte, and that was a connection ago.
            None if ack.status == 416 && !self.asked_again => return self.ask_again(),
            None => Err(judge::no_reply_url(ack)),
        };
        match outcome {
            Ok(()) => {
                self.memory.reply_url.clone_from(&ack.reply_url);
                self.memory.phase = Phase::FetchReply;
            }
            // The session stays: the file is with the server, and the next run asks once more.
            Err(error) => {
                self.rewind();
                self.ending = Some(Ending::Failed(error));
            }
        }
    }

    /// Sends the last fragment again: its answer says where the reply is, or that the session is lost.
    pub(super) fn ask_again(&mut self) {
        self.asked_again = true;
        self.rewind();
    }

    pub(super) fn rewind(&mut self) {
        let total = self.memory.total;
        self.memory.reply_url = None;
        self.memory.close_in_doubt = false;
        self.memory.phase = Phase::Fragment;
        self.memory.offset = total.saturating_sub(self.plan.length());
    }

    /// Asks the caller for the reply.
    pub(super) fn fetch(&mut self) -> Action {
        let url = self.memory.reply_url.as_deref().unwrap_or_default();
        match self.candidates(url) {
            Ok(urls) => {
                self.fetching = true;
                Action::FetchReply(urls)
            }
            Err(flaw) => {
                let error = judge::bad_reply_url(&Ack::ok(), flaw);
                self.ending = Some(Ending::Failed(error.clone()));
                Action::Failed(error)
            }
        }
    }

    /// Where the reply may be: first at the original host, where the captured client asked, then at the host
    /// of the host id, where all packets went.
    fn candidates(&self, reply: &str) -> Result<Vec<ReplyUrl>, reply_url::ReplyUrlError> {
        let bases = [self.memory.url.clone(), self.url()];
        let mut urls: Vec<ReplyUrl> = Vec::new();
        for base in &bases {
            let url = reply_url::resolve(reply, base)?;
            if !urls.iter().any(|known| known.url == url) {
                urls.push(ReplyUrl { trust: self.trust(&url), url });
            }
        }
        Ok(urls)
    }
}
