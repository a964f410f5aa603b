/* Files of tokenizer cases: which ids count for which tokenizer. */
#include "tests/small_sentencepiece.h"

#include "engine/selftest.h"

#define NEOX "tests/data/tokenizer/neox.json"

static void ignore(void *context, const struct check_result *result)
{
    (void)context;
    (void)result;
}

/* Checks cases with a tokenizer; NULL is the small LLaMA one. */
static enum status check(const char *cases, const char *tokenizer, struct check_report *report,
                         struct error *err)
{
    char directory[] = "/tmp/mambench-cases-XXXXXX", cases_path[256], model_path[256];
    struct text model;
    assert_non_null(mkdtemp(directory));
    snprintf(cases_path, sizeof cases_path, "%s",
             write_file(directory, "cases.json", cases, strlen(cases)));
    small_model(&model, &(struct small_options){0});
    snprintf(model_path, sizeof model_path, "%s",
             write_file(directory, "tokenizer.model", model.data, model.length));
    text_release(&model);
    *report = (struct check_report){.each = ignore};
    *err = (struct error){0};
    enum status status =
        selftest_tokenizer(cases_path, tokenizer ? tokenizer : model_path, report, err);
    unlink(cases_path);
    unlink(model_path);
    rmdir(directory);
    return status;
}

static void assert_counts(const char *cases, const char *tokenizer, size_t n_ok, size_t n_failed)
{
    struct check_report report;
    struct error err;
    assert_ok(check(cases, tokenizer, &report, &err), err);
    if (report.n_ok != n_ok || report.n_failed != n_failed)
        fail_msg("%s: %zu ok, %zu failed", cases, report.n_ok, report.n_failed);
}

static void a_llama_tokenizer_takes_the_ids_of_llama(void **state)
{
    (void)state;
    assert_counts("{\"raw\":[{\"text\":\"Yes\",\"llama_no_bos\":[265],\"codegen\":[7]},"
                  "{\"text\":\"Yes\",\"llama\":[1,265],\"neox\":[7]},"
                  "{\"text\":\"Yes\",\"codegen\":[7]},"
                  "{\"text\":\"\",\"llama_no_bos\":[]}]}",
                  NULL, 3, 0);
    assert_counts("{\"raw\":[{\"text\":\"Yes\",\"llama_no_bos\":[1,265]},"
                  "{\"text\":\"Yes\",\"llama\":[265]},"
                  "{\"text\":\"Yes\",\"llama\":[1,264]},"
                  "{\"text\":\"Yes\",\"llama_no_bos\":[265,265]},"
                  "{\"text\":\"Yes\",\"llama_no_bos\":[\"265\"]}]}",
                  NULL, 0, 5);
}

static void bos_is_expected_where_the_ids_begin_with_it(void **state)
{
    (void)state;
    assert_counts("{\"tokenizer_cases\":[{\"text\":\"a\",\"ids\":[1,262]},"
                  "{\"text\":\"a\",\"ids\":[262]},{\"text\":\"a\",\"ids\":[2,262]}]}",
                  NULL, 2, 1);
}

static void each_side_of_a_picture_is_read_for_itself(void **state)
{
    (void)state;
    assert_counts("{\"raw\":[],\"prompts\":["
                  "{\"prompt\":\"Yes <image>\\na\",\"llama\":[1,265,269,-200,269,13,270]},"
                  "{\"prompt\":\"<image>\",\"llama\":[1,-200]},"
                  "{\"prompt\":\"a<image><image>a\",\"llama\":[1,262,-200,-200,262]},"
                  "{\"prompt\":\"Yes <image>\\na\",\"llama\":[1,265,269,-200,13,270]}]}",
                  NULL, 3, 1);
}

static void a_byte_level_tokenizer_takes_its_own_ids(void **state)
{
    (void)state;
    assert_counts(
        "[{\"text\":\"A\",\"ids\":[34]},{\"text\":\"A\",\"llama_no_bos\":[7],\"neox\":[34]},"
        "{\"text\":\"A\",\"codegen\":[34]},{\"text\":\"A\",\"neox\":[35]}]",
        NEOX, 3, 1);
    assert_counts("{\"raw\":[],\"prompts\":[{\"prompt\":\"A<image>A\",\"neox\":[34,-200,34]}]}",
                  NEOX, 1, 0);
}

static void a_file_without_a_case_for_the_tokenizer_is_refused(void **state)
{
    (void)state;
    struct check_report report;
    struct error err;
    assert_int_equal(check("[{\"text\":\"A\",\"neox\":[34]}]", NULL, &report, &err),
                     STATUS_MISMATCH);
    assert_contains(err.text, "none of the cases has ids");
    assert_contains(err.text, "llama_no_bos");
    assert_int_equal(check("[{\"text\":\"A\",\"llama\":[34]}]", NEOX, &report, &err),
                     STATUS_MISMATCH);
    assert_contains(err.text, "codegen");
    assert_int_equal(check("{\"x\":[]}", NULL, &report, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "no list of tokenizer cases");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_llama_tokenizer_takes_the_ids_of_llama),
        cmocka_unit_test(bos_is_expected_where_the_ids_begin_with_it),
        cmocka_unit_test(each_side_of_a_picture_is_read_for_itself),
        cmocka_unit_test(a_byte_level_tokenizer_takes_its_own_ids),
        cmocka_unit_test(a_file_without_a_case_for_the_tokenizer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
