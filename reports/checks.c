#include "reports/checks.h"

#include <math.h>
#include <string.h>

const char *check_verdict_name(enum gate_verdict verdict)
{
    static const char *const names[] = {
        [GATE_OK] = "ok", [GATE_FAILED] = "FAILED", [GATE_INCONCLUSIVE] = "inconclusive"};
    return names[verdict];
}

size_t checks_count(const struct checks *checks, enum gate_verdict verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < checks->n; i++)
        n += checks->items[i].test.verdict == verdict;
    return n;
}

static void add_names(const struct checks *checks, enum gate_verdict verdict, struct text *out)
{
    enum { MOST = 12 };
    size_t n = 0;
    for (size_t i = 0; i < checks->n; i++) {
        const struct check *check = &checks->items[i];
        if (check->test.verdict != verdict || n++ >= MOST)
            continue;
        text_addf(out, "%s%s %s", n > 1 ? ", " : ": ", check->task, check->metric);
    }
    if (n > MOST)
        text_addf(out, " and %zu more", n - MOST);
}

void checks_add_verdict(const struct checks *checks, struct text *out)
{
    size_t n_failed = checks_count(checks, GATE_FAILED);
    size_t n_open = checks_count(checks, GATE_INCONCLUSIVE);
    if (checks->error) {
        text_addf(out, "gate: no verdict: %s", checks->error);
    } else if (n_failed > 0) {
        text_addf(out, "gate: FAILED: %zu of %zu checks", n_failed, checks->n);
        add_names(checks, GATE_FAILED, out);
        if (n_open > 0)
            text_addf(out, "; %zu inconclusive", n_open);
    } else if (n_open > 0) {
        text_addf(out, "gate: inconclusive: %zu of %zu checks", n_open, checks->n);
        add_names(checks, GATE_INCONCLUSIVE, out);
    } else {
        text_addf(out, "gate: passed: %zu check%s", checks->n, checks->n == 1 ? "" : "s");
    }
}

static const char *points(const struct check *check)
{
    return strcmp(check->rule, "allowed_rise") == 0 ? "%" : " points";
}

static bool is_change(const struct check *check)
{
    return strncmp(check->rule, "allowed_", strlen("allowed_")) == 0;
}

static void add_change(const struct check *check, struct text *out)
{
    double by = check->now - check->before;
    if (strcmp(check->rule, "allowed_rise") == 0)
        text_addf(out, " (%+.1f %%; allowed is a rise of %g %%)", 100 * by / check->before,
                  check->limit);
    else
        text_addf(out, " (%+.2f points; allowed is a drop of %g)", by, check->limit);
}

void check_add_sentence(const struct check *check, double level, struct text *out)
{
    text_addf(out, "%s %s %s: ", check->task, check->metric,
              check_verdict_name(check->test.verdict));
    if (is_change(check) && !isnan(check->before)) {
        text_addf(out, "%.2f %s, was %.2f", check->now, check->unit, check->before);
        add_change(check, out);
    } else {
        text_addf(out, "%.2f %s, %s %g%s", check->now, check->unit, check->rule, check->limit,
                  is_change(check) ? points(check) : "");
    }
    if (check->obstacle)
        text_addf(out, "; nothing is decided: %s", check->obstacle);
    else if (!isnan(check->test.p_holm) && check->test.excess > 0)
        text_addf(out, "; p = %.2g after Holm, by %s%s", check->test.p_holm, check->method,
                  check->test.p_holm < level ? "" : ": chance could do that");
    else if (check->method)
        text_addf(out, "; %s", check->method);
}

void check_add_limit(const struct check *check, struct text *out)
{
    bool is_rise = strcmp(check->rule, "allowed_rise") == 0;
    if (is_change(check))
        text_addf(out, "%s %g%s", is_rise ? "rise" : "drop", check->limit, is_rise ? " %" : "");
    else
        text_addf(out, "%s %g", check->rule, check->limit);
}
