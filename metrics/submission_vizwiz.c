#include "engine/base/json.h"
#include "metrics/submission.h"
#include "metrics/vizwiz_answerability.h"
#include "metrics/vqa_scores.h"

#include <string.h>

enum status submission_add_answerability(const struct dataset *set, const struct protocol *protocol,
                                         const struct prediction *predictions, const char *split,
                                         struct text *out, struct error *err)
{
    (void)split;
    const struct vqa_metric *metric = vqa_metric_find(protocol->metric);
    if (strcmp(set->kind->name, "vizwiz") != 0 || !metric)
        return fail(err, STATUS_USAGE,
                    "%s is no protocol of VizWiz, which alone asks what can be "
                    "answered",
                    protocol->name);
    bool no_memory = false;
    text_add_char(out, '[');
    for (size_t i = 0; i < set->n_samples; i++) {
        enum status status = submission_check(&set->samples[i], &predictions[i], err);
        if (status)
            return status;
        bool says =
            vizwiz_says_unanswerable(&vqa_rules[metric->rule], predictions[i].text, &no_memory);
        text_add(out, i > 0 ? ", {\"image\": " : "{\"image\": ");
        json_add_string(out, set->samples[i].image_name);
        text_add(out, says ? ", \"answerable\": 0.0}" : ", \"answerable\": 1.0}");
    }
    text_add_char(out, ']');
    return out->failed || no_memory
               ? fail(err, STATUS_NO_MEMORY, "out of memory while writing a submission")
               : STATUS_OK;
}
