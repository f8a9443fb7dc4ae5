/* Notifications over HTTP, by reference and by value, with a server configured from C. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 3000 };

/* An HTTP application that handles one request. */
struct application {
    int socket;
    char url[64];
    char request[8192];
};

static void listen_on(struct application *application)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    application->socket = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(application->socket >= 0);
    CHECK(bind(application->socket, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(application->socket, 8) == 0);
    CHECK(getsockname(application->socket, (struct sockaddr *)&address, &size) == 0);
    snprintf(application->url, sizeof application->url, "http://127.0.0.1:%d/application", ntohs(address.sin_port));
}

/* Whether the headers and the whole body have been received. */
static int is_complete(const char *request, size_t length)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *field = strstr(request, "Content-Length: ");
    if (field == NULL)
        field = strstr(request, "content-length: ");
    CHECK(end == NULL || field != NULL);
    return end != NULL && length >= (size_t)(end + 4 - request) + strtoul(field + 16, NULL, 10);
}

static void *respond(void *argument)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nBITS-Copy-File-To-Destination: 1\r\n"
                               "Content-Length: 5\r\nConnection: close\r\n\r\nreply";
    struct application *application = argument;
    char *request = application->request;
    size_t length = 0;
    int connection = accept(application->socket, NULL, NULL);
    CHECK(connection >= 0);
    while (!is_complete(request, length)) {
        ssize_t count = recv(connection, request + length, sizeof application->request - 1 - length, 0);
        CHECK(count > 0);
        length += (size_t)count;
    }
    CHECK(send(connection, text, sizeof text - 1, MSG_NOSIGNAL) == sizeof text - 1);
    close(connection);
    return NULL;
}

static int32_t not_called(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    (void)user_data, (void)upload, (void)verdict;
    CHECK(!"replaced by the notification");
    return BITSUP_CONTINUE;
}

static bitsup_status upload(const bitsup_server *server, const char *reply, bitsup_error **error)
{
    static uint8_t data[SIZE];
    memset(data, 'x', SIZE);
    char *url = url_of(server, "a.bin");
    bitsup_client *client = make_fast_failing_client(SIZE);
    bitsup_job *job = make_job(client, url, data, SIZE);
    OK(bitsup_job_set_reply_path(job, reply, e));
    bitsup_status status = bitsup_job_run(job, error);
    bitsup_job_free(job);
    bitsup_client_free(client);
    free(url);
    return status;
}

static bitsup_server *make_notifying_server(const char *root, int32_t kind, const char *url)
{
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    OK(bitsup_hooks_on_received(hooks, not_called, e));
    OK(bitsup_hooks_set_notify_url(hooks, kind, url, 60000, e));
    bitsup_server *server = make_server_with(root, hooks);
    bitsup_hooks_free(hooks);
    return server;
}

/* B-NOTIFY-01 */
static void application_is_notified(const char *root, const char *reply, int32_t kind)
{
    struct application application = {0};
    char found[16] = "";
    pthread_t thread;
    listen_on(&application);
    bitsup_server *server = make_notifying_server(root, kind, application.url);
    CHECK(pthread_create(&thread, NULL, respond, &application) == 0);
    OK(upload(server, reply, e));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(strncmp(application.request, "POST /application HTTP/1.1\r\n", 28) == 0);
    CHECK((strstr(application.request, "xxxx") != NULL) == (kind == BITSUP_NOTIFY_BY_VALUE));
    CHECK((strstr(application.request, root) != NULL) == (kind == BITSUP_NOTIFY_BY_REFERENCE));
    FILE *file = fopen(reply, "rb");
    CHECK(file != NULL && fgets(found, sizeof found, file) != NULL && strcmp(found, "reply") == 0);
    fclose(file);
    close(application.socket);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
}

/* The application is unreachable: the client's error names the application as its source. */
static void unreachable_application(const char *root, const char *reply)
{
    struct application application;
    bitsup_error *error = NULL;
    listen_on(&application);
    close(application.socket);
    bitsup_server *server = make_notifying_server(root, BITSUP_NOTIFY_BY_VALUE, application.url);
    CHECK(upload(server, reply, &error) != BITSUP_OK);
    CHECK(bitsup_error_http_status(error) == 503 && bitsup_error_hresult(error) == 0x801901F7);
    CHECK(bitsup_error_context(error) == BITSUP_CONTEXT_APPLICATION);
    bitsup_error_free(error);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    char reply[4096];
    snprintf(reply, sizeof reply, "%s/reply", argv[2]);
    application_is_notified(argv[1], reply, BITSUP_NOTIFY_BY_REFERENCE);
    application_is_notified(argv[1], reply, BITSUP_NOTIFY_BY_VALUE);
    unreachable_application(argv[1], reply);
    return 0;
}
