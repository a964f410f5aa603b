/* reports/run_speed.c - per-sample timings as the few numbers a report shows. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/lines.h"
#include "engine/base/string_map.h"
#include "metrics/latency.h"
#include "reports/run_record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One line of the file. */
struct timing {
    bool reused;
    double image_tokens, prompt_tokens, tokens, first_token_ns;
    double ns[RUN_MAX_STAGES];
};

struct timing_list {
    struct timing *items;
    size_t n;
    struct run_speed *speed; /* stage names are gathered here, in the file's order */
    struct string_map ids;
    struct arena *arena;
};

static size_t stage_index(struct timing_list *list, const char *name)
{
    struct run_speed *speed = list->speed;
    for (size_t i = 0; i < speed->n_stages; i++)
        if (strcmp(speed->stages[i].name, name) == 0)
            return i;
    if (speed->n_stages == RUN_MAX_STAGES)
        return RUN_MAX_STAGES;
    const char *copy = arena_string(list->arena, name);
    if (!copy)
        return RUN_MAX_STAGES;
    speed->stages[speed->n_stages] = (struct run_stage){.name = copy};
    return speed->n_stages++;
}

/* A sample that was done again after a crash has two lines: the later one counts. */
static struct timing *timing_for(struct timing_list *list, const char *id)
{
    int64_t index = (int64_t)list->n;
    const char *key = arena_string(list->arena, id);
    if (!key)
        return NULL;
    if (string_map_add(&list->ids, key, strlen(key), index, &index))
        list->n += 1;
    return &list->items[index];
}

static enum status read_timing(struct timing_list *list, const cJSON *object, const char *place,
                               struct error *err)
{
    const char *id;
    const cJSON *ns, *stage;
    enum status status = json_get_string(object, "id", place, &id, err);
    if (!status && json_bool_or(object, "repeated", false)) {
        list->speed->n_repeated++;
        return STATUS_OK;
    }
    if (!status)
        status = json_get(object, "ns", place, &ns, err);
    if (status)
        return status;
    struct timing *timing = timing_for(list, id);
    if (!timing)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", place);
    double together = json_number_or(object, "together", 1);
    if (together > (double)list->speed->most_together)
        list->speed->most_together = (size_t)together;
    *timing = (struct timing){
        .reused = json_bool_or(object, "image_reused", false),
        .image_tokens = json_number_or(object, "image_tokens", 0),
        .prompt_tokens = json_number_or(object, "prompt_tokens", 0),
        .tokens = json_number_or(object, "tokens", 0),
        .first_token_ns = json_number_or(object, "first_token_ns", 0),
    };
    cJSON_ArrayForEach(stage, ns)
    {
        size_t i = stage->string ? stage_index(list, stage->string) : RUN_MAX_STAGES;
        if (i < RUN_MAX_STAGES && cJSON_IsNumber(stage))
            timing->ns[i] = stage->valuedouble;
    }
    return STATUS_OK;
}

static enum status read_timings(struct timing_list *list, const char *path, const char *data,
                                size_t length, struct error *err)
{
    struct lines lines;
    const char *line;
    size_t size;
    lines_init(&lines, data, length);
    while (lines_next(&lines, &line, &size)) {
        char place[512];
        cJSON *object = NULL;
        if (line_is_blank(line, size))
            continue;
        snprintf(place, sizeof place, "%.450s: line %zu", path, lines.number);
        enum status status = json_parse(&object, line, size, place, err);
        if (!status)
            status = read_timing(list, object, place, err);
        cJSON_Delete(object);
        /* The last line may be torn: a crash costs its time and nothing else. */
        if (status == STATUS_BAD_FORMAT && lines.position >= lines.length)
            return STATUS_OK;
        if (status)
            return status;
    }
    return STATUS_OK;
}

/* Nearest rank: the smallest value that at least 90 % do not exceed. */
static double p90(const double *sorted, size_t n)
{
    if (n < RUN_P90_SAMPLES)
        return (double)NAN;
    return sorted[(n * 9 + 9) / 10 - 1];
}

/* values: [2 * list->n], as below. */
static void first_token(const struct timing_list *list, bool reused, double *values,
                        double *median_ns, double *p90_ns)
{
    double *sorted = values + list->n;
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].reused == reused)
            values[n++] = list->items[i].first_token_ns;
    bool is_latency = list->speed->most_together <= 1;
    double middle = latency_median(values, n, sorted);
    *median_ns = is_latency ? middle : (double)NAN;
    *p90_ns = is_latency ? p90(sorted, n) : (double)NAN;
}

static void sum_stages(const struct timing_list *list, double *values)
{
    struct run_speed *speed = list->speed;
    double all = 0, sums[RUN_MAX_STAGES] = {0};
    for (size_t stage = 0; stage < speed->n_stages; stage++) {
        size_t n = 0;
        for (size_t i = 0; i < list->n; i++)
            if (list->items[i].ns[stage] > 0) {
                values[n++] = list->items[i].ns[stage];
                sums[stage] += list->items[i].ns[stage];
            }
        speed->stages[stage].n = n;
        speed->stages[stage].median_ns = latency_median(values, n, values + list->n);
        all += sums[stage];
    }
    for (size_t stage = 0; stage < speed->n_stages; stage++)
        speed->stages[stage].share = all > 0 ? sums[stage] / all : (double)NAN;
    speed->questions_per_s =
        all > 0 ? (double)(list->n + speed->n_repeated) / all * 1e9 : (double)NAN;
}

static double stage_ns(const struct run_speed *speed, const struct timing *timing, const char *name)
{
    for (size_t i = 0; i < speed->n_stages; i++)
        if (strcmp(speed->stages[i].name, name) == 0)
            return timing->ns[i];
    return 0;
}

static void rates(const struct timing_list *list)
{
    struct run_speed *speed = list->speed;
    double decoded = 0, decode_ns = 0, prefilled = 0, prefill_ns = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct timing *timing = &list->items[i];
        if (timing->tokens > 1) {
            decoded += timing->tokens - 1; /* the first comes out of the prompt */
            decode_ns += stage_ns(speed, timing, "decode");
        }
        prefilled += timing->image_tokens + timing->prompt_tokens;
        prefill_ns += stage_ns(speed, timing, "image") + stage_ns(speed, timing, "prompt");
        speed->n_fresh += !timing->reused;
    }
    speed->n_decoded = (size_t)decoded;
    speed->decode_tokens_per_s = decode_ns > 0 ? decoded / decode_ns * 1e9 : (double)NAN;
    speed->prefill_tokens_per_s = prefill_ns > 0 ? prefilled / prefill_ns * 1e9 : (double)NAN;
}

static size_t count_newlines(const char *data, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += data[i] == '\n';
    return n;
}

static enum status summarise(struct timing_list *list, const char *path, struct error *err)
{
    struct run_speed *speed = list->speed;
    double *values = arena_alloc_small(list->arena, 2 * list->n + 1, sizeof *values);
    if (!values)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    speed->n = list->n;
    first_token(list, false, values, &speed->first_token_median_ns, &speed->first_token_p90_ns);
    first_token(list, true, values, &speed->reused_median_ns, &speed->reused_p90_ns);
    for (size_t i = 0; i < list->n; i++)
        values[i] = list->items[i].prompt_tokens + list->items[i].tokens;
    speed->median_text_tokens = latency_median(values, list->n, values + list->n);
    sum_stages(list, values);
    rates(list);
    return STATUS_OK;
}

enum status run_speed_read(struct run_speed *speed, const char *path, struct arena *arena,
                           struct error *err)
{
    struct file_map map = {0};
    struct timing_list list = {.speed = speed, .arena = arena};
    *speed = (struct run_speed){0};
    string_map_init(&list.ids, arena);
    if (file_exists(path)) {
        enum status status = file_map_open(&map, path, err);
        if (status)
            return status;
    }
    const char *data = (const char *)map.data;
    size_t n = map.size_bytes ? count_newlines(data, map.size_bytes) : 0;
    list.items = arena_alloc_small(arena, n + 1, sizeof *list.items);
    enum status status = STATUS_OK;
    if (!list.items)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    if (!status)
        status = read_timings(&list, path, data, map.size_bytes, err);
    file_map_close(&map);
    return status ? status : summarise(&list, path, err);
}
