/* textvqa_tri, textvqa_llava_prompt, textvqa_llava_eval_single of metric_cases.json. */
#include "engine/base/string_map.h"
#include "metrics/case_context.h"
#include "metrics/python_text.h"
#include "metrics/textvqa_prompt.h"

#include <math.h>
#include <string.h>

/* Questions with what was said to them. */
struct answered {
    struct dataset *set;
    struct prediction *predictions;
};

static enum status make_set(struct case_context *context, size_t n, struct answered *out,
                            struct error *err)
{
    out->set = case_dataset(context, "textvqa", n);
    out->predictions = arena_alloc(&context->arena, n, sizeof *out->predictions);
    return out->set && out->predictions ? STATUS_OK : case_no_memory(context, err);
}

static enum status score(struct case_context *context, const struct answered *answered,
                         const char *metric, double *value, struct error *err)
{
    struct score_table table;
    const struct protocol protocol = {
        .name = context->place, .metric = metric, .headline = "accuracy"};
    enum status status = score_predictions(answered->set, &protocol, answered->predictions,
                                           &context->arena, &table, err);
    if (!status)
        *value = table.scores[table.headline].value;
    return status;
}

/* Compares the metric called name of the answers under key. */
static enum status check_tri_metric(struct case_context *context, const cJSON *items,
                                    const char *key, const cJSON *expected, struct error *err)
{
    struct answered answered;
    enum status status = make_set(context, (size_t)cJSON_GetArraySize(items), &answered, err);
    size_t i = 0, n;
    const cJSON *one;
    cJSON_ArrayForEach(one, items)
    {
        const char **answers;
        if (status || (status = case_strings(context, one, "answers", &answers, &n, err)) ||
            (status =
                 json_get_string(one, key, context->place, &answered.predictions[i].text, err)))
            return status;
        case_set_sample(context, answered.set, i, NULL, NULL, "");
        answered.set->samples[i].answers = answers;
        answered.set->samples[i].n_answers = n;
        i += 1;
    }
    double value = NAN;
    if (!status && !(status = score(context, &answered, "textvqa-tri", &value, err)))
        case_compare_exactly(context, expected->string,
                             cJSON_IsNumber(expected) ? expected->valuedouble : NAN, value);
    return status;
}

static enum status check_tri(struct case_context *context, const cJSON *item, struct error *err)
{
    const cJSON *items, *expected, *field;
    enum status status;
    if ((status = json_get_array(item, "items", context->place, &items, err)) ||
        (status = json_get(item, "metrics", context->place, &expected, err)))
        return status;
    cJSON_ArrayForEach(field, expected)
    {
        const char *key = NULL;
        if (strcmp(field->string, "accuracy__TextVQA-OCR") == 0)
            key = "pred_ocr";
        else if (strcmp(field->string, "accuracy__TextVQA-Pure") == 0)
            key = "pred_no_ocr";
        if (!key)
            case_unknown_field(context, field->string);
        else if ((status = check_tri_metric(context, items, key, field, err)))
            return status;
    }
    return STATUS_OK;
}

/* What LLaVA's scorer stops with; NULL where it reads the prompt. */
static const char *error_of(enum textvqa_prompt shape)
{
    static const char *const errors[] = {
        [TEXTVQA_PROMPT_READ] = NULL,
        [TEXTVQA_PROMPT_SHAPE] = "AssertionError: ",
        [TEXTVQA_PROMPT_NO_QUESTION] = "AttributeError: 'NoneType' object has no attribute 'group'",
    };
    return errors[shape];
}

static enum status check_prompt(struct case_context *context, const cJSON *item, struct error *err)
{
    const char *prompt;
    enum status status = json_get_string(item, "in", context->place, &prompt, err);
    if (status)
        return status;
    struct text key;
    text_init(&key);
    enum textvqa_prompt shape = textvqa_question_of(prompt, &key);
    case_compare_text(context, "error", json_string_or(item, "error", NULL), error_of(shape));
    case_compare_text(context, "key", json_string_or(item, "key", NULL),
                      shape == TEXTVQA_PROMPT_READ ? text_string(&key) : NULL);
    context->arena.failed |= key.failed;
    text_release(&key);
    return STATUS_OK;
}

/* "IMAGE\nquestion in lower case": what an answer and its annotation have in common. */
static const char *key_of(struct case_context *context, const char *image, struct text *question)
{
    const char *key = arena_printf(&context->arena, "%s\n%s", image, text_string(question));
    context->arena.failed |= question->failed;
    text_release(question);
    return key;
}

/* The answers of every annotation under its key; of two with the same key the last counts. */
static enum status index_annotations(struct case_context *context, const cJSON *data,
                                     struct string_map *index, const cJSON **list,
                                     struct error *err)
{
    size_t i = 0;
    const cJSON *one;
    cJSON_ArrayForEach(one, data)
    {
        const char *image, *question;
        enum status status;
        if ((status = json_get_string(one, "image_id", context->place, &image, err)) ||
            (status = json_get_string(one, "question", context->place, &question, err)))
            return status;
        struct text lower;
        text_init(&lower);
        python_lower(span_of(question), &lower);
        const char *key = key_of(context, image, &lower);
        if (key)
            string_map_set(index, key, strlen(key), (int64_t)i);
        list[i++] = one;
    }
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

/* Joins one result; *error is what the reference stops with, if it does. */
static enum status join_result(struct case_context *context, const cJSON *result,
                               const struct string_map *index, const cJSON *const *annotations,
                               struct answered *answered, size_t i, const char **error,
                               struct error *err)
{
    const char *image, *prompt, **answers;
    size_t n;
    enum status status;
    if ((status = json_get_string(result, "question_id", context->place, &image, err)) ||
        (status = json_get_string(result, "prompt", context->place, &prompt, err)) ||
        (status =
             json_get_string(result, "text", context->place, &answered->predictions[i].text, err)))
        return status;
    struct text question;
    text_init(&question);
    *error = error_of(textvqa_question_of(prompt, &question));
    const char *key = key_of(context, image, &question);
    if (!key || *error)
        return key ? STATUS_OK : case_no_memory(context, err);
    int64_t at = string_map_get(index, key, strlen(key), -1);
    if (at < 0) {
        *error = "KeyError";
        return STATUS_OK;
    }
    if ((status = case_strings(context, annotations[at], "answers", &answers, &n, err)))
        return status;
    case_set_sample(context, answered->set, i, NULL, NULL, "");
    answered->set->samples[i].answers = answers;
    answered->set->samples[i].n_answers = n;
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

/* The lines that LLaVA's scorer prints below the name of the answers' file. */
static enum status compare_stdout(struct case_context *context, const cJSON *item,
                                  const struct answered *answered, struct error *err)
{
    const char *expected = json_string_or(item, "stdout", NULL);
    const char *lines = expected ? strchr(expected, '\n') : NULL;
    if (!lines)
        return fail(err, STATUS_BAD_FORMAT, "%s: no \"stdout\" to compare", context->place);
    double value = NAN;
    enum status status = score(context, answered, "textvqa-llava", &value, err);
    if (status)
        return status;
    const char *got =
        arena_printf(&context->arena, "%.*sSamples: %zu\nAccuracy: %.2f%%\n\n",
                     (int)(lines + 1 - expected), expected, answered->set->n_samples, value);
    case_compare_text(context, "stdout", expected, got);
    return STATUS_OK;
}

static enum status check_eval_single(struct case_context *context, const cJSON *item,
                                     struct error *err)
{
    const cJSON *data, *results, *result;
    enum status status;
    if ((status =
             json_get_array(json_find(item, "annotations"), "data", context->place, &data, err)) ||
        (status = json_get_array(item, "results", context->place, &results, err)))
        return status;
    struct string_map index;
    string_map_init(&index, &context->arena);
    const cJSON **annotations =
        arena_alloc(&context->arena, (size_t)cJSON_GetArraySize(data), sizeof *annotations);
    struct answered answered;
    if (!annotations)
        return case_no_memory(context, err);
    if ((status = index_annotations(context, data, &index, annotations, err)) ||
        (status = make_set(context, (size_t)cJSON_GetArraySize(results), &answered, err)))
        return status;
    const char *error = NULL, *expected = json_string_or(item, "error", NULL);
    size_t i = 0;
    cJSON_ArrayForEach(result, results)
    {
        if (!error && (status = join_result(context, result, &index, annotations, &answered, i++,
                                            &error, err)))
            return status;
    }
    /* A KeyError names the key as Python prints it; that there is none is what counts. */
    if (error && expected && strcmp(error, "KeyError") == 0 && text_starts_with(expected, error))
        error = expected;
    if (error || expected)
        case_compare_text(context, "error", expected, error);
    return error ? STATUS_OK : compare_stdout(context, item, &answered, err);
}

const struct case_section case_sections_textvqa[] = {
    {"textvqa_tri", check_tri},
    {"textvqa_llava_prompt", check_prompt},
    {"textvqa_llava_eval_single", check_eval_single},
    {NULL, NULL},
};
