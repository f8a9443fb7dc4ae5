/* Creates, uses and frees every kind of object ten thousand times: memory usage stays constant. */
#define _GNU_SOURCE
#include "check.h"
#include <malloc.h>
#include <unistd.h>

enum { WARM_UP = 500, ROUNDS = 10000, SLACK = 256 * 1024 };

static const char *root;
static bitsup_client *client;
static bitsup_store *store;
static bitsup_engine *engine;

static void on_log(void *user_data, int32_t level, const char *target, const char *message, size_t message_len)
{
    (void)level, (void)target, (void)message, (void)message_len;
    ++*(int *)user_data;
}

static int32_t read_nothing(void *user_data, uint64_t offset, uint8_t *buf, size_t cap, size_t *out_len)
{
    (void)user_data, (void)offset, (void)buf, (void)cap, (void)out_len;
    return BITSUP_ABORT;
}

static void one_error(void)
{
    bitsup_error *error = NULL;
    bitsup_source *source = NULL;
    CHECK(bitsup_source_from_file("/nonexistent", &source, &error) == BITSUP_E_NOT_FOUND);
    CHECK(*bitsup_error_message(error) != '\0');
    bitsup_error_free(error);
}

static void one_logger(void)
{
    int destroyed = 0;
    bitsup_logger *logger = bitsup_logger_new(on_log, BITSUP_LOG_TRACE, &destroyed, NULL);
    bitsup_client_config *config = bitsup_client_config_new();
    OK(bitsup_client_config_set_logger(config, logger, e));
    OK(bitsup_client_config_set_user_agent(config, "leaks", e));
    OK(bitsup_client_config_add_header(config, "X-Test", "1", e));
    bitsup_client_config_free(config);
    bitsup_logger_free(logger);
}

static void one_client(void)
{
    bitsup_client_free(make_client());
}

static void one_source(void)
{
    int destroyed = 0;
    bitsup_source *source = make_source("some bytes", 10);
    bitsup_source_free(source);
    OK(bitsup_source_from_reader(read_nothing, 10, &destroyed, count_destroy, &source, e));
    bitsup_source_free(source);
    OK(bitsup_source_from_file("/proc/self/exe", &source, e));
    bitsup_source_free(source);
    CHECK(destroyed == 1);
}

static void one_job(void)
{
    bitsup_observer *observer = bitsup_observer_new(NULL, NULL);
    bitsup_job *job = make_job(client, "http://127.0.0.1:1/a", "some bytes", 10);
    uint8_t *state = NULL;
    size_t len = 0;
    OK(bitsup_observer_on_state(observer, NULL, e));
    OK(bitsup_job_set_observer(job, observer, e));
    OK(bitsup_job_set_content_name(job, "name", e));
    OK(bitsup_job_export(job, &state, &len, e));
    OK(bitsup_job_import(job, state, len, e));
    OK(bitsup_job_set_rate_limit(job, 1, e));
    bitsup_bytes_free(state, len);
    bitsup_observer_free(observer);
    bitsup_job_free(job);
}

static void one_engine(void)
{
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    bitsup_engine_config *config = bitsup_engine_config_new();
    bitsup_engine *one = NULL;
    uint64_t count = 99;
    OK(bitsup_hooks_on_request(hooks, NULL, e));
    OK(bitsup_engine_config_set_store(config, store, e));
    OK(bitsup_engine_config_set_hooks(config, hooks, e));
    OK(bitsup_engine_new(config, &one, e));
    OK(bitsup_engine_session_count(one, &count, e));
    bitsup_engine_free(one);
    bitsup_engine_config_free(config);
    bitsup_hooks_free(hooks);
}

static void one_store(void)
{
    bitsup_store_free(make_store(root));
}

static void one_server(void)
{
    bitsup_server *server = make_server_for(engine);
    char *url = NULL;
    OK(bitsup_server_url(server, &url, e));
    bitsup_string_free(url);
    OK(bitsup_server_stop(server, 0, e));
    bitsup_server_free(server);
}

static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%*d %ld", &pages) == 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void memory_is_constant(const char *name, void (*round)(void))
{
    for (int i = 0; i < WARM_UP; i++)
        round();
    long before = resident();
    size_t in_use = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int i = 0; i < ROUNDS; i++)
        round();
    long grown = resident() - before;
    long long kept = (long long)(mallinfo2().uordblks + mallinfo2().hblkhd) - (long long)in_use;
    if (grown > SLACK || kept >= ROUNDS)
        fprintf(stderr, "%s: %ld bytes more are resident, %lld more are in use\n", name, grown, kept);
    CHECK(grown <= SLACK && kept < ROUNDS); /* less than a byte per round */
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    root = argv[1];
    client = make_client();
    memory_is_constant("errors", one_error);
    memory_is_constant("loggers", one_logger);
    memory_is_constant("clients", one_client);
    memory_is_constant("sources", one_source);
    memory_is_constant("jobs", one_job);
    memory_is_constant("stores", one_store);
    store = make_store(root);
    memory_is_constant("engines", one_engine);
    bitsup_store_free(store);
    engine = make_engine(argv[2]);
    memory_is_constant("servers", one_server);
    bitsup_engine_free(engine);
    bitsup_client_free(client);
    return 0;
}
