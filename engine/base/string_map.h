/* engine/base/string_map.h - byte strings to numbers; memory from an arena, nothing is removed. */
#ifndef MAMBENCH_ENGINE_BASE_STRING_MAP_H
#define MAMBENCH_ENGINE_BASE_STRING_MAP_H

#include "engine/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct string_map_slot;

struct string_map {
    struct arena *arena;
    struct string_map_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

/* The arena must outlive the map.  Keys are not copied: they must live as long. */
void string_map_init(struct string_map *map, struct arena *arena);

/* Adds key -> value.  If the key is there already, nothing changes and *existing (may be NULL)
 * receives its value; the result is then false.  Also false without memory: the arena tells. */
bool string_map_add(struct string_map *map, const char *key, size_t length, int64_t value,
                    int64_t *existing);

/* Sets key -> value, replacing what was there. */
void string_map_set(struct string_map *map, const char *key, size_t length, int64_t value);

/* The value of key, or fallback. */
int64_t string_map_get(const struct string_map *map, const char *key, size_t length,
                       int64_t fallback);

#endif
