//! The configuration file. Every table is converted to a command line of `bitsup serve` and parsed as one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use bitsup::{Error, Status};
use clap::{ArgMatches, FromArgMatches};
use toml::de::{DeTable, DeValue};

use super::args::{DirectoryArgs, ServerArgs};
use super::directory::Directory;
use super::option::{self, Scope};

/// The key of the directory tables.
const DIRECTORY: &str = "directory";

/// Reads a configuration file and returns the options of the server and of its directories, of which there is at least
/// one.
///
/// # Errors
///
/// Returns an error if the file cannot be read or is invalid. The first mistake is reported with its line.
pub fn read(path: &Path) -> Result<(ServerArgs, Vec<Directory>), Error> {
    let bytes = fs::read(path)
        .map_err(|error| Error::io(format!("cannot read the configuration {}", path.display()), error))?;
    let text = String::from_utf8_lossy(&bytes);
    let file = ConfigFile { path, text: &text, command: option::command() };
    match std::str::from_utf8(&bytes) {
        Ok(_) => file.read(),
        Err(error) => Err(file.error(error.valid_up_to(), "the file is not UTF-8")),
    }
}

struct ConfigFile<'a> {
    path: &'a Path,
    text: &'a str,
    /// The command whose options are the keys.
    command: clap::Command,
}

/// The options of a table, by key.
type ConfigSettings = BTreeMap<String, ConfigSetting>;

#[derive(Clone)]
struct ConfigSetting {
    /// Byte offset of the key in the text.
    at: usize,
    /// The setting as command-line arguments.
    arguments: Vec<OsString>,
}

/// A parsed directory table.
struct DirectoryTable {
    at: usize,
    settings: ConfigSettings,
    args: DirectoryArgs,
}

impl ConfigFile<'_> {
    fn read(&self) -> Result<(ServerArgs, Vec<Directory>), Error> {
        let document = DeTable::parse(self.text)
            .map_err(|error| self.error(error.span().map_or(0, |span| span.start), error.message()))?;
        let defaults = self.settings(document.get_ref(), Scope::Top)?;
        let mut tables: Vec<DirectoryTable> = Vec::new();
        for (at, table) in self.tables(document.get_ref())? {
            let mut settings = defaults.clone();
            settings.extend(self.settings(table, Scope::Directory)?);
            let args = self.args(at, &settings)?;
            let table = DirectoryTable { at, settings, args };
            tables.iter().try_for_each(|other| self.check_disjoint(other, &table))?;
            tables.push(table);
        }
        let directory =
            |table: DirectoryTable| Directory { location: Some(self.location(table.at)), args: table.args };
        Ok((self.args(0, &defaults)?, tables.into_iter().map(directory).collect()))
    }

    /// Reads the options of a table in the order of the file, so that the first mistake is reported.
    fn settings(&self, table: &DeTable<'_>, scope: Scope) -> Result<ConfigSettings, Error> {
        let base = self.path.parent().unwrap_or(Path::new(""));
        let mut entries: Vec<_> = table.iter().collect();
        entries.retain(|(key, _)| scope != Scope::Top || key.get_ref() != DIRECTORY);
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut settings = ConfigSettings::new();
        for (key, value) in entries {
            let (at, key) = (key.span().start, key.get_ref());
            let arguments = option::arguments(&self.command, scope, key, value.get_ref(), base)
                .map_err(|why| self.error(at, &format!("{key}: {why}")))?;
            settings.insert(key.to_string(), ConfigSetting { at, arguments });
        }
        Ok(settings)
    }

    /// Returns the directory tables with their byte offsets.
    fn tables<'t>(&self, document: &'t DeTable<'t>) -> Result<Vec<(usize, &'t DeTable<'t>)>, Error> {
        let expected = "expected a [[directory]] table for every directory";
        let Some(value) = document.get(DIRECTORY) else { return Err(self.error(self.text.len(), expected)) };
        let wrong = |at| self.error(at, &format!("{DIRECTORY}: {expected}"));
        let tables = value.get_ref().as_array().filter(|tables| !tables.is_empty());
        let tables = tables.ok_or_else(|| wrong(value.span().start))?;
        let table = |value: &'t toml::Spanned<DeValue<'t>>| {
            let at = value.span().start;
            value.get_ref().as_table().map(|table| (at, table)).ok_or_else(|| wrong(at))
        };
        tables.iter().map(table).collect()
    }

    /// Parses the settings as a command line. Each one was validated separately before.
    fn args<T: FromArgMatches>(&self, at: usize, settings: &ConfigSettings) -> Result<T, Error> {
        let arguments = settings.values().flat_map(|setting| setting.arguments.iter().cloned());
        let line = [OsString::from("serve")].into_iter().chain(arguments);
        let matches: Result<ArgMatches, _> = self.command.clone().try_get_matches_from(line);
        matches
            .and_then(|matches| T::from_arg_matches(&matches))
            .map_err(|error| self.error(at, &error.kind().to_string()))
    }

    /// Checks that two directories have different prefixes and disjoint roots. If one root contained the other, a client
    /// could reach the sessions of the inner one through the outer one.
    fn check_disjoint(&self, first: &DirectoryTable, second: &DirectoryTable) -> Result<(), Error> {
        let roots = resolved(&first.args).zip(resolved(&second.args));
        let key = match roots {
            _ if first.args.url_prefix == second.args.url_prefix => "url-prefix",
            Some((one, other)) if one.starts_with(&other) || other.starts_with(&one) => "root",
            _ => return Ok(()),
        };
        let at = |table: &DirectoryTable| table.settings.get(key).map_or(table.at, |setting| setting.at);
        let line = self.line(at(first));
        let why = match key {
            "root" => format!("it overlaps with the root in line {line}: use separate roots"),
            _ => format!("the directory in line {line} has the same prefix: use a different one"),
        };
        Err(self.error(at(second), &format!("{key}: {why}")))
    }

    fn error(&self, at: usize, message: &str) -> Error {
        Error::new(Status::InvalidArgument, format!("{}: {message}", self.location(at)))
    }

    fn location(&self, at: usize) -> String {
        format!("{}:{}", self.path.display(), self.line(at))
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.bytes().take(at);
        before.filter(|byte| *byte == b'\n').count().saturating_add(1)
    }
}

/// Resolves the root's path. A missing root is reported later, when it is opened.
fn resolved(args: &DirectoryArgs) -> Option<PathBuf> {
    let root = args.root.as_ref()?;
    Some(fs::canonicalize(root).unwrap_or_else(|_| root.clone()))
}
