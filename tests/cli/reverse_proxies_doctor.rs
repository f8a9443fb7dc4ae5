//! `bitsup doctor` against real proxies: configured as documented, with their defaults, and with one problem each.
#![cfg(target_os = "linux")]

use serde_json::Value;

use crate::program::Outcome;
use crate::proxied::{Proxied, rejecting_site};
use crate::reverse_proxy::{KINDS, Kind};

/// The checks that did not pass: name, grade, and the text of finding and advice.
fn problems(outcome: &Outcome) -> Vec<(String, String, String)> {
    let failed = outcome.events().into_iter().filter(|check| check["grade"] != "ok");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    failed
        .map(|check| {
            let message = format!("{} {}", text(&check["finding"]), text(&check["advice"]));
            (text(&check["check"]), text(&check["grade"]), message)
        })
        .collect()
}

/// Asserts that exactly these checks do not pass, with grade and part of their text.
#[track_caller]
fn assert_problems(kind: Kind, site: &str, options: &[&str], expected: &[(&str, &str, &str)]) {
    let proxied = Proxied::plain(kind, site, &[]);
    let outcome = proxied.run(&[&["doctor", &proxied.url, "--write", "--json"], options].concat());
    let found = problems(&outcome);
    assert_eq!(found.len(), expected.len(), "{kind:?}: {outcome:#?}");
    for ((check, grade, message), (expected_check, expected_grade, expected_text)) in
        found.iter().zip(expected)
    {
        assert_eq!((check.as_str(), grade.as_str()), (*expected_check, *expected_grade), "{outcome:#?}");
        assert!(message.contains(expected_text), "{expected_text:?} is not in {message:?}");
    }
    let has_failure = expected.iter().any(|(_, grade, _)| *grade == "fail");
    assert_eq!(outcome.code, Some(i32::from(has_failure)), "{outcome:?}");
    assert_eq!(
        proxied.workspace().sessions().len() + proxied.workspace().names().len(),
        0,
        "the examination left files or sessions behind"
    );
}

#[test]
fn the_documented_configurations_pass() {
    for kind in KINDS {
        let proxied = Proxied::documented(kind, &[]);
        let outcome = proxied.run(&["doctor", &proxied.url, "--write", "--json"]);
        outcome.assert_success();
        assert_eq!(problems(&outcome), [], "{kind:?}");
        let names: Vec<_> = outcome.events().iter().map(|check| check["check"].to_string()).collect();
        assert_eq!(names.len(), 14, "{names:?}");
        assert_eq!(
            proxied.workspace().sessions().len() + proxied.workspace().names().len(),
            0,
            "the examination left files or sessions behind"
        );
    }
}

#[test]
fn haproxy_and_apache_pass_by_default() {
    assert_problems(Kind::HaProxy, Kind::HaProxy.plain(), &[], &[]);
    assert_problems(Kind::Apache, Kind::Apache.plain(), &[], &[]);
}

/// Fixes one setting after another.
#[test]
fn nginx_settings_are_found_one_by_one() {
    let plain = Kind::Nginx.plain();
    let with = |settings: &str| plain.replace("location / {", &format!("location / {{ {settings}"));
    let old = "proxy_http_version 1.1";
    assert_problems(Kind::Nginx, plain, &[], &[("verb", "fail", old), ("override", "warn", old)]);
    let large = "client_max_body_size 0";
    let steps = [("length", "warn", large), ("fragments", "warn", large)];
    assert_problems(Kind::Nginx, &with("proxy_http_version 1.1;"), &[], &steps);
    let buffered = [("buffering", "warn", "proxy_request_buffering off")];
    let site = with("proxy_http_version 1.1; client_max_body_size 0;");
    assert_problems(Kind::Nginx, &site, &[], &buffered);
    let closing = "keepalive_timeout 0; proxy_request_buffering off;";
    let site = with(&format!("proxy_http_version 1.1; client_max_body_size 0; {closing}"));
    assert_problems(Kind::Nginx, &site, &[], &[("keep-alive", "warn", "keepalive_timeout")]);
}

#[test]
fn caddy_problems_are_found() {
    let problems =
        [("verb", "fail", "Caddy: rewrite it to method POST"), ("override", "warn", "--method-override")];
    assert_problems(Kind::Caddy, Kind::Caddy.plain(), &[], &problems);
    let other = Kind::Caddy.plain().replace("127.0.0.1:PORT {", "up.test:PORT {");
    let problems = [("verb", "fail", "host without a site"), ("override", "warn", "host without a site")];
    assert_problems(Kind::Caddy, &other, &[], &problems);
}

#[test]
fn a_body_limit_of_haproxy_is_found() {
    let rule = "http-request deny deny_status 413 if { req.hdr(content-length) -m int gt 1048576 }";
    let (site, setting) = (format!("{} {rule}\n", Kind::HaProxy.plain()), "http-request deny");
    assert_problems(
        Kind::HaProxy,
        &site,
        &[],
        &[("length", "warn", setting), ("fragments", "warn", setting)],
    );
}

#[test]
fn apache_without_keep_alive_is_a_warning() {
    let site = format!("KeepAlive Off\n{}", Kind::Apache.plain());
    assert_problems(Kind::Apache, &site, &[], &[("keep-alive", "warn", "keep connections")]);
}

#[test]
fn the_proxy_that_rejects_the_verb_is_named() {
    let settings = [
        (Kind::Nginx, "limit_except"),
        (Kind::HaProxy, "http-request deny"),
        (Kind::Apache, "RegisterHttpMethod BITS_POST"),
        (Kind::Caddy, "matchers with method"),
    ];
    for (kind, setting) in settings {
        let proxied = Proxied::plain(kind, &rejecting_site(kind), &["--method-override"]);
        let outcome = proxied.run(&["doctor", &proxied.url]);
        outcome.assert_failure(1, &["see the advice"]);
        let lines: Vec<_> = outcome.stdout.lines().collect();
        let index = lines.iter().position(|line| line.starts_with("fail  verb: HTTP/1.1 "));
        let index = index.unwrap_or_else(|| panic!("{kind:?}: {outcome:?}"));
        assert!(lines[index + 1].contains(setting), "{kind:?}: {outcome:?}");
        let by_post = proxied.run(&["doctor", &proxied.url, "--method-override"]);
        assert_eq!(by_post.code, Some(0), "{kind:?}: {by_post:?}");
        assert!(by_post.stdout.contains("warn  verb: "), "{kind:?}: {by_post:?}");
    }
}
