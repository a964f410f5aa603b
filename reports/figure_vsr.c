/* reports/figure_vsr.c - VSR relation by relation: few captions, wide intervals. */
#include "reports/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_CAPTIONS = 10, MOST_RELATIONS = 30 };

struct relation {
    const char *name; /* "left of" */
    size_t n;
};

/* "relation/left of/accuracy": the part between; NULL for another score. */
static const char *relation_of(const struct score *score, struct arena *arena)
{
    static const char before[] = "relation/", behind[] = "/accuracy";
    size_t length = strlen(score->name), around = strlen(before) + strlen(behind);
    if (length <= around || !text_starts_with(score->name, before) ||
        !text_ends_with(score->name, behind))
        return NULL;
    return arena_copy(arena, score->name + strlen(before), length - around);
}

static bool is_vsr(const struct run_record *record)
{
    return record->protocol && text_starts_with(record->protocol, "vsr");
}

static int by_falling_n(const void *a, const void *b)
{
    const struct relation *left = a, *right = b;
    if (left->n != right->n)
        return left->n < right->n ? 1 : -1;
    return strcmp(left->name, right->name);
}

/* Relations of the first run on VSR with enough captions. */
static size_t gather(const struct run_record *record, struct relation *relations,
                     struct arena *arena, size_t *n_all)
{
    size_t n = 0;
    for (size_t i = 0; i < record->n_scores; i++) {
        const char *name = relation_of(&record->scores[i], arena);
        if (!name)
            continue;
        *n_all += 1;
        if (record->scores[i].n >= LEAST_CAPTIONS)
            relations[n++] = (struct relation){name, record->scores[i].n};
    }
    qsort(relations, n, sizeof *relations, by_falling_n);
    return n < MOST_RELATIONS ? n : MOST_RELATIONS;
}

static void add_run(struct figure_output *out, size_t series, const char *name,
                    const struct run_record *record, const struct relation *relations, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *score_name =
            arena_printf(&out->arena, "relation/%s/accuracy", relations[i].name);
        for (size_t k = 0; score_name && k < record->n_scores; k++) {
            const struct score *score = &record->scores[k];
            if (strcmp(score->name, score_name) != 0 || isnan(score->value))
                continue;
            bool known = score->interval != INTERVAL_NONE && !isnan(score->low);
            figure_count(out, series, true);
            figure_text(out, name, false);
            figure_text(out, relations[i].name, false);
            figure_count(out, i, false);
            figure_count(out, score->n, false);
            figure_number(out, score->value * 100, false);
            figure_number(out, known ? fmax(score->low, 0) * 100 : score->value * 100, false);
            figure_number(out, known ? fmin(score->high, 1) * 100 : score->value * 100, false);
            figure_end_line(out);
        }
    }
}

/* Share of the width that the longest label takes; gnuplot does not know how small it is. */
static double left_margin(const struct relation *relations, size_t n)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++)
        if (strlen(relations[i].name) > longest)
            longest = strlen(relations[i].name);
    return fmin(0.06 + 0.0155 * (double)(longest + 5), 0.6);
}

static void add_axes(struct figure_output *out, const struct relation *relations, size_t n,
                     size_t n_all)
{
    struct text *script = &out->script;
    text_addf(script,
              "set xlabel 'accuracy and 95 %% interval, %%'\nset xrange [0:100]\n"
              "set yrange [%zu.6:-0.6]\nset ytics font ',6.5'\nset lmargin at screen %.2f\n"
              "set ytics (",
              n - 1, left_margin(relations, n));
    for (size_t i = 0; i < n; i++) {
        const char *label =
            arena_printf(&out->arena, "%s (%zu)", relations[i].name, relations[i].n);
        text_add(script, i > 0 ? ", " : "");
        figure_quote(script, label ? label : "");
        text_addf(script, " %zu", i);
    }
    text_add(script, ")\nset arrow 1 from 50,graph 0 to 50,graph 1 nohead dt '-' lw 0.6 "
                     "lc rgb '#888888'\n");
    if (n_all > n)
        text_addf(script,
                  "set label 1 '%zu relations with fewer captions are left out' at graph "
                  "0,graph 1.02 font ',6.5'\n",
                  n_all - n);
}

static void make(const struct figure_input *input, struct figure_output *out)
{
    const struct run_record *first = NULL;
    size_t n_all = 0, series = 0;
    for (size_t i = 0; i < input->n_runs && !first; i++)
        first = is_vsr(input->runs[i].record) ? input->runs[i].record : NULL;
    if (!first) {
        out->missing = "no run on VSR";
        return;
    }
    struct relation *relations =
        arena_alloc_small(&out->arena, first->n_scores + 1, sizeof *relations);
    size_t n = relations ? gather(first, relations, &out->arena, &n_all) : 0;
    if (n == 0) {
        out->missing = "no relation of VSR has ten captions";
        return;
    }
    figure_head(out, "series,system,relation,place,n,accuracy_percent,low,high");
    add_axes(out, relations, n, n_all);
    for (size_t i = 0; i < input->n_runs; i++) {
        const struct run_record *record = input->runs[i].record;
        const char *name = input->runs[i].row ? input->runs[i].row : record->model;
        if (!is_vsr(record) || strcmp(record->protocol, first->protocol) != 0 || record->baseline)
            continue;
        add_run(out, series, name, record, relations, n);
        text_add(&out->script, series == 0 ? "plot " : ", \\\n     ");
        text_addf(&out->script,
                  "'%s.csv' using ($1==%zu?$6:NaN):($4+%.2f):7:8 every ::1 with xerrorbars ",
                  out->name, series, ((double)(series % 4) - 1) * 0.2);
        figure_point(&out->script, series++);
        text_add(&out->script, " title ");
        figure_quote(&out->script, name);
    }
    text_add(&out->script, series == 0 ? "plot 0 notitle\n" : "\n");
}

const struct figure figure_vsr_relations = {"vsr-relations", "VSR by relation", 11, make};
