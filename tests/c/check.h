/* Shared by the C tests: assertions that report their location, and constructors for common objects. */
#ifndef CHECK_H
#define CHECK_H
#include <bitsup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* Asserts that the call, which may name `e` as its error parameter, returns the status and, if it fails, sets an error
 * with that status whose message contains `text`. Then repeats a failing call without an error parameter. */
#define EXPECT(expected, text, call)                                              \
    do {                                                                          \
        bitsup_error *error_ = NULL, **e = &error_;                               \
        bitsup_status status_ = (call);                                           \
        expect_(__FILE__, __LINE__, #call, expected, text, status_, error_);      \
        bitsup_error_free(error_);                                                \
        if (status_ != BITSUP_OK) {                                               \
            e = NULL;                                                             \
            CHECK((call) == (expected));                                          \
        }                                                                         \
    } while (0)

#define OK(call) EXPECT(BITSUP_OK, "", call)

static inline void expect_(const char *file, int line, const char *call, bitsup_status expected,
                           const char *text, bitsup_status status, const bitsup_error *error)
{
    const char *message = bitsup_error_message(error);
    if (status != expected || bitsup_error_status(error) != expected || strstr(message, text) == NULL) {
        fprintf(stderr, "%s:%d: %s\n  returned %s: %s\n  expected %s: %s\n", file, line, call,
                bitsup_status_name(status), message, bitsup_status_name(expected), text);
        exit(1);
    }
}

/* Counts the calls of a destroy callback. */
static inline void count_destroy(void *user_data)
{
    ++*(int *)user_data;
}

static inline bitsup_client *make_client(void)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    OK(bitsup_client_new(config, &client, e));
    bitsup_client_config_free(config);
    return client;
}

/* A client with small fragments and short retries, which fails at the first permanent error. */
static inline bitsup_client *make_fast_failing_client(uint64_t fragment_size)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    OK(bitsup_client_config_set_fragment_size(config, fragment_size, e));
    OK(bitsup_client_config_set_retry(config, 3, 1, 1, e));
    OK(bitsup_client_new(config, &client, e));
    bitsup_client_config_free(config);
    return client;
}

static inline bitsup_source *make_source(const void *data, size_t len)
{
    bitsup_source *source = NULL;
    OK(bitsup_source_from_bytes(data, len, &source, e));
    return source;
}

static inline bitsup_job *make_job(const bitsup_client *client, const char *url, const void *data, size_t len)
{
    bitsup_source *source = make_source(data, len);
    bitsup_job *job = NULL;
    OK(bitsup_job_new(client, url, source, &job, e));
    bitsup_source_free(source);
    return job;
}

static inline bitsup_store *make_store(const char *root)
{
    bitsup_store *store = NULL;
    OK(bitsup_store_new_dir(root, BITSUP_DURABILITY_NONE, 0, &store, e));
    return store;
}

/* `hooks` may be NULL. */
static inline bitsup_engine *make_engine_with(const char *root, bitsup_hooks *hooks)
{
    bitsup_store *store = make_store(root);
    bitsup_engine_config *config = bitsup_engine_config_new();
    bitsup_engine *engine = NULL;
    OK(bitsup_engine_config_set_store(config, store, e));
    OK(bitsup_engine_config_set_allow_overwrite(config, 1, e));
    if (hooks != NULL)
        OK(bitsup_engine_config_set_hooks(config, hooks, e));
    OK(bitsup_engine_new(config, &engine, e));
    bitsup_engine_config_free(config);
    bitsup_store_free(store);
    return engine;
}

static inline bitsup_engine *make_engine(const char *root)
{
    return make_engine_with(root, NULL);
}

static inline bitsup_server *make_server_for(const bitsup_engine *engine)
{
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_server *server = NULL;
    OK(bitsup_server_config_mount(config, "/", engine, e));
    OK(bitsup_server_start(config, &server, e));
    bitsup_server_config_free(config);
    return server;
}

/* `hooks` may be NULL. */
static inline bitsup_server *make_server_with(const char *root, bitsup_hooks *hooks)
{
    bitsup_engine *engine = make_engine_with(root, hooks);
    bitsup_server *server = make_server_for(engine);
    bitsup_engine_free(engine);
    return server;
}

static inline bitsup_server *make_server(const char *root)
{
    return make_server_with(root, NULL);
}

/* The URL of a file on the server. Free it with free(). */
static inline char *url_of(const bitsup_server *server, const char *name)
{
    char *root = NULL;
    OK(bitsup_server_url(server, &root, e));
    size_t size = strlen(root) + strlen(name) + 1;
    char *url = malloc(size);
    CHECK(url != NULL);
    snprintf(url, size, "%s%s", root, name);
    bitsup_string_free(root);
    return url;
}

#endif
