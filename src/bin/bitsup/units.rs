//! Parsing of sizes and durations.

use std::time::Duration;

/// Parses a size in bytes: digits and an optional `k`, `m`, `g` or `t` for powers of 1024, in either case.
pub fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.char_indices().next_back() {
        Some((end, unit)) if !unit.is_ascii_digit() => (text.split_at(end).0, shift(unit)),
        _ => (text, Some(0)),
    };
    let number = digits.parse::<u64>().ok().filter(|_| !digits.starts_with('+'));
    let (Some(number), Some(shift)) = (number, shift) else {
        return Err("expected a number of bytes such as 65536, 64k, 10m, 1g or 2t".into());
    };
    number.checked_mul(1 << shift).ok_or_else(|| "the number does not fit in 64 bits".into())
}

fn shift(unit: char) -> Option<u32> {
    match unit.to_ascii_lowercase() {
        'k' => Some(10),
        'm' => Some(20),
        'g' => Some(30),
        't' => Some(40),
        _ => None,
    }
}

/// Parses a duration: a number of seconds, or a duration with units (`90s`, `12h`, `14d`, `1h 30m`).
pub fn duration(text: &str) -> Result<Duration, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map(Duration::from_secs).map_err(|error| error.to_string())
    } else {
        humantime::parse_duration(text).map_err(|error| error.to_string())
    }
}

/// Parses a duration in whole seconds.
pub fn seconds(text: &str) -> Result<u32, String> {
    let duration = duration(text)?;
    let whole = u32::try_from(duration.as_secs()).ok().filter(|_| duration.subsec_nanos() == 0);
    whole.ok_or_else(|| "expected whole seconds below 2^32".into())
}

/// Parses a timeout, which must be longer than 0.
pub fn time_limit(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() {
        return Err("expected more than 0".into());
    }
    Ok(duration)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_in_powers_of_1024() {
        for (text, bytes) in
            [("0", 0), ("65536", 65_536), ("64k", 65_536), ("10M", 10 << 20), ("1g", 1 << 30)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        assert_eq!(size("2T"), Ok(2 << 40));
        assert_eq!(size("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn invalid_sizes_are_rejected() {
        for text in
            ["", "k", "-1", "+1", "+1k", "1.5g", "64kb", "1 k", "1ü", "18446744073709551616", "16777216t"]
        {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_seconds_unless_they_name_a_unit() {
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("12h"), Ok(Duration::from_secs(12 * 3600)));
        assert_eq!(duration("14d"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn invalid_durations_are_rejected() {
        for text in ["", "-1", "soon", "12 parsecs", "99999999999999999999"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn whole_seconds_and_timeouts_are_bounded_durations() {
        assert_eq!(seconds("1d"), Ok(86_400));
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("4294967295"), Ok(u32::MAX));
        assert_eq!(time_limit("1ms"), Ok(Duration::from_millis(1)));
        assert!(seconds("1500ms").is_err());
        assert!(seconds("4294967296").is_err());
        assert!(time_limit("0s").is_err());
        assert!(time_limit("soon").is_err());
    }
}
