/* Memory stores and custom stores: the arguments of their callbacks, and the effect of their results. */
#include "check.h"

static const char some_id[] = "{A0FF5911-4144-45B3-BF27-27AFC8EC8A67}";

enum { SIZE = 20000, FRAGMENT = 8192, ALL = 9, NEEDED = 10 };

/* A custom store with one session and one file, in memory. The calls for one session are sequential. */
struct custom {
    char id[64], name[64];
    uint8_t record[4096], data[SIZE], file[SIZE], reply[64];
    size_t record_len, data_len, file_len, reply_len;
    int has_data, has_reply, calls, destroyed;
    const char *failing; /* the callback that fails */
    bitsup_status failure;
    bitsup_store_list *late;
};

static void destroyed(void *user_data)
{
    ++((struct custom *)user_data)->destroyed;
}

/* Common to all callbacks. */
#define CALLED(name, custom)                                               \
    do {                                                                \
        (custom)->calls++;                                                 \
        if ((custom)->failing != NULL && strcmp((custom)->failing, name) == 0) \
            return (custom)->failure;                                      \
    } while (0)

static bitsup_status on_create(void *user_data, const char *id, const uint8_t *record, size_t len)
{
    struct custom *custom = user_data;
    CALLED("create", custom);
    CHECK(strlen(id) == 38 && len > 0 && len <= sizeof custom->record);
    strcpy(custom->id, id);
    memcpy(custom->record, record, custom->record_len = len);
    custom->has_data = 1, custom->has_reply = 0, custom->data_len = 0;
    return BITSUP_OK;
}

static bitsup_status on_save(void *user_data, const char *id, const uint8_t *record, size_t len)
{
    struct custom *custom = user_data;
    CALLED("save", custom);
    CHECK(strcmp(custom->id, id) == 0 && len <= sizeof custom->record);
    memcpy(custom->record, record, custom->record_len = len);
    return BITSUP_OK;
}

static bitsup_status on_list(void *user_data, bitsup_store_list *list)
{
    struct custom *custom = user_data;
    CALLED("list", custom);
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`session_id`", bitsup_store_list_add(list, NULL, custom->record, 1, 0, e));
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`record`", bitsup_store_list_add(list, custom->id, NULL, 1, 0, e));
    EXPECT(BITSUP_E_INVALID_UTF8, "`session_id`", bitsup_store_list_add(list, "\xFF", custom->record, 1, 0, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`session_id`", bitsup_store_list_add(list, "no id", custom->record, 1, 0, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`record`",
           bitsup_store_list_add(list, some_id, custom->record, SIZE_MAX, 0, e));
    OK(bitsup_store_list_add(list, some_id, (const uint8_t *)"damaged", 7, UINT64_MAX, e));
    if (*custom->id != '\0')
        OK(bitsup_store_list_add(list, custom->id, custom->record, custom->record_len, 0, e));
    custom->late = list;
    return BITSUP_OK;
}

static bitsup_status on_stat(void *user_data, const char *id, int32_t part, uint64_t *out_length, uint64_t *out_ms)
{
    struct custom *custom = user_data;
    CALLED("stat", custom);
    CHECK(*out_length == 0 && *out_ms == 0 && (part == BITSUP_PART_DATA || part == BITSUP_PART_REPLY));
    if (strcmp(custom->id, id) != 0 || !(part == BITSUP_PART_DATA ? custom->has_data : custom->has_reply))
        return BITSUP_E_NOT_FOUND;
    *out_length = part == BITSUP_PART_DATA ? custom->data_len : custom->reply_len;
    return BITSUP_OK;
}

static bitsup_status on_write(void *user_data, const char *id, int32_t part, uint64_t offset, const uint8_t *data,
                              size_t len)
{
    struct custom *custom = user_data;
    CALLED("write", custom);
    CHECK(strcmp(custom->id, id) == 0);
    if (part == BITSUP_PART_REPLY) {
        CHECK(offset == (custom->has_reply ? custom->reply_len : 0) && offset + len <= sizeof custom->reply);
        memcpy(custom->reply + offset, data, len);
        custom->has_reply = 1, custom->reply_len = (size_t)offset + len;
        return BITSUP_OK;
    }
    CHECK(offset == custom->data_len && offset + len <= SIZE);
    memcpy(custom->data + offset, data, len);
    custom->data_len += len;
    return BITSUP_OK;
}

static bitsup_status on_part(void *user_data, const char *id, int32_t part, const char *name)
{
    struct custom *custom = user_data;
    CALLED(name, custom);
    if (strcmp(name, "flush") == 0 || strcmp(custom->id, id) != 0)
        return BITSUP_OK;
    custom->has_reply = 0, custom->reply_len = 0;
    CHECK(part == BITSUP_PART_REPLY || part == BITSUP_PART_ALL);
    if (part == BITSUP_PART_ALL)
        *custom->id = '\0', custom->has_data = 0;
    return BITSUP_OK;
}

static bitsup_status on_flush(void *user_data, const char *id, int32_t part)
{
    return on_part(user_data, id, part, "flush");
}

static bitsup_status on_remove(void *user_data, const char *id, int32_t part)
{
    return on_part(user_data, id, part, "remove");
}

static bitsup_status on_read(void *user_data, const char *id, int32_t part, uint64_t offset, uint8_t *buffer,
                             size_t len, size_t *out_read)
{
    struct custom *custom = user_data;
    CALLED("read", custom);
    const uint8_t *bytes = part == BITSUP_PART_DATA ? custom->data : custom->reply;
    size_t held = part == BITSUP_PART_DATA ? custom->data_len : custom->reply_len;
    if (strcmp(custom->id, id) != 0)
        return BITSUP_E_NOT_FOUND;
    *out_read = offset >= held ? 0 : held - offset < len ? held - (size_t)offset : len;
    memcpy(buffer, bytes + (offset >= held ? 0 : offset), *out_read);
    return BITSUP_OK;
}

static bitsup_status on_commit(void *user_data, const char *id, const char *destination, int32_t overwrite,
                               const uint8_t *record, size_t len)
{
    struct custom *custom = user_data;
    CALLED("commit", custom);
    CHECK(strcmp(custom->id, id) == 0 && overwrite == 1 && custom->has_data);
    strcpy(custom->name, destination);
    memcpy(custom->file, custom->data, custom->file_len = custom->data_len);
    memcpy(custom->record, record, custom->record_len = len);
    custom->has_data = 0;
    return BITSUP_OK;
}

static bitsup_status on_place(void *user_data, const char *destination, int32_t *out_state)
{
    struct custom *custom = user_data;
    CALLED("place", custom);
    *out_state = strcmp(custom->name, destination) == 0 ? BITSUP_DESTINATION_FILE : BITSUP_DESTINATION_FREE;
    return BITSUP_OK;
}

/* Sets all operations but `without`; ALL sets every one, NEEDED only the required ones. */
static bitsup_store_ops *make_ops(struct custom *custom, int without)
{
    bitsup_store_ops *ops = bitsup_store_ops_new(custom, destroyed);
    OK(bitsup_store_ops_on_create(ops, without == 0 ? NULL : on_create, e));
    OK(bitsup_store_ops_on_save(ops, without == 1 ? NULL : on_save, e));
    OK(bitsup_store_ops_on_stat(ops, without == 2 ? NULL : on_stat, e));
    OK(bitsup_store_ops_on_write(ops, without == 3 ? NULL : on_write, e));
    OK(bitsup_store_ops_on_read(ops, without == 4 ? NULL : on_read, e));
    OK(bitsup_store_ops_on_commit(ops, without == 5 ? NULL : on_commit, e));
    OK(bitsup_store_ops_on_remove(ops, without == 6 ? NULL : on_remove, e));
    OK(bitsup_store_ops_on_list(ops, without == NEEDED ? NULL : on_list, e));
    OK(bitsup_store_ops_on_flush(ops, without == NEEDED ? NULL : on_flush, e));
    OK(bitsup_store_ops_on_destination_state(ops, without == NEEDED ? NULL : on_place, e));
    return ops;
}

static int32_t on_received(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    uint8_t buffer[SIZE + 1];
    size_t count = 0, all = 0;
    (void)user_data;
    CHECK(bitsup_upload_data_path(upload) == NULL && bitsup_upload_reply_path(upload) == NULL);
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`buffer`", bitsup_upload_read(upload, 0, NULL, 1, &count, e));
    EXPECT(BITSUP_E_NULL_ARGUMENT, "`out_read`", bitsup_upload_read(upload, 0, buffer, 1, NULL, e));
    EXPECT(BITSUP_E_INVALID_ARGUMENT, "`buffer`", bitsup_upload_read(upload, 0, buffer, SIZE_MAX, &count, e));
    OK(bitsup_upload_read(upload, UINT64_MAX, buffer, 1, &count, e));
    CHECK(count == 0);
    OK(bitsup_upload_read(upload, 0, NULL, 0, &count, e));
    do {
        OK(bitsup_upload_read(upload, all, buffer + all, sizeof buffer - all, &count, e));
        all += count;
    } while (count > 0);
    CHECK(all == SIZE && buffer[0] == 7 && buffer[SIZE - 1] == 7);
    OK(bitsup_verdict_set_reply_bytes(verdict, (const uint8_t *)"thanks", 6, e));
    return BITSUP_CONTINUE;
}

static int32_t on_request(void *user_data, const bitsup_upload *upload, bitsup_verdict *verdict)
{
    uint8_t byte = 0;
    size_t count = 9;
    (void)user_data, (void)verdict;
    EXPECT(BITSUP_E_INVALID_STATE, "on_received", bitsup_upload_read(upload, 0, &byte, 1, &count, e));
    CHECK(count == 9);
    return BITSUP_CONTINUE;
}

/* Creates an engine and frees the store. */
static bitsup_engine *make_engine_for(bitsup_store *store)
{
    bitsup_hooks *hooks = bitsup_hooks_new(NULL, NULL);
    bitsup_engine_config *config = bitsup_engine_config_new();
    bitsup_engine *engine = NULL;
    OK(bitsup_hooks_on_request(hooks, on_request, e));
    OK(bitsup_hooks_on_received(hooks, on_received, e));
    OK(bitsup_engine_config_set_store(config, store, e));
    OK(bitsup_engine_config_set_hooks(config, hooks, e));
    OK(bitsup_engine_config_set_allow_overwrite(config, 1, e));
    OK(bitsup_engine_new(config, &engine, e));
    bitsup_hooks_free(hooks);
    bitsup_engine_config_free(config);
    bitsup_store_free(store);
    return engine;
}

/* Uploads a file to the engine and frees it. The reply goes to `reply_path`. */
static bitsup_status upload(bitsup_engine *engine, const char *reply_path, bitsup_error **error)
{
    static uint8_t data[SIZE];
    memset(data, 7, SIZE);
    bitsup_server *server = make_server_for(engine);
    char *url = url_of(server, "a.bin");
    bitsup_client *client = make_fast_failing_client(FRAGMENT);
    bitsup_job *job = make_job(client, url, data, SIZE);
    OK(bitsup_job_set_reply_path(job, reply_path, e));
    bitsup_status status = bitsup_job_run(job, error);
    bitsup_job_free(job);
    bitsup_client_free(client);
    free(url);
    OK(bitsup_server_stop(server, 1000, e));
    bitsup_server_free(server);
    bitsup_engine_free(engine);
    return status;
}

static void has_reply(const char *path)
{
    char text[16] = "";
    FILE *reply = fopen(path, "rb");
    CHECK(reply != NULL && fread(text, 1, sizeof text, reply) == 6 && strcmp(text, "thanks") == 0);
    fclose(reply);
    CHECK(remove(path) == 0);
}

/* B-STORE-04 */
static void memory_store_is_limited(const char *reply_path)
{
    bitsup_store *store = NULL;
    bitsup_error *error = NULL;
    OK(bitsup_store_new_memory(SIZE + 6, &store, e));
    CHECK(upload(make_engine_for(store), reply_path, &error) == BITSUP_OK);
    has_reply(reply_path);
    OK(bitsup_store_new_memory(SIZE - 1, &store, e));
    CHECK(upload(make_engine_for(store), reply_path, &error) == BITSUP_E_SERVER_FAULT);
    CHECK(bitsup_error_http_status(error) == 500 && bitsup_error_hresult(error) == 0x80070070);
    bitsup_error_free(error);
}

static void incomplete_operations_are_rejected(void)
{
    for (int without = 0; without < 7; without++) {
        static const char *const names[] = {"create", "save", "stat", "write", "read", "commit", "remove"};
        struct custom custom = {.calls = 0};
        bitsup_store *store = NULL;
        bitsup_store_ops *ops = make_ops(&custom, without);
        EXPECT(BITSUP_E_INVALID_STATE, names[without], bitsup_store_new_custom(ops, &store, e));
        CHECK(store == NULL && custom.destroyed == 0);
        bitsup_store_ops_free(ops);
        CHECK(custom.destroyed == 1 && custom.calls == 0);
    }
}

/* B-STORE-02: fails in the callback `failing`, if not NULL, and checks the client's error. */
static void custom_store(const char *reply_path, const char *failing, bitsup_status failure,
                               uint16_t http_status, uint32_t hresult)
{
    static struct custom custom;
    memset(&custom, 0, sizeof custom);
    bitsup_store_ops *ops = make_ops(&custom, ALL);
    bitsup_store *store = NULL;
    bitsup_error *error = NULL;
    OK(bitsup_store_new_custom(ops, &store, e));
    bitsup_store_ops_free(ops);
    bitsup_engine *engine = make_engine_for(store);
    EXPECT(BITSUP_E_INVALID_STATE, "`list`", bitsup_store_list_add(custom.late, some_id, NULL, 0, 0, e));
    custom.failing = failing;
    custom.failure = failure;
    bitsup_status status = upload(engine, reply_path, &error);
    CHECK(custom.destroyed == 1);
    if (failing == NULL) {
        CHECK(status == BITSUP_OK && strcmp(custom.name, "a.bin") == 0 && *custom.id == '\0');
        CHECK(custom.file_len == SIZE && custom.file[0] == 7 && custom.file[SIZE - 1] == 7);
        has_reply(reply_path);
        return;
    }
    if (bitsup_error_http_status(error) != http_status || bitsup_error_hresult(error) != hresult)
        fprintf(stderr, "%s: %s, %s\n", failing, bitsup_status_name(failure), bitsup_error_message(error));
    CHECK(status != BITSUP_OK && bitsup_error_http_status(error) == http_status);
    CHECK(bitsup_error_hresult(error) == hresult && custom.file_len == 0);
    bitsup_error_free(error);
}

/* B-STORE-03: optional operations can be missing. */
static void required_operations_only(const char *reply_path)
{
    static struct custom custom;
    bitsup_store_ops *ops = make_ops(&custom, NEEDED);
    bitsup_store *store = NULL;
    OK(bitsup_store_new_custom(ops, &store, e));
    bitsup_store_ops_free(ops);
    CHECK(upload(make_engine_for(store), reply_path, NULL) == BITSUP_OK);
    CHECK(custom.destroyed == 1 && custom.file_len == SIZE && strcmp(custom.name, "a.bin") == 0);
    has_reply(reply_path);
}

int main(int argc, char **argv)
{
    char path[4096];
    CHECK(argc == 3);
    snprintf(path, sizeof path, "%s/reply", argv[1]);
    memory_store_is_limited(path);
    incomplete_operations_are_rejected();
    required_operations_only(path);
    custom_store(path, NULL, BITSUP_OK, 0, 0);
    custom_store(path, "place", BITSUP_E_DENIED, 403, 0x80070005);
    custom_store(path, "create", BITSUP_E_NO_SPACE, 500, 0x80070070);
    custom_store(path, "create", BITSUP_E_DENIED, 403, 0x80070005);
    custom_store(path, "write", BITSUP_E_NO_SPACE, 500, 0x80070070);
    custom_store(path, "write", -12345, 500, 0x801901F4);
    custom_store(path, "flush", BITSUP_E_IO, 500, 0x801901F4);
    custom_store(path, "commit", BITSUP_E_DENIED, 403, 0x80070005);
    custom_store(path, "commit", BITSUP_E_NOT_FOUND, 404, 0x80190194);
    custom_store(path, "stat", BITSUP_E_IO, 500, 0x801901F4);
    return 0;
}
