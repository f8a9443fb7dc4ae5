//! Runs downloads from a scripted server.

use std::fs;
use std::thread::JoinHandle;
use std::time::Duration;

use bitsup::Error;
use bitsup::client::{Client, ClientConfig};
use bitsup::upload::RetryPolicy;
use tempfile::TempDir;
use test_support::scripted::{Received, ScriptedServer, serve};

/// A configuration that retries almost immediately.
pub fn retry_at_once() -> ClientConfig {
    let delay = Duration::from_millis(1);
    let retry = RetryPolicy::default().first_delay(delay).max_delay(delay).max_attempts(9);
    ClientConfig::default().retry(retry)
}

/// A configuration that never retries.
pub fn no_retry() -> ClientConfig {
    ClientConfig::default().no_progress_timeout(Duration::ZERO)
}

/// A finished download.
pub struct Download {
    pub outcome: Result<(), Error>,
    pub requests: Vec<Received>,
    directory: TempDir,
}

impl Download {
    /// Returns the downloaded file. Panics if the download failed or left other files behind.
    pub fn content(&self) -> String {
        if let Err(error) = &self.outcome {
            panic!("{error}");
        }
        assert_eq!(fs::read_dir(self.directory.path()).unwrap().count(), 1);
        fs::read_to_string(self.directory.path().join("file")).unwrap()
    }

    /// Returns the error. Panics if the download succeeded or left files behind.
    pub fn error(&self) -> &Error {
        assert_eq!(
            fs::read_dir(self.directory.path()).unwrap().count(),
            0,
            "the failed download left files behind"
        );
        self.outcome.as_ref().unwrap_err()
    }

    pub fn ranges(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.get("Range")).collect()
    }
}

/// Downloads from a server that runs `script`.
pub fn run_download(
    config: ClientConfig,
    script: impl FnOnce(&mut ScriptedServer) -> Vec<Received> + Send + 'static,
) -> Download {
    let (url, server): (_, JoinHandle<_>) = serve(script);
    let directory = tempfile::tempdir().unwrap();
    let client = Client::new(config).unwrap();
    let outcome = client.download(&format!("{url}/dir/r?x=1"), directory.path().join("file"), None);
    Download { outcome, requests: server.join().unwrap(), directory }
}
