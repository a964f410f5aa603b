/* eval/plan_run.c - running a plan: first everything is checked, then asked, model by model.
 *
 * A cell that fails says why and the others go on.  What is wrong with the last cell should not be
 * found after hours of the first: models and data are looked at before anything is asked. */
#include "eval/plan.h"

#include "engine/base/file.h"
#include "eval/command.h"
#include "eval/output.h"
#include "eval/run_list.h"
#include "eval/scoring.h"
#include "eval/signals.h"
#include "eval/version.h"
#include "reports/grid.h"
#include "reports/json_writer.h"

#include <math.h>
#include <signal.h>
#include <string.h>

static bool is_alone(const struct plan *plan)
{
    return plan->n_cells == 1 && !plan->suite;
}

/* Notes that a cell cannot be done, and says so unless another one's failure has said the same.
 * The reason of a plan's only cell is main()'s to print. */
static void cell_failed(const struct plan *plan, struct cell *cell, enum exit_code code)
{
    bool is_told = is_alone(plan);
    for (size_t i = 0; i < plan->n_cells; i++)
        is_told = is_told || (plan->cells[i].state == CELL_FAILED &&
                              strcmp(plan->cells[i].reason.text, cell->reason.text) == 0);
    cell->state = CELL_FAILED;
    cell->code = code;
    if (!is_told)
        message("%s/%s: %s", cell->row, cell->column, cell->reason.text);
}

static const char *state_name(enum cell_state state)
{
    static const char *const names[] = {[CELL_WAITING] = "waiting",
                                        [CELL_RUNNING] = "running",
                                        [CELL_FINISHED] = "finished",
                                        [CELL_FAILED] = "failed",
                                        [CELL_INTERRUPTED] = "interrupted"};
    return names[state];
}

/* Writes OUT/suite.json: what became of every cell so far.  That it cannot be written is told, and
 * stops nothing. */
static void write_record(const struct plan *plan)
{
    struct text text;
    struct json_writer writer;
    struct error reason = {""};
    if (!plan->suite || plan->shard.of > 0) /* shards would write over each other */
        return;
    text_init(&text);
    json_begin(&writer, &text);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_put_string(&writer, "suite", plan->suite);
    json_put_string(&writer, "name", plan->name);
    json_open(&writer, "cells", '[');
    for (size_t i = 0; i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        json_open(&writer, NULL, '{');
        json_put_string(&writer, "model", cell->row);
        json_put_string(&writer, "task", cell->column);
        json_put_string(&writer, "directory", cell->directory);
        json_put_string(&writer, "state", state_name(cell->state));
        json_put_count(&writer, "exit_code", (uint64_t)cell->code);
        json_put_string(&writer, "reason", cell->reason.text[0] ? cell->reason.text : NULL);
        json_close(&writer, '}');
    }
    json_close(&writer, ']');
    json_close(&writer, '}');
    struct arena arena;
    arena_init(&arena);
    const char *path = path_join(&arena, plan->out, "suite.json");
    if (!path || text.failed || directory_create(plan->out, &reason) ||
        file_write(path, text_string(&text), text.length, &reason))
        message("%s/suite.json is not up to date: %s", plan->out, reason.text);
    arena_release(&arena);
    text_release(&text);
}

/* Whether two cells ask the same samples, so that looking once is enough. */
static bool same_samples(const struct cell *a, const struct cell *b)
{
    const struct task_selection *x = &a->settings.selection, *y = &b->settings.selection;
    bool same_ids = x->n_sample_ids == y->n_sample_ids;
    for (size_t i = 0; same_ids && i < x->n_sample_ids; i++)
        same_ids = strcmp(x->sample_ids[i], y->sample_ids[i]) == 0;
    if (a->scenario || b->scenario)
        return false;
    return same_ids && x->slim == y->slim && x->limit == y->limit &&
           strcmp(a->data, b->data) == 0 && strcmp(a->protocol, b->protocol) == 0;
}

static enum status load(struct cell *cell)
{
    struct error *err = &cell->reason;
    enum status status = task_load(&cell->task, cell->data, &cell->settings.selection, err);
    cell->is_loaded = !status;
    if (!status && cell->task.set.n_samples == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s holds no samples", cell->data);
    return status;
}

/* The task without its samples: they are read again when the cell's turn comes. */
static void unload(struct cell *cell)
{
    struct error unused;
    task_close(&cell->task);
    cell->is_loaded = false;
    task_open(&cell->task, cell->protocol, &unused); /* it has been opened before */
}

/* Looks whether a cell's model and data are there; the only cell of a plan keeps its samples. */
static void check_cell(struct plan *plan, size_t i)
{
    struct cell *cell = &plan->cells[i];
    enum status status = answerer_check(&cell->answerer, &cell->reason);
    if (!status && cell->scenario && !file_exists(cell->image))
        status = fail(&cell->reason, STATUS_NOT_FOUND, "%s: there is no such picture", cell->image);
    if (status || cell->scenario) {
        if (status)
            cell_failed(plan, cell, exit_of_status(status));
        return;
    }
    for (size_t j = 0; j < i; j++) {
        const struct cell *earlier = &plan->cells[j];
        if (!earlier->data_checked || !same_samples(earlier, cell))
            continue;
        if (earlier->state != CELL_FAILED || !earlier->data_failed)
            return;
        cell->reason = earlier->reason;
        cell->data_failed = true;
        cell_failed(plan, cell, earlier->code);
        return;
    }
    cell->data_checked = true;
    status = load(cell);
    cell->data_failed = status != STATUS_OK;
    if (status)
        cell_failed(plan, cell, exit_of_status(status));
    if (plan->n_cells > 1)
        unload(cell);
}

static void announce(const struct answerer *answerer)
{
    const struct engine_info *info = answerer->facts.engine;
    if (!info)
        message("%s", answerer->facts.name);
    else
        message("%s%s: %s%s%s, %s kernels, %d thread%s", info->name,
                info->random_weights ? " (random weights)" : "", precision_name(info->precision),
                info->precision_note ? " because " : "",
                info->precision_note ? info->precision_note : "", info->kernels, info->threads,
                info->threads == 1 ? "" : "s");
}

/* The command that goes on: this one without --force. */
static void add_command_again(const struct plan *plan, struct text *out)
{
    static const char *const not_again[] = {"force", NULL};
    struct arena arena;
    const char *program[] = {command_line[0], "run", NULL};
    arena_init(&arena);
    const char **words = options_words(plan->options, not_again, &arena);
    add_shell_words(out, program);
    text_add_char(out, ' ');
    if (words)
        add_shell_words(out, words);
    arena_release(&arena);
}

static void tell_how_to_resume(const struct plan *plan)
{
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        if (cell->state == CELL_INTERRUPTED && !cell->scenario)
            text_addf(&text, "interrupted after %zu of %zu samples of %s; ", cell->n_done,
                      cell->n_asked, cell->protocol);
    }
    text_add(&text, text.length > 0 ? "to go on:\n  " : "interrupted; to go on:\n  ");
    add_command_again(plan, &text);
    message("%s", text_string(&text));
    text_release(&text);
}

/* Asks and scores one cell; its samples are there.  A shard alone has no scores. */
static enum exit_code ask_cell(struct cell *cell, struct answerer *answerer)
{
    struct run_outcome outcome;
    answerer->options.max_new_tokens = cell->answerer.max_new_tokens;
    answerer->options.batch = cell->answerer.batch;
    answerer->options.memory_bytes = cell->answerer.memory_bytes;
    answerer->options.every_image_anew = cell->answerer.every_image_anew;
    bool is_shard = cell->settings.shard.of > 0;
    if (is_shard)
        shard_task(&cell->task, &cell->settings.shard);
    enum exit_code code =
        runner_run(&cell->settings, &cell->task, answerer, &outcome, &cell->reason);
    cell->n_done = outcome.n_done;
    cell->n_asked = cell->task.end - cell->task.begin;
    if (!is_shard && (code == EXIT_DONE || code == EXIT_INCOMPLETE))
        code = exit_worst(
            code, scoring_write(cell->directory, &cell->task, cell->answerer.seed, &cell->reason));
    return code;
}

static enum exit_code signal_exit(void)
{
    return signals_caught() == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED;
}

static enum exit_code measure_cell(struct cell *cell, const struct answerer *answerer)
{
    if (cell->settings.shard.index > 1)
        return EXIT_DONE; /* the first shard measures */
    if (!cell->settings.quiet)
        message("%s: measuring %s", cell->row, cell->scenario->name);
    enum status status =
        scenario_run(cell->scenario, answerer_model(answerer), cell->image, cell->directory,
                     cell->settings.force, &cell->tokens_per_s, &cell->reason);
    return !status && isnan(cell->tokens_per_s) ? signal_exit() : exit_of_status(status);
}

static void run_cell(struct plan *plan, struct cell *cell, struct answerer *answerer)
{
    bool has_samples = cell->scenario || cell->is_loaded;
    enum status status = has_samples ? STATUS_OK : load(cell);
    cell->state = CELL_RUNNING;
    enum exit_code code = status           ? exit_of_status(status)
                          : cell->scenario ? measure_cell(cell, answerer)
                                           : ask_cell(cell, answerer);
    cell->code = code;
    if (code == EXIT_INTERRUPTED || code == EXIT_TERMINATED)
        cell->state = CELL_INTERRUPTED;
    else if (code == EXIT_DONE || code == EXIT_INCOMPLETE)
        cell->state = CELL_FINISHED;
    else
        cell_failed(plan, cell, code);
    if (plan->n_cells > 1 && !cell->scenario)
        unload(cell);
}

/* Whether one loaded model serves both. */
static bool same_model(const struct answerer_options *a, const struct answerer_options *b)
{
    const char *x = a->engine.kernels ? a->engine.kernels : "";
    const char *y = b->engine.kernels ? b->engine.kernels : "";
    return strcmp(a->model, b->model) == 0 && a->seed == b->seed &&
           a->engine.precision == b->engine.precision && a->engine.threads == b->engine.threads &&
           a->engine.random_weights == b->engine.random_weights && strcmp(x, y) == 0;
}

/* Runs the cells [begin, end), which share a model. */
static void run_model(struct plan *plan, size_t begin, size_t end)
{
    struct answerer answerer;
    struct error reason = {""};
    enum status status = answerer_open(&answerer, &plan->cells[begin].answerer, &reason);
    if (!status && !plan->cells[begin].settings.quiet)
        announce(&answerer);
    for (size_t i = begin; i < end; i++) {
        struct cell *cell = &plan->cells[i];
        if (cell->state == CELL_FAILED)
            continue;
        if (status) {
            cell->reason = reason;
            cell_failed(plan, cell, exit_of_status(status));
            continue;
        }
        run_cell(plan, cell, &answerer);
        write_record(plan);
        if (cell->state == CELL_INTERRUPTED)
            break;
    }
    answerer_close(&answerer);
}

/* Everything, model by model; the worst exit code of what was done. */
static enum exit_code run_cells(struct plan *plan)
{
    enum exit_code code = EXIT_DONE;
    for (size_t begin = 0, end; begin < plan->n_cells; begin = end) {
        const struct cell *first = &plan->cells[begin];
        end = begin + 1;
        if (first->state == CELL_FAILED)
            continue;
        while (end < plan->n_cells && same_model(&first->answerer, &plan->cells[end].answerer))
            end++;
        run_model(plan, begin, end);
        if (signals_caught())
            break;
    }
    for (size_t i = 0; i < plan->n_cells; i++) {
        bool was_reached = plan->cells[i].state != CELL_WAITING;
        code = exit_worst(code, was_reached ? plan->cells[i].code : signal_exit());
    }
    return code;
}

static enum status print_suite(const struct plan *plan, struct error *err)
{
    struct grid grid;
    struct text text;
    text_init(&text);
    enum status status = STATUS_OK;
    grid_init(&grid);
    for (size_t i = 0; !status && i < plan->n_cells; i++) {
        const struct cell *cell = &plan->cells[i];
        struct run_record record;
        if (cell->state != CELL_FINISHED)
            grid_put_missing(&grid, cell->row, cell->column, cell->reason.text);
        else if (cell->scenario)
            grid_put_rate(&grid, cell->row, cell->column, cell->tokens_per_s);
        else if (!(status = run_record_open(&record, cell->directory, err))) {
            grid_put_run(&grid, cell->row, cell->column, &record);
            run_record_close(&record);
        }
    }
    grid_add_to(&grid, &text);
    if (!status)
        status = output_text(&text, err);
    grid_release(&grid);
    text_release(&text);
    return status;
}

/* The runs that are there. */
static enum status print_runs(const struct plan *plan, struct error *err)
{
    struct arena arena;
    size_t n = 0;
    enum status status = STATUS_OK;
    arena_init(&arena);
    const char **directories = arena_alloc_small(&arena, plan->n_cells, sizeof *directories);
    for (size_t i = 0; directories && i < plan->n_cells; i++)
        if (plan->cells[i].state == CELL_FINISHED && !plan->cells[i].scenario)
            directories[n++] = plan->cells[i].directory;
    if (!directories)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while printing runs");
    else if (n > 0)
        status = run_list_print(directories, n, option_flag(plan->options, "json"), err);
    arena_release(&arena);
    return status;
}

static void tell_shard(const struct plan *plan)
{
    const struct shard *shard = &plan->shard;
    if (shard->of > 0 && !plan->cells[0].settings.quiet)
        message("shard %zu of %zu%s%s%s", shard->index, shard->of, shard->source ? " (" : "",
                shard->source ? shard->source : "", shard->source ? ")" : "");
}

static void tell_how_to_merge(const struct plan *plan)
{
    struct text text;
    const char *words[4] = {"mambench", "merge", plan->suite ? plan->out : NULL, NULL};
    if (plan->cells[0].settings.quiet)
        return;
    text_init(&text);
    add_shell_words(&text, words);
    for (size_t i = 0; !plan->suite && i < plan->n_cells; i++) {
        const char *directory[2] = {plan->cells[i].directory, NULL};
        text_add_char(&text, ' ');
        add_shell_words(&text, directory);
    }
    message("when all %zu shards are done:  %s", plan->shard.of, text_string(&text));
    text_release(&text);
}

enum exit_code plan_run(struct plan *plan, struct error *err)
{
    tell_shard(plan);
    for (size_t i = 0; i < plan->n_cells; i++)
        check_cell(plan, i);
    signals_watch();
    write_record(plan);
    enum exit_code code = run_cells(plan);
    write_record(plan);
    if (is_alone(plan))
        *err = plan->cells[0].reason;
    if (code == EXIT_INTERRUPTED || code == EXIT_TERMINATED) {
        tell_how_to_resume(plan);
        return code;
    }
    if (plan->shard.of > 0) {
        tell_how_to_merge(plan);
        return code;
    }
    bool as_grid = plan->suite && !option_flag(plan->options, "json");
    struct error reason = {""};
    if (as_grid ? print_suite(plan, &reason) : print_runs(plan, &reason)) {
        *err = reason;
        code = exit_worst(code, EXIT_INTERNAL);
    }
    return code;
}
