//! The soak test: 500 clients for ten minutes, or as given by `cargo bench --bench soak -- SECONDS CLIENTS`.

use std::time::Duration;

use test_support::soak::{self, Settings};

fn main() {
    // Cargo appends `--bench`.
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let settings = Settings {
        time: Duration::from_secs(numbers.next().unwrap_or(600)),
        clients: numbers.next().map_or(500, |count| count as usize),
        longest: 1 << 20,
        memory: 128 << 20,
        descriptors: 4096,
        session_timeout: "20s",
    };
    let figures = soak::run(&settings);
    let seconds = figures.time.as_secs_f64();
    let mib = figures.bytes as f64 / f64::from(1 << 20);
    println!("{} clients, {seconds:.0} s", settings.clients);
    figures.runs.iter().for_each(|(profile, count)| println!("  {:<12}{count:>10}", format!("{profile:?}")));
    println!("files accepted, all bit-exact  {}, {mib:.0} MiB, {:.1} MiB/s", figures.files, mib / seconds);
    println!("server: resident memory        {:.1} MiB at most", figures.memory as f64 / f64::from(1 << 20));
    println!("server: descriptors, threads   {}, {} at most", figures.most_descriptors, figures.most_threads);
    println!("server: sessions               {} at most, none left", figures.most_sessions);
    println!("server: CPU                    {:.0} s", figures.cpu.as_secs_f64());
}
