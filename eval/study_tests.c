/* eval/study_tests.c - several runs of a study against the first. */
#include "eval/study_tests.h"
#include "metrics/holm.h"

#include <math.h>
#include <string.h>

static struct study_test *add_test(struct study_look *look)
{
    if (look->n_tests == look->tests_capacity) {
        size_t capacity = look->tests_capacity ? 2 * look->tests_capacity : 32;
        struct study_test *more = arena_alloc_small(&look->arena, capacity, sizeof *more);
        if (!more)
            return NULL;
        if (look->n_tests > 0)
            memcpy(more, look->tests, look->n_tests * sizeof *more);
        look->tests = more;
        look->tests_capacity = capacity;
    }
    return &look->tests[look->n_tests++];
}

static enum status test_run(struct study_look *look, struct study_test *test, double *const *values,
                            struct paired_image *images, struct error *err)
{
    const struct study_run *first = &look->runs[0], *run = &look->runs[test->run];
    size_t n_images = first->answers.n_images;
    memset(images, 0, n_images * sizeof *images);
    for (size_t i = 0; i < run->pairing.n; i++) {
        const struct sample_pair *pair = &run->pairing.pairs[i];
        double a = values[0][pair->first], b = values[test->run][pair->second];
        if (isnan(a) || isnan(b))
            continue;
        struct paired_image *image = &images[first->answers.image[pair->first]];
        image->n += 1;
        image->difference += b - a;
        test->n += 1;
        test->means[0] += a;
        test->means[1] += b;
    }
    for (size_t side = 0; side < 2; side++)
        test->means[side] = test->n ? test->means[side] / (double)test->n : (double)NAN;
    test->difference = paired_difference(images, n_images);
    return paired_permutation(images, n_images, look->n_draws, look->seed, &test->permutation, err);
}

enum status study_test_all(struct study_look *look, const char *family, const char *subset,
                           const char *quantity, double *const *values, struct error *err)
{
    struct arena arena;
    enum status status = STATUS_OK;
    arena_init(&arena);
    struct paired_image *images =
        arena_alloc(&arena, look->runs[0].answers.n_images + 1, sizeof *images);
    for (size_t r = 1; r < look->n_runs && !status; r++) {
        struct study_test *test = images ? add_test(look) : NULL;
        if (!test) {
            status = fail(err, STATUS_NO_MEMORY, "out of memory while comparing runs");
            break;
        }
        *test =
            (struct study_test){.family = family, .subset = subset, .quantity = quantity, .run = r};
        status = test_run(look, test, values, images, err);
        if (!status && test->n == 0)
            look->n_tests -= 1; /* neither has such samples */
    }
    arena_release(&arena);
    return status;
}

/* Holm's p over the tests of the family that test i begins. */
static void adjust_family(struct study_look *look, size_t i, double *p, double *adjusted)
{
    size_t n = 0;
    const char *family = look->tests[i].family;
    for (size_t j = i; j < look->n_tests; j++)
        if (strcmp(look->tests[j].family, family) == 0)
            p[n++] = look->tests[j].permutation.p;
    holm_adjust(p, adjusted, n);
    n = 0;
    for (size_t j = i; j < look->n_tests; j++)
        if (strcmp(look->tests[j].family, family) == 0)
            look->tests[j].p_holm = adjusted[n++];
}

enum status study_adjust_tests(struct study_look *look, struct error *err)
{
    double *p = arena_alloc_small(&look->arena, 2 * look->n_tests + 1, sizeof *p);
    if (!p)
        return fail(err, STATUS_NO_MEMORY, "out of memory while comparing runs");
    for (size_t i = 0; i < look->n_tests; i++) {
        bool is_first = true;
        for (size_t j = 0; j < i && is_first; j++)
            is_first = strcmp(look->tests[j].family, look->tests[i].family) != 0;
        if (is_first)
            adjust_family(look, i, p, p + look->n_tests);
    }
    return STATUS_OK;
}

void study_add_tests_sheet(struct study_look *look)
{
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"family", "family", SHEET_TEXT},
        {"subset", "subset", SHEET_TEXT},
        {"quantity", "quantity", SHEET_TEXT},
        {"n", "n", SHEET_COUNT},
        {"images", "images", SHEET_COUNT},
        {"first", "A", SHEET_SHARE},
        {"this", "run's", SHEET_SHARE},
        {"difference", "difference", SHEET_POINTS},
        {"difference", "95 % interval", SHEET_POINTS_RANGE},
        {"p", "p", SHEET_P},
        {"p_holm", "p (Holm)", SHEET_P},
        {"verdict", "verdict", SHEET_TEXT},
        {0},
    };
    if (look->n_tests == 0)
        return;
    struct sheet *sheet = study_sheet(look, "tests", "Against the first run (A)", columns);
    sheet->note =
        "Differences are run minus A, in points, on samples that both answered; intervals are "
        "cluster-robust (images).\np: sign-flip permutation by image; Holm's correction is over "
        "the tests of a family, and decides at 5 %.";
    for (size_t i = 0; i < look->n_tests; i++) {
        const struct study_test *test = &look->tests[i];
        study_begin_row(sheet, &look->runs[test->run]);
        sheet_text(sheet, test->family);
        sheet_text(sheet, test->subset);
        sheet_text(sheet, test->quantity);
        sheet_number(sheet, (double)test->n);
        sheet_number(sheet, (double)test->difference.n_images);
        sheet_number(sheet, test->means[0]);
        sheet_number(sheet, test->means[1]);
        sheet_number(sheet, test->difference.mean);
        sheet_range(sheet, test->difference.interval.low, test->difference.interval.high);
        sheet_number(sheet, test->permutation.p);
        sheet_number(sheet, test->p_holm);
        sheet_text(sheet, test->p_holm >= 0.05        ? "inconclusive"
                          : test->difference.mean > 0 ? "higher"
                                                      : "lower");
    }
}
