/* eval/hallucination_objects.c - which objects are hallucinated, and where.  Every (image,
 * question) counts once. */
#include "eval/hallucination.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One object in one run. */
struct object_row {
    size_t object;
    const char *name;
    struct study_share alarms, hits;
    double n_alarms;
};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while looking at objects");
}

static int by_falling_alarms(const void *a, const void *b)
{
    const struct object_row *left = a, *right = b;
    if (left->n_alarms > right->n_alarms || left->n_alarms < right->n_alarms)
        return left->n_alarms < right->n_alarms ? 1 : -1;
    if (left->alarms.n != right->alarms.n)
        return left->alarms.n > right->alarms.n ? 1 : -1;
    return strcmp(left->name, right->name);
}

static struct study_share share_of(struct hallucination *study, size_t r, size_t object,
                                   enum question_quantity quantity)
{
    const struct hallucination_run *own = &study->runs[r];
    double *values = study->values[r];
    for (size_t i = 0; i < study->look.runs[r].n; i++)
        values[i] = own->is_distinct[i] && own->object[i] == object
                        ? question_value(study, r, i, quantity)
                        : (double)NAN;
    return study_share_of(&study->look.runs[r], values);
}

/* The rows of a run, the most hallucinated object first; NULL without memory. */
static struct object_row *rows_of(struct hallucination *study, size_t r)
{
    struct object_row *rows =
        arena_alloc_small(&study->look.arena, study->n_objects + 1, sizeof *rows);
    for (size_t o = 0; o < study->n_objects && rows; o++) {
        rows[o] = (struct object_row){
            .object = o,
            .name = study->objects[o],
            .alarms = share_of(study, r, o, QUESTION_FALSE_ALARM),
            .hits = share_of(study, r, o, QUESTION_HIT),
        };
        if (rows[o].alarms.n > 0)
            rows[o].n_alarms = round(rows[o].alarms.value * (double)rows[o].alarms.n);
    }
    if (rows && study->n_objects > 1)
        qsort(rows, study->n_objects, sizeof *rows, by_falling_alarms);
    return rows;
}

static void put_row(struct hallucination *study, size_t r, const struct object_row *row,
                    struct sheet *sheet)
{
    study_begin_row(sheet, &study->look.runs[r]);
    sheet_text(sheet, row->name);
    sheet_number(sheet, study->frequency[row->object]);
    sheet_number(sheet, row->n_alarms);
    study_put_share(sheet, &row->alarms);
    study_put_share(sheet, &row->hits);
}

static const char *answer_of(const struct study_run *run, size_t sample, struct arena *arena)
{
    const struct prediction *prediction = &run->answers.predictions[sample];
    const struct protocol *protocol = &run->answers.task.protocol;
    if (prediction->text && !run->answers.metric->needs_choices)
        return prediction->text;
    if (!prediction->probabilities || protocol->n_choices < 2)
        return "";
    size_t choice = prediction->probabilities[1] > prediction->probabilities[0];
    return arena_printf(arena, "%s", protocol->choices[choice]);
}

/* A false alarm, for the order of examples. */
struct alarm {
    size_t sample;
    double p_yes;
};

/* The surest first; where there are no probabilities, as in the file. */
static int by_falling_p(const void *a, const void *b)
{
    const struct alarm *left = a, *right = b;
    if (left->p_yes > right->p_yes || left->p_yes < right->p_yes)
        return left->p_yes < right->p_yes ? 1 : -1;
    return (left->sample > right->sample) - (left->sample < right->sample);
}

static void put_example(struct hallucination *study, size_t r, const char *object,
                        const struct alarm *alarm, struct sheet *sheet)
{
    const struct study_run *run = &study->look.runs[r];
    const struct hallucination_run *own = &study->runs[r];
    const struct sample *sample = &run->samples[alarm->sample];
    bool has_company = !isnan(own->company[alarm->sample]);
    study_begin_row(sheet, run);
    sheet_text(sheet, object);
    sheet_text(sheet, sample->id);
    sheet_text(sheet, sample->question);
    sheet_text(sheet, answer_of(run, alarm->sample, &study->look.arena));
    sheet_number(sheet, question_p_yes(study, r, alarm->sample));
    sheet_text(sheet, has_company ? study->presence.names[own->companions[alarm->sample]] : NULL);
    sheet_number(sheet, own->company[alarm->sample]);
    sheet_text(sheet, sample->image_name);
    sheet_text(sheet, sample->image_path);
}

static enum status add_examples(struct hallucination *study, size_t r,
                                const struct object_row *rows, struct sheet *sheet,
                                struct error *err)
{
    const struct hallucination_run *own = &study->runs[r];
    size_t n_samples = study->look.runs[r].n;
    struct arena arena;
    arena_init(&arena);
    struct alarm *alarms = arena_alloc(&arena, n_samples + 1, sizeof *alarms);
    for (size_t o = 0; o < study->n_objects && o < study->n_top && alarms; o++) {
        size_t n = 0;
        for (size_t i = 0; i < n_samples; i++) {
            if (!own->is_distinct[i] || own->object[i] != rows[o].object || own->label_yes[i] ||
                own->says[i] != SAYS_YES)
                continue;
            double p = question_p_yes(study, r, i);
            alarms[n++] = (struct alarm){i, isnan(p) ? 0 : p};
        }
        if (n > 1)
            qsort(alarms, n, sizeof *alarms, by_falling_p);
        for (size_t e = 0; e < n && e < study->n_examples; e++)
            put_example(study, r, rows[o].name, &alarms[e], sheet);
    }
    arena_release(&arena);
    return alarms ? STATUS_OK : no_memory(err);
}

static const struct sheet_column object_columns[] = {
    STUDY_RUN_COLUMNS,
    {"object", "object", SHEET_TEXT},
    {"pictures", "pictures with it", SHEET_COUNT},
    {"false_alarms", "false alarms", SHEET_COUNT},
    {"n_no", "not there", SHEET_COUNT},
    {"false_alarm_rate", "rate", SHEET_SHARE},
    {"false_alarm_rate", "95 % interval", SHEET_SHARE_RANGE},
    {"n_yes", "there", SHEET_COUNT},
    {"hit_rate", "hits", SHEET_SHARE},
    {"hit_rate", NULL, SHEET_SHARE_RANGE},
    {0},
};

static const struct sheet_column example_columns[] = {
    STUDY_RUN_COLUMNS,
    {"object", "object", SHEET_TEXT},
    {"sample", "sample", SHEET_TEXT},
    {"question", NULL, SHEET_TEXT},
    {"answer", "answer", SHEET_TEXT},
    {"p_yes", "p(yes)", SHEET_NUMBER},
    {"companion", "in company of", SHEET_TEXT},
    {"company", "company", SHEET_SHARE},
    {"image", "picture", SHEET_TEXT},
    {"image_path", NULL, SHEET_TEXT},
    {0},
};

enum status hallucination_add_objects(struct hallucination *study, struct error *err)
{
    struct sheet *top =
        study_sheet(&study->look, "hallucinated", "Hallucinated most", object_columns);
    struct sheet *examples =
        study_sheet(&study->look, "examples", "Examples: not there, answered yes", example_columns);
    struct sheet *all = study_sheet(&study->look, "objects", "All objects", object_columns);
    top->note = "Objects by number of distinct questions for what is not there that were answered "
                "yes.";
    all->most_shown = 0;
    enum status status = STATUS_OK;
    for (size_t r = 0; r < study->look.n_runs && !status; r++) {
        const struct object_row *rows = rows_of(study, r);
        for (size_t o = 0; o < study->n_objects && rows; o++) {
            if (o < study->n_top && rows[o].n_alarms > 0)
                put_row(study, r, &rows[o], top);
            put_row(study, r, &rows[o], all);
        }
        status = rows ? add_examples(study, r, rows, examples, err) : no_memory(err);
    }
    return status;
}
