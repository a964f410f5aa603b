/* eval/cmd_selftest.c - `mambench selftest`: shows that this build computes what it should, here.
 */
#include "engine/selftest.h"
#include "eval/command.h"
#include "eval/model_options.h"
#include "eval/output.h"
#include "metrics/cases.h"
#include "reports/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct option_spec options_table[] = {
    {"model", 'm', OPTION_DIRECTORY, "MODEL", "a model of yours", NULL, NULL, false},
    {"fixture", 0, OPTION_DIRECTORY, "DIR", "a reference fixture: a folder with reference.json",
     NULL, NULL, true},
    {"cases", 0, OPTION_FILE, "FILE", "recorded cases of scorers or of a tokenizer", NULL, NULL,
     true},
    {"tokenizer", 0, OPTION_FILE, "FILE",
     "the tokenizer.json or tokenizer.model that tokenizer cases belong to", NULL, NULL, false},
    MODEL_OPTION_ROWS,
    {"seed", 0, OPTION_COUNT, "N", "of random weights", "0", NULL, false},
    {"all", 'a', OPTION_FLAG, NULL, "print every case, not only those that fail", NULL, NULL,
     false},
    {"json", 0, OPTION_FLAG, NULL, "print JSON", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "A model: one-token steps and pieces equal the whole sequence, a batch equals single answers, "
    "a "
    "copied image state equals a fresh one, one thread equals several, all bit for bit (where a "
    "family scans in chunks, steps agree within a bound and pieces of a chunk are equal); the "
    "kernels agree with the readable reference within a bound. A fixture: every field of its "
    "reference.json, with deviation and bound. Cases: recorded inputs and outputs of the reference "
    "programs. The exit code is 0 if everything is ok, else 1.",
    NULL,
};

static const char *const examples[] = {
    "mambench selftest --model examples/mini-cobra",
    "mambench selftest --fixture fixtures/cobra --precision f32",
    "mambench selftest --cases tokenizer_cases.json --tokenizer tokenizer.json",
    NULL,
};

/* What the checks report into. */
struct printer {
    struct text out;
    struct json_writer writer;
    bool json, all, colour;
    size_t n_ok, n_failed, n_not_checked;
};

static void add_verdict(struct printer *printer, bool ok)
{
    text_addf(&printer->out, "%s%s%s", printer->colour ? (ok ? "\033[32m" : "\033[31m") : "",
              ok ? "ok  " : "FAIL", printer->colour ? "\033[0m" : "");
}

static void put_check(struct printer *printer, const struct check_result *result)
{
    json_open(&printer->writer, NULL, '{');
    json_put_string(&printer->writer, "name", result->name);
    json_put_bool(&printer->writer, "ok", result->ok);
    json_put_number(&printer->writer, "deviation", result->deviation);
    json_put_number(&printer->writer, "bound", result->bound);
    json_put_string(&printer->writer, "detail", result->detail);
    json_close(&printer->writer, '}');
}

/* A detail may be the text of a case: it must stay on its line. */
static void add_detail(struct text *out, const char *detail)
{
    text_add_char(out, ' ');
    for (; *detail; detail++)
        text_add_char(out, *detail == '\n' || *detail == '\r' || *detail == '\t' ? ' ' : *detail);
}

static void print_check(void *context, const struct check_result *result)
{
    struct printer *printer = context;
    if (printer->json) {
        put_check(printer, result);
        return;
    }
    add_verdict(printer, result->ok);
    text_addf(&printer->out, "  %-44s", result->name);
    if (!isnan(result->deviation) && !isnan(result->bound))
        text_addf(&printer->out, " %10.3g <= %-10.3g", result->deviation, result->bound);
    else
        text_addf(&printer->out, " %-24s", result->ok ? "equal" : "differs");
    if (result->detail)
        add_detail(&printer->out, result->detail);
    text_add_char(&printer->out, '\n');
}

static void print_case(void *context, const struct case_result *result)
{
    struct printer *printer = context;
    if (result->ok && !printer->all)
        return;
    if (printer->json) {
        json_open(&printer->writer, NULL, '{');
        json_put_string(&printer->writer, "section", result->section);
        json_put_count(&printer->writer, "index", result->index);
        json_put_string(&printer->writer, "field", result->field);
        json_put_bool(&printer->writer, "ok", result->ok);
        json_put_string(&printer->writer, "expected", result->expected);
        json_put_string(&printer->writer, "got", result->got);
        json_close(&printer->writer, '}');
        return;
    }
    add_verdict(printer, result->ok);
    text_addf(&printer->out, "  %s[%zu] %s", result->section, result->index, result->field);
    if (!result->ok)
        text_addf(&printer->out, ": expected %s, got %s", result->expected ? result->expected : "",
                  result->got ? result->got : "");
    text_add_char(&printer->out, '\n');
}

static void add_sections(struct printer *printer, const struct case_summary *summary)
{
    size_t n = summary->n_sections < CASES_MAX_SECTIONS ? summary->n_sections : CASES_MAX_SECTIONS;
    for (size_t i = 0; i < n; i++) {
        const struct case_section_summary *section = &summary->sections[i];
        printer->n_not_checked += !section->is_checked;
        if (printer->json) {
            json_open(&printer->writer, NULL, '{');
            json_put_string(&printer->writer, "section", section->name);
            json_put_bool(&printer->writer, "checked", section->is_checked);
            json_put_count(&printer->writer, "compared", section->n_checked);
            json_put_count(&printer->writer, "failed", section->n_failed);
            json_close(&printer->writer, '}');
        } else if (section->is_checked) {
            add_verdict(printer, section->n_failed == 0);
            text_addf(&printer->out, "  %-30s %6zu compared, %zu differ\n", section->name,
                      section->n_checked, section->n_failed);
        } else {
            text_addf(&printer->out, "--    %-30s not checked: no scorer for it here\n",
                      section->name);
        }
    }
    printer->n_ok += summary->n_checked - summary->n_failed;
    printer->n_failed += summary->n_failed;
}

static void begin_subject(struct printer *printer, const char *kind, const char *name)
{
    if (printer->json) {
        json_open(&printer->writer, NULL, '{');
        json_put_string(&printer->writer, kind, name);
        json_open(&printer->writer, "checks", '[');
    } else {
        text_addf(&printer->out, "%s %s\n", kind, name);
    }
}

static void end_subject(struct printer *printer)
{
    if (printer->json) {
        json_close(&printer->writer, ']');
        json_close(&printer->writer, '}');
    }
}

static void count(struct printer *printer, const struct check_report *report)
{
    printer->n_ok += report->n_ok;
    printer->n_failed += report->n_failed;
}

static enum status check_cases(struct printer *printer, const char *path, const char *tokenizer,
                               struct error *err)
{
    enum case_file_kind kind;
    struct case_summary summary = {0};
    struct check_report report = {.each = print_check, .context = printer};
    enum status status = cases_kind(path, &kind, err);
    if (status)
        return status;
    if (kind == CASE_FILE_TOKENIZER && !tokenizer)
        return fail(err, STATUS_USAGE, "%s holds tokenizer cases: --tokenizer is needed", path);
    begin_subject(printer, "cases", path);
    if (kind == CASE_FILE_TOKENIZER) {
        status = selftest_tokenizer(path, tokenizer, &report, err);
        count(printer, &report);
    } else {
        status = cases_check(path, print_case, printer, &summary, err);
        if (!status)
            add_sections(printer, &summary);
    }
    end_subject(printer);
    return status;
}

/* A fixture or a model: both take the same shape. */
static enum status check_engine(struct printer *printer, const char *kind, const char *path,
                                const struct engine_options *options, struct error *err)
{
    struct check_report report = {.each = print_check, .context = printer};
    begin_subject(printer, kind, path);
    enum status status = strcmp(kind, "fixture") == 0
                             ? selftest_fixture(path, options, &report, err)
                             : selftest_model(path, options, &report, err);
    count(printer, &report);
    end_subject(printer);
    return status;
}

static enum status check_all(const struct options *options, struct printer *printer,
                             struct error *err)
{
    struct engine_options engine_options;
    const char *const *fixtures, *const *cases;
    const char *model = option_text(options, "model");
    size_t n_fixtures = option_list(options, "fixture", &fixtures);
    size_t n_cases = option_list(options, "cases", &cases);
    enum status status = model_options_read(options, &engine_options, err);
    if (!status && (options->n_operands > 0 || (!model && n_fixtures + n_cases == 0)))
        status = fail(err, STATUS_USAGE, "--model, --fixture or --cases is needed");
    if (!status && model)
        status = check_engine(printer, "model", model, &engine_options, err);
    for (size_t i = 0; !status && i < n_fixtures; i++)
        status = check_engine(printer, "fixture", fixtures[i], &engine_options, err);
    for (size_t i = 0; !status && i < n_cases; i++)
        status = check_cases(printer, cases[i], option_text(options, "tokenizer"), err);
    return status;
}

static void add_summary(struct printer *printer)
{
    if (printer->json)
        return;
    text_addf(&printer->out, "%zu ok, %zu failed", printer->n_ok, printer->n_failed);
    if (printer->n_not_checked > 0)
        text_addf(&printer->out, ", %zu sections not checked", printer->n_not_checked);
    text_add_char(&printer->out, '\n');
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct printer printer = {.json = option_flag(options, "json"),
                              .all = option_flag(options, "all"),
                              .colour = output_has_colour()};
    text_init(&printer.out);
    json_begin(&printer.writer, &printer.out);
    if (printer.json)
        json_open(&printer.writer, NULL, '[');
    enum exit_code code = exit_of_status(check_all(options, &printer, err));
    if (printer.json)
        json_close(&printer.writer, ']');
    if (code != EXIT_USAGE) {
        add_summary(&printer);
        if (output_text(&printer.out, code ? NULL : err))
            code = exit_worst(code, EXIT_INTERNAL);
    }
    if (code == EXIT_DONE && (printer.n_failed > 0 || printer.n_ok == 0))
        code = EXIT_CHECK_FAILED;
    text_release(&printer.out);
    return code;
}

const struct command command_selftest = {
    .name = "selftest",
    .summary = "Shows that this build computes what it should, on this machine",
    .operands = "",
    .operand_type = OPTION_TEXT,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
