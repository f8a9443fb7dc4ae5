/* TLS and users of a server, and both exchanged while it runs; its operators. */
#include "check.h"

struct pem {
    uint8_t text[8192];
    size_t len;
};

/* What the test put beside the program's folders. */
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
    EXPECT(BITSUP_E_TLS, "", bitsup_client_ping(client, url, e)); /* nobody vouches for that certificate */
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

/* Operators have an address of their own, if they have one. */
static void operators(const bitsup_engine *engine)
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

static void users(const bitsup_engine *engine)
{
    bitsup_server_config *config = configure(engine), *later = configure(engine);
    bitsup_server *server = NULL;
    OK(bitsup_server_config_add_user(config, "anna", "secret", e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "twice", bitsup_server_config_add_user(config, "anna", "other", e));
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
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "no users", bitsup_server_reload_users(server, later, e));
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
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_engine *engine = make_engine(argv[1]);
    tls(engine, argv[1]);
    users(engine);
    operators(engine);
    bitsup_engine_free(engine);
    return 0;
}
