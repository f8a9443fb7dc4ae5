//! `bitsup serve --config`: several virtual directories, each with options of its own.

use std::fs;

use rustix::process::Signal;
use test_support::raw_http::{RawHttp, close, create, fragment};

use crate::program::{Outcome, Running, Served, Workspace, bitsup, run};

/// A server over that configuration, whose roots `a` and `b` are there.
pub fn serve(config: &str, options: &[&str]) -> Served {
    let place = prepared(config);
    let file = place.text("bitsup.toml");
    let args = [&["serve", "--config", &file], options].concat();
    Served::by(&mut bitsup(&args), place)
}

fn prepared(config: &str) -> Workspace {
    let place = Workspace::new();
    for root in ["a", "b"] {
        fs::create_dir(place.path(root)).unwrap();
    }
    fs::write(place.path("bitsup.toml"), config).unwrap();
    place
}

/// Uploads that many bytes; what came of it, and the bytes.
fn upload(served: &Served, name: &str, length: usize) -> (Outcome, Vec<u8>) {
    let (source, content) = served.place.source(&format!("source-{length}"), length);
    let state = served.place.text("state");
    let url = served.url_of(name);
    (run(&["upload", &source, &url, "--state-dir", &state, "--no-progress-timeout", "0"]), content)
}

/// Runs what must not come to serve.
#[track_caller]
fn fails_to_serve(args: &[&str]) -> Outcome {
    let mut process = Running::start(args);
    assert_eq!(process.line(), "", "{args:?} is served");
    process.finish()
}

/// Tries a configuration that must be refused, in one line that begins with the place.
#[track_caller]
fn refused(config: &str, line: usize, words: &[&str]) {
    let place = prepared(config);
    let file = place.text("bitsup.toml");
    let outcome = fails_to_serve(&["serve", "--config", &file]);
    outcome.failed(2, words);
    let start = format!("bitsup: {file}:{line}: ");
    assert!(outcome.stderr.starts_with(&start), "{config}\nline {line} is not in {outcome:?}");
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.lines().count()), ("", 1), "{config}\n{outcome:?}");
}

const TWO: &str = r#"
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

/// A relative root is relative to the file: the program runs in another directory.
#[test]
fn directories_are_apart_and_each_has_its_limits() {
    let served = serve(TWO, &[]);
    let (outcome, _) = upload(&served, "small/f", 2000);
    outcome.failed(1, &["BG_E_TOO_LARGE"]);
    let (outcome, content) = upload(&served, "large/f", 2000);
    outcome.succeeded();
    assert_eq!(fs::read(served.place.path("b/f")).unwrap(), content);
    let (outcome, content) = upload(&served, "small/f", 1000);
    outcome.succeeded();
    assert_eq!(fs::read(served.place.path("a/f")).unwrap(), content);
    upload(&served, "other/f", 1000).0.failed(1, &["HTTP status: 404"]);
}

#[test]
fn one_directory_may_replace_files_and_the_other_may_not() {
    let served = serve(TWO, &[]);
    for length in [100, 200] {
        upload(&served, "large/f", length).0.succeeded();
    }
    assert_eq!(fs::read(served.place.path("b/f")).unwrap().len(), 200);
    upload(&served, "small/f", 100).0.succeeded();
    upload(&served, "small/f", 200).0.failed(1, &["HTTP status: 403"]);
    assert_eq!(fs::read(served.place.path("a/f")).unwrap().len(), 100);
}

/// Overlap and finalize: FRG-05 and the file's appearance, in one server with either position.
#[test]
fn directories_take_either_side_where_the_protocol_has_two() {
    let served = serve(TWO, &[]);
    for (prefix, root, overlapping, visible) in [("small", "a", 416, true), ("large", "b", 200, false)] {
        let path = format!("/{prefix}/f");
        let mut http = RawHttp::connect_to(served.address());
        let session = http.request(create(&path)).session();
        let mut send = |first: usize, bytes: &str| {
            http.request(fragment(&path, &session, first, bytes.len(), 8, &[]) + bytes).status
        };
        assert_eq!(send(0, "abcd"), 200);
        assert_eq!(send(2, "cdef"), overlapping, "{prefix}");
        assert_eq!(if overlapping == 200 { send(6, "gh") } else { send(4, "efgh") }, 200);
        let file = served.place.path(root).join("f");
        assert_eq!(file.exists(), visible, "{prefix}");
        assert_eq!(http.request(close(&path, &session)).status, 200);
        assert_eq!(fs::read(file).unwrap(), b"abcdefgh");
    }
}

#[test]
fn a_directory_that_is_off_answers_501_and_has_lost_its_sessions() {
    let served = serve(TWO, &[]);
    assert_eq!(RawHttp::connect_to(served.address()).request(create("/small/f")).status, 200);
    let sessions = |place: &Workspace| {
        let entries = fs::read_dir(place.path("a/.bitsup")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    };
    assert_eq!(sessions(&served.place), 1);
    let place = served.kill();

    let off = TWO.replace("root = \"a\"", "root = \"a\"\nenabled = false");
    fs::write(place.path("bitsup.toml"), off).unwrap();
    let config = place.text("bitsup.toml");
    let served = Served::by(&mut bitsup(&["serve", "--config", &config]), place);
    assert_eq!(sessions(&served.place), 0);
    upload(&served, "small/f", 10).0.failed(1, &["HTTP status: 501", "0x80070005"]);
    run(&["ping", &served.url_of("small/")]).failed(1, &["501"]);
    upload(&served, "large/f", 10).0.succeeded();
}

#[test]
fn the_command_line_says_where_to_listen_and_how_much_to_log() {
    let config = TWO.replace("127.0.0.1:0", "127.0.0.1:1");
    let mut served = serve(&config, &["--listen", "127.0.0.1:0", "-v"]);
    served.process.signal(Signal::TERM);
    let outcome = served.process.finish();
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("Info server: "), "{outcome:?}");
}

#[test]
fn the_file_says_how_much_to_log() {
    let mut served = serve(&format!("verbose = 1{TWO}"), &[]);
    served.process.signal(Signal::TERM);
    let outcome = served.process.finish();
    assert!(outcome.stderr.contains("Info server: "), "{outcome:?}");
}

#[test]
fn other_options_beside_a_file_are_refused() {
    let place = prepared(TWO);
    let config = place.text("bitsup.toml");
    for option in [
        "--root=a",
        "--url-prefix=/a",
        "--max-sessions=1",
        "--allow-overwrites",
        "--cleanup-interval=1h",
        "--notify=none",
    ] {
        let name = option.split('=').next().unwrap();
        let outcome = fails_to_serve(&["serve", "--config", &config, option]);
        outcome.failed(2, &["--config <FILE>", "cannot be used", name]);
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    refused("listen = \"127.0.0.1:0\"\nmax-uplaod-size = 1\n", 2, &["max-uplaod-size: unknown key"]);
    refused(&format!("{TWO}\nmax_sessions = 1"), 18, &["max_sessions: unknown key"]);
    refused("[limits]\nmax-sessions = 1\n", 1, &["limits: unknown key"]);
    refused("config = \"other.toml\"\n", 1, &["config: unknown key"]);
}

/// What is wrong with the value or the place of a key; the first mistake of the file is named.
#[test]
fn a_bad_value_is_named_with_its_key_and_line() {
    for (line, words) in [
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
        let at = 3 + line.lines().count() - 1;
        refused(&format!("listen = \"127.0.0.1:0\"\n[[directory]]\n{line}\nzzz = 1\n"), at, &[words]);
    }
    for (line, words) in [
        ("root = \"a\"", "root: this option belongs to a directory"),
        ("url-prefix = \"/\"", "url-prefix: this option belongs to a directory"),
        ("public-url = \"http://up.test/\"", "public-url: this option belongs to a directory"),
        ("enabled = false", "enabled: this option belongs to a directory"),
        ("listen = \"8080\"", "listen: expected an address and a port"),
        ("verbose = 4", "verbose: expected a number from 0 to 3"),
    ] {
        refused(&format!("\n{line}\n"), 2, &[words]);
    }
}

#[test]
fn a_file_without_usable_directories_is_refused() {
    refused("listen = \"127.0.0.1:0\"\n", 2, &["expected a [[directory]] table"]);
    refused("[directory]\nroot = \"a\"\n", 1, &["directory: expected a [[directory]] table"]);
    refused("directory = []\n", 1, &["directory: expected a [[directory]] table"]);
    refused("directory = [1]\n", 1, &["directory: expected a [[directory]] table"]);
    refused("\n[[directory]]\nurl-prefix = \"/up\"\n", 2, &["no root"]);
}

/// Each value is right, but they do not go together: the directory is named.
#[test]
fn a_half_described_application_is_named_with_its_directory() {
    let with = |options: &str| format!("\n[[directory]]\nroot = \"a\"\n{options}");
    refused(&with("notify = \"value\""), 2, &["notify requires notify-url"]);
    refused(&with("notify-url = \"http://app.test/\""), 2, &["notify-url requires notify"]);
    refused(&with("notify = \"value\"\nnotify-url = \"app\""), 2, &["requires public-url"]);
}

#[test]
fn two_directories_share_neither_prefix_nor_root() {
    let two = |first: &str, second: &str| format!("[[directory]]\n{first}\n\n[[directory]]\n{second}\n");
    refused(
        &two("root = \"a\"", "root = \"b\""),
        4,
        &["url-prefix: the directory in line 1 has the same prefix"],
    );
    let prefixes = two("root = \"a\"\nurl-prefix = \"up\"", "root = \"b\"\nurl-prefix = \"/up/\"");
    refused(&prefixes, 7, &["url-prefix", "line 3"]);
    for same in ["a", "./a", "b/../a", "a/inner", "."] {
        let roots = two("root = \"a\"", &format!("url-prefix = \"up\"\nroot = \"{same}\""));
        refused(&roots.replace("a/inner", "a/.bitsup/.."), 6, &["root", "line 2"]);
    }
}

#[test]
fn a_root_that_is_not_there_is_named_with_its_directory() {
    let place = prepared("\n[[directory]]\nroot = \"c\"\n");
    let file = place.text("bitsup.toml");
    let outcome = fails_to_serve(&["serve", "--config", &file]);
    outcome.failed(1, &[&format!("bitsup: {file}:2: the root {} does not exist", place.text("c"))]);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_one_clear_line() {
    let place = Workspace::new();
    fs::write(place.path("latin1.toml"), b"listen = \"127.0.0.1:0\"\n# \xe4\n").unwrap();
    let file = place.text("latin1.toml");
    fails_to_serve(&["serve", "--config", &file])
        .failed(2, &[&format!("bitsup: {file}:2: the file is not UTF-8")]);
    for file in [place.text("nowhere.toml"), place.text("root")] {
        let outcome = fails_to_serve(&["serve", "--config", &file]);
        outcome.failed(1, &["bitsup: cannot read the configuration ", &file]);
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    }
}
