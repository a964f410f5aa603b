#include "metrics/gqa_scores.h"

#include "engine/base/string_map.h"
#include "metrics/python_text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 160 };

/* What a breakdown sorts a sample by, in memory of the arena; NULL: not in it. */
typedef const char *property(const struct gqa_input *input, size_t sample, struct arena *arena);

const struct gqa_facts *gqa_facts_of(const struct gqa_input *input, size_t sample)
{
    return dataset_facts(input->set, sample, "gqa");
}

bool gqa_is_right(const struct gqa_input *input, size_t sample)
{
    return input->said[sample] && strcmp(input->said[sample], input->gold[sample]) == 0;
}

static const char *structural_of(const struct gqa_input *input, size_t sample, struct arena *arena)
{
    (void)arena;
    return gqa_facts_of(input, sample)->structural;
}

static const char *semantic_of(const struct gqa_input *input, size_t sample, struct arena *arena)
{
    (void)arena;
    return gqa_facts_of(input, sample)->semantic;
}

static const char *steps_of(const struct gqa_input *input, size_t sample, struct arena *arena)
{
    return arena_printf(arena, "%zu", gqa_facts_of(input, sample)->n_steps);
}

static const char *words_of(const struct gqa_input *input, size_t sample, struct arena *arena)
{
    struct span rest = span_of(input->set->samples[sample].question), word;
    size_t n = 0;
    while (python_next_word(&rest, &word))
        n += 1;
    return arena_printf(arena, "%zu", n);
}

/* Samples are binary unless they ask "what": eval.py:422. */
static const char *binary_of(const struct gqa_input *input, size_t sample, struct arena *arena)
{
    (void)arena;
    const char *type = gqa_facts_of(input, sample)->structural;
    return type && strcmp(type, "query") == 0 ? "open" : "binary";
}

/* The samples of a score, and what they come to. */
struct tally {
    size_t n, n_right, n_failed;
};

static void tally_add(struct gqa_input *input, struct tally *tally, size_t sample)
{
    bool right = gqa_is_right(input, sample);
    tally->n += 1;
    tally->n_right += right;
    tally->n_failed += !input->said[sample];
    estimate_add(&input->estimator, sample, right, 1);
}

/* eval.py's avg() of an empty list is 0. */
static void add_accuracy(struct gqa_input *input, const char *name, const struct tally *tally)
{
    double value = tally->n ? (double)tally->n_right / (double)tally->n : 0;
    struct score *score = estimate_ratio(&input->estimator, name, value, true);
    if (score && tally->n == 0)
        score->note = "no such question: the reference prints 0";
    if (score && tally->n_failed > 0)
        score->note =
            arena_printf(input->table->arena, "%zu failed samples count as wrong", tally->n_failed);
}

/* One value of a property, with its samples as a list in arrays. */
struct part {
    const char *name;
    size_t first, last;
};

static int by_name(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    return strcmp(left->name, right->name);
}

/* Of whole numbers without leading zeros the longer one is larger. */
static int by_number(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    size_t l = strlen(left->name), r = strlen(right->name);
    return l != r ? (l > r) - (l < r) : strcmp(left->name, right->name);
}

/* Sorts the samples that count into parts; next[i] is the next sample of i's part, n_samples at
 * the end. */
static struct part *find_parts(struct gqa_input *input, property *of, struct arena *arena,
                               size_t *next, size_t *n)
{
    size_t n_samples = input->set->n_samples, capacity = 64;
    struct part *parts = arena_alloc(arena, capacity, sizeof *parts);
    struct string_map seen;
    string_map_init(&seen, arena);
    *n = 0;
    for (size_t i = 0; i < n_samples && !arena_failed(arena); i++) {
        const char *name = input->counts[i] ? of(input, i, arena) : NULL;
        int64_t at = (int64_t)*n;
        if (!name)
            continue;
        next[i] = n_samples;
        if (!string_map_add(&seen, name, strlen(name), at, &at)) {
            next[parts[at].last] = i;
            parts[at].last = i;
            continue;
        }
        if (*n == capacity) {
            struct part *more = arena_alloc(arena, 2 * capacity, sizeof *more);
            if (!more)
                return NULL;
            memcpy(more, parts, capacity * sizeof *more);
            parts = more;
            capacity *= 2;
        }
        parts[(*n)++] = (struct part){name, i, i};
    }
    return arena_failed(arena) ? NULL : parts;
}

static void add_breakdown(struct gqa_input *input, const char *prefix, property *of,
                          int (*order)(const void *, const void *))
{
    struct arena arena;
    size_t n = 0, n_samples = input->set->n_samples;
    arena_init(&arena);
    size_t *next = arena_alloc(&arena, n_samples, sizeof *next);
    struct part *parts = next ? find_parts(input, of, &arena, next, &n) : NULL;
    if (!parts)
        input->table->arena->failed = true;
    if (n > 1)
        qsort(parts, n, sizeof *parts, order);
    for (size_t p = 0; parts && p < n; p++) {
        char name[NAME_BYTES];
        struct tally tally = {0};
        snprintf(name, sizeof name, "%s%.100s/accuracy", prefix, parts[p].name);
        estimate_begin(&input->estimator);
        for (size_t i = parts[p].first; i < n_samples; i = next[i])
            tally_add(input, &tally, i);
        add_accuracy(input, name, &tally);
    }
    arena_release(&arena);
}

/* The samples for which of() gives wanted; all without of. */
static void add_part(struct gqa_input *input, const char *name, property *of, const char *wanted)
{
    struct tally tally = {0};
    estimate_begin(&input->estimator);
    for (size_t i = 0; i < input->set->n_samples; i++)
        if (input->counts[i] && (!of || strcmp(of(input, i, NULL), wanted) == 0))
            tally_add(input, &tally, i);
    add_accuracy(input, name, &tally);
}

static void add_all(struct gqa_input *input)
{
    bool has_facts = true;
    for (size_t i = 0; i < input->set->n_samples; i++)
        has_facts &= gqa_facts_of(input, i) != NULL;
    add_part(input, "accuracy", NULL, NULL);
    if (!has_facts)
        return;
    add_part(input, "binary/accuracy", binary_of, "binary");
    add_part(input, "open/accuracy", binary_of, "open");
    if (input->rule->is_official)
        gqa_add_measures(input);
    add_breakdown(input, "structural/", structural_of, by_name);
    add_breakdown(input, "semantic/", semantic_of, by_name);
    add_breakdown(input, "steps/", steps_of, by_number);
    add_breakdown(input, "words/", words_of, by_number);
}

static const char *cleaned(gqa_clean *clean, const char *answer, struct text *scratch,
                           struct arena *arena)
{
    text_reset(scratch);
    clean(answer, scratch);
    return arena_string(arena, text_string(scratch));
}

static enum status clean_answers(struct gqa_input *input, const struct prediction *predictions,
                                 struct error *err)
{
    struct arena *arena = &input->estimator.arena;
    struct text scratch;
    enum status status = STATUS_OK;
    text_init(&scratch);
    for (size_t i = 0; i < input->set->n_samples && !status; i++) {
        const struct sample *sample = &input->set->samples[i];
        const struct gqa_facts *facts = gqa_facts_of(input, i);
        if (sample->n_answers != 1) {
            status = fail(err, STATUS_MISMATCH,
                          "question %s has no answer in its file: GQA's server alone can score it",
                          sample->id);
            break;
        }
        input->gold[i] = cleaned(input->rule->clean_gold, sample->answers[0], &scratch, arena);
        if (!predictions[i].failure)
            input->said[i] = cleaned(input->rule->clean, predictions[i].text, &scratch, arena);
        input->counts[i] = !input->rule->is_official || !facts || facts->is_balanced;
    }
    if (!status && (scratch.failed || arena_failed(arena)))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    text_release(&scratch);
    return status;
}

enum status gqa_scores(const struct dataset *set, const struct gqa_rule *rule,
                       const struct prediction *predictions, struct score_table *table,
                       struct error *err)
{
    struct gqa_input input = {.set = set, .rule = rule, .table = table};
    enum status status = estimator_init(&input.estimator, set, table, rule->scale, err);
    if (status)
        return status;
    struct arena *arena = &input.estimator.arena;
    input.said = arena_alloc(arena, set->n_samples, sizeof *input.said);
    input.gold = arena_alloc(arena, set->n_samples, sizeof *input.gold);
    input.counts = arena_alloc(arena, set->n_samples, sizeof *input.counts);
    if (arena_failed(arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    else if (!(status = clean_answers(&input, predictions, err)))
        add_all(&input);
    if (!status && arena_failed(table->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    estimator_release(&input.estimator);
    return status;
}
