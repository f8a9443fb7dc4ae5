/* An object of a wrong type is rejected and not modified. Objects that share stores and hooks can be freed in any
 * order. */
#include "check.h"

#define WRONG(call) EXPECT(BITSUP_E_INVALID_ARGUMENT, "another type", call)

enum { OBJECTS = 5 };

static bitsup_status record_none(void *user_data, const char *id, const uint8_t *record, size_t len)
{
    (void)user_data, (void)id, (void)record, (void)len;
    return BITSUP_E_IO;
}

static bitsup_status stat_none(void *user_data, const char *id, int32_t part, uint64_t *length, uint64_t *modified_ms)
{
    (void)user_data, (void)id, (void)part, (void)length, (void)modified_ms;
    return BITSUP_E_NOT_FOUND;
}

static bitsup_status write_none(void *user_data, const char *id, int32_t part, uint64_t offset, const uint8_t *data,
                                size_t len)
{
    (void)user_data, (void)id, (void)part, (void)offset, (void)data, (void)len;
    return BITSUP_E_IO;
}

static bitsup_status read_none(void *user_data, const char *id, int32_t part, uint64_t offset, uint8_t *buffer,
                               size_t len, size_t *count)
{
    (void)user_data, (void)id, (void)part, (void)offset, (void)buffer, (void)len, (void)count;
    return BITSUP_E_IO;
}

static bitsup_status commit_none(void *user_data, const char *id, const char *destination, int32_t overwrite,
                                 const uint8_t *record, size_t len)
{
    (void)destination, (void)overwrite;
    return record_none(user_data, id, record, len);
}

static bitsup_status remove_none(void *user_data, const char *id, int32_t part)
{
    (void)user_data, (void)id, (void)part;
    return BITSUP_OK;
}

static bitsup_store_ops *make_ops(int *destroyed)
{
    bitsup_store_ops *ops = bitsup_store_ops_new(destroyed, count_destroy);
    OK(bitsup_store_ops_on_create(ops, record_none, e));
    OK(bitsup_store_ops_on_stat(ops, stat_none, e));
    OK(bitsup_store_ops_on_write(ops, write_none, e));
    OK(bitsup_store_ops_on_read(ops, read_none, e));
    OK(bitsup_store_ops_on_commit(ops, commit_none, e));
    OK(bitsup_store_ops_on_remove(ops, remove_none, e));
    return ops;
}

/* Calls functions of every type with objects of all other types. */
static void objects_of_wrong_types_are_rejected(void *const *objects, int own)
{
    uint64_t number = 0;
    for (int i = 0; i < OBJECTS; i++) {
        void *other = objects[i], *out = NULL;
        if (i == own)
            continue;
        switch (own) {
        case 0:
            WRONG(bitsup_store_ops_on_flush(other, NULL, e));
            WRONG(bitsup_store_new_custom(other, (bitsup_store **)&out, e));
            bitsup_store_ops_free(other);
            break;
        case 1:
            WRONG(bitsup_engine_config_set_store(objects[3], other, e));
            bitsup_store_free(other);
            break;
        case 2:
            WRONG(bitsup_hooks_on_end(other, NULL, e));
            WRONG(bitsup_engine_config_set_hooks(objects[3], other, e));
            bitsup_hooks_free(other);
            break;
        case 3:
            WRONG(bitsup_engine_new(other, (bitsup_engine **)&out, e));
            bitsup_engine_config_free(other);
            break;
        default:
            WRONG(bitsup_engine_session_count(other, &number, e));
            bitsup_engine_free(other);
        }
        CHECK(bitsup_job_state(other) == -1 && bitsup_server_port(other) == 0);
        CHECK(bitsup_upload_packet(other) == -1 && bitsup_upload_url(other) == NULL && out == NULL);
        WRONG(bitsup_verdict_challenge(other, "Basic", e));
        WRONG(bitsup_job_run(other, e));
    }
}

static void free_one(void *object, int type)
{
    switch (type) {
    case 0: bitsup_store_ops_free(object); break;
    case 1: bitsup_store_free(object); break;
    case 2: bitsup_hooks_free(object); break;
    case 3: bitsup_engine_config_free(object); break;
    default: bitsup_engine_free(object);
    }
}

/* The n-th of 120 permutations. */
static void free_in_order(void *const *objects, int n)
{
    int types[OBJECTS] = {0, 1, 2, 3, 4};
    for (int left = OBJECTS; left > 0; left--) {
        int at = n % left;
        free_one(objects[types[at]], types[at]);
        types[at] = types[left - 1];
        n /= left;
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 3 && argv[1] != NULL);
    for (int n = 0; n < 120; n++) {
        int destroyed = 0;
        bitsup_store *store = NULL;
        bitsup_engine *engine = NULL;
        bitsup_store_ops *ops = make_ops(&destroyed);
        bitsup_hooks *hooks = bitsup_hooks_new(&destroyed, count_destroy);
        bitsup_engine_config *config = bitsup_engine_config_new();
        OK(bitsup_store_new_custom(ops, &store, e));
        OK(bitsup_engine_config_set_store(config, store, e));
        OK(bitsup_engine_config_set_hooks(config, hooks, e));
        OK(bitsup_engine_new(config, &engine, e));
        void *const objects[OBJECTS] = {ops, store, hooks, config, engine};
        for (int own = 0; n == 0 && own < OBJECTS; own++)
            objects_of_wrong_types_are_rejected(objects, own);
        CHECK(destroyed == 0);
        free_in_order(objects, n);
        CHECK(destroyed == 2);
    }
    return 0;
}
