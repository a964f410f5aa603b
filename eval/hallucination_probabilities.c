/* eval/hallucination_probabilities.c - areas under curves, calibration and the curves themselves:
 * what the probability of yes is worth. */
#include "eval/hallucination.h"
#include "metrics/calibration.h"
#include "metrics/ranking_interval.h"
#include "metrics/roc_curve.h"

#include <math.h>

struct sheets {
    struct sheet *areas, *reliability, *roc;
};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while looking at probabilities");
}

/* The answers of a part that have a probability, sorted; *n of them. */
static struct ranked *rank(const struct hallucination *study, size_t r,
                           const struct question_part *part, struct arena *arena, size_t *n)
{
    const struct study_run *run = &study->look.runs[r];
    struct ranked *items = arena_alloc(arena, run->n + 1, sizeof *items);
    *n = 0;
    for (size_t i = 0; i < run->n && items; i++) {
        double p = question_p_yes(study, r, i);
        if (!isnan(p) && question_is_in(study, r, i, part))
            items[(*n)++] = (struct ranked){p, study->runs[r].label_yes[i], run->answers.image[i]};
    }
    if (items)
        ranking_sort(items, *n); /* none is NAN */
    return items;
}

static void put_areas(struct sheet *sheet, const struct study_run *run,
                      const struct question_part *part, const struct ranked *items, size_t n,
                      const struct interval *intervals, const struct calibration *calibration)
{
    bool any = n > 0;
    study_begin_row(sheet, run);
    sheet_text(sheet, part->name);
    sheet_number(sheet, any ? (double)n : (double)NAN);
    sheet_number(sheet, any ? ranking_roc_auc(items, n) : (double)NAN);
    sheet_range(sheet, intervals[RANKING_ROC_AUC].low, intervals[RANKING_ROC_AUC].high);
    sheet_number(sheet, any ? ranking_average_precision(items, n) : (double)NAN);
    sheet_range(sheet, intervals[RANKING_AVERAGE_PRECISION].low,
                intervals[RANKING_AVERAGE_PRECISION].high);
    sheet_number(sheet, calibration->error);
    sheet_number(sheet, calibration->largest);
    sheet_number(sheet, any ? (double)calibration->n_bins : (double)NAN);
}

/* The share of yes in a bin, with its interval: the bin's samples are those of its range. */
static void put_bin(struct hallucination *study, size_t r, const struct question_part *part,
                    const struct calibration *calibration, size_t b, struct sheet *sheet)
{
    const struct calibration_bin *bin = &calibration->bins[b];
    double *values = study->values[r];
    for (size_t i = 0; i < study->look.runs[r].n; i++) {
        double p = question_p_yes(study, r, i);
        bool is_in = p >= bin->low && p <= bin->high && question_is_in(study, r, i, part);
        values[i] = is_in ? study->runs[r].label_yes[i] : (double)NAN;
    }
    struct study_share share = study_share_of(&study->look.runs[r], values);
    study_begin_row(sheet, &study->look.runs[r]);
    sheet_text(sheet, part->name);
    sheet_number(sheet, (double)(b + 1));
    sheet_number(sheet, (double)bin->n);
    sheet_range(sheet, bin->low, bin->high);
    sheet_number(sheet, bin->mean);
    sheet_number(sheet, bin->share_positive);
    sheet_range(sheet, share.low, share.high);
}

static void put_curve(const struct study_run *run, const struct question_part *part,
                      const struct ranked *items, size_t n, struct roc_point *points,
                      struct sheet *sheet)
{
    size_t n_points = roc_curve(items, n, points);
    for (size_t i = 0; i < n_points; i++) {
        study_begin_row(sheet, run);
        sheet_text(sheet, part->name);
        sheet_number(sheet, i > 0 ? points[i].threshold : (double)NAN);
        sheet_number(sheet, points[i].false_alarm_rate);
        sheet_number(sheet, points[i].hit_rate);
    }
}

/* Areas and curve of a part; or its bins. */
static enum status add_part(struct hallucination *study, size_t r, const struct question_part *part,
                            const struct sheets *sheets, bool bins, struct error *err)
{
    const struct study_run *run = &study->look.runs[r];
    struct arena arena;
    struct calibration calibration;
    struct interval intervals[N_RANKING_VALUES];
    size_t n = 0;
    arena_init(&arena);
    struct ranked *items = rank(study, r, part, &arena, &n);
    struct roc_point *points = arena_alloc(&arena, n + 1, sizeof *points);
    enum status status = items && points ? STATUS_OK : no_memory(err);
    for (size_t v = 0; v < N_RANKING_VALUES; v++)
        intervals[v] = (struct interval){NAN, NAN};
    if (!status)
        calibration_of(items, n, study->n_bins, &calibration);
    if (!status && !bins && n > 0)
        status = ranking_intervals(items, n, run->answers.n_images, ESTIMATE_RESAMPLES,
                                   study->look.seed, intervals, err);
    if (!status && !bins) {
        put_areas(sheets->areas, run, part, items, n, intervals, &calibration);
        put_curve(run, part, items, n, points, sheets->roc);
    }
    for (size_t b = 0; bins && !status && b < calibration.n_bins; b++)
        put_bin(study, r, part, &calibration, b, sheets->reliability);
    arena_release(&arena);
    return status;
}

static void begin_sheets(struct hallucination *study, struct sheets *sheets)
{
    static const struct sheet_column areas[] = {
        STUDY_RUN_COLUMNS,
        {"questions", "questions", SHEET_TEXT},
        {"n", "n", SHEET_COUNT},
        {"auroc", "AUROC", SHEET_NUMBER},
        {"auroc", "95 % interval", SHEET_NUMBER_RANGE},
        {"auprc", "AUPRC", SHEET_NUMBER},
        {"auprc", "95 % interval", SHEET_NUMBER_RANGE},
        {"ece", "ECE", SHEET_NUMBER},
        {"largest_gap", "largest gap", SHEET_NUMBER},
        {"bins", "bins", SHEET_COUNT},
        {0},
    };
    static const struct sheet_column reliability[] = {
        STUDY_RUN_COLUMNS,
        {"questions", "questions", SHEET_TEXT},
        {"bin", "bin", SHEET_COUNT},
        {"n", "n", SHEET_COUNT},
        {"p", "p(yes)", SHEET_NUMBER_RANGE},
        {"mean_p", "mean p(yes)", SHEET_NUMBER},
        {"share_yes", "labelled yes", SHEET_SHARE},
        {"share_yes", "95 % interval", SHEET_SHARE_RANGE},
        {0},
    };
    static const struct sheet_column roc[] = {
        STUDY_RUN_COLUMNS,
        {"questions", "questions", SHEET_TEXT},
        {"threshold", "threshold", SHEET_NUMBER},
        {"false_alarm_rate", "false alarms", SHEET_SHARE},
        {"hit_rate", "hits", SHEET_SHARE},
        {0},
    };
    sheets->areas = study_sheet(&study->look, "probabilities", "The probability of yes", areas);
    sheets->areas->note =
        "AUROC, AUPRC (average precision): of p(yes) against the label. ECE: mean |share labelled "
        "yes - mean p(yes)| over bins of equal mass;\nequal probabilities share a bin. Blank: the "
        "answers have no probabilities.";
    sheets->reliability =
        study_sheet(&study->look, "reliability", "Calibration, distinct questions", reliability);
    sheets->roc = study_sheet(&study->look, "roc", "ROC", roc);
    sheets->roc->most_shown = 0;
}

enum status hallucination_add_probabilities(struct hallucination *study, struct error *err)
{
    struct sheets sheets;
    size_t n = 0;
    const struct question_part *parts = hallucination_parts(study, &n);
    enum status status = parts ? STATUS_OK : no_memory(err);
    begin_sheets(study, &sheets);
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t p = 0; p < n && !status; p++)
            status = add_part(study, r, &parts[p], &sheets, false, err);
    /* The distinct questions are the last part, and the bins that people read. */
    for (size_t p = n; p-- > 0 && !status;) {
        for (size_t r = 0; r < study->look.n_runs && !status; r++)
            status = add_part(study, r, &parts[p], &sheets, true, err);
        if (p + 1 == n)
            sheets.reliability->most_shown = sheet_rows(sheets.reliability);
    }
    return status;
}
