/* Authentication challenges as sent on the wire. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static int32_t on_request(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)upload;
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`challenge`", bitsup_verdict_challenge(verdict, NULL, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`challenge`", bitsup_verdict_challenge(verdict, "\xFF", e));
    OK(bitsup_verdict_challenge(verdict, *(const char **)user_data, e));
    return BITSUP_CONTINUE;
}

/* Sends a Ping and reads the response up to the end of the connection. */
static void ping(const bitsup_server *server, char *response, size_t size)
{
    static const char request[] = "BITS_POST /a.bin HTTP/1.1\r\nHost: host\r\nBITS-Packet-Type: Ping\r\n"
                                  "Content-Length: 0\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(bitsup_server_port(server))};
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    size_t all = 0;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(peer, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(write(peer, request, sizeof request - 1) == (ssize_t)sizeof request - 1);
    for (ssize_t count = 1; count > 0; all += (size_t)count)
        CHECK((count = read(peer, response + all, size - 1 - all)) >= 0);
    response[all] = '\0';
    close(peer);
}

int main(int argc, char **argv)
{
    static const char *const bad[] = {"Basic\r\nBITS-Session-Id: {1}", "Basic\nX: 1", "Basic\tx", "Basic \xC3\xA9"};
    const char *challenge = "Basic realm=\"uploads\", Bearer";
    char response[4096];
    CHECK(argc == 3);
    bitsup_hooks *hooks = bitsup_hooks_new(&challenge, NULL);
    OK(bitsup_hooks_on_request(hooks, on_request, e));
    bitsup_server *server = make_server_with(argv[1], hooks);
    bitsup_hooks_free(hooks);

    ping(server, response, sizeof response);
    CHECK(strncmp(response, "HTTP/1.1 401 Unauthorized\r\n", 27) == 0);
    CHECK(strstr(response, "\r\nWWW-Authenticate: Basic realm=\"uploads\", Bearer\r\n") != NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        challenge = bad[i];
        ping(server, response, sizeof response);
        CHECK(strncmp(response, "HTTP/1.1 500 ", 13) == 0);
        CHECK(strstr(response, "Session-Id") == NULL && strstr(response, "\nX:") == NULL &&
              strstr(response, "Basic") == NULL);
    }
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    return 0;
}
