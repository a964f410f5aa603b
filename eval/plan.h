/* eval/plan.h - what `mambench run` will do: cells, each of them one model asked one protocol, or
 * measured in one scenario.
 *
 * --model and --task make a plan of one model; a suite (suite.h) one of several.  A cell has a run
 * directory of its own, so a plan resumes cell by cell. */
#ifndef MAMBENCH_EVAL_PLAN_H
#define MAMBENCH_EVAL_PLAN_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "eval/answerer.h"
#include "eval/exit_code.h"
#include "eval/options.h"
#include "eval/runner.h"
#include "eval/scenario.h"
#include "eval/task.h"

#include <stdbool.h>
#include <stddef.h>

enum cell_state { CELL_WAITING, CELL_RUNNING, CELL_FINISHED, CELL_FAILED, CELL_INTERRUPTED };

/* Strings belong to the plan's arena or to the command line. */
struct cell {
    const char *row, *column; /* what tables call it: its model's name, its task's */
    const char *model, *directory;
    const char *protocol, *data;     /* of a task */
    const struct scenario *scenario; /* NULL: the cell is a task */
    const char *image;               /* of a scenario */
    const struct options *options;   /* its settings, those of the suite included */
    struct answerer_options answerer;
    struct run_settings settings;
    struct task task;
    bool is_loaded;                 /* task holds its samples */
    bool data_checked, data_failed; /* they were looked at; they cannot be read */
    size_t n_done, n_asked;         /* samples, of a task */
    enum cell_state state;
    enum exit_code code; /* of a cell that is done or failed */
    struct error reason; /* why it failed */
    double tokens_per_s; /* of a scenario */
};

struct plan {
    const struct options *options; /* of the command */
    const char *suite, *name;      /* the suite's file and name; NULL: there is none */
    const char *out;               /* folder of the cells' folders; NULL without a suite */
    struct shard shard;            /* of every cell; of = 0: all of it */
    struct cell *cells;            /* [n_cells], cells of one model one after the other */
    size_t n_cells, capacity;
    struct options *copies; /* [n_copies]: settings of a suite's cells */
    size_t n_copies;
    struct arena arena;
};

/* The plan of a command line of `mambench run`.  The caller closes it, after a failure too.
 * Errors: USAGE, those of suite_read(). */
enum status plan_make(struct plan *plan, const struct options *options, struct error *err);
void plan_close(struct plan *plan);

/* For suite.c: a further cell, zeroed but for its options.  NULL without memory. */
struct cell *plan_add(struct plan *plan, const struct options *options);

/* Whether the cell is called "ROW/COLUMN". */
bool plan_cell_is(const struct cell *cell, const char *name);

/* "cobra+3b" and "models/mini-cobra/" as part of a file name; NULL without memory. */
char *plan_file_name(struct arena *arena, const char *model);

/* Asks everything that has not been asked, cell by cell; one that fails does not stop the others.
 * The worst exit code. */
enum exit_code plan_run(struct plan *plan, struct error *err);

#endif
