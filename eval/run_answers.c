#include "eval/run_answers.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/string_map.h"
#include "eval/manifest.h"
#include "eval/output.h"
#include "eval/scoring.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The samples a run was asked, from its manifest. */
static enum status read_selection(const cJSON *manifest, struct task_selection *selection,
                                  struct arena *arena, struct error *err)
{
    const cJSON *object = json_find(manifest, "selection"), *id;
    const cJSON *ids = json_find(object, "sample_ids");
    size_t n = 0;
    cJSON_ArrayForEach(id, ids) n++;
    const char **list = arena_alloc_small(arena, n + 1, sizeof *list);
    if (!list)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading the manifest");
    n = 0;
    cJSON_ArrayForEach(id, ids) if (cJSON_IsString(id)) list[n++] = id->valuestring;
    double limit = json_number_or(object, "limit", 0), slim = json_number_or(object, "slim", 0);
    *selection = (struct task_selection){.slim = slim > 0 ? (size_t)slim : 0,
                                         .limit = limit > 0 ? (size_t)limit : 0,
                                         .sample_ids = list,
                                         .n_sample_ids = n};
    return STATUS_OK;
}

/* The files must be those the run was asked from. */
static enum status check_files(const cJSON *manifest, const struct task *task,
                               const char *directory, struct error *err)
{
    const cJSON *hash;
    size_t i = 0;
    cJSON_ArrayForEach(hash, json_find(json_find(manifest, "data"), "sha256"))
    {
        if (i >= task->set.n_files || !cJSON_IsString(hash) ||
            strcmp(hash->valuestring, task->set.files[i].sha256.hex) != 0)
            return fail(err, STATUS_MISMATCH,
                        "the annotation files under %s are not those of the run %s",
                        task->directory, directory);
        i++;
    }
    return STATUS_OK;
}

enum status run_task_open(struct task *task, const cJSON *manifest, const char *directory,
                          const char *data, struct error *err)
{
    const cJSON *protocol = json_find(manifest, "protocol"), *shard = json_find(manifest, "shard");
    if (shard)
        return fail(err, STATUS_MISMATCH,
                    "%s is shard %.0f of %.0f of a run: 'mambench merge' puts them together",
                    directory, json_number_or(shard, "index", 0), json_number_or(shard, "of", 0));
    const char *name, *hash, *place = "manifest.json: protocol";
    struct task_selection selection;
    enum status status = manifest_protocol(manifest, place, &name, err);
    if (!status)
        status = json_get_string(protocol, "hash", place, &hash, err);
    if (status)
        return fail_within(err, status, directory);
    status = task_open(task, name, err);
    if (status)
        return status == STATUS_USAGE ? STATUS_NOT_FOUND : status;
    if (strcmp(hash, task->protocol.hash) != 0)
        message("note: %s was changed since the run %s was made; its prompts are the old ones, the "
                "scores the new ones",
                name, directory);
    if (!data)
        data = json_string_or(json_find(manifest, "data"), "directory", ".");
    status = read_selection(manifest, &selection, &task->arena, err);
    if (!status)
        status = task_load(task, data, &selection, err);
    if (!status)
        status = check_files(manifest, task, directory, err);
    if (status)
        task_close(task);
    return status;
}

/* Why sample i cannot be weighed, or NULL. */
static const char *doubt_about(const struct run_answers *answers, size_t i)
{
    const struct prediction *prediction = &answers->predictions[i];
    const char *failure = prediction->failure;
    if (answers->task.set.samples[i].n_answers == 0)
        return "has no public label";
    if (failure)
        return strcmp(failure, "no prediction") == 0 ? "was not answered: the run is unfinished"
                                                     : NULL;
    if (answers->metric->needs_choices && !prediction->probabilities)
        return "has no probabilities, which its protocol reads";
    if (!answers->metric->needs_choices && !prediction->text)
        return "has no text, which its protocol reads";
    for (size_t c = 0; prediction->probabilities && c < answers->task.protocol.n_choices; c++)
        if (!isfinite(prediction->probabilities[c]))
            return "has a probability that is not a number";
    return NULL;
}

static enum status weigh(struct run_answers *answers, struct error *err)
{
    const struct dataset *set = &answers->task.set;
    double sum = 0;
    for (size_t i = 0; i < set->n_samples; i++) {
        const char *doubt = doubt_about(answers, i);
        if (!doubt) {
            answers->credits[i] = metric_credit(answers->metric, &set->samples[i],
                                                &answers->task.protocol, &answers->predictions[i]);
            doubt = isfinite(answers->credits[i]) ? NULL : "has a score that is not a number";
        }
        if (doubt)
            return fail(err, STATUS_MISMATCH, "%s: sample '%s' %s", answers->directory,
                        set->samples[i].id, doubt);
        sum += answers->credits[i];
    }
    answers->credit = sum / (double)set->n_samples;
    return STATUS_OK;
}

static void number_images(struct run_answers *answers)
{
    const struct dataset *set = &answers->task.set;
    struct string_map seen;
    string_map_init(&seen, &answers->task.arena);
    for (size_t i = 0; i < set->n_samples && !arena_failed(&answers->task.arena); i++) {
        const char *name = set->samples[i].image_name;
        int64_t number = (int64_t)seen.count;
        string_map_add(&seen, name, strlen(name), number, &number);
        answers->image[i] = (size_t)number;
    }
    answers->n_images = seen.count;
}

static enum status read_answers(struct run_answers *answers, struct error *err)
{
    struct arena *arena = &answers->task.arena;
    size_t n = answers->task.set.n_samples;
    const char *log = path_join(arena, answers->directory, "predictions.jsonl");
    answers->credits = arena_alloc(arena, n, sizeof *answers->credits);
    answers->image = arena_alloc(arena, n, sizeof *answers->image);
    answers->metric = metric_find(answers->task.protocol.metric);
    if (n == 0)
        return fail(err, STATUS_MISMATCH, "%s: the run has no sample", answers->directory);
    if (!answers->metric || !answers->metric->correct)
        return fail(err, STATUS_UNSUPPORTED, "%s: the metric %s does not weigh single answers",
                    answers->directory, answers->task.protocol.metric);
    if (!arena_failed(arena))
        number_images(answers);
    if (arena_failed(arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", answers->directory);
    enum status status =
        scoring_read_log(log, &answers->task, arena, &answers->predictions, NULL, err);
    return status ? status : weigh(answers, err);
}

enum status run_answers_open(struct run_answers *answers, const char *directory, const char *data,
                             struct error *err)
{
    struct arena arena;
    *answers = (struct run_answers){.directory = directory};
    arena_init(&arena);
    const char *path = path_join(&arena, directory, "manifest.json");
    enum status status = path ? json_read(&answers->manifest, path, err)
                              : fail(err, STATUS_NO_MEMORY, "out of memory while reading a run");
    arena_release(&arena);
    if (status)
        return status;
    status = run_task_open(&answers->task, answers->manifest, directory, data, err);
    if (status) {
        cJSON_Delete(answers->manifest);
        return status;
    }
    status = read_answers(answers, err);
    if (status)
        run_answers_close(answers);
    return status;
}

void run_answers_close(struct run_answers *answers)
{
    task_close(&answers->task);
    cJSON_Delete(answers->manifest);
    *answers = (struct run_answers){0};
}
