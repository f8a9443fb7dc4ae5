/* Behaviours from bindings/behaviour.md that no other C test covers. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, SIZE = 100000, FRAGMENT = 8192, PROMISE_MS = 250, SLACK_MS = 1500 };

static uint8_t data[SIZE];

/* A job on its own thread: its source, its URL, and its result. */
struct upload {
    const bitsup_client *client;
    char *url;
    bitsup_status status;
    bitsup_error *error;
};

static void *run(void *argument)
{
    struct upload *it = argument;
    bitsup_job *job = make_job(it->client, it->url, data, SIZE);
    it->status = bitsup_job_run(job, &it->error);
    bitsup_job_free(job);
    return NULL;
}

/* B-UPLOAD-07: eight threads run one job each with the same client. */
static void eight_concurrent_jobs(const bitsup_client *client, const bitsup_server *server)
{
    pthread_t threads[THREADS];
    struct upload uploads[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        char name[16];
        snprintf(name, sizeof name, "eight-%d", i);
        uploads[i] = (struct upload){.client = client, .url = url_of(server, name)};
        CHECK(pthread_create(&threads[i], NULL, run, &uploads[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(uploads[i].status == BITSUP_OK && uploads[i].error == NULL);
        free(uploads[i].url);
    }
}

/* B-ERROR-06: two jobs that fail at the same time each get their own error. */
static void concurrent_errors_are_separate(const bitsup_client *client, const bitsup_server *server)
{
    pthread_t threads[2];
    struct upload uploads[2] = {{.client = client, .url = url_of(server, "missing/a")},
                                {.client = client, .url = strdup("http://127.0.0.1:1/b")}};
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, run, &uploads[i]) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(uploads[0].status == BITSUP_E_NOT_FOUND || bitsup_error_http_status(uploads[0].error) == 404);
    CHECK(uploads[1].status == BITSUP_E_CONNECT && bitsup_error_http_status(uploads[1].error) == 0);
    for (int i = 0; i < 2; i++) {
        bitsup_error_free(uploads[i].error);
        free(uploads[i].url);
    }
}

/* B-ERROR-02: a missing source, and one that became shorter. */
static void missing_and_changed_sources(const bitsup_client *client, const bitsup_server *server, const char *folder)
{
    char path[4096], *url = url_of(server, "changes");
    snprintf(path, sizeof path, "%s/source", folder);
    bitsup_source *source = NULL;
    bitsup_job *job = NULL;
    EXPECT(BITSUP_E_NOT_FOUND, "source", bitsup_source_from_file(path, &source, e));
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(data, 1, SIZE, file) == SIZE && fclose(file) == 0);
    OK(bitsup_source_from_file(path, &source, e));
    OK(bitsup_job_new(client, url, source, &job, e));
    CHECK(truncate(path, 10) == 0);
    EXPECT(BITSUP_E_SOURCE_CHANGED, "", bitsup_job_run(job, e));
    bitsup_job_free(job);
    bitsup_source_free(source);
    free(url);
}

/* B-ERROR-01 B-ERROR-03 B-UPLOAD-06: invalid arguments, and a server that does not exist. */
static void usage_and_network_errors(const bitsup_client *client)
{
    bitsup_source *source = make_source("x", 1);
    bitsup_job *job = NULL;
    bitsup_error *error = NULL;
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "ftp://h/f", bitsup_client_ping(client, "ftp://h/f", e));
    CHECK(bitsup_job_new(client, "no url", source, &job, NULL) == BITSUP_E_INVALID_ARGUMENT && job == NULL);
    EXPECT(BITSUP_E_INVALID_STATE, "before", bitsup_job_new(client, "http://h/f", source, &job, e));
    bitsup_source_free(source);
    CHECK(bitsup_client_ping(client, "http://127.0.0.1:1/", &error) == BITSUP_E_CONNECT);
    CHECK(bitsup_error_is_transient(error) == 1 && bitsup_error_hresult(error) == 0x80072EFD);
    bitsup_error_free(error);
}

/* B-ERROR-04: a file that already exists, and one that is too large. */
static void server_errors(const bitsup_client *client)
{
    bitsup_store *store = NULL;
    bitsup_engine *engine = NULL;
    bitsup_engine_config *config = bitsup_engine_config_new();
    OK(bitsup_store_new_memory(4 * SIZE, &store, e));
    OK(bitsup_engine_config_set_store(config, store, e));
    OK(bitsup_engine_config_set_max_upload_size(config, 10, e));
    OK(bitsup_engine_new(config, &engine, e));
    bitsup_server *server = make_server_for(engine);
    char *url = url_of(server, "a"), *other = url_of(server, "b");
    bitsup_job *job = make_job(client, url, data, 10), *again = make_job(client, url, data, 10);
    bitsup_job *large = make_job(client, other, data, 11);
    bitsup_error *error = NULL;
    OK(bitsup_job_run(job, e));
    CHECK(bitsup_job_run(again, &error) != BITSUP_OK && bitsup_error_http_status(error) == 403);
    bitsup_error_free(error);
    CHECK(bitsup_job_run(large, &error) == BITSUP_E_TOO_LARGE && bitsup_error_hresult(error) == 0x80200020);
    bitsup_error_free(error);
    OK(bitsup_server_stop(server, 0, e));
    bitsup_job_free(job);
    bitsup_job_free(again);
    bitsup_job_free(large);
    bitsup_server_free(server);
    bitsup_engine_free(engine);
    bitsup_engine_config_free(config);
    bitsup_store_free(store);
    free(url);
    free(other);
}

/* Stops a job from another thread, when signalled. */
struct stop {
    bitsup_job *job;
    bitsup_status (*how)(const bitsup_job *job, bitsup_error **error);
    sem_t now;
    struct timespec when;
};

static void *stop(void *argument)
{
    struct stop *it = argument;
    sem_wait(&it->now);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &it->when) == 0);
    OK(it->how(it->job, e));
    return NULL;
}

static void on_state(void *user_data, int32_t from, int32_t to)
{
    struct stop *it = user_data;
    if (from == BITSUP_JOB_READY || to == BITSUP_JOB_WAITING)
        sem_post(&it->now);
}

/* B-SUSPEND-01 B-CANCEL-01: a run stops quickly with an unresponsive or unreachable server. */
static void run_stops_quickly(const bitsup_client *client, const char *url, int cancels)
{
    struct timespec end;
    struct stop it = {.how = cancels ? bitsup_job_cancel : bitsup_job_suspend};
    bitsup_observer *observer = bitsup_observer_new(&it, NULL);
    pthread_t thread;
    CHECK(sem_init(&it.now, 0, 0) == 0);
    it.job = make_job(client, url, data, SIZE);
    OK(bitsup_observer_on_state(observer, on_state, e));
    OK(bitsup_job_set_observer(it.job, observer, e));
    CHECK(pthread_create(&thread, NULL, stop, &it) == 0);
    CHECK(bitsup_job_run(it.job, NULL) == (cancels ? BITSUP_E_CANCELLED : BITSUP_E_SUSPENDED));
    CHECK(clock_gettime(CLOCK_MONOTONIC, &end) == 0 && pthread_join(thread, NULL) == 0);
    CHECK((end.tv_sec - it.when.tv_sec) * 1000 + (end.tv_nsec - it.when.tv_nsec) / 1000000 < PROMISE_MS + SLACK_MS);
    CHECK(bitsup_job_state(it.job) == (cancels ? BITSUP_JOB_CANCELLED : BITSUP_JOB_SUSPENDED));
    CHECK(!cancels || bitsup_job_run(it.job, NULL) == BITSUP_E_CANCELLED);
    bitsup_job_free(it.job);
    bitsup_observer_free(observer);
}

/* A server that accepts connections and never responds, and an address without a server. */
static void stops_in_every_phase(void)
{
    bitsup_client *client = NULL;
    bitsup_client_config *config = bitsup_client_config_new();
    char silent[64];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, len) == 0 && listen(listener, 9) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    snprintf(silent, sizeof silent, "http://127.0.0.1:%d/f", ntohs(address.sin_port));
    OK(bitsup_client_config_set_retry(config, 0, 60000, 60000, e));
    OK(bitsup_client_new(config, &client, e));
    for (int cancels = 0; cancels < 2; cancels++) {
        run_stops_quickly(client, silent, cancels);
        run_stops_quickly(client, "http://127.0.0.1:1/f", cancels);
    }
    close(listener);
    bitsup_client_free(client);
    bitsup_client_config_free(config);
}

/* A server that is replaced by another one with the same root and port. */
struct successor {
    bitsup_server *first, *second;
    const bitsup_engine *engine;
};

static int32_t restart_server(void *user_data, uint64_t sent, uint64_t total)
{
    struct successor *it = user_data;
    if (it->second == NULL && sent > 0 && sent < total) {
        bitsup_server_config *config = bitsup_server_config_new();
        OK(bitsup_server_config_set_listen(config, "127.0.0.1", bitsup_server_port(it->first), e));
        OK(bitsup_server_config_mount(config, "/", it->engine, e));
        OK(bitsup_server_stop(it->first, 0, e));
        OK(bitsup_server_start(config, &it->second, e));
        bitsup_server_config_free(config);
    }
    return BITSUP_CONTINUE;
}

/* B-RESUME-02: a job continues by itself after the server was restarted. */
static void job_survives_a_server_restart(const bitsup_client *client, const char *root)
{
    bitsup_engine *engine = make_engine(root);
    struct successor it = {.first = make_server_for(engine), .engine = engine};
    char *url = url_of(it.first, "back");
    bitsup_job *job = make_job(client, url, data, SIZE);
    bitsup_observer *observer = bitsup_observer_new(&it, NULL);
    OK(bitsup_observer_on_progress(observer, restart_server, e));
    OK(bitsup_job_set_observer(job, observer, e));
    OK(bitsup_job_run(job, e));
    CHECK(it.second != NULL);
    OK(bitsup_server_stop(it.second, 1000, e));
    bitsup_job_free(job);
    bitsup_observer_free(observer);
    bitsup_server_free(it.first);
    bitsup_server_free(it.second);
    bitsup_engine_free(engine);
    free(url);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_client *client = make_fast_failing_client(FRAGMENT);
    bitsup_server *server = make_server(argv[1]);
    eight_concurrent_jobs(client, server);
    concurrent_errors_are_separate(client, server);
    missing_and_changed_sources(client, server, argv[2]);
    usage_and_network_errors(client);
    server_errors(client);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    stops_in_every_phase();
    job_survives_a_server_restart(client, argv[1]);
    bitsup_client_free(client);
    return 0;
}
