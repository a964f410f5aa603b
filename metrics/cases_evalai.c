/* vqa_result_file_validation and submission_converters of metric_cases.json.  Both were recorded on
 * questions that the cases do not repeat; they are made here. */
#include "metrics/case_context.h"
#include "metrics/evalai.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the official scorer says of a fault; NULL where it says nothing, or something of its own. */
static const char *error_of(enum evalai_fault fault)
{
    static const char *const errors[] = {
        [EVALAI_SOUND] = NULL,
        [EVALAI_NOT_AN_ARRAY] = "AssertionError: results is not an array of objects",
        [EVALAI_BAD_ENTRY] = NULL,
        [EVALAI_OTHER_QUESTIONS] =
            "AssertionError: Results do not correspond to current VQA set. Either the results do "
            "not have predictions for all question ids in annotation file or there is atleast one "
            "question id that does not belong to the question ids in the annotation file.",
    };
    return errors[fault];
}

/* Questions 1 and 2, to which all ten annotators answered "x". */
static struct dataset *make_questions(struct case_context *context)
{
    enum { N_QUESTIONS = 2, N_ANNOTATORS = 10 };
    struct dataset *set = case_dataset(context, "vqav2", N_QUESTIONS);
    const char **answers = arena_alloc(&context->arena, N_ANNOTATORS, sizeof *answers);
    if (!set || !answers)
        return NULL;
    for (size_t i = 0; i < N_ANNOTATORS; i++)
        answers[i] = "x";
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        case_set_sample(context, set, i, NULL, NULL, "");
        set->samples[i].id = arena_printf(&context->arena, "%zu", i + 1);
        set->samples[i].answers = answers;
        set->samples[i].n_answers = N_ANNOTATORS;
    }
    return arena_failed(&context->arena) ? NULL : set;
}

/* Whether the results are sound for the set; a fault is no error of the case. */
static enum status join_results(struct case_context *context, const cJSON *results,
                                const struct dataset *set, struct evalai_join *join,
                                struct error *err)
{
    struct error reason = {{0}};
    enum status status = evalai_join_begin(join, set, context->place, &context->arena, err);
    if (status)
        return status;
    if (!cJSON_IsArray(results)) {
        join->fault = EVALAI_NOT_AN_ARRAY;
        return STATUS_OK;
    }
    const cJSON *entry;
    cJSON_ArrayForEach(entry, results)
    {
        if (join->fault == EVALAI_SOUND)
            status = evalai_join_add(join, entry, &reason);
    }
    if (join->fault == EVALAI_SOUND && !status)
        status = evalai_join_end(join, &reason);
    return status == STATUS_NO_MEMORY ? case_no_memory(context, err) : STATUS_OK;
}

static enum status check_validation(struct case_context *context, const cJSON *item,
                                    struct error *err)
{
    const cJSON *results, *expected;
    enum status status;
    if ((status = json_get(item, "results", context->place, &results, err)) ||
        (status = json_get(item, "official_py3", context->place, &expected, err)))
        return status;
    struct dataset *set = make_questions(context);
    struct evalai_join join;
    if (!set)
        return case_no_memory(context, err);
    if ((status = join_results(context, results, set, &join, err)))
        return status;
    const char *error = json_string_or(expected, "error", NULL);
    case_compare_text(context, "error", error,
                      join.fault == EVALAI_BAD_ENTRY ? error : error_of(join.fault));
    const cJSON *overall = json_find(expected, "overall");
    if (!overall || join.fault != EVALAI_SOUND)
        return STATUS_OK;
    struct score_table table;
    const struct protocol protocol = {
        .name = context->place, .metric = "vqa-official", .headline = "accuracy"};
    status = score_predictions(set, &protocol, join.predictions, &context->arena, &table, err);
    if (!status)
        case_compare_exactly(context, "overall",
                             cJSON_IsNumber(overall) ? overall->valuedouble : NAN,
                             table.scores[0].value);
    return status;
}

/* The questions a converter was run on: as many as it said on its standard output, the first of
 * them answered by the case's texts.  VQAv2's are 100, 101, ... */
static enum status make_split(struct case_context *context, const cJSON *item, const char *dataset,
                              size_t n_texts, struct dataset **out, struct error *err)
{
    static const char total[] = "total split: ";
    enum { FIRST_ID = 100, MOST = 100000 };
    const char *said = strstr(json_string_or(item, "stdout", ""), total);
    long n = said ? strtol(said + sizeof total - 1, NULL, 10) : -1;
    if (n < (long)n_texts || n > MOST)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"stdout\" tells no number of questions",
                    context->place);
    struct dataset *set = case_dataset(context, dataset, (size_t)n);
    for (size_t i = 0; i < (size_t)n && set; i++) {
        case_set_sample(context, set, i, NULL, NULL, "");
        set->samples[i].id = arena_printf(&context->arena, "%zu", FIRST_ID + i);
        set->samples[i].image_name = arena_printf(&context->arena, "VizWiz_test_%08zu.jpg", i);
    }
    *out = set;
    return arena_failed(&context->arena) ? case_no_memory(context, err) : STATUS_OK;
}

static enum status check_converter(struct case_context *context, const cJSON *item,
                                   const char *dataset, struct error *err)
{
    const char **texts;
    size_t n;
    struct dataset *set = NULL;
    enum status status;
    if ((status = case_strings(context, item, "texts", &texts, &n, err)) ||
        (status = make_split(context, item, dataset, n, &set, err)))
        return status;
    struct prediction *predictions =
        arena_alloc(&context->arena, set->n_samples, sizeof *predictions);
    if (!predictions)
        return case_no_memory(context, err);
    for (size_t i = 0; i < set->n_samples; i++)
        predictions[i] = (struct prediction){.text = i < n ? texts[i] : NULL,
                                             .failure = i < n ? NULL : "no prediction"};
    struct text bytes;
    text_init(&bytes);
    status = evalai_write(evalai_format_find(dataset), set, predictions, false, &bytes, err);
    if (!status)
        case_compare_text(context, arena_printf(&context->arena, "%s/file_bytes", dataset),
                          json_string_or(item, "file_bytes", NULL), text_string(&bytes));
    text_release(&bytes);
    return status;
}

static enum status check_converters(struct case_context *context, const cJSON *item,
                                    struct error *err)
{
    const cJSON *converter;
    cJSON_ArrayForEach(converter, item)
    {
        enum status status = STATUS_OK;
        if (evalai_format_find(converter->string))
            status = check_converter(context, converter, converter->string, err);
        else
            case_unknown_field(context, converter->string);
        if (status)
            return status;
    }
    return STATUS_OK;
}

const struct case_section case_sections_evalai[] = {
    {"vqa_result_file_validation", check_validation},
    {"submission_converters", check_converters},
    {NULL, NULL},
};
