#include "metrics/label_counts.h"

#include "engine/base/string_map.h"
#include "engine/base/text.h"
#include "metrics/metric.h"

#include <stdlib.h>
#include <string.h>

/* Working memory. */
struct counting {
    struct label_counts *counts;
    struct arena *arena; /* of the counts */
    uint32_t *answers;   /* [n_answers] number of each one's label, sample after sample */
    size_t *first;       /* [n_samples] the sample's first of them */
    struct arena scratch;
};

static bool has_failed(const struct counting *counting)
{
    return arena_failed(counting->arena) || arena_failed(&counting->scratch);
}

/* Numbers the labels as they come. */
static void number_labels(struct counting *counting, struct string_map *seen)
{
    struct label_counts *counts = counting->counts;
    uint32_t *next = counting->answers;
    for (size_t i = 0; i < counts->set->n_samples; i++) {
        const struct sample *sample = &counts->set->samples[i];
        counting->first[i] = (size_t)(next - counting->answers);
        for (size_t a = 0; a < sample->n_answers; a++) {
            const char *label = sample->answers[a];
            int64_t number = (int64_t)seen->count;
            /* Loaders keep a label once: in a row it is the same pointer. */
            if (a > 0 && label == sample->answers[a - 1])
                number = next[-1];
            else
                string_map_add(seen, label, strlen(label), number, &number);
            *next++ = (uint32_t)number;
        }
    }
}

static int by_bytes(const void *a, const void *b)
{
    const struct label_count *left = a, *right = b;
    return strcmp(left->label, right->label);
}

/* Fills labels[] from the numbered answers, sorts it, and renumbers the answers. */
static void sort_labels(struct counting *counting)
{
    struct label_counts *counts = counting->counts;
    uint32_t *renumber = arena_alloc(&counting->scratch, counts->n_labels, sizeof *renumber);
    if (!renumber)
        return;
    for (size_t i = 0; i < counts->set->n_samples; i++)
        for (size_t a = 0; a < counts->set->samples[i].n_answers; a++) {
            uint32_t number = counting->answers[counting->first[i] + a];
            counts->labels[number].label = counts->set->samples[i].answers[a];
            counts->labels[number].first_seen = number;
            counts->labels[number].n += 1;
        }
    qsort(counts->labels, counts->n_labels, sizeof *counts->labels, by_bytes);
    for (size_t i = 0, before = 0; i < counts->n_labels; i++) {
        counts->labels[i].n_before = before;
        before += counts->labels[i].n;
        renumber[counts->labels[i].first_seen] = (uint32_t)i;
    }
    for (size_t i = 0; i < counts->n_answers; i++)
        counting->answers[i] = renumber[counting->answers[i]];
}

static void count_labels(struct counting *counting)
{
    struct label_counts *counts = counting->counts;
    struct string_map seen;
    string_map_init(&seen, &counting->scratch);
    for (size_t i = 0; i < counts->set->n_samples; i++)
        counts->n_answers += counts->set->samples[i].n_answers;
    counting->answers =
        arena_alloc(&counting->scratch, counts->n_answers, sizeof *counting->answers);
    counting->first =
        arena_alloc(&counting->scratch, counts->set->n_samples, sizeof *counting->first);
    if (has_failed(counting))
        return;
    number_labels(counting, &seen);
    counts->n_labels = seen.count;
    counts->labels = arena_alloc(counting->arena, counts->n_labels, sizeof *counts->labels);
    if (!has_failed(counting))
        sort_labels(counting);
}

/* Finds which labels the scorer takes for one: first each is the same as the first of them, then
 * as the most frequent. */
static void join_spellings(struct counting *counting, const struct protocol *protocol)
{
    struct label_count *labels = counting->counts->labels;
    size_t n = counting->counts->n_labels;
    const struct metric *metric = metric_find(protocol->metric);
    uint32_t *best = arena_alloc(&counting->scratch, n, sizeof *best);
    struct string_map seen;
    struct text clean;
    string_map_init(&seen, &counting->scratch);
    text_init(&clean);
    for (size_t i = 0; i < n && !has_failed(counting); i++) {
        int64_t first = (int64_t)i;
        if (metric && metric->clean_label) {
            text_reset(&clean);
            metric->clean_label(protocol, labels[i].label, &clean);
            const char *key = arena_copy(&counting->scratch, text_string(&clean), clean.length);
            if (key)
                string_map_add(&seen, key, clean.length, first, &first);
        }
        labels[i].same_as = (uint32_t)first;
        if ((size_t)first == i || labels[i].n > labels[best[first]].n)
            best[first] = (uint32_t)i;
    }
    for (size_t i = 0; i < n && !has_failed(counting); i++)
        labels[i].same_as = best[labels[i].same_as];
    counting->scratch.failed |= clean.failed;
    text_release(&clean);
}

/* The label with the greatest total, the first of equal ones. */
static const char *find_greatest(const struct label_counts *counts, const size_t *totals)
{
    size_t greatest = 0;
    for (size_t i = 1; i < counts->n_labels; i++)
        if (totals[i] > totals[greatest])
            greatest = i;
    return counts->labels[greatest].label;
}

static void find_most_frequent(struct counting *counting)
{
    struct label_counts *counts = counting->counts;
    size_t *totals = arena_alloc(&counting->scratch, counts->n_labels, sizeof *totals);
    if (!totals)
        return;
    for (size_t i = 0; i < counts->n_labels; i++)
        totals[counts->labels[i].same_as] += counts->labels[i].n;
    counts->most_frequent = find_greatest(counts, totals);
}

/* The samples of one type, linked: next[i] is the one behind sample i. */
struct type {
    size_t first, n;
};

/* Types in the order of their first samples; NULL without memory. */
static struct type *find_types(struct counting *counting, size_t *next, size_t *n_types)
{
    const struct dataset *set = counting->counts->set;
    struct type *types = arena_alloc(&counting->scratch, set->n_samples, sizeof *types);
    struct string_map seen;
    string_map_init(&seen, &counting->scratch);
    for (size_t i = 0; i < set->n_samples && types; i++) {
        const char *name = set->samples[i].group;
        int64_t at = (int64_t)seen.count;
        if (!name)
            continue;
        string_map_add(&seen, name, strlen(name), at, &at);
        if (arena_failed(&counting->scratch))
            return NULL;
        next[i] = types[at].first;
        types[at].first = i;
        types[at].n += 1;
    }
    *n_types = seen.count;
    return types;
}

/* Gives the type's samples the most frequent answer to them. */
static void count_type(const struct counting *counting, const struct type *type, const size_t *next,
                       size_t *totals)
{
    struct label_counts *counts = counting->counts;
    memset(totals, 0, counts->n_labels * sizeof *totals);
    for (size_t k = 0, i = type->first; k < type->n; k++, i = next[i])
        for (size_t a = 0; a < counts->set->samples[i].n_answers; a++)
            totals[counts->labels[counting->answers[counting->first[i] + a]].same_as] += 1;
    const char *greatest = find_greatest(counts, totals);
    for (size_t k = 0, i = type->first; k < type->n; k++, i = next[i])
        counts->most_frequent_of_type[i] = greatest;
}

static void count_types(struct counting *counting)
{
    struct label_counts *counts = counting->counts;
    size_t n = counts->set->n_samples, n_types = 0;
    size_t *next = arena_alloc(&counting->scratch, n, sizeof *next);
    size_t *totals = arena_alloc(&counting->scratch, counts->n_labels, sizeof *totals);
    struct type *types = next && totals ? find_types(counting, next, &n_types) : NULL;
    bool is_any = false;
    for (size_t t = 0; t < n_types && types; t++)
        is_any |= types[t].n >= LABEL_FEWEST_OF_TYPE;
    if (!is_any)
        return;
    counts->most_frequent_of_type =
        arena_alloc(counting->arena, n, sizeof *counts->most_frequent_of_type);
    for (size_t i = 0; i < n && counts->most_frequent_of_type; i++)
        counts->most_frequent_of_type[i] = counts->most_frequent;
    for (size_t t = 0; t < n_types && counts->most_frequent_of_type; t++)
        if (types[t].n >= LABEL_FEWEST_OF_TYPE)
            count_type(counting, &types[t], next, totals);
}

enum status label_counts_read(struct label_counts *counts, const struct dataset *set,
                              const struct protocol *protocol, struct arena *arena,
                              struct error *err)
{
    struct counting counting = {.counts = counts, .arena = arena};
    *counts = (struct label_counts){.set = set};
    arena_init(&counting.scratch);
    count_labels(&counting);
    if (!has_failed(&counting))
        join_spellings(&counting, protocol);
    if (!has_failed(&counting))
        find_most_frequent(&counting);
    if (!has_failed(&counting))
        count_types(&counting);
    bool failed = has_failed(&counting);
    arena_release(&counting.scratch);
    return failed ? fail(err, STATUS_NO_MEMORY, "out of memory while counting the answers of %s",
                         set->kind->title)
                  : STATUS_OK;
}

const char *label_counts_at(const struct label_counts *counts, double share)
{
    size_t target = (size_t)(share * (double)counts->n_answers), low = 0, high = counts->n_labels;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (counts->labels[middle].n_before <= target)
            low = middle;
        else
            high = middle;
    }
    return counts->labels[low].label;
}
