#include "eval/gate.h"

#include "engine/base/json.h"
#include "eval/task.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while gating");
}

void gate_init(struct gate *gate, const struct gate_options *options)
{
    *gate = (struct gate){.options = options, .level = GATE_LEVEL};
    arena_init(&gate->arena);
}

void gate_release(struct gate *gate)
{
    arena_release(&gate->arena);
    *gate = (struct gate){0};
}

/* Room for one more of size bytes; the array is copied as it grows. */
static void *grow(struct arena *arena, void *array, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return array;
    size_t larger = *capacity ? 2 * *capacity : 16;
    void *copy = arena_alloc_small(arena, larger, size);
    if (copy && n > 0)
        memcpy(copy, array, n * size);
    if (copy)
        *capacity = larger;
    return copy;
}

struct check *gate_add_check(struct gate *gate, const char *task, const char *metric,
                             const char *rule, double limit)
{
    struct check *items =
        grow(&gate->arena, gate->items, gate->n, &gate->capacity, sizeof *gate->items);
    const char *copy = arena_string(&gate->arena, task);
    if (!items || !copy)
        return NULL;
    gate->items = items;
    struct check *check = &items[gate->n++];
    *check = (struct check){.task = copy,
                            .metric = metric,
                            .rule = rule,
                            .limit = limit,
                            .before = (double)NAN,
                            .detectable = (double)NAN,
                            .test = {.p = (double)NAN, .p_holm = (double)NAN}};
    return check;
}

void gate_add_note(struct gate *gate, const char *format, ...)
{
    char note[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, sizeof note, format, arguments);
    va_end(arguments);
    const char **notes =
        grow(&gate->arena, gate->notes, gate->n_notes, &gate->notes_capacity, sizeof *notes);
    const char *copy = arena_string(&gate->arena, note);
    if (!notes || !copy)
        return;
    gate->notes = notes;
    notes[gate->n_notes++] = copy;
}

static bool is_wanted(const struct gate_options *options, const char *name)
{
    for (size_t i = 0; i < options->n_only; i++)
        if (strcmp(options->only[i], name) == 0)
            return true;
    return options->n_only == 0;
}

static enum status decide(struct gate *gate, struct error *err)
{
    struct gate_test *tests = calloc(gate->n + 1, sizeof *tests);
    for (size_t i = 0; i < gate->n && tests; i++)
        tests[i] = gate->items[i].test;
    bool ok = tests && gate_decide(tests, gate->n, gate->level);
    for (size_t i = 0; i < gate->n && ok; i++) {
        struct text text;
        text_init(&text);
        gate->items[i].test = tests[i];
        check_add_sentence(&gate->items[i], gate->level, &text);
        gate->items[i].sentence = arena_string(&gate->arena, text_string(&text));
        ok = !text.failed;
        text_release(&text);
    }
    free(tests);
    if (!ok || arena_failed(&gate->arena))
        return no_memory(err);
    if (gate->n == 0)
        return fail(err, STATUS_MISMATCH, "nothing was checked");
    return STATUS_OK;
}

static const struct gate_speed *find_speed(const struct gate_side *side, const char *label)
{
    for (size_t i = 0; i < side->n_speeds; i++)
        if (strcmp(side->speeds[i].label, label) == 0)
            return &side->speeds[i];
    return NULL;
}

/* A task of the baseline that no run answers. */
static enum status missing_task(const char *baseline, const char *name, struct error *err)
{
    struct task task;
    enum status status = task_open(&task, name, err);
    if (status)
        return fail_within(err, STATUS_MISMATCH, baseline);
    task_close(&task);
    return fail(err, STATUS_MISMATCH,
                "%s gates %s, which none of the runs answers; --task gates others alone", baseline,
                name);
}

static enum status missing_speed(const char *baseline, const char *label,
                                 const struct gate_side *side, struct error *err)
{
    return fail(err, STATUS_MISMATCH,
                "%s gates the speed of '%s', which %s%s%s; --task gates others alone", baseline,
                label, side->n_speeds > 0 ? "is not what was profiled: '" : "no profile.json has",
                side->n_speeds > 0 ? side->speeds[0].label : "", side->n_speeds > 0 ? "'" : "");
}

/* Names given with --task must be in the baseline. */
static enum status check_wanted(const struct gate_options *options, const char *baseline,
                                const cJSON *tasks, const cJSON *speeds,
                                const struct gate_side *base, struct error *err)
{
    for (size_t i = 0; i < options->n_only; i++) {
        const char *name = options->only[i];
        if (!json_find(tasks, name) && !json_find(speeds, name) &&
            !(base && (run_list_find(&base->runs, name) || find_speed(base, name))))
            return fail(err, STATUS_USAGE, "--task %s: %s has no such task", name, baseline);
    }
    return STATUS_OK;
}

/* What was measured and is in no baseline. */
static void note_ungated(struct gate *gate, const char *name)
{
    gate_add_note(gate, "%s is not in the baseline and not gated", name);
}

enum status gate_against_file(struct gate *gate, const struct gate_file *file,
                              const struct gate_side *side, struct error *err)
{
    const cJSON *tasks = gate_file_entries(file, "tasks"), *entry;
    const cJSON *speeds = gate_file_entries(file, "speed");
    gate->level = file->level;
    enum status status = check_wanted(gate->options, file->path, tasks, speeds, NULL, err);
    cJSON_ArrayForEach(entry, tasks)
    {
        const struct run_record *run = run_list_find(&side->runs, entry->string);
        if (!status && is_wanted(gate->options, entry->string))
            status = run ? gate_add_scores(gate, file, entry, run, err)
                         : missing_task(file->path, entry->string, err);
    }
    cJSON_ArrayForEach(entry, speeds)
    {
        const struct gate_speed *speed = find_speed(side, entry->string);
        if (!status && is_wanted(gate->options, entry->string))
            status = speed ? gate_add_speed(gate, speed->label, json_find(entry, "checks"),
                                            json_find(entry, "recorded"), speed->facts, err)
                           : missing_speed(file->path, entry->string, side, err);
    }
    for (size_t i = 0; i < side->runs.n && !status; i++)
        if (!json_find(tasks, side->runs.records[i].protocol))
            note_ungated(gate, side->runs.records[i].protocol);
    for (size_t i = 0; i < side->n_speeds && !status; i++)
        if (!json_find(speeds, side->speeds[i].label))
            note_ungated(gate, side->speeds[i].label);
    return status ? status : decide(gate, err);
}

/* The one check of a speed where no file says others. */
static enum status add_default_speed(struct gate *gate, const struct gate_speed *before,
                                     const struct gate_speed *now, struct error *err)
{
    cJSON *checks = cJSON_CreateObject();
    cJSON *check = checks ? cJSON_AddObjectToObject(checks, "e2e_ms") : NULL;
    enum status status =
        check && cJSON_AddNumberToObject(check, "allowed_rise", gate->options->allowed_rise)
            ? gate_add_speed(gate, now->label, checks, before->facts, now->facts, err)
            : no_memory(err);
    cJSON_Delete(checks);
    return status;
}

enum status gate_against_runs(struct gate *gate, const struct gate_side *base,
                              const struct gate_side *side, struct error *err)
{
    const char *path = base->runs.n > 0 ? base->runs.records[0].path : "the baseline";
    enum status status = check_wanted(gate->options, path, NULL, NULL, base, err);
    if (!status && base->runs.n > 0 && side->runs.n > 0)
        status = run_list_check_pair(&base->runs, &side->runs, err);
    for (size_t i = 0; i < base->runs.n && !status; i++) {
        const struct run_record *first = &base->runs.records[i];
        const struct run_record *second = run_list_find(&side->runs, first->protocol);
        if (is_wanted(gate->options, first->protocol))
            status = second ? gate_add_pair(gate, first, second, err)
                            : missing_task(first->path, first->protocol, err);
    }
    for (size_t i = 0; i < base->n_speeds && !status; i++) {
        const struct gate_speed *now = find_speed(side, base->speeds[i].label);
        if (is_wanted(gate->options, base->speeds[i].label))
            status = now ? add_default_speed(gate, &base->speeds[i], now, err)
                         : missing_speed(base->speeds[i].path, base->speeds[i].label, side, err);
    }
    for (size_t i = 0; i < side->runs.n && !status; i++)
        if (!run_list_find(&base->runs, side->runs.records[i].protocol))
            note_ungated(gate, side->runs.records[i].protocol);
    for (size_t i = 0; i < side->n_speeds && !status; i++)
        if (!find_speed(base, side->speeds[i].label))
            note_ungated(gate, side->speeds[i].label);
    return status ? status : decide(gate, err);
}

enum status gate_update(struct gate *gate, struct gate_file *file, const struct gate_side *side,
                        size_t *n_recorded, struct error *err)
{
    enum status status = STATUS_OK;
    *n_recorded = 0;
    for (size_t i = 0; i < side->runs.n && !status; i++) {
        const struct run_record *run = &side->runs.records[i];
        const cJSON *entry = json_find(gate_file_entries(file, "tasks"), run->protocol);
        cJSON *recorded = NULL;
        status = gate_record_run(gate, run, json_find(entry, "checks"), &recorded, err);
        if (!status)
            status = gate_file_record(file, "tasks", run->protocol, GATE_CREDIT, "allowed_drop",
                                      gate->options->allowed_drop, recorded, err);
        *n_recorded += !status;
    }
    for (size_t i = 0; i < side->n_speeds && !status; i++) {
        cJSON *copy = cJSON_Duplicate(side->speeds[i].facts, 1);
        status = copy ? gate_file_record(file, "speed", side->speeds[i].label, "e2e_ms",
                                         "allowed_rise", gate->options->allowed_rise, copy, err)
                      : no_memory(err);
        *n_recorded += !status;
    }
    return status;
}
