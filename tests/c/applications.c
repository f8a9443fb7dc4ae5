/* Hooks that free, stop, end and wait from within callbacks; `destroy` runs exactly once. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <semaphore.h>

enum { SIZE = 20000, FRAGMENT = 8192, UPLOADS = 8 };

enum action { ANSWER, REENTER, END_SESSION, FREE_ALL, FREE_SERVER, STOP_SERVER, WAIT };

/* The state of the hooks of one server. */
struct app {
    enum action action;
    const char *name;
    bitsup_hooks *hooks;
    bitsup_engine *engine;
    bitsup_server *server;
    _Atomic int received, cancelled, closed, destroyed;
    sem_t entered, go_on, gone;
};

static void destroyed(void *user_data)
{
    struct app *app = user_data;
    app->destroyed++;
    sem_post(&app->gone);
}

static void reenter(struct app *app)
{
    uint64_t count = 0, expired = 9, next_ms = 0;
    char *url = NULL;
    OK(bitsup_engine_session_count(app->engine, &count, e));
    OK(bitsup_engine_tick(app->engine, &expired, &next_ms, e));
    CHECK(count == 1 && expired == 0);
    OK(bitsup_server_url(app->server, &url, e));
    CHECK(bitsup_server_port(app->server) != 0);
    bitsup_string_free(url);
    OK(bitsup_hooks_on_progress(app->hooks, NULL, e)); /* for engines created later */
}

static int32_t on_received(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    struct app *app = user_data;
    bitsup_server *server = app->server;
    CHECK(app->destroyed == 0);
    app->received++;
    switch (app->action) {
    case REENTER:
        reenter(app);
        break;
    case END_SESSION:
        if (app->received == 1)
            OK(bitsup_engine_end_session(app->engine, bitsup_upload_session_id(upload), e));
        break;
    case FREE_ALL:
        bitsup_hooks_free(app->hooks);
        bitsup_engine_free(app->engine);
        break;
    case FREE_SERVER:
        bitsup_hooks_free(app->hooks);
        bitsup_engine_free(app->engine);
        bitsup_server_free(server);
        break;
    case STOP_SERVER:
        CHECK(bitsup_server_stop(server, 0, NULL) == BITSUP_E_BUSY);
        break;
    case WAIT:
        sem_post(&app->entered);
        sem_wait(&app->go_on);
        break;
    case ANSWER:
        break;
    }
    OK(bitsup_verdict_set_reply_bytes(verdict, (const uint8_t *)app->name, strlen(app->name), e));
    CHECK(bitsup_upload_received(upload) == SIZE); /* valid although objects were freed */
    return BITSUP_CONTINUE;
}

static void on_end(void *user_data, const bitsup_upload *upload, int32_t reason)
{
    struct app *app = user_data;
    CHECK(reason == BITSUP_END_CLOSED || reason == BITSUP_END_CANCELLED);
    if (reason == BITSUP_END_CLOSED)
        app->closed++;
    else
        app->cancelled++;
    CHECK(bitsup_upload_session_id(upload) != NULL);
}

static void begin(struct app *app, enum action action, const char *name, const char *root)
{
    memset(app, 0, sizeof *app);
    app->action = action;
    app->name = name;
    CHECK(sem_init(&app->entered, 0, 0) == 0 && sem_init(&app->go_on, 0, 0) == 0 && sem_init(&app->gone, 0, 0) == 0);
    app->hooks = bitsup_hooks_new(app, destroyed);
    OK(bitsup_hooks_on_received(app->hooks, on_received, e));
    OK(bitsup_hooks_on_end(app->hooks, on_end, e));
    app->engine = make_engine_with(root, app->hooks);
    app->server = make_server_for(app->engine);
}

static void end(struct app *app)
{
    OK(bitsup_server_stop(app->server, 1000, e));
    bitsup_hooks_free(app->action == FREE_ALL ? NULL : app->hooks);
    bitsup_engine_free(app->action == FREE_ALL ? NULL : app->engine);
    CHECK(app->destroyed == 0);
    bitsup_server_free(app->server);
    CHECK(app->destroyed == 1);
}

/* Uploads a file and requests the reply at `reply`, unless that is NULL. */
static bitsup_status upload(const char *url, const char *reply, bitsup_error **error)
{
    static const uint8_t data[SIZE];
    bitsup_client *client = make_fast_failing_client(FRAGMENT);
    bitsup_job *job = make_job(client, url, data, SIZE);
    if (reply != NULL)
        OK(bitsup_job_set_reply_path(job, reply, e));
    bitsup_status status = bitsup_job_run(job, error);
    bitsup_job_free(job);
    bitsup_client_free(client);
    return status;
}

static void upload_succeeds_despite(enum action action, const char *root)
{
    struct app app;
    begin(&app, action, "reply", root);
    char *url = url_of(app.server, "a.bin");
    OK(upload(url, NULL, e));
    CHECK(app.received == (action == END_SESSION ? 2 : 1)); /* the client starts again with a new session */
    CHECK(app.closed == 1 && app.cancelled == (action == END_SESSION));
    free(url);
    end(&app);
}

/* The server stops asynchronously after the callback that freed it has returned. */
static void server_can_be_freed_by_its_callback(const char *root)
{
    struct app app;
    bitsup_error *error = NULL;
    begin(&app, FREE_SERVER, "reply", root);
    char *url = url_of(app.server, "a.bin");
    upload(url, NULL, &error); /* may fail at any point */
    bitsup_error_free(error);
    sem_wait(&app.gone);
    CHECK(app.destroyed == 1 && app.received == 1);
    free(url);
}

/* B-HOOK-07 */
static void server_can_be_stopped_by_its_callback(const char *root)
{
    struct app app;
    bitsup_error *error = NULL;
    begin(&app, STOP_SERVER, "reply", root);
    char *url = url_of(app.server, "a.bin");
    upload(url, NULL, &error);
    bitsup_error_free(error);
    CHECK(app.received == 1);
    free(url);
    end(&app);
}

static void *stop(void *argument)
{
    struct app *app = argument;
    OK(bitsup_server_stop(app->server, 0, e));
    CHECK(app->received == 1);
    return NULL;
}

static void *upload_ignoring_errors(void *url)
{
    bitsup_error *error = NULL;
    upload(url, NULL, &error);
    bitsup_error_free(error);
    return NULL;
}

/* Stopping a server waits for a callback in progress. */
static void stop_waits_for_the_callback(const char *root)
{
    struct app app;
    pthread_t uploading, stopping;
    begin(&app, WAIT, "reply", root);
    char *url = url_of(app.server, "a.bin");
    bitsup_client *client = make_client();
    CHECK(pthread_create(&uploading, NULL, upload_ignoring_errors, url) == 0);
    sem_wait(&app.entered);
    CHECK(pthread_create(&stopping, NULL, stop, &app) == 0);
    while (bitsup_client_ping(client, url, NULL) == BITSUP_OK)
        continue; /* until the server no longer listens */
    sem_post(&app.go_on);
    CHECK(pthread_join(stopping, NULL) == 0 && pthread_join(uploading, NULL) == 0);
    bitsup_client_free(client);
    free(url);
    end(&app);
}

/* One of several concurrent clients. */
struct uploader {
    char *url;
    const char *name, *folder;
    int number;
};

static void *upload_repeatedly(void *argument)
{
    struct uploader *uploader = argument;
    char path[4096], found[16] = "";
    snprintf(path, sizeof path, "%s/%s-%d", uploader->folder, uploader->name, uploader->number);
    for (int i = 0; i < UPLOADS; i++) {
        OK(upload(uploader->url, path, e));
        FILE *file = fopen(path, "rb");
        CHECK(file != NULL && fgets(found, sizeof found, file) != NULL && fclose(file) == 0);
        CHECK(strcmp(found, uploader->name) == 0 && remove(path) == 0);
    }
    return NULL;
}

/* Two servers with hooks of their own, each with two concurrent clients: replies are never mixed up. */
static void servers_use_their_own_hooks(char **folders)
{
    struct app apps[2];
    struct uploader uploader[4];
    pthread_t threads[4];
    begin(&apps[0], ANSWER, "first", folders[0]);
    begin(&apps[1], ANSWER, "second", folders[1]);
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.bin", i);
        uploader[i] = (struct uploader){url_of(apps[i % 2].server, name), apps[i % 2].name, folders[0], i};
        CHECK(pthread_create(&threads[i], NULL, upload_repeatedly, &uploader[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        free(uploader[i].url);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(apps[i].received == 2 * UPLOADS && apps[i].closed == 2 * UPLOADS);
        end(&apps[i]);
    }
}

/* `destroy` runs once if the hooks are never used, if they are replaced, and if a call fails. */
static void destroyed_once(void)
{
    int first = 0, second = 0;
    bitsup_hooks_free(bitsup_hooks_new(&first, NULL));
    CHECK(first == 0);
    bitsup_hooks_free(bitsup_hooks_new(&first, count_destroy));
    CHECK(first == 1);

    first = 0;
    bitsup_engine *engine = NULL;
    bitsup_engine_config *config = bitsup_engine_config_new();
    bitsup_hooks *one = bitsup_hooks_new(&first, count_destroy), *two = bitsup_hooks_new(&second, count_destroy);
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`config`", bitsup_engine_config_set_hooks(NULL, one, e));
    OK(bitsup_engine_config_set_hooks(config, one, e));
    OK(bitsup_engine_config_set_hooks(config, one, e));
    OK(bitsup_hooks_set_notify_url(one, BITSUP_NOTIFY_BY_VALUE, "http://127.0.0.1:1/", UINT64_MAX, e));
    bitsup_hooks_free(one);
    CHECK(first == 0);
    OK(bitsup_engine_config_set_hooks(config, two, e));
    CHECK(first == 1 && second == 0);
    bitsup_hooks_free(two);
    EXPECT(BITSUP_E_INVALID_STATE, "no store", bitsup_engine_new(config, &engine, e));
    CHECK(second == 0);
    bitsup_engine_config_free(config);
    CHECK(first == 1 && second == 1);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    destroyed_once();
    for (enum action action = ANSWER; action <= FREE_ALL; action++)
        upload_succeeds_despite(action, argv[1]);
    server_can_be_stopped_by_its_callback(argv[1]);
    stop_waits_for_the_callback(argv[1]);
    servers_use_their_own_hooks(argv + 1);
    server_can_be_freed_by_its_callback(argv[2]);
    return 0;
}
