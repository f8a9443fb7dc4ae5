//! Runs the vectors against the engine and through the listener, and checks which statements they cover.

use std::collections::BTreeSet;

use test_support::vector;
use test_support::vector::environment::MODES;
use test_support::vector::parse::{Case, parse};

use crate::statements::FAMILIES;

/// Statements about the server (PROTOCOL 12) that other tests cover.
const ELSEWHERE: &[(&str, &str)] = &[
    ("NTF-01", HTTP),
    ("NTF-02", HTTP),
    ("NTF-03", HTTP),
    ("NTF-07", HTTP),
    ("NTF-08", HTTP),
    ("NTF-09", HTTP),
    ("NTF-13", HTTP),
    ("NTF-14", HTTP),
    ("NTF-16", HTTP),
    ("NTF-17", HTTP),
    ("NTF-18", HTTP),
    ("NTF-19", HTTP),
];

const HTTP: &str = "notifications over HTTP";

/// The families of statements about the client. Vectors cannot cover them, because they are requests to a server.
const CLIENT_FAMILIES: [&str; 2] = ["CLI", "DL"];

// B-STORE-01
#[test]
fn general() {
    run("general.txt");
}

// B-STORE-01
#[test]
fn ping() {
    run("ping.txt");
}

// B-STORE-01
#[test]
fn create() {
    run("create.txt");
}

// B-STORE-01
#[test]
fn fragment() {
    run("fragment.txt");
}

// B-STORE-01
#[test]
fn close() {
    run("close.txt");
}

// B-STORE-01
#[test]
fn cancel() {
    run("cancel.txt");
}

// B-STORE-01
#[test]
fn sessions() {
    run("sessions.txt");
}

// B-STORE-01
#[test]
fn app() {
    run("app.txt");
}

// B-STORE-01
#[test]
fn reply() {
    run("reply.txt");
}

#[test]
fn every_statement_has_a_vector_or_is_covered_elsewhere() {
    let covered: BTreeSet<String> =
        files().iter().flat_map(|file| cases(file)).flat_map(|case| case.ids).collect();
    let families = FAMILIES.iter().filter(|(family, _)| !CLIENT_FAMILIES.contains(family));
    let all = families.flat_map(|(family, last)| (1..=*last).map(move |n| format!("{family}-{n:02}")));
    let missing: BTreeSet<String> = all.filter(|id| !covered.contains(id)).collect();
    let elsewhere: BTreeSet<String> = ELSEWHERE.iter().map(|(id, _)| (*id).to_owned()).collect();
    for (id, why) in ELSEWHERE {
        println!("{id} is covered by the tests of {why}");
    }
    assert_eq!(missing, elsewhere, "statements without a vector");
}

fn run(file: &str) {
    for case in cases(file) {
        let modes: Vec<_> = MODES.into_iter().filter(|mode| mode.runs(&case)).collect();
        assert!(!modes.is_empty(), "{}: no mode runs this case", case.origin);
        modes.into_iter().for_each(|mode| vector::run(&case, mode));
    }
}

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

fn files() -> Vec<String> {
    let names =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".txt")).collect()
}

fn cases(file: &str) -> Vec<Case> {
    let cases = parse(file, &std::fs::read_to_string(folder().join(file)).unwrap());
    assert!(!cases.is_empty(), "{file} is empty");
    cases
}
