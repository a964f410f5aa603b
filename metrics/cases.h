/* metrics/cases.h - checks the scorers against a file of recorded inputs and outputs of the
 * reference scorers: the door behind `mambench selftest --cases FILE`.
 *
 * To add a section: write its function in a metrics/cases_*.c and a row in case_sections[]. */
#ifndef MAMBENCH_METRICS_CASES_H
#define MAMBENCH_METRICS_CASES_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum case_file_kind {
    CASE_FILE_UNKNOWN,
    CASE_FILE_METRICS,   /* an object of sections: "pope_text", "tri_vsr", ... */
    CASE_FILE_TOKENIZER, /* "prompts" or "raw" with token ids: needs a tokenizer */
};

/* One comparison.  Strings live until the report returns. */
struct case_result {
    const char *section; /* "pope_sets" */
    size_t index;        /* in the section, from 0 */
    const char *field;   /* "llava/stdout" */
    const char *expected, *got;
    bool ok;
};

enum { CASES_MAX_SECTIONS = 64, CASES_NAME_BYTES = 48 };

struct case_section_summary {
    char name[CASES_NAME_BYTES];
    size_t n_checked, n_failed;
    bool is_checked; /* false: this version has no scorer for it; nothing was compared */
};

struct case_summary {
    size_t n_checked, n_failed; /* over all sections */
    size_t n_sections;          /* in the file; those beyond the maximum are an error */
    struct case_section_summary sections[CASES_MAX_SECTIONS];
};

/* What a case file is about.  Errors: NOT_FOUND, BAD_FORMAT. */
enum status cases_kind(const char *path, enum case_file_kind *kind, struct error *err);

/* Compares everything that can be compared; report (may be NULL) is called for every comparison.
 * A failed comparison is not an error: see the summary.  Counts and texts must be equal, doubles
 * within 1e-12 relative; the annotator scores of "accuracy" bit for bit.
 * Errors: NOT_FOUND, BAD_FORMAT (a case that cannot be read), UNSUPPORTED (a tokenizer case file,
 * or one without a known section). */
enum status cases_check(const char *path,
                        void (*report)(void *context, const struct case_result *result),
                        void *context, struct case_summary *summary, struct error *err);

#endif
