/* eval/compare_pair.c - the statistics of two runs, and the samples that changed. */
#include "engine/base/string_map.h"
#include "eval/compare.h"
#include "metrics/mcnemar.h"
#include "metrics/power.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A pair whose credits differ. */
struct change {
    double by;
    size_t at; /* in the pairing */
};

static int by_size(const void *a, const void *b)
{
    const struct change *left = a, *right = b;
    double l = fabs(left->by), r = fabs(right->by);
    if (l > r || l < r)
        return l < r ? 1 : -1;
    return (left->at > right->at) - (left->at < right->at);
}

struct both {
    const struct run_answers *first, *second;
    const struct pairing *pairing;
};

/* The changes in one direction, sign -1 or 1. */
static bool list_flips(struct flips *flips, const struct both *both, double sign, size_t most,
                       struct arena *arena)
{
    const struct pairing *pairing = both->pairing;
    struct change *changes = calloc(pairing->n + 1, sizeof *changes);
    if (!changes)
        return false;
    *flips = (struct flips){0};
    for (size_t i = 0; i < pairing->n; i++) {
        double by = both->second->credits[pairing->pairs[i].second] -
                    both->first->credits[pairing->pairs[i].first];
        if (by * sign > 0)
            changes[flips->n++] = (struct change){by, i};
    }
    if (flips->n > 1)
        qsort(changes, flips->n, sizeof *changes, by_size);
    size_t n_listed = flips->n < most ? flips->n : most;
    struct flip *listed = arena_alloc_small(arena, n_listed + 1, sizeof *listed);
    for (size_t i = 0; listed && i < n_listed; i++)
        listed[i] = flip_make(both->first, pairing->pairs[changes[i].at].first, both->second,
                              pairing->pairs[changes[i].at].second, arena);
    flips->listed = listed;
    flips->n_listed = n_listed;
    free(changes);
    return !arena_failed(arena);
}

static bool is_right(const struct run_answers *answers, size_t sample)
{
    return answers->metric->correct(&answers->task.set.samples[sample], &answers->task.protocol,
                                    &answers->predictions[sample]) == 1;
}

/* Each (image, question) once, as its first sample has it. */
static bool count_distinct(struct comparison *comparison, const struct both *both)
{
    struct arena arena;
    struct string_map seen;
    struct text key;
    arena_init(&arena);
    text_init(&key);
    string_map_init(&seen, &arena);
    for (size_t i = 0; i < both->pairing->n && !arena_failed(&arena) && !key.failed; i++) {
        const struct sample_pair *pair = &both->pairing->pairs[i];
        const struct sample *sample = &both->first->task.set.samples[pair->first];
        text_reset(&key);
        text_addf(&key, "%zu ", both->first->image[pair->first]);
        text_add(&key, sample->question);
        const char *copy = arena_copy(&arena, text_string(&key), key.length);
        if (!copy || !string_map_add(&seen, copy, key.length, 1, NULL))
            continue;
        bool first = is_right(both->first, pair->first);
        bool second = is_right(both->second, pair->second);
        comparison->only[0] += first && !second;
        comparison->only[1] += second && !first;
    }
    bool failed = arena_failed(&arena) || key.failed;
    comparison->n_pairs = seen.count;
    comparison->p_mcnemar = mcnemar_exact(comparison->only[0], comparison->only[1]);
    text_release(&key);
    arena_release(&arena);
    return !failed;
}

static void add_up(struct comparison *comparison, const struct both *both)
{
    const struct pairing *pairing = both->pairing;
    double sums[2] = {0, 0};
    for (size_t i = 0; i < pairing->n; i++) {
        const struct sample_pair *pair = &pairing->pairs[i];
        sums[0] += both->first->credits[pair->first];
        sums[1] += both->second->credits[pair->second];
        comparison->failed[0] += both->first->predictions[pair->first].failure != NULL;
        comparison->failed[1] += both->second->predictions[pair->second].failure != NULL;
    }
    comparison->n = pairing->n;
    comparison->credits[0] = sums[0] / (double)pairing->n;
    comparison->credits[1] = sums[1] / (double)pairing->n;
    comparison->difference = paired_difference(pairing->images, pairing->n_images);
    comparison->n_images = comparison->difference.n_images;
    double error = comparison->difference.error;
    comparison->detectable = error > 0 ? power_detectable(error) : (double)NAN;
    comparison->caution = pairing->caution;
}

enum status compare_pair(struct comparison *comparison, const struct run_answers *first,
                         const struct run_answers *second, const struct compare_options *options,
                         struct arena *arena, struct error *err)
{
    struct pairing pairing;
    struct both both = {first, second, &pairing};
    enum status status = pairing_make(&pairing, first, second, &options->pairing, arena, err);
    if (status)
        return status;
    add_up(comparison, &both);
    status = paired_permutation(pairing.images, pairing.n_images, options->n_draws, options->seed,
                                &comparison->permutation, err);
    if (!status && !(count_distinct(comparison, &both) &&
                     list_flips(&comparison->fell, &both, -1, options->n_flips, arena) &&
                     list_flips(&comparison->rose, &both, 1, options->n_flips, arena)))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while comparing runs");
    return status;
}
