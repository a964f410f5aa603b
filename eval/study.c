#include "eval/study.h"

#include "eval/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct study *const studies[] = {
#define X(name) &study_##name,
    STUDY_LIST(X)
#undef X
        NULL,
};

const struct study *study_find(const char *name)
{
    for (size_t i = 0; studies[i]; i++)
        if (strcmp(studies[i]->name, name) == 0)
            return studies[i];
    return NULL;
}

static enum status no_memory(const struct study_look *look, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while looking at runs of %s",
                look->study->dataset);
}

/* "vsr" of "vsr:random@triml". */
static bool is_of(const struct run_record *record, const char *dataset)
{
    size_t length = strcspn(record->protocol, ":@");
    return strlen(dataset) == length && strncmp(record->protocol, dataset, length) == 0;
}

/* Numbers in the list of the runs that are the study's. */
static enum status choose_runs(struct study_look *look, size_t *chosen, struct error *err)
{
    const struct run_list *list = &look->list;
    const char *dataset = look->study->dataset;
    for (size_t i = 0; i < list->n; i++)
        if (is_of(&list->records[i], dataset))
            chosen[look->n_runs++] = i;
    if (look->n_runs == 0)
        return fail(err, STATUS_MISMATCH, "%s is a run of %s; this study is of %s",
                    list->records[0].path, list->records[0].protocol, dataset);
    for (size_t r = 1; r < look->n_runs; r++)
        for (size_t s = 0; s < r; s++)
            if (strcmp(list->records[chosen[s]].path, list->records[chosen[r]].path) == 0)
                return fail(err, STATUS_USAGE, "%s is named twice", list->records[chosen[r]].path);
    for (size_t i = 0; i < list->n; i++)
        if (!is_of(&list->records[i], dataset))
            message("note: %s is left out: it is a run of %s", list->records[i].path,
                    list->records[i].protocol);
    return STATUS_OK;
}

static bool check_probabilities(const struct study_run *run)
{
    const struct run_answers *answers = &run->answers;
    bool all = answers->task.protocol.n_choices == 2;
    for (size_t i = 0; i < run->n && all; i++)
        all = answers->predictions[i].failure || answers->predictions[i].probabilities;
    return all;
}

static enum status open_run(struct study_look *look, size_t r, const struct run_record *record,
                            const struct pairing_options *pairing, struct error *err)
{
    struct study_run *run = &look->runs[r];
    run->record = record;
    enum status status = run_answers_open(&run->answers, record->path, pairing->data, err);
    if (status)
        return status;
    look->n_open = r + 1;
    run->samples = run->answers.task.set.samples;
    run->n = run->answers.task.set.n_samples;
    for (size_t i = 0; i < run->n; i++)
        run->n_failed += run->answers.predictions[i].failure != NULL;
    run->has_probabilities = check_probabilities(run);
    if (r < 26)
        snprintf(run->label, sizeof run->label, "%c", (char)('A' + r));
    else
        snprintf(run->label, sizeof run->label, "%zu", r + 1);
    run->scratch = (struct score_table){.arena = &look->arena};
    status = estimator_init(&run->estimator, &run->answers.task.set, &run->scratch, 1, err);
    if (!status && r > 0)
        status = pairing_make(&run->pairing, &look->runs[0].answers, &run->answers, pairing,
                              &look->arena, err);
    return status;
}

static enum status open_all(struct study_look *look, const struct pairing_options *pairing,
                            struct error *err)
{
    size_t *chosen = arena_alloc_small(&look->arena, look->list.n + 1, sizeof *chosen);
    look->runs = arena_alloc(&look->arena, look->list.n + 1, sizeof *look->runs);
    if (arena_failed(&look->arena))
        return no_memory(look, err);
    enum status status = choose_runs(look, chosen, err);
    for (size_t r = 0; r < look->n_runs && !status; r++)
        status = open_run(look, r, &look->list.records[chosen[r]], pairing, err);
    for (size_t r = 1; r < look->n_runs && !status; r++)
        if (look->runs[r].pairing.caution)
            text_addf(&look->remarks, "Caution: %s and %s differ in %s.\n",
                      look->runs[0].record->path, look->runs[r].record->path,
                      look->runs[r].pairing.caution);
    return status;
}

enum status study_open(struct study_look *look, const struct study *study,
                       const struct options *options, struct error *err)
{
    struct pairing_options pairing = pairing_options_of(options);
    *look = (struct study_look){.study = study,
                                .n_draws = option_count(options, "draws"),
                                .seed = option_count(options, "seed")};
    arena_init(&look->arena);
    text_init(&look->remarks);
    size_t n = options->n_operands - 1; /* the first is the study's name */
    if (n == 0)
        return fail(err, STATUS_USAGE, "a finished run of %s is expected", study->dataset);
    enum status status = run_list_open(&look->list, options->operands + 1, n, true, err);
    if (!status)
        status = open_all(look, &pairing, err);
    if (status)
        study_close(look);
    return status;
}

void study_close(struct study_look *look)
{
    for (size_t r = 0; r < look->n_open; r++) {
        estimator_release(&look->runs[r].estimator);
        run_answers_close(&look->runs[r].answers);
    }
    run_list_close(&look->list);
    text_release(&look->remarks);
    arena_release(&look->arena);
    *look = (struct study_look){0};
}

struct sheet *study_sheet(struct study_look *look, const char *name, const char *title,
                          const struct sheet_column *columns)
{
    struct sheet *sheet = &look->sheets[look->n_sheets++];
    sheet_init(sheet, &look->arena, name, title, columns);
    return sheet;
}

void study_begin_row(struct sheet *sheet, const struct study_run *run)
{
    sheet_text(sheet, run->label);
    sheet_text(sheet, run->record->model);
}

struct study_share study_share_of(struct study_run *run, const double *values)
{
    struct study_share share = {0, NAN, NAN, NAN};
    double sum = 0;
    estimate_begin(&run->estimator);
    for (size_t i = 0; i < run->n; i++) {
        if (isnan(values[i]))
            continue;
        share.n += 1;
        sum += values[i];
        estimate_add(&run->estimator, i, values[i], 1);
    }
    if (share.n == 0)
        return share;
    share.value = sum / (double)share.n;
    run->scratch.n_scores = 0; /* only the interval is wanted */
    const struct score *score = estimate_ratio(&run->estimator, "share", share.value, true);
    if (score && score->interval != INTERVAL_NONE) {
        share.low = score->low;
        share.high = score->high;
    }
    return share;
}

void study_put_share(struct sheet *sheet, const struct study_share *share)
{
    sheet_number(sheet, (double)share->n);
    sheet_number(sheet, share->value);
    sheet_range(sheet, share->low, share->high);
}

double **study_values(struct study_look *look)
{
    double **values = arena_alloc_small(&look->arena, look->n_runs + 1, sizeof *values);
    for (size_t r = 0; values && r < look->n_runs; r++)
        values[r] = arena_alloc(&look->arena, look->runs[r].n + 1, sizeof **values);
    if (arena_failed(&look->arena))
        return NULL;
    study_clear_values(look, values);
    return values;
}

void study_clear_values(const struct study_look *look, double *const *values)
{
    for (size_t r = 0; r < look->n_runs; r++)
        for (size_t i = 0; i < look->runs[r].n; i++)
            values[r][i] = NAN;
}
