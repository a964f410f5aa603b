#include "eval/prefetch.h"

#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum slot_state { SLOT_FREE, SLOT_WANTED, SLOT_READING, SLOT_DONE };

struct slot {
    enum slot_state state;
    char *path;    /* its own */
    unsigned turn; /* wanted earlier, read earlier */
    bool dropped;  /* while it was being read: nobody wants it any more */
    struct prefetched result;
};

struct prefetch {
    const struct engine *engine;
    struct slot slots[PREFETCH_AHEAD];
    unsigned next_turn;
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t work, done; /* something is wanted; something was read */
    pthread_t thread;
};

static void read_picture(const struct engine *engine, const char *path, struct prefetched *out)
{
    *out = (struct prefetched){0};
    out->status =
        pixels_open(&out->pixels, engine, path, &out->timings, &out->warning, &out->failure);
    if (out->status)
        return;
    out->digest = pixels_digest(out->pixels, engine);
    if (out->digest)
        return;
    pixels_close(out->pixels);
    out->pixels = NULL;
    out->status = fail(&out->failure, STATUS_NO_MEMORY, "out of memory for a picture");
}

static void free_slot(struct slot *slot)
{
    if (slot->state == SLOT_DONE)
        pixels_close(slot->result.pixels);
    free(slot->path);
    *slot = (struct slot){0};
}

/* The one that was wanted first, or NULL. */
static struct slot *next_wanted(struct prefetch *prefetch)
{
    struct slot *first = NULL;
    for (size_t i = 0; i < PREFETCH_AHEAD; i++) {
        struct slot *slot = &prefetch->slots[i];
        if (slot->state == SLOT_WANTED && (!first || slot->turn < first->turn))
            first = slot;
    }
    return first;
}

static void *work(void *argument)
{
    struct prefetch *prefetch = argument;
    omp_set_num_threads(1); /* of this thread: the others compute */
    pthread_mutex_lock(&prefetch->lock);
    while (!prefetch->stop) {
        struct slot *slot = next_wanted(prefetch);
        if (!slot) {
            pthread_cond_wait(&prefetch->work, &prefetch->lock);
            continue;
        }
        struct prefetched result;
        slot->state = SLOT_READING;
        const char *path = slot->path;
        pthread_mutex_unlock(&prefetch->lock);
        read_picture(prefetch->engine, path, &result);
        pthread_mutex_lock(&prefetch->lock);
        slot->result = result;
        slot->state = SLOT_DONE;
        if (slot->dropped)
            free_slot(slot);
        pthread_cond_broadcast(&prefetch->done);
    }
    pthread_mutex_unlock(&prefetch->lock);
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct prefetch *prefetch)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&prefetch->thread, NULL, work, prefetch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

enum status prefetch_open(struct prefetch **out, const struct engine *engine, struct error *err)
{
    struct prefetch *prefetch = calloc(1, sizeof *prefetch);
    if (!prefetch)
        return fail(err, STATUS_NO_MEMORY, "out of memory for reading pictures ahead");
    prefetch->engine = engine;
    pthread_mutex_init(&prefetch->lock, NULL);
    pthread_cond_init(&prefetch->work, NULL);
    pthread_cond_init(&prefetch->done, NULL);
    if (start_thread(prefetch) != 0) {
        free(prefetch);
        return fail(err, STATUS_NO_MEMORY, "no thread can be started for reading pictures ahead");
    }
    *out = prefetch;
    return STATUS_OK;
}

void prefetch_close(struct prefetch *prefetch)
{
    if (!prefetch)
        return;
    pthread_mutex_lock(&prefetch->lock);
    prefetch->stop = true;
    pthread_cond_signal(&prefetch->work);
    pthread_mutex_unlock(&prefetch->lock);
    pthread_join(prefetch->thread, NULL);
    for (size_t i = 0; i < PREFETCH_AHEAD; i++)
        free_slot(&prefetch->slots[i]);
    pthread_cond_destroy(&prefetch->done);
    pthread_cond_destroy(&prefetch->work);
    pthread_mutex_destroy(&prefetch->lock);
    free(prefetch);
}

static struct slot *find_slot(struct prefetch *prefetch, const char *path)
{
    for (size_t i = 0; i < PREFETCH_AHEAD; i++) {
        struct slot *slot = &prefetch->slots[i];
        if (slot->state != SLOT_FREE && !slot->dropped && strcmp(slot->path, path) == 0)
            return slot;
    }
    return NULL;
}

static bool is_among(const char *path, const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(paths[i], path) == 0)
            return true;
    return false;
}

/* Forgets what is not wanted any more.  What is being read is dropped when it has been. */
static void forget_others(struct prefetch *prefetch, const char *const *paths, size_t n)
{
    for (size_t i = 0; i < PREFETCH_AHEAD; i++) {
        struct slot *slot = &prefetch->slots[i];
        if (slot->state == SLOT_FREE || is_among(slot->path, paths, n))
            continue;
        if (slot->state == SLOT_READING)
            slot->dropped = true;
        else
            free_slot(slot);
    }
}

static struct slot *want(struct prefetch *prefetch, const char *path)
{
    for (size_t i = 0; i < PREFETCH_AHEAD; i++) {
        struct slot *slot = &prefetch->slots[i];
        if (slot->state != SLOT_FREE)
            continue;
        slot->path = strdup(path);
        if (!slot->path)
            return NULL;
        slot->state = SLOT_WANTED;
        return slot;
    }
    return NULL;
}

void prefetch_expect(struct prefetch *prefetch, const char *const *paths, size_t n)
{
    n = n < PREFETCH_AHEAD ? n : PREFETCH_AHEAD;
    pthread_mutex_lock(&prefetch->lock);
    forget_others(prefetch, paths, n);
    for (size_t p = 0; p < n; p++) {
        struct slot *slot = find_slot(prefetch, paths[p]);
        if (!slot)
            slot = want(prefetch, paths[p]);
        if (!slot)
            break; /* no slot is free, or no memory: whoever takes the picture reads it */
        slot->turn = prefetch->next_turn++;
    }
    pthread_cond_signal(&prefetch->work);
    pthread_mutex_unlock(&prefetch->lock);
}

void prefetch_take(struct prefetch *prefetch, const char *path, struct prefetched *out)
{
    pthread_mutex_lock(&prefetch->lock);
    struct slot *slot = find_slot(prefetch, path);
    while (slot && slot->state == SLOT_READING)
        pthread_cond_wait(&prefetch->done, &prefetch->lock);
    bool is_there = slot && slot->state == SLOT_DONE;
    if (is_there) {
        *out = slot->result;
        out->was_ahead = true;
        slot->result.pixels = NULL;
        free_slot(slot);
    } else if (slot) {
        free_slot(slot); /* the thread has not come to it: reading it here is sooner */
    }
    pthread_mutex_unlock(&prefetch->lock);
    if (!is_there)
        read_picture(prefetch->engine, path, out);
}

void prefetch_wait(struct prefetch *prefetch)
{
    pthread_mutex_lock(&prefetch->lock);
    for (size_t i = 0; i < PREFETCH_AHEAD; i++)
        while (prefetch->slots[i].state == SLOT_WANTED || prefetch->slots[i].state == SLOT_READING)
            pthread_cond_wait(&prefetch->done, &prefetch->lock);
    pthread_mutex_unlock(&prefetch->lock);
}
