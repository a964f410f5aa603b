/* eval/hallucination_answers.c - rates of yes, d' and c by split, and runs held against the first.
 */
#include "eval/hallucination.h"
#include "metrics/dprime.h"

#include <math.h>

enum { RESAMPLES = 2000 };

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while looking at hallucinations");
}

static void count_image(struct detection_counts *image, double hit, double false_alarm)
{
    image->signals += !isnan(hit);
    image->hits += isnan(hit) ? 0 : hit;
    image->noises += !isnan(false_alarm);
    image->false_alarms += isnan(false_alarm) ? 0 : false_alarm;
}

/* d' and c of a part, with their intervals. */
static enum status put_detection(struct hallucination *study, size_t r,
                                 const struct question_part *part, struct sheet *sheet,
                                 struct error *err)
{
    const struct study_run *run = &study->look.runs[r];
    struct arena arena;
    struct interval dprime, criterion;
    struct detection_counts sum = {0, 0, 0, 0};
    arena_init(&arena);
    struct detection_counts *images =
        arena_alloc(&arena, run->answers.n_images + 1, sizeof *images);
    enum status status = images ? STATUS_OK : no_memory(err);
    for (size_t i = 0; i < run->n && !status; i++) {
        if (!question_is_in(study, r, i, part))
            continue;
        double hit = question_value(study, r, i, QUESTION_HIT);
        double false_alarm = question_value(study, r, i, QUESTION_FALSE_ALARM);
        count_image(&images[run->answers.image[i]], hit, false_alarm);
        count_image(&sum, hit, false_alarm);
    }
    if (!status)
        status = detection_intervals(images, run->answers.n_images, RESAMPLES, study->look.seed,
                                     &dprime, &criterion, err);
    arena_release(&arena);
    if (status)
        return status;
    struct detection detection = detection_of(&sum);
    bool defined = !isnan(detection.dprime);
    sheet_number(sheet, detection.dprime);
    sheet_range(sheet, defined ? dprime.low : (double)NAN, defined ? dprime.high : (double)NAN);
    sheet_number(sheet, detection.criterion);
    sheet_range(sheet, defined ? criterion.low : (double)NAN,
                defined ? criterion.high : (double)NAN);
    return STATUS_OK;
}

/* A share without its n, which the row says once. */
static void put_rate(struct hallucination *study, size_t r, const struct question_part *part,
                     enum question_quantity quantity, struct sheet *sheet)
{
    question_values(study, part, quantity);
    struct study_share share = study_share_of(&study->look.runs[r], study->values[r]);
    sheet_number(sheet, share.value);
    sheet_range(sheet, share.low, share.high);
}

struct counts {
    size_t n, n_yes, n_failed, n_neither, n_hits, n_false_alarms;
};

static struct counts count_answers(const struct hallucination *study, size_t r,
                                   const struct question_part *part)
{
    struct counts count = {0, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < study->look.runs[r].n; i++) {
        if (!question_is_in(study, r, i, part))
            continue;
        count.n += 1;
        count.n_yes += study->runs[r].label_yes[i];
        count.n_failed += study->runs[r].says[i] == SAYS_NOTHING;
        count.n_neither += study->runs[r].says[i] == SAYS_NEITHER;
        count.n_hits += question_value(study, r, i, QUESTION_HIT) > 0;
        count.n_false_alarms += question_value(study, r, i, QUESTION_FALSE_ALARM) > 0;
    }
    return count;
}

static enum status add_row(struct hallucination *study, size_t r, const struct question_part *part,
                           struct sheet *sheet, struct error *err)
{
    struct counts count = count_answers(study, r, part);
    if (count.n == 0)
        return STATUS_OK;
    study_begin_row(sheet, &study->look.runs[r]);
    sheet_text(sheet, part->name);
    sheet_number(sheet, (double)count.n);
    sheet_number(sheet, (double)count.n_yes);
    sheet_number(sheet, (double)count.n_failed);
    sheet_number(sheet, (double)count.n_neither);
    sheet_number(sheet, (double)count.n_hits);
    sheet_number(sheet, (double)count.n_false_alarms);
    put_rate(study, r, part, QUESTION_RIGHT, sheet);
    put_rate(study, r, part, QUESTION_YES, sheet);
    put_rate(study, r, part, QUESTION_HIT, sheet);
    put_rate(study, r, part, QUESTION_FALSE_ALARM, sheet);
    return put_detection(study, r, part, sheet, err);
}

/* Holm's correction costs power, so nothing is tested twice: what is there is the same in all
 * splits of POPE, and the distinct questions stand for the pooled ones. */
static enum status test_all(struct hallucination *study, const struct question_part *parts,
                            size_t n, struct error *err)
{
    static const struct {
        enum question_quantity quantity;
        const char *name;
        bool by_split;
    } quantities[] = {{QUESTION_RIGHT, "accuracy", true},
                      {QUESTION_FALSE_ALARM, "false alarm rate", true},
                      {QUESTION_HIT, "hit rate", false},
                      {QUESTION_YES, "yes-rate", false}};
    enum status status = STATUS_OK;
    for (size_t p = 0; p < n; p++)
        for (size_t q = 0; q < sizeof quantities / sizeof quantities[0] && !status; q++) {
            bool wanted = parts[p].split ? quantities[q].by_split : parts[p].distinct_only;
            if (!wanted)
                continue;
            question_values(study, &parts[p], quantities[q].quantity);
            status = study_test_all(&study->look, "answers", parts[p].name, quantities[q].name,
                                    study->values, err);
        }
    return status;
}

enum status hallucination_add_answers(struct hallucination *study, struct error *err)
{
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"questions", "questions", SHEET_TEXT},
        {"n", "n", SHEET_COUNT},
        {"labelled_yes", NULL, SHEET_COUNT},
        {"failed", "failed", SHEET_COUNT},
        {"neither", "neither", SHEET_COUNT},
        {"hits", NULL, SHEET_COUNT},
        {"false_alarms", NULL, SHEET_COUNT},
        {"accuracy", "accuracy", SHEET_SHARE},
        {"accuracy", "95 % interval", SHEET_SHARE_RANGE},
        {"yes_ratio", "yes-rate", SHEET_SHARE},
        {"yes_ratio", NULL, SHEET_SHARE_RANGE},
        {"hit_rate", "hits", SHEET_SHARE},
        {"hit_rate", NULL, SHEET_SHARE_RANGE},
        {"false_alarm_rate", "false alarms", SHEET_SHARE},
        {"false_alarm_rate", "95 % interval", SHEET_SHARE_RANGE},
        {"dprime", "d'", SHEET_NUMBER},
        {"dprime", "95 % interval", SHEET_NUMBER_RANGE},
        {"criterion", "c", SHEET_NUMBER},
        {"criterion", "95 % interval", SHEET_NUMBER_RANGE},
        {0},
    };
    size_t n = 0;
    const struct question_part *parts = hallucination_parts(study, &n);
    if (!parts)
        return no_memory(err);
    struct sheet *sheet = study_sheet(&study->look, "answers", "Answers by split", columns);
    sheet->note =
        "Hits: yes to what is there; false alarms: yes to what is not. d' = z(hits) - z(false "
        "alarms), c = -(z(hits) + z(false alarms)) / 2:\nbelow 0 where yes is preferred; rates are "
        "log-linearly corrected first (+0.5 and +1). Distinct: each (image, question) once.\n"
        "Intervals: images as clusters; of d' and c from 2,000 seeded resamples of the images.";
    enum status status = STATUS_OK;
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t p = 0; p < n && !status; p++)
            status = add_row(study, r, &parts[p], sheet, err);
    return status ? status : test_all(study, parts, n, err);
}
