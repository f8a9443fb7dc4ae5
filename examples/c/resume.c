/*
 * resume FILE URL STATE: uploads FILE to URL, and goes on where it was after any end of this program, kill -9
 * included: after each step the state of the job is put in the file STATE. Where a file is all that is wanted,
 * bitsup_job_set_state_path does the same by itself; this is how to keep the state elsewhere, in a database or
 * on another machine that goes on with the upload. Each step is a line on stdout: "progress SENT TOTAL". Exit
 * code 0 when the file is delivered, 1 when not, 2 for wrong usage.
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

enum { LONGEST_STATE = 1 << 20 };

/* What went wrong outside the library. */
static int complain(const char *path)
{
    perror(path);
    return 0;
}

/* Puts the state in the place of the former one: either is whole in the file, whenever the program ends. It names
 * the session, so nobody else may read it. */
static int keep(const char *path, const uint8_t *state, size_t len)
{
    char fresh[4096];
    snprintf(fresh, sizeof fresh, "%s.tmp", path);
    umask(077);
    FILE *file = fopen(fresh, "wb");
    if (file == NULL)
        return complain(fresh);
    size_t written = fwrite(state, 1, len, file);
    if (fclose(file) != 0 || written != len || rename(fresh, path) != 0)
        return complain(fresh);
    return 1;
}

/* Imports what STATE holds, if there is such a file. A state that does not fit says so by its error. */
static bitsup_status take_up(bitsup_job *job, const char *path, bitsup_error **error)
{
    static uint8_t state[LONGEST_STATE];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return BITSUP_OK;
    size_t len = fread(state, 1, sizeof state, file);
    fclose(file);
    return bitsup_job_import(job, state, len, error);
}

/* One step, and where it has led. */
static bitsup_status step(bitsup_job *job, const char *path, int32_t *reached, bitsup_error **error)
{
    uint8_t *state = NULL;
    size_t len = 0;
    uint64_t sent = 0, total = 0;
    bitsup_status status;

    if ((status = bitsup_job_step(job, reached, error)) == BITSUP_OK &&
        (status = bitsup_job_export(job, &state, &len, error)) == BITSUP_OK &&
        (status = bitsup_job_progress(job, &sent, &total, error)) == BITSUP_OK) {
        if (!keep(path, state, len))
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
        (status = take_up(job, path, error)) == BITSUP_OK) {
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
