/* Values out of range, invalid text, and error details. */
#include "check.h"
#include <limits.h>

static const char *const bad_text = "a\xFF" "b";

static void numbers(const char *root)
{
    static const int32_t outside[] = {-1, 3, 12345, INT_MIN, INT_MAX};
    bitsup_engine_config *config = bitsup_engine_config_new();
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    bitsup_store *store = NULL;
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`kind`", bitsup_hooks_set_notify_url(hooks, 0, "http://127.0.0.1:1/", 1000, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "timeout", bitsup_hooks_set_notify_url(hooks, 1, "http://127.0.0.1:1/", 0, e));
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "`durability`", bitsup_store_new_dir(root, outside[i], 0, &store, e));
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "`overlap`", bitsup_engine_config_set_overlap(config, outside[i], e));
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "`finalize`", bitsup_engine_config_set_finalize(config, outside[i], e));
        OK(bitsup_engine_config_set_allow_overwrite(config, outside[i], e));
        OK(bitsup_engine_config_set_method_override(config, outside[i], e));
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "`kind`",
               bitsup_hooks_set_notify_url(hooks, outside[i], "http://127.0.0.1:1/", 1000, e));
    }
    for (int32_t inside = 0; inside < 2; inside++) {
        OK(bitsup_engine_config_set_overlap(config, inside, e));
        OK(bitsup_engine_config_set_finalize(config, inside, e));
    }
    CHECK(store == NULL);
    bitsup_hooks_free(hooks);
    bitsup_engine_config_free(config);
}

static void on_log(void *user_data, int32_t level, const char *target, const char *message, size_t message_len)
{
    (void)user_data, (void)level, (void)target, (void)message, (void)message_len;
}

static void levels(void)
{
    static const int32_t outside[] = {0, 6, -1, 12345, INT_MIN, INT_MAX};
    int destroyed = 0;
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        CHECK(bitsup_logger_new(on_log, outside[i], &destroyed, count_destroy) == NULL);
    CHECK(destroyed == sizeof outside / sizeof *outside);
    for (int32_t inside = BITSUP_LOG_ERROR; inside <= BITSUP_LOG_TRACE; inside++) {
        bitsup_logger *logger = bitsup_logger_new(on_log, inside, NULL, NULL);
        CHECK(logger != NULL);
        bitsup_logger_free(logger);
    }
}

static void headers_and_states(const bitsup_client *client)
{
    bitsup_job *job = make_job(client, "http://127.0.0.1:1/a", "x", 1);
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "BITS-Packet-Type", bitsup_job_add_header(job, "BITS-Packet-Type", "x", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "name is invalid", bitsup_job_add_header(job, "a b", "x", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "name is invalid", bitsup_job_add_header(job, "", "x", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "value is invalid", bitsup_job_add_header(job, "a", "x\r\ny: z", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "damaged", bitsup_job_import(job, NULL, 0, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "damaged", bitsup_job_import(job, (const uint8_t *)"\0\xFF", 2, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`state`", bitsup_job_import(job, (const uint8_t *)"", SIZE_MAX, e));
    EXPECT(BITSUP_E_INVALID_STATE, "not transferred", bitsup_job_close(job, e));
    bitsup_job_free(job);
}

/* Credentials, trust and proxies: some values are checked immediately, others when the client is created. */
static void identities(void)
{
    static const int32_t outside[] = {-1, 0, 3, 12345, INT_MIN, INT_MAX};
    static const char *const proxies[] = {"p:3128", "socks5://p", "http://u:secret@p", "http://p:99999"};
    static const uint8_t pem[] = "-----BEGIN CERTIFICATE-----";
    const int32_t server = BITSUP_AUTH_TARGET_SERVER, proxy = BITSUP_AUTH_TARGET_PROXY;
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "`target`",
               bitsup_client_config_set_credentials(config, outside[i], BITSUP_AUTH_BASIC, "a", "b", e));
        const bitsup_status status = outside[i] == BITSUP_AUTH_NTLM ? BITSUP_E_UNSUPPORTED : BITSUP_E_INVALID_ARGUMENT;
        EXPECT(status, "", bitsup_client_config_set_credentials(config, server, outside[i], "a", "b", e));
    }
    EXPECT(BITSUP_E_UNSUPPORTED, "proxy",
           bitsup_client_config_set_credentials(config, proxy, BITSUP_AUTH_BEARER, "a", "b", e));
    EXPECT(BITSUP_E_UNSUPPORTED, "BITSUP_AUTH_BASIC",
           bitsup_client_config_set_credentials(config, proxy, BITSUP_AUTH_DIGEST, "a", "b", e));
    EXPECT(BITSUP_E_UNSUPPORTED, "BITSUP_AUTH_BASIC",
           bitsup_client_config_set_credentials(config, proxy, BITSUP_AUTH_NEGOTIATE, "a", "b", e));
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
        OK(bitsup_client_config_set_proxy(config, proxies[i], e));
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "proxy", bitsup_client_new(config, &client, e));
    }
    OK(bitsup_client_config_set_proxy(config, "", e));
    OK(bitsup_client_config_set_credentials(config, proxy, BITSUP_AUTH_BASIC, "a:b", "c", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "colon", bitsup_client_new(config, &client, e));
    OK(bitsup_client_config_set_credentials(config, proxy, BITSUP_AUTH_BASIC, "a", "c", e));
    OK(bitsup_client_config_set_credentials(config, server, BITSUP_AUTH_BEARER, NULL, "a b", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "bearer token", bitsup_client_new(config, &client, e));
    OK(bitsup_client_config_set_credentials(config, server, BITSUP_AUTH_BEARER, NULL, "a", e));
    OK(bitsup_client_config_set_client_certificate(config, pem, sizeof pem - 1, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "client certificate", bitsup_client_new(config, &client, e));
    OK(bitsup_client_config_set_client_certificate(config, NULL, 0, e));
    OK(bitsup_client_config_add_root_certificates(config, pem, sizeof pem - 1, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "root certificates", bitsup_client_new(config, &client, e));
    CHECK(client == NULL);
    bitsup_client_config_free(config);

    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    OK(bitsup_hooks_set_notify_url(hooks, BITSUP_NOTIFY_BY_VALUE, "https://127.0.0.1:1/", 1, e));
    OK(bitsup_hooks_add_notify_root_certificates(hooks, pem, sizeof pem - 1, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "root certificates",
           bitsup_hooks_set_notify_url(hooks, BITSUP_NOTIFY_BY_VALUE, "https://127.0.0.1:1/", 1, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`pem`",
           bitsup_hooks_add_notify_root_certificates(hooks, pem, SIZE_MAX, e));
    bitsup_hooks_free(hooks);
}

static void texts(const bitsup_client *client, const bitsup_engine *engine)
{
    bitsup_client_config *client_config = bitsup_client_config_new();
    bitsup_server_config *server_config = bitsup_server_config_new();
    bitsup_engine_config *engine_config = bitsup_engine_config_new();
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    bitsup_source *source = make_source("x", 1);
    bitsup_job *job = NULL, *other = make_job(client, "http://127.0.0.1:1/a", "x", 1);
    EXPECT(BITSUP_E_INVALID_UTF8, "`text`", bitsup_client_config_set_user_agent(client_config, bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`name`", bitsup_client_config_add_header(client_config, bad_text, "b", e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`value`", bitsup_client_config_add_header(client_config, "a", bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`url`", bitsup_client_config_set_proxy(client_config, bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`host`", bitsup_client_config_add_no_proxy(client_config, bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`user`",
           bitsup_client_config_set_credentials(client_config, 1, BITSUP_AUTH_BASIC, bad_text, "b", e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`secret`",
           bitsup_client_config_set_credentials(client_config, 1, BITSUP_AUTH_BASIC, "a", bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`url`", bitsup_client_ping(client, bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`url`", bitsup_job_new(client, bad_text, source, &job, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`name`", bitsup_job_set_content_name(other, bad_text, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "content name", bitsup_job_set_content_name(other, "caf\xC3\xA9", e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`name`", bitsup_job_add_header(other, bad_text, "b", e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`value`", bitsup_job_add_header(other, "a", bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`session_id`", bitsup_engine_end_session(engine, bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`host`", bitsup_server_config_set_listen(server_config, bad_text, 0, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`host`", bitsup_server_config_set_admin(server_config, bad_text, 0, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`prefix`", bitsup_server_config_mount(server_config, bad_text, engine, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`name`", bitsup_server_config_add_user(server_config, bad_text, "b", e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`password`", bitsup_server_config_add_user(server_config, "a", bad_text, e));
    const uint8_t pem[] = "x";
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`key_pem`",
           bitsup_server_config_set_tls(server_config, pem, 1, pem, SIZE_MAX, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`roots_pem`",
           bitsup_server_config_set_client_ca(server_config, pem, SIZE_MAX, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`url`", bitsup_client_download(client, bad_text, "a", NULL, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`url`", bitsup_engine_config_set_public_url(engine_config, bad_text, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`host`", bitsup_engine_config_set_host_id(engine_config, bad_text, 0, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`url`", bitsup_hooks_set_notify_url(hooks, 1, bad_text, 1, e));
    CHECK(job == NULL);
    bitsup_hooks_free(hooks);
    bitsup_engine_config_free(engine_config);
    bitsup_job_free(other);
    bitsup_source_free(source);
    bitsup_server_config_free(server_config);
    bitsup_client_config_free(client_config);
}

/* Paths are bytes: a path that is not UTF-8 is valid. */
static void paths(const char *root)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, bad_text);
    bitsup_source *source = NULL;
    EXPECT(BITSUP_E_NOT_FOUND, "", bitsup_source_from_file(path, &source, e));
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fputs("content", file) >= 0 && fclose(file) == 0);
    OK(bitsup_source_from_file(path, &source, e));
    bitsup_source_free(source);
}

static void states(const bitsup_client *client, const bitsup_engine *engine)
{
    bitsup_source *source = make_source(NULL, 0);
    bitsup_job *job = NULL;
    char *text = NULL;
    OK(bitsup_job_new(client, "http://127.0.0.1:1/a", source, &job, e));
    CHECK(bitsup_job_state(job) == BITSUP_JOB_READY);
    EXPECT(BITSUP_E_INVALID_STATE, "session", bitsup_job_session_id(job, &text, e));
    bitsup_job *second = NULL;
    EXPECT(BITSUP_E_INVALID_STATE, "`source`", bitsup_job_new(client, "http://127.0.0.1:1/a", source, &second, e));
    EXPECT(BITSUP_E_SESSION_NOT_FOUND, "none", bitsup_engine_end_session(engine, "none", e));
    EXPECT(BITSUP_E_SESSION_NOT_FOUND, "{A0FF5911",
           bitsup_engine_end_session(engine, "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}", e));
    bitsup_engine_config *config = bitsup_engine_config_new();
    bitsup_engine *storeless = NULL;
    EXPECT(BITSUP_E_INVALID_STATE, "set_store", bitsup_engine_new(config, &storeless, e));
    CHECK(text == NULL && second == NULL && storeless == NULL);
    bitsup_engine_config_free(config);
    bitsup_job_free(job);
    bitsup_source_free(source);
}

static void urls(const bitsup_client *client, const char *root)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/download", root);
    static const char *const bad[] = {"", "file", "/path", "ftp://127.0.0.1/a", "http://", "http://127.0.0.1:99999/a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bitsup_job *job = NULL;
        bitsup_error *error = NULL;
        bitsup_source *source = make_source("x", 1);
        CHECK(bitsup_job_new(client, bad[i], source, &job, &error) == BITSUP_E_INVALID_ARGUMENT);
        CHECK(job == NULL && *bitsup_error_message(error) != '\0');
        bitsup_error_free(error);
        bitsup_source_free(source);
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "", bitsup_client_ping(client, bad[i], e));
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "", bitsup_client_download(client, bad[i], path, NULL, e));
    }
}

/* Public URLs are checked when the engine is created. */
static void addresses(const char *root)
{
    static const char *const bad[] = {"", "host", "ftp://host/", "http://", "http://host/a?b", "http://host/a b"};
    bitsup_store *store = make_store(root);
    bitsup_engine *engine = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bitsup_engine_config *config = bitsup_engine_config_new();
        OK(bitsup_engine_config_set_store(config, store, e));
        OK(bitsup_engine_config_set_public_url(config, bad[i], e));
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "public URL", bitsup_engine_new(config, &engine, e));
        OK(bitsup_engine_config_set_public_url(config, "https://host/prefix", e));
        OK(bitsup_engine_config_set_host_id(config, i % 2 ? "" : "a/b", UINT32_MAX, e));
        EXPECT(BITSUP_E_INVALID_ARGUMENT, "host id", bitsup_engine_new(config, &engine, e));
        bitsup_engine_config_free(config);
    }
    CHECK(engine == NULL);
    bitsup_store_free(store);
}

/* A root can be used by one store only, unless all of its stores are shared. */
static void roots(const char *root)
{
    bitsup_store *first = NULL, *second = NULL;
    for (int32_t shared = 0; shared < 2; shared++) {
        OK(bitsup_store_new_dir(root, BITSUP_DURABILITY_NONE, shared, &first, e));
        EXPECT(BITSUP_E_BUSY, root, bitsup_store_new_dir(root, BITSUP_DURABILITY_NONE, !shared, &second, e));
        EXPECT(shared ? BITSUP_OK : BITSUP_E_BUSY, shared ? "" : root,
               bitsup_store_new_dir(root, BITSUP_DURABILITY_NONE, shared, &second, e));
        bitsup_store_free(first);
        bitsup_store_free(second);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_client *client = make_client();
    bitsup_engine *engine = make_engine(argv[1]);
    CHECK(strcmp(bitsup_status_name(12345), "BITSUP_E_UNKNOWN") == 0);
    numbers(argv[2]);
    levels();
    headers_and_states(client);
    identities();
    texts(client, engine);
    paths(argv[2]);
    states(client, engine);
    urls(client, argv[2]);
    addresses(argv[2]);
    roots(argv[2]);
    bitsup_engine_free(engine);
    bitsup_client_free(client);
    return 0;
}
