/* VSR as TRI scores it, TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/vsr.py:254-294, and
 * the breakdowns of cambridgeltl/visual-spatial-reasoning@b27a0af analysis_scripts. */
#include "engine/base/string_map.h"
#include "metrics/choice.h"
#include "metrics/estimate.h"
#include "metrics/metric.h"
#include "metrics/ranking.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct input {
    const struct dataset *set;
    const struct prediction *predictions;
    int *right; /* [n_samples] 1, 0, -1 */
    struct score_table *table;
    struct estimator estimator;
};

/* One relation or meta-category. */
struct part {
    const char *name;
    size_t first; /* sample */
    size_t n, n_right;
};

static int correct(const struct sample *sample, const struct protocol *protocol,
                   const struct prediction *prediction)
{
    if (prediction->failure || !prediction->probabilities)
        return -1;
    size_t choice = choice_argmax(prediction->probabilities, protocol->n_choices);
    return strcmp(protocol->choices[choice], sample->answers[0]) == 0;
}

static const char *relation_of(const struct sample *sample)
{
    return sample->group;
}

static const char *category_of(const struct sample *sample)
{
    return sample->category;
}

static struct score *add_accuracy(struct input *input, const char *name,
                                  const char *(*part_of)(const struct sample *), const char *part)
{
    size_t n = 0, n_right = 0, n_failed = 0;
    estimate_begin(&input->estimator);
    for (size_t i = 0; i < input->set->n_samples; i++) {
        const char *own = part_of ? part_of(&input->set->samples[i]) : NULL;
        if (part_of && (!own || strcmp(own, part) != 0))
            continue;
        n += 1;
        n_right += input->right[i] == 1;
        n_failed += input->right[i] < 0;
        estimate_add(&input->estimator, i, input->right[i] == 1, 1);
    }
    double value = n ? (double)n_right / (double)n : NAN;
    struct score *score = estimate_ratio(&input->estimator, name, value, true);
    if (score && n == 0)
        score->note = "no sample";
    if (score && n_failed > 0)
        score->note =
            arena_printf(input->table->arena, "%zu failed samples count as wrong", n_failed);
    return score;
}

static void add_areas(struct input *input)
{
    size_t n = 0, n_all = input->set->n_samples;
    struct ranked *ranked = arena_alloc(&input->estimator.arena, n_all, sizeof *ranked);
    if (!ranked) {
        input->table->arena->failed = true;
        return;
    }
    for (size_t i = 0; i < n_all; i++)
        if (input->right[i] >= 0)
            ranked[n++] = (struct ranked){input->predictions[i].probabilities[0],
                                          strcmp(input->set->samples[i].answers[0], "True") == 0,
                                          input->estimator.image[i]};
    bool sorted = ranking_sort(ranked, n);
    struct score *areas[] = {
        score_add(input->table, "auc-roc", sorted ? ranking_roc_auc(ranked, n) : NAN, 1, n),
        score_add(input->table, "auc-pr", sorted ? ranking_average_precision(ranked, n) : NAN, 1,
                  n),
    };
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        if (!areas[i])
            continue;
        if (!sorted)
            areas[i]->note = "a probability is NaN";
        else if (isnan(areas[i]->value))
            areas[i]->note = n ? "only one class among the labels" : "no answer";
        else if (n < n_all)
            areas[i]->note =
                arena_printf(input->table->arena, "%zu failed samples are left out", n_all - n);
    }
    if (sorted && areas[0] && areas[1])
        estimate_ranking(&input->estimator, ranked, n,
                         (struct score *[N_RANKING_VALUES]){
                             [RANKING_ROC_AUC] = areas[0], [RANKING_AVERAGE_PRECISION] = areas[1]});
}

/* How often True was answered, and how often it is the label. */
static void add_true_ratios(struct input *input)
{
    size_t n_answers = 0, n_said = 0, n_labels = 0, n = input->set->n_samples;
    estimate_begin(&input->estimator);
    for (size_t i = 0; i < n; i++) {
        bool label = strcmp(input->set->samples[i].answers[0], "True") == 0;
        n_labels += label;
        if (input->right[i] < 0)
            continue;
        bool said = label == (input->right[i] == 1);
        n_answers += 1;
        n_said += said;
        estimate_add(&input->estimator, i, said, 1);
    }
    struct score *score =
        estimate_ratio(&input->estimator, "true-ratio",
                       n_answers ? (double)n_said / (double)n_answers : NAN, true);
    if (score && n_answers == 0)
        score->note = "no answer";
    score_add(input->table, "label-true-ratio", n ? (double)n_labels / (double)n : NAN, 1, n);
}

static int by_falling_count(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    if (left->n != right->n)
        return left->n < right->n ? 1 : -1;
    return (left->first > right->first) - (left->first < right->first);
}

/* Right counts are compared as fractions without rounding. */
static int by_falling_accuracy(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    uint64_t l = (uint64_t)left->n_right * right->n, r = (uint64_t)right->n_right * left->n;
    if (l != r)
        return l < r ? 1 : -1;
    return (left->first > right->first) - (left->first < right->first);
}

/* The distinct parts of the set, in order of their first sample. */
static struct part *find_parts(struct input *input, const char *(*part_of)(const struct sample *),
                               size_t *n)
{
    struct arena *arena = &input->estimator.arena;
    struct part *parts = arena_alloc(arena, input->set->n_samples, sizeof *parts);
    struct string_map seen;
    string_map_init(&seen, arena);
    *n = 0;
    for (size_t i = 0; i < input->set->n_samples && parts; i++) {
        const char *name = part_of(&input->set->samples[i]);
        if (!name)
            continue;
        int64_t index = (int64_t)*n;
        if (string_map_add(&seen, name, strlen(name), index, &index))
            parts[(*n)++] = (struct part){name, i, 0, 0};
        if (arena_failed(arena))
            return NULL;
        parts[index].n += 1;
        parts[index].n_right += input->right[i] == 1;
    }
    return parts;
}

static void add_breakdown(struct input *input, const char *prefix,
                          const char *(*part_of)(const struct sample *),
                          int (*order)(const void *, const void *))
{
    size_t n = 0;
    struct part *parts = find_parts(input, part_of, &n);
    if (!parts) {
        input->table->arena->failed = true;
        return;
    }
    if (n > 1)
        qsort(parts, n, sizeof *parts, order);
    for (size_t i = 0; i < n; i++) {
        const char *name =
            arena_printf(input->table->arena, "%s/%s/accuracy", prefix, parts[i].name);
        if (name)
            add_accuracy(input, name, part_of, parts[i].name);
    }
}

static enum status score(const struct dataset *set, const struct protocol *protocol,
                         const struct prediction *predictions, struct score_table *table,
                         struct error *err)
{
    struct input input = {.set = set, .predictions = predictions, .table = table};
    enum status status = estimator_init(&input.estimator, set, table, 1, err);
    if (status)
        return status;
    input.right = arena_alloc(&input.estimator.arena, set->n_samples, sizeof *input.right);
    for (size_t i = 0; i < set->n_samples && input.right; i++)
        input.right[i] = correct(&set->samples[i], protocol, &predictions[i]);
    if (input.right) {
        add_accuracy(&input, "accuracy", NULL, NULL);
        add_areas(&input);
        add_true_ratios(&input);
        add_breakdown(&input, "category", category_of, by_falling_accuracy);
        add_breakdown(&input, "relation", relation_of, by_falling_count);
    }
    if (!input.right || arena_failed(table->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    estimator_release(&input.estimator);
    return status;
}

const struct metric metric_true_false_likelihood = {
    .name = "true-false-likelihood",
    .reference = "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/vsr.py and "
                 "cambridgeltl/visual-spatial-reasoning@b27a0af:analysis_scripts",
    .needs_choices = true,
    .score = score,
    .correct = correct,
};
