//! GET requests, whose response bodies are read as they arrive.

use std::io::Read;

use ureq::BodyReader;
use ureq::http::{self, Uri, header};

use super::url::parse_url;
use super::{AuthAttempts, HttpClient, failure};
use crate::error::Error;
use crate::proto::packet::content_length;
use crate::proto::{Headers, names};
use crate::upload::Trust;

/// A response whose body has not been read yet.
pub(in crate::client) struct GetResponse {
    pub status: u16,
    pub headers: Headers,
    /// Length of the body in bytes; `None` if the server did not send it.
    pub length: Option<u64>,
    body: BodyReader<'static>,
    uri: Uri,
}

impl HttpClient {
    /// Sends a GET request. A third-party server does not receive the header fields of the configuration either, which
    /// may be secrets for the servers of the upload.
    ///
    /// Returns the errors in the table of `failure`.
    pub fn get(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        trust: Trust,
    ) -> Result<GetResponse, Error> {
        let (uri, mut attempts) = (parse_url(url)?, AuthAttempts::for_server(trust));
        loop {
            // The previous response is dropped, which frees its connection.
            let response = self.get_once(&uri, headers, trust)?;
            if !self.should_repeat_with_credentials(
                &uri,
                response.status,
                &response.headers,
                &mut attempts,
            )? {
                return Ok(response);
            }
        }
    }

    fn get_once(
        &self,
        uri: &Uri,
        headers: &[(&'static str, String)],
        trust: Trust,
    ) -> Result<GetResponse, Error> {
        self.context.begin_request();
        let mut message = http::Request::get(uri).header(header::ACCEPT_ENCODING, "identity");
        for (name, value) in headers {
            message = message.header(*name, value);
        }
        if trust != Trust::ThirdParty {
            for (name, value) in &self.headers {
                message = message.header(name, value);
            }
        }
        for (name, value) in self.credentials(uri, trust) {
            message = message.header(name, value);
        }
        let outcome = message.body(()).map_err(ureq::Error::from).and_then(|message| {
            let message = self.agent.configure_request(message);
            // Downloads have one timeout for request and response (PROTOCOL 6.3). It applies to each wait for bytes,
            // not to the whole body.
            let message = message
                .timeout_send_request(Some(self.response_timeout))
                .timeout_send_body(Some(self.response_timeout))
                .timeout_recv_body(None)
                .timeout_per_read(Some(self.response_timeout));
            self.agent.run(message.build())
        });
        match outcome {
            Ok(response) => Ok(GetResponse::new(response, uri.clone())),
            Err(error) => {
                self.context.interrupt.check()?;
                Err(failure::from_ureq(error, uri))
            }
        }
    }
}

impl GetResponse {
    fn new(response: http::Response<ureq::Body>, uri: Uri) -> Self {
        let (head, body) = response.into_parts();
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

    /// Whether a body that ends early can be distinguished from a complete one.
    pub fn has_detectable_end(&self) -> bool {
        self.length.is_some() || self.headers.all(names::TRANSFER_ENCODING).next().is_some()
    }

    /// Reads the next bytes of the body and returns how many; 0 at its end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.body.read(buffer).map_err(|error| {
            let error = error.downcast::<ureq::Error>().unwrap_or_else(ureq::Error::from);
            failure::from_ureq(error, &self.uri)
        })
    }
}
