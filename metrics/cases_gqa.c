/* gqa_clean, gqa_lmms_exact_match and gqa of metric_cases.json. */
#include "datasets/gqa_facts.h"
#include "engine/base/string_map.h"
#include "metrics/case_context.h"
#include "metrics/gqa_answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *cleaned(struct case_context *context, gqa_clean *clean, const char *answer)
{
    struct text out;
    text_init(&out);
    clean(answer, &out);
    const char *copy = out.failed ? NULL : arena_string(&context->arena, text_string(&out));
    context->arena.failed |= out.failed;
    text_release(&out);
    return copy;
}

static const char *clean_as(struct case_context *context, const char *field, const char *text)
{
    gqa_clean *clean = strcmp(field, "tri") == 0     ? gqa_clean_triml
                       : strcmp(field, "llava") == 0 ? gqa_clean_llava
                                                     : NULL;
    return clean ? cleaned(context, clean, text) : NULL;
}

static enum status check_clean(struct case_context *context, const cJSON *item, struct error *err)
{
    return case_check_text(context, item, NULL, clean_as, err);
}

static enum status score(struct case_context *context, const struct dataset *set,
                         const char *metric, const struct prediction *predictions,
                         struct score_table *table, struct error *err)
{
    const struct protocol protocol = {
        .name = context->place, .metric = metric, .headline = "accuracy"};
    return score_predictions(set, &protocol, predictions, &context->arena, table, err);
}

static enum status check_exact_match(struct case_context *context, const cJSON *item,
                                     struct error *err)
{
    const char *text, *gold;
    double expected;
    enum status status;
    if ((status = json_get_string(item, "prediction", context->place, &text, err)) ||
        (status = json_get_string(item, "gold", context->place, &gold, err)) ||
        (status = json_get_number(item, "score", context->place, &expected, err)))
        return status;
    struct dataset *set = case_dataset(context, "gqa", 1);
    const struct prediction prediction = {.text = text};
    struct score_table table;
    if (!set)
        return case_no_memory(context, err);
    case_set_sample(context, set, 0, NULL, NULL, gold);
    if (arena_failed(&context->arena))
        return case_no_memory(context, err);
    if ((status = score(context, set, "gqa-lmms-eval", &prediction, &table, err)))
        return status;
    case_compare_exactly(context, "score", expected, table.scores[table.headline].value);
    return STATUS_OK;
}

/* One run of a scorer in the section "gqa". */
struct run {
    const char *name;
    bool is_tri;        /* TRI's copy of eval.py, which prints 0 for what it does not measure */
    bool balanced_only; /* on the balanced questions alone, as in testdev_balanced */
    bool prints_consistency; /* --consistency was given */
    bool has_duplicate;      /* a second, wrong answer to the first question follows */
    const char *answers;     /* member with the predictions */
    const char *left_out;    /* id of the question whose prediction is missing, NULL: none */
};

/* The id between two marks of a text, in the arena; NULL where they are not there. */
static const char *between(struct case_context *context, const char *text, const char *before,
                           const char *after)
{
    const char *start = text ? strstr(text, before) : NULL;
    if (!start)
        return NULL;
    start += strlen(before);
    const char *end = strstr(start, after);
    return end ? arena_copy(&context->arena, start, (size_t)(end - start)) : NULL;
}

/* The name tells how the scorer was run.  Which prediction was left out only its message tells:
 * that id is taken as input, and the message as a whole is compared. */
static struct run describe_run(struct case_context *context, const cJSON *expected)
{
    const char *name = expected->string;
    struct run run = {.name = name,
                      .is_tri = strncmp(name, "tri_eval_py__", 13) == 0,
                      .balanced_only = strstr(name, "__balanced_only") != NULL,
                      .prints_consistency = strstr(name, "__consistency") != NULL,
                      .has_duplicate = strstr(name, "__duplicate") != NULL,
                      .answers = strstr(name, "__tri_predictions") ? "tri_predictions"
                                                                   : "llava_predictions"};
    if (strstr(name, "__missing")) {
        run.left_out = between(context, json_string_or(expected, "stdout_after_loading", NULL),
                               "no prediction for question ", ".");
        if (!run.left_out)
            run.left_out =
                between(context, json_string_or(expected, "stderr_last_line", NULL), "'", "'");
    }
    return run;
}

static enum status read_question(struct case_context *context, const cJSON *record,
                                 const cJSON *choices, struct sample *sample, struct error *err)
{
    const char *answer;
    struct gqa_facts *facts;
    enum status status;
    if ((status = json_get_string(record, "answer", context->place, &answer, err)) ||
        (status = json_get_string(record, "question", context->place, &sample->question, err)) ||
        (status = json_get_string(record, "imageId", context->place, &sample->image_name, err)) ||
        (status =
             gqa_facts_read(record, record->string, context->place, &context->arena, &facts, err)))
        return status;
    const cJSON *of_question = json_find(choices, record->string);
    if (of_question && (status = gqa_choices_read(of_question, context->place, &context->arena,
                                                  &facts->choices, err)))
        return status;
    const char **answers = arena_alloc_small(&context->arena, 1, sizeof *answers);
    if (!answers)
        return case_no_memory(context, err);
    answers[0] = answer;
    sample->id = record->string;
    sample->image_path = sample->image_name;
    sample->answers = answers;
    sample->n_answers = 1;
    sample->facts = facts;
    return STATUS_OK;
}

static enum status read_questions(struct case_context *context, const cJSON *item,
                                  const struct run *run, struct dataset **out, struct error *err)
{
    const cJSON *questions, *record;
    enum status status = json_get(item, "questions", context->place, &questions, err);
    if (status)
        return status;
    const cJSON *choices = run->is_tri ? NULL : json_find(item, "choices");
    struct dataset *set = case_dataset(context, "gqa", (size_t)cJSON_GetArraySize(questions));
    if (!set)
        return case_no_memory(context, err);
    set->n_samples = 0;
    cJSON_ArrayForEach(record, questions)
    {
        if (run->balanced_only && !json_bool_or(record, "isBalanced", false))
            continue;
        if ((status = read_question(context, record, choices, &set->samples[set->n_samples], err)))
            return status;
        set->n_samples += 1;
    }
    *out = set;
    return STATUS_OK;
}

/* questionId is a string, or in TRI's files a number. */
static const char *id_of(struct case_context *context, const cJSON *answer)
{
    const cJSON *id = json_find(answer, "questionId");
    return cJSON_IsNumber(id) ? arena_printf(&context->arena, "%.0f", id->valuedouble)
                              : cJSON_GetStringValue(id);
}

/* Joins the predictions to the questions as the scorers do: the last of two answers counts. */
static enum status read_predictions(struct case_context *context, const cJSON *item,
                                    const struct run *run, const struct dataset *set,
                                    struct prediction **out, struct error *err)
{
    const cJSON *list, *answer;
    enum status status = json_get_array(item, run->answers, context->place, &list, err);
    struct prediction *predictions =
        arena_alloc(&context->arena, set->n_samples + 1, sizeof *predictions);
    struct string_map texts;
    string_map_init(&texts, &context->arena);
    if (!status && !predictions)
        status = case_no_memory(context, err);
    if (status)
        return status;
    for (size_t i = 0; i < set->n_samples; i++) {
        const char *id = set->samples[i].id;
        predictions[i] = (struct prediction){.sample_id = id, .failure = "no prediction"};
        string_map_set(&texts, id, strlen(id), (int64_t)i);
    }
    cJSON_ArrayForEach(answer, list)
    {
        const char *id = id_of(context, answer), *text;
        if ((status = json_get_string(answer, "prediction", context->place, &text, err)))
            return status;
        int64_t at = id ? string_map_get(&texts, id, strlen(id), -1) : -1;
        if (at >= 0 && !(run->left_out && strcmp(run->left_out, id) == 0))
            predictions[at] = (struct prediction){.sample_id = id, .text = text};
    }
    if (run->has_duplicate && set->n_samples > 0)
        predictions[0].text = strcmp(set->samples[0].answers[0], "yes") == 0 ? "no" : "yes";
    *out = predictions;
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

static const struct score *find(const struct score_table *table, const char *name)
{
    static const struct score nothing = {.value = NAN};
    const struct score *score = score_find(table, name);
    return score ? score : &nothing;
}

/* What the scorer dies of, and what it printed before; "" where it does not.
 * eval.py:158-161 asks for the balanced questions, or all, and names the first that is missing;
 * eval.py:404-406 reads all of them. */
static const char *reference_error(struct case_context *context, const struct run *run,
                                   const struct dataset *set, const struct prediction *predictions,
                                   const struct score_table *table, struct text *printed)
{
    const char *key = NULL;
    for (size_t i = 0; i < set->n_samples; i++) {
        const struct gqa_facts *facts = set->samples[i].facts;
        if (!predictions[i].failure || !(facts->is_balanced || run->prints_consistency))
            continue;
        text_addf(printed,
                  "no prediction for question %s. Please add prediction for all "
                  "questions.\n",
                  set->samples[i].id);
        return "Exception: missing predictions";
    }
    for (size_t i = 0; i < set->n_samples && !key; i++)
        if (predictions[i].failure)
            key = set->samples[i].id;
    if (!key && !run->is_tri && isnan(find(table, "consistency")->value))
        key = between(context, find(table, "consistency")->note, "entails ", ",");
    /* No question is in a group: eval.py:396, float(sumScore) / sumOverall. */
    if (!key && isnan(find(table, "distribution")->value))
        return "ZeroDivisionError: float division by zero";
    return key ? arena_printf(&context->arena, "KeyError: '%s'", key) : "";
}

/* The lines "  verify: 75.00% (4 questions)" of a breakdown, in the table's order. */
static void print_breakdown(const struct score_table *table, const char *prefix, const char *title,
                            struct text *out)
{
    static const char end[] = "/accuracy";
    size_t skip = strlen(prefix);
    text_addf(out, "\nAccuracy / %s:\n", title);
    for (size_t i = 0; i < table->n_scores; i++) {
        const struct score *one = &table->scores[i];
        if (strncmp(one->name, prefix, skip) != 0)
            continue;
        int length = (int)(strlen(one->name) - skip - (sizeof end - 1));
        text_addf(out, "  %.*s: %.2f%% (%zu questions)\n", length, one->name + skip, one->value,
                  one->n);
    }
}

/* What eval.py prints: eval.py:470-500. */
static void print_block(const struct run *run, const struct score_table *table, struct text *out)
{
    const struct {
        const char *title, *name;
        bool shown, measured;
    } lines[] = {
        {"Binary", "binary/accuracy", true, true},
        {"Open", "open/accuracy", true, true},
        {"Accuracy", "accuracy", true, true},
        {"Consistency", "consistency", run->is_tri || run->prints_consistency, !run->is_tri},
        {"Validity", "validity", true, !run->is_tri},
        {"Plausibility", "plausibility", true, !run->is_tri},
        {"Grounding", "", run->is_tri, false},
    };
    text_add_char(out, '\n');
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (lines[i].shown)
            text_addf(out, "%s: %.2f%%\n", lines[i].title,
                      lines[i].measured ? find(table, lines[i].name)->value : 0);
    text_addf(out, "Distribution: %.2f (lower is better)\n", find(table, "distribution")->value);
    print_breakdown(table, "structural/", "structural type", out);
    print_breakdown(table, "semantic/", "semantic type", out);
    print_breakdown(table, "steps/", "steps number", out);
    print_breakdown(table, "words/", "words number", out);
}

/* {"verify": [75.0, 4], ...} */
static void compare_breakdown(struct case_context *context, const char *run, const char *prefix,
                              const cJSON *expected, const struct score_table *table)
{
    const cJSON *pair;
    cJSON_ArrayForEach(pair, expected)
    {
        char field[256], ours[160];
        snprintf(ours, sizeof ours, "%s%.100s/accuracy", prefix, pair->string);
        snprintf(field, sizeof field, "%.80s/%s", run, ours);
        const struct score *got = find(table, ours);
        const cJSON *value = pair->child, *count = value ? value->next : NULL;
        case_compare_number(context, field, cJSON_IsNumber(value) ? value->valuedouble : NAN,
                            got->value);
        snprintf(field, sizeof field, "%.80s/%s: questions", run, ours);
        case_compare_exactly(context, field, cJSON_IsNumber(count) ? count->valuedouble : NAN,
                             (double)got->n);
    }
}

static void compare_raw_scores(struct case_context *context, const struct run *run,
                               const cJSON *expected, const struct score_table *table)
{
    static const struct {
        const char *theirs, *ours;
        bool tri_measures, is_breakdown;
    } names[] = {
        {"accuracy", "accuracy", true, false},
        {"binary", "binary/accuracy", true, false},
        {"open", "open/accuracy", true, false},
        {"validity", "validity", false, false},
        {"plausibility", "plausibility", false, false},
        {"consistency", "consistency", false, false},
        {"distribution", "distribution", true, false},
        {"accuracyPerStructuralType", "structural/", true, true},
        {"accuracyPerSemanticType", "semantic/", true, true},
        {"accuracyPerLength", "words/", true, true},
        {"accuracyPerSteps", "steps/", true, true},
    };
    const cJSON *field;
    cJSON_ArrayForEach(field, expected)
    {
        char full[160];
        size_t n = sizeof names / sizeof names[0], i = 0;
        snprintf(full, sizeof full, "%.80s/%.60s", run->name, field->string);
        while (i < n && strcmp(names[i].theirs, field->string) != 0)
            i += 1;
        if (i < n && names[i].is_breakdown)
            compare_breakdown(context, run->name, names[i].ours, field, table);
        else if (i < n && cJSON_IsNumber(field))
            case_compare_number(
                context, full, field->valuedouble,
                run->is_tri && !names[i].tri_measures ? 0 : find(table, names[i].ours)->value);
        else if (strcmp(field->string, "grounding") == 0)
            case_compare_exactly(context, full, field->valuedouble, 0); /* needs attention maps */
        else
            case_unknown_field(context, full);
    }
}

static void compare_run(struct case_context *context, const struct run *run, const cJSON *expected,
                        const struct score_table *table, const char *error, const char *printed)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, expected)
    {
        char full[160];
        snprintf(full, sizeof full, "%.80s/%.60s", run->name, field->string);
        if (strcmp(field->string, "rc") == 0)
            case_compare_exactly(context, full, field->valuedouble, error[0] ? 1 : 0);
        else if (strcmp(field->string, "stderr_last_line") == 0)
            case_compare_text(context, full, cJSON_GetStringValue(field), error);
        else if (strcmp(field->string, "stdout_after_loading") == 0)
            case_compare_text(context, full, cJSON_GetStringValue(field), printed);
        else if (strcmp(field->string, "raw_scores") != 0)
            case_unknown_field(context, full);
        else if (error[0] || cJSON_IsNull(field))
            case_compare_text(context, full, cJSON_IsNull(field) ? NULL : "(scores)",
                              error[0] ? NULL : "(scores)");
        else
            compare_raw_scores(context, run, field, table);
    }
}

static enum status check_run(struct case_context *context, const cJSON *item, const cJSON *expected,
                             struct error *err)
{
    struct run run = describe_run(context, expected);
    struct dataset *set = NULL;
    struct prediction *predictions;
    struct score_table table;
    enum status status;
    if ((status = read_questions(context, item, &run, &set, err)) ||
        (status = read_predictions(context, item, &run, set, &predictions, err)) ||
        (status = score(context, set, "gqa-official", predictions, &table, err)))
        return status;
    struct text printed;
    text_init(&printed);
    const char *error = reference_error(context, &run, set, predictions, &table, &printed);
    if (error && !error[0])
        print_block(&run, &table, &printed);
    if (!error || printed.failed)
        status = case_no_memory(context, err);
    else
        compare_run(context, &run, expected, &table, error, text_string(&printed));
    text_release(&printed);
    return status;
}

/* The two converters, from what the model said. */
static enum status check_converted(struct case_context *context, const cJSON *item,
                                   const char *answers, gqa_clean *clean, struct error *err)
{
    const cJSON *outputs = json_find(item, "raw_model_outputs"), *answer;
    if (!outputs)
        return STATUS_OK;
    cJSON_ArrayForEach(answer, json_find(item, answers))
    {
        char field[96];
        const char *id = id_of(context, answer);
        const char *output = id ? json_string_or(outputs, id, NULL) : NULL;
        snprintf(field, sizeof field, "%.40s/%.40s", answers, id ? id : "?");
        case_compare_text(context, field, json_string_or(answer, "prediction", NULL),
                          output ? cleaned(context, clean, output) : NULL);
        if (arena_failed(&context->arena))
            return case_no_memory(context, err);
    }
    return STATUS_OK;
}

static enum status check_gqa(struct case_context *context, const cJSON *item, struct error *err)
{
    const cJSON *runs, *run;
    enum status status;
    if ((status = json_get(item, "runs", context->place, &runs, err)) ||
        (status = check_converted(context, item, "llava_predictions", gqa_clean_llava, err)) ||
        (status = check_converted(context, item, "tri_predictions", gqa_clean_triml, err)))
        return status;
    cJSON_ArrayForEach(run, runs)
    {
        if ((status = check_run(context, item, run, err)))
            return status;
    }
    return STATUS_OK;
}

const struct case_section case_sections_gqa[] = {
    {"gqa_clean", check_clean},
    {"gqa_lmms_exact_match", check_exact_match},
    {"gqa", check_gqa},
    {NULL, NULL},
};
