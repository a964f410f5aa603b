/* pope_text, pope_sets, tri_pope of metric_cases.json. */
#include "metrics/case_context.h"
#include "metrics/python_text.h"
#include "metrics/yes_no_rule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *word_of(enum yes_no says, const char *yes, const char *no, const char *neither)
{
    return says == SAYS_YES ? yes : says == SAYS_NO ? no : neither;
}

/* What the rule called field reads in text; NULL if there is no such rule. */
static const char *read_text(struct case_context *context, const char *field, const char *text)
{
    if (strcmp(field, "official") == 0 || strcmp(field, "llava") == 0 ||
        strcmp(field, "tinyllava") == 0)
        return word_of(yes_no_official(text), "yes", "no", "");
    bool failed = false;
    const char *result = NULL;
    if (strcmp(field, "vlmevalkit") == 0) {
        result = word_of(yes_no_vlmevalkit(text, &failed), "Yes", "No", "Unknown");
    } else if (strcmp(field, "lmms_prediction") == 0) {
        struct text plain;
        text_init(&plain);
        yes_no_lmms_text(text, &plain);
        failed = plain.failed;
        result = arena_string(&context->arena, text_string(&plain));
        text_release(&plain);
    }
    context->arena.failed |= failed;
    return result;
}

static enum status check_text(struct case_context *context, const cJSON *item, struct error *err)
{
    return case_check_text(context, item, NULL, read_text, err);
}

/* One entry of pope_sets: predictions and labels by position, cut to the shorter list. */
struct pope_set {
    struct dataset *set;
    struct prediction *predictions;
    size_t n_predictions; /* all of them */
    double yes_ratio;     /* over all of them; NAN without any */
};

static enum status read_set(struct case_context *context, const cJSON *item, struct pope_set *out,
                            struct error *err)
{
    const char **texts, **labels;
    size_t n_labels;
    enum status status;
    if ((status = case_strings(context, item, "predictions", &texts, &out->n_predictions, err)) ||
        (status = case_strings(context, item, "labels", &labels, &n_labels, err)))
        return status;
    size_t n = out->n_predictions < n_labels ? out->n_predictions : n_labels, n_yes = 0;
    out->set = case_dataset(context, "pope", n);
    out->predictions = arena_alloc(&context->arena, n, sizeof *out->predictions);
    if (!out->set || !out->predictions)
        return case_no_memory(context, err);
    for (size_t i = 0; i < n; i++) {
        case_set_sample(context, out->set, i, NULL, NULL, labels[i]);
        out->predictions[i] = (struct prediction){.text = texts[i]};
    }
    for (size_t i = 0; i < out->n_predictions; i++)
        n_yes += yes_no_official(texts[i]) == SAYS_YES;
    out->yes_ratio = out->n_predictions ? (double)n_yes / (double)out->n_predictions : NAN;
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

static enum status score_set(struct case_context *context, const struct pope_set *set,
                             const char *metric, struct score_table *table, struct error *err)
{
    const struct protocol protocol = {
        .name = context->place, .metric = metric, .headline = "pooled/accuracy"};
    return score_predictions(set->set, &protocol, set->predictions, &context->arena, table, err);
}

static double value_of(const struct score_table *table, const char *name)
{
    const struct score *score = score_find(table, name);
    return score ? score->value : NAN;
}

/* The names of our scores and of the scorers'. */
static const struct {
    const char *official, *lmms, *ours;
} names[] = {
    {"TP", NULL, "pooled/tp"},
    {"FP", NULL, "pooled/fp"},
    {"TN", NULL, "pooled/tn"},
    {"FN", NULL, "pooled/fn"},
    {"acc", "accuracy", "pooled/accuracy"},
    {"precision", "precision", "pooled/precision"},
    {"recall", "recall", "pooled/recall"},
    {"f1", "f1_score", "pooled/f1"},
    /* lmms-eval takes its yes_ratio from the labels. */
    {NULL, "yes_ratio", "pooled/true-yes-ratio"},
};

/* What the official scorer dies of; NULL if it does not.  Reference: POPE evaluate.py:43-60,
 * Python's messages for int / int and float / float. */
static const char *official_error(const struct pope_set *set, const struct score_table *table)
{
    if (set->n_predictions == 0)
        return "ZeroDivisionError: division by zero";
    if (isnan(value_of(table, "pooled/f1")))
        return "ZeroDivisionError: float division by zero";
    return NULL;
}

static void compare_field(struct case_context *context, const char *scorer, const cJSON *field,
                          double got)
{
    char name[96];
    snprintf(name, sizeof name, "%.30s/%.60s", scorer, field->string);
    if (cJSON_IsNumber(field))
        case_compare_number(context, name, field->valuedouble, got);
    else
        case_unknown_field(context, name);
}

static void check_official(struct case_context *context, const cJSON *expected,
                           const struct pope_set *set, const struct score_table *table)
{
    const char *error = official_error(set, table);
    case_compare_text(context, "official/error", json_string_or(expected, "error", NULL), error);
    const cJSON *field;
    cJSON_ArrayForEach(field, expected)
    {
        double got = NAN;
        if (strcmp(field->string, "error") == 0)
            continue;
        if (strcmp(field->string, "yes_ratio") == 0)
            got = set->yes_ratio;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (names[i].official && strcmp(names[i].official, field->string) == 0)
                got = value_of(table, names[i].ours);
        compare_field(context, "official", field, got);
    }
}

static void check_lmms(struct case_context *context, const cJSON *expected,
                       const struct score_table *table)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, expected)
    {
        double got = NAN;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (names[i].lmms && strcmp(names[i].lmms, field->string) == 0)
                got = value_of(table, names[i].ours);
        compare_field(context, "lmms", field, got);
    }
}

/* What LLaVA's scorer prints, and TinyLLaVA's, which differs by a small term in the denominators
 * (tinyllava/eval/eval_pope.py:53-57).  Returns the error it dies of, or NULL. */
static const char *print_block(struct text *out, const struct pope_set *set,
                               const struct score_table *table, double epsilon)
{
    static const char int_error[] = "ZeroDivisionError: division by zero";
    static const char float_error[] = "ZeroDivisionError: float division by zero";
    if (set->n_predictions == 0)
        return int_error;
    double tp = value_of(table, "pooled/tp"), fp = value_of(table, "pooled/fp");
    double tn = value_of(table, "pooled/tn"), fn = value_of(table, "pooled/fn");
    text_addf(out, "TP\tFP\tTN\tFN\t\n%.0f\t%.0f\t%.0f\t%.0f\n", tp, fp, tn, fn);
    if (tp + fp + epsilon == 0 || tp + fn + epsilon == 0)
        return float_error;
    double precision = tp / (tp + fp + epsilon), recall = tp / (tp + fn + epsilon);
    if (precision + recall + epsilon == 0)
        return float_error;
    double f1 = 2 * precision * recall / (precision + recall + epsilon);
    if (tp + fp + tn + fn == 0)
        return int_error;
    double accuracy = (tp + tn) / (tp + tn + fp + fn);
    const struct {
        const char *name;
        double value;
    } lines[] = {{"Accuracy", accuracy},
                 {"Precision", precision},
                 {"Recall", recall},
                 {"F1 score", f1},
                 {"Yes ratio", set->yes_ratio}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        text_addf(out, "%s: ", lines[i].name);
        python_add_float(out, lines[i].value);
        text_add_char(out, '\n');
    }
    text_addf(out, "%.3f, %.3f, %.3f, %.3f, %.3f\n", f1, accuracy, precision, recall,
              set->yes_ratio);
    return NULL;
}

static void check_block(struct case_context *context, const char *scorer, const cJSON *expected,
                        const struct pope_set *set, const struct score_table *table, double epsilon)
{
    struct text out;
    text_init(&out);
    const char *error = print_block(&out, set, table, epsilon);
    char name[96];
    snprintf(name, sizeof name, "%s/stdout", scorer);
    case_compare_text(context, name, json_string_or(expected, "stdout", NULL), text_string(&out));
    snprintf(name, sizeof name, "%s/error", scorer);
    case_compare_text(context, name, json_string_or(expected, "error", NULL), error);
    context->arena.failed |= out.failed;
    text_release(&out);
}

static enum status check_set(struct case_context *context, const cJSON *item, struct error *err)
{
    struct pope_set set;
    struct score_table official, exact;
    enum status status;
    if ((status = read_set(context, item, &set, err)) ||
        (status = score_set(context, &set, "yes-no-text", &official, err)) ||
        (status = score_set(context, &set, "yes-no-exact", &exact, err)))
        return status;
    const cJSON *field;
    cJSON_ArrayForEach(field, item)
    {
        if (strcmp(field->string, "predictions") == 0 || strcmp(field->string, "labels") == 0)
            continue;
        if (strcmp(field->string, "official") == 0)
            check_official(context, field, &set, &official);
        else if (strcmp(field->string, "llava") == 0)
            check_block(context, "llava", field, &set, &official, 0);
        else if (strcmp(field->string, "tinyllava") == 0)
            check_block(context, "tinyllava", field, &set, &official, 1e-6);
        else if (strcmp(field->string, "lmms") == 0)
            check_lmms(context, field, &exact);
        else
            case_unknown_field(context, field->string);
    }
    return STATUS_OK;
}

/* Reads a pair of probabilities into the arena. */
static enum status read_pair(struct case_context *context, const cJSON *item, const char *key,
                             const double **out, struct error *err)
{
    const cJSON *list;
    enum status status = json_get_array(item, key, context->place, &list, err);
    if (status)
        return status;
    double *pair = arena_alloc_small(&context->arena, 2, sizeof *pair);
    if (!pair)
        return case_no_memory(context, err);
    size_t n = 0;
    const cJSON *number;
    cJSON_ArrayForEach(number, list)
    {
        /* Python writes NaN as a word that JSON does not have; null stands for it. */
        if (n == 2 || !(cJSON_IsNumber(number) || cJSON_IsNull(number)))
            return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is not two numbers", context->place,
                        key);
        pair[n++] = cJSON_IsNumber(number) ? number->valuedouble : NAN;
    }
    if (n != 2)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is not two numbers", context->place, key);
    *out = pair;
    return STATUS_OK;
}

static enum status read_tri_items(struct case_context *context, const cJSON *items,
                                  struct dataset *set, struct prediction *predictions,
                                  struct error *err)
{
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, items)
    {
        const char *split, *label;
        enum status status;
        if ((status = json_get_string(item, "split", context->place, &split, err)) ||
            (status = json_get_string(item, "label", context->place, &label, err)) ||
            (status = read_pair(context, item, "probs", &predictions[i].probabilities, err)))
            return status;
        case_set_sample(context, set, i, split, NULL, label);
        i += 1;
    }
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

/* "accuracy__POPE-final-AUCPR" to "final/auc-pr"; false for another name. */
static bool name_of_tri(const char *theirs, char *ours, size_t size)
{
    static const struct {
        const char *theirs, *ours;
    } ends[] = {{"-Accuracy", "accuracy"}, {"-AUCROC", "auc-roc"}, {"-AUCPR", "auc-pr"}};
    if (strncmp(theirs, "accuracy__", 10) == 0)
        theirs += 10;
    if (strncmp(theirs, "POPE-", 5) != 0)
        return false;
    theirs += 5;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t length = strlen(theirs), end = strlen(ends[i].theirs);
        if (length <= end || strcmp(theirs + length - end, ends[i].theirs) != 0)
            continue;
        snprintf(ours, size, "%.*s/%s", (int)(length - end), theirs, ends[i].ours);
        return true;
    }
    return false;
}

static enum status check_tri(struct case_context *context, const cJSON *item, struct error *err)
{
    const cJSON *items, *metrics_expected;
    enum status status = json_get_array(item, "items", context->place, &items, err);
    if (status)
        return status;
    size_t n = (size_t)cJSON_GetArraySize(items);
    struct dataset *set = case_dataset(context, "pope", n);
    struct prediction *predictions = arena_alloc(&context->arena, n, sizeof *predictions);
    if (!set || !predictions)
        return case_no_memory(context, err);
    struct score_table table;
    const struct protocol protocol = {.name = context->place,
                                      .choices = {"Yes", "No"},
                                      .n_choices = 2,
                                      .metric = "yes-no-likelihood",
                                      .headline = "pooled/accuracy"};
    if ((status = read_tri_items(context, items, set, predictions, err)) ||
        (status = score_predictions(set, &protocol, predictions, &context->arena, &table, err)))
        return status;
    metrics_expected = json_find(item, "metrics");
    const cJSON *field;
    cJSON_ArrayForEach(field, metrics_expected)
    {
        char ours[96];
        if (!cJSON_IsNumber(field) || !name_of_tri(field->string, ours, sizeof ours))
            case_unknown_field(context, field->string);
        else
            case_compare_number(context, field->string, field->valuedouble, value_of(&table, ours));
    }
    /* The reference dies where a split has one class only. */
    const char *error = json_string_or(item, "error", NULL);
    if (!error && !metrics_expected)
        return fail(err, STATUS_BAD_FORMAT, "%s: neither \"metrics\" nor \"error\"",
                    context->place);
    if (error) {
        bool undefined = isnan(value_of(&table, "final/auc-roc"));
        for (size_t i = 0; i < table.n_scores; i++)
            undefined |= strstr(table.scores[i].name, "/auc-roc") && isnan(table.scores[i].value);
        case_compare_text(context, "error", error, undefined ? error : NULL);
    }
    return STATUS_OK;
}

const struct case_section case_sections_yes_no[] = {
    {"pope_text", check_text},
    {"pope_sets", check_set},
    {"tri_pope", check_tri},
    {NULL, NULL},
};
