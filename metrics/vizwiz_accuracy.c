/* VizWiz: soft accuracy by answer type and answerability, and whether the answers tell which
 * questions cannot be answered. */
#include "datasets/vizwiz.h"
#include "metrics/metric.h"
#include "metrics/ranking.h"
#include "metrics/rounding.h"
#include "metrics/vizwiz_answerability.h"
#include "metrics/vqa_scores.h"

#include <math.h>

/* Whose answers the parts of the set are. */
enum { ANSWERABLE, UNANSWERABLE, UNKNOWN };

static size_t part_of(const struct dataset *set, size_t sample)
{
    const struct vizwiz_facts *facts = dataset_facts(set, sample, "vizwiz");
    return !facts ? UNKNOWN : facts->is_answerable ? ANSWERABLE : UNANSWERABLE;
}

/* Labels and decisions of the samples that have both; *n_failed is how many have no answer. */
static struct ranked *rank(struct vqa_scores *scores, const struct prediction *predictions,
                           const struct vqa_rule *rule, const size_t *part, size_t *n,
                           size_t *n_failed)
{
    size_t n_samples = scores->set->n_samples;
    bool no_memory = false;
    struct ranked *ranked = arena_alloc(&scores->estimator.arena, n_samples, sizeof *ranked);
    *n = *n_failed = 0;
    for (size_t i = 0; i < n_samples && ranked; i++) {
        if (part[i] == UNKNOWN)
            continue;
        if (predictions[i].failure) {
            *n_failed += 1;
            continue;
        }
        bool says = vizwiz_says_unanswerable(rule, predictions[i].text, &no_memory);
        ranked[(*n)++] = (struct ranked){says, part[i] == UNANSWERABLE, scores->estimator.image[i]};
    }
    return no_memory ? NULL : ranked;
}

/* "unanswerable" as the class to be found. */
static void add_detection(struct vqa_scores *scores, const struct prediction *predictions,
                          const struct vqa_rule *rule, const size_t *part, bool has_both)
{
    size_t n, n_failed;
    struct ranked *ranked = rank(scores, predictions, rule, part, &n, &n_failed);
    struct score_table *table = scores->table;
    if (!ranked) {
        table->arena->failed = true;
        return;
    }
    ranking_sort(ranked, n);
    struct score *known[2] = {NULL, NULL};
    size_t first = table->n_scores;
    const struct {
        const char *name;
        double value;
    } areas[] = {
        {"unanswerable/average-precision", ranking_average_precision(ranked, n)},
        {"unanswerable/f1", ranking_f1(ranked, n)},
    };
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        bool is_known = has_both && n > 0;
        struct score *score =
            score_add(table, areas[i].name, is_known ? round2(100 * areas[i].value) : NAN, 100, n);
        if (score && !is_known)
            score->note = "no answerable or no unanswerable question";
        else if (score && n_failed > 0)
            score->note = arena_printf(table->arena, "%zu failed samples are left out", n_failed);
    }
    for (size_t i = 0; i < 2 && has_both && table->n_scores == first + 2; i++)
        known[i] = &table->scores[first + i];
    estimate_ranking(&scores->estimator, ranked, n,
                     (struct score *[N_RANKING_VALUES]){
                         [RANKING_AVERAGE_PRECISION] = known[0], [RANKING_F1] = known[1]});
}

static void add_answerability(struct vqa_scores *scores, const struct prediction *predictions,
                              const struct vqa_rule *rule)
{
    size_t n = scores->set->n_samples, counts[3] = {0};
    size_t *part = arena_alloc(&scores->estimator.arena, n, sizeof *part);
    if (!part) {
        scores->table->arena->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        counts[part[i] = part_of(scores->set, i)] += 1;
    vqa_scores_add(scores, "answerable/accuracy", part, ANSWERABLE);
    vqa_scores_add(scores, "unanswerable/accuracy", part, UNANSWERABLE);
    add_detection(scores, predictions, rule, part, counts[ANSWERABLE] && counts[UNANSWERABLE]);
}

static enum status score(const struct dataset *set, const struct protocol *protocol,
                         const struct prediction *predictions, struct score_table *table,
                         struct error *err)
{
    struct vqa_scores scores;
    enum status status = vqa_scores_begin(&scores, set, protocol, predictions, table, err);
    if (status)
        return status;
    vqa_scores_add(&scores, "accuracy", NULL, 0);
    add_answerability(&scores, predictions, &vqa_rules[vqa_metric_of(protocol)->rule]);
    vqa_scores_add_types(&scores);
    vqa_scores_end(&scores);
    return STATUS_OK; /* the table's arena tells of memory */
}

VQA_METRIC(vizwiz_official, "vizwiz-official", score,
           "the VizWiz challenge's VQA API (public copies), as "
           "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/vizwiz/eval.py but for the "
           "apostrophes");

VQA_METRIC(vizwiz_tri, "vizwiz-tri", score,
           "TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/vizwiz/eval.py:192-277");

VQA_METRIC(vizwiz_llava, "vizwiz-llava", score,
           "haotian-liu/LLaVA@c121f04:scripts/convert_vizwiz_for_submission.py:39-47, then "
           "the VizWiz challenge's VQA API (public copies)");

VQA_METRIC(vizwiz_lmms_eval, "vizwiz-lmms-eval", score,
           "EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/vizwiz_vqa/utils.py:13-33");

VQA_METRIC(vizwiz_vlmevalkit, "vizwiz-vlmevalkit", score,
           "open-compass/VLMEvalKit@e8e78f0:vlmeval/dataset/utils/vqa_eval.py");
