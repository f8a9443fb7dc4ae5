//! Empty: this crate exists only for the features that its manifest enables.
