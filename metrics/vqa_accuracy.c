/* VQAv2 and TextVQA: soft accuracy as each scorer counts it, by question and answer type.
 *
 * To add a scorer: its rule in metrics/vqa_rule.c, a row in kinds[], the metric and its row in
 * metrics/registry.c. */
#include "metrics/metric.h"
#include "metrics/vqa_scores.h"

#include <string.h>

static const struct kind {
    const char *metric;
    int rule;
    enum vqa_aggregate aggregate;
} kinds[] = {
    {"vqa-official", VQA_RULE_OFFICIAL, VQA_SUM_PERCENT_ROUNDED},
    {"vqa-official-2017", VQA_RULE_OFFICIAL_2017, VQA_SUM_PERCENT_ROUNDED},
    {"vqa-llava", VQA_RULE_LLAVA, VQA_SUM_PERCENT_ROUNDED},
    {"vqa-tri", VQA_RULE_TRI, VQA_PERCENT_ROUNDED},
    {"vqa-lmms-eval", VQA_RULE_LMMS_EVAL, VQA_MEAN},
    {"textvqa-tri", VQA_RULE_M4C, VQA_MEAN},
    {"textvqa-llava", VQA_RULE_M4C, VQA_PERCENT_ROUNDED},
    {"textvqa-lmms-eval", VQA_RULE_M4C_LMMS, VQA_MEAN},
    {"textvqa-vlmevalkit", VQA_RULE_VLMEVALKIT, VQA_PERCENT},
};

/* A metric of this file is asked for by its name in the protocol. */
static const struct kind *kind_of(const struct protocol *protocol)
{
    size_t i = 0;
    while (strcmp(kinds[i].metric, protocol->metric) != 0)
        i += 1;
    return &kinds[i];
}

static enum status score(const struct dataset *set, const struct protocol *protocol,
                         const struct prediction *predictions, struct score_table *table,
                         struct error *err)
{
    const struct kind *kind = kind_of(protocol);
    struct vqa_scores scores;
    enum status status = vqa_scores_begin(&scores, set, predictions, &vqa_rules[kind->rule],
                                          kind->aggregate, table, err);
    if (status)
        return status;
    vqa_scores_add(&scores, "accuracy", NULL, 0);
    vqa_scores_add_types(&scores);
    vqa_scores_end(&scores);
    return STATUS_OK; /* the table's arena tells of memory */
}

static int correct(const struct sample *sample, const struct protocol *protocol,
                   const struct prediction *prediction)
{
    return vqa_is_correct(&vqa_rules[kind_of(protocol)->rule], sample, prediction);
}

const struct metric metric_vqa_official = {
    .name = "vqa-official",
    .reference = "GT-Vision-Lab/VQA@a013f00:PythonEvaluationTools/vqaEvaluation/vqaEval.py:66-129",
    .score = score,
    .correct = correct,
};

const struct metric metric_vqa_official_2017 = {
    .name = "vqa-official-2017",
    .reference = "GT-Vision-Lab/VQA@a4f1afd:PythonEvaluationTools/vqaEvaluation/vqaEval.py",
    .score = score,
    .correct = correct,
};

const struct metric metric_vqa_llava = {
    .name = "vqa-llava",
    .reference = "haotian-liu/LLaVA@c121f04:scripts/convert_vqav2_for_submission.py:25-56, then "
                 "GT-Vision-Lab/VQA@a013f00:PythonEvaluationTools/vqaEvaluation/vqaEval.py",
    .score = score,
    .correct = correct,
};

const struct metric metric_vqa_tri = {
    .name = "vqa-tri",
    .reference =
        "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/vqav2/eval.py:213-227,420-475",
    .score = score,
    .correct = correct,
};

const struct metric metric_vqa_lmms_eval = {
    .name = "vqa-lmms-eval",
    .reference = "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/vqav2/utils.py:21-42",
    .score = score,
    .correct = correct,
};

const struct metric metric_textvqa_tri = {
    .name = "textvqa-tri",
    .reference = "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/textvqa/m4c_evaluators.py",
    .score = score,
    .correct = correct,
};

const struct metric metric_textvqa_llava = {
    .name = "textvqa-llava",
    .reference = "haotian-liu/LLaVA@c121f04:llava/eval/eval_textvqa.py and m4c_evaluator.py",
    .score = score,
    .correct = correct,
};

const struct metric metric_textvqa_lmms_eval = {
    .name = "textvqa-lmms-eval",
    .reference = "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/textvqa/utils.py:16-41",
    .score = score,
    .correct = correct,
};

const struct metric metric_textvqa_vlmevalkit = {
    .name = "textvqa-vlmevalkit",
    .reference = "open-compass/VLMEvalKit@e8e78f0:vlmeval/dataset/utils/vqa_eval.py",
    .score = score,
    .correct = correct,
};
