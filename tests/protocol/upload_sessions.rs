//! The upload machine against scripted servers: sessions that are lost, closed, cancelled and taken up again
//! (PROTOCOL 12.10).

use std::time::Duration;

use bitsup::upload::{UploadMachine, UploadOptions};

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
fn cli_11_a_server_that_always_forgets_is_given_up() {
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
fn cli_11_sessions_that_each_win_ground_may_be_lost_for_ever() {
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
fn cli_12_a_lost_session_in_every_spelling() {
    for fields in ["code=0x8020001F", "error=x8020001f", "error=8020001F", "noack code=0X8020001f"] {
        session(25, &format!("-> Fragment | <- 500 {fields} | -> Create-Session"));
    }
}

#[test]
fn cli_13_cancelling_an_unknown_session_is_done() {
    session(25, "** cancel | -> Cancel-Session | <- 500 error=0x8020001F | == done");
}

#[test]
fn a_close_that_may_have_been_processed_explains_an_unknown_session() {
    for lost in ["!! Disconnected", "!! Timeout", "<- 503", "<- 200 noack"] {
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
                 == done"
            ),
        );
    }
}

#[test]
fn a_close_that_never_left_explains_nothing() {
    for lost in ["Resolve", "Connect"] {
        session(
            10,
            &format!(
                "-> Fragment 0-9/10
                 <- 200 received=10
                 -> Close-Session
                 !! {lost}
                 ..
                 -> Close-Session
                 <- 500 error=0x8020001F
                 -> Create-Session"
            ),
        );
    }
}

#[test]
fn a_close_in_doubt_is_remembered_over_the_death_of_the_process() {
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
         == done",
    );
}

#[test]
fn a_refused_close_leaves_no_doubt() {
    session(
        10,
        "-> Fragment 0-9/10
         <- 200 received=10
         -> Close-Session
         !! Disconnected
         ..
         -> Close-Session
         <- 400 error=0x80070057
         == failed ServerFault final
         ** restart
         -> Ping
         <- 200
         -> Close-Session
         <- 500 error=0x8020001F
         -> Create-Session",
    );
}

#[test]
fn a_challenged_close_raises_no_doubt_and_clears_none() {
    session(
        10,
        "-> Fragment 0-9/10
         <- 200 received=10
         -> Close-Session
         <- 401
         == failed HttpStatus
         ** restart
         -> Ping
         <- 200
         -> Close-Session
         <- 500 error=0x8020001F
         -> Create-Session",
    );
    session(
        10,
        "-> Fragment 0-9/10
         <- 200 received=10
         -> Close-Session
         !! Disconnected
         ..
         -> Close-Session
         <- 401
         == failed HttpStatus
         ** restart
         -> Ping
         <- 200
         -> Close-Session
         <- 500 error=0x8020001F
         == done",
    );
}

#[test]
fn a_lost_answer_to_the_last_fragment_is_made_up_for() {
    for answer in ["200 received=10", "416 received=10"] {
        session(
            10,
            &format!(
                "-> Fragment 0-9/10
                 !! Disconnected
                 ..
                 -> Ping
                 <- 200
                 -> Fragment 0-9/10
                 <- {answer}
                 -> Close-Session"
            ),
        );
    }
}

#[test]
fn a_lost_answer_to_create_makes_another_session() {
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
fn cli_20_cancel_is_sent_again_until_patience_ends() {
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
fn cli_20_cancel_is_given_up_after_24_hours_however_patient_the_upload_is() {
    let patient = UploadOptions { no_progress_timeout: Duration::MAX, ..options() };
    let mut player = Player::new(25, patient);
    player.play(&format!("{CREATED} | ** cancel"));
    let a_day = "-> Cancel-Session | <- 500 | .. | ++ 86390
                 -> Cancel-Session | <- 500 | .. | ++ 10
                 -> Cancel-Session | <- 500 | == failed HttpStatus transient";
    player.play(a_day);
    player.play("** restart");
    player.play(a_day);
}

#[test]
fn cli_27_resume_pings_and_goes_on_where_it_was() {
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
fn cli_27_a_paused_request_is_taken_up_by_a_ping() {
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
