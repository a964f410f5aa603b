/* reports/html.c - one page that opens from disk: tables written here, samples as data for the
 * page's script.  Nothing is loaded but pictures, and no script runs but the page's own: its digest
 * stands in the page's Content-Security-Policy. */
#include "reports/grid.h"
#include "reports/html_text.h"
#include "reports/page_data.h"
#include "reports/report.h"
#include "reports/run_parts.h"

#include <math.h>
#include <string.h>

struct page {
    const struct run_record *records;
    size_t n;
    const struct report_page *extras;
};

static void add_policy(const struct page *page, struct text *out)
{
    (void)page;
    text_add(out, "default-src 'none'; script-src ");
    html_add_digest(out, page_js.bytes, page_js.size_bytes);
    text_add(out, "; style-src ");
    html_add_digest(out, page_css.bytes, page_css.size_bytes);
    text_add(out, "; img-src file: data:; base-uri 'none'; form-action 'none'");
}

static void add_style(const struct page *page, struct text *out)
{
    (void)page;
    text_add_bytes(out, page_css.bytes, page_css.size_bytes);
}

static void add_script(const struct page *page, struct text *out)
{
    (void)page;
    text_add_bytes(out, page_js.bytes, page_js.size_bytes);
}

/* A text, written by a function for plain ones. */
static void add_plain(struct text *out, const struct text *plain)
{
    html_add_text(out, text_string(plain));
    out->failed = out->failed || plain->failed;
}

/* How many different strings the records have. */
static size_t count_distinct(const struct page *page, const char *(*of)(const struct run_record *))
{
    size_t n = 0;
    for (size_t i = 0; i < page->n; i++) {
        size_t j = 0;
        while (j < i && strcmp(of(&page->records[i]), of(&page->records[j])) != 0)
            j++;
        n += j == i;
    }
    return n;
}

static const char *model_of(const struct run_record *record)
{
    return record->model;
}

static const char *protocol_of(const struct run_record *record)
{
    return record->protocol;
}

static void add_title(const struct page *page, struct text *out)
{
    struct text title;
    text_init(&title);
    size_t n_models = count_distinct(page, model_of),
           n_protocols = count_distinct(page, protocol_of);
    if (page->n == 1)
        run_add_title(page->records, &title);
    else if (n_models == 1)
        text_addf(&title, "%s on %zu protocols", page->records[0].model, n_protocols);
    else if (n_protocols == 1)
        text_addf(&title, "%zu models on %s", n_models, page->records[0].protocol);
    else
        text_addf(&title, "%zu models on %zu protocols", n_models, n_protocols);
    add_plain(out, &title);
    text_release(&title);
}

static void add_results(const struct page *page, struct text *out)
{
    struct grid grid;
    if (page->extras->systems) {
        systems_add_html(page->extras->systems, out);
        return;
    }
    grid_init(&grid);
    grid_put_records(&grid, page->records, page->n);
    text_add(out, "<div class=\"table grid\">\n");
    grid_add_html(&grid, out);
    text_add(out, "</div>\n");
    grid_release(&grid);
}

static void add_summary(const struct page *page, struct text *out)
{
    report_add_summary(page->records, page->n, TABLE_HTML, out);
}

/* Facts that a manifest of this version tells and this one does not. */
static void add_untold(const struct run_record *record, struct text *out)
{
    const struct {
        const char *name;
        int is_missing;
    } facts[] = {
        {"the hash of its protocol", !record->protocol_hash},
        {"its command", !record->command || !record->command[0]},
        {"its first prompt", !record->first_prompt},
        {"its annotation files", record->n_files == 0},
        {"the machine", !record->cpu},
        {"the precision", !record->baseline && !record->precision},
        {"the model's hash", !record->baseline && !record->model_hash},
        {"the session's bytes", !record->baseline && isnan(record->state_bytes)},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (!facts[i].is_missing)
            continue;
        if (n++ == 0)
            text_addf(out, "%s does not tell ", record->path);
        else
            text_add(out, ", ");
        text_add(out, facts[i].name);
    }
    text_add(out, n > 0 ? ": another version of mambench wrote it, or another program\n" : "");
}

static void add_notes(const struct page *page, struct text *out)
{
    struct text lines;
    text_init(&lines);
    text_add(&lines, page->extras->notes ? page->extras->notes : "");
    for (size_t i = 0; i < page->n; i++) {
        const struct run_record *record = &page->records[i];
        if (record->n_failed > 0)
            text_addf(&lines, "%s: %zu of %zu samples have no answer and count as wrong\n",
                      record->path, record->n_failed, record->n_samples);
        if (record->speed.n == 0 && !record->baseline)
            text_addf(&lines, "%s has no timings: its speed is blank\n", record->path);
        add_untold(record, &lines);
    }
    report_add_cautions(page->records, page->n, "", &lines);
    html_add_list(out, text_string(&lines));
    out->failed = out->failed || lines.failed;
    text_release(&lines);
}

/* As pictures: what an SVG file would run or load, it cannot there. */
static void add_figures(const struct page *page, struct text *out)
{
    const struct report_page *extras = page->extras;
    if (extras->n_figures == 0)
        return;
    text_add(out, "<section id=\"figures\">\n<h2>Figures</h2>\n<div class=\"figures\">\n");
    for (size_t i = 0; i < extras->n_figures; i++) {
        text_add(out, "<figure><img alt=\"");
        html_add_text(out, extras->figures[i].name);
        text_add(out, "\" src=\"data:image/svg+xml;base64,");
        html_add_base64(out, extras->figures[i].svg, extras->figures[i].svg_bytes);
        text_add(out, "\"><figcaption>");
        html_add_text(out, extras->figures[i].name);
        text_add(out, "</figcaption></figure>\n");
    }
    text_add(out, "</div>\n</section>\n");
}

static void add_figures_link(const struct page *page, struct text *out)
{
    text_add(out, page->extras->n_figures > 0 ? "<a href=\"#figures\">Figures</a>" : "");
}

static void add_table(struct text *out, const char *heading, const struct table *table)
{
    text_addf(out, "%s%s%s<div class=\"table\">\n", heading[0] ? "<h3>" : "", heading,
              heading[0] ? "</h3>\n" : "");
    table_add_to(table, TABLE_HTML, out);
    text_add(out, "</div>\n");
}

typedef void sentence_writer(const struct run_record *record, struct text *out);

static void add_sentence(struct text *out, const char *open, const struct run_record *record,
                         sentence_writer *write, const char *close)
{
    struct text plain;
    text_init(&plain);
    write(record, &plain);
    if (plain.length > 0 || plain.failed) {
        text_add(out, open);
        add_plain(out, &plain);
        text_add(out, close);
    }
    text_release(&plain);
}

static void add_block(struct text *out, const char *heading, const char *string)
{
    if (!string || !string[0])
        return;
    text_addf(out, "<h3>%s</h3>\n<pre>", heading);
    html_add_text(out, string);
    text_add(out, "</pre>\n");
}

static void add_run(const struct run_record *record, struct text *out)
{
    struct arena arena;
    struct table table;
    arena_init(&arena);
    add_sentence(out, "<details>\n<summary>", record, run_add_title, "");
    add_sentence(out, " <span class=\"headline\">", record, run_add_headline,
                 "</span></summary>\n");
    add_sentence(out, "<p>", record, run_add_subject, "</p>\n");
    add_sentence(out, "<p><strong>", record, run_add_headline, "</strong>");
    add_sentence(out, "", record, run_add_headline_facts, "</p>\n");
    add_sentence(out, "<p>", record, run_add_floors, "</p>\n");
    run_scores_table(record, &arena, &table);
    add_table(out, "Scores", &table);
    text_add(out, "<p>");
    report_add_scores_legend(out);
    text_add(out, "</p>\n");
    add_sentence(out, "<h3>Failures</h3>\n<p>", record, run_add_failed, "</p>\n");
    run_failures_table(record, &arena, &table);
    if (record->n_failed > 0)
        add_table(out, "", &table);
    if (record->speed.n > 0) {
        add_sentence(out, "<h3>Speed</h3>\n<p>", record, run_add_speed, "</p>\n");
        run_speed_table(record, &arena, &table);
        add_table(out, "", &table);
        run_stages_table(record, &arena, &table);
        add_table(out, "", &table);
    }
    run_setup_table(record, &arena, &table);
    add_table(out, "Protocol, model and machine", &table);
    add_block(out, "To reproduce", record->command);
    add_block(out, "The first prompt, verbatim", record->first_prompt);
    text_add(out, "</details>\n");
    out->failed = out->failed || arena_failed(&arena);
    arena_release(&arena);
}

static void add_runs(const struct page *page, struct text *out)
{
    for (size_t i = 0; i < page->n; i++)
        add_run(&page->records[i], out);
}

static void add_data(const struct page *page, struct text *out)
{
    static const struct gallery nothing = {0};
    gallery_add_json(page->extras->gallery ? page->extras->gallery : &nothing, out);
}

/* What stands for {{name}} in reports/page/page.html. */
static const struct part {
    const char *name;
    void (*add)(const struct page *page, struct text *out);
} parts[] = {
    {"policy", add_policy},   {"title", add_title},     {"style", add_style},
    {"notes", add_notes},     {"results", add_results}, {"summary", add_summary},
    {"figures", add_figures}, {"runs", add_runs},       {"figures-link", add_figures_link},
    {"data", add_data},       {"script", add_script},
};

static const struct part *part_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strlen(parts[i].name) == length && memcmp(parts[i].name, name, length) == 0)
            return &parts[i];
    return NULL;
}

static void add_html_page(const struct run_record *records, size_t n,
                          const struct report_page *extras, struct text *out)
{
    const struct page page = {records, n, extras};
    const char *at = page_html.bytes, *open;
    while ((open = strstr(at, "{{")) != NULL) {
        const char *name = open + 2, *close = strstr(name, "}}");
        const struct part *part = close ? part_find(name, (size_t)(close - name)) : NULL;
        text_add_bytes(out, at, (size_t)(open - at));
        if (!part) { /* the template is part of the program: no file of a user's gets here */
            out->failed = true;
            return;
        }
        part->add(&page, out);
        at = close + 2;
    }
    text_add(out, at);
}

static void add_html(const struct run_record *records, size_t n, struct text *out)
{
    static const struct report_page nothing = {0};
    add_html_page(records, n, &nothing, out);
}

/* On demand only: the page of a run is larger than the run. */
const struct report_format report_html = {"html", NULL, add_html, add_html_page, NULL};
