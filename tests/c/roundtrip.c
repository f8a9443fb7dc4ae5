/* Client and server in one process: files arrive byte for byte. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

enum { FRAGMENT = 8192, MAX_SIZE = 20 * FRAGMENT + 1 };

static uint8_t data[MAX_SIZE];

/* Fills the buffer with bytes that do not repeat within a fragment. */
static void fill(void)
{
    uint32_t x = 2463534242u;
    for (size_t i = 0; i < MAX_SIZE; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        data[i] = (uint8_t)x;
    }
}

static FILE *open_in(const char *folder, const char *name, const char *mode)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, mode);
    CHECK(file != NULL);
    return file;
}

static void delivered(const char *root, const char *name, size_t size)
{
    static uint8_t found[MAX_SIZE + 1];
    FILE *file = open_in(root, name, "rb");
    CHECK(fread(found, 1, sizeof found, file) == size);
    CHECK(memcmp(found, data, size) == 0);
    fclose(file);
}

/* A job for the first `size` bytes, from memory or, if `folder` is given, from a file there. */
static bitsup_job *job_for(const bitsup_client *client, const char *url, size_t size, const char *folder)
{
    if (folder == NULL)
        return make_job(client, url, data, size);
    char path[4096];
    FILE *file = open_in(folder, "source.bin", "wb");
    CHECK(fwrite(data, 1, size, file) == size && fclose(file) == 0);
    snprintf(path, sizeof path, "%s/source.bin", folder);
    bitsup_source *source = NULL;
    bitsup_job *job = NULL;
    OK(bitsup_source_from_file(path, &source, e));
    OK(bitsup_job_new(client, url, source, &job, e));
    bitsup_source_free(source);
    return job;
}

/* B-UPLOAD-01 B-UPLOAD-02: uploads from a file and from memory, including empty ones. */
static void uploads_of_every_size(const bitsup_client *client, const bitsup_server *server, char **folders)
{
    static const size_t sizes[] = {0, 1, FRAGMENT - 1, FRAGMENT, FRAGMENT + 1, 2 * FRAGMENT, MAX_SIZE};
    char *url = url_of(server, "a.bin");
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i / 2];
        bitsup_job *job = job_for(client, url, size, i % 2 ? folders[1] : NULL);
        uint64_t sent = 1, total = 0;
        OK(bitsup_job_run(job, e));
        CHECK(bitsup_job_state(job) == BITSUP_JOB_CLOSED);
        OK(bitsup_job_progress(job, &sent, &total, e));
        CHECK(sent == size && total == size);
        bitsup_job_free(job);
        delivered(folders[0], "a.bin", size);
    }
    free(url);
}

typedef bitsup_status (*interrupt_fn)(const bitsup_job *job, bitsup_error **error);

/* How another thread interrupts a job once its first bytes are acknowledged. */
struct interruption {
    bitsup_job *job;
    interrupt_fn interrupt;
    sem_t under_way;
};

/* B-UPLOAD-03 */
static int32_t on_progress(void *user_data, uint64_t sent, uint64_t total)
{
    CHECK(sent <= total && total == MAX_SIZE);
    sem_post(&((struct interruption *)user_data)->under_way);
    return BITSUP_CONTINUE;
}

static void *interrupt(void *argument)
{
    struct interruption *it = argument;
    sem_wait(&it->under_way);
    OK(it->interrupt(it->job, e));
    return NULL;
}

static void run_interrupted(bitsup_job *job, bitsup_status expected, interrupt_fn how)
{
    struct interruption it = {.job = job, .interrupt = how};
    bitsup_observer *observer = bitsup_observer_new(&it, NULL);
    pthread_t thread;
    CHECK(sem_init(&it.under_way, 0, 0) == 0);
    OK(bitsup_observer_on_progress(observer, on_progress, e));
    OK(bitsup_job_set_observer(job, observer, e));
    bitsup_observer_free(observer);
    CHECK(pthread_create(&thread, NULL, interrupt, &it) == 0);
    CHECK(bitsup_job_run(job, NULL) == expected);
    CHECK(pthread_join(thread, NULL) == 0);
    observer = bitsup_observer_new(NULL, NULL);
    OK(bitsup_job_set_observer(job, observer, e)); /* releases `it` */
    bitsup_observer_free(observer);
}

static uint64_t sessions(const bitsup_engine *engine)
{
    uint64_t count = 99, expired = 99, next_ms = 0;
    OK(bitsup_engine_tick(engine, &expired, &next_ms, e));
    CHECK(expired == 0 && next_ms > 0);
    OK(bitsup_engine_session_count(engine, &count, e));
    return count;
}

/* B-SUSPEND-02 B-RESUME-03: suspended from another thread, resumed by another job with the state file, then cancelled. */
static void suspended_and_resumed(const bitsup_client *slow, const bitsup_server *server,
                                  const bitsup_engine *engine, char **folders)
{
    char state[4096], *session = NULL, *url = url_of(server, "b.bin");
    snprintf(state, sizeof state, "%s/state", folders[1]);
    bitsup_job *job = job_for(slow, url, MAX_SIZE, folders[1]);
    OK(bitsup_job_set_state_path(job, state, e));
    run_interrupted(job, BITSUP_E_SUSPENDED, bitsup_job_suspend);
    CHECK(sessions(engine) == 1);
    OK(bitsup_job_session_id(job, &session, e));
    bitsup_job_free(job);

    bitsup_source *source = NULL;
    char path[4096];
    snprintf(path, sizeof path, "%s/source.bin", folders[1]);
    OK(bitsup_source_from_file(path, &source, e));
    bitsup_client *fast = make_fast_failing_client(FRAGMENT);
    OK(bitsup_job_new(fast, url, source, &job, e));
    OK(bitsup_job_set_state_path(job, state, e));
    OK(bitsup_job_run(job, e));
    bitsup_job_free(job);
    bitsup_source_free(source);
    bitsup_client_free(fast);
    delivered(folders[0], "b.bin", MAX_SIZE);
    FILE *left = fopen(state, "rb");
    CHECK(left == NULL && sessions(engine) == 0);
    EXPECT(BITSUP_E_SESSION_NOT_FOUND, session, bitsup_engine_end_session(engine, session, e));
    bitsup_string_free(session);
    free(url);
}

static void cancelled(const bitsup_client *slow, const bitsup_server *server, const bitsup_engine *engine)
{
    char *url = url_of(server, "c.bin");
    bitsup_job *job = make_job(slow, url, data, MAX_SIZE);
    run_interrupted(job, BITSUP_E_CANCELLED, bitsup_job_cancel);
    OK(bitsup_job_cancel(job, e)); /* idempotent */
    CHECK(bitsup_job_state(job) == BITSUP_JOB_CANCELLED && sessions(engine) == 0);
    bitsup_job_free(job);
    free(url);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    fill();
    bitsup_engine *engine = make_engine(argv[1]);
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_server *server = NULL;
    OK(bitsup_server_config_mount(config, "/", engine, e));
    OK(bitsup_server_start(config, &server, e));
    CHECK(bitsup_server_port(server) != 0);
    bitsup_client *client = make_fast_failing_client(FRAGMENT);
    char *root = url_of(server, "");
    OK(bitsup_client_ping(client, root, e));
    uploads_of_every_size(client, server, argv + 1);

    bitsup_client_config *slow_config = bitsup_client_config_new();
    bitsup_client *slow = NULL;
    OK(bitsup_client_config_set_fragment_size(slow_config, FRAGMENT, e));
    OK(bitsup_client_config_set_rate_limit(slow_config, 8 * FRAGMENT, e));
    OK(bitsup_client_new(slow_config, &slow, e));
    suspended_and_resumed(slow, server, engine, argv + 1);
    cancelled(slow, server, engine);

    OK(bitsup_server_stop(server, 1000, e));
    EXPECT(BITSUP_E_CONNECT, "", bitsup_client_ping(client, root, e));
    bitsup_client_free(slow);
    bitsup_client_config_free(slow_config);
    bitsup_client_free(client);
    bitsup_server_free(server);
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
    free(root);
    return 0;
}
