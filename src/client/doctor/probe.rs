//! Sends the requests of the checks and collects their results.

use std::time::Duration;

use super::advice::Problem;
use super::report::{Check, DoctorReport, Grade};
use super::server_software::{ServerSoftware, describe_path};
use crate::client::http::{HttpClient, RawRequest, RawResponse, Uri};
use crate::error::Error;
use crate::proto::{Ack, PacketKind, names};

/// How packets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PacketMethod {
    /// By BITS_POST.
    Verb,
    /// By POST with `X-HTTP-Method-Override`.
    Override,
}

/// The examination of one URL.
pub(super) struct Probe<'a> {
    pub http: &'a HttpClient,
    pub uri: &'a Uri,
    user_agent: &'a str,
    pub timeout: Duration,
    /// How packets reach the server; `None` if they do not.
    pub mode: Option<PacketMethod>,
    checks: Vec<Check>,
}

impl<'a> Probe<'a> {
    pub fn new(http: &'a HttpClient, uri: &'a Uri, user_agent: &'a str, timeout: Duration) -> Self {
        Self { http, uri, user_agent, timeout, mode: None, checks: Vec::new() }
    }

    pub fn into_report(self) -> DoctorReport {
        DoctorReport { checks: self.checks }
    }

    /// A packet without its body.
    pub fn packet(
        &self,
        mode: PacketMethod,
        kind: PacketKind,
        fields: Vec<(&'static str, String)>,
        length: u64,
    ) -> RawRequest {
        let mut own = vec![(names::PACKET_TYPE, kind.name().to_owned())];
        let method = match mode {
            PacketMethod::Verb => names::METHOD,
            PacketMethod::Override => {
                own.push((names::METHOD_OVERRIDE, names::METHOD.to_owned()));
                "POST"
            }
        };
        own.extend(fields);
        RawRequest { method, length: Some(length), ..self.request(own) }
    }

    pub fn request(&self, fields: Vec<(&'static str, String)>) -> RawRequest {
        let mut all = vec![("User-Agent", self.user_agent.to_owned()), ("Accept", "*/*".to_owned())];
        all.extend(fields);
        RawRequest { fields: all, ..RawRequest::default() }
    }

    pub fn report_ok(&mut self, name: &'static str, finding: String) {
        self.add(name, Grade::Ok, finding, None);
    }

    pub fn report_response(
        &mut self,
        name: &'static str,
        grade: Grade,
        response: &RawResponse,
        problem: Problem,
    ) {
        self.report_failure(name, grade, CheckFailure::from_response(response, problem));
    }

    pub fn report_failure(&mut self, name: &'static str, grade: Grade, failure: CheckFailure) {
        self.add(name, grade, failure.finding, Some(failure.advice));
    }

    pub fn add(&mut self, name: &'static str, grade: Grade, finding: String, advice: Option<String>) {
        self.checks.push(Check { name, grade, finding, advice });
    }
}

/// What a check found wrong, and how to fix it.
pub(super) struct CheckFailure {
    finding: String,
    advice: String,
}

impl CheckFailure {
    /// Creates the failure for an unexpected response.
    pub fn from_response(response: &RawResponse, problem: Problem) -> Self {
        let RawResponse { status, headers, version, .. } = response;
        let mut finding = format!("{version} {status} from {}", describe_path(headers));
        if let Some(hresult) = Ack::from_headers(*status, headers).error {
            finding.push_str(&format!(", {hresult}"));
        }
        if let Some(location) = headers.get("Location") {
            finding.push_str(&format!(", to {location}"));
        }
        Self { finding, advice: problem.advice(ServerSoftware::of(headers)) }
    }

    /// Creates the failure for a missing response.
    pub fn no_response(error: Error, problem: Problem) -> Self {
        Self { finding: error.message().to_owned(), advice: problem.advice(ServerSoftware::Unknown) }
    }
}
