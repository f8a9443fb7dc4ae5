//! The environment of a case: a store, an engine, a clock and the sessions created so far.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bitsup::clock::ManualClock;
use bitsup::engine::{Engine, EngineConfig, Finalize, Hooks, HostId, Overlap};
use bitsup::proto::SessionId;
use bitsup::store::{DirOptions, DirStore, MemoryStore, Store};
use tempfile::TempDir;

use super::app::App;
use super::drive::{Driver, Hanging, Host};
use super::parse::Case;
use crate::callback_store;

/// A combination of store and driver.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    pub store: &'static str,
    pub via: &'static str,
    /// Starts a foreign HTTP server with its own engine over the directory.
    pub start: Option<Start>,
}

pub type Start = fn(&Path, &EngineSettings, Option<&Arc<App>>) -> Box<dyn Host>;

pub const MODES: [Mode; 7] = [
    Mode { store: "memory", via: "engine", start: None },
    Mode { store: "dir", via: "engine", start: None },
    Mode { store: "memory", via: "listener", start: None },
    Mode { store: "dir", via: "fresh-listener", start: None },
    Mode { store: "callbacks", via: "engine", start: None },
    Mode { store: "callbacks", via: "listener", start: None },
    Mode { store: "memory", via: "tls-listener", start: None },
];

impl Mode {
    /// Returns whether the case runs in this mode.
    pub fn runs(&self, case: &Case) -> bool {
        case.only.iter().all(|word| match word.as_str() {
            "engine" => self.via == "engine",
            "listener" => self.via != "engine",
            "memory" => self.store != "dir",
            word => self.store == word,
        })
    }
}

enum Files {
    Memory(MemoryStore),
    Callbacks(callback_store::Files),
    Dir(TempDir),
}

pub struct Environment {
    files: Files,
    mode: Mode,
    settings: EngineSettings,
    pub clock: Arc<ManualClock>,
    pub engine: Engine,
    pub driver: Driver,
    pub sessions: HashMap<String, String>,
    pub hanging: Vec<(Hanging, Vec<u8>)>,
    pub path: String,
    /// The application behind the engine, if the case has one.
    pub app: Option<Arc<App>>,
    /// The path of the last reply URL.
    pub reply: Option<String>,
}

pub type EngineSettings = std::collections::BTreeMap<String, String>;

impl Environment {
    pub fn new(case: &Case, mode: Mode) -> Self {
        let files = match mode.store {
            "memory" => {
                let size = case.settings.get("store-size").map_or(u64::MAX, |size| size.parse().unwrap());
                Files::Memory(MemoryStore::new(size))
            }
            "callbacks" => {
                let size = case.settings.get("store-size").map_or(usize::MAX, |size| size.parse().unwrap());
                Files::Callbacks(callback_store::Files::new(size))
            }
            _ => Files::Dir(tempfile::tempdir().unwrap()),
        };
        let now_ms = bitsup::clock::Clock::now_ms(&bitsup::clock::SystemClock);
        let clock = Arc::new(ManualClock::new(now_ms));
        let has_app = case.steps.iter().any(|step| step.words[0] == "app");
        let app = has_app.then(|| Arc::new(App::default()));
        let (engine, driver) = serve(&files, mode, &clock, &case.settings, app.as_ref());
        let (sessions, hanging, path) = (HashMap::new(), Vec::new(), String::new());
        let settings = case.settings.clone();
        Self { files, mode, settings, clock, engine, driver, sessions, hanging, path, app, reply: None }
    }

    /// Starts a new engine with the same store.
    pub fn restart(&mut self) {
        // The old engine must release the store before the new one opens it.
        self.hanging.clear();
        match std::mem::replace(&mut self.driver, Driver::Engine(no_engine())) {
            Driver::Socket { mut host, .. } => host.stop(),
            Driver::Engine(engine) => drop(engine),
        }
        self.engine = no_engine();
        (self.engine, self.driver) =
            serve(&self.files, self.mode, &self.clock, &self.settings, self.app.as_ref());
    }

    /// Returns the number of sessions. Counts session folders if the engine is in another process.
    pub fn session_count(&self) -> u64 {
        match (&self.files, self.mode.start) {
            (Files::Dir(root), Some(_)) => {
                let entries = std::fs::read_dir(root.path().join(".bitsup")).unwrap();
                entries.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count() as u64
            }
            _ => self.engine.session_count(),
        }
    }

    /// Returns the scheme of reply URLs.
    pub fn scheme(&self) -> &'static str {
        if self.mode.via == "tls-listener" { "https" } else { "http" }
    }

    pub fn put_file(&self, path: &str, content: &[u8]) {
        match &self.files {
            Files::Memory(store) => store.put_file(path, content),
            Files::Callbacks(files) => files.put_file(path, content),
            Files::Dir(root) => std::fs::write(root.path().join(path), content).unwrap(),
        }
    }

    pub fn make_folder(&self, path: &str) {
        match &self.files {
            Files::Memory(store) => store.make_directory(path),
            Files::Callbacks(files) => files.make_folder(path),
            Files::Dir(root) => std::fs::create_dir(root.path().join(path)).unwrap(),
        }
    }

    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        match &self.files {
            Files::Memory(store) => store.file(path),
            Files::Callbacks(files) => files.file(path),
            Files::Dir(root) => std::fs::read(root.path().join(path)).ok(),
        }
    }

    pub fn file_length(&self, path: &str) -> Option<u64> {
        match &self.files {
            Files::Memory(store) => store.file(path).map(|content| content.len() as u64),
            Files::Callbacks(files) => files.file(path).map(|content| content.len() as u64),
            Files::Dir(root) => root.path().join(path).metadata().ok().map(|file| file.len()),
        }
    }

    /// Returns the paths of all delivered files.
    pub fn files(&self) -> Vec<String> {
        match &self.files {
            Files::Memory(store) => store.files(),
            Files::Callbacks(files) => files.state().files.keys().cloned().collect(),
            Files::Dir(root) => visible_files(root.path(), root.path()),
        }
    }

    pub fn session_data(&self, name: &str) -> Option<Vec<u8>> {
        match &self.files {
            Files::Memory(store) => store.session_data(self.session_id(name)),
            Files::Callbacks(files) => files.session_data(&self.session_id(name).to_string()),
            Files::Dir(_) => std::fs::read(self.data_path(name)).ok(),
        }
    }

    /// Returns the path of a session's data in a directory store.
    pub fn data_path(&self, name: &str) -> PathBuf {
        let Files::Dir(root) = &self.files else { panic!("the case needs `only dir`") };
        root.path().join(".bitsup").join(self.session_id(name).to_string()).join("data")
    }

    fn session_id(&self, name: &str) -> SessionId {
        SessionId::parse(&self.sessions[name]).unwrap()
    }
}

fn visible_files(root: &Path, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_name() == ".bitsup" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(visible_files(root, &entry.path()));
        } else {
            found.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    found
}

/// Starts an engine and its driver.
fn serve(
    files: &Files,
    mode: Mode,
    clock: &Arc<ManualClock>,
    settings: &EngineSettings,
    app: Option<&Arc<App>>,
) -> (Engine, Driver) {
    if let (Some(start), Files::Dir(root)) = (mode.start, files) {
        let host = start(root.path(), settings, app);
        return (no_engine(), Driver::Socket { host, fresh: false, kept: None, tls: None });
    }
    let engine = engine(files, clock, settings, app);
    let driver = match mode.via {
        "engine" => Driver::Engine(engine.clone()),
        "tls-listener" => Driver::tls_listener(engine.clone()),
        via => Driver::listener(engine.clone(), via == "fresh-listener"),
    };
    (engine, driver)
}

/// Returns a placeholder engine.
fn no_engine() -> Engine {
    Engine::new(EngineConfig::new(Arc::new(MemoryStore::new(0)))).unwrap()
}

fn engine(
    files: &Files,
    clock: &Arc<ManualClock>,
    settings: &EngineSettings,
    app: Option<&Arc<App>>,
) -> Engine {
    let store: Arc<dyn Store> = match files {
        Files::Memory(store) => Arc::new(store.clone()),
        Files::Callbacks(files) => files.open(),
        Files::Dir(root) => Arc::new(DirStore::open(root.path(), DirOptions::default()).unwrap()),
    };
    let mut config = EngineConfig::new(store).clock(clock.clone());
    config.hooks = app.map(|app| Arc::clone(app) as Arc<dyn Hooks>);
    for (name, value) in settings {
        let number = || value.parse::<u64>().unwrap();
        match name.as_str() {
            "allow-overwrites" => config.allow_overwrite = true,
            "max-upload-size" => config.max_upload_size = number(),
            "max-fragment-size" => config.max_fragment_size = number(),
            "max-sessions" => config.max_sessions = number(),
            "max-sessions-per-user" => config.max_sessions_per_owner = number(),
            "session-timeout" => config.session_timeout = Duration::from_secs(number()),
            "overlap" if value == "reject" => config.overlap = Overlap::Reject,
            "finalize" if value == "close" => config.finalize = Finalize::Close,
            "method-override" => config.method_override = true,
            "public-url" => config.public_url = Some(value.clone()),
            "host-id" => {
                let (host, seconds) = value.split_once(' ').unwrap_or((value, "0"));
                let fallback_seconds = seconds.parse().unwrap();
                config.host_id = Some(HostId::new(host).fallback_seconds(fallback_seconds));
            }
            "store-size" => {}
            _ => panic!("unknown setting {name} {value}"),
        }
    }
    Engine::new(config).unwrap()
}
