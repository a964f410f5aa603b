/* vizwiz_datasets of metric_cases.json. */
#include "datasets/vizwiz.h"
#include "metrics/case_context.h"

#include <math.h>
#include <string.h>

static enum status read_item(struct case_context *context, const cJSON *item, struct dataset *set,
                             struct prediction *predictions, size_t i, struct error *err)
{
    const char **answers;
    size_t n;
    int answerable;
    enum status status;
    if ((status = case_strings(context, item, "answers", &answers, &n, err)) ||
        (status = json_get_int(item, "answerable", context->place, &answerable, err)) ||
        (status = json_get_string(item, "prediction", context->place, &predictions[i].text, err)))
        return status;
    struct vizwiz_facts *facts = arena_alloc_small(&context->arena, 1, sizeof *facts);
    if (!facts)
        return case_no_memory(context, err);
    facts->is_answerable = answerable != 0;
    case_set_sample(context, set, i, NULL, NULL, "");
    set->samples[i].answers = answers;
    set->samples[i].n_answers = n;
    set->samples[i].facts = facts;
    return STATUS_OK;
}

static const struct {
    const char *theirs, *ours;
} names[] = {
    {"accuracy__VizWiz-Overall", "accuracy"},
    {"accuracy__VizWiz-Answerable", "answerable/accuracy"},
    {"accuracy__VizWiz-Unanswerable", "unanswerable/accuracy"},
    {"accuracy__VizWiz-Unanswerable-AvgPR", "unanswerable/average-precision"},
    {"accuracy__VizWiz-Unanswerable-F1", "unanswerable/f1"},
};

/* What TRI's harness dies of where one of the two parts has no question. */
static const char *error_of(const struct score_table *table)
{
    bool lacks_part = isnan(score_find(table, "answerable/accuracy")->value) ||
                      isnan(score_find(table, "unanswerable/accuracy")->value);
    return lacks_part ? "ZeroDivisionError: float division by zero" : NULL;
}

static void compare(struct case_context *context, const cJSON *expected,
                    const struct score_table *table)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, expected)
    {
        if (strcmp(field->string, "error") == 0)
            continue;
        const struct score *score = NULL;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (strcmp(names[i].theirs, field->string) == 0)
                score = score_find(table, names[i].ours);
        if (score && cJSON_IsNumber(field))
            case_compare_exactly(context, field->string, field->valuedouble, score->value);
        else
            case_unknown_field(context, field->string);
    }
    case_compare_text(context, "error", json_string_or(expected, "error", NULL), error_of(table));
}

static enum status check_dataset(struct case_context *context, const cJSON *item, struct error *err)
{
    const cJSON *items, *one, *expected;
    enum status status;
    if ((status = json_get_array(item, "items", context->place, &items, err)) ||
        (status = json_get(item, "tri", context->place, &expected, err)))
        return status;
    size_t n = (size_t)cJSON_GetArraySize(items), i = 0;
    struct dataset *set = case_dataset(context, "vizwiz", n);
    struct prediction *predictions = arena_alloc(&context->arena, n, sizeof *predictions);
    if (!set || !predictions)
        return case_no_memory(context, err);
    cJSON_ArrayForEach(one, items)
    {
        if ((status = read_item(context, one, set, predictions, i++, err)))
            return status;
    }
    struct score_table table;
    const struct protocol protocol = {
        .name = context->place, .metric = "vizwiz-tri", .headline = "accuracy"};
    status = score_predictions(set, &protocol, predictions, &context->arena, &table, err);
    if (!status)
        compare(context, expected, &table);
    return status;
}

const struct case_section case_sections_vizwiz[] = {
    {"vizwiz_datasets", check_dataset},
    {NULL, NULL},
};
