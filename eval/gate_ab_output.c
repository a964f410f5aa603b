/* eval/gate_ab_output.c - what two commands took, as tables and as JSON. */
#include "eval/gate_ab.h"
#include "eval/version.h"
#include "reports/json_writer.h"
#include "reports/report.h"
#include "reports/table.h"

#include <math.h>

static const char *label_of(enum ab_metric metric)
{
    static const char *const labels[AB_METRICS] = {
        [AB_TTFT] = "TTFT", [AB_TPOT] = "TPOT",       [AB_E2E] = "E2E",
        [AB_WALL] = "time", [AB_RSS] = "peak memory",
    };
    return labels[metric];
}

static int last_round(const struct gate_ab *gate)
{
    return gate->results[1] ? 1 : 0;
}

/* The next measure from i on with this verdict; n_measures where there is none. */
static size_t next_found(const struct gate_ab *gate, int round, enum ab_verdict verdict, size_t i)
{
    while (i < gate->series.n_measures &&
           !(gate->results[round][i].tested && gate->results[round][i].verdict == verdict))
        i++;
    return i;
}

/* "TTFT +9.8 % (95 % +8.1 to +11.2), E2E ... at ..." for the measures with this verdict. */
static void add_found(const struct gate_ab *gate, int round, enum ab_verdict verdict,
                      struct text *out)
{
    size_t n = gate->series.n_measures, i = next_found(gate, round, verdict, 0);
    while (i < n) {
        const struct ab_result *result = &gate->results[round][i];
        const struct ab_measure *measure = &gate->series.measures[i];
        text_addf(out, "%s %+.1f %% (95 %% %+.1f to %+.1f)", label_of(measure->metric),
                  result->percent, result->low, result->high);
        i = next_found(gate, round, verdict, i + 1);
        bool is_last = i == n || gate->series.measures[i].name != measure->name;
        if (is_last && measure->name[0])
            text_addf(out, " at %s", measure->name);
        text_add(out, i < n ? ", " : "");
    }
}

void gate_ab_add_sentence(const struct gate_ab *gate, struct text *out)
{
    const struct ab_plan *plan = &gate->plan;
    int last = last_round(gate);
    size_t n = gate->series.n_pairs;
    if (gate->code == EXIT_CHECK_FAILED) {
        text_add(out, "SLOWER: B against A, ");
        add_found(gate, last, AB_SLOWER, out);
        text_addf(out, "; %zu fresh pairs confirm it.", n);
    } else if (gate->code == EXIT_INCONCLUSIVE) {
        /* What was left undecided beside something slower stands in the first round. */
        size_t found = next_found(gate, last, AB_UNDECIDED, 0);
        text_add(out, "INCONCLUSIVE: ");
        add_found(gate, found < gate->series.n_measures ? last : 0, AB_UNDECIDED, out);
        text_addf(out, ": %zu pairs cannot tell it from 0, nor from over %g %%%s.", n,
                  100 * plan->effect, last ? "; the first ones showed a slowdown" : "");
    } else if (last > 0) {
        text_add(out, "PASSED: the first pairs showed ");
        add_found(gate, 0, AB_SLOWER, out);
        text_addf(out, "; %zu fresh pairs do not confirm it.", n);
    } else {
        text_addf(out, "PASSED: %zu pairs show no slowdown over %g %%.", n, 100 * plan->effect);
    }
    text_add_char(out, '\n');
}

static void value_cell(struct table *table, const struct ab_measure *measure, double value)
{
    struct text text;
    text_init(&text);
    if (measure->metric == AB_RSS)
        report_add_size(&text, value);
    else
        report_add_time(&text, value);
    table_text(table, &text);
    text_release(&text);
}

static void add_results(const struct gate_ab *gate, int round, struct arena *arena,
                        struct text *out)
{
    static const char *const heads[] = {"",      "A", "B",        "B / A",   "95 % interval",
                                        "pairs", "p", "p (Holm)", "verdict", "configuration"};
    struct table table;
    table_init(&table, arena, "lrrrrrrrll");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < gate->series.n_measures; i++) {
        const struct ab_result *result = &gate->results[round][i];
        const struct ab_measure *measure = &gate->series.measures[i];
        if (!result->tested)
            continue;
        table_cell(&table, "%s", label_of(measure->metric));
        value_cell(&table, measure, result->medians[0]);
        value_cell(&table, measure, result->medians[1]);
        table_cell(&table, "%+.2f %%", result->percent);
        table_cell(&table, "%+.2f to %+.2f %%", result->low, result->high);
        table_cell(&table, "%zu", result->n_pairs);
        table_cell(&table, result->p < 0.001 ? "%.1e" : "%.4f", result->p);
        table_cell(&table, result->p_holm < 0.001 ? "%.1e" : "%.4f", result->p_holm);
        table_cell(&table, "%s", ab_verdict_name(result->verdict));
        table_cell(&table, "%s", measure->name);
    }
    table_add_to(&table, TABLE_PLAIN, out);
}

void gate_ab_add_table(const struct gate_ab *gate, struct text *out)
{
    const struct ab_plan *plan = &gate->plan;
    struct arena arena;
    arena_init(&arena);
    text_addf(out, "A: %s\nB: %s\n", plan->commands[0], plan->commands[1]);
    for (int round = 0; round <= last_round(gate); round++) {
        text_addf(out, "\n%s, order by seed %llu\n\n",
                  round ? "Measured again" : "Measured in turn",
                  (unsigned long long)plan->seed + (unsigned long long)round);
        add_results(gate, round, &arena, out);
    }
    text_addf(
        out,
        "\nA, B: median over the starts%s. B / A: of these medians, with its bootstrap "
        "interval\nover the pairs. p: pairs swapped at random; Holm's correction is for the "
        "lines of a table.\nSlower is what is over %g %%, with an interval above 0 and p (Holm) "
        "below %g, twice.\n\n",
        gate->series.is_profile ? ", of each the fastest run" : "", 100 * plan->effect,
        plan->level);
    if (gate->series.left_out)
        text_addf(out, "Not compared: %s.\n", gate->series.left_out);
    gate_ab_add_sentence(gate, out);
    if (arena_failed(&arena))
        out->failed = true;
    arena_release(&arena);
}

static void put_result(struct json_writer *writer, const struct ab_measure *measure,
                       const struct ab_result *result)
{
    json_open(writer, NULL, '{');
    json_put_string(writer, "metric", ab_metric_name(measure->metric));
    json_put_string(writer, "unit", measure->metric == AB_RSS ? "bytes" : "ns");
    json_put_string(writer, "configuration", measure->name);
    json_put_count(writer, "pairs", result->n_pairs);
    json_put_number(writer, "a", result->medians[0]);
    json_put_number(writer, "b", result->medians[1]);
    json_put_number(writer, "percent", result->percent);
    json_put_number(writer, "low", result->low);
    json_put_number(writer, "high", result->high);
    json_put_number(writer, "p", result->p);
    json_put_number(writer, "p_holm", result->p_holm);
    json_put_string(writer, "verdict", ab_verdict_name(result->verdict));
    json_close(writer, '}');
}

void gate_ab_add_json(const struct gate_ab *gate, struct text *out)
{
    struct json_writer writer;
    struct text sentence;
    text_init(&sentence);
    gate_ab_add_sentence(gate, &sentence);
    if (sentence.length > 0)
        sentence.data[--sentence.length] = '\0'; /* its new line */
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_put_strings(&writer, "commands", gate->plan.commands, 2);
    json_put_number(&writer, "effect_percent", 100 * gate->plan.effect);
    json_put_number(&writer, "level", gate->plan.level);
    json_put_count(&writer, "seed", gate->plan.seed);
    json_put_count(&writer, "exit_code", (uint64_t)gate->code);
    json_put_string(&writer, "verdict", text_string(&sentence));
    json_open(&writer, "rounds", '[');
    for (int round = 0; round <= last_round(gate); round++) {
        json_open(&writer, NULL, '[');
        for (size_t i = 0; i < gate->series.n_measures; i++)
            if (gate->results[round][i].tested)
                put_result(&writer, &gate->series.measures[i], &gate->results[round][i]);
        json_close(&writer, ']');
    }
    json_close(&writer, ']');
    json_put_string(&writer, "not_compared", gate->series.left_out);
    json_close(&writer, '}');
    out->failed = out->failed || sentence.failed;
    text_release(&sentence);
}
