#include "eval/shard.h"

#include "engine/base/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A launcher tells its processes their number and how many there are. */
static const struct launcher {
    const char *name;
    const char *index, *count; /* variables */
    const char *first, *last;  /* variables of the lowest and highest index; NULL: 0, not checked */
    const char *step;          /* and of the distance between two; NULL: 1 */
    /* Where the variable job is set and inside is not, nobody has started the count processes yet:
     * this is the script that was to do it.  NULL: no such thing. */
    const char *job, *inside;
} array_task = {.name = "Slurm array task",
                .index = "SLURM_ARRAY_TASK_ID",
                .count = "SLURM_ARRAY_TASK_COUNT",
                .first = "SLURM_ARRAY_TASK_MIN",
                .last = "SLURM_ARRAY_TASK_MAX",
                .step = "SLURM_ARRAY_TASK_STEP"},
  launchers[] = {
      /* MPI's first: below mpirun, Slurm's variables are those of the step that started it. */
      {.name = "Open MPI rank", .index = "OMPI_COMM_WORLD_RANK", .count = "OMPI_COMM_WORLD_SIZE"},
      {.name = "PMI rank", .index = "PMI_RANK", .count = "PMI_SIZE"},
      {.name = "Slurm process",
       .index = "SLURM_PROCID",
       .count = "SLURM_NTASKS",
       .job = "SLURM_JOB_ID",
       .inside = "SLURM_STEP_ID"},
      {.name = "PMIx rank", .index = "PMIX_RANK"}, /* tells no size */
};

static bool read_whole(const char *text, size_t length, size_t *out)
{
    char *end;
    if (length == 0 || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end != text + length || value > 1000000000)
        return false;
    *out = (size_t)value;
    return true;
}

/* A variable's number; the fallback where it is not named or not set. */
static enum status read_variable(const char *name, size_t fallback, size_t *out, struct error *err)
{
    const char *text = name ? getenv(name) : NULL;
    *out = fallback;
    if (text && !read_whole(text, strlen(text), out))
        return fail(err, STATUS_USAGE, "--shard auto: %s is '%s', not a number", name, text);
    return STATUS_OK;
}

static enum status check(struct shard *shard, const char *what, struct error *err)
{
    if (shard->index < 1 || shard->of < 1 || shard->index > shard->of)
        return fail(err, STATUS_USAGE, "--shard %s: there is no shard %zu of %zu", what,
                    shard->index, shard->of);
    if (shard->of > SHARD_MOST)
        return fail(err, STATUS_USAGE, "--shard %s: more than %d shards", what, SHARD_MOST);
    return STATUS_OK;
}

/* The process's number, from 0, and how many there are. */
static enum status read_launcher(const struct launcher *launcher, size_t *number, size_t *count,
                                 struct error *err)
{
    size_t index, first, step, last;
    if (!launcher->count || !getenv(launcher->count))
        return fail(err, STATUS_USAGE,
                    "--shard auto: %s is set, but %s is not: how many there are is not known; give "
                    "--shard I/N",
                    launcher->index, launcher->count ? launcher->count : "a number of processes");
    enum status status = read_variable(launcher->index, 0, &index, err);
    if (status || (status = read_variable(launcher->count, 1, count, err)) ||
        (status = read_variable(launcher->first, 0, &first, err)) ||
        (status = read_variable(launcher->step, 1, &step, err)) ||
        (status = read_variable(launcher->last, 0, &last, err)))
        return status;
    if (step == 0 || index < first || (index - first) % step != 0)
        return fail(err, STATUS_USAGE, "--shard auto: what %s and its like say cannot be",
                    launcher->index);
    /* An array such as 1,3,7 has a count and an end that do not fit together. */
    if (launcher->last && getenv(launcher->last) && *count > 0 &&
        (last < first + (*count - 1) * step || last >= first + *count * step))
        return fail(err, STATUS_USAGE,
                    "--shard auto: %zu of %s from %zu to %zu in steps of %zu cannot be; give "
                    "--array=0-N, or --shard I/N",
                    *count, launcher->index, first, last, step);
    *number = (index - first) / step;
    if (*number >= *count)
        return fail(err, STATUS_USAGE, "--shard auto: %s is %zu of %zu", launcher->index, index,
                    *count);
    return STATUS_OK;
}

/* The launcher that started this process, or NULL. */
static const struct launcher *find_launcher(void)
{
    for (size_t i = 0; i < sizeof launchers / sizeof launchers[0]; i++)
        if (getenv(launchers[i].index))
            return &launchers[i];
    return NULL;
}

/* Whether the launcher's number is not this process's: then it is the only one, or has been meant
 * to start them. */
static enum status check_inside(const struct launcher *launcher, bool *is_outside,
                                struct error *err)
{
    size_t count;
    *is_outside = launcher->job && getenv(launcher->job) && !getenv(launcher->inside);
    if (!*is_outside)
        return STATUS_OK;
    enum status status = read_variable(launcher->count, 1, &count, err);
    if (!status && count > 1)
        return fail(err, STATUS_USAGE,
                    "--shard auto: %s is %zu, but this process is none of them (%s is not set): "
                    "start it with srun",
                    launcher->count, count, launcher->inside);
    return status;
}

/* An array task may itself have several processes: then each has its shard. */
static enum status read_environment(struct shard *shard, struct error *err)
{
    const struct launcher *launcher = find_launcher();
    bool in_array = getenv(array_task.index) != NULL, is_outside = false;
    size_t outer = 0, n_outer = 1, inner = 0, n_inner = 1;
    enum status status = launcher ? check_inside(launcher, &is_outside, err) : STATUS_OK;
    if (status)
        return status;
    if (is_outside)
        launcher = NULL;
    if (!in_array && !launcher)
        return fail(err, STATUS_USAGE,
                    "--shard auto: neither Slurm nor an MPI launcher started this process (no %s, "
                    "%s, %s, %s); give --shard I/N",
                    array_task.index, launchers[0].index, launchers[1].index, launchers[2].index);
    if (in_array)
        status = read_launcher(&array_task, &outer, &n_outer, err);
    /* One process is meant. */
    bool is_silent = in_array && launcher && launcher->job && !getenv(launcher->count);
    if (!status && launcher && !is_silent)
        status = read_launcher(launcher, &inner, &n_inner, err);
    if (status)
        return status;
    shard->source = in_array ? array_task.name : launcher->name;
    shard->index = outer * n_inner + inner + 1;
    shard->of = n_outer * n_inner;
    return check(shard, "auto", err);
}

enum status shard_parse(const char *text, struct shard *shard, struct error *err)
{
    *shard = (struct shard){0};
    if (strcmp(text, "auto") == 0)
        return read_environment(shard, err);
    const char *slash = strchr(text, '/');
    if (!slash || !read_whole(text, (size_t)(slash - text), &shard->index) ||
        !read_whole(slash + 1, strlen(slash + 1), &shard->of))
        return fail(err, STATUS_USAGE, "--shard %s: I/N, such as 2/4, or auto is expected", text);
    return check(shard, text, err);
}

char *shard_directory(struct arena *arena, const char *directory, const struct shard *shard)
{
    return arena_printf(arena, "%s/shards/%zu-of-%zu", directory, shard->index, shard->of);
}

static const struct sample *sample_at(const struct task *task, size_t position)
{
    return &task->set.samples[task->order[position]];
}

static bool begins_image(const struct task *task, size_t position)
{
    return position == 0 || strcmp(sample_at(task, position)->image_name,
                                   sample_at(task, position - 1)->image_name) != 0;
}

static double cost_at(const struct task *task, size_t position)
{
    double question = (double)strlen(sample_at(task, position)->question) / 4;
    return question + SHARD_ANSWER_ROWS + (begins_image(task, position) ? SHARD_IMAGE_ROWS : 0);
}

/* Shard k ends with the picture in whose middle the cost passes k N-ths of all, or in front of it:
 * the nearest end.  Counted alike by every shard, so that they fit. */
void shard_task(struct task *task, const struct shard *shard)
{
    size_t n = task->set.n_samples, k = 1;
    double total = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        total += cost_at(task, i);
    task->begin = task->end = n;
    if (shard->index == 1)
        task->begin = 0;
    for (size_t i = 0; i < n && k < shard->of;) {
        size_t next = i + 1;
        double picture = cost_at(task, i);
        for (; next < n && !begins_image(task, next); next++)
            picture += cost_at(task, next);
        while (k < shard->of && sum + picture / 2 >= total * (double)k / (double)shard->of) {
            if (k == shard->index)
                task->end = i;
            if (k + 1 == shard->index)
                task->begin = i;
            k++;
        }
        sum += picture;
        i = next;
    }
    if (task->end < task->begin)
        task->end = task->begin;
}
