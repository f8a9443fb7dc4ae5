/* Objects can be freed in any order and on any thread, and stay alive while others need them. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>

enum { OBJECTS = 6 };

typedef void (*free_fn)(void *object);

/* One object and how to free it. */
struct owned {
    void *object;
    free_fn free;
};

#define FREE(type) \
    static void free_##type(void *object) { bitsup_##type##_free(object); }
FREE(logger)
FREE(client_config)
FREE(client)
FREE(source)
FREE(observer)
FREE(job)
FREE(store)
FREE(engine_config)
FREE(engine)
FREE(server_config)
FREE(server)

static void *free_all(void *argument)
{
    struct owned *all = argument;
    for (int i = 0; i < OBJECTS; i++)
        all[i].free(all[i].object);
    return NULL;
}

static int32_t read_nothing(void *user_data, uint64_t offset, uint8_t *buf, size_t cap, size_t *out_len)
{
    (void)user_data, (void)offset, (void)buf, (void)cap, (void)out_len;
    return BITSUP_ABORT;
}

static void on_log(void *user_data, int32_t level, const char *target, const char *message, size_t message_len)
{
    CHECK(*(int *)user_data == 0 && level >= BITSUP_LOG_ERROR && strlen(message) == message_len && *target != 0);
}

/* Creates the objects of a client. `destroyed` counts the destroy callbacks of observer, reader and logger. */
static void make_client_side(struct owned *all, int *destroyed)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    bitsup_source *source = NULL;
    bitsup_logger *logger = bitsup_logger_new(on_log, BITSUP_LOG_TRACE, destroyed, count_destroy);
    OK(bitsup_client_config_set_logger(config, logger, e));
    OK(bitsup_client_new(config, &client, e));
    OK(bitsup_source_from_reader(read_nothing, 3, destroyed, count_destroy, &source, e));
    bitsup_observer *observer = bitsup_observer_new(destroyed, count_destroy);
    bitsup_job *job = NULL;
    OK(bitsup_job_new(client, "http://127.0.0.1:1/a", source, &job, e));
    OK(bitsup_job_set_observer(job, observer, e));
    all[0] = (struct owned){config, free_client_config};
    all[1] = (struct owned){client, free_client};
    all[2] = (struct owned){source, free_source};
    all[3] = (struct owned){observer, free_observer};
    all[4] = (struct owned){job, free_job};
    all[5] = (struct owned){logger, free_logger};
}

static void make_server_side(struct owned *all, const char *root, int *destroyed)
{
    bitsup_store *store = make_store(root);
    bitsup_engine_config *engine_config = bitsup_engine_config_new();
    bitsup_engine *engine = NULL;
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_server *server = NULL;
    bitsup_logger *logger = bitsup_logger_new(on_log, BITSUP_LOG_TRACE, destroyed, count_destroy);
    OK(bitsup_engine_config_set_logger(engine_config, logger, e));
    OK(bitsup_server_config_set_logger(config, logger, e));
    OK(bitsup_engine_config_set_store(engine_config, store, e));
    OK(bitsup_engine_new(engine_config, &engine, e));
    OK(bitsup_server_config_mount(config, "/", engine, e));
    OK(bitsup_server_start(config, &server, e));
    OK(bitsup_server_stop(server, 0, e)); /* so that the root is unlocked once all objects are freed */
    all[0] = (struct owned){store, free_store};
    all[1] = (struct owned){engine_config, free_engine_config};
    all[2] = (struct owned){engine, free_engine};
    all[3] = (struct owned){config, free_server_config};
    all[4] = (struct owned){server, free_server};
    all[5] = (struct owned){logger, free_logger};
}

/* B-LIFE-01: the n-th of 720 permutations. */
static void permute(struct owned *all, int n)
{
    for (int left = OBJECTS; left > 1; n /= left, left--) {
        struct owned chosen = all[n % left];
        all[n % left] = all[left - 1];
        all[left - 1] = chosen;
    }
}

/* A server keeps its store alive. */
static void server_keeps_its_store_alive(const char *root)
{
    bitsup_server *server = make_server(root);
    bitsup_client *client = make_client();
    char *url = url_of(server, "kept.txt");
    bitsup_job *job = make_job(client, url, "kept", 4);
    bitsup_client_free(client);
    OK(bitsup_job_run(job, e));
    bitsup_job_free(job);
    OK(bitsup_server_stop(server, 0, e));
    OK(bitsup_server_stop(server, 0, e));
    bitsup_server_free(server);
    free(url);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    struct owned all[OBJECTS];
    for (int n = 0; n < 720; n += 5) {
        int destroyed = 0;
        make_client_side(all, &destroyed);
        permute(all, n);
        free_all(all);
        CHECK(destroyed == 3);
    }
    for (int n = 0; n < 720; n += 41) {
        pthread_t thread;
        int destroyed = 0;
        make_server_side(all, argv[1], &destroyed);
        permute(all, n);
        CHECK(pthread_create(&thread, NULL, free_all, all) == 0);
        CHECK(pthread_join(thread, NULL) == 0);
        CHECK(destroyed == 1);
    }
    server_keeps_its_store_alive(argv[2]);

    /* Freed without a stop: the server stops asynchronously. */
    bitsup_server_free(make_server(argv[2]));
    return 0;
}
