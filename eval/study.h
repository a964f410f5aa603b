/* eval/study.h - a closer look at finished runs of one benchmark: tables for people, csv for
 * figures.
 *
 * A study opens its runs with study_open(), fills sheets, and ends with study_finish().
 *
 * To add a study: eval/study_<name>.c with its row `study_<name>`, its name in STUDY_LIST, options
 * of its own in the table of eval/cmd_study.c, a test, a line in the README. */
#ifndef MAMBENCH_EVAL_STUDY_H
#define MAMBENCH_EVAL_STUDY_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "eval/exit_code.h"
#include "eval/options.h"
#include "eval/pairing.h"
#include "eval/run_answers.h"
#include "eval/run_list.h"
#include "metrics/estimate.h"
#include "reports/sheet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STUDY_LIST(X)                                                                              \
    X(hallucination)                                                                               \
    X(spatial)

struct study {
    const char *name;
    const char *dataset;            /* of whose runs: "pope" */
    const char *const *own_options; /* of the command's table, NULL-terminated */
    enum exit_code (*run)(const struct study *study, const struct options *options,
                          struct error *err);
};

#define X(name) extern const struct study study_##name;
STUDY_LIST(X)
#undef X

/* The table, NULL-terminated. */
extern const struct study *const studies[];
const struct study *study_find(const char *name);

/* One of the runs that are looked at. */
struct study_run {
    const struct run_record *record;
    struct run_answers answers;
    const struct sample *samples; /* answers.task.set.samples */
    size_t n;                     /* of them */
    size_t n_failed;
    bool has_probabilities; /* of two choices, with every answer */
    char label[24];         /* "A" in tables */
    struct estimator estimator;
    struct score_table scratch; /* what the estimator adds to */
    /* With the first run; what the first has with itself is not set. */
    struct pairing pairing;
};

/* A comparison of a share of answers between a run and the first one. */
struct study_test {
    const char *family; /* Holm's correction is over the tests of one */
    const char *subset, *quantity;
    size_t run, n;
    double means[2]; /* of the first run, of this one */
    struct paired_difference difference;
    struct permutation permutation;
    double p_holm;
};

enum { STUDY_MOST_SHEETS = 16 };

struct study_look {
    const struct study *study;
    struct run_list list;
    struct study_run *runs;
    size_t n_runs, n_open;
    size_t n_extra_failed; /* failed samples of further runs that a study reads */
    struct sheet sheets[STUDY_MOST_SHEETS];
    size_t n_sheets;
    struct text remarks; /* sentences below the tables, a line each */
    struct study_test *tests;
    size_t n_tests, tests_capacity;
    size_t n_draws; /* of the permutation */
    uint64_t seed;
    struct arena arena;
};

/* Opens the runs that the operands behind the study's name tell: run directories, or folders of
 * runs, of which those of other benchmarks are left out with a message.  On success the caller ends
 * with study_finish() or study_close().  Errors: USAGE (no run), MISMATCH (a run of another
 * benchmark, or that cannot be paired with the first), those of run_list_open() and
 * run_answers_open(). */
enum status study_open(struct study_look *look, const struct study *study,
                       const struct options *options, struct error *err);
void study_close(struct study_look *look);

/* The next sheet; its first two columns are STUDY_RUN_COLUMNS, which study_begin_row() fills. */
#define STUDY_RUN_COLUMNS                                                                          \
    {"run", "run", SHEET_TEXT},                                                                    \
    {                                                                                              \
        "model", NULL, SHEET_TEXT                                                                  \
    }
struct sheet *study_sheet(struct study_look *look, const char *name, const char *title,
                          const struct sheet_column *columns);
void study_begin_row(struct sheet *sheet, const struct study_run *run);

/* Shares over samples.  values[i] is 0 or 1 where sample i of the run is in it, else NAN. */
struct study_share {
    size_t n;
    double value;     /* NAN of nothing */
    double low, high; /* 95 %, images as clusters; NAN if there is none */
};
struct study_share study_share_of(struct study_run *run, const double *values);
/* The cells of n, share and range. */
void study_put_share(struct sheet *sheet, const struct study_share *share);

/* Tests every run against the first: values[r][i] is of sample i of run r as above; a pair counts
 * where both have a value.  Nothing where there is one run.  Errors: NO_MEMORY. */
enum status study_test_all(struct study_look *look, const char *family, const char *subset,
                           const char *quantity, double *const *values, struct error *err);

/* [n_runs] arrays of [n_samples], filled with NAN; NULL without memory. */
double **study_values(struct study_look *look);
void study_clear_values(const struct study_look *look, double *const *values);

/* Adds the sheet of the tests, prints everything in the --format and writes csv to --out, closes
 * the look.  EXIT_INCOMPLETE where a run has failed samples. */
enum exit_code study_finish(struct study_look *look, const struct options *options,
                            struct error *err);

#endif
