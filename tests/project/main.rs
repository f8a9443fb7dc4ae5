//! The repository: rules for the sources, documents, bindings, fuzz corpora and packages.

mod behaviours;
mod bindings;
mod corpora;
mod crate_contents;
mod features;
mod guards;
mod import_circles;
mod install;
mod layering;
mod packages;
mod rust_examples;
mod security;
mod sources;
mod type_names;
