/* Linked to a release build with fault injection: a panic in any layer is returned as BITSUP_E_PANIC, the objects in
 * use become unusable but can be freed, and the process continues. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAULT(layer) "injected-panic-in-" layer

/* The first call triggers the panic in the given layer; the second finds the object unusable. */
#define PANICS(layer, call)                                      \
    do {                                                         \
        bitsup_error *error_ = NULL, **e = &error_;              \
        CHECK((call) == BITSUP_E_PANIC);                         \
        CHECK(strstr(bitsup_error_message(error_), FAULT(layer)) != NULL); \
        CHECK(strstr(bitsup_error_message(error_), "report") != NULL);       \
        bitsup_error_free(error_);                               \
    } while (0)

static void panic_in_proto(const char *root)
{
    bitsup_engine *engine = make_engine(root);
    uint64_t count = 0;
    PANICS("proto", bitsup_engine_end_session(engine, FAULT("proto"), e));
    EXPECT(BITSUP_E_PANIC, "unusable", bitsup_engine_session_count(engine, &count, e));
    bitsup_engine_free(engine);
}

static void panic_in_store(const char *root)
{
    char path[4096];
    bitsup_store *store = NULL;
    snprintf(path, sizeof path, "%s/%s", root, FAULT("store"));
    PANICS("store", bitsup_store_new_dir(path, BITSUP_DURABILITY_NONE, 0, &store, e));
    CHECK(store == NULL);
    bitsup_store_free(make_store(root));
}

static void panic_in_engine(const char *root)
{
    bitsup_store *store = make_store(root);
    bitsup_engine_config *config = bitsup_engine_config_new();
    bitsup_engine *engine = NULL;
    OK(bitsup_engine_config_set_store(config, store, e));
    OK(bitsup_engine_config_set_public_url(config, "http://host/" FAULT("engine"), e));
    PANICS("engine", bitsup_engine_new(config, &engine, e));
    EXPECT(BITSUP_E_PANIC, "`config` is unusable", bitsup_engine_new(config, &engine, e));
    CHECK(engine == NULL);
    bitsup_engine_config_free(config);
    bitsup_store_free(store);
}

static void panic_in_server(const char *root)
{
    bitsup_engine *engine = make_engine(root);
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_server *server = NULL;
    OK(bitsup_server_config_mount(config, "/", engine, e));
    OK(bitsup_server_config_set_listen(config, FAULT("server"), 0, e));
    PANICS("server", bitsup_server_start(config, &server, e));
    EXPECT(BITSUP_E_PANIC, "`config` is unusable", bitsup_server_start(config, &server, e));
    CHECK(server == NULL);
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
}

/* A panic during a run: the job and its observer end, exactly once. */
static void panic_in_run(const char *url, const char *layer)
{
    int destroyed = 0;
    bitsup_client *client = make_client();
    bitsup_observer *observer = bitsup_observer_new(&destroyed, count_destroy);
    bitsup_job *job = make_job(client, url, "abc", 3);
    bitsup_error *error = NULL;
    OK(bitsup_job_set_observer(job, observer, e));
    CHECK(bitsup_job_run(job, &error) == BITSUP_E_PANIC);
    CHECK(strstr(bitsup_error_message(error), layer) != NULL);
    bitsup_error_free(error);
    EXPECT(BITSUP_E_PANIC, "`job` is unusable", bitsup_job_run(job, e));
    EXPECT(BITSUP_E_PANIC, "`job` is unusable", bitsup_job_cancel(job, e));
    CHECK(bitsup_job_state(job) == -1);
    bitsup_job_free(job);
    CHECK(destroyed == 0);
    bitsup_observer_free(observer);
    CHECK(destroyed == 1);
    bitsup_client_free(client);
}

static void panic_in_ffi(void)
{
    bitsup_client_config *config = bitsup_client_config_new();
    PANICS("ffi", bitsup_client_config_set_user_agent(config, FAULT("ffi"), e));
    OK(bitsup_client_config_set_user_agent(config, "text", e)); /* the object was not in use yet */
    bitsup_client_config_free(config);
}

/* A panic on a thread of the server cannot be returned: the connection ends, and others are served. */
static void panic_on_server_thread(const char *root)
{
    bitsup_server *server = make_server(root);
    for (int i = 0; i < 20; i++) {
        struct sockaddr_in address = {0};
        char response[4096];
        int connection = socket(AF_INET, SOCK_STREAM, 0);
        const char *request = "BITS_POST /a HTTP/1.1\r\nHost: x\r\nBITS-Packet-Type: Fragment\r\n"
                              "BITS-Session-Id: " FAULT("proto") "\r\nContent-Range: bytes 0-0/1\r\n"
                              "Content-Length: 1\r\n\r\nx";
        address.sin_family = AF_INET;
        address.sin_port = htons(bitsup_server_port(server));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        CHECK(connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
        CHECK(send(connection, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
        CHECK(recv(connection, response, sizeof response, 0) <= 0);
        close(connection);
    }
    bitsup_client *client = make_client();
    char *url = url_of(server, "a.txt");
    bitsup_job *job = make_job(client, url, "abc", 3);
    OK(bitsup_job_run(job, e));
    bitsup_job_free(job);
    free(url);
    bitsup_client_free(client);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    panic_in_proto(argv[1]);
    panic_in_store(argv[2]);
    panic_in_engine(argv[1]);
    panic_in_server(argv[1]);
    panic_in_run("http://127.0.0.1:1/" FAULT("upload"), FAULT("upload"));
    panic_in_run("http://127.0.0.1:1/" FAULT("client"), FAULT("client"));
    panic_in_ffi();
    panic_on_server_thread(argv[1]);
    return 0;
}
