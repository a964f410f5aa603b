/* eval/explain_settings.c - the first stage: in which settings two manifests differ. */
#include "engine/base/json.h"
#include "eval/explain.h"

/* What can make a difference: neither threads nor batches, nor where files lie. */
static const struct {
    const char *group, *key, *name;
} rows[] = {
    {NULL, "mambench", "version of mambench"},
    {"protocol", "version", "version of the protocol"},
    {"protocol", "hash", "protocol's file"},
    {"protocol", "metric", "scorer"},
    {"protocol", "headline", "headline"},
    {"protocol", "message", "question's template"},
    {"protocol", "choices", "choices"},
    {"data", "sha256", "annotation files"},
    {"data", "variant", "variant"},
    {"selection", "samples", "samples asked"},
    {"selection", "slim", "--slim"},
    {"selection", "limit", "--limit"},
    {"selection", "sample_ids", "--sample-id"},
    {"prompts", "sha256", "all prompts"},
    {"prompts", "first", "first prompt"},
    {"model", "name", "model"},
    {"model", "family", "family"},
    {"model", "sha256", "model's files"},
    {"model", "parameters", "parameters"},
    {"model", "image_tokens", "image tokens"},
    {"model", "random_weights", "--random-weights"},
    {"numerics", "precision", "precision"},
    {"numerics", "kernels", "kernels"},
    {"numerics", "matmul", "library of matrix products"},
    {NULL, "seed", "seed"},
    {NULL, "max_new_tokens", "new tokens at most"},
    {"machine", "cpu", "processor"},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static const char *value_of(const cJSON *item, struct arena *arena)
{
    char *printed = item ? cJSON_PrintUnformatted(item) : NULL;
    const char *value = arena_string(arena, item ? printed : "null");
    arena->failed |= item && !printed;
    cJSON_free(printed);
    return value;
}

enum status explain_settings(struct explanation *out, const cJSON *first, const cJSON *second,
                             struct arena *arena, struct error *err)
{
    const cJSON *manifests[2] = {first, second};
    struct explain_setting *list = arena_alloc_small(arena, N_ROWS, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < N_ROWS && list; i++) {
        const cJSON *items[2];
        for (size_t r = 0; r < 2; r++) {
            const cJSON *group =
                rows[i].group ? json_find(manifests[r], rows[i].group) : manifests[r];
            items[r] = json_find(group, rows[i].key);
        }
        if ((!items[0] && !items[1]) || cJSON_Compare(items[0], items[1], 1))
            continue;
        list[n].name = rows[i].name;
        list[n].values[0] = value_of(items[0], arena);
        list[n++].values[1] = value_of(items[1], arena);
    }
    out->settings = list;
    out->n_settings = n;
    return arena_failed(arena)
               ? fail(err, STATUS_NO_MEMORY, "out of memory while comparing manifests")
               : STATUS_OK;
}
