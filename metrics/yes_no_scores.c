#include "metrics/yes_no_scores.h"

#include "metrics/estimate.h"
#include "metrics/ranking.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_GROUPS = 16, NAME_BYTES = 96 };

struct input {
    const struct dataset *set;
    const enum yes_no *says;
    const double *p_yes;
    const bool *is_unparsed;
    const struct yes_no_options *options;
    struct score_table *table;
    struct estimator estimator;
    struct ranked *ranked; /* working memory [n_samples] */
    const char *groups[MAX_GROUPS];
    size_t n_groups;
};

/* What a set of samples holds. */
struct counts {
    size_t tp, fp, tn, fn;
    size_t neither_yes, neither_no, failed_yes, failed_no; /* by label */
    size_t unparsed;
};

static size_t n_failed(const struct counts *counts)
{
    return counts->failed_yes + counts->failed_no;
}

static size_t n_all(const struct counts *counts)
{
    return counts->tp + counts->fp + counts->tn + counts->fn + counts->neither_yes +
           counts->neither_no + n_failed(counts);
}

/* NULL stands for all groups. */
static bool is_in(const struct input *input, size_t i, const char *group)
{
    const char *own = input->set->samples[i].group;
    return !group || (own && strcmp(own, group) == 0);
}

static bool is_positive(const struct input *input, size_t i)
{
    return label_is_yes(input->set->samples[i].answers[0]);
}

static struct counts count(const struct input *input, const char *group)
{
    struct counts counts = {0};
    for (size_t i = 0; i < input->set->n_samples; i++) {
        if (!is_in(input, i, group))
            continue;
        bool yes = is_positive(input, i);
        size_t *const cells[][2] = {
            [SAYS_NO] = {&counts.tn, &counts.fn},
            [SAYS_YES] = {&counts.fp, &counts.tp},
            [SAYS_NEITHER] = {&counts.neither_no, &counts.neither_yes},
            [SAYS_NOTHING] = {&counts.failed_no, &counts.failed_yes},
        };
        *cells[input->says[i]][yes] += 1;
        counts.unparsed += input->is_unparsed && input->is_unparsed[i];
    }
    return counts;
}

static double ratio(const struct input *input, double numerator, double denominator)
{
    if (denominator == 0)
        return input->options->zero_for_undefined ? 0 : NAN;
    return numerator / denominator;
}

static double accuracy(const struct input *input, const struct counts *counts)
{
    return ratio(input, (double)(counts->tp + counts->tn), (double)n_all(counts));
}

static double precision(const struct input *input, const struct counts *counts)
{
    return ratio(input, (double)counts->tp, (double)(counts->tp + counts->fp));
}

static double recall(const struct input *input, const struct counts *counts)
{
    size_t missed = counts->fn;
    if (input->options->silence_is_missed)
        missed += counts->neither_yes + counts->failed_yes;
    return ratio(input, (double)counts->tp, (double)(counts->tp + missed));
}

static double f1(const struct input *input, const struct counts *counts)
{
    double p = precision(input, counts), r = recall(input, counts);
    return ratio(input, 2 * p * r, p + r);
}

static double yes_ratio(const struct input *input, const struct counts *counts)
{
    return ratio(input, (double)(counts->tp + counts->fp),
                 (double)(n_all(counts) - n_failed(counts)));
}

static double true_yes_ratio(const struct input *input, const struct counts *counts)
{
    size_t yes = counts->tp + counts->fn + counts->neither_yes + counts->failed_yes;
    return ratio(input, (double)yes, (double)n_all(counts));
}

/* What one sample adds to the two sums of a ratio. */
struct terms {
    double y, x;
};

static struct terms accuracy_terms(enum yes_no says, bool positive, bool silence)
{
    (void)silence;
    return (struct terms){says == (positive ? SAYS_YES : SAYS_NO), 1};
}

static struct terms precision_terms(enum yes_no says, bool positive, bool silence)
{
    (void)silence;
    return (struct terms){says == SAYS_YES && positive, says == SAYS_YES};
}

static struct terms recall_terms(enum yes_no says, bool positive, bool silence)
{
    bool counts = positive && (says == SAYS_YES || says == SAYS_NO || silence);
    return (struct terms){says == SAYS_YES && positive, counts};
}

/* 2TP / (predicted yes + labelled yes), which is 2PR / (P + R). */
static struct terms f1_terms(enum yes_no says, bool positive, bool silence)
{
    struct terms p = precision_terms(says, positive, silence);
    struct terms r = recall_terms(says, positive, silence);
    return (struct terms){p.y + r.y, p.x + r.x};
}

static struct terms yes_ratio_terms(enum yes_no says, bool positive, bool silence)
{
    (void)positive;
    (void)silence;
    return (struct terms){says == SAYS_YES, says != SAYS_NOTHING};
}

static struct terms true_yes_ratio_terms(enum yes_no says, bool positive, bool silence)
{
    (void)says;
    (void)silence;
    return (struct terms){positive, 1};
}

static const struct statistic {
    const char *name;
    double (*value)(const struct input *input, const struct counts *counts);
    struct terms (*terms)(enum yes_no says, bool positive, bool silence_is_missed);
    bool is_rate;
    bool is_fixed;         /* a property of the labels: it has no interval */
    const char *undefined; /* why it can be 0/0 */
    const char *failed;    /* what a failed sample is here; NULL: as described by yes_no_scores.h */
} statistics[] = {
    {"accuracy", accuracy, accuracy_terms, true, false, "no sample", "count as wrong"},
    {"precision", precision, precision_terms, true, false, "no answer says yes: 0/0", NULL},
    {"recall", recall, recall_terms, true, false, "no label is yes: 0/0", NULL},
    {"f1", f1, f1_terms, false, false, "precision or recall is 0/0, or both are 0", NULL},
    {"yes-ratio", yes_ratio, yes_ratio_terms, true, false, "no answer", "are left out"},
    {"true-yes-ratio", true_yes_ratio, true_yes_ratio_terms, true, true, "no sample", NULL},
};
enum { N_STATISTICS = sizeof statistics / sizeof statistics[0], ACCURACY = 0 };

/* Puts the samples of a ratio into the estimator. */
static void gather(struct input *input, const struct statistic *statistic, const char *group)
{
    estimate_begin(&input->estimator);
    for (size_t i = 0; i < input->set->n_samples; i++) {
        if (!is_in(input, i, group))
            continue;
        struct terms terms = statistic->terms(input->says[i], is_positive(input, i),
                                              input->options->silence_is_missed);
        estimate_add(&input->estimator, i, terms.y, terms.x);
    }
}

static void add_count(struct input *input, const char *prefix, const char *name, size_t value,
                      size_t n)
{
    char full[NAME_BYTES];
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    score_add(input->table, full, (double)value, 0, n);
}

static void add_note(struct input *input, struct score *score, const char *note)
{
    if (score && note)
        score->note =
            score->note ? arena_printf(input->table->arena, "%s; %s", score->note, note) : note;
}

static void add_statistic(struct input *input, const struct statistic *statistic,
                          const char *prefix, const char *group, const struct counts *counts)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s/%s", prefix, statistic->name);
    gather(input, statistic, group);
    double value = statistic->value(input, counts);
    struct score *score;
    if (statistic->is_fixed)
        score = score_add(input->table, name, value * input->options->scale, input->options->scale,
                          n_all(counts));
    else
        score = estimate_ratio(&input->estimator, name, value, statistic->is_rate);
    if (score && !statistic->is_rate)
        score->n = n_all(counts);
    if (isnan(value))
        add_note(input, score, statistic->undefined);
    if (n_failed(counts) > 0 && statistic->failed)
        add_note(input, score,
                 arena_printf(input->table->arena, "%zu failed samples %s", n_failed(counts),
                              statistic->failed));
}

static void add_areas(struct input *input, const char *prefix, const char *group)
{
    size_t n = 0, left_out = 0;
    for (size_t i = 0; i < input->set->n_samples; i++) {
        if (!is_in(input, i, group))
            continue;
        if (input->says[i] == SAYS_NOTHING)
            left_out += 1;
        else
            input->ranked[n++] =
                (struct ranked){input->p_yes[i], is_positive(input, i), input->estimator.image[i]};
    }
    bool sorted = ranking_sort(input->ranked, n);
    const struct {
        const char *name;
        double value;
    } areas[] = {
        {"auc-roc", sorted ? ranking_roc_auc(input->ranked, n) : NAN},
        {"auc-pr", sorted ? ranking_average_precision(input->ranked, n) : NAN},
    };
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%s/%s", prefix, areas[i].name);
        struct score *score = score_add(input->table, name, areas[i].value * input->options->scale,
                                        input->options->scale, n);
        if (!sorted)
            add_note(input, score, "a probability is NaN");
        else if (isnan(areas[i].value))
            add_note(input, score, n ? "only one class among the labels" : "no answer");
        if (left_out > 0)
            add_note(
                input, score,
                arena_printf(input->table->arena, "%zu failed samples are left out", left_out));
    }
    struct score *last = input->table->scores + input->table->n_scores - 2;
    if (sorted && !arena_failed(input->table->arena))
        estimate_ranking(&input->estimator, input->ranked, n,
                         (struct score *[N_RANKING_VALUES]){
                             [RANKING_ROC_AUC] = last, [RANKING_AVERAGE_PRECISION] = last + 1});
}

/* group NULL: all samples. */
static void add_group(struct input *input, const char *prefix, const char *group)
{
    struct counts counts = count(input, group);
    size_t n = n_all(&counts);
    add_count(input, prefix, "tp", counts.tp, n);
    add_count(input, prefix, "fp", counts.fp, n);
    add_count(input, prefix, "tn", counts.tn, n);
    add_count(input, prefix, "fn", counts.fn, n);
    if (input->is_unparsed)
        add_count(input, prefix, "unparsed", counts.unparsed, n);
    if (n_failed(&counts) > 0)
        add_count(input, prefix, "failed", n_failed(&counts), n);
    for (size_t i = 0; i < N_STATISTICS; i++)
        add_statistic(input, &statistics[i], prefix, group, &counts);
    if (input->p_yes)
        add_areas(input, group || !input->options->has_final ? prefix : "final", group);
}

/* The unweighted mean over the groups, each sum divided by their number at the end, as
 * numpy.mean and sum() / len() do. */
static void add_mean(struct input *input, const struct statistic *statistic, const char *prefix)
{
    double sum = 0, n_groups = (double)input->n_groups;
    size_t n = 0;
    estimate_forget_kept(&input->estimator);
    for (size_t i = 0; i < input->n_groups; i++) {
        struct counts counts = count(input, input->groups[i]);
        double value = statistic->value(input, &counts);
        gather(input, statistic, input->groups[i]);
        n += n_all(&counts);
        if (!isnan(value) && !statistic->is_fixed)
            estimate_keep(&input->estimator, value, 1 / n_groups);
        sum += value;
    }
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s/%s", prefix, statistic->name);
    double value = sum / n_groups;
    struct score *score = estimate_mean(&input->estimator, name, value);
    if (score && (!statistic->is_rate || statistic->is_fixed))
        score->n = n;
    if (isnan(value))
        add_note(input, score, "undefined in a group");
}

/* Groups in TRI's order of splits first, then as they come. */
static enum status find_groups(struct input *input, struct error *err)
{
    static const char *const first[] = {"adversarial", "popular", "random"};
    const size_t n_first = sizeof first / sizeof first[0];
    for (size_t pass = 0; pass <= n_first; pass++) {
        for (size_t i = 0; i < input->set->n_samples; i++) {
            const char *group = input->set->samples[i].group;
            if (!group || (pass < n_first && strcmp(group, first[pass]) != 0))
                continue;
            bool known = false;
            for (size_t g = 0; g < input->n_groups; g++)
                known |= strcmp(input->groups[g], group) == 0;
            if (known)
                continue;
            if (input->n_groups == MAX_GROUPS)
                return fail(err, STATUS_UNSUPPORTED, "more than %d groups of yes/no questions",
                            MAX_GROUPS);
            input->groups[input->n_groups++] = group;
        }
    }
    return STATUS_OK;
}

/* A mean over fewer groups than POPE has is not the published one. */
static void note_missing_groups(struct input *input, size_t first_score)
{
    const struct dataset *set = input->set;
    bool is_v2 = set->variant && strcmp(set->variant, "v2") == 0; /* which has no splits */
    if (strcmp(set->kind->name, "pope") != 0 || is_v2 || input->n_groups >= 3)
        return;
    for (size_t i = first_score; i < input->table->n_scores; i++)
        add_note(input, &input->table->scores[i],
                 arena_printf(input->table->arena, "over %zu of 3 splits", input->n_groups));
}

static void add_all(struct input *input)
{
    for (size_t i = 0; i < input->n_groups; i++)
        add_group(input, input->groups[i], input->groups[i]);
    size_t first_mean = input->table->n_scores;
    for (size_t i = 0; i < N_STATISTICS && input->n_groups > 0; i++)
        add_mean(input, &statistics[i],
                 i == ACCURACY && input->options->has_final ? "final" : "mean");
    note_missing_groups(input, first_mean);
    add_group(input, "pooled", NULL);
}

enum status yes_no_scores(const struct dataset *set, const enum yes_no *says, const double *p_yes,
                          const bool *is_unparsed, const struct yes_no_options *options,
                          struct score_table *table, struct error *err)
{
    struct input input = {.set = set,
                          .says = says,
                          .p_yes = p_yes,
                          .is_unparsed = is_unparsed,
                          .options = options,
                          .table = table};
    enum status status = find_groups(&input, err);
    if (!status)
        status = estimator_init(&input.estimator, set, table, options->scale, err);
    if (status)
        return status;
    input.ranked = arena_alloc(&input.estimator.arena, set->n_samples, sizeof *input.ranked);
    if (input.ranked)
        add_all(&input);
    if (!input.ranked || arena_failed(table->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    estimator_release(&input.estimator);
    return status;
}
