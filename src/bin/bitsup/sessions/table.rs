//! Printing sessions as a table, in detail, or as JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bitsup::clock::{Clock, SystemClock};
use bitsup::engine::SessionInfo;
use bitsup::{Error, Status};
use indicatif::HumanBytes;

use crate::output;

const HEADINGS: [&str; 7] = ["SESSION", "STATE", "RECEIVED", "AGE", "IDLE", "OWNER", "TARGET"];

/// Prints a table, or a JSON object per line. Without sessions it prints `no sessions`, or nothing in JSON.
pub fn print(infos: &[SessionInfo], json: bool) -> Result<(), Error> {
    if json {
        return infos.iter().try_for_each(print_json);
    }
    if infos.is_empty() {
        return output::print("no sessions");
    }
    let now_ms = SystemClock.now_ms();
    let rows: Vec<_> =
        [HEADINGS.map(str::to_owned)].into_iter().chain(infos.iter().map(|info| row(info, now_ms))).collect();
    let mut widths = [0; HEADINGS.len()];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        output::print(cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// Prints one session, one line per property.
pub fn print_one(info: &SessionInfo, json: bool) -> Result<(), Error> {
    if json {
        return print_json(info);
    }
    let now_ms = SystemClock.now_ms();
    let moment = |ms| format!("{} ({} ago)", time(ms), since(ms, now_ms));
    for (name, value) in [
        ("session", info.id.to_string()),
        ("target", visible(&String::from(info.target.clone()))),
        ("owner", owner(info)),
        ("state", info.state.name().to_owned()),
        ("received", bytes(info.received)),
        ("total", bytes(info.total)),
        ("created", moment(info.created_ms)),
        ("last active", moment(info.last_active_ms)),
    ] {
        output::print(&format!("{:13}{value}", format!("{name}:")))?;
    }
    Ok(())
}

fn print_json(info: &SessionInfo) -> Result<(), Error> {
    let line = serde_json::to_string(info);
    output::print(&line.map_err(|error| Error::new(Status::Io, error.to_string()))?)
}

fn row(info: &SessionInfo, now_ms: u64) -> [String; HEADINGS.len()] {
    [
        info.id.to_string(),
        info.state.name().to_owned(),
        progress(info),
        since(info.created_ms, now_ms),
        since(info.last_active_ms, now_ms),
        owner(info),
        visible(&String::from(info.target.clone())),
    ]
}

fn progress(info: &SessionInfo) -> String {
    let human = |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| HumanBytes(bytes).to_string());
    let part = match (info.received, info.total) {
        (Some(received), Some(total)) => {
            u128::from(received).saturating_mul(100).checked_div(u128::from(total)).unwrap_or(100)
        }
        _ => return human(info.received),
    };
    format!("{part}% of {}", human(info.total))
}

fn owner(info: &SessionInfo) -> String {
    info.owner.as_deref().map_or("-".into(), visible)
}

fn bytes(count: Option<u64>) -> String {
    count.map_or("unknown".into(), |count| format!("{count} ({})", HumanBytes(count)))
}

fn time(ms: u64) -> String {
    let then: Option<SystemTime> = UNIX_EPOCH.checked_add(Duration::from_millis(ms));
    then.map_or("?".into(), |then| humantime::format_rfc3339_seconds(then).to_string())
}

/// Formats the elapsed time with its two largest units.
fn since(then_ms: u64, now_ms: u64) -> String {
    let passed = Duration::from_secs(now_ms.saturating_sub(then_ms) / 1000);
    let text = humantime::format_duration(passed).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Escapes control characters and bidirectional marks, because names come from clients.
fn visible(text: &str) -> String {
    let shown = |c: char| match c {
        '"' | '\'' => vec![c],
        _ => c.escape_debug().collect(),
    };
    text.chars().flat_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_names_are_escaped() {
        assert_eq!(visible("über 'x' \"y\".txt"), "über 'x' \"y\".txt");
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
    }

    #[test]
    fn times_have_two_units() {
        assert_eq!(since(0, 999), "0s");
        assert_eq!(since(1000, 62_000), "1m 1s");
        assert_eq!(since(0, 93_784_000), "1day 2h");
        assert_eq!(since(5000, 0), "0s");
    }
}
