//! `bitsup cancel`: give up an unfinished upload, here and on the server.

use bitsup::client::{Client, ClientConfig, Source};
use bitsup::{Error, Status};

use crate::args::CancelArgs;
use crate::{report, state_dir};

/// Delivers Cancel-Session for the remembered session of that upload and forgets it.
pub fn run(args: &CancelArgs) -> Result<(), Error> {
    let state_path = state_dir::state_path(&args.state, &args.file, &args.url)?;
    let nothing_remembered = || {
        let message =
            format!("no unfinished upload of {} to {} is remembered", args.file.display(), args.url);
        Error::new(Status::NotFound, message)
    };
    if !state_path.exists() {
        return Err(nothing_remembered());
    }
    let no_progress_timeout = args.client.no_progress_timeout;
    let config = ClientConfig { no_progress_timeout, ..args.client.request.config(&args.url)? };
    let mut job = Client::new(config)?.job(&args.url, Source::from_file(&args.file)?)?;
    job.set_state_path(&state_path)?;
    let session = job.control().session_id().ok_or_else(nothing_remembered)?;
    job.cancel()?;
    report::print(&format!("cancelled session {session}"))
}
