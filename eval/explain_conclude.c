/* eval/explain_conclude.c - what the stages say, in sentences. */
#include "eval/explain.h"

#include <stdlib.h>
#include <string.h>

static int64_t net_of(const struct explain_row *row)
{
    return row->won + row->lost;
}

/* The stage that the most points come from; where the scores are equal, the one that moves the
 * most. */
static enum explain_stage find_most(const struct explanation *out)
{
    bool has_net = out->credits[0] != out->credits[1];
    enum explain_stage most = out->first;
    int64_t largest = -1;
    for (int i = 0; i < EXPLAIN_SAME; i++) {
        const struct explain_row *row = &out->rows[i];
        int64_t weight = has_net ? llabs(net_of(row)) : row->won - row->lost;
        if (row->n > 0 && weight > largest) {
            largest = weight;
            most = (enum explain_stage)i;
        }
    }
    return most;
}

/* "; -7.60 of the -7.84 points come from samples whose pixels are the first to differ." */
static void add_share(struct text *text, const struct explanation *out)
{
    const struct explain_row *row = &out->rows[out->most];
    const char *which = explain_words[out->most].which;
    int64_t total = out->credits[1] - out->credits[0];
    if (total != 0 && net_of(row) == total)
        text_addf(text, "; all %+.2f points come from samples %s.", explain_points(total, out->n),
                  which);
    else if (total != 0)
        text_addf(text, "; %+.2f of the %+.2f points come from samples %s.",
                  explain_points(net_of(row), out->n), explain_points(total, out->n), which);
    else if (row->n_changed > 0)
        text_addf(text,
                  "; the scores are equal: samples %s win %+.2f points and lose %+.2f, the most "
                  "of all.",
                  which, explain_points(row->won, out->n), explain_points(row->lost, out->n));
    else
        text_add(text, "; no sample earns more or less for it.");
}

/* Stages that the files of some samples do not tell. */
static void add_unknown(struct text *text, const struct explanation *out)
{
    size_t n = 0;
    for (int i = 0; i < EXPLAIN_SAME; i++)
        if (out->rows[i].n_unknown > 0)
            text_addf(text, "%s%s", n++ > 0 ? ", " : "", explain_words[i].name);
}

static void add_doubt(struct text *text, const struct explanation *out)
{
    size_t n_unknown = 0, n_unsure = 0;
    for (int i = 0; i < EXPLAIN_N; i++) {
        n_unknown += out->rows[i].n_unknown;
        n_unsure += out->rows[i].n_unsure;
    }
    if (n_unknown == 0)
        return;
    text_add(text, " Not told apart, for the files do not hold it (");
    for (size_t r = 0; r < 2; r++)
        if (out->without_digests[r] > 0)
            text_addf(text, "%s%s has no digests%s",
                      r == 1 && out->without_digests[0] > 0 ? ", " : "", out->runs[r]->path,
                      out->without_digests[r] < out->n ? " of some samples" : "");
    text_add(text, "): ");
    add_unknown(text, out);
    text_addf(text, "; %zu sample%s may differ there already.", n_unsure, n_unsure == 1 ? "" : "s");
}

static void add_first(struct text *text, const struct explanation *out)
{
    if (out->first == EXPLAIN_SAME) {
        text_addf(text, "No difference is found in any of the %zu samples.", out->n);
        return;
    }
    text_addf(text, "The first difference is in %s (%zu of %zu samples)",
              explain_words[out->first].noun, out->rows[out->first].n, out->n);
    add_share(text, out);
}

enum status explain_conclude(struct explanation *out, struct arena *arena, struct error *err)
{
    struct text text;
    text_init(&text);
    out->first = EXPLAIN_SAME;
    for (int i = EXPLAIN_SAME; i-- > 0;)
        if (out->rows[i].n > 0)
            out->first = (enum explain_stage)i;
    out->most = find_most(out);
    add_first(&text, out);
    add_doubt(&text, out);
    out->conclusion = arena_string(arena, text_string(&text));
    bool failed = text.failed || arena_failed(arena);
    text_release(&text);
    return failed ? fail(err, STATUS_NO_MEMORY, "out of memory while explaining runs") : STATUS_OK;
}
