/* eval/study_output.c - what a study found, printed and written. */
#include "engine/base/file.h"
#include "eval/output.h"
#include "eval/study.h"
#include "eval/study_tests.h"
#include "eval/version.h"

#include <string.h>

/* Which letter is which run; the first sheet that people read. */
static void add_runs(const struct study_look *look, struct sheet *sheet)
{
    for (size_t r = 0; r < look->n_runs; r++) {
        const struct study_run *run = &look->runs[r];
        study_begin_row(sheet, run);
        sheet_text(sheet, run->record->model);
        sheet_text(sheet, run->record->precision);
        sheet_text(sheet, run->record->protocol);
        sheet_number(sheet, (double)run->n);
        sheet_number(sheet, (double)run->answers.n_images);
        sheet_number(sheet, (double)run->n_failed);
        sheet_text(sheet, run->record->data_note);
        sheet_text(sheet, run->record->path);
    }
}

static void init_runs(struct study_look *look, struct sheet *sheet)
{
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"name", "model", SHEET_TEXT},
        {"precision", "precision", SHEET_TEXT},
        {"protocol", "protocol", SHEET_TEXT},
        {"n", "n", SHEET_COUNT},
        {"images", "images", SHEET_COUNT},
        {"failed", "failed", SHEET_COUNT},
        {"data_note", NULL, SHEET_TEXT},
        {"path", "where", SHEET_TEXT},
        {0},
    };
    sheet_init(sheet, &look->arena, "runs", "Runs", columns);
    add_runs(look, sheet);
}

static void add_tables(const struct study_look *look, const struct sheet *runs,
                       enum table_style style, struct text *out)
{
    sheet_add_table(runs, style, out);
    for (size_t i = 0; i < look->n_sheets; i++)
        sheet_add_table(&look->sheets[i], style, out);
    text_add(out, text_string(&look->remarks));
    for (size_t r = 0; r < look->n_runs; r++) {
        const char *note = look->runs[r].record->data_note;
        if (note && (r == 0 || !look->runs[r - 1].record->data_note ||
                     strcmp(note, look->runs[r - 1].record->data_note) != 0))
            text_addf(out, "Data of %s: %s.\n", look->runs[r].label, note);
    }
}

static void add_json(const struct study_look *look, const struct sheet *runs, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_put_string(&writer, "study", look->study->name);
    sheet_put_json(runs, &writer);
    for (size_t i = 0; i < look->n_sheets; i++)
        sheet_put_json(&look->sheets[i], &writer);
    json_put_string(&writer, "remarks", text_string(&look->remarks));
    json_close(&writer, '}');
}

static enum exit_code write_text(const char *directory, const char *name, const struct text *text,
                                 struct error *err)
{
    struct arena arena;
    arena_init(&arena);
    const char *path = path_join(&arena, directory, name);
    enum status status = STATUS_OK;
    if (!path || text->failed)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while writing a study");
    else
        status = file_write(path, text_string(text), text->length, err);
    arena_release(&arena);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static enum exit_code write_sheet(const char *directory, const struct sheet *sheet,
                                  struct error *err)
{
    struct text text, name;
    text_init(&text);
    text_init(&name);
    sheet_add_csv(sheet, &text);
    text_addf(&name, "%s.csv", sheet->name);
    text.failed |= name.failed;
    enum exit_code code = write_text(directory, text_string(&name), &text, err);
    text_release(&text);
    text_release(&name);
    return code;
}

/* A csv of every sheet, those without a row too, and what was printed as markdown. */
static enum exit_code write_files(const struct study_look *look, const struct sheet *runs,
                                  const char *directory, struct error *err)
{
    if (directory_create(directory, err))
        return EXIT_INTERNAL;
    enum exit_code code = write_sheet(directory, runs, err);
    for (size_t i = 0; i < look->n_sheets && !code; i++)
        code = write_sheet(directory, &look->sheets[i], err);
    struct text text;
    text_init(&text);
    add_tables(look, runs, TABLE_MARKDOWN, &text);
    if (!code)
        code = write_text(directory, "study.md", &text, err);
    text_release(&text);
    return code;
}

static enum exit_code print(const struct study_look *look, const struct sheet *runs,
                            const char *format, struct error *err)
{
    struct text text;
    text_init(&text);
    if (strcmp(format, "json") == 0)
        add_json(look, runs, &text);
    else
        add_tables(look, runs, strcmp(format, "md") == 0 ? TABLE_MARKDOWN : TABLE_PLAIN, &text);
    text.failed |= arena_failed(&look->arena) || look->remarks.failed;
    enum status status = output_text(&text, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

enum exit_code study_finish(struct study_look *look, const struct options *options,
                            struct error *err)
{
    struct sheet runs;
    const char *out = option_text(options, "out");
    size_t n_failed = 0;
    enum exit_code code = exit_of_status(study_adjust_tests(look, err));
    init_runs(look, &runs);
    study_add_tests_sheet(look);
    for (size_t r = 0; r < look->n_runs; r++)
        n_failed += look->runs[r].n_failed;
    if (n_failed > 0)
        text_add(&look->remarks, "Failed samples count as wrong; where only answers count (rates "
                                 "of yes, d', areas), they are left out.\n");
    if (!code)
        code = print(look, &runs,
                     option_flag(options, "json") ? "json" : option_text(options, "format"), err);
    if (!code && out)
        code = write_files(look, &runs, out, err);
    if (!code && (n_failed + look->n_extra_failed > 0 || look->list.n_unfinished > 0))
        code = EXIT_INCOMPLETE;
    study_close(look);
    return code;
}
