//! A script of calls of the C API: one byte selects a function, the following ones its arguments. Objects are passed in
//! any order, with any type, or as NULL, and freed at any time; callbacks continue the script. Nothing may crash,
//! every failure sets an error, and user data is destroyed exactly once.
//!
//! No call uses the network or the file system: jobs are suspended before they run, the addresses refuse connections,
//! and the paths cannot exist.

use std::ptr;

use bitsup::ffi::job::{bitsup_job_cancel, bitsup_job_session_id, bitsup_job_suspend};
use bitsup::ffi::job::{bitsup_job_close, bitsup_job_run, bitsup_job_step};
use bitsup::ffi::text::bitsup_string_free;

use crate::script::{Script, callbacks};

pub fn run(data: &[u8]) {
    let script = Script::new(data, step);
    while !script.is_over() {
        step(&script);
    }
    script.end();
}

/// Calls the function that the next byte selects; higher numbers free an object.
fn step(script: &Script<'_>) {
    let call = usize::from(script.byte());
    match call.checked_sub(CALLS.len()) {
        None => CALLS[call](script),
        Some(type_index) => script.free(type_index),
    }
}

/// An argument: the result of a method of the script, or a callback.
macro_rules! argument {
    ($script:ident [$callback:ident]) => {
        if $script.byte() == 255 { None } else { Some(callbacks::$callback) }
    };
    ($script:ident $method:ident) => {
        $script.$method()
    };
}

/// The functions of the library with the kinds of their results and arguments. Append new ones, because the corpus
/// refers to them by number.
macro_rules! calls {
    ($($result:ident $module:ident :: $name:ident ($($argument:tt)*);)*) => {
        const CALLS: &[fn(&Script<'_>)] = &[$(|script| {
            // SAFETY: the arguments meet the header's requirements: live objects of any type, or NULL; texts and
            // blocks of the given length.
            let result = unsafe { bitsup::ffi::$module::$name($(argument!(script $argument)),*) };
            script.$result(result);
        },)* run_suspended, step_suspended, close_suspended, cancel_without_session];
    };
}

calls! {
    value version::bitsup_abi_version();
    status client_config::bitsup_client_config_add_header(object text text error);
    status client_config::bitsup_client_config_add_no_proxy(object known_text error);
    status client_config::bitsup_client_config_add_root_certificates(object block length error);
    returned_object client_config::bitsup_client_config_new();
    status client_config::bitsup_client_config_on_credentials(object [credentials] user_data destroy error);
    status client_config::bitsup_client_config_set_client_certificate(object block length error);
    status client_config::bitsup_client_config_set_connect_timeout(object number error);
    status client_config::bitsup_client_config_set_credentials(object choice choice text text error);
    status client_config::bitsup_client_config_set_fragment_size(object number error);
    status client_config::bitsup_client_config_set_logger(object object error);
    status client_config::bitsup_client_config_set_method_override(object choice error);
    status client_config::bitsup_client_config_set_no_progress_timeout(object number error);
    status client_config::bitsup_client_config_set_proxy(object known_text error);
    status client_config::bitsup_client_config_set_rate_limit(object number error);
    status client_config::bitsup_client_config_set_request_timeout(object number error);
    status client_config::bitsup_client_config_set_response_timeout(object number error);
    status client_config::bitsup_client_config_set_retry(object number number number error);
    status client_config::bitsup_client_config_set_timeout(object number error);
    status client_config::bitsup_client_config_set_user_agent(object text error);
    status client::bitsup_client_new(object out_object error);
    value engine::bitsup_engine_accepts(object block length block length);
    returned_object engine_config::bitsup_engine_config_new();
    status engine_config::bitsup_engine_config_set_allow_overwrite(object choice error);
    status engine_config::bitsup_engine_config_set_finalize(object choice error);
    status engine_config::bitsup_engine_config_set_hooks(object object error);
    status engine_config::bitsup_engine_config_set_host_id(object known_text number error);
    status engine_config::bitsup_engine_config_set_logger(object object error);
    status engine_config::bitsup_engine_config_set_max_fragment_size(object number error);
    status engine_config::bitsup_engine_config_set_max_sessions(object number error);
    status engine_config::bitsup_engine_config_set_max_sessions_per_owner(object number error);
    status engine_config::bitsup_engine_config_set_max_upload_size(object number error);
    status engine_config::bitsup_engine_config_set_method_override(object choice error);
    status engine_config::bitsup_engine_config_set_overlap(object choice error);
    status engine_config::bitsup_engine_config_set_public_url(object known_text error);
    status engine_config::bitsup_engine_config_set_session_timeout(object number error);
    status engine_config::bitsup_engine_config_set_store(object object error);
    status engine::bitsup_engine_end_session(object text error);
    status engine::bitsup_engine_new(object out_object error);
    status engine::bitsup_engine_session_count(object out error);
    status engine::bitsup_engine_tick(object out second_out error);
    status exchange::bitsup_exchange_add_header(object block length block length error);
    status exchange::bitsup_exchange_begin(object out error);
    status exchange::bitsup_exchange_body(object block length out error);
    status exchange::bitsup_exchange_finish(object out_object error);
    status exchange::bitsup_exchange_new(object out_object error);
    status exchange::bitsup_exchange_set_mount(object block length error);
    status exchange::bitsup_exchange_set_owner(object block length error);
    status exchange::bitsup_exchange_set_peer(object block length error);
    status exchange::bitsup_exchange_set_request(object block length block length error);
    status exchange::bitsup_exchange_set_secure(object choice error);
    status hooks::bitsup_hooks_add_notify_root_certificates(object block length error);
    returned_object hooks::bitsup_hooks_new(user_data destroy);
    status hooks::bitsup_hooks_set_notify_url(object choice known_text number error);
    status hooks::bitsup_hooks_on_create(object [decide] error);
    status hooks::bitsup_hooks_on_end(object [end] error);
    status hooks::bitsup_hooks_on_progress(object [notify] error);
    status hooks::bitsup_hooks_on_received(object [decide] error);
    status hooks::bitsup_hooks_on_request(object [decide] error);
    status job::bitsup_job_add_header(object text text error);
    status job::bitsup_job_export(object out_bytes out error);
    status job::bitsup_job_import(object block length error);
    status job::bitsup_job_new(object known_text object out_object error);
    status job::bitsup_job_progress(object out second_out error);
    status job::bitsup_job_reply_url(object out_text error);
    status job::bitsup_job_session_id(object out_text error);
    status job::bitsup_job_set_content_name(object text error);
    status job::bitsup_job_set_observer(object object error);
    status job::bitsup_job_set_rate_limit(object number error);
    status job::bitsup_job_set_reply_path(object path error);
    status job::bitsup_job_set_state_path(object path error);
    value job::bitsup_job_state(object);
    status job::bitsup_job_suspend(object error);
    returned_object logger::bitsup_logger_new([log] choice user_data destroy);
    returned_object observer::bitsup_observer_new(user_data destroy);
    status observer::bitsup_observer_on_progress(object [progress] error);
    status observer::bitsup_observer_on_reply_progress(object [progress] error);
    status observer::bitsup_observer_on_retry(object [retry] error);
    status observer::bitsup_observer_on_state(object [state] error);
    value response::bitsup_response_body_length(object);
    value response::bitsup_response_content_length(object);
    value response::bitsup_response_header_count(object);
    returned_text response::bitsup_response_header_name(object number);
    returned_text response::bitsup_response_header_value(object number);
    value response::bitsup_response_must_close(object);
    status response::bitsup_response_read_body(object buffer length out error);
    returned_text response::bitsup_response_reason(object);
    value response::bitsup_response_status(object);
    status server_config::bitsup_server_config_add_user(object text text error);
    status server_config::bitsup_server_config_mount(object text object error);
    returned_object server_config::bitsup_server_config_new();
    status server_config::bitsup_server_config_set_client_ca(object block length error);
    status server_config::bitsup_server_config_set_head_timeout(object number error);
    status server_config::bitsup_server_config_set_idle_timeout(object number error);
    status server_config::bitsup_server_config_set_listen(object known_text number error);
    status server_config::bitsup_server_config_set_logger(object object error);
    status server_config::bitsup_server_config_set_max_connections(object number error);
    status server_config::bitsup_server_config_set_max_workers(object number error);
    status server_config::bitsup_server_config_set_read_timeout(object number error);
    status server_config::bitsup_server_config_set_tls(object block length block length error);
    status source::bitsup_source_from_bytes(block length out_object error);
    status source::bitsup_source_from_file(path out_object error);
    status source::bitsup_source_from_reader([read] number user_data destroy out_object error);
    returned_text error::bitsup_status_name(choice);
    returned_text error::bitsup_status_text(choice);
    status store_ops::bitsup_store_list_add(object text block length number error);
    status store_ops::bitsup_store_new_custom(object out_object error);
    status store::bitsup_store_new_dir(path choice choice out_object error);
    status store::bitsup_store_new_memory(number out_object error);
    returned_object store_ops::bitsup_store_ops_new(user_data destroy);
    status store_ops::bitsup_store_ops_on_commit(object [commit] error);
    status store_ops::bitsup_store_ops_on_create(object [record] error);
    status store_ops::bitsup_store_ops_on_flush(object [part] error);
    status store_ops::bitsup_store_ops_on_list(object [list] error);
    status store_ops::bitsup_store_ops_on_destination_state(object [destination_state] error);
    status store_ops::bitsup_store_ops_on_read(object [read_part] error);
    status store_ops::bitsup_store_ops_on_remove(object [part] error);
    status store_ops::bitsup_store_ops_on_save(object [record] error);
    status store_ops::bitsup_store_ops_on_stat(object [stat] error);
    status store_ops::bitsup_store_ops_on_write(object [write] error);
    returned_text upload::bitsup_upload_content_name(object);
    returned_text upload::bitsup_upload_data_path(object);
    returned_text upload::bitsup_upload_header(object text);
    returned_text upload::bitsup_upload_owner(object);
    value upload::bitsup_upload_packet(object);
    returned_text upload::bitsup_upload_peer(object);
    status upload::bitsup_upload_read(object number buffer length out error);
    value upload::bitsup_upload_received(object);
    returned_text upload::bitsup_upload_reply_path(object);
    returned_text upload::bitsup_upload_session_id(object);
    returned_text upload::bitsup_upload_target(object);
    value upload::bitsup_upload_total(object);
    returned_text upload::bitsup_upload_url(object);
    status verdict::bitsup_verdict_challenge(object text error);
    status verdict::bitsup_verdict_reject(object number number number error);
    status verdict::bitsup_verdict_set_destination(object text error);
    status verdict::bitsup_verdict_set_keep_file(object choice error);
    status verdict::bitsup_verdict_set_owner(object text error);
    status verdict::bitsup_verdict_set_reply_bytes(object block length error);
    status verdict::bitsup_verdict_set_reply_path(object path error);
    status verdict::bitsup_verdict_set_reply_url(object known_text error);
    value version::bitsup_version_number();
    returned_text version::bitsup_version_string();
}

/// Runs a job that ends immediately because it is suspended.
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

/// Cancels a job without a session; with one, a request would be sent.
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
