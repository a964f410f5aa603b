/* Validity, plausibility, consistency and distribution: GQA's eval.py v1.1, in the text of
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/gqa/eval.py:265-449 (there, all but the
 * last are commented out). */
#include "engine/base/string_map.h"
#include "metrics/gqa_scores.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static bool is_among(const char *answer, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], answer) == 0)
            return true;
    return false;
}

/* A question after what two things have in common has three answers, whatever the choices say. */
static bool is_common(const struct gqa_facts *facts)
{
    return facts->detailed && strstr(facts->detailed, "Common");
}

static bool is_acceptable(const struct gqa_facts *facts, const char *answer, bool plausible)
{
    static const char *const common[] = {"color", "material", "shape"};
    if (!answer)
        return false;
    if (is_common(facts))
        return is_among(answer, common, sizeof common / sizeof common[0]);
    const struct gqa_choices *choices = facts->choices;
    return plausible ? is_among(answer, choices->plausible, choices->n_plausible)
                     : is_among(answer, choices->valid, choices->n_valid);
}

/* Adds a score that there is not, with the reason. */
static void add_undefined(struct gqa_input *input, const char *name, const char *note)
{
    struct score *score = score_add(input->table, name, NAN, input->rule->scale, 0);
    if (score)
        score->note = note;
}

/* The first sample that counts and has no choices, n_samples if there is none: eval.py looks them
 * up before it asks what they are for, so also where is_common().  *n_with counts those that have.
 */
static size_t first_without_choices(const struct gqa_input *input, size_t *n_with)
{
    size_t n = input->set->n_samples, first = n;
    *n_with = 0;
    for (size_t i = 0; i < n; i++) {
        const struct gqa_facts *facts = gqa_facts_of(input, i);
        if (facts->choices)
            *n_with += 1;
        else if (first == n && input->counts[i])
            first = i;
    }
    return first;
}

static void add_choice_scores(struct gqa_input *input)
{
    static const char *const names[] = {"validity", "plausibility"};
    size_t n = input->set->n_samples, n_with, missing = first_without_choices(input, &n_with);
    const char *note = NULL;
    if (n_with == 0)
        note = "needs the choices file of GQA's eval.zip, which is not there";
    else if (missing < n)
        note = arena_printf(input->table->arena,
                            "question %s has no entry in the choices file: the reference stops",
                            input->set->samples[missing].id);
    for (size_t s = 0; s < 2; s++) {
        size_t n_counted = 0, n_good = 0;
        if (note) {
            add_undefined(input, names[s], note);
            continue;
        }
        estimate_begin(&input->estimator);
        for (size_t i = 0; i < n; i++) {
            if (!input->counts[i])
                continue;
            bool good = is_acceptable(gqa_facts_of(input, i), input->said[i], s == 1);
            n_counted += 1;
            n_good += good;
            estimate_add(&input->estimator, i, good, 1);
        }
        estimate_ratio(&input->estimator, names[s],
                       n_counted ? (double)n_good / (double)n_counted : 0, true);
    }
}

/* Consistency of one right answer: the share of right ones among the entailed questions.  NAN if
 * one of them is not in the set; *missing is then its id. */
static double consistency_of(const struct gqa_input *input, const struct gqa_facts *facts,
                             const struct string_map *index, const char **missing)
{
    double sum = 0;
    for (size_t e = 0; e < facts->n_entailed; e++) {
        const char *id = facts->entailed[e];
        int64_t at = string_map_get(index, id, strlen(id), -1);
        if (at < 0) {
            *missing = id;
            return NAN;
        }
        sum += gqa_is_right(input, (size_t)at);
    }
    return sum / (double)facts->n_entailed;
}

static void add_consistency(struct gqa_input *input)
{
    size_t n = input->set->n_samples, n_counted = 0;
    struct arena arena;
    struct string_map index;
    arena_init(&arena);
    string_map_init(&index, &arena);
    for (size_t i = 0; i < n; i++)
        string_map_add(&index, input->set->samples[i].id, strlen(input->set->samples[i].id),
                       (int64_t)i, NULL);
    double sum = 0;
    const char *note = NULL, *missing = NULL;
    estimate_begin(&input->estimator);
    for (size_t i = 0; i < n && !missing; i++) {
        const struct gqa_facts *facts = gqa_facts_of(input, i);
        if (!input->counts[i] || !gqa_is_right(input, i) || facts->n_entailed == 0)
            continue;
        double value = consistency_of(input, facts, &index, &missing);
        if (missing)
            note = arena_printf(input->table->arena,
                                "question %s entails %s, which is not in the set: the reference "
                                "stops; it needs all questions, not the balanced ones alone",
                                input->set->samples[i].id, missing);
        sum += value;
        n_counted += 1;
        estimate_add(&input->estimator, i, value, 1);
    }
    if (missing) {
        add_undefined(input, "consistency", note);
    } else {
        struct score *score = estimate_ratio(&input->estimator, "consistency",
                                             n_counted ? sum / (double)n_counted : 0, false);
        if (score && n_counted == 0)
            score->note = "no right answer entails others: the reference prints 0";
    }
    if (arena_failed(&arena))
        input->table->arena->failed = true;
    arena_release(&arena);
}

/* How often an answer is the gold one and how often it was given, within a group. */
struct cell {
    double gold, said;
    size_t next; /* of the group, in order of appearance; 0: the last (cell 0 is never a next) */
};

struct group {
    size_t first, last; /* cells */
};

/* The groups' cells, and where to find the cell of a sample's group and answer. */
struct histogram {
    struct cell *cells;
    struct group *groups;
    size_t n_cells, n_groups;
    struct string_map cell_of, group_of;
    struct text key;
    struct arena arena;
};

/* Group and answer as one key; neither holds a NUL. */
static int64_t find_cell(struct histogram *histogram, const char *group, const char *answer)
{
    text_reset(&histogram->key);
    text_add(&histogram->key, group);
    text_add_char(&histogram->key, '\0');
    text_add(&histogram->key, answer);
    return string_map_get(&histogram->cell_of, histogram->key.data, histogram->key.length, -1);
}

static void add_cell(struct histogram *histogram, const char *group)
{
    struct arena *arena = &histogram->arena;
    size_t cell = histogram->n_cells;
    int64_t at = (int64_t)histogram->n_groups;
    const char *key = arena_copy(arena, histogram->key.data, histogram->key.length);
    if (!key || histogram->key.failed)
        return;
    string_map_add(&histogram->cell_of, key, histogram->key.length, (int64_t)cell, NULL);
    if (string_map_add(&histogram->group_of, group, strlen(group), at, &at))
        histogram->groups[histogram->n_groups++].first = cell;
    else
        histogram->cells[histogram->groups[at].last].next = cell;
    histogram->groups[at].last = cell;
    histogram->cells[histogram->n_cells++] = (struct cell){0};
}

static void count_gold(struct histogram *histogram, const struct gqa_input *input)
{
    for (size_t i = 0; i < input->set->n_samples && !arena_failed(&histogram->arena); i++) {
        const char *group = gqa_facts_of(input, i)->group;
        if (!input->counts[i] || !group)
            continue;
        int64_t cell = find_cell(histogram, group, input->gold[i]);
        if (cell < 0) {
            cell = (int64_t)histogram->n_cells;
            add_cell(histogram, group);
        }
        histogram->cells[cell].gold += 1;
    }
}

/* Answers that are nobody's gold answer are not counted: eval.py:380-397. */
static void count_said(struct histogram *histogram, const struct gqa_input *input)
{
    for (size_t i = 0; i < input->set->n_samples; i++) {
        const char *group = gqa_facts_of(input, i)->group;
        if (!input->counts[i] || !group || !input->said[i])
            continue;
        int64_t cell = find_cell(histogram, group, input->said[i]);
        if (cell >= 0)
            histogram->cells[cell].said += 1;
    }
}

/* The groups' chi-squares, weighted by their questions, over 100; *n counts the questions. */
static double chi_square(const struct histogram *histogram, size_t *n)
{
    double sum = 0, overall = 0;
    for (size_t g = 0; g < histogram->n_groups; g++) {
        double score = 0, total = 0;
        size_t cell = histogram->groups[g].first;
        do {
            const struct cell *one = &histogram->cells[cell];
            double difference = one->said - one->gold;
            score += difference * difference / one->gold;
            total += one->gold;
            cell = one->next;
        } while (cell);
        sum += score * total;
        overall += total;
    }
    *n = (size_t)overall;
    return sum / overall / 100;
}

static void add_distribution(struct gqa_input *input)
{
    struct histogram histogram = {0};
    size_t n_samples = input->set->n_samples, n = 0;
    arena_init(&histogram.arena);
    text_init(&histogram.key);
    string_map_init(&histogram.cell_of, &histogram.arena);
    string_map_init(&histogram.group_of, &histogram.arena);
    histogram.cells = arena_alloc(&histogram.arena, n_samples + 1, sizeof *histogram.cells);
    histogram.groups = arena_alloc(&histogram.arena, n_samples + 1, sizeof *histogram.groups);
    if (!arena_failed(&histogram.arena))
        count_gold(&histogram, input);
    bool failed = arena_failed(&histogram.arena) || histogram.key.failed;
    if (failed) {
        input->table->arena->failed = true;
    } else if (histogram.n_groups == 0) {
        add_undefined(input, "distribution", "no question is in a group: the reference stops");
    } else {
        count_said(&histogram, input);
        double value = chi_square(&histogram, &n);
        struct score *score = score_add(input->table, "distribution", value, 1, n);
        if (score)
            score->note = "chi-square, lower is better";
    }
    text_release(&histogram.key);
    arena_release(&histogram.arena);
}

void gqa_add_measures(struct gqa_input *input)
{
    add_choice_scores(input);
    add_consistency(input);
    add_distribution(input);
}
