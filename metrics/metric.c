#include "metrics/metric.h"

#include "metrics/choice.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const struct metric *metric_find(const char *name)
{
    for (size_t i = 0; metrics[i]; i++)
        if (strcmp(metrics[i]->name, name) == 0)
            return metrics[i];
    return NULL;
}

enum status metric_of(const struct protocol *protocol, const struct metric **out, struct error *err)
{
    *out = metric_find(protocol->metric);
    if (*out && (*out)->needs_choices && protocol->n_choices < 2)
        return fail(err, STATUS_MISMATCH, "%s: the metric %s needs choices, the protocol has none",
                    protocol->name, protocol->metric);
    if (*out)
        return STATUS_OK;
    char known[600] = "";
    for (size_t i = 0; metrics[i]; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", metrics[i]->name);
    }
    return fail(err, STATUS_NOT_FOUND, "%s: there is no metric '%s'; there is: %s", protocol->name,
                protocol->metric, known);
}

/* An answer must hold what the metric reads. */
static enum status check_answers(const struct metric *metric, const struct dataset *set,
                                 const struct protocol *protocol,
                                 const struct prediction *predictions, size_t *n_failed,
                                 struct error *err)
{
    *n_failed = 0;
    for (size_t i = 0; i < set->n_samples; i++) {
        const struct prediction *prediction = &predictions[i];
        if (prediction->failure)
            *n_failed += 1;
        else if (metric->needs_choices ? !prediction->probabilities : !prediction->text)
            return fail(err, STATUS_MISMATCH,
                        "%s: the answer to %s has no %s, which the metric %s reads", protocol->name,
                        set->samples[i].id, metric->needs_choices ? "probabilities" : "text",
                        metric->name);
    }
    return STATUS_OK;
}

static enum status score_into(const struct dataset *set, const struct protocol *protocol,
                              const struct prediction *predictions, bool is_plain,
                              struct arena *arena, struct score_table *table, struct error *err)
{
    const struct metric *metric = NULL;
    size_t n_failed = 0;
    enum status status = metric_of(protocol, &metric, err);
    if (!status)
        status = check_answers(metric, set, protocol, predictions, &n_failed, err);
    if (status)
        return status;
    *table = (struct score_table){.n_samples = set->n_samples,
                                  .n_failed = n_failed,
                                  .n_images = set->n_images,
                                  .is_plain = is_plain,
                                  .arena = arena};
    status = metric->score(set, protocol, predictions, table, err);
    if (!status && arena_failed(arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while scoring %s", protocol->name);
    if (status)
        return status;
    const struct score *headline = score_find(table, protocol->headline);
    if (!headline)
        return fail(err, STATUS_MISMATCH, "%s: the metric %s gives no score '%s', the headline",
                    protocol->name, metric->name, protocol->headline);
    table->headline = (size_t)(headline - table->scores);
    return STATUS_OK;
}

enum status score_predictions(const struct dataset *set, const struct protocol *protocol,
                              const struct prediction *predictions, struct arena *arena,
                              struct score_table *table, struct error *err)
{
    return score_into(set, protocol, predictions, false, arena, table, err);
}

enum status score_plainly(const struct dataset *set, const struct protocol *protocol,
                          const struct prediction *predictions, struct arena *arena,
                          struct score_table *table, struct error *err)
{
    return score_into(set, protocol, predictions, true, arena, table, err);
}

struct score *score_add(struct score_table *table, const char *name, double value, double scale,
                        size_t n)
{
    if (table->n_scores == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 32;
        struct score *more = arena_alloc(table->arena, capacity, sizeof *more);
        if (!more)
            return NULL;
        if (table->n_scores > 0)
            memcpy(more, table->scores, table->n_scores * sizeof *more);
        table->scores = more;
        table->capacity = capacity;
    }
    const char *copy = arena_string(table->arena, name);
    if (!copy)
        return NULL;
    struct score *score = &table->scores[table->n_scores++];
    *score = (struct score){.name = copy,
                            .value = value,
                            .scale = scale,
                            .n = n,
                            .low = NAN,
                            .high = NAN,
                            .interval = INTERVAL_NONE};
    return score;
}

const struct score *score_find(const struct score_table *table, const char *name)
{
    for (size_t i = 0; i < table->n_scores; i++)
        if (strcmp(table->scores[i].name, name) == 0)
            return &table->scores[i];
    return NULL;
}

double metric_credit(const struct metric *metric, const struct sample *sample,
                     const struct protocol *protocol, const struct prediction *prediction)
{
    if (metric->credit)
        return metric->credit(sample, protocol, prediction);
    return metric->correct(sample, protocol, prediction) == 1 ? 1 : 0;
}

void metric_add_reading(const struct metric *metric, const struct protocol *protocol,
                        const struct prediction *prediction, struct text *out)
{
    if (prediction->failure)
        return;
    if (metric->needs_choices)
        text_add(out,
                 protocol->choices[choice_argmax(prediction->probabilities, protocol->n_choices)]);
    else if (metric->read)
        metric->read(protocol, prediction->text, out);
    else
        text_add(out, prediction->text);
}
