//! The upload machine against scripted servers: lost, closed, cancelled and resumed sessions (PROTOCOL 12, CLI).

use std::time::Duration;

use bitsup::upload::UploadMachine;

use crate::upload_script::{CREATED, Player, URL, options, play, session};

#[test]
fn cli_11_a_lost_session_starts_over_at_once() {
    session(
        25,
        "-> Fragment 0-9/25
         <- 200 received=10
         -> Fragment 10-19/25
         <- 500 error=0x8020001F context=0x5
         -> Create-Session
         <- 200 session=new
         -> Fragment 0-9/25 session=new
         <- 200 received=25
         -> Close-Session session=new
         <- 500 error=0x8020001F
         -> Create-Session",
    );
    session(
        25,
        "-> Fragment 0-9/25
         ** restart
         -> Ping
         <- 500 error=0x8020001F
         -> Create-Session",
    );
}

#[test]
fn cli_11_a_server_that_always_loses_the_session_ends_the_upload() {
    let forgotten = "-> Create-Session
                     <- 200 session=abc
                     -> Fragment
                     <- 500 error=0x8020001F | ";
    let again = format!(".. | {forgotten}").repeat(4);
    play(
        25,
        &format!(
            "{forgotten}{forgotten}{again} == failed SessionNotFound hresult=0x8020001F http=500 transient"
        ),
    );
}

#[test]
fn cli_11_sessions_that_make_progress_may_be_lost_any_number_of_times() {
    let mut script = String::new();
    for received in 1..20 {
        script += &format!(
            "-> Create-Session
             <- 200 session=abc
             -> Fragment 0-9/25
             <- 200 received={received}
             -> Fragment
             <- 500 error=0x8020001F | "
        );
    }
    play(25, &script);
}

#[test]
fn cli_12_a_lost_session_is_recognized_in_every_spelling() {
    for fields in ["code=0x8020001F", "error=x8020001f", "error=8020001F", "noack code=0X8020001f"] {
        session(25, &format!("-> Fragment | <- 500 {fields} | -> Create-Session"));
    }
}

#[test]
fn cli_13_cancelling_an_unknown_session_succeeds() {
    session(25, "** cancel | -> Cancel-Session | <- 500 error=0x8020001F | == done");
}

/// Its file may have been delivered, or the session may have expired before Close-Session arrived.
#[test]
fn an_unknown_session_after_any_close_starts_over() {
    for lost in ["!! Disconnected", "!! Timeout", "!! Resolve", "!! Connect", "<- 503", "<- 200 noack"] {
        session(
            10,
            &format!(
                "-> Fragment 0-9/10
                 <- 200 received=10
                 -> Close-Session
                 {lost}
                 ..
                 -> Close-Session
                 <- 500 error=0x8020001F
                 -> Create-Session"
            ),
        );
    }
    session(
        10,
        "-> Fragment 0-9/10
         <- 200 received=10
         -> Close-Session
         ** restart
         -> Ping
         <- 200
         -> Close-Session session=abc
         <- 500 error=0x8020001F
         -> Create-Session",
    );
}

/// After a power failure for example. It has discarded the session.
#[test]
fn a_server_that_lost_acknowledged_bytes_gets_them_again() {
    session(
        10,
        "-> Fragment 0-9/10
         <- 200 received=10
         -> Close-Session
         <- 400 error=0x80070057
         -> Create-Session",
    );
}

#[test]
fn a_rejected_close_ends_the_run_and_can_be_repeated() {
    for response in ["401", "403", "404", "409 noack"] {
        session(
            10,
            &format!(
                "-> Fragment 0-9/10
                 <- 200 received=10
                 -> Close-Session
                 <- {response}
                 == failed HttpStatus
                 ** restart
                 -> Ping
                 <- 200
                 -> Close-Session
                 <- 200
                 == done"
            ),
        );
    }
}

#[test]
fn a_lost_response_to_the_last_fragment_is_recovered() {
    for response in ["200 received=10", "416 received=10"] {
        session(
            10,
            &format!(
                "-> Fragment 0-9/10
                 !! Disconnected
                 ..
                 -> Ping
                 <- 200
                 -> Fragment 0-9/10
                 <- {response}
                 -> Close-Session"
            ),
        );
    }
}

#[test]
fn a_lost_response_to_create_leads_to_another_session() {
    play(
        25,
        "-> Create-Session | !! Timeout | .. | -> Create-Session | <- 200 session=abc | -> Fragment 0-9/25",
    );
    play(25, "-> Create-Session | ** restart | -> Create-Session");
}

#[test]
fn cli_18_close_is_sent_again_on_5xx() {
    for status in [500, 501, 503, 599] {
        session(
            10,
            &format!(
                "-> Fragment 0-9/10
                 <- 200 received=10
                 -> Close-Session
                 <- {status}
                 .. attempt=1
                 -> Close-Session
                 !! Disconnected
                 .. attempt=2
                 -> Close-Session
                 <- 200
                 == done"
            ),
        );
    }
}

#[test]
fn cli_19_close_is_not_sent_again_on_4xx() {
    for status in [400, 403, 404, 408, 409, 429, 302] {
        let script = format!(
            "-> Fragment 0-9/10 | <- 200 received=10
             -> Close-Session | <- {status}
             == failed HttpStatus http={status} final"
        );
        session(10, &script);
    }
}

#[test]
fn cli_20_cancel_is_repeated_until_the_timeout() {
    session(
        25,
        "-> Fragment
         <- 200 received=10
         -> Fragment
         !! Disconnected
         .. attempt=1
         ** cancel
         -> Cancel-Session session=abc
         <- 500
         .. attempt=1
         -> Cancel-Session
         !! Disconnected
         .. attempt=2
         ++ 600
         -> Cancel-Session
         <- 503
         == failed HttpStatus http=503 transient",
    );
    session(25, "** cancel | -> Cancel-Session | <- 403 | == failed HttpStatus http=403 final");
}

#[test]
fn cli_20_cancel_times_out_after_24_hours_at_the_latest() {
    let endless = options().no_progress_timeout(Duration::MAX);
    let mut player = Player::new(25, endless);
    player.play(&format!("{CREATED} | ** cancel"));
    let a_day = "-> Cancel-Session | <- 500 | .. | ++ 86390
                 -> Cancel-Session | <- 500 | .. | ++ 10
                 -> Cancel-Session | <- 500 | == failed HttpStatus transient";
    player.play(a_day);
    player.play("** restart");
    player.play(a_day);
}

#[test]
fn cli_27_resume_pings_and_continues() {
    let mut player = session(
        25,
        "-> Fragment
         <- 200 received=10
         -> Fragment 10-19/25",
    );
    let json = serde_json::to_string(&player.upload.state()).unwrap();
    let state = serde_json::from_str(&json).unwrap();
    player.upload = UploadMachine::resume(URL, 25, options(), &state, 3).unwrap();
    assert_eq!((player.upload.sent(), player.upload.session_id()), (10, Some("abc")));
    player.play("-> Ping | <- 200 | -> Fragment 10-19/25 session=abc");
}

#[test]
fn cli_27_a_paused_request_is_resumed_with_a_ping() {
    session(25, "-> Fragment 0-9/25 | -> Ping | <- 200 | -> Fragment 0-9/25 session=abc");
}

#[test]
fn cli_28_cancel_in_every_phase() {
    play(25, "** cancel | == done");
    play(25, "-> Create-Session | ** cancel | == done");
    play(25, "-> Create-Session | ** cancel | !! Disconnected | == done");
    play(
        25,
        "-> Create-Session | ** cancel | <- 200 session=abc | -> Cancel-Session session=abc | <- 200 | == done",
    );
    session(25, "** cancel | -> Cancel-Session | <- 200 | == done");
    session(25, "-> Fragment | ** cancel | <- 200 received=10 | -> Cancel-Session | <- 200 | == done");
    session(25, "-> Fragment | !! Disconnected | ** cancel | -> Cancel-Session | <- 200 | == done");
    session(
        25,
        "-> Fragment | <- 403 | ** cancel
         -> Cancel-Session | <- 503 | ..
         -> Cancel-Session | <- 200 | == done",
    );
    session(
        25,
        "** cancel | -> Cancel-Session
         ** restart | -> Cancel-Session session=abc | <- 200 | == done
         ** restart | == done",
    );
    session(
        25,
        "-> Fragment | <- 200 received=25
         -> Close-Session | ** cancel | <- 200 noack
         -> Cancel-Session | ** restart | -> Cancel-Session | <- 200 | == done",
    );
    session(
        25,
        "-> Fragment | <- 200 received=25
         -> Close-Session | ** cancel | <- 200 | == done
         ** cancel | == done",
    );
}
