//! Bugs on demand, for the test that no panic of the release library reaches its host. Part of a build with the
//! feature `planted-panics` only, which nobody ships.

/// Panics when `text`, which came from outside, says so: "planted-panic-in-proto" for the layer `proto`.
#[allow(clippy::panic, reason = "that is what it is for")]
pub(crate) fn strike(layer: &str, text: &str) {
    if text.split_once("planted-panic-in-").is_some_and(|(_, named)| named.starts_with(layer)) {
        panic!("planted-panic-in-{layer}");
    }
}
