//! A script of calls of the C functions: a byte names a function, the next ones its arguments. Objects come in any
//! order, of any type, or are NULL, and are freed at any time; callbacks go on with the script. Nothing may crash,
//! every failure has its error, and user data is let go of exactly once.
//!
//! No call leaves the machine or touches its files: jobs are suspended before they are run, nothing listens, and
//! paths are such as no file can have.
#![cfg_attr(fuzzing, no_main)]

#[path = "../script/mod.rs"]
mod script;

use std::ptr;

use bitsup::ffi::job::{
    bitsup_job_cancel, bitsup_job_close, bitsup_job_run, bitsup_job_session_id, bitsup_job_step,
    bitsup_job_suspend,
};
use bitsup::ffi::text::bitsup_string_free;
use script::{Script, callbacks};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

pub fn run(data: &[u8]) {
    let script = Script::new(data, step);
    while !script.is_over() {
        step(&script);
    }
    script.end();
}

/// Calls the function that the next byte names; those beyond free.
fn step(script: &Script<'_>) {
    let call = usize::from(script.byte());
    match call.checked_sub(CALLS.len()) {
        None => CALLS[call](script),
        Some(how) => script.free(how),
    }
}

/// An argument: a method of the script, or a callback.
macro_rules! argument {
    ($script:ident [$callback:ident]) => {
        if $script.byte() == 255 { None } else { Some(callbacks::$callback) }
    };
    ($script:ident $method:ident) => {
        $script.$method()
    };
}

/// Functions of the library: what their result is, and where their arguments come from. New ones go to the end,
/// for the corpus names them by number.
macro_rules! calls {
    ($($given:ident $module:ident :: $name:ident ($($argument:tt)*);)*) => {
        const CALLS: &[fn(&Script<'_>)] = &[$(|script| {
            // SAFETY: arguments are as the header wants them: objects that live, of whichever type, or NULL; texts
            // and blocks as long as they say.
            let given = unsafe { bitsup::ffi::$module::$name($(argument!(script $argument)),*) };
            script.$given(given);
        },)* run_suspended, step_suspended, close_suspended, cancel_without_session];
    };
}

calls! {
    value version::bitsup_abi_version();
    status client_config::bitsup_client_config_add_header(object text text error);
    status client_config::bitsup_client_config_add_no_proxy(object known error);
    status client_config::bitsup_client_config_add_root_certificates(object block length error);
    object_made client_config::bitsup_client_config_new();
    status client_config::bitsup_client_config_on_credentials(object [credentials] user_data destroy error);
    status client_config::bitsup_client_config_set_client_certificate(object block length error);
    status client_config::bitsup_client_config_set_connect_timeout(object number error);
    status client_config::bitsup_client_config_set_credentials(object choice choice text text error);
    status client_config::bitsup_client_config_set_fragment_size(object number error);
    status client_config::bitsup_client_config_set_logger(object object error);
    status client_config::bitsup_client_config_set_method_override(object choice error);
    status client_config::bitsup_client_config_set_no_progress_timeout(object number error);
    status client_config::bitsup_client_config_set_proxy(object known error);
    status client_config::bitsup_client_config_set_rate_limit(object number error);
    status client_config::bitsup_client_config_set_request_timeout(object number error);
    status client_config::bitsup_client_config_set_response_timeout(object number error);
    status client_config::bitsup_client_config_set_retry(object number number number error);
    status client_config::bitsup_client_config_set_timeout(object number error);
    status client_config::bitsup_client_config_set_user_agent(object text error);
    status client::bitsup_client_new(object made error);
    value engine::bitsup_engine_accepts(object block length block length);
    object_made engine_config::bitsup_engine_config_new();
    status engine_config::bitsup_engine_config_set_allow_overwrite(object choice error);
    status engine_config::bitsup_engine_config_set_finalize(object choice error);
    status engine_config::bitsup_engine_config_set_hooks(object object error);
    status engine_config::bitsup_engine_config_set_host_id(object known number error);
    status engine_config::bitsup_engine_config_set_logger(object object error);
    status engine_config::bitsup_engine_config_set_max_fragment_size(object number error);
    status engine_config::bitsup_engine_config_set_max_sessions(object number error);
    status engine_config::bitsup_engine_config_set_max_sessions_per_owner(object number error);
    status engine_config::bitsup_engine_config_set_max_upload_size(object number error);
    status engine_config::bitsup_engine_config_set_method_override(object choice error);
    status engine_config::bitsup_engine_config_set_overlap(object choice error);
    status engine_config::bitsup_engine_config_set_public_url(object known error);
    status engine_config::bitsup_engine_config_set_session_timeout(object number error);
    status engine_config::bitsup_engine_config_set_store(object object error);
    status engine::bitsup_engine_end_session(object text error);
    status engine::bitsup_engine_new(object made error);
    status engine::bitsup_engine_session_count(object out error);
    status engine::bitsup_engine_tick(object out other_out error);
    status exchange::bitsup_exchange_add_header(object block length block length error);
    status exchange::bitsup_exchange_begin(object out error);
    status exchange::bitsup_exchange_body(object block length out error);
    status exchange::bitsup_exchange_finish(object made error);
    status exchange::bitsup_exchange_new(object made error);
    status exchange::bitsup_exchange_set_mount(object block length error);
    status exchange::bitsup_exchange_set_owner(object block length error);
    status exchange::bitsup_exchange_set_peer(object block length error);
    status exchange::bitsup_exchange_set_request(object block length block length error);
    status exchange::bitsup_exchange_set_secure(object choice error);
    status hooks::bitsup_hooks_add_notify_root_certificates(object block length error);
    object_made hooks::bitsup_hooks_new(user_data destroy);
    status hooks::bitsup_hooks_notify_url(object choice known number error);
    status hooks::bitsup_hooks_on_create(object [decide] error);
    status hooks::bitsup_hooks_on_end(object [end] error);
    status hooks::bitsup_hooks_on_progress(object [notify] error);
    status hooks::bitsup_hooks_on_received(object [decide] error);
    status hooks::bitsup_hooks_on_request(object [decide] error);
    status job::bitsup_job_add_header(object text text error);
    status job::bitsup_job_export(object given_bytes out error);
    status job::bitsup_job_import(object block length error);
    status job::bitsup_job_new(object known object made error);
    status job::bitsup_job_progress(object out other_out error);
    status job::bitsup_job_reply_url(object given_text error);
    status job::bitsup_job_session_id(object given_text error);
    status job::bitsup_job_set_content_name(object text error);
    status job::bitsup_job_set_observer(object object error);
    status job::bitsup_job_set_rate_limit(object number error);
    status job::bitsup_job_set_reply_path(object path error);
    status job::bitsup_job_set_state_path(object path error);
    value job::bitsup_job_state(object);
    status job::bitsup_job_suspend(object error);
    object_made logger::bitsup_logger_new([log] choice user_data destroy);
    object_made observer::bitsup_observer_new(user_data destroy);
    status observer::bitsup_observer_on_progress(object [progress] error);
    status observer::bitsup_observer_on_reply_progress(object [progress] error);
    status observer::bitsup_observer_on_retry(object [retry] error);
    status observer::bitsup_observer_on_state(object [state] error);
    value response::bitsup_response_body_length(object);
    value response::bitsup_response_content_length(object);
    value response::bitsup_response_header_count(object);
    text_given response::bitsup_response_header_name(object number);
    text_given response::bitsup_response_header_value(object number);
    value response::bitsup_response_must_close(object);
    status response::bitsup_response_read_body(object room length out error);
    text_given response::bitsup_response_reason(object);
    value response::bitsup_response_status(object);
    status server_config::bitsup_server_config_add_user(object text text error);
    status server_config::bitsup_server_config_mount(object text object error);
    object_made server_config::bitsup_server_config_new();
    status server_config::bitsup_server_config_set_client_ca(object block length error);
    status server_config::bitsup_server_config_set_head_timeout(object number error);
    status server_config::bitsup_server_config_set_idle_timeout(object number error);
    status server_config::bitsup_server_config_set_listen(object known number error);
    status server_config::bitsup_server_config_set_logger(object object error);
    status server_config::bitsup_server_config_set_max_connections(object number error);
    status server_config::bitsup_server_config_set_max_workers(object number error);
    status server_config::bitsup_server_config_set_read_timeout(object number error);
    status server_config::bitsup_server_config_set_tls(object block length block length error);
    status source::bitsup_source_from_bytes(block length made error);
    status source::bitsup_source_from_file(path made error);
    status source::bitsup_source_from_reader([read] number user_data destroy made error);
    text_given error::bitsup_status_name(choice);
    text_given error::bitsup_status_text(choice);
    status store_ops::bitsup_store_list_add(object text block length number error);
    status store_ops::bitsup_store_new_custom(object made error);
    status store::bitsup_store_new_dir(path choice choice made error);
    status store::bitsup_store_new_memory(number made error);
    object_made store_ops::bitsup_store_ops_new(user_data destroy);
    status store_ops::bitsup_store_ops_on_commit(object [commit] error);
    status store_ops::bitsup_store_ops_on_create(object [record] error);
    status store_ops::bitsup_store_ops_on_flush(object [part] error);
    status store_ops::bitsup_store_ops_on_list(object [list] error);
    status store_ops::bitsup_store_ops_on_place(object [place] error);
    status store_ops::bitsup_store_ops_on_read(object [read_part] error);
    status store_ops::bitsup_store_ops_on_remove(object [part] error);
    status store_ops::bitsup_store_ops_on_save(object [record] error);
    status store_ops::bitsup_store_ops_on_stat(object [stat] error);
    status store_ops::bitsup_store_ops_on_write(object [write] error);
    text_given upload::bitsup_upload_content_name(object);
    text_given upload::bitsup_upload_data_path(object);
    text_given upload::bitsup_upload_header(object text);
    text_given upload::bitsup_upload_owner(object);
    value upload::bitsup_upload_packet(object);
    text_given upload::bitsup_upload_peer(object);
    status upload::bitsup_upload_read(object number room length out error);
    value upload::bitsup_upload_received(object);
    text_given upload::bitsup_upload_reply_path(object);
    text_given upload::bitsup_upload_session_id(object);
    text_given upload::bitsup_upload_target(object);
    value upload::bitsup_upload_total(object);
    text_given upload::bitsup_upload_url(object);
    status verdict::bitsup_verdict_challenge(object text error);
    status verdict::bitsup_verdict_reject(object number number number error);
    status verdict::bitsup_verdict_set_destination(object text error);
    status verdict::bitsup_verdict_set_keep_file(object choice error);
    status verdict::bitsup_verdict_set_owner(object text error);
    status verdict::bitsup_verdict_set_reply_bytes(object block length error);
    status verdict::bitsup_verdict_set_reply_path(object path error);
    status verdict::bitsup_verdict_set_reply_url(object known error);
    value version::bitsup_version_number();
    text_given version::bitsup_version_string();
}

/// A run that ends as it begins.
fn run_suspended(script: &Script<'_>) {
    let job = script.object();
    // SAFETY: as above.
    unsafe {
        bitsup_job_suspend(job, ptr::null_mut());
        script.status(bitsup_job_run(job, script.error()));
    }
}

fn step_suspended(script: &Script<'_>) {
    let job = script.object();
    // SAFETY: as above.
    unsafe {
        bitsup_job_suspend(job, ptr::null_mut());
        script.status(bitsup_job_step(job, script.out(), script.error()));
    }
}

fn close_suspended(script: &Script<'_>) {
    let job = script.object();
    // SAFETY: as above.
    unsafe {
        bitsup_job_suspend(job, ptr::null_mut());
        script.status(bitsup_job_close(job, script.error()));
    }
}

/// With a session, a server would be asked.
fn cancel_without_session(script: &Script<'_>) {
    let (job, mut session) = (script.object(), ptr::null_mut());
    // SAFETY: as above.
    unsafe {
        bitsup_job_session_id(job, &mut session, ptr::null_mut());
        if session.is_null() {
            script.status(bitsup_job_cancel(job, script.error()));
        }
        bitsup_string_free(session);
    }
}
