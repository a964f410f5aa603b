#include "eval/task.h"

#include "engine/base/string_map.h"
#include "metrics/metric.h"
#include "metrics/tri_order.h"

#include <stdlib.h>
#include <string.h>

enum status task_open(struct task *task, const char *protocol, struct error *err)
{
    *task = (struct task){0};
    arena_init(&task->arena);
    const struct metric *metric; /* whether there is one is told before a question is asked */
    enum status status = protocol_open(&task->protocol, protocol, &task->arena, err);
    if (!status)
        status = metric_of(&task->protocol, &metric, err);
    if (!status)
        return STATUS_OK;
    task_close(task);
    size_t length = strlen(protocol);
    bool is_file = length > 5 && strcmp(protocol + length - 5, ".json") == 0;
    return status == STATUS_NOT_FOUND && !is_file ? STATUS_USAGE : status;
}

void task_close(struct task *task)
{
    if (task->has_set)
        dataset_close(&task->set);
    arena_release(&task->arena);
    *task = (struct task){0};
}

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while ordering the samples");
}

/* Fills order with the indices of all samples, grouped by image.  Linked lists in arrays: first and
 * last sample of every image, and the next sample of the same image. */
static enum status group_by_image(const struct dataset *set, size_t *order, struct error *err)
{
    struct arena arena;
    struct string_map map;
    arena_init(&arena);
    string_map_init(&map, &arena);
    size_t n = set->n_samples, n_images = 0, filled = 0;
    size_t *first = arena_alloc_small(&arena, n + 1, sizeof *first);
    size_t *last = arena_alloc_small(&arena, n + 1, sizeof *last);
    size_t *next = arena_alloc_small(&arena, n + 1, sizeof *next);
    for (size_t i = 0; !arena_failed(&arena) && i < n; i++) {
        const char *name = set->samples[i].image_name;
        int64_t image = (int64_t)n_images;
        next[i] = n;
        if (string_map_add(&map, name, strlen(name), image, &image))
            first[n_images++] = i;
        else
            next[last[image]] = i;
        last[image] = i;
    }
    bool failed = arena_failed(&arena);
    for (size_t image = 0; !failed && image < n_images; image++)
        for (size_t i = first[image]; i < n; i = next[i])
            order[filled++] = i;
    arena_release(&arena);
    return failed ? no_memory(err) : STATUS_OK;
}

static enum status find_ids(const struct task *task, const struct task_selection *selection,
                            bool *keep, struct error *err)
{
    struct arena arena;
    struct string_map map;
    enum status status = STATUS_OK;
    arena_init(&arena);
    string_map_init(&map, &arena);
    for (size_t i = 0; i < task->set.n_samples; i++)
        string_map_add(&map, task->set.samples[i].id, strlen(task->set.samples[i].id), (int64_t)i,
                       NULL);
    if (arena_failed(&arena))
        status = no_memory(err);
    for (size_t i = 0; !status && i < selection->n_sample_ids; i++) {
        const char *id = selection->sample_ids[i];
        int64_t index = string_map_get(&map, id, strlen(id), -1);
        if (index < 0)
            status = fail(err, STATUS_USAGE, "%s has no sample '%s' (the first is called '%s')",
                          task->directory, id, task->set.n_samples ? task->set.samples[0].id : "");
        else
            keep[index] = true;
    }
    arena_release(&arena);
    return status;
}

/* Keeps TRI's subset, in the files' order. */
static enum status select_slim(struct task *task, size_t n, struct error *err)
{
    size_t n_samples = task->set.n_samples;
    if (!tri_has_slim(task->protocol.dataset))
        return fail(err, STATUS_USAGE, "--slim: TRI's harness has no subsets of %s",
                    task->protocol.dataset->title);
    size_t *order = calloc(n_samples + 1, sizeof *order);
    bool *keep = calloc(n_samples + 1, sizeof *keep);
    enum status status = order && keep ? STATUS_OK : no_memory(err);
    size_t kept = status ? 0 : tri_slim(&task->set, n, order);
    for (size_t i = 0; i < kept; i++)
        keep[order[i]] = true;
    for (size_t i = 0, next = 0; !status && i < n_samples; i++)
        if (keep[i])
            order[next++] = i;
    if (!status)
        dataset_select(&task->set, order, kept);
    if (!status && arena_failed(&task->set.arena))
        status = no_memory(err);
    free(order);
    free(keep);
    return status;
}

/* Keeps what was asked for, in the files' order. */
static enum status select_samples(struct task *task, const struct task_selection *selection,
                                  struct error *err)
{
    size_t n = task->set.n_samples, kept = 0;
    bool by_id = selection->n_sample_ids > 0;
    bool *keep = calloc(n + 1, sizeof *keep);
    size_t *indices = calloc(n + 1, sizeof *indices);
    enum status status = keep && indices ? STATUS_OK : no_memory(err);
    if (!status && by_id)
        status = find_ids(task, selection, keep, err);
    size_t limit = selection->limit ? selection->limit : n;
    for (size_t i = 0; !status && i < n; i++) {
        size_t index = task->order[i];
        keep[index] = (!by_id || keep[index]) && kept < limit;
        kept += keep[index];
    }
    size_t n_indices = 0;
    for (size_t i = 0; !status && i < n; i++)
        if (keep[i])
            indices[n_indices++] = i;
    if (!status && n_indices < n) {
        dataset_select(&task->set, indices, n_indices);
        status = group_by_image(&task->set, task->order, err);
    }
    free(keep);
    free(indices);
    return status;
}

enum status task_take(struct task *task, struct dataset *set,
                      const struct task_selection *selection, struct error *err)
{
    task->set = *set;
    task->has_set = true;
    task->n_in_dataset = set->n_samples;
    task->order = arena_alloc_small(&task->arena, set->n_samples + 1, sizeof *task->order);
    if (!task->order)
        return no_memory(err);
    enum status status = selection->slim > 0 ? select_slim(task, selection->slim, err) : STATUS_OK;
    if (!status)
        status = group_by_image(&task->set, task->order, err);
    if (!status)
        status = select_samples(task, selection, err);
    task->begin = 0;
    task->end = task->set.n_samples;
    return status;
}

enum status task_load(struct task *task, const char *directory,
                      const struct task_selection *selection, struct error *err)
{
    struct dataset set;
    task->directory = arena_string(&task->arena, directory);
    if (!task->directory)
        return no_memory(err);
    enum status status =
        dataset_open(&set, task->protocol.dataset, task->protocol.variant, directory, err);
    return status ? status : task_take(task, &set, selection, err);
}

const struct sample *task_find(const struct task *task, const char *id)
{
    for (size_t i = 0; i < task->set.n_samples; i++)
        if (strcmp(task->set.samples[i].id, id) == 0)
            return &task->set.samples[i];
    return NULL;
}
