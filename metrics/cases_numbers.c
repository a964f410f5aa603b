/* sklearn_primitives, round2, tri_index_order_seed21 of metric_cases.json. */
#include "engine/base/sha256.h"
#include "metrics/case_context.h"
#include "metrics/ranking.h"
#include "metrics/rounding.h"
#include "metrics/tri_order.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static enum status read_ranked(struct case_context *context, const cJSON *item, struct ranked **out,
                               size_t *n, struct error *err)
{
    const cJSON *y, *s;
    enum status status;
    if ((status = json_get_array(item, "y", context->place, &y, err)) ||
        (status = json_get_array(item, "s", context->place, &s, err)))
        return status;
    *n = (size_t)cJSON_GetArraySize(y);
    if ((size_t)cJSON_GetArraySize(s) != *n)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"y\" and \"s\" differ in length", context->place);
    struct ranked *items = arena_alloc(&context->arena, *n, sizeof *items);
    if (!items)
        return case_no_memory(context, err);
    const cJSON *label = y->child, *score = s->child;
    for (size_t i = 0; i < *n; i++, label = label->next, score = score->next) {
        if (!cJSON_IsNumber(label) || !cJSON_IsNumber(score))
            return fail(err, STATUS_BAD_FORMAT, "%s: \"y\" or \"s\" holds something not a number",
                        context->place);
        items[i] = (struct ranked){score->valuedouble, label->valuedouble != 0, i};
    }
    *out = items;
    return STATUS_OK;
}

/* A number, or {"error": ...} where scikit-learn raises. */
static void compare_area(struct case_context *context, const cJSON *expected, double got)
{
    static const char one_class[] = "ValueError: Only one class present in y_true. ROC AUC score "
                                    "is not defined in that case.";
    if (cJSON_IsNumber(expected))
        case_compare_number(context, expected->string, expected->valuedouble, got);
    else if (cJSON_IsObject(expected))
        case_compare_text(context, expected->string, json_string_or(expected, "error", NULL),
                          isnan(got) ? one_class : NULL);
    else
        case_unknown_field(context, expected->string);
}

static enum status check_ranking(struct case_context *context, const cJSON *item, struct error *err)
{
    struct ranked *items = NULL;
    size_t n = 0;
    enum status status = read_ranked(context, item, &items, &n, err);
    if (status)
        return status;
    if (!ranking_sort(items, n))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"s\" holds a NaN", context->place);
    const cJSON *field;
    cJSON_ArrayForEach(field, item)
    {
        if (strcmp(field->string, "y") == 0 || strcmp(field->string, "s") == 0)
            continue;
        if (strcmp(field->string, "average_precision") == 0)
            compare_area(context, field, ranking_average_precision(items, n));
        else if (strcmp(field->string, "roc_auc") == 0)
            compare_area(context, field, ranking_roc_auc(items, n));
        else if (strcmp(field->string, "f1_at_gt_half") == 0)
            compare_area(context, field, ranking_f1(items, n));
        else
            case_unknown_field(context, field->string);
    }
    return STATUS_OK;
}

static enum status check_round2(struct case_context *context, const cJSON *item, struct error *err)
{
    double x, python2, python3;
    enum status status;
    if ((status = json_get_number(item, "x", context->place, &x, err)) ||
        (status = json_get_number(item, "py2", context->place, &python2, err)) ||
        (status = json_get_number(item, "py3", context->place, &python3, err)))
        return status;
    case_compare_exactly(context, "py2", python2, round2_python2(x));
    case_compare_exactly(context, "py3", python3, round2(x));
    return STATUS_OK;
}

static void compare_indices(struct case_context *context, const cJSON *item, const char *key,
                            const size_t *order, size_t n, bool at_end)
{
    const cJSON *expected = json_find(item, key), *number;
    if (!expected)
        return;
    size_t length = (size_t)cJSON_GetArraySize(expected);
    size_t i = at_end && length < n ? n - length : 0;
    cJSON_ArrayForEach(number, expected)
    {
        case_compare_exactly(context, key, cJSON_IsNumber(number) ? number->valuedouble : NAN,
                             i < n ? (double)order[i] : NAN);
        i += 1;
    }
}

static enum status check_order(struct case_context *context, const cJSON *item, struct error *err)
{
    enum { MOST = 1000000 };
    int count;
    enum status status = json_get_int(item, "n", context->place, &count, err);
    if (status)
        return status;
    if (count < 0 || count > MOST)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"n\" is %d, not 0 to %d", context->place, count,
                    MOST);
    size_t n = (size_t)count;
    size_t *order = arena_alloc(&context->arena, n, sizeof *order);
    if (!order)
        return case_no_memory(context, err);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    tri_shuffle(order, n, TRI_SEED);
    compare_indices(context, item, "first12", order, n, false);
    compare_indices(context, item, "last4", order, n, true);
    const char *expected = json_string_or(item, "sha256_of_comma_joined", NULL);
    if (!expected)
        return STATUS_OK;
    struct text joined;
    text_init(&joined);
    for (size_t i = 0; i < n; i++)
        text_addf(&joined, "%s%zu", i ? "," : "", order[i]);
    struct sha256_text hash = sha256_bytes(text_string(&joined), joined.length);
    context->arena.failed |= joined.failed;
    text_release(&joined);
    case_compare_text(context, "sha256_of_comma_joined", expected, hash.hex);
    return STATUS_OK;
}

const struct case_section case_sections_numbers[] = {
    {"sklearn_primitives", check_ranking},
    {"round2", check_round2},
    {"tri_index_order_seed21", check_order},
    {NULL, NULL},
};
