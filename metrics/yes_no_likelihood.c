/* Yes/no benchmarks scored on the first token's probabilities, as TRI does:
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/pope.py:306-339.  Precision, recall, F1
 * and yes-ratio of the same decisions are our addition. */
#include "metrics/choice.h"
#include "metrics/metric.h"
#include "metrics/yes_no_rule.h"
#include "metrics/yes_no_scores.h"

/* The first choice is yes. */
static enum yes_no decide(const struct protocol *protocol, const struct prediction *prediction)
{
    if (prediction->failure || !prediction->probabilities)
        return SAYS_NOTHING;
    return choice_argmax(prediction->probabilities, protocol->n_choices) == 0 ? SAYS_YES : SAYS_NO;
}

static enum status score(const struct dataset *set, const struct protocol *protocol,
                         const struct prediction *predictions, struct score_table *table,
                         struct error *err)
{
    static const struct yes_no_options options = {
        .scale = 1, .silence_is_missed = true, .has_final = true};
    struct arena scratch;
    arena_init(&scratch);
    enum yes_no *says = arena_alloc(&scratch, set->n_samples, sizeof *says);
    double *p_yes = arena_alloc(&scratch, set->n_samples, sizeof *p_yes);
    enum status status = STATUS_OK;
    if (arena_failed(&scratch))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    for (size_t i = 0; i < set->n_samples && !status; i++) {
        says[i] = decide(protocol, &predictions[i]);
        if (says[i] != SAYS_NOTHING)
            p_yes[i] = predictions[i].probabilities[0];
    }
    if (!status)
        status = yes_no_scores(set, says, p_yes, NULL, &options, table, err);
    arena_release(&scratch);
    return status;
}

static int correct(const struct sample *sample, const struct protocol *protocol,
                   const struct prediction *prediction)
{
    enum yes_no says = decide(protocol, prediction);
    if (says == SAYS_NOTHING)
        return -1;
    return says == (label_is_yes(sample->answers[0]) ? SAYS_YES : SAYS_NO);
}

const struct metric metric_yes_no_likelihood = {
    .name = "yes-no-likelihood",
    .reference = "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/pope.py",
    .needs_choices = true,
    .score = score,
    .correct = correct,
};
