/* The three trained miniatures against PyTorch: every question of the six miniature benchmarks, in
 * f32, with the answers that scripts/mini/reference.py computed from the same files.  Of POPE and
 * VSR the two logits are compared, too; of the others the ids of the greedy answer, which no step
 * of PyTorch's decides by less than 1.4e-3. */
#include "tests/check.h"

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/lines.h"
#include "engine/base/string_map.h"
#include "engine/engine.h"

#include <math.h>

/* Two f32 implementations of these models agree to about 1e-5; their logits reach 40. */
static const double logit_bound = 1e-3;
enum { MAX_IDS = 8 };

/* PyTorch's answers by "task id". */
struct answers {
    struct arena arena;
    struct string_map index;
    cJSON **rows;
    size_t n;
};

static void answers_open(struct answers *answers, const char *model, const char *file)
{
    struct error err = {""};
    char *data;
    size_t size, length;
    const char *line;
    struct lines lines;
    arena_init(&answers->arena);
    string_map_init(&answers->index, &answers->arena);
    answers->n = 0;
    const char *path = path_join(&answers->arena, model, file);
    assert_ok(file_read(path, &answers->arena, &data, &size, &err), err);
    answers->rows = arena_alloc(&answers->arena, 10000, sizeof *answers->rows);
    lines_init(&lines, data, size);
    while (lines_next(&lines, &line, &length)) {
        cJSON *row;
        assert_true(answers->n < 10000);
        assert_ok(json_parse(&row, line, length, file, &err), err);
        const char *task = json_string_or(row, "task", ""), *id = json_string_or(row, "id", NULL);
        char *key = id ? arena_printf(&answers->arena, "%s %s", task, id)
                       : arena_printf(&answers->arena, "%s %d", task, json_int_or(row, "id", -1));
        assert_true(string_map_add(&answers->index, key, strlen(key), (int64_t)answers->n, NULL));
        answers->rows[answers->n++] = row;
    }
}

static void answers_close(struct answers *answers)
{
    for (size_t i = 0; i < answers->n; i++)
        cJSON_Delete(answers->rows[i]);
    arena_release(&answers->arena);
}

/* The row of a sample: POPE's ids are "<split>/<id>", VSR's the line number. */
static const cJSON *find_row(const struct answers *answers, const char *dataset,
                             const struct sample *sample)
{
    char key[128];
    const char *slash = strchr(sample->id, '/');
    if (slash)
        snprintf(key, sizeof key, "%s/%.*s %s", dataset, (int)(slash - sample->id), sample->id,
                 slash + 1);
    else
        snprintf(key, sizeof key, "%s %s", dataset, sample->id);
    int64_t i = string_map_get(&answers->index, key, strlen(key), -1);
    if (i < 0)
        fail_msg("PyTorch has no answer for %s", key);
    return answers->rows[i];
}

/* What came of one task. */
struct tally {
    size_t n, same_choice, same_ids;
    double worst_logit;
};

static void compare_choice(struct tally *tally, const struct sample *sample,
                           const struct protocol *protocol, const struct generation *got,
                           const cJSON *want)
{
    const cJSON *logits = json_find(want, "logits");
    size_t best = got->choice_probabilities[1] > got->choice_probabilities[0];
    bool same = strcmp(protocol->choices[best], json_string_or(want, "choice", "")) == 0;
    for (int c = 0; c < 2; c++)
        tally->worst_logit =
            fmax(tally->worst_logit,
                 fabs((double)got->choice_logits[c] - cJSON_GetArrayItem(logits, c)->valuedouble));
    if (!same)
        fail_msg("%s: we choose %s, PyTorch %s with a margin of %g", sample->id,
                 protocol->choices[best], json_string_or(want, "choice", ""),
                 json_number_or(want, "margin", NAN));
    tally->same_choice += same;
}

static void compare(struct tally *tally, const struct sample *sample,
                    const struct protocol *protocol, const struct generation *got,
                    const cJSON *want)
{
    const cJSON *ids = json_find(want, "greedy_ids"), *id;
    size_t i = 0;
    if (protocol->n_choices > 0)
        compare_choice(tally, sample, protocol, got, want);
    bool same_ids = got->n_ids == (size_t)cJSON_GetArraySize(ids);
    cJSON_ArrayForEach(id, ids)
    {
        same_ids = same_ids && got->ids[i] == id->valueint;
        i++;
    }
    if (!same_ids)
        fail_msg("%s: the greedy answers differ: '%s' and '%s'", sample->id, got->text,
                 json_string_or(want, "greedy", ""));
    size_t n_prompt = (size_t)json_int_or(want, "prompt_tokens", (int)got->n_prompt_ids);
    assert_int_equal(got->n_prompt_ids, n_prompt);
    tally->n += 1;
    tally->same_ids += same_ids;
}

static void ask_all(const struct engine *engine, const struct dataset *set,
                    const struct protocol *protocol, const struct answers *answers,
                    struct tally *tally)
{
    struct error err = {""};
    struct session *image, *question;
    const char *seen = "";
    assert_ok(session_open(&image, engine, &err), err);
    assert_ok(session_open(&question, engine, &err), err);
    for (size_t i = 0; i < set->n_samples; i++) {
        const struct sample *sample = &set->samples[i];
        struct generation got;
        struct text message, prompt;
        text_init(&message);
        text_init(&prompt);
        protocol_message(protocol, sample, &message);
        engine_prompt(engine, text_string(&message), &prompt);
        struct request request = {.prompt = text_string(&prompt),
                                  .choices = protocol->choices,
                                  .n_choices = protocol->n_choices,
                                  .max_new_tokens = MAX_IDS};
        if (strcmp(seen, sample->image_path) != 0)
            assert_ok(session_see(image, sample->image_path, NULL, NULL, &err), err);
        seen = sample->image_path;
        assert_ok(session_fork(question, image, &err), err);
        assert_ok(session_answer(question, &request, &got, &err), err);
        compare(tally, sample, protocol, &got, find_row(answers, protocol->dataset->name, sample));
        text_release(&message);
        text_release(&prompt);
    }
    session_close(image);
    session_close(question);
}

static void check_task(const char *model, const char *task, const char *directory, size_t expected)
{
    struct error err = {""};
    struct engine_options options;
    struct engine *engine;
    struct protocol protocol;
    struct dataset set;
    struct answers answers;
    struct arena arena;
    struct tally tally = {0};
    arena_init(&arena);
    engine_options_init(&options);
    options.precision = PRECISION_F32;
    options.threads = 1; /* nothing here is large enough for two */
    assert_ok(engine_open(&engine, model, &options, &err), err);
    assert_ok(protocol_open(&protocol, task, &arena, &err), err);
    answers_open(&answers, model,
                 protocol.n_choices > 0 ? "reference_answers.jsonl" : "reference_open.jsonl");
    assert_ok(dataset_open(&set, protocol.dataset, protocol.variant, directory, &err), err);
    ask_all(engine, &set, &protocol, &answers, &tally);
    printf("%s, %s: %zu of %zu greedy answers as in PyTorch", model, task, tally.same_ids, tally.n);
    if (protocol.n_choices > 0)
        printf(", %zu choices, logits within %.2g", tally.same_choice, tally.worst_logit);
    printf("\n");
    assert_int_equal(tally.n, expected);
    assert_true(tally.worst_logit <= logit_bound);
    dataset_close(&set);
    engine_close(engine);
    answers_close(&answers);
    arena_release(&arena);
}

static void check_model(const char *model)
{
    check_task(model, "pope@triml", "examples/mini-bench/pope", 1800);
    check_task(model, "vsr@triml", "examples/mini-bench/vsr", 408);
    check_task(model, "vqav2@triml", "examples/mini-bench/vqav2", 450);
    check_task(model, "gqa@triml", "examples/mini-bench/gqa", 600);
    check_task(model, "vizwiz@triml", "examples/mini-bench/vizwiz", 240);
    check_task(model, "textvqa@cobra", "examples/mini-bench/textvqa", 267);
}

static void every_answer_of_mamba_is_pytorchs(void **state)
{
    (void)state;
    check_model("examples/mini-cobra");
}

static void every_answer_of_mamba2_is_pytorchs(void **state)
{
    (void)state;
    check_model("examples/mini-ml-mamba");
}

static void every_answer_of_the_transformer_is_pytorchs(void **state)
{
    (void)state;
    check_model("examples/mini-llama");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_of_mamba_is_pytorchs),
        cmocka_unit_test(every_answer_of_mamba2_is_pytorchs),
        cmocka_unit_test(every_answer_of_the_transformer_is_pytorchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
