#include "metrics/metric.h"

extern const struct metric metric_yes_no_likelihood, metric_yes_no_text, metric_yes_no_exact,
    metric_yes_no_words, metric_true_false_likelihood, metric_gqa_official, metric_gqa_triml,
    metric_gqa_llava, metric_gqa_lmms_eval, metric_gqa_vlmevalkit;
extern const struct metric metric_vqa_official, metric_vqa_official_2017, metric_vqa_llava,
    metric_vqa_tri, metric_vqa_lmms_eval, metric_vizwiz_official, metric_vizwiz_tri,
    metric_vizwiz_llava, metric_vizwiz_lmms_eval, metric_vizwiz_vlmevalkit, metric_textvqa_tri,
    metric_textvqa_llava, metric_textvqa_lmms_eval, metric_textvqa_vlmevalkit;

/* clang-format off */
const struct metric *const metrics[] = {
    &metric_yes_no_likelihood,
    &metric_yes_no_text,
    &metric_yes_no_exact,
    &metric_yes_no_words,
    &metric_true_false_likelihood,
    &metric_gqa_official,
    &metric_gqa_triml,
    &metric_gqa_llava,
    &metric_gqa_lmms_eval,
    &metric_gqa_vlmevalkit,
    &metric_vqa_official,
    &metric_vqa_official_2017,
    &metric_vqa_llava,
    &metric_vqa_tri,
    &metric_vqa_lmms_eval,
    &metric_vizwiz_official,
    &metric_vizwiz_tri,
    &metric_vizwiz_llava,
    &metric_vizwiz_lmms_eval,
    &metric_vizwiz_vlmevalkit,
    &metric_textvqa_tri,
    &metric_textvqa_llava,
    &metric_textvqa_lmms_eval,
    &metric_textvqa_vlmevalkit,
    NULL,
};
/* clang-format on */
