#include "eval/report_input.h"

#include "engine/base/file.h"
#include "eval/output.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 2 };

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while reading runs");
}

const struct suite_cell *report_input_cell(const struct report_input *input, const char *directory)
{
    for (size_t s = 0; s < input->n_suites; s++)
        for (size_t c = 0; c < input->suites[s].n_cells; c++)
            if (strcmp(input->suites[s].cells[c].directory, directory) == 0)
                return &input->suites[s].cells[c];
    return NULL;
}

static enum status read_suites(struct report_input *input, const char *const *operands, size_t n,
                               struct error *err)
{
    enum status status = STATUS_OK;
    input->suites = arena_alloc_small(&input->arena, n + 1, sizeof *input->suites);
    for (size_t i = 0; input->suites && !status && i < n; i++)
        if (suite_record_exists(operands[i], &input->arena))
            status = suite_record_read(&input->suites[input->n_suites++], operands[i],
                                       &input->arena, err);
    return status;
}

static bool grow_profiles(struct report_input *input)
{
    if (input->n_profiles < input->profile_capacity)
        return true;
    size_t capacity = input->profile_capacity ? 2 * input->profile_capacity : 8;
    struct profile_file *files = arena_alloc_small(&input->arena, capacity, sizeof *files);
    if (!files)
        return false;
    if (input->n_profiles > 0)
        memcpy(files, input->files, input->n_profiles * sizeof *files);
    input->files = files;
    input->profile_capacity = capacity;
    return true;
}

/* A profile of another version of the format is told and left out; a damaged one is an error. */
static enum status add_profile(struct report_input *input, const char *path, struct error *err)
{
    struct error reason = {""};
    if (!grow_profiles(input))
        return no_memory(err);
    enum status status = profile_file_open(&input->files[input->n_profiles], path, &reason);
    if (status == STATUS_UNSUPPORTED) {
        message("note: %s", reason.text);
        input->n_refused++;
        return STATUS_OK;
    }
    if (status)
        return fail(err, status, "%s", reason.text);
    input->n_profiles++;
    return STATUS_OK;
}

static enum status find_profiles(struct report_input *input, const char *folder, int depth,
                                 struct error *err)
{
    struct dirent **names = NULL;
    enum status status = STATUS_OK;
    const char *path = path_join(&input->arena, folder, "profile.json");
    if (path && file_exists(path))
        status = add_profile(input, path, err);
    int n = depth > 0 ? scandir(folder, &names, NULL, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        const char *child = path_join(&input->arena, folder, names[i]->d_name);
        bool hidden = names[i]->d_name[0] == '.' || strcmp(names[i]->d_name, "shards") == 0;
        if (!status && !hidden && child && directory_exists(child))
            status = find_profiles(input, child, depth - 1, err);
        free(names[i]);
    }
    free(names);
    return status;
}

/* Profiles of all operands, and runs of those that hold some or nothing at all: of the latter
 * run_list_open() tells what is wrong. */
static enum status read_operands(struct report_input *input, const char *const *operands, size_t n,
                                 struct error *err)
{
    size_t n_with = 0;
    enum status status = STATUS_OK;
    const char **with = arena_alloc_small(&input->arena, n + 1, sizeof *with);
    if (!with)
        return no_memory(err);
    for (size_t i = 0; i < n && !status; i++) {
        size_t before = input->n_profiles + input->n_refused;
        status = find_profiles(input, operands[i], MOST_DEPTH, err);
        bool has_profiles = input->n_profiles + input->n_refused > before;
        if (!has_profiles || run_list_has_runs(operands[i]))
            with[n_with++] = operands[i];
    }
    if (!status && n_with > 0)
        status = run_list_open(&input->runs, with, n_with, true, err);
    return status;
}

static size_t name_cell(struct report_input *input, const struct suite_cell *cell, size_t n)
{
    for (size_t i = 0; i < input->runs.n; i++)
        if (strcmp(input->runs.directories[i], cell->directory) == 0 && n < input->runs.n)
            input->named[n++] = (struct systems_run){&input->runs.records[i], cell->row};
    return n;
}

/* Names and order of a suite, where there is one. */
static enum status name_all(struct report_input *input, struct error *err)
{
    struct arena *arena = &input->arena;
    input->named = arena_alloc_small(arena, input->runs.n + 1, sizeof *input->named);
    input->profiles = arena_alloc_small(arena, input->n_profiles + 1, sizeof *input->profiles);
    if (arena_failed(arena))
        return no_memory(err);
    size_t n = 0;
    for (size_t s = 0; s < input->n_suites; s++)
        for (size_t c = 0; c < input->suites[s].n_cells; c++)
            n = name_cell(input, &input->suites[s].cells[c], n);
    for (size_t i = 0; i < input->runs.n; i++)
        if (!report_input_cell(input, input->runs.directories[i]))
            input->named[n++] = (struct systems_run){&input->runs.records[i], NULL};
    for (size_t i = 0; i < input->n_profiles; i++) {
        const char *directory = path_directory(arena, input->files[i].path);
        const struct suite_cell *cell = directory ? report_input_cell(input, directory) : NULL;
        input->profiles[i] = (struct systems_profile){&input->files[i], cell ? cell->row : NULL};
    }
    return STATUS_OK;
}

/* A run that was begun: its manifest tells what it will be. */
static void add_unfinished(struct report_input *input, const char *directory)
{
    struct run_record record;
    const struct suite_cell *cell = report_input_cell(input, directory);
    if (run_record_open_manifest(&record, directory, NULL))
        return;
    input->missing[input->n_missing++] = (struct systems_missing){
        .row = cell ? cell->row : arena_string(&input->arena, record.model),
        .protocol = arena_string(&input->arena, record.protocol),
        .reason = arena_printf(&input->arena, "blank: %s has no scores yet", directory),
    };
    run_record_close(&record);
}

static enum status list_missing(struct report_input *input, struct error *err)
{
    size_t most = input->runs.n_unfinished;
    for (size_t s = 0; s < input->n_suites; s++)
        most += input->suites[s].n_cells;
    input->missing = arena_alloc_small(&input->arena, most + 1, sizeof *input->missing);
    if (!input->missing)
        return no_memory(err);
    for (size_t i = 0; i < input->runs.n_unfinished; i++)
        add_unfinished(input, input->runs.unfinished_directories[i]);
    for (size_t s = 0; s < input->n_suites; s++)
        for (size_t c = 0; c < input->suites[s].n_cells; c++) {
            const struct suite_cell *cell = &input->suites[s].cells[c];
            if (strcmp(cell->state, "finished") == 0)
                continue;
            input->missing[input->n_missing++] = (struct systems_missing){
                .row = cell->row,
                .protocol = cell->column,
                .reason = arena_printf(&input->arena, "blank: %s",
                                       cell->reason ? cell->reason : "not run yet"),
            };
        }
    return arena_failed(&input->arena) ? no_memory(err) : STATUS_OK;
}

enum status report_input_open(struct report_input *input, const char *const *operands, size_t n,
                              struct error *err)
{
    *input = (struct report_input){0};
    arena_init(&input->arena);
    arena_init(&input->runs.arena);
    enum status status = read_suites(input, operands, n, err);
    if (!status)
        status = read_operands(input, operands, n, err);
    if (!status)
        status = name_all(input, err);
    if (!status)
        status = list_missing(input, err);
    if (status)
        report_input_close(input);
    return status;
}

void report_input_close(struct report_input *input)
{
    for (size_t i = 0; i < input->n_profiles; i++)
        profile_file_close(&input->files[i]);
    run_list_close(&input->runs);
    arena_release(&input->arena);
    *input = (struct report_input){0};
}
