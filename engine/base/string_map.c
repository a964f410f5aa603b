#include "engine/base/string_map.h"

#include <string.h>

struct string_map_slot {
    const char *key; /* NULL: free */
    size_t length;
    uint64_t hash;
    int64_t value;
};

void string_map_init(struct string_map *map, struct arena *arena)
{
    *map = (struct string_map){.arena = arena};
}

/* FNV-1a, 64 bit. */
static uint64_t hash_bytes(const char *key, size_t length)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)key[i]) * 1099511628211u;
    return hash;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct string_map_slot *find_slot(struct string_map_slot *slots, size_t capacity,
                                         const char *key, size_t length, uint64_t hash)
{
    size_t i = (size_t)hash & (capacity - 1);
    while (slots[i].key && (slots[i].hash != hash || slots[i].length != length ||
                            memcmp(slots[i].key, key, length) != 0))
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

static bool grow(struct string_map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 64;
    struct string_map_slot *slots = arena_alloc(map->arena, capacity, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < map->capacity; i++) {
        const struct string_map_slot *old = &map->slots[i];
        if (old->key)
            *find_slot(slots, capacity, old->key, old->length, old->hash) = *old;
    }
    map->slots = slots;
    map->capacity = capacity;
    return true;
}

/* The slot for key, with room made for one more entry; NULL without memory. */
static struct string_map_slot *slot_for(struct string_map *map, const char *key, size_t length,
                                        uint64_t hash)
{
    if (map->count * 2 >= map->capacity && !grow(map))
        return NULL;
    return find_slot(map->slots, map->capacity, key, length, hash);
}

bool string_map_add(struct string_map *map, const char *key, size_t length, int64_t value,
                    int64_t *existing)
{
    uint64_t hash = hash_bytes(key, length);
    struct string_map_slot *slot = slot_for(map, key, length, hash);
    if (!slot)
        return false;
    if (slot->key) {
        if (existing)
            *existing = slot->value;
        return false;
    }
    *slot = (struct string_map_slot){key, length, hash, value};
    map->count += 1;
    return true;
}

void string_map_set(struct string_map *map, const char *key, size_t length, int64_t value)
{
    uint64_t hash = hash_bytes(key, length);
    struct string_map_slot *slot = slot_for(map, key, length, hash);
    if (!slot)
        return;
    map->count += slot->key == NULL;
    *slot = (struct string_map_slot){key, length, hash, value};
}

int64_t string_map_get(const struct string_map *map, const char *key, size_t length,
                       int64_t fallback)
{
    if (map->capacity == 0)
        return fallback;
    const struct string_map_slot *slot =
        find_slot(map->slots, map->capacity, key, length, hash_bytes(key, length));
    return slot->key ? slot->value : fallback;
}
