/* reports/figure_history.c - what scores were, over time. */
#include "reports/figures.h"

#include <math.h>
#include <string.h>

static void add_line(struct figure_output *out, size_t series, const struct figure_moment *moment)
{
    figure_count(out, series, true);
    figure_text(out, moment->series, false);
    figure_text(out, moment->time, false);
    figure_text(out, moment->version, false);
    figure_number(out, moment->value, false);
    figure_number(out, isnan(moment->low) ? moment->value : moment->low, false);
    figure_number(out, isnan(moment->high) ? moment->value : moment->high, false);
    figure_end_line(out);
}

static void make(const struct figure_input *input, struct figure_output *out)
{
    size_t series = 0;
    if (input->n_moments == 0) {
        out->missing = "no history was given (--history FILE)";
        return;
    }
    figure_head(out, "series,name,time,version,score_percent,low,high");
    text_add(&out->script, "set xdata time\nset timefmt '%Y-%m-%dT%H:%M:%SZ'\n"
                           "set format x '%m-%d'\nset ylabel 'score and 95 % interval, %'\n"
                           "set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05\n");
    for (size_t i = 0; i < input->n_moments; i++) {
        const struct figure_moment *moment = &input->moments[i];
        bool is_new = i > 0 && strcmp(moment->series, input->moments[i - 1].series) != 0;
        series += is_new;
        add_line(out, series, moment);
        if (i > 0 && !is_new)
            continue;
        text_add(&out->script, i == 0 ? "plot " : ", \\\n     ");
        text_addf(&out->script, "'%s.csv' using 3:($1==%zu?$5:NaN):6:7 every ::1 with yerrorlines ",
                  out->name, series);
        figure_line(&out->script, series, true);
        text_add(&out->script, " title ");
        figure_quote(&out->script, moment->series);
    }
    text_add_char(&out->script, '\n');
}

const struct figure figure_history = {"history", "Scores over time", 6.5, make};
