/* A thread that used the library outlives dlclose(): its thread-local destructors can still run. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

typedef int32_t (*new_dir_fn)(const char *, int32_t, int32_t, void **, void **);
typedef void (*error_free_fn)(void *);

/* What the thread needs, and its synchronization with the main thread. */
struct handshake {
    new_dir_fn new_dir;
    error_free_fn error_free;
    sem_t used;
    sem_t closed;
};

static void *use(void *argument)
{
    struct handshake *handshake = argument;
    void *store = NULL, *error = NULL;
    CHECK(handshake->new_dir("/nonexistent", 0, 0, &store, &error) != 0 && error != NULL);
    handshake->error_free(error);
    sem_post(&handshake->used);
    sem_wait(&handshake->closed);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3 && argv[1] != NULL);
    struct handshake handshake;
    pthread_t thread;
    void *library = dlopen("libbitsup.so.0", RTLD_NOW);
    CHECK(library != NULL);
    *(void **)&handshake.new_dir = dlsym(library, "bitsup_store_new_dir");
    *(void **)&handshake.error_free = dlsym(library, "bitsup_error_free");
    CHECK(handshake.new_dir != NULL && handshake.error_free != NULL);
    CHECK(sem_init(&handshake.used, 0, 0) == 0 && sem_init(&handshake.closed, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, use, &handshake) == 0);
    sem_wait(&handshake.used);
    CHECK(dlclose(library) == 0);
    sem_post(&handshake.closed);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
