//! What the documents show is run: the README's snippets, the option tables, the links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use test_support::application::{Application, Response};

use crate::program::{Outcome, Served, Workspace, bitsup, run};

#[test]
fn the_readmes_make_targets_exist() {
    let make = lines("README.md", "sh", "make ");
    assert_eq!(make.len(), 2);
    for line in make {
        let mut command = shell(&line.replacen("make", "make --dry-run", 1), &repository());
        Outcome::from(command.output().unwrap()).succeeded();
    }
}

#[test]
fn the_readmes_command_line_works() {
    let mut commands = command_lines(false);
    let serve = commands.remove(0);
    assert_eq!(serve, "bitsup serve --root inbox --listen 127.0.0.1:8080");
    let served = Served::new(&[]);
    let (_, content) = served.place.source("photo.raw", 100_000);
    for line in commands {
        let outcome = run_line(&served, &line.replace("127.0.0.1:8080", &served.address().to_string()));
        // The upload was finished the line before, so there is nothing to give up.
        match line.starts_with("bitsup cancel") {
            true => outcome.failed(1, &["no unfinished upload"]),
            false => outcome.succeeded(),
        };
    }
    assert_eq!(fs::read(served.place.received("photo.raw")).unwrap(), content);
}

#[test]
fn the_readmes_application_replies() {
    let [serve, upload] = <[String; 2]>::try_from(command_lines(true)).unwrap();
    let application = Application::start(|_| Response::new("200 OK", "", b"the answer"));
    let place = Workspace::new();
    fs::create_dir(place.path("inbox")).unwrap();
    let (_, content) = place.source("scan.pdf", 100_000);

    let program = format!("exec {}", env!("CARGO_BIN_EXE_bitsup"));
    let serve = serve.replacen("bitsup", &program, 1) + " --listen 127.0.0.1:0";
    let serve = serve.replace("http://127.0.0.1:9000/check", &application.url("/check"));
    let served = Served::by(&mut shell(&serve, &place.path("")), place);
    run_line(&served, &upload.replace("127.0.0.1:8080", &served.address().to_string())).succeeded();
    assert_eq!(fs::read_to_string(served.place.path("answer.txt")).unwrap(), "the answer");
    assert!(application.request().body == content, "the application got something else than the source");
}

#[test]
fn the_readmes_c_program_uploads() {
    let served = Served::new(&[]);
    let place = &served.place;
    fs::write(place.path("upload.c"), snippets("README.md", "c").concat()).unwrap();
    let library = library_directory(place);
    let warnings = format!("-std=c99 -Wall -Wextra -Werror -I{}/include", repository().display());
    for start in ["ln ", "cc "] {
        let line = lines("README.md", "sh", start).concat();
        let line = line.replace("-Iinclude", &warnings).replace("target/release", library.to_str().unwrap());
        Outcome::from(shell(&line, &place.path("")).output().unwrap()).succeeded();
    }

    let (source, content) = place.source("source", 300_000);
    let program = Command::new(place.path("upload"))
        .args([&source, &served.url_of("file"), &place.text("state")])
        .stdin(Stdio::null())
        .output();
    Outcome::from(program.unwrap()).succeeded();
    assert!(fs::read(place.received("file")).unwrap() == content, "the file differs from its source");
}

#[test]
fn the_option_tables_are_those_of_the_program() {
    let manual = fs::read_to_string(repository().join("docs/reference/command-line.md")).unwrap();
    for (subcommand, with) in
        [("serve", &[""][..]), ("upload", &[""]), ("sessions", &["list", "show", "remove", "gc"])]
    {
        let section =
            manual.split("\n## ").find(|section| section.starts_with(&format!("bitsup {subcommand}\n")));
        let table = section.unwrap().lines().filter_map(|line| line.strip_prefix("| `--"));
        let documented: BTreeSet<_> = table.map(|rest| option_name(rest).to_owned()).collect();
        let help = with.iter().map(|word| {
            let words = [subcommand, word, "--help"].into_iter().filter(|word| !word.is_empty());
            run(&words.collect::<Vec<_>>()).succeeded().stdout.clone()
        });
        let help = help.collect::<String>();
        let offered = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
        let offered: BTreeSet<_> = offered.map(|rest| option_name(rest).to_owned()).collect();
        assert_eq!(documented, offered, "{subcommand}");
    }
}

/// The properties of IIS (PROTOCOL 8.1): each has an option that there is, or a sentence saying why not.
#[test]
fn every_property_of_iis_has_its_option_or_a_reason() {
    let properties = [
        "BITSUploadEnabled",
        "BITSSessionTimeout",
        "BITSMaximumUploadSize",
        "BITSServerNotificationType",
        "BITSServerNotificationURL",
        "BITSHostId",
        "BITSHostIdFallbackTimeout",
        "BITSAllowOverwrites",
        "BITSCleanupUseDefault",
        "BITSCleanupCount",
        "BITSCleanupUnits",
        "BITSNumberOfSessionsLimit",
        "BITSSessionLimitEnable",
        "UNCUserName",
        "UNCPassword",
        "MaxBandwidth",
        "MaxConnections",
    ];
    let protocol = fs::read_to_string(repository().join("docs/reference/protocol.md")).unwrap();
    let section = protocol.split("\n### ").find(|section| section.starts_with("8.1 ")).unwrap();
    let help = run(&["serve", "--help"]).succeeded().stdout.clone();
    for property in properties {
        let name = format!("`{property}`");
        let mut rows = section.lines().filter(|line| line.starts_with("| ") && line.contains(&name));
        let cells: Vec<_> = rows.next().unwrap_or_else(|| panic!("{property}")).split(" | ").collect();
        assert!(rows.next().is_none(), "{property} is there twice");
        let option = cells[1].trim_matches(['`', '|', ' ']);
        let offered = help.lines().any(|line| line.trim_start().starts_with(&format!("{option} ")))
            || help.lines().any(|line| line.trim() == option);
        let explained = option == "–" && cells[2].len() > 40;
        assert!(offered || explained, "{property}: {cells:?}");
    }
}

#[test]
fn the_manuals_configuration_serves_all_its_directories() {
    let place = Workspace::new();
    fs::write(place.path("bitsup.toml"), snippets("docs/reference/configuration.md", "toml").concat())
        .unwrap();
    let directories = [("scans", true), ("backups", true), ("old", false)];
    for (root, _) in directories {
        fs::create_dir(place.path(root)).unwrap();
    }
    let config = place.text("bitsup.toml");
    let served = Served::by(&mut bitsup(&["serve", "--config", &config, "--listen", "127.0.0.1:0"]), place);
    let (source, content) = served.place.source("source", 100_000);
    for (root, enabled) in directories {
        let url = served.url_of(&format!("{root}/file"));
        let outcome = run(&["upload", &source, &url, "--state-dir", &served.place.text("state")]);
        match enabled {
            true => outcome.succeeded(),
            false => outcome.failed(1, &["HTTP status: 501"]),
        };
        assert_eq!(fs::read(served.place.path(root).join("file")).ok(), enabled.then(|| content.clone()));
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let documents = documents(&repository());
    assert!(documents.len() > 30, "{documents:?}");
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
        {
            if target.starts_with("https://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { document.clone() } else { document.with_file_name(path) };
            assert!(file.exists(), "{}: {target}", document.display());
            assert!(anchor.is_empty() || anchors(&file).contains(anchor), "{}: {target}", document.display());
        }
    }
}

/// All Markdown files below a directory, except in build output and hidden directories.
fn documents(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(documents(&path));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found
}

/// The anchors that GitHub makes of a document's headings.
fn anchors(document: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(document).unwrap();
    let headings = text.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    headings.map(|heading| heading.to_lowercase().replace(' ', "-").chars().filter(kept).collect()).collect()
}

fn repository() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The code blocks of a document in one language.
fn snippets(document: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join(document)).unwrap();
    let opening = format!("```{language}\n");
    let blocks = text.split(&opening).skip(1);
    blocks.map(|rest| rest.split_once("```").unwrap().0.to_owned()).collect()
}

/// The lines of those blocks that begin so, without their comments.
fn lines(document: &str, language: &str, start: &str) -> Vec<String> {
    let blocks = snippets(document, language).concat();
    let lines = blocks.lines().filter(|line| line.starts_with(start));
    lines.map(|line| line.split(" #").next().unwrap().trim_end().to_owned()).collect()
}

/// What the README shows of the program: with an application and its replies, or without.
fn command_lines(with_reply: bool) -> Vec<String> {
    let mut commands = lines("README.md", "sh", "bitsup ");
    commands.retain(|line| (line.contains("--notify") || line.contains("--reply")) == with_reply);
    commands
}

fn shell(line: &str, directory: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(directory).stdin(Stdio::null());
    command
}

fn run_line(served: &Served, line: &str) -> Outcome {
    let program = env!("CARGO_BIN_EXE_bitsup");
    let mut command = shell(&line.replacen("bitsup", program, 1), &served.place.path(""));
    command.env("XDG_STATE_HOME", served.place.path("state")).output().unwrap().into()
}

/// `allow-overwrites` of `allow-overwrites` | on` and of `allow-overwrites  Let ...`.
fn option_name(rest: &str) -> &str {
    rest.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()).next().unwrap()
}

/// A directory with the library as cargo leaves it in target/release.
fn library_directory(place: &Workspace) -> PathBuf {
    // Beside the test: only there does `cargo test` put it, and not what a former build left.
    let built = std::env::current_exe().unwrap().with_file_name("libbitsup.so");
    let directory = place.path("lib");
    fs::create_dir(&directory).unwrap();
    std::os::unix::fs::symlink(&built, directory.join("libbitsup.so")).unwrap();
    directory
}
