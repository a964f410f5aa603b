/* reports/profile.h - a finished profile for readers and programs.
 *
 * To add a format: write reports/profile_<name>.c with its row and list it in
 * reports/profile_formats.c. */
#ifndef MAMBENCH_REPORTS_PROFILE_H
#define MAMBENCH_REPORTS_PROFILE_H

#include "engine/base/text.h"
#include "reports/profile_record.h"

struct profile_format {
    const char *name; /* "table" */
    /* Appends the record; out has failed where memory was missing. */
    void (*add)(const struct profile_record *record, struct text *out);
};

extern const struct profile_format *const profile_formats[]; /* NULL-terminated */
const struct profile_format *profile_format_find(const char *name);

/* RUN/profile.json: everything, raw times included.  identity: JSON of what must be the same for
 * this measurement to stand for another; NULL: none.  tokens_per_s: of a scenario, else NAN. */
void profile_add_run_json(const struct profile_record *record, const char *identity,
                          double tokens_per_s, struct text *out);

/* Chrome's trace format (chrome://tracing, Perfetto).  Tokens stand where they were chosen; the
 * stages of a run are laid end to end from its start. */
void profile_add_trace(const struct profile_record *record, struct text *out);

/* The tables of state space models against Transformers, with the points where they cross. */
void profile_add_crossover(const struct profile_record *record, bool markdown, struct text *out);

#endif
