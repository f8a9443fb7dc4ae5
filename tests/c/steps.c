/* Jobs run step by step, their explicit completion, and exporting their state; single- and multithreaded. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <time.h>

enum { SIZE = 40000, FRAGMENT = 8192 };

static uint8_t data[SIZE];

/* Steps until the server has the whole file. Returns the number of steps. */
static int transfer(bitsup_job *job)
{
    int32_t state = -1;
    int steps = 0;
    for (; state != BITSUP_JOB_TRANSFERRED; steps++) {
        OK(bitsup_job_step(job, &state, e));
        CHECK(state == bitsup_job_state(job));
        CHECK(state >= BITSUP_JOB_CONNECTING && state <= BITSUP_JOB_TRANSFERRED);
    }
    return steps;
}

static uint64_t sessions(const bitsup_engine *engine)
{
    uint64_t count = 99;
    OK(bitsup_engine_session_count(engine, &count, e));
    return count;
}

/* B-STEP-01 B-STEP-02: the allowed calls and the resulting states. */
static void completion_is_explicit(const bitsup_client *client, const bitsup_engine *engine, const char *url)
{
    bitsup_job *job = make_job(client, url, data, SIZE);
    int32_t state = -1;
    EXPECT(BITSUP_E_INVALID_STATE, "not transferred", bitsup_job_close(job, e));
    CHECK(transfer(job) == 1 + (SIZE + FRAGMENT - 1) / FRAGMENT);
    OK(bitsup_job_step(job, &state, e));
    CHECK(state == BITSUP_JOB_TRANSFERRED && sessions(engine) == 1);
    OK(bitsup_job_close(job, e));
    CHECK(bitsup_job_state(job) == BITSUP_JOB_CLOSED && sessions(engine) == 0);
    OK(bitsup_job_close(job, e));
    OK(bitsup_job_step(job, &state, e));
    CHECK(state == BITSUP_JOB_CLOSED);
    OK(bitsup_job_run(job, e));
    EXPECT(BITSUP_E_INVALID_STATE, "complete", bitsup_job_cancel(job, e));
    bitsup_job_free(job);
}

/* B-CANCEL-02: cancelling without a run. */
static void steps_can_be_stopped(const bitsup_client *client, const bitsup_engine *engine, const char *url)
{
    bitsup_job *job = make_job(client, url, data, SIZE);
    int32_t state = -1;
    OK(bitsup_job_step(job, &state, e));
    CHECK(state == BITSUP_JOB_CONNECTING && sessions(engine) == 1);
    OK(bitsup_job_suspend(job, e));
    state = -1;
    CHECK(bitsup_job_step(job, &state, NULL) == BITSUP_E_SUSPENDED);
    CHECK(state == -1 && bitsup_job_state(job) == BITSUP_JOB_SUSPENDED);
    OK(bitsup_job_step(job, &state, e));
    CHECK(state == BITSUP_JOB_CONNECTING); /* it reconnects to the suspended session */
    OK(bitsup_job_step(job, &state, e));
    CHECK(state == BITSUP_JOB_TRANSFERRING);
    OK(bitsup_job_cancel(job, e));
    CHECK(sessions(engine) == 0);
    EXPECT(BITSUP_E_CANCELLED, "", bitsup_job_step(job, &state, e));
    EXPECT(BITSUP_E_CANCELLED, "", bitsup_job_close(job, e));
    CHECK(state == BITSUP_JOB_TRANSFERRING && bitsup_job_state(job) == BITSUP_JOB_CANCELLED);
    bitsup_job_free(job);
}

/* The number of bytes that the server has received, including request headers. */
static uint64_t received(const bitsup_server *server)
{
    static const char name[] = "\nbitsup_received_bytes_total ";
    char *text = NULL;
    OK(bitsup_server_metrics(server, &text, e));
    const char *found = strstr(text, name);
    CHECK(found != NULL);
    uint64_t count = strtoull(found + sizeof name - 1, NULL, 10);
    bitsup_string_free(text);
    return count;
}

/* B-STATE-01 B-STATE-02: another job resumes after `steps` steps of the first one; no Fragment is sent twice. */
static void state_can_be_transferred(const bitsup_client *client, const bitsup_server *server,
                                     const bitsup_engine *engine, const char *url, int steps)
{
    const uint64_t received_before = received(server);
    uint8_t *state = NULL;
    size_t len = 0;
    uint64_t before = 0, after = 0, total = 0;
    int32_t reached = -1;
    bitsup_job *first = make_job(client, url, data, SIZE), *second = make_job(client, url, data, SIZE);
    for (int i = 0; i < steps; i++)
        OK(bitsup_job_step(first, &reached, e));
    OK(bitsup_job_export(first, &state, &len, e));
    OK(bitsup_job_progress(first, &before, &total, e));
    bitsup_job_free(first);
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "damaged", bitsup_job_import(second, state, len - 1, e));
    OK(bitsup_job_import(second, state, len, e));
    EXPECT(BITSUP_E_INVALID_STATE, "", bitsup_job_import(second, state, len, e));
    OK(bitsup_job_progress(second, &after, &total, e));
    CHECK(before == after && total == SIZE);
    OK(bitsup_job_run(second, e));
    CHECK(sessions(engine) == 0);
    CHECK(received(server) - received_before < SIZE + FRAGMENT / 2);
    EXPECT(BITSUP_E_INVALID_STATE, "ended", bitsup_job_export(second, &state, &len, e));
    bitsup_job_free(second);

    bitsup_job *other = make_job(client, url, data, SIZE - 1);
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "another source", bitsup_job_import(other, state, len, e));
    bitsup_job_free(other);
    char elsewhere[4096];
    snprintf(elsewhere, sizeof elsewhere, "%s.other", url);
    other = make_job(client, elsewhere, data, SIZE);
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "another URL", bitsup_job_import(other, state, len, e));
    bitsup_job_free(other);
    bitsup_bytes_free(state, len);
}

/* One job used by two threads. */
struct shared {
    bitsup_job *job;
    int32_t over;
    int steps;
    int busy;
};

static void *step_concurrently(void *argument)
{
    struct shared *shared = argument;
    int32_t state = -1;
    while (bitsup_job_state(shared->job) < BITSUP_JOB_TRANSFERRED) {
        bitsup_status status = bitsup_job_step(shared->job, &state, NULL);
        CHECK(status == BITSUP_OK || status == BITSUP_E_BUSY);
        __atomic_add_fetch(status == BITSUP_OK ? &shared->steps : &shared->busy, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void *export_concurrently(void *argument)
{
    struct shared *shared = argument;
    while (!__atomic_load_n(&shared->over, __ATOMIC_ACQUIRE)) {
        uint8_t *state = NULL;
        size_t len = 0;
        OK(bitsup_job_export(shared->job, &state, &len, e));
        CHECK(len > 0);
        bitsup_bytes_free(state, len);
        OK(bitsup_job_set_rate_limit(shared->job, 0, e));
    }
    return NULL;
}

/* Two threads step, and one gets BUSY while the other is inside a step; a third exports concurrently. */
static void concurrent_steps(const bitsup_client *client, const char *url)
{
    struct shared shared = {.job = make_job(client, url, data, SIZE)};
    pthread_t steppers[2], exporter;
    CHECK(pthread_create(&exporter, NULL, export_concurrently, &shared) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&steppers[i], NULL, step_concurrently, &shared) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(steppers[i], NULL) == 0);
    __atomic_store_n(&shared.over, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(exporter, NULL) == 0);
    CHECK(shared.steps >= 1 + (SIZE + FRAGMENT - 1) / FRAGMENT);
    OK(bitsup_job_close(shared.job, e));
    bitsup_job_free(shared.job);
}

static void *run_in_thread(void *job)
{
    OK(bitsup_job_run(job, e));
    return NULL;
}

/* B-RATE-01: at 1,000 bytes per second the upload would take 40 seconds, and its first Fragment 8. */
static void rate_limit_can_be_raised(const bitsup_client *client, const char *url)
{
    bitsup_job *job = make_job(client, url, data, SIZE);
    struct timespec start_time, done;
    pthread_t runner;
    OK(bitsup_job_set_rate_limit(job, 1000, e));
    CHECK(clock_gettime(CLOCK_MONOTONIC, &start_time) == 0);
    CHECK(pthread_create(&runner, NULL, run_in_thread, job) == 0);
    while (bitsup_job_state(job) != BITSUP_JOB_TRANSFERRING)
        sched_yield();
    OK(bitsup_job_set_rate_limit(job, 0, e));
    CHECK(pthread_join(runner, NULL) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &done) == 0);
    CHECK(done.tv_sec - start_time.tv_sec < 7);
    bitsup_job_free(job);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_engine *engine = make_engine(argv[1]);
    bitsup_server *server = make_server_for(engine);
    bitsup_client *client = make_fast_failing_client(FRAGMENT);
    char *url = url_of(server, "a.bin");
    completion_is_explicit(client, engine, url);
    steps_can_be_stopped(client, engine, url);
    for (int steps = 0; steps < 7; steps++)
        state_can_be_transferred(client, server, engine, url, steps);
    concurrent_steps(client, url);
    rate_limit_can_be_raised(client, url);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    bitsup_engine_free(engine);
    bitsup_client_free(client);
    free(url);
    return 0;
}
