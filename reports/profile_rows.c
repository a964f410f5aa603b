/* reports/profile_rows.c - the fields of every measurement as csv, json, jsonl and markdown. */
#include "reports/json_writer.h"
#include "reports/profile.h"
#include "reports/profile_fields.h"
#include "reports/table.h"

#include <math.h>
#include <string.h>

/* Calls add for every measurement of the record. */
static void each(const struct profile_record *record, struct text *out,
                 void (*add)(const struct profile_record *record, const struct profile_row *row,
                             enum profile_test test, struct text *out))
{
    for (size_t i = 0; i < record->n_rows; i++)
        for (int test = 0; test < PROFILE_TESTS; test++)
            if (profile_has_test(&record->rows[i], (enum profile_test)test))
                add(record, &record->rows[i], (enum profile_test)test, out);
}

void profile_put_field(struct json_writer *writer, const struct profile_field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
        json_put_string(writer, field->name, field->text);
        break;
    case FIELD_FLAG:
        json_put_bool(writer, field->name, field->number > 0);
        break;
    case FIELD_WHOLE:
        json_put_number(writer, field->name, round(field->number));
        break;
    case FIELD_REAL:
        json_put_number(writer, field->name, field->number);
        break;
    }
}

/* Of the whole question: when its first token came, and what each further one took. */
static void put_latencies(struct json_writer *writer, const struct profile_row *row)
{
    if (row->error || !row->stamps)
        return;
    json_open(writer, "samples_ttft_ns", '[');
    for (size_t i = 0; i < row->n_runs; i++)
        json_put_number(writer, NULL, (double)row->runs[i].ttft_ns);
    json_close(writer, ']');
    if (row->new_tokens < 2)
        return;
    json_open(writer, "samples_tpot_ns", '[');
    for (size_t i = 0; i < row->n_runs; i++)
        json_put_number(writer, NULL,
                        (double)(row->runs[i].last_ns - row->runs[i].ttft_ns) /
                            (row->new_tokens - 1));
    json_close(writer, ']');
}

static void put_samples(struct json_writer *writer, const struct profile_row *row,
                        enum profile_test test)
{
    int n_prompt, n_gen;
    profile_test_tokens(row, test, &n_prompt, &n_gen);
    json_open(writer, "samples_ns", '[');
    for (size_t i = 0; i < row->n_runs; i++)
        json_put_number(writer, NULL, profile_test_ns(row, test, i));
    json_close(writer, ']');
    json_open(writer, "samples_ts", '[');
    for (size_t i = 0; i < row->n_runs; i++)
        json_put_number(writer, NULL,
                        row->batch * (n_prompt + n_gen) * 1e9 / profile_test_ns(row, test, i));
    json_close(writer, ']');
    if (test == PROFILE_E2E)
        put_latencies(writer, row);
    if (test != PROFILE_TG)
        return;
    json_open(writer, "gaps_ns", '[');
    for (size_t i = 0; i < row->n_runs; i++)
        for (int g = 0; row->runs[i].gaps_ns && g < n_gen; g++)
            json_put_number(writer, NULL, (double)row->runs[i].gaps_ns[g]);
    json_close(writer, ']');
}

static void put_object(struct json_writer *writer, const struct profile_record *record,
                       const struct profile_row *row, enum profile_test test)
{
    struct profile_fields fields;
    profile_fields_fill(&fields, record, row, test);
    json_open(writer, NULL, '{');
    for (size_t i = 0; i < fields.n; i++)
        profile_put_field(writer, &fields.items[i]);
    put_samples(writer, row, test);
    json_close(writer, '}');
}

static void add_line(const struct profile_record *record, const struct profile_row *row,
                     enum profile_test test, struct text *out)
{
    struct json_writer writer;
    json_begin_line(&writer, out);
    put_object(&writer, record, row, test);
    text_add(out, "\n");
}

static void add_jsonl(const struct profile_record *record, struct text *out)
{
    each(record, out, add_line);
}

static void add_json(const struct profile_record *record, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '[');
    for (size_t i = 0; i < record->n_rows; i++)
        for (int test = 0; test < PROFILE_TESTS; test++)
            if (profile_has_test(&record->rows[i], (enum profile_test)test))
                put_object(&writer, record, &record->rows[i], (enum profile_test)test);
    json_close(&writer, ']');
}

/* In quotes, those inside doubled. */
static void add_quoted(struct text *out, const char *value)
{
    text_add(out, "\"");
    for (; *value; value++) {
        if (*value == '"')
            text_add(out, "\"");
        text_add_char(out, *value);
    }
    text_add(out, "\"");
}

static void add_value(struct text *out, const struct profile_field *field)
{
    struct text value;
    text_init(&value);
    if (field->type == FIELD_TEXT || isnan(field->number))
        text_add(&value, field->text ? field->text : "");
    else if (field->type == FIELD_REAL)
        text_addf(&value, "%.6f", field->number);
    else
        text_addf(&value, "%.0f", field->number);
    add_quoted(out, text_string(&value));
    out->failed = out->failed || value.failed;
    text_release(&value);
}

static void add_csv_row(const struct profile_record *record, const struct profile_row *row,
                        enum profile_test test, struct text *out)
{
    struct profile_fields fields;
    profile_fields_fill(&fields, record, row, test);
    for (size_t i = 0; i < fields.n; i++) {
        text_add(out, i ? "," : "");
        add_value(out, &fields.items[i]);
    }
    text_add(out, "\n");
}

static void add_csv(const struct profile_record *record, struct text *out)
{
    struct profile_fields fields;
    if (record->n_rows == 0)
        return;
    profile_fields_fill(&fields, record, &record->rows[0], PROFILE_E2E);
    for (size_t i = 0; i < fields.n; i++)
        text_addf(out, "%s%s", i ? "," : "", fields.items[i].name);
    text_add(out, "\n");
    each(record, out, add_csv_row);
}

/* llama-bench's columns (model, size, params, backend, threads, test, t/s), then ours. */
static void add_md_row(struct table *table, const struct profile_row *row, enum profile_test test)
{
    char name[64];
    int n_prompt, n_gen;
    double mean = 0, squares = 0, n = (double)row->n_runs;
    profile_test_tokens(row, test, &n_prompt, &n_gen);
    profile_test_name(row, test, name, sizeof name);
    for (size_t i = 0; i < row->n_runs; i++)
        mean += row->batch * (n_prompt + n_gen) * 1e9 / profile_test_ns(row, test, i) / n;
    for (size_t i = 0; i < row->n_runs; i++) {
        double ts = row->batch * (n_prompt + n_gen) * 1e9 / profile_test_ns(row, test, i) - mean;
        squares += ts * ts;
    }
    table_cell(table, "%s%s %s", row->name ? row->name : row->asked,
               row->random_weights ? " (random)" : "", row->precision);
    table_cell(table, "%.2f GiB", row->weight_bytes / (1 << 30));
    table_cell(table, "%.2f B", (double)row->parameters * 1e-9);
    table_cell(table, "CPU");
    table_cell(table, "%d", row->threads);
    table_cell(table, "%d", row->batch);
    table_cell(table, "%s%s", name, profile_beyond_training(row) ? " (beyond training)" : "");
    if (row->error) {
        table_cell(table, "error: %s", row->error);
        for (int i = 0; i < 5; i++)
            table_cell(table, " ");
        return;
    }
    table_cell(table, "%.2f ± %.2f", mean, n > 1 ? sqrt(squares / (n - 1)) : 0.0);
    table_cell(table, "%.2f", row->ttft.median * 1e-6);
    table_cell(table, "%.2f", row->tpot.median * 1e-6);
    table_cell(table, "%.1f", (row->conv_bytes + row->ssm_bytes) / (1 << 20));
    table_cell(table, "%.1f", row->cache_bytes / (1 << 20));
    table_cell(table, "%s", profile_verdict_text(row->verdict));
}

static void add_md(const struct profile_record *record, struct text *out)
{
    static const char *const heads[] = {"model",     "size",   "params", "backend", "threads",
                                        "batch",     "test",   "t/s",    "TTFT ms", "TPOT ms",
                                        "state MiB", "KV MiB", "verdict"};
    struct arena arena;
    struct table table;
    arena_init(&arena);
    table_init(&table, &arena, "lrrlrrrrrrrrl");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < record->n_rows; i++)
        for (int test = 0; test < PROFILE_TESTS; test++)
            if (profile_has_test(&record->rows[i], (enum profile_test)test))
                add_md_row(&table, &record->rows[i], (enum profile_test)test);
    table_add_to(&table, TABLE_MARKDOWN, out);
    text_addf(out, "\nbuild: %s (0)\n", record->version);
    if (record->compares) {
        text_add(out, "\n");
        profile_add_crossover(record, true, out);
    }
    out->failed = out->failed || arena_failed(&arena);
    arena_release(&arena);
}

const struct profile_format profile_csv = {"csv", add_csv};
const struct profile_format profile_json = {"json", add_json};
const struct profile_format profile_jsonl = {"jsonl", add_jsonl};
const struct profile_format profile_md = {"md", add_md};
