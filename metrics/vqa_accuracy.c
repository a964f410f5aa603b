/* VQAv2 and TextVQA: soft accuracy as each scorer counts it, by question and answer type. */
#include "metrics/metric.h"
#include "metrics/vqa_scores.h"

static enum status score(const struct dataset *set, const struct protocol *protocol,
                         const struct prediction *predictions, struct score_table *table,
                         struct error *err)
{
    struct vqa_scores scores;
    enum status status = vqa_scores_begin(&scores, set, protocol, predictions, table, err);
    if (status)
        return status;
    vqa_scores_add(&scores, "accuracy", NULL, 0);
    vqa_scores_add_types(&scores);
    vqa_scores_end(&scores);
    return STATUS_OK; /* the table's arena tells of memory */
}

const struct metric metric_vqa_official = {
    .name = "vqa-official",
    .reference = "GT-Vision-Lab/VQA@a013f00:PythonEvaluationTools/vqaEvaluation/vqaEval.py:66-129",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};

const struct metric metric_vqa_official_2017 = {
    .name = "vqa-official-2017",
    .reference = "GT-Vision-Lab/VQA@a4f1afd:PythonEvaluationTools/vqaEvaluation/vqaEval.py",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};

const struct metric metric_vqa_llava = {
    .name = "vqa-llava",
    .reference = "haotian-liu/LLaVA@c121f04:scripts/convert_vqav2_for_submission.py:25-56, then "
                 "GT-Vision-Lab/VQA@a013f00:PythonEvaluationTools/vqaEvaluation/vqaEval.py",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};

const struct metric metric_vqa_tri = {
    .name = "vqa-tri",
    .reference =
        "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/vqav2/eval.py:213-227,420-475",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};

const struct metric metric_vqa_lmms_eval = {
    .name = "vqa-lmms-eval",
    .reference = "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/vqav2/utils.py:21-42",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};

const struct metric metric_textvqa_tri = {
    .name = "textvqa-tri",
    .reference = "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/textvqa/m4c_evaluators.py",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};

const struct metric metric_textvqa_llava = {
    .name = "textvqa-llava",
    .reference = "haotian-liu/LLaVA@c121f04:llava/eval/eval_textvqa.py and m4c_evaluator.py",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};

const struct metric metric_textvqa_lmms_eval = {
    .name = "textvqa-lmms-eval",
    .reference = "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/textvqa/utils.py:16-41",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};

const struct metric metric_textvqa_vlmevalkit = {
    .name = "textvqa-vlmevalkit",
    .reference = "open-compass/VLMEvalKit@e8e78f0:vlmeval/dataset/utils/vqa_eval.py",
    .score = score,
    .correct = vqa_is_correct,
    .clean_label = vqa_clean_label,
};
