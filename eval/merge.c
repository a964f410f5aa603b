#include "eval/merge.h"

#include "engine/base/arena.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "eval/manifest.h"
#include "eval/output.h"
#include "eval/prediction_log.h"
#include "eval/run_answers.h"
#include "eval/shard.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One shard as its directory has it. */
struct part {
    const char *directory; /* NULL: missing */
    cJSON *manifest;
    size_t first, n_samples, n_lines;
    bool is_running; /* a process is writing it */
};

struct merge {
    const char *directory;
    struct task *task;  /* of the whole run */
    struct part *parts; /* [n], in their order */
    size_t n;
    const struct part *any; /* one that is there */
    bool has_task;
    struct arena arena;
};

static enum status no_memory(const struct merge *merge, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while merging %s", merge->directory);
}

/* "2-of-4" */
static bool read_name(const char *name, struct shard *shard)
{
    int length = 0;
    return sscanf(name, "%zu-of-%zu%n", &shard->index, &shard->of, &length) == 2 &&
           name[length] == '\0' && shard->index >= 1 && shard->index <= shard->of &&
           shard->of <= SHARD_MOST;
}

bool merge_has_shards(const char *directory)
{
    struct arena arena;
    arena_init(&arena);
    const char *folder = path_join(&arena, directory, "shards");
    bool has = folder && directory_exists(folder);
    arena_release(&arena);
    return has;
}

/* Takes one folder among the shards. */
static enum status add_part(struct merge *merge, const char *folder, const char *name,
                            struct error *err)
{
    struct shard shard;
    if (!read_name(name, &shard))
        return fail(err, STATUS_MISMATCH, "%s/%s is not the folder of a shard", folder, name);
    if (merge->n == 0) {
        merge->n = shard.of;
        merge->parts = arena_alloc(&merge->arena, shard.of, sizeof *merge->parts);
        if (!merge->parts)
            return no_memory(merge, err);
    }
    if (shard.of != merge->n)
        return fail(err, STATUS_MISMATCH,
                    "%s holds shards of %zu and of %zu: remove those that do not belong to the run",
                    folder, merge->n, shard.of);
    struct part *part = &merge->parts[shard.index - 1];
    part->directory = path_join(&merge->arena, folder, name);
    const char *path =
        part->directory ? path_join(&merge->arena, part->directory, "manifest.json") : NULL;
    if (!path)
        return no_memory(merge, err);
    if (!file_exists(path)) {
        part->directory = NULL; /* was never begun */
        return STATUS_OK;
    }
    enum status status = json_read(&part->manifest, path, err);
    merge->any = part;
    return status;
}

static enum status find_parts(struct merge *merge, struct error *err)
{
    struct dirent **names = NULL;
    const char *folder = path_join(&merge->arena, merge->directory, "shards");
    if (!folder)
        return no_memory(merge, err);
    int n = scandir(folder, &names, NULL, alphasort);
    enum status status =
        n < 0 ? fail(err, STATUS_NOT_FOUND, "%s holds no shards", merge->directory) : STATUS_OK;
    for (int i = 0; i < n; i++) {
        if (!status && names[i]->d_name[0] != '.')
            status = add_part(merge, folder, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    if (!status && !merge->any)
        status = fail(err, STATUS_NOT_FOUND, "%s holds no shards", folder);
    return status;
}

/* All of one run, and no manifest of a folder that another shard's was copied to. */
static enum status check_identity(struct merge *merge, struct error *err)
{
    struct text text;
    enum status status = STATUS_OK;
    text_init(&text);
    for (size_t i = 0; !status && i < merge->n; i++) {
        struct part *part = &merge->parts[i];
        if (!part->directory)
            continue;
        const cJSON *shard = json_find(part->manifest, "shard");
        text_reset(&text);
        manifest_add_differences(merge->any->manifest, part->manifest, true, &text);
        if (json_number_or(shard, "index", 0) != (double)(i + 1) ||
            json_number_or(shard, "of", 0) != (double)merge->n)
            status = fail(err, STATUS_MISMATCH, "%s/manifest.json is not that of shard %zu of %zu",
                          part->directory, i + 1, merge->n);
        else if (text.length > 0)
            status = fail(err, STATUS_MISMATCH, "%s and %s are not of one run: they differ in: %s",
                          merge->any->directory, part->directory, text_string(&text));
        part->first = (size_t)json_number_or(shard, "first", 0);
        part->n_samples = (size_t)json_number_or(shard, "samples", 0);
    }
    if (!status && text.failed)
        status = no_memory(merge, err);
    text_release(&text);
    return status;
}

/* Whether line i of a part answers the sample that stands there in the order. */
static enum status check_place(const struct merge *merge, const struct part *part, size_t i,
                               const char *id, struct error *err)
{
    const struct task *task = merge->task;
    size_t position = part->first + i;
    const char *expected =
        position < task->set.n_samples ? task->set.samples[task->order[position]].id : "no sample";
    if (i < part->n_samples && strcmp(id, expected) == 0)
        return STATUS_OK;
    return fail(err, STATUS_MISMATCH,
                "%s/predictions.jsonl: line %zu answers sample '%s' where '%s' is expected",
                part->directory, i + 1, id, i < part->n_samples ? expected : "no sample");
}

/* Counts a part's lines, each of which answers the sample of its place: nothing is doubled then. */
static enum status read_lines(struct merge *merge, struct part *part, struct error *err)
{
    struct log_entry *entries;
    size_t n;
    const char *path = path_join(&merge->arena, part->directory, "predictions.jsonl");
    if (!path)
        return no_memory(merge, err);
    if (!file_exists(path))
        return STATUS_OK;
    part->is_running = log_is_locked(path);
    enum status status = log_read(path, &merge->arena, &entries, &n, NULL, err);
    part->n_lines = status ? 0 : n;
    for (size_t i = 0; !status && i < n; i++)
        status = check_place(merge, part, i, entries[i].id, err);
    return status;
}

/* Goes where the command was typed, unless that is here. */
static void add_change(const cJSON *manifest, struct text *out)
{
    char here[4096];
    const char *words[] = {"cd", json_string_or(manifest, "working_directory", NULL), NULL};
    if (!words[1] || (getcwd(here, sizeof here) && strcmp(here, words[1]) == 0))
        return;
    add_shell_words(out, words);
    text_add(out, " && ");
}

/* The command line that runs a shard. */
static void add_command(const struct merge *merge, size_t shard, struct text *out)
{
    const cJSON *word, *command = json_find(merge->any->manifest, "command");
    const cJSON *program = cJSON_GetArrayItem(command, 0);
    const char *words[256] = {cJSON_IsString(program) ? program->valuestring : "mambench", "run"};
    char number[64];
    size_t n = 2;
    cJSON_ArrayForEach(word, json_find(merge->any->manifest, "again"))
    {
        if (cJSON_IsString(word) && n + 3 < sizeof words / sizeof words[0])
            words[n++] = word->valuestring;
    }
    snprintf(number, sizeof number, "%zu/%zu", shard, merge->n);
    words[n++] = "--shard";
    words[n++] = number;
    words[n] = NULL;
    add_change(merge->any->manifest, out);
    add_shell_words(out, words);
}

/* Refuses what is missing or unfinished and says what to type for each. */
static enum status check_gaps(const struct merge *merge, struct error *err)
{
    struct text text;
    size_t n_gaps = 0;
    text_init(&text);
    for (size_t i = 0; i < merge->n; i++) {
        const struct part *part = &merge->parts[i];
        if (part->directory && part->n_lines == part->n_samples)
            continue;
        n_gaps++;
        text_addf(&text, "\n  shard %zu of %zu ", i + 1, merge->n);
        if (part->is_running) {
            text_addf(&text, "is being run and has %zu of %zu answers", part->n_lines,
                      part->n_samples);
            continue;
        }
        if (part->directory)
            text_addf(&text, "has %zu of %zu answers: ", part->n_lines, part->n_samples);
        else
            text_add(&text, "is missing: ");
        add_command(merge, i + 1, &text);
    }
    enum status status = STATUS_OK;
    if (n_gaps > 0) {
        message("%s is not complete; to run what is missing:%s", merge->directory,
                text_string(&text));
        status = fail(err, STATUS_MISMATCH, "%zu of %zu shards of %s are not finished", n_gaps,
                      merge->n, merge->directory);
    }
    text_release(&text);
    return status;
}

static enum status check_stretches(const struct merge *merge, struct error *err)
{
    size_t next = 0;
    for (size_t i = 0; i < merge->n; i++) {
        const struct part *part = &merge->parts[i];
        if (part->n_samples > 0 && part->first != next)
            return fail(err, STATUS_MISMATCH,
                        "%s begins with sample %zu of the order, where %zu is expected",
                        part->directory, part->first, next);
        next += part->n_samples;
    }
    double all = json_number_or(json_find(merge->any->manifest, "selection"), "samples", -1);
    if ((double)next != all)
        return fail(err, STATUS_MISMATCH, "the shards of %s ask %zu samples, the run has %.0f",
                    merge->directory, next, all);
    return STATUS_OK;
}

/* Writes the parts' files of that name one behind the other, whole lines only. */
static enum status join_files(struct merge *merge, const char *name, struct error *err)
{
    struct text all;
    enum status status = STATUS_OK;
    bool any = false;
    text_init(&all);
    for (size_t i = 0; !status && i < merge->n; i++) {
        const char *path = path_join(&merge->arena, merge->parts[i].directory, name);
        if (!path || !file_exists(path))
            continue;
        any = true;
        status = log_read_bytes(path, &all, err);
    }
    const char *path = path_join(&merge->arena, merge->directory, name);
    if (!status && (!path || all.failed))
        status = no_memory(merge, err);
    if (!status && !any)
        unlink(path);
    else if (!status)
        status = file_write(path, text_string(&all), all.length, err);
    text_release(&all);
    return status;
}

/* A line of the list of shards: where it ran last, and for how long in all its starts. */
static bool add_shard(cJSON *list, const struct part *part, size_t index)
{
    const cJSON *start, *last = NULL;
    double seconds = 0;
    cJSON_ArrayForEach(start, json_find(part->manifest, "starts"))
    {
        seconds += json_number_or(start, "seconds", 0);
        last = start;
    }
    cJSON *object = cJSON_CreateObject();
    return object && cJSON_AddItemToArray(list, object) &&
           cJSON_AddNumberToObject(object, "index", (double)index) &&
           cJSON_AddStringToObject(object, "host", json_string_or(last, "host", "")) &&
           cJSON_AddNumberToObject(object, "threads", json_number_or(last, "threads", 0)) &&
           cJSON_AddNumberToObject(object, "samples", (double)part->n_samples) &&
           cJSON_AddNumberToObject(object, "seconds", seconds);
}

/* Copies of a shard's starts, which then tell its number. */
static bool add_starts(cJSON *list, const struct part *part, size_t index)
{
    const cJSON *start;
    cJSON_ArrayForEach(start, json_find(part->manifest, "starts"))
    {
        cJSON *copy = cJSON_Duplicate(start, 1);
        if (!copy || !cJSON_AddItemToArray(list, copy) ||
            !cJSON_AddNumberToObject(copy, "shard", (double)index))
            return false;
    }
    return true;
}

/* The first manifest without its shard, with the list and the starts of all. */
static cJSON *make_manifest(const struct merge *merge)
{
    cJSON *manifest = cJSON_Duplicate(merge->parts[0].manifest, 1);
    if (!manifest)
        return NULL;
    cJSON_DeleteItemFromObjectCaseSensitive(manifest, "shard");
    cJSON_DeleteItemFromObjectCaseSensitive(manifest, "starts");
    cJSON *shards = cJSON_AddArrayToObject(manifest, "shards");
    cJSON *starts = cJSON_AddArrayToObject(manifest, "starts");
    bool ok = shards && starts;
    for (size_t i = 0; ok && i < merge->n; i++)
        ok = add_shard(shards, &merge->parts[i], i + 1) &&
             add_starts(starts, &merge->parts[i], i + 1);
    if (ok)
        return manifest;
    cJSON_Delete(manifest);
    return NULL;
}

static enum status write_manifest(struct merge *merge, struct error *err)
{
    cJSON *manifest = make_manifest(merge);
    const char *path = path_join(&merge->arena, merge->directory, "manifest.json");
    enum status status =
        manifest && path ? manifest_write(manifest, path, err) : no_memory(merge, err);
    cJSON_Delete(manifest);
    return status;
}

/* What lies in the run directory already must be an earlier merge of the same run. */
static enum status check_target(struct merge *merge, struct error *err)
{
    cJSON *old = NULL;
    struct text text;
    const char *path = path_join(&merge->arena, merge->directory, "manifest.json");
    if (!path)
        return no_memory(merge, err);
    if (!file_exists(path))
        return STATUS_OK;
    enum status status = json_read(&old, path, err);
    text_init(&text);
    if (!status)
        manifest_add_differences(old, merge->any->manifest, true, &text);
    if (!status && text.length > 0)
        status =
            fail(err, STATUS_MISMATCH, "%s holds another run than its shards, which differs in: %s",
                 merge->directory, text_string(&text));
    text_release(&text);
    cJSON_Delete(old);
    return status;
}

/* The samples of the whole run, whose order the shards are stretches of. */
static enum status open_task(struct merge *merge, const char *data, struct error *err)
{
    cJSON *whole = cJSON_Duplicate(merge->any->manifest, 1);
    if (!whole)
        return no_memory(merge, err);
    cJSON_DeleteItemFromObjectCaseSensitive(whole, "shard");
    enum status status = run_task_open(merge->task, whole, merge->any->directory, data, err);
    cJSON_Delete(whole);
    merge->has_task = !status;
    return status;
}

static enum status check(struct merge *merge, const char *data, struct error *err)
{
    enum status status = check_identity(merge, err);
    if (!status)
        status = check_target(merge, err);
    if (!status)
        status = open_task(merge, data, err);
    for (size_t i = 0; !status && i < merge->n; i++)
        if (merge->parts[i].directory)
            status = read_lines(merge, &merge->parts[i], err);
    if (!status && arena_failed(&merge->arena))
        status = no_memory(merge, err);
    if (!status)
        status = check_gaps(merge, err);
    return status ? status : check_stretches(merge, err);
}

enum status merge_shards(const char *directory, const char *data, struct task *task, uint64_t *seed,
                         struct error *err)
{
    struct merge merge = {.directory = directory, .task = task};
    arena_init(&merge.arena);
    enum status status = find_parts(&merge, err);
    if (!status)
        status = check(&merge, data, err);
    if (!status)
        status = join_files(&merge, "predictions.jsonl", err);
    if (!status)
        status = join_files(&merge, "timings.jsonl", err);
    if (!status)
        status = write_manifest(&merge, err);
    if (!status)
        *seed = (uint64_t)json_number_or(merge.any->manifest, "seed", 0);
    for (size_t i = 0; i < merge.n; i++)
        cJSON_Delete(merge.parts[i].manifest);
    if (status && merge.has_task)
        task_close(task);
    arena_release(&merge.arena);
    return status;
}
