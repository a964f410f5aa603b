/* eval/cmd_report.c - `mambench report`: finished runs as tables, markdown, CSV, JSON or LaTeX. */
#include "eval/command.h"
#include "eval/output.h"
#include "eval/report_figures.h"
#include "eval/report_input.h"
#include "eval/report_table.h"
#include "reports/report.h"

#include <string.h>

static const char *const formats[] = {"md", "csv", "json", "tex", "summary", "grid", NULL};

static const struct option_spec options_table[] = {
    {"format", 0, OPTION_CHOICE, "NAME", "what to print", "md", formats, false},
    REPORT_TABLE_OPTION_ROWS,
    {"figures", 0, OPTION_DIRECTORY, "DIR",
     "draw figures, too: numbers as CSV, a gnuplot script, SVG and PDF", NULL, NULL, false},
    {"history", 0, OPTION_FILE, "FILE", "a file of `mambench history`, for its figure", NULL, NULL,
     false},
    {"json", 0, OPTION_FLAG, NULL, "the same as --format json", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "RUN is a run directory, a folder of run directories, that of a suite, or one that holds a "
    "profile.json.",
    "Several runs make one table of systems by benchmarks, in md (followed by each run's report), "
    "csv, json or tex with the same digits: score and interval, speed and memory of the profile of "
    "the same model card, weights "
    "and "
    "precision, floors, samples. Bold is the best of a column and all that is not significantly "
    "worse: paired by image where both runs' answers and the benchmark's files are there, else by "
    "intervals, which a footnote says. What was measured otherwise than its column stands in "
    "parentheses, and a footnote says what differs.",
    "--published adds numbers from papers, with their sources; T1, T2 ... are the known traps in "
    "comparing them. Without RUN, a paper's layout is that paper's table.",
    "Figures: quality against time and memory, times against context length (of a profile over "
    "several depths), state against cache, VSR by relation, POPE's hits against false alarms, "
    "scores "
    "over time. What there are no numbers for is not drawn, which is said.",
    NULL};

static const char *const examples[] = {
    "mambench report runs/cobra-pope runs/cobra-vsr > report.md",
    "mambench report --format tex --published cobra,llava-1.5-7b runs/paper > table.tex",
    "mambench report --layout cobra-table3 runs/paper",
    "mambench report --published cobra,llava-1.5-7b",
    "mambench report --figures figures runs/paper runs/sweep",
    "mambench report --format summary runs",
    NULL,
};

static enum status add_report(const struct options *options, const struct report_input *input,
                              struct text *text, struct error *err)
{
    const char *name = option_flag(options, "json") ? "json" : option_text(options, "format");
    const struct report_format *format = report_format_find(name);
    const struct table_layout *layout = report_layout_of(options, input, format);
    if (format->add_table && layout) {
        enum status status = report_table_add(options, layout, format, input, text, err);
        bool all = strcmp(name, "md") == 0 && input->runs.n > 1 &&
                   !option_given(options, "layout") && !option_given(options, "published");
        if (!status && all) { /* who reads on wants to know each run */
            text_add(text, "\n---\n\n");
            format->add(input->runs.records, input->runs.n, text);
        }
        return status;
    }
    if (strcmp(name, "grid") == 0)
        report_grid_add(input, text);
    else if (input->runs.n > 0)
        format->add(input->runs.records, input->runs.n, text);
    else
        return fail(err, STATUS_USAGE, "a run directory is expected");
    return STATUS_OK;
}

static enum exit_code print_report(const struct options *options, const struct report_input *input,
                                   struct error *err)
{
    struct text text;
    text_init(&text);
    enum status status = add_report(options, input, &text, err);
    enum exit_code code = exit_of_status(status);
    if (!status && output_text(&text, err))
        code = EXIT_INTERNAL;
    text_release(&text);
    return code;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct report_input input;
    enum exit_code code =
        exit_of_status(report_input_open(&input, options->operands, options->n_operands, err));
    if (code)
        return code;
    code = print_report(options, &input, err);
    const char *figures_folder = option_text(options, "figures");
    if (figures_folder && (code == EXIT_DONE || code == EXIT_INCOMPLETE))
        code = exit_worst(code, exit_of_status(report_figures_write(
                                    figures_folder, &input, option_text(options, "history"), err)));
    if (input.runs.n_unfinished + input.n_refused > 0)
        code = exit_worst(code, EXIT_INCOMPLETE);
    for (size_t i = 0; i < input.runs.n; i++)
        if (input.runs.records[i].n_failed > 0)
            code = exit_worst(code, EXIT_INCOMPLETE);
    report_input_close(&input);
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
