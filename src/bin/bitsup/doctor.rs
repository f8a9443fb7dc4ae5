//! `bitsup doctor`: diagnoses why uploads to a server fail.

use bitsup::client::Client;
use bitsup::client::doctor::{Check, DoctorOptions, Grade};
use bitsup::{Error, Status};
use serde_json::json;

use crate::args::DoctorArgs;
use crate::output;

/// Runs the checks and prints a line for each.
pub fn run(args: &DoctorArgs) -> Result<(), Error> {
    let client = Client::new(args.request.config(&args.url)?)?;
    let found = client.examine(&args.url, &DoctorOptions::default().write(args.write))?;
    for check in &found.checks {
        output::print(&if args.json { json_line(check) } else { line(check) })?;
    }
    if !found.can_upload() {
        let message = format!("uploads to {} fail; see the advice of the failed checks", args.url);
        return Err(Error::new(Status::Protocol, message));
    }
    Ok(())
}

fn line(check: &Check) -> String {
    let Check { name, grade, finding, advice, .. } = check;
    let advice = advice.as_ref().map(|advice| format!("\n      what to do: {advice}")).unwrap_or_default();
    format!("{:4}  {name}: {finding}{advice}", grade_name(*grade))
}

fn json_line(check: &Check) -> String {
    let Check { name, grade, finding, advice, .. } = check;
    json!({"check": name, "grade": grade_name(*grade), "finding": finding, "advice": advice}).to_string()
}

fn grade_name(grade: Grade) -> &'static str {
    match grade {
        Grade::Ok => "ok",
        Grade::Warn => "warn",
        Grade::Fail => "fail",
    }
}
