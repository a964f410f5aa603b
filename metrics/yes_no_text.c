/* Yes/no benchmarks scored on the text of the answer: three scorers' rules. */
#include "metrics/metric.h"
#include "metrics/yes_no_rule.h"
#include "metrics/yes_no_scores.h"

#include <string.h>

typedef enum yes_no rule(const char *text, const char *label, bool *no_memory);

static enum yes_no official(const char *text, const char *label, bool *no_memory)
{
    (void)label;
    (void)no_memory;
    return yes_no_official(text);
}

static enum yes_no words(const char *text, const char *label, bool *no_memory)
{
    (void)label;
    return yes_no_vlmevalkit(text, no_memory);
}

/* Right only where text and label are equal: with a label that is neither "yes" nor "no" nothing
 * is right, which SAYS_NEITHER gives. */
static enum yes_no exact(const char *text, const char *label, bool *no_memory)
{
    struct text plain;
    text_init(&plain);
    yes_no_lmms_text(text, &plain);
    *no_memory |= plain.failed;
    enum yes_no says = SAYS_NEITHER;
    if (strcmp(label, "yes") == 0 || strcmp(label, "no") == 0) {
        if (strcmp(text_string(&plain), "yes") == 0)
            says = SAYS_YES;
        else if (strcmp(text_string(&plain), "no") == 0)
            says = SAYS_NO;
    }
    text_release(&plain);
    return says;
}

static enum status score_with(rule *reads, const struct yes_no_options *options,
                              const struct dataset *set, const struct prediction *predictions,
                              struct score_table *table, struct error *err)
{
    struct arena scratch;
    arena_init(&scratch);
    enum yes_no *says = arena_alloc(&scratch, set->n_samples, sizeof *says);
    bool *is_unparsed = arena_alloc(&scratch, set->n_samples, sizeof *is_unparsed);
    bool no_memory = arena_failed(&scratch);
    for (size_t i = 0; i < set->n_samples && !no_memory; i++) {
        const struct prediction *prediction = &predictions[i];
        says[i] = SAYS_NOTHING;
        if (prediction->failure)
            continue;
        says[i] = reads(prediction->text, set->samples[i].answers[0], &no_memory);
        is_unparsed[i] = yes_no_vlmevalkit(prediction->text, &no_memory) == SAYS_NEITHER;
    }
    enum status status = no_memory
                             ? fail(err, STATUS_NO_MEMORY, "out of memory while scoring")
                             : yes_no_scores(set, says, NULL, is_unparsed, options, table, err);
    arena_release(&scratch);
    return status;
}

static int correct_with(rule *reads, const struct sample *sample,
                        const struct prediction *prediction)
{
    if (prediction->failure || !prediction->text)
        return -1;
    bool no_memory = false;
    enum yes_no says = reads(prediction->text, sample->answers[0], &no_memory);
    if (no_memory)
        return -1;
    return says == (label_is_yes(sample->answers[0]) ? SAYS_YES : SAYS_NO);
}

static void add_yes_no(enum yes_no says, struct text *out)
{
    text_add(out, says == SAYS_YES ? "yes" : says == SAYS_NO ? "no" : "neither");
}

static enum status score_official(const struct dataset *set, const struct protocol *protocol,
                                  const struct prediction *predictions, struct score_table *table,
                                  struct error *err)
{
    (void)protocol;
    static const struct yes_no_options options = {.scale = 1, .silence_is_missed = true};
    return score_with(official, &options, set, predictions, table, err);
}

static int correct_official(const struct sample *sample, const struct protocol *protocol,
                            const struct prediction *prediction)
{
    (void)protocol;
    return correct_with(official, sample, prediction);
}

static void read_official(const struct protocol *protocol, const char *text, struct text *out)
{
    (void)protocol;
    add_yes_no(yes_no_official(text), out);
}

static enum status score_exact(const struct dataset *set, const struct protocol *protocol,
                               const struct prediction *predictions, struct score_table *table,
                               struct error *err)
{
    (void)protocol;
    static const struct yes_no_options options = {.scale = 1, .zero_for_undefined = true};
    return score_with(exact, &options, set, predictions, table, err);
}

static int correct_exact(const struct sample *sample, const struct protocol *protocol,
                         const struct prediction *prediction)
{
    (void)protocol;
    return correct_with(exact, sample, prediction);
}

static void read_exact(const struct protocol *protocol, const char *text, struct text *out)
{
    (void)protocol;
    yes_no_lmms_text(text, out);
}

static enum status score_words(const struct dataset *set, const struct protocol *protocol,
                               const struct prediction *predictions, struct score_table *table,
                               struct error *err)
{
    (void)protocol;
    static const struct yes_no_options options = {
        .scale = 100, .zero_for_undefined = true, .silence_is_missed = true};
    return score_with(words, &options, set, predictions, table, err);
}

static int correct_words(const struct sample *sample, const struct protocol *protocol,
                         const struct prediction *prediction)
{
    (void)protocol;
    return correct_with(words, sample, prediction);
}

static void read_words(const struct protocol *protocol, const char *text, struct text *out)
{
    bool no_memory = false;
    (void)protocol;
    add_yes_no(yes_no_vlmevalkit(text, &no_memory), out);
    out->failed |= no_memory;
}

const struct metric metric_yes_no_text = {
    .name = "yes-no-text",
    .reference = "haotian-liu/LLaVA@c121f04:llava/eval/eval_pope.py and "
                 "AoiDragon/POPE@08d957b:evaluate.py",
    .needs_choices = false,
    .score = score_official,
    .correct = correct_official,
    .read = read_official,
};

const struct metric metric_yes_no_exact = {
    .name = "yes-no-exact",
    .reference = "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/pope/utils.py",
    .needs_choices = false,
    .score = score_exact,
    .correct = correct_exact,
    .read = read_exact,
};

const struct metric metric_yes_no_words = {
    .name = "yes-no-words",
    .reference = "open-compass/VLMEvalKit@e8e78f0:vlmeval/dataset/utils/yorn.py",
    .needs_choices = false,
    .score = score_words,
    .correct = correct_words,
    .read = read_words,
};
