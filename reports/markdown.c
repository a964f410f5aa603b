/* reports/markdown.c - the report to read: GitHub markdown whose tables also align in a terminal.
 */
#include "reports/report.h"
#include "reports/run_parts.h"

#include <math.h>
#include <string.h>

static void add_head(const struct run_record *record, struct text *out)
{
    text_add(out, "# ");
    run_add_title(record, out);
    text_add(out, "\n\n");
    run_add_subject(record, out);
    text_add(out, "\n\n**");
    run_add_headline(record, out);
    text_add(out, "**");
    run_add_headline_facts(record, out);
    text_add_char(out, '\n');
    run_add_floors(record, out);
    text_add(out, record->n_floors > 0 ? "\n" : "");
}

/* A table under its heading. */
static void add_table(const char *heading, const struct table *table, struct text *out)
{
    text_addf(out, "\n%s%s", heading, heading[0] ? "\n\n" : "");
    table_add_to(table, TABLE_MARKDOWN, out);
}

static void add_failures(const struct run_record *record, struct arena *arena, struct text *out)
{
    if (record->n_warned > 0)
        text_addf(out,
                  "\nSamples with a warning about their picture: %zu (see predictions.jsonl).\n",
                  record->n_warned);
    if (record->n_failed == 0)
        return;
    struct table table;
    run_failures_table(record, arena, &table);
    text_add(out, "\n## Failures\n\n");
    run_add_failed(record, out);
    text_add_char(out, '\n');
    add_table("", &table, out);
}

static void add_speed(const struct run_record *record, struct arena *arena, struct text *out)
{
    struct table table;
    if (record->speed.n == 0)
        return;
    text_add(out, "\n## Speed\n\n");
    run_add_speed(record, out);
    text_add_char(out, '\n');
    run_speed_table(record, arena, &table);
    add_table("", &table, out);
    if (isnan(record->speed.decode_tokens_per_s))
        text_add(out, "\nNo token after the first was generated: this protocol needs none, so "
                      "there is no decode rate.\n");
    run_stages_table(record, arena, &table);
    add_table("", &table, out);
}

/* As many backticks as fence needs to hold the text. */
static void add_block(struct text *out, const char *string)
{
    const char *fence = strstr(string, "```") ? "````" : "```";
    text_addf(out, "%s\n%s\n%s\n", fence, string, fence);
}

static void add_record(const struct run_record *record, struct text *out)
{
    struct arena arena;
    struct table table;
    arena_init(&arena);
    add_head(record, out);
    if (record->n_samples < record->n_in_dataset || record->random_weights ||
        record->max_new_tokens_changed || record->data_note) {
        text_add(out, "\n");
        report_add_cautions(record, 1, "- note: ", out);
    }
    run_scores_table(record, &arena, &table);
    add_table("## Scores", &table, out);
    report_add_scores_legend(out);
    add_failures(record, &arena, out);
    add_speed(record, &arena, out);
    run_setup_table(record, &arena, &table);
    add_table("## Setup", &table, out);
    if (record->command && record->command[0]) {
        text_add(out, "\n## To reproduce\n\n");
        add_block(out, record->command);
    }
    if (record->first_prompt) {
        text_add(out, "\nThe first prompt, verbatim:\n\n");
        add_block(out, record->first_prompt);
    }
    if (arena_failed(&arena))
        out->failed = true;
    arena_release(&arena);
}

static void add_markdown(const struct run_record *records, size_t n, struct text *out)
{
    if (n > 1) {
        text_addf(out, "# %zu runs\n\n", n);
        report_add_summary(records, n, TABLE_MARKDOWN, out);
        text_add_char(out, '\n');
        report_add_cautions(records, n, "- note: ", out);
        text_add_char(out, '\n');
    }
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            text_add(out, "\n---\n\n");
        add_record(&records[i], out);
    }
}

const struct report_format report_markdown = {"md", "report.md", add_markdown, NULL,
                                              systems_add_markdown};
