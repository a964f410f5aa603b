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
    size_t n_unfinished; /* runs without scores among several, which were told and left out */
    const char **unfinished_directories; /* [n_unfinished] */
    struct arena arena;
};

/* Every operand is a run directory or a folder of run directories, which are taken in the order of
 * their names.  The caller closes the list.  Errors: USAGE (no operand), NOT_FOUND (no run). */
enum status run_list_open(struct run_list *list, const char *const *operands, size_t n,
                          bool read_records, struct error *err);
void run_list_close(struct run_list *list);

/* Whether an operand is a run directory or a folder that holds one. */
bool run_list_has_runs(const char *operand);

/* The run of a protocol, or NULL. */
const struct run_record *run_list_find(const struct run_list *list, const char *protocol);

/* Two operands whose runs are to be paired by protocol.  Errors: USAGE (one of them has two runs of
 * a protocol, both have the same run). */
enum status run_list_check_pair(const struct run_list *first, const struct run_list *second,
                                struct error *err);

/* Prints the runs to standard output as one table, or as JSON, and where their reports lie.
 * Errors: NOT_FOUND, BAD_FORMAT (a run that cannot be read), IO (standard output). */
enum status run_list_print(const char *const *directories, size_t n, bool json, struct error *err);

#endif
