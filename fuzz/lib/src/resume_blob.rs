//! Importing the state of a job: any bytes are either accepted or rejected, in the same way from Rust and from C.

use std::ptr;
use std::sync::LazyLock;

use bitsup::Status;
use bitsup::client::{Client, ClientConfig, Job, JobState, Source};
use bitsup::ffi::client::{bitsup_client_free, bitsup_client_new};
use bitsup::ffi::client_config::{bitsup_client_config_free, bitsup_client_config_new};
use bitsup::ffi::error::BITSUP_OK;
use bitsup::ffi::job::bitsup_job_import;
use bitsup::ffi::job::bitsup_job_state;
use bitsup::ffi::job::{bitsup_job_free, bitsup_job_new};
use bitsup::ffi::source::{bitsup_source_free, bitsup_source_from_bytes};

const CONTENT: &[u8] = b"0123456789";

static CLIENT: LazyLock<Client> = LazyLock::new(|| Client::new(ClientConfig::default()).unwrap());

pub fn run(data: &[u8]) {
    let mut job = new_job();
    let imported = job.import(data);
    let control = job.control();
    let progress = control.progress();
    assert!(progress.sent <= progress.total && progress.total == CONTENT.len() as u64, "{progress:?}");
    match &imported {
        Err(error) => {
            assert_eq!(error.status(), Status::InvalidArgument, "{error}");
            assert_eq!(
                (control.state(), progress.sent),
                (JobState::Ready, 0),
                "a rejected state changes the job"
            );
        }
        Ok(()) => {
            let state = control.export().unwrap();
            let mut again = new_job();
            again.import(&state).unwrap();
            assert_eq!(again.control().export().unwrap(), state, "an imported state is exported unchanged");
            assert_eq!(again.control().progress(), progress);
            assert_eq!(job.import(data).unwrap_err().status(), Status::InvalidState, "one state per job");
        }
    }
    let in_rust = imported.map_or_else(|error| error.status() as i32, |()| BITSUP_OK);
    assert_eq!(in_c(data), (in_rust, control.state() as i32));
}

fn new_job() -> Job {
    CLIENT.job("http://h/f", Source::from_bytes(CONTENT)).unwrap()
}

/// Returns the status of the import and the state of the job afterwards.
fn in_c(data: &[u8]) -> (i32, i32) {
    let (mut client, mut source, mut job) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let none = ptr::null_mut();
    // SAFETY: every pointer comes from the library and is freed once, or points to data of the given length.
    unsafe {
        let config = bitsup_client_config_new();
        assert_eq!(bitsup_client_new(config, &mut client, none), BITSUP_OK);
        assert_eq!(bitsup_source_from_bytes(CONTENT.as_ptr(), CONTENT.len(), &mut source, none), BITSUP_OK);
        assert_eq!(bitsup_job_new(client, c"http://h/f".as_ptr(), source, &mut job, none), BITSUP_OK);
        let status = bitsup_job_import(job, data.as_ptr(), data.len(), none);
        let state = bitsup_job_state(job);
        bitsup_job_free(job);
        bitsup_source_free(source);
        bitsup_client_config_free(config);
        bitsup_client_free(client);
        (status, state)
    }
}
