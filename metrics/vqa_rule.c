#include "metrics/vqa_rule.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static void strip(struct span in, struct text *out)
{
    struct span stripped = python_strip(in);
    text_add_bytes(out, stripped.data, stripped.length);
}

const struct vqa_rule vqa_rules[N_VQA_RULES] = {
    [VQA_RULE_OFFICIAL] = {.name = "official",
                           .prediction = vqa_normalise,
                           .answer = vqa_normalise,
                           .same_under = vqa_trim,
                           .unanimous_prediction = vqa_trim,
                           .unanimous_answer = vqa_trim},
    [VQA_RULE_OFFICIAL_2017] = {.name = "official-2017",
                                .prediction = vqa_normalise,
                                .answer = vqa_normalise_punctuation,
                                .same_under = vqa_as_it_is,
                                .unanimous_prediction = vqa_normalise,
                                .unanimous_answer = vqa_as_it_is},
    [VQA_RULE_LLAVA] = {.name = "llava",
                        .prepare = vqa_normalise_m4c,
                        .prediction = vqa_normalise,
                        .answer = vqa_normalise,
                        .same_under = vqa_trim,
                        .unanimous_prediction = vqa_trim,
                        .unanimous_answer = vqa_trim},
    [VQA_RULE_TRI] = {.name = "tri",
                      .prediction = vqa_normalise,
                      .answer = vqa_normalise_punctuation},
    [VQA_RULE_LMMS_EVAL] = {.name = "lmms-eval",
                            .prepare = strip,
                            .prediction = vqa_normalise,
                            .answer = vqa_normalise,
                            .mean_is_exact = true},
    [VQA_RULE_VLMEVALKIT] = {.name = "vlmevalkit",
                             .prediction = vqa_normalise_vlmevalkit,
                             .answer = vqa_normalise_vlmevalkit},
    [VQA_RULE_M4C] = {.name = "m4c",
                      .prediction = vqa_normalise_m4c,
                      .answer = vqa_normalise_m4c,
                      .needs_ten = true},
    [VQA_RULE_M4C_LMMS] = {.name = "m4c-lmms-eval",
                           .prepare = strip,
                           .prediction = vqa_normalise_m4c,
                           .answer = vqa_normalise_m4c,
                           .mean_is_exact = true},
    [VQA_RULE_VIZWIZ] = {.name = "vizwiz",
                         .prediction = vqa_normalise_vizwiz,
                         .answer = vqa_as_it_is},
    [VQA_RULE_VIZWIZ_TRI] = {.name = "vizwiz-tri",
                             .prediction = vqa_normalise_vizwiz_tri,
                             .answer = vqa_as_it_is},
    [VQA_RULE_VIZWIZ_LLAVA] = {.name = "vizwiz-llava",
                               .prepare = vqa_normalise_m4c,
                               .prediction = vqa_normalise_vizwiz,
                               .answer = vqa_as_it_is},
};

void vqa_scratch_init(struct vqa_scratch *scratch)
{
    *scratch = (struct vqa_scratch){0};
}

void vqa_scratch_release(struct vqa_scratch *scratch)
{
    text_release(&scratch->prepared);
    text_release(&scratch->prediction);
    text_release(&scratch->answer);
    text_release(&scratch->first);
}

static void normalise(vqa_normaliser *normaliser, struct span in, struct text *out)
{
    text_reset(out);
    normaliser(in, out);
}

static bool equal(const struct text *left, const struct text *right)
{
    return left->length == right->length &&
           memcmp(text_string(left), text_string(right), left->length) == 0;
}

static bool is_unanimous(const struct vqa_rule *rule, const char *const *answers, size_t n,
                         struct vqa_scratch *scratch)
{
    bool same = true;
    normalise(rule->same_under, span_of(answers[0]), &scratch->first);
    for (size_t i = 1; i < n && same; i++) {
        if (answers[i] == answers[i - 1])
            continue;
        normalise(rule->same_under, span_of(answers[i]), &scratch->answer);
        same = equal(&scratch->first, &scratch->answer);
    }
    return same;
}

/* A bit per answer: whether it is the prediction. */
static uint64_t find_matches(vqa_normaliser *normaliser, const char *const *answers, size_t n,
                             struct vqa_scratch *scratch)
{
    uint64_t matches = 0;
    for (size_t i = 0; i < n; i++) {
        size_t twin = 0;
        while (answers[twin] != answers[i])
            twin += 1;
        if (twin < i) {
            matches |= (matches >> twin & 1) << i;
            continue;
        }
        normalise(normaliser, span_of(answers[i]), &scratch->answer);
        matches |= (uint64_t)equal(&scratch->answer, &scratch->prediction) << i;
    }
    return matches;
}

static double fraction(int others)
{
    double value = others / 3.0;
    return value < 1 ? value : 1;
}

/* Added in the order of the answers: the last bit depends on where the matches stand. */
static double mean_in_order(uint64_t matches, int n)
{
    int k = __builtin_popcountll(matches);
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += fraction(k - (int)(matches >> i & 1));
    return sum / n;
}

/* The mean of the same doubles as if without rounding: a sum of at most 64 of them needs 59 bits.
 */
static double exact_mean(uint64_t matches, int n)
{
    int k = __builtin_popcountll(matches);
    long double own = k > 0 ? (long double)fraction(k - 1) : 0, other = (long double)fraction(k);
    return (double)((k * own + (n - k) * other) / n);
}

double vqa_agreement(const struct vqa_rule *rule, const char *const *answers, size_t n,
                     const char *text, struct vqa_scratch *scratch)
{
    if (n == 0 || n > VQA_MAX_ANSWERS || (rule->needs_ten && n != 10))
        return NAN;
    struct span said = span_of(text);
    if (rule->prepare) {
        normalise(rule->prepare, said, &scratch->prepared);
        said = (struct span){text_string(&scratch->prepared), scratch->prepared.length};
    }
    bool unanimous = rule->same_under && is_unanimous(rule, answers, n, scratch);
    normalise(unanimous ? rule->unanimous_prediction : rule->prediction, said,
              &scratch->prediction);
    uint64_t matches =
        find_matches(unanimous ? rule->unanimous_answer : rule->answer, answers, n, scratch);
    scratch->failed |= scratch->prepared.failed || scratch->prediction.failed ||
                       scratch->answer.failed || scratch->first.failed;
    return rule->mean_is_exact ? exact_mean(matches, (int)n) : mean_in_order(matches, (int)n);
}
