/* Loggers: messages and their threads, what callbacks may call, and that no message contains a secret. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>

enum { SIZE = 20000, SECRETS = 3 };

static const char *const secrets[SECRETS] = {"hush-token", "hush-header", "hush-job"};

/* The messages that one logger received. */
struct log_record {
    pthread_mutex_t lock;
    pthread_t main;
    int messages;
    int from_other_threads; /* on threads other than the main thread */
    int32_t most_severe, least_severe;
    int destroyed;
    char targets[4096];
};

static void on_log(void *user_data, int32_t level, const char *target, const char *message, size_t message_len)
{
    struct log_record *log_record = user_data;
    CHECK(level >= BITSUP_LOG_ERROR && level <= BITSUP_LOG_TRACE);
    CHECK(strlen(message) == message_len && message_len > 0);
    for (int i = 0; i < SECRETS; i++)
        CHECK(strstr(message, secrets[i]) == NULL);
    CHECK(pthread_mutex_lock(&log_record->lock) == 0);
    CHECK(log_record->destroyed == 0);
    log_record->messages++;
    log_record->from_other_threads += !pthread_equal(pthread_self(), log_record->main);
    log_record->most_severe = level < log_record->most_severe ? level : log_record->most_severe;
    log_record->least_severe = level > log_record->least_severe ? level : log_record->least_severe;
    if (strstr(log_record->targets, target) == NULL)
        strncat(log_record->targets, target, sizeof log_record->targets - strlen(log_record->targets) - 1);
    pthread_mutex_unlock(&log_record->lock);
}

static void destroyed(void *user_data)
{
    ++((struct log_record *)user_data)->destroyed;
}

static bitsup_logger *make_logger(struct log_record *log_record, int32_t max_level)
{
    memset(log_record, 0, sizeof *log_record);
    CHECK(pthread_mutex_init(&log_record->lock, NULL) == 0);
    log_record->main = pthread_self();
    log_record->most_severe = BITSUP_LOG_TRACE + 1;
    return bitsup_logger_new(on_log, max_level, log_record, destroyed);
}

static bitsup_server *make_logging_server(const char *root, bitsup_logger *logger)
{
    bitsup_store *store = make_store(root);
    bitsup_engine_config *engine_config = bitsup_engine_config_new();
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_engine *engine = NULL;
    bitsup_server *server = NULL;
    OK(bitsup_engine_config_set_store(engine_config, store, e));
    OK(bitsup_engine_config_set_allow_overwrite(engine_config, 1, e));
    OK(bitsup_engine_config_set_logger(engine_config, logger, e));
    OK(bitsup_engine_new(engine_config, &engine, e));
    OK(bitsup_server_config_mount(config, "/", engine, e));
    OK(bitsup_server_config_set_logger(config, logger, e));
    OK(bitsup_server_start(config, &server, e));
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
    bitsup_engine_config_free(engine_config);
    bitsup_store_free(store);
    return server;
}

static bitsup_client *make_logging_client(bitsup_logger *logger)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    OK(bitsup_client_config_set_retry(config, 2, 1, 1, e));
    OK(bitsup_client_config_add_header(config, "Authorization", "Bearer hush-token", e));
    OK(bitsup_client_config_add_header(config, "X-Key", "hush-header", e));
    OK(bitsup_client_config_set_logger(config, logger, e));
    OK(bitsup_client_new(config, &client, e));
    bitsup_client_config_free(config);
    return client;
}

/* Runs an upload that succeeds, one that is rejected, and one without a server. */
static void upload(const bitsup_client *client, const bitsup_server *server)
{
    static uint8_t data[SIZE];
    static const char *const names[] = {"a.bin", "no/such/folder", NULL};
    for (int i = 0; i < 3; i++) {
        char *url = names[i] != NULL ? url_of(server, names[i]) : NULL;
        bitsup_job *job = make_job(client, url != NULL ? url : "http://127.0.0.1:1/x", data, SIZE);
        OK(bitsup_job_add_header(job, "X-Job", "hush-job", e));
        bitsup_error *error = NULL;
        CHECK((bitsup_job_run(job, &error) == BITSUP_OK) == (i == 0));
        for (int j = 0; j < SECRETS; j++)
            CHECK(strstr(bitsup_error_message(error), secrets[j]) == NULL);
        bitsup_error_free(error);
        bitsup_job_free(job);
        free(url);
    }
}

/* B-LOG-01: client and server log to their own loggers, also from the threads of the server. */
static void client_and_server_log(const char *root)
{
    struct log_record by_client, by_server;
    bitsup_logger *logger = make_logger(&by_server, BITSUP_LOG_TRACE);
    bitsup_server *server = make_logging_server(root, logger);
    bitsup_logger_free(logger);
    logger = make_logger(&by_client, BITSUP_LOG_TRACE);
    bitsup_client *client = make_logging_client(logger);
    bitsup_logger_free(logger);
    upload(client, server);
    CHECK(by_client.destroyed == 0 && by_server.destroyed == 0);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    bitsup_client_free(client);
    CHECK(by_client.destroyed == 1 && by_server.destroyed == 1);
    CHECK(by_client.messages > 6 && by_client.from_other_threads == 0);
    CHECK(strcmp(by_client.targets, "client") == 0);
    CHECK(by_server.messages > 3 && by_server.from_other_threads > 0);
    CHECK(strstr(by_server.targets, "engine") != NULL);
    CHECK(strstr(by_server.targets, "server") != NULL);
    CHECK(by_client.least_severe >= BITSUP_LOG_DEBUG && by_server.least_severe >= BITSUP_LOG_DEBUG);
    CHECK(by_client.most_severe > BITSUP_LOG_ERROR && by_server.most_severe > BITSUP_LOG_ERROR); /* errors of the peer */
}

/* Counts accepted fragments, and reads the metrics while doing so. */
struct auditor {
    pthread_mutex_t lock;
    bitsup_server *server;
    int lines, fragments, destroyed;
};

static void audit(void *user_data, int32_t level, const char *target, const char *message, size_t message_len)
{
    struct auditor *auditor = user_data;
    CHECK(level == BITSUP_LOG_INFO && strcmp(target, "access") == 0);
    CHECK(message[0] == '{' && message[message_len - 1] == '}' && strchr(message, '\n') == NULL);
    CHECK(strstr(message, "Authorization") == NULL);
    for (int i = 0; i < SECRETS; i++)
        CHECK(strstr(message, secrets[i]) == NULL);
    CHECK(pthread_mutex_lock(&auditor->lock) == 0);
    bitsup_server *server = auditor->server;
    auditor->lines++;
    auditor->fragments += strstr(message, "\"packet\":\"Fragment\"") && strstr(message, "\"status\":200");
    pthread_mutex_unlock(&auditor->lock);
    if (server != NULL) {
        char *text = NULL;
        OK(bitsup_server_metrics(server, &text, e));
        CHECK(strstr(text, "# TYPE bitsup_received_bytes_total counter\n") != NULL);
        bitsup_string_free(text);
    }
}

static void auditor_destroyed(void *user_data)
{
    ++((struct auditor *)user_data)->destroyed;
}

static void every_request_is_logged(const char *root)
{
    struct auditor auditor = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct log_record log_record;
    bitsup_logger *logger = bitsup_logger_new(audit, BITSUP_LOG_INFO, &auditor, auditor_destroyed);
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_engine *engine = make_engine(root);
    OK(bitsup_server_config_mount(config, "/", engine, e));
    OK(bitsup_server_config_set_access_logger(config, logger, e));
    OK(bitsup_server_start(config, &auditor.server, e));
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
    bitsup_logger_free(logger);
    logger = make_logger(&log_record, BITSUP_LOG_ERROR);
    bitsup_client *client = make_logging_client(logger);
    bitsup_logger_free(logger);
    upload(client, auditor.server);
    bitsup_client_free(client);
    bitsup_server *server = auditor.server;
    OK(bitsup_server_stop(server, 1000, e));
    CHECK(auditor.lines > 5 && auditor.fragments > 0 && auditor.destroyed == 0);
    char *text = NULL;
    OK(bitsup_server_metrics(server, &text, e));
    CHECK(strstr(text, "bitsup_session_events_total{event=\"closed\"} 1\n") != NULL);
    bitsup_string_free(text);
    bitsup_server_free(server);
    CHECK(auditor.destroyed == 1);
}

/* B-LOG-02 */
static void level_is_respected(const char *root)
{
    for (int32_t level = BITSUP_LOG_ERROR; level <= BITSUP_LOG_TRACE; level++) {
        struct log_record log_record;
        bitsup_logger *logger = make_logger(&log_record, level);
        bitsup_server *server = make_logging_server(root, logger);
        bitsup_client *client = make_logging_client(logger);
        upload(client, server);
        OK(bitsup_server_stop(server, 1000, e));
        bitsup_server_free(server);
        bitsup_client_free(client);
        bitsup_logger_free(logger);
        CHECK(log_record.destroyed == 1 && log_record.least_severe <= level);
        CHECK((log_record.messages > 0) == (level >= BITSUP_LOG_INFO));
    }
}

/* A callback that makes const calls and frees the object that calls it. */
struct reentrant_logger {
    bitsup_job *job;
    bitsup_logger *logger;
    int messages;
    int destroyed;
};

static void on_reentrant_log(void *user_data, int32_t level, const char *target, const char *message,
                             size_t message_len)
{
    struct reentrant_logger *reentrant_logger = user_data;
    uint64_t sent = 0, total = 0;
    (void)level, (void)target, (void)message, (void)message_len;
    if (reentrant_logger->messages++ > 0)
        return;
    OK(bitsup_job_progress(reentrant_logger->job, &sent, &total, e));
    CHECK(total == SIZE);
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_run(reentrant_logger->job, e));
    bitsup_job_free(reentrant_logger->job);
    bitsup_logger_free(reentrant_logger->logger);
}

static void reentrant_logger_destroyed(void *user_data)
{
    ++((struct reentrant_logger *)user_data)->destroyed;
}

static void callbacks_may_free_objects(const char *root)
{
    static uint8_t data[SIZE];
    struct reentrant_logger reentrant_logger = {0};
    bitsup_server *server = make_server(root);
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    char *url = url_of(server, "b.bin");
    reentrant_logger.logger =
        bitsup_logger_new(on_reentrant_log, BITSUP_LOG_TRACE, &reentrant_logger, reentrant_logger_destroyed);
    OK(bitsup_client_config_set_logger(config, reentrant_logger.logger, e));
    OK(bitsup_client_new(config, &client, e));
    bitsup_client_config_free(config);
    reentrant_logger.job = make_job(client, url, data, SIZE);
    bitsup_client_free(client);
    bitsup_job *job = reentrant_logger.job;
    OK(bitsup_job_run(job, e));
    CHECK(reentrant_logger.messages > 1 && reentrant_logger.destroyed == 1);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    free(url);
}

/* Setting a logger replaces, and may destroy, the previous one. */
static void replaced_logger_is_destroyed(void)
{
    struct log_record first, second;
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_logger *one = make_logger(&first, BITSUP_LOG_INFO), *two = make_logger(&second, BITSUP_LOG_INFO);
    OK(bitsup_client_config_set_logger(config, one, e));
    OK(bitsup_client_config_set_logger(config, one, e));
    bitsup_logger_free(one);
    CHECK(first.destroyed == 0);
    OK(bitsup_client_config_set_logger(config, two, e));
    CHECK(first.destroyed == 1 && second.destroyed == 0);
    bitsup_client_config_free(config);
    CHECK(second.destroyed == 0);
    bitsup_logger_free(two);
    CHECK(second.destroyed == 1);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    every_request_is_logged(argv[1]);
    client_and_server_log(argv[1]);
    level_is_respected(argv[1]);
    callbacks_may_free_objects(argv[2]);
    replaced_logger_is_destroyed();
    return 0;
}
