/* eval/run_list.h - run directories named on the command line. */
#ifndef MAMBENCH_EVAL_RUN_LIST_H
#define MAMBENCH_EVAL_RUN_LIST_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "reports/run_record.h"

#include <stdbool.h>
#include <stddef.h>

struct run_list {
    const char **directories;   /* [n] */
    struct run_record *records; /* [n], or NULL if only directories were asked for */
    size_t n, capacity;
    struct arena arena;
};

/* Every operand is a run directory or a folder of run directories, which are taken in the order of
 * their names.  The caller closes the list.  Errors: USAGE (no operand), NOT_FOUND (no run). */
enum status run_list_open(struct run_list *list, const char *const *operands, size_t n,
                          bool read_records, struct error *err);
void run_list_close(struct run_list *list);

/* Prints the runs to standard output as one table, or as JSON, and where their reports lie.
 * Errors: NOT_FOUND, BAD_FORMAT (a run that cannot be read), IO (standard output). */
enum status run_list_print(const char *const *directories, size_t n, bool json, struct error *err);

#endif
