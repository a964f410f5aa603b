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
    const char *first;         /* variable of the lowest index; NULL: 0 */
    const char *step;          /* and of the distance between two; NULL: 1 */
} array_task = {"Slurm array task", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT",
                "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP"},
  launchers[] = {
      /* MPI's first: below mpirun, Slurm's variables are those of the step that started it. */
      {"Open MPI rank", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", NULL, NULL},
      {"PMI rank", "PMI_RANK", "PMI_SIZE", NULL, NULL},
      {"Slurm process", "SLURM_PROCID", "SLURM_NTASKS", NULL, NULL},
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
    size_t index, first, step;
    if (!getenv(launcher->count))
        return fail(err, STATUS_USAGE,
                    "--shard auto: %s is set, but %s is not: how many there are is not known; give "
                    "--shard I/N",
                    launcher->index, launcher->count);
    enum status status = read_variable(launcher->index, 0, &index, err);
    if (status || (status = read_variable(launcher->count, 1, count, err)) ||
        (status = read_variable(launcher->first, 0, &first, err)) ||
        (status = read_variable(launcher->step, 1, &step, err)))
        return status;
    if (step == 0 || index < first || (index - first) % step != 0)
        return fail(err, STATUS_USAGE, "--shard auto: what %s and its like say cannot be",
                    launcher->index);
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

/* An array task may itself have several processes: then each has its shard. */
static enum status read_environment(struct shard *shard, struct error *err)
{
    const struct launcher *launcher = find_launcher();
    bool in_array = getenv(array_task.index) != NULL;
    size_t outer = 0, n_outer = 1, inner = 0, n_inner = 1;
    enum status status = STATUS_OK;
    if (!in_array && !launcher)
        return fail(err, STATUS_USAGE,
                    "--shard auto: neither Slurm nor an MPI launcher started this process (no %s, "
                    "%s, %s, %s); give --shard I/N",
                    array_task.index, launchers[0].index, launchers[1].index, launchers[2].index);
    if (in_array)
        status = read_launcher(&array_task, &outer, &n_outer, err);
    bool is_silent = in_array && launcher && !getenv(launcher->count); /* one process is meant */
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
