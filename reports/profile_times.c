#include "reports/profile_times.h"

#include "engine/base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *profile_latency_name(enum profile_latency latency)
{
    static const char *const names[PROFILE_LATENCIES] = {
        [PROFILE_LATENCY_TTFT] = "TTFT",
        [PROFILE_LATENCY_TPOT] = "TPOT",
        [PROFILE_LATENCY_E2E] = "E2E",
    };
    return names[latency];
}

bool profile_times_looks_like(const char *data, size_t length)
{
    const char *key = "\"build_commit\"";
    return length > 0 && memmem(data, length, key, strlen(key)) != NULL;
}

static enum status no_memory(const char *place, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", place);
}

static const char *copy_text(const cJSON *object, const char *key, struct arena *arena)
{
    return arena_string(arena, json_string_or(object, key, NULL));
}

static void read_configuration(struct profile_times *row, const cJSON *object, struct arena *arena)
{
    *row = (struct profile_times){
        .model = arena_string(arena, json_string_or(object, "model_filename", "")),
        .sha256 = copy_text(object, "model_sha256", arena),
        .precision = arena_string(arena, json_string_or(object, "precision", "")),
        .scenario = copy_text(object, "scenario", arena),
        .depth = json_int_or(object, "n_depth", 0),
        .threads = json_int_or(object, "n_threads", 0),
        .batch = json_int_or(object, "batch", 1),
        .image_tokens = json_int_or(object, "image_tokens", 0),
        .prompt_tokens = json_int_or(object, "prompt_tokens", 0),
        .new_tokens = json_int_or(object, "new_tokens", 0),
        .timed_stages = json_bool_or(object, "timed_stages", false),
    };
}

/* A time is a positive number; what else stands there is damage. */
static enum status check_time(double ns, const char *what, const char *place, struct error *err)
{
    return ns > 0 && isfinite(ns)
               ? STATUS_OK
               : fail(err, STATUS_BAD_FORMAT, "%s: a %s is no positive number", place, what);
}

/* "samples_ns": [1, 2, ...]; an optional one that is not there stays NULL. */
static enum status read_array(struct profile_times *row, enum profile_latency latency,
                              const cJSON *object, const char *key, const char *place,
                              struct arena *arena, struct error *err)
{
    const cJSON *values = json_find(object, key), *value;
    size_t n = 0;
    if (!cJSON_IsArray(values))
        return STATUS_OK;
    double *ns = arena_alloc_small(arena, (size_t)cJSON_GetArraySize(values) + 1, sizeof *ns);
    if (!ns)
        return no_memory(place, err);
    cJSON_ArrayForEach(value, values)
    {
        ns[n] = cJSON_IsNumber(value) ? value->valuedouble : (double)NAN;
        enum status status = check_time(ns[n++], key, place, err);
        if (status)
            return status;
    }
    if (latency == PROFILE_LATENCY_E2E)
        row->n = n;
    else if (n != row->n)
        return fail(err, STATUS_BAD_FORMAT, "%s: %zu %s for %zu runs", place, n, key, row->n);
    row->ns[latency] = ns;
    return STATUS_OK;
}

/* Time per token is what lies between the first and the last, by their number less one. */
static double time_per_token(const cJSON *run)
{
    const cJSON *gap, *gaps = json_find(run, "gaps");
    double sum = 0, n = 0;
    cJSON_ArrayForEach(gap, gaps) sum += cJSON_IsNumber(gap) ? gap->valuedouble : (double)NAN, n++;
    return n > 0 ? sum / n : (double)NAN;
}

/* "runs_ns": [{"block": 0, "round": 0, "e2e": ..., "ttft": ..., "gaps": [...]}, ...] */
static enum status read_runs(struct profile_times *row, const cJSON *runs, const char *place,
                             struct arena *arena, struct error *err)
{
    size_t most = (size_t)cJSON_GetArraySize(runs) + 1;
    struct profile_turn *turns = arena_alloc_small(arena, most, sizeof *turns);
    const cJSON *run;
    enum status status = STATUS_OK;
    for (int i = 0; i < PROFILE_LATENCIES; i++)
        row->ns[i] = arena_alloc_small(arena, most, sizeof *row->ns[i]);
    if (arena_failed(arena))
        return no_memory(place, err);
    if (!row->timed_stages)
        row->ns[PROFILE_LATENCY_TTFT] = row->ns[PROFILE_LATENCY_TPOT] = NULL;
    if (row->new_tokens < 2)
        row->ns[PROFILE_LATENCY_TPOT] = NULL;
    cJSON_ArrayForEach(run, runs)
    {
        double ns[PROFILE_LATENCIES] = {
            [PROFILE_LATENCY_TTFT] = json_number_or(run, "ttft", NAN),
            [PROFILE_LATENCY_TPOT] = time_per_token(run),
            [PROFILE_LATENCY_E2E] = json_number_or(run, "e2e", NAN),
        };
        turns[row->n] =
            (struct profile_turn){json_int_or(run, "block", 0), json_int_or(run, "round", 0)};
        for (int i = 0; i < PROFILE_LATENCIES && !status; i++)
            if (row->ns[i]) {
                row->ns[i][row->n] = ns[i];
                status =
                    check_time(ns[i], profile_latency_name((enum profile_latency)i), place, err);
            }
        if (status)
            return status;
        row->n++;
    }
    row->turns = turns;
    return STATUS_OK;
}

static enum status read_row(struct profile_times_list *list, const cJSON *object, const char *place,
                            struct arena *arena, struct error *err)
{
    const char *test = json_string_or(object, "test", "");
    const cJSON *runs = json_find(object, "runs_ns");
    struct profile_times *row = &list->rows[list->n];
    enum status status = STATUS_OK;
    if (strcmp(test, "error") == 0) {
        list->n_errors++;
        return STATUS_OK;
    }
    if (strcmp(test, "question") != 0)
        return STATUS_OK; /* a part of the whole that follows it */
    read_configuration(row, object, arena);
    if (runs) {
        status = read_runs(row, runs, place, arena, err);
    } else {
        status = read_array(row, PROFILE_LATENCY_E2E, object, "samples_ns", place, arena, err);
        if (!status)
            status =
                read_array(row, PROFILE_LATENCY_TTFT, object, "samples_ttft_ns", place, arena, err);
        if (!status)
            status =
                read_array(row, PROFILE_LATENCY_TPOT, object, "samples_tpot_ns", place, arena, err);
    }
    if (!status && row->n == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s: a row has no run", place);
    for (size_t i = 0; !status && i < list->n; i++)
        row->nth += profile_times_match(&list->rows[i], row);
    list->n += !status;
    return status;
}

static enum status read_rows(struct profile_times_list *list, const cJSON *rows, const char *place,
                             struct arena *arena, struct error *err)
{
    const cJSON *object;
    enum status status = STATUS_OK;
    if (!cJSON_IsArray(rows))
        return fail(err, STATUS_BAD_FORMAT, "%s is no profile: it has no rows", place);
    list->rows = arena_alloc_small(arena, (size_t)cJSON_GetArraySize(rows) + 1, sizeof *list->rows);
    if (!list->rows)
        return no_memory(place, err);
    cJSON_ArrayForEach(object, rows)
    {
        status = cJSON_IsObject(object)
                     ? read_row(list, object, place, arena, err)
                     : fail(err, STATUS_BAD_FORMAT, "%s: a row is no object", place);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static void read_facts(struct profile_times_list *list, const cJSON *machine, struct arena *arena)
{
    const cJSON *fact;
    size_t most = machine ? (size_t)cJSON_GetArraySize(machine) : 0;
    struct profile_fact *facts = arena_alloc_small(arena, most + 1, sizeof *facts);
    cJSON_ArrayForEach(fact, machine) if (facts && cJSON_IsString(fact)) facts[list->n_facts++] =
        (struct profile_fact){arena_string(arena, fact->string),
                              arena_string(arena, fact->valuestring)};
    list->facts = facts;
}

enum status profile_times_read(struct profile_times_list *list, const char *data, size_t length,
                               const char *place, struct arena *arena, struct error *err)
{
    cJSON *root = NULL;
    *list = (struct profile_times_list){.seed = (double)NAN};
    enum status status = json_parse(&root, data, length, place, err);
    if (status)
        return status;
    bool is_file = cJSON_IsObject(root);
    if (is_file && fabs(json_number_or(root, "profile", 0) - 1) > 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s is no profile of this program", place);
    if (!status)
        status = read_rows(list, is_file ? json_find(root, "rows") : root, place, arena, err);
    if (!status && is_file) {
        list->command = copy_text(root, "command", arena);
        list->measured = copy_text(root, "measured", arena);
        list->seed = json_number_or(root, "seed", NAN);
        read_facts(list, json_find(root, "machine"), arena);
    }
    if (!status && arena_failed(arena))
        status = no_memory(place, err);
    cJSON_Delete(root);
    return status;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool profile_times_match(const struct profile_times *a, const struct profile_times *b)
{
    /* A text about a picture has as many ids as the model's template and tokenizer make of it. */
    bool same_prompt = a->image_tokens > 0 || a->prompt_tokens == b->prompt_tokens;
    return same_prompt && a->depth == b->depth && a->threads == b->threads &&
           a->batch == b->batch && (a->image_tokens > 0) == (b->image_tokens > 0) &&
           a->new_tokens == b->new_tokens && a->timed_stages == b->timed_stages &&
           same_text(a->precision, b->precision) && same_text(a->scenario, b->scenario);
}

const char *profile_times_name(const struct profile_times *row, struct arena *arena)
{
    char behind[48] = "";
    if (row->depth > 0)
        snprintf(behind, sizeof behind, ", behind %d", row->depth);
    return arena_printf(arena, "%s%s%s, %d thread%s, batch %d%s%s, prompt of %d, %d new%s",
                        row->scenario ? row->scenario : "", row->scenario ? ", " : "",
                        row->precision, row->threads, row->threads == 1 ? "" : "s", row->batch,
                        behind, row->image_tokens > 0 ? ", picture" : "", row->prompt_tokens,
                        row->new_tokens, row->timed_stages ? "" : ", stages not timed");
}
