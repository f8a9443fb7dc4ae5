/* TLS and users of a server, reloading both, and the administration listener. */
#include "check.h"

enum { OWNER = 64 };

struct pem {
    uint8_t text[8192];
    size_t len;
};

/* Reads a PEM file that the test has written next to the program's folders. */
static struct pem read_pem(const char *folder, const char *name)
{
    struct pem pem = {{0}, 0};
    char path[4096];
    snprintf(path, sizeof path, "%s/../%s", folder, name);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    pem.len = fread(pem.text, 1, sizeof pem.text, file);
    CHECK(pem.len > 0 && pem.len < sizeof pem.text);
    fclose(file);
    return pem;
}

static bitsup_server_config *configure(const bitsup_engine *engine)
{
    bitsup_server_config *config = bitsup_server_config_new();
    OK(bitsup_server_config_mount(config, "/", engine, e));
    return config;
}

/* Records the owner of the session. */
static int32_t on_create(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)verdict;
    CHECK(bitsup_upload_owner(upload) != NULL);
    snprintf(user_data, OWNER, "%s", bitsup_upload_owner(upload));
    return BITSUP_CONTINUE;
}

static bitsup_engine *make_owned_engine(const char *root, char *owner)
{
    bitsup_hooks *hooks = bitsup_hooks_new(owner, NULL);
    OK(bitsup_hooks_on_create(hooks, on_create, e));
    bitsup_engine *engine = make_engine_with(root, hooks);
    bitsup_hooks_free(hooks);
    return engine;
}

static void upload(const bitsup_client *client, const char *url)
{
    bitsup_job *job = make_job(client, url, "hello", 5);
    OK(bitsup_job_run(job, e));
    bitsup_job_free(job);
}

/* Creates a client that trusts `root` and, if `own` is not NULL, uses its certificate and key. */
static bitsup_client *make_tls_client(const struct pem *root, const struct pem *own)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    OK(bitsup_client_config_set_retry(config, 1, 1, 1, e));
    OK(bitsup_client_config_add_root_certificates(config, root->text, root->len, e));
    if (own != NULL)
        OK(bitsup_client_config_set_client_certificate(config, own->text, own->len, e));
    OK(bitsup_client_new(config, &client, e));
    bitsup_client_config_free(config);
    return client;
}

/* B-TLS-01 B-TLS-02: the client verifies the server, then the server verifies the client. */
static void trust(const char *folder)
{
    char owner[OWNER] = "";
    const struct pem cert = read_pem(folder, "cert.pem"), key = read_pem(folder, "key.pem");
    const struct pem cert2 = read_pem(folder, "cert2.pem"), key2 = read_pem(folder, "key2.pem");
    struct pem identity = cert;
    CHECK(cert.len + key.len <= sizeof identity.text);
    memcpy(identity.text + cert.len, key.text, key.len);
    identity.len += key.len;
    bitsup_engine *engine = make_owned_engine(folder, owner);
    bitsup_server_config *config = configure(engine);
    bitsup_server *server = NULL;
    OK(bitsup_server_config_set_tls(config, cert.text, cert.len, key.text, key.len, e));
    OK(bitsup_server_start(config, &server, e));
    char *url = url_of(server, "a");
    bitsup_client *first = make_tls_client(&cert, NULL), *second = make_tls_client(&cert2, NULL);
    bitsup_client *known = make_tls_client(&cert2, &identity);
    OK(bitsup_client_ping(first, url, e));
    EXPECT(BITSUP_E_TLS, "", bitsup_client_ping(second, url, e));
    bitsup_client_free(first); /* and its connection */
    OK(bitsup_server_config_set_tls(config, cert2.text, cert2.len, key2.text, key2.len, e));
    OK(bitsup_server_reload_tls(server, config, e));
    first = make_tls_client(&cert, NULL);
    EXPECT(BITSUP_E_TLS, "", bitsup_client_ping(first, url, e));
    OK(bitsup_client_ping(second, url, e));
    bitsup_client_free(second);

    OK(bitsup_server_config_set_client_ca(config, cert.text, cert.len, e));
    OK(bitsup_server_reload_tls(server, config, e));
    second = make_tls_client(&cert2, NULL);
    EXPECT(BITSUP_E_TLS, "", bitsup_client_ping(second, url, e));
    upload(known, url);
    CHECK(strcmp(owner, "CN=pc17") == 0);
    OK(bitsup_server_stop(server, 0, e));

    bitsup_client_free(first);
    bitsup_client_free(second);
    bitsup_client_free(known);
    free(url);
    bitsup_server_free(server);
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
}

static void tls(const bitsup_engine *engine, const char *folder)
{
    const struct pem cert = read_pem(folder, "cert.pem"), key = read_pem(folder, "key.pem");
    bitsup_server_config *config = configure(engine), *plain = configure(engine);
    bitsup_server *server = NULL;
    EXPECT(BITSUP_E_INVALID_STATE, "set_tls first", bitsup_server_config_set_client_ca(config, cert.text, cert.len, e));
    OK(bitsup_server_config_set_tls(config, cert.text, cert.len, NULL, 0, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "key_pem: ", bitsup_server_start(config, &server, e));
    OK(bitsup_server_config_set_tls(config, key.text, key.len, key.text, key.len, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "certificates_pem: ", bitsup_server_start(config, &server, e));
    OK(bitsup_server_config_set_tls(config, cert.text, cert.len, key.text, key.len, e));
    OK(bitsup_server_start(config, &server, e));

    char *url = url_of(server, "a");
    CHECK(strncmp(url, "https://127.0.0.1:", 18) == 0);
    bitsup_client *client = make_client();
    EXPECT(BITSUP_E_TLS, "", bitsup_client_ping(client, url, e)); /* the certificate is not trusted */
    OK(bitsup_server_reload_tls(server, config, e));
    OK(bitsup_server_config_set_client_ca(config, key.text, key.len, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "roots_pem: ", bitsup_server_reload_tls(server, config, e));
    OK(bitsup_server_config_set_client_ca(config, cert.text, cert.len, e));
    OK(bitsup_server_reload_tls(server, config, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "bitsup_server_config_set_tls", bitsup_server_reload_tls(server, plain, e));
    EXPECT(BITSUP_E_INVALID_STATE, "without users", bitsup_server_reload_users(server, plain, e));
    OK(bitsup_server_stop(server, 0, e));

    bitsup_client_free(client);
    free(url);
    bitsup_server_free(server);
    bitsup_server_config_free(plain);
    bitsup_server_config_free(config);
}

/* The administration listener is optional and has its own address. */
static void admin_listener(const bitsup_engine *engine)
{
    bitsup_server_config *config = configure(engine);
    bitsup_server *server = NULL;
    char *text = NULL;
    OK(bitsup_server_start(config, &server, e));
    EXPECT(BITSUP_E_INVALID_STATE, "bitsup_server_config_set_admin", bitsup_server_admin_url(server, &text, e));
    CHECK(text == NULL);
    OK(bitsup_server_stop(server, 0, e));
    bitsup_server_free(server);

    OK(bitsup_server_config_set_admin(config, "127.0.0.1", 0, e));
    OK(bitsup_server_start(config, &server, e));
    char *url = NULL;
    OK(bitsup_server_admin_url(server, &text, e));
    OK(bitsup_server_url(server, &url, e));
    CHECK(strncmp(text, "http://127.0.0.1:", 17) == 0 && strcmp(text, url) != 0);
    OK(bitsup_server_config_set_admin(config, "127.0.0.1", (uint16_t)atoi(strrchr(text, ':') + 1), e));
    bitsup_server *second = NULL;
    EXPECT(BITSUP_E_IO, "another program listens there", bitsup_server_start(config, &second, e));
    OK(bitsup_server_stop(server, 0, e));
    bitsup_string_free(url);
    bitsup_string_free(text);
    bitsup_server_free(server);
    bitsup_server_config_free(config);
}

/* B-AUTH-01 */
static void users(const char *root)
{
    char owner[OWNER] = "";
    bitsup_engine *engine = make_owned_engine(root, owner);
    bitsup_server_config *config = configure(engine), *later = configure(engine);
    bitsup_server *server = NULL;
    OK(bitsup_server_config_add_user(config, "anna", "secret", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "duplicate user", bitsup_server_config_add_user(config, "anna", "other", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "a:b", bitsup_server_config_add_user(config, "a:b", "secret", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "password", bitsup_server_config_add_user(config, "bert", "", e));
    OK(bitsup_server_start(config, &server, e));

    char *url = url_of(server, "a");
    bitsup_client_config *client_config = bitsup_client_config_new();
    OK(bitsup_client_config_add_header(client_config, "Authorization", "Basic YW5uYTpzZWNyZXQ=", e));
    bitsup_client *anna = NULL, *nobody = make_client();
    OK(bitsup_client_new(client_config, &anna, e));
    EXPECT(BITSUP_E_HTTP_STATUS, "401", bitsup_client_ping(nobody, url, e));
    OK(bitsup_client_ping(anna, url, e));
    upload(anna, url);
    CHECK(strcmp(owner, "anna") == 0);
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "the list of users is empty", bitsup_server_reload_users(server, later, e));
    OK(bitsup_client_ping(anna, url, e));
    OK(bitsup_server_config_add_user(later, "anna", "new", e));
    OK(bitsup_server_reload_users(server, later, e));
    EXPECT(BITSUP_E_HTTP_STATUS, "401", bitsup_client_ping(anna, url, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "no certificate", bitsup_server_reload_tls(server, later, e));
    OK(bitsup_server_stop(server, 0, e));

    bitsup_client_free(nobody);
    bitsup_client_free(anna);
    bitsup_client_config_free(client_config);
    free(url);
    bitsup_server_free(server);
    bitsup_server_config_free(later);
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_engine *engine = make_engine(argv[1]);
    tls(engine, argv[1]);
    trust(argv[2]);
    users(argv[2]);
    admin_listener(engine);
    bitsup_engine_free(engine);
    return 0;
}
