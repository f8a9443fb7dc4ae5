//! The upload machine against scripted servers: the reply of upload-reply jobs (PROTOCOL 6.4, 7).

use bitsup::proto::HResult;
use bitsup::upload::{Action, Trust};

use crate::upload_script::{self, CREATED, Player, options};

const REPLY: &str = "http://server/upload/r";

fn upload_reply(total: u64, script: &str) -> Player {
    let mut player = Player::new(total, options().reply(true));
    player.play(&format!("{CREATED} | {script}"));
    player
}

#[test]
fn cli_31_the_session_is_closed_only_after_the_reply_is_stored() {
    upload_reply(
        10,
        &format!(
            "-> Fragment 0-9/10
             <- 200 received=10 reply=r
             -> GET {REPLY}
             !! Disconnected
             .. attempt=1
             -> GET {REPLY}
             <- fetched
             -> Close-Session
             <- 200
             == done"
        ),
    );
}

#[test]
fn cli_29_a_last_ack_without_a_reply_url_is_an_error() {
    let mut player =
        upload_reply(10, "-> Fragment 0-9/10 | <- 200 received=10 | == failed Protocol final http=200");
    assert_eq!(player.error().hresult(), Some(HResult::BG_E_INVALID_SERVER_RESPONSE));
    player.play("** restart | -> Ping | <- 200 | -> Fragment 0-9/10 | <- 200 received=10 reply=r");
    player.play(&format!("-> GET {REPLY}"));
}

#[test]
fn after_a_416_at_the_end_the_last_fragment_is_sent_once_more() {
    upload_reply(
        25,
        &format!(
            "-> Fragment 0-9/25
             <- 416 received=25
             -> Fragment 15-24/25
             <- 200 received=25 reply=r
             -> GET {REPLY}"
        ),
    );
    upload_reply(
        25,
        "-> Fragment 0-9/25
         <- 416 received=25
         -> Fragment 15-24/25
         <- 416 received=25
         == failed Protocol final http=416",
    );
    upload_reply(25, &format!("-> Fragment 0-9/25 | <- 416 received=25 reply=r | -> GET {REPLY}"));
}

#[test]
fn an_upload_without_reply_ignores_the_reply_url() {
    upload_script::session(10, "-> Fragment | <- 200 received=10 reply=ftp://x | -> Close-Session");
}

#[test]
fn an_empty_file_has_a_reply_too() {
    upload_reply(0, &format!("-> Fragment 0-0/0 | <- 200 received=0 reply=r | -> GET {REPLY}"));
    upload_reply(
        0,
        "-> Fragment 0-0/0 | <- 416 received=0 | -> Fragment 0-0/0 | <- 200 received=0 | == failed Protocol",
    );
}

#[test]
fn an_invalid_reply_url_is_reported() {
    for (reply, word) in [("ftp://h/r", "neither http nor https"), ("http://u:p@h/r", "host")] {
        let script = format!("-> Fragment | <- 200 received=10 reply={reply} | == failed Protocol final");
        let error = upload_reply(10, &script).error();
        assert!(error.message().contains(word), "{error}");
    }
}

#[test]
fn the_reply_is_requested_from_the_original_host_and_then_from_the_host_id() {
    let mut player = Player::new(10, options().reply(true));
    player.play(
        "-> Create-Session
         <- 200 session=abc host=node
         -> Ping at=node
         <- 200
         -> Fragment at=node
         <- 200 received=10 reply=r
         -> GET http://server/upload/r http://node/upload/r
         ** restart
         -> Ping at=node
         <- 200
         -> GET http://server/upload/r http://node/upload/r
         <- fetched
         -> Close-Session at=node",
    );
}

#[test]
fn only_the_servers_of_the_upload_are_trusted() {
    let cases = [
        ("http://SERVER/x", Trust::Origin),
        ("http://server:80/x", Trust::Origin),
        ("http://node/x", Trust::HostId),
        ("http://server:81/r", Trust::ThirdParty),
        ("http://cdn/r", Trust::ThirdParty),
        ("https://server/r", Trust::ThirdParty),
    ];
    for (reply, trust) in cases {
        let mut player = Player::new(10, options().reply(true));
        player.play(&format!(
            "-> Create-Session | <- 200 session=abc host=node | -> Ping at=node | <- 200
             -> Fragment at=node | <- 200 received=10 reply={reply}"
        ));
        let request = player.request.as_ref().unwrap();
        assert_eq!(request.trust, Trust::HostId, "{request:?}");
        let Action::FetchReply(locations) = player.upload.next_action(0) else {
            panic!("not a download of the reply")
        };
        assert!(locations.len() == 1 && locations[0].trust == trust, "{locations:?}");
    }
}

#[test]
fn the_phase_survives_a_restart() {
    upload_reply(
        10,
        &format!(
            "-> Fragment
             <- 200 received=10 reply=r
             -> GET {REPLY}
             ** restart
             -> Ping
             <- 200
             -> GET {REPLY}
             <- fetched
             -> Close-Session
             ** restart
             -> Ping
             <- 200
             -> Close-Session
             <- 200
             == done"
        ),
    );
}

#[test]
fn a_missing_reply_is_requested_again_with_the_last_fragment() {
    upload_reply(
        25,
        &format!(
            "-> Fragment 0-9/25
             <- 200 received=25 reply=r
             -> GET {REPLY}
             !! 404
             -> Fragment 15-24/25 session=abc
             <- 500 error=0x8020001F
             -> Create-Session
             <- 200 session=new
             -> Fragment 0-9/25 session=new
             <- 200 received=25 reply=s
             -> GET http://server/upload/s
             !! 410
             -> Fragment 15-24/25 session=new
             <- 200 received=25 reply=t
             -> GET http://server/upload/t
             !! 404
             == failed HttpStatus http=404"
        ),
    );
}

#[test]
fn a_failed_download_of_the_reply_keeps_the_session() {
    for (failure, end) in [("403", "HttpStatus final"), ("Io", "Io final"), ("Certificate", "Tls final")] {
        let script = format!(
            "-> Fragment | <- 200 received=10 reply=r | -> GET {REPLY} | !! {failure} | == failed {end}"
        );
        upload_reply(10, &script).play(&format!("** restart | -> Ping | <- 200 | -> GET {REPLY}"));
    }
}

#[test]
fn the_no_progress_timeout_counts_from_the_last_byte_of_the_reply() {
    let mut player = upload_reply(10, &format!("-> Fragment | <- 200 received=10 reply=r | -> GET {REPLY}"));
    for _ in 0..10 {
        player.play(&format!("!! Timeout | .. attempt=1 | ++ 590 | -> GET {REPLY}"));
        player.upload.reply_progressed();
    }
    player.play(&format!(
        "!! Timeout | .. | -> GET {REPLY} | ++ 601 | !! Timeout | == failed Timeout transient"
    ));
}

#[test]
fn cli_28_a_cancel_ends_the_download_of_the_reply() {
    let script = format!("-> Fragment | <- 200 received=10 reply=r | -> GET {REPLY} | ** cancel");
    let end = "-> Cancel-Session | <- 200 | == done";
    for late in ["", "<- fetched", "!! 404", "!! Io", "!! Timeout"] {
        upload_reply(10, &format!("{script} | {late} | {end}"));
    }
}

#[test]
fn cli_39_the_last_fragment_is_repeated_after_an_application_error() {
    for response in ["408 error=0x80070112", "502 error=0x801901F6", "409 error=0x80190199"] {
        upload_reply(
            15,
            &format!(
                "-> Fragment 0-9/15
                 <- 200 received=10
                 -> Fragment 10-14/15
                 <- {response} context=0x7 received=15
                 .. attempt=1
                 -> Ping
                 <- 200
                 -> Fragment 10-14/15
                 <- 200 received=15 reply=r
                 -> GET {REPLY}"
            ),
        );
    }
    upload_reply(
        10,
        "-> Fragment | <- 403 error=0x80190193 context=0x7 received=10 | == failed ServerFault final",
    );
}

#[test]
fn each_run_decides_whether_it_wants_a_reply() {
    let uploaded =
        "-> Create-Session | <- 200 session=abc | -> Fragment | <- 200 received=10 | -> Close-Session";
    let mut player = Player::new(10, options());
    player.play(uploaded);
    player.options.reply = true;
    player.play(&format!(
        "** restart | -> Ping | <- 200 | -> Fragment 0-9/10 | <- 200 received=10 reply=r | -> GET {REPLY}"
    ));
    player.options.reply = false;
    player.play("** restart | -> Ping | <- 200 | -> Close-Session | <- 200 | == done");
}

#[test]
fn a_fetched_reply_can_be_fetched_again_for_another_path() {
    let mut player = upload_reply(10, &format!("-> Fragment | <- 200 received=10 reply=r | -> GET {REPLY}"));
    player.upload.fetch_reply_again();
    player.play("<- fetched | -> Close-Session");
    player.upload.fetch_reply_again();
    player.play(&format!("-> GET {REPLY} | <- fetched | -> Close-Session | <- 200 | == done"));
    player.upload.fetch_reply_again();
    player.play("== done");
}

#[test]
fn the_reply_url_is_available_after_the_last_ack() {
    let mut player = upload_reply(10, "-> Fragment");
    assert_eq!(player.upload.reply_url(), None);
    player.play("<- 200 received=10 reply=/x\\{y}");
    assert_eq!(player.upload.reply_url().as_deref(), Some("http://server/x/%7By%7D"));
    assert_eq!(player.upload.sent(), 10);
}
