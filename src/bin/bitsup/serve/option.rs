//! Keys of the configuration file. A key is the command-line option of the same name and is validated by the command
//! line's own definition, so the two cannot differ.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::error::Error as _;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Args};
use toml::de::DeValue;

use super::access_log::STDOUT;
use super::args::{DirectoryArgs, ServerArgs};

/// Keys whose values must differ between directories, and which therefore cannot have a default at the top.
const DIRECTORY_ONLY: [&str; 4] = ["root", "url-prefix", "enabled", "public-url"];

/// The part of the file that contains a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Above all directories: options of the server, and defaults for the directories.
    Top,
    /// The table of a directory.
    Directory,
}

/// Returns a command with all options that have a key.
pub fn command() -> clap::Command {
    DirectoryArgs::augment_args(ServerArgs::augment_args(clap::Command::new("serve")))
}

/// Converts a key and its value to command-line arguments; a flag that is off gives none. Paths are relative to `base`.
///
/// # Errors
///
/// Returns the reason why the key is not allowed there or the value is invalid.
pub fn arguments(
    command: &clap::Command,
    scope: Scope,
    key: &str,
    value: &DeValue<'_>,
    base: &Path,
) -> Result<Vec<OsString>, String> {
    let arg = find(command, scope, key)?;
    let arguments = to_arguments(arg, key, value, base)
        .ok_or_else(|| format!("expected {}", ValueKind::of(arg).expected()))?;
    let line = [OsString::from("serve")].into_iter().chain(arguments.iter().cloned());
    command.clone().try_get_matches_from(line).map_err(|error| reason(&error))?;
    Ok(arguments)
}

fn find<'a>(command: &'a clap::Command, scope: Scope, key: &str) -> Result<&'a Arg, String> {
    let of_server = names(ServerArgs::augment_args).contains(key);
    match (scope, command.get_arguments().find(|arg| arg.get_long() == Some(key))) {
        (Scope::Directory, Some(_)) if of_server => {
            Err("this is a server option: write it above the first [[directory]]".into())
        }
        (Scope::Top, Some(_)) if DIRECTORY_ONLY.contains(&key) => {
            Err("this option belongs to a directory: write it below its [[directory]]".into())
        }
        (_, Some(arg)) => Ok(arg),
        (_, None) => Err("unknown key: the keys are the long options of `bitsup serve`".into()),
    }
}

fn names(augment: fn(clap::Command) -> clap::Command) -> BTreeSet<String> {
    let command = augment(clap::Command::new("serve"));
    command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
}

/// The type of an option's value.
#[derive(Clone, Copy)]
enum ValueKind {
    /// A switch without a value.
    Flag,
    /// A switch that is counted.
    Count,
    /// true or false.
    Bool,
    /// A number with or without a unit.
    Number,
    Path,
    Text,
    /// A repeatable text.
    Texts,
}

impl ValueKind {
    const NUMBERS: [fn() -> TypeId; 4] =
        [TypeId::of::<u32>, TypeId::of::<u64>, TypeId::of::<usize>, TypeId::of::<Duration>];

    fn of(arg: &Arg) -> Self {
        let value = arg.get_value_parser().type_id();
        match arg.get_action() {
            ArgAction::SetTrue => Self::Flag,
            ArgAction::Count => Self::Count,
            ArgAction::Append => Self::Texts,
            _ if value == TypeId::of::<bool>() => Self::Bool,
            _ if Self::NUMBERS.iter().any(|number| value == number()) => Self::Number,
            _ if value == TypeId::of::<PathBuf>() => Self::Path,
            _ => Self::Text,
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Flag | Self::Bool => "true or false",
            Self::Count => "a number from 0 to 3",
            Self::Number => "a number, or a string with a number and its unit",
            Self::Path | Self::Text => "a string",
            Self::Texts => "a string or an array of strings",
        }
    }
}

/// Formats an option as command-line arguments; `None` if the value has the wrong type.
fn to_arguments(arg: &Arg, key: &str, value: &DeValue<'_>, base: &Path) -> Option<Vec<OsString>> {
    let with = |text: OsString| {
        let mut word = OsString::from(format!("--{key}="));
        word.push(text);
        vec![word]
    };
    Some(match (ValueKind::of(arg), value) {
        (ValueKind::Flag, DeValue::Boolean(on)) => vec![format!("--{key}").into(); usize::from(*on)],
        (ValueKind::Bool, DeValue::Boolean(yes)) => with(yes.to_string().into()),
        (ValueKind::Count, DeValue::Integer(number)) => {
            let times = usize::from_str_radix(number.as_str(), number.radix()).ok()?;
            vec![format!("--{key}").into(); (times <= 3).then_some(times)?]
        }
        (ValueKind::Number, DeValue::Integer(number)) => {
            with(i128::from_str_radix(number.as_str(), number.radix()).ok()?.to_string().into())
        }
        (ValueKind::Number | ValueKind::Text | ValueKind::Texts, DeValue::String(text)) => {
            with(text.as_ref().into())
        }
        (ValueKind::Texts, DeValue::Array(texts)) => {
            let words = texts.iter().map(|text| text.get_ref().as_str().map(|text| with(text.into())));
            words.collect::<Option<Vec<_>>>()?.concat()
        }
        (ValueKind::Path, DeValue::String(text)) if text == STDOUT => with(text.as_ref().into()),
        (ValueKind::Path, DeValue::String(text)) => with(base.join(text.as_ref()).into()),
        _ => return None,
    })
}

/// Returns clap's reason for rejecting a value, without the option's name in its command-line form.
fn reason(error: &clap::Error) -> String {
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(values))) => format!("expected one of {}", values.join(", ")),
        _ => error.kind().to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use clap::FromArgMatches;
    use toml::de::DeTable;

    use super::*;
    use crate::serve::ServeArgs;

    /// Every option that has a key, with a line of a file and the equivalent command line.
    const SAMPLES: &[(&str, &str, &str)] = &[
        ("listen", "listen = '[::1]:81'", "--listen [::1]:81"),
        ("admin", "admin = '127.0.0.1:9'", "--admin 127.0.0.1:9"),
        ("admin-allow-remote", "admin-allow-remote = true", "--admin-allow-remote"),
        ("cleanup-interval", "cleanup-interval = 5", "--cleanup-interval 5s"),
        ("stop-grace", "stop-grace = '1m'", "--stop-grace 60"),
        ("tls-cert", "tls-cert = 'cert.pem'", "--tls-cert /base/cert.pem"),
        ("tls-key", "tls-key = 'key.pem'", "--tls-key /base/key.pem"),
        ("client-ca", "client-ca = '/etc/ca.pem'", "--client-ca /etc/ca.pem"),
        ("user", "user = ['a:b', 'c:d']", "--user a:b --user c:d"),
        ("users-file", "users-file = 'users'", "--users-file /base/users"),
        ("allow-anonymous", "allow-anonymous = true", "--allow-anonymous"),
        ("access-log", "access-log = 'log'", "--access-log /base/log"),
        ("log-format", "log-format = 'json'", "--log-format json"),
        ("max-connections", "max-connections = 9", "--max-connections 9"),
        ("max-connections-per-address", "max-connections-per-address = 9", "--max-connections-per-address 9"),
        ("max-workers", "max-workers = 9", "--max-workers 9"),
        ("max-head-size", "max-head-size = '16k'", "--max-head-size 16384"),
        ("max-head-fields", "max-head-fields = 50", "--max-head-fields 50"),
        ("head-timeout", "head-timeout = 5", "--head-timeout 5s"),
        ("read-timeout", "read-timeout = '1m'", "--read-timeout 60"),
        ("idle-timeout", "idle-timeout = '1m'", "--idle-timeout 60"),
        ("min-body-rate", "min-body-rate = '1k'", "--min-body-rate 1024"),
        ("body-grace", "body-grace = '10s'", "--body-grace 10"),
        ("verbose", "verbose = 2", "-vv"),
        ("root", "root = 'sub/dir'", "--root /base/sub/dir"),
        ("url-prefix", "url-prefix = 'up'", "--url-prefix /up/"),
        ("enabled", "enabled = false", "--enabled false"),
        ("max-upload-size", "max-upload-size = '2t'", "--max-upload-size 2t"),
        ("max-fragment-size", "max-fragment-size = 0x10_000", "--max-fragment-size 64k"),
        ("free-space-reserve", "free-space-reserve = '1g'", "--free-space-reserve 1g"),
        ("allow-overwrites", "allow-overwrites = true", "--allow-overwrites"),
        ("allow-user", "allow-user = ['a', 'CN=b,O=c']", "--allow-user a --allow-user CN=b,O=c"),
        ("create-user", "create-user = 'a'", "--create-user a"),
        ("overwrite-user", "overwrite-user = ['a']", "--overwrite-user a"),
        ("session-timeout", "session-timeout = '1h 30m'", "--session-timeout 5400"),
        ("max-sessions-per-user", "max-sessions-per-user = 7", "--max-sessions-per-user 7"),
        ("max-sessions", "max-sessions = '8'", "--max-sessions 8"),
        ("overlap", "overlap = 'reject'", "--overlap reject"),
        ("finalize", "finalize = 'close'", "--finalize close"),
        ("durability", "durability = 'none'", "--durability none"),
        ("shared", "shared = true", "--shared"),
        ("public-url", "public-url = 'https://up.test/x/'", "--public-url https://up.test/x/"),
        ("host-id", "host-id = 'node1:8080'", "--host-id node1:8080"),
        ("host-id-fallback-timeout", "host-id-fallback-timeout = '2h'", "--host-id-fallback-timeout 7200"),
        ("method-override", "method-override = true", "--method-override"),
        ("notify", "notify = 'reference'", "--notify reference"),
        ("notify-url", "notify-url = 'http://app.test/x'", "--notify-url http://app.test/x"),
        ("notify-ca", "notify-ca = 'ca.pem'", "--notify-ca /base/ca.pem"),
        ("notify-timeout", "notify-timeout = '1m'", "--notify-timeout 60"),
        ("notify-concurrency", "notify-concurrency = 3", "--notify-concurrency 3"),
    ];

    /// The options that a command line sets.
    fn set_by(words: impl IntoIterator<Item = OsString>) -> String {
        let line = [OsString::from("serve")].into_iter().chain(words);
        let matches = command().try_get_matches_from(line).unwrap();
        let server = ServerArgs::from_arg_matches(&matches).unwrap();
        format!("{server:?} {:?}", DirectoryArgs::from_arg_matches(&matches).unwrap())
    }

    /// Reads a line of a file, at the top or in a directory.
    fn read(scope: Scope, line: &str) -> Result<Vec<OsString>, String> {
        let table = DeTable::parse(line).unwrap().into_inner();
        let (key, value) = table.iter().next().unwrap();
        arguments(&command(), scope, key.get_ref(), value.get_ref(), Path::new("/base"))
    }

    #[test]
    fn options_and_keys_correspond() {
        let mut options = names(ServeArgs::augment_args);
        assert!(options.remove("config"), "the only option without a key");
        assert_eq!(options, SAMPLES.iter().map(|(key, ..)| (*key).to_owned()).collect());
        assert_eq!(options, names(|command| DirectoryArgs::augment_args(ServerArgs::augment_args(command))));
    }

    #[test]
    fn a_key_sets_the_same_values_as_its_option() {
        for &(key, line, typed) in SAMPLES {
            let expected = set_by(typed.split(' ').map(OsString::from));
            assert_ne!(expected, set_by([]), "{key}: the sample sets nothing");
            let taken = [Scope::Top, Scope::Directory].map(|scope| read(scope, line));
            assert!(taken.iter().any(Result::is_ok), "{key}: {taken:?}");
            for words in taken.into_iter().flatten() {
                assert_eq!(set_by(words), expected, "{key}");
            }
        }
    }

    #[test]
    fn keys_are_accepted_only_in_their_scope() {
        for &(key, line, _) in SAMPLES {
            let of_server = names(ServerArgs::augment_args).contains(key);
            assert_eq!(read(Scope::Directory, line).is_ok(), !of_server, "{key}");
            assert_eq!(read(Scope::Top, line).is_ok(), !DIRECTORY_ONLY.contains(&key), "{key}");
        }
    }

    /// All options except `listen` and `verbose`.
    #[test]
    fn a_configuration_file_excludes_the_other_options() {
        for &(key, _, typed) in SAMPLES {
            let line = ["serve", "--config", "file"].into_iter().chain(typed.split(' '));
            let taken = ServeArgs::augment_args(clap::Command::new("serve")).try_get_matches_from(line);
            let conflict = taken.err().map(|error| error.kind());
            let is_allowed = ["listen", "verbose"].contains(&key);
            assert_eq!(conflict, (!is_allowed).then_some(clap::error::ErrorKind::ArgumentConflict), "{key}");
        }
    }

    #[test]
    fn standard_output_is_not_resolved_as_a_path() {
        assert_eq!(read(Scope::Top, "access-log = '-'"), Ok(vec!["--access-log=-".into()]));
    }

    #[test]
    fn a_disabled_flag_gives_no_argument() {
        assert_eq!(read(Scope::Top, "allow-overwrites = false"), Ok(Vec::new()));
    }
}
