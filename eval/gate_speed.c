/* eval/gate_speed.c - a profile's times and bytes against a baseline's. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "eval/gate.h"
#include "metrics/latency.h"
#include "metrics/mcnemar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Metrics in ns per run, and single numbers of bytes: the profile's field, and our name. */
static const char *const time_names[] = {"ttft_ms", "tpot_ms", "e2e_ms"};
enum { TTFT, TPOT, E2E, N_TIMES };
static const struct {
    const char *field, *name;
} byte_rows[] = {
    {"weight_bytes", "weights_mib"}, {"activation_bytes", "activations_mib"},
    {"state_bytes", "state_mib"},    {"kv_bytes", "kv_mib"},
    {"peak_rss", "peak_mib"},
};
enum { N_BYTES = sizeof byte_rows / sizeof byte_rows[0] };

/* The fingerprint of a machine: facts of the profile, then of its row. */
static const char *const fact_names[] = {"cpu", "cores", "system", "governor", "CPU quota"};
static const char *const row_names[] = {"kernels", "matmul"};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while reading a profile");
}

/* Nanoseconds of one run; NAN where it has no such time. */
static double run_time(const cJSON *run, int which)
{
    const cJSON *gaps = json_find(run, "gaps"), *gap;
    double sum = 0, n = 0;
    if (which != TPOT)
        return json_number_or(run, which == TTFT ? "ttft" : "e2e", (double)NAN);
    cJSON_ArrayForEach(gap, gaps)
    {
        sum += cJSON_IsNumber(gap) ? gap->valuedouble : (double)NAN;
        n += 1;
    }
    return n > 0 ? sum / n : (double)NAN;
}

static bool add_times(cJSON *facts, const cJSON *row)
{
    const cJSON *run;
    for (int which = 0; which < N_TIMES; which++) {
        cJSON *list = cJSON_AddArrayToObject(facts, time_names[which]);
        cJSON_ArrayForEach(run, json_find(row, "runs_ns"))
        {
            double ns = run_time(run, which);
            cJSON *item = isfinite(ns) ? cJSON_CreateNumber(round(ns) / 1e6) : NULL;
            if (!list || (isfinite(ns) && (!item || !cJSON_AddItemToArray(list, item))))
                return false;
        }
    }
    return true;
}

static bool add_machine(cJSON *facts, const cJSON *root, const cJSON *row)
{
    cJSON *machine = cJSON_AddObjectToObject(facts, "machine");
    bool ok = machine != NULL;
    for (size_t i = 0; i < sizeof fact_names / sizeof fact_names[0]; i++)
        ok = ok && cJSON_AddStringToObject(
                       machine, fact_names[i],
                       json_string_or(json_find(root, "machine"), fact_names[i], "unknown"));
    for (size_t i = 0; i < sizeof row_names / sizeof row_names[0]; i++)
        ok = ok && cJSON_AddStringToObject(machine, row_names[i],
                                           json_string_or(row, row_names[i], "unknown"));
    return ok;
}

/* What a baseline records of a profile's row. */
static cJSON *facts_of(const cJSON *root, const cJSON *row)
{
    cJSON *facts = cJSON_CreateObject();
    bool ok =
        facts && cJSON_AddStringToObject(facts, "mambench", json_string_or(root, "mambench", "")) &&
        cJSON_AddStringToObject(facts, "measured", json_string_or(root, "measured", "")) &&
        cJSON_AddStringToObject(facts, "model_sha256", json_string_or(row, "model_sha256", "")) &&
        cJSON_AddStringToObject(facts, "profile", json_string_or(row, "verdict", "unknown")) &&
        add_machine(facts, root, row) && add_times(facts, row);
    for (size_t i = 0; i < N_BYTES && ok; i++) {
        double bytes = json_number_or(row, byte_rows[i].field, (double)NAN);
        ok = isnan(bytes) || cJSON_AddNumberToObject(facts, byte_rows[i].name, bytes / (1 << 20));
    }
    if (ok)
        return facts;
    cJSON_Delete(facts);
    return NULL;
}

static const char *label_of(const cJSON *row, struct arena *arena)
{
    const char *scenario = json_string_or(row, "scenario", NULL);
    return arena_printf(arena, "%s %s%s%s, %d threads, batch %d, depth %d, %d + %d rows, %d new",
                        path_name(json_string_or(row, "model_filename", "?")),
                        json_string_or(row, "precision", "?"), scenario ? " " : "",
                        scenario ? scenario : "", json_int_or(row, "n_threads", 0),
                        json_int_or(row, "batch", 0), json_int_or(row, "n_depth", 0),
                        json_int_or(row, "image_tokens", 0), json_int_or(row, "prompt_tokens", 0),
                        json_int_or(row, "new_tokens", 0));
}

static enum status add_row(struct gate *gate, struct gate_side *side, const char *path,
                           const cJSON *root, const cJSON *row, struct error *err)
{
    const char *error = json_string_or(row, "error", NULL);
    const char *label = label_of(row, &side->arena);
    if (!label)
        return no_memory(err);
    if (error) {
        gate->is_incomplete = true;
        return fail(err, STATUS_MISMATCH, "%s: %s was not measured: %s", path, label, error);
    }
    for (size_t i = 0; i < side->n_speeds; i++)
        if (strcmp(side->speeds[i].label, label) == 0)
            return fail(err, STATUS_MISMATCH, "%s and %s both measured %s", side->speeds[i].path,
                        path, label);
    if (side->n_speeds == side->capacity) {
        size_t capacity = side->capacity ? 2 * side->capacity : 16;
        struct gate_speed *larger = arena_alloc_small(&side->arena, capacity, sizeof *larger);
        if (!larger)
            return no_memory(err);
        if (side->n_speeds > 0)
            memcpy(larger, side->speeds, side->n_speeds * sizeof *larger);
        side->speeds = larger;
        side->capacity = capacity;
    }
    cJSON *facts = facts_of(root, row);
    if (!facts)
        return no_memory(err);
    side->speeds[side->n_speeds++] = (struct gate_speed){label, facts, path};
    return STATUS_OK;
}

enum status gate_speeds_read(struct gate *gate, struct gate_side *side, const char *path,
                             struct error *err)
{
    cJSON *root;
    const cJSON *rows, *row;
    enum status status = json_read(&root, path, err);
    if (status)
        return status;
    if (fabs(json_number_or(root, "profile", 0) - 1) > 0)
        status = fail(err, STATUS_BAD_FORMAT,
                      "%s is not a profile of this mambench: measure it again", path);
    if (!status)
        status = json_get_array(root, "rows", path, &rows, err);
    if (!status)
        cJSON_ArrayForEach(row, rows) if (!status) status =
            add_row(gate, side, path, root, row, err);
    cJSON_Delete(root);
    return status;
}

/* "cpu is A and was B, ...", in the arena; NULL where the machine is the same. */
static const char *other_machine(const cJSON *before, const cJSON *now, struct arena *arena)
{
    const cJSON *was = json_find(before, "machine"), *is = json_find(now, "machine"), *fact;
    const char *result = NULL;
    if (!was)
        return "no machine is recorded: mambench gate --update";
    cJSON_ArrayForEach(fact, is)
    {
        const char *old = json_string_or(was, fact->string, "unknown");
        if (strcmp(old, fact->valuestring) != 0)
            result = arena_printf(arena, "%s%s%s is %s and was %s", result ? result : "",
                                  result ? ", " : "", fact->string, fact->valuestring, old);
    }
    return result ? arena_printf(arena,
                                 "another machine: %s; mambench gate --ab measures both sides here",
                                 result)
                  : NULL;
}

/* Raw values of a metric: times of all runs, or one number of bytes. */
struct values {
    double *items; /* [n] */
    size_t n;
    bool is_bytes;
    double median;
};

static enum status read_values(struct values *values, const cJSON *facts, const char *metric,
                               struct arena *arena, struct error *err)
{
    const cJSON *list = json_find(facts, metric), *item;
    size_t n = 0;
    *values = (struct values){.is_bytes = cJSON_IsNumber(list), .median = (double)NAN};
    if (!list)
        return STATUS_OK;
    cJSON_ArrayForEach(item, list) n++;
    values->items = arena_alloc_small(arena, 2 * n + 2, sizeof *values->items);
    if (!values->items)
        return no_memory(err);
    if (values->is_bytes) {
        if (!(list->valuedouble >= 0))
            return fail(err, STATUS_BAD_FORMAT, "a recorded %s is negative", metric);
        values->items[values->n++] = list->valuedouble;
    }
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsNumber(item) || !(item->valuedouble > 0))
            return fail(err, STATUS_BAD_FORMAT, "a recorded %s is not a positive number", metric);
        values->items[values->n++] = item->valuedouble;
    }
    if (values->n > 0)
        values->median = latency_median(values->items, values->n, values->items + values->n);
    return STATUS_OK;
}

static bool is_time(const char *metric)
{
    return text_ends_with(metric, "_ms");
}

/* p of the sign test that the median is the bound. */
static void decide_most(struct check *check, const struct values *now, double most)
{
    size_t over = 0;
    for (size_t i = 0; i < now->n; i++)
        over += now->items[i] > most;
    check->test.excess = now->median - most;
    check->test.p = now->is_bytes ? (double)NAN : mcnemar_exact(over, now->n - over);
    check->method = now->is_bytes ? "the number itself" : "sign test of all runs";
}

static enum status decide_rise(struct check *check, const struct values *before,
                               const struct values *now, double allowed, struct error *err)
{
    size_t n = before->n + now->n;
    double rise = before->median > 0 ? 100 * (now->median / before->median - 1)
                  : now->median > 0  ? INFINITY
                                     : 0;
    check->test.excess = rise - allowed;
    check->test.p = (double)NAN;
    check->method = "the number itself";
    if (now->is_bytes)
        return STATUS_OK;
    double *work = calloc(3 * n + 1, sizeof *work);
    int *group = calloc(n + 1, sizeof *group);
    if (work && group) {
        for (size_t i = 0; i < n; i++) {
            group[i] = i >= before->n;
            work[i] = group[i] ? now->items[i - before->n] : before->items[i];
        }
        check->test.p = latency_blocks_p(work, group, n, 2, work + n);
        check->method = "ranks of all runs (Kruskal-Wallis)";
    }
    bool failed = !work || !group;
    free(work);
    free(group);
    return failed ? no_memory(err) : STATUS_OK;
}

/* recorded: what the times are held against; NULL: a bound.  A noisy one could hide a rise. */
static void finish(struct check *check, const struct values *now, const cJSON *facts,
                   const cJSON *recorded, const char *machine, struct arena *arena)
{
    const char *profile = json_string_or(facts, "profile", "unknown");
    const char *before = json_string_or(recorded, "profile", "ok");
    check->n = now->n;
    check->obstacle = machine;
    if (!machine && !now->is_bytes && strcmp(before, "ok") != 0)
        check->obstacle =
            arena_printf(arena,
                         "the recorded profile calls itself %s; mambench gate --ab measures "
                         "both sides here",
                         before);
    if (!check->obstacle && check->test.excess > 0 && !now->is_bytes && strcmp(profile, "ok") != 0)
        check->obstacle = arena_printf(
            arena, "the profile calls itself %s; mambench gate --ab measures both sides here",
            profile);
    check->test.is_impossible = check->obstacle != NULL;
}

static enum status add_metric(struct gate *gate, const char *label, const cJSON *check,
                              const cJSON *before, const cJSON *now, struct error *err)
{
    const char *metric = arena_string(&gate->arena, check->string);
    const char *machine = other_machine(before, now, &gate->arena);
    struct gate_rules rules = gate_rules_of(check);
    struct values was = {0}, is = {0};
    if (!metric)
        return no_memory(err);
    enum status status = read_values(&is, now, metric, &gate->arena, err);
    if (!status)
        status = read_values(&was, before, metric, &gate->arena, err);
    if (!status && is.n == 0)
        status = fail(err, STATUS_MISMATCH, "%s: nothing called '%s' was measured", label, metric);
    if (!status && !isnan(rules.allowed_rise) && was.n == 0)
        status = fail(err, STATUS_MISMATCH,
                      "%s: allowed_rise of %s needs what --update records, and nothing is recorded "
                      "of it",
                      label, metric);
    if (!status && !isnan(rules.most)) {
        struct check *most = gate_add_check(gate, label, metric, "most", rules.most);
        if (!most)
            return no_memory(err);
        decide_most(most, &is, rules.most);
        most->unit = is_time(metric) ? "ms" : "MiB";
        most->before = was.median;
        most->now = is.median;
        finish(most, &is, now, NULL, machine, &gate->arena);
    }
    if (!status && !isnan(rules.allowed_rise)) {
        struct check *rise =
            gate_add_check(gate, label, metric, "allowed_rise", rules.allowed_rise);
        if (!rise)
            return no_memory(err);
        status = decide_rise(rise, &was, &is, rules.allowed_rise, err);
        rise->unit = is_time(metric) ? "ms" : "MiB";
        rise->before = was.median;
        rise->now = is.median;
        finish(rise, &is, now, before, machine, &gate->arena);
    }
    return status;
}

enum status gate_add_speed(struct gate *gate, const char *label, const cJSON *checks,
                           const cJSON *before, const cJSON *now, struct error *err)
{
    const cJSON *check;
    enum status status = STATUS_OK;
    const char *copy = arena_string(&gate->arena, label);
    if (!copy)
        return no_memory(err);
    cJSON_ArrayForEach(check, checks) if (!status) status =
        add_metric(gate, copy, check, before, now, err);
    return status;
}
