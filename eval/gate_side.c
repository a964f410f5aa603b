/* eval/gate_side.c - what the operands of a gate hold. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "eval/gate.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 2 }; /* as for runs: MODEL/SCENARIO in a suite's folder */

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while reading runs");
}

/* Profiles in a folder and, up to depth, in its folders. */
static enum status find_profiles(struct gate *gate, struct gate_side *side, const char *folder,
                                 int depth, struct error *err)
{
    struct dirent **names = NULL;
    const char *path = path_join(&side->arena, folder, "profile.json");
    enum status status = !path               ? no_memory(err)
                         : file_exists(path) ? gate_speeds_read(gate, side, path, err)
                                             : STATUS_OK;
    int n = depth > 0 && !status ? scandir(folder, &names, NULL, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        const char *child =
            names[i]->d_name[0] == '.' ? NULL : path_join(&side->arena, folder, names[i]->d_name);
        if (!status && child && directory_exists(child))
            status = find_profiles(gate, side, child, depth - 1, err);
        free(names[i]);
    }
    free(names);
    return status;
}

/* A run that stopped half way has no verdict. */
static enum status check_finished(struct gate *gate, const char *directory, struct error *err)
{
    struct arena arena;
    cJSON *manifest = NULL;
    arena_init(&arena);
    const char *path = path_join(&arena, directory, "manifest.json");
    const char *scores = path_join(&arena, directory, "scores.json");
    enum status status = path && scores ? json_read(&manifest, path, err) : no_memory(err);
    const cJSON *start = json_find(manifest, "starts");
    const char *outcome = NULL;
    if (!status && start && start->child)
        outcome = json_string_or(start->child->prev, "outcome", NULL); /* the last one */
    bool stopped = outcome && strcmp(outcome, "finished") != 0;
    if (!status && (stopped || !file_exists(scores))) {
        gate->is_incomplete = true;
        if (stopped)
            fail(err, STATUS_MISMATCH, "%s is unfinished (%s): run it to its end", directory,
                 outcome);
        else
            fail(err, STATUS_MISMATCH,
                 "%s has no scores.json: finish the run, or mambench score %s", directory,
                 directory);
        status = STATUS_MISMATCH;
    }
    cJSON_Delete(manifest);
    arena_release(&arena);
    return status;
}

static enum status check_runs(struct gate *gate, const struct run_list *list, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < list->n && !status; i++)
        status = check_finished(gate, list->directories[i], err);
    return status;
}

/* The operands that hold runs; one that has profiles alone is none of them. */
static enum status choose_operands(struct gate *gate, struct gate_side *side,
                                   const char *const *operands, size_t n, const char **chosen,
                                   size_t *n_chosen, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n && !status; i++) {
        struct run_list list;
        struct error reason = {""};
        size_t before = side->n_speeds;
        status = find_profiles(gate, side, operands[i], MOST_DEPTH, err);
        if (status)
            break;
        status = run_list_open(&list, &operands[i], 1, false, &reason);
        if (status == STATUS_NOT_FOUND && side->n_speeds > before) {
            status = STATUS_OK;
            continue;
        }
        if (status)
            return fail(err, status, "%s", reason.text);
        status = check_runs(gate, &list, err);
        chosen[(*n_chosen)++] = operands[i];
        run_list_close(&list);
    }
    return status;
}

static enum status check_one_each(const struct run_list *list, struct error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct run_record *found = run_list_find(list, list->records[i].protocol);
        if (found != &list->records[i])
            return fail(err, STATUS_USAGE,
                        "%s and %s are both runs of %s: a gate is for one model, name its folder",
                        found->path, list->records[i].path, found->protocol);
    }
    return STATUS_OK;
}

enum status gate_side_open(struct gate *gate, struct gate_side *side, const char *const *operands,
                           size_t n, struct error *err)
{
    size_t n_chosen = 0;
    *side = (struct gate_side){0};
    arena_init(&side->arena);
    const char **chosen = arena_alloc_small(&side->arena, n + 1, sizeof *chosen);
    enum status status = !chosen  ? no_memory(err)
                         : n == 0 ? fail(err, STATUS_USAGE, "a run directory is expected")
                                  : STATUS_OK;
    if (!status)
        status = choose_operands(gate, side, operands, n, chosen, &n_chosen, err);
    if (!status && n_chosen > 0)
        status = run_list_open(&side->runs, chosen, n_chosen, true, err);
    if (!status && n_chosen > 0)
        status = check_one_each(&side->runs, err);
    if (status)
        gate_side_close(side);
    return status;
}

void gate_side_close(struct gate_side *side)
{
    for (size_t i = 0; i < side->n_speeds; i++)
        cJSON_Delete(side->speeds[i].facts);
    if (side->runs.records)
        run_list_close(&side->runs);
    arena_release(&side->arena);
    *side = (struct gate_side){0};
}
