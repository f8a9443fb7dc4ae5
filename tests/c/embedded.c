/*
 * embedded ROOT [app] [SETTING VALUE]...: the engine of examples/c/embed.c under the control of a test; the other
 * side is tests/abi/embed/embedded.rs. With `app` each hook prints a line on stdout, waits for a line on stdin, and
 * executes the commands in it. Runs until it is killed.
 */
#define main embed_main
#include "../../examples/c/embed.c"
#undef main
#include <pthread.h>
#include <unistd.h>

#define LINE 8192

static pthread_mutex_t hook_lock = PTHREAD_MUTEX_INITIALIZER;

static void check(bitsup_status status, const char *what)
{
    if (status != BITSUP_OK) {
        fprintf(stderr, "embedded: %s: %s\n", what, bitsup_status_name(status));
        exit(1);
    }
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 0);
}

/* The argument of a command. */
static const char *next(char **rest)
{
    const char *word = strtok_r(NULL, " \n", rest);
    return word == NULL ? "" : word;
}

static void reject(bitsup_verdict *verdict, char **rest)
{
    const uint16_t status = (uint16_t)number(next(rest));
    const uint32_t hresult = (uint32_t)number(next(rest));
    const uint32_t context = (uint32_t)number(next(rest));
    check(bitsup_verdict_reject(verdict, status, hresult, context, NULL), "reject");
}

/* Sets a reply of `length` bytes, which follow the line on stdin. */
static void reply(bitsup_verdict *verdict, size_t length)
{
    uint8_t *bytes = malloc(length + 1);
    if (bytes == NULL || fread(bytes, 1, length, stdin) != length)
        exit(1);
    check(bitsup_verdict_set_reply_bytes(verdict, bytes, length, NULL), "reply");
    free(bytes);
}

static void execute_commands(char *line, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    char *rest = NULL;
    for (const char *word = strtok_r(line, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest)) {
        if (strcmp(word, "reject") == 0)
            reject(verdict, &rest);
        else if (strcmp(word, "owner") == 0)
            check(bitsup_verdict_set_owner(verdict, next(&rest), NULL), word);
        else if (strcmp(word, "to") == 0)
            check(bitsup_verdict_set_destination(verdict, next(&rest), NULL), word);
        else if (strcmp(word, "keep") == 0)
            check(bitsup_verdict_set_keep_file(verdict, strcmp(next(&rest), "yes") == 0, NULL), word);
        else if (strcmp(word, "url") == 0)
            check(bitsup_verdict_set_reply_url(verdict, next(&rest), NULL), word);
        else if (strcmp(word, "reply") == 0)
            reply(verdict, number(next(&rest)));
        else if (strcmp(word, "reply-file") == 0)
            check(bitsup_verdict_set_reply_path(verdict, bitsup_upload_reply_path(upload), NULL), word);
        else if (strcmp(word, "accept") != 0)
            check(BITSUP_E_INVALID_ARGUMENT, word);
    }
}

/* Reports an event and executes the commands that the test sends back. `verdict` is NULL if there is no decision. */
static void report_event(const char *what, uint64_t value, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    char line[LINE] = "";
    const char *data = bitsup_upload_data_path(upload), *path = bitsup_upload_reply_path(upload);
    pthread_mutex_lock(&hook_lock);
    printf("%s\t%llu\t%s\t%s\t%s\n", what, (unsigned long long)value, bitsup_upload_url(upload),
           data == NULL ? "" : data, path == NULL ? "" : path);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        exit(1);
    if (verdict != NULL)
        execute_commands(line, upload, verdict);
    pthread_mutex_unlock(&hook_lock);
}

static int32_t on_request(void *unused, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)unused;
    report_event("request", 0, upload, verdict);
    return BITSUP_CONTINUE;
}

static int32_t on_create(void *unused, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)unused;
    report_event("create", 0, upload, verdict);
    return BITSUP_CONTINUE;
}

static int32_t on_received(void *unused, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)unused;
    report_event("received", bitsup_upload_total(upload), upload, verdict);
    return BITSUP_CONTINUE;
}

static void on_progress(void *unused, const bitsup_upload *upload)
{
    (void)unused;
    report_event("progress", bitsup_upload_received(upload), upload, NULL);
}

static void on_end(void *unused, const bitsup_upload *upload, int32_t reason)
{
    (void)unused;
    report_event("ended", (uint64_t)reason, upload, NULL);
}

static void set_reporting_hooks(bitsup_engine_config *config)
{
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    check(bitsup_hooks_on_request(hooks, on_request, NULL), "hooks");
    check(bitsup_hooks_on_create(hooks, on_create, NULL), "hooks");
    check(bitsup_hooks_on_received(hooks, on_received, NULL), "hooks");
    check(bitsup_hooks_on_progress(hooks, on_progress, NULL), "hooks");
    check(bitsup_hooks_on_end(hooks, on_end, NULL), "hooks");
    check(bitsup_engine_config_set_hooks(config, hooks, NULL), "hooks");
    bitsup_hooks_free(hooks);
}

static void set(bitsup_engine_config *config, const char *name, const char *value)
{
    static const struct {
        const char *name;
        bitsup_status (*set)(bitsup_engine_config *, uint64_t, bitsup_error **);
    } numbers[] = {
        {"max-upload-size", bitsup_engine_config_set_max_upload_size},
        {"max-fragment-size", bitsup_engine_config_set_max_fragment_size},
        {"max-sessions", bitsup_engine_config_set_max_sessions},
        {"max-sessions-per-user", bitsup_engine_config_set_max_sessions_per_owner},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0) {
            check(numbers[i].set(config, number(value), NULL), name);
            return;
        }
    if (strcmp(name, "allow-overwrites") == 0)
        check(bitsup_engine_config_set_allow_overwrite(config, 1, NULL), name);
    else if (strcmp(name, "overlap") == 0)
        check(bitsup_engine_config_set_overlap(config, BITSUP_OVERLAP_REJECT, NULL), name);
    else if (strcmp(name, "finalize") == 0)
        check(bitsup_engine_config_set_finalize(config, BITSUP_FINALIZE_CLOSE, NULL), name);
    else if (strcmp(name, "method-override") == 0)
        check(bitsup_engine_config_set_method_override(config, 1, NULL), name);
    else if (strcmp(name, "public-url") == 0)
        check(bitsup_engine_config_set_public_url(config, value, NULL), name);
    else if (strcmp(name, "host-id") == 0) {
        char host[512];
        unsigned seconds = 0;
        sscanf(value, "%511s %u", host, &seconds);
        check(bitsup_engine_config_set_host_id(config, host, seconds, NULL), name);
    } else
        check(BITSUP_E_INVALID_ARGUMENT, name);
}

int main(int argc, char **argv)
{
    bitsup_store *store = NULL;
    bitsup_engine *engine = NULL;
    bitsup_engine_config *config = bitsup_engine_config_new();
    int at = 2;
    if (argc < 2)
        return 2;
    if (argc > at && strcmp(argv[at], "app") == 0) {
        set_reporting_hooks(config);
        at++;
    }
    for (; at + 1 < argc; at += 2)
        set(config, argv[at], argv[at + 1]);
    check(bitsup_store_new_dir(argv[1], BITSUP_DURABILITY_NONE, 0, &store, NULL), "store");
    check(bitsup_engine_config_set_store(config, store, NULL), "store");
    check(bitsup_engine_new(config, &engine, NULL), "engine");
    struct MHD_Daemon *daemon = start(engine, 0);
    if (daemon == NULL)
        return 1;
    for (;;) /* killed by the test */
        pause();
}
