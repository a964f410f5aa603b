/* eval/spatial_consistency.c - whether a model says the same of one thing said in two ways. */
#include "engine/base/json.h"
#include "engine/base/string_map.h"
#include "eval/spatial.h"

#include <math.h>
#include <string.h>

/* What became of the caption made from one of a run's. */
struct made {
    bool exists, is_asked;
    signed char says; /* -1: nothing */
};

/* The made captions of a run, by kind and caption. */
struct made_run {
    struct made *of[VSR_N_MADE]; /* [n] */
    size_t n_unparsed;
};

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while comparing captions");
}

/* The same weights in the same precision; of answers of other programs, the same name. */
static enum status check_model(const struct study_run *run, const struct run_answers *extra,
                               const char *directory, struct error *err)
{
    const struct run_record *record = run->record;
    const cJSON *model = json_find(extra->manifest, "model");
    const char *hash = json_string_or(model, "sha256", "");
    const char *name = json_string_or(model, "name", "");
    const char *precision = json_string_or(json_find(extra->manifest, "numerics"), "precision", "");
    bool has_hash = record->model_hash && record->model_hash[0] && hash[0];
    bool same = has_hash ? strcmp(record->model_hash, hash) == 0 &&
                               strcmp(record->precision ? record->precision : "", precision) == 0
                         : strcmp(record->model, name) == 0;
    if (same)
        return STATUS_OK;
    return fail(err, STATUS_MISMATCH,
                "%s was answered by %s %s, %s by %s %s: consistency is one model's own",
                record->path, record->model, record->precision ? record->precision : "", directory,
                name, precision);
}

static enum status index_extra(const struct run_answers *extra, struct string_map *index,
                               struct arena *arena, struct error *err)
{
    string_map_init(index, arena);
    for (size_t i = 0; i < extra->task.set.n_samples && !arena_failed(arena); i++) {
        const struct sample *sample = &extra->task.set.samples[i];
        const char *key = arena_printf(arena, "%s %s", sample->image_name, sample->question);
        if (key)
            string_map_add(index, key, strlen(key), (int64_t)i, NULL);
    }
    return arena_failed(arena) ? no_memory(err) : STATUS_OK;
}

static void find_made(const struct run_answers *extra, const struct string_map *index,
                      const struct sample *sample, const struct vsr_caption *caption,
                      enum vsr_made kind, struct made *made, struct arena *arena)
{
    const char *relation, *turned = vsr_caption_make(caption, kind, arena, &relation);
    const char *key = turned ? arena_printf(arena, "%s %s", sample->image_name, turned) : NULL;
    *made = (struct made){.exists = turned != NULL, .says = -1};
    int64_t at = key ? string_map_get(index, key, strlen(key), -1) : -1;
    if (at < 0)
        return;
    made->is_asked = true;
    made->says = caption_says(extra, (size_t)at);
}

static enum status join(const struct study_run *run, const struct run_answers *extra,
                        struct made_run *made, struct arena *arena, struct error *err)
{
    struct arena scratch;
    struct string_map index;
    size_t n_asked = 0;
    arena_init(&scratch);
    enum status status = index_extra(extra, &index, &scratch, err);
    for (enum vsr_made kind = 0; kind < VSR_N_MADE; kind++)
        made->of[kind] = arena_alloc_small(arena, run->n + 1, sizeof *made->of[kind]);
    for (size_t i = 0; i < run->n && !status && !arena_failed(arena); i++) {
        struct vsr_caption caption;
        const struct sample *sample = &run->samples[i];
        if (!vsr_caption_parse(sample->question, sample->group, &scratch, &caption)) {
            made->n_unparsed += 1;
            continue;
        }
        for (enum vsr_made kind = 0; kind < VSR_N_MADE; kind++) {
            find_made(extra, &index, sample, &caption, kind, &made->of[kind][i], &scratch);
            n_asked += made->of[kind][i].is_asked;
        }
    }
    if (!status && (arena_failed(arena) || arena_failed(&scratch)))
        status = no_memory(err);
    arena_release(&scratch);
    if (!status && n_asked == 0)
        status = fail(err, STATUS_MISMATCH,
                      "%s was not asked any caption that is made of those of %s; `mambench study "
                      "spatial %s --write-questions DIR` makes them",
                      extra->directory, run->record->path, run->record->path);
    return status;
}

static enum status open_extra(struct spatial *study, size_t r, const char *directory,
                              struct made_run *made, struct error *err)
{
    struct study_run *run = &study->look.runs[r];
    struct run_answers extra;
    enum status status = run_answers_open(&extra, directory, NULL, err);
    if (status)
        return status;
    if (strcmp(extra.task.protocol.dataset->name, study->look.study->dataset) != 0)
        status = fail(err, STATUS_MISMATCH, "%s is a run of %s, not of made captions", directory,
                      extra.task.protocol.name);
    if (!status)
        status = check_model(run, &extra, directory, err);
    if (!status)
        status = join(run, &extra, made, &study->look.arena, err);
    for (size_t i = 0; !status && i < extra.task.set.n_samples; i++)
        study->look.n_extra_failed += extra.predictions[i].failure != NULL;
    run_answers_close(&extra);
    return status;
}

/* Whether the two answers may stand together; both are there. */
static bool is_consistent(enum vsr_made kind, signed char first, signed char made)
{
    if (kind == VSR_CONVERSE)
        return first == made;
    return kind == VSR_NOT ? first != made : !(first && made);
}

/* The counts of a row of the table. */
struct tally {
    size_t n_made, n, n_both_true, n_both_false, n_known, n_right;
};

static void count_pair(struct tally *tally, const struct spatial_run *own, size_t i,
                       enum vsr_made kind, const struct made *made)
{
    tally->n_made += made->exists;
    if (!made->is_asked || made->says < 0)
        return;
    int truth = vsr_made_truth(kind, own->label_true[i]);
    tally->n_known += truth >= 0;
    tally->n_right += truth >= 0 && made->says == truth;
    if (own->says[i] < 0)
        return;
    tally->n += 1;
    tally->n_both_true += own->says[i] && made->says;
    tally->n_both_false += !own->says[i] && !made->says;
}

/* A row of the captions of one group, or of all (NULL). */
static void put_row(struct spatial *study, size_t r, enum vsr_made kind,
                    const struct relation_group *group, const struct made_run *made,
                    struct sheet *sheet)
{
    const struct spatial_run *own = &study->runs[r];
    struct study_run *run = &study->look.runs[r];
    struct tally tally = {0};
    double *values = study->values[r];
    for (size_t i = 0; i < run->n; i++) {
        const struct made *one = &made->of[kind][i];
        values[i] = NAN;
        if (group && own->group[i] != (size_t)(group - study->groups))
            continue;
        count_pair(&tally, own, i, kind, one);
        if (own->says[i] >= 0 && one->is_asked && one->says >= 0)
            values[i] = is_consistent(kind, own->says[i], one->says);
    }
    if (tally.n_made == 0)
        return;
    struct study_share share = study_share_of(run, values);
    double n = (double)tally.n, n_differ = n - (double)(tally.n_both_true + tally.n_both_false);
    study_begin_row(sheet, run);
    sheet_text(sheet, vsr_made_name(kind));
    sheet_text(sheet, group ? group->category : NULL);
    sheet_text(sheet, group ? group->name : "all");
    sheet_number(sheet, (double)tally.n_made);
    study_put_share(sheet, &share);
    sheet_number(sheet, tally.n ? n_differ / n : (double)NAN);
    sheet_number(sheet, (double)tally.n_both_true);
    sheet_number(sheet, (double)tally.n_both_false);
    sheet_number(sheet, (double)tally.n_known);
    sheet_number(sheet,
                 tally.n_known ? (double)tally.n_right / (double)tally.n_known : (double)NAN);
}

/* The totals, or the same by relation. */
static struct sheet *begin_sheet(struct spatial *study, bool by_relation)
{
    static const struct sheet_column columns[] = {
        STUDY_RUN_COLUMNS,
        {"kind", "made", SHEET_TEXT},
        {"category", "category", SHEET_TEXT},
        {"relation", "relation", SHEET_TEXT},
        {"made", "captions", SHEET_COUNT},
        {"n", "both answered", SHEET_COUNT},
        {"consistent", "consistent", SHEET_SHARE},
        {"consistent", "95 % interval", SHEET_SHARE_RANGE},
        {"answers_differ", "answers differ", SHEET_SHARE},
        {"both_true", "both True", SHEET_COUNT},
        {"both_false", "both False", SHEET_COUNT},
        {"known", "truth known", SHEET_COUNT},
        {"made_accuracy", "made right", SHEET_SHARE},
        {0},
    };
    if (by_relation)
        return study_sheet(&study->look, "consistency_relations", "Consistency by relation",
                           columns);
    struct sheet *sheet =
        study_sheet(&study->look, "consistency", "Consistency with made captions", columns);
    sheet->note =
        "Consistent: the converse (B is right of A) has the same answer; the opposite (A is right "
        "of B) is not True, too; \"A is not left of B\" has the\nother answer. What is false may "
        "have a false opposite, so for opposites the share of differing answers is not a demand of "
        "logic.\nMade right: accuracy on made captions whose truth follows.";
    return sheet;
}

static enum status test_kind(struct spatial *study, enum vsr_made kind, const struct made_run *made,
                             struct error *err)
{
    study_clear_values(&study->look, study->values);
    for (size_t r = 0; r < study->look.n_runs; r++)
        for (size_t i = 0; i < study->look.runs[r].n; i++) {
            const struct made *one = &made[r].of[kind][i];
            signed char says = study->runs[r].says[i];
            if (says >= 0 && one->is_asked && one->says >= 0)
                study->values[r][i] = is_consistent(kind, says, one->says);
        }
    return study_test_all(&study->look, "consistency", vsr_made_name(kind), "consistent",
                          study->values, err);
}

enum status spatial_add_consistency(struct spatial *study, const char *const *extras, size_t n,
                                    struct error *err)
{
    struct study_look *look = &study->look;
    struct made_run *made = arena_alloc_small(&look->arena, look->n_runs + 1, sizeof *made);
    enum status status = made ? STATUS_OK : no_memory(err);
    if (!status && n != look->n_runs)
        status = fail(err, STATUS_USAGE, "%zu runs and %zu --extra: one is expected for each",
                      look->n_runs, n);
    for (size_t r = 0; r < look->n_runs && !status; r++)
        status = open_extra(study, r, extras[r], &made[r], err);
    if (status)
        return status;
    struct sheet *totals = begin_sheet(study, false), *relations = begin_sheet(study, true);
    for (size_t r = 0; r < look->n_runs; r++) {
        for (enum vsr_made kind = 0; kind < VSR_N_MADE; kind++) {
            put_row(study, r, kind, NULL, &made[r], totals);
            for (size_t g = 0; g < study->n_groups; g++)
                put_row(study, r, kind, &study->groups[g], &made[r], relations);
        }
        text_addf(&look->remarks,
                  "%s: %zu of %zu captions do not parse: nothing is made of them.\n",
                  look->runs[r].label, made[r].n_unparsed, look->runs[r].n);
    }
    for (enum vsr_made kind = 0; kind < VSR_N_MADE && !status; kind++)
        status = test_kind(study, kind, made, err);
    return status;
}
