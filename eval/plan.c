#include "eval/plan.h"

#include "engine/base/file.h"
#include "eval/model_options.h"
#include "eval/suite.h"

#include <stdlib.h>
#include <string.h>

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while reading the command line");
}

struct cell *plan_add(struct plan *plan, const struct options *options)
{
    if (plan->n_cells == plan->capacity) {
        size_t capacity = plan->capacity ? plan->capacity * 2 : 16;
        struct cell *larger = arena_alloc_small(&plan->arena, capacity, sizeof *larger);
        if (!larger)
            return NULL;
        if (plan->n_cells > 0)
            memcpy(larger, plan->cells, plan->n_cells * sizeof *larger);
        plan->cells = larger;
        plan->capacity = capacity;
    }
    struct cell *cell = &plan->cells[plan->n_cells++];
    *cell = (struct cell){.options = options};
    return cell;
}

bool plan_cell_is(const struct cell *cell, const char *name)
{
    size_t length = strlen(cell->row);
    return strncmp(name, cell->row, length) == 0 && name[length] == '/' &&
           strcmp(name + length + 1, cell->column) == 0;
}

char *plan_file_name(struct arena *arena, const char *model)
{
    size_t length = strlen(model);
    while (length > 1 && model[length - 1] == '/')
        length--;
    char *copy = arena_copy(arena, model, length);
    char *name = copy ? arena_string(arena, path_name(copy)) : NULL;
    for (char *c = name; c && *c; c++)
        if (*c == ':' || *c == '/')
            *c = '-';
    return name;
}

/* One cell for each name among the --task values, which commas separate. */
static enum status add_tasks(struct plan *plan, struct error *err)
{
    const char *const *values;
    size_t n = option_list(plan->options, "task", &values);
    for (size_t i = 0; i < n; i++)
        for (const char *name = values[i]; *name;) {
            size_t length = strcspn(name, ",");
            struct cell *cell = length > 0 ? plan_add(plan, plan->options) : NULL;
            if (length > 0 && !cell)
                return no_memory(err);
            if (cell)
                cell->protocol = cell->column = arena_copy(&plan->arena, name, length);
            name += length + (name[length] == ',');
        }
    if (plan->n_cells == 0)
        return fail(err, STATUS_USAGE,
                    "--task is needed; 'mambench task list' lists the protocols");
    return arena_failed(&plan->arena) ? no_memory(err) : STATUS_OK;
}

static enum status add_models(struct plan *plan, struct error *err)
{
    const char *model = option_text(plan->options, "model");
    if (!model)
        return fail(err, STATUS_USAGE,
                    "--model is needed: a directory or a baseline; or the file of a suite");
    const char *row = plan_file_name(&plan->arena, model);
    if (!row)
        return no_memory(err);
    for (size_t i = 0; i < plan->n_cells; i++) {
        plan->cells[i].model = model;
        plan->cells[i].row = row;
    }
    return STATUS_OK;
}

static enum status open_protocols(struct plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        enum status status =
            cell->scenario ? STATUS_OK : task_open(&cell->task, cell->protocol, err);
        if (status)
            return status;
        for (size_t j = 0; j < i; j++)
            if (strcmp(cell->row, plan->cells[j].row) == 0 &&
                strcmp(cell->column, plan->cells[j].column) == 0)
                return fail(err, STATUS_USAGE, "%s is to answer %s twice", cell->row, cell->column);
    }
    return STATUS_OK;
}

/* Where every task's data lies. */
static enum status place_data(struct plan *plan, struct error *err)
{
    const char *const *values;
    size_t n = option_list(plan->options, "data", &values);
    const char *root = option_text(plan->options, "data-root");
    const struct cell *first = &plan->cells[0];
    if ((n > 0) == (root != NULL))
        return fail(err, STATUS_USAGE,
                    root ? "give --data or --data-root, not both"
                         : "--data is needed: the folder of the benchmark");
    if (n > 1 && n != plan->n_cells)
        return fail(err, STATUS_USAGE, "%zu --data for %zu tasks: give one, or one per task", n,
                    plan->n_cells);
    for (size_t i = 0; i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        const char *kind = cell->task.protocol.dataset->name;
        cell->data = root ? path_join(&plan->arena, root, kind) : values[n > 1 ? i : 0];
        if (n == 1 && strcmp(kind, first->task.protocol.dataset->name) != 0)
            return fail(err, STATUS_USAGE,
                        "%s and %s are different benchmarks: give one --data per task, or "
                        "--data-root",
                        first->protocol, cell->protocol);
    }
    return STATUS_OK;
}

static enum status place_runs(struct plan *plan, struct error *err)
{
    const char *out = option_text(plan->options, "out");
    for (size_t i = 0; i < plan->n_cells; i++) {
        struct cell *cell = &plan->cells[i];
        const char *name = cell->task.protocol.name;
        if (!out)
            cell->directory = arena_printf(&plan->arena, "runs/%s-%s", cell->row, name);
        else
            cell->directory = plan->n_cells == 1 ? out : path_join(&plan->arena, out, name);
    }
    return arena_failed(&plan->arena) ? no_memory(err) : STATUS_OK;
}

static enum status plan_from_command(struct plan *plan, struct error *err)
{
    static const char *const of_suites[] = {"model-root", "cell", "list"};
    for (size_t i = 0; i < sizeof of_suites / sizeof of_suites[0]; i++)
        if (option_given(plan->options, of_suites[i]))
            return fail(err, STATUS_USAGE, "--%s goes with the file of a suite", of_suites[i]);
    enum status status;
    if ((status = add_tasks(plan, err)) || (status = add_models(plan, err)) ||
        (status = open_protocols(plan, err)) || (status = place_data(plan, err)))
        return status;
    return place_runs(plan, err);
}

static enum status plan_from_suite(struct plan *plan, struct error *err)
{
    static const char *const of_cells[] = {"model", "task", "data", "sample-id"};
    const struct options *options = plan->options;
    if (options->n_operands != 1)
        return fail(err, STATUS_USAGE, "'%s' is one operand too many: one suite is expected",
                    options->operands[1]);
    for (size_t i = 0; i < sizeof of_cells / sizeof of_cells[0]; i++)
        if (option_given(options, of_cells[i]))
            return fail(err, STATUS_USAGE, "--%s does not go with the file of a suite",
                        of_cells[i]);
    enum status status = suite_read(plan, options->operands[0], err);
    if (!status) {
        status = open_protocols(plan, err);
        if (status == STATUS_USAGE) /* the file's fault, not the command line's */
            status = fail_within(err, STATUS_BAD_FORMAT, plan->suite);
    }
    return status;
}

static enum status read_sync(const struct options *options, size_t *every, struct error *err)
{
    const char *text = option_text(options, "sync");
    char *end;
    if (strcmp(text, "every") == 0) {
        *every = 1;
    } else if (strcmp(text, "end") == 0) {
        *every = 0;
    } else {
        unsigned long long value = strtoull(text, &end, 10);
        if (*end || text[0] < '0' || text[0] > '9' || value == 0 || value > 1000000)
            return fail(err, STATUS_USAGE, "--sync %s: every, end or 1 to 1000000 is expected",
                        text);
        *every = (size_t)value;
    }
    return STATUS_OK;
}

/* What the options of a cell say. */
static enum status read_settings(struct plan *plan, struct cell *cell, struct error *err)
{
    const struct options *options = cell->options;
    struct answerer_options *answerer = &cell->answerer;
    struct task_selection *selection = &cell->settings.selection;
    answerer->model = cell->model;
    answerer->max_new_tokens = -1;
    answerer->batch = option_count(options, "batch");
    answerer->memory_bytes = option_size(options, "memory");
    answerer->every_image_anew = option_flag(options, "no-reuse");
    cell->settings.shard = plan->shard;
    cell->settings.directory = plan->shard.of > 0
                                   ? shard_directory(&plan->arena, cell->directory, &plan->shard)
                                   : cell->directory;
    cell->settings.options = options;
    cell->settings.force = option_flag(options, "force");
    cell->settings.quiet = option_flag(options, "quiet");
    cell->settings.progress = cell->settings.quiet
                                  ? PROGRESS_NONE
                                  : progress_style_named(option_text(options, "progress"));
    selection->limit = option_count(options, "limit");
    selection->slim = option_count(options, "slim");
    selection->n_sample_ids = option_list(options, "sample-id", &selection->sample_ids);
    enum status status = model_options_read(options, &answerer->engine, err);
    answerer->seed = answerer->engine.seed;
    if (!status && option_given(options, "max-new-tokens"))
        status = option_int(options, "max-new-tokens", &answerer->max_new_tokens, err);
    if (!status && arena_failed(&plan->arena))
        status = no_memory(err);
    if (!status && !cell->scenario && answerer->max_new_tokens == 0 &&
        cell->task.protocol.n_choices == 0)
        status = fail(err, STATUS_USAGE,
                      "--max-new-tokens 0: %s has no choices to weigh, its answers are text",
                      cell->protocol);
    return status ? status : read_sync(options, &cell->settings.sync_every, err);
}

enum status plan_make(struct plan *plan, const struct options *options, struct error *err)
{
    *plan = (struct plan){.options = options};
    arena_init(&plan->arena);
    enum status status =
        options->n_operands > 0 ? plan_from_suite(plan, err) : plan_from_command(plan, err);
    if (!status && option_given(options, "shard"))
        status = shard_parse(option_text(options, "shard"), &plan->shard, err);
    for (size_t i = 0; !status && i < plan->n_cells; i++)
        status = read_settings(plan, &plan->cells[i], err);
    return status;
}

void plan_close(struct plan *plan)
{
    for (size_t i = 0; i < plan->n_cells; i++)
        task_close(&plan->cells[i].task);
    for (size_t i = 0; i < plan->n_copies; i++)
        options_release(&plan->copies[i]);
    arena_release(&plan->arena);
    *plan = (struct plan){0};
}
