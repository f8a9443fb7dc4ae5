//! The upload machine and a server farm: host ids, and the fallback to the original host (PROTOCOL 6.7).

use std::time::Duration;

use crate::upload_script::{Player, options, play};

/// Plays a script after a Create-Session Ack with the fields `create`.
fn farm(create: &str, script: &str) -> Player {
    play(25, &format!("-> Create-Session | <- 200 session=abc {create} | {script}"))
}

#[test]
fn cli_21_ping_and_all_packets_after_it_go_to_the_host_id() {
    farm(
        "host=node",
        "-> Ping at=node
         <- 200
         -> Fragment 0-9/25 at=node
         <- 200 received=25
         -> Close-Session at=node
         <- 200
         == done",
    );
    farm("host=node:8080 fallback=110", "-> Ping at=node:8080 | ** cancel | -> Cancel-Session at=node:8080");
    farm("host=[::1]", "-> Ping at=[::1]");
}

#[test]
fn cli_21_the_host_id_survives_a_restart() {
    let resumed = "-> Ping at=node | <- 200 | -> Fragment at=node";
    farm("host=node fallback=7", &format!("{resumed} | ** restart | {resumed}"))
        .play("!! Connect | .. | ++ 8 | -> Ping | <- 200 | -> Fragment | ** restart | -> Ping");
}

#[test]
fn cli_22_after_the_fallback_time_packets_go_to_the_original_host() {
    let mut player = farm("host=node fallback=2", "-> Ping at=node | !! Connect | ..");
    player.play("-> Ping at=node | !! Connect | ..");
    assert!(
        player.waited <= Duration::from_secs(2),
        "waits longer than the fallback time: {:?}",
        player.waited
    );
    player.play(
        "-> Ping | <- 200 | -> Fragment 0-9/25 session=abc | <- 416 received=20 | -> Fragment 20-24/25",
    );
}

#[test]
fn cli_22_a_fallback_time_of_zero_ends_at_the_first_failure() {
    farm("host=node fallback=0", "-> Ping at=node | !! Resolve | .. | -> Ping");
}

#[test]
fn cli_22_the_fallback_time_counts_across_runs_that_time_out_earlier() {
    let without_retries = options().no_progress_timeout(Duration::ZERO);
    let mut player = Player::new(25, without_retries);
    player.play("-> Create-Session | <- 200 session=abc host=node fallback=8");
    for _ in 0..2 {
        player.play("-> Ping at=node | !! Connect | == failed Connect transient | ** restart | ++ 5");
    }
    player.play("-> Ping at=node | !! Connect | -> Ping | <- 200 | -> Fragment 0-9/25 session=abc");
    player.play("** restart | -> Ping");
}

#[test]
fn cli_24_a_run_long_after_the_fallback_time_finds_the_server_again() {
    let lost = "-> Ping at=node | !! Connect | ..";
    let mut player = farm("host=node fallback=2", &format!("{lost} | ** restart | ++ 1000"));
    player.play("-> Ping at=node | <- 200 | -> Fragment 0-9/25 at=node | <- 200 received=10");
    player.play(&format!("-> Fragment at=node | ** restart | {lost} | -> Ping at=node"));
}

#[test]
fn cli_23_without_a_fallback_time_there_is_no_fallback() {
    for fallback in ["", "fallback=4294967295", "fallback=soon"] {
        let mut player = farm(&format!("host=node {fallback}"), "");
        for _ in 0..5 {
            player.play("-> Ping at=node | !! Connect | .. | ++ 100");
        }
        player.play("-> Ping at=node");
    }
}

#[test]
fn cli_24_a_server_that_returns_in_time_gets_the_whole_fallback_time_again() {
    farm(
        "host=node fallback=60",
        "-> Ping at=node
         !! Connect
         ..
         ++ 50
         -> Ping at=node
         <- 200
         -> Fragment 0-9/25 at=node
         !! Disconnected
         ..
         ++ 50
         -> Ping at=node
         !! Connect
         ..
         ++ 20
         -> Ping
         <- 200",
    );
}

#[test]
fn cli_25_after_the_fallback_a_lost_session_starts_over_at_the_original_host() {
    farm(
        "host=node fallback=1",
        "-> Ping at=node
         <- 200
         -> Fragment 0-9/25 at=node
         <- 200 received=10
         -> Fragment 10-19/25 at=node
         !! Disconnected
         ..
         ++ 2
         -> Ping
         <- 200
         -> Fragment 10-19/25 session=abc
         <- 500 error=0x8020001F
         -> Create-Session
         <- 200 session=new host=other
         -> Ping at=other
         <- 200
         -> Fragment 0-9/25 session=new at=other",
    );
}

#[test]
fn a_lost_session_starts_over_where_it_was_lost() {
    farm(
        "host=node",
        "-> Ping at=node
         <- 500 error=0x8020001F
         -> Create-Session at=node
         <- 200 session=new
         -> Fragment 0-9/25 session=new at=node",
    );
}

#[test]
fn an_error_response_does_not_count_as_unreachable() {
    let mut player = farm("host=node fallback=60", "");
    for _ in 0..4 {
        player.play("-> Ping at=node | <- 503 context=0x5 | .. | ++ 50");
    }
    let mut player = farm("host=node fallback=60", "-> Ping at=node | <- 502 noack | .. | ++ 60");
    player.play("-> Ping");
}

#[test]
fn an_invalid_host_id_makes_the_response_invalid() {
    for host in ["a/b", "user@h", "h:port", "http://h", "[::1"] {
        let mut player = farm(&format!("host={host}"), "..");
        player.play("-> Create-Session | <- 200 session=b | -> Fragment session=b");
    }
}

#[test]
fn a_session_created_after_the_cancel_is_cancelled_at_its_server() {
    play(
        25,
        "-> Create-Session | ** cancel | <- 200 session=late host=node | -> Cancel-Session at=node session=late",
    );
}

#[test]
fn close_falls_back_too() {
    farm("host=node fallback=5", "-> Ping at=node | <- 200 | -> Fragment at=node | <- 200 received=25")
        .play("-> Close-Session at=node | !! Timeout | .. | ++ 5 | -> Close-Session | <- 200 | == done");
}
