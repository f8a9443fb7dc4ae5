/*
 * reply ROOT FILE: client and server in one program. The server receives uploads into the directory ROOT and
 * replies to each with its size and its first line in upper case. The client uploads FILE, saves the reply in
 * ROOT/reply and prints it. Exits with 0 on success, 1 on errors, 2 on wrong usage.
 *
 *     cc -std=c11 -Iinclude examples/c/reply.c -Ltarget/debug -lbitsup -o reply
 */
#include <bitsup.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LENGTH = 4096 };

/* Called on a thread of the server when the upload is complete, while the client waits. */
static int32_t on_received(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)user_data;
    char line[MAX_LENGTH] = "", reply[MAX_LENGTH + 32];
    FILE *file = fopen(bitsup_upload_data_path(upload), "rb");
    if (file == NULL)
        return BITSUP_ABORT; /* the client gets an error and retries */
    if (fgets(line, sizeof line, file) != NULL)
        line[strcspn(line, "\n")] = '\0';
    fclose(file);
    for (char *c = line; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    int length = snprintf(reply, sizeof reply, "%" PRIu64 " bytes\n%s\n", bitsup_upload_received(upload), line);
    if (bitsup_verdict_set_keep_file(verdict, 0, NULL) != BITSUP_OK ||
        bitsup_verdict_set_reply_bytes(verdict, (const uint8_t *)reply, (size_t)length, NULL) != BITSUP_OK)
        return BITSUP_ABORT;
    return BITSUP_CONTINUE;
}

static bitsup_status start_server(const char *root, bitsup_server **out, bitsup_error **error)
{
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    bitsup_store *store = NULL;
    bitsup_engine_config *engine_config = bitsup_engine_config_new();
    bitsup_engine *engine = NULL;
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_status status;

    if ((status = bitsup_hooks_on_received(hooks, on_received, error)) == BITSUP_OK &&
        (status = bitsup_store_new_dir(root, BITSUP_DURABILITY_FILE, 0, &store, error)) == BITSUP_OK &&
        (status = bitsup_engine_config_set_store(engine_config, store, error)) == BITSUP_OK &&
        (status = bitsup_engine_config_set_hooks(engine_config, hooks, error)) == BITSUP_OK &&
        (status = bitsup_engine_new(engine_config, &engine, error)) == BITSUP_OK &&
        (status = bitsup_server_config_mount(config, "/", engine, error)) == BITSUP_OK)
        status = bitsup_server_start(config, out, error);

    /* The server keeps references to what it needs. */
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
    bitsup_engine_config_free(engine_config);
    bitsup_store_free(store);
    bitsup_hooks_free(hooks);
    return status;
}

/* Uploads the file `path` and saves the reply in `reply_path`. */
static bitsup_status upload(const char *root_url, const char *path, const char *reply_path, bitsup_error **error)
{
    char url[MAX_LENGTH];
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    bitsup_source *source = NULL;
    bitsup_job *job = NULL;
    bitsup_status status;

    snprintf(url, sizeof url, "%supload", root_url);
    if ((status = bitsup_client_new(config, &client, error)) == BITSUP_OK &&
        (status = bitsup_source_from_file(path, &source, error)) == BITSUP_OK &&
        (status = bitsup_job_new(client, url, source, &job, error)) == BITSUP_OK &&
        (status = bitsup_job_set_reply_path(job, reply_path, error)) == BITSUP_OK)
        status = bitsup_job_run(job, error);

    bitsup_job_free(job);
    bitsup_source_free(source);
    bitsup_client_free(client);
    bitsup_client_config_free(config);
    return status;
}

static void print(const char *path)
{
    char line[MAX_LENGTH];
    FILE *file = fopen(path, "rb");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        fputs(line, stdout);
    if (file != NULL)
        fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: reply ROOT FILE\n");
        return 2;
    }
    char reply_path[MAX_LENGTH];
    snprintf(reply_path, sizeof reply_path, "%s/reply", argv[1]);
    bitsup_server *server = NULL;
    char *url = NULL;
    bitsup_error *error = NULL;
    bitsup_status status;
    if ((status = start_server(argv[1], &server, &error)) == BITSUP_OK &&
        (status = bitsup_server_url(server, &url, &error)) == BITSUP_OK &&
        (status = upload(url, argv[2], reply_path, &error)) == BITSUP_OK) {
        print(reply_path);
        status = bitsup_server_stop(server, 10000, &error);
    }
    if (status != BITSUP_OK)
        fprintf(stderr, "reply: %s (%s)\n", bitsup_error_message(error), bitsup_status_name(status));
    bitsup_error_free(error);
    bitsup_string_free(url);
    bitsup_server_free(server);
    return status == BITSUP_OK ? 0 : 1;
}
