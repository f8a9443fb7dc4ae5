/* Credentials set from C, and requested by a callback, for a server and for a proxy. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHALLENGE_RESPONSE(status, challenge) \
    "HTTP/1.1 " status " Who?\r\n" challenge "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define ACK "HTTP/1.1 200 OK\r\nBITS-Packet-Type: Ack\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

#define REQUIRES_TOKEN CHALLENGE_RESPONSE("401", "WWW-Authenticate: Basic realm=\"x\", Bearer realm=\"drive \\\"1\\\"\"")
#define REQUIRES_PASSWORD CHALLENGE_RESPONSE("401", "WWW-Authenticate: Basic realm=\"files\"")
#define PROXY_REQUIRES_PASSWORD CHALLENGE_RESPONSE("407", "Proxy-Authenticate: Basic realm=\"way out\"")
#define REQUIRES_NEGOTIATE CHALLENGE_RESPONSE("401", "WWW-Authenticate: Negotiate")

/* A server that sends these responses, one per connection, and records the requests. */
struct peer {
    int socket;
    char url[64];
    const char *responses[4];
    char requests[4][4096];
    pthread_t thread;
};

static void *serve_responses(void *argument)
{
    struct peer *peer = argument;
    for (int i = 0; i < 4 && peer->responses[i] != NULL; i++) {
        int connection = accept(peer->socket, NULL, NULL);
        size_t length = 0;
        CHECK(connection >= 0);
        while (strstr(peer->requests[i], "\r\n\r\n") == NULL) {
            ssize_t count = recv(connection, peer->requests[i] + length, sizeof *peer->requests - 1 - length, 0);
            CHECK(count > 0);
            length += (size_t)count;
        }
        size_t size = strlen(peer->responses[i]);
        CHECK(send(connection, peer->responses[i], size, MSG_NOSIGNAL) == (ssize_t)size);
        close(connection);
    }
    return NULL;
}

static void start(struct peer *peer, const char *first, const char *second)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    memset(peer, 0, sizeof *peer);
    peer->responses[0] = first;
    peer->responses[1] = second;
    peer->socket = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(peer->socket >= 0);
    CHECK(bind(peer->socket, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(peer->socket, 8) == 0);
    CHECK(getsockname(peer->socket, (struct sockaddr *)&address, &size) == 0);
    snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    CHECK(pthread_create(&peer->thread, NULL, serve_responses, peer) == 0);
}

static void stop(struct peer *peer)
{
    CHECK(pthread_join(peer->thread, NULL) == 0);
    close(peer->socket);
}

/* Sends a Ping and checks its result. */
static void ping(const bitsup_client_config *config, const char *url, bitsup_status expected, const char *text)
{
    bitsup_client *client = NULL;
    OK(bitsup_client_new(config, &client, e));
    bitsup_error *error = NULL;
    bitsup_status status = bitsup_client_ping(client, url, &error);
    expect_(__FILE__, __LINE__, url, expected, text, status, error);
    bitsup_error_free(error);
    bitsup_client_free(client);
}

/* B-AUTH-02 */
static void configured_credentials_are_sent(void)
{
    struct peer peer;
    bitsup_client_config *config = bitsup_client_config_new();
    OK(bitsup_client_config_set_credentials(config, BITSUP_AUTH_TARGET_SERVER, BITSUP_AUTH_BASIC, "Aladdin",
                                            "open sesame", e));
    start(&peer, REQUIRES_PASSWORD, ACK);
    ping(config, peer.url, BITSUP_OK, "");
    stop(&peer);
    CHECK(strstr(peer.requests[0], "uthorization") == NULL);
    CHECK(strstr(peer.requests[1], "uthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n") != NULL);

    OK(bitsup_client_config_set_credentials(config, BITSUP_AUTH_TARGET_SERVER, BITSUP_AUTH_BEARER, NULL, "t.1", e));
    start(&peer, REQUIRES_TOKEN, ACK);
    ping(config, peer.url, BITSUP_OK, "");
    stop(&peer);
    CHECK(strstr(peer.requests[1], "uthorization: Bearer t.1\r\n") != NULL);

    start(&peer, REQUIRES_NEGOTIATE, NULL);
    ping(config, peer.url, BITSUP_E_UNSUPPORTED, "Negotiate");
    stop(&peer);
    bitsup_client_config_free(config);
}

/* What a callback returns, and the arguments that it was called with. */
struct credentials_call {
    const char *user, *secret;
    int32_t result, fill;
    int32_t target, scheme, times;
    char realm[64];
    int destroyed;
};

static int32_t on_credentials(void *user_data, int32_t target, int32_t scheme, const char *realm, char *out_user,
                              size_t user_cap, char *out_secret, size_t secret_cap)
{
    struct credentials_call *call = user_data;
    CHECK(user_cap >= 1024 && secret_cap >= 16384 && *out_user == '\0' && *out_secret == '\0');
    call->times++;
    call->target = target;
    call->scheme = scheme;
    snprintf(call->realm, sizeof call->realm, "%s", realm);
    snprintf(out_user, user_cap, "%s", call->user);
    snprintf(out_secret, secret_cap, "%s", call->secret);
    if (call->fill)
        memset(out_secret, call->fill, secret_cap);
    return call->result;
}

static void destroyed(void *user_data)
{
    ++((struct credentials_call *)user_data)->destroyed;
}

/* B-AUTH-03 B-PROXY-01 */
static void callback_is_called_once_per_challenge(void)
{
    struct peer peer;
    struct credentials_call call = {.user = "", .secret = "t.2"};
    bitsup_client_config *config = bitsup_client_config_new();
    OK(bitsup_client_config_on_credentials(config, on_credentials, &call, destroyed, e));
    start(&peer, REQUIRES_TOKEN, ACK);
    ping(config, peer.url, BITSUP_OK, "");
    stop(&peer);
    CHECK(call.times == 1 && call.target == BITSUP_AUTH_TARGET_SERVER && call.scheme == BITSUP_AUTH_BEARER);
    CHECK(strcmp(call.realm, "drive \"1\"") == 0);
    CHECK(strstr(peer.requests[1], "uthorization: Bearer t.2\r\n") != NULL);

    start(&peer, REQUIRES_TOKEN, REQUIRES_TOKEN);
    ping(config, peer.url, BITSUP_E_HTTP_STATUS, "401");
    stop(&peer);
    CHECK(call.times == 2);

    call.user = "Aladdin", call.secret = "open sesame";
    start(&peer, PROXY_REQUIRES_PASSWORD, ACK);
    OK(bitsup_client_config_set_proxy(config, peer.url, e));
    ping(config, "http://upload.test/f", BITSUP_OK, "");
    stop(&peer);
    CHECK(call.times == 3 && call.target == BITSUP_AUTH_TARGET_PROXY && call.scheme == BITSUP_AUTH_BASIC);
    CHECK(strcmp(call.realm, "way out") == 0);
    CHECK(strncmp(peer.requests[1], "BITS_POST http://upload.test/f HTTP/1.1\r\n", 41) == 0);
    CHECK(strstr(peer.requests[1], "roxy-") != NULL && strstr(peer.requests[1], "QWxhZGRpbjpvcGVuIHNlc2FtZQ==") != NULL);

    OK(bitsup_client_config_add_no_proxy(config, "127.0.0.1", e));
    start(&peer, ACK, NULL);
    ping(config, peer.url, BITSUP_OK, "");
    stop(&peer);
    CHECK(call.times == 3 && call.destroyed == 0);
    bitsup_client_config_free(config);
    CHECK(call.destroyed == 1);
}

/* B-AUTH-04 */
static void callback_may_return_none_or_fail(void)
{
    struct peer peer;
    struct credentials_call call = {.user = "", .secret = ""}, other = {.user = ""};
    bitsup_client_config *config = bitsup_client_config_new();
    OK(bitsup_client_config_on_credentials(config, on_credentials, &other, destroyed, e));
    OK(bitsup_client_config_on_credentials(config, on_credentials, &call, destroyed, e));
    CHECK(other.destroyed == 1);
    start(&peer, REQUIRES_TOKEN, NULL);
    ping(config, peer.url, BITSUP_E_HTTP_STATUS, "401");
    stop(&peer);

    static const int32_t results[] = {BITSUP_ABORT, -1, 12345};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        call.result = results[i];
        start(&peer, REQUIRES_TOKEN, NULL);
        ping(config, peer.url, BITSUP_E_CALLBACK, "");
        stop(&peer);
    }
    call.result = BITSUP_CONTINUE;
    call.fill = 'x';
    start(&peer, REQUIRES_TOKEN, NULL);
    ping(config, peer.url, BITSUP_E_INVALID_ARGUMENT, "out_secret");
    stop(&peer);

    OK(bitsup_client_config_on_credentials(config, NULL, NULL, NULL, e));
    CHECK(call.destroyed == 1);
    start(&peer, REQUIRES_TOKEN, NULL);
    ping(config, peer.url, BITSUP_E_HTTP_STATUS, "401");
    stop(&peer);
    bitsup_client_config_free(config);

    EXPECT(BITSUP_E_NULL_ARGUMENT, "`config`",
           bitsup_client_config_on_credentials(NULL, on_credentials, &other, NULL, e));
    CHECK(bitsup_client_config_on_credentials(NULL, on_credentials, &other, destroyed, NULL) ==
          BITSUP_E_NULL_ARGUMENT);
    CHECK(other.destroyed == 2);
}

int main(void)
{
    configured_credentials_are_sent();
    callback_is_called_once_per_challenge();
    callback_may_return_none_or_fail();
    return 0;
}
