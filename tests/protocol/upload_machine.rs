//! The upload machine against scripted servers: packets, offsets, headers (PROTOCOL 12, CLI).

use bitsup::Status;
use bitsup::proto::names;
use bitsup::upload::{UploadMachine, UploadOptions};

use crate::upload_script::{Player, URL, header, options, play, session};

#[test]
fn cli_01_cli_46_create_then_contiguous_fragments_then_close() {
    session(
        25,
        "-> Fragment 0-9/25 session=abc
         <- 200 received=10
         -> Fragment 10-19/25 session=abc
         <- 200 received=20
         -> Fragment 20-24/25 session=abc
         <- 200 received=25
         -> Close-Session session=abc
         <- 200
         == done",
    );
}

#[test]
fn cli_02_only_fragments_have_a_body() {
    let mut player = session(25, "-> Fragment 0-9/25");
    let request = player.request.take().unwrap();
    assert_eq!((request.offset, request.length), (0, 10));
    player.play("<- 200 received=25 | -> Close-Session");
    let request = player.request.unwrap();
    assert_eq!((request.offset, request.length), (0, 0));
}

#[test]
fn cli_03_cli_04_a_session_id_is_echoed_byte_for_byte() {
    for id in ["abc", "{a0ff5911-4144-45B3-bf27-27afc8ec8a67}", "1742", "x%7B;=\"y\""] {
        play(
            5,
            &format!(
                "-> Create-Session
                 <- 200 session={id}
                 -> Fragment 0-4/5 session={id}
                 <- 200 received=5
                 -> Close-Session session={id}"
            ),
        );
    }
}

#[test]
fn cli_05_201_is_success_too() {
    play(
        5,
        "-> Create-Session
         <- 201 session=abc
         -> Fragment 0-4/5
         <- 201 received=5
         -> Close-Session
         <- 201
         == done",
    );
}

#[test]
fn cli_06_the_servers_offset_is_used_on_success() {
    session(
        25,
        "-> Fragment 0-9/25
         <- 200 received=4
         -> Fragment 4-13/25
         <- 200 received=2
         -> Fragment 2-11/25
         <- 200 received=20
         -> Fragment 20-24/25",
    );
}

#[test]
fn cli_07_the_servers_offset_is_used_on_416() {
    session(
        25,
        "-> Fragment 0-9/25
         <- 416 received=15
         -> Fragment 15-24/25
         <- 416 received=0
         -> Fragment 0-9/25",
    );
}

#[test]
fn cli_08_416_at_the_end_continues_with_close() {
    session(
        10,
        "-> Fragment 0-9/10
         <- 416 received=10
         -> Close-Session
         <- 200
         == done",
    );
}

#[test]
fn cli_09_repeated_416_fails_without_progress_and_keeps_the_session() {
    let script = "-> Fragment 0-9/25 | <- 416 received=0 | ".repeat(5);
    let mut player = session(25, &format!("{script} == failed Range hresult=0x80200024 http=416 transient"));
    player.play("** restart | -> Ping | <- 200 | -> Fragment 0-9/25 session=abc");
}

#[test]
fn cli_09_a_server_that_rewinds_makes_no_progress() {
    let round = "-> Fragment 0-9/25
               <- 200 received=10
               -> Fragment 10-19/25
               <- 416 received=0 | ";
    session(25, &format!("{} | == failed Range", round.repeat(5)));
}

#[test]
fn cli_09_sending_again_after_one_rewind_is_not_a_failure() {
    let mut script =
        String::from("-> Fragment 0-9/999 | <- 200 received=500 | -> Fragment | <- 416 received=0 | ");
    for first in (0..500).step_by(10) {
        let end = first + 10;
        script += &format!("-> Fragment {first}-{}/999 | <- 200 received={end} | ", end - 1);
    }
    session(999, &format!("{script} -> Fragment 500-509/999"));
}

#[test]
fn cli_10_a_fragment_ack_without_an_offset_or_beyond_the_end_is_invalid() {
    for response in ["200", "416", "200 received=26", "416 received=26", "200 received=ten"] {
        session(
            25,
            &format!(
                "-> Fragment 0-9/25
                 <- {response}
                 .. attempt=1
                 -> Ping
                 <- 200
                 -> Fragment 0-9/25"
            ),
        );
    }
}

#[test]
fn cli_35_later_acks_may_omit_the_session_id_but_not_change_it() {
    session(
        25,
        "-> Fragment
         <- 200 received=10 session=other
         ..
         -> Ping
         <- 200 session=other
         -> Fragment 0-9/25
         <- 200 received=10 session={ABC}
         -> Fragment 10-19/25
         <- 200 received=25
         -> Close-Session
         <- 200 session=other
         ..
         -> Close-Session
         <- 200
         == done",
    );
}

#[test]
fn cli_40_unknown_headers_are_ignored() {
    play(5, "-> Create-Session | <- 200 session=abc X-Resource-Id=7 BITS-Unknown=1 | -> Fragment 0-4/5");
}

#[test]
fn cli_41_cli_44_no_content_encoding_and_one_protocol() {
    let player = play(5, "-> Create-Session");
    let request = player.request.unwrap();
    assert_eq!(header(&request, names::SUPPORTED_PROTOCOLS), Some("{7df0354d-249b-430f-820d-3d2a9bef4931}"));
    let player = session(5, "-> Fragment");
    assert_eq!(header(&player.request.unwrap(), names::CONTENT_ENCODING), None);
}

#[test]
fn cli_43_error_headers_on_success_are_ignored() {
    session(
        25,
        "-> Fragment
         !! Disconnected
         ..
         -> Ping
         <- 200 code=1 context=
         -> Fragment
         <- 200 received=25 error=0x8020001F
         -> Close-Session",
    );
}

#[test]
fn cli_45_a_valid_content_name_is_sent() {
    let sent_name = |name: &str| {
        let options = options().content_name(name);
        let mut player = Player::new(5, options);
        player.play("-> Create-Session | <- 200 session=abc");
        let create = player.request.take().unwrap();
        player.play("-> Fragment | !! Disconnected | .. | -> Ping");
        assert_eq!(header(&player.request.unwrap(), names::CONTENT_NAME), None);
        header(&create, names::CONTENT_NAME).map(str::to_owned)
    };
    assert_eq!(sent_name("report.txt"), Some("report.txt".to_owned()));
    for name in ["a/b", "a:b", "", "caf\u{e9}", &"x".repeat(261)] {
        assert_eq!(sent_name(name), None, "{name}");
    }
}

#[test]
fn an_empty_file_is_one_empty_fragment() {
    for response in ["200 received=0", "416 received=0"] {
        session(0, &format!("-> Fragment 0-0/0 | <- {response} | -> Close-Session | <- 200 | == done"));
    }
    session(0, "-> Fragment 0-0/0 | !! Disconnected | .. | -> Ping | <- 200 | -> Fragment 0-0/0");
    session(0, "-> Fragment 0-0/0 | ** restart | -> Ping | <- 200 | -> Fragment 0-0/0");
}

#[test]
fn the_ack_of_an_empty_file_is_progress() {
    session(
        0,
        "-> Fragment 0-0/0
         !! Disconnected
         .. attempt=1
         -> Ping
         <- 200
         -> Fragment 0-0/0
         <- 200 received=0
         -> Close-Session
         <- 503
         .. attempt=1",
    );
}

#[test]
fn files_over_4_gib_keep_their_offsets() {
    let total = (1u64 << 40) + 3;
    session(
        total,
        &format!(
            "-> Fragment | <- 200 received={} | -> Fragment {}-{}/{total}",
            1u64 << 40,
            1u64 << 40,
            total - 1
        ),
    );
    session(
        u64::MAX,
        &format!(
            "-> Fragment | <- 200 received={} | -> Fragment {}-{}/{}",
            u64::MAX - 1,
            u64::MAX - 1,
            u64::MAX - 1,
            u64::MAX
        ),
    );
}

#[test]
fn the_state_shows_the_progress() {
    let mut player = session(20, "-> Fragment | <- 200 received=10");
    assert_eq!((player.upload.sent(), player.upload.is_transferred()), (10, false));
    player.play("-> Fragment | <- 200 received=20");
    assert_eq!((player.upload.sent(), player.upload.is_transferred()), (20, true));
    player.play("-> Close-Session | <- 200 | == done");
    assert!(!player.upload.is_transferred());
}

#[test]
fn invalid_uploads_are_rejected_at_once() {
    let error_status = |url: &str, change: fn(&mut UploadOptions)| {
        let mut options = options();
        change(&mut options);
        UploadMachine::new(url, 5, options, 1).unwrap_err().status()
    };
    let invalid = Status::InvalidArgument;
    assert_eq!(error_status("server/file", |_| ()), invalid);
    assert_eq!(error_status(URL, |options| options.fragment_size = Some(0)), invalid);
    assert_eq!(error_status(URL, |options| options.rate_limit = Some(0)), invalid);
}
