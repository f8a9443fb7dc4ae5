/*
 * serve ROOT [PORT]: receives uploads into the directory ROOT on 127.0.0.1. The first line on stdout is
 * "listening on URL". Stops on SIGINT and SIGTERM with exit code 0; exits with 1 on errors, 2 on wrong usage.
 *
 *     cc -std=c11 -Iinclude examples/c/serve.c -Ltarget/debug -lbitsup -o serve
 */
#define _POSIX_C_SOURCE 200809L
#include <bitsup.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static bitsup_status start(const char *root, uint16_t port, bitsup_server **out, bitsup_error **error)
{
    bitsup_store *store = NULL;
    bitsup_engine_config *engine_config = bitsup_engine_config_new();
    bitsup_engine *engine = NULL;
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_status status;

    if ((status = bitsup_store_new_dir(root, BITSUP_DURABILITY_FILE, 0, &store, error)) == BITSUP_OK &&
        (status = bitsup_engine_config_set_store(engine_config, store, error)) == BITSUP_OK &&
        (status = bitsup_engine_new(engine_config, &engine, error)) == BITSUP_OK &&
        (status = bitsup_server_config_mount(config, "/", engine, error)) == BITSUP_OK &&
        (status = bitsup_server_config_set_listen(config, "127.0.0.1", port, error)) == BITSUP_OK)
        status = bitsup_server_start(config, out, error);

    /* The server keeps references to what it needs. */
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
    bitsup_engine_config_free(engine_config);
    bitsup_store_free(store);
    return status;
}

static bitsup_status print_url(const bitsup_server *server, bitsup_error **error)
{
    char *url = NULL;
    bitsup_status status = bitsup_server_url(server, &url, error);
    if (status == BITSUP_OK) {
        printf("listening on %s\n", url);
        fflush(stdout);
    }
    bitsup_string_free(url);
    return status;
}

int main(int argc, char **argv)
{
    char *end = "";
    unsigned long port = argc == 3 ? strtoul(argv[2], &end, 10) : 0;
    if ((argc != 2 && argc != 3) || *end != '\0' || port > UINT16_MAX) {
        fprintf(stderr, "usage: serve ROOT [PORT]\n");
        return 2;
    }
    /* Blocks the signals before the server creates its threads, so that sigwait() below receives them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    bitsup_server *server = NULL;
    bitsup_error *error = NULL;
    bitsup_status status;
    if ((status = start(argv[1], (uint16_t)port, &server, &error)) == BITSUP_OK &&
        (status = print_url(server, &error)) == BITSUP_OK) {
        int number = 0;
        sigwait(&signals, &number);
        status = bitsup_server_stop(server, 10000, &error);
    }
    if (status != BITSUP_OK)
        fprintf(stderr, "serve: %s (%s)\n", bitsup_error_message(error), bitsup_status_name(status));
    bitsup_error_free(error);
    bitsup_server_free(server);
    return status == BITSUP_OK ? 0 : 1;
}
