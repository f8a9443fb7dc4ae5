//! Tests of the stores.

mod after_power_failure;
mod contract;
mod crash;
mod custom_backend;
mod directory;
mod disk_space;
mod flush;
mod odd_entries;
mod path_races;
mod paths;
mod power;
mod power_loss;
mod records;
mod recovery_on_use;
mod reply;
mod shared;
mod url_cases;
