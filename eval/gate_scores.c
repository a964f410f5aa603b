/* eval/gate_scores.c - a finished run's scores against a baseline's. */
#include "engine/base/json.h"
#include "eval/compare.h"
#include "eval/gate.h"
#include "eval/gate_credits.h"
#include "metrics/intervals.h"
#include "metrics/power.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double Z = 1.959963984540054;
/* Scorers round what they report: to 0.01 of 100. */
static const double SAME = 6e-5;

static const char by_permutation[] = "paired permutation by image";
static const char by_intervals[] = "intervals of the two, unpaired";
static const char by_interval[] = "the value's 95 % interval";
static const char by_value[] = "the value alone: it has no interval";

/* A metric on one side, as a share of a perfect score. */
struct share {
    bool is_there;
    double value, low, high; /* low, high: NAN without an interval */
    size_t n;
};

/* The run at hand and what it is held against. */
struct held {
    const struct run_record *run;
    const struct run_answers *answers;
    struct score credit;
    const cJSON *recorded; /* NULL: nothing */
    const char *place;     /* of the baseline's entry, for errors */
    bool is_paired;
    double credit_before; /* mean over the samples; NAN where it is not paired */
    struct paired_difference difference;
    struct permutation permutation;
};

static struct share share_of(const struct score *score)
{
    return (struct share){true, score->value / score->scale, score->low / score->scale,
                          score->high / score->scale, score->n};
}

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while gating");
}

/* Of credits that are all alike the cluster interval has no width: as metrics/estimate.c, then the
 * Wilson interval of as many samples as images. */
static struct interval credit_interval(const struct run_answers *answers, double *influence,
                                       double *sums)
{
    size_t n = answers->task.set.n_samples;
    if (answers->credit <= 0 || answers->credit >= 1)
        return interval_wilson(answers->credit * (double)answers->n_images, answers->n_images);
    for (size_t i = 0; i < n; i++)
        influence[i] = (answers->credits[i] - answers->credit) / (double)n;
    return interval_cluster(answers->credit, influence, answers->image, n, sums, answers->n_images);
}

enum status gate_credit_score(const struct run_answers *answers, struct score *score,
                              struct error *err)
{
    size_t n = answers->task.set.n_samples;
    double *work = calloc(n + answers->n_images, sizeof *work);
    if (!work)
        return no_memory(err);
    struct interval interval = credit_interval(answers, work, work + n);
    *score = (struct score){.name = GATE_CREDIT,
                            .value = answers->credit,
                            .scale = 1,
                            .n = n,
                            .low = isnan(interval.low) ? interval.low : fmax(0, interval.low),
                            .high = isnan(interval.high) ? interval.high : fmin(1, interval.high),
                            .interval = INTERVAL_CLUSTER};
    free(work);
    return STATUS_OK;
}

enum status gate_open_answers(struct gate *gate, const struct run_record *run,
                              struct run_answers *answers, struct error *err)
{
    enum status status = run_answers_open(answers, run->path, gate->options->pairing.data, err);
    if (status)
        return status;
    const struct dataset *set = &answers->task.set;
    size_t n_failed = 0, n_correct = 0;
    for (size_t i = 0; i < set->n_samples; i++) {
        const struct prediction *prediction = &answers->predictions[i];
        n_failed += prediction->failure != NULL;
        n_correct +=
            answers->metric->correct(&set->samples[i], &answers->task.protocol, prediction) == 1;
    }
    if (n_failed > 0 || run->n_failed > 0) {
        gate->is_incomplete = true;
        status = fail(err, STATUS_MISMATCH,
                      "%s: %zu of %zu samples failed; run it again until none does", run->path,
                      n_failed > run->n_failed ? n_failed : run->n_failed, set->n_samples);
    } else if (!isfinite(run_headline(run)->value)) {
        status = fail(err, STATUS_MISMATCH, "%s: the score %s is not a number", run->path,
                      run_headline(run)->name);
    } else if (run->has_correct && run->n_correct != n_correct) {
        status = fail(err, STATUS_MISMATCH,
                      "%s: scores.json is not that of the predictions beside it; mambench score %s",
                      run->path, run->path);
    }
    if (status)
        run_answers_close(answers);
    return status;
}

static enum status find_now(const struct held *held, const char *metric, struct share *out,
                            struct error *err)
{
    const struct run_record *run = held->run;
    if (strcmp(metric, GATE_CREDIT) == 0) {
        *out = share_of(&held->credit);
        return STATUS_OK;
    }
    for (size_t i = 0; i < run->n_scores; i++) {
        const struct score *score = &run->scores[i];
        if (!score->name || strcmp(score->name, metric) != 0)
            continue;
        if (!(score->scale > 0))
            return fail(err, STATUS_MISMATCH, "%s: %s is a count, which has no floor and no drop",
                        held->place, metric);
        if (!isfinite(score->value))
            return fail(err, STATUS_MISMATCH, "%s: the score %s is not a number", run->path,
                        metric);
        *out = share_of(score);
        return STATUS_OK;
    }
    const char *names[64];
    size_t n = 0;
    for (size_t i = 0; i < run->n_scores && n < 64; i++)
        if (run->scores[i].name)
            names[n++] = run->scores[i].name;
    const char *near = closest_name(metric, names, n);
    return fail(err, STATUS_MISMATCH, "%s: %s has no score '%s'%s%s%s", held->place, run->path,
                metric, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static enum status find_before(const struct held *held, const char *metric, struct share *out,
                               struct error *err)
{
    const cJSON *score = json_find(json_find(held->recorded, "scores"), metric);
    *out = (struct share){false, (double)NAN, (double)NAN, (double)NAN, 0};
    if (!score)
        return STATUS_OK;
    double scale = json_number_or(score, "scale", 1);
    *out = (struct share){true, json_number_or(score, "value", (double)NAN) / scale,
                          json_number_or(score, "low", (double)NAN) / scale,
                          json_number_or(score, "high", (double)NAN) / scale,
                          (size_t)fmax(0, json_number_or(score, "n", 0))};
    if (!(scale > 0) || isinf(scale) || out->low > out->value || out->high < out->value ||
        !(out->value >= -SAME && out->value <= 1 + SAME))
        return fail(err, STATUS_BAD_FORMAT, "%s: the recorded %s is not a share of its scale",
                    held->place, metric);
    return STATUS_OK;
}

/* The interval's wider half: the other may have been cut off at 0 or 1. */
static double half_of(const struct share *share)
{
    return fmax(share->high - share->value, share->value - share->low);
}

/* below: how far beyond the bound the value lies. */
static void decide_bound(struct check *check, const struct share *now, double below)
{
    double half = half_of(now);
    check->test.excess = 100 * below;
    check->method = isnan(half) ? by_value : by_interval;
    check->test.p = isnan(half) ? (double)NAN : below > 0 ? gate_normal_p(below, half / Z) : 1;
    check->n = now->n;
}

static bool is_credit(double share, double credit)
{
    return fabs(share - credit) < SAME;
}

static void decide_drop(struct check *check, const struct held *held, const struct share *before,
                        const struct share *now)
{
    bool is_named = strcmp(check->metric, GATE_CREDIT) == 0;
    double error;
    check->n = now->n;
    check->test.excess = 100 * (before->value - now->value) - check->limit;
    if (held->is_paired && (is_named || (is_credit(now->value, held->answers->credit) &&
                                         is_credit(before->value, held->credit_before)))) {
        check->method = by_permutation;
        check->test.p = held->permutation.p;
        check->n_images = held->difference.n_images;
        error = held->difference.error;
    } else {
        error = hypot(half_of(before), half_of(now)) / Z;
        check->method = by_intervals;
        if (isnan(error)) {
            check->test.is_impossible = check->test.excess > 0;
            check->obstacle = check->test.excess > 0 ? "one of the two has no interval" : NULL;
            check->test.p = (double)NAN;
        } else {
            check->test.p = gate_normal_p(before->value - now->value, error);
        }
    }
    check->detectable = error > 0 ? 100 * power_detectable(error) : (double)NAN;
}

static struct check *begin(struct gate *gate, const struct held *held, const char *metric,
                           const char *rule, double limit, double before, double now)
{
    struct check *check = gate_add_check(gate, held->run->protocol, metric, rule, limit);
    if (check) {
        check->unit = "%";
        check->before = 100 * before;
        check->now = 100 * now;
        check->n_images = held->run->n_images;
    }
    return check;
}

static enum status add_metric(struct gate *gate, const struct held *held, const char *metric,
                              const struct gate_rules *rules, struct error *err)
{
    struct share now = {0}, before = {0};
    struct check *check;
    enum status status = find_now(held, metric, &now, err);
    if (!status)
        status = find_before(held, metric, &before, err);
    if (status)
        return status;
    if (!isnan(rules->allowed_drop) && !before.is_there)
        return fail(err, STATUS_MISMATCH,
                    "%s: allowed_drop of %s needs what --update records, and nothing is recorded "
                    "of it",
                    held->place, metric);
    if (!isnan(rules->floor)) {
        check = begin(gate, held, metric, "floor", 100 * rules->floor, before.value, now.value);
        if (check)
            decide_bound(check, &now, rules->floor - now.value);
    }
    if (!isnan(rules->ceiling)) {
        check = begin(gate, held, metric, "ceiling", 100 * rules->ceiling, before.value, now.value);
        if (check)
            decide_bound(check, &now, now.value - rules->ceiling);
    }
    if (!isnan(rules->allowed_drop)) {
        check =
            begin(gate, held, metric, "allowed_drop", rules->allowed_drop, before.value, now.value);
        if (check)
            decide_drop(check, held, &before, &now);
    }
    return arena_failed(&gate->arena) ? no_memory(err) : STATUS_OK;
}

static enum status differs(const struct held *held, const char *what, const char *cure,
                           struct error *err)
{
    return fail(err, STATUS_MISMATCH, "%s: %s is on other %s than the baseline; %s", held->place,
                held->run->path, what, cure);
}

static bool is_same_text(const struct held *held, const char *key, const cJSON *object,
                         const char *other)
{
    return strcmp(json_string_or(held->recorded, key, ""), json_string_or(object, other, "?")) == 0;
}

/* The run must answer what was recorded. */
static enum status check_recorded(struct gate *gate, const struct held *held, bool *same_samples,
                                  struct error *err)
{
    const struct pairing_options *may = &gate->options->pairing;
    const cJSON *manifest = held->answers->manifest;
    const cJSON *data = json_find(json_find(manifest, "data"), "sha256");
    struct sha256_text hash = gate_samples_hash(&held->answers->task.set);
    const char *hash_now = held->answers->task.protocol.hash;
    *same_samples =
        hash.hex[0] && strcmp(hash.hex, json_string_or(held->recorded, "samples_sha256", "")) == 0;
    if (strcmp(json_string_or(held->recorded, "protocol_sha256", ""), hash_now) != 0)
        return differs(held, "protocol's file",
                       "its scores cannot be compared: mambench gate --update", err);
    if (!may->other_data && !cJSON_Compare(json_find(held->recorded, "data_sha256"), data, 1))
        return differs(held, "annotation files", "--allow-different-data gates all the same", err);
    if (!may->other_samples && !*same_samples)
        return differs(held, "samples", "--allow-different-samples gates all the same, unpaired",
                       err);
    if (!may->other_prompts && *same_samples && /* the hash is one of all prompts */
        !is_same_text(held, "prompts_sha256", json_find(manifest, "prompts"), "sha256"))
        return differs(held, "prompts", "--allow-different-prompts gates all the same", err);
    return STATUS_OK;
}

static void note_differences(struct gate *gate, const struct held *held)
{
    static const char *const keys[] = {"precision", "kernels", "matmul"};
    const cJSON *numerics = json_find(held->answers->manifest, "numerics");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *was = json_string_or(held->recorded, keys[i], "none");
        const char *is = json_string_or(numerics, keys[i], "none");
        if (strcmp(was, is) != 0)
            gate_add_note(gate, "%s: %s is %s and was %s", held->run->protocol, keys[i], is, was);
    }
}

/* The recorded credits against the run's. */
static enum status pair_with_recorded(struct gate *gate, struct held *held, struct error *err)
{
    const struct run_answers *answers = held->answers;
    size_t n = answers->task.set.n_samples;
    double *before = NULL, sum = 0;
    bool same_samples;
    enum status status = check_recorded(gate, held, &same_samples, err);
    if (!status && same_samples)
        status = gate_credits_read(held->recorded, n, held->place, &gate->arena, &before, err);
    if (status)
        return status;
    note_differences(gate, held);
    if (!before) {
        gate_add_note(gate, "%s: %s, so that nothing is paired", held->run->protocol,
                      same_samples ? "the baseline holds numbers only"
                                   : "the samples are not those of the baseline");
        return STATUS_OK;
    }
    struct paired_image *images =
        arena_alloc_small(&gate->arena, answers->n_images + 1, sizeof *images);
    if (!images)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        images[answers->image[i]].n += 1;
        images[answers->image[i]].difference += answers->credits[i] - before[i];
        sum += before[i];
    }
    held->is_paired = true;
    held->credit_before = sum / (double)n;
    const cJSON *score = json_find(json_find(held->recorded, "scores"), GATE_CREDIT);
    if (!is_credit(json_number_or(score, "value", (double)NAN), held->credit_before))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: the recorded credit is not the mean of the recorded credits", held->place);
    held->difference = paired_difference(images, answers->n_images);
    return paired_permutation(images, answers->n_images, gate->options->n_draws,
                              gate->options->seed, &held->permutation, err);
}

enum status gate_add_scores(struct gate *gate, const struct gate_file *file, const cJSON *entry,
                            const struct run_record *run, struct error *err)
{
    struct run_answers answers;
    const cJSON *check;
    struct held held = {.run = run,
                        .answers = &answers,
                        .recorded = json_find(entry, "recorded"),
                        .place = arena_printf(&gate->arena, "%s: %s", file->path, entry->string),
                        .credit_before = (double)NAN};
    if (!held.place)
        return no_memory(err);
    enum status status = gate_open_answers(gate, run, &answers, err);
    if (status)
        return status;
    status = gate_credit_score(&answers, &held.credit, err);
    if (!status && held.recorded)
        status = pair_with_recorded(gate, &held, err);
    cJSON_ArrayForEach(check, json_find(entry, "checks"))
    {
        struct gate_rules rules = gate_rules_of(check);
        const char *metric = arena_string(&gate->arena, check->string);
        if (!status)
            status = metric ? add_metric(gate, &held, metric, &rules, err) : no_memory(err);
    }
    run_answers_close(&answers);
    return status;
}

enum status gate_add_pair(struct gate *gate, const struct run_record *base,
                          const struct run_record *run, struct error *err)
{
    struct run_answers first, second;
    struct comparison pair = {.runs = {base, run}};
    const struct gate_options *options = gate->options;
    const struct compare_options compare = {
        .pairing = options->pairing, .n_draws = options->n_draws, .seed = options->seed};
    enum status status = gate_open_answers(gate, base, &first, err);
    if (status)
        return status;
    status = gate_open_answers(gate, run, &second, err);
    if (!status) {
        status = compare_pair(&pair, &first, &second, &compare, &gate->arena, err);
        run_answers_close(&second);
    }
    run_answers_close(&first);
    if (status)
        return status;
    struct check *check = gate_add_check(gate, arena_string(&gate->arena, run->protocol),
                                         GATE_CREDIT, "allowed_drop", options->allowed_drop);
    if (!check)
        return no_memory(err);
    check->unit = "%";
    check->before = 100 * pair.credits[0];
    check->now = 100 * pair.credits[1];
    check->n = pair.n;
    check->n_images = pair.n_images;
    check->method = by_permutation;
    check->detectable = 100 * pair.detectable;
    check->test.excess = -100 * pair.difference.mean - options->allowed_drop;
    check->test.p = pair.permutation.p;
    if (pair.caution)
        gate_add_note(gate, "%s: the runs differ in %s", run->protocol, pair.caution);
    return STATUS_OK;
}
