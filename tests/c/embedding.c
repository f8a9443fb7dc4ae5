/* The in-memory host server of docs/guide/embedding.md. `embedding.inc` contains the C code of that page. */
#include "check.h"

struct host_field {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

struct host {
    const char *method;
    size_t method_len;
    const char *target;
    size_t target_len;
    const struct host_field *fields;
    size_t field_count;
    const char *peer;
    size_t peer_len;
    int32_t is_tls;
    int expects_continue;
    /* The body: the bytes that arrive, the announced length, and whether the connection is lost after them. */
    const char *body;
    size_t length, announced, at;
    int connected, continued, closes;
    char response[2048];
};

static void host_say(struct host *host, const char *format, const char *one, const char *two)
{
    const size_t at = strlen(host->response);
    snprintf(host->response + at, sizeof host->response - at, format, one, two);
}

static void host_send_continue(struct host *host)
{
    host->continued = 1;
}

/* Returns at most three bytes at a time, as a slow network might. */
static size_t host_read(struct host *host, uint8_t *buffer, size_t size)
{
    size_t length = host->length - host->at;
    if (length > 3)
        length = 3;
    CHECK(length <= size);
    memcpy(buffer, host->body + host->at, length);
    host->at += length;
    return length;
}

static int host_drain_body(struct host *host)
{
    const int whole = host->length == host->announced && (host->continued || !host->expects_continue);
    host->at = host->length;
    return whole;
}

static void host_close_after_response(struct host *host)
{
    host->closes = 1;
}

static void host_send_status(struct host *host, uint16_t status, const char *reason)
{
    char number[8];
    snprintf(number, sizeof number, "%u", (unsigned)status);
    host_say(host, "%s %s\n", number, reason);
}

static void host_send_field(struct host *host, const char *name, const char *value)
{
    host_say(host, "%s: %s\n", name, value);
}

static void host_send_content_length(struct host *host, uint64_t length)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)length);
    host_send_field(host, "Content-Length", number);
}

static void host_send(struct host *host, const uint8_t *data, size_t length)
{
    (void)host, (void)data;
    CHECK(length == 0); /* no response in this test has a body */
}

static int host_is_connected(const struct host *host)
{
    return host->connected;
}

static void host_fail(struct host *host, const char *message)
{
    host_say(host, "%s%s", "FAILED ", message);
}

#include "embedding.inc"

static struct host_field field(const char *name, const char *value)
{
    return (struct host_field){name, strlen(name), value, strlen(value)};
}

/* Sends a packet with `session` as its first field, if not empty, and `range` as its last. Returns the response. */
static struct host send_packet(const bitsup_engine *engine, const char *kind, const char *session, const char *range,
                       const char *body, size_t announced, int expects_continue)
{
    char length[24];
    snprintf(length, sizeof length, "%zu", announced);
    const struct host_field fields[] = {
        field("BITS-Packet-Type", kind),
        field("Content-Length", length),
        field("BITS-Supported-Protocols", "{7df0354d-249b-430f-820d-3d2a9bef4931}"),
        field("BITS-Session-Id", session),
        field("Content-Range", range),
    };
    struct host host = {.method = "BITS_POST", .method_len = 9, .target = "/a", .target_len = 2, .fields = fields,
                        .field_count = range[0] != '\0' ? 5 : session[0] != '\0' ? 4 : 3, .peer = "me", .peer_len = 2,
                        .expects_continue = expects_continue, .body = body, .length = strlen(body),
                        .announced = announced, .connected = strlen(body) == announced};
    CHECK(serve(engine, &host));
    host.fields = NULL;
    return host;
}

static void check_starts_with(const struct host *host, const char *start)
{
    if (strncmp(host->response, start, strlen(start)) != 0)
        fprintf(stderr, "%s\n", host->response);
    CHECK(strncmp(host->response, start, strlen(start)) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    bitsup_engine *engine = make_engine(argv[1]);
    struct host host = send_packet(engine, "Create-Session", "", "", "", 0, 0);
    check_starts_with(&host, "200 OK\n");
    char session[64], *id = strstr(host.response, "BITS-Session-Id: ");
    CHECK(id != NULL && sscanf(id, "BITS-Session-Id: %63[^\n]", session) == 1);

    host = send_packet(engine, "Fragment", session, "bytes 0-9/10", "01234", 10, 0); /* lost after 5 bytes */
    CHECK(host.response[0] == '\0');
    host = send_packet(engine, "Fragment", session, "bytes 7-9/10", "789", 3, 0); /* a gap; the body is drained */
    check_starts_with(&host, "416 ");
    CHECK(!host.closes && host.at == 3 && strstr(host.response, "BITS-Received-Content-Range: 5\n") != NULL);
    host = send_packet(engine, "Fragment", session, "bytes 7-9/10", "789", 3, 1);
    check_starts_with(&host, "416 ");
    CHECK(!host.continued && host.closes);
    host = send_packet(engine, "Fragment", session, "bytes 5-9/10", "56789", 5, 1);
    check_starts_with(&host, "200 OK\n");
    CHECK(host.continued && !host.closes && strstr(host.response, "Content-Length: 0\n") != NULL);
    host = send_packet(engine, "Close-Session", session, "", "", 0, 0);
    check_starts_with(&host, "200 OK\n");

    char path[4096], found[16];
    snprintf(path, sizeof path, "%s/a", argv[1]);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && fread(found, 1, sizeof found, file) == 10 && memcmp(found, "0123456789", 10) == 0);
    fclose(file);
    bitsup_engine_free(engine);
    return 0;
}
