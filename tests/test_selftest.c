/* Tiny models against their reference values and against themselves, on every level. */
#include "tests/model_copy.h"

#include "engine/engine.h"
#include "engine/ops/ops.h"
#include "engine/selftest.h"

static const char *const models[] = {"cobra", "cobra-siglip", "cobra-ldpnet"};
enum { N_MODELS = sizeof models / sizeof models[0] };

static const char *model_path(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, ENGINE_DATA "%s", name);
    return path;
}

static void show_failure(void *context, const struct check_result *result)
{
    if (!result->ok && context)
        print_error("%s: %s: %g > %g %s\n", (const char *)context, result->name, result->deviation,
                    result->bound, result->detail ? result->detail : "");
}

/* Runs a fixture; returns how many checks failed. */
static size_t run_fixture(const char *path, const struct engine_options *options, char *label)
{
    struct check_report report = {.each = show_failure, .context = label};
    struct error err = {""};
    assert_ok(selftest_fixture(path, options, &report, &err), err);
    assert_true(report.n_ok + report.n_failed >= 20);
    return report.n_failed;
}

static void assert_fixture(const char *path, enum precision precision, const char *kernels)
{
    struct engine_options options;
    char label[300];
    engine_options_init(&options);
    options.precision = precision;
    options.kernels = kernels;
    options.threads = 2;
    snprintf(label, sizeof label, "%s %s %s", path, precision_name(precision),
             kernels ? kernels : "");
    assert_int_equal(run_fixture(path, &options, label), 0);
}

static void reference_values_are_met_on_every_level(void **state)
{
    (void)state;
    size_t levels = 0;
    for (const struct ops *const *ops = ops_all; *ops; ops++) {
        const struct ops *found;
        if (ops_find(&found, (*ops)->name, NULL)) {
            printf("[ SKIPPED  ] the %s kernels do not run on this CPU\n", (*ops)->name);
            continue;
        }
        levels++;
        for (size_t i = 0; i < N_MODELS; i++)
            for (int p = 0; p < PRECISION_N; p++)
                assert_fixture(model_path(models[i]), (enum precision)p, found->name);
    }
    assert_true(levels >= 2);
}

static void the_shared_reference_values_are_met(void **state)
{
    (void)state;
    const char *shared = shared_or_skip("the_shared_reference_values_are_met");
    if (!shared)
        skip();
    static const char *const fixtures[] = {"cobra",
                                           "cobra-siglip",
                                           "cobra-ldpnet",
                                           "ml-mamba",
                                           "llava-1.5",
                                           "llava-phi",
                                           "llava-phi-fused",
                                           "tinyllava-legacy",
                                           "tinyllava-factory",
                                           "tinyllava-factory-merged",
                                           "mobilevlm-v1",
                                           "mobilevlm-v2"};
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/fixtures/%s", shared, fixtures[i]);
        for (const struct ops *const *ops = ops_all; *ops; ops++)
            for (int p = 0; ops_runs_here(*ops) && p < PRECISION_N; p++)
                assert_fixture(path, (enum precision)p, (*ops)->name);
    }
}

/* The fixture check can fail: each change of a value is seen. */
static void a_changed_value_fails_its_fixture(void **state)
{
    (void)state;
    static const struct {
        const char *file, *old, *new;
    } changes[] = {
        {"reference.json", "\"eps\": 1e-05", "\"eps\": 1e-02"},
        {"reference.json", "\"stopped_by\": \"eos\"", "\"stopped_by\": \"length\""},
        {"reference.json", "\"resize\": \"letterbox\"", "\"resize\": \"resize-naive\""},
        {"reference.json", "\"logits_last_step\"", "\"logits_last_stop\""},
        {"reference.json", "\"p\"", "\"q\""},
        {"reference.json", "\"state_after_prompt\"", "\"state_after_drama\""},
        {"reference.json", "\"rgb_sha256\": \"", "\"rgb_sha256\": \"0"},
        {"reference.json", "\"heads\": 2", "\"heads\": 5"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct model_copy copy;
        struct engine_options options;
        engine_options_init(&options);
        options.precision = PRECISION_F32;
        model_copy_make(&copy, "cobra-siglip");
        model_copy_edit(&copy, changes[i].file, changes[i].old, changes[i].new);
        if (run_fixture(copy.path, &options, NULL) == 0)
            fail_msg("%s goes unnoticed", changes[i].new);
        model_copy_remove(&copy);
    }
}

static void a_damaged_fixture_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new, *sentence;
    } changes[] = {
        {"\"family\": \"cobra\"", "\"family\": \"llava\"",
         "of the family 'llava', the files are of 'cobra'"},
        {"\"ids\"", "\"sdi\"", ""},
        {"\"heads\": 2", "\"heads\": 0", "\"heads\" is 0"},
        {"\"image_size\": 20", "\"image_size\": 100000", "\"image_size\" is 100000"},
        {"\"layers_run\": 1", "\"layers_run\": 3", "blocks.2.norm1.weight is missing"},
        {"{", "[", "reference.json"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct model_copy copy;
        struct engine_options options;
        struct check_report report = {.each = show_failure};
        struct error err = {""};
        engine_options_init(&options);
        model_copy_make(&copy, "cobra-siglip");
        model_copy_edit(&copy, "reference.json", changes[i].old, changes[i].new);
        enum status status = selftest_fixture(copy.path, &options, &report, &err);
        if (status == STATUS_OK && report.n_failed == 0)
            fail_msg("%s goes unnoticed", changes[i].new);
        if (changes[i].sentence[0])
            assert_contains(err.text, changes[i].sentence);
        model_copy_remove(&copy);
    }
}

static void a_model_agrees_with_itself(void **state)
{
    (void)state;
    static const char *const kernels[] = {"reference", "sse2", NULL};
    for (size_t i = 0; i < N_MODELS; i++)
        for (int p = 0; p < PRECISION_N; p++)
            for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
                struct engine_options options;
                struct check_report report = {.each = show_failure, .context = (void *)"model"};
                struct error err = {""};
                engine_options_init(&options);
                options.precision = (enum precision)p;
                options.kernels = kernels[k];
                options.threads = 2;
                assert_ok(selftest_model(model_path(models[i]), &options, &report, &err), err);
                assert_int_equal(report.n_failed, 0);
                assert_true(report.n_ok >= 9);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_values_are_met_on_every_level),
        cmocka_unit_test(the_shared_reference_values_are_met),
        cmocka_unit_test(a_changed_value_fails_its_fixture),
        cmocka_unit_test(a_damaged_fixture_is_refused),
        cmocka_unit_test(a_model_agrees_with_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
