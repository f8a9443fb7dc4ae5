//! Progress of an upload on standard output: a bar, lines or JSON events.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use bitsup::client::{Flow, JobState, Observer, Progress};
use bitsup::{Error, Status};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::args::UploadArgs;
use crate::output::print_progress;

/// Reports the progress of an upload.
#[derive(Clone)]
pub struct Reporter {
    style: Style,
    description: String,
}

#[derive(Clone)]
enum Style {
    Quiet,
    Json,
    Bar(ProgressBar),
    /// Plain lines, with a throttle for the upload and one for the reply.
    Lines(LineThrottle, LineThrottle),
}

impl Reporter {
    /// Creates a reporter in the style that the options and standard output require.
    pub fn new(args: &UploadArgs) -> Self {
        let style = match (args.quiet, args.json, io::stdout().is_terminal()) {
            (true, ..) => Style::Quiet,
            (_, true, _) => Style::Json,
            (_, _, true) => Style::Bar(bar()),
            (_, _, false) => Style::Lines(LineThrottle::default(), LineThrottle::default()),
        };
        let reply = args.reply.as_ref().map(|path| format!(", reply in {}", path.display()));
        let description = format!("{} to {}{}", args.file.display(), args.url, reply.unwrap_or_default());
        Self { style, description }
    }

    /// Reports a complete upload.
    pub fn completed(&self, total: u64, elapsed: Duration) {
        let line =
            format!("uploaded {}: {} in {:.1} s", self.description, HumanBytes(total), elapsed.as_secs_f64());
        let event = json!({"event": "done", "sent": total, "total": total, "seconds": elapsed.as_secs_f64()});
        if let Style::Bar(bar) = &self.style {
            bar.finish_and_clear();
        }
        self.report(&line, event);
    }

    /// Reports the end of a failed or suspended upload. The error itself is printed to standard error by the caller.
    pub fn failed(&self, error: &Error) {
        match &self.style {
            Style::Json => print_progress(&error_event(error).to_string()),
            Style::Bar(bar) => bar.abandon(),
            Style::Quiet | Style::Lines(..) => {}
        }
    }

    fn report(&self, line: &str, event: Value) {
        match &self.style {
            Style::Quiet => {}
            Style::Json => print_progress(&event.to_string()),
            Style::Bar(bar) => bar.suspend(|| print_progress(line)),
            Style::Lines(..) => print_progress(line),
        }
    }
}

impl Observer for Reporter {
    fn progress(&mut self, Progress { sent, total, .. }: Progress) -> Flow {
        match &mut self.style {
            Style::Quiet => {}
            Style::Json => {
                print_progress(&json!({"event": "progress", "sent": sent, "total": total}).to_string())
            }
            Style::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(sent);
            }
            Style::Lines(throttle, _) => {
                if let Some(percent) = throttle.due(sent, total, Instant::now()) {
                    print_progress(&format!("{percent:>3} % {} of {}", HumanBytes(sent), HumanBytes(total)));
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
                print_progress(&event.to_string());
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
                        Some(_) => print_progress(&format!("reply {percent:>3} % {received} of {whole}")),
                        None => print_progress(&format!("reply {received}")),
                    }
                }
            }
        }
        Flow::Continue
    }

    fn state(&mut self, from: JobState, to: JobState) {
        if matches!(self.style, Style::Json) {
            print_progress(
                &json!({"event": "state", "from": state_name(from), "to": state_name(to)}).to_string(),
            );
        }
    }

    fn retry(&mut self, cause: &Error, attempt: u32, delay: &mut Duration) -> Flow {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let line = format!("retry {attempt} in {:.1} s: {}", delay.as_secs_f64(), cause.message());
        let event =
            json!({"event": "retry", "attempt": attempt, "delay_ms": delay_ms, "message": cause.message()});
        self.report(&line, event);
        Flow::Continue
    }
}

fn error_event(error: &Error) -> Value {
    json!({
        "event": "error",
        "message": error.message(),
        "http_status": error.http_status(),
        "hresult": error.hresult().map(|hresult| hresult.to_wire()),
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

/// Limits lines to about one per second, or one per 10 % of progress if that is more often.
#[derive(Debug, Clone, Default)]
struct LineThrottle {
    last: Option<(Instant, u64)>,
}

impl LineThrottle {
    /// Returns the percentage to print now, if a line is due.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_once_a_second_or_every_tenth() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut throttle = LineThrottle::default();
        assert_eq!(throttle.due(0, 1000, at(0)), Some(0));
        assert_eq!(throttle.due(50, 1000, at(10)), None);
        assert_eq!(throttle.due(100, 1000, at(20)), Some(10));
        assert_eq!(throttle.due(110, 1000, at(1010)), None);
        assert_eq!(throttle.due(111, 1000, at(1020)), Some(11));
        assert_eq!(throttle.due(1000, 1000, at(1021)), Some(100));
    }

    #[test]
    fn percentages_of_zero_and_of_large_totals() {
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(percent(1, 3), 33);
    }
}
