#include "engine/base/json.h"
#include "metrics/gqa_answer.h"
#include "metrics/submission.h"

#include <string.h>

enum status submission_check(const struct sample *sample, const struct prediction *prediction,
                             struct error *err)
{
    if (prediction->failure)
        return fail(err, STATUS_MISMATCH,
                    "%s has no answer (%s): what is submitted must answer every question",
                    sample->id, prediction->failure);
    return STATUS_OK;
}

/* As the protocol's scorer cleans; NULL for another benchmark's. */
static gqa_clean *clean_of(const struct protocol *protocol)
{
    static const struct {
        const char *metric;
        gqa_clean *clean;
    } rules[] = {
        {"gqa-official", gqa_clean_official},     {"gqa-triml", gqa_clean_triml},
        {"gqa-llava", gqa_clean_llava},           {"gqa-lmms-eval", gqa_clean_lmms},
        {"gqa-vlmevalkit", gqa_clean_vlmevalkit},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].metric, protocol->metric) == 0)
            return rules[i].clean;
    return NULL;
}

enum status submission_add_gqa(const struct dataset *set, const struct protocol *protocol,
                               const struct prediction *predictions, const char *split,
                               struct text *out, struct error *err)
{
    (void)split;
    gqa_clean *clean = clean_of(protocol);
    if (!clean)
        return fail(err, STATUS_MISMATCH, "%s is no protocol of GQA", protocol->name);
    struct text answer;
    enum status status = STATUS_OK;
    text_init(&answer);
    text_add_char(out, '[');
    for (size_t i = 0; i < set->n_samples; i++) {
        if ((status = submission_check(&set->samples[i], &predictions[i], err)))
            break;
        text_reset(&answer);
        clean(predictions[i].text, &answer);
        text_add(out, i > 0 ? ", {\"questionId\": " : "{\"questionId\": ");
        json_add_string(out, set->samples[i].id);
        text_add(out, ", \"prediction\": ");
        json_add_string(out, text_string(&answer));
        text_add_char(out, '}');
    }
    text_add_char(out, ']');
    if (!status && (out->failed || answer.failed))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while writing a submission");
    text_release(&answer);
    return status;
}
