/* tri_vsr and vsr of metric_cases.json. */
#include "datasets/vsr_relations.h"
#include "metrics/case_context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *word_of(bool value)
{
    return value ? "True" : "False";
}

static enum status score(struct case_context *context, const struct dataset *set,
                         const struct prediction *predictions, struct score_table *table,
                         struct error *err)
{
    const struct protocol protocol = {.name = context->place,
                                      .choices = {"True", "False"},
                                      .n_choices = 2,
                                      .metric = "true-false-likelihood",
                                      .headline = "accuracy"};
    return score_predictions(set, &protocol, predictions, &context->arena, table, err);
}

/* true, false, 1 or 0. */
static enum status read_truth(const struct case_context *context, const cJSON *value,
                              const char *key, bool *out, struct error *err)
{
    if (cJSON_IsBool(value))
        *out = cJSON_IsTrue(value);
    else if (cJSON_IsNumber(value) && (value->valuedouble == 0 || value->valuedouble == 1))
        *out = value->valuedouble == 1;
    else
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is neither true nor false", context->place,
                    key);
    return STATUS_OK;
}

static enum status read_tri_item(struct case_context *context, const cJSON *item,
                                 struct dataset *set, struct prediction *predictions, size_t i,
                                 struct error *err)
{
    bool label;
    const cJSON *pair;
    enum status status = read_truth(context, json_find(item, "label"), "label", &label, err);
    if (!status)
        status = json_get_array(item, "probs", context->place, &pair, err);
    if (status)
        return status;
    const cJSON *first = pair->child, *second = first ? first->next : NULL;
    if (!cJSON_IsNumber(first) || !cJSON_IsNumber(second) || second->next)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"probs\" is not two numbers", context->place);
    double *probabilities = arena_alloc_small(&context->arena, 2, sizeof *probabilities);
    if (!probabilities)
        return case_no_memory(context, err);
    probabilities[0] = first->valuedouble;
    probabilities[1] = second->valuedouble;
    predictions[i].probabilities = probabilities;
    case_set_sample(context, set, i, NULL, NULL, word_of(label));
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

static const struct {
    const char *theirs, *ours;
} tri_names[] = {
    {"accuracy__VSR-ExactMatch", "accuracy"},
    {"accuracy__VSR-AUCROC", "auc-roc"},
    {"accuracy__VSR-AUCPR", "auc-pr"},
    {"auc-roc", "auc-roc"},
    {"auc-pr", "auc-pr"},
};

static void compare_tri(struct case_context *context, const cJSON *expected,
                        const struct score_table *table)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, expected)
    {
        const struct score *ours = NULL;
        for (size_t i = 0; i < sizeof tri_names / sizeof tri_names[0]; i++)
            if (strcmp(tri_names[i].theirs, field->string) == 0)
                ours = score_find(table, tri_names[i].ours);
        if (ours && cJSON_IsNumber(field))
            case_compare_number(context, field->string, field->valuedouble, ours->value);
        else
            case_unknown_field(context, field->string);
    }
}

static enum status check_tri(struct case_context *context, const cJSON *item, struct error *err)
{
    const cJSON *items, *one;
    enum status status = json_get_array(item, "items", context->place, &items, err);
    if (status)
        return status;
    size_t n = (size_t)cJSON_GetArraySize(items), i = 0;
    struct dataset *set = case_dataset(context, "vsr", n);
    struct prediction *predictions = arena_alloc(&context->arena, n, sizeof *predictions);
    if (!set || !predictions)
        return case_no_memory(context, err);
    cJSON_ArrayForEach(one, items)
    {
        if ((status = read_tri_item(context, one, set, predictions, i++, err)))
            return status;
    }
    struct score_table table;
    if ((status = score(context, set, predictions, &table, err)))
        return status;
    const cJSON *expected = json_find(item, "metrics");
    const char *error = json_string_or(item, "error", NULL);
    if (!expected && !error)
        return fail(err, STATUS_BAD_FORMAT, "%s: neither \"metrics\" nor \"error\"",
                    context->place);
    compare_tri(context, expected, &table);
    if (error)
        case_compare_text(context, "error", error,
                          isnan(score_find(&table, "auc-roc")->value) ? error : NULL);
    return STATUS_OK;
}

static enum status read_records(struct case_context *context, const cJSON *records,
                                const cJSON *answers, struct dataset *set,
                                struct prediction *predictions, struct error *err)
{
    static const double says_true[2] = {1, 0}, says_false[2] = {0, 1};
    const cJSON *record, *answer = answers->child;
    size_t i = 0;
    cJSON_ArrayForEach(record, records)
    {
        const char *relation;
        bool label, said;
        enum status status;
        if ((status = json_get_string(record, "relation", context->place, &relation, err)) ||
            (status = read_truth(context, json_find(record, "label"), "label", &label, err)) ||
            (status = read_truth(context, answer, "preds", &said, err)))
            return status;
        case_set_sample(context, set, i, relation, vsr_category(relation), word_of(label));
        predictions[i].probabilities = said ? says_true : says_false;
        answer = answer->next;
        i += 1;
    }
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

/* The official scripts' lines, "name TAB accuracy TAB count", of a breakdown in the table's order.
 */
static void print_breakdown(const struct score_table *table, const char *prefix, struct text *out)
{
    static const char end[] = "/accuracy";
    size_t skip = strlen(prefix);
    for (size_t i = 0; i < table->n_scores; i++) {
        const struct score *one = &table->scores[i];
        if (strncmp(one->name, prefix, skip) != 0)
            continue;
        int length = (int)(strlen(one->name) - skip - (sizeof end - 1));
        text_addf(out, "%.*s\t%.4f\t%zu\n", length, one->name + skip, one->value, one->n);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The lines sorted, in the arena: the official order of ties is that of a Python set. */
static const char *sort_lines(struct case_context *context, const char *text)
{
    char *copy = arena_string(&context->arena, text);
    size_t n = 1;
    for (const char *c = text; *c; c++)
        n += *c == '\n';
    char **lines = arena_alloc(&context->arena, n, sizeof *lines);
    char *sorted = arena_alloc_small(&context->arena, strlen(text) + 2, 1);
    if (!copy || !lines || !sorted)
        return NULL;
    n = 0;
    char *rest = copy;
    for (char *line; (line = strtok_r(rest, "\n", &rest));)
        lines[n++] = line;
    if (n > 1)
        qsort(lines, n, sizeof *lines, by_text);
    char *at = sorted;
    for (size_t i = 0; i < n; i++) {
        at = stpcpy(at, lines[i]);
        *at++ = '\n';
    }
    return sorted;
}

static enum status compare_breakdowns(struct case_context *context, const cJSON *item,
                                      const struct score_table *table, struct error *err)
{
    struct text relations, categories;
    text_init(&relations);
    text_init(&categories);
    print_breakdown(table, "relation/", &relations);
    text_addf(&categories, "# rel: %zu\n", vsr_n_entries());
    print_breakdown(table, "category/", &categories);
    const char *expected_relations = json_string_or(item, "by_relation_stdout", NULL);
    const char *expected_categories = json_string_or(item, "by_meta_category_stdout", NULL);
    enum status status = STATUS_OK;
    if (!expected_relations && !expected_categories)
        status = fail(err, STATUS_BAD_FORMAT, "%s: no breakdown to compare", context->place);
    if (!status && expected_relations)
        case_compare_text(context, "by_relation_stdout", expected_relations,
                          text_string(&relations));
    if (!status && expected_categories)
        case_compare_text(context, "by_meta_category_stdout",
                          sort_lines(context, expected_categories),
                          sort_lines(context, text_string(&categories)));
    context->arena.failed |= relations.failed || categories.failed;
    text_release(&relations);
    text_release(&categories);
    return status;
}

static enum status check_breakdowns(struct case_context *context, const cJSON *item,
                                    struct error *err)
{
    const cJSON *records, *answers;
    enum status status;
    if ((status = json_get_array(item, "records", context->place, &records, err)) ||
        (status = json_get_array(item, "preds", context->place, &answers, err)))
        return status;
    size_t n = (size_t)cJSON_GetArraySize(records);
    if ((size_t)cJSON_GetArraySize(answers) != n)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"records\" and \"preds\" differ in length",
                    context->place);
    struct dataset *set = case_dataset(context, "vsr", n);
    struct prediction *predictions = arena_alloc(&context->arena, n, sizeof *predictions);
    if (!set || !predictions)
        return case_no_memory(context, err);
    struct score_table table;
    if ((status = read_records(context, records, answers, set, predictions, err)) ||
        (status = score(context, set, predictions, &table, err)))
        return status;
    return compare_breakdowns(context, item, &table, err);
}

const struct case_section case_sections_vsr[] = {
    {"tri_vsr", check_tri},
    {"vsr", check_breakdowns},
    {NULL, NULL},
};
