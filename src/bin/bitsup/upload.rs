//! `bitsup upload`: runs one upload job.

use std::thread;
use std::time::Instant;

use bitsup::Error;
use bitsup::client::{Client, ClientConfig, Job, Source};
use signal_hook::iterator::Signals;

use crate::args::UploadArgs;
use crate::progress::Reporter;
use crate::{signals, state_dir};

/// Uploads the file, or resumes an earlier run.
pub fn run(args: &UploadArgs) -> Result<(), Error> {
    let reporter = Reporter::new(args);
    let started = Instant::now();
    let result = upload(args, &reporter);
    match &result {
        Ok(total) => reporter.completed(*total, started.elapsed()),
        Err(error) => reporter.failed(error),
    }
    result.map(drop)
}

fn upload(args: &UploadArgs, reporter: &Reporter) -> Result<u64, Error> {
    let config = client_config(args)?;
    // After the prompts, which Ctrl-C ends, and before anything that a signal must not interrupt.
    let signals = signals::catch()?;
    let source = Source::from_file(&args.file)?;
    let total = source.total();
    let mut job = Client::new(config)?.job(&args.url, source)?;
    let state_path = state_dir::state_path(&args.state, &args.file, &args.url)?;
    job.set_state_path(&state_path)?;
    state_dir::remove_old(&state_path);
    if let Some(path) = &args.reply {
        job.set_reply_path(path)?;
    }
    job.set_observer(Box::new(reporter.clone()));
    suspend_on_signal(&job, signals)?;
    job.run()?;
    Ok(total)
}

fn client_config(args: &UploadArgs) -> Result<ClientConfig, Error> {
    let mut config = args
        .client
        .request
        .config(&args.url)?
        .fragment_size(args.fragment_size)
        .rate_limit(args.limit_rate)
        .no_progress_timeout(args.client.no_progress_timeout)
        .timeout(args.timeout);
    config.retry.first_delay = args.retry_delay;
    config.retry.max_delay = args.retry_delay.max(config.retry.max_delay);
    Ok(config)
}

/// Suspends the job on SIGINT and SIGTERM, so that the next run resumes it.
fn suspend_on_signal(job: &Job, mut signals: Signals) -> Result<(), Error> {
    let control = job.control();
    let thread = thread::Builder::new().spawn(move || {
        for _ in signals.forever() {
            control.suspend();
        }
    });
    thread.map(drop).map_err(|error| Error::io("cannot start the thread for signals", error))
}
