/* Every function, with NULL in every position: named in the error, nothing written, nothing crashed. */
#include "check.h"

#define NULL_AT(name, call) EXPECT(BITSUP_E_NULL_ARGUMENT, "`" name "`", call)

static char text_sentinel[1];
static char *text = text_sentinel;
static uint64_t one = 1, two = 2;

static void errors_and_texts(void)
{
    CHECK(bitsup_version_number() == BITSUP_VERSION_NUMBER);
    CHECK(bitsup_abi_version() == BITSUP_ABI_VERSION);
    CHECK(bitsup_version_string() != NULL);
    CHECK(strcmp(bitsup_status_name(BITSUP_E_IO), "BITSUP_E_IO") == 0);
    CHECK(bitsup_status_text(BITSUP_E_IO) != NULL);
    CHECK(bitsup_error_status(NULL) == BITSUP_OK);
    CHECK(strcmp(bitsup_error_message(NULL), "") == 0);
    CHECK(bitsup_error_http_status(NULL) == 0);
    CHECK(bitsup_error_hresult(NULL) == 0);
    CHECK(bitsup_error_context(NULL) == 0);
    CHECK(bitsup_error_is_transient(NULL) == 0);
    bitsup_error_free(NULL);
    bitsup_string_free(NULL);
}

static void client_configs(void)
{
    bitsup_client_config *config = bitsup_client_config_new();
    NULL_AT("config", bitsup_client_config_set_fragment_size(NULL, 1, e));
    NULL_AT("config", bitsup_client_config_set_connect_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_client_config_set_request_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_client_config_set_response_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_client_config_set_retry(NULL, 1, 1, 1, e));
    NULL_AT("config", bitsup_client_config_set_no_progress_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_client_config_set_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_client_config_set_user_agent(NULL, "a", e));
    NULL_AT("text", bitsup_client_config_set_user_agent(config, NULL, e));
    NULL_AT("config", bitsup_client_config_add_header(NULL, "a", "b", e));
    NULL_AT("name", bitsup_client_config_add_header(config, NULL, "b", e));
    NULL_AT("value", bitsup_client_config_add_header(config, "a", NULL, e));
    NULL_AT("config", bitsup_client_config_set_rate_limit(NULL, 1, e));
    NULL_AT("config", bitsup_client_config_set_method_override(NULL, 1, e));
    bitsup_client_config_free(config);
    bitsup_client_config_free(NULL);
}

static void clients(bitsup_client *client)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *out = client;
    NULL_AT("config", bitsup_client_new(NULL, &out, e));
    NULL_AT("out", bitsup_client_new(config, NULL, e));
    CHECK(out == client);
    NULL_AT("client", bitsup_client_ping(NULL, "http://127.0.0.1:1/", e));
    NULL_AT("url", bitsup_client_ping(client, NULL, e));
    bitsup_observer *observer = bitsup_observer_new(NULL, NULL);
    NULL_AT("client", bitsup_client_download(NULL, "http://127.0.0.1:1/", "/nonexistent/a", observer, e));
    NULL_AT("url", bitsup_client_download(client, NULL, "/nonexistent/a", observer, e));
    NULL_AT("path", bitsup_client_download(client, "http://127.0.0.1:1/", NULL, observer, e));
    EXPECT(BITSUP_E_NOT_FOUND, "/nonexistent/a",
           bitsup_client_download(client, "http://127.0.0.1:1/", "/nonexistent/a", NULL, e));
    bitsup_observer_free(observer);
    bitsup_client_config_free(config);
    bitsup_client_free(NULL);
}

static void sources_and_observers(bitsup_source *source)
{
    bitsup_source *out = source;
    NULL_AT("path", bitsup_source_from_file(NULL, &out, e));
    NULL_AT("out", bitsup_source_from_file("/", NULL, e));
    NULL_AT("data", bitsup_source_from_bytes(NULL, 1, &out, e));
    NULL_AT("out", bitsup_source_from_bytes((const uint8_t *)"", 1, NULL, e));
    CHECK(out == source);
    bitsup_source_free(NULL);

    bitsup_observer *observer = bitsup_observer_new(NULL, NULL);
    NULL_AT("observer", bitsup_observer_on_progress(NULL, NULL, e));
    NULL_AT("observer", bitsup_observer_on_reply_progress(NULL, NULL, e));
    NULL_AT("observer", bitsup_observer_on_state(NULL, NULL, e));
    NULL_AT("observer", bitsup_observer_on_retry(NULL, NULL, e));
    OK(bitsup_observer_on_progress(observer, NULL, e));
    OK(bitsup_observer_on_reply_progress(observer, NULL, e));
    OK(bitsup_observer_on_state(observer, NULL, e));
    OK(bitsup_observer_on_retry(observer, NULL, e));
    bitsup_observer_free(observer);
    bitsup_observer_free(NULL);
}

static void jobs(bitsup_client *client, bitsup_source *source, bitsup_job *job)
{
    bitsup_observer *observer = bitsup_observer_new(NULL, NULL);
    bitsup_job *out = job;
    NULL_AT("client", bitsup_job_new(NULL, "http://127.0.0.1:1/a", source, &out, e));
    NULL_AT("url", bitsup_job_new(client, NULL, source, &out, e));
    NULL_AT("source", bitsup_job_new(client, "http://127.0.0.1:1/a", NULL, &out, e));
    NULL_AT("out", bitsup_job_new(client, "http://127.0.0.1:1/a", source, NULL, e));
    CHECK(out == job);
    NULL_AT("job", bitsup_job_set_content_name(NULL, "a", e));
    NULL_AT("name", bitsup_job_set_content_name(job, NULL, e));
    NULL_AT("job", bitsup_job_set_observer(NULL, observer, e));
    NULL_AT("observer", bitsup_job_set_observer(job, NULL, e));
    NULL_AT("job", bitsup_job_set_state_path(NULL, "a", e));
    NULL_AT("path", bitsup_job_set_state_path(job, NULL, e));
    NULL_AT("job", bitsup_job_set_reply_path(NULL, "a", e));
    NULL_AT("path", bitsup_job_set_reply_path(job, NULL, e));
    NULL_AT("job", bitsup_job_run(NULL, e));
    NULL_AT("job", bitsup_job_suspend(NULL, e));
    NULL_AT("job", bitsup_job_cancel(NULL, e));
    CHECK(bitsup_job_state(NULL) == -1);
    NULL_AT("job", bitsup_job_progress(NULL, &one, &two, e));
    NULL_AT("out_sent", bitsup_job_progress(job, NULL, &two, e));
    NULL_AT("out_total", bitsup_job_progress(job, &one, NULL, e));
    NULL_AT("job", bitsup_job_session_id(NULL, &text, e));
    NULL_AT("out_text", bitsup_job_session_id(job, NULL, e));
    NULL_AT("job", bitsup_job_reply_url(NULL, &text, e));
    NULL_AT("out_text", bitsup_job_reply_url(job, NULL, e));
    bitsup_observer_free(observer);
    bitsup_job_free(NULL);
}

/* What a callback sees; tests/c/hooks.c has the other positions, which need one. */
static void uploads_and_verdicts(void)
{
    CHECK(bitsup_upload_packet(NULL) == -1);
    CHECK(bitsup_upload_session_id(NULL) == NULL);
    CHECK(bitsup_upload_target(NULL) == NULL);
    CHECK(bitsup_upload_url(NULL) == NULL);
    CHECK(bitsup_upload_peer(NULL) == NULL);
    CHECK(bitsup_upload_owner(NULL) == NULL);
    CHECK(bitsup_upload_content_name(NULL) == NULL);
    CHECK(bitsup_upload_data_path(NULL) == NULL);
    CHECK(bitsup_upload_reply_path(NULL) == NULL);
    CHECK(bitsup_upload_header(NULL, "Host") == NULL);
    CHECK(bitsup_upload_received(NULL) == 0);
    CHECK(bitsup_upload_total(NULL) == UINT64_MAX);
    NULL_AT("verdict", bitsup_verdict_reject(NULL, 403, 0, BITSUP_CONTEXT_SERVER, e));
    NULL_AT("verdict", bitsup_verdict_set_owner(NULL, "a", e));
    NULL_AT("verdict", bitsup_verdict_set_destination(NULL, "a", e));
    NULL_AT("verdict", bitsup_verdict_set_keep_file(NULL, 1, e));
    NULL_AT("verdict", bitsup_verdict_set_reply_url(NULL, "http://127.0.0.1/", e));
    NULL_AT("verdict", bitsup_verdict_set_reply_path(NULL, "a", e));
    NULL_AT("verdict", bitsup_verdict_set_reply_bytes(NULL, NULL, 0, e));
}

static void hooks(void)
{
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    bitsup_engine_config *config = bitsup_engine_config_new();
    NULL_AT("hooks", bitsup_hooks_on_request(NULL, NULL, e));
    NULL_AT("hooks", bitsup_hooks_on_create(NULL, NULL, e));
    NULL_AT("hooks", bitsup_hooks_on_progress(NULL, NULL, e));
    NULL_AT("hooks", bitsup_hooks_on_received(NULL, NULL, e));
    NULL_AT("hooks", bitsup_hooks_on_end(NULL, NULL, e));
    OK(bitsup_hooks_on_request(hooks, NULL, e));
    OK(bitsup_hooks_on_create(hooks, NULL, e));
    OK(bitsup_hooks_on_progress(hooks, NULL, e));
    OK(bitsup_hooks_on_received(hooks, NULL, e));
    OK(bitsup_hooks_on_end(hooks, NULL, e));
    NULL_AT("hooks", bitsup_hooks_notify_url(NULL, BITSUP_NOTIFY_BY_VALUE, "http://127.0.0.1:1/", 1, e));
    NULL_AT("url", bitsup_hooks_notify_url(hooks, BITSUP_NOTIFY_BY_VALUE, NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_hooks(NULL, hooks, e));
    NULL_AT("hooks", bitsup_engine_config_set_hooks(config, NULL, e));
    bitsup_engine_config_free(config);
    bitsup_hooks_free(hooks);
    bitsup_hooks_free(NULL);
}

static void stores_and_engines(bitsup_store *store, bitsup_engine *engine)
{
    bitsup_store *out_store = store;
    NULL_AT("root", bitsup_store_new_dir(NULL, 0, 0, &out_store, e));
    NULL_AT("out", bitsup_store_new_dir("/nonexistent", 0, 0, NULL, e));
    CHECK(out_store == store);
    bitsup_store_free(NULL);

    bitsup_engine_config *config = bitsup_engine_config_new();
    NULL_AT("config", bitsup_engine_config_set_store(NULL, store, e));
    NULL_AT("store", bitsup_engine_config_set_store(config, NULL, e));
    NULL_AT("config", bitsup_engine_config_set_max_upload_size(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_max_fragment_size(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_max_sessions_per_owner(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_max_sessions(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_session_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_allow_overwrite(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_overlap(NULL, 0, e));
    NULL_AT("config", bitsup_engine_config_set_finalize(NULL, 0, e));
    NULL_AT("config", bitsup_engine_config_set_public_url(NULL, "http://127.0.0.1/", e));
    NULL_AT("url", bitsup_engine_config_set_public_url(config, NULL, e));
    NULL_AT("config", bitsup_engine_config_set_host_id(NULL, "127.0.0.1", 1, e));
    NULL_AT("host", bitsup_engine_config_set_host_id(config, NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_method_override(NULL, 1, e));

    bitsup_engine *out = engine;
    NULL_AT("config", bitsup_engine_new(NULL, &out, e));
    NULL_AT("out", bitsup_engine_new(config, NULL, e));
    CHECK(out == engine);
    NULL_AT("engine", bitsup_engine_tick(NULL, &one, &two, e));
    NULL_AT("out_expired", bitsup_engine_tick(engine, NULL, &two, e));
    NULL_AT("out_next_ms", bitsup_engine_tick(engine, &one, NULL, e));
    NULL_AT("engine", bitsup_engine_session_count(NULL, &one, e));
    NULL_AT("out_count", bitsup_engine_session_count(engine, NULL, e));
    NULL_AT("engine", bitsup_engine_end_session(NULL, "a", e));
    NULL_AT("session_id", bitsup_engine_end_session(engine, NULL, e));
    bitsup_engine_config_free(config);
    bitsup_engine_config_free(NULL);
    bitsup_engine_free(NULL);
}

static void servers(bitsup_engine *engine, bitsup_server *server)
{
    bitsup_server_config *config = bitsup_server_config_new();
    NULL_AT("config", bitsup_server_config_set_listen(NULL, "127.0.0.1", 0, e));
    NULL_AT("host", bitsup_server_config_set_listen(config, NULL, 0, e));
    NULL_AT("config", bitsup_server_config_mount(NULL, "/", engine, e));
    NULL_AT("prefix", bitsup_server_config_mount(config, NULL, engine, e));
    NULL_AT("engine", bitsup_server_config_mount(config, "/", NULL, e));
    NULL_AT("config", bitsup_server_config_set_max_workers(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_head_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_max_connections(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_read_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_idle_timeout(NULL, 1, e));
    const uint8_t pem[] = "x";
    NULL_AT("config", bitsup_server_config_set_tls(NULL, pem, 1, pem, 1, e));
    NULL_AT("certificates_pem", bitsup_server_config_set_tls(config, NULL, 1, pem, 1, e));
    NULL_AT("key_pem", bitsup_server_config_set_tls(config, pem, 1, NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_client_ca(NULL, pem, 1, e));
    NULL_AT("roots_pem", bitsup_server_config_set_client_ca(config, NULL, 1, e));
    NULL_AT("config", bitsup_server_config_add_user(NULL, "a", "b", e));
    NULL_AT("name", bitsup_server_config_add_user(config, NULL, "b", e));
    NULL_AT("password", bitsup_server_config_add_user(config, "a", NULL, e));
    NULL_AT("server", bitsup_server_reload_tls(NULL, config, e));
    NULL_AT("config", bitsup_server_reload_tls(server, NULL, e));
    NULL_AT("server", bitsup_server_reload_users(NULL, config, e));
    NULL_AT("config", bitsup_server_reload_users(server, NULL, e));

    bitsup_server *out = server;
    NULL_AT("config", bitsup_server_start(NULL, &out, e));
    NULL_AT("out", bitsup_server_start(config, NULL, e));
    CHECK(out == server);
    NULL_AT("server", bitsup_server_url(NULL, &text, e));
    NULL_AT("out_text", bitsup_server_url(server, NULL, e));
    CHECK(bitsup_server_port(NULL) == 0);
    NULL_AT("server", bitsup_server_stop(NULL, 0, e));
    bitsup_server_config_free(config);
    bitsup_server_config_free(NULL);
    bitsup_server_free(NULL);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_client *client = make_client();
    bitsup_source *source = make_source("x", 1);
    bitsup_job *job = make_job(client, "http://127.0.0.1:1/a", "x", 1);
    bitsup_store *store = make_store(argv[1]);
    bitsup_engine *engine = make_engine(argv[2]);
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_server *server = NULL;
    OK(bitsup_server_config_mount(config, "/", engine, e));
    OK(bitsup_server_start(config, &server, e));

    errors_and_texts();
    client_configs();
    clients(client);
    sources_and_observers(source);
    jobs(client, source, job);
    uploads_and_verdicts();
    hooks();
    stores_and_engines(store, engine);
    servers(engine, server);
    CHECK(text == text_sentinel && one == 1 && two == 2);

    bitsup_job_free(job);
    OK(bitsup_job_new(client, "http://127.0.0.1:1/a", source, &job, e)); /* the refusals did not use it up */
    bitsup_job_free(job);
    OK(bitsup_server_stop(server, 0, e));
    bitsup_server_free(server);
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
    bitsup_store_free(store);
    bitsup_source_free(source);
    bitsup_client_free(client);
    return 0;
}
