//! Tests of the stores.

mod after_power_failure;
#[cfg(target_os = "linux")]
mod block_device;
mod contract;
mod crash;
mod custom_backend;
mod directory;
mod disk_errors;
mod disk_space;
mod file_system_errors;
mod file_systems;
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
