/* reports/figure_pope.c - POPE: hits against false alarms at every threshold on the probability of
 * yes, and how often it is yes where that probability stands. */
#include "metrics/calibration.h"
#include "reports/figures.h"

#include <math.h>

/* A point a threshold; equal probabilities are one, as in ranking_roc_auc(). */
static void add_curve(struct figure_output *out, size_t series,
                      const struct figure_answers *answers)
{
    size_t n_yes = 0, hits = 0, alarms = 0;
    for (size_t i = 0; i < answers->n; i++)
        n_yes += answers->items[i].is_positive;
    double positives = (double)n_yes, negatives = (double)(answers->n - n_yes);
    for (size_t i = 0; i <= answers->n; i++) {
        bool ends =
            i == 0 || i == answers->n || answers->items[i].score < answers->items[i - 1].score;
        if (ends) {
            figure_count(out, series, true);
            figure_text(out, answers->name, false);
            figure_number(out, i > 0 ? answers->items[i - 1].score : (double)NAN, false);
            figure_number(out, (double)alarms / negatives, false);
            figure_number(out, (double)hits / positives, false);
            figure_end_line(out);
        }
        if (i < answers->n) {
            hits += answers->items[i].is_positive;
            alarms += !answers->items[i].is_positive;
        }
    }
}

static void make(const struct figure_input *input, struct figure_output *out)
{
    size_t series = 0;
    figure_head(out, "series,system,threshold,false_alarms,hits");
    text_add(&out->script, "set size square\nset xrange [0:1]\nset yrange [0:1]\n"
                           "set xlabel 'false alarms: yes where the label is no'\n"
                           "set ylabel 'hits: yes where it is yes'\nset xtics 0.2\nset ytics 0.2\n"
                           "plot x dt '.' lw 0.8 lc rgb '#888888' title 'chance'");
    for (size_t i = 0; i < input->n_answers; i++) {
        const struct figure_answers *answers = &input->answers[i];
        double area = ranking_roc_auc(answers->items, answers->n);
        if (isnan(area))
            continue;
        add_curve(out, series, answers);
        text_add(&out->script, ", \\\n     ");
        figure_series(out, series, "$4", "5 every ::1 with lines ");
        figure_line(&out->script, series++, false);
        const char *title = arena_printf(&out->arena, "%s, area %.4f%s", answers->name, area,
                                         answers->n_failed ? " (without failed samples)" : "");
        text_add(&out->script, " title ");
        figure_quote(&out->script, title ? title : "");
    }
    text_add_char(&out->script, '\n');
    if (series == 0)
        out->missing = "no run on POPE whose answers are probabilities, with its data in place";
}

const struct figure figure_pope_roc = {"pope-roc", "POPE, hits against false alarms", 9, make};

/* How often it is yes, where yes has a probability: ten bins of equally many answers. */
static void add_bins(struct figure_output *out, size_t series, const struct figure_answers *answers,
                     const struct calibration *calibration)
{
    for (size_t i = 0; i < calibration->n_bins; i++) {
        const struct calibration_bin *bin = &calibration->bins[i];
        figure_count(out, series, true);
        figure_text(out, answers->name, false);
        figure_count(out, bin->n, false);
        figure_number(out, bin->mean, false);
        figure_number(out, bin->share_positive, false);
        figure_end_line(out);
    }
}

static void make_calibration(const struct figure_input *input, struct figure_output *out)
{
    enum { BINS = 10 };
    size_t series = 0;
    figure_head(out, "series,system,answers,probability,share_yes");
    text_add(&out->script, "set size square\nset xrange [0:1]\nset yrange [0:1]\n"
                           "set xlabel 'probability of yes'\nset ylabel 'share of labels yes'\n"
                           "set xtics 0.2\nset ytics 0.2\n"
                           "plot x dt '.' lw 0.8 lc rgb '#888888' title 'calibrated'");
    for (size_t i = 0; i < input->n_answers; i++) {
        const struct figure_answers *answers = &input->answers[i];
        struct calibration *calibration = arena_alloc(&out->arena, 1, sizeof *calibration);
        if (!calibration || answers->n == 0)
            continue;
        calibration_of(answers->items, answers->n, BINS, calibration);
        add_bins(out, series, answers, calibration);
        text_add(&out->script, ", \\\n     ");
        figure_series(out, series, "$4", "5 every ::1 with linespoints ");
        figure_line(&out->script, series++, true);
        const char *title =
            arena_printf(&out->arena, "%s, expected error %.4f", answers->name, calibration->error);
        text_add(&out->script, " title ");
        figure_quote(&out->script, title ? title : "");
    }
    text_add_char(&out->script, '\n');
    if (series == 0)
        out->missing = "no run on POPE whose answers are probabilities, with its data in place";
}

const struct figure figure_pope_calibration = {"pope-calibration", "POPE, calibration", 9,
                                               make_calibration};
