/* Extreme values of every number are rejected or accepted, but never cause a panic. */
#include "check.h"

static const uint64_t ends[] = {0, 1, INT64_MAX, UINT64_MAX};

enum { ENDS = sizeof ends / sizeof *ends };

typedef bitsup_status (*set_client_fn)(bitsup_client_config *config, uint64_t value, bitsup_error **error);
typedef bitsup_status (*set_engine_fn)(bitsup_engine_config *config, uint64_t value, bitsup_error **error);
typedef bitsup_status (*set_server_fn)(bitsup_server_config *config, uint64_t value, bitsup_error **error);

static bitsup_status set_delays(bitsup_client_config *config, uint64_t value, bitsup_error **error)
{
    return bitsup_client_config_set_retry(config, (uint32_t)value, value, value, error);
}

static bitsup_status set_workers(bitsup_server_config *config, uint64_t value, bitsup_error **error)
{
    return bitsup_server_config_set_max_workers(config, (uint32_t)value, error);
}

static bitsup_status set_connections(bitsup_server_config *config, uint64_t value, bitsup_error **error)
{
    return bitsup_server_config_set_max_connections(config, (uint32_t)value, error);
}

static bitsup_status set_per_address(bitsup_server_config *config, uint64_t value, bitsup_error **error)
{
    return bitsup_server_config_set_max_connections_per_address(config, (uint32_t)value, error);
}

static bitsup_status set_head_bytes(bitsup_server_config *config, uint64_t value, bitsup_error **error)
{
    return bitsup_server_config_set_max_head_bytes(config, (uint32_t)value, error);
}

static bitsup_status set_head_fields(bitsup_server_config *config, uint64_t value, bitsup_error **error)
{
    return bitsup_server_config_set_max_head_fields(config, (uint32_t)value, error);
}

static bitsup_status set_rate(bitsup_server_config *config, uint64_t value, bitsup_error **error)
{
    return bitsup_server_config_set_min_body_rate(config, value, value, error);
}

/* Accepts success, invalid arguments and other failures, but not a panic. */
static int check_no_panic(bitsup_status status, bitsup_error **error)
{
    if (status == BITSUP_E_PANIC)
        fprintf(stderr, "%s\n", bitsup_error_message(*error));
    CHECK(status != BITSUP_E_PANIC);
    bitsup_error_free(*error);
    return status == BITSUP_OK;
}

static int32_t abort_retry(void *user_data, const bitsup_error *cause, uint32_t attempt, uint64_t *delay_ms)
{
    (void)user_data, (void)cause;
    *delay_ms = attempt < 3 ? 0 : *delay_ms;
    return attempt < 3 ? BITSUP_CONTINUE : BITSUP_ABORT;
}

/* Uploads one byte to each URL. The callback shortens long delays. */
static void upload(const bitsup_client *client, const char *url)
{
    bitsup_error *error = NULL;
    bitsup_job *job = NULL;
    bitsup_source *source = make_source("x", 1);
    bitsup_observer *observer = bitsup_observer_new(NULL, NULL);
    OK(bitsup_observer_on_retry(observer, abort_retry, e));
    if (check_no_panic(bitsup_job_new(client, url, source, &job, &error), &error)) {
        OK(bitsup_job_set_observer(job, observer, e));
        check_no_panic(bitsup_job_run(job, &error), &error);
    }
    bitsup_job_free(job);
    bitsup_observer_free(observer);
    bitsup_source_free(source);
}

static void clients(const char *url)
{
    static const set_client_fn setters[] = {
        bitsup_client_config_set_fragment_size,    bitsup_client_config_set_connect_timeout,
        bitsup_client_config_set_request_timeout,  bitsup_client_config_set_response_timeout,
        bitsup_client_config_set_no_progress_timeout, bitsup_client_config_set_rate_limit,
        bitsup_client_config_set_timeout,          set_delays,
    };
    for (size_t i = 0; i < ENDS * sizeof setters / sizeof *setters; i++) {
        bitsup_client_config *config = bitsup_client_config_new();
        bitsup_client *client = NULL;
        bitsup_error *error = NULL;
        OK(setters[i / ENDS](config, ends[i % ENDS], e));
        if (check_no_panic(bitsup_client_new(config, &client, &error), &error)) {
            upload(client, url);
            upload(client, "http://127.0.0.1:1/refused");
        }
        bitsup_client_free(client);
        bitsup_client_config_free(config);
    }
}

static int32_t read_zeros(void *user_data, uint64_t offset, uint8_t *buf, size_t cap, size_t *out_len)
{
    (void)user_data;
    if (offset >= 20000)
        return BITSUP_ABORT; /* the longest sources would take too long */
    memset(buf, 0, cap);
    *out_len = cap;
    return BITSUP_CONTINUE;
}

/* Sources of every length, at every rate. */
static void jobs(const char *url)
{
    bitsup_client *client = make_fast_failing_client(8192);
    for (size_t i = 0; i < ENDS * ENDS; i++) {
        bitsup_source *source = NULL;
        bitsup_job *job = NULL;
        bitsup_error *error = NULL;
        uint64_t total = ends[i / ENDS], rate = ends[i % ENDS] == 1 ? 10000000 : ends[i % ENDS];
        OK(bitsup_source_from_reader(read_zeros, total, NULL, NULL, &source, e));
        OK(bitsup_job_new(client, url, source, &job, e));
        OK(bitsup_job_set_rate_limit(job, rate, e));
        check_no_panic(bitsup_job_run(job, &error), &error);
        bitsup_job_free(job);
        bitsup_source_free(source);
    }
    bitsup_client_free(client);
}

static bitsup_status set_fallback(bitsup_engine_config *config, uint64_t value, bitsup_error **error)
{
    return bitsup_engine_config_set_host_id(config, "127.0.0.1", (uint32_t)value, error);
}

/* Sets a notification URL that refuses connections. */
static bitsup_status set_notification(bitsup_engine_config *config, uint64_t value, bitsup_error **error)
{
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    check_no_panic(bitsup_hooks_set_notify_url(hooks, BITSUP_NOTIFY_BY_VALUE, "http://127.0.0.1:1/", value, error), error);
    bitsup_status status = bitsup_engine_config_set_hooks(config, hooks, error);
    bitsup_hooks_free(hooks);
    return status;
}

/* Serves the engine. An upload succeeds or is rejected. */
static void serve(const bitsup_engine *engine, bitsup_server_config *config)
{
    bitsup_server *server = NULL;
    bitsup_error *error = NULL;
    OK(bitsup_server_config_mount(config, "/", engine, e));
    if (check_no_panic(bitsup_server_start(config, &server, &error), &error)) {
        bitsup_client *client = make_fast_failing_client(8192);
        char *url = url_of(server, "x");
        upload(client, url);
        free(url);
        bitsup_client_free(client);
        OK(bitsup_server_stop(server, UINT64_MAX, e));
    }
    bitsup_server_free(server);
}

static void engines(const char *root)
{
    static const set_engine_fn setters[] = {
        bitsup_engine_config_set_max_upload_size,         bitsup_engine_config_set_max_fragment_size,
        bitsup_engine_config_set_max_sessions_per_owner,  bitsup_engine_config_set_max_sessions,
        bitsup_engine_config_set_session_timeout,         bitsup_engine_config_set_free_space_reserve,
        set_fallback,
        set_notification,
    };
    for (size_t i = 0; i < ENDS * sizeof setters / sizeof *setters; i++) {
        bitsup_store *store = make_store(root);
        bitsup_engine_config *config = bitsup_engine_config_new();
        bitsup_server_config *server_config = bitsup_server_config_new();
        bitsup_engine *engine = NULL;
        bitsup_error *error = NULL;
        uint64_t expired = 0, next_ms = 0;
        OK(bitsup_engine_config_set_store(config, store, e));
        OK(setters[i / ENDS](config, ends[i % ENDS], e));
        const int is_domain = ends[i % ENDS] != 0 || (setters[i / ENDS] != bitsup_engine_config_set_max_fragment_size
                                                      && setters[i / ENDS] != bitsup_engine_config_set_session_timeout);
        CHECK(check_no_panic(bitsup_engine_new(config, &engine, &error), &error) == is_domain);
        if (engine != NULL) {
            serve(engine, server_config);
            OK(bitsup_engine_tick(engine, &expired, &next_ms, e));
        }
        bitsup_engine_free(engine);
        bitsup_server_config_free(server_config);
        bitsup_engine_config_free(config);
        bitsup_store_free(store);
    }
}

static void servers(const bitsup_engine *engine)
{
    /* For the setters from `no_limit` on, 0 is an ordinary value. */
    enum { no_limit = 7 };
    static const set_server_fn setters[] = {
        bitsup_server_config_set_head_timeout, bitsup_server_config_set_read_timeout,
        bitsup_server_config_set_idle_timeout, set_workers, set_connections,
        set_head_bytes, set_head_fields, set_per_address, set_rate,
    };
    for (size_t i = 0; i < ENDS * sizeof setters / sizeof *setters; i++) {
        bitsup_server_config *config = bitsup_server_config_new();
        bitsup_server *server = NULL;
        OK(setters[i / ENDS](config, ends[i % ENDS], e));
        if (ends[i % ENDS] == 0 && i / ENDS < no_limit) {
            OK(bitsup_server_config_mount(config, "/", engine, e));
            EXPECT(BITSUP_E_INVALID_ARGUMENT, "must be greater than 0", bitsup_server_start(config, &server, e));
        } else {
            serve(engine, config);
        }
        bitsup_server_config_free(config);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_server *server = make_server(argv[1]);
    char *url = url_of(server, "x");
    clients(url);
    jobs(url);
    OK(bitsup_server_stop(server, 0, e));
    bitsup_server_free(server);
    free(url);
    engines(argv[1]);
    bitsup_engine *engine = make_engine(argv[2]);
    servers(engine);
    bitsup_engine_free(engine);
    return 0;
}
