/* eval/cmd_merge.c - `mambench merge`: the shards of runs, put together and scored. */
#include "engine/base/arena.h"
#include "engine/base/file.h"
#include "eval/command.h"
#include "eval/merge.h"
#include "eval/output.h"
#include "eval/run_list.h"
#include "eval/scoring.h"

#include <dirent.h>
#include <stdlib.h>

static const struct option_spec options_table[] = {
    {"data", 'd', OPTION_DIRECTORY, "DIR",
     "folder of the benchmark; by default where the run found it", NULL, NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print the summary as JSON", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "RUN is the directory that 'mambench run --shard' was given, or the folder of a suite. Its "
    "shards must be all there, finished and of one run; what is missing is named with the command "
    "that runs it, and nothing is written then. Predictions and scores are those of one run "
    "without shards, byte for byte.",
    NULL,
};

static const char *const examples[] = {"mambench merge runs/cobra-pope", NULL};

enum { MOST_DEPTH = 3, MOST_RUNS = 1024 };

/* Directories with shards below the operands. */
struct found {
    const char *directories[MOST_RUNS];
    size_t n;
    struct arena arena;
};

static void find_runs(struct found *found, const char *folder, int depth)
{
    struct dirent **names = NULL;
    if (merge_has_shards(folder)) {
        if (found->n < MOST_RUNS)
            found->directories[found->n++] = folder;
        return;
    }
    int n = depth > 0 ? scandir(folder, &names, NULL, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        const char *child = path_join(&found->arena, folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && child && directory_exists(child))
            find_runs(found, child, depth - 1);
        free(names[i]);
    }
    free(names);
}

static enum exit_code merge_one(const char *directory, const struct options *options,
                                struct error *err)
{
    struct task task;
    uint64_t seed;
    enum exit_code code =
        exit_of_status(merge_shards(directory, option_text(options, "data"), &task, &seed, err));
    if (code)
        return code;
    code = scoring_write(directory, &task, seed, err);
    task_close(&task);
    return code;
}

/* Merges what can be merged; the first sentence is main()'s, the others are told at once. */
static enum exit_code merge_all(const struct found *found, const struct options *options,
                                struct error *err)
{
    const char *merged[MOST_RUNS];
    size_t n = 0;
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < found->n; i++) {
        struct error reason = {""};
        enum exit_code one = merge_one(found->directories[i], options, &reason);
        if (one == EXIT_DONE || one == EXIT_INCOMPLETE)
            merged[n++] = found->directories[i];
        else if (!err->text[0])
            *err = reason;
        else
            message("%s", reason.text);
        code = exit_worst(code, one);
    }
    struct error reason = {""};
    if (n > 0 && run_list_print(merged, n, option_flag(options, "json"), &reason)) {
        *err = reason;
        code = exit_worst(code, EXIT_INTERNAL);
    }
    return code;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    static struct found found;
    enum status status = STATUS_OK;
    if (options->n_operands == 0)
        status = fail(err, STATUS_USAGE, "a run directory is expected");
    found = (struct found){.n = 0};
    arena_init(&found.arena);
    for (size_t i = 0; !status && i < options->n_operands; i++) {
        size_t before = found.n;
        find_runs(&found, options->operands[i], MOST_DEPTH);
        if (found.n == before)
            status = fail(err, STATUS_NOT_FOUND, "%s holds no shards, nor runs that do",
                          options->operands[i]);
    }
    enum exit_code code = exit_of_status(status);
    if (!code)
        code = merge_all(&found, options, err);
    arena_release(&found.arena);
    return code;
}

const struct command command_merge = {
    .name = "merge",
    .summary = "Puts the shards of runs together and scores them",
    .operands = "RUN...",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
