/* tests/metric_task.h - a protocol on a folder of data, with answers and their scores. */
#ifndef MAMBENCH_TESTS_METRIC_TASK_H
#define MAMBENCH_TESTS_METRIC_TASK_H

#include "tests/check.h"

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "metrics/metric.h"

#include <math.h>

struct task {
    struct arena arena;
    struct protocol protocol;
    struct dataset set;
    struct prediction *predictions; /* [set.n_samples], named and empty */
    struct score_table table;
};

static inline void open_task(struct task *task, const char *protocol, const char *directory)
{
    struct error err = {{0}};
    arena_init(&task->arena);
    assert_ok(protocol_open(&task->protocol, protocol, &task->arena, &err), err);
    assert_ok(
        dataset_open(&task->set, task->protocol.dataset, task->protocol.variant, directory, &err),
        err);
    task->predictions = arena_alloc(&task->arena, task->set.n_samples, sizeof *task->predictions);
    for (size_t i = 0; i < task->set.n_samples; i++)
        task->predictions[i].sample_id = task->set.samples[i].id;
}

static inline void close_task(struct task *task)
{
    dataset_close(&task->set);
    arena_release(&task->arena);
}

static inline void score(struct task *task)
{
    struct error err = {{0}};
    assert_ok(score_predictions(&task->set, &task->protocol, task->predictions, &task->arena,
                                &task->table, &err),
              err);
}

static inline const struct score *find(const struct task *task, const char *name)
{
    const struct score *found = score_find(&task->table, name);
    if (!found)
        fail_msg("%s gives no score %s", task->protocol.name, name);
    return found;
}

static inline void assert_score(const struct task *task, const char *name, double expected)
{
    double value = find(task, name)->value;
    if (!(fabs(value - expected) <= 1e-15 * fmax(1, fabs(expected))))
        fail_msg("%s: %s is %.17g, not %.17g", task->protocol.name, name, value, expected);
}

/* Lets every allocation of work() fail in turn, up to the one that there is not. */
typedef enum status task_work(struct task *task, struct arena *arena, struct error *err);
static inline void assert_reports_no_memory(struct task *task, task_work *work)
{
    for (long n = 1;; n++) {
        struct arena arena;
        struct error err = {{0}};
        arena_init(&arena);
        fail_allocation(n);
        enum status status = work(task, &arena, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        arena_release(&arena);
        assert_true(status == STATUS_OK ? !struck
                                        : status == STATUS_NO_MEMORY && struck && err.text[0]);
        if (!struck)
            break;
    }
}

static inline enum status score_in(struct task *task, struct arena *arena, struct error *err)
{
    return score_predictions(&task->set, &task->protocol, task->predictions, arena, &task->table,
                             err);
}

#endif
