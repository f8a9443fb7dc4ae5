/*
 * resume FILE URL STATE: uploads FILE to URL, and resumes after any interruption of this program, including kill -9:
 * after each step the state of the job is saved in the file STATE. bitsup_job_set_state_path does the same
 * automatically; this example shows how to save the state elsewhere, for example in a database, to resume on another
 * machine. Prints "progress SENT TOTAL" after each step. Exits with 0 if the file was delivered, 1 if not, 2 on wrong
 * usage.
 *
 *     cc -std=c11 -Iinclude examples/c/resume.c -Ltarget/debug -lbitsup -o resume
 */
#define _POSIX_C_SOURCE 200809L
#include <bitsup.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_STATE = 1 << 20 };

/* Prints an error of the system. */
static int print_error(const char *path)
{
    perror(path);
    return 0;
}

/* Replaces the saved state atomically, so that it is complete at all times. The state contains the session id, so the
 * file is readable only by its owner. */
static int save(const char *path, const uint8_t *state, size_t len)
{
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    umask(077);
    FILE *file = fopen(temporary, "wb");
    if (file == NULL)
        return print_error(temporary);
    size_t written = fwrite(state, 1, len, file);
    if (fclose(file) != 0 || written != len || rename(temporary, path) != 0)
        return print_error(temporary);
    return 1;
}

/* Imports the saved state, if any. Fails if the state belongs to another upload. */
static bitsup_status import_state(bitsup_job *job, const char *path, bitsup_error **error)
{
    static uint8_t state[MAX_STATE];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return BITSUP_OK;
    size_t len = fread(state, 1, sizeof state, file);
    fclose(file);
    return bitsup_job_import(job, state, len, error);
}

/* Makes one step, and saves and prints the result. */
static bitsup_status step(bitsup_job *job, const char *path, int32_t *reached, bitsup_error **error)
{
    uint8_t *state = NULL;
    size_t len = 0;
    uint64_t sent = 0, total = 0;
    bitsup_status status;

    if ((status = bitsup_job_step(job, reached, error)) == BITSUP_OK &&
        (status = bitsup_job_export(job, &state, &len, error)) == BITSUP_OK &&
        (status = bitsup_job_progress(job, &sent, &total, error)) == BITSUP_OK) {
        if (!save(path, state, len))
            exit(1);
        printf("progress %" PRIu64 " %" PRIu64 "\n", sent, total);
        fflush(stdout);
    }
    bitsup_bytes_free(state, len);
    return status;
}

static bitsup_status upload(const char *file, const char *url, const char *path, bitsup_error **error)
{
    bitsup_client_config *config = bitsup_client_config_new();
    bitsup_client *client = NULL;
    bitsup_source *source = NULL;
    bitsup_job *job = NULL;
    int32_t reached = BITSUP_JOB_READY;
    bitsup_status status;

    if ((status = bitsup_client_new(config, &client, error)) == BITSUP_OK &&
        (status = bitsup_source_from_file(file, &source, error)) == BITSUP_OK &&
        (status = bitsup_job_new(client, url, source, &job, error)) == BITSUP_OK &&
        (status = import_state(job, path, error)) == BITSUP_OK) {
        while (status == BITSUP_OK && reached != BITSUP_JOB_TRANSFERRED)
            status = step(job, path, &reached, error);
        if (status == BITSUP_OK && (status = bitsup_job_close(job, error)) == BITSUP_OK)
            unlink(path);
    }
    bitsup_job_free(job);
    bitsup_source_free(source);
    bitsup_client_free(client);
    bitsup_client_config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: resume FILE URL STATE\n");
        return 2;
    }
    bitsup_error *error = NULL;
    bitsup_status status = upload(argv[1], argv[2], argv[3], &error);
    if (status != BITSUP_OK)
        fprintf(stderr, "resume: %s (%s)\n", bitsup_error_message(error), bitsup_status_name(status));
    bitsup_error_free(error);
    return status == BITSUP_OK ? 0 : 1;
}
