/* reports/figure_depth.c - time per token and to the first one, against what was read before. */
#include "reports/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line: one model in one precision on so many threads, one question at a time. */
struct line {
    const struct profile_point *model; /* a point of it */
    const struct profile_point **points;
    size_t n;
};

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool is_on(const struct line *line, const struct profile_point *point)
{
    const struct profile_point *model = line->model;
    return same(model->model_hash, point->model_hash) && same(model->model, point->model) &&
           same(model->precision, point->precision) && model->threads == point->threads;
}

static int by_position(const void *a, const void *b)
{
    const struct profile_point *const *left = a, *const *right = b;
    long l = profile_point_position(*left), r = profile_point_position(*right);
    return (l > r) - (l < r);
}

static size_t count_points(const struct figure_input *input)
{
    size_t n = 0;
    for (size_t i = 0; i < input->n_profiles; i++)
        n += input->profiles[i].file->n_points;
    return n;
}

/* Lines with points at two positions or more.  Without a depth a picture is read, which takes its
 * own time: such a point is on none. */
static size_t gather(const struct figure_input *input, struct line *lines, struct arena *arena)
{
    size_t n = 0, most = count_points(input);
    for (size_t i = 0; i < input->n_profiles; i++)
        for (size_t p = 0; p < input->profiles[i].file->n_points; p++) {
            const struct profile_point *point = &input->profiles[i].file->points[p];
            size_t k = 0;
            if (point->error || point->batch != 1 || point->depth == 0 || isnan(point->ttft_ns))
                continue;
            while (k < n && !is_on(&lines[k], point))
                k++;
            if (k == n) {
                lines[n] = (struct line){
                    point, arena_alloc_small(arena, most, sizeof(struct profile_point *)), 0};
                if (!lines[n++].points)
                    return 0;
            }
            lines[k].points[lines[k].n++] = point;
        }
    size_t kept = 0;
    for (size_t k = 0; k < n; k++) {
        qsort(lines[k].points, lines[k].n, sizeof lines[k].points[0], by_position);
        if (lines[k].n > 1)
            lines[kept++] = lines[k];
    }
    return kept;
}

static void add_name(struct text *out, const struct line *lines, size_t n, size_t i)
{
    const struct profile_point *model = lines[i].model;
    struct text name;
    bool precision = false, threads = false;
    for (size_t k = 0; k < n; k++) {
        precision = precision || !same(lines[k].model->precision, model->precision);
        threads = threads || lines[k].model->threads != model->threads;
    }
    text_init(&name);
    text_addf(&name, "%s%s%s", model->model, precision ? " " : "",
              precision && model->precision ? model->precision : "");
    if (threads)
        text_addf(&name, ", %d thread%s", model->threads, model->threads == 1 ? "" : "s");
    if (model->random_weights)
        text_add(&name, " (random weights)");
    figure_quote(out, text_string(&name));
    out->failed = out->failed || name.failed;
    text_release(&name);
}

static void add_data(struct figure_output *out, const struct line *lines, size_t n)
{
    figure_head(out, "series,model,precision,threads,position,tpot_ms,ttft_ms,ttft_low_ms,"
                     "ttft_high_ms,synthetic,beyond_training");
    for (size_t i = 0; i < n; i++)
        for (size_t p = 0; p < lines[i].n; p++) {
            const struct profile_point *point = lines[i].points[p];
            figure_count(out, i, true);
            figure_text(out, point->model, false);
            figure_text(out, point->precision, false);
            figure_number(out, point->threads, false);
            figure_number(out, (double)profile_point_position(point), false);
            figure_number(out, point->tpot_ns * 1e-6, false);
            figure_number(out, point->ttft_ns * 1e-6, false);
            figure_number(out, point->ttft_low_ns * 1e-6, false);
            figure_number(out, point->ttft_high_ns * 1e-6, false);
            figure_count(out, point->synthetic, false);
            figure_count(out, point->beyond_training, false);
            figure_end_line(out);
        }
}

/* At what was measured, as many as the width takes. */
static void add_ticks(struct figure_output *out, const struct line *lines, size_t n)
{
    enum { MOST_TICKS = 6 };
    size_t most = 0, n_ticks = 0;
    for (size_t i = 0; i < n; i++)
        most += lines[i].n;
    const struct profile_point **all = arena_alloc_small(&out->arena, most + 1, sizeof *all);
    for (size_t i = 0; all && i < n; i++)
        for (size_t p = 0; p < lines[i].n; p++) {
            size_t k = 0;
            while (k < n_ticks &&
                   profile_point_position(all[k]) != profile_point_position(lines[i].points[p]))
                k++;
            all[k] = lines[i].points[p];
            n_ticks += k == n_ticks;
        }
    if (n_ticks > 0)
        qsort(all, n_ticks, sizeof *all, by_position);
    text_add(&out->script, "set xtics (");
    for (size_t k = 0; k < n_ticks; k += (n_ticks + MOST_TICKS - 1) / MOST_TICKS)
        text_addf(&out->script, "%s%ld", k > 0 ? ", " : "", profile_point_position(all[k]));
    text_add(&out->script, ")\n");
}

static void make(const struct figure_input *input, struct figure_output *out, const char *axis,
                 int column)
{
    struct line *lines = arena_alloc_small(&out->arena, count_points(input) + 1, sizeof *lines);
    size_t n = lines ? gather(input, lines, &out->arena) : 0;
    if (n == 0) {
        out->missing = "no profile over several depths (mambench profile --depth 0,512,2048)";
        return;
    }
    add_data(out, lines, n);
    text_addf(&out->script,
              "set logscale x 2\nset logscale y\nset format x '%%.0f'\n"
              "set xlabel 'positions read before'\nset ylabel '%s'\n",
              axis);
    add_ticks(out, lines, n);
    for (size_t i = 0; i < n; i++) {
        char y[32];
        snprintf(y, sizeof y, "%d every ::1 with linespoints ", column);
        text_add(&out->script, i == 0 ? "plot " : ", \\\n     ");
        figure_series(out, i, "$5", y);
        figure_line(&out->script, i, true);
        text_add(&out->script, " title ");
        add_name(&out->script, lines, n, i);
    }
    text_add_char(&out->script, '\n');
}

static void make_tpot(const struct figure_input *input, struct figure_output *out)
{
    make(input, out, "time per token, ms", 6);
}

static void make_ttft(const struct figure_input *input, struct figure_output *out)
{
    make(input, out, "time to first token, ms", 7);
}

const struct figure figure_depth_tpot = {"depth-tpot", "Time per token against context length", 7,
                                         make_tpot};
const struct figure figure_depth_ttft = {"depth-ttft", "Time to first token against context length",
                                         7, make_ttft};
