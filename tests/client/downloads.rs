//! Downloads from a server that plays a script.

use std::fs;
use std::thread::JoinHandle;
use std::time::Duration;

use bitsup::Error;
use bitsup::client::{Client, ClientConfig};
use bitsup::upload::RetryPolicy;
use tempfile::TempDir;
use test_support::scripted::{Received, ScriptedServer, serve};

/// A client that tries again at once.
pub fn quick() -> ClientConfig {
    let moment = Duration::from_millis(1);
    let retry = RetryPolicy::default().first_delay(moment).max_delay(moment).max_attempts(9);
    ClientConfig::default().retry(retry)
}

pub fn no_retry() -> ClientConfig {
    ClientConfig::default().no_progress_timeout(Duration::ZERO)
}

pub struct Done {
    pub outcome: Result<(), Error>,
    pub requests: Vec<Received>,
    place: TempDir,
}

impl Done {
    /// What was downloaded; nothing else is left behind.
    pub fn content(&self) -> String {
        if let Err(error) = &self.outcome {
            panic!("{error}");
        }
        assert_eq!(fs::read_dir(self.place.path()).unwrap().count(), 1);
        fs::read_to_string(self.place.path().join("file")).unwrap()
    }

    pub fn error(&self) -> &Error {
        assert_eq!(fs::read_dir(self.place.path()).unwrap().count(), 0, "nothing is left behind");
        self.outcome.as_ref().unwrap_err()
    }

    pub fn ranges(&self) -> Vec<&str> {
        self.requests.iter().map(|request| request.get("Range")).collect()
    }
}

/// Downloads from a server that plays the script.
pub fn download(
    config: ClientConfig,
    script: impl FnOnce(&mut ScriptedServer) -> Vec<Received> + Send + 'static,
) -> Done {
    let (url, server): (_, JoinHandle<_>) = serve(script);
    let place = tempfile::tempdir().unwrap();
    let client = Client::new(config).unwrap();
    let outcome = client.download(&format!("{url}/dir/r?x=1"), place.path().join("file"), None);
    Done { outcome, requests: server.join().unwrap(), place }
}
