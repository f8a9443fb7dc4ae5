//! Formats an event as a line of the access log. Values from clients are escaped, so that they cannot end the line or
//! control a terminal, and truncated.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use super::event::{CompletedRequest, ServerEvent};
use crate::engine::{SessionEvent, SessionEventKind};

/// The format of the lines of an [`AccessLog`](super::access_log::AccessLog).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(i32)]
pub enum LogFormat {
    /// Time and event name, then `key=value` pairs. A value with spaces or special characters is a quoted JSON
    /// string.
    #[default]
    Text = 0,
    /// One JSON object per line.
    Json = 1,
}

/// Maximum characters of a value; longer ones are truncated.
const MAX_VALUE_CHARS: usize = 1024;

/// Returns the line of an event, without a line end.
pub(super) fn line(event: &ServerEvent<'_>, now: SystemTime, format: LogFormat) -> String {
    let mut line = LineBuilder::new(event.name(), now, format);
    match event {
        ServerEvent::Request(request) => line.request(request),
        ServerEvent::Session(event) => line.session(event),
        ServerEvent::AuthFailed { peer, status } => {
            line.text("peer", Some(&peer.to_string()));
            line.number("status", Some(*status));
        }
        ServerEvent::TlsFailed { peer, reason } => {
            line.text("peer", Some(&peer.to_string()));
            line.text("reason", Some(reason));
        }
        ServerEvent::Started { url } => line.text("url", Some(url)),
        ServerEvent::Reloaded { resource } => line.text("resource", Some(resource)),
        ServerEvent::Stopping | ServerEvent::Stopped => {}
    }
    line.finish()
}

struct LineBuilder {
    text: String,
    format: LogFormat,
}

impl LineBuilder {
    fn new(event: &str, now: SystemTime, format: LogFormat) -> Self {
        let time = humantime::format_rfc3339_millis(now);
        let mut line = Self { text: String::with_capacity(384), format };
        match format {
            // Writing to a `String` never fails.
            LogFormat::Text => _ = write!(line.text, "{time} {event}"),
            LogFormat::Json => _ = write!(line.text, "{{\"time\":\"{time}\",\"event\":\"{event}\""),
        }
        line
    }

    fn request(&mut self, request: &CompletedRequest) {
        self.text("peer", Some(&request.peer.to_string()));
        self.text("owner", request.owner.as_deref());
        self.text("method", request.method.as_deref());
        self.text("packet", request.packet.map(|packet| packet.name()));
        self.text("session", request.session.map(|session| session.to_string()).as_deref());
        self.text("path", request.path.as_deref());
        self.text("range", request.range.as_deref());
        self.number("status", request.status);
        self.text("hresult", request.hresult.map(|hresult| hresult.to_wire()).as_deref());
        self.duration(request.duration);
        self.number("bytes_in", Some(request.bytes_in));
        self.number("bytes_out", Some(request.bytes_out));
        self.number("bytes_stored", Some(request.bytes_stored));
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

    /// Appends a value; a `None` is left out.
    fn text(&mut self, key: &str, value: Option<&str>) {
        let Some(value) = value else { return };
        let is_word = value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\=".contains(&byte));
        self.key(key);
        if self.format == LogFormat::Text && is_word && !value.is_empty() && value.len() <= MAX_VALUE_CHARS {
            self.text.push_str(value);
        } else {
            self.quoted(value);
        }
    }

    fn number(&mut self, key: &str, value: Option<impl Into<u64>>) {
        let Some(value) = value else { return };
        self.key(key);
        _ = write!(self.text, "{}", value.into());
    }

    fn duration(&mut self, took: Duration) {
        let micros = took.as_micros();
        self.key("duration_ms");
        _ = write!(self.text, "{}.{:03}", micros / 1000, micros % 1000);
    }

    fn key(&mut self, key: &str) {
        match self.format {
            LogFormat::Text => _ = write!(self.text, " {key}="),
            LogFormat::Json => _ = write!(self.text, ",\"{key}\":"),
        }
    }

    /// Appends a JSON string, which both formats use.
    fn quoted(&mut self, value: &str) {
        self.text.push('"');
        let mut characters = value.chars();
        for character in characters.by_ref().take(MAX_VALUE_CHARS) {
            match character {
                '"' | '\\' => self.text.extend(['\\', character]),
                _ if needs_escape(character) => _ = write!(self.text, "\\u{:04x}", u32::from(character)),
                _ => self.text.push(character),
            }
        }
        if characters.next().is_some() {
            self.text.push('…');
        }
        self.text.push('"');
    }

    fn finish(mut self) -> String {
        if self.format == LogFormat::Json {
            self.text.push('}');
        }
        self.text
    }
}

/// Whether a character may end a line, control a terminal or change the direction of text. All of these fit into four
/// hexadecimal digits.
fn needs_escape(character: char) -> bool {
    let reorders =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}') || reorders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, format: LogFormat) -> String {
        let url = ServerEvent::Started { url: text };
        line(&url, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123), format)
    }

    #[test]
    fn plain_words_are_unquoted_and_other_values_quoted() {
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
    fn no_character_ends_the_line_or_is_lost() {
        let all: String = ('\0'..='\u{3000}').chain(['\u{feff}', '\u{1f600}']).collect();
        for piece in all.chars().collect::<Vec<_>>().chunks(MAX_VALUE_CHARS) {
            let piece: String = piece.iter().collect();
            for format in [LogFormat::Text, LogFormat::Json] {
                assert!(!value(&piece, format).contains(needs_escape), "{piece:?}");
            }
            let line: serde_json::Value = serde_json::from_str(&value(&piece, LogFormat::Json)).unwrap();
            assert_eq!(line["url"], piece.as_str());
        }
    }

    #[test]
    fn long_values_are_truncated() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = value(&"x".repeat(100_000), format);
            assert!(line.len() < MAX_VALUE_CHARS + 100 && line.contains("x…\""), "{line}");
        }
    }
}
