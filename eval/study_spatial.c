/* eval/study_spatial.c - VSR: which relations are understood, and is True preferred? */
#include "eval/spatial.h"
#include "eval/task.h"

#include <math.h>
#include <string.h>

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while looking at captions");
}

signed char caption_says(const struct run_answers *answers, size_t sample)
{
    static const char *const labels[] = {"False", "True"};
    const struct prediction *prediction = &answers->predictions[sample];
    for (signed char says = 0; says <= 1 && !prediction->failure; says++) {
        struct sample asked = answers->task.set.samples[sample];
        asked.answers = &labels[says];
        asked.n_answers = 1;
        if (answers->metric->correct(&asked, &answers->task.protocol, prediction) == 1)
            return says;
    }
    return -1;
}

double caption_value(const struct spatial_run *run, size_t sample, enum caption_quantity quantity)
{
    signed char says = run->says[sample];
    if (quantity == CAPTION_RIGHT)
        return says == (signed char)run->label_true[sample];
    return says < 0 ? (double)NAN : says;
}

static enum status read_run(struct spatial *study, size_t r, struct error *err)
{
    const struct study_run *run = &study->look.runs[r];
    struct spatial_run *own = &study->runs[r];
    struct arena *arena = &study->look.arena;
    own->label_true = arena_alloc_small(arena, run->n + 1, sizeof *own->label_true);
    own->says = arena_alloc_small(arena, run->n + 1, sizeof *own->says);
    own->group = arena_alloc_small(arena, run->n + 1, sizeof *own->group);
    if (arena_failed(arena))
        return no_memory(err);
    for (size_t i = 0; i < run->n; i++) {
        own->label_true[i] = strcmp(run->samples[i].answers[0], "True") == 0;
        own->says[i] = caption_says(&run->answers, i);
    }
    return STATUS_OK;
}

static enum status read_all(struct spatial *study, const struct options *options, struct error *err)
{
    struct study_look *look = &study->look;
    study->runs = arena_alloc_small(&look->arena, look->n_runs + 1, sizeof *study->runs);
    study->values = study_values(look);
    if (arena_failed(&look->arena))
        return no_memory(err);
    enum status status = STATUS_OK;
    for (size_t r = 0; r < look->n_runs && !status; r++)
        status = read_run(study, r, err);
    return status ? status : spatial_find_groups(study, option_count(options, "least"), err);
}

/* Of a run's captions, or of those under --data. */
static enum exit_code write_questions(const struct study *row, const struct options *options,
                                      struct error *err)
{
    const char *directory = option_text(options, "write-questions");
    const char *data = option_text(options, "data");
    enum status status;
    if (option_given(options, "extra") || option_given(options, "out"))
        return exit_of_status(fail(err, STATUS_USAGE,
                                   "--write-questions makes captions; --%s is for their answers",
                                   option_given(options, "extra") ? "extra" : "out"));
    if (options->n_operands > 1) {
        struct study_look look;
        status = study_open(&look, row, options, err);
        if (status)
            return exit_of_status(status);
        enum exit_code code =
            spatial_write_questions(&look.runs[0].answers.task.set, directory, err);
        study_close(&look);
        return code;
    }
    struct task task;
    struct task_selection all = {0};
    if (!data)
        return exit_of_status(fail(err, STATUS_USAGE,
                                   "--write-questions takes a run's captions, or those of --data"));
    status = task_open(&task, option_text(options, "task"), err);
    if (status)
        return exit_of_status(status);
    if (strcmp(task.protocol.dataset->name, row->dataset) != 0)
        status = fail(err, STATUS_USAGE, "--task %s: only captions of %s can be turned",
                      task.protocol.name, row->dataset);
    if (!status)
        status = task_load(&task, data, &all, err);
    enum exit_code code =
        status ? exit_of_status(status) : spatial_write_questions(&task.set, directory, err);
    task_close(&task);
    return code;
}

static enum exit_code run(const struct study *row, const struct options *options, struct error *err)
{
    struct spatial study = {.n_groups = 0};
    const char *const *extras;
    size_t n_extras = option_list(options, "extra", &extras);
    if (option_given(options, "write-questions"))
        return write_questions(row, options, err);
    enum status status = study_open(&study.look, row, options, err);
    if (status)
        return exit_of_status(status);
    if ((status = read_all(&study, options, err)) || (status = spatial_add_answers(&study, err)) ||
        (n_extras > 0 && (status = spatial_add_consistency(&study, extras, n_extras, err)))) {
        study_close(&study.look);
        return exit_of_status(status);
    }
    if (n_extras == 0)
        text_add(&study.look.remarks,
                 "Consistency: not measured; --write-questions makes the captions, --extra reads "
                 "the answers to them.\n");
    return study_finish(&study.look, options, err);
}

static const char *const own_options[] = {"least", "extra", "write-questions", "task", NULL};

const struct study study_spatial = {
    .name = "spatial",
    .dataset = "vsr",
    .own_options = own_options,
    .run = run,
};
