//! An event as a line. What peers say is never taken at its word: no byte of it ends the line or moves a terminal's
//! cursor, and its length has a limit.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use super::LogFormat;
use crate::engine::{SessionEvent, SessionEventKind};
use crate::server::event::{Event, Request};

/// Most characters of one value; what is longer is cut.
const LONGEST: usize = 1024;

/// The line, without its end.
pub(super) fn of(event: &Event<'_>, now: SystemTime, format: LogFormat) -> String {
    let mut line = Line::begin(event.name(), now, format);
    match event {
        Event::Request(request) => line.request(request),
        Event::Session(event) => line.session(event),
        Event::AuthFailed { peer, status } => {
            line.text("peer", Some(&peer.to_string()));
            line.number("status", Some(*status));
        }
        Event::TlsFailed { peer, reason } => {
            line.text("peer", Some(&peer.to_string()));
            line.text("reason", Some(reason));
        }
        Event::Started { url } => line.text("url", Some(url)),
        Event::Reloaded { what } => line.text("what", Some(what)),
        Event::Stopping | Event::Stopped => {}
    }
    line.end()
}

struct Line {
    text: String,
    format: LogFormat,
}

impl Line {
    fn begin(event: &str, now: SystemTime, format: LogFormat) -> Self {
        let time = humantime::format_rfc3339_millis(now);
        let mut line = Self { text: String::with_capacity(384), format };
        match format {
            // Writing to a string never fails, here and below.
            LogFormat::Text => _ = write!(line.text, "{time} {event}"),
            LogFormat::Json => _ = write!(line.text, "{{\"time\":\"{time}\",\"event\":\"{event}\""),
        }
        line
    }

    fn request(&mut self, request: &Request) {
        self.text("peer", Some(&request.peer.to_string()));
        self.text("owner", request.owner.as_deref());
        self.text("method", request.method.as_deref());
        self.text("packet", request.packet.map(|packet| packet.name()));
        self.text("session", request.session.map(|session| session.to_string()).as_deref());
        self.text("path", request.path.as_deref());
        self.text("range", request.range.as_deref());
        self.number("status", request.status);
        self.text("hresult", request.hresult.map(|hresult| hresult.wire()).as_deref());
        self.duration(request.took);
        self.number("bytes_in", Some(request.bytes_in));
        self.number("bytes_out", Some(request.bytes_out));
        self.number("stored", Some(request.stored));
        self.text("tls", request.tls);
    }

    fn session(&mut self, event: &SessionEvent<'_>) {
        self.text("peer", event.peer);
        self.text("owner", event.owner);
        self.text("session", Some(&event.session.to_string()));
        self.text("path", Some(event.path));
        self.number("total", event.total);
        if let SessionEventKind::Notified { refused, took } = event.kind {
            self.text("outcome", Some(if refused.is_some() { "refused" } else { "accepted" }));
            self.number("status", refused);
            self.duration(took);
        }
    }

    /// Nothing is written where nothing is known.
    fn text(&mut self, key: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        let is_word = value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\=".contains(&byte));
        self.key(key);
        match self.format == LogFormat::Text && is_word && !value.is_empty() && value.len() <= LONGEST {
            true => self.text.push_str(value),
            false => self.quoted(value),
        }
    }

    fn number(&mut self, key: &str, value: Option<impl Into<u64>>) {
        let Some(value) = value else { return };
        self.key(key);
        _ = write!(self.text, "{}", value.into());
    }

    fn duration(&mut self, took: Duration) {
        let micros = took.as_micros();
        self.key("ms");
        _ = write!(self.text, "{}.{:03}", micros / 1000, micros % 1000);
    }

    fn key(&mut self, key: &str) {
        match self.format {
            LogFormat::Text => _ = write!(self.text, " {key}="),
            LogFormat::Json => _ = write!(self.text, ",\"{key}\":"),
        }
    }

    /// A string of JSON, in both formats.
    fn quoted(&mut self, value: &str) {
        self.text.push('"');
        let mut characters = value.chars();
        for character in characters.by_ref().take(LONGEST) {
            match character {
                '"' | '\\' => self.text.extend(['\\', character]),
                _ if is_dangerous(character) => _ = write!(self.text, "\\u{:04x}", u32::from(character)),
                _ => self.text.push(character),
            }
        }
        if characters.next().is_some() {
            self.text.push('…');
        }
        self.text.push('"');
    }

    fn end(mut self) -> String {
        if self.format == LogFormat::Json {
            self.text.push('}');
        }
        self.text
    }
}

/// What ends a line for some reader, acts on a terminal, or lets text appear in another order. All of it has four
/// hexadecimal digits.
fn is_dangerous(character: char) -> bool {
    let reorders =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}') || reorders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, format: LogFormat) -> String {
        let url = Event::Started { url: text };
        of(&url, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123), format)
    }

    #[test]
    fn words_stand_as_they_are_and_all_else_in_quotes() {
        for (given, written) in [
            ("/a%20b", "/a%20b"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a=b", "\"a=b\""),
            ("ä", "\"ä\""),
            ("\"\\", "\"\\\"\\\\\""),
            ("a\r\nb", "\"a\\u000d\\u000ab\""),
        ] {
            let line = value(given, LogFormat::Text);
            assert_eq!(line, format!("2023-11-14T22:13:20.123Z server-started url={written}"));
        }
    }

    #[test]
    fn no_character_leaves_its_line_or_is_lost() {
        let all: String = ('\0'..='\u{3000}').chain(['\u{feff}', '\u{1f600}']).collect();
        for piece in all.chars().collect::<Vec<_>>().chunks(LONGEST) {
            let piece: String = piece.iter().collect();
            for format in [LogFormat::Text, LogFormat::Json] {
                assert!(!value(&piece, format).contains(is_dangerous), "{piece:?}");
            }
            let line: serde_json::Value = serde_json::from_str(&value(&piece, LogFormat::Json)).unwrap();
            assert_eq!(line["url"], piece.as_str());
        }
    }

    #[test]
    fn long_values_are_cut() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = value(&"x".repeat(100_000), format);
            assert!(line.len() < LONGEST + 100 && line.contains("x…\""), "{line}");
        }
    }
}
