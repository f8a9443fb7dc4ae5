/* What callbacks may call, what their return values mean, and that `destroy` runs exactly once. */
#include "check.h"

enum { SIZE = 40000, FRAGMENT = 8192 };

/* The state of the callbacks of one job. */
struct seen {
    bitsup_job *job;
    bitsup_observer *observer;
    int mode;
    int progress;
    int retries;
    int last_state;
    int destroyed;
};

enum { WATCH, SUSPEND, CANCEL, ABORT, FREE };

static void destroyed(void *user_data)
{
    ++((struct seen *)user_data)->destroyed;
}

/* Calls that need exclusive access fail with BUSY; const calls succeed. */
static void reenter(struct seen *seen)
{
    uint64_t sent = 0, total = 0;
    char *session = NULL;
    int32_t state = -2;
    uint8_t *exported = NULL;
    size_t len = 0;
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_run(seen->job, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_step(seen->job, &state, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_close(seen->job, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_import(seen->job, (const uint8_t *)"x", 1, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_add_header(seen->job, "a", "b", e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_set_content_name(seen->job, "name", e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_set_observer(seen->job, seen->observer, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_set_state_path(seen->job, "state", e));
    CHECK(bitsup_job_state(seen->job) > BITSUP_JOB_READY);
    OK(bitsup_job_progress(seen->job, &sent, &total, e));
    CHECK(sent <= total && total == SIZE);
    OK(bitsup_job_session_id(seen->job, &session, e));
    CHECK(session != NULL && *session != '\0');
    OK(bitsup_job_export(seen->job, &exported, &len, e));
    CHECK(state == -2 && exported != NULL && len > 0);
    bitsup_bytes_free(exported, len);
    OK(bitsup_job_set_rate_limit(seen->job, 0, e));
    bitsup_string_free(session);
}

static int32_t on_progress(void *user_data, uint64_t sent, uint64_t total)
{
    struct seen *seen = user_data;
    CHECK(sent <= total && total == SIZE);
    CHECK(seen->destroyed == 0);
    if (seen->progress++ > 0)
        return BITSUP_CONTINUE;
    reenter(seen);
    switch (seen->mode) {
    case SUSPEND:
        OK(bitsup_job_suspend(seen->job, e));
        break;
    case CANCEL:
        OK(bitsup_job_cancel(seen->job, e));
        break;
    case ABORT:
        return 12345; /* an undefined value does not mean BITSUP_CONTINUE */
    case FREE:
        bitsup_job_free(seen->job);
        bitsup_observer_free(seen->observer);
        break;
    }
    return BITSUP_CONTINUE;
}

static void on_state(void *user_data, int32_t from, int32_t to)
{
    struct seen *seen = user_data;
    CHECK(from == seen->last_state && from != to);
    seen->last_state = to;
}

static void observe(struct seen *seen, int mode)
{
    memset(seen, 0, sizeof *seen);
    seen->mode = mode;
    seen->observer = bitsup_observer_new(seen, destroyed);
    OK(bitsup_observer_on_progress(seen->observer, on_progress, e));
    OK(bitsup_observer_on_state(seen->observer, on_state, e));
}

/* B-ERROR-05: runs an upload whose first progress callback acts as `mode` says. */
static void run(const bitsup_client *client, const char *url, int mode, bitsup_status expected, int state)
{
    static uint8_t data[SIZE];
    struct seen seen;
    bitsup_error *error = NULL;
    observe(&seen, mode);
    seen.job = make_job(client, url, data, sizeof data);
    OK(bitsup_job_set_observer(seen.job, seen.observer, e));
    bitsup_status status = bitsup_job_run(seen.job, &error);
    if (status != expected)
        fprintf(stderr, "%s: %s\n", bitsup_status_name(status), bitsup_error_message(error));
    CHECK(status == expected && seen.last_state == state && seen.progress > 0);
    bitsup_error_free(error);
    if (mode == FREE) {
        CHECK(seen.destroyed == 1); /* the run held the last reference to the job */
        return;
    }
    CHECK(bitsup_job_state(seen.job) == state);
    if (mode == SUSPEND || mode == ABORT) {
        OK(bitsup_job_run(seen.job, e)); /* both can be resumed */
        CHECK(bitsup_job_state(seen.job) == BITSUP_JOB_CLOSED);
    }
    bitsup_observer_free(seen.observer);
    CHECK(seen.destroyed == 0);
    bitsup_job_free(seen.job);
    CHECK(seen.destroyed == 1);
}

static int32_t on_retry(void *user_data, const bitsup_error *cause, uint32_t attempt, uint64_t *delay_ms)
{
    struct seen *seen = user_data;
    CHECK(bitsup_error_status(cause) == BITSUP_E_CONNECT && bitsup_error_is_transient(cause) == 1);
    CHECK(*bitsup_error_message(cause) != '\0');
    CHECK(attempt == (uint32_t)++seen->retries);
    *delay_ms = 0; /* the policy would wait for a minute */
    return seen->retries < 3 ? BITSUP_CONTINUE : BITSUP_ABORT;
}

/* `url` refuses connections: the callback receives the cause, shortens the delay, and ends the run. */
static void retries(const char *url)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    struct seen seen = {0};
    OK(bitsup_client_config_set_retry(config, 0, 60000, 60000, e));
    OK(bitsup_client_new(config, &client, e));
    bitsup_observer *observer = bitsup_observer_new(&seen, destroyed);
    OK(bitsup_observer_on_retry(observer, on_retry, e));
    bitsup_job *job = make_job(client, url, "x", 1);
    OK(bitsup_job_set_observer(job, observer, e));
    bitsup_observer_free(observer);
    CHECK(bitsup_job_run(job, NULL) == BITSUP_E_CALLBACK);
    CHECK(seen.retries == 3 && seen.destroyed == 0);
    bitsup_job_free(job);
    CHECK(seen.destroyed == 1);
    bitsup_client_free(client);
    bitsup_client_config_free(config);
}

/* B-LIFE-02: `destroy` runs once if the callbacks are never used, if a call fails, and if they are replaced. */
static void destroyed_once(const bitsup_client *client)
{
    int first = 0, second = 0;
    bitsup_observer_free(bitsup_observer_new(&first, count_destroy));
    CHECK(first == 1);
    bitsup_observer_free(bitsup_observer_new(&first, NULL));
    CHECK(first == 1);

    first = 0;
    bitsup_observer *one = bitsup_observer_new(&first, count_destroy);
    bitsup_observer *two = bitsup_observer_new(&second, count_destroy);
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`job`", bitsup_job_set_observer(NULL, one, e));
    bitsup_job *job = make_job(client, "http://127.0.0.1:1/a", "x", 1);
    OK(bitsup_job_set_observer(job, one, e));
    OK(bitsup_job_set_observer(job, one, e));
    bitsup_observer_free(one);
    CHECK(first == 0);
    OK(bitsup_job_set_observer(job, two, e));
    CHECK(first == 1 && second == 0);
    bitsup_job_free(job);
    CHECK(second == 0);
    bitsup_observer_free(two);
    CHECK(first == 1 && second == 1);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_server *server = make_server(argv[1]);
    bitsup_client *client = make_fast_failing_client(FRAGMENT);
    char *url = url_of(server, "file.bin");
    run(client, url, WATCH, BITSUP_OK, BITSUP_JOB_CLOSED);
    run(client, url, SUSPEND, BITSUP_E_SUSPENDED, BITSUP_JOB_SUSPENDED);
    run(client, url, CANCEL, BITSUP_E_CANCELLED, BITSUP_JOB_CANCELLED);
    run(client, url, ABORT, BITSUP_E_CALLBACK, BITSUP_JOB_FAILED);
    run(client, url, FREE, BITSUP_OK, BITSUP_JOB_CLOSED);
    destroyed_once(client);
    OK(bitsup_server_stop(server, 1000, e));
    retries(url);
    bitsup_server_free(server);
    bitsup_client_free(client);
    free(url);
    return 0;
}
