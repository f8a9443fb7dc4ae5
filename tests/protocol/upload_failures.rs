//! The upload machine against scripted servers: rejections, invalid responses and lost connections (PROTOCOL 12, CLI).

use std::time::Duration;

use crate::upload_script::{CREATED, Player, options, play, session};

#[test]
fn cli_16_413_shrinks_fragments_to_the_minimum_and_then_fails() {
    let options = options().fragment_size(16 * 1024);
    let mut player = Player::new(1 << 20, options.clone());
    let shrinking = "-> Fragment 0-16383/1048576
         <- 413 noack
         -> Fragment 0-8191/1048576
         <- 413 noack
         -> Fragment 0-5119/1048576 | ";
    player.play(&format!(
        "{CREATED} | {shrinking} <- 413 | == failed TooLarge http=413 final | ** restart | -> Ping"
    ));
    let mut player = Player::new(1 << 20, options);
    player.play(&format!("{CREATED} | {shrinking} <- 200 received=5120 | -> Fragment 5120-10239/1048576"));
}

#[test]
fn fragments_grow_with_the_connection_and_shrink_after_a_failure() {
    let mut player = Player::new(1 << 30, options().fragment_size(None));
    player.play(&format!(
        "{CREATED}
         -> Fragment 0-131071/1073741824
         <- 200 received=131072
         -> Fragment 131072-393215/1073741824
         ++ 20
         <- 200 received=393216
         -> Fragment 393216-524287/1073741824
         !! Timeout
         ..
         -> Ping
         <- 200
         -> Fragment 393216-458751/1073741824"
    ));
}

/// Any of them may come from a proxy, or end once somebody has solved the problem.
#[test]
fn cli_17_a_final_error_ends_the_run_and_keeps_the_session() {
    let with_error = [
        ("403 error=0x80070005", "ServerFault"),
        ("501 error=0x80070005", "ServerFault"),
        ("500 error=0x80200020", "TooLarge"),
        ("400 error=0x80070057", "ServerFault"),
    ];
    let statuses = [302, 400, 403, 404, 405, 409, 410, 411, 414, 431, 451, 501, 505];
    let bare = statuses.map(|status| (format!("{status} noack"), "HttpStatus"));
    let cases = with_error.map(|(response, status)| (response.to_owned(), status)).into_iter().chain(bare);
    for (response, status) in cases {
        let http = response.split(' ').next().unwrap();
        session(
            25,
            &format!(
                "-> Fragment 0-9/25
                 <- 200 received=10
                 -> Fragment 10-19/25
                 <- {response}
                 == failed {status} http={http} final
                 ** restart
                 -> Ping
                 <- 200
                 -> Fragment session=abc"
            ),
        );
        play(25, &format!("-> Create-Session | <- {response} | == failed {status} final"));
    }
}

#[test]
fn an_unreadable_source_ends_the_run_and_keeps_the_session() {
    session(
        25,
        "-> Fragment | !! Io | == failed Io final | ** restart | -> Ping | <- 200 | -> Fragment session=abc",
    );
}

#[test]
fn missing_credentials_keep_the_session_for_the_next_run() {
    for (status, hresult) in [("401", "0x80190191"), ("407", "0x80190197")] {
        session(
            25,
            &format!(
                "-> Fragment
                 <- {status} error=0x80070005
                 == failed HttpStatus http={status} hresult={hresult} final
                 ** restart
                 -> Ping
                 <- 200
                 -> Fragment session=abc"
            ),
        );
    }
    session(25, "-> Fragment | !! Unsupported | == failed Unsupported | ** restart | -> Ping");
}

#[test]
fn cli_34_a_response_that_is_not_an_ack_is_invalid() {
    play(25, "-> Create-Session | <- 200 noack session=abc | .. | -> Create-Session");
    play(25, "-> Create-Session | <- 200 | .. | -> Create-Session");
    play(
        25,
        "-> Create-Session
         <- 200 session=abc protocol={00000000-0000-0000-0000-000000000000}
         ..
         -> Create-Session
         <- 200 session=abc protocol=7DF0354D-249B-430F-820D-3D2A9BEF4931
         -> Fragment",
    );
    session(25, "-> Fragment | <- 200 noack received=10 | .. | -> Ping | <- 200 noack | .. | -> Ping");
    session(25, "** cancel | -> Cancel-Session | <- 200 noack | .. | -> Cancel-Session");
}

#[test]
fn cli_34_an_invalid_response_is_reported_as_a_protocol_error() {
    let mut player = Player::new(25, options().no_progress_timeout(Duration::ZERO));
    player
        .play("-> Create-Session | <- 200 noack | == failed Protocol hresult=0x8020001B http=200 transient");
    assert!(player.error().message().contains("no BITS-Packet-Type: Ack"));
}

#[test]
fn a_session_id_that_cannot_be_sent_back_is_invalid() {
    for id in ["\u{e9}", &"x".repeat(101)] {
        play(25, &format!("-> Create-Session | <- 200 session={id} | .. | -> Create-Session"));
    }
}

#[test]
fn cli_36_a_changed_source_ends_the_upload_and_its_session() {
    session(
        25,
        "-> Fragment
         !! SourceChanged
         -> Cancel-Session
         <- 200
         == failed SourceChanged hresult=0x8020001D final",
    );
    for cancelled in ["<- 503", "<- 500 error=0x8020001F", "!! Disconnected"] {
        session(
            25,
            &format!("!! SourceChanged | -> Cancel-Session | {cancelled} | == failed SourceChanged final"),
        );
    }
}

#[test]
fn a_certificate_error_keeps_the_session() {
    session(
        25,
        "-> Fragment | !! Certificate | == failed Tls final
         ** restart | -> Ping | <- 200 | -> Fragment session=abc",
    );
}

#[test]
fn cli_38_a_broken_fragment_is_resumed_with_a_ping() {
    session(
        25,
        "-> Fragment
         <- 200 received=10
         -> Fragment 10-19/25
         !! Disconnected
         .. attempt=1
         -> Ping
         !! Connect
         .. attempt=2
         -> Ping
         <- 200
         -> Fragment 10-19/25
         <- 503
         .. attempt=3
         -> Ping
         <- 200
         -> Fragment 10-19/25
         <- 200 received=20
         -> Fragment 20-24/25
         !! Disconnected
         .. attempt=1",
    );
}

#[test]
fn cli_39_application_errors_are_transient_or_final() {
    let transient =
        ["409 error=0x80190199", "408 error=0x80070112", "503 error=0x80200020", "500 error=0x80070057"];
    let final_ones =
        ["403 error=0x80190193", "413 error=0x8019019D", "416 error=0x801901A0", "501 error=0x1"];
    let transient = transient.map(|response| (response, true));
    for (response, retries) in transient.into_iter().chain(final_ones.map(|response| (response, false))) {
        let next = match retries {
            true => ".. | -> Ping | <- 200 | -> Fragment 0-9/10",
            false if response.starts_with("413") => "== failed TooLarge final",
            false => "== failed ServerFault final",
        };
        session(10, &format!("-> Fragment 0-9/10 | <- {response} context=0x7 received=10 | {next}"));
    }
}

#[test]
fn cli_42_a_redirect_is_reported_not_followed() {
    for status in [301, 302, 307, 308] {
        play(
            5,
            &format!(
                "-> Create-Session | <- {status} Location=http://other/
                 == failed HttpStatus http={status} final"
            ),
        );
    }
}

#[test]
fn retry_after_raises_the_delay() {
    let player = session(25, "-> Fragment | <- 503 retry=30 | ..");
    assert!((30..=33).contains(&player.waited.as_secs()), "{:?}", player.waited);
}

#[test]
fn a_timeout_keeps_the_last_cause_and_the_session() {
    let mut player = session(
        25,
        "-> Fragment
         <- 500 error=0x80070112 context=0x5
         ++ 1
         ..
         ++ 600
         -> Ping
         <- 200
         -> Fragment
         <- 500 error=0x80070070 context=0x5
         == failed ServerFault hresult=0x80070070 http=500 transient",
    );
    let error = player.error();
    assert!(error.message().contains("free space on the server"), "{error}");
    assert!(error.message().contains("gave up after 2 failed attempts in 60"), "{error}");
    let last = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.message().starts_with(&last) && last.len() < error.message().len());
    player.play("** restart | -> Ping | <- 200 | -> Fragment session=abc");
}

#[test]
fn a_no_progress_timeout_of_zero_makes_the_first_failure_final() {
    let options = options().no_progress_timeout(Duration::ZERO);
    Player::new(25, options).play("-> Create-Session | !! Connect | == failed Connect transient");
}

#[test]
fn an_acknowledged_byte_resets_the_count_of_failures() {
    let mut options = options();
    options.retry.max_attempts = Some(2);
    let mut player = Player::new(100, options);
    player.play(CREATED);
    for end in [10, 20, 30, 40] {
        player.play("-> Fragment | !! Disconnected | .. attempt=1 | -> Ping | <- 200");
        player.play(&format!("-> Fragment | <- 200 received={end}"));
    }
    player.play("-> Fragment | !! Disconnected | .. | -> Ping | !! Connect | == failed Connect transient");
}
