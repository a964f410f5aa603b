/* eval/cmd_compare.c - `mambench compare`: are two finished runs different? */
#include "eval/command.h"
#include "eval/compare.h"
#include "eval/model_options.h"
#include "eval/output.h"

#include <string.h>

static const char *const formats[] = {"table", "md", "json", NULL};

static const struct option_spec options_table[] = {
    {"flips", 0, OPTION_COUNT, "N",
     "list N answers that earn less and N that earn more, the largest changes first", "5", NULL,
     false},
    {"profile", 0, OPTION_DIRECTORY, "DIR",
     "latencies from DIR/profile.json, too: a profile that measured all the models in turn", NULL,
     NULL, false},
    PAIRING_OPTION_ROWS,
    {"draws", 0, OPTION_COUNT, "N", "signs drawn by the permutation test, at least 999", "9999",
     NULL, false},
    {"seed", 0, OPTION_COUNT, "N", "of these draws", "0", NULL, false},
    {"format", 0, OPTION_CHOICE, "NAME", "what to print", "table", formats, false},
    {"json", 0, OPTION_FLAG, NULL, "the same as --format json", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "RUN is a run directory, or a folder with the runs of one model; the others are held against "
    "the first. Runs are joined by protocol and sample. A paired sign-flip permutation by image "
    "decides, after Holm's correction for everything that is compared at once: better, worse or "
    "inconclusive. No model is needed, but the benchmark's files are.",
    "Compared is the mean over samples of what an answer earns. Where a protocol's headline is "
    "another number (POPE's F1), it is shown beside. Failed samples count as wrong.",
    "Latencies stand side by side where the runs, or the folders of their models, hold a "
    "profile.json of the same configuration (`mambench profile --out`): medians and the bootstrap "
    "interval of their ratio, in pairs where one profile measured both in turn. They get no "
    "verdict: `mambench gate --ab` measures anew and decides.",
    "The exit code does not depend on the verdict: 0, or 4 where samples failed.",
    NULL,
};

static const char *const examples[] = {
    "mambench compare runs/before runs/after",
    "mambench compare --allow-different-prompts runs/llava runs/cobra runs/mlmamba",
    "mambench compare runs/cobra runs/llava --profile runs/speed-of-both",
    "mambench compare --flips 100 --json runs/before/pope@triml runs/after/pope@triml",
    NULL,
};

static enum exit_code print_comparisons(const struct comparison_list *list, const char *format,
                                        struct error *err)
{
    struct text text;
    text_init(&text);
    if (strcmp(format, "json") == 0)
        compare_add_json(list, &text);
    else
        compare_add_tables(list, strcmp(format, "md") == 0, &text);
    enum status status = output_text(&text, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct comparison_list list;
    struct compare_options compare = {
        .pairing = pairing_options_of(options),
        .n_flips = option_count(options, "flips"),
        .n_draws = option_count(options, "draws"),
        .profile = option_text(options, "profile"),
    };
    enum status status = option_seed(options, &compare.seed, err);
    if (!status && (compare.n_draws < 999 || compare.n_draws > 100000000))
        status = fail(err, STATUS_USAGE, "--draws is a number from 999 to 100000000");
    if (!status)
        status = comparison_list_open(&list, options->operands, options->n_operands, &compare, err);
    if (status)
        return exit_of_status(status);
    enum exit_code code = print_comparisons(
        &list, option_flag(options, "json") ? "json" : option_text(options, "format"), err);
    for (size_t i = 0; i < list.n; i++)
        if (list.items[i].failed[0] + list.items[i].failed[1] > 0)
            code = exit_worst(code, EXIT_INCOMPLETE);
    comparison_list_close(&list);
    return code;
}

const struct command command_compare = {
    .name = "compare",
    .summary = "Tells whether finished runs on the same questions differ",
    .operands = "RUN RUN...",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
