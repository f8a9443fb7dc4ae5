//! `bitsup explain`: the meaning of an error code.

use bitsup::{Error, Status};

use crate::args::ExplainArgs;
use crate::codes::{self, Explanation};
use crate::output;

/// Prints the explanation of a code.
pub fn run(args: &ExplainArgs) -> Result<(), Error> {
    let explanation = codes::lookup(args.code.trim()).ok_or_else(|| {
        let message =
            format!("unknown code {:?}: expected an HRESULT such as 0x80200020 or an HTTP status", args.code);
        Error::new(Status::NotFound, message)
    })?;
    let Explanation { title, meaning, advice } = explanation;
    output::print(&format!("{title}\nmeaning: {meaning}\nwhat to do: {advice}"))
}
