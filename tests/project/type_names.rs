//! Each type of the library and the program has a name of its own.

use std::collections::BTreeMap;

use crate::layering::sources;
use crate::sources::{code, word};

#[test]
fn no_two_types_have_the_same_name() {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for (path, source) in sources() {
        for line in code(&source).lines() {
            if let Some(name) = defined(line) {
                places.entry(name.to_owned()).or_default().push(path.clone());
            }
        }
    }
    assert!(places.len() > 200, "the reader found only {places:?}");
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

/// The type or trait that a line of code defines. Indented `type`s are associated types, which belong to a trait.
fn defined(line: &str) -> Option<&str> {
    let mut words = line.split(|c| !word(c)).filter(|word| !word.is_empty());
    let visibility = ["pub", "crate", "super", "in", "engine", "client", "unsafe"];
    let keyword = words.find(|word| !visibility.contains(word))?;
    let defines = ["struct", "enum", "union", "trait"].contains(&keyword)
        || keyword == "type" && !line.starts_with(' ');
    if defines { words.next() } else { None }
}
