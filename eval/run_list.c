#include "eval/run_list.h"

#include "engine/base/file.h"
#include "eval/merge.h"
#include "eval/output.h"
#include "reports/report.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 2 }; /* folders in a folder of runs: MODEL/TASK */

static bool is_run(struct arena *arena, const char *directory)
{
    const char *manifest = path_join(arena, directory, "manifest.json");
    return manifest && file_exists(manifest);
}

static enum status add_directory(struct run_list *list, const char *directory, struct error *err)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        const char **larger = arena_alloc_small(&list->arena, capacity, sizeof *larger);
        if (!larger)
            return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory);
        if (list->n > 0)
            memcpy(larger, list->directories, list->n * sizeof *larger);
        list->directories = larger;
        list->capacity = capacity;
    }
    list->directories[list->n++] = directory;
    return STATUS_OK;
}

/* Runs in a folder, and in its folders: a suite has one per model. */
static enum status add_children(struct run_list *list, const char *folder, int depth,
                                struct error *err)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, NULL, alphasort);
    if (n < 0)
        return fail(err, STATUS_NOT_FOUND, "cannot read %s: %s", folder, strerror(errno));
    enum status status = STATUS_OK;
    for (int i = 0; i < n; i++) {
        const char *child = path_join(&list->arena, folder, names[i]->d_name);
        bool hidden = names[i]->d_name[0] == '.' || strcmp(names[i]->d_name, "shards") == 0;
        if (!status && !hidden && child && is_run(&list->arena, child))
            status = add_directory(list, child, err);
        else if (!status && !hidden && child && depth > 1 && directory_exists(child))
            status = add_children(list, child, depth - 1, err);
        free(names[i]);
    }
    free(names);
    return status;
}

/* A run directory, or a folder of them. */
static enum status add_operand(struct run_list *list, const char *path, struct error *err)
{
    size_t before = list->n;
    if (is_run(&list->arena, path))
        return add_directory(list, path, err);
    enum status status = add_children(list, path, MOST_DEPTH, err);
    if (!status && list->n == before && merge_has_shards(path))
        status =
            fail(err, STATUS_NOT_FOUND,
                 "%s holds shards that are not put together yet: mambench merge %s", path, path);
    if (!status && list->n == before)
        status = fail(err, STATUS_NOT_FOUND,
                      "%s is not a run directory (no manifest.json), nor a folder of them", path);
    return status;
}

static enum status read_all(struct run_list *list, struct error *err)
{
    size_t n = list->n;
    list->records = arena_alloc_small(&list->arena, n, sizeof *list->records);
    list->unfinished_directories =
        arena_alloc_small(&list->arena, n, sizeof *list->unfinished_directories);
    if (!list->records || !list->unfinished_directories)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading runs");
    list->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct error reason = {""};
        const char *directory = list->directories[i];
        enum status status = run_record_open(&list->records[list->n], directory, &reason);
        if (status == STATUS_NOT_FOUND && n > 1) { /* the others are there to be read */
            message("note: %s", reason.text);
            list->unfinished_directories[list->n_unfinished++] = directory;
            continue;
        }
        if (status)
            return fail(err, status, "%s", reason.text);
        list->directories[list->n++] = directory;
    }
    return list->n > 0 ? STATUS_OK : fail(err, STATUS_NOT_FOUND, "none of the runs has scores yet");
}

enum status run_list_open(struct run_list *list, const char *const *operands, size_t n,
                          bool read_records, struct error *err)
{
    *list = (struct run_list){0};
    arena_init(&list->arena);
    enum status status = STATUS_OK;
    if (n == 0)
        status = fail(err, STATUS_USAGE, "a run directory is expected");
    for (size_t i = 0; !status && i < n; i++)
        status = add_operand(list, operands[i], err);
    if (!status && read_records)
        status = read_all(list, err);
    if (status)
        run_list_close(list);
    return status;
}

void run_list_close(struct run_list *list)
{
    for (size_t i = 0; list->records && i < list->n; i++)
        run_record_close(&list->records[i]);
    arena_release(&list->arena);
    *list = (struct run_list){0};
}

bool run_list_has_runs(const char *operand)
{
    struct run_list list = {0};
    arena_init(&list.arena);
    bool found = is_run(&list.arena, operand) ||
                 (add_children(&list, operand, MOST_DEPTH, NULL) == STATUS_OK && list.n > 0);
    arena_release(&list.arena);
    return found;
}

const struct run_record *run_list_find(const struct run_list *list, const char *protocol)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->records[i].protocol, protocol) == 0)
            return &list->records[i];
    return NULL;
}

static enum status check_one_each(const struct run_list *list, struct error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct run_record *found = run_list_find(list, list->records[i].protocol);
        if (found != &list->records[i])
            return fail(err, STATUS_USAGE,
                        "%s and %s are both runs of %s: name the folder of one model, or the run "
                        "directories themselves",
                        found->path, list->records[i].path, found->protocol);
    }
    return STATUS_OK;
}

static bool is_same_directory(const char *first, const char *second)
{
    char *a = realpath(first, NULL), *b = realpath(second, NULL);
    bool same = a && b && strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

enum status run_list_check_pair(const struct run_list *first, const struct run_list *second,
                                struct error *err)
{
    enum status status = check_one_each(first, err);
    if (!status)
        status = check_one_each(second, err);
    for (size_t i = 0; i < first->n && !status; i++) {
        const char *path = first->records[i].path;
        const struct run_record *other = run_list_find(second, first->records[i].protocol);
        if (other && is_same_directory(path, other->path))
            status = fail(err, STATUS_USAGE,
                          "%s and %s are the same run: a run held against itself shows nothing",
                          path, other->path);
    }
    return status;
}

enum status run_list_print(const char *const *directories, size_t n, bool json, struct error *err)
{
    struct run_list list;
    struct text text;
    enum status status = run_list_open(&list, directories, n, true, err);
    if (status)
        return status;
    text_init(&text);
    if (json) {
        report_format_find("json")->add(list.records, list.n, &text);
    } else {
        for (size_t i = 0; i < list.n; i++) {
            text_add(&text, i > 0 ? "\n" : "");
            report_add_brief(&list.records[i], &text);
        }
    }
    status = output_text(&text, err);
    text_release(&text);
    run_list_close(&list);
    return status;
}
