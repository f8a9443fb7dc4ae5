/* A source that reads through a callback: any offset, any length, aborts, wrong lengths, and reentrant calls. */
#include "check.h"

enum { SIZE = 40000, FRAGMENT = 8192 };

enum { HONEST, STOPS, SAYS_MORE, SAYS_MOST, ENDS_EARLY, FREES, SUSPENDS, CANCELS, RE_ENTERS };

/* The state of one reader. */
struct content {
    int mode;
    bitsup_job *job;
    int reads;
    int destroyed;
};

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset ^ (offset >> 7));
}

static void destroyed(void *user_data)
{
    ++((struct content *)user_data)->destroyed;
}

/* Acts as the mode says, once, in the middle of the file. */
static int32_t act(struct content *content, size_t cap, size_t *out_len)
{
    int32_t state = -1;
    int mode = content->mode;
    content->mode = HONEST;
    switch (mode) {
    case STOPS:
        return 12345; /* an undefined value does not mean BITSUP_CONTINUE */
    case SAYS_MORE:
        *out_len = cap + 1;
        break;
    case SAYS_MOST:
        *out_len = SIZE_MAX;
        break;
    case ENDS_EARLY:
        *out_len = 0;
        break;
    case FREES:
        bitsup_job_free(content->job);
        break;
    case SUSPENDS:
        OK(bitsup_job_suspend(content->job, e));
        break;
    case CANCELS:
        OK(bitsup_job_cancel(content->job, e));
        break;
    case RE_ENTERS:
        EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_run(content->job, e));
        EXPECT(BITSUP_E_BUSY, "in use", bitsup_job_step(content->job, &state, e));
        CHECK(bitsup_job_state(content->job) == BITSUP_JOB_TRANSFERRING);
        break;
    }
    return BITSUP_CONTINUE;
}

static int32_t read_some(void *user_data, uint64_t offset, uint8_t *buf, size_t cap, size_t *out_len)
{
    struct content *content = user_data;
    CHECK(content->destroyed == 0 && cap > 0 && offset < SIZE);
    size_t len = 1 + content->reads++ % 3000;
    len = len < cap ? len : cap;
    for (size_t i = 0; i < len; i++)
        buf[i] = byte_at(offset + i);
    *out_len = len;
    return offset >= SIZE / 2 ? act(content, cap, out_len) : BITSUP_CONTINUE;
}

static void delivered(const char *root)
{
    char path[4096];
    static uint8_t found[SIZE + 1];
    snprintf(path, sizeof path, "%s/a.bin", root);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && fread(found, 1, sizeof found, file) == SIZE);
    for (size_t i = 0; i < SIZE; i++)
        CHECK(found[i] == byte_at(i));
    fclose(file);
    CHECK(remove(path) == 0);
}

/* B-SOURCE-02 B-SOURCE-03: runs a job whose reader acts as `mode` says, and runs it again if that is possible. */
static void run(const bitsup_client *client, const char *url, const char *root, int mode, bitsup_status expected)
{
    struct content content = {.mode = mode};
    bitsup_source *source = NULL;
    bitsup_error *error = NULL;
    OK(bitsup_source_from_reader(read_some, SIZE, &content, destroyed, &source, e));
    OK(bitsup_job_new(client, url, source, &content.job, e));
    bitsup_source_free(source);
    bitsup_status status = bitsup_job_run(content.job, &error);
    if (status != expected)
        fprintf(stderr, "mode %d: %s: %s\n", mode, bitsup_status_name(status), bitsup_error_message(error));
    CHECK(status == expected && content.mode == HONEST);
    bitsup_error_free(error);
    if (mode == FREES) {
        CHECK(content.destroyed == 1); /* the run held the last reference to the job */
        delivered(root);
        return;
    }
    if (expected == BITSUP_E_CALLBACK || expected == BITSUP_E_SUSPENDED)
        OK(bitsup_job_run(content.job, e));
    if (bitsup_job_state(content.job) == BITSUP_JOB_CLOSED)
        delivered(root);
    CHECK(content.destroyed == 0);
    bitsup_job_free(content.job);
    CHECK(content.destroyed == 1);
}

/* `destroy` runs once if the source is never used, and if creating the job fails. */
static void destroyed_once(const bitsup_client *client)
{
    struct content content = {0};
    bitsup_source *source = NULL;
    bitsup_job *job = NULL;
    OK(bitsup_source_from_reader(read_some, SIZE, &content, destroyed, &source, e));
    bitsup_source_free(source);
    CHECK(content.destroyed == 1);
    content.destroyed = 0;
    OK(bitsup_source_from_reader(read_some, SIZE, &content, destroyed, &source, e));
    CHECK(bitsup_job_new(client, "no URL", source, &job, NULL) == BITSUP_E_INVALID_ARGUMENT);
    CHECK(content.destroyed == 1);
    bitsup_source_free(source);
    CHECK(content.destroyed == 1 && content.reads == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_server *server = make_server(argv[1]);
    bitsup_client *client = make_fast_failing_client(FRAGMENT);
    char *url = url_of(server, "a.bin");
    static const struct {
        int mode;
        bitsup_status expected;
    } table[] = {
        {HONEST, BITSUP_OK},          {STOPS, BITSUP_E_CALLBACK},     {SAYS_MORE, BITSUP_E_CALLBACK},
        {FREES, BITSUP_OK},           {SAYS_MOST, BITSUP_E_CALLBACK}, {ENDS_EARLY, BITSUP_E_SOURCE_CHANGED},
        {RE_ENTERS, BITSUP_OK},       {SUSPENDS, BITSUP_E_SUSPENDED}, {CANCELS, BITSUP_E_CANCELLED},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        run(client, url, argv[1], table[i].mode, table[i].expected);
    destroyed_once(client);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    bitsup_client_free(client);
    free(url);
    return 0;
}
