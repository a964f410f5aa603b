/* Two hand-made runs whose samples part at every stage: where each is put, and that all adds up. */
#include "tests/check.h"

#include "engine/base/file.h"
#include "eval/explain.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a sample went through: a letter for each of the four digests ('-': none), NULL: no digests;
 * "!" is a failure. */
static const struct row {
    const char *digests[2], *texts[2];
    enum explain_stage stage;
} rows[] = {
    {{"aaaa", "aaaa"}, {"1", "1"}, EXPLAIN_SAME},
    {{"aaaa", "baaa"}, {"0.3", "1"}, EXPLAIN_PROMPT},
    {{"aaaa", "bbbb"}, {"1", "1"}, EXPLAIN_PROMPT},
    {{"aaaa", "abab"}, {"0.9", "0.6"}, EXPLAIN_PIXELS},
    {{"aaaa", "a---"}, {"0.9", "!"}, EXPLAIN_PIXELS},
    {{"aaaa", "aaba"}, {"1", "0.3"}, EXPLAIN_IDS},
    {{"aaaa", "aaab"}, {"0.3333333333333333", "0.6"}, EXPLAIN_LOGITS},
    {{"aaaa", "aaab"}, {"1", "0"}, EXPLAIN_LOGITS},
    {{"aaaa", "aaaa"}, {"0.9", "1"}, EXPLAIN_ANSWER},
    {{"aaaa", "aaaa"}, {"R0.6", "R0.6"}, EXPLAIN_PARSE},
    {{"aaaa", "aaaa"}, {"S", "S"}, EXPLAIN_SCORER},
    {{"a---", "a---"}, {"!", "!"}, EXPLAIN_SAME},
    {{"aaaa", NULL}, {"0", "1"}, EXPLAIN_ANSWER},
    {{NULL, NULL}, {"1", "1"}, EXPLAIN_SAME},
};
enum { N = sizeof rows / sizeof rows[0] };

/* The second scorer reads behind an R, and takes S for right. */
static void read_second(const struct protocol *protocol, const char *text, struct text *out)
{
    (void)protocol;
    text_add(out, text + (text[0] == 'R'));
}

static double credit_first(const struct sample *sample, const struct protocol *protocol,
                           const struct prediction *prediction)
{
    (void)sample;
    (void)protocol;
    return prediction->failure ? 0 : strtod(prediction->text, NULL);
}

static double credit_second(const struct sample *sample, const struct protocol *protocol,
                            const struct prediction *prediction)
{
    (void)sample;
    (void)protocol;
    if (prediction->failure)
        return 0;
    const char *text = prediction->text + (prediction->text[0] == 'R');
    return text[0] == 'S' ? 1 : strtod(text, NULL);
}

static const struct metric metrics_of[2] = {
    {.name = "first", .credit = credit_first},
    {.name = "second", .credit = credit_second, .read = read_second}};

static char directories[2][64];

static int make_directories(void **state)
{
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        snprintf(directories[r], sizeof directories[r], "/tmp/mambench-explain-XXXXXX");
        if (!mkdtemp(directories[r]))
            return -1;
    }
    return 0;
}

static int remove_directories(void **state)
{
    char path[256];
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        snprintf(path, sizeof path, "%s/predictions.jsonl", directories[r]);
        unlink(path);
        if (rmdir(directories[r]) != 0)
            return -1;
    }
    return 0;
}

/* The line of one of the two runs, its logits apart by a tenth of the sample's number. */
static void add_line(struct text *out, size_t i, size_t r)
{
    const struct row *row = &rows[i];
    text_addf(out, "{\"id\": \"%zu\", \"image\": \"x\"", i);
    if (row->texts[r][0] == '!')
        text_addf(out, ", \"error\": \"%s is torn\"", directories[r]);
    else
        text_addf(out,
                  ", \"text\": \"%s\", \"probabilities\": [0.5, 0.5], \"logits\": [1, %.1f], "
                  "\"prompt_tokens\": 3",
                  row->texts[r], row->stage == EXPLAIN_LOGITS && r == 1 ? 1 + (double)i / 10 : 1);
    if (row->digests[r]) {
        text_add(out, ", \"digest\": \"");
        for (size_t d = 0; d < 4; d++) {
            char letter = row->digests[r][d];
            text_add(out, d > 0 ? " " : "");
            for (int k = 0; k < (letter == '-' ? 1 : 16); k++)
                text_add_char(out, letter);
        }
        text_add_char(out, '"');
    }
    text_add(out, "}\n");
}

struct side {
    struct run_answers answers;
    struct sample samples[N];
    struct prediction predictions[N];
    double credits[N];
    size_t image[N];
    char ids[N][8];
};

static void make_side(struct side *side, size_t r, const char *manifest)
{
    static const char *const label[] = {"a"};
    struct text lines;
    struct error err = {""};
    char path[256];
    *side = (struct side){
        .answers = {.directory = directories[r], .metric = &metrics_of[r], .n_images = 1}};
    text_init(&lines);
    for (size_t i = 0; i < N; i++) {
        snprintf(side->ids[i], sizeof side->ids[i], "%zu", i);
        side->samples[i] = (struct sample){.id = side->ids[i],
                                           .image_name = "x",
                                           .image_path = "/x",
                                           .question = "q",
                                           .answers = label,
                                           .n_answers = 1};
        side->predictions[i].text = rows[i].texts[r];
        if (rows[i].texts[r][0] == '!')
            side->predictions[i] = (struct prediction){.failure = "torn"};
        side->credits[i] = metrics_of[r].credit(NULL, NULL, &side->predictions[i]);
        add_line(&lines, i, r);
    }
    snprintf(path, sizeof path, "%s/predictions.jsonl", directories[r]);
    assert_ok(file_write(path, text_string(&lines), lines.length, &err), err);
    text_release(&lines);
    side->answers.task.set.samples = side->samples;
    side->answers.task.set.n_samples = N;
    side->answers.task.protocol.hash = "h";
    side->answers.predictions = side->predictions;
    side->answers.credits = side->credits;
    side->answers.image = side->image;
    side->answers.manifest = cJSON_Parse(manifest);
    assert_non_null(side->answers.manifest);
}

#define MANIFEST(precision, prompts)                                                               \
    "{\"protocol\": {\"hash\": \"h\"}, \"data\": {\"sha256\": [\"d\"]}, \"numerics\": "            \
    "{\"precision\": \"" precision "\"}, \"prompts\": {\"sha256\": \"" prompts "\"}}"

static enum status explain(struct explanation *out, size_t n_examples, struct arena *arena,
                           long failing, struct error *err)
{
    static const struct run_record runs[2] = {{.path = "one"}, {.path = "two"}};
    const struct explain_options options = {.n_examples = n_examples};
    struct side sides[2];
    *out = (struct explanation){.runs = {&runs[0], &runs[1]}};
    make_side(&sides[0], 0, MANIFEST("bf16", "p"));
    make_side(&sides[1], 1, MANIFEST("int8", "p"));
    fail_allocation(failing);
    enum status status =
        explain_pair(out, &sides[0].answers, &sides[1].answers, &options, arena, err);
    if (!status)
        status =
            explain_settings(out, sides[0].answers.manifest, sides[1].answers.manifest, arena, err);
    if (!status)
        status = explain_conclude(out, arena, err);
    cJSON_Delete(sides[0].answers.manifest);
    cJSON_Delete(sides[1].answers.manifest);
    return status;
}

static void every_sample_stands_where_it_first_differs(void **state)
{
    struct explanation got;
    struct arena arena;
    struct error err = {""};
    size_t expected[EXPLAIN_N] = {0};
    (void)state;
    arena_init(&arena);
    assert_ok(explain(&got, N, &arena, 0, &err), err);
    for (size_t i = 0; i < N; i++)
        expected[rows[i].stage] += 1;
    for (int stage = 0; stage < EXPLAIN_N; stage++)
        assert_int_equal(got.rows[stage].n, expected[stage]);
    assert_int_equal(got.rows[EXPLAIN_PROMPT].n_changed, 1);
    assert_int_equal(got.rows[EXPLAIN_LOGITS].n_examples, 2);
    assert_string_equal(got.rows[EXPLAIN_LOGITS].examples[0].id, "7"); /* the larger change */
    assert_string_equal(got.rows[EXPLAIN_PARSE].examples[0].id, "9");
    assert_int_equal(got.failed[0], 1);
    assert_int_equal(got.failed[1], 2);
    assert_int_equal(got.without_digests[0], 1);
    assert_int_equal(got.without_digests[1], 2);
    arena_release(&arena);
}

static void the_stages_add_up_to_the_unit(void **state)
{
    struct explanation got;
    struct arena arena;
    struct error err = {""};
    int64_t net = 0;
    (void)state;
    arena_init(&arena);
    assert_ok(explain(&got, 0, &arena, 0, &err), err);
    for (int stage = 0; stage < EXPLAIN_N; stage++)
        net += got.rows[stage].won + got.rows[stage].lost;
    assert_true(net == got.credits[1] - got.credits[0]);
    /* By hand: -0.3 and -0.9 in the pixels, 0.6 and 1 where nothing else differs. */
    assert_true(got.rows[EXPLAIN_PIXELS].lost == -12 * (EXPLAIN_CREDIT / 10));
    assert_true(got.rows[EXPLAIN_PARSE].won == 6 * (EXPLAIN_CREDIT / 10));
    assert_true(got.rows[EXPLAIN_SCORER].won == EXPLAIN_CREDIT);
    assert_true(fabs(explain_points(EXPLAIN_CREDIT, 8) - 12.5) < 1e-12);
    arena_release(&arena);
}

static void what_the_files_do_not_tell_is_counted(void **state)
{
    struct explanation got;
    struct arena arena;
    struct error err = {""};
    (void)state;
    arena_init(&arena);
    assert_ok(explain(&got, 0, &arena, 0, &err), err);
    assert_int_equal(got.rows[EXPLAIN_PROMPT].n_unknown, 0); /* the manifests' hashes are equal */
    assert_int_equal(got.rows[EXPLAIN_PIXELS].n_unknown, 2);
    assert_int_equal(got.rows[EXPLAIN_ANSWER].n_unsure, 1);
    assert_int_equal(got.rows[EXPLAIN_SAME].n_unsure, 1);
    /* Row 4 failed and row 2 differs before: their logits differ, but only some can be measured. */
    assert_int_equal(got.logits.n_known, N - 2);
    assert_int_equal(got.logits.n_differ, 5);
    assert_int_equal(got.logits.n_measured, 4);
    assert_true(fabs(got.logits.largest - 0.7) < 1e-12);
    assert_true(fabs(got.logits.median - 0.3) < 1e-12); /* of 0, 0, 0.6, 0.7 */
    arena_release(&arena);
}

static void the_conclusion_names_stage_and_points(void **state)
{
    struct explanation got;
    struct arena arena;
    struct error err = {""};
    (void)state;
    arena_init(&arena);
    assert_ok(explain(&got, 0, &arena, 0, &err), err);
    assert_int_equal(got.first, EXPLAIN_PROMPT);
    assert_contains(got.conclusion, "The first difference is in the prompts (2 of 14 samples)");
    assert_contains(got.conclusion, "one has no digests of some samples");
    assert_contains(got.conclusion, "pixels, ids, logits; 2 samples may differ there already");
    assert_int_equal(got.n_settings, 1);
    assert_string_equal(got.settings[0].name, "precision");
    assert_string_equal(got.settings[0].values[1], "\"int8\"");
    arena_release(&arena);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct explanation got;
        struct arena arena;
        struct error err = {""};
        arena_init(&arena);
        enum status status = explain(&got, N, &arena, n, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        arena_release(&arena);
        assert_int_equal(status, struck ? STATUS_NO_MEMORY : STATUS_OK);
        if (!struck)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_stands_where_it_first_differs),
        cmocka_unit_test(the_stages_add_up_to_the_unit),
        cmocka_unit_test(what_the_files_do_not_tell_is_counted),
        cmocka_unit_test(the_conclusion_names_stage_and_points),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
