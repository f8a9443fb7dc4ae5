//! Panics on demand, to test that no panic of the release library reaches its host application. Compiled only
//! with the feature `fault-injection`, which is never part of a shipped build.

/// Panics if `text`, which comes from outside the library, names `layer`: "injected-panic-in-proto" for `proto`.
#[allow(clippy::panic, reason = "the panic is the purpose of this function")]
pub(crate) fn maybe_panic(layer: &str, text: &str) {
    if text.split_once("injected-panic-in-").is_some_and(|(_, named)| named.starts_with(layer)) {
        panic!("injected-panic-in-{layer}");
    }
}
