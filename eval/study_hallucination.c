/* eval/study_hallucination.c - POPE: what is seen that is not there. */
#include "eval/hallucination.h"
#include "metrics/calibration.h"

#include <math.h>
#include <string.h>

const struct question_part distinct_questions = {"distinct", NULL, true};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while looking at hallucinations");
}

bool question_is_in(const struct hallucination *study, size_t run, size_t sample,
                    const struct question_part *part)
{
    const struct sample *asked = &study->look.runs[run].samples[sample];
    if (part->distinct_only && !study->runs[run].is_distinct[sample])
        return false;
    return !part->split || (asked->group && strcmp(asked->group, part->split) == 0);
}

double question_value(const struct hallucination *study, size_t run, size_t sample,
                      enum question_quantity quantity)
{
    const struct hallucination_run *own = &study->runs[run];
    enum yes_no says = own->says[sample];
    bool yes = own->label_yes[sample];
    if (quantity == QUESTION_RIGHT)
        return says == (yes ? SAYS_YES : SAYS_NO);
    if (says == SAYS_NOTHING || (quantity == QUESTION_HIT && !yes) ||
        (quantity == QUESTION_FALSE_ALARM && yes))
        return NAN;
    return says == SAYS_YES;
}

void question_values(struct hallucination *study, const struct question_part *part,
                     enum question_quantity quantity)
{
    study_clear_values(&study->look, study->values);
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t i = 0; i < study->look.runs[r].n; i++)
            if (question_is_in(study, r, i, part))
                study->values[r][i] = question_value(study, r, i, quantity);
}

double question_p_yes(const struct hallucination *study, size_t run, size_t sample)
{
    const struct study_run *own = &study->look.runs[run];
    const struct prediction *prediction = &own->answers.predictions[sample];
    return own->has_probabilities && prediction->probabilities ? prediction->probabilities[0]
                                                               : (double)NAN;
}

/* What the protocol's own rule reads: the label under which the answer would be right. */
static enum yes_no read_answer(const struct study_run *run, size_t sample)
{
    static const char *const labels[] = {[SAYS_NO] = "no", [SAYS_YES] = "yes"};
    const struct prediction *prediction = &run->answers.predictions[sample];
    if (prediction->failure)
        return SAYS_NOTHING;
    for (enum yes_no says = SAYS_NO; says <= SAYS_YES; says++) {
        struct sample asked = run->samples[sample];
        asked.answers = &labels[says];
        asked.n_answers = 1;
        if (run->answers.metric->correct(&asked, &run->answers.task.protocol, prediction) == 1)
            return says;
    }
    return SAYS_NEITHER;
}

/* Numbers what the question asks for. */
static size_t number_object(struct hallucination *study, const char *name)
{
    int64_t number = (int64_t)study->n_objects;
    if (!string_map_add(&study->asked, name, strlen(name), number, &number))
        return (size_t)number;
    if (study->n_objects == study->objects_capacity) {
        size_t capacity = study->objects_capacity ? 2 * study->objects_capacity : 128;
        const char **more = arena_alloc_small(&study->look.arena, capacity, sizeof *more);
        if (!more)
            return 0;
        if (study->n_objects > 0)
            memcpy(more, study->objects, study->n_objects * sizeof *more);
        study->objects = more;
        study->objects_capacity = capacity;
    }
    study->objects[study->n_objects++] = name;
    return (size_t)number;
}

static enum status alloc_run(struct hallucination_run *own, size_t n, struct arena *arena,
                             struct error *err)
{
    own->label_yes = arena_alloc_small(arena, n + 1, sizeof *own->label_yes);
    own->says = arena_alloc_small(arena, n + 1, sizeof *own->says);
    own->is_distinct = arena_alloc_small(arena, n + 1, sizeof *own->is_distinct);
    own->object = arena_alloc_small(arena, n + 1, sizeof *own->object);
    own->company = arena_alloc_small(arena, n + 1, sizeof *own->company);
    own->companions = arena_alloc_small(arena, n + 1, sizeof *own->companions);
    return arena_failed(arena) ? no_memory(err) : STATUS_OK;
}

/* Marks the first of each (image, question), and counts those that follow it. */
static void find_repeated(const struct study_run *run, struct hallucination_run *own,
                          struct arena *arena)
{
    struct string_map seen;
    string_map_init(&seen, arena);
    for (size_t i = 0; i < run->n && !arena_failed(arena); i++) {
        int64_t first = (int64_t)i;
        const char *key =
            arena_printf(arena, "%zu %s", run->answers.image[i], run->samples[i].question);
        if (!key)
            return;
        own->is_distinct[i] = string_map_add(&seen, key, strlen(key), first, &first);
        own->n_distinct += own->is_distinct[i];
        own->n_unlike += own->says[i] != own->says[first];
        own->n_conflict += own->label_yes[i] != own->label_yes[first];
    }
}

static enum status read_run(struct hallucination *study, size_t r, struct error *err)
{
    const struct study_run *run = &study->look.runs[r];
    struct hallucination_run *own = &study->runs[r];
    struct arena *arena = &study->look.arena;
    enum status status = alloc_run(own, run->n, arena, err);
    for (size_t i = 0; i < run->n && !status; i++) {
        const char *object = pope_object_of(run->samples[i].question, arena);
        own->label_yes[i] = label_is_yes(run->samples[i].answers[0]);
        own->says[i] = read_answer(run, i);
        own->object[i] = object ? number_object(study, object) : (size_t)NO_OBJECT;
        own->n_unparsed += !object;
        if (arena_failed(arena))
            status = no_memory(err);
    }
    if (!status)
        find_repeated(run, own, arena);
    return !status && arena_failed(arena) ? no_memory(err) : status;
}

static enum status find_splits(struct hallucination *study, struct error *err)
{
    const struct study_run *run = &study->look.runs[0];
    enum { MOST = 8 };
    study->splits = arena_alloc_small(&study->look.arena, MOST, sizeof *study->splits);
    for (size_t i = 0; i < run->n && study->splits; i++) {
        const char *split = run->samples[i].group;
        size_t s = 0;
        while (s < study->n_splits && split && strcmp(study->splits[s], split) != 0)
            s++;
        if (split && s == study->n_splits && s < MOST)
            study->splits[study->n_splits++] = split;
    }
    return study->splits ? STATUS_OK : no_memory(err);
}

/* How frequent each object is, and how much it is to be expected in the image of each question. */
static enum status read_presence(struct hallucination *study, const char *coco, struct error *err)
{
    struct object_presence *presence = &study->presence;
    struct arena *arena = &study->look.arena;
    enum status status = coco ? object_presence_of_coco(presence, coco, arena, err)
                              : object_presence_of_labels(
                                    presence, &study->look.runs[0].answers.task.set, arena, err);
    study->frequency = arena_alloc_small(arena, study->n_objects + 1, sizeof *study->frequency);
    if (!status && arena_failed(arena))
        status = no_memory(err);
    for (size_t o = 0; o < study->n_objects && !status; o++) {
        int64_t number = object_presence_find(presence, study->objects[o]);
        study->frequency[o] = number < 0 ? (double)NAN : (double)presence->n_with[number];
    }
    for (size_t r = 0; r < study->look.n_runs && !status; r++)
        for (size_t i = 0; i < study->look.runs[r].n; i++) {
            const struct hallucination_run *own = &study->runs[r];
            const struct sample *sample = &study->look.runs[r].samples[i];
            int64_t image = object_presence_image(presence, sample->image_name), number = -1;
            if (own->object[i] != (size_t)NO_OBJECT)
                number = object_presence_find(presence, study->objects[own->object[i]]);
            own->company[i] = image < 0 || number < 0
                                  ? (double)NAN
                                  : object_presence_company(presence, (size_t)image, (size_t)number,
                                                            &own->companions[i]);
        }
    if (!status)
        study->source =
            coco ? arena_printf(arena,
                                "Frequency and company are counted from %s: %zu pictures, %zu "
                                "objects.",
                                coco, presence->n_images, presence->n_objects)
                 : arena_printf(arena,
                                "Frequency and company are counted from the questions labelled "
                                "yes: %zu pictures, %zu objects. What was not\nasked for is not "
                                "known there, so they are lower bounds; --coco FILE counts COCO's "
                                "instances.",
                                presence->n_images, presence->n_objects);
    return status;
}

/* What was met twice, and what was not understood. */
static void add_remarks(struct hallucination *study)
{
    struct text *out = &study->look.remarks;
    text_addf(out, "%s\n", study->source ? study->source : "");
    for (size_t r = 0; r < study->look.n_runs; r++) {
        const struct study_run *run = &study->look.runs[r];
        const struct hallucination_run *own = &study->runs[r];
        size_t n_unknown = 0;
        for (size_t i = 0; i < run->n; i++)
            n_unknown +=
                own->object[i] != (size_t)NO_OBJECT && isnan(study->frequency[own->object[i]]);
        text_addf(out,
                  "%s: %zu questions, %zu of them distinct (image, question); repeated ones count "
                  "again by split and pooled, once elsewhere.\n",
                  run->label, run->n, own->n_distinct);
        if (own->n_unlike > 0)
            text_addf(out, "%s: %zu repeated questions were answered unlike the first time.\n",
                      run->label, own->n_unlike);
        if (own->n_conflict > 0)
            text_addf(out, "%s: %zu repeated questions have another label.\n", run->label,
                      own->n_conflict);
        if (own->n_unparsed > 0)
            text_addf(out,
                      "%s: %zu questions are not of the form \"Is there a ... in the image?\": "
                      "they are in no table by object.\n",
                      run->label, own->n_unparsed);
        if (n_unknown > 0)
            text_addf(out, "%s: %zu questions ask for an object that the source does not know.\n",
                      run->label, n_unknown);
    }
}

const struct question_part *hallucination_parts(struct hallucination *study, size_t *n)
{
    struct question_part *parts =
        arena_alloc_small(&study->look.arena, study->n_splits + 2, sizeof *parts);
    *n = 0;
    for (size_t s = 0; s < study->n_splits && parts; s++)
        parts[(*n)++] = (struct question_part){study->splits[s], study->splits[s], false};
    if (parts && study->n_splits != 1)
        parts[(*n)++] = (struct question_part){"pooled", NULL, false};
    if (parts)
        parts[(*n)++] = distinct_questions;
    return parts;
}

static enum status read_all(struct hallucination *study, const struct options *options,
                            struct error *err)
{
    struct study_look *look = &study->look;
    study->n_bins = option_count(options, "bins");
    study->n_top = option_count(options, "top");
    study->n_examples = option_count(options, "examples");
    study->runs = arena_alloc_small(&look->arena, look->n_runs + 1, sizeof *study->runs);
    study->values = study_values(look);
    string_map_init(&study->asked, &look->arena);
    if (arena_failed(&look->arena))
        return no_memory(err);
    enum status status = find_splits(study, err);
    for (size_t r = 0; r < look->n_runs && !status; r++)
        status = read_run(study, r, err);
    return status ? status : read_presence(study, option_text(options, "coco"), err);
}

static enum exit_code run(const struct study *row, const struct options *options, struct error *err)
{
    struct hallucination study = {.n_splits = 0};
    uint64_t bins = option_count(options, "bins");
    enum status status = STATUS_OK;
    if (bins < 1 || bins > CALIBRATION_MOST_BINS)
        status = fail(err, STATUS_USAGE, "--bins is a number from 1 to %d", CALIBRATION_MOST_BINS);
    if (!status)
        status = study_open(&study.look, row, options, err);
    if (status)
        return exit_of_status(status);
    if ((status = read_all(&study, options, err)) ||
        (status = hallucination_add_answers(&study, err)) ||
        (status = hallucination_add_probabilities(&study, err)) ||
        (status = hallucination_add_bands(&study, err)) ||
        (status = hallucination_add_objects(&study, err))) {
        study_close(&study.look);
        return exit_of_status(status);
    }
    add_remarks(&study);
    return study_finish(&study.look, options, err);
}

static const char *const own_options[] = {"coco", "bins", "top", "examples", NULL};

const struct study study_hallucination = {
    .name = "hallucination",
    .dataset = "pope",
    .own_options = own_options,
    .run = run,
};
