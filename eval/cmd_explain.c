/* eval/cmd_explain.c - `mambench explain`: where does the difference of two runs come from? */
#include "eval/command.h"
#include "eval/explain.h"
#include "eval/output.h"

#include <string.h>

static const char *const formats[] = {"table", "md", "json", NULL};

static const struct option_spec options_table[] = {
    {"examples", 0, OPTION_COUNT, "N", "list N samples of each stage, the largest changes first",
     "3", NULL, false},
    {"data", 'd', OPTION_DIRECTORY, "DIR",
     "folder of the benchmark; by default where each run found it", NULL, NULL, false},
    {"allow-different-samples", 0, OPTION_FLAG, NULL,
     "explain runs that were not asked the same, on the samples that both have", NULL, NULL, false},
    {"format", 0, OPTION_CHOICE, "NAME", "what to print", "table", formats, false},
    {"json", 0, OPTION_FLAG, NULL, "the same as --format json", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "A and B are run directories of one protocol, or folders with the runs of one model each, "
    "which "
    "are joined by protocol. No model is needed, but the benchmark's files are.",
    "First the settings are listed in which the manifests differ. Then every sample is followed "
    "through the stages prompt, pixels (as the towers get them), ids (tokens), logits (of the "
    "first "
    "token), answer, parse (what the scorer reads out of it) and scorer, up to the first that "
    "differs. Each stage's points are those of the samples that first differ there, so they add up "
    "to the difference of the score: the mean over samples of what an answer earns.",
    "The first four are told by digests in predictions.jsonl. Runs without (baselines, older ones) "
    "are explained as far as their files go, and the output says what cannot be told apart. "
    "Another "
    "precision, kernel or weight changes all logits a little: how much is said, too.",
    "The exit code does not depend on what is found: 0, or 4 where samples failed.",
    NULL,
};

static const char *const examples[] = {
    "mambench explain runs/before runs/after",
    "mambench explain --examples 20 runs/bf16/pope@triml runs/int8/pope@triml",
    "mambench explain --json runs/before runs/after",
    NULL,
};

static enum exit_code print(const struct explanation_list *list, const char *format,
                            struct error *err)
{
    struct text text;
    text_init(&text);
    if (strcmp(format, "json") == 0)
        explain_add_json(list, &text);
    else
        explain_add_tables(list, strcmp(format, "md") == 0, &text);
    enum status status = output_text(&text, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct explanation_list list;
    const struct explain_options explain = {
        .data = option_text(options, "data"),
        .other_samples = option_flag(options, "allow-different-samples"),
        .n_examples = option_count(options, "examples"),
    };
    enum status status =
        explanation_list_open(&list, options->operands, options->n_operands, &explain, err);
    if (status)
        return exit_of_status(status);
    enum exit_code code =
        print(&list, option_flag(options, "json") ? "json" : option_text(options, "format"), err);
    for (size_t i = 0; i < list.n; i++)
        if (list.items[i].failed[0] + list.items[i].failed[1] > 0)
            code = exit_worst(code, EXIT_INCOMPLETE);
    explanation_list_close(&list);
    return code;
}

const struct command command_explain = {
    .name = "explain",
    .summary = "Tells where the difference of two finished runs comes from",
    .operands = "A B",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
