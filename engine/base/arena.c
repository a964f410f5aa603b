#include "engine/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, SMALL_ALIGNMENT = 16, BLOCK_BYTES = 256 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t capacity; /* bytes that follow the header */
    size_t used;
    char padding[ALIGNMENT - sizeof(void *) - 2 * sizeof(size_t)];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void arena_release(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena_init(arena);
}

static struct arena_block *add_block(struct arena *arena, size_t bytes)
{
    size_t capacity = bytes > BLOCK_BYTES / 4 ? bytes : BLOCK_BYTES - sizeof(struct arena_block);
    if (capacity > SIZE_MAX - sizeof(struct arena_block) - ALIGNMENT)
        return NULL;
    size_t total = (sizeof(struct arena_block) + capacity + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct arena_block *block = aligned_alloc(ALIGNMENT, total);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    block->capacity = total - sizeof *block;
    block->used = 0;
    arena->blocks = block;
    arena->reserved_bytes += total;
    return block;
}

static void *take(struct arena *arena, size_t count, size_t size, size_t alignment)
{
    if (arena->failed)
        return NULL;
    if (size != 0 && count > (SIZE_MAX - alignment) / size) {
        arena->failed = true;
        return NULL;
    }
    size_t bytes = (count * size + alignment - 1) / alignment * alignment;
    if (bytes == 0)
        bytes = alignment;
    struct arena_block *block = arena->blocks;
    size_t start = 0;
    if (block)
        start = (block->used + alignment - 1) / alignment * alignment;
    if (!block || start > block->capacity || bytes > block->capacity - start) {
        block = add_block(arena, bytes);
        start = 0;
    }
    if (!block) {
        arena->failed = true;
        return NULL;
    }
    char *memory = (char *)(block + 1) + start;
    block->used = start + bytes;
    arena->used_bytes += bytes;
    memset(memory, 0, bytes);
    return memory;
}

void *arena_alloc(struct arena *arena, size_t count, size_t size)
{
    return take(arena, count, size, ALIGNMENT);
}

void *arena_alloc_small(struct arena *arena, size_t count, size_t size)
{
    return take(arena, count, size, SMALL_ALIGNMENT);
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX) {
        arena->failed = true;
        return NULL;
    }
    char *copy = arena_alloc_small(arena, length + 1, 1);
    if (copy && length > 0)
        memcpy(copy, text, length);
    return copy;
}

char *arena_string(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        arena->failed = true;
        return NULL;
    }
    char *text = arena_alloc_small(arena, (size_t)length + 1, 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

bool arena_failed(const struct arena *arena)
{
    return arena->failed;
}
