/* POPE's and VSR's: the two benchmarks of two answers. */
#include "engine/base/json.h"
#include "metrics/choice.h"
#include "metrics/python_text.h"
#include "metrics/submission.h"

#include <string.h>

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while writing a submission");
}

/* The text, or the choice in lower case. */
static void add_answer(const struct protocol *protocol, const struct prediction *prediction,
                       struct text *out)
{
    if (prediction->text) {
        json_add_string(out, prediction->text);
        return;
    }
    struct text lower;
    size_t choice = choice_argmax(prediction->probabilities, protocol->n_choices);
    text_init(&lower);
    python_lower(span_of(protocol->choices[choice]), &lower);
    json_add_string(out, text_string(&lower));
    out->failed |= lower.failed;
    text_release(&lower);
}

enum status submission_add_pope(const struct dataset *set, const struct protocol *protocol,
                                const struct prediction *predictions, const char *split,
                                struct text *out, struct error *err)
{
    size_t n = 0;
    if (!split)
        return fail(err, STATUS_USAGE, "POPE takes a file for each split: name one (--split)");
    for (size_t i = 0; i < set->n_samples; i++) {
        const struct sample *sample = &set->samples[i];
        if (!sample->group || strcmp(sample->group, split) != 0)
            continue;
        enum status status = submission_check(sample, &predictions[i], err);
        if (status)
            return status;
        text_add(out, "{\"question\": ");
        json_add_string(out, sample->question);
        text_add(out, ", \"answer\": ");
        add_answer(protocol, &predictions[i], out);
        text_add(out, "}\n");
        n += 1;
    }
    if (n == 0)
        return fail(err, STATUS_MISMATCH, "the set has no question in POPE's split '%s'", split);
    return out->failed ? no_memory(err) : STATUS_OK;
}

enum status submission_add_vsr(const struct dataset *set, const struct protocol *protocol,
                               const struct prediction *predictions, const char *split,
                               struct text *out, struct error *err)
{
    (void)split;
    for (size_t i = 0; i < set->n_samples; i++) {
        const struct sample *sample = &set->samples[i];
        enum status status = submission_check(sample, &predictions[i], err);
        if (status)
            return status;
        if (!predictions[i].probabilities || protocol->n_choices != 2)
            return fail(err, STATUS_MISMATCH, "%s: the answer to %s has no probabilities",
                        protocol->name, sample->id);
        /* The first choice is True. */
        text_add(out, choice_argmax(predictions[i].probabilities, 2) == 0 ? "1\n" : "0\n");
    }
    return out->failed ? no_memory(err) : STATUS_OK;
}
