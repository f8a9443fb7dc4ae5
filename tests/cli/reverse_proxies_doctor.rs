//! `bitsup doctor` at real proxies: as docs/operations/proxies.md configures them, as they come, and with a flaw each.
#![cfg(target_os = "linux")]

use serde_json::Value;

use crate::program::Outcome;
use crate::proxied::{Proxied, strict};
use crate::reverse_proxy::{KINDS, Kind};

/// What is not as it should be: check, grade, and all that is said of it.
fn flaws(outcome: &Outcome) -> Vec<(String, String, String)> {
    let bad = outcome.events().into_iter().filter(|check| check["grade"] != "ok");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    bad.map(|check| {
        let said = format!("{} {}", text(&check["finding"]), text(&check["advice"]));
        (text(&check["check"]), text(&check["grade"]), said)
    })
    .collect()
}

/// Asserts that these checks, and no others, are not as they should be, and that they say those words.
#[track_caller]
fn assert_flaws(kind: Kind, site: &str, options: &[&str], expected: &[(&str, &str, &str)]) {
    let proxied = Proxied::plain(kind, site, &[]);
    let outcome = proxied.run(&[&["doctor", &proxied.url, "--write", "--json"], options].concat());
    let found = flaws(&outcome);
    assert_eq!(found.len(), expected.len(), "{kind:?}: {outcome:#?}");
    for ((check, grade, said), (expected_check, expected_grade, words)) in found.iter().zip(expected) {
        assert_eq!((check.as_str(), grade.as_str()), (*expected_check, *expected_grade), "{outcome:#?}");
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
    let is_bad = expected.iter().any(|(_, grade, _)| *grade == "fail");
    assert_eq!(outcome.code, Some(i32::from(is_bad)), "{outcome:?}");
    assert_eq!(proxied.place().sessions().len() + proxied.place().names().len(), 0, "something was left");
}

#[test]
fn the_documented_configurations_are_well() {
    for kind in KINDS {
        let proxied = Proxied::documented(kind, &[]);
        let outcome = proxied.run(&["doctor", &proxied.url, "--write", "--json"]);
        outcome.succeeded();
        assert_eq!(flaws(&outcome), [], "{kind:?}");
        let names: Vec<_> = outcome.events().iter().map(|check| check["check"].to_string()).collect();
        assert_eq!(names.len(), 14, "{names:?}");
        assert_eq!(proxied.place().sessions().len() + proxied.place().names().len(), 0, "something was left");
    }
}

#[test]
fn haproxy_and_apache_are_well_as_they_come() {
    assert_flaws(Kind::HaProxy, Kind::HaProxy.plain(), &[], &[]);
    assert_flaws(Kind::Apache, Kind::Apache.plain(), &[], &[]);
}

/// One setting after another.
#[test]
fn nginx_is_mended_step_by_step() {
    let plain = Kind::Nginx.plain();
    let with = |settings: &str| plain.replace("location / {", &format!("location / {{ {settings}"));
    let old = "proxy_http_version 1.1";
    assert_flaws(Kind::Nginx, plain, &[], &[("verb", "fail", old), ("override", "warn", old)]);
    let large = "client_max_body_size 0";
    let steps = [("length", "warn", large), ("fragments", "warn", large)];
    assert_flaws(Kind::Nginx, &with("proxy_http_version 1.1;"), &[], &steps);
    let buffered = [("buffering", "warn", "proxy_request_buffering off")];
    let site = with("proxy_http_version 1.1; client_max_body_size 0;");
    assert_flaws(Kind::Nginx, &site, &[], &buffered);
    let closing = "keepalive_timeout 0; proxy_request_buffering off;";
    let site = with(&format!("proxy_http_version 1.1; client_max_body_size 0; {closing}"));
    assert_flaws(Kind::Nginx, &site, &[], &[("keep-alive", "warn", "keepalive_timeout")]);
}

#[test]
fn caddy_drops_a_length() {
    let flaws =
        [("verb", "fail", "Caddy: rewrite it to method POST"), ("override", "warn", "--method-override")];
    assert_flaws(Kind::Caddy, Kind::Caddy.plain(), &[], &flaws);
    let other = Kind::Caddy.plain().replace("127.0.0.1:PORT {", "up.test:PORT {");
    let flaws = [("verb", "fail", "host without a site"), ("override", "warn", "host without a site")];
    assert_flaws(Kind::Caddy, &other, &[], &flaws);
}

#[test]
fn haproxys_limit_is_found() {
    let rule = "http-request deny deny_status 413 if { req.hdr(content-length) -m int gt 1048576 }";
    let (site, setting) = (format!("{} {rule}\n", Kind::HaProxy.plain()), "http-request deny");
    assert_flaws(Kind::HaProxy, &site, &[], &[("length", "warn", setting), ("fragments", "warn", setting)]);
}

#[test]
fn apache_closes_when_told_to() {
    let site = format!("KeepAlive Off\n{}", Kind::Apache.plain());
    assert_flaws(Kind::Apache, &site, &[], &[("keep-alive", "warn", "keep connections")]);
}

#[test]
fn who_refuses_the_verb_is_found() {
    let settings = [
        (Kind::Nginx, "limit_except"),
        (Kind::HaProxy, "http-request deny"),
        (Kind::Apache, "RegisterHttpMethod BITS_POST"),
        (Kind::Caddy, "matchers with method"),
    ];
    for (kind, setting) in settings {
        let proxied = Proxied::plain(kind, &strict(kind), &["--method-override"]);
        let outcome = proxied.run(&["doctor", &proxied.url]);
        outcome.failed(1, &["see the advice"]);
        let lines: Vec<_> = outcome.stdout.lines().collect();
        let at = lines.iter().position(|line| line.starts_with("fail  verb: HTTP/1.1 "));
        let at = at.unwrap_or_else(|| panic!("{kind:?}: {outcome:?}"));
        assert!(lines[at + 1].contains(setting), "{kind:?}: {outcome:?}");
        let by_post = proxied.run(&["doctor", &proxied.url, "--method-override"]);
        assert_eq!(by_post.code, Some(0), "{kind:?}: {by_post:?}");
        assert!(by_post.stdout.contains("warn  verb: "), "{kind:?}: {by_post:?}");
    }
}
