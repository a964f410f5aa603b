/* normalise, accuracy, vqa_datasets of metric_cases.json.  What Python 2.7 and 3.12 give is
 * documentation there: nothing here is compared with it. */
#include "metrics/case_context.h"
#include "metrics/rounding.h"
#include "metrics/vqa_rule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_one_of(const char *name, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static const struct {
    const char *field;
    vqa_normaliser *normalise;
} normalisers[] = {
    {"official_py3", vqa_normalise},          {"m4c", vqa_normalise_m4c},
    {"tri_vqav2_pred", vqa_normalise},        {"tri_vqav2_gt", vqa_normalise_punctuation},
    {"vlmevalkit", vqa_normalise_vlmevalkit}, {"vizwiz_tri", vqa_normalise_vizwiz_tri},
    {"vizwiz_u2019", vqa_normalise_vizwiz},
};

static const char *normalise(struct case_context *context, const char *field, const char *text)
{
    for (size_t i = 0; i < sizeof normalisers / sizeof normalisers[0]; i++) {
        if (strcmp(normalisers[i].field, field) != 0)
            continue;
        struct text out;
        text_init(&out);
        normalisers[i].normalise(span_of(text), &out);
        const char *copy = arena_string(&context->arena, text_string(&out));
        context->arena.failed |= out.failed;
        text_release(&out);
        return copy;
    }
    return NULL;
}

static enum status check_normalise(struct case_context *context, const cJSON *item,
                                   struct error *err)
{
    return case_check_text(context, item, "official_py2", normalise, err);
}

static const struct {
    const char *field;
    int rule;
    double scale;
    bool is_rounded;
} agreements[] = {
    {"official_py3_x100", VQA_RULE_OFFICIAL, 100, false},
    {"official_py3_round2", VQA_RULE_OFFICIAL, 100, true},
    {"official_pre2021_py2_x100", VQA_RULE_OFFICIAL_2017, 100, false},
    {"m4c", VQA_RULE_M4C, 1, false},
    {"tri_vqav2", VQA_RULE_TRI, 1, false},
    {"lmms_vqav2", VQA_RULE_LMMS_EVAL, 1, false},
    {"lmms_textvqa_vizwiz", VQA_RULE_M4C_LMMS, 1, false},
    {"vizwiz_tri_x100", VQA_RULE_VIZWIZ_TRI, 100, false},
};

/* The field's answer; a field without a rule is told. */
static void compare_agreement(struct case_context *context, const cJSON *field,
                              const char *const *answers, size_t n, const char *prediction,
                              struct vqa_scratch *scratch)
{
    for (size_t i = 0; i < sizeof agreements / sizeof agreements[0]; i++) {
        if (strcmp(agreements[i].field, field->string) != 0)
            continue;
        double value =
            vqa_agreement(&vqa_rules[agreements[i].rule], answers, n, prediction, scratch) *
            agreements[i].scale;
        double expected = cJSON_IsNumber(field) ? field->valuedouble : NAN;
        case_compare_exactly(context, field->string, expected,
                             agreements[i].is_rounded ? round2(value) : value);
        return;
    }
    case_unknown_field(context, field->string);
}

static enum status check_accuracy(struct case_context *context, const cJSON *item,
                                  struct error *err)
{
    static const char *const skipped[] = {
        "answers",   "prediction",          "note", "official_py2_x100", "official_py2_round2",
        "m4c_py312", "official_py312_x100", NULL};
    const char *prediction, **answers;
    size_t n;
    enum status status;
    if ((status = json_get_string(item, "prediction", context->place, &prediction, err)) ||
        (status = case_strings(context, item, "answers", &answers, &n, err)))
        return status;
    struct vqa_scratch scratch;
    vqa_scratch_init(&scratch);
    const cJSON *field;
    cJSON_ArrayForEach(field, item)
    {
        if (!is_one_of(field->string, skipped))
            compare_agreement(context, field, answers, n, prediction, &scratch);
    }
    context->arena.failed |= scratch.failed;
    vqa_scratch_release(&scratch);
    return STATUS_OK;
}

/* A set of questions with their predictions. */
struct vqa_set {
    struct dataset *set;
    struct prediction *predictions;
};

static enum status read_items(struct case_context *context, const cJSON *item, struct vqa_set *out,
                              struct error *err)
{
    const cJSON *items, *one;
    enum status status = json_get_array(item, "items", context->place, &items, err);
    if (status)
        return status;
    size_t n = (size_t)cJSON_GetArraySize(items), i = 0;
    out->set = case_dataset(context, "vqav2", n);
    out->predictions = arena_alloc(&context->arena, n, sizeof *out->predictions);
    if (!out->set || !out->predictions)
        return case_no_memory(context, err);
    cJSON_ArrayForEach(one, items)
    {
        int id;
        const char *question_type, *answer_type, **answers;
        size_t n_answers;
        struct sample *sample = &out->set->samples[i];
        if ((status = json_get_int(one, "question_id", context->place, &id, err)) ||
            (status = json_get_string(one, "question_type", context->place, &question_type, err)) ||
            (status = json_get_string(one, "answer_type", context->place, &answer_type, err)) ||
            (status = json_get_string(one, "prediction", context->place, &out->predictions[i].text,
                                      err)) ||
            (status = case_strings(context, one, "answers", &answers, &n_answers, err)))
            return status;
        case_set_sample(context, out->set, i, question_type, answer_type, "");
        sample->id = arena_printf(&context->arena, "%d", id);
        sample->answers = answers;
        sample->n_answers = n_answers;
        i += 1;
    }
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

static void compare_score(struct case_context *context, const struct score_table *table,
                          const char *field, const cJSON *expected, const char *name)
{
    const struct score *score = score_find(table, name);
    case_compare_exactly(context, field, cJSON_IsNumber(expected) ? expected->valuedouble : NAN,
                         score ? score->value : NAN);
}

/* "number": 57.5 and so on, one score each. */
static void compare_types(struct case_context *context, const struct score_table *table,
                          const cJSON *expected, const char *prefix)
{
    const cJSON *field;
    cJSON_ArrayForEach(field, expected)
    {
        const char *name = arena_printf(&context->arena, "%s/%s/accuracy", prefix, field->string);
        if (name)
            compare_score(context, table, name, field, name);
    }
}

static enum status score_set(struct case_context *context, const struct vqa_set *set,
                             const char *metric, struct score_table *table, struct error *err)
{
    const struct protocol protocol = {
        .name = context->place, .metric = metric, .headline = "accuracy"};
    return score_predictions(set->set, &protocol, set->predictions, &context->arena, table, err);
}

/* The official scorer's score of each question, in hundredths. */
static void compare_questions(struct case_context *context, const struct vqa_set *set,
                              const cJSON *expected)
{
    struct vqa_scratch scratch;
    vqa_scratch_init(&scratch);
    for (size_t i = 0; i < set->set->n_samples && expected; i++) {
        const struct sample *sample = &set->set->samples[i];
        const cJSON *value = json_find(expected, sample->id);
        double score = vqa_agreement(&vqa_rules[VQA_RULE_OFFICIAL], sample->answers,
                                     sample->n_answers, set->predictions[i].text, &scratch);
        case_compare_exactly(context, "official_py3/evalQA",
                             cJSON_IsNumber(value) ? value->valuedouble : NAN, round2(100 * score));
    }
    context->arena.failed |= scratch.failed;
    vqa_scratch_release(&scratch);
}

static enum status check_dataset(struct case_context *context, const cJSON *item, struct error *err)
{
    struct vqa_set set = {0};
    struct score_table table;
    enum status status = read_items(context, item, &set, err);
    const cJSON *official = json_find(item, "official_py3"), *tri = json_find(item, "tri_vqav2");
    if (!status && !official && !tri)
        status = fail(err, STATUS_BAD_FORMAT, "%s: nothing to compare", context->place);
    if (!status && official && !(status = score_set(context, &set, "vqa-official", &table, err))) {
        const cJSON *accuracy = json_find(official, "accuracy");
        compare_score(context, &table, "official_py3/overall", json_find(accuracy, "overall"),
                      "accuracy");
        compare_types(context, &table, json_find(accuracy, "perQuestionType"), "question-type");
        compare_types(context, &table, json_find(accuracy, "perAnswerType"), "answer-type");
        compare_questions(context, &set, json_find(official, "evalQA"));
    }
    if (!status && tri && !(status = score_set(context, &set, "vqa-tri", &table, err))) {
        compare_score(context, &table, "tri_vqav2/accuracy", json_find(tri, "accuracy"),
                      "accuracy");
        compare_types(context, &table, json_find(tri, "accuracy-by-question-type"),
                      "question-type");
        compare_types(context, &table, json_find(tri, "accuracy-by-answer-type"), "answer-type");
    }
    return status;
}

const struct case_section case_sections_vqa[] = {
    {"normalise", check_normalise},
    {"accuracy", check_accuracy},
    {"vqa_datasets", check_dataset},
    {NULL, NULL},
};
