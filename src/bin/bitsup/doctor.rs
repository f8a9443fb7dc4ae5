//! `bitsup doctor`: what on the way to a server refuses what, and how to mend it.

use bitsup::client::Client;
use bitsup::client::doctor::{Check, DoctorOptions, Grade};
use bitsup::{Error, Status};
use serde_json::json;

use crate::args::DoctorArgs;
use crate::report;

/// Examines the way, and prints a line for each check.
pub fn run(args: &DoctorArgs) -> Result<(), Error> {
    let client = Client::new(args.request.config(&args.url)?)?;
    let found =
        client.examine(&args.url, &DoctorOptions { write: args.write, ..DoctorOptions::default() })?;
    for check in &found.checks {
        report::print(&if args.json { line_of_json(check) } else { line(check) })?;
    }
    match found.can_upload() {
        true => Ok(()),
        false => {
            let message = format!("uploads to {} fail; the checks that failed say what to do", args.url);
            Err(Error::new(Status::Protocol, message))
        }
    }
}

fn line(check: &Check) -> String {
    let Check { name, grade, finding, advice } = check;
    let advice = advice.as_ref().map(|advice| format!("\n      what to do: {advice}")).unwrap_or_default();
    format!("{:4}  {name}: {finding}{advice}", word(*grade))
}

fn line_of_json(check: &Check) -> String {
    let Check { name, grade, finding, advice } = check;
    json!({"check": name, "grade": word(*grade), "finding": finding, "advice": advice}).to_string()
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Ok => "ok",
        Grade::Warn => "warn",
        Grade::Fail => "fail",
    }
}
