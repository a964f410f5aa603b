/* eval/history.h - finished runs over time: a JSONL file that grows by a line a run.
 *
 *     {"history": 1, "run": DIGEST, "commit": ..., "date": ..., "task": "pope@triml", "model": ...,
 *      "precision": ..., "samples": n, "failed": n, "headline": "f1",
 *      "scores": {"f1": [value, low, high]}, "scale": {"f1": 1},
 *      "latency": {"first_token_ms": ..., "questions_per_s": ..., "samples": n, "machine": ...}}
 *
 * The digest is that of what was asked, by what, when it began and what was answered: the same run,
 * copied or scored again, is the same line. */
#ifndef MAMBENCH_EVAL_HISTORY_H
#define MAMBENCH_EVAL_HISTORY_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "reports/run_record.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum { HISTORY_VERSION = 1 };

struct history_line {
    cJSON *root;
    const char *run, *commit, *date, *task, *model; /* belong to root */
};

struct history {
    struct history_line *lines; /* [n], in the file's order */
    size_t n, capacity;
    const char **damaged; /* [n_damaged] sentences that name line and cause */
    size_t n_damaged;
    bool lacks_newline; /* the last line was torn */
    struct arena arena;
};

/* Reads a file; one that is not there is an empty history.  Damaged lines are named and left out.
 * The caller closes it.  Errors: IO, NO_MEMORY. */
enum status history_open(struct history *history, const char *path, struct error *err);
void history_close(struct history *history);

/* Appends the line of a finished run to out, unless history or out has it: *is_new tells.  commit
 * NULL: the version of mambench that made it.  Errors: those of reading a run; NO_MEMORY. */
enum status history_add_run(struct history *history, const struct run_record *run,
                            const char *commit, bool *is_new, struct text *out, struct error *err);

/* What to show; NULL: all, or the task's headline.  metric may be first_token_ms or
 * questions_per_s. */
struct history_view {
    const char *task, *model, *metric;
};

/* Appends a table and a line of small bars for each task and model, or JSON.  *n_shown: lines. */
void history_add_tables(const struct history *history, const struct history_view *view,
                        struct text *out, size_t *n_shown);
void history_add_json(const struct history *history, const struct history_view *view,
                      struct text *out, size_t *n_shown);

#endif
