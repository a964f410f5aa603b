/* eval/cmd_run.c - `mambench run`: asks a model the questions of benchmarks and scores it. */
#include "engine/base/file.h"
#include "eval/answerer.h"
#include "eval/command.h"
#include "eval/model_options.h"
#include "eval/output.h"
#include "eval/run_list.h"
#include "eval/runner.h"
#include "eval/scoring.h"
#include "eval/signals.h"
#include "eval/task.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct option_spec options_table[] = {
    {"model", 'm', OPTION_DIRECTORY, "MODEL",
     "model directory, preset with --random-weights, or baseline:yes, no, majority, random", NULL,
     NULL, false},
    {"task", 0, OPTION_TEXT, "PROTOCOL", "protocol, such as pope@triml; several with commas", NULL,
     NULL, true},
    {"data", 'd', OPTION_DIRECTORY, "DIR",
     "folder of the benchmark; one for all tasks, or one per task in their order", NULL, NULL,
     true},
    {"data-root", 0, OPTION_DIRECTORY, "DIR",
     "folder with one folder per benchmark (pope, vsr) instead of --data", NULL, NULL, false},
    {"out", 'o', OPTION_DIRECTORY, "DIR",
     "run directory; with several tasks one folder per task is made in it; by default "
     "runs/MODEL-TASK",
     NULL, NULL, false},
    {"limit", 'n', OPTION_COUNT, "N", "ask only the first N samples; 0 is all", "0", NULL, false},
    {"sample-id", 0, OPTION_TEXT, "ID", "ask only this sample", NULL, NULL, true},
    {"slim", 0, OPTION_COUNT, "N",
     "ask only the subset of N samples that TRI's harness calls slim-N (of POPE N of each split); "
     "0 is all",
     "0", NULL, false},
    MODEL_OPTION_ROWS,
    {"seed", 0, OPTION_COUNT, "N", "of random weights and of baseline:random", "0", NULL, false},
    {"max-new-tokens", 0, OPTION_COUNT, "N",
     "instead of the protocol's number; noted in the manifest and the report", NULL, NULL, false},
    {"sync", 0, OPTION_TEXT, "WHEN",
     "when lines are forced to the disk: every, a number of lines, or end", "32", NULL, false},
    {"force", 'f', OPTION_FLAG, NULL, "start afresh where the directory holds a run", NULL, NULL,
     false},
    {"quiet", 'q', OPTION_FLAG, NULL, "no progress on standard error", NULL, NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print the summary as JSON", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "The samples of one image are asked one after the other, images in the order of their first "
    "appearance, and the picture is read once for all of them. The run directory then holds "
    "manifest.json, predictions.jsonl, timings.jsonl, scores.json, report.md and report.csv.",
    "The same command on the same directory goes on where it stopped, after Ctrl-C, a crash or "
    "kill -9, and the predictions are the same bytes as without the interruption. A directory "
    "that holds another run is refused.",
    "A sample whose picture is missing or damaged is recorded with its reason and counted as "
    "wrong; the run goes on and ends with exit code 4.",
    NULL,
};

static const char *const examples[] = {
    "mambench run --model examples/mini-cobra --task pope@triml --data examples/mini-bench/pope",
    "mambench run --model baseline:yes --task vsr@triml --data vsr --out runs/yes",
    NULL,
};

enum { MOST_TASKS = 16 };

/* One task of this command. */
struct job {
    struct task task;
    const char *protocol, *data, *directory;
};

struct plan {
    const struct options *options;
    struct answerer_options answerer_options;
    struct answerer answerer;
    struct run_settings settings; /* directory is set job by job */
    struct job jobs[MOST_TASKS];
    size_t n_jobs;
    struct arena arena;
};

/* Splits the --task values at their commas. */
static enum status read_tasks(struct plan *plan, struct error *err)
{
    const char *const *values;
    size_t n = option_list(plan->options, "task", &values);
    for (size_t i = 0; i < n; i++)
        for (const char *name = values[i]; *name;) {
            size_t length = strcspn(name, ",");
            if (plan->n_jobs == MOST_TASKS)
                return fail(err, STATUS_USAGE, "more than %d tasks", MOST_TASKS);
            if (length > 0)
                plan->jobs[plan->n_jobs++].protocol = arena_copy(&plan->arena, name, length);
            name += length + (name[length] == ',');
        }
    if (plan->n_jobs == 0)
        return fail(err, STATUS_USAGE,
                    "--task is needed; 'mambench task list' lists the protocols");
    return arena_failed(&plan->arena)
               ? fail(err, STATUS_NO_MEMORY, "out of memory while reading the command line")
               : STATUS_OK;
}

static enum status open_protocols(struct plan *plan, struct error *err)
{
    for (size_t i = 0; i < plan->n_jobs; i++) {
        enum status status = task_open(&plan->jobs[i].task, plan->jobs[i].protocol, err);
        if (status)
            return status;
        for (size_t j = 0; j < i; j++)
            if (strcmp(plan->jobs[i].protocol, plan->jobs[j].protocol) == 0)
                return fail(err, STATUS_USAGE, "--task %s is given twice", plan->jobs[i].protocol);
    }
    return STATUS_OK;
}

/* Where every task's data lies. */
static enum status place_data(struct plan *plan, struct error *err)
{
    const char *const *values;
    size_t n = option_list(plan->options, "data", &values);
    const char *root = option_text(plan->options, "data-root");
    if ((n > 0) == (root != NULL))
        return fail(err, STATUS_USAGE,
                    root ? "give --data or --data-root, not both"
                         : "--data is needed: the folder of the benchmark");
    if (n > 1 && n != plan->n_jobs)
        return fail(err, STATUS_USAGE, "%zu --data for %zu tasks: give one, or one per task", n,
                    plan->n_jobs);
    for (size_t i = 0; i < plan->n_jobs; i++) {
        struct job *job = &plan->jobs[i];
        const char *kind = job->task.protocol.dataset->name;
        job->data = root ? path_join(&plan->arena, root, kind) : values[n > 1 ? i : 0];
        if (n == 1 && strcmp(kind, plan->jobs[0].task.protocol.dataset->name) != 0)
            return fail(err, STATUS_USAGE,
                        "%s and %s are different benchmarks: give one --data per task, or "
                        "--data-root",
                        plan->jobs[0].protocol, job->protocol);
    }
    return STATUS_OK;
}

/* "cobra+3b" and "models/mini-cobra/" as part of a file name. */
static char *file_name_of(struct arena *arena, const char *model)
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

static enum status place_runs(struct plan *plan, struct error *err)
{
    const char *out = option_text(plan->options, "out");
    const char *model = file_name_of(&plan->arena, plan->answerer_options.model);
    for (size_t i = 0; i < plan->n_jobs; i++) {
        struct job *job = &plan->jobs[i];
        const char *name = job->task.protocol.name;
        if (!out)
            job->directory = arena_printf(&plan->arena, "runs/%s-%s", model ? model : "", name);
        else
            job->directory = plan->n_jobs == 1 ? out : path_join(&plan->arena, out, name);
    }
    return arena_failed(&plan->arena)
               ? fail(err, STATUS_NO_MEMORY, "out of memory while reading the command line")
               : STATUS_OK;
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

static enum status read_settings(struct plan *plan, struct error *err)
{
    const struct options *options = plan->options;
    struct answerer_options *answerer = &plan->answerer_options;
    struct run_settings *settings = &plan->settings;
    if (options->n_operands > 0)
        return fail(err, STATUS_USAGE, "'%s' is not an option", options->operands[0]);
    answerer->model = option_text(options, "model");
    answerer->max_new_tokens = -1;
    if (!answerer->model)
        return fail(err, STATUS_USAGE, "--model is needed: a directory or a baseline");
    settings->options = options;
    settings->force = option_flag(options, "force");
    settings->quiet = option_flag(options, "quiet");
    settings->selection.limit = option_count(options, "limit");
    settings->selection.slim = option_count(options, "slim");
    settings->selection.n_sample_ids =
        option_list(options, "sample-id", &settings->selection.sample_ids);
    enum status status = model_options_read(options, &answerer->engine, err);
    answerer->seed = answerer->engine.seed;
    if (!status && option_given(options, "max-new-tokens"))
        status = option_int(options, "max-new-tokens", &answerer->max_new_tokens, err);
    return status ? status : read_sync(options, &settings->sync_every, err);
}

/* Everything that can be refused before the model is loaded. */
static enum status prepare(struct plan *plan, struct error *err)
{
    enum status status;
    if ((status = read_settings(plan, err)) || (status = read_tasks(plan, err)) ||
        (status = open_protocols(plan, err)) || (status = place_data(plan, err)) ||
        (status = place_runs(plan, err)))
        return status;
    for (size_t i = 0; i < plan->n_jobs; i++) {
        struct job *job = &plan->jobs[i];
        status = task_load(&job->task, job->data, &plan->settings.selection, err);
        if (!status && job->task.set.n_samples == 0)
            status = fail(err, STATUS_BAD_FORMAT, "%s holds no samples", job->data);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static void announce(const struct plan *plan)
{
    const struct engine_info *info = plan->answerer.facts.engine;
    if (!info || plan->settings.quiet)
        return;
    message("%s%s: %s%s%s, %s kernels, %d thread%s", info->name,
            info->random_weights ? " (random weights)" : "", precision_name(info->precision),
            info->precision_note ? " because " : "",
            info->precision_note ? info->precision_note : "", info->kernels, info->threads,
            info->threads == 1 ? "" : "s");
}

/* The command that goes on: this one without --force. */
static void tell_how_to_resume(const struct run_outcome *outcome, const struct job *job)
{
    struct text text;
    const char *kept[256];
    size_t n = 0;
    for (size_t i = 0; command_line[i] && n + 1 < sizeof kept / sizeof kept[0]; i++)
        if (strcmp(command_line[i], "--force") != 0 && strcmp(command_line[i], "-f") != 0)
            kept[n++] = command_line[i];
    kept[n] = NULL;
    text_init(&text);
    add_shell_words(&text, kept);
    message("interrupted after %zu of %zu samples of %s; to go on:\n  %s", outcome->n_done,
            job->task.set.n_samples, job->protocol, text_string(&text));
    text_release(&text);
}

static enum exit_code run_job(struct plan *plan, struct job *job, struct error *err)
{
    struct run_outcome outcome;
    struct run_settings settings = plan->settings;
    settings.directory = job->directory;
    enum exit_code code = runner_run(&settings, &job->task, &plan->answerer, &outcome, err);
    if (outcome.signal)
        tell_how_to_resume(&outcome, job);
    if (code == EXIT_DONE || code == EXIT_INCOMPLETE)
        code = exit_worst(
            code, scoring_write(job->directory, &job->task, plan->answerer_options.seed, err));
    return code;
}

static enum exit_code run_plan(struct plan *plan, struct error *err)
{
    enum status status = prepare(plan, err);
    if (!status)
        status = answerer_open(&plan->answerer, &plan->answerer_options, err);
    enum exit_code code = exit_of_status(status);
    if (code)
        return code;
    announce(plan);
    signals_watch();
    for (size_t i = 0; i < plan->n_jobs; i++) {
        enum exit_code job_code = run_job(plan, &plan->jobs[i], err);
        code = exit_worst(code, job_code);
        if (job_code != EXIT_DONE && job_code != EXIT_INCOMPLETE)
            return code;
    }
    const char *directories[MOST_TASKS];
    for (size_t i = 0; i < plan->n_jobs; i++)
        directories[i] = plan->jobs[i].directory;
    if (run_list_print(directories, plan->n_jobs, option_flag(plan->options, "json"), err))
        code = exit_worst(code, EXIT_INTERNAL);
    return code;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    static struct plan plan;
    plan = (struct plan){.options = options};
    arena_init(&plan.arena);
    enum exit_code code = run_plan(&plan, err);
    answerer_close(&plan.answerer);
    for (size_t i = 0; i < plan.n_jobs; i++)
        task_close(&plan.jobs[i].task);
    arena_release(&plan.arena);
    return code;
}

const struct command command_run = {
    .name = "run",
    .summary = "Asks a model the questions of benchmarks and scores the answers",
    .operands = "",
    .operand_type = OPTION_TEXT,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
