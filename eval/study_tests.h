/* eval/study_tests.h - the comparisons of a study, when all were made. */
#ifndef MAMBENCH_EVAL_STUDY_TESTS_H
#define MAMBENCH_EVAL_STUDY_TESTS_H

#include "engine/base/error.h"
#include "eval/study.h"

/* Fills p_holm of every test.  Errors: NO_MEMORY. */
enum status study_adjust_tests(struct study_look *look, struct error *err);

/* Adds their sheet, if there is one. */
void study_add_tests_sheet(struct study_look *look);

#endif
