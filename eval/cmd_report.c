/* eval/cmd_report.c - `mambench report`: finished runs as tables, markdown, CSV, JSON, LaTeX or a
 * page.
 */
#include "engine/base/file.h"
#include "eval/command.h"
#include "eval/figures_draw.h"
#include "eval/output.h"
#include "eval/report_figures.h"
#include "eval/report_input.h"
#include "eval/report_page.h"
#include "eval/report_table.h"
#include "reports/report.h"

#include <string.h>

static const struct option_spec options_table[] = {
    {"format", 0, OPTION_CHOICE, "NAME", "what to print", "md", report_format_names, false},
    REPORT_TABLE_OPTION_ROWS,
    {"history", 0, OPTION_FILE, "FILE", "a file of `mambench history`, for its figure", NULL, NULL,
     false},
    {"json", 0, OPTION_FLAG, NULL, "the same as --format json", NULL, NULL, false},
    {"out", 'o', OPTION_FILE, "FILE", "write it to a file", NULL, NULL, false},
    REPORT_PAGE_OPTION_ROWS,
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
    "several depths), state against cache, VSR by relation, POPE's hits against false alarms and "
    "calibration, "
    "scores "
    "over time. What there are no numbers for is not drawn, which is said.",
    "--format html writes one page that opens from disk, with the samples to look through. It "
    "names "
    "the pictures where they lie, seen from FILE (without --out, from the working directory); with "
    "--thumbnails they are inside. It shows the SVG files of the runs and of --figures.",
    NULL,
};

static const char *const examples[] = {
    "mambench report runs/cobra-pope runs/cobra-vsr > report.md",
    "mambench report --format tex --published cobra,llava-1.5-7b runs/paper > table.tex",
    "mambench report --layout cobra-table3 runs/paper",
    "mambench report --published cobra,llava-1.5-7b",
    "mambench report --figures figures runs/paper runs/sweep",
    "mambench report --format summary runs",
    "mambench report --format html --out report.html runs/cobra runs/mobilevlm",
    NULL,
};

static enum status deliver(const struct options *options, const struct text *text,
                           struct error *err)
{
    const char *file = option_text(options, "out");
    if (!file)
        return output_text(text, err);
    if (text->failed)
        return fail(err, STATUS_NO_MEMORY, "out of memory while writing %s", file);
    return file_write(file, text_string(text), text->length, err);
}

/* The table, and what follows it: in markdown each run, unless a table alone was asked for. */
static void add_table(const struct options *options, const struct report_format *format,
                      const struct systems_table *table, const struct report_input *input,
                      struct text *text)
{
    bool all = strcmp(format->name, "md") == 0 && input->runs.n > 1 &&
               !option_given(options, "layout") && !option_given(options, "published");
    format->add_table(table, text);
    if (!all)
        return;
    text_add(text, "\n---\n\n");
    format->add(input->runs.records, input->runs.n, text);
}

static enum exit_code add_runs(const struct options *options, const struct report_format *format,
                               const struct report_input *input, const struct systems_table *table,
                               struct text *text, struct error *err)
{
    if (input->runs.n == 0) {
        fail(err, STATUS_USAGE, "a run directory is expected");
        return EXIT_USAGE;
    }
    if (format->add_page)
        return report_page_add(options, format, &input->runs, table, text, err);
    if (strcmp(format->name, "grid") == 0)
        report_grid_add(input, text);
    else
        format->add(input->runs.records, input->runs.n, text);
    return EXIT_DONE;
}

static enum exit_code add_report(const struct options *options, const struct report_format *format,
                                 const struct report_input *input, struct text *text,
                                 struct error *err)
{
    const struct table_layout *layout = report_layout_of(options, input, format);
    struct systems_table table;
    if (!layout || !(format->add_table || format->add_page))
        return add_runs(options, format, input, NULL, text, err);
    enum exit_code code = exit_of_status(report_table_make(&table, options, layout, input, err));
    if (code)
        return code;
    if (format->add_table)
        add_table(options, format, &table, input, text);
    else
        code = add_runs(options, format, input, &table, text, err);
    systems_release(&table);
    return code;
}

/* A page shows what a folder holds already; else, and for all other formats, figures are drawn. */
static enum status draw(const struct options *options, const struct report_format *format,
                        const struct report_input *input, struct error *err)
{
    const char *folder = option_text(options, "figures");
    bool is_there = folder && format->add_page && figures_folder_has_svg(folder);
    return folder && !is_there ? figures_draw(folder, input, option_text(options, "history"), err)
                               : STATUS_OK;
}

static enum exit_code print_report(const struct options *options, const struct report_input *input,
                                   struct error *err)
{
    const char *name = option_flag(options, "json") ? "json" : option_text(options, "format");
    const struct report_format *format = report_format_find(name);
    enum exit_code code = report_page_check(options, format, err);
    if (!code)
        code = exit_of_status(draw(options, format, input, err));
    if (code)
        return code;
    struct text text;
    text_init(&text);
    code = add_report(options, format, input, &text, err);
    if ((code == EXIT_DONE || code == EXIT_DATA) && text.length > 0 && deliver(options, &text, err))
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
    if (input.runs.n_unfinished + input.n_refused + input.n_missing > 0)
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
