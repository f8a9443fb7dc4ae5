//! Finds out what on the way to a server refuses what an upload needs, and says how to mend it.
//!
//! Each check is a request or two with which an upload would fail in the same way. Without
//! [`Options::write`] nothing is stored: what has to name a session names one that there is not.

mod advice;
mod checks;
mod hop;
mod scratch;

use std::time::Duration;

use self::checks::Patient;
use super::http::parse_url;
use super::interrupt::Interrupt;
use super::{Client, ClientConfig};
use crate::error::Error;

/// How thorough an examination is.
#[derive(Debug, Clone)]
pub struct Options {
    /// Also begins an upload beside the URL, to a name that nothing else has, sends fragments and cancels it.
    pub write: bool,
    /// How long an answer may take.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { write: false, patience: Duration::from_secs(5) }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they were made. After one without which there is nothing to check, there are no more.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether an upload can succeed.
    pub fn is_well(&self) -> bool {
        self.checks.iter().all(|check| check.grade != Grade::Fail)
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked: a word that stays the same from version to version.
    pub name: &'static str,
    /// How bad it is.
    pub grade: Grade,
    /// What was seen.
    pub finding: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Ok,
    /// Uploads succeed, but not as well as they could, or not those of every client.
    Warn,
    /// Uploads fail.
    Fail,
}

impl Client {
    /// Examines the way to a server, by the URL of one of its folders or of a file to be. Takes a round trip for
    /// each check, and [`Options::patience`] for each that stays without an answer.
    ///
    /// Errors: [`crate::Status::InvalidArgument`] when the URL is not an absolute http or https URL. All else that
    /// goes wrong is in the report.
    pub fn examine(&self, url: &str, options: &Options) -> Result<Report, Error> {
        let (uri, http) = (parse_url(url)?, self.http(Interrupt::default())?);
        let ClientConfig { user_agent, method_override, .. } = &*self.config;
        let mut patient = Patient::new(&http, &uri, user_agent, options.patience);
        patient.check(*method_override);
        if options.write {
            patient.check_by_writing(&scratch::url(&uri))?;
        }
        Ok(patient.into_report())
    }
}
