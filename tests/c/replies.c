/* Replies from bytes, files and URLs, and what jobs and downloads report about them. */
#include "check.h"

enum { SIZE = 20000, FRAGMENT = 8192 };

enum kind { NONE, EMPTY, BYTES, STAGED_FILE, OTHER_FILE, STATIC_URL };

/* The state of the hooks, which run one at a time here. */
struct app {
    enum kind kind;
    char folder[2048];
    char *url;
    int asked_for_reply;
};

/* The folders of the tests. */
struct places {
    const char *root;
    char reply[4096], file[4096];
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static int exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file != NULL)
        fclose(file);
    return file != NULL;
}

/* Checks the content of the file and deletes it. */
static void holds(const char *path, const char *text)
{
    char found[256] = "";
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    CHECK(strcmp(found, text) == 0 && remove(path) == 0);
}

static int32_t on_request(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    struct app *app = user_data;
    app->asked_for_reply += bitsup_upload_packet(upload) == BITSUP_PACKET_REPLY;
    OK(bitsup_verdict_set_owner(verdict, bitsup_upload_header(upload, "X-User"), e));
    return BITSUP_CONTINUE;
}

static int32_t on_received(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    struct app *app = user_data;
    char path[4096];
    OK(bitsup_verdict_set_keep_file(verdict, app->kind == BYTES, e));
    switch (app->kind) {
    case NONE:
        break;
    case EMPTY:
        OK(bitsup_verdict_set_reply_bytes(verdict, NULL, 0, e));
        break;
    case BYTES:
        OK(bitsup_verdict_set_reply_url(verdict, "http://127.0.0.1:1/replaced", e));
        OK(bitsup_verdict_set_reply_bytes(verdict, (const uint8_t *)"bytes", 5, e));
        break;
    case STAGED_FILE:
        write_file(bitsup_upload_reply_path(upload), "staged");
        OK(bitsup_verdict_set_reply_path(verdict, bitsup_upload_reply_path(upload), e));
        break;
    case OTHER_FILE:
        snprintf(path, sizeof path, "%s/other", app->folder);
        write_file(path, "other");
        OK(bitsup_verdict_set_reply_path(verdict, path, e));
        break;
    case STATIC_URL:
        OK(bitsup_verdict_set_reply_url(verdict, app->url, e));
        break;
    }
    return BITSUP_CONTINUE;
}

/* What an observer received about a reply. */
struct seen {
    uint64_t received, total;
    int fetching, abort;
};

static int32_t on_reply_progress(void *user_data, uint64_t received, uint64_t total)
{
    struct seen *seen = user_data;
    CHECK(total == UINT64_MAX || received <= total);
    seen->received = received;
    seen->total = total;
    return seen->abort ? BITSUP_ABORT : BITSUP_CONTINUE;
}

static void on_state(void *user_data, int32_t from, int32_t to)
{
    struct seen *seen = user_data;
    seen->fetching += to == BITSUP_JOB_FETCHING_REPLY;
    CHECK(from != BITSUP_JOB_FETCHING_REPLY || to == BITSUP_JOB_TRANSFERRED || to == BITSUP_JOB_WAITING ||
          to == BITSUP_JOB_FAILED);
}

static bitsup_observer *observe(struct seen *seen)
{
    bitsup_observer *observer = bitsup_observer_new(seen, NULL);
    OK(bitsup_observer_on_reply_progress(observer, on_reply_progress, e));
    OK(bitsup_observer_on_state(observer, on_state, e));
    return observer;
}

/* A client that sends a user name. */
static bitsup_client *make_user(const char *name, int32_t method_override)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    OK(bitsup_client_config_set_fragment_size(config, FRAGMENT, e));
    OK(bitsup_client_config_set_retry(config, 1, 1, 1, e));
    OK(bitsup_client_config_add_header(config, "X-User", name, e));
    OK(bitsup_client_config_set_method_override(config, method_override, e));
    OK(bitsup_client_new(config, &client, e));
    bitsup_client_config_free(config);
    return client;
}

static bitsup_status upload(const bitsup_client *client, const bitsup_server *server, const char *reply,
                            struct seen *seen, char **reply_url)
{
    static const uint8_t data[SIZE];
    char *url = url_of(server, "a.bin");
    bitsup_job *job = make_job(client, url, data, SIZE);
    bitsup_observer *observer = observe(seen);
    OK(bitsup_job_set_observer(job, observer, e));
    OK(bitsup_job_set_reply_path(job, reply, e));
    EXPECT(BITSUP_E_INVALID_STATE, "reply", bitsup_job_reply_url(job, reply_url, e));
    bitsup_status status = bitsup_job_run(job, NULL);
    bitsup_job_reply_url(job, reply_url, NULL);
    bitsup_job_free(job);
    bitsup_observer_free(observer);
    free(url);
    return status;
}

/* B-REPLY-01 B-REPLY-02 B-HOOK-04: replies from bytes and from files, and uploads that are discarded. */
static void every_kind_of_reply(struct app *app, const bitsup_server *server, const struct places *places)
{
    static const char *const texts[] = {NULL, "", "bytes", "staged", "other", "staged"};
    bitsup_client *client = make_user("alice", 0);
    char other[4096];
    snprintf(other, sizeof other, "%s/other", app->folder);
    for (enum kind kind = EMPTY; kind <= STATIC_URL; kind++) {
        struct seen seen = {0};
        char *reply_url = NULL;
        app->kind = kind;
        CHECK(upload(client, server, places->reply, &seen, &reply_url) == BITSUP_OK);
        CHECK(reply_url != NULL && (kind != STATIC_URL || strcmp(reply_url, app->url) == 0));
        CHECK(seen.fetching == 1 && seen.received == strlen(texts[kind]) && seen.total == seen.received);
        holds(places->reply, texts[kind]);
        CHECK(exists(places->file) == (kind == BYTES));
        remove(places->file);
        CHECK(!exists(other)); /* moved by the server */
        bitsup_string_free(reply_url);
    }
    bitsup_client_free(client);
}

/* B-REPLY-03 */
static void missing_reply_fails_the_job(struct app *app, const bitsup_server *server,
                                                       const struct places *places)
{
    bitsup_client *client = make_user("alice", 0);
    struct seen seen = {0};
    char *reply_url = NULL;
    app->kind = NONE;
    CHECK(upload(client, server, places->reply, &seen, &reply_url) == BITSUP_E_PROTOCOL);
    CHECK(reply_url == NULL && seen.fetching == 0 && !exists(places->reply));
    bitsup_client_free(client);
}

/* B-REPLY-04 B-HOOK-01: after an interruption the session stays open, and only its owner can read the reply. */
static void downloads(struct app *app, const bitsup_server *server, const struct places *places)
{
    bitsup_client *alice = make_user("alice", 0), *bob = make_user("bob", 0);
    struct seen seen = {.abort = 1};
    char *reply_url = NULL;
    app->kind = BYTES;
    CHECK(upload(alice, server, places->reply, &seen, &reply_url) == BITSUP_E_CALLBACK);
    app->asked_for_reply = 0;
    EXPECT(BITSUP_E_HTTP_STATUS, "403", bitsup_client_download(bob, reply_url, places->reply, NULL, e));
    CHECK(app->asked_for_reply == 2 && !exists(places->reply));

    bitsup_observer *observer = observe(&seen);
    EXPECT(BITSUP_E_CALLBACK, "", bitsup_client_download(alice, reply_url, places->reply, observer, e));
    CHECK(!exists(places->reply));
    seen.abort = 0;
    OK(bitsup_client_download(alice, reply_url, places->reply, observer, e));
    CHECK(seen.received == 5 && seen.total == 5);
    holds(places->reply, "bytes");
    OK(bitsup_client_download(alice, reply_url, places->reply, NULL, e));
    holds(places->reply, "bytes");
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "directory", bitsup_client_download(alice, reply_url, places->root, NULL, e));
    bitsup_observer_free(observer);
    bitsup_string_free(reply_url);
    bitsup_client_free(alice);
    bitsup_client_free(bob);
}

/* Reply URLs as configured, and POST instead of BITS_POST. */
static void addresses(struct app *app, const struct places *places, bitsup_hooks *hooks)
{
    bitsup_client *client = make_user("alice", 1);
    bitsup_store *store = make_store(places->root);
    for (int i = 0; i < 3; i++) {
        bitsup_engine_config *config = bitsup_engine_config_new();
        bitsup_engine *engine = NULL;
        struct seen seen = {.abort = 1};
        char *reply_url = NULL;
        OK(bitsup_engine_config_set_store(config, store, e));
        OK(bitsup_engine_config_set_hooks(config, hooks, e));
        OK(bitsup_engine_config_set_allow_overwrite(config, 1, e));
        OK(bitsup_engine_config_set_method_override(config, i, e));
        if (i == 1)
            OK(bitsup_engine_config_set_public_url(config, "http://127.0.0.1:1/public", e));
        if (i == 2)
            OK(bitsup_engine_config_set_host_id(config, "localhost", 60, e));
        OK(bitsup_engine_new(config, &engine, e));
        bitsup_server *server = make_server_for(engine);
        app->kind = BYTES;
        CHECK(upload(client, server, places->reply, &seen, &reply_url) != BITSUP_OK);
        CHECK((reply_url != NULL) == (i > 0)); /* the first server does not accept the override */
        CHECK(i != 1 || strncmp(reply_url, "http://127.0.0.1:1/public/", 26) == 0);
        CHECK(i != 2 || strncmp(reply_url, "http://localhost:", 17) == 0);
        bitsup_string_free(reply_url);
        OK(bitsup_server_stop(server, 1000, e));
        bitsup_server_free(server);
        bitsup_engine_free(engine);
        bitsup_engine_config_free(config);
    }
    bitsup_store_free(store);
    bitsup_client_free(client);
}

/* A server whose reply is kept. */
static bitsup_server *make_static(struct app *app, const char *root, const char *reply, char **reply_url)
{
    bitsup_hooks *hooks = bitsup_hooks_new(app, NULL);
    OK(bitsup_hooks_on_received(hooks, on_received, e));
    bitsup_server *server = make_server_with(root, hooks);
    bitsup_client *client = make_user("carol", 0);
    struct seen seen = {.abort = 1};
    app->kind = STAGED_FILE;
    CHECK(upload(client, server, reply, &seen, reply_url) == BITSUP_E_CALLBACK);
    bitsup_client_free(client);
    bitsup_hooks_free(hooks);
    return server;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    struct app app = {0}, elsewhere = {0};
    struct places places = {.root = argv[1]};
    snprintf(app.folder, sizeof app.folder, "%s", argv[2]);
    snprintf(places.reply, sizeof places.reply, "%s/reply", argv[2]);
    snprintf(places.file, sizeof places.file, "%s/a.bin", argv[1]);
    bitsup_hooks *hooks = bitsup_hooks_new(&app, NULL);
    OK(bitsup_hooks_on_request(hooks, on_request, e));
    OK(bitsup_hooks_on_received(hooks, on_received, e));
    bitsup_server *server = make_server_with(argv[1], hooks);
    bitsup_server *other = make_static(&elsewhere, argv[2], places.reply, &app.url);
    missing_reply_fails_the_job(&app, server, &places);
    every_kind_of_reply(&app, server, &places);
    downloads(&app, server, &places);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    OK(bitsup_server_stop(other, 1000, e));
    bitsup_server_free(other);
    bitsup_string_free(app.url);
    addresses(&app, &places, hooks);
    bitsup_hooks_free(hooks);
    return 0;
}
