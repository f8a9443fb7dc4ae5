/* Exchanges with hooks, and on many threads. */
#define _POSIX_C_SOURCE 200809L
#include "request.h"
#include <pthread.h>

enum { SIZE = 3000, THREADS = 8, ROUNDS = 12 };

static const char reply[] = "THE REPLY";

/* The exchange that the callbacks use, and the synchronization of a callback that blocks. */
static struct {
    bitsup_exchange *exchange;
    int may_free, called, holds_up;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int inside, leave;
} app = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void all_calls_are_busy(bitsup_exchange *exchange)
{
    int32_t want = 77;
    uint64_t taken = 77;
    bitsup_response *response = NULL;
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_set_request(exchange, "GET", 3, "/", 1, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_add_header(exchange, "a", 1, "b", 1, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_set_peer(exchange, "a", 1, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_set_owner(exchange, "a", 1, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_set_mount(exchange, "/a/", 3, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_set_secure(exchange, 1, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_begin(exchange, &want, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_body(exchange, NULL, 0, &want, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_body_from_fd(exchange, 0, 1, &taken, &want, e));
    EXPECT(BITSUP_E_BUSY, "in use", bitsup_exchange_finish(exchange, &response, e));
    CHECK(want == 77 && taken == 77 && response == NULL);
}

static void reenter(void)
{
    if (app.exchange == NULL)
        return;
    app.called++;
    all_calls_are_busy(app.exchange);
    if (app.may_free) {
        bitsup_exchange_free(app.exchange); /* the call in progress continues */
        app.exchange = NULL;
    }
}

static int32_t on_packet(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)user_data, (void)upload, (void)verdict;
    reenter();
    return BITSUP_CONTINUE;
}

static void on_progress(void *user_data, const bitsup_upload *upload)
{
    (void)user_data, (void)upload;
    reenter();
}

static int32_t on_received(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)user_data, (void)upload;
    OK(bitsup_verdict_set_reply_bytes(verdict, (const uint8_t *)reply, sizeof reply - 1, e));
    pthread_mutex_lock(&app.mutex);
    app.inside = app.holds_up;
    pthread_cond_broadcast(&app.changed);
    while (app.inside && !app.leave)
        pthread_cond_wait(&app.changed, &app.mutex);
    pthread_mutex_unlock(&app.mutex);
    reenter();
    return BITSUP_CONTINUE;
}

static bitsup_engine *engine_with_app(const char *root)
{
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    OK(bitsup_hooks_on_request(hooks, on_packet, e));
    OK(bitsup_hooks_on_create(hooks, on_packet, e));
    OK(bitsup_hooks_on_progress(hooks, on_progress, e));
    OK(bitsup_hooks_on_received(hooks, on_received, e));
    bitsup_engine *engine = make_engine_with(root, hooks);
    bitsup_hooks_free(hooks);
    return engine;
}

/* Reentrant calls from on_request and on_create, then from on_request, on_progress and on_received, are BUSY. */
static void reentrant_calls_are_busy(const bitsup_engine *engine, const void *data)
{
    char session[64];
    app.exchange = packet(engine, "Create-Session", "/again", NULL, 0);
    begin(app.exchange);
    CHECK(app.called == 2);
    CHECK(status_of(app.exchange) == 200);
    app.exchange = NULL;
    create(engine, "/again", session);
    bitsup_exchange *exchange = fragment(engine, "/again", session, 0, SIZE, SIZE);
    body(exchange, data, SIZE);
    app.exchange = exchange;
    app.may_free = 1;
    bitsup_response *response = NULL;
    OK(bitsup_exchange_finish(exchange, &response, e));
    CHECK(app.called == 3 && app.exchange == NULL && bitsup_response_status(response) == 200);
    bitsup_response_free(response);
    app.may_free = 0;
}

static void *finish_in_thread(void *exchange)
{
    bitsup_response *response = NULL;
    OK(bitsup_exchange_finish(exchange, &response, e));
    return response;
}

/* B-EMBED-03: an exchange is busy while a callback blocks, and other exchanges are not delayed. */
static void second_thread_is_busy(const bitsup_engine *engine, const void *data)
{
    char session[64], other[64];
    pthread_t thread;
    void *response = NULL;
    bitsup_exchange *exchange = fragment(engine, "/two", create(engine, "/two", session), 0, SIZE, SIZE);
    body(exchange, data, SIZE);
    app.holds_up = 1;
    CHECK(pthread_create(&thread, NULL, finish_in_thread, exchange) == 0);
    pthread_mutex_lock(&app.mutex);
    while (!app.inside)
        pthread_cond_wait(&app.changed, &app.mutex);
    pthread_mutex_unlock(&app.mutex);
    all_calls_are_busy(exchange);
    bitsup_exchange_free(exchange);
    create(engine, "/meanwhile", other);
    pthread_mutex_lock(&app.mutex);
    app.leave = 1;
    pthread_cond_broadcast(&app.changed);
    pthread_mutex_unlock(&app.mutex);
    CHECK(pthread_join(thread, &response) == 0);
    CHECK(bitsup_response_status(response) == 200);
    bitsup_response_free(response);
    app.holds_up = app.leave = app.inside = 0;
}

static bitsup_response *fetch(const bitsup_engine *engine, const char *method, const char *url)
{
    bitsup_exchange *exchange = new_request(engine, method, strstr(url, "/BITS-Sessions"));
    CHECK(begin(exchange) == BITSUP_WANT_FINISH);
    return finish(exchange);
}

/* The reply URL has the scheme and mount point of the request. A HEAD response has the length but no body. */
static void reply_can_be_downloaded(const bitsup_engine *engine, const void *data)
{
    static const char start[] = "https://example/up/BITS-Sessions/Replies/";
    char session[64], text[16], range[32];
    int32_t want = 0;
    uint8_t found[32];
    size_t length = 0, more = 77;
    create(engine, "/reply", session);
    bitsup_exchange *exchange = packet(engine, "Fragment", "/reply", session, SIZE);
    snprintf(range, sizeof range, "bytes 0-%d/%d", SIZE - 1, SIZE);
    add_header(exchange, "Content-Range", range);
    OK(bitsup_exchange_set_secure(exchange, 1, e));
    OK(bitsup_exchange_set_mount(exchange, "/up/", 4, e));
    OK(bitsup_exchange_set_peer(exchange, "10.0.0.1", 8, e));
    OK(bitsup_exchange_set_owner(exchange, NULL, 0, e));
    OK(bitsup_exchange_begin(exchange, &want, e));
    body(exchange, data, SIZE);
    bitsup_response *last = finish(exchange);
    const char *url = header_of(last, "BITS-Reply-URL");
    CHECK(url != NULL && strncmp(url, start, strlen(start)) == 0);
    bitsup_response *head = fetch(engine, "HEAD", url), *got = fetch(engine, "GET", url);
    CHECK(bitsup_response_content_length(head) == sizeof reply - 1 && bitsup_response_body_length(head) == 0);
    CHECK(bitsup_response_body_length(got) == sizeof reply - 1);
    snprintf(text, sizeof text, "%s", header_of(got, "Accept-Ranges"));
    CHECK(strcmp(text, "bytes") == 0);
    OK(bitsup_response_read_body(got, found, 4, &length, e));
    CHECK(length == 4);
    OK(bitsup_response_read_body(got, found + 4, sizeof found - 4, &length, e));
    OK(bitsup_response_read_body(got, found, sizeof found, &more, e));
    CHECK(length == sizeof reply - 5 && more == 0 && memcmp(found, reply, sizeof reply - 1) == 0);
    OK(bitsup_response_read_body(head, found, sizeof found, &more, e));
    CHECK(more == 0 && bitsup_response_body_length(got) == sizeof reply - 1);
    bitsup_response_free(last);
    bitsup_response_free(head);
    bitsup_response_free(got);
}

struct worker {
    const bitsup_engine *engine;
    const char *root;
    int number;
};

static void *work(void *user_data)
{
    const struct worker *worker = user_data;
    char data[SIZE], target[32];
    memset(data, 'a' + worker->number, SIZE);
    for (int round = 0; round < ROUNDS; round++) {
        snprintf(target, sizeof target, "/many-%d-%d", worker->number, round);
        upload(worker->engine, target, data, SIZE);
        holds(worker->root, target, data, SIZE);
    }
    return NULL;
}

static void many_concurrent_exchanges(const bitsup_engine *engine, const char *root)
{
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){engine, root, i};
        CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    char data[SIZE];
    memset(data, 'x', SIZE);
    bitsup_engine *with_app = engine_with_app(argv[1]), *plain = make_engine(argv[2]);
    reentrant_calls_are_busy(with_app, data);
    second_thread_is_busy(with_app, data);
    reply_can_be_downloaded(with_app, data);
    many_concurrent_exchanges(plain, argv[2]);
    bitsup_engine_free(with_app);
    bitsup_engine_free(plain);
    return 0;
}
