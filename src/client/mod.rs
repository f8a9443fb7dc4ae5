//! The client: blocking uploads, with retries and resumption, over HTTP.
//!
//! [`crate::upload`] decides what to send; this module is its driver. A [`Client`] holds the configuration and
//! creates [`Job`]s, one per upload.
//!
//! ```no_run
//! use bitsup::client::{Client, ClientConfig, Source};
//!
//! let client = Client::new(ClientConfig::default())?;
//! let mut job = client.job("https://server/uploads/report.pdf", Source::from_file("report.pdf")?)?;
//! // Another process continues from this file if this one ends early.
//! job.set_state_path("report.state")?;
//! job.run()?;
//! # Ok::<(), bitsup::Error>(())
//! ```
//!
//! | Module | Contents |
//! |---|---|
//! | `job` | [`Job`] and [`JobControl`]: one upload, run or stepped |
//! | `http` | HTTP/1.1 over TCP, TLS and proxies; the only module that uses ureq |
//! | `auth` | credentials, and the challenges they respond to |
//! | `download` | downloads that resume; also used for replies |
//! | `doctor` | the checks behind [`Client::examine`] |
//! | `config`, `source`, `observer` | settings, what is uploaded, and callbacks |
//! | `state_file`, `lock_file` | the state of a job on disk, for one job at a time |
//! | `interrupt`, `throttle` | stopping a job, and limiting its rate |

mod auth;
mod config;
pub mod doctor;
mod download;
mod http;
mod interrupt;
mod job;
mod lock_file;
mod observer;
mod source;
mod state_file;
mod throttle;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use self::doctor::{DoctorOptions, DoctorReport};
use self::http::{ClientTls, HttpClient};
use self::interrupt::Interrupt;
use crate::error::{Error, Status};
use crate::proto::{PacketKind, names};
use crate::upload::{self, Trust, UploadRequest};

pub use self::auth::{
    AuthScheme, AuthTarget, Challenge, Credentials, CredentialsSource, Secret, SharedCredentialsSource,
};
pub use self::config::ClientConfig;
pub use self::job::{Job, JobControl};
pub use self::observer::{Flow, JobState, Observer, Progress};
pub use self::source::Source;

/// Creates jobs that share one configuration. Clones are cheap and share it, too.
///
/// All methods may be called from several threads at once.
#[derive(Debug, Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    tls: ClientTls,
}

impl Client {
    /// Creates a client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if a value of the configuration is invalid.
    pub fn new(config: ClientConfig) -> Result<Self, Error> {
        let timeouts = [config.connect_timeout, config.request_timeout, config.response_timeout];
        let zeros = [
            (config.fragment_size == Some(0), "fragment size"),
            (config.rate_limit == Some(0), "rate limit"),
            (config.timeout == Some(Duration::ZERO), "timeout"),
            (timeouts.contains(&Duration::ZERO), "connect, request or response timeout"),
        ];
        if let Some((_, what)) = zeros.into_iter().find(|(is_zero, _)| *is_zero) {
            return Err(Error::new(
                Status::InvalidArgument,
                format!("invalid {what} 0: it must be positive"),
            ));
        }
        let tls = ClientTls::new(&config)?;
        HttpClient::new(&config, &tls, Interrupt::default())?;
        Ok(Self { config: Arc::new(config), tls })
    }

    /// Sends a Ping to find out whether `url` accepts uploads. Does not retry.
    ///
    /// # Errors
    ///
    /// Transport errors, and those of [`upload::check_ping`].
    pub fn ping(&self, url: &str) -> Result<(), Error> {
        let ping = UploadRequest {
            kind: PacketKind::Ping,
            url: url.to_owned(),
            headers: vec![(names::PACKET_TYPE, PacketKind::Ping.name().to_owned())],
            offset: 0,
            length: 0,
            trust: Trust::Origin,
        };
        let http = self.http(Interrupt::default())?;
        upload::check_ping(&http.send(&ping, &Source::from_bytes([]), None)?)
    }

    /// Creates a job that uploads `source` to `url`, an absolute http or https URL. Nothing is sent before
    /// [`Job::run`] or [`Job::step`].
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if the URL is invalid.
    pub fn job(&self, url: &str, source: Source) -> Result<Job, Error> {
        Job::new(self.config.clone(), &self.tls, url, source)
    }

    /// Downloads `url` to `path` with the retry policy of the configuration.
    ///
    /// An incomplete download is at `path` with `.part` appended. Once complete, it replaces the file at `path`. If
    /// this call fails, the incomplete file is removed. `observer` receives [`Observer::reply_progress`] and
    /// [`Observer::retry`].
    ///
    /// # Errors
    ///
    /// - [`Status::Callback`] if the observer returns [`Flow::Abort`];
    /// - [`Status::Timeout`] after [`ClientConfig::timeout`];
    /// - [`Status::HttpStatus`] and [`Status::Protocol`] if the response is not the file;
    /// - transport errors and those of the file system.
    pub fn download(
        &self,
        url: &str,
        path: impl AsRef<Path>,
        observer: Option<Box<dyn Observer>>,
    ) -> Result<(), Error> {
        let interrupt = Interrupt::default();
        interrupt.begin(self.config.timeout);
        let http = self.http(interrupt.clone())?;
        download::run(&self.config, &http, &interrupt, url, path.as_ref(), observer)
    }

    /// Checks the path to a server for everything an upload needs: DNS, TCP, TLS, proxies, the `BITS_POST` method,
    /// header fields and body sizes.
    ///
    /// `url` names a directory on the server, or a file to be uploaded there. The call takes a round trip for each
    /// check, and [`DoctorOptions::timeout`] for each that gets no response.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`] if the URL is invalid. Everything else that fails is in the report.
    pub fn examine(&self, url: &str, options: &DoctorOptions) -> Result<DoctorReport, Error> {
        doctor::examine(&self.config, &self.http(Interrupt::default())?, url, options)
    }

    fn http(&self, interrupt: Interrupt) -> Result<HttpClient, Error> {
        HttpClient::new(&self.config, &self.tls, interrupt)
    }
}
