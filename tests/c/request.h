/* Requests to an engine as an HTTP server would make them, for the C tests of exchanges. */
#ifndef REQUEST_H
#define REQUEST_H
#include "check.h"

#define PROTOCOL "{7df0354d-249b-430f-820d-3d2a9bef4931}"

static inline void add_header(bitsup_exchange *exchange, const char *name, const char *value)
{
    OK(bitsup_exchange_add_header(exchange, name, strlen(name), value, strlen(value), e));
}

/* Creates an exchange with a request line and no header fields. */
static inline bitsup_exchange *new_request(const bitsup_engine *engine, const char *method, const char *target)
{
    bitsup_exchange *exchange = NULL;
    OK(bitsup_exchange_new(engine, &exchange, e));
    OK(bitsup_exchange_set_request(exchange, method, strlen(method), target, strlen(target), e));
    return exchange;
}

/* Creates an exchange for a packet with a body of `length` bytes. `session` may be NULL. */
static inline bitsup_exchange *packet(const bitsup_engine *engine, const char *kind, const char *target,
                                      const char *session, size_t length)
{
    char text[32];
    bitsup_exchange *exchange = new_request(engine, "BITS_POST", target);
    snprintf(text, sizeof text, "%zu", length);
    add_header(exchange, "Host", "example");
    add_header(exchange, "BITS-Packet-Type", kind);
    add_header(exchange, "Content-Length", text);
    if (session != NULL)
        add_header(exchange, "BITS-Session-Id", session);
    else
        add_header(exchange, "BITS-Supported-Protocols", PROTOCOL);
    return exchange;
}

static inline int32_t begin(bitsup_exchange *exchange)
{
    int32_t want = 0;
    OK(bitsup_exchange_begin(exchange, &want, e));
    return want;
}

static inline int32_t body(bitsup_exchange *exchange, const void *data, size_t length)
{
    int32_t want = 0;
    OK(bitsup_exchange_body(exchange, data, length, &want, e));
    return want;
}

/* Finishes and frees the exchange. */
static inline bitsup_response *finish(bitsup_exchange *exchange)
{
    bitsup_response *response = NULL;
    OK(bitsup_exchange_finish(exchange, &response, e));
    bitsup_exchange_free(exchange);
    return response;
}

/* Finishes and frees the exchange, and returns only the status. */
static inline int status_of(bitsup_exchange *exchange)
{
    bitsup_response *response = finish(exchange);
    int status = bitsup_response_status(response);
    bitsup_response_free(response);
    return status;
}

static inline const char *header_of(const bitsup_response *response, const char *name)
{
    for (size_t i = 0; i < bitsup_response_header_count(response); i++)
        if (strcmp(bitsup_response_header_name(response, i), name) == 0)
            return bitsup_response_header_value(response, i);
    return NULL;
}

/* Creates a session and writes its id to a buffer of 64 bytes. */
static inline char *create(const bitsup_engine *engine, const char *target, char *session)
{
    bitsup_exchange *exchange = packet(engine, "Create-Session", target, NULL, 0);
    CHECK(begin(exchange) == BITSUP_WANT_FINISH);
    bitsup_response *response = finish(exchange);
    CHECK(bitsup_response_status(response) == 200);
    snprintf(session, 64, "%s", header_of(response, "BITS-Session-Id"));
    bitsup_response_free(response);
    return session;
}

/* Begins a Fragment that expects its body. */
static inline bitsup_exchange *fragment(const bitsup_engine *engine, const char *target, const char *session,
                                        size_t first, size_t length, size_t total)
{
    char range[96];
    bitsup_exchange *exchange = packet(engine, "Fragment", target, session, length);
    snprintf(range, sizeof range, "bytes %zu-%zu/%zu", first, first + length - 1, total);
    add_header(exchange, "Content-Range", range);
    CHECK(begin(exchange) == BITSUP_WANT_BODY);
    return exchange;
}

/* Uploads everything in one Fragment and closes the session. */
static inline void upload(const bitsup_engine *engine, const char *target, const void *data, size_t length)
{
    char session[64];
    create(engine, target, session);
    bitsup_exchange *exchange = fragment(engine, target, session, 0, length, length);
    CHECK(body(exchange, data, length) == BITSUP_WANT_FINISH);
    CHECK(status_of(exchange) == 200);
    exchange = packet(engine, "Close-Session", target, session, 0);
    begin(exchange);
    CHECK(status_of(exchange) == 200);
}

/* Checks the content of a file below the root. */
static inline void holds(const char *root, const char *target, const void *data, size_t length)
{
    char path[4096];
    char *found = malloc(length + 1);
    CHECK(found != NULL);
    snprintf(path, sizeof path, "%s%s", root, target);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    CHECK(fread(found, 1, length + 1, file) == length && memcmp(found, data, length) == 0);
    fclose(file);
    free(found);
}

#endif
