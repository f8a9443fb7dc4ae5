//! Help, invalid usage, and `bitsup explain`.

use crate::program::{Workspace, run};

#[test]
fn version_and_help_succeed() {
    assert_eq!(
        run(&["--version"]).assert_success().stdout,
        format!("bitsup {}\n", env!("CARGO_PKG_VERSION"))
    );
    for subcommand in ["serve", "upload", "ping", "cancel", "explain", "sessions"] {
        assert!(run(&["--help"]).assert_success().stdout.contains(subcommand));
        assert!(run(&[subcommand, "--help"]).assert_success().stdout.contains("Usage: bitsup"));
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for (args, word) in [
        (&[][..], "Usage"),
        (&["send"], "send"),
        (&["serve"], "--root"),
        (&["serve", "--root", "/tmp", "--listen", "8080"], "127.0.0.1:8080"),
        (&["serve", "--root", "/tmp", "--max-upload-size", "10q"], "10q"),
        (&["serve", "--root", "/tmp", "--session-timeout", "soon"], "soon"),
        (&["serve", "--root", "/tmp", "--overlap", "keep"], "trim, reject"),
        (&["serve", "--root", "/tmp", "--finalize", "now"], "fragment, close"),
        (&["serve", "--root", "/tmp", "--durability", "all"], "none, file, fragment"),
        (&["serve", "--root", "/tmp", "--notify", "value"], "notify-url"),
        (&["serve", "--root", "/tmp", "--notify-url", "http://app.test/"], "requires notify"),
        (&["serve", "--root", "/tmp", "--notify", "value", "--notify-url", "app"], "public-url"),
        (&["serve", "--root", "/tmp", "--tls-cert", "c"], "tls-cert requires tls-key"),
        (&["serve", "--root", "/tmp", "--tls-key", "k"], "tls-key requires tls-cert"),
        (&["serve", "--root", "/tmp", "--client-ca", "a"], "client-ca requires tls-cert and tls-key"),
        (&["serve", "--root", "/tmp", "--user", "anna"], "NAME:PASSWORD"),
        (&["serve", "--root", "/tmp", "--user", "a:b", "--user", "a:c"], "duplicate user `a`"),
        (&["serve", "--root", "/tmp", "--allow-user", "anna"], "require authentication"),
        (&["upload", "f"], "<URL>"),
        (&["upload", "f", "http://127.0.0.1/f", "--header", "nonsense"], "NAME: VALUE"),
        (&["upload", "f", "http://127.0.0.1/f", "--json", "--quiet"], "--quiet"),
        (&["upload", "f", "http://127.0.0.1/f", "--reply"], "--reply"),
        (&["ping"], "<URL>"),
        (&["cancel", "f"], "<URL>"),
        (&["explain"], "<CODE>"),
    ] {
        run(args).assert_failure(2, &[word]);
    }
}

#[test]
fn a_malformed_url_is_a_usage_error() {
    let workspace = Workspace::new();
    let (source, _) = workspace.source("source", 10);
    for url in
        ["", "f", "127.0.0.1/f", "ftp://127.0.0.1/f", "http://", "http:///f", "http://127.0.0.1:http/f"]
    {
        run(&["upload", &source, url, "--state-dir", &workspace.path_str("state")])
            .assert_failure(2, &["bitsup: "]);
        run(&["ping", url]).assert_failure(2, &["bitsup: "]);
    }
}

#[test]
fn explain_accepts_every_notation_of_an_hresult() {
    let expected = run(&["explain", "0x80200020"]);
    expected.assert_success();
    for word in ["0x80200020 BG_E_TOO_LARGE\n", "meaning: ", "what to do: "] {
        assert!(expected.stdout.contains(word), "{expected:?}");
    }
    for code in ["0X80200020", "2149580832", "-2145386464", "BG_E_TOO_LARGE"] {
        assert_eq!(run(&["explain", code]).assert_success().stdout, expected.stdout, "{code}");
    }
}

#[test]
fn explain_accepts_http_statuses() {
    assert!(run(&["explain", "416"]).assert_success().stdout.starts_with("HTTP 416 "));
    assert!(
        run(&["explain", "0x80190193"])
            .assert_success()
            .stdout
            .starts_with("0x80190193 BG_E_HTTP_ERROR_403\n")
    );
}

#[test]
fn explain_rejects_unknown_codes() {
    for code in ["0x12345678", "418", "-1", "hello"] {
        run(&["explain", code]).assert_failure(1, &[code]);
    }
}
