/* eval/hallucination_bands.c - hallucination by how frequent an object is, and by how much its
 * company lets expect it.  Every (image, question) counts once. */
#include "eval/hallucination.h"

#include <math.h>
#include <stdlib.h>

enum { N_BANDS = 3, MOST_BANDS = N_BANDS + 2 };

/* What is in (above the band before, high]. */
struct band {
    const char *name;
    double low, high; /* least and largest value that is in it */
    size_t n;         /* values in it */
};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while looking at objects");
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Cuts values into bands of as equal numbers as values that are alike, which stay together, allow;
 * returns how many bands hold something.  Sorts the values. */
static size_t cut(double *values, size_t n, const char *const names[N_BANDS], struct band *bands)
{
    size_t n_bands = 0, first = 0;
    if (n > 1)
        qsort(values, n, sizeof *values, by_value);
    for (size_t b = 0; b < N_BANDS && first < n; b++) {
        size_t end = (b + 1) * n / N_BANDS;
        if (end <= first)
            continue;
        while (end < n && values[end] <= values[end - 1])
            end++;
        bands[n_bands++] = (struct band){names[b], values[first], values[end - 1], end - first};
        first = end;
    }
    return n_bands;
}

static bool is_in(const struct band *band, double value)
{
    return value >= band->low && value <= band->high;
}

/* ---- frequency ---- */

static double frequency_of(const struct hallucination *study, size_t r, size_t i)
{
    size_t object = study->runs[r].object[i];
    return object == (size_t)NO_OBJECT ? (double)NAN : study->frequency[object];
}

/* The share of a quantity in a band, of a value by sample. */
static struct study_share share_in(struct hallucination *study, size_t r, const struct band *band,
                                   double (*of)(const struct hallucination *, size_t, size_t),
                                   enum question_quantity quantity)
{
    double *values = study->values[r];
    for (size_t i = 0; i < study->look.runs[r].n; i++) {
        bool in = study->runs[r].is_distinct[i] && is_in(band, of(study, r, i));
        values[i] = in ? question_value(study, r, i, quantity) : (double)NAN;
    }
    return study_share_of(&study->look.runs[r], values);
}

static enum status add_frequency(struct hallucination *study, struct error *err)
{
    static const char *const names[N_BANDS] = {"rare", "middle", "frequent"};
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"band", "objects", SHEET_TEXT},
        {"objects", "of them", SHEET_COUNT},
        {"least_pictures", "in pictures, from", SHEET_COUNT},
        {"most_pictures", "to", SHEET_COUNT},
        {"n_no", "not there", SHEET_COUNT},
        {"false_alarm_rate", "false alarms", SHEET_SHARE},
        {"false_alarm_rate", "95 % interval", SHEET_SHARE_RANGE},
        {"n_yes", "there", SHEET_COUNT},
        {"hit_rate", "hits", SHEET_SHARE},
        {"hit_rate", "95 % interval", SHEET_SHARE_RANGE},
        {0},
    };
    struct band bands[MOST_BANDS];
    double *known = arena_alloc_small(&study->look.arena, study->n_objects + 1, sizeof *known);
    size_t n_known = 0;
    if (!known)
        return no_memory(err);
    for (size_t o = 0; o < study->n_objects; o++)
        if (!isnan(study->frequency[o]))
            known[n_known++] = study->frequency[o];
    size_t n = cut(known, n_known, names, bands);
    struct sheet *sheet =
        study_sheet(&study->look, "frequency", "By frequency of the object", columns);
    sheet->note = "Bands hold about as many objects each; there and not there: distinct questions.";
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t b = n; b-- > 0;) {
            struct study_share alarms =
                share_in(study, r, &bands[b], frequency_of, QUESTION_FALSE_ALARM);
            struct study_share hits = share_in(study, r, &bands[b], frequency_of, QUESTION_HIT);
            study_begin_row(sheet, &study->look.runs[r]);
            sheet_text(sheet, bands[b].name);
            sheet_number(sheet, (double)bands[b].n);
            sheet_number(sheet, bands[b].low);
            sheet_number(sheet, bands[b].high);
            study_put_share(sheet, &alarms);
            study_put_share(sheet, &hits);
        }
    return STATUS_OK;
}

/* ---- company ---- */

static double company_of(const struct hallucination *study, size_t r, size_t i)
{
    return study->runs[r].label_yes[i] ? (double)NAN : study->runs[r].company[i];
}

/* The bands of the first run's questions for what is not there: those of no company, and thirds of
 * the others. */
static size_t company_bands(const struct hallucination *study, double *known, struct band *bands)
{
    static const char *const names[N_BANDS] = {"seldom", "sometimes", "often"};
    size_t n = 0, n_never = 0, n_bands = 0;
    for (size_t i = 0; i < study->look.runs[0].n; i++) {
        double company = study->runs[0].is_distinct[i] ? company_of(study, 0, i) : (double)NAN;
        n_never += company <= 0;
        if (company > 0)
            known[n++] = company;
    }
    if (n_never > 0)
        bands[n_bands++] = (struct band){"never", 0, 0, n_never};
    return n_bands + cut(known, n, names, bands + n_bands);
}

static enum status add_company(struct hallucination *study, struct error *err)
{
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"band", "together", SHEET_TEXT},
        {"company", "company", SHEET_SHARE_RANGE},
        {"n_no", "not there", SHEET_COUNT},
        {"false_alarm_rate", "false alarms", SHEET_SHARE},
        {"false_alarm_rate", "95 % interval", SHEET_SHARE_RANGE},
        {0},
    };
    struct band bands[MOST_BANDS];
    double *known = arena_alloc_small(&study->look.arena, study->look.runs[0].n + 1, sizeof *known);
    if (!known)
        return no_memory(err);
    size_t n = company_bands(study, known, bands);
    struct sheet *sheet =
        study_sheet(&study->look, "cooccurrence", "By co-occurrence with what is there", columns);
    sheet->note =
        "Company of an object that is not there: of the pictures with one of the objects that are, "
        "the share that\nhas this one, too; the largest over the objects that are there.";
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t b = n; b-- > 0;) {
            struct study_share alarms =
                share_in(study, r, &bands[b], company_of, QUESTION_FALSE_ALARM);
            study_begin_row(sheet, &study->look.runs[r]);
            sheet_text(sheet, bands[b].name);
            sheet_range(sheet, bands[b].low, bands[b].high);
            study_put_share(sheet, &alarms);
        }
    return STATUS_OK;
}

enum status hallucination_add_bands(struct hallucination *study, struct error *err)
{
    enum status status = add_frequency(study, err);
    return status ? status : add_company(study, err);
}
