#include "tests/check.h"

#include "metrics/textvqa_prompt.h"
#include "metrics/vqa_rule.h"

#include <math.h>

/* "yes*9 Yes" is nine times "yes" and once "Yes"; texts are kept in an arena, each time anew, so
 * that nothing is taken for the same because it is at the same place. */
struct answers {
    struct arena arena;
    const char *list[VQA_MAX_ANSWERS + 8];
    size_t n;
};

static void add(struct answers *answers, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        answers->list[answers->n++] = arena_string(&answers->arena, text);
}

static double agreement(int rule, const struct answers *answers, const char *text)
{
    struct vqa_scratch scratch;
    vqa_scratch_init(&scratch);
    double value = vqa_agreement(&vqa_rules[rule], answers->list, answers->n, text, &scratch);
    assert_false(scratch.failed);
    vqa_scratch_release(&scratch);
    return value;
}

static void the_four_variants_differ_where_the_evaluators_do(void **state)
{
    (void)state;
    static const struct {
        struct {
            const char *text;
            size_t times;
        } answers[5];
        const char *prediction;
        double official, official_2017, tri, lmms_eval; /* hundredths */
    } cases[] = {
        {{{"yes", 10}}, "yes", 100, 100, 100, 100},
        {{{"yes", 10}}, "Yes", 0, 100, 100, 100},
        {{{"yes", 10}}, "yes.", 0, 100, 100, 100},
        {{{"yes", 9}, {"Yes", 1}}, "Yes.", 100, 100, 100, 100},
        {{{"Yes", 10}}, "Yes", 100, 0, 0, 100},
        {{{"two", 10}}, "two", 100, 0, 0, 100},
        {{{"two", 9}, {"2", 1}}, "TWO", 100, 30, 30, 100},
        {{{"the dog", 10}}, "the dog", 100, 0, 0, 100},
        {{{"t-shirt", 10}}, "t-shirt", 100, 0, 100, 100},
        {{{"1,000", 10}}, "1000", 0, 0, 100, 100},
        {{{"yes", 2}, {" yes", 2}, {"yes ", 2}, {"yes\n", 2}, {"\tyes", 2}}, "Yes", 0, 60, 60, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answers answers = {.n = 0};
        for (size_t a = 0; a < 5 && cases[i].answers[a].text; a++)
            add(&answers, cases[i].answers[a].text, cases[i].answers[a].times);
        const struct {
            int rule;
            double expected;
        } rules[] = {{VQA_RULE_OFFICIAL, cases[i].official},
                     {VQA_RULE_OFFICIAL_2017, cases[i].official_2017},
                     {VQA_RULE_TRI, cases[i].tri},
                     {VQA_RULE_LMMS_EVAL, cases[i].lmms_eval}};
        for (size_t r = 0; r < 4; r++) {
            double value = 100 * agreement(rules[r].rule, &answers, cases[i].prediction);
            if (fabs(value - rules[r].expected) > 1e-9)
                fail_msg("case %zu, %s: %g, not %g", i, vqa_rules[rules[r].rule].name, value,
                         rules[r].expected);
        }
        arena_release(&answers.arena);
    }
}

static void the_last_bit_depends_on_where_the_matches_stand(void **state)
{
    (void)state;
    struct answers first = {.n = 0}, last = {.n = 0};
    add(&first, "x", 2);
    add(&first, "y", 8);
    add(&last, "y", 8);
    add(&last, "x", 2);
    double a = agreement(VQA_RULE_M4C, &first, "x"), b = agreement(VQA_RULE_M4C, &last, "x");
    assert_true(fabs(a - 0.6) < 1e-15 && fabs(b - 0.6) < 1e-15);
    assert_true(a != b);
    assert_true(agreement(VQA_RULE_M4C_LMMS, &first, "x") == 0.6);
    assert_true(agreement(VQA_RULE_M4C_LMMS, &last, "x") == 0.6);
    arena_release(&first.arena);
    arena_release(&last.arena);
}

static void answers_at_one_place_count_like_equal_ones(void **state)
{
    (void)state;
    struct answers apart = {.n = 0};
    add(&apart, "A dog", 3);
    add(&apart, "cat", 5);
    add(&apart, "dog", 2);
    struct answers together = apart;
    for (size_t i = 1; i < 3; i++)
        together.list[i] = together.list[0];
    for (size_t i = 4; i < 8; i++)
        together.list[i] = together.list[3];
    static const char *const texts[] = {"dog", "cat", "A dog", "bird"};
    for (int rule = 0; rule < N_VQA_RULES; rule++)
        for (size_t t = 0; t < 4; t++)
            assert_true(agreement(rule, &apart, texts[t]) == agreement(rule, &together, texts[t]));
    arena_release(&apart.arena);
}

static void without_its_ten_answers_a_scorer_gives_no_number(void **state)
{
    (void)state;
    struct answers answers = {.n = 0};
    assert_true(isnan(agreement(VQA_RULE_OFFICIAL, &answers, "x")));
    add(&answers, "x", 9);
    assert_true(isnan(agreement(VQA_RULE_M4C, &answers, "x")));
    assert_true(agreement(VQA_RULE_OFFICIAL, &answers, "x") == 1);
    add(&answers, "x", 2);
    assert_true(isnan(agreement(VQA_RULE_M4C, &answers, "x")));
    add(&answers, "x", VQA_MAX_ANSWERS - 11);
    assert_true(agreement(VQA_RULE_OFFICIAL, &answers, "x") == 1);
    add(&answers, "x", 1);
    assert_true(isnan(agreement(VQA_RULE_OFFICIAL, &answers, "x")));
    arena_release(&answers.arena);
}

static void assert_normalised(vqa_normaliser *normaliser, const char *in, const char *expected)
{
    struct text out;
    text_init(&out);
    normaliser(span_of(in), &out);
    assert_string_equal(text_string(&out), expected);
    text_release(&out);
}

static void vizwiz_writes_other_apostrophes_than_its_annotators(void **state)
{
    (void)state;
    assert_normalised(vqa_normalise, "Dont", "don't");
    assert_normalised(vqa_normalise_vizwiz_tri, "Dont", "don`t");
    assert_normalised(vqa_normalise_vizwiz, "Dont", "don\xE2\x80\x99t");
    assert_normalised(vqa_normalise_vizwiz, "cant", "can't");
    /* A key with the apostrophe itself matches where the text can still hold it. */
    assert_normalised(vqa_normalise_vizwiz, "hed\xE2\x80\x99ve",
                      "he\xE2\x80\x99"
                      "d\xE2\x80\x99ve");
    assert_normalised(vqa_normalise_vizwiz_tri, "hed`ve", "he`d ve");
    assert_normalised(vqa_normalise_vizwiz, "a word that is longer than every one of the keys",
                      "word that is longer than every 1 of keys");
}

static void a_prompt_tells_its_question(void **state)
{
    (void)state;
    static const struct {
        const char *prompt;
        enum textvqa_prompt shape;
        const char *question;
    } cases[] = {
        {"", TEXTVQA_PROMPT_SHAPE, ""},
        {"What?\nReference OCR token: A\nAnswer.", TEXTVQA_PROMPT_READ, "what?"},
        {"Reference OCR token: A\nWhat?\nAnswer.", TEXTVQA_PROMPT_READ, "what?"},
        {"What?\nReference OCR token:\nAnswer.", TEXTVQA_PROMPT_SHAPE, ""},
        {"What?\n", TEXTVQA_PROMPT_READ, "what?"},
        {"OCR tokens: A. Question: WHO? Short answer:", TEXTVQA_PROMPT_READ, "who?"},
        {"OCR tokens: Short answer: Question: who?", TEXTVQA_PROMPT_NO_QUESTION, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text out;
        text_init(&out);
        assert_int_equal(textvqa_question_of(cases[i].prompt, &out), cases[i].shape);
        assert_string_equal(text_string(&out), cases[i].question);
        text_release(&out);
    }
}

static void running_out_of_memory_anywhere_is_told(void **state)
{
    (void)state;
    struct answers answers = {.n = 0};
    add(&answers, "A dog's, two", 5);
    add(&answers, "cats", 5);
    for (int rule = 0; rule < N_VQA_RULES; rule++) {
        for (long n = 1;; n++) {
            struct vqa_scratch scratch;
            vqa_scratch_init(&scratch);
            fail_allocation(n);
            vqa_agreement(&vqa_rules[rule], answers.list, answers.n, "The dog's, 2", &scratch);
            int struck = allocation_has_failed();
            fail_allocation(0);
            assert_true(scratch.failed == (struck != 0));
            vqa_scratch_release(&scratch);
            if (!struck)
                break;
        }
    }
    arena_release(&answers.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_four_variants_differ_where_the_evaluators_do),
        cmocka_unit_test(the_last_bit_depends_on_where_the_matches_stand),
        cmocka_unit_test(answers_at_one_place_count_like_equal_ones),
        cmocka_unit_test(without_its_ten_answers_a_scorer_gives_no_number),
        cmocka_unit_test(vizwiz_writes_other_apostrophes_than_its_annotators),
        cmocka_unit_test(a_prompt_tells_its_question),
        cmocka_unit_test(running_out_of_memory_anywhere_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
