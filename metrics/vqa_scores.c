#include "metrics/vqa_scores.h"

#include "engine/base/string_map.h"
#include "metrics/rounding.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct vqa_metric vqa_metrics[] = {
    {"vqa-official", VQA_RULE_OFFICIAL, VQA_SUM_PERCENT_ROUNDED},
    {"vqa-official-2017", VQA_RULE_OFFICIAL_2017, VQA_SUM_PERCENT_ROUNDED},
    {"vqa-llava", VQA_RULE_LLAVA, VQA_SUM_PERCENT_ROUNDED},
    {"vqa-tri", VQA_RULE_TRI, VQA_PERCENT_ROUNDED},
    {"vqa-lmms-eval", VQA_RULE_LMMS_EVAL, VQA_MEAN},
    {"vizwiz-official", VQA_RULE_VIZWIZ, VQA_SUM_PERCENT_ROUNDED},
    {"vizwiz-tri", VQA_RULE_VIZWIZ_TRI, VQA_SUM_PERCENT_ROUNDED},
    {"vizwiz-llava", VQA_RULE_VIZWIZ_LLAVA, VQA_SUM_PERCENT_ROUNDED},
    {"vizwiz-lmms-eval", VQA_RULE_M4C_LMMS, VQA_MEAN},
    {"vizwiz-vlmevalkit", VQA_RULE_VLMEVALKIT, VQA_PERCENT},
    {"textvqa-tri", VQA_RULE_M4C, VQA_MEAN},
    {"textvqa-llava", VQA_RULE_M4C, VQA_PERCENT_ROUNDED},
    {"textvqa-lmms-eval", VQA_RULE_M4C_LMMS, VQA_MEAN},
    {"textvqa-vlmevalkit", VQA_RULE_VLMEVALKIT, VQA_PERCENT},
};
enum { N_METRICS = sizeof vqa_metrics / sizeof vqa_metrics[0] };

const struct vqa_metric *vqa_metric_find(const char *name)
{
    for (size_t i = 0; i < N_METRICS; i++)
        if (strcmp(vqa_metrics[i].name, name) == 0)
            return &vqa_metrics[i];
    return NULL;
}

const struct vqa_metric *vqa_metric_of(const struct protocol *protocol)
{
    const struct vqa_metric *metric = vqa_metric_find(protocol->metric);
    assert(metric);
    return metric;
}

enum status vqa_scores_begin(struct vqa_scores *scores, const struct dataset *set,
                             const struct protocol *protocol, const struct prediction *predictions,
                             struct score_table *table, struct error *err)
{
    const struct vqa_metric *metric = vqa_metric_of(protocol);
    const struct vqa_rule *rule = &vqa_rules[metric->rule];
    *scores = (struct vqa_scores){.set = set, .table = table, .aggregate = metric->aggregate};
    for (size_t i = 0; i < set->n_samples; i++)
        if (set->samples[i].n_answers == 1)
            return fail(err, STATUS_MISMATCH,
                        "%s: question %s has one answer; the metric %s compares with those of ten "
                        "annotators",
                        protocol->name, set->samples[i].id, protocol->metric);
    double scale = metric->aggregate == VQA_MEAN ? 1 : 100;
    enum status status = estimator_init(&scores->estimator, set, table, scale, err);
    if (status)
        return status;
    struct vqa_scratch scratch;
    vqa_scratch_init(&scratch);
    scores->agreement =
        arena_alloc(&scores->estimator.arena, set->n_samples, sizeof *scores->agreement);
    for (size_t i = 0; i < set->n_samples && scores->agreement; i++) {
        const struct sample *sample = &set->samples[i];
        scores->agreement[i] = predictions[i].failure
                                   ? VQA_FAILED
                                   : vqa_agreement(rule, sample->answers, sample->n_answers,
                                                   predictions[i].text, &scratch);
    }
    bool failed = !scores->agreement || scratch.failed;
    vqa_scratch_release(&scratch);
    if (!failed)
        return STATUS_OK;
    estimator_release(&scores->estimator);
    return fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
}

void vqa_scores_end(struct vqa_scores *scores)
{
    estimator_release(&scores->estimator);
}

static double aggregate_of(enum vqa_aggregate aggregate, double sum, double n)
{
    switch (aggregate) {
    case VQA_MEAN:
        return sum / n;
    case VQA_PERCENT:
        return 100 * (sum / n);
    case VQA_PERCENT_ROUNDED:
        return round2(100 * (sum / n));
    case VQA_SUM_PERCENT_ROUNDED:
        break;
    }
    return round2(100 * sum / n);
}

/* What a score is over. */
struct tally {
    double sum;
    size_t n, n_failed, n_unknown;
};

static struct tally tally_of(struct vqa_scores *scores, const size_t *part, size_t which)
{
    struct tally tally = {0};
    estimate_begin(&scores->estimator);
    for (size_t i = 0; i < scores->set->n_samples; i++) {
        if (part && part[i] != which)
            continue;
        double value = scores->agreement[i];
        bool is_failed = value == VQA_FAILED;
        tally.n += 1;
        tally.n_failed += is_failed;
        tally.n_unknown += isnan(value) || scores->set->samples[i].n_answers == 0;
        tally.sum += is_failed ? 0 : value;
        estimate_add(&scores->estimator, i, is_failed ? 0 : value, 1);
    }
    return tally;
}

struct score *vqa_scores_add(struct vqa_scores *scores, const char *name, const size_t *part,
                             size_t which)
{
    struct tally tally = tally_of(scores, part, which);
    double n = (double)tally.n;
    bool is_known = tally.n > 0 && tally.n_unknown == 0;
    struct score *score =
        estimate_ratio(&scores->estimator, name, is_known ? tally.sum / n : NAN, false);
    if (!score)
        return NULL;
    struct arena *arena = scores->table->arena;
    if (is_known)
        score->value = aggregate_of(scores->aggregate, tally.sum, n);
    else
        score->note = tally.n == 0 ? "no sample: the reference scorer divides by zero"
                                   : arena_printf(arena,
                                                  "%zu questions have no answers that the scorer "
                                                  "takes (those of test splits are not public)",
                                                  tally.n_unknown);
    if (is_known && tally.n_failed > 0)
        score->note = arena_printf(arena, "%zu failed samples count as wrong", tally.n_failed);
    return score;
}

struct part {
    const char *name;
    size_t number, n;
};

static int by_falling_count(const void *a, const void *b)
{
    const struct part *left = a, *right = b;
    if (left->n != right->n)
        return left->n < right->n ? 1 : -1;
    return (left->number > right->number) - (left->number < right->number);
}

/* The parts in the order of their first sample, and each sample's; *n is their number.  NULL
 * without memory. */
static struct part *find_parts(struct vqa_scores *scores,
                               const char *(*part_of)(const struct sample *), size_t *part,
                               size_t *n)
{
    struct arena *arena = &scores->estimator.arena;
    struct string_map seen;
    string_map_init(&seen, arena);
    struct part *parts = NULL;
    size_t capacity = 0;
    *n = 0;
    for (size_t i = 0; i < scores->set->n_samples; i++) {
        const char *name = part_of(&scores->set->samples[i]);
        int64_t number = (int64_t)*n;
        part[i] = SIZE_MAX;
        if (!name)
            continue;
        bool is_new = string_map_add(&seen, name, strlen(name), number, &number);
        if (is_new && *n == capacity) {
            capacity = capacity ? 2 * capacity : 128;
            struct part *more = arena_alloc(arena, capacity, sizeof *more);
            if (more && *n > 0)
                memcpy(more, parts, *n * sizeof *more);
            parts = more;
        }
        if (arena_failed(arena))
            return NULL;
        if (is_new)
            parts[(*n)++] = (struct part){.name = name, .number = (size_t)number};
        parts[number].n += 1;
        part[i] = (size_t)number;
    }
    return parts;
}

void vqa_scores_add_breakdown(struct vqa_scores *scores, const char *prefix,
                              const char *(*part_of)(const struct sample *))
{
    struct arena *arena = &scores->estimator.arena;
    size_t *part = arena_alloc(arena, scores->set->n_samples, sizeof *part);
    size_t n = 0;
    struct part *parts = part ? find_parts(scores, part_of, part, &n) : NULL;
    if (!parts)
        n = 0;
    if (n > 1)
        qsort(parts, n, sizeof *parts, by_falling_count);
    for (size_t i = 0; i < n && !arena_failed(arena); i++) {
        const char *name =
            arena_printf(scores->table->arena, "%s/%s/accuracy", prefix, parts[i].name);
        if (name)
            vqa_scores_add(scores, name, part, parts[i].number);
    }
    scores->table->arena->failed |= arena_failed(arena);
}

static const char *question_type(const struct sample *sample)
{
    return sample->group;
}

static const char *answer_type(const struct sample *sample)
{
    return sample->category;
}

void vqa_scores_add_types(struct vqa_scores *scores)
{
    vqa_scores_add_breakdown(scores, "answer-type", answer_type);
    vqa_scores_add_breakdown(scores, "question-type", question_type);
}

double vqa_credit(const struct sample *sample, const struct protocol *protocol,
                  const struct prediction *prediction)
{
    if (prediction->failure || !prediction->text)
        return 0;
    struct vqa_scratch scratch;
    vqa_scratch_init(&scratch);
    double agreement = vqa_agreement(&vqa_rules[vqa_metric_of(protocol)->rule], sample->answers,
                                     sample->n_answers, prediction->text, &scratch);
    bool failed = scratch.failed;
    vqa_scratch_release(&scratch);
    return failed ? (double)NAN : agreement;
}

int vqa_is_correct(const struct sample *sample, const struct protocol *protocol,
                   const struct prediction *prediction)
{
    /* Three of ten give 0.9. */
    const double in_full = 0.89;
    if (prediction->failure || !prediction->text)
        return -1;
    return vqa_credit(sample, protocol, prediction) > in_full;
}

void vqa_read(const struct protocol *protocol, const char *text, struct text *out)
{
    const struct vqa_rule *rule = &vqa_rules[vqa_metric_of(protocol)->rule];
    struct span said = span_of(text);
    struct text prepared;
    text_init(&prepared);
    if (rule->prepare) {
        rule->prepare(said, &prepared);
        said = (struct span){text_string(&prepared), prepared.length};
    }
    rule->prediction(said, out);
    out->failed |= prepared.failed;
    text_release(&prepared);
}

void vqa_clean_label(const struct protocol *protocol, const char *label, struct text *out)
{
    vqa_rules[vqa_metric_of(protocol)->rule].answer(span_of(label), out);
}
