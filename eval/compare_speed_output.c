/* eval/compare_speed_output.c - latencies side by side, as a table and as JSON. */
#include "eval/compare_speed.h"
#include "reports/report.h"

#include <math.h>

static void time_cell(struct table *table, double ns)
{
    struct text text;
    text_init(&text);
    report_add_time(&text, ns);
    table_text(table, &text);
    text_release(&text);
}

static void side_cell(struct table *table, size_t side)
{
    if (side < 26)
        table_cell(table, "%c", (char)('A' + side));
    else
        table_cell(table, "%zu", side + 1);
}

static void add_row(struct table *table, const struct speed_pair *pair)
{
    table_cell(table, "%s", pair->configuration);
    side_cell(table, pair->side);
    table_cell(table, "%s", profile_latency_name(pair->latency));
    time_cell(table, pair->medians[0]);
    time_cell(table, pair->medians[1]);
    table_cell(table, "%.3f", pair->ratio);
    if (isnan(pair->interval.low))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.3f to %.3f", pair->interval.low, pair->interval.high);
    table_cell(table, "%zu, %zu", pair->n[0], pair->n[1]);
    if (pair->n_pairs > 0)
        table_cell(table, "in turn, %zu pairs", pair->n_pairs);
    else
        table_cell(table, "%s", "apart");
}

static void add_legend(const struct speed_list *list, struct text *out)
{
    size_t apart = 0;
    for (size_t i = 0; i < list->n; i++)
        apart += list->pairs[i].n_pairs == 0;
    text_add(out,
             "\nLatencies are medians; run / A is the ratio of the medians, with its bootstrap "
             "interval (pairs of runs\nwhere they were measured in turn). ");
    if (apart > 0)
        text_add(out, "Measured apart: the runs were not next to each other, so\nthat the machine "
                      "may have changed between them; the interval does not know it. ");
    text_add(out, "`mambench gate --ab`\nmeasures in turn and decides.\n");
}

void speed_add_table(const struct speed_list *list, enum table_style style, struct text *out)
{
    static const char *const heads[] = {"configuration", "run",  "latency", "A", "run's", "run / A",
                                        "95 % interval", "runs", "measured"};
    struct arena arena;
    struct table table;
    arena_init(&arena);
    table_init(&table, &arena, "lllrrrrrl");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < list->n; i++)
        add_row(&table, &list->pairs[i]);
    if (list->n > 0) {
        text_add_char(out, '\n');
        table_add_to(&table, style, out);
        add_legend(list, out);
    }
    for (size_t i = 0; i < list->n_cautions; i++)
        text_addf(out, "\nCaution: %s.\n", list->cautions[i]);
    arena_release(&arena);
}

static void put_side(struct json_writer *writer, const char *key, const struct speed_pair *pair,
                     size_t k)
{
    json_open(writer, key, '{');
    json_put_string(writer, "model", pair->rows[k]->model);
    json_put_string(writer, "model_sha256", pair->rows[k]->sha256);
    json_put_count(writer, "runs", pair->n[k]);
    json_put_number(writer, "median_ns", pair->medians[k]);
    json_close(writer, '}');
}

static void put_pair(struct json_writer *writer, const struct speed_pair *pair)
{
    const struct profile_times *row = pair->rows[0];
    json_open(writer, NULL, '{');
    json_put_count(writer, "run", pair->side);
    json_put_string(writer, "latency", profile_latency_name(pair->latency));
    json_put_string(writer, "scenario", row->scenario);
    json_put_string(writer, "precision", row->precision);
    json_put_count(writer, "threads", (uint64_t)row->threads);
    json_put_count(writer, "batch", (uint64_t)row->batch);
    json_put_count(writer, "depth", (uint64_t)row->depth);
    json_put_bool(writer, "picture", row->image_tokens > 0);
    json_put_count(writer, "new_tokens", (uint64_t)row->new_tokens);
    put_side(writer, "first", pair, 0);
    put_side(writer, "second", pair, 1);
    json_put_bool(writer, "measured_in_turn", pair->n_pairs > 0);
    json_put_count(writer, "pairs", pair->n_pairs);
    json_put_number(writer, "ratio", pair->ratio);
    json_put_number(writer, "low", pair->interval.low);
    json_put_number(writer, "high", pair->interval.high);
    json_close(writer, '}');
}

void speed_put_json(const struct speed_list *list, struct json_writer *writer)
{
    json_open(writer, "latencies", '[');
    for (size_t i = 0; i < list->n; i++)
        put_pair(writer, &list->pairs[i]);
    json_close(writer, ']');
    json_put_strings(writer, "latency_cautions", list->cautions, list->n_cautions);
}
