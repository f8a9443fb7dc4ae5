/* What hooks see, what they can decide, and what their return values mean. */
#include "check.h"

enum { SIZE = 20000, FRAGMENT = 8192, FRAGMENTS = 3 };

/* In which callback a test does something unusual, and what it does. */
enum hook { NOWHERE, REQUEST, CREATE, RECEIVED };
enum action { NOTHING, FORBID, FAIL, FAIL_ALLOWING, NO_STATUS, LEAVE_ROOT, BAD_URL, NO_FILE };

/* The state of the hooks. There is only one upload at a time, so they do not run concurrently. */
struct app {
    enum hook hook;
    enum action action;
    const bitsup_upload *late_upload;
    bitsup_verdict *late_verdict;
    int requests[BITSUP_PACKET_REPLY + 1];
    int created, progressed, received, ended, reason, destroyed;
    uint64_t held;
};

static void destroyed(void *user_data)
{
    ++((struct app *)user_data)->destroyed;
}

static void has(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fprintf(stderr, "%s is not in %s\n", part, text == NULL ? "NULL" : text);
    CHECK(text != NULL && strstr(text, part) != NULL);
}

/* Checks what every callback can read of the upload. */
static void check_view(const bitsup_upload *upload)
{
    const char *url = bitsup_upload_url(upload);
    CHECK(strcmp(bitsup_upload_target(upload), "/a.bin") == 0);
    CHECK(strncmp(url, "http://127.0.0.1:", 17) == 0);
    has(url, "/a.bin");
    has(bitsup_upload_peer(upload), "127.0.0.1");
    has(bitsup_upload_header(upload, "user-AGENT"), "bitsup/");
    has(bitsup_upload_header(upload, "X-Added"), "yes");
    CHECK(bitsup_upload_header(upload, "No-Such-Field") == NULL);
    CHECK(bitsup_upload_header(upload, NULL) == NULL);
    CHECK(bitsup_upload_header(upload, "a\xFF" "b") == NULL);
    if (bitsup_upload_packet(upload) == BITSUP_PACKET_PING)
        CHECK(bitsup_upload_content_name(upload) == NULL);
    else
        CHECK(strcmp(bitsup_upload_content_name(upload), "name.txt") == 0);
}

static int exists(const char *root, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "rb");
    return file != NULL && fclose(file) == 0;
}

static int32_t decide(const struct app *app, enum hook hook, bitsup_verdict *verdict)
{
    switch (app->hook == hook ? app->action : NOTHING) {
    case NOTHING:
        break;
    case FORBID:
        OK(bitsup_verdict_reject(verdict, 403, 0x80070005, BITSUP_CONTEXT_SERVER, e));
        break;
    case FAIL_ALLOWING:
        OK(bitsup_verdict_reject(verdict, 403, 0, BITSUP_CONTEXT_SERVER, e));
        return BITSUP_ABORT;
    case FAIL:
        return -12345; /* an undefined value does not mean BITSUP_CONTINUE */
    case NO_STATUS:
        OK(bitsup_verdict_reject(verdict, 200, 0x80004005, 12345, e));
        break;
    case LEAVE_ROOT:
        OK(bitsup_verdict_set_destination(verdict, "../b.bin", e));
        break;
    case BAD_URL:
        OK(bitsup_verdict_set_reply_url(verdict, "/relative", e));
        break;
    case NO_FILE:
        OK(bitsup_verdict_set_reply_path(verdict, "/nonexistent/reply", e));
        break;
    }
    return BITSUP_CONTINUE;
}

static int32_t on_request(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    struct app *app = user_data;
    int32_t packet = bitsup_upload_packet(upload);
    CHECK(packet >= BITSUP_PACKET_PING && packet <= BITSUP_PACKET_CANCEL);
    app->requests[packet]++;
    check_view(upload);
    CHECK(bitsup_upload_owner(upload) == NULL);
    CHECK((bitsup_upload_session_id(upload) == NULL) == (packet <= BITSUP_PACKET_CREATE));
    CHECK(bitsup_upload_received(upload) == 0 && bitsup_upload_total(upload) == UINT64_MAX);
    OK(bitsup_verdict_set_owner(verdict, "alice", e));
    return decide(app, REQUEST, verdict);
}

static int32_t on_create(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    struct app *app = user_data;
    app->created++;
    check_view(upload);
    CHECK(bitsup_upload_packet(upload) == BITSUP_PACKET_CREATE);
    CHECK(strcmp(bitsup_upload_owner(upload), "alice") == 0);
    CHECK(bitsup_upload_session_id(upload) == NULL && bitsup_upload_total(upload) == UINT64_MAX);
    CHECK(bitsup_upload_data_path(upload) == NULL && bitsup_upload_reply_path(upload) == NULL);
    OK(bitsup_verdict_set_destination(verdict, "b.bin", e));
    return decide(app, CREATE, verdict);
}

static void on_progress(void *user_data, const bitsup_upload *upload)
{
    struct app *app = user_data;
    app->progressed++;
    check_view(upload);
    CHECK(bitsup_upload_packet(upload) == BITSUP_PACKET_FRAGMENT);
    CHECK(bitsup_upload_received(upload) > app->held && bitsup_upload_total(upload) == SIZE);
    app->held = bitsup_upload_received(upload);
    has(bitsup_upload_session_id(upload), "{");
}

/* NULL and invalid arguments for functions that need a callback. */
static void check_invalid_arguments(bitsup_verdict *verdict)
{
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`owner`", bitsup_verdict_set_owner(verdict, NULL, e));
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`path`", bitsup_verdict_set_destination(verdict, NULL, e));
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`url`", bitsup_verdict_set_reply_url(verdict, NULL, e));
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`path`", bitsup_verdict_set_reply_path(verdict, NULL, e));
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`data`", bitsup_verdict_set_reply_bytes(verdict, NULL, 1, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`data`",
           bitsup_verdict_set_reply_bytes(verdict, (const uint8_t *)"", SIZE_MAX, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`owner`", bitsup_verdict_set_owner(verdict, "\xFF", e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`path`", bitsup_verdict_set_destination(verdict, "\xFF", e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`url`", bitsup_verdict_set_reply_url(verdict, "\xFF", e));
}

static int32_t on_received(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    struct app *app = user_data;
    app->received++;
    check_view(upload);
    CHECK(strcmp(bitsup_upload_owner(upload), "alice") == 0);
    CHECK(bitsup_upload_received(upload) == SIZE && bitsup_upload_total(upload) == SIZE);
    FILE *data = fopen(bitsup_upload_data_path(upload), "rb"), *reply = fopen(bitsup_upload_reply_path(upload), "rb");
    CHECK(data != NULL && fseek(data, 0, SEEK_END) == 0 && ftell(data) == SIZE && reply == NULL);
    fclose(data);
    check_invalid_arguments(verdict);
    app->late_upload = upload;
    app->late_verdict = verdict;
    return decide(app, RECEIVED, verdict);
}

static void on_end(void *user_data, const bitsup_upload *upload, int32_t reason)
{
    struct app *app = user_data;
    app->ended++;
    app->reason = reason;
    has(bitsup_upload_session_id(upload), "{");
}

static bitsup_hooks *make_hooks(struct app *app)
{
    bitsup_hooks *hooks = bitsup_hooks_new(app, destroyed);
    OK(bitsup_hooks_on_request(hooks, on_request, e));
    OK(bitsup_hooks_on_create(hooks, on_create, e));
    OK(bitsup_hooks_on_progress(hooks, on_progress, e));
    OK(bitsup_hooks_on_received(hooks, on_received, e));
    OK(bitsup_hooks_on_end(hooks, on_end, e));
    return hooks;
}

static bitsup_status upload(const bitsup_server *server, bitsup_error **error)
{
    static const uint8_t data[SIZE];
    char *url = url_of(server, "a.bin");
    bitsup_client *client = make_fast_failing_client(FRAGMENT);
    bitsup_job *job = make_job(client, url, data, SIZE);
    OK(bitsup_job_set_content_name(job, "name.txt", e));
    OK(bitsup_job_add_header(job, "X-Added", "yes", e));
    bitsup_status status = bitsup_job_run(job, error);
    bitsup_job_free(job);
    bitsup_client_free(client);
    free(url);
    return status;
}

/* B-HOOK-02 B-HOOK-03 B-HOOK-05 B-UPLOAD-04 B-UPLOAD-05: all callbacks are called, and pointers used after a callback
 * returned are detected. */
static void hooks_see_the_upload(const char *root)
{
    struct app app = {0};
    bitsup_hooks *hooks = make_hooks(&app);
    bitsup_server *server = make_server_with(root, hooks);
    bitsup_hooks_free(hooks);
    OK(upload(server, e));
    CHECK(exists(root, "b.bin") && !exists(root, "a.bin"));
    CHECK(app.requests[BITSUP_PACKET_CREATE] == 1 && app.requests[BITSUP_PACKET_CLOSE] == 1);
    CHECK(app.requests[BITSUP_PACKET_FRAGMENT] == FRAGMENTS && app.progressed == FRAGMENTS);
    CHECK(app.created == 1 && app.received == 1 && app.ended == 1 && app.reason == BITSUP_END_CLOSED);

    CHECK(bitsup_upload_packet(app.late_upload) == -1);
    CHECK(bitsup_upload_url(app.late_upload) == NULL);
    CHECK(bitsup_upload_header(app.late_upload, "Host") == NULL);
    CHECK(bitsup_upload_total(app.late_upload) == UINT64_MAX);
    EXPECT(BITSUP_E_INVALID_STATE, "returned", bitsup_verdict_reject(app.late_verdict, 403, 0, 0, e));
    EXPECT(BITSUP_E_INVALID_STATE, "returned", bitsup_verdict_set_owner(app.late_verdict, "bob", e));
    OK(bitsup_server_stop(server, 1000, e));
    CHECK(app.destroyed == 0);
    bitsup_server_free(server);
    CHECK(app.destroyed == 1);
}

struct refusal {
    enum hook hook;
    enum action action;
    uint16_t http_status;
    uint32_t hresult, context;
};

/* B-REJECT-01 B-REJECT-02 B-HOOK-06: rejections and failures of hooks; 403 is final. */
static void rejection_reaches_the_client(const char *root, const struct refusal *refusal)
{
    struct app app = {.hook = refusal->hook, .action = refusal->action};
    bitsup_hooks *hooks = make_hooks(&app);
    bitsup_server *server = make_server_with(root, hooks);
    bitsup_error *error = NULL;
    bitsup_hooks_free(hooks);
    CHECK(upload(server, &error) != BITSUP_OK);
    if (bitsup_error_http_status(error) != refusal->http_status || bitsup_error_hresult(error) != refusal->hresult ||
        bitsup_error_context(error) != refusal->context)
        fprintf(stderr, "action %d in hook %d: %s\n", refusal->action, refusal->hook, bitsup_error_message(error));
    CHECK(bitsup_error_http_status(error) == refusal->http_status);
    CHECK(bitsup_error_hresult(error) == refusal->hresult);
    CHECK(bitsup_error_context(error) == refusal->context);
    CHECK(refusal->hook != REQUEST || app.created == 0);
    CHECK((refusal->hook == RECEIVED) == (app.received > 0));
    CHECK(!exists(root, "b.bin") && (refusal->http_status != 403 || app.received <= 1));
    bitsup_error_free(error);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    CHECK(app.destroyed == 1);
}

int main(int argc, char **argv)
{
    static const struct refusal refusals[] = {
        {REQUEST, FORBID, 403, 0x80070005, 5},     {CREATE, FORBID, 403, 0x80070005, 5},
        {RECEIVED, FORBID, 403, 0x80070005, 5},    {REQUEST, FAIL, 500, 0x801901F4, 7},
        {CREATE, FAIL_ALLOWING, 500, 0x801901F4, 7}, {RECEIVED, FAIL, 500, 0x801901F4, 7},
        {REQUEST, NO_STATUS, 500, 0x80004005, 7},  {CREATE, LEAVE_ROOT, 500, 0x801901F4, 7},
        {RECEIVED, LEAVE_ROOT, 500, 0x801901F4, 7}, {RECEIVED, BAD_URL, 400, 0x80070057, 7},
        {RECEIVED, NO_FILE, 404, 0x80190194, 5},
    };
    CHECK(argc == 3);
    hooks_see_the_upload(argv[1]);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        rejection_reaches_the_client(argv[2], &refusals[i]);
    return 0;
}
