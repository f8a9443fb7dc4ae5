//! Diagnoses why uploads to a server fail: checks everything on the path that an upload needs, and suggests
//! fixes.
//!
//! Each check sends one or two requests, which fail for the same reasons as an upload. Unless
//! [`DoctorOptions::write`] is set, nothing is stored on the server: requests that need a session use an id that does
//! not exist.
//!
//! `probe` sends requests and collects results in a `report`; `checks` and `write_checks` add the checks to it. `advice`
//! describes how to fix a problem, `server_software` recognizes the software that sent a response.

mod advice;
mod checks;
mod probe;
mod report;
mod server_software;
mod write_checks;

use std::time::Duration;

use self::probe::Probe;
use super::config::ClientConfig;
use super::http::{HttpClient, parse_url};
use crate::error::Error;

pub use self::report::{Check, DoctorReport, Grade};

/// Options of [`Client::examine`](super::Client::examine).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DoctorOptions {
    /// Whether to also upload: starts an upload under a random name in the same directory, sends fragments, and cancels
    /// it. Default: `false`.
    pub write: bool,
    /// Maximum time to wait for a response. Default: 5 s.
    pub timeout: Duration,
}

setters! {
    DoctorOptions {
        write: bool,
        timeout: Duration,
    }
}

impl Default for DoctorOptions {
    fn default() -> Self {
        Self { write: false, timeout: Duration::from_secs(5) }
    }
}

pub(super) fn examine(
    config: &ClientConfig,
    http: &HttpClient,
    url: &str,
    options: &DoctorOptions,
) -> Result<DoctorReport, Error> {
    let uri = parse_url(url)?;
    let mut probe = Probe::new(http, &uri, &config.user_agent, options.timeout);
    probe.check(config.method_override);
    if options.write {
        probe.check_by_writing(&write_checks::random_url(&uri))?;
    }
    Ok(probe.into_report())
}
