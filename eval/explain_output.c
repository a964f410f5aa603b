/* eval/explain_output.c - explanations as tables and as JSON. */
#include "eval/explain.h"
#include "eval/version.h"
#include "reports/json_writer.h"
#include "reports/report.h"
#include "reports/table.h"

#include <math.h>
#include <string.h>

static void begin(struct table *table, struct arena *arena, const char *alignment,
                  const char *const *head)
{
    table_init(table, arena, alignment);
    for (size_t i = 0; head[i]; i++)
        table_cell(table, "%s", head[i]);
}

static void add_runs(const struct explanation *item, struct arena *arena, enum table_style style,
                     struct text *out)
{
    static const char *const head[] = {"run", "model",  "headline", "value", "mean credit",
                                       "n",   "failed", "where",    NULL};
    struct table table;
    begin(&table, arena, "lllrrrrl", head);
    for (size_t r = 0; r < 2; r++) {
        const struct run_record *run = item->runs[r];
        struct text value;
        text_init(&value);
        report_add_value(&value, run_headline(run));
        table_cell(&table, "%s", r == 0 ? "A" : "B");
        table_cell(&table, "%s%s%s%s", run->model, run->precision ? " " : "",
                   run->precision ? run->precision : "",
                   run->random_weights ? " (random weights)" : "");
        table_cell(&table, "%s", run_headline(run)->name);
        table_text(&table, &value);
        table_cell(&table, "%.2f %%", explain_points(item->credits[r], item->n));
        table_cell(&table, "%zu", item->n);
        table_cell(&table, "%zu", item->failed[r]);
        table_cell(&table, "%s", run->path);
        text_release(&value);
    }
    table_add_to(&table, style, out);
}

/* A part of a value that a table has room for; a string without its quotes. */
static void value_cell(struct table *table, const char *value, size_t start)
{
    enum { MOST = 36 };
    size_t quote = value[0] == '"', length = strlen(value) - quote;
    start = start > quote ? start : quote;
    size_t end = length - start <= MOST ? length : start + MOST;
    while (end < length && end > start && ((unsigned char)value[end] & 0xC0) == 0x80)
        end--; /* not within a character */
    table_cell(table, "%s%.*s%s", start > quote ? "... " : "", (int)(end - start), value + start,
               end < length ? " ..." : "");
}

/* Long values from just before the place where they part. */
static void value_cells(struct table *table, const struct explain_setting *setting)
{
    enum { BEFORE = 12 };
    const char *a = setting->values[0], *b = setting->values[1];
    size_t same = 0;
    while (a[same] && a[same] == b[same])
        same++;
    size_t start = same > 2 * BEFORE ? same - BEFORE : 0;
    while (start > 0 && ((unsigned char)a[start] & 0xC0) == 0x80)
        start--;
    value_cell(table, a, start);
    value_cell(table, b, start);
}

static void add_settings(const struct explanation *item, struct arena *arena,
                         enum table_style style, struct text *out)
{
    static const char *const head[] = {"setting", "A", "B", NULL};
    struct table table;
    if (item->n_settings == 0) {
        text_add(out, "\nNo setting of the manifests differs.\n");
        return;
    }
    text_add(out, "\nSettings that differ:\n\n");
    begin(&table, arena, "lll", head);
    for (size_t i = 0; i < item->n_settings; i++) {
        table_cell(&table, "%s", item->settings[i].name);
        value_cells(&table, &item->settings[i]);
    }
    table_add_to(&table, style, out);
}

static void points_cell(struct table *table, int64_t units, size_t n)
{
    table_cell(table, units == 0 ? "%.2f" : "%+.2f", explain_points(units, n));
}

static void add_row(struct table *table, const char *name, const struct explain_row *row, size_t n,
                    bool has_doubts)
{
    table_cell(table, "%s", name);
    table_cell(table, "%zu", row->n);
    table_cell(table, "%zu", row->n_changed);
    points_cell(table, row->won, n);
    points_cell(table, row->lost, n);
    points_cell(table, row->won + row->lost, n);
    if (has_doubts)
        table_cell(table, "%zu", row->n_unsure);
}

static void add_stages(const struct explanation *item, struct arena *arena, enum table_style style,
                       struct text *out)
{
    static const char *const head[] = {
        "first difference", "samples", "earn differently", "won", "lost", "net", NULL};
    struct explain_row all = {0};
    struct table table;
    for (int i = 0; i < EXPLAIN_N; i++) {
        const struct explain_row *row = &item->rows[i];
        all.n += row->n;
        all.n_changed += row->n_changed;
        all.won += row->won;
        all.lost += row->lost;
        all.n_unsure += row->n_unsure;
    }
    bool has_doubts = all.n_unsure > 0;
    text_add(out, "\nPoints by the stage where samples first differ:\n\n");
    begin(&table, arena, has_doubts ? "lrrrrrrr" : "lrrrrr", head);
    if (has_doubts) {
        table_cell(&table, "%s", "may be earlier");
        table_cell(&table, "%s", "stage not told");
    }
    for (int i = 0; i < EXPLAIN_N; i++) {
        add_row(&table, explain_words[i].name, &item->rows[i], item->n, has_doubts);
        if (has_doubts)
            table_cell(&table, "%zu", item->rows[i].n_unknown);
    }
    add_row(&table, "all", &all, item->n, has_doubts);
    table_add_to(&table, style, out);
}

static void add_logits(const struct explanation *item, struct text *out)
{
    const struct explain_logits *logits = &item->logits;
    if (logits->n_known == 0)
        return;
    text_addf(out, "\nLogits of the first token differ in %zu of %zu samples", logits->n_differ,
              logits->n_known);
    if (logits->n_measured > 0)
        text_addf(out, "; the choices' by %.3g at the median and %.3g at most (%zu samples)",
                  logits->median, logits->largest, logits->n_measured);
    text_add(out, ".\n");
}

static void add_examples(const struct explanation *item, enum explain_stage stage,
                         struct arena *arena, enum table_style style, struct text *out)
{
    static const char *const head[] = {"credit", "sample", "question", "label",
                                       "A",      "B",      "picture",  NULL};
    const struct explain_row *row = &item->rows[stage];
    struct table table;
    if (row->n_examples == 0)
        return;
    text_addf(out, "\n%zu of the %zu samples %s:\n\n", row->n_examples, row->n,
              explain_words[stage].which);
    begin(&table, arena, "lllllll", head);
    for (size_t i = 0; i < row->n_examples; i++) {
        const struct flip *flip = &row->examples[i];
        table_cell(&table, "%.2f to %.2f", flip->credits[0], flip->credits[1]);
        table_cell(&table, "%s", flip->id);
        table_short_cell(&table, flip->question);
        table_short_cell(&table, flip->label);
        table_short_cell(&table, flip->answers[0]);
        table_short_cell(&table, flip->answers[1]);
        table_cell(&table, "%s", flip->image_path);
    }
    table_add_to(&table, style, out);
}

static void add_item(const struct explanation *item, struct arena *arena, enum table_style style,
                     struct text *out)
{
    text_addf(out, "%s%s\n\n", style == TABLE_MARKDOWN ? "## " : "", item->runs[0]->protocol);
    add_runs(item, arena, style, out);
    text_addf(out, "\n%s\n", item->conclusion);
    add_settings(item, arena, style, out);
    add_stages(item, arena, style, out);
    add_logits(item, out);
    for (size_t r = 0; r < 2; r++)
        if (item->rescored[r])
            text_addf(out,
                      "\nCaution: the protocol's file was changed since %s was made; its answers "
                      "are scored by the new one.\n",
                      item->runs[r]->path);
    for (int i = 0; i < EXPLAIN_SAME; i++)
        add_examples(item, (enum explain_stage)i, arena, style, out);
}

static void add_legend(const struct explanation_list *list, struct text *out)
{
    bool has_doubts = false;
    for (size_t i = 0; i < list->n; i++)
        for (int stage = 0; stage < EXPLAIN_N; stage++)
            has_doubts |= list->items[i].rows[stage].n_unsure > 0;
    text_add(out,
             "\nPoints are percent of the mean over samples of what an answer earns, B minus A; "
             "a sample counts at the\nfirst stage that differs, so the net points add up to the "
             "whole difference.\n");
    if (has_doubts)
        text_add(out,
                 "May be earlier: of the samples, those whose files do not tell of an earlier "
                 "stage. Stage not told: of all\nsamples, those whose files do not tell of this "
                 "one.\n");
}

void explain_add_tables(const struct explanation_list *list, bool markdown, struct text *out)
{
    enum table_style style = markdown ? TABLE_MARKDOWN : TABLE_PLAIN;
    struct arena arena;
    size_t n_failed = 0;
    arena_init(&arena);
    for (size_t i = 0; i < list->n; i++) {
        text_add(out, i > 0 ? "\n" : "");
        add_item(&list->items[i], &arena, style, out);
        n_failed += list->items[i].failed[0] + list->items[i].failed[1];
    }
    add_legend(list, out);
    if (n_failed > 0)
        text_add(out, "\nFailed samples count as wrong.\n");
    for (size_t i = 0; i < list->n_left_out; i++)
        text_addf(out, "\nNot explained: %s.\n", list->left_out[i]);
    arena_release(&arena);
}

static double share(int64_t units, const struct explanation *item)
{
    return (double)units / (double)EXPLAIN_CREDIT / (double)item->n;
}

static void put_stages(struct json_writer *writer, const struct explanation *item)
{
    json_open(writer, "stages", '[');
    for (int i = 0; i < EXPLAIN_N; i++) {
        const struct explain_row *row = &item->rows[i];
        json_open(writer, NULL, '{');
        json_put_string(writer, "stage", explain_words[i].name);
        json_put_count(writer, "samples", row->n);
        json_put_count(writer, "changed", row->n_changed);
        json_put_number(writer, "won", share(row->won, item));
        json_put_number(writer, "lost", share(row->lost, item));
        json_put_number(writer, "net", share(row->won + row->lost, item));
        json_put_count(writer, "may_be_earlier", row->n_unsure);
        json_put_count(writer, "not_told", row->n_unknown);
        flips_put_json(writer, "examples", row->examples, row->n_examples);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void put_run(struct json_writer *writer, const char *key, const struct explanation *item,
                    size_t which)
{
    const struct run_record *run = item->runs[which];
    json_open(writer, key, '{');
    json_put_string(writer, "run", run->path);
    json_put_string(writer, "model", run->model);
    json_put_string(writer, "model_hash", run->model_hash);
    json_put_string(writer, "headline", run_headline(run)->name);
    json_put_number(writer, "headline_value", run_headline(run)->value);
    json_put_number(writer, "credit", share(item->credits[which], item));
    json_put_count(writer, "failed", item->failed[which]);
    json_put_count(writer, "without_digests", item->without_digests[which]);
    json_put_bool(writer, "protocol_changed_since", item->rescored[which]);
    json_close(writer, '}');
}

static void put_settings(struct json_writer *writer, const struct explanation *item)
{
    json_open(writer, "settings", '[');
    for (size_t i = 0; i < item->n_settings; i++) {
        json_open(writer, NULL, '{');
        json_put_string(writer, "name", item->settings[i].name);
        json_put_raw(writer, "first", item->settings[i].values[0]);
        json_put_raw(writer, "second", item->settings[i].values[1]);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void put_item(struct json_writer *writer, const struct explanation *item)
{
    const struct explain_logits *logits = &item->logits;
    json_open(writer, NULL, '{');
    json_put_string(writer, "protocol", item->runs[0]->protocol);
    put_run(writer, "first", item, 0);
    put_run(writer, "second", item, 1);
    json_put_count(writer, "samples", item->n);
    json_put_number(writer, "difference", share(item->credits[1] - item->credits[0], item));
    json_put_string(writer, "first_difference", explain_words[item->first].name);
    json_put_string(writer, "most_points", explain_words[item->most].name);
    json_put_string(writer, "conclusion", item->conclusion);
    put_settings(writer, item);
    put_stages(writer, item);
    json_open(writer, "logits", '{');
    json_put_count(writer, "known", logits->n_known);
    json_put_count(writer, "differ", logits->n_differ);
    json_put_count(writer, "measured", logits->n_measured);
    json_put_number(writer, "median", logits->median);
    json_put_number(writer, "largest", logits->largest);
    json_close(writer, '}');
    json_close(writer, '}');
}

void explain_add_json(const struct explanation_list *list, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_open(&writer, "explanations", '[');
    for (size_t i = 0; i < list->n; i++)
        put_item(&writer, &list->items[i]);
    json_close(&writer, ']');
    json_put_strings(&writer, "not_explained", list->left_out, list->n_left_out);
    json_close(&writer, '}');
}
