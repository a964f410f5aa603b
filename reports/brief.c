/* reports/brief.c - one run in a few lines, for a terminal. */
#include "reports/report.h"

#include <math.h>
#include <string.h>

static void add_head(const struct run_record *record, struct text *out)
{
    text_addf(out, "%s on %s", record->model, record->protocol);
    if (record->precision)
        text_addf(out, ", %s", record->precision);
    text_addf(out, ": %zu samples about %zu images", record->n_samples, record->n_images);
    if (record->n_failed > 0)
        text_addf(out, ", %zu failed (counted as wrong)", record->n_failed);
    text_add_char(out, '\n');
}

static void add_score(const struct run_record *record, struct text *out)
{
    const struct score *headline = run_headline(record);
    text_addf(out, "  %-16s ", headline->name);
    if (isnan(headline->value))
        text_add(out, "undefined");
    report_add_percent(out, headline->value, headline->scale);
    if (headline->interval != INTERVAL_NONE && !isnan(headline->low)) {
        text_add(out, "   95 % interval ");
        report_add_interval(out, headline);
    }
    text_add_char(out, '\n');
}

static void add_floors(const struct run_record *record, struct text *out)
{
    const struct score *headline = run_headline(record);
    if (record->n_floors == 0)
        return;
    text_addf(out, "  %-16s ", "floors");
    for (size_t i = 0; i < record->n_floors; i++) {
        const char *name = record->floors[i].name ? record->floors[i].name : "";
        const char *colon = strchr(name, ':');
        text_addf(out, "%s%s ", i > 0 ? ", " : "", colon ? colon + 1 : name);
        if (isnan(record->floors[i].value))
            text_add(out, "undefined");
        report_add_percent(out, record->floors[i].value, headline->scale);
    }
    text_add_char(out, '\n');
}

static void add_speed(const struct run_record *record, struct text *out)
{
    const struct run_speed *speed = &record->speed;
    if (speed->n == 0)
        return;
    text_addf(out, "  %-16s ", "questions/s");
    report_add_rate(out, speed->questions_per_s);
    if (speed->most_together > 1)
        text_addf(out, ", up to %zu computed together", speed->most_together);
    else
        text_addf(out, "\n  %-16s ", "first token");
    if (speed->most_together <= 1 && speed->n_fresh > 0) {
        report_add_time(out, speed->first_token_median_ns);
        text_add(out, " with the picture read");
    }
    if (speed->most_together <= 1 && speed->n > speed->n_fresh) {
        text_add(out, speed->n_fresh > 0 ? ", " : "");
        report_add_time(out, speed->reused_median_ns);
        text_add(out, " with its state reused");
    }
    text_addf(out, "%s\n  %-16s ", speed->most_together > 1 ? "" : " (medians)", "tokens/s");
    report_add_rate(out, speed->prefill_tokens_per_s);
    text_add(out, " prefill");
    if (!isnan(speed->decode_tokens_per_s)) {
        text_add(out, ", ");
        report_add_rate(out, speed->decode_tokens_per_s);
        text_add(out, " decode");
    }
    text_add_char(out, '\n');
}

static void add_state(const struct run_record *record, struct text *out)
{
    if (isnan(record->state_bytes))
        return;
    text_addf(out, "  %-16s ", "state");
    report_add_session(record, out);
    text_add_char(out, '\n');
}

/* Cautions at 80 columns behind the label. */
static void add_notes(const struct run_record *record, struct text *out)
{
    enum { INDENT = 19, WIDTH = 80 };
    struct text notes;
    size_t column = 0;
    text_init(&notes);
    report_add_cautions(record, 1, "", &notes);
    for (const char *word = text_string(&notes); *word;) {
        size_t length = strcspn(word, " \n");
        if (column == 0)
            text_addf(out, "  %-16s ", "note");
        else if (column + 1 + length > WIDTH)
            text_addf(out, "\n%*s", INDENT, "");
        else
            text_add_char(out, ' ');
        column = column == 0 || column + 1 + length > WIDTH ? INDENT : column + 1;
        text_add_bytes(out, word, length);
        column += length;
        if (word[length] == '\n') {
            text_add_char(out, '\n');
            column = 0;
        }
        word += length + (word[length] != '\0');
    }
    out->failed = out->failed || notes.failed;
    text_release(&notes);
}

void report_add_brief(const struct run_record *record, struct text *out)
{
    add_head(record, out);
    add_score(record, out);
    add_floors(record, out);
    add_speed(record, out);
    add_state(record, out);
    add_notes(record, out);
    text_addf(out, "  %-16s %s/report.md\n", "report", record->path);
}
