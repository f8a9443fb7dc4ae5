//! The configuration file. Every table in it amounts to a command line of `bitsup serve`, and is read as one.

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

/// The key of the tables.
const DIRECTORY: &str = "directory";

/// What a configuration file says of the server and of its directories, of which there is at least one.
///
/// Errors: the file cannot be read, or is wrong; of several mistakes the first is named.
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
    /// What the keys are asked of.
    command: clap::Command,
}

/// The options of a table, by key.
type Settings = BTreeMap<String, Setting>;

#[derive(Clone)]
struct Setting {
    /// Where in the text the key begins.
    at: usize,
    /// How it is typed.
    words: Vec<OsString>,
}

/// A table of a directory, read.
struct Table {
    at: usize,
    settings: Settings,
    args: DirectoryArgs,
}

impl ConfigFile<'_> {
    fn read(&self) -> Result<(ServerArgs, Vec<Directory>), Error> {
        let document = DeTable::parse(self.text)
            .map_err(|error| self.error(error.span().map_or(0, |span| span.start), error.message()))?;
        let defaults = self.settings(document.get_ref(), Scope::Top)?;
        let mut tables: Vec<Table> = Vec::new();
        for (at, table) in self.tables(document.get_ref())? {
            let mut settings = defaults.clone();
            settings.extend(self.settings(table, Scope::Directory)?);
            let args = self.args(at, &settings)?;
            let table = Table { at, settings, args };
            tables.iter().try_for_each(|other| self.check_apart(other, &table))?;
            tables.push(table);
        }
        let place = |table: Table| Directory { place: Some(self.place(table.at)), args: table.args };
        Ok((self.args(0, &defaults)?, tables.into_iter().map(place).collect()))
    }

    /// The options in a table, in the order of the file as far as errors go.
    fn settings(&self, table: &DeTable<'_>, scope: Scope) -> Result<Settings, Error> {
        let base = self.path.parent().unwrap_or(Path::new(""));
        let mut entries: Vec<_> = table.iter().collect();
        entries.retain(|(key, _)| scope != Scope::Top || key.get_ref() != DIRECTORY);
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut settings = Settings::new();
        for (key, value) in entries {
            let (at, key) = (key.span().start, key.get_ref());
            let words = option::words(&self.command, scope, key, value.get_ref(), base)
                .map_err(|why| self.error(at, &format!("{key}: {why}")))?;
            settings.insert(key.to_string(), Setting { at, words });
        }
        Ok(settings)
    }

    /// The tables of the directories, and where each begins.
    fn tables<'t>(&self, document: &'t DeTable<'t>) -> Result<Vec<(usize, &'t DeTable<'t>)>, Error> {
        let wanted = "expected a [[directory]] table for every directory";
        let Some(value) = document.get(DIRECTORY) else { return Err(self.error(self.text.len(), wanted)) };
        let wrong = |at| self.error(at, &format!("{DIRECTORY}: {wanted}"));
        let tables = value.get_ref().as_array().filter(|tables| !tables.is_empty());
        let tables = tables.ok_or_else(|| wrong(value.span().start))?;
        let table = |value: &'t toml::Spanned<DeValue<'t>>| {
            let at = value.span().start;
            value.get_ref().as_table().map(|table| (at, table)).ok_or_else(|| wrong(at))
        };
        tables.iter().map(table).collect()
    }

    /// Reads options as a command line. Each was taken by itself before.
    fn args<T: FromArgMatches>(&self, at: usize, settings: &Settings) -> Result<T, Error> {
        let words = settings.values().flat_map(|setting| setting.words.iter().cloned());
        let line = [OsString::from("serve")].into_iter().chain(words);
        let matches: Result<ArgMatches, _> = self.command.clone().try_get_matches_from(line);
        matches
            .and_then(|matches| T::from_arg_matches(&matches))
            .map_err(|error| self.error(at, &error.kind().to_string()))
    }

    /// Two directories have prefixes of their own and roots of their own, neither within the other: through
    /// the outer one a client could reach the sessions of the inner one.
    fn check_apart(&self, first: &Table, second: &Table) -> Result<(), Error> {
        let roots = resolved(&first.args).zip(resolved(&second.args));
        let key = match roots {
            _ if first.args.url_prefix == second.args.url_prefix => "url-prefix",
            Some((one, other)) if one.starts_with(&other) || other.starts_with(&one) => "root",
            _ => return Ok(()),
        };
        let at = |table: &Table| table.settings.get(key).map_or(table.at, |setting| setting.at);
        let line = self.line(at(first));
        let why = match key {
            "root" => format!("it is, or lies within, or contains the root in line {line}: keep them apart"),
            _ => format!("it is that of the directory in line {line}: give each its own"),
        };
        Err(self.error(at(second), &format!("{key}: {why}")))
    }

    fn error(&self, at: usize, message: &str) -> Error {
        Error::new(Status::InvalidArgument, format!("{}: {message}", self.place(at)))
    }

    fn place(&self, at: usize) -> String {
        format!("{}:{}", self.path.display(), self.line(at))
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.bytes().take(at);
        before.filter(|byte| *byte == b'\n').count().saturating_add(1)
    }
}

/// The root, by whatever way it is named. One that is not there is found out when it is opened.
fn resolved(args: &DirectoryArgs) -> Option<PathBuf> {
    let root = args.root.as_ref()?;
    Some(fs::canonicalize(root).unwrap_or_else(|_| root.clone()))
}
