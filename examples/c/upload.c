/*
 * upload FILE URL [STATE]: uploads FILE to URL. With the path of a STATE file, the same command continues an
 * upload that was interrupted, by a signal or by a crash. Each acknowledged piece is a line on stdout:
 * "progress SENT TOTAL". Exit code 0 when the file is delivered, 1 when not, 2 for wrong usage.
 *
 *     cc -std=c11 -Iinclude examples/c/upload.c -Ltarget/debug -lbitsup -pthread -o upload
 */
#define _POSIX_C_SOURCE 200809L
#include <bitsup.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

/* What the thread that waits for signals needs. */
struct watch {
    const bitsup_job *job;
    int resumable;
    sigset_t signals;
};

static int32_t on_progress(void *user_data, uint64_t sent, uint64_t total)
{
    (void)user_data;
    printf("progress %" PRIu64 " %" PRIu64 "\n", sent, total);
    fflush(stdout);
    return BITSUP_CONTINUE;
}

static int32_t on_retry(void *user_data, const bitsup_error *cause, uint32_t attempt, uint64_t *delay_ms)
{
    (void)user_data;
    fprintf(stderr, "attempt %" PRIu32 " failed: %s; next in %" PRIu64 " ms\n", attempt,
            bitsup_error_message(cause), *delay_ms);
    return BITSUP_CONTINUE;
}

/* Ctrl-C suspends what can be continued and cancels the rest on the server. SIGUSR1 means that the run is over. */
static void *await_signals(void *argument)
{
    struct watch *watch = argument;
    int number = 0;
    while (sigwait(&watch->signals, &number) == 0 && number != SIGUSR1) {
        if (watch->resumable)
            bitsup_job_suspend(watch->job, NULL);
        else
            bitsup_job_cancel(watch->job, NULL);
    }
    return NULL;
}

/* Runs the job, with a thread beside it that waits for signals. */
static bitsup_status run(bitsup_job *job, struct watch *watch, bitsup_error **error)
{
    pthread_t watcher;
    if (pthread_create(&watcher, NULL, await_signals, watch) != 0) {
        pthread_sigmask(SIG_UNBLOCK, &watch->signals, NULL); /* then a signal ends the program */
        return bitsup_job_run(job, error);
    }
    bitsup_status status = bitsup_job_run(job, error);
    pthread_kill(watcher, SIGUSR1);
    pthread_join(watcher, NULL);
    return status;
}

static bitsup_status upload(const char *file, const char *url, const char *state, struct watch *watch,
                            bitsup_error **error)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    bitsup_source *source = NULL;
    bitsup_job *job = NULL;
    bitsup_observer *observer = bitsup_observer_new(NULL, NULL);
    bitsup_status status;

    if ((status = bitsup_observer_on_progress(observer, on_progress, error)) == BITSUP_OK &&
        (status = bitsup_observer_on_retry(observer, on_retry, error)) == BITSUP_OK &&
        (status = bitsup_client_new(config, &client, error)) == BITSUP_OK &&
        (status = bitsup_source_from_file(file, &source, error)) == BITSUP_OK &&
        (status = bitsup_job_new(client, url, source, &job, error)) == BITSUP_OK &&
        (status = bitsup_job_set_observer(job, observer, error)) == BITSUP_OK &&
        (!state || (status = bitsup_job_set_state_path(job, state, error)) == BITSUP_OK)) {
        watch->job = job;
        watch->resumable = state != NULL;
        status = run(job, watch, error);
    }
    bitsup_job_free(job);
    bitsup_source_free(source);
    bitsup_client_free(client);
    bitsup_observer_free(observer);
    bitsup_client_config_free(config);
    return status;
}

static void explain(bitsup_status status, const bitsup_error *error)
{
    fprintf(stderr, "upload: %s (%s", bitsup_error_message(error), bitsup_status_name(status));
    if (bitsup_error_http_status(error) != 0)
        fprintf(stderr, ", HTTP %" PRIu16, bitsup_error_http_status(error));
    if (bitsup_error_hresult(error) != 0)
        fprintf(stderr, ", HRESULT 0x%08" PRIX32, bitsup_error_hresult(error));
    fprintf(stderr, ")\n");
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: upload FILE URL [STATE]\n");
        return 2;
    }
    /* Blocked here, so that every thread inherits it: the signals go to the thread that waits for them. */
    struct watch watch = {0};
    sigemptyset(&watch.signals);
    sigaddset(&watch.signals, SIGINT);
    sigaddset(&watch.signals, SIGTERM);
    sigaddset(&watch.signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &watch.signals, NULL);

    bitsup_error *error = NULL;
    bitsup_status status = upload(argv[1], argv[2], argc == 4 ? argv[3] : NULL, &watch, &error);
    if (status != BITSUP_OK)
        explain(status, error);
    bitsup_error_free(error);
    return status == BITSUP_OK ? 0 : 1;
}
