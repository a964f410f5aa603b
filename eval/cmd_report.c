/* eval/cmd_report.c - `mambench report`: finished runs as markdown, CSV or JSON. */
#include "eval/command.h"
#include "eval/output.h"
#include "eval/run_list.h"
#include "reports/report.h"

static const char *const formats[] = {"md", "csv", "json", "summary", "grid", NULL};

static const struct option_spec options_table[] = {
    {"format", 0, OPTION_CHOICE, "NAME", "what to print", "md", formats, false},
    {"json", 0, OPTION_FLAG, NULL, "the same as --format json", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "RUN is a run directory, a folder of run directories, or that of a suite.", NULL};

static const char *const examples[] = {
    "mambench report runs/cobra-pope runs/cobra-vsr > report.md",
    "mambench report --format summary runs",
    NULL,
};

static enum exit_code print_report(const struct options *options, const struct run_list *list,
                                   struct error *err)
{
    const char *name = option_flag(options, "json") ? "json" : option_text(options, "format");
    struct text text;
    text_init(&text);
    report_format_find(name)->add(list->records, list->n, &text);
    enum status status = output_text(&text, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct run_list list;
    enum exit_code code =
        exit_of_status(run_list_open(&list, options->operands, options->n_operands, true, err));
    if (code)
        return code;
    code = print_report(options, &list, err);
    if (list.n_unfinished > 0)
        code = exit_worst(code, EXIT_INCOMPLETE);
    for (size_t i = 0; i < list.n; i++)
        if (list.records[i].n_failed > 0)
            code = exit_worst(code, EXIT_INCOMPLETE);
    run_list_close(&list);
    return code;
}

const struct command command_report = {
    .name = "report",
    .summary = "Prints the reports of finished runs",
    .operands = "RUN...",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
