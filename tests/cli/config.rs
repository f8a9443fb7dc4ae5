//! `bitsup serve --config`: several virtual directories, each with its own options.

use std::fs;

use rustix::process::Signal;
use test_support::raw_http::{RawHttp, close, create, fragment};

use crate::program::{Outcome, Process, TestServer, Workspace, bitsup, run};

/// Starts a server with this configuration. The roots `a` and `b` exist.
pub fn serve(config: &str, options: &[&str]) -> TestServer {
    let workspace = workspace_with(config);
    let file = workspace.path_str("bitsup.toml");
    let args = [&["serve", "--config", &file], options].concat();
    TestServer::spawn(&mut bitsup(&args), workspace)
}

fn workspace_with(config: &str) -> Workspace {
    let workspace = Workspace::new();
    for root in ["a", "b"] {
        fs::create_dir(workspace.path(root)).unwrap();
    }
    fs::write(workspace.path("bitsup.toml"), config).unwrap();
    workspace
}

/// Uploads `length` bytes. Returns the outcome and the bytes.
fn upload(server: &TestServer, name: &str, length: usize) -> (Outcome, Vec<u8>) {
    let (source, content) = server.workspace.source(&format!("source-{length}"), length);
    let state = server.workspace.path_str("state");
    let url = server.url_of(name);
    (run(&["upload", &source, &url, "--state-dir", &state, "--no-progress-timeout", "0"]), content)
}

/// Runs a command that must fail before it listens.
#[track_caller]
fn run_failing(args: &[&str]) -> Outcome {
    let mut process = Process::start(args);
    assert_eq!(process.line(), "", "{args:?} started a server");
    process.finish()
}

/// Asserts that a configuration is rejected with one message, which begins with file and line and contains all of
/// `expected`.
#[track_caller]
fn assert_rejected(config: &str, line: usize, expected: &[&str]) {
    let workspace = workspace_with(config);
    let file = workspace.path_str("bitsup.toml");
    let outcome = run_failing(&["serve", "--config", &file]);
    outcome.assert_failure(2, expected);
    let start = format!("bitsup: {file}:{line}: ");
    assert!(outcome.stderr.starts_with(&start), "{config}\nline {line} is not in {outcome:?}");
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1), "{config}\n{outcome:?}");
}

const TWO_DIRECTORIES: &str = r#"
listen = "127.0.0.1:0"
max-upload-size = "1k"
overlap = "reject"

[[directory]]
url-prefix = "/small/"
root = "a"

[[directory]]
url-prefix = "/large"
root = "b"
max-upload-size = 100_000
allow-overwrites = true
overlap = "trim"
finalize = "close"
"#;

/// A relative root is relative to the configuration file, as the command runs in another directory.
#[test]
fn directories_are_separate_and_have_their_own_limits() {
    let server = serve(TWO_DIRECTORIES, &[]);
    let (outcome, _) = upload(&server, "small/f", 2000);
    outcome.assert_failure(1, &["BG_E_TOO_LARGE"]);
    let (outcome, content) = upload(&server, "large/f", 2000);
    outcome.assert_success();
    assert_eq!(fs::read(server.workspace.path("b/f")).unwrap(), content);
    let (outcome, content) = upload(&server, "small/f", 1000);
    outcome.assert_success();
    assert_eq!(fs::read(server.workspace.path("a/f")).unwrap(), content);
    upload(&server, "other/f", 1000).0.assert_failure(1, &["HTTP status: 404"]);
}

#[test]
fn overwriting_can_be_allowed_for_one_directory_only() {
    let server = serve(TWO_DIRECTORIES, &[]);
    for length in [100, 200] {
        upload(&server, "large/f", length).0.assert_success();
    }
    assert_eq!(fs::read(server.workspace.path("b/f")).unwrap().len(), 200);
    upload(&server, "small/f", 100).0.assert_success();
    upload(&server, "small/f", 200).0.assert_failure(1, &["HTTP status: 403"]);
    assert_eq!(fs::read(server.workspace.path("a/f")).unwrap().len(), 100);
}

/// Overlapping fragments (FRG-05), and whether the file is visible before Close-Session.
#[test]
fn overlap_and_finalize_can_differ_per_directory() {
    let server = serve(TWO_DIRECTORIES, &[]);
    for (prefix, root, overlapping, visible) in [("small", "a", 416, true), ("large", "b", 200, false)] {
        let path = format!("/{prefix}/f");
        let mut http = RawHttp::connect_to(server.address());
        let session = http.request(create(&path)).session();
        let mut send = |first: usize, bytes: &str| {
            http.request(fragment(&path, &session, first, bytes.len(), 8, &[]) + bytes).status
        };
        assert_eq!(send(0, "abcd"), 200);
        assert_eq!(send(2, "cdef"), overlapping, "{prefix}");
        assert_eq!(if overlapping == 200 { send(6, "gh") } else { send(4, "efgh") }, 200);
        let file = server.workspace.path(root).join("f");
        assert_eq!(file.exists(), visible, "{prefix}");
        assert_eq!(http.request(close(&path, &session)).status, 200);
        assert_eq!(fs::read(file).unwrap(), b"abcdefgh");
    }
}

#[test]
fn a_disabled_directory_returns_501_and_drops_its_sessions() {
    let server = serve(TWO_DIRECTORIES, &[]);
    assert_eq!(RawHttp::connect_to(server.address()).request(create("/small/f")).status, 200);
    let sessions = |workspace: &Workspace| {
        let entries = fs::read_dir(workspace.path("a/.bitsup")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    };
    assert_eq!(sessions(&server.workspace), 1);
    let workspace = server.kill();

    let disabled = TWO_DIRECTORIES.replace("root = \"a\"", "root = \"a\"\nenabled = false");
    fs::write(workspace.path("bitsup.toml"), disabled).unwrap();
    let config = workspace.path_str("bitsup.toml");
    let server = TestServer::spawn(&mut bitsup(&["serve", "--config", &config]), workspace);
    assert_eq!(sessions(&server.workspace), 0);
    upload(&server, "small/f", 10).0.assert_failure(1, &["HTTP status: 501", "0x80070005"]);
    run(&["ping", &server.url_of("small/")]).assert_failure(1, &["501"]);
    upload(&server, "large/f", 10).0.assert_success();
}

#[test]
fn listen_and_verbose_can_be_given_on_the_command_line() {
    let config = TWO_DIRECTORIES.replace("127.0.0.1:0", "127.0.0.1:1");
    let mut server = serve(&config, &["--listen", "127.0.0.1:0", "-v"]);
    server.process.signal(Signal::TERM);
    let outcome = server.process.finish();
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("Info server: "), "{outcome:?}");
}

#[test]
fn the_log_level_can_be_set_in_the_file() {
    let mut server = serve(&format!("verbose = 1{TWO_DIRECTORIES}"), &[]);
    server.process.signal(Signal::TERM);
    let outcome = server.process.finish();
    assert!(outcome.stderr.contains("Info server: "), "{outcome:?}");
}

#[test]
fn other_options_are_rejected_together_with_config() {
    let workspace = workspace_with(TWO_DIRECTORIES);
    let config = workspace.path_str("bitsup.toml");
    for option in [
        "--root=a",
        "--url-prefix=/a",
        "--max-sessions=1",
        "--allow-overwrites",
        "--cleanup-interval=1h",
        "--notify=none",
    ] {
        let name = option.split('=').next().unwrap();
        let outcome = run_failing(&["serve", "--config", &config, option]);
        outcome.assert_failure(2, &["--config <FILE>", "cannot be used", name]);
    }
}

#[test]
fn an_unknown_key_is_reported_with_its_line() {
    assert_rejected("listen = \"127.0.0.1:0\"\nmax-uplaod-size = 1\n", 2, &["max-uplaod-size: unknown key"]);
    assert_rejected(&format!("{TWO_DIRECTORIES}\nmax_sessions = 1"), 18, &["max_sessions: unknown key"]);
    assert_rejected("[limits]\nmax-sessions = 1\n", 1, &["limits: unknown key"]);
    assert_rejected("config = \"other.toml\"\n", 1, &["config: unknown key"]);
}

/// Only the first error of a file is reported.
#[test]
fn an_invalid_value_is_reported_with_its_key_and_line() {
    for (line, expected) in [
        ("max-upload-size = \"10q\"", "max-upload-size: expected a number of bytes"),
        ("max-upload-size = -1", "max-upload-size: expected a number of bytes"),
        ("max-upload-size = 1.5", "max-upload-size: expected a number, or a string"),
        ("max-upload-size = true", "max-upload-size: expected a number, or a string"),
        ("max-sessions = \"many\"", "max-sessions: invalid digit"),
        ("session-timeout = \"soon\"", "session-timeout: expected number"),
        ("session-timeout = 2024-01-01", "session-timeout: expected a number, or a string"),
        ("allow-overwrites = \"yes\"", "allow-overwrites: expected true or false"),
        ("allow-overwrites = 1", "allow-overwrites: expected true or false"),
        ("overlap = \"keep\"", "overlap: expected one of trim, reject"),
        ("overlap = [\"trim\"]", "overlap: expected a string"),
        ("enabled = \"false\"", "enabled: expected true or false"),
        ("root = 5", "root: expected a string"),
        ("url-prefix = \"/a b\"", "url-prefix: invalid URL prefix `/a b`"),
        ("listen = \"127.0.0.1:0\"", "listen: this is a server option"),
        ("cleanup-interval = 5", "cleanup-interval: this is a server option"),
        ("public-url = \"up.test\"", "public-url: invalid public URL `up.test`"),
        ("host-id = \"a/b\"", "host-id: invalid host id `a/b`"),
        ("host-id-fallback-timeout = \"1500ms\"", "host-id-fallback-timeout: expected whole seconds"),
        ("method-override = \"on\"", "method-override: expected true or false"),
        ("notify = \"always\"", "notify: expected one of none, reference, value"),
        ("notify-url = \"ftp://app.test/\"", "notify-url: invalid notification URL \"ftp://app.test/\""),
        ("notify-timeout = 0", "notify-timeout: expected more than 0"),
        ("notify-concurrency = 0", "notify-concurrency: 0 is not in 1.."),
        ("overlap = ", "string values must be quoted"),
        ("root", "="),
        ("max-sessions = 1\nmax-sessions = 2", "duplicate key"),
    ] {
        let error_line = 3 + line.lines().count() - 1;
        assert_rejected(
            &format!("listen = \"127.0.0.1:0\"\n[[directory]]\n{line}\nzzz = 1\n"),
            error_line,
            &[expected],
        );
    }
    for (line, expected) in [
        ("root = \"a\"", "root: this option belongs to a directory"),
        ("url-prefix = \"/\"", "url-prefix: this option belongs to a directory"),
        ("public-url = \"http://up.test/\"", "public-url: this option belongs to a directory"),
        ("enabled = false", "enabled: this option belongs to a directory"),
        ("listen = \"8080\"", "listen: expected an address and a port"),
        ("verbose = 4", "verbose: expected a number from 0 to 3"),
    ] {
        assert_rejected(&format!("\n{line}\n"), 2, &[expected]);
    }
}

#[test]
fn a_file_without_usable_directories_is_rejected() {
    assert_rejected("listen = \"127.0.0.1:0\"\n", 2, &["expected a [[directory]] table"]);
    assert_rejected("[directory]\nroot = \"a\"\n", 1, &["directory: expected a [[directory]] table"]);
    assert_rejected("directory = []\n", 1, &["directory: expected a [[directory]] table"]);
    assert_rejected("directory = [1]\n", 1, &["directory: expected a [[directory]] table"]);
    assert_rejected("\n[[directory]]\nurl-prefix = \"/up\"\n", 2, &["no root"]);
}

/// Each value is valid, but the combination is not.
#[test]
fn incomplete_notify_options_are_reported_with_their_directory() {
    let with = |options: &str| format!("\n[[directory]]\nroot = \"a\"\n{options}");
    assert_rejected(&with("notify = \"value\""), 2, &["notify requires notify-url"]);
    assert_rejected(&with("notify-url = \"http://app.test/\""), 2, &["notify-url requires notify"]);
    assert_rejected(&with("notify = \"value\"\nnotify-url = \"app\""), 2, &["requires public-url"]);
}

#[test]
fn two_directories_share_neither_prefix_nor_root() {
    let two = |first: &str, second: &str| format!("[[directory]]\n{first}\n\n[[directory]]\n{second}\n");
    assert_rejected(
        &two("root = \"a\"", "root = \"b\""),
        4,
        &["url-prefix: the directory in line 1 has the same prefix"],
    );
    let prefixes = two("root = \"a\"\nurl-prefix = \"up\"", "root = \"b\"\nurl-prefix = \"/up/\"");
    assert_rejected(&prefixes, 7, &["url-prefix", "line 3"]);
    for same in ["a", "./a", "b/../a", "a/inner", "."] {
        let roots = two("root = \"a\"", &format!("url-prefix = \"up\"\nroot = \"{same}\""));
        assert_rejected(&roots.replace("a/inner", "a/.bitsup/.."), 6, &["root", "line 2"]);
    }
}

#[test]
fn a_missing_root_is_reported_with_its_directory() {
    let workspace = workspace_with("\n[[directory]]\nroot = \"c\"\n");
    let file = workspace.path_str("bitsup.toml");
    let outcome = run_failing(&["serve", "--config", &file]);
    outcome.assert_failure(
        1,
        &[&format!("bitsup: {file}:2: the root {} does not exist", workspace.path_str("c"))],
    );
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn an_unreadable_file_is_reported_in_one_line() {
    let workspace = Workspace::new();
    fs::write(workspace.path("latin1.toml"), b"listen = \"127.0.0.1:0\"\n# \xe4\n").unwrap();
    let file = workspace.path_str("latin1.toml");
    run_failing(&["serve", "--config", &file])
        .assert_failure(2, &[&format!("bitsup: {file}:2: the file is not UTF-8")]);
    for file in [workspace.path_str("nowhere.toml"), workspace.path_str("root")] {
        let outcome = run_failing(&["serve", "--config", &file]);
        outcome.assert_failure(1, &["bitsup: cannot read the configuration ", &file]);
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
}
