//! One GET over HTTP: the head of the answer, and its body as it comes.

use std::io::Read;

use ureq::BodyReader;
use ureq::http::{self, Uri, header};

use super::{Answered, Http, failure, parse_url};
use crate::error::Error;
use crate::proto::packet::content_length;
use crate::proto::{Headers, names};
use crate::upload::Trust;

/// An answer whose body is still to be read.
pub(in crate::client) struct Answer {
    pub status: u16,
    pub headers: Headers,
    /// Length of the body; `None` when only its end will show.
    pub length: Option<u64>,
    body: BodyReader<'static>,
    uri: Uri,
}

impl Http {
    /// Asks for a resource. A foreign server is not told the header fields of the configuration either, which
    /// may be secrets between the user and the servers of the upload.
    ///
    /// Errors: as the table in `failure` says.
    pub fn get(&self, url: &str, headers: &[(&'static str, String)], trust: Trust) -> Result<Answer, Error> {
        let (uri, mut answered) = (parse_url(url)?, Answered::of(trust));
        loop {
            // What came before is dropped, so that its connection is free again.
            let answer = self.get_once(&uri, headers, trust)?;
            if !self.is_worth_repeating(&uri, answer.status, &answer.headers, &mut answered)? {
                return Ok(answer);
            }
        }
    }

    fn get_once(&self, uri: &Uri, headers: &[(&'static str, String)], trust: Trust) -> Result<Answer, Error> {
        self.line.begin();
        let mut message = http::Request::get(uri).header(header::ACCEPT_ENCODING, "identity");
        for (name, value) in headers {
            message = message.header(*name, value);
        }
        for (name, value) in self.headers.iter().filter(|_| trust != Trust::Foreign) {
            message = message.header(name, value);
        }
        for (name, value) in self.credentials(uri, trust) {
            message = message.header(name, value);
        }
        let outcome = message.body(()).map_err(ureq::Error::from).and_then(|message| {
            let message = self.agent.configure_request(message);
            // Downloads have one limit for request and answer (PROTOCOL 6.3). However long the whole takes, no
            // single wait for bytes may.
            let message = message
                .timeout_send_request(Some(self.response_timeout))
                .timeout_send_body(Some(self.response_timeout))
                .timeout_recv_body(None)
                .timeout_per_read(Some(self.response_timeout));
            self.agent.run(message.build())
        });
        match outcome {
            Ok(answer) => Ok(Answer::new(answer, uri.clone())),
            Err(error) => {
                self.line.interrupt.check()?;
                Err(failure::of(error, uri))
            }
        }
    }
}

impl Answer {
    fn new(answer: http::Response<ureq::Body>, uri: Uri) -> Self {
        let (head, body) = answer.into_parts();
        let headers = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let headers: Headers = headers.collect();
        Self {
            status: head.status.as_u16(),
            length: content_length(&headers).ok().flatten(),
            headers,
            body: body.into_reader(),
            uri,
        }
    }

    /// Whether a body that ends early is told from one that is whole.
    pub fn has_visible_end(&self) -> bool {
        self.length.is_some() || self.headers.all(names::TRANSFER_ENCODING).next().is_some()
    }

    /// The next bytes of the body; 0 at its end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.body.read(buffer).map_err(|error| {
            let error = error.downcast::<ureq::Error>().unwrap_or_else(ureq::Error::from);
            failure::of(error, &self.uri)
        })
    }
}
