//! The uploading client: blocking jobs over HTTP.

mod challenge;
mod config;
mod control;
mod credentials;
pub mod doctor;
mod download;
mod drive;
mod http;
mod interrupt;
mod job;
mod locked;
mod observer;
mod part;
mod ranges;
mod reply;
mod resume;
mod source;
mod state_file;
mod step;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use self::http::{Http, Tls};
use self::interrupt::Interrupt;
use crate::error::{Error, Status};
use crate::proto::{PacketKind, names};
use crate::upload::{self, Request, Trust};

pub use self::challenge::{AuthScheme, AuthTarget, Challenge, CredentialsSource};
pub use self::config::ClientConfig;
pub use self::control::JobControl;
pub use self::credentials::{Credentials, Secret, SharedSource};
pub use self::job::Job;
pub use self::observer::{Flow, JobState, Observer, Progress};
pub use self::source::Source;

/// Makes jobs. A clone is the same client.
///
/// Threads: all methods may be called concurrently.
#[derive(Debug, Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    tls: Tls,
}

impl Client {
    /// A client.
    ///
    /// Errors: [`Status::InvalidArgument`] when a value of the configuration is out of its domain.
    pub fn new(config: ClientConfig) -> Result<Self, Error> {
        let times = [config.connect_timeout, config.request_timeout, config.response_timeout];
        let zeros = [
            (config.fragment_size == Some(0), "the fragment size"),
            (config.rate_limit == Some(0), "the rate limit"),
            (config.timeout == Some(Duration::ZERO), "the timeout"),
            (times.contains(&Duration::ZERO), "the timeout for connecting, sending or the answer"),
        ];
        if let Some((_, what)) = zeros.into_iter().find(|(is_zero, _)| *is_zero) {
            return Err(Error::new(Status::InvalidArgument, format!("{what} is 0; it must be more")));
        }
        let tls = Tls::new(&config)?;
        Http::new(&config, &tls, Interrupt::default())?;
        Ok(Self { config: Arc::new(config), tls })
    }

    /// Sends one Ping, without retry.
    ///
    /// Errors: those of the way to the server, and [`upload::check_ping`]'s.
    pub fn ping(&self, url: &str) -> Result<(), Error> {
        let headers = vec![(names::PACKET_TYPE, PacketKind::Ping.name().to_owned())];
        let (kind, url, trust) = (PacketKind::Ping, url.to_owned(), Trust::Own);
        let ping = Request { kind, url, headers, offset: 0, length: 0, trust };
        let http = self.http(Interrupt::default())?;
        upload::check_ping(&http.send(&ping, &Source::from_bytes([]), None)?)
    }

    /// A job that uploads `source` to `url`. Nothing is sent before [`Job::run`].
    ///
    /// Errors: [`Status::InvalidArgument`] when the URL is not an absolute http or https URL.
    pub fn job(&self, url: &str, source: Source) -> Result<Job, Error> {
        Job::new(self.config.clone(), &self.tls, url, source)
    }

    fn http(&self, interrupt: Interrupt) -> Result<Http, Error> {
        Http::new(&self.config, &self.tls, interrupt)
    }
}
