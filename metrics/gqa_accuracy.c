/* GQA as five scorers count it: they differ in what they do to an answer before it is compared. */
#include "metrics/gqa_answer.h"
#include "metrics/gqa_scores.h"
#include "metrics/metric.h"

#include <string.h>

static int correct_with(const struct gqa_rule *rule, const struct sample *sample,
                        const struct prediction *prediction)
{
    if (prediction->failure || !prediction->text || sample->n_answers != 1)
        return -1;
    struct text said, gold;
    text_init(&said);
    text_init(&gold);
    rule->clean(prediction->text, &said);
    rule->clean_gold(sample->answers[0], &gold);
    int correct =
        said.failed || gold.failed ? -1 : strcmp(text_string(&said), text_string(&gold)) == 0;
    text_release(&said);
    text_release(&gold);
    return correct;
}

/* One metric: its rule, and the two functions of the table that follow it. */
#define GQA_METRIC(id, metric_name, cleaning, cleaning_of_gold, full, official, source)            \
    static const struct gqa_rule rule_##id = {.clean = cleaning,                                   \
                                              .clean_gold = cleaning_of_gold,                      \
                                              .scale = full,                                       \
                                              .is_official = official};                            \
    static enum status score_##id(const struct dataset *set, const struct protocol *protocol,      \
                                  const struct prediction *predictions, struct score_table *table, \
                                  struct error *err)                                               \
    {                                                                                              \
        (void)protocol;                                                                            \
        return gqa_scores(set, &rule_##id, predictions, table, err);                               \
    }                                                                                              \
    static int correct_##id(const struct sample *sample, const struct protocol *protocol,          \
                            const struct prediction *prediction)                                   \
    {                                                                                              \
        (void)protocol;                                                                            \
        return correct_with(&rule_##id, sample, prediction);                                       \
    }                                                                                              \
    static void read_##id(const struct protocol *protocol, const char *text, struct text *out)     \
    {                                                                                              \
        (void)protocol;                                                                            \
        rule_##id.clean(text, out);                                                                \
    }                                                                                              \
    const struct metric metric_##id = {.name = metric_name,                                        \
                                       .reference = source,                                        \
                                       .score = score_##id,                                        \
                                       .correct = correct_##id,                                    \
                                       .read = read_##id}

#define EVAL_PY "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/gqa/eval.py"

GQA_METRIC(gqa_official, "gqa-official", gqa_clean_official, gqa_clean_official, 100, true,
           "GQA's eval.py v1.1, as in " EVAL_PY);
GQA_METRIC(gqa_triml, "gqa-triml", gqa_clean_triml, gqa_clean_official, 100, true,
           "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/gqa.py and " EVAL_PY);
GQA_METRIC(gqa_llava, "gqa-llava", gqa_clean_llava, gqa_clean_official, 100, true,
           "haotian-liu/LLaVA@c121f04:scripts/convert_gqa_for_eval.py and " EVAL_PY);
GQA_METRIC(gqa_lmms_eval, "gqa-lmms-eval", gqa_clean_lmms, gqa_clean_lmms_gold, 1, false,
           "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/api/metrics.py");
GQA_METRIC(gqa_vlmevalkit, "gqa-vlmevalkit", gqa_clean_vlmevalkit, gqa_clean_vlmevalkit, 100, false,
           "open-compass/VLMEvalKit@e8e78f0:vlmeval/dataset/utils/vqa_eval.py");
