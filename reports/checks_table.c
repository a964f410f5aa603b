/* reports/checks_table.c - checks as a table and as JSON. */
#include "reports/checks.h"
#include "reports/json_writer.h"
#include "reports/table.h"

#include <math.h>

static void number_cell(struct table *table, double value)
{
    if (isnan(value))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.2f", value);
}

static void p_cell(struct table *table, double p)
{
    if (isnan(p))
        table_cell(table, "%s", "");
    else
        table_cell(table, p < 0.001 ? "%.1e" : "%.4f", p);
}

static void add_row(struct table *table, const struct check *check)
{
    struct text limit;
    text_init(&limit);
    check_add_limit(check, &limit);
    table_cell(table, "%s", check->task);
    table_cell(table, "%s", check->metric);
    number_cell(table, check->before);
    number_cell(table, check->now);
    table_cell(table, "%s", check->unit);
    table_text(table, &limit);
    table_cell(table, "%zu", check->n);
    p_cell(table, check->test.p_holm);
    number_cell(table, check->detectable);
    table_cell(table, "%s", check_verdict_name(check->test.verdict));
    text_release(&limit);
}

void checks_add_table(const struct checks *checks, bool markdown, struct text *out)
{
    static const char *const head[] = {"task",  "metric", "baseline", "now",        "unit",
                                       "limit", "n",      "p (Holm)", "detectable", "verdict"};
    struct arena arena;
    struct table table;
    arena_init(&arena);
    table_init(&table, &arena, "llrrllrrrl");
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        table_cell(&table, "%s", head[i]);
    for (size_t i = 0; i < checks->n; i++)
        add_row(&table, &checks->items[i]);
    text_addf(out, "%s%s against %s\n\n",
              markdown ? "### mambench gate: " : "Gate: ", checks->subject, checks->baseline);
    if (!checks->error)
        table_add_to(&table, markdown ? TABLE_MARKDOWN : TABLE_PLAIN, out);
    for (size_t i = 0; i < checks->n && !checks->error; i++)
        if (checks->items[i].test.verdict != GATE_OK)
            text_addf(out, "\n%s%s\n", markdown ? "- " : "", checks->items[i].sentence);
    for (size_t i = 0; i < checks->n_notes; i++)
        text_addf(out, "\n%sNote: %s\n", markdown ? "- " : "", checks->notes[i]);
    text_add(out, markdown ? "\n**" : "\n");
    checks_add_verdict(checks, out);
    text_add(out, markdown ? "**\n" : "\n");
    arena_release(&arena);
}

static void put_check(struct json_writer *writer, const struct check *check)
{
    json_open(writer, NULL, '{');
    json_put_string(writer, "task", check->task);
    json_put_string(writer, "metric", check->metric);
    json_put_string(writer, "rule", check->rule);
    json_put_number(writer, "limit", check->limit);
    json_put_string(writer, "unit", check->unit);
    json_put_number(writer, "before", check->before);
    json_put_number(writer, "now", check->now);
    json_put_count(writer, "n", check->n);
    json_put_count(writer, "images", check->n_images);
    json_put_number(writer, "excess", check->test.excess);
    json_put_number(writer, "p", check->test.p);
    json_put_number(writer, "p_holm", check->test.p_holm);
    json_put_number(writer, "detectable", check->detectable);
    json_put_string(writer, "method", check->method);
    json_put_string(writer, "obstacle", check->obstacle);
    json_put_string(writer, "verdict",
                    check->test.verdict == GATE_FAILED ? "failed"
                                                       : check_verdict_name(check->test.verdict));
    json_put_string(writer, "text", check->sentence);
    json_close(writer, '}');
}

static const char *overall(const struct checks *checks)
{
    if (checks->error)
        return "none";
    if (checks_count(checks, GATE_FAILED) > 0)
        return "failed";
    return checks_count(checks, GATE_INCONCLUSIVE) > 0 ? "inconclusive" : "ok";
}

void checks_add_json(const struct checks *checks, const char *version, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", version);
    json_put_string(&writer, "baseline", checks->baseline);
    json_put_string(&writer, "run", checks->subject);
    json_put_number(&writer, "level", checks->level);
    json_put_string(&writer, "verdict", overall(checks));
    json_put_string(&writer, "error", checks->error);
    json_open(&writer, "checks", '[');
    for (size_t i = 0; i < checks->n && !checks->error; i++)
        put_check(&writer, &checks->items[i]);
    json_close(&writer, ']');
    json_put_strings(&writer, "notes", checks->notes, checks->n_notes);
    json_close(&writer, '}');
}
