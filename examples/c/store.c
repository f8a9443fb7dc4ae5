/*
 * store DATABASE [PORT]: receives uploads into an SQLite database on 127.0.0.1. The first line on stdout is
 * "listening on URL". Stops on SIGINT and SIGTERM.
 * store DATABASE get NAME: writes a received file to stdout.
 * Exits with 1 on errors, 2 on wrong usage.
 *
 *     cc -std=c11 -Iinclude examples/c/store.c -Ltarget/debug -lbitsup -lsqlite3 -pthread -o store
 *
 * This is an example of a custom store. Sessions, their bytes and the delivered files are rows of tables, so a file
 * and the record of its session are updated in one transaction.
 */
#define _POSIX_C_SOURCE 200809L
#include <bitsup.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part number of delivered files, which is not used by bitsup. */
enum { DELIVERED = 100 };

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS session (id TEXT PRIMARY KEY, record BLOB);"
    "CREATE TABLE IF NOT EXISTS file (name TEXT PRIMARY KEY, id TEXT);"
    "CREATE TABLE IF NOT EXISTS chunk (id TEXT, part INTEGER, offset INTEGER, bytes BLOB,"
    " PRIMARY KEY (id, part, offset)) WITHOUT ROWID;";

/* Callbacks run on several threads. The lock is held during a transaction. */
struct database {
    sqlite3 *db;
    pthread_mutex_t lock;
};

/* Prepares a statement. `types` lists the parameters: t is text, i an int64_t, b bytes and their length as size_t. */
static sqlite3_stmt *prepare(sqlite3 *db, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    va_list values;
    va_start(values, types);
    sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    for (int i = 1; statement != NULL && *types != '\0'; i++, types++) {
        const void *bytes = *types == 'i' ? NULL : va_arg(values, const void *);
        if (*types == 'i')
            sqlite3_bind_int64(statement, i, va_arg(values, int64_t));
        else if (*types == 't')
            sqlite3_bind_text(statement, i, bytes, -1, SQLITE_TRANSIENT);
        else
            sqlite3_bind_blob64(statement, i, bytes, va_arg(values, size_t), SQLITE_TRANSIENT);
    }
    va_end(values);
    return statement;
}

static bitsup_status status_of(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK: case SQLITE_ROW: case SQLITE_DONE: return BITSUP_OK;
    case SQLITE_FULL: return BITSUP_E_NO_SPACE;
    case SQLITE_CONSTRAINT: case SQLITE_READONLY: return BITSUP_E_DENIED;
    default: return BITSUP_E_IO;
    }
}

/* Runs a statement that returns no row. */
static bitsup_status run(sqlite3_stmt *statement)
{
    bitsup_status status = status_of(statement == NULL ? SQLITE_ERROR : sqlite3_step(statement));
    sqlite3_finalize(statement);
    return status;
}

/* Reads the next row of a statement. Returns 1 if there is one. */
static int next_row(sqlite3_stmt *statement, bitsup_status *status)
{
    int code = statement == NULL ? SQLITE_ERROR : sqlite3_step(statement);
    *status = code == SQLITE_DONE ? BITSUP_E_NOT_FOUND : status_of(code);
    return code == SQLITE_ROW;
}

static sqlite3 *begin(struct database *database)
{
    pthread_mutex_lock(&database->lock);
    sqlite3_exec(database->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    return database->db;
}

static bitsup_status end(struct database *database, bitsup_status status)
{
    if (status == BITSUP_OK)
        status = status_of(sqlite3_exec(database->db, "COMMIT", NULL, NULL, NULL));
    if (status != BITSUP_OK)
        sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&database->lock);
    return status;
}

static bitsup_status on_write(void *user_data, const char *id, int32_t part, uint64_t offset, const uint8_t *data,
                              size_t len)
{
    sqlite3 *db = begin(user_data);
    return end(user_data, run(prepare(db, "REPLACE INTO chunk VALUES (?, ?, ?, ?)", "tiib", id, (int64_t)part,
                                      (int64_t)offset, len == 0 ? (const void *)"" : data, len)));
}

/* The empty chunk marks the data as existing; the first write replaces it. */
static bitsup_status on_create(void *user_data, const char *id, const uint8_t *record, size_t len)
{
    sqlite3 *db = begin(user_data);
    bitsup_status status = run(prepare(db, "REPLACE INTO session VALUES (?, ?)", "tb", id, record, len));
    if (status == BITSUP_OK)
        status = run(prepare(db, "REPLACE INTO chunk VALUES (?, ?, 0, x'')", "ti", id, (int64_t)BITSUP_PART_DATA));
    return end(user_data, status);
}

static bitsup_status save(sqlite3 *db, const char *id, const uint8_t *record, size_t len)
{
    bitsup_status status = run(prepare(db, "UPDATE session SET record = ? WHERE id = ?", "bt", record, len, id));
    return status == BITSUP_OK && sqlite3_changes(db) == 0 ? BITSUP_E_NOT_FOUND : status;
}

static bitsup_status on_save(void *user_data, const char *id, const uint8_t *record, size_t len)
{
    sqlite3 *db = begin(user_data);
    return end(user_data, save(db, id, record, len));
}

static bitsup_status on_list(void *user_data, bitsup_store_list *list)
{
    sqlite3_stmt *rows = prepare(begin(user_data), "SELECT id, record FROM session", "");
    bitsup_status status = BITSUP_OK;
    while (status == BITSUP_OK && next_row(rows, &status))
        status = bitsup_store_list_add(list, (const char *)sqlite3_column_text(rows, 0), sqlite3_column_blob(rows, 1),
                                       (size_t)sqlite3_column_bytes(rows, 1), 0, NULL);
    sqlite3_finalize(rows);
    return end(user_data, status == BITSUP_E_NOT_FOUND ? BITSUP_OK : status);
}

static bitsup_status on_stat(void *user_data, const char *id, int32_t part, uint64_t *out_length,
                             uint64_t *out_modified_ms)
{
    static const char last[] = "SELECT offset + length(bytes) FROM chunk WHERE id = ? AND part = ?"
                               " ORDER BY offset DESC LIMIT 1";
    sqlite3_stmt *row = prepare(begin(user_data), last, "ti", id, (int64_t)part);
    bitsup_status status;
    (void)out_modified_ms;
    if (next_row(row, &status))
        *out_length = (uint64_t)sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return end(user_data, status);
}

static bitsup_status on_read(void *user_data, const char *id, int32_t part, uint64_t offset, uint8_t *buffer,
                             size_t len, size_t *out_read)
{
    static const char around[] = "SELECT ? - offset, bytes FROM chunk WHERE id = ? AND part = ? AND offset <= ?"
                                 " ORDER BY offset DESC LIMIT 1";
    sqlite3_stmt *row = prepare(begin(user_data), around, "itii", (int64_t)offset, id, (int64_t)part, (int64_t)offset);
    bitsup_status status;
    if (next_row(row, &status)) {
        size_t skip = (size_t)sqlite3_column_int64(row, 0), size = (size_t)sqlite3_column_bytes(row, 1);
        *out_read = skip >= size ? 0 : size - skip < len ? size - skip : len;
        if (*out_read > 0)
            memcpy(buffer, (const uint8_t *)sqlite3_column_blob(row, 1) + skip, *out_read);
    }
    sqlite3_finalize(row);
    return end(user_data, status);
}

static bitsup_status on_remove(void *user_data, const char *id, int32_t part)
{
    sqlite3 *db = begin(user_data);
    bitsup_status status = run(prepare(db, "DELETE FROM chunk WHERE id = ? AND part IN (?, ?)", "tii", id,
                                       (int64_t)(part == BITSUP_PART_ALL ? BITSUP_PART_DATA : part),
                                       (int64_t)(part == BITSUP_PART_ALL ? BITSUP_PART_REPLY : part)));
    if (status == BITSUP_OK && part == BITSUP_PART_ALL)
        status = run(prepare(db, "DELETE FROM session WHERE id = ?", "t", id));
    return end(user_data, status);
}

/* Renaming the data, inserting the file name and saving the record are one transaction, so they are atomic. */
static bitsup_status on_commit(void *user_data, const char *id, const char *destination, int32_t overwrite,
                               const uint8_t *record, size_t len)
{
    sqlite3 *db = begin(user_data);
    bitsup_status status = save(db, id, record, len);
    if (status == BITSUP_OK)
        status = run(prepare(db, "UPDATE chunk SET part = ? WHERE id = ? AND part = ?", "iti", (int64_t)DELIVERED, id,
                             (int64_t)BITSUP_PART_DATA));
    if (status != BITSUP_OK || sqlite3_changes(db) == 0)
        return end(user_data, status); /* failed, or already delivered */
    if (overwrite) {
        static const char old[] = "DELETE FROM chunk WHERE part = ? AND id = (SELECT id FROM file WHERE name = ?)";
        status = run(prepare(db, old, "it", (int64_t)DELIVERED, destination));
        if (status == BITSUP_OK)
            status = run(prepare(db, "DELETE FROM file WHERE name = ?", "t", destination));
    }
    if (status == BITSUP_OK) /* denied if the name exists */
        status = run(prepare(db, "INSERT INTO file VALUES (?, ?)", "tt", destination, id));
    return end(user_data, status);
}

static bitsup_status on_destination_state(void *user_data, const char *destination, int32_t *out_state)
{
    sqlite3_stmt *row = prepare(begin(user_data), "SELECT 1 FROM file WHERE name = ?", "t", destination);
    bitsup_status status;
    *out_state = next_row(row, &status) ? BITSUP_DESTINATION_FILE : BITSUP_DESTINATION_FREE;
    sqlite3_finalize(row);
    return end(user_data, status == BITSUP_E_NOT_FOUND ? BITSUP_OK : status);
}

static bitsup_status make_store(struct database *database, bitsup_store **out, bitsup_error **error)
{
    bitsup_store_ops *ops = bitsup_store_ops_new(database, NULL);
    bitsup_status status;
    if ((status = bitsup_store_ops_on_create(ops, on_create, error)) == BITSUP_OK &&
        (status = bitsup_store_ops_on_save(ops, on_save, error)) == BITSUP_OK &&
        (status = bitsup_store_ops_on_list(ops, on_list, error)) == BITSUP_OK &&
        (status = bitsup_store_ops_on_stat(ops, on_stat, error)) == BITSUP_OK &&
        (status = bitsup_store_ops_on_write(ops, on_write, error)) == BITSUP_OK &&
        (status = bitsup_store_ops_on_read(ops, on_read, error)) == BITSUP_OK &&
        (status = bitsup_store_ops_on_commit(ops, on_commit, error)) == BITSUP_OK &&
        (status = bitsup_store_ops_on_remove(ops, on_remove, error)) == BITSUP_OK &&
        (status = bitsup_store_ops_on_destination_state(ops, on_destination_state, error)) == BITSUP_OK)
        status = bitsup_store_new_custom(ops, out, error);
    bitsup_store_ops_free(ops);
    return status;
}

static bitsup_status start(struct database *database, uint16_t port, bitsup_server **out, bitsup_error **error)
{
    bitsup_store *store = NULL;
    bitsup_engine_config *engine_config = bitsup_engine_config_new();
    bitsup_engine *engine = NULL;
    bitsup_server_config *config = bitsup_server_config_new();
    bitsup_status status;
    if ((status = make_store(database, &store, error)) == BITSUP_OK &&
        (status = bitsup_engine_config_set_store(engine_config, store, error)) == BITSUP_OK &&
        (status = bitsup_engine_new(engine_config, &engine, error)) == BITSUP_OK &&
        (status = bitsup_server_config_mount(config, "/", engine, error)) == BITSUP_OK &&
        (status = bitsup_server_config_set_listen(config, "127.0.0.1", port, error)) == BITSUP_OK)
        status = bitsup_server_start(config, out, error);
    bitsup_server_config_free(config);
    bitsup_engine_free(engine);
    bitsup_engine_config_free(engine_config);
    bitsup_store_free(store);
    return status;
}

static bitsup_status serve(struct database *database, uint16_t port, bitsup_error **error)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* before the server creates its threads */

    bitsup_server *server = NULL;
    char *url = NULL;
    bitsup_status status = start(database, port, &server, error);
    if (status == BITSUP_OK && (status = bitsup_server_url(server, &url, error)) == BITSUP_OK) {
        int number = 0;
        printf("listening on %s\n", url);
        fflush(stdout);
        sigwait(&signals, &number);
        status = bitsup_server_stop(server, 10000, error);
    }
    bitsup_string_free(url);
    bitsup_server_free(server);
    return status;
}

/* Writes a delivered file to stdout. Returns the exit code. */
static int get(struct database *database, const char *name)
{
    static const char chunks[] = "SELECT bytes FROM file JOIN chunk USING (id) WHERE name = ? AND part = ?"
                                 " ORDER BY offset";
    sqlite3_stmt *rows = prepare(database->db, chunks, "ti", name, (int64_t)DELIVERED);
    int any = 0;
    for (bitsup_status status; next_row(rows, &status); any = 1)
        fwrite(sqlite3_column_blob(rows, 0), 1, (size_t)sqlite3_column_bytes(rows, 0), stdout);
    sqlite3_finalize(rows);
    return any && fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    int is_get = argc == 4 && strcmp(argv[2], "get") == 0;
    char *end_of_port = "";
    unsigned long port = argc == 3 ? strtoul(argv[2], &end_of_port, 10) : 0;
    if (!(argc == 2 || argc == 3 || is_get) || *end_of_port != '\0' || port > UINT16_MAX) {
        fprintf(stderr, "usage: store DATABASE [PORT] | store DATABASE get NAME\n");
        return 2;
    }
    struct database database = {NULL, PTHREAD_MUTEX_INITIALIZER};
    bitsup_error *error = NULL;
    int exit_code = 1;
    if (sqlite3_open(argv[1], &database.db) != SQLITE_OK ||
        sqlite3_exec(database.db, schema, NULL, NULL, NULL) != SQLITE_OK)
        fprintf(stderr, "store: %s: %s\n", argv[1], sqlite3_errmsg(database.db));
    else if (is_get)
        exit_code = get(&database, argv[3]);
    else
        exit_code = serve(&database, (uint16_t)port, &error) == BITSUP_OK ? 0 : 1;
    if (error != NULL)
        fprintf(stderr, "store: %s (%s)\n", bitsup_error_message(error),
                bitsup_status_name(bitsup_error_status(error)));
    bitsup_error_free(error);
    sqlite3_close(database.db); /* after the server and everything that used the database were freed */
    return exit_code;
}
