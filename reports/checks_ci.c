/* reports/checks_ci.c - checks as JUnit XML and as GitHub's annotations. */
#include "engine/base/utf8.h"
#include "reports/checks.h"

#include <string.h>

/* Text for XML 1.0: the five entities; what XML has no way to hold becomes U+FFFD. */
static void add_xml(struct text *out, const char *value)
{
    const char *at = value, *end = value + strlen(value);
    while (at < end) {
        unsigned code = utf8_next(&at, end);
        if (code == '<')
            text_add(out, "&lt;");
        else if (code == '>')
            text_add(out, "&gt;");
        else if (code == '&')
            text_add(out, "&amp;");
        else if (code == '"')
            text_add(out, "&quot;");
        else if (code == '\'')
            text_add(out, "&apos;");
        else if (code == '\n' || code == '\r' || code == '\t')
            text_addf(out, "&#%u;", code);
        else
            text_add_code_point(out,
                                code < 0x20 || code == 0xFFFE || code == 0xFFFF ? 0xFFFD : code);
    }
}

static void add_attribute(struct text *out, const char *name, const char *value)
{
    text_addf(out, " %s=\"", name);
    add_xml(out, value);
    text_add_char(out, '"');
}

static void add_counts(struct text *out, size_t n, size_t n_failed, size_t n_open, bool is_error)
{
    text_addf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%d\" skipped=\"%zu\"", n, n_failed,
              is_error, n_open);
}

static void add_case(struct text *out, const struct check *check)
{
    struct text name;
    text_init(&name);
    text_addf(&name, "%s, ", check->metric);
    check_add_limit(check, &name);
    text_add(out, "    <testcase");
    add_attribute(out, "classname", check->task);
    add_attribute(out, "name", text_string(&name));
    out->failed |= name.failed;
    text_release(&name);
    if (check->test.verdict == GATE_OK) {
        text_add(out, ">\n      <system-out>");
        add_xml(out, check->sentence);
        text_add(out, "</system-out>\n");
    } else if (check->test.verdict == GATE_INCONCLUSIVE) {
        text_add(out, ">\n      <skipped");
        add_attribute(out, "message", check->sentence);
        text_add(out, "/>\n");
    } else {
        text_add(out, ">\n      <failure");
        add_attribute(out, "type", check->rule);
        add_attribute(out, "message", check->sentence);
        text_add_char(out, '>');
        add_xml(out, check->sentence);
        text_add(out, "</failure>\n");
    }
    text_add(out, "    </testcase>\n");
}

/* The checks from first on that are of its task stand together: that is how a gate makes them. */
static size_t add_suite(struct text *out, const struct checks *checks, size_t first)
{
    const char *task = checks->items[first].task;
    size_t end = first, n_failed = 0, n_open = 0;
    for (; end < checks->n && strcmp(checks->items[end].task, task) == 0; end++) {
        n_failed += checks->items[end].test.verdict == GATE_FAILED;
        n_open += checks->items[end].test.verdict == GATE_INCONCLUSIVE;
    }
    text_add(out, "  <testsuite");
    add_attribute(out, "name", task);
    add_counts(out, end - first, n_failed, n_open, false);
    text_add(out, ">\n");
    for (size_t i = first; i < end; i++)
        add_case(out, &checks->items[i]);
    text_add(out, "  </testsuite>\n");
    return end;
}

static void add_error_suite(struct text *out, const struct checks *checks)
{
    text_add(out, "  <testsuite name=\"gate\"");
    add_counts(out, 1, 0, 0, true);
    text_add(out, ">\n    <testcase classname=\"gate\" name=\"can be decided\">\n      <error");
    add_attribute(out, "message", checks->error);
    text_add(out, "/>\n    </testcase>\n  </testsuite>\n");
}

void checks_add_junit(const struct checks *checks, struct text *out)
{
    bool is_error = checks->error != NULL;
    text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mambench gate\"");
    add_counts(out, is_error ? 1 : checks->n, is_error ? 0 : checks_count(checks, GATE_FAILED),
               is_error ? 0 : checks_count(checks, GATE_INCONCLUSIVE), is_error);
    text_add(out, ">\n");
    if (is_error)
        add_error_suite(out, checks);
    for (size_t i = 0; i < checks->n && !is_error;)
        i = add_suite(out, checks, i);
    text_add(out, "</testsuites>\n");
}

/* The data of a workflow command; a property's value escapes ':' and ',' too. */
static void add_escaped(struct text *out, const char *value, bool is_property)
{
    for (const char *at = value; *at; at++) {
        if (*at == '%')
            text_add(out, "%25");
        else if (*at == '\r')
            text_add(out, "%0D");
        else if (*at == '\n')
            text_add(out, "%0A");
        else if (*at == ':' && is_property)
            text_add(out, "%3A");
        else if (*at == ',' && is_property)
            text_add(out, "%2C");
        else
            text_add_char(out, *at);
    }
}

static void add_command(struct text *out, const struct checks *checks, const char *command,
                        const char *title, const char *sentence)
{
    text_addf(out, "::%s ", command);
    if (checks->file) {
        text_add(out, "file=");
        add_escaped(out, checks->file, true);
        text_add_char(out, ',');
    }
    text_add(out, "title=");
    add_escaped(out, title, true);
    text_add(out, "::");
    add_escaped(out, sentence, false);
    text_add_char(out, '\n');
}

static void add_annotations_of(const struct checks *checks, enum gate_verdict verdict,
                               const char *command, struct text *out)
{
    enum { MOST = 10 };
    size_t n = checks_count(checks, verdict), listed = 0;
    for (size_t i = 0; i < checks->n; i++) {
        const struct check *check = &checks->items[i];
        if (check->test.verdict != verdict || (n > MOST && listed == MOST - 1))
            continue;
        struct text title;
        text_init(&title);
        text_addf(&title, "%s: %s", check->task, check->metric);
        add_command(out, checks, command, text_string(&title), check->sentence);
        text_release(&title);
        listed += 1;
    }
    if (listed < n) {
        struct text more;
        text_init(&more);
        text_addf(&more, "%zu more checks are %s; the step's summary has them all", n - listed,
                  check_verdict_name(verdict));
        add_command(out, checks, command, "mambench gate", text_string(&more));
        text_release(&more);
    }
}

void checks_add_annotations(const struct checks *checks, struct text *out)
{
    struct text verdict;
    if (!checks->error) {
        add_annotations_of(checks, GATE_FAILED, "error", out);
        add_annotations_of(checks, GATE_INCONCLUSIVE, "warning", out);
    }
    text_init(&verdict);
    checks_add_verdict(checks, &verdict);
    add_command(out, checks, checks->error ? "error" : "notice", "mambench gate",
                text_string(&verdict));
    text_release(&verdict);
}
