#include "reports/figures.h"

#include "reports/csv_field.h"

#include <math.h>
#include <string.h>

extern const struct figure figure_quality_latency, figure_quality_memory, figure_depth_tpot,
    figure_depth_ttft, figure_state_bytes, figure_vsr_relations, figure_pope_roc,
    figure_pope_calibration, figure_history;

const struct figure *const figures[] = {
    &figure_quality_latency, &figure_quality_memory,
    &figure_depth_tpot,      &figure_depth_ttft,
    &figure_state_bytes,     &figure_vsr_relations,
    &figure_pope_roc,        &figure_pope_calibration,
    &figure_history,         NULL,
};

enum { STYLES = 6 };
static const char *const colours[STYLES] = {"#000000", "#0072b2", "#d55e00",
                                            "#009e73", "#cc79a7", "#666666"};
static const int shapes[STYLES] = {7, 4, 8, 3, 12, 2};
static const char *const dashes[STYLES] = {"solid", "'-'", "'.'", "'-.'", "'_ '", "'_. '"};

void figure_line(struct text *out, size_t i, bool has_points)
{
    text_addf(out, "dt %s lw 1.2 lc rgb '%s'", dashes[i % STYLES], colours[i % STYLES]);
    if (has_points)
        text_addf(out, " pt %d ps 0.6", shapes[i % STYLES]);
}

void figure_point(struct text *out, size_t i)
{
    text_addf(out, "pt %d ps 0.8 lw 1 lc rgb '%s'", shapes[i % STYLES], colours[i % STYLES]);
}

void figure_quote(struct text *out, const char *string)
{
    text_add_char(out, '\'');
    for (; *string; string++) {
        if (*string == '\'') /* two are one */
            text_add_char(out, '\'');
        text_add_char(out, (unsigned char)*string < 0x20 ? ' ' : *string);
    }
    text_add_char(out, '\'');
}

void figure_head(struct figure_output *out, const char *columns)
{
    text_addf(&out->data, "%s\n", columns);
}

void figure_text(struct figure_output *out, const char *value, bool first)
{
    csv_add_field(&out->data, value ? value : "", first);
}

void figure_number(struct figure_output *out, double value, bool first)
{
    text_add(&out->data, first ? "" : ",");
    if (!isnan(value))
        text_addf(&out->data, "%.10g", value);
}

void figure_count(struct figure_output *out, size_t value, bool first)
{
    text_addf(&out->data, "%s%zu", first ? "" : ",", value);
}

void figure_end_line(struct figure_output *out)
{
    text_add_char(&out->data, '\n');
}

void figure_series(struct figure_output *out, size_t i, const char *x, const char *rest)
{
    text_addf(&out->script, "'%s.csv' using ($1==%zu?%s:NaN):%s", out->name, i, x, rest);
}

/* Settings that every figure has.  Points are those of the printed page: 8.5 cm are 241 of them. */
static void begin_script(const struct figure *figure, struct figure_output *out)
{
    text_addf(&out->script,
              "# %s.  Edit it and run: gnuplot %s.gp\n"
              "set encoding utf8\n"
              "set datafile separator ','\n"
              "set datafile missing ''\n"
              "set border 3 lw 0.6\n"
              "set tics nomirror scale 0.6 font ',7'\n"
              "set grid lt 1 dt '.' lw 0.4 lc rgb '#bbbbbb'\n"
              "set xlabel offset 0,0.4\n"
              "set key below left vertical maxcols 1 reverse Left samplen 2.5 spacing 1.05 font "
              "',7' title ' '\n",
              figure->title, figure->name);
}

/* The plot was drawn for the SVG; the same goes into a PDF. */
static void end_script(const struct figure *figure, struct figure_output *out)
{
    text_addf(&out->script,
              "\nset terminal pdfcairo noenhanced size 8.5cm,%.1fcm font 'Helvetica,8' fontscale "
              "0.75 lw 1\n"
              "set output '%s.pdf'\nreplot\nset output\n",
              figure->height_cm, figure->name);
}

void figure_make(const struct figure *figure, const struct figure_input *input,
                 struct figure_output *out)
{
    *out = (struct figure_output){.name = figure->name};
    arena_init(&out->arena);
    text_init(&out->data);
    text_init(&out->script);
    begin_script(figure, out);
    /* In an SVG lengths are pixels, 96 to the inch; the scales make 8 points of 8. */
    text_addf(&out->script,
              "set terminal svg noenhanced size %.0f,%.0f font 'Helvetica,8' fontscale 1.333 "
              "lw 1.3 background '#ffffff'\nset output '%s.svg'\n",
              8.5 / 2.54 * 96, figure->height_cm / 2.54 * 96, figure->name);
    figure->make(input, out);
    if (!out->missing)
        end_script(figure, out);
    out->script.failed = out->script.failed || arena_failed(&out->arena);
}

void figure_release(struct figure_output *out)
{
    text_release(&out->data);
    text_release(&out->script);
    arena_release(&out->arena);
    *out = (struct figure_output){0};
}
