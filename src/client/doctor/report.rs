//! What the checks found.

/// The result of [`Client::examine`](crate::client::Client::examine).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "problems are only in the report"]
pub struct DoctorReport {
    /// The checks in the order in which they were made. A failure that makes further checks pointless is the last.
    pub checks: Vec<Check>,
}

impl DoctorReport {
    /// Whether an upload can succeed.
    pub fn can_upload(&self) -> bool {
        self.checks.iter().all(|check| check.grade != Grade::Fail)
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name of the check; stable across versions.
    pub name: &'static str,
    /// How serious the finding is.
    pub grade: Grade,
    /// What was observed.
    pub finding: String,
    /// How to fix it, if there is a problem.
    pub advice: Option<String>,
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// No problem.
    Ok,
    /// Uploads succeed, but slower than necessary or not from every client.
    Warn,
    /// Uploads fail.
    Fail,
}
