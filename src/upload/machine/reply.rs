//! The reply of an upload-reply job: where it is, and when the session may be closed (PROTOCOL 6.4, 7).

use super::{Termination, UploadMachine};
use crate::proto::{Ack, reply_url};
use crate::upload::checkpoint::UploadPhase;
use crate::upload::{Action, ReplyUrl, classify};

impl UploadMachine {
    /// Reports that the reply is flushed to disk; Close-Session is next. Does nothing unless an
    /// [`Action::FetchReply`] is being carried out.
    pub fn reply_fetched(&mut self) {
        if std::mem::take(&mut self.fetching) && self.checkpoint.phase == UploadPhase::FetchReply {
            self.checkpoint.phase = UploadPhase::Close;
            self.retry.reset();
        }
    }

    /// Reports that the download of the reply made progress, which restarts the no-progress timeout.
    pub fn reply_progressed(&mut self) {
        if self.fetching {
            self.retry.reset();
        }
    }

    /// Requests the reply once more although it was fetched before.
    pub fn fetch_reply_again(&mut self) {
        if self.checkpoint.phase == UploadPhase::Close && self.checkpoint.reply_url.is_some() {
            self.checkpoint.phase = UploadPhase::FetchReply;
        }
    }

    /// Returns the absolute URL from which the reply is fetched first; `None` until the server has sent it.
    pub fn reply_url(&self) -> Option<String> {
        self.reply_urls(self.checkpoint.reply_url.as_deref()?).ok()?.into_iter().next().map(|reply| reply.url)
    }

    /// Handles the acknowledgment of the last byte: the session is closed next, after the reply is fetched if
    /// one is wanted.
    pub(super) fn on_all_bytes_acknowledged(&mut self, ack: &Ack) {
        if !self.wants_reply {
            self.checkpoint.phase = UploadPhase::Close;
            return;
        }
        let outcome = match &ack.reply_url {
            Some(url) => self.reply_urls(url).map(drop).map_err(|flaw| classify::bad_reply_url(ack, flaw)),
            // A server may send the URL only in response to the last byte, which an earlier connection sent.
            None if ack.status == 416 && !self.resent_last_fragment => return self.resend_last_fragment(),
            None => Err(classify::no_reply_url(ack)),
        };
        match outcome {
            Ok(()) => {
                self.checkpoint.reply_url.clone_from(&ack.reply_url);
                self.checkpoint.phase = UploadPhase::FetchReply;
            }
            // The session is kept: the server has the file, and the next run requests the reply URL again.
            Err(error) => {
                self.rewind_to_last_fragment();
                self.termination = Some(Termination::Failed(error));
            }
        }
    }

    /// Sends the last fragment again. The response contains the reply URL, or reports that the session is
    /// lost.
    pub(super) fn resend_last_fragment(&mut self) {
        self.resent_last_fragment = true;
        self.rewind_to_last_fragment();
    }

    pub(super) fn rewind_to_last_fragment(&mut self) {
        self.checkpoint.reply_url = None;
        self.checkpoint.phase = UploadPhase::Fragment;
        // Zero for a file that is shorter than a fragment.
        self.checkpoint.offset = self.checkpoint.total.saturating_sub(self.sizer.length());
    }

    pub(super) fn fetch_reply(&mut self) -> Action {
        let url = self.checkpoint.reply_url.as_deref();
        debug_assert!(url.is_some(), "the phase FetchReply always has a reply URL");
        match self.reply_urls(url.unwrap_or_default()) {
            Ok(urls) => {
                self.fetching = true;
                Action::FetchReply(urls)
            }
            Err(flaw) => {
                let error = classify::bad_reply_url(&Ack::ok(), flaw);
                self.termination = Some(Termination::Failed(error.clone()));
                Action::Failed(error)
            }
        }
    }

    /// Resolves a reply URL: first against the origin, which the captured client used, then against the
    /// server of the host id, which received the packets.
    fn reply_urls(&self, reply: &str) -> Result<Vec<ReplyUrl>, reply_url::ReplyUrlError> {
        let bases = [self.checkpoint.url.clone(), self.packet_url()];
        let mut urls: Vec<ReplyUrl> = Vec::new();
        for base in &bases {
            let url = reply_url::resolve(reply, base)?;
            if !urls.iter().any(|known| known.url == url) {
                urls.push(ReplyUrl { trust: self.trust_of(&url), url });
            }
        }
        Ok(urls)
    }
}
