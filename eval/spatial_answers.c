/* eval/spatial_answers.c - accuracy and the share of True by category and relation, and what
 * categories differ in. */
#include "eval/spatial.h"
#include "metrics/dprime.h"
#include "metrics/intervals.h"

#include <math.h>
#include <string.h>

enum { RESAMPLES = 2000 };

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while looking at captions");
}

/* Captions of a category or of a group; both NULL: all. */
struct part {
    const char *category;
    const struct relation_group *group;
};

static bool is_in(const struct spatial *study, size_t r, size_t i, const struct part *part)
{
    if (part->group)
        return study->runs[r].group[i] == (size_t)(part->group - study->groups);
    return !part->category ||
           strcmp(caption_category(&study->look.runs[r].samples[i]), part->category) == 0;
}

static void fill(struct spatial *study, const struct part *part, enum caption_quantity quantity)
{
    study_clear_values(&study->look, study->values);
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t i = 0; i < study->look.runs[r].n; i++)
            if (is_in(study, r, i, part))
                study->values[r][i] = caption_value(&study->runs[r], i, quantity);
}

static struct study_share share_of(struct spatial *study, size_t r, const struct part *part,
                                   enum caption_quantity quantity)
{
    fill(study, part, quantity);
    return study_share_of(&study->look.runs[r], study->values[r]);
}

/* True said minus True labelled, over the answers, by image; and what d' reads. */
struct bias {
    struct paired_difference difference;
    struct detection detection;
    struct interval dprime, criterion;
    size_t n_images; /* with a caption of the part */
    size_t n, n_true, n_failed;
};

static void add_caption(struct bias *bias, struct paired_image *image,
                        struct detection_counts *counts, bool label, signed char says)
{
    bias->n += 1;
    bias->n_true += label;
    bias->n_failed += says < 0;
    if (says < 0)
        return;
    image->n += 1;
    image->difference += says - (double)label;
    counts->signals += label;
    counts->noises += !label;
    counts->hits += label && says;
    counts->false_alarms += !label && says;
}

static enum status find_bias(const struct spatial *study, size_t r, const struct part *part,
                             struct bias *bias, struct error *err)
{
    const struct study_run *run = &study->look.runs[r];
    size_t n_images = run->answers.n_images;
    struct arena arena;
    struct detection_counts sum = {0, 0, 0, 0};
    arena_init(&arena);
    *bias = (struct bias){.n = 0};
    struct paired_image *images = arena_alloc(&arena, n_images + 1, sizeof *images);
    struct detection_counts *counts = arena_alloc(&arena, n_images + 1, sizeof *counts);
    enum status status = images && counts ? STATUS_OK : no_memory(err);
    for (size_t i = 0; i < run->n && !status; i++) {
        size_t image = run->answers.image[i];
        if (is_in(study, r, i, part))
            add_caption(bias, &images[image], &counts[image], study->runs[r].label_true[i],
                        study->runs[r].says[i]);
    }
    for (size_t i = 0; i < n_images && !status; i++) {
        sum.hits += counts[i].hits;
        sum.signals += counts[i].signals;
        sum.false_alarms += counts[i].false_alarms;
        sum.noises += counts[i].noises;
    }
    if (!status) {
        bias->difference = paired_difference(images, n_images);
        bias->n_images = bias->difference.n_images;
        bias->detection = detection_of(&sum);
        status = detection_intervals(counts, n_images, RESAMPLES, study->look.seed, &bias->dprime,
                                     &bias->criterion, err);
    }
    arena_release(&arena);
    return status;
}

static enum status put_category(struct spatial *study, size_t r, const struct part *part,
                                struct sheet *sheet, struct error *err)
{
    struct bias bias;
    enum status status = find_bias(study, r, part, &bias, err);
    if (status || bias.n == 0)
        return status;
    struct study_share right = share_of(study, r, part, CAPTION_RIGHT);
    struct study_share says = share_of(study, r, part, CAPTION_TRUE);
    bool defined = !isnan(bias.detection.dprime);
    study_begin_row(sheet, &study->look.runs[r]);
    sheet_text(sheet, part->category ? part->category : "all");
    sheet_number(sheet, (double)bias.n_images);
    sheet_number(sheet, (double)bias.n_failed);
    study_put_share(sheet, &right);
    sheet_number(sheet, (double)bias.n_true / (double)bias.n);
    sheet_number(sheet, says.value);
    sheet_range(sheet, says.low, says.high);
    sheet_number(sheet, bias.difference.mean);
    sheet_range(sheet, bias.difference.interval.low, bias.difference.interval.high);
    sheet_number(sheet, bias.detection.dprime);
    sheet_range(sheet, defined ? bias.dprime.low : (double)NAN,
                defined ? bias.dprime.high : (double)NAN);
    sheet_number(sheet, bias.detection.criterion);
    sheet_range(sheet, defined ? bias.criterion.low : (double)NAN,
                defined ? bias.criterion.high : (double)NAN);
    return STATUS_OK;
}

static enum status add_categories(struct spatial *study, struct error *err)
{
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"category", "category", SHEET_TEXT},
        {"images", "images", SHEET_COUNT},
        {"failed", "failed", SHEET_COUNT},
        {"n", "n", SHEET_COUNT},
        {"accuracy", "accuracy", SHEET_SHARE},
        {"accuracy", "95 % interval", SHEET_SHARE_RANGE},
        {"labelled_true", "labelled True", SHEET_SHARE},
        {"answered_true", "answered True", SHEET_SHARE},
        {"answered_true", NULL, SHEET_SHARE_RANGE},
        {"bias", "bias", SHEET_POINTS},
        {"bias", "95 % interval", SHEET_POINTS_RANGE},
        {"dprime", "d'", SHEET_NUMBER},
        {"dprime", NULL, SHEET_NUMBER_RANGE},
        {"criterion", "c", SHEET_NUMBER},
        {"criterion", "95 % interval", SHEET_NUMBER_RANGE},
        {0},
    };
    struct sheet *sheet = study_sheet(&study->look, "categories", "By meta-category", columns);
    sheet->note = "Bias: how much more often True is answered than it is the label, in points. c "
                  "below 0: True is preferred (rates log-linearly corrected).\nIntervals: images "
                  "as clusters.";
    enum status status = STATUS_OK;
    for (size_t r = 0; r < study->look.n_runs && !status; r++) {
        status = put_category(study, r, &(struct part){NULL, NULL}, sheet, err);
        for (size_t c = 0; c < study->n_categories && !status; c++)
            status = put_category(study, r, &(struct part){study->categories[c], NULL}, sheet, err);
    }
    return status;
}

static void add_relations(struct spatial *study)
{
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"category", "category", SHEET_TEXT},
        {"relation", "relation", SHEET_TEXT},
        {"relations", NULL, SHEET_COUNT},
        {"members", NULL, SHEET_TEXT},
        {"n", "n", SHEET_COUNT},
        {"accuracy", "accuracy", SHEET_SHARE},
        {"accuracy", "95 % interval", SHEET_SHARE_RANGE},
        {"labelled_true", "labelled True", SHEET_SHARE},
        {"answered_true", "answered True", SHEET_SHARE},
        {0},
    };
    struct sheet *sheet = study_sheet(&study->look, "relations", "By relation", columns);
    sheet->note = "Relations with fewer captions than --least are put together by category; "
                  "relations.csv names them.";
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t g = 0; g < study->n_groups; g++) {
            const struct relation_group *group = &study->groups[g];
            struct part part = {NULL, group};
            struct study_share right = share_of(study, r, &part, CAPTION_RIGHT);
            struct study_share says = share_of(study, r, &part, CAPTION_TRUE);
            double n_true = 0;
            for (size_t i = 0; i < study->look.runs[r].n; i++)
                n_true += is_in(study, r, i, &part) && study->runs[r].label_true[i];
            if (right.n == 0)
                continue;
            study_begin_row(sheet, &study->look.runs[r]);
            sheet_text(sheet, group->category);
            sheet_text(sheet, group->name);
            sheet_number(sheet, (double)group->n_relations);
            sheet_text(sheet, group->members);
            study_put_share(sheet, &right);
            sheet_number(sheet, n_true / (double)right.n);
            sheet_number(sheet, says.value);
        }
}

/* The difference of two accuracies within a run, whose captions may share images. */
static enum status put_contrast(struct spatial *study, size_t r, const char *first,
                                const char *second, struct sheet *sheet, struct error *err)
{
    struct study_run *run = &study->look.runs[r];
    const char *names[2] = {first, second};
    struct study_share shares[2];
    struct arena arena;
    arena_init(&arena);
    double *influence = arena_alloc(&arena, run->n + 1, sizeof *influence);
    double *sums = arena_alloc(&arena, run->answers.n_images + 1, sizeof *sums);
    size_t *images = arena_alloc(&arena, run->n + 1, sizeof *images), n = 0;
    for (size_t k = 0; k < 2 && !arena_failed(&arena); k++) {
        shares[k] = share_of(study, r, &(struct part){names[k], NULL}, CAPTION_RIGHT);
        for (size_t i = 0; i < run->n; i++) {
            if (isnan(study->values[r][i]))
                continue;
            double rest = (study->values[r][i] - shares[k].value) / (double)shares[k].n;
            influence[n] = k == 0 ? rest : -rest;
            images[n++] = run->answers.image[i];
        }
    }
    enum status status = arena_failed(&arena) ? no_memory(err) : STATUS_OK;
    if (!status && shares[0].n > 0 && shares[1].n > 0) {
        double difference = shares[0].value - shares[1].value;
        struct interval interval =
            interval_cluster(difference, influence, images, n, sums, run->answers.n_images);
        bool some = interval.low < interval.high;
        study_begin_row(sheet, run);
        for (size_t k = 0; k < 2; k++) {
            sheet_text(sheet, names[k]);
            study_put_share(sheet, &shares[k]);
        }
        sheet_number(sheet, difference);
        sheet_range(sheet, some ? interval.low : (double)NAN, some ? interval.high : (double)NAN);
    }
    arena_release(&arena);
    return status;
}

static enum status add_contrast(struct spatial *study, struct error *err)
{
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"first", "category", SHEET_TEXT},
        {"first_n", "n", SHEET_COUNT},
        {"first_accuracy", "accuracy", SHEET_SHARE},
        {"first_accuracy", NULL, SHEET_SHARE_RANGE},
        {"second", "against", SHEET_TEXT},
        {"second_n", "n", SHEET_COUNT},
        {"second_accuracy", "accuracy", SHEET_SHARE},
        {"second_accuracy", NULL, SHEET_SHARE_RANGE},
        {"difference", "difference", SHEET_POINTS},
        {"difference", "95 % interval", SHEET_POINTS_RANGE},
        {0},
    };
    struct sheet *sheet =
        study_sheet(&study->look, "orientation", "Orientation against projective", columns);
    enum status status = STATUS_OK;
    for (size_t r = 0; r < study->look.n_runs && !status; r++)
        status = put_contrast(study, r, "Orientation", "Projective", sheet, err);
    if (!status && sheet_rows(sheet) == 0)
        text_add(&study->look.remarks, "Orientation against projective: not measured, for one of "
                                       "the two has no caption here.\n");
    return status;
}

static enum status test_all(struct spatial *study, struct error *err)
{
    fill(study, &(struct part){NULL, NULL}, CAPTION_RIGHT);
    enum status status =
        study_test_all(&study->look, "answers", "all", "accuracy", study->values, err);
    fill(study, &(struct part){NULL, NULL}, CAPTION_TRUE);
    if (!status)
        status =
            study_test_all(&study->look, "answers", "all", "answered True", study->values, err);
    for (size_t c = 0; c < study->n_categories && !status; c++) {
        fill(study, &(struct part){study->categories[c], NULL}, CAPTION_RIGHT);
        status = study_test_all(&study->look, "answers", study->categories[c], "accuracy",
                                study->values, err);
    }
    for (size_t g = 0; g < study->n_groups && !status; g++) {
        const struct relation_group *group = &study->groups[g];
        const char *name = arena_printf(&study->look.arena, "%s: %s", group->category, group->name);
        fill(study, &(struct part){NULL, group}, CAPTION_RIGHT);
        status = study_test_all(&study->look, "relations", name, "accuracy", study->values, err);
    }
    return status;
}

enum status spatial_add_answers(struct spatial *study, struct error *err)
{
    enum status status = add_categories(study, err);
    if (!status)
        add_relations(study);
    if (!status)
        status = add_contrast(study, err);
    return status ? status : test_all(study, err);
}
