/* The library and its host process: fork, and connections closed by the peer with SIGPIPE at its default. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int destroyed;

/* In a forked child all objects refuse calls, and freeing them does not affect the parent. */
static void child(bitsup_server *server, bitsup_client *client, bitsup_job *job, bitsup_observer *observer)
{
    EXPECT(BITSUP_E_INVALID_STATE, "fork", bitsup_server_stop(server, 0, e));
    EXPECT(BITSUP_E_INVALID_STATE, "fork", bitsup_client_ping(client, "http://127.0.0.1:1/", e));
    EXPECT(BITSUP_E_INVALID_STATE, "fork", bitsup_job_run(job, e));
    EXPECT(BITSUP_E_INVALID_STATE, "fork", bitsup_job_suspend(job, e));
    EXPECT(BITSUP_E_INVALID_STATE, "fork", bitsup_observer_on_state(observer, NULL, e));
    CHECK(bitsup_server_port(server) == 0);
    CHECK(bitsup_job_state(job) == -1);
    bitsup_server_free(server);
    bitsup_client_free(client);
    bitsup_job_free(job);
    bitsup_observer_free(observer);
    CHECK(destroyed == 0);
    raise(SIGKILL); /* objects are left unfreed on purpose; do not report them as leaks */
}

static void objects_after_fork(const char *root)
{
    bitsup_server *server = make_server(root);
    bitsup_client *client = make_fast_failing_client(8192);
    char *url = url_of(server, "a.txt");
    bitsup_job *job = make_job(client, url, "abc", 3);
    bitsup_observer *observer = bitsup_observer_new(&destroyed, count_destroy);
    int status = -1;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child(server, client, job, observer);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    OK(bitsup_job_run(job, e)); /* server, lock and job are unaffected */
    bitsup_observer_free(observer);
    CHECK(destroyed == 1);
    bitsup_job_free(job);
    bitsup_client_free(client);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    free(url);
}

/* Accepts connections and resets them, until the listener is shut down. */
static void *hang_up(void *argument)
{
    const struct linger reset = {1, 0};
    int connection;
    while ((connection = accept(*(int *)argument, NULL, NULL)) >= 0) {
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(connection);
    }
    return NULL;
}

/* With the default action SIGPIPE would end this program. */
static void peer_resets_connection(void)
{
    static uint8_t data[1 << 20];
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    char url[64];
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    CHECK(pthread_create(&thread, NULL, hang_up, &listener) == 0);

    snprintf(url, sizeof url, "http://127.0.0.1:%d/a.bin", ntohs(address.sin_port));
    bitsup_client *client = make_fast_failing_client(sizeof data);
    bitsup_job *job = make_job(client, url, data, sizeof data);
    bitsup_error *error = NULL;
    CHECK(bitsup_job_run(job, &error) / 100 == 3);
    CHECK(bitsup_error_is_transient(error) == 1);
    bitsup_error_free(error);
    bitsup_job_free(job);
    bitsup_client_free(client);
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    objects_after_fork(argv[1]);
    peer_resets_connection();
    return 0;
}
