/* eval/spatial_groups.c - which relations are shown alone, and which together. */
#include "engine/base/string_map.h"
#include "eval/spatial.h"

#include <stdlib.h>
#include <string.h>

/* A relation or a category, with its captions in the first run. */
struct counted {
    const char *name, *category;
    size_t n, first;
    size_t group; /* its number */
};

struct counts {
    struct counted *items;
    size_t n;
    struct string_map index;
};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while grouping relations");
}

const char *caption_category(const struct sample *sample)
{
    return sample->category ? sample->category : "none";
}

static const char *relation_of(const struct sample *sample)
{
    return sample->group ? sample->group : "";
}

static const char *category_of(const struct sample *sample)
{
    return caption_category(sample);
}

static int by_falling_n(const void *a, const void *b)
{
    const struct counted *left = a, *right = b;
    if (left->n != right->n)
        return left->n < right->n ? 1 : -1;
    return (left->first > right->first) - (left->first < right->first);
}

/* Distinct names over all runs; n counts the first run's. */
static bool count_names(const struct study_look *look, const char *(*of)(const struct sample *),
                        struct arena *arena, struct counts *counts)
{
    size_t most = 0;
    for (size_t r = 0; r < look->n_runs; r++)
        most += look->runs[r].n;
    *counts = (struct counts){.items = arena_alloc(arena, most + 1, sizeof *counts->items)};
    string_map_init(&counts->index, arena);
    for (size_t r = 0; r < look->n_runs && counts->items; r++)
        for (size_t i = 0; i < look->runs[r].n && !arena_failed(arena); i++) {
            const struct sample *sample = &look->runs[r].samples[i];
            const char *name = of(sample);
            int64_t at = (int64_t)counts->n;
            if (string_map_add(&counts->index, name, strlen(name), at, &at))
                counts->items[counts->n++] = (struct counted){
                    .name = name, .category = caption_category(sample), .first = (size_t)at};
            if (!arena_failed(arena))
                counts->items[at].n += r == 0;
        }
    if (!arena_failed(arena) && counts->n > 1)
        qsort(counts->items, counts->n, sizeof *counts->items, by_falling_n);
    return !arena_failed(arena);
}

static struct relation_group *add_group(struct spatial *study, const char *category)
{
    struct relation_group *group = &study->groups[study->n_groups++];
    group->category = category;
    return group;
}

static void join(struct spatial *study, struct relation_group *group, struct counted *relation)
{
    struct arena *arena = &study->look.arena;
    group->n_relations += 1;
    group->n += relation->n;
    group->members = group->members ? arena_printf(arena, "%s; %s", group->members, relation->name)
                                    : relation->name;
    relation->group = (size_t)(group - study->groups);
}

/* The groups of one category: relations with enough captions, then the others together. */
static void group_category(struct spatial *study, struct counts *relations, const char *category,
                           size_t least)
{
    struct relation_group *rest = NULL;
    for (size_t i = 0; i < relations->n; i++) {
        struct counted *relation = &relations->items[i];
        if (strcmp(relation->category, category) != 0)
            continue;
        if (relation->n >= least) {
            struct relation_group *group = add_group(study, category);
            group->name = relation->name;
            join(study, group, relation);
            continue;
        }
        if (!rest) /* by falling n: all that follow are too few, too */
            rest = add_group(study, category);
        join(study, rest, relation);
    }
    if (rest)
        rest->name =
            rest->n_relations == 1
                ? rest->members
                : arena_printf(&study->look.arena, "other (%zu relations)", rest->n_relations);
}

static enum status number_samples(struct spatial *study, const struct counts *relations,
                                  struct arena *arena, struct error *err)
{
    struct string_map groups;
    string_map_init(&groups, arena);
    for (size_t i = 0; i < relations->n; i++)
        string_map_add(&groups, relations->items[i].name, strlen(relations->items[i].name),
                       (int64_t)relations->items[i].group, NULL);
    if (arena_failed(arena) || arena_failed(&study->look.arena))
        return no_memory(err);
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t i = 0; i < study->look.runs[r].n; i++) {
            const char *name = relation_of(&study->look.runs[r].samples[i]);
            study->runs[r].group[i] = (size_t)string_map_get(&groups, name, strlen(name), 0);
        }
    return STATUS_OK;
}

enum status spatial_find_groups(struct spatial *study, size_t least, struct error *err)
{
    struct arena scratch;
    struct counts relations, categories;
    arena_init(&scratch);
    enum status status = STATUS_OK;
    if (!count_names(&study->look, relation_of, &scratch, &relations) ||
        !count_names(&study->look, category_of, &scratch, &categories))
        status = no_memory(err);
    if (!status) {
        struct arena *arena = &study->look.arena;
        study->groups = arena_alloc_small(arena, relations.n + 1, sizeof *study->groups);
        study->categories = arena_alloc_small(arena, categories.n + 1, sizeof *study->categories);
        if (arena_failed(arena))
            status = no_memory(err);
    }
    for (size_t c = 0; !status && c < categories.n; c++) {
        study->categories[study->n_categories++] = categories.items[c].name;
        group_category(study, &relations, categories.items[c].name, least);
    }
    if (!status)
        status = number_samples(study, &relations, &scratch, err);
    arena_release(&scratch);
    return status;
}
