/* eval/compare_output.c - comparisons as tables and as JSON. */
#include "eval/compare.h"
#include "eval/version.h"
#include "reports/json_writer.h"
#include "reports/report.h"
#include "reports/table.h"

#include <math.h>
#include <string.h>

/* The operands' letters: A, B ... Z, then numbers. */
static void letter_cell(struct table *table, size_t side)
{
    if (side < 26)
        table_cell(table, "%c", (char)('A' + side));
    else
        table_cell(table, "%zu", side + 1);
}

static void p_cell(struct table *table, double p)
{
    table_cell(table, p < 0.001 ? "%.1e" : "%.4f", p);
}

/* A share of 1 as percent or points; blank where there is none. */
static void share_cell(struct table *table, double value, const char *unit)
{
    if (isnan(value))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.2f%s", 100 * value, unit);
}

static void begin(struct table *table, struct arena *arena, const char *alignment,
                  const char *const *head)
{
    table_init(table, arena, alignment);
    for (size_t i = 0; head[i]; i++)
        table_cell(table, "%s", head[i]);
}

static void add_runs(const struct comparison_list *list, struct arena *arena,
                     enum table_style style, struct text *out)
{
    static const char *const head[] = {"run", "protocol", "model", "headline", "value",
                                       "n",   "failed",   "where", NULL};
    struct table table;
    begin(&table, arena, "llllrrrl", head);
    for (size_t side = 0; side < list->n_sides; side++)
        for (size_t i = 0; i < list->sides[side].n; i++) {
            const struct run_record *run = &list->sides[side].records[i];
            struct text value;
            text_init(&value);
            report_add_value(&value, run_headline(run));
            letter_cell(&table, side);
            table_cell(&table, "%s", run->protocol);
            table_cell(&table, "%s%s%s%s", run->model, run->precision ? " " : "",
                       run->precision ? run->precision : "",
                       run->random_weights ? " (random weights)" : "");
            table_cell(&table, "%s", run_headline(run)->name);
            table_text(&table, &value);
            table_cell(&table, "%zu", run->n_samples);
            table_cell(&table, "%zu", run->n_failed);
            table_cell(&table, "%s", run->path);
            text_release(&value);
        }
    table_add_to(&table, style, out);
}

static void add_differences(const struct comparison_list *list, struct arena *arena,
                            enum table_style style, struct text *out)
{
    static const char *const head[] = {
        "protocol",      "run", "n",        "images",  "A",          "run's", "difference",
        "95 % interval", "p",   "p (Holm)", "verdict", "detectable", NULL};
    struct table table;
    begin(&table, arena, "llrrrrrrrrlr", head);
    for (size_t i = 0; i < list->n; i++) {
        const struct comparison *item = &list->items[i];
        const struct interval *interval = &item->difference.interval;
        table_cell(&table, "%s", item->runs[0]->protocol);
        letter_cell(&table, item->side);
        table_cell(&table, "%zu", item->n);
        table_cell(&table, "%zu", item->n_images);
        share_cell(&table, item->credits[0], " %");
        share_cell(&table, item->credits[1], " %");
        table_cell(&table, "%+.2f", 100 * item->difference.mean);
        if (isnan(interval->low))
            table_cell(&table, "%s", "");
        else
            table_cell(&table, "%+.2f to %+.2f", 100 * interval->low, 100 * interval->high);
        p_cell(&table, item->permutation.p);
        p_cell(&table, item->p_holm);
        table_cell(&table, "%s", verdict_name(item->verdict));
        share_cell(&table, item->detectable, "");
    }
    table_add_to(&table, style, out);
}

static void add_changes(const struct comparison_list *list, struct arena *arena,
                        enum table_style style, struct text *out)
{
    static const char *const head[] = {"protocol",
                                       "run",
                                       "fell",
                                       "rose",
                                       "distinct questions",
                                       "right in A only",
                                       "in run",
                                       "McNemar p",
                                       "failed in A",
                                       "in run",
                                       NULL};
    struct table table;
    begin(&table, arena, "llrrrrrrrr", head);
    for (size_t i = 0; i < list->n; i++) {
        const struct comparison *item = &list->items[i];
        table_cell(&table, "%s", item->runs[0]->protocol);
        letter_cell(&table, item->side);
        table_cell(&table, "%zu", item->fell.n);
        table_cell(&table, "%zu", item->rose.n);
        table_cell(&table, "%zu", item->n_pairs);
        table_cell(&table, "%zu", item->only[0]);
        table_cell(&table, "%zu", item->only[1]);
        p_cell(&table, item->p_mcnemar);
        table_cell(&table, "%zu", item->failed[0]);
        table_cell(&table, "%zu", item->failed[1]);
    }
    table_add_to(&table, style, out);
}

static void add_flip_rows(struct table *table, const struct flips *flips, const char *change)
{
    for (size_t i = 0; i < flips->n_listed; i++) {
        const struct flip *flip = &flips->listed[i];
        bool whole = fabs(flip->credits[1] - flip->credits[0]) >= 1;
        if (whole)
            table_cell(table, "%s", change);
        else
            table_cell(table, "%.2f to %.2f", flip->credits[0], flip->credits[1]);
        table_cell(table, "%s", flip->id);
        table_short_cell(table, flip->question);
        table_short_cell(table, flip->label);
        table_short_cell(table, flip->answers[0]);
        table_short_cell(table, flip->answers[1]);
        table_cell(table, "%s", flip->image_path);
    }
}

static void add_flips(const struct comparison *item, struct arena *arena, enum table_style style,
                      struct text *out)
{
    static const char *const head[] = {"change", "sample", "question", "label",
                                       "A",      "run",    "picture",  NULL};
    struct table table;
    if (item->fell.n_listed + item->rose.n_listed == 0)
        return;
    text_addf(out,
              "\n%s, %s (run) against %s (A): %zu of %zu answers that earn less, %zu of %zu "
              "that earn more\n\n",
              item->runs[0]->protocol, item->runs[1]->path, item->runs[0]->path,
              item->fell.n_listed, item->fell.n, item->rose.n_listed, item->rose.n);
    begin(&table, arena, "lllllll", head);
    add_flip_rows(&table, &item->fell, "right to wrong");
    add_flip_rows(&table, &item->rose, "wrong to right");
    table_add_to(&table, style, out);
}

static void add_remarks(const struct comparison_list *list, struct text *out)
{
    size_t n_failed = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct comparison *item = &list->items[i];
        n_failed += item->failed[0] + item->failed[1];
        if (item->caution)
            text_addf(out, "\nCaution: %s and %s differ in %s.\n", item->runs[0]->path,
                      item->runs[1]->path, item->caution);
    }
    if (n_failed > 0)
        text_add(out, "\nFailed samples count as wrong.\n");
    for (size_t i = 0; i < list->n_left_out; i++)
        text_addf(out, "\nNot compared: %s.\n", list->left_out[i]);
}

static void add_legend(const struct comparison_list *list, struct text *out)
{
    text_addf(
        out,
        "\nA and the run's: mean over samples of what an answer earns. Difference: run minus A, "
        "in points,\nwith its cluster-robust interval (images). p: sign-flip permutation by "
        "image, %zu seeded draws, or all\nsigns where at most %d images differ; Holm's "
        "correction is for the %zu comparison%s here, and decides at %.0f %%.\n"
        "Detectable: the smallest true difference that 80 of 100 such samples show.\n",
        list->n_draws, PAIRED_MOST_EXACT, list->n, list->n == 1 ? "" : "s", 100 * COMPARE_LEVEL);
}

static void add_accuracies(const struct comparison_list *list, struct arena *arena,
                           enum table_style style, struct text *out)
{
    add_runs(list, arena, style, out);
    text_add_char(out, '\n');
    add_differences(list, arena, style, out);
    add_legend(list, out);
    text_add_char(out, '\n');
    add_changes(list, arena, style, out);
    text_add(out,
             "\nFell, rose: samples that earn less or more in the run. McNemar's exact test is "
             "on distinct\nquestions; it ignores that they share images and decides nothing.\n");
}

void compare_add_tables(const struct comparison_list *list, bool markdown, struct text *out)
{
    enum table_style style = markdown ? TABLE_MARKDOWN : TABLE_PLAIN;
    struct arena arena;
    arena_init(&arena);
    if (list->n > 0)
        add_accuracies(list, &arena, style, out);
    speed_add_table(&list->speed, style, out);
    add_remarks(list, out);
    for (size_t i = 0; i < list->n; i++)
        add_flips(&list->items[i], &arena, style, out);
    arena_release(&arena);
}

static void put_flips(struct json_writer *writer, const char *key, const struct flips *flips)
{
    json_open(writer, key, '{');
    json_put_count(writer, "n", flips->n);
    flips_put_json(writer, "listed", flips->listed, flips->n_listed);
    json_close(writer, '}');
}

static void put_run(struct json_writer *writer, const char *key, const struct comparison *item,
                    size_t which)
{
    const struct run_record *run = item->runs[which];
    json_open(writer, key, '{');
    json_put_string(writer, "run", run->path);
    json_put_string(writer, "model", run->model);
    json_put_string(writer, "model_hash", run->model_hash);
    json_put_string(writer, "precision", run->precision);
    json_put_bool(writer, "random_weights", run->random_weights);
    json_put_string(writer, "headline", run_headline(run)->name);
    json_put_number(writer, "headline_value", run_headline(run)->value);
    json_put_number(writer, "credit", item->credits[which]);
    json_put_count(writer, "failed", item->failed[which]);
    json_close(writer, '}');
}

static void put_tests(struct json_writer *writer, const struct comparison *item)
{
    json_open(writer, "permutation", '{');
    json_put_number(writer, "p", item->permutation.p);
    json_put_bool(writer, "exact", item->permutation.is_exact);
    json_put_count(writer, "images_that_differ", item->permutation.n_differ);
    json_put_count(writer, "signs", item->permutation.n_signs);
    json_close(writer, '}');
    json_put_number(writer, "p_holm", item->p_holm);
    json_put_string(writer, "verdict", verdict_name(item->verdict));
    json_open(writer, "mcnemar", '{');
    json_put_number(writer, "p", item->p_mcnemar);
    json_put_count(writer, "distinct_questions", item->n_pairs);
    json_put_count(writer, "right_in_first_only", item->only[0]);
    json_put_count(writer, "right_in_second_only", item->only[1]);
    json_put_bool(writer, "ignores_clusters", true);
    json_close(writer, '}');
}

static void put_comparison(struct json_writer *writer, const struct comparison *item)
{
    json_open(writer, NULL, '{');
    json_put_string(writer, "protocol", item->runs[0]->protocol);
    put_run(writer, "first", item, 0);
    put_run(writer, "second", item, 1);
    json_put_count(writer, "samples", item->n);
    json_put_count(writer, "images", item->n_images);
    json_put_number(writer, "difference", item->difference.mean);
    json_put_number(writer, "error", item->difference.error);
    json_put_number(writer, "low", item->difference.interval.low);
    json_put_number(writer, "high", item->difference.interval.high);
    json_put_number(writer, "detectable", item->detectable);
    put_tests(writer, item);
    put_flips(writer, "fell", &item->fell);
    put_flips(writer, "rose", &item->rose);
    json_put_string(writer, "differ_in", item->caution);
    json_close(writer, '}');
}

void compare_add_json(const struct comparison_list *list, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_put_number(&writer, "level", COMPARE_LEVEL);
    json_open(&writer, "comparisons", '[');
    for (size_t i = 0; i < list->n; i++)
        put_comparison(&writer, &list->items[i]);
    json_close(&writer, ']');
    speed_put_json(&list->speed, &writer);
    json_put_strings(&writer, "not_compared", list->left_out, list->n_left_out);
    json_close(&writer, '}');
}
