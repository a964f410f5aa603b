#include "datasets/object_presence.h"

#include "datasets/records.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* An object in a picture, as it is met. */
struct seen {
    uint32_t image, object;
};

struct collector {
    struct object_presence *presence;
    struct arena *arena;
    struct seen *seen;
    size_t n, capacity;
    size_t names_capacity;
    struct arena scratch;
};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while counting objects");
}

const char *pope_object_of(const char *question, struct arena *arena)
{
    static const char *const heads[] = {"Is there an ", "Is there a "};
    static const char *const tails[] = {" in the image?", " in the imange?"};
    size_t length = strlen(question);
    for (size_t h = 0; h < 2; h++)
        for (size_t t = 0; t < 2; t++) {
            size_t head = strlen(heads[h]), tail = strlen(tails[t]);
            if (length > head + tail && strncmp(question, heads[h], head) == 0 &&
                strcmp(question + length - tail, tails[t]) == 0)
                return arena_copy(arena, question + head, length - head - tail);
        }
    return NULL;
}

static void collector_init(struct collector *collector, struct object_presence *presence,
                           struct arena *arena)
{
    *collector = (struct collector){.presence = presence, .arena = arena};
    *presence = (struct object_presence){0};
    arena_init(&collector->scratch);
    string_map_init(&presence->objects, arena);
    string_map_init(&presence->images, arena);
}

/* Doubles an array in arena; false without memory. */
static bool grow(struct arena *arena, void *array, size_t n, size_t *capacity, size_t size)
{
    void **items = array;
    if (n < *capacity)
        return true;
    size_t more = *capacity ? 2 * *capacity : 64;
    void *larger = arena_alloc_small(arena, more, size);
    if (!larger)
        return false;
    if (n > 0)
        memcpy(larger, *items, n * size);
    *items = larger;
    *capacity = more;
    return true;
}

/* The number of an object, which is new or not; name must live as long as the arena. */
static int64_t number_object(struct collector *collector, const char *name)
{
    struct object_presence *presence = collector->presence;
    int64_t number = (int64_t)presence->n_objects;
    if (!string_map_add(&presence->objects, name, strlen(name), number, &number))
        return number;
    if (!grow(collector->arena, &presence->names, presence->n_objects, &collector->names_capacity,
              sizeof *presence->names))
        return 0;
    presence->names[presence->n_objects++] = name;
    return number;
}

static int64_t number_image(struct collector *collector, const char *name)
{
    int64_t number = (int64_t)collector->presence->images.count;
    string_map_add(&collector->presence->images, name, strlen(name), number, &number);
    return number;
}

static void add_seen(struct collector *collector, int64_t image, int64_t object)
{
    if (grow(&collector->scratch, &collector->seen, collector->n, &collector->capacity,
             sizeof *collector->seen))
        collector->seen[collector->n++] = (struct seen){(uint32_t)image, (uint32_t)object};
}

static bool has(const struct object_presence *presence, size_t image, size_t object)
{
    return presence->bits[image * presence->n_words + object / 64] >> (object % 64) & 1;
}

/* The objects of a picture; returns how many. */
static size_t objects_in(const struct object_presence *presence, size_t image, size_t *objects)
{
    size_t n = 0;
    for (size_t o = 0; o < presence->n_objects; o++)
        if (has(presence, image, o))
            objects[n++] = o;
    return n;
}

/* Bits, and then the counts from them: what was met twice counts once. */
static enum status count_all(struct collector *collector, struct error *err)
{
    struct object_presence *presence = collector->presence;
    struct arena *arena = collector->arena;
    size_t n = presence->n_objects;
    presence->n_images = presence->images.count;
    presence->n_words = (n + 63) / 64;
    presence->n_with = arena_alloc(arena, n + 1, sizeof *presence->n_with);
    presence->together = arena_alloc(arena, n * n + 1, sizeof *presence->together);
    presence->bits =
        arena_alloc(arena, presence->n_images * presence->n_words + 1, sizeof *presence->bits);
    size_t *objects = arena_alloc(&collector->scratch, n + 1, sizeof *objects);
    if (arena_failed(arena) || arena_failed(&collector->scratch))
        return no_memory(err);
    for (size_t i = 0; i < collector->n; i++) {
        const struct seen *seen = &collector->seen[i];
        presence->bits[seen->image * presence->n_words + seen->object / 64] |=
            UINT64_C(1) << (seen->object % 64);
    }
    for (size_t image = 0; image < presence->n_images; image++) {
        size_t n_here = objects_in(presence, image, objects);
        for (size_t a = 0; a < n_here; a++) {
            presence->n_with[objects[a]] += 1;
            for (size_t b = 0; b < n_here; b++)
                presence->together[objects[a] * n + objects[b]] += 1;
        }
    }
    return STATUS_OK;
}

enum status object_presence_of_labels(struct object_presence *presence, const struct dataset *set,
                                      struct arena *arena, struct error *err)
{
    struct collector collector;
    collector_init(&collector, presence, arena);
    for (size_t i = 0; i < set->n_samples && !arena_failed(arena); i++) {
        const struct sample *sample = &set->samples[i];
        const char *object = pope_object_of(sample->question, arena);
        if (!object)
            continue;
        int64_t image = number_image(&collector, sample->image_name);
        int64_t number = number_object(&collector, object);
        if (sample->n_answers > 0 && strcmp(sample->answers[0], "no") != 0)
            add_seen(&collector, image, number);
    }
    enum status status = arena_failed(arena) || arena_failed(&collector.scratch)
                             ? no_memory(err)
                             : count_all(&collector, err);
    arena_release(&collector.scratch);
    return status;
}

/* COCO's ids, as keys of a map. */
static const char *id_key(const cJSON *record, const char *member, const char *place,
                          struct arena *arena, struct error *err)
{
    double id = 0;
    if (json_get_number(record, member, place, &id, err))
        return NULL;
    const char *key = arena_printf(arena, "%.0f", id);
    if (!key)
        no_memory(err);
    return key;
}

/* What one array of the file says; maps are from ids to numbers. */
struct coco {
    struct collector *collector;
    struct string_map categories, images;
};

typedef enum status coco_record(struct coco *coco, const cJSON *record, const char *place,
                                struct error *err);

static enum status add_category(struct coco *coco, const cJSON *record, const char *place,
                                struct error *err)
{
    const char *name, *key = id_key(record, "id", place, &coco->collector->scratch, err);
    enum status status =
        key ? json_get_string(record, "name", place, &name, err) : STATUS_BAD_FORMAT;
    if (status)
        return status;
    name = arena_string(coco->collector->arena, name);
    if (!name)
        return no_memory(err);
    string_map_add(&coco->categories, key, strlen(key), number_object(coco->collector, name), NULL);
    return STATUS_OK;
}

static enum status add_image(struct coco *coco, const cJSON *record, const char *place,
                             struct error *err)
{
    const char *name, *key = id_key(record, "id", place, &coco->collector->scratch, err);
    enum status status =
        key ? json_get_string(record, "file_name", place, &name, err) : STATUS_BAD_FORMAT;
    if (status)
        return status;
    name = arena_string(coco->collector->arena, name);
    if (!name)
        return no_memory(err);
    string_map_add(&coco->images, key, strlen(key), number_image(coco->collector, name), NULL);
    return STATUS_OK;
}

/* The keys are formatted where they are looked up: an arena would keep them all. */
static enum status find_id(const struct string_map *map, const cJSON *record, const char *member,
                           const char *place, int64_t *number, struct error *err)
{
    double id = 0;
    char key[32];
    enum status status = json_get_number(record, member, place, &id, err);
    if (status)
        return status;
    int length = snprintf(key, sizeof key, "%.0f", fabs(id) < 1e18 ? id : -1);
    *number = string_map_get(map, key, (size_t)length, -1);
    if (*number < 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: no record has the id that \"%s\" names", place,
                    member);
    return STATUS_OK;
}

static enum status add_annotation(struct coco *coco, const cJSON *record, const char *place,
                                  struct error *err)
{
    int64_t image = 0, category = 0;
    enum status status = find_id(&coco->images, record, "image_id", place, &image, err);
    if (!status)
        status = find_id(&coco->categories, record, "category_id", place, &category, err);
    if (!status)
        add_seen(coco->collector, image, category);
    return status;
}

static enum status read_array(struct coco *coco, const char *path, const char *member,
                              coco_record *add, struct error *err)
{
    struct records records;
    const cJSON *record = NULL;
    enum status status = records_open_array(&records, path, member, err);
    if (status)
        return status;
    while (!(status = records_next(&records, &record, err)) && record) {
        status = add(coco, record, records.place, err);
        if (!status &&
            (arena_failed(coco->collector->arena) || arena_failed(&coco->collector->scratch)))
            status = no_memory(err);
        if (status)
            break;
    }
    records_close(&records);
    return status;
}

enum status object_presence_of_coco(struct object_presence *presence, const char *path,
                                    struct arena *arena, struct error *err)
{
    struct collector collector;
    struct coco coco = {.collector = &collector};
    collector_init(&collector, presence, arena);
    string_map_init(&coco.categories, &collector.scratch);
    string_map_init(&coco.images, &collector.scratch);
    enum status status = read_array(&coco, path, "categories", add_category, err);
    if (!status)
        status = read_array(&coco, path, "images", add_image, err);
    if (!status)
        status = read_array(&coco, path, "annotations", add_annotation, err);
    if (!status && (presence->n_objects == 0 || presence->images.count == 0))
        status = fail(err, STATUS_BAD_FORMAT, "%s: there is no category or no image", path);
    if (!status)
        status = count_all(&collector, err);
    arena_release(&collector.scratch);
    return status;
}

int64_t object_presence_find(const struct object_presence *presence, const char *object)
{
    return string_map_get(&presence->objects, object, strlen(object), -1);
}

int64_t object_presence_image(const struct object_presence *presence, const char *image)
{
    return string_map_get(&presence->images, image, strlen(image), -1);
}

double object_presence_company(const struct object_presence *presence, size_t image, size_t object,
                               size_t *companion)
{
    double most = NAN;
    for (size_t o = 0; o < presence->n_objects; o++) {
        if (o == object || !has(presence, image, o))
            continue;
        double share = (double)presence->together[o * presence->n_objects + object] /
                       (double)presence->n_with[o];
        if (most >= share)
            continue;
        most = share;
        if (companion)
            *companion = o;
    }
    return most;
}
