/* engine/base/arena.h - memory with one lifetime: many allocations, one release.
 *
 * Failure is sticky: after an allocation failed every further one returns NULL, so a group of
 * allocations is checked once with arena_failed(). */
#ifndef MAMBENCH_ENGINE_BASE_ARENA_H
#define MAMBENCH_ENGINE_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t reserved_bytes;      /* what the blocks take from the system */
    size_t used_bytes;          /* what was handed out, alignment included */
    bool failed;
};

/* An arena that holds nothing yet; no memory is taken. */
void arena_init(struct arena *arena);

/* Frees everything handed out; the arena is as after arena_init(). */
void arena_release(struct arena *arena);

/* count * size bytes, zeroed, aligned to 64 bytes.  NULL if memory ran out or the product
 * overflows; then arena_failed() is true for good. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/* The same without the alignment: for strings and other small things. */
void *arena_alloc_small(struct arena *arena, size_t count, size_t size);

/* A copy of length bytes of text, with a final NUL. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

/* A copy of a C string; NULL stays NULL. */
char *arena_string(struct arena *arena, const char *text);

/* A formatted string. */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

bool arena_failed(const struct arena *arena);

#endif
