/* eval/cmd_score.c - `mambench score`: scores a run again, or predictions made elsewhere. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "eval/command.h"
#include "eval/model_options.h"
#include "eval/run_answers.h"
#include "eval/run_list.h"
#include "eval/score_imported.h"
#include "eval/scoring.h"
#include "eval/task.h"

static const struct option_spec options_table[] = {
    {"task", 0, OPTION_TEXT, "PROTOCOL", "protocol to score predictions by", NULL, NULL, false},
    {"tasks", 0, OPTION_TEXT, "LIST", "the same under several protocols, as one table", NULL, NULL,
     false},
    {"predictions", 0, OPTION_FILE, "FILE", "answers that another program wrote", NULL, NULL,
     false},
    {"format", 0, OPTION_TEXT, "NAME",
     "which program wrote them: llava, triml, lmms-eval, vlmevalkit, jsonl, official or "
     "evalai",
     "llava", NULL, false},
    {"data", 'd', OPTION_DIRECTORY, "DIR",
     "folder of the benchmark; by default where the run found it, or the labels in the "
     "predictions",
     NULL, NULL, false},
    {"out", 'o', OPTION_DIRECTORY, "DIR",
     "keep the predictions as a run directory, for report, compare and study; needs --task and "
     "--data",
     NULL, NULL, false},
    {"name", 0, OPTION_TEXT, "NAME", "with --out: who answered; by default the predictions' file",
     NULL, NULL, false},
    {"seed", 0, OPTION_COUNT, "N", "of baseline:random among the floors", "0", NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print JSON", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "With run directories: reads predictions.jsonl and writes scores.json, report.md and "
    "report.csv anew; no model is needed. With --predictions: prints every score of the protocol, "
    "or one line for each of --tasks; a protocol that reads what the answers do not hold has a "
    "reason there and no score.",
    NULL,
};

static const char *const examples[] = {
    "mambench score runs/cobra-pope",
    "mambench score --task pope@llava --predictions answers.jsonl --format llava --data pope",
    "mambench score --tasks pope@llava,pope@lmms-eval,pope@triml --predictions answers.jsonl",
    "mambench score --task pope@llava --predictions answers.jsonl --data pope --out runs/llava",
    NULL,
};

static enum exit_code score_run(const char *directory, const char *data, uint64_t seed,
                                struct error *err)
{
    struct arena arena;
    struct task task;
    cJSON *manifest = NULL;
    arena_init(&arena);
    const char *path = path_join(&arena, directory, "manifest.json");
    enum status status = path ? json_read(&manifest, path, err)
                              : fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    if (!status)
        status = run_task_open(&task, manifest, directory, data, err);
    enum exit_code code = exit_of_status(status);
    if (!code) {
        code = scoring_write(directory, &task, seed, err);
        task_close(&task);
    }
    cJSON_Delete(manifest);
    arena_release(&arena);
    return code;
}

static enum exit_code score_runs(const struct options *options, uint64_t seed, struct error *err)
{
    struct run_list list;
    enum exit_code code =
        exit_of_status(run_list_open(&list, options->operands, options->n_operands, false, err));
    if (code)
        return code;
    for (size_t i = 0; i < list.n; i++) {
        struct error first = {""};
        enum exit_code one = score_run(list.directories[i], option_text(options, "data"), seed,
                                       err->text[0] ? &first : err);
        code = exit_worst(code, one);
    }
    if (code == EXIT_DONE || code == EXIT_INCOMPLETE) {
        if (run_list_print(list.directories, list.n, option_flag(options, "json"), err))
            code = EXIT_INTERNAL;
    }
    run_list_close(&list);
    return code;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    uint64_t seed;
    enum status status = option_seed(options, &seed, err);
    if (!status && !option_given(options, "predictions") &&
        (option_given(options, "task") || option_given(options, "tasks") ||
         option_given(options, "format") || option_given(options, "out")))
        status =
            fail(err, STATUS_USAGE, "--task, --tasks, --format and --out go with --predictions");
    if (status)
        return exit_of_status(status);
    if (option_given(options, "predictions"))
        return score_imported(options, seed, err);
    return score_runs(options, seed, err);
}

const struct command command_score = {
    .name = "score",
    .summary = "Scores finished runs again, or predictions made elsewhere",
    .operands = "[RUN...]",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
