//! `Logger::log_crate`.

use std::sync::{Arc, Mutex};

use bitsup::engine::{Engine, EngineConfig, RequestHead};
use bitsup::log::{Level, Logger};
use bitsup::store::MemoryStore;
use log::{LevelFilter, Metadata, Record};

static RECORDS: Mutex<Vec<(log::Level, String, String)>> = Mutex::new(Vec::new());

/// Records all messages except those of one target.
struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != "bitsup::off"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let entry = (record.level(), record.target().to_owned(), record.args().to_string());
            RECORDS.lock().unwrap().push(entry);
        }
    }

    fn flush(&self) {}
}

#[test]
fn enabled_messages_reach_the_logger_of_the_log_crate() {
    log::set_logger(&Recorder).unwrap();
    log::set_max_level(LevelFilter::Debug);

    let logger = Logger::log_crate();
    for (level, target) in [(Level::Error, "app"), (Level::Warn, "off"), (Level::Debug, "app")] {
        logger.log(level, target, || format!("{level:?}"));
    }
    logger.log(Level::Trace, "app", || unreachable!("the level is disabled"));
    let expected = [(log::Level::Error, "Error"), (log::Level::Debug, "Debug")];
    let expected = expected.map(|(level, text)| (level, "bitsup::app".to_owned(), text.to_owned()));
    assert_eq!(*RECORDS.lock().unwrap(), expected);

    let config = EngineConfig::new(Arc::new(MemoryStore::default())).logger(logger);
    let mut ping = RequestHead::new("BITS_POST", "/a");
    ping.headers = [("BITS-Packet-Type", "Ping"), ("Content-Length", "0")].into_iter().collect();
    assert_eq!(Engine::new(config).unwrap().begin(ping).finish().status, 200);
    let records = RECORDS.lock().unwrap();
    let (level, target, _) = records.last().unwrap();
    assert!(*level == log::Level::Debug && target == "bitsup::engine", "{records:?}");
}
