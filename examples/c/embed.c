/*
 * embed ROOT [PORT]: receives uploads into the directory ROOT on 127.0.0.1 with an HTTP server based on GNU
 * libmicrohttpd. Behaves like examples/c/serve.c, which uses bitsup's own server. The first line on stdout is
 * "listening on URL". Stops on SIGINT and SIGTERM with exit code 0; exits with 1 on errors, 2 on wrong usage.
 *
 *     cc -std=c11 -Iinclude examples/c/embed.c -Ltarget/debug -lbitsup -lmicrohttpd -o embed
 *
 * docs/guide/embedding.md explains each step.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <bitsup.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

/* Maximum bytes of a body that are read and discarded to keep the connection open. A Windows client sends its whole
 * fragment, 13 MiB at most, before it reads the response. */
#define MAX_DISCARD (16u * 1024 * 1024)
#define REPLY_CHUNK (64u * 1024)

/* One request, from its request line to the end of its response. */
struct request {
    char *target;
    bitsup_exchange *exchange;
    int32_t want;
    uint64_t discarded;
};

static void print_error(bitsup_error *error)
{
    fprintf(stderr, "embed: %s (%s)\n", bitsup_error_message(error),
            bitsup_status_name(bitsup_error_status(error)));
    bitsup_error_free(error);
}

/* Called after the request line was received. Only here does libmicrohttpd provide the target as it was sent;
 * later it is decoded and has no query. */
static void *on_request_line(void *unused, const char *target, struct MHD_Connection *connection)
{
    (void)unused, (void)connection;
    struct request *request = calloc(1, sizeof *request);
    if (request != NULL && (request->target = strdup(target)) == NULL) {
        free(request);
        return NULL;
    }
    return request;
}

/* Called after the response was sent or the connection was lost, which freeing the exchange reports to the engine. */
static void on_completed(void *unused, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    struct request *request = *state;
    (void)unused, (void)connection, (void)why;
    if (request != NULL) {
        bitsup_exchange_free(request->exchange);
        free(request->target);
        free(request);
    }
    *state = NULL;
}

static enum MHD_Result add_header(void *exchange, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    (void)kind;
    bitsup_status status = bitsup_exchange_add_header(exchange, name, name_len, value, value_len, NULL);
    return status == BITSUP_OK ? MHD_YES : MHD_NO;
}

static bitsup_status set_peer(bitsup_exchange *exchange, struct MHD_Connection *connection, bitsup_error **error)
{
    char text[INET_ADDRSTRLEN] = "";
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info != NULL && info->client_addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, text, sizeof text);
    return bitsup_exchange_set_peer(exchange, text, strlen(text), error);
}

/* Passes the complete head to the engine. */
static bitsup_status begin(const bitsup_engine *engine, struct request *request, struct MHD_Connection *connection,
                           const char *method, bitsup_error **error)
{
    bitsup_status status = bitsup_exchange_new(engine, &request->exchange, error);
    if (status == BITSUP_OK)
        status = bitsup_exchange_set_request(request->exchange, method, strlen(method), request->target,
                                             strlen(request->target), error);
    if (status == BITSUP_OK)
        status = set_peer(request->exchange, connection, error);
    if (status == BITSUP_OK) {
        MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, request->exchange);
        status = bitsup_exchange_begin(request->exchange, &request->want, error);
    }
    return status;
}

/* Whether to respond without reading the body, because the client expects 100 Continue, the body is too long, or its
 * length is unknown. libmicrohttpd then closes the connection. */
static int responds_at_once(const struct request *request, struct MHD_Connection *connection)
{
    const char *expect = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Expect");
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    const char *coding = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
    const unsigned long long announced = length == NULL ? 0 : strtoull(length, NULL, 10);
    if (request->want != BITSUP_WANT_FINISH)
        return 0;
    return coding != NULL || announced > MAX_DISCARD ||
           (announced > 0 && expect != NULL && strcasecmp(expect, "100-continue") == 0);
}

static ssize_t read_reply(void *response, uint64_t offset, char *buffer, size_t capacity)
{
    size_t length = 0;
    bitsup_error *error = NULL;
    (void)offset; /* libmicrohttpd reads sequentially */
    if (bitsup_response_read_body(response, (uint8_t *)buffer, capacity, &length, &error) != BITSUP_OK) {
        print_error(error);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return length == 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)length;
}

static void free_reply(void *response)
{
    bitsup_response_free(response);
}

/* Sends the response. Hooks may take minutes, so every connection has its own thread. */
static enum MHD_Result respond(struct request *request, struct MHD_Connection *connection)
{
    bitsup_error *error = NULL;
    bitsup_response *response = NULL;
    if (bitsup_exchange_finish(request->exchange, &response, &error) != BITSUP_OK) {
        print_error(error);
        return MHD_NO;
    }
    struct MHD_Response *reply = MHD_create_response_from_callback(bitsup_response_content_length(response),
                                                                   REPLY_CHUNK, read_reply, response, free_reply);
    if (reply == NULL) {
        bitsup_response_free(response);
        return MHD_NO;
    }
    for (size_t i = 0; i < bitsup_response_header_count(response); i++)
        MHD_add_response_header(reply, bitsup_response_header_name(response, i),
                                bitsup_response_header_value(response, i));
    if (bitsup_response_must_close(response))
        MHD_add_response_header(reply, "Connection", "close");
    enum MHD_Result queued = MHD_queue_response(connection, bitsup_response_status(response), reply);
    MHD_destroy_response(reply);
    return queued;
}

/* Passes a chunk of the body to the engine, or discards it if the engine wants no more. */
static enum MHD_Result process_body(struct request *request, const char *data, size_t length)
{
    bitsup_error *error = NULL;
    if (request->want == BITSUP_WANT_FINISH) {
        request->discarded += length;
        return request->discarded <= MAX_DISCARD ? MHD_YES : MHD_NO;
    }
    if (bitsup_exchange_body(request->exchange, (const uint8_t *)data, length, &request->want, &error) == BITSUP_OK)
        return MHD_YES;
    print_error(error);
    return MHD_NO;
}

/* Called when the head is complete, for each chunk of the body, and at its end. */
static enum MHD_Result handle(void *engine, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *length, void **state)
{
    struct request *request = *state;
    bitsup_error *error = NULL;
    (void)url, (void)version;
    if (request == NULL)
        return MHD_NO;
    if (request->exchange == NULL) {
        if (begin(engine, request, connection, method, &error) != BITSUP_OK) {
            print_error(error);
            return MHD_NO;
        }
        /* Without a response here, libmicrohttpd sends 100 Continue to a client that expects it. */
        return responds_at_once(request, connection) ? respond(request, connection) : MHD_YES;
    }
    if (*length == 0)
        return respond(request, connection);
    enum MHD_Result result = process_body(request, data, *length);
    *length = 0;
    return result;
}

/* Starts the HTTP server and prints its URL. Returns NULL on failure. */
static struct MHD_Daemon *start(bitsup_engine *engine, uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, port, NULL, NULL, handle, engine,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)256 * 1024,
        MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (daemon == NULL) {
        perror("embed: cannot listen");
        return NULL;
    }
    printf("listening on http://127.0.0.1:%u/\n",
           (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    return daemon;
}

static bitsup_status make_engine(const char *root, bitsup_engine **out, bitsup_error **error)
{
    bitsup_store *store = NULL;
    bitsup_engine_config *config = bitsup_engine_config_new();
    bitsup_status status = bitsup_store_new_dir(root, BITSUP_DURABILITY_FILE, 0, &store, error);
    if (status == BITSUP_OK)
        status = bitsup_engine_config_set_store(config, store, error);
    if (status == BITSUP_OK)
        status = bitsup_engine_new(config, out, error);
    bitsup_engine_config_free(config);
    bitsup_store_free(store);
    return status;
}

/* Waits for a signal, and meanwhile ends sessions that have been idle for too long. */
static bitsup_status tick_until(const sigset_t *signals, const bitsup_engine *engine, bitsup_error **error)
{
    bitsup_status status;
    uint64_t expired = 0, next_ms = 0;
    struct timespec pause;
    do {
        status = bitsup_engine_tick(engine, &expired, &next_ms, error);
        const uint64_t ms = next_ms < 60000 ? next_ms + 1 : 60000;
        pause = (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    } while (status == BITSUP_OK && sigtimedwait(signals, NULL, &pause) == -1);
    return status;
}

int main(int argc, char **argv)
{
    char *end = "";
    unsigned long port = argc == 3 ? strtoul(argv[2], &end, 10) : 0;
    if ((argc != 2 && argc != 3) || *end != '\0' || port > UINT16_MAX) {
        fprintf(stderr, "usage: embed ROOT [PORT]\n");
        return 2;
    }
    /* Blocks the signals before libmicrohttpd creates its threads, which inherit the mask. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    bitsup_engine *engine = NULL;
    bitsup_error *error = NULL;
    struct MHD_Daemon *daemon = NULL;
    if (make_engine(argv[1], &engine, &error) != BITSUP_OK) {
        print_error(error);
        return 1;
    }
    int failed = (daemon = start(engine, (uint16_t)port)) == NULL;
    if (!failed && tick_until(&signals, engine, &error) != BITSUP_OK) {
        print_error(error);
        failed = 1;
    }
    if (daemon != NULL)
        MHD_stop_daemon(daemon);
    bitsup_engine_free(engine);
    return failed;
}
