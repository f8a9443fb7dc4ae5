//! `bitsup cancel`: cancels an unfinished upload, here and on the server.

use bitsup::client::{Client, Source};
use bitsup::{Error, Status};

use crate::args::CancelArgs;
use crate::{output, state_dir};

/// Sends Cancel-Session for the upload's saved session and removes its state.
pub fn run(args: &CancelArgs) -> Result<(), Error> {
    let state_path = state_dir::state_path(&args.state, &args.file, &args.url)?;
    let no_saved_upload = || {
        let message = format!("there is no unfinished upload of {} to {}", args.file.display(), args.url);
        Error::new(Status::NotFound, message)
    };
    if !state_path.exists() {
        return Err(no_saved_upload());
    }
    let no_progress_timeout = args.client.no_progress_timeout;
    let config = args.client.request.config(&args.url)?.no_progress_timeout(no_progress_timeout);
    let mut job = Client::new(config)?.job(&args.url, Source::from_file(&args.file)?)?;
    job.set_state_path(&state_path)?;
    let session = job.control().session_id().ok_or_else(no_saved_upload)?;
    job.cancel()?;
    output::print(&format!("cancelled session {session}"))
}
