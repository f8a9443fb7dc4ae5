/*
 * upload FILE URL [STATE]: uploads FILE to URL. With the path of a STATE file, the same command resumes an upload
 * that was interrupted by a signal or a crash. Prints "progress SENT TOTAL" after each acknowledged fragment. Exits
 * with 0 if the file was delivered, 1 if not, 2 on wrong usage.
 *
 *     cc -std=c11 -Iinclude examples/c/upload.c -Ltarget/debug -lbitsup -pthread -o upload
 */
#define _POSIX_C_SOURCE 200809L
#include <bitsup.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

/* The arguments of the thread that waits for signals. */
struct signal_wait {
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

/* Ctrl-C suspends the job if it can be resumed, and cancels it otherwise. SIGUSR1 means that the run has ended. */
static void *await_signals(void *argument)
{
    struct signal_wait *wait = argument;
    int number = 0;
    while (sigwait(&wait->signals, &number) == 0 && number != SIGUSR1) {
        if (wait->resumable)
            bitsup_job_suspend(wait->job, NULL);
        else
            bitsup_job_cancel(wait->job, NULL);
    }
    return NULL;
}

/* Runs the job while another thread waits for signals. */
static bitsup_status run(bitsup_job *job, struct signal_wait *wait, bitsup_error **error)
{
    pthread_t waiter;
    if (pthread_create(&waiter, NULL, await_signals, wait) != 0) {
        pthread_sigmask(SIG_UNBLOCK, &wait->signals, NULL); /* a signal then terminates the program */
        return bitsup_job_run(job, error);
    }
    bitsup_status status = bitsup_job_run(job, error);
    pthread_kill(waiter, SIGUSR1);
    pthread_join(waiter, NULL);
    return status;
}

static bitsup_status upload(const char *file, const char *url, const char *state, struct signal_wait *wait,
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
        wait->job = job;
        wait->resumable = state != NULL;
        status = run(job, wait, error);
    }
    bitsup_job_free(job);
    bitsup_source_free(source);
    bitsup_client_free(client);
    bitsup_observer_free(observer);
    bitsup_client_config_free(config);
    return status;
}

static void print_error(bitsup_status status, const bitsup_error *error)
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
    /* Blocks the signals in all threads, so that sigwait() receives them. */
    struct signal_wait wait = {0};
    sigemptyset(&wait.signals);
    sigaddset(&wait.signals, SIGINT);
    sigaddset(&wait.signals, SIGTERM);
    sigaddset(&wait.signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &wait.signals, NULL);

    bitsup_error *error = NULL;
    bitsup_status status = upload(argv[1], argv[2], argc == 4 ? argv[3] : NULL, &wait, &error);
    if (status != BITSUP_OK)
        print_error(status, error);
    bitsup_error_free(error);
    return status == BITSUP_OK ? 0 : 1;
}
