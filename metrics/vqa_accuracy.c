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

VQA_METRIC(vqa_official, "vqa-official", score,
           "GT-Vision-Lab/VQA@a013f00:PythonEvaluationTools/vqaEvaluation/vqaEval.py:66-129");

VQA_METRIC(vqa_official_2017, "vqa-official-2017", score,
           "GT-Vision-Lab/VQA@a4f1afd:PythonEvaluationTools/vqaEvaluation/vqaEval.py");

VQA_METRIC(vqa_llava, "vqa-llava", score,
           "haotian-liu/LLaVA@c121f04:scripts/convert_vqav2_for_submission.py:25-56, then "
           "GT-Vision-Lab/VQA@a013f00:PythonEvaluationTools/vqaEvaluation/vqaEval.py");

VQA_METRIC(vqa_tri, "vqa-tri", score,
           "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/vqav2/eval.py:213-227,420-475");

VQA_METRIC(vqa_lmms_eval, "vqa-lmms-eval", score,
           "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/vqav2/utils.py:21-42");

VQA_METRIC(textvqa_tri, "textvqa-tri", score,
           "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/textvqa/m4c_evaluators.py");

VQA_METRIC(textvqa_llava, "textvqa-llava", score,
           "haotian-liu/LLaVA@c121f04:llava/eval/eval_textvqa.py and m4c_evaluator.py");

VQA_METRIC(textvqa_lmms_eval, "textvqa-lmms-eval", score,
           "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/textvqa/utils.py:16-41");

VQA_METRIC(textvqa_vlmevalkit, "textvqa-vlmevalkit", score,
           "open-compass/VLMEvalKit@e8e78f0:vlmeval/dataset/utils/vqa_eval.py");
