#include "eval/gate_ab.h"

#include "eval/model_options.h"
#include "eval/output.h"
#include "eval/signals.h"

#include <string.h>

static enum status read_metrics(bool *metrics, const char *list, struct error *err)
{
    if (strcmp(list, "all") == 0) {
        for (int m = 0; m < AB_METRICS; m++)
            metrics[m] = true;
        return STATUS_OK;
    }
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        int m = 0;
        while (m < AB_METRICS && (strlen(ab_metric_name((enum ab_metric)m)) != length ||
                                  strncmp(at, ab_metric_name((enum ab_metric)m), length) != 0))
            m++;
        if (m == AB_METRICS)
            return fail(err, STATUS_USAGE,
                        "--metric %s: '%.*s' is none of ttft, tpot, e2e, wall, rss", list,
                        (int)length, at);
        metrics[m] = true;
        at += length + (at[length] == ',');
    }
    return STATUS_OK;
}

/* Times from within and times from outside are two kinds of measurement. */
static bool is_mixed(const bool *metrics, const char *list)
{
    return strcmp(list, "all") != 0 && (metrics[AB_TTFT] || metrics[AB_TPOT] || metrics[AB_E2E]) &&
           (metrics[AB_WALL] || metrics[AB_RSS]);
}

static enum status read_plan(struct ab_plan *plan, const struct options *options, struct error *err)
{
    enum { FEWEST = 6, MOST = 1000 };
    const char *list = option_text(options, "metric");
    *plan = (struct ab_plan){
        .n_pairs = option_count(options, "pairs"),
        .effect = option_number(options, "effect") / 100,
        .level = option_number(options, "level"),
    };
    if (options->n_operands != 2)
        return fail(err, STATUS_USAGE, "--ab takes two commands, each as one word: 'A' 'B'");
    for (size_t side = 0; side < 2; side++)
        if (!(plan->commands[side] = options->operands[side])[0])
            return fail(err, STATUS_USAGE, "a command is empty");
    if (plan->n_pairs < FEWEST || plan->n_pairs > MOST)
        return fail(err, STATUS_USAGE, "--pairs is a number from %d to %d", FEWEST, MOST);
    if (!(plan->effect >= 0) || !(plan->level > 0 && plan->level < 1))
        return fail(err, STATUS_USAGE, "--effect is not negative, --level between 0 and 1");
    enum status status = read_metrics(plan->metrics, list, err);
    if (!status && is_mixed(plan->metrics, list))
        status = fail(err, STATUS_USAGE,
                      "--metric %s: ttft, tpot and e2e are read from what the commands print, wall "
                      "and rss are taken from outside: one or the other",
                      list);
    return status ? status : option_seed(options, &plan->seed, err);
}

/* The worst of the measures that were tested. */
static enum ab_verdict overall(const struct ab_result *results, size_t n)
{
    enum ab_verdict verdict = AB_HOLDS;
    for (size_t i = 0; i < n; i++)
        if (results[i].tested && results[i].verdict == AB_SLOWER)
            return AB_SLOWER;
        else if (results[i].tested && results[i].verdict == AB_UNDECIDED)
            verdict = AB_UNDECIDED;
    return verdict;
}

/* Pairs, and more if they do not decide. */
static enum exit_code run_round(struct gate_ab *gate, int round, enum ab_verdict *verdict,
                                struct error *err)
{
    struct ab_series *series = &gate->series;
    const size_t goals[] = {gate->plan.n_pairs, AB_EXTENSION * gate->plan.n_pairs};
    uint64_t seed = gate->plan.seed + (uint64_t)round;
    enum exit_code code = EXIT_DONE;
    *verdict = AB_UNDECIDED;
    ab_series_restart(series);
    for (size_t part = 0; part < 2 && !code && *verdict == AB_UNDECIDED; part++) {
        if (part > 0)
            message("%zu pairs do not decide: going on to %zu", goals[0], goals[1]);
        code = ab_series_extend(series, goals[part], seed, err);
        if (!code)
            code = exit_of_status(ab_series_judge(series, seed, gate->results[round], err));
        if (!code)
            *verdict = overall(gate->results[round], series->n_measures);
    }
    return code;
}

static enum status make_round(struct gate_ab *gate, int round, struct error *err)
{
    size_t n = gate->series.n_measures;
    struct ab_result *results = arena_alloc_small(&gate->series.arena, n, sizeof *results);
    if (!results)
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu results", n);
    for (size_t i = 0; i < n; i++) /* what was not slower needs no confirmation */
        results[i].tested = round == 0 || gate->results[round - 1][i].verdict == AB_SLOWER;
    gate->results[round] = results;
    return STATUS_OK;
}

/* Whether something was left undecided while something else was slower, and so had no more pairs.
 */
static bool is_undecided(const struct ab_result *results, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (results[i].verdict == AB_UNDECIDED)
            return true;
    return false;
}

static enum exit_code decide(struct gate_ab *gate, struct error *err)
{
    enum exit_code code = ab_series_open(&gate->series, &gate->plan, err);
    enum ab_verdict verdict = AB_SLOWER;
    for (int round = 0; round < GATE_AB_ROUNDS && !code && verdict == AB_SLOWER; round++) {
        if (round > 0)
            message("B is slower: measuring once more to confirm it");
        code = exit_of_status(make_round(gate, round, err));
        if (!code)
            code = run_round(gate, round, &verdict, err);
    }
    bool is_open = !code && is_undecided(gate->results[0], gate->series.n_measures);
    if (!code)
        gate->code = verdict == AB_SLOWER                 ? EXIT_CHECK_FAILED
                     : verdict == AB_UNDECIDED || is_open ? EXIT_INCONCLUSIVE
                                                          : EXIT_DONE;
    return code;
}

static enum exit_code print(const struct gate_ab *gate, const struct options *options,
                            struct error *err)
{
    struct text text;
    text_init(&text);
    if (option_flag(options, "json"))
        gate_ab_add_json(gate, &text);
    else
        gate_ab_add_table(gate, &text);
    enum status status = output_text(&text, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : gate->code;
}

enum exit_code gate_ab_run(const struct options *options, struct error *err)
{
    struct gate_ab gate = {.code = EXIT_DONE};
    enum exit_code code = exit_of_status(read_plan(&gate.plan, options, err));
    if (code)
        return code;
    signals_watch();
    code = decide(&gate, err);
    if (!code)
        code = print(&gate, options, err);
    ab_series_close(&gate.series);
    return code;
}
