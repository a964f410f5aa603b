#include "tests/check.h"
#include "tests/dataset_files.h"

#include "metrics/cases.h"

#define DATA "tests/data/metrics/cases.json"

#define TEN_X "[\"x\", \"x\", \"x\", \"x\", \"x\", \"x\", \"x\", \"x\", \"x\", \"x\"]"

struct seen {
    size_t n, n_failed;
    char first_failed[256];
};

static void note(void *context, const struct case_result *result)
{
    struct seen *seen = context;
    seen->n += 1;
    if (result->ok)
        return;
    if (seen->n_failed == 0)
        snprintf(seen->first_failed, sizeof seen->first_failed,
                 "%.40s[%zu] %.40s: %.60s, not %.60s", result->section, result->index,
                 result->field, result->got, result->expected);
    seen->n_failed += 1;
}

static struct case_summary check_file(const char *path, struct seen *seen)
{
    struct case_summary summary;
    struct error err = {{0}};
    *seen = (struct seen){0};
    assert_ok(cases_check(path, note, seen, &summary, &err), err);
    assert_int_equal(summary.n_checked, seen->n);
    assert_int_equal(summary.n_failed, seen->n_failed);
    return summary;
}

static const struct case_section_summary *section_of(const struct case_summary *summary,
                                                     const char *name)
{
    for (size_t i = 0; i < summary->n_sections; i++)
        if (strcmp(summary->sections[i].name, name) == 0)
            return &summary->sections[i];
    fail_msg("no section %s", name);
    return NULL;
}

static void recorded_outputs_of_the_reference_scorers_are_met(void **state)
{
    (void)state;
    static const char *const sections[] = {"pope_text",
                                           "pope_sets",
                                           "tri_pope",
                                           "tri_vsr",
                                           "vsr",
                                           "round2",
                                           "sklearn_primitives",
                                           "tri_index_order_seed21",
                                           "gqa",
                                           "gqa_clean",
                                           "gqa_lmms_exact_match",
                                           "normalise",
                                           "accuracy",
                                           "vqa_datasets",
                                           "vqa_result_file_validation",
                                           "vizwiz_datasets",
                                           "textvqa_tri",
                                           "textvqa_llava_prompt",
                                           "textvqa_llava_eval_single",
                                           "submission_converters"};
    struct seen seen;
    struct case_summary summary = check_file(DATA, &seen);
    if (seen.n_failed)
        fail_msg("%zu of %zu failed, the first: %s", seen.n_failed, seen.n, seen.first_failed);
    assert_true(summary.n_checked > 3900);
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        assert_true(section_of(&summary, sections[i])->is_checked);
        assert_true(section_of(&summary, sections[i])->n_checked > 0);
    }
}

static void a_section_without_a_scorer_is_said_to_be_unchecked(void **state)
{
    (void)state;
    struct seen seen;
    struct case_summary summary = check_file(DATA, &seen);
    assert_false(section_of(&summary, "a_section_of_later")->is_checked);
    assert_int_equal(section_of(&summary, "a_section_of_later")->n_checked, 0);
}

/* How many comparisons of a file with this content fail. */
static size_t failures_of(const char *text, struct seen *seen)
{
    struct folder folder = folder_create();
    folder_write(&folder, "cases.json", text);
    char path[128];
    snprintf(path, sizeof path, "%s/cases.json", folder.path);
    check_file(path, seen);
    folder_remove(&folder);
    return seen->n_failed;
}

/* A GQA case of one question, "Is?", answered right, with one run of TRI's scorer. */
#define GQA_RUN(expected) GQA_RUN_IN("\"g\"", expected)
#define GQA_RUN_IN(group, expected)                                                                \
    "{\"gqa\": {\"questions\": {\"1\": {\"semantic\": [{\"operation\": \"verify\", \"argument\": " \
    "\"x\"}], \"entailed\": [], \"question\": \"Is?\", \"imageId\": \"n1\", \"isBalanced\": "      \
    "true, "                                                                                       \
    "\"groups\": {\"global\": " group "}, \"answer\": \"no\", \"types\": {\"detailed\": \"d\", "   \
    "\"semantic\": \"attr\", \"structural\": \"verify\"}}}, \"llava_predictions\": "               \
    "[{\"questionId\": \"1\", \"prediction\": \"no\"}], \"runs\": "                                \
    "{\"tri_eval_py__all_questions\": {" expected "}}}}"

/* Case files and how many of their expectations are wrong. */
static const struct {
    const char *text;
    size_t n_failed;
} wrong_cases[] = {
    {"{\"pope_text\": [{\"in\": \"no\", \"official\": \"no\"}]}", 0},
    {"{\"pope_text\": [{\"in\": \"no\", \"official\": \"yes\"}]}", 1},
    {"{\"pope_text\": [{\"in\": \"no\\u0000\", \"official\": \"no\"}]}", 1},
    {"{\"pope_text\": [{\"in\": \"no\", \"newest\": \"no\"}]}", 1},
    {"{\"pope_text\": [{\"in\": \"no\", \"vlmevalkit\": \"Yes\", \"lmms_prediction\": "
     "\"No\"}]}",
     2},
    {"{\"pope_sets\": [{\"predictions\": [\"no\"], \"labels\": [\"no\"], \"official\": "
     "{\"TP\": 1, \"TN\": 1}}]}",
     2}, /* the error it should have had counts, too */
    {"{\"pope_sets\": [{\"predictions\": [\"yes\"], \"labels\": [\"yes\"], \"official\": "
     "{\"TP\": 1, \"acc\": 1.0, \"f1\": 0.999999999}}]}",
     1},
    {"{\"pope_sets\": [{\"predictions\": [\"yes\"], \"labels\": [\"yes\"], \"llava\": "
     "{\"stdout\": \"\"}}]}",
     1},
    {"{\"tri_vsr\": [{\"items\": [{\"label\": true, \"probs\": [0.5, 0.5]}, {\"label\": "
     "false, \"probs\": [0.1, 0.9]}], \"metrics\": {\"auc-roc\": 1.0, "
     "\"accuracy__VSR-ExactMatch\": 0.5}}]}",
     1},
    {"{\"tri_pope\": [{\"items\": [{\"split\": \"random\", \"label\": \"yes\", \"probs\": "
     "[0.5, 0.5]}], \"metrics\": {\"POPE-random-Accuracy\": 1.0, \"POPE-random-AUCPR\": 0.5, "
     "\"other\": 1}}]}",
     2},
    {"{\"round2\": [{\"x\": 0.125, \"py2\": 0.12, \"py3\": 0.12}]}", 1},
    {"{\"sklearn_primitives\": [{\"y\": [0, 1], \"s\": [0.1, 0.2], \"roc_auc\": {\"error\": "
     "\"ValueError: x\"}, \"f1_at_gt_half\": 0.1}]}",
     2},
    {"{\"tri_index_order_seed21\": [{\"n\": 3, \"first12\": [9], \"last4\": [9], "
     "\"sha256_of_comma_joined\": \"00\"}]}",
     3},
    {"{\"normalise\": [{\"in\": \"The cat's\", \"m4c\": \"cat's\", \"official_py3\": "
     "\"cat's\", "
     "\"official_py2\": \"not compared\", \"newest\": \"\"}]}",
     2},
    {"{\"accuracy\": [{\"answers\": " TEN_X ", \"prediction\": \"X\", \"official_py3_x100\": 0.0, "
     "\"official_pre2021_py2_x100\": 99.99999999999999, \"m4c\": 1.0, \"m4c_py312\": 5}]}",
     1},
    /* Nine answers: m4c stops, the others go on. */
    {"{\"accuracy\": [{\"answers\": [\"x\", \"x\", \"x\", \"x\", \"x\", \"x\", \"x\", \"x\", "
     "\"x\"], \"prediction\": \"x\", \"official_py3_x100\": 100.0, \"m4c\": 1.0}]}",
     1},
    {"{\"vqa_datasets\": [{\"items\": [{\"question_id\": 7, \"question_type\": \"how\", "
     "\"answer_type\": \"other\", \"answers\": " TEN_X ", \"prediction\": \"x\"}], "
     "\"official_py3\": {\"accuracy\": {\"overall\": 99.0, \"perAnswerType\": {\"number\": "
     "100}}, "
     "\"evalQA\": {\"7\": 100.0}}, \"tri_vqav2\": {\"accuracy\": 100.0}}]}",
     2},
    {"{\"vqa_result_file_validation\": [{\"results\": [], \"official_py3\": {\"overall\": 0.0, "
     "\"error\": null}}]}",
     1},
    {"{\"vqa_result_file_validation\": [{\"results\": [{\"question_id\": 1, \"answer\": "
     "\"x\"}, "
     "{\"question_id\": 2, \"answer\": \"y\"}], \"official_py3\": {\"overall\": 100.0}}]}",
     1},
    {"{\"vizwiz_datasets\": [{\"items\": [{\"answers\": " TEN_X ", \"answerable\": 1, "
     "\"prediction\": \"x\"}], \"tri\": {\"accuracy__VizWiz-Overall\": 100.0, "
     "\"accuracy__VizWiz-Other\": 1}}]}",
     2}, /* and the harness dies: there is no unanswerable question */
    {"{\"textvqa_tri\": {\"items\": [{\"answers\": " TEN_X ", \"pred_ocr\": \"x\", "
     "\"pred_no_ocr\": \"y\"}], \"metrics\": {\"accuracy__TextVQA-OCR\": 1.0, "
     "\"accuracy__TextVQA-Pure\": 1.0}}}",
     1},
    {"{\"textvqa_llava_prompt\": [{\"in\": \"a\", \"key\": \"a\"}, {\"in\": \"OCR tokens: a\", "
     "\"error\": \"AttributeError: 'NoneType' object has no attribute 'group'\"}]}",
     2},
    {"{\"submission_converters\": {\"vizwiz\": {\"texts\": [\"A cat\"], \"stdout\": \"total "
     "split: "
     "1,\", \"file_bytes\": \"[{\\\"image\\\": \\\"VizWiz_test_00000000.jpg\\\", "
     "\\\"answer\\\": \\\"cat\\\"}]\\n\"}}}",
     1},
    {"{\"gqa_clean\": [{\"in\": \"T-Shirt.\", \"tri\": \"t-shirt\", \"llava\": \"t-shirt\", "
     "\"other\": \"x\"}]}",
     2},
    {"{\"gqa_lmms_exact_match\": [{\"prediction\": \"No.\", \"gold\": \"no\", \"score\": 0}]}", 1},
    {GQA_RUN("\"rc\": 0, \"stderr_last_line\": \"\", \"raw_scores\": {\"accuracy\": 100.0, "
             "\"accuracyPerSteps\": {\"1\": [100.0, 1]}, \"distribution\": 0.0}"),
     0},
    {GQA_RUN("\"rc\": 1, \"stderr_last_line\": \"KeyError: '1'\", \"raw_scores\": null, "
             "\"stdout_after_loading\": \"\""),
     4},
    {GQA_RUN_IN("null", "\"rc\": 1, \"raw_scores\": null, \"stderr_last_line\": "
                        "\"ZeroDivisionError: float division by zero\""),
     0},
    {GQA_RUN("\"raw_scores\": {\"accuracy\": 50.0, \"accuracyPerSteps\": {\"2\": [100.0, 1]}, "
             "\"accuracyPerLength\": {\"1\": [100.0, 2]}, \"validity\": 1, \"other\": 0}"),
     6},
    {"{\"vsr\": {\"records\": [{\"relation\": \"on\", \"label\": 1}], \"preds\": [1], "
     "\"by_relation_stdout\": \"on\\t1.0000\\t1\\n\", \"by_meta_category_stdout\": \"\"}}",
     1},
};

static void a_wrong_expectation_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong_cases / sizeof wrong_cases[0]; i++) {
        struct seen seen;
        size_t n = failures_of(wrong_cases[i].text, &seen);
        if (n != wrong_cases[i].n_failed)
            fail_msg("%zu failures, not %zu: %s (%s)", n, wrong_cases[i].n_failed,
                     wrong_cases[i].text, seen.first_failed);
    }
}

static void a_file_that_cannot_be_checked_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        const char *cause;
    } cases[] = {
        {"{\"prompts\": [], \"raw\": []}", STATUS_UNSUPPORTED, "needs a tokenizer"},
        {"{\"note\": \"\", \"of_later\": []}", STATUS_UNSUPPORTED, "no section"},
        {"{\"accuracy\": [{\"answers\": [null], \"prediction\": \"x\"}]}", STATUS_BAD_FORMAT,
         "accuracy[0]: \"answers\" holds something not a string"},
        {"{\"vqa_datasets\": [{\"items\": []}]}", STATUS_BAD_FORMAT, "nothing to compare"},
        {"{\"submission_converters\": {\"vizwiz\": {\"texts\": [\"x\"], \"stdout\": \"\"}}}",
         STATUS_BAD_FORMAT, "tells no number of questions"},
        {"{\"gqa_clean\": [{\"tri\": \"no\"}]}", STATUS_BAD_FORMAT, "\"in\" is missing"},
        {"{\"gqa_lmms_exact_match\": [{\"prediction\": \"no\", \"gold\": null}]}",
         STATUS_BAD_FORMAT, "\"gold\" is not a string"},
        {"{\"gqa\": {\"questions\": {\"1\": {\"answer\": \"no\", \"question\": \"Is?\", "
         "\"imageId\": \"n1\"}}, \"runs\": {\"tri_eval_py__all_questions\": {}}}}",
         STATUS_BAD_FORMAT, "gqa[0]: \"isBalanced\" is missing"},
        {"[]", STATUS_BAD_FORMAT, "not a JSON object"},
        {"{\"pope_text\": 3}", STATUS_BAD_FORMAT, "neither an array nor an object"},
        {"{\"pope_text\": [3]}", STATUS_BAD_FORMAT, "pope_text[0]: not a JSON object"},
        {"{\"pope_text\": [{\"official\": \"no\"}]}", STATUS_BAD_FORMAT, "\"in\" is missing"},
        {"{\"pope_sets\": [{\"predictions\": [1], \"labels\": []}]}", STATUS_BAD_FORMAT,
         "pope_sets[0]: \"predictions\" holds something not a string"},
        {"{\"tri_pope\": [{\"items\": [{\"split\": \"random\", \"label\": \"yes\", \"probs\": "
         "[1]}]}]}",
         STATUS_BAD_FORMAT, "\"probs\" is not two numbers"},
        {"{\"tri_vsr\": [{\"items\": [{\"label\": 2, \"probs\": [1, 0]}]}]}", STATUS_BAD_FORMAT,
         "\"label\" is neither true nor false"},
        {"{\"vsr\": {\"records\": [], \"preds\": [1]}}", STATUS_BAD_FORMAT, "differ in length"},
        {"{\"round2\": [{\"x\": 1}]}", STATUS_BAD_FORMAT, "\"py2\" is missing"},
        {"{\"tri_index_order_seed21\": [{\"n\": -1}]}", STATUS_BAD_FORMAT, "\"n\" is -1"},
        {"{\"pope_text\": [", STATUS_BAD_FORMAT, "line 1, column"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        folder_write(&folder, "cases.json", cases[i].text);
        char path[128];
        snprintf(path, sizeof path, "%s/cases.json", folder.path);
        struct case_summary summary;
        struct error err = {{0}};
        assert_int_equal(cases_check(path, NULL, NULL, &summary, &err), cases[i].status);
        assert_contains(err.text, cases[i].cause);
        assert_contains(err.text, "cases.json");
        folder_remove(&folder);
    }
}

static void the_kind_of_a_case_file_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum case_file_kind kind;
    } cases[] = {{"{\"prompts\": []}", CASE_FILE_TOKENIZER},
                 {"{\"raw\": []}", CASE_FILE_TOKENIZER},
                 {"{\"pope_text\": []}", CASE_FILE_METRICS},
                 {"{\"x\": 1}", CASE_FILE_UNKNOWN},
                 {"[]", CASE_FILE_UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        folder_write(&folder, "cases.json", cases[i].text);
        char path[128];
        snprintf(path, sizeof path, "%s/cases.json", folder.path);
        enum case_file_kind kind;
        struct error err = {{0}};
        assert_ok(cases_kind(path, &kind, &err), err);
        assert_int_equal(kind, cases[i].kind);
        folder_remove(&folder);
    }
}

static void check_without_memory(const struct folder *folder, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    for (long n = 1;; n++) {
        struct case_summary summary;
        struct error err = {{0}};
        fail_allocation(n);
        enum status status = cases_check(path, NULL, NULL, &summary, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        assert_true(status == STATUS_OK || (struck && err.text[0]));
        if (status == STATUS_OK && !struck)
            break;
    }
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    folder_write(&folder, "cases.json",
                 "{\"pope_text\": [{\"in\": \"No.\", \"official\": \"no\", \"lmms_prediction\": "
                 "\"no.\", \"vlmevalkit\": \"No\"}], \"vsr\": {\"records\": [{\"relation\": "
                 "\"on\", \"label\": 1}], \"preds\": [1], \"by_relation_stdout\": "
                 "\"on\\t1.0000\\t1\\n\"}, \"tri_pope\": [{\"items\": [{\"split\": \"random\", "
                 "\"label\": \"yes\", \"probs\": [0.5, 0.5]}], \"metrics\": "
                 "{\"POPE-random-Accuracy\": 1.0}}], \"normalise\": [{\"in\": \"A dog's.\", "
                 "\"m4c\": \"dog 's\", \"vizwiz_u2019\": \"dog's\"}], \"vizwiz_datasets\": "
                 "[{\"items\": [{\"answers\": " TEN_X ", \"answerable\": 1, \"prediction\": "
                 "\"x\"}], \"tri\": {\"error\": \"ZeroDivisionError: float division by "
                 "zero\"}}], \"textvqa_llava_prompt\": [{\"in\": \"a\\nb\", \"key\": \"a\"}], "
                 "\"vqa_result_file_validation\": [{\"results\": [{\"question_id\": 1, "
                 "\"answer\": \"x\"}, {\"question_id\": 2, \"answer\": \"x\"}], "
                 "\"official_py3\": {\"overall\": 100.0}}], \"submission_converters\": "
                 "{\"vqav2\": {\"texts\": [\"A\"], \"stdout\": \"total split: 1\", "
                 "\"file_bytes\": \"\"}}}");
    folder_write(&folder, "gqa.json",
                 GQA_RUN("\"rc\": 0, \"stdout_after_loading\": \"\", \"raw_scores\": {}"));
    check_without_memory(&folder, "cases.json");
    check_without_memory(&folder, "gqa.json");
    folder_remove(&folder);
}

static void all_recorded_cases_are_met(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    char path[512];
    snprintf(path, sizeof path, "%s/data/metric_cases.json", shared);
    struct seen seen;
    struct case_summary summary = check_file(path, &seen);
    if (seen.n_failed)
        fail_msg("%zu of %zu failed, the first: %s", seen.n_failed, seen.n, seen.first_failed);
    assert_true(summary.n_checked >= 13777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_outputs_of_the_reference_scorers_are_met),
        cmocka_unit_test(a_section_without_a_scorer_is_said_to_be_unchecked),
        cmocka_unit_test(a_wrong_expectation_fails),
        cmocka_unit_test(a_file_that_cannot_be_checked_is_refused),
        cmocka_unit_test(the_kind_of_a_case_file_is_told),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
        cmocka_unit_test(all_recorded_cases_are_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
