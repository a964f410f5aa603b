/* eval/cmd_report.c - `mambench report`: finished runs as markdown, CSV, JSON or a page. */
#include "engine/base/file.h"
#include "eval/command.h"
#include "eval/output.h"
#include "eval/report_page.h"
#include "eval/run_list.h"
#include "reports/report.h"

static const struct option_spec options_table[] = {
    {"format", 0, OPTION_CHOICE, "NAME", "what to print", "md", report_format_names, false},
    {"json", 0, OPTION_FLAG, NULL, "the same as --format json", NULL, NULL, false},
    {"out", 'o', OPTION_FILE, "FILE", "write it to a file", NULL, NULL, false},
    REPORT_PAGE_OPTION_ROWS,
    {0},
};

static const char *const notes[] = {
    "RUN is a run directory, a folder of run directories, or that of a suite.",
    "--format html writes one page that opens from disk, with the samples to look through. It "
    "names "
    "the pictures where they lie, seen from FILE (without --out, from the working directory); with "
    "--thumbnails they are inside. It shows the SVG files of the runs and of --figures.",
    NULL,
};

static const char *const examples[] = {
    "mambench report runs/cobra-pope runs/cobra-vsr > report.md",
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

static enum exit_code print_report(const struct options *options, const struct run_list *list,
                                   struct error *err)
{
    const char *name = option_flag(options, "json") ? "json" : option_text(options, "format");
    const struct report_format *format = report_format_find(name);
    enum exit_code code = report_page_check(options, format, err);
    if (code)
        return code;
    struct text text;
    text_init(&text);
    if (format->add_page)
        code = report_page_add(options, format, list, &text, err);
    else
        format->add(list->records, list->n, &text);
    if ((code == EXIT_DONE || code == EXIT_DATA) && text.length > 0 && deliver(options, &text, err))
        code = EXIT_INTERNAL;
    text_release(&text);
    return code;
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
