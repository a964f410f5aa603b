#include "eval/pairing.h"

#include "engine/base/json.h"
#include "engine/base/string_map.h"

#include <string.h>

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while comparing runs");
}

static bool is_same(const struct run_answers *first, const struct run_answers *second,
                    const char *group, const char *key)
{
    const cJSON *a = group ? json_find(first->manifest, group) : first->manifest;
    const cJSON *b = group ? json_find(second->manifest, group) : second->manifest;
    a = json_find(a, key);
    b = json_find(b, key);
    return (!a && !b) || (a && b && cJSON_Compare(a, b, 1));
}

static enum status refuse(const struct run_answers *first, const struct run_answers *second,
                          const char *what, const char *option, struct error *err)
{
    return fail(err, STATUS_MISMATCH, "%s and %s differ in %s; %s compares them all the same",
                first->directory, second->directory, what, option);
}

/* Finds each sample of the first set in the second; *n_only counts those that it lacks. */
static enum status join(struct pairing *pairing, const struct run_answers *first,
                        const struct run_answers *second, struct arena *arena, size_t *n_only,
                        struct error *err)
{
    const struct dataset *a = &first->task.set, *b = &second->task.set;
    struct string_map index;
    string_map_init(&index, arena);
    for (size_t i = 0; i < b->n_samples; i++)
        string_map_add(&index, b->samples[i].id, strlen(b->samples[i].id), (int64_t)i, NULL);
    pairing->pairs = arena_alloc_small(arena, a->n_samples + 1, sizeof *pairing->pairs);
    pairing->n_images = first->n_images;
    pairing->images = arena_alloc_small(arena, first->n_images + 1, sizeof *pairing->images);
    if (arena_failed(arena))
        return no_memory(err);
    for (size_t i = 0; i < a->n_samples; i++) {
        const struct sample *sample = &a->samples[i];
        int64_t at = string_map_get(&index, sample->id, strlen(sample->id), -1);
        const struct sample *other = at < 0 ? NULL : &b->samples[at];
        if (!other || strcmp(other->question, sample->question) != 0 ||
            strcmp(other->image_name, sample->image_name) != 0) {
            *n_only += 1;
            continue;
        }
        struct paired_image *image = &pairing->images[first->image[i]];
        image->n += 1;
        image->difference += second->credits[at] - first->credits[i];
        pairing->pairs[pairing->n++] = (struct sample_pair){i, (size_t)at};
    }
    return STATUS_OK;
}

static enum status check_samples(const struct pairing *pairing, const struct run_answers *first,
                                 const struct run_answers *second, size_t n_only, bool may_differ,
                                 struct error *err)
{
    size_t n_other = second->task.set.n_samples - pairing->n;
    if (pairing->n == 0)
        return fail(err, STATUS_MISMATCH, "%s and %s have no sample in common", first->directory,
                    second->directory);
    if ((n_only == 0 && n_other == 0) || may_differ)
        return STATUS_OK;
    return fail(err, STATUS_MISMATCH,
                "%s and %s were not asked the same samples: %zu are only in the first, %zu only in "
                "the second; --allow-different-samples compares the %zu that both have",
                first->directory, second->directory, n_only, n_other, pairing->n);
}

/* Differences that are told, not refused. */
static const char *cautions(const struct pairing *pairing, const struct run_answers *first,
                            const struct run_answers *second, struct arena *arena)
{
    static const struct {
        const char *group, *key, *name;
    } rows[] = {
        {"data", "sha256", "the annotation files"},
        {"protocol", "hash", "the protocol's file when they were asked"},
        {NULL, "max_new_tokens", "the number of new tokens"},
        {NULL, "mambench", "the version of mambench"},
    };
    struct text text;
    text_init(&text);
    bool same = pairing->n == first->task.set.n_samples && pairing->n == second->task.set.n_samples;
    if (!same)
        text_addf(&text,
                  "the samples asked (compared are the %zu that both have; whether their "
                  "prompts are the same is not known)",
                  pairing->n);
    else if (!is_same(first, second, "prompts", "sha256"))
        text_add(&text, "the prompts");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!is_same(first, second, rows[i].group, rows[i].key))
            text_addf(&text, "%s%s", text.length > 0 ? ", " : "", rows[i].name);
    const char *result = text.length > 0 ? arena_string(arena, text_string(&text)) : NULL;
    arena->failed |= text.failed;
    text_release(&text);
    return result;
}

struct pairing_options pairing_options_of(const struct options *options)
{
    return (struct pairing_options){
        .data = option_text(options, "data"),
        .other_prompts = option_flag(options, "allow-different-prompts"),
        .other_data = option_flag(options, "allow-different-data"),
        .other_samples = option_flag(options, "allow-different-samples"),
    };
}

enum status pairing_make(struct pairing *pairing, const struct run_answers *first,
                         const struct run_answers *second, const struct pairing_options *options,
                         struct arena *arena, struct error *err)
{
    size_t n_only = 0;
    *pairing = (struct pairing){0};
    bool same_data = is_same(first, second, "data", "sha256");
    if (!same_data && !options->other_data)
        return refuse(first, second, "the annotation files", "--allow-different-data", err);
    enum status status = join(pairing, first, second, arena, &n_only, err);
    if (!status)
        status = check_samples(pairing, first, second, n_only, options->other_samples, err);
    if (status)
        return status;
    bool same_samples = n_only == 0 && pairing->n == second->task.set.n_samples;
    if (same_samples && !is_same(first, second, "prompts", "sha256") && !options->other_prompts)
        return refuse(first, second, "the prompts (as other models' templates do)",
                      "--allow-different-prompts", err);
    pairing->caution = cautions(pairing, first, second, arena);
    return arena_failed(arena) ? no_memory(err) : STATUS_OK;
}
