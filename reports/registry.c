#include "engine/base/file.h"
#include "reports/report.h"

#include <string.h>

extern const struct report_format report_markdown, report_csv, report_json, report_summary,
    report_grid, report_html, report_tex;

const struct report_format *const report_formats[] = {
    &report_markdown, &report_csv,  &report_json, &report_summary,
    &report_grid,     &report_html, &report_tex,  NULL,
};

/* The same rows' names, as the command's options want them. */
const char *const report_format_names[] = {"md",   "csv",  "json", "summary",
                                           "grid", "html", "tex",  NULL};

const struct report_format *report_format_find(const char *name)
{
    for (size_t i = 0; report_formats[i]; i++)
        if (strcmp(report_formats[i]->name, name) == 0)
            return report_formats[i];
    return NULL;
}

static enum status write_file(const struct run_record *record, const struct report_format *format,
                              struct error *err)
{
    struct arena arena;
    struct text text;
    arena_init(&arena);
    text_init(&text);
    const char *path = path_join(&arena, record->path, format->file_name);
    format->add(record, 1, &text);
    enum status status;
    if (!path || text.failed)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while writing the report of %s",
                      record->path);
    else
        status = file_write(path, text_string(&text), text.length, err);
    text_release(&text);
    arena_release(&arena);
    return status;
}

enum status report_write_files(const char *directory, struct error *err)
{
    struct run_record record;
    enum status status = run_record_open(&record, directory, err);
    if (status)
        return status;
    for (size_t i = 0; !status && report_formats[i]; i++)
        if (report_formats[i]->file_name)
            status = write_file(&record, report_formats[i], err);
    run_record_close(&record);
    return status;
}
