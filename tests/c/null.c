/* Every function with NULL for every pointer: the error names the parameter, and nothing is written. */
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
    bitsup_bytes_free(NULL, 0);
    bitsup_bytes_free(NULL, 1);
}

static void on_log(void *user_data, int32_t level, const char *target, const char *message, size_t message_len)
{
    (void)user_data, (void)level, (void)target, (void)message, (void)message_len;
}

static void loggers(void)
{
    int destroyed = 0;
    CHECK(bitsup_logger_new(NULL, BITSUP_LOG_TRACE, &destroyed, count_destroy) == NULL);
    CHECK(destroyed == 1);
    bitsup_logger *logger = bitsup_logger_new(on_log, BITSUP_LOG_TRACE, NULL, NULL);
    bitsup_client_config *client_config = bitsup_client_config_new();
    bitsup_engine_config *engine_config = bitsup_engine_config_new();
    bitsup_server_config *server_config = bitsup_server_config_new();
    NULL_AT("config", bitsup_client_config_set_logger(NULL, logger, e));
    NULL_AT("logger", bitsup_client_config_set_logger(client_config, NULL, e));
    NULL_AT("config", bitsup_engine_config_set_logger(NULL, logger, e));
    NULL_AT("logger", bitsup_engine_config_set_logger(engine_config, NULL, e));
    NULL_AT("config", bitsup_server_config_set_logger(NULL, logger, e));
    NULL_AT("logger", bitsup_server_config_set_logger(server_config, NULL, e));
    NULL_AT("config", bitsup_server_config_set_access_logger(NULL, logger, e));
    NULL_AT("logger", bitsup_server_config_set_access_logger(server_config, NULL, e));
    bitsup_server_config_free(server_config);
    bitsup_engine_config_free(engine_config);
    bitsup_client_config_free(client_config);
    bitsup_logger_free(logger);
    bitsup_logger_free(NULL);
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
    NULL_AT("config", bitsup_client_config_set_proxy(NULL, "http://127.0.0.1:1", e));
    NULL_AT("url", bitsup_client_config_set_proxy(config, NULL, e));
    NULL_AT("config", bitsup_client_config_add_no_proxy(NULL, "a", e));
    NULL_AT("host", bitsup_client_config_add_no_proxy(config, NULL, e));
    NULL_AT("config", bitsup_client_config_add_root_certificates(NULL, (const uint8_t *)"a", 1, e));
    NULL_AT("pem", bitsup_client_config_add_root_certificates(config, NULL, 1, e));
    NULL_AT("config", bitsup_client_config_set_client_certificate(NULL, (const uint8_t *)"a", 1, e));
    NULL_AT("pem", bitsup_client_config_set_client_certificate(config, NULL, 1, e));
    OK(bitsup_client_config_set_client_certificate(config, NULL, 0, e));
    const int32_t server = BITSUP_AUTH_TARGET_SERVER, basic = BITSUP_AUTH_BASIC, bearer = BITSUP_AUTH_BEARER;
    NULL_AT("config", bitsup_client_config_set_credentials(NULL, server, basic, "a", "b", e));
    NULL_AT("user", bitsup_client_config_set_credentials(config, server, basic, NULL, "b", e));
    NULL_AT("secret", bitsup_client_config_set_credentials(config, server, basic, "a", NULL, e));
    NULL_AT("secret", bitsup_client_config_set_credentials(config, server, bearer, NULL, NULL, e));
    NULL_AT("config", bitsup_client_config_on_credentials(NULL, NULL, NULL, NULL, e));
    OK(bitsup_client_config_on_credentials(config, NULL, NULL, NULL, e));
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

static int32_t read_nothing(void *user_data, uint64_t offset, uint8_t *buf, size_t cap, size_t *out_len)
{
    (void)user_data, (void)offset, (void)buf, (void)cap, (void)out_len;
    return BITSUP_ABORT;
}

static void sources_and_observers(bitsup_source *source)
{
    int destroyed = 0; /* twice per failing call, because EXPECT repeats it */
    bitsup_source *out = source;
    NULL_AT("path", bitsup_source_from_file(NULL, &out, e));
    NULL_AT("out", bitsup_source_from_file("/", NULL, e));
    NULL_AT("data", bitsup_source_from_bytes(NULL, 1, &out, e));
    NULL_AT("out", bitsup_source_from_bytes((const uint8_t *)"", 1, NULL, e));
    NULL_AT("read", bitsup_source_from_reader(NULL, 1, &destroyed, count_destroy, &out, e));
    NULL_AT("out", bitsup_source_from_reader(read_nothing, 1, &destroyed, count_destroy, NULL, e));
    CHECK(out == source && destroyed == 4);
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
    uint8_t state_sentinel[1] = {'x'}, *state = state_sentinel;
    size_t state_len = 1;
    int32_t job_state = -2;
    NULL_AT("client", bitsup_job_new(NULL, "http://127.0.0.1:1/a", source, &out, e));
    NULL_AT("url", bitsup_job_new(client, NULL, source, &out, e));
    NULL_AT("source", bitsup_job_new(client, "http://127.0.0.1:1/a", NULL, &out, e));
    NULL_AT("out", bitsup_job_new(client, "http://127.0.0.1:1/a", source, NULL, e));
    CHECK(out == job);
    NULL_AT("job", bitsup_job_set_content_name(NULL, "a", e));
    NULL_AT("name", bitsup_job_set_content_name(job, NULL, e));
    NULL_AT("job", bitsup_job_add_header(NULL, "a", "b", e));
    NULL_AT("name", bitsup_job_add_header(job, NULL, "b", e));
    NULL_AT("value", bitsup_job_add_header(job, "a", NULL, e));
    NULL_AT("job", bitsup_job_set_observer(NULL, observer, e));
    NULL_AT("observer", bitsup_job_set_observer(job, NULL, e));
    NULL_AT("job", bitsup_job_set_state_path(NULL, "a", e));
    NULL_AT("path", bitsup_job_set_state_path(job, NULL, e));
    NULL_AT("job", bitsup_job_set_reply_path(NULL, "a", e));
    NULL_AT("path", bitsup_job_set_reply_path(job, NULL, e));
    NULL_AT("job", bitsup_job_export(NULL, &state, &state_len, e));
    NULL_AT("out_state", bitsup_job_export(job, NULL, &state_len, e));
    NULL_AT("out_len", bitsup_job_export(job, &state, NULL, e));
    NULL_AT("job", bitsup_job_import(NULL, state_sentinel, 1, e));
    NULL_AT("state", bitsup_job_import(job, NULL, 1, e));
    CHECK(state == state_sentinel && state_len == 1);
    NULL_AT("job", bitsup_job_run(NULL, e));
    NULL_AT("job", bitsup_job_step(NULL, &job_state, e));
    NULL_AT("out_state", bitsup_job_step(job, NULL, e));
    CHECK(job_state == -2);
    NULL_AT("job", bitsup_job_close(NULL, e));
    NULL_AT("job", bitsup_job_set_rate_limit(NULL, 1, e));
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

/* Accessors of uploads and verdicts. tests/c/hooks.c covers the parameters that need a callback. */
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
    uint8_t byte = 0;
    size_t count = 9;
    NULL_AT("upload", bitsup_upload_read(NULL, 0, &byte, 1, &count, e));
    CHECK(count == 9);
    NULL_AT("verdict", bitsup_verdict_reject(NULL, 403, 0, BITSUP_CONTEXT_SERVER, e));
    NULL_AT("verdict", bitsup_verdict_challenge(NULL, "Basic", e));
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
    NULL_AT("hooks", bitsup_hooks_set_notify_url(NULL, BITSUP_NOTIFY_BY_VALUE, "http://127.0.0.1:1/", 1, e));
    NULL_AT("url", bitsup_hooks_set_notify_url(hooks, BITSUP_NOTIFY_BY_VALUE, NULL, 1, e));
    NULL_AT("hooks", bitsup_hooks_add_notify_root_certificates(NULL, (const uint8_t *)"a", 1, e));
    NULL_AT("pem", bitsup_hooks_add_notify_root_certificates(hooks, NULL, 1, e));
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
    NULL_AT("out", bitsup_store_new_memory(0, NULL, e));
    CHECK(out_store == store);
    bitsup_store_free(NULL);

    bitsup_engine_config *config = bitsup_engine_config_new();
    NULL_AT("config", bitsup_engine_config_set_store(NULL, store, e));
    NULL_AT("store", bitsup_engine_config_set_store(config, NULL, e));
    NULL_AT("config", bitsup_engine_config_set_max_upload_size(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_max_fragment_size(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_max_sessions_per_owner(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_max_sessions(NULL, 1, e));
    NULL_AT("config", bitsup_engine_config_set_free_space_reserve(NULL, 1, e));
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

static void responses(bitsup_response *response)
{
    uint8_t byte = 7;
    size_t len = 7;
    CHECK(bitsup_response_status(NULL) == 0);
    CHECK(bitsup_response_reason(NULL) == NULL);
    CHECK(bitsup_response_header_count(NULL) == 0);
    CHECK(bitsup_response_header_name(NULL, 0) == NULL);
    CHECK(bitsup_response_header_value(NULL, 0) == NULL);
    CHECK(bitsup_response_content_length(NULL) == 0);
    CHECK(bitsup_response_body_length(NULL) == 0);
    CHECK(bitsup_response_must_close(NULL) == 0);
    NULL_AT("response", bitsup_response_read_body(NULL, &byte, 1, &len, e));
    NULL_AT("buf", bitsup_response_read_body(response, NULL, 1, &len, e));
    NULL_AT("out_len", bitsup_response_read_body(response, &byte, 1, NULL, e));
    CHECK(len == 7);
    bitsup_response_free(response);
    bitsup_response_free(NULL);
}

static void exchanges(bitsup_engine *engine)
{
    bitsup_exchange *exchange = NULL, *out = NULL;
    bitsup_response *response = NULL;
    int32_t want = 0;
    CHECK(bitsup_engine_accepts(NULL, "BITS_POST", 9, "/a", 2) == 0);
    CHECK(bitsup_engine_accepts(engine, NULL, 9, "/a", 2) == 0);
    CHECK(bitsup_engine_accepts(engine, "BITS_POST", 9, NULL, 2) == 0);
    OK(bitsup_exchange_new(engine, &exchange, e));
    NULL_AT("engine", bitsup_exchange_new(NULL, &out, e));
    NULL_AT("out", bitsup_exchange_new(engine, NULL, e));
    NULL_AT("exchange", bitsup_exchange_set_request(NULL, "GET", 3, "/", 1, e));
    NULL_AT("method", bitsup_exchange_set_request(exchange, NULL, 3, "/", 1, e));
    NULL_AT("target", bitsup_exchange_set_request(exchange, "GET", 3, NULL, 1, e));
    NULL_AT("exchange", bitsup_exchange_add_header(NULL, "a", 1, "b", 1, e));
    NULL_AT("name", bitsup_exchange_add_header(exchange, NULL, 1, "b", 1, e));
    NULL_AT("value", bitsup_exchange_add_header(exchange, "a", 1, NULL, 1, e));
    NULL_AT("exchange", bitsup_exchange_set_peer(NULL, "a", 1, e));
    NULL_AT("peer", bitsup_exchange_set_peer(exchange, NULL, 1, e));
    NULL_AT("exchange", bitsup_exchange_set_owner(NULL, "a", 1, e));
    NULL_AT("owner", bitsup_exchange_set_owner(exchange, NULL, 1, e));
    NULL_AT("exchange", bitsup_exchange_set_mount(NULL, "/a/", 3, e));
    NULL_AT("prefix", bitsup_exchange_set_mount(exchange, NULL, 1, e));
    NULL_AT("exchange", bitsup_exchange_set_secure(NULL, 1, e));
    OK(bitsup_exchange_set_request(exchange, "GET", 3, "/", 1, e));
    NULL_AT("exchange", bitsup_exchange_begin(NULL, &want, e));
    NULL_AT("out_want", bitsup_exchange_begin(exchange, NULL, e));
    OK(bitsup_exchange_begin(exchange, &want, e)); /* the failed call did not consume it */
    NULL_AT("exchange", bitsup_exchange_body(NULL, NULL, 0, &want, e));
    NULL_AT("data", bitsup_exchange_body(exchange, NULL, 1, &want, e));
    NULL_AT("out_want", bitsup_exchange_body(exchange, NULL, 0, NULL, e));
    NULL_AT("exchange", bitsup_exchange_body_from_fd(NULL, 0, 1, &one, &want, e));
    NULL_AT("out_taken", bitsup_exchange_body_from_fd(exchange, 0, 1, NULL, &want, e));
    NULL_AT("out_want", bitsup_exchange_body_from_fd(exchange, 0, 1, &one, NULL, e));
    NULL_AT("exchange", bitsup_exchange_finish(NULL, &response, e));
    NULL_AT("out", bitsup_exchange_finish(exchange, NULL, e));
    CHECK(out == NULL && response == NULL && want == BITSUP_WANT_FINISH);
    OK(bitsup_exchange_finish(exchange, &response, e));
    responses(response);
    bitsup_exchange_free(exchange);
    bitsup_exchange_free(NULL);
}

/* Store operations. tests/c/stores.c covers the parameters of bitsup_store_list_add that need a callback. */
static void store_ops(bitsup_store *store)
{
    bitsup_store_ops *ops = bitsup_store_ops_new(NULL, NULL);
    bitsup_store *out = store;
    NULL_AT("ops", bitsup_store_ops_on_create(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_save(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_list(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_stat(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_write(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_flush(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_read(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_commit(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_remove(NULL, NULL, e));
    NULL_AT("ops", bitsup_store_ops_on_destination_state(NULL, NULL, e));
    OK(bitsup_store_ops_on_create(ops, NULL, e));
    OK(bitsup_store_ops_on_save(ops, NULL, e));
    OK(bitsup_store_ops_on_list(ops, NULL, e));
    OK(bitsup_store_ops_on_stat(ops, NULL, e));
    OK(bitsup_store_ops_on_write(ops, NULL, e));
    OK(bitsup_store_ops_on_flush(ops, NULL, e));
    OK(bitsup_store_ops_on_read(ops, NULL, e));
    OK(bitsup_store_ops_on_commit(ops, NULL, e));
    OK(bitsup_store_ops_on_remove(ops, NULL, e));
    OK(bitsup_store_ops_on_destination_state(ops, NULL, e));
    NULL_AT("list", bitsup_store_list_add(NULL, "a", NULL, 0, 0, e));
    NULL_AT("ops", bitsup_store_new_custom(NULL, &out, e));
    NULL_AT("out", bitsup_store_new_custom(ops, NULL, e));
    CHECK(out == store);
    bitsup_store_ops_free(ops);
    bitsup_store_ops_free(NULL);
}

static void servers(bitsup_engine *engine, bitsup_server *server)
{
    bitsup_server_config *config = bitsup_server_config_new();
    NULL_AT("config", bitsup_server_config_set_listen(NULL, "127.0.0.1", 0, e));
    NULL_AT("host", bitsup_server_config_set_listen(config, NULL, 0, e));
    NULL_AT("config", bitsup_server_config_set_admin(NULL, "127.0.0.1", 0, e));
    NULL_AT("host", bitsup_server_config_set_admin(config, NULL, 0, e));
    NULL_AT("config", bitsup_server_config_mount(NULL, "/", engine, e));
    NULL_AT("prefix", bitsup_server_config_mount(config, NULL, engine, e));
    NULL_AT("engine", bitsup_server_config_mount(config, "/", NULL, e));
    NULL_AT("config", bitsup_server_config_set_max_workers(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_head_timeout(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_max_connections(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_max_connections_per_address(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_max_head_bytes(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_max_head_fields(NULL, 1, e));
    NULL_AT("config", bitsup_server_config_set_min_body_rate(NULL, 1, 1, e));
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
    NULL_AT("server", bitsup_server_metrics(NULL, &text, e));
    NULL_AT("out_text", bitsup_server_metrics(server, NULL, e));
    NULL_AT("server", bitsup_server_admin_url(NULL, &text, e));
    NULL_AT("out_text", bitsup_server_admin_url(server, NULL, e));
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
    loggers();
    client_configs();
    clients(client);
    sources_and_observers(source);
    jobs(client, source, job);
    uploads_and_verdicts();
    hooks();
    stores_and_engines(store, engine);
    exchanges(engine);
    store_ops(store);
    servers(engine, server);
    CHECK(text == text_sentinel && one == 1 && two == 2);

    bitsup_job_free(job);
    OK(bitsup_job_new(client, "http://127.0.0.1:1/a", source, &job, e)); /* the failed calls did not consume it */
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
