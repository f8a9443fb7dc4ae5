//! One module per fuzz target, each with a function `run` that takes an input.

pub mod capi;
pub mod exchange;
pub mod head;
pub mod packet;
pub mod range;
pub mod resume_blob;
mod script;

// The parser of request heads, which `head` compiles in, looks for it here.
use bitsup::proto;
