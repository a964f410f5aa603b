/* eval/cmd_submit.c - `mambench submit`: answers in the file that a benchmark's server takes. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "eval/command.h"
#include "eval/manifest.h"
#include "eval/output.h"
#include "eval/scoring.h"
#include "eval/task.h"
#include "metrics/evalai.h"
#include "metrics/import.h"
#include "metrics/submission.h"

#include <string.h>

static const struct option_spec options_table[] = {
    {"task", 0, OPTION_TEXT, "PROTOCOL", "protocol that --predictions were asked by", NULL, NULL,
     false},
    {"predictions", 0, OPTION_FILE, "FILE", "answers that another program wrote", NULL, NULL,
     false},
    {"format", 0, OPTION_TEXT, "NAME", "which program wrote them", "llava", NULL, false},
    {"data", 'd', OPTION_DIRECTORY, "DIR",
     "folder of the benchmark; by default where the run found it", NULL, NULL, false},
    {"out", 'o', OPTION_FILE, "FILE", "where to write; by default standard output", NULL, NULL,
     false},
    {"split", 0, OPTION_TEXT, "NAME",
     "POPE only, which takes a file for each: adversarial, popular "
     "or random",
     NULL, NULL, false},
    {"answerability", 0, OPTION_FLAG, NULL,
     "VizWiz only: its second task, whether each question can be answered", NULL, NULL, false},
    {"empty-for-missing", 0, OPTION_FLAG, NULL,
     "submit \"\" for a question without an answer where the benchmark's converter would stop",
     NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "VQAv2, VizWiz and TextVQA: the bytes that EvalAI takes, answers normalised as LLaVA's "
    "converters do. VQAv2's server wants every question of test2015: for a run on test-dev those "
    "are read from the same folder, and what was not asked is submitted as \"\".",
    "GQA: the list that its server and eval.py take. POPE: one split's lines. VSR: preds.txt. None "
    "of "
    "them has a word for no answer: a failed sample is refused.",
    "VizWiz's second task wants a confidence that a question can be answered. A text holds none: "
    "it is "
    "0 for an answer that the protocol's scorer reads as \"unanswerable\", else 1. A failed sample "
    "is "
    "refused.",
    "A failed sample that is submitted as an empty answer is counted, and the exit code is 4.",
    NULL,
};

static const char *const examples[] = {
    "mambench submit runs/cobra-vqav2 --out vqav2.json",
    "mambench submit --task vizwiz@llava --predictions answers.jsonl --data vizwiz --out v.json",
    NULL,
};

/* What is submitted. */
struct submission {
    struct task task;
    const struct evalai_format *format; /* NULL: write */
    submission_writer *write;
    struct prediction *predictions;
    bool covers_more; /* than was asked: what was not is submitted empty */
};

/* Opens the protocol and loads the questions that the submission must hold. */
static enum status load_questions(struct submission *submission, const char *protocol,
                                  const char *data, struct error *err)
{
    struct task_selection all = {0};
    struct task *task = &submission->task;
    enum status status = task_open(task, protocol, err);
    if (status)
        return status;
    submission->format = evalai_format_find(task->protocol.dataset->name);
    submission->write = submission_writer_find(task->protocol.dataset->name);
    if (!submission->format && !submission->write)
        status = fail(err, STATUS_USAGE, "%s has no server: there is nothing to submit",
                      task->protocol.dataset->title);
    const struct evalai_format *format = submission->format;
    if (!status && format && format->covers &&
        strcmp(task->protocol.variant, format->covered_by) == 0) {
        task->protocol.variant = format->covers;
        submission->covers_more = true;
    }
    if (!status)
        status = task_load(task, data, &all, err);
    if (status)
        task_close(task);
    return status;
}

static enum status read_run(struct submission *submission, const char *directory, const char *data,
                            struct error *err)
{
    struct arena arena;
    cJSON *manifest = NULL;
    const char *name;
    arena_init(&arena);
    const char *path = path_join(&arena, directory, "manifest.json");
    const char *log = path_join(&arena, directory, "predictions.jsonl");
    enum status status = arena_failed(&arena)
                             ? fail(err, STATUS_NO_MEMORY, "out of memory while submitting")
                             : json_read(&manifest, path, err);
    if (!status)
        status = manifest_protocol(manifest, path, &name, err);
    if (!status && !data)
        data = json_string_or(json_find(manifest, "data"), "directory", ".");
    if (!status)
        status = load_questions(submission, name, data, err);
    if (!status) {
        status = scoring_read_log(log, &submission->task, &submission->task.arena,
                                  &submission->predictions, NULL, err);
        if (status)
            task_close(&submission->task);
    }
    cJSON_Delete(manifest);
    arena_release(&arena);
    return status;
}

static enum status read_predictions(struct submission *submission, const struct options *options,
                                    struct error *err)
{
    const char *name = option_text(options, "task"), *data = option_text(options, "data");
    const struct import_format *format = import_format_find(option_text(options, "format"));
    struct import_notes notes_of = {0};
    if (!name || !data || !format)
        return fail(err, STATUS_USAGE, "%s",
                    !name   ? "--predictions needs --task, the protocol they were asked by"
                    : !data ? "--predictions needs --data, the folder of the benchmark"
                            : "--format: there is no such format; 'llava' is one");
    enum status status = load_questions(submission, name, data, err);
    if (status)
        return status;
    struct task *task = &submission->task;
    status = predictions_import(format, option_text(options, "predictions"), &task->set, true,
                                &task->arena, &submission->predictions, &notes_of, err);
    if (status)
        task_close(task);
    else if (notes_of.text && !submission->covers_more)
        message("note: %s", notes_of.text);
    return status;
}

/* How many answers are missing: failed, and not among the lines at all. */
static enum exit_code tell_missing(const struct submission *submission)
{
    const struct task *task = &submission->task;
    size_t n_failed = 0, n_unasked = 0;
    for (size_t i = 0; i < task->set.n_samples; i++) {
        const char *failure = submission->predictions[i].failure;
        bool is_unasked = failure && strcmp(failure, "no prediction") == 0;
        n_unasked += is_unasked && submission->covers_more;
        n_failed += failure && !(is_unasked && submission->covers_more);
    }
    if (n_unasked > 0)
        message("note: %zu questions of %s were not asked and are submitted as \"\"", n_unasked,
                submission->format->covers);
    if (n_failed > 0)
        message("note: %zu questions have no answer and are submitted as \"\"", n_failed);
    return n_failed > 0 ? EXIT_INCOMPLETE : EXIT_DONE;
}

static enum exit_code write_submission(const struct submission *submission,
                                       const struct options *options, struct error *err)
{
    const char *path = option_text(options, "out");
    struct text text;
    text_init(&text);
    const struct task *task = &submission->task;
    submission_writer *write = option_flag(options, "answerability") ? submission_add_answerability
                               : submission->format                  ? NULL
                                                                     : submission->write;
    enum status status = write
                             ? write(&task->set, &task->protocol, submission->predictions,
                                     option_text(options, "split"), &text, err)
                             : evalai_write(submission->format, &task->set, submission->predictions,
                                            option_flag(options, "empty-for-missing"), &text, err);
    enum exit_code code = exit_of_status(status);
    if (!code &&
        (path ? file_write(path, text_string(&text), text.length, err) : output_text(&text, err)))
        code = EXIT_INTERNAL;
    text_release(&text);
    return code ? code : tell_missing(submission);
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct submission submission = {0};
    bool from_file = option_given(options, "predictions");
    enum status status = STATUS_OK;
    if (from_file == (options->n_operands > 0) || options->n_operands > 1)
        status = fail(err, STATUS_USAGE, "give one run directory, or --predictions");
    else if (from_file)
        status = read_predictions(&submission, options, err);
    else
        status = read_run(&submission, options->operands[0], option_text(options, "data"), err);
    if (status)
        return exit_of_status(status);
    enum exit_code code = write_submission(&submission, options, err);
    task_close(&submission.task);
    return code;
}

const struct command command_submit = {
    .name = "submit",
    .summary = "Writes the file that a benchmark's server takes",
    .operands = "[RUN]",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
