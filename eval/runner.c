#include "eval/runner.h"

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "eval/command.h"
#include "eval/manifest.h"
#include "eval/output.h"
#include "eval/prediction_log.h"
#include "eval/signals.h"
#include "metrics/metric.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One run while it lasts. */
struct runner {
    const struct run_settings *settings;
    struct task *task;
    struct answerer *answerer;
    struct run_outcome *outcome;
    const char **prompts; /* in evaluation order */
    const char *manifest_path, *predictions_path, *timings_path;
    cJSON *manifest;
    struct log_file predictions, timings;
    struct progress progress;
    const struct metric *metric;
    const char *last_image; /* of the sample counted last */
    struct answer *answers; /* [ANSWERER_MOST_QUESTIONS] */
    struct text line;       /* the line being written */
    int64_t began_ns;
    struct arena arena;
};

/* Takes a sample into the running score; samples come in evaluation order. */
static void count_right(struct runner *runner, const struct sample *sample,
                        const struct prediction *prediction)
{
    struct running_mean *right = &runner->progress.right;
    if (!runner->metric->correct || sample->n_answers == 0)
        return;
    if (runner->last_image && strcmp(runner->last_image, sample->image_name) != 0)
        running_next_image(right);
    runner->last_image = sample->image_name;
    running_add(right, metric_credit(runner->metric, sample, &runner->task->protocol, prediction));
}

static enum exit_code no_memory(struct error *err)
{
    fail(err, STATUS_NO_MEMORY, "out of memory while preparing the run");
    return EXIT_INTERNAL;
}

/* All prompts, in evaluation order, and the hash over them: "id\0prompt\0" each. */
static enum exit_code make_prompts(struct runner *runner, struct sha256_text *hash,
                                   struct error *err)
{
    const struct task *task = runner->task;
    size_t n = task->set.n_samples;
    struct text all;
    text_init(&all);
    runner->prompts = arena_alloc_small(&runner->arena, n + 1, sizeof *runner->prompts);
    for (size_t i = 0; runner->prompts && i < n && !all.failed; i++) {
        const struct sample *sample = &task->set.samples[task->order[i]];
        text_add_bytes(&all, sample->id, strlen(sample->id) + 1);
        size_t start = all.length;
        runner->answerer->kind->prompt(runner->answerer, sample, &all);
        runner->prompts[i] =
            arena_copy(&runner->arena, text_string(&all) + start, all.length - start);
        text_add_char(&all, '\0');
    }
    bool failed = all.failed || arena_failed(&runner->arena);
    *hash = sha256_bytes(text_string(&all), all.length);
    text_release(&all);
    return failed ? no_memory(err) : EXIT_DONE;
}

static enum exit_code make_manifest(struct runner *runner, struct error *err)
{
    struct manifest_facts facts = {.options = runner->settings->options,
                                   .task = runner->task,
                                   .answerer = runner->answerer,
                                   .command_line = command_line,
                                   .selection = runner->settings->selection,
                                   .shard = runner->settings->shard};
    enum exit_code code = make_prompts(runner, &facts.prompts_sha256, err);
    if (code)
        return code;
    facts.first_prompt = runner->prompts[0];
    enum status status = runner->answerer->kind->hash(runner->answerer, &facts.model_sha256, err);
    if (!status)
        status = manifest_new(&runner->manifest, &facts, err);
    return exit_of_status(status);
}

/* Takes over the starts of the run that is resumed, and the list of shards of one that was merged.
 */
static enum exit_code take_over(struct runner *runner, cJSON *old, struct error *err)
{
    enum status status = manifest_compare(old, runner->manifest, runner->settings->directory, err);
    if (status)
        return exit_of_status(status);
    cJSON *starts = cJSON_DetachItemFromObjectCaseSensitive(old, "starts");
    if (starts && !cJSON_ReplaceItemInObjectCaseSensitive(runner->manifest, "starts", starts)) {
        cJSON_Delete(starts);
        return no_memory(err);
    }
    cJSON *shards = cJSON_DetachItemFromObjectCaseSensitive(old, "shards");
    if (shards && !cJSON_AddItemToObject(runner->manifest, "shards", shards)) {
        cJSON_Delete(shards);
        return no_memory(err);
    }
    return EXIT_DONE;
}

/* A log without a byte in it belongs to nobody: the process was killed before its first line. */
static bool has_lines(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && (!S_ISREG(info.st_mode) || info.st_size > 0);
}

/* Looks at what is in the directory; *resume is set if it is this run's beginning. */
static enum exit_code look_at_directory(struct runner *runner, bool *resume, struct error *err)
{
    cJSON *old = NULL;
    *resume = false;
    if (runner->settings->force || !has_lines(runner->predictions_path))
        return EXIT_DONE;
    if (!file_exists(runner->manifest_path)) {
        fail(err, STATUS_USAGE,
             "%s holds predictions.jsonl but no manifest.json; give another --out, or --force to "
             "start afresh",
             runner->settings->directory);
        return EXIT_USAGE;
    }
    enum status status = json_read(&old, runner->manifest_path, err);
    if (status)
        return exit_of_status(status);
    enum exit_code code = take_over(runner, old, err);
    cJSON_Delete(old);
    *resume = code == EXIT_DONE;
    return code;
}

/* Results of the run that was here before. */
static void remove_old_results(struct runner *runner)
{
    static const char *const names[] = {"scores.json", "report.md", "report.csv", "timings.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = path_join(&runner->arena, runner->settings->directory, names[i]);
        if (path)
            unlink(path);
    }
}

/* The lines that are there must be the first of this run. */
static enum exit_code check_lines(struct runner *runner, struct error *err)
{
    struct log_entry *entries = NULL;
    struct arena arena;
    const struct task *task = runner->task;
    size_t n = 0;
    arena_init(&arena);
    enum status status = log_read(runner->predictions_path, &arena, &entries, &n, NULL, err);
    if (!status && n > task->end - task->begin)
        status = fail(err, STATUS_MISMATCH, "%s has %zu lines, the run only %zu samples",
                      runner->predictions_path, n, task->end - task->begin);
    for (size_t i = 0; !status && i < n; i++) {
        const char *expected = task->set.samples[task->order[task->begin + i]].id;
        if (strcmp(entries[i].id, expected) != 0)
            status = fail(err, STATUS_MISMATCH,
                          "%s: line %zu answers sample '%s' where '%s' is expected",
                          runner->predictions_path, i + 1, entries[i].id, expected);
        runner->outcome->n_failed += entries[i].failure != NULL;
        if (!status)
            count_right(runner, &task->set.samples[task->order[task->begin + i]],
                        &(struct prediction){.sample_id = entries[i].id,
                                             .text = entries[i].text,
                                             .probabilities = entries[i].probabilities,
                                             .failure = entries[i].failure});
    }
    runner->outcome->n_before = runner->outcome->n_done = status ? 0 : n;
    arena_release(&arena);
    return exit_of_status(status);
}

static struct manifest_start describe_start(const struct runner *runner, const char *outcome)
{
    const struct engine_info *info = runner->answerer->facts.engine;
    const struct answerer_options *options = &runner->answerer->options;
    return (struct manifest_start){.threads = info ? info->threads : 0,
                                   .batch = options->batch,
                                   .reuse = !options->every_image_anew,
                                   .samples_before = runner->outcome->n_before,
                                   .samples_after = runner->outcome->n_done,
                                   .seconds = (double)(clock_ns() - runner->began_ns) * 1e-9,
                                   .outcome = outcome};
}

/* Opens the logs behind their whole lines and writes the manifest. */
static enum exit_code open_logs(struct runner *runner, bool resume, struct error *err)
{
    enum status status = log_open(&runner->predictions, runner->predictions_path, resume, err);
    if (status)
        return status == STATUS_USAGE ? EXIT_USAGE : EXIT_INTERNAL;
    if (resume) {
        enum exit_code code = check_lines(runner, err);
        if (code)
            return code;
    } else {
        remove_old_results(runner);
    }
    struct manifest_start start = describe_start(runner, "running");
    if (!manifest_add_start(runner->manifest, &start))
        return no_memory(err);
    status = manifest_write(runner->manifest, runner->manifest_path, err);
    if (!status && runner->answerer->facts.engine)
        status = log_open(&runner->timings, runner->timings_path, resume, err);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

/* What the progress shows of the answer at a place in the order: whether it is right, with a
 * failure counting as wrong, and whether its picture was at hand. */
static void count(struct runner *runner, size_t place, const struct answer *answer)
{
    const struct sample *sample = &runner->task->set.samples[runner->task->order[place]];
    struct progress *progress = &runner->progress;
    const struct prediction prediction = {.sample_id = sample->id,
                                          .text = answer->text,
                                          .probabilities =
                                              answer->n_choices > 0 ? answer->probabilities : NULL,
                                          .failure = answer->failure};
    count_right(runner, sample, &prediction);
    progress->done = runner->outcome->n_done;
    progress->failed = runner->outcome->n_failed;
    progress->reused += answer->image_reused;
    progress->pictures += answer->is_measured && !answer->image_reused;
}

/* The lines of answers to the next n samples, in order. */
static enum exit_code write_lines(struct runner *runner, const struct answer *answers, size_t n,
                                  struct error *err)
{
    const struct task *task = runner->task;
    size_t sync_every = runner->settings->sync_every;
    size_t first = task->begin + runner->outcome->n_done;
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < n; i++) {
        const struct sample *sample = &task->set.samples[task->order[first + i]];
        text_reset(&runner->line);
        log_line_add(&runner->line, sample->id, sample->image_name, &answers[i]);
        status = log_append(&runner->predictions, &runner->line, sync_every, err);
        if (!status && answers[i].is_measured) {
            text_reset(&runner->line);
            timing_line_add(&runner->line, sample->id, &answers[i]);
            status = log_append(&runner->timings, &runner->line, sync_every, err);
        }
        if (status)
            return EXIT_INTERNAL;
        runner->outcome->n_done += 1;
        runner->outcome->n_failed += answers[i].failure != NULL;
        count(runner, first + i, &answers[i]);
    }
    return EXIT_DONE;
}

/* Shows the answerer what comes next and writes what it answers. */
static enum exit_code ask_some(struct runner *runner, struct error *err)
{
    const struct task *task = runner->task;
    size_t first = task->begin + runner->outcome->n_done, n = task->end - first, n_answered = 0;
    struct question questions[ANSWERER_MOST_QUESTIONS];
    if (n > ANSWERER_MOST_QUESTIONS)
        n = ANSWERER_MOST_QUESTIONS;
    for (size_t i = 0; i < n; i++)
        questions[i] = (struct question){task->order[first + i], runner->prompts[first + i]};
    enum status status = runner->answerer->kind->answer(runner->answerer, questions, n,
                                                        runner->answers, &n_answered, err);
    if (status)
        return exit_of_status(status);
    return write_lines(runner, runner->answers, n_answered, err);
}

static enum exit_code ask_all(struct runner *runner, struct error *err)
{
    const struct task *task = runner->task;
    struct run_outcome *outcome = runner->outcome;
    struct progress *progress = &runner->progress;
    enum exit_code code = EXIT_DONE;
    runner->answers =
        arena_alloc_small(&runner->arena, ANSWERER_MOST_QUESTIONS, sizeof *runner->answers);
    if (!runner->answers)
        return no_memory(err);
    progress->what = task->protocol.name;
    progress->total = task->end - task->begin;
    progress->start = progress->done = outcome->n_done;
    progress->failed = outcome->n_failed;
    progress_begin(progress, runner->settings->progress);
    while (!code && outcome->n_done < progress->total && !signals_caught()) {
        code = ask_some(runner, err);
        progress_show(progress);
    }
    progress_end(progress);
    outcome->signal = outcome->n_done < progress->total ? signals_caught() : 0;
    return code;
}

/* Syncs and closes the logs and notes how this start ended; the first error wins. */
static enum exit_code finish(struct runner *runner, enum exit_code code, struct error *err)
{
    struct error *first = code ? NULL : err;
    enum status status = log_close(&runner->predictions, first);
    enum status timing_status = log_close(&runner->timings, status ? NULL : first);
    const char *outcome = code                      ? "stopped by an error"
                          : runner->outcome->signal ? "interrupted"
                                                    : "finished";
    struct manifest_start start = describe_start(runner, outcome);
    if (manifest_update_start(runner->manifest, &start) && !status)
        status = manifest_write(runner->manifest, runner->manifest_path, first);
    if (!code && (status || timing_status))
        code = EXIT_INTERNAL;
    return code;
}

static enum exit_code run_opened(struct runner *runner, struct error *err)
{
    bool resume;
    enum exit_code code = look_at_directory(runner, &resume, err);
    if (!code && directory_create(runner->settings->directory, err))
        code = EXIT_INTERNAL;
    if (!code)
        code = open_logs(runner, resume, err);
    if (code) {
        log_close(&runner->predictions, NULL);
        log_close(&runner->timings, NULL);
        return code;
    }
    code = finish(runner, ask_all(runner, err), err);
    if (code)
        return code;
    if (runner->outcome->signal)
        return runner->outcome->signal == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED;
    return runner->outcome->n_failed > 0 ? EXIT_INCOMPLETE : EXIT_DONE;
}

enum exit_code runner_run(const struct run_settings *settings, struct task *task,
                          struct answerer *answerer, struct run_outcome *outcome, struct error *err)
{
    struct runner runner = {.settings = settings,
                            .task = task,
                            .answerer = answerer,
                            .outcome = outcome,
                            .predictions.fd = -1,
                            .timings.fd = -1,
                            .metric = metric_find(task->protocol.metric),
                            .began_ns = clock_ns()};
    *outcome = (struct run_outcome){0};
    arena_init(&runner.arena);
    text_init(&runner.line);
    runner.manifest_path = path_join(&runner.arena, settings->directory, "manifest.json");
    runner.predictions_path = path_join(&runner.arena, settings->directory, "predictions.jsonl");
    runner.timings_path = path_join(&runner.arena, settings->directory, "timings.jsonl");
    enum exit_code code = arena_failed(&runner.arena) ? no_memory(err) : EXIT_DONE;
    if (!code)
        code = exit_of_status(answerer->kind->begin(answerer, &task->set, &task->protocol, err));
    if (!code)
        code = make_manifest(&runner, err);
    if (!code)
        code = run_opened(&runner, err);
    cJSON_Delete(runner.manifest);
    text_release(&runner.line);
    arena_release(&runner.arena);
    return code;
}
