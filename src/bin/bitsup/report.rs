//! What the program says: progress and events on standard output, errors and warnings on standard error.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bitsup::client::{Flow, JobState, Observer, Progress};
use bitsup::log::Level;
use bitsup::proto::{Context, HResult};
use bitsup::{Error, Status};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::args::UploadArgs;
use crate::explain;

/// Prints one line that the caller of the program waits for.
pub fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Error::io("cannot write to standard output", error))
}

/// Prints a warning.
pub fn warn(text: &str) {
    say_on_stderr(&format!("bitsup: warning: {text}"));
}

/// Prints one message of the library.
pub fn log(level: Level, target: &str, message: &str) {
    say_on_stderr(&format!("{level:?} {target}: {message}"));
}

/// Prints why the program ends, and what to do, and chooses the exit code.
pub fn failure(error: &Error) -> ExitCode {
    if error.status() == Status::Suspended {
        say_on_stderr("bitsup: interrupted; running the same command again resumes");
        return ExitCode::from(130);
    }
    say_on_stderr(&format!("bitsup: {}", error.message()));
    if let Some(status) = error.http_status() {
        say_on_stderr(&format!("  HTTP status: {status}"));
    }
    if let Some(hresult) = error.hresult() {
        say_on_stderr(&format!("  HRESULT: {hresult}"));
    }
    if let Some(advice) = advice(error) {
        say_on_stderr(&format!("  what to do: {advice}"));
    }
    ExitCode::from(match (error.status(), error.is_transient()) {
        (Status::InvalidArgument, _) => 2,
        (_, true) => 3,
        (_, false) => 1,
    })
}

fn advice(error: &Error) -> Option<String> {
    let codes = error
        .hresult()
        .and_then(explain::hresult)
        .or_else(|| error.http_status().and_then(explain::http_status));
    // What a status means for a packet does not hold for one that the application chose.
    let is_chosen =
        error.context() == Some(Context::Application) && error.hresult().and_then(HResult::info).is_none();
    let known = codes.filter(|_| !is_chosen);
    match (known, error.is_transient()) {
        (Some(known), true) => {
            Some(format!("{}; then run the same command again, an upload resumes", known.advice))
        }
        (Some(known), false) => Some(known.advice.into()),
        (None, true) => Some("run the same command again, an upload resumes".into()),
        (None, false) => None,
    }
}

/// Tells how an upload goes.
#[derive(Clone)]
pub struct Reporter {
    style: Style,
    what: String,
}

#[derive(Clone)]
enum Style {
    Quiet,
    Json,
    Bar(ProgressBar),
    /// One throttle for the upload, one for the reply.
    Lines(Throttle, Throttle),
}

impl Reporter {
    /// The style that the options and standard output ask for.
    pub fn new(args: &UploadArgs) -> Self {
        let style = match (args.quiet, args.json, io::stdout().is_terminal()) {
            (true, ..) => Style::Quiet,
            (_, true, _) => Style::Json,
            (_, _, true) => Style::Bar(bar()),
            (_, _, false) => Style::Lines(Throttle::default(), Throttle::default()),
        };
        let reply = args.reply.as_ref().map(|path| format!(", reply in {}", path.display()));
        let what = format!("{} to {}{}", args.file.display(), args.url, reply.unwrap_or_default());
        Self { style, what }
    }

    /// The upload is complete.
    pub fn done(&self, total: u64, took: Duration) {
        let line = format!("uploaded {}: {} in {:.1} s", self.what, HumanBytes(total), took.as_secs_f64());
        let event = json!({"event": "done", "sent": total, "total": total, "seconds": took.as_secs_f64()});
        if let Style::Bar(bar) = &self.style {
            bar.finish_and_clear();
        }
        self.say(&line, event);
    }

    /// The upload ended for now; standard error hears why from [`failure`].
    pub fn failed(&self, error: &Error) {
        match &self.style {
            Style::Json => say(&error_event(error).to_string()),
            Style::Bar(bar) => bar.abandon(),
            Style::Quiet | Style::Lines(..) => {}
        }
    }

    fn say(&self, line: &str, event: Value) {
        match &self.style {
            Style::Quiet => {}
            Style::Json => say(&event.to_string()),
            Style::Bar(bar) => bar.suspend(|| say(line)),
            Style::Lines(..) => say(line),
        }
    }
}

impl Observer for Reporter {
    fn progress(&mut self, Progress { sent, total }: Progress) -> Flow {
        match &mut self.style {
            Style::Quiet => {}
            Style::Json => say(&json!({"event": "progress", "sent": sent, "total": total}).to_string()),
            Style::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(sent);
            }
            Style::Lines(throttle, _) => {
                if let Some(percent) = throttle.due(sent, total, Instant::now()) {
                    say(&format!("{percent:>3} % {} of {}", HumanBytes(sent), HumanBytes(total)));
                }
            }
        }
        Flow::Continue
    }

    fn reply_progress(&mut self, received: u64, total: Option<u64>) -> Flow {
        match &mut self.style {
            Style::Quiet => {}
            Style::Json => {
                let event = json!({"event": "reply_progress", "received": received, "total": total});
                say(&event.to_string());
            }
            Style::Bar(bar) => {
                bar.set_length(total.unwrap_or(received));
                bar.set_position(received);
            }
            Style::Lines(_, throttle) => {
                let whole = total.unwrap_or(received);
                if let Some(percent) = throttle.due(received, whole, Instant::now()) {
                    let (received, whole) = (HumanBytes(received), HumanBytes(whole));
                    match total {
                        Some(_) => say(&format!("reply {percent:>3} % {received} of {whole}")),
                        None => say(&format!("reply {received}")),
                    }
                }
            }
        }
        Flow::Continue
    }

    fn state(&mut self, from: JobState, to: JobState) {
        if matches!(self.style, Style::Json) {
            say(&json!({"event": "state", "from": state_name(from), "to": state_name(to)}).to_string());
        }
    }

    fn retry(&mut self, cause: &Error, attempt: u32, delay: &mut Duration) -> Flow {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let line = format!("retry {attempt} in {:.1} s: {}", delay.as_secs_f64(), cause.message());
        let event =
            json!({"event": "retry", "attempt": attempt, "delay_ms": delay_ms, "message": cause.message()});
        self.say(&line, event);
        Flow::Continue
    }
}

fn error_event(error: &Error) -> Value {
    json!({
        "event": "error",
        "message": error.message(),
        "http_status": error.http_status(),
        "hresult": error.hresult().map(|hresult| hresult.wire()),
        "transient": error.is_transient() || error.status() == Status::Suspended,
    })
}

fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Ready => "ready",
        JobState::Connecting => "connecting",
        JobState::Transferring => "transferring",
        JobState::Waiting => "waiting",
        JobState::Suspended => "suspended",
        JobState::FetchingReply => "fetching_reply",
        JobState::Transferred => "transferred",
        JobState::Closed => "closed",
        JobState::Cancelled => "cancelled",
        JobState::Failed => "failed",
    }
}

/// Lets through about one line a second, or one per tenth of the way where that is faster.
#[derive(Debug, Clone, Default)]
struct Throttle {
    last: Option<(Instant, u64)>,
}

impl Throttle {
    /// The percentage to print now, if one is due.
    fn due(&mut self, sent: u64, total: u64, now: Instant) -> Option<u64> {
        let percent = percent(sent, total);
        let due = self.last.is_none_or(|(when, printed)| {
            now.saturating_duration_since(when) >= Duration::from_secs(1) || percent / 10 != printed / 10
        });
        due.then(|| {
            self.last = Some((now, percent));
            percent
        })
    }
}

fn percent(sent: u64, total: u64) -> u64 {
    let hundredfold = u128::from(sent).saturating_mul(100);
    hundredfold.checked_div(u128::from(total)).and_then(|percent| u64::try_from(percent).ok()).unwrap_or(100)
}

fn bar() -> ProgressBar {
    let template = "{percent:>3} % [{wide_bar}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout()).with_style(style.progress_chars("=> "))
}

/// Progress that nobody reads any more must not end the upload: a write error is not one of the job.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Where standard error is closed there is nobody left to tell.
fn say_on_stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_once_a_second_or_every_tenth() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut throttle = Throttle::default();
        assert_eq!(throttle.due(0, 1000, at(0)), Some(0));
        assert_eq!(throttle.due(50, 1000, at(10)), None);
        assert_eq!(throttle.due(100, 1000, at(20)), Some(10));
        assert_eq!(throttle.due(110, 1000, at(1010)), None);
        assert_eq!(throttle.due(111, 1000, at(1020)), Some(11));
        assert_eq!(throttle.due(1000, 1000, at(1021)), Some(100));
    }

    #[test]
    fn percentages_of_nothing_and_of_much() {
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(percent(1, 3), 33);
    }
}
