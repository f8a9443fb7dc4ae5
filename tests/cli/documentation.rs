//! Checks the documentation: runs its snippets, and compares option tables and links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use test_support::application::{Application, Response};

use crate::program::{Outcome, TestServer, Workspace, bitsup, run};

#[test]
fn the_make_targets_in_the_readme_exist() {
    let make = lines("README.md", "sh", "make ");
    assert_eq!(make.len(), 2);
    for line in make {
        let mut command = shell(&line.replacen("make", "make --dry-run", 1), &repository());
        Outcome::from(command.output().unwrap()).assert_success();
    }
}

#[test]
fn the_commands_in_the_readme_work() {
    let mut commands = command_lines(false);
    let serve = commands.remove(0);
    assert_eq!(serve, "bitsup serve --root inbox --listen 127.0.0.1:8080");
    let server = TestServer::new(&[]);
    let (_, content) = server.workspace.source("photo.raw", 100_000);
    for line in commands {
        let outcome = run_line(&server, &line.replace("127.0.0.1:8080", &server.address().to_string()));
        // The command before has completed the upload, so there is nothing to cancel.
        if line.starts_with("bitsup cancel") {
            outcome.assert_failure(1, &["no unfinished upload"]);
        } else {
            outcome.assert_success();
        }
    }
    assert_eq!(fs::read(server.workspace.received("photo.raw")).unwrap(), content);
}

#[test]
fn the_reply_example_in_the_readme_works() {
    let [serve, upload] = <[String; 2]>::try_from(command_lines(true)).unwrap();
    let application = Application::start(|_| Response::new("200 OK", "", b"the reply"));
    let workspace = Workspace::new();
    fs::create_dir(workspace.path("inbox")).unwrap();
    let (_, content) = workspace.source("scan.pdf", 100_000);

    let program = format!("exec {}", env!("CARGO_BIN_EXE_bitsup"));
    let serve = serve.replacen("bitsup", &program, 1) + " --listen 127.0.0.1:0";
    let serve = serve.replace("http://127.0.0.1:9000/check", &application.url("/check"));
    let server = TestServer::spawn(&mut shell(&serve, &workspace.path("")), workspace);
    run_line(&server, &upload.replace("127.0.0.1:8080", &server.address().to_string())).assert_success();
    assert_eq!(fs::read_to_string(server.workspace.path("answer.txt")).unwrap(), "the reply");
    assert!(application.request().body == content, "the application received other bytes than the source");
}

#[test]
fn the_c_program_in_the_readme_uploads() {
    let server = TestServer::new(&[]);
    let workspace = &server.workspace;
    fs::write(workspace.path("upload.c"), snippets("README.md", "c").concat()).unwrap();
    let library = library_directory(workspace);
    let warnings = format!("-std=c99 -Wall -Wextra -Werror -I{}/include", repository().display());
    for prefix in ["ln ", "cc "] {
        let line = lines("README.md", "sh", prefix).concat();
        let line = line.replace("-Iinclude", &warnings).replace("target/release", library.to_str().unwrap());
        Outcome::from(shell(&line, &workspace.path("")).output().unwrap()).assert_success();
    }

    let (source, content) = workspace.source("source", 300_000);
    let program = Command::new(workspace.path("upload"))
        .args([&source, &server.url_of("file"), &workspace.path_str("state")])
        .stdin(Stdio::null())
        .output();
    Outcome::from(program.unwrap()).assert_success();
    assert!(fs::read(workspace.received("file")).unwrap() == content, "the file differs from its source");
}

#[test]
fn the_option_tables_match_the_program() {
    let manual = fs::read_to_string(repository().join("docs/reference/command-line.md")).unwrap();
    for (subcommand, commands) in
        [("serve", &[""][..]), ("upload", &[""]), ("sessions", &["list", "show", "remove", "gc"])]
    {
        let section =
            manual.split("\n## ").find(|section| section.starts_with(&format!("bitsup {subcommand}\n")));
        let table = section.unwrap().lines().filter_map(|line| line.strip_prefix("| `--"));
        let documented: BTreeSet<_> = table.map(|rest| option_name(rest).to_owned()).collect();
        let help = commands.iter().map(|command| {
            let args = [subcommand, command, "--help"].into_iter().filter(|command| !command.is_empty());
            run(&args.collect::<Vec<_>>()).assert_success().stdout.clone()
        });
        let help = help.collect::<String>();
        let offered = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
        let offered: BTreeSet<_> = offered.map(|rest| option_name(rest).to_owned()).collect();
        assert_eq!(documented, offered, "{subcommand}");
    }
}

/// Every IIS property (PROTOCOL 8.1) is listed with an existing option, or with an explanation why there is none.
#[test]
fn every_iis_property_has_an_option_or_an_explanation() {
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
    let help = run(&["serve", "--help"]).assert_success().stdout.clone();
    for property in properties {
        let name = format!("`{property}`");
        let mut rows = section.lines().filter(|line| line.starts_with("| ") && line.contains(&name));
        let cells: Vec<_> = rows.next().unwrap_or_else(|| panic!("{property}")).split(" | ").collect();
        assert!(rows.next().is_none(), "{property} is listed twice");
        let option = cells[1].trim_matches(['`', '|', ' ']);
        let offered = help.lines().any(|line| line.trim_start().starts_with(&format!("{option} ")))
            || help.lines().any(|line| line.trim() == option);
        let explained = option == "–" && cells[2].len() > 40;
        assert!(offered || explained, "{property}: {cells:?}");
    }
}

#[test]
fn the_documented_configuration_works() {
    let workspace = Workspace::new();
    fs::write(workspace.path("bitsup.toml"), snippets("docs/reference/configuration.md", "toml").concat())
        .unwrap();
    let directories = [("scans", true), ("backups", true), ("old", false)];
    for (root, _) in directories {
        fs::create_dir(workspace.path(root)).unwrap();
    }
    let config = workspace.path_str("bitsup.toml");
    let server =
        TestServer::spawn(&mut bitsup(&["serve", "--config", &config, "--listen", "127.0.0.1:0"]), workspace);
    let (source, content) = server.workspace.source("source", 100_000);
    for (root, enabled) in directories {
        let url = server.url_of(&format!("{root}/file"));
        let outcome = run(&["upload", &source, &url, "--state-dir", &server.workspace.path_str("state")]);
        if enabled {
            outcome.assert_success();
        } else {
            outcome.assert_failure(1, &["HTTP status: 501"]);
        }
        assert_eq!(fs::read(server.workspace.path(root).join("file")).ok(), enabled.then(|| content.clone()));
    }
}

#[test]
fn links_between_documents_work() {
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

/// The lines of the code blocks that begin with `prefix`, without comments.
fn lines(document: &str, language: &str, prefix: &str) -> Vec<String> {
    let blocks = snippets(document, language).concat();
    let lines = blocks.lines().filter(|line| line.starts_with(prefix));
    lines.map(|line| line.split(" #").next().unwrap().trim_end().to_owned()).collect()
}

/// The `bitsup` commands of the README, either those with an application and replies or all others.
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

fn run_line(server: &TestServer, line: &str) -> Outcome {
    let program = env!("CARGO_BIN_EXE_bitsup");
    let mut command = shell(&line.replacen("bitsup", program, 1), &server.workspace.path(""));
    command.env("XDG_STATE_HOME", server.workspace.path("state")).output().unwrap().into()
}

/// The option name at the start of a table cell or of a line of help.
fn option_name(rest: &str) -> &str {
    rest.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()).next().unwrap()
}

/// A directory with the library, laid out as target/release.
fn library_directory(workspace: &Workspace) -> PathBuf {
    // Next to the test binary, where `cargo test` puts it. Elsewhere a previous build may have left an old one.
    let built = std::env::current_exe().unwrap().with_file_name("libbitsup.so");
    let directory = workspace.path("lib");
    fs::create_dir(&directory).unwrap();
    std::os::unix::fs::symlink(&built, directory.join("libbitsup.so")).unwrap();
    directory
}
