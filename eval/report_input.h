/* eval/report_input.h - everything that tables and figures are made of, from the operands of
 * `mambench report`: runs with the names that a suite gave them, profiles, and what is missing. */
#ifndef MAMBENCH_EVAL_REPORT_INPUT_H
#define MAMBENCH_EVAL_REPORT_INPUT_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "eval/run_list.h"
#include "eval/suite_record.h"
#include "reports/profile_read.h"
#include "reports/systems.h"

#include <stddef.h>

struct report_input {
    struct run_list runs;        /* empty where operands hold profiles alone */
    struct systems_run *named;   /* [runs.n] */
    struct suite_record *suites; /* [n_suites] */
    size_t n_suites;
    struct profile_file *files; /* [n_profiles] */
    struct systems_profile *profiles;
    size_t n_profiles, profile_capacity;
    size_t n_refused; /* profiles of another format, which were told and left out */
    struct systems_missing *missing;
    size_t n_missing;
    struct arena arena;
};

/* The caller closes it.  No operand is no error.  Errors: those of run_list_open(); BAD_FORMAT of a
 * suite.json or profile.json. */
enum status report_input_open(struct report_input *input, const char *const *operands, size_t n,
                              struct error *err);
void report_input_close(struct report_input *input);

/* The cell of a suite whose directory this is, or NULL. */
const struct suite_cell *report_input_cell(const struct report_input *input, const char *directory);

#endif
