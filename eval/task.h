/* eval/task.h - a protocol with the samples it is asked on, in the order they are asked. */
#ifndef MAMBENCH_EVAL_TASK_H
#define MAMBENCH_EVAL_TASK_H

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Which samples: all where everything is zero. */
struct task_selection {
    size_t slim;  /* TRI's subset of this size (metrics/tri_order.h), before the rest; 0: all */
    size_t limit; /* the first n in evaluation order; 0: all */
    const char *const *sample_ids; /* these only */
    size_t n_sample_ids;
};

struct task {
    struct protocol protocol;
    struct dataset set; /* the selected samples, in the files' order */
    bool has_set;
    const char *directory; /* of the data, as given */
    size_t n_in_dataset;   /* samples before the selection */
    /* Evaluation order [set.n_samples]: samples of one image one after the other, images in the
     * order of their first appearance, so that every picture is read once. */
    size_t *order;
    size_t begin, end; /* the positions of it that are asked: all, or a shard's */
    struct arena arena;
};

/* Reads the protocol only.  The caller closes the task.  Errors: USAGE (no such protocol). */
enum status task_open(struct task *task, const char *protocol, struct error *err);

/* Reads the data under directory and selects.  Errors: those of dataset_open(); USAGE (a sample id
 * that is not there). */
enum status task_load(struct task *task, const char *directory,
                      const struct task_selection *selection, struct error *err);

/* The same for samples that are loaded already: task owns *set from here on. */
enum status task_take(struct task *task, struct dataset *set,
                      const struct task_selection *selection, struct error *err);

void task_close(struct task *task);

/* The sample with that id, or NULL. */
const struct sample *task_find(const struct task *task, const char *id);

#endif
