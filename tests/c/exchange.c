/* Single exchanges: the order of calls, bodies in chunks and from file descriptors, and responses. */
#define _POSIX_C_SOURCE 200809L
#include "request.h"
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 5000 };

static uint8_t data[SIZE];
static const char *root;
static bitsup_engine *engine;

/* Calls out of order fail without changing the exchange. */
static void calls_out_of_order(void)
{
    char session[64];
    int32_t want = 77;
    uint64_t taken = 77;
    bitsup_response *response = NULL;
    bitsup_exchange *exchange = NULL;
    OK(bitsup_exchange_new(engine, &exchange, e));
    for (int round = 0; round < 2; round++) {
        EXPECT(BITSUP_E_INVALID_STATE, round ? "begin" : "set_request",
               round ? bitsup_exchange_body(exchange, data, 1, &want, e) : bitsup_exchange_begin(exchange, &want, e));
        EXPECT(BITSUP_E_INVALID_STATE, "begin", bitsup_exchange_body_from_fd(exchange, 0, 1, &taken, &want, e));
        EXPECT(BITSUP_E_INVALID_STATE, "begin", bitsup_exchange_finish(exchange, &response, e));
        OK(bitsup_exchange_set_request(exchange, "BITS_POST", 9, "/other", 6, e));
    }
    bitsup_exchange_free(exchange);
    CHECK(want == 77 && taken == 77 && response == NULL);

    exchange = fragment(engine, "/order", create(engine, "/order", session), 0, SIZE, SIZE);
    CHECK(body(exchange, data, SIZE) == BITSUP_WANT_FINISH);
    CHECK(body(exchange, data, SIZE) == BITSUP_WANT_FINISH); /* a body after its end is ignored */
    for (int round = 0; round < 2; round++) {
        EXPECT(BITSUP_E_INVALID_STATE, "begun", bitsup_exchange_set_request(exchange, "GET", 3, "/", 1, e));
        EXPECT(BITSUP_E_INVALID_STATE, "begun", bitsup_exchange_add_header(exchange, "a", 1, "b", 1, e));
        EXPECT(BITSUP_E_INVALID_STATE, "begun", bitsup_exchange_set_peer(exchange, "a", 1, e));
        EXPECT(BITSUP_E_INVALID_STATE, "begun", bitsup_exchange_set_owner(exchange, "a", 1, e));
        EXPECT(BITSUP_E_INVALID_STATE, "begun", bitsup_exchange_set_mount(exchange, "/a/", 3, e));
        EXPECT(BITSUP_E_INVALID_STATE, "begun", bitsup_exchange_set_secure(exchange, 1, e));
        EXPECT(BITSUP_E_INVALID_STATE, "begun", bitsup_exchange_begin(exchange, &want, e));
        if (round == 0)
            OK(bitsup_exchange_finish(exchange, &response, e));
    }
    bitsup_response *second = NULL;
    EXPECT(BITSUP_E_INVALID_STATE, "finished", bitsup_exchange_body(exchange, data, 1, &want, e));
    EXPECT(BITSUP_E_INVALID_STATE, "finished", bitsup_exchange_body_from_fd(exchange, 0, 1, &taken, &want, e));
    EXPECT(BITSUP_E_INVALID_STATE, "finished", bitsup_exchange_finish(exchange, &second, e));
    CHECK(bitsup_response_status(response) == 200 && second == NULL);
    bitsup_response_free(response);
    bitsup_exchange_free(exchange);
    holds(root, "/order", data, SIZE);
}

/* The file and the response do not depend on how the body is split. */
static void result_does_not_depend_on_splits(void)
{
    static const size_t pieces[] = {1, 2, 3, 7, 997, 2500, 4999, SIZE, SIZE + 1};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        char session[64], target[32];
        snprintf(target, sizeof target, "/split%zu", i);
        bitsup_exchange *exchange = fragment(engine, target, create(engine, target, session), 0, SIZE, SIZE);
        for (size_t at = 0; at < SIZE; at += pieces[i]) {
            const size_t length = pieces[i] < SIZE - at ? pieces[i] : SIZE - at;
            const int32_t expected = at + length < SIZE ? BITSUP_WANT_BODY : BITSUP_WANT_FINISH;
            CHECK(body(exchange, data + at, length) == expected);
        }
        bitsup_response *response = finish(exchange);
        CHECK(bitsup_response_status(response) == 200 && bitsup_response_must_close(response) == 0);
        CHECK(strcmp(header_of(response, "BITS-Received-Content-Range"), "5000") == 0);
        bitsup_response_free(response);
        holds(root, target, data, SIZE);
    }
}

/* Freeing an exchange counts as a lost connection: stored data is kept, and the next request continues after it. */
static void exchange_can_be_freed_at_every_stage(void)
{
    char session[64];
    bitsup_exchange *exchange = NULL;
    OK(bitsup_exchange_new(engine, &exchange, e));
    bitsup_exchange_free(exchange);
    bitsup_exchange_free(packet(engine, "Create-Session", "/stages", NULL, 0));
    exchange = packet(engine, "Create-Session", "/stages", NULL, 0);
    begin(exchange);
    bitsup_exchange_free(exchange);
    create(engine, "/stages", session);
    bitsup_exchange_free(fragment(engine, "/stages", session, 0, SIZE, SIZE));
    exchange = fragment(engine, "/stages", session, 0, SIZE, SIZE);
    body(exchange, data, 2000);
    bitsup_exchange_free(exchange);
    exchange = fragment(engine, "/stages", session, 2000, 3000, SIZE);
    CHECK(body(exchange, data + 2000, 3000) == BITSUP_WANT_FINISH);
    bitsup_exchange_free(exchange); /* everything is stored, but without a response the client sends it again */
    exchange = fragment(engine, "/stages", session, 2000, 3000, SIZE);
    CHECK(body(exchange, data + 2000, 3000) == BITSUP_WANT_FINISH);
    bitsup_response *response = finish(exchange);
    CHECK(bitsup_response_status(response) == 200);
    bitsup_response_free(response);
    holds(root, "/stages", data, SIZE);
}

static void body_from_a_descriptor(void)
{
    char session[64];
    int ends[2];
    int32_t want = 0;
    uint64_t taken = 77;
    bitsup_exchange *exchange = fragment(engine, "/fd", create(engine, "/fd", session), 0, SIZE, SIZE);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`fd` is -1", bitsup_exchange_body_from_fd(exchange, -1, 1, &taken, &want, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`fd`", bitsup_exchange_body_from_fd(exchange, INT_MIN, 1, &taken, &want, e));
    CHECK(taken == 77 && want == 0);
    OK(bitsup_exchange_body_from_fd(exchange, ends[0], UINT64_MAX, &taken, &want, e));
    CHECK(taken == 0 && want == BITSUP_WANT_BODY); /* no data is available yet */
    CHECK(write(ends[1], data, SIZE) == SIZE && write(ends[1], "next", 4) == 4);
    OK(bitsup_exchange_body_from_fd(exchange, ends[0], 0, &taken, &want, e));
    CHECK(taken == 0 && want == BITSUP_WANT_BODY);
    OK(bitsup_exchange_body_from_fd(exchange, ends[0], 100, &taken, &want, e));
    CHECK(taken == 100 && want == BITSUP_WANT_BODY);
    while (want == BITSUP_WANT_BODY)
        OK(bitsup_exchange_body_from_fd(exchange, ends[0], UINT64_MAX, &taken, &want, e));
    OK(bitsup_exchange_body_from_fd(exchange, ends[0], UINT64_MAX, &taken, &want, e));
    char rest[8];
    CHECK(taken == 0 && read(ends[0], rest, sizeof rest) == 4 && memcmp(rest, "next", 4) == 0);
    CHECK(status_of(exchange) == 200);
    holds(root, "/fd", data, SIZE);

    exchange = fragment(engine, "/cut", create(engine, "/cut", session), 0, SIZE, SIZE);
    close(ends[1]);
    EXPECT(BITSUP_E_DISCONNECTED, "too early",
           bitsup_exchange_body_from_fd(exchange, ends[0], UINT64_MAX, &taken, &want, e));
    bitsup_exchange_free(exchange);
    close(ends[0]);
}

/* Errors of the client result in responses; only invalid arguments are errors. */
static void heads_may_contain_any_byte(void)
{
    bitsup_exchange *exchange = new_request(engine, "BITS_POST", "/bytes");
    static const char all[] = "\x01\x7F\x80\xFF\0after";
    OK(bitsup_exchange_add_header(exchange, "X-\xFF", 3, all, sizeof all, e));
    OK(bitsup_exchange_add_header(exchange, NULL, 0, NULL, 0, e));
    OK(bitsup_exchange_add_header(exchange, "BITS-Packet-Type", 16, "Ping\0", 5, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`value`", bitsup_exchange_add_header(exchange, "a", 1, all, SIZE_MAX, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`peer`", bitsup_exchange_set_peer(exchange, "\xFF", 1, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`owner`", bitsup_exchange_set_owner(exchange, "\xFF", 1, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`prefix`", bitsup_exchange_set_mount(exchange, "\xFF", 1, e));
    CHECK(begin(exchange) == BITSUP_WANT_FINISH);
    CHECK(status_of(exchange) == 400); /* "Ping" followed by a NUL is not a packet type */
    exchange = new_request(engine, "PUT", "/bytes");
    OK(bitsup_exchange_set_request(exchange, "BITS_POST", 9, "/a\xFF\0b", 5, e)); /* the last call counts */
    add_header(exchange, "BITS-Packet-Type", "Create-Session");
    add_header(exchange, "BITS-Supported-Protocols", PROTOCOL);
    add_header(exchange, "Content-Length", "0");
    begin(exchange);
    CHECK(status_of(exchange) == 400);
}

static void response_getters(void)
{
    bitsup_exchange *exchange = new_request(engine, "BITS_POST", "/chunked");
    add_header(exchange, "BITS-Packet-Type", "Create-Session");
    add_header(exchange, "BITS-Supported-Protocols", PROTOCOL);
    add_header(exchange, "Transfer-Encoding", "chunked");
    CHECK(begin(exchange) == BITSUP_WANT_FINISH);
    bitsup_response *response = finish(exchange);
    uint8_t byte = 0;
    size_t length = 7;
    CHECK(bitsup_response_status(response) == 411 && bitsup_response_must_close(response) == 1);
    CHECK(strcmp(bitsup_response_reason(response), "Length Required") == 0);
    CHECK(strcmp(header_of(response, "BITS-Error"), "0x80070057") == 0);
    CHECK(bitsup_response_content_length(response) == 0 && bitsup_response_body_length(response) == 0);
    OK(bitsup_response_read_body(response, &byte, 1, &length, e));
    CHECK(length == 0);
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`buf`", bitsup_response_read_body(response, &byte, SIZE_MAX, &length, e));
    const size_t count = bitsup_response_header_count(response);
    CHECK(bitsup_response_header_name(response, count) == NULL);
    CHECK(bitsup_response_header_value(response, SIZE_MAX) == NULL);
    bitsup_response_free(response);
    CHECK(bitsup_engine_accepts(engine, "BITS_POST", 9, "/a", 2) == 1);
    CHECK(bitsup_engine_accepts(engine, "GET", 3, "/a", 2) == 0);
    CHECK(bitsup_engine_accepts(engine, "\xFF", 1, "/a", 2) == 0);
    CHECK(bitsup_engine_accepts(engine, "BITS_POST", SIZE_MAX, "/a", 2) == 0);
    CHECK(bitsup_engine_accepts(engine, NULL, 0, NULL, 0) == 0);
}

static void newest_request_wins(void)
{
    char session[64];
    bitsup_exchange *older = fragment(engine, "/won", create(engine, "/won", session), 0, SIZE, SIZE);
    CHECK(body(older, data, 1000) == BITSUP_WANT_BODY);
    CHECK(body(older, NULL, 0) == BITSUP_WANT_BODY);
    bitsup_exchange *newer = fragment(engine, "/won", session, 1000, 4000, SIZE);
    CHECK(body(older, NULL, 0) == BITSUP_WANT_FINISH);
    CHECK(body(newer, data + 1000, 4000) == BITSUP_WANT_FINISH);
    CHECK(status_of(newer) == 200);
    bitsup_response *response = finish(older);
    CHECK(bitsup_response_status(response) == 503 && bitsup_response_must_close(response) == 1);
    bitsup_response_free(response);
    holds(root, "/won", data, SIZE);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    root = argv[1];
    engine = make_engine(root);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(i * i / 7);
    calls_out_of_order();
    result_does_not_depend_on_splits();
    exchange_can_be_freed_at_every_stage();
    body_from_a_descriptor();
    heads_may_contain_any_byte();
    response_getters();
    newest_request_wins();
    bitsup_exchange *last = new_request(engine, "PUT", "/a");
    bitsup_engine_free(engine); /* its exchanges keep it alive */
    begin(last);
    CHECK(status_of(last) == 405);
    return 0;
}
