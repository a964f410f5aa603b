/* eval/suite_record.h - OUT/suite.json: what became of every cell of a suite. */
#ifndef MAMBENCH_EVAL_SUITE_RECORD_H
#define MAMBENCH_EVAL_SUITE_RECORD_H

#include "engine/base/arena.h"
#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Strings belong to the arena that was given. */
struct suite_cell {
    const char *row, *column; /* what the suite calls model and task */
    const char *directory;    /* below the suite's folder as it is called now */
    const char *state;        /* "finished" */
    const char *reason;       /* why it failed; NULL: it did not */
};

struct suite_record {
    struct suite_cell *cells; /* in the suite's order */
    size_t n_cells;
};

bool suite_record_exists(const char *folder, struct arena *arena);

/* Errors: NOT_FOUND, BAD_FORMAT, NO_MEMORY. */
enum status suite_record_read(struct suite_record *record, const char *folder, struct arena *arena,
                              struct error *err);

#endif
