/* A server stops within a bounded time while a connection is idle, in a request head, in a body, or in a callback. Also
 * peers that close connections, with SIGPIPE at its default. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 200, SLACK_MS = 1500, CALLBACK_MS = 300 };

#define SESSION "BITS-Session-Id: {A0FF5911-4144-45B3-BF27-27AFC8EC8A67}\r\n"

static int64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int connect_to(const bitsup_server *server)
{
    struct sockaddr_in address = {0};
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_port = htons(bitsup_server_port(server));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
    return connection;
}

static void send_text(int connection, const char *text)
{
    CHECK(send(connection, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* Reads a response without a body and returns its status. */
static int read_status(int connection)
{
    char text[4096] = "";
    size_t len = 0;
    while (strstr(text, "\r\n\r\n") == NULL) {
        ssize_t got = recv(connection, text + len, sizeof text - 1 - len, 0);
        CHECK(got > 0);
        text[len += (size_t)got] = '\0';
    }
    CHECK(strncmp(text, "HTTP/1.1 ", 9) == 0);
    return atoi(text + 9);
}

#define PING "BITS_POST /a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Ping\r\nContent-Length: 0\r\n\r\n"

/* The response shows that the server has read what was sent before; what follows is in its buffers. */
static int connect_and_ping(const bitsup_server *server)
{
    int connection = connect_to(server);
    send_text(connection, PING);
    CHECK(read_status(connection) == 200);
    return connection;
}

/* Stops the server. The connection of the client is closed within the time limit. */
static void stops_in_time(bitsup_server *server, int connection, int64_t at_most_ms)
{
    char rest[4096];
    int64_t start_time = now_ms();
    OK(bitsup_server_stop(server, GRACE_MS, e));
    CHECK(now_ms() - start_time < at_most_ms + SLACK_MS);
    while (recv(connection, rest, sizeof rest, 0) > 0)
        ;
    close(connection);
    bitsup_server_free(server);
}

/* Stops in every part of a request: before it, in the head, and in the body. */
static void stop_in_every_part_of_a_request(const char *root)
{
    static const char *const said[] = {
        "",
        "BITS_POST /a HTTP/1.1\r\nHost: x\r\nBITS-Pac",
        "BITS_POST /a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Fragment\r\n" SESSION
        "Content-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\nhalf",
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        bitsup_server *server = make_server(root);
        int connection = connect_and_ping(server);
        send_text(connection, said[i]);
        stops_in_time(server, connection, GRACE_MS);
    }
}

/* Stops while storing a body whose client is stalled. */
static void stop_while_storing_a_body(const char *root)
{
    bitsup_server *server = make_server(root);
    int connection = connect_to(server);
    char text[4096], id[128];
    send_text(connection, "BITS_POST /a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Create-Session\r\n"
                    "BITS-Supported-Protocols: {7df0354d-249b-430f-820d-3d2a9bef4931}\r\nContent-Length: 0\r\n\r\n");
    ssize_t got = recv(connection, text, sizeof text - 1, 0);
    CHECK(got > 0);
    text[got] = '\0';
    const char *open = strchr(text, '{'), *close_at = NULL;
    while (open != NULL && strncmp(open, "{7df0354d", 9) == 0)
        open = strchr(open + 1, '{');
    CHECK(open != NULL && (close_at = strchr(open, '}')) != NULL);
    snprintf(id, sizeof id, "%.*s", (int)(close_at + 1 - open), open);
    snprintf(text, sizeof text,
             "BITS_POST /a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Fragment\r\nBITS-Session-Id: %s\r\n"
             "Content-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\nhalf",
             id);
    send_text(connection, text);
    stops_in_time(server, connection, GRACE_MS);
}

/* A callback that blocks until it is released. */
struct blocker {
    sem_t inside;
    sem_t leave;
};

static int32_t block(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    struct blocker *gate = user_data;
    (void)upload, (void)verdict;
    sem_post(&gate->inside);
    while (sem_wait(&gate->leave) != 0)
        ;
    return BITSUP_CONTINUE;
}

static void *release_later(void *argument)
{
    struct timespec time = {0, CALLBACK_MS * 1000000};
    nanosleep(&time, NULL); /* the duration of the callback */
    sem_post(&((struct blocker *)argument)->leave);
    return NULL;
}

/* The stop waits for a callback, and none runs afterwards. */
static void stop_in_a_callback(const char *root)
{
    struct blocker gate;
    pthread_t thread;
    CHECK(sem_init(&gate.inside, 0, 0) == 0 && sem_init(&gate.leave, 0, 0) == 0);
    bitsup_hooks *hooks = bitsup_hooks_new(&gate, NULL);
    OK(bitsup_hooks_on_request(hooks, block, e));
    bitsup_server *server = make_server_with(root, hooks);
    bitsup_hooks_free(hooks);
    int connection = connect_to(server);
    send_text(connection, PING);
    sem_wait(&gate.inside);
    CHECK(pthread_create(&thread, NULL, release_later, &gate) == 0);
    stops_in_time(server, connection, CALLBACK_MS + GRACE_MS);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* Peers reset connections before reading the responses. SIGPIPE would end this program. */
static void peers_reset_connections(const char *root)
{
    const struct linger reset = {1, 0};
    bitsup_server *server = make_server(root);
    for (int i = 0; i < 50; i++) {
        int connection = connect_to(server);
        for (int j = 0; j < 20; j++)
            send_text(connection, PING);
        if (i % 2)
            CHECK(read_status(connection) == 200); /* the other responses cannot be delivered */
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(connection);
    }
    close(connect_and_ping(server)); /* it still serves requests */
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    stop_in_every_part_of_a_request(argv[1]);
    stop_while_storing_a_body(argv[1]);
    stop_in_a_callback(argv[2]);
    peers_reset_connections(argv[2]);
    return 0;
}
