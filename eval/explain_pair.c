/* eval/explain_pair.c - where each sample of two runs first differs, and what that earned or cost.
 */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/string_map.h"
#include "eval/explain.h"
#include "eval/prediction_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while explaining runs");
}

/* A run's log: what each sample went through. */
struct traces {
    const struct log_entry **of; /* [n_samples] in the set's order */
};

static enum status read_traces(struct traces *traces, const struct run_answers *run,
                               struct arena *arena, struct error *err)
{
    struct log_entry *entries;
    struct string_map index;
    const struct dataset *set = &run->task.set;
    size_t n;
    const char *path = path_join(arena, run->directory, "predictions.jsonl");
    traces->of = arena_alloc_small(arena, set->n_samples + 1, sizeof *traces->of);
    if (arena_failed(arena))
        return no_memory(err);
    enum status status = log_read(path, arena, &entries, &n, NULL, err);
    if (status)
        return status;
    string_map_init(&index, arena);
    for (size_t i = 0; i < n; i++)
        string_map_add(&index, entries[i].id, strlen(entries[i].id), (int64_t)i, NULL);
    for (size_t i = 0; i < set->n_samples && !arena_failed(arena); i++) {
        const char *id = set->samples[i].id;
        int64_t at = string_map_get(&index, id, strlen(id), -1);
        if (at < 0) /* the file has changed since it was weighed */
            return fail(err, STATUS_MISMATCH, "%s: sample '%s' was not answered", path, id);
        traces->of[i] = &entries[at];
    }
    return arena_failed(arena) ? no_memory(err) : STATUS_OK;
}

/* Two runs on their way; samples are those of the pairing. */
struct both {
    const struct run_answers *runs[2];
    struct traces traces[2];
    struct pairing pairing;
    bool same_prompts;
    struct text readings[2];
    bool failed;               /* a reading was without memory */
    enum explain_stage *stage; /* [pairing.n] */
};

/* Whether two things are the same. */
enum outcome { SAME, DIFFERENT, UNKNOWN };

/* One sample, as the two runs have it. */
struct trace_pair {
    size_t at[2]; /* in the sets */
    const struct log_entry *lines[2];
    const struct prediction *predictions[2];
    double credits[2];
};

static struct trace_pair pair_at(const struct both *both, size_t i)
{
    struct trace_pair pair = {.at = {both->pairing.pairs[i].first, both->pairing.pairs[i].second}};
    for (size_t r = 0; r < 2; r++) {
        pair.lines[r] = both->traces[r].of[pair.at[r]];
        pair.predictions[r] = &both->runs[r]->predictions[pair.at[r]];
        pair.credits[r] = both->runs[r]->credits[pair.at[r]];
    }
    return pair;
}

static enum outcome outcome_of(bool same)
{
    return same ? SAME : DIFFERENT;
}

static enum outcome compare_digests(const struct trace_pair *pair, enum answer_digest digest)
{
    const struct log_entry *a = pair->lines[0], *b = pair->lines[1];
    if (!a->has_digests || !b->has_digests)
        return UNKNOWN;
    return outcome_of(a->digests[digest] == b->digests[digest]);
}

static bool same_numbers(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] < b[i] || a[i] > b[i] || isnan(a[i]) != isnan(b[i]))
            return false;
    return true;
}

static bool has_logits(const struct trace_pair *pair)
{
    const struct log_entry *a = pair->lines[0], *b = pair->lines[1];
    return a->logits && b->logits && a->n_choices == b->n_choices;
}

/* Without digests, other numbers of tokens are other tokens; the same number tells nothing. */
static enum outcome compare_ids(const struct trace_pair *pair)
{
    size_t a = pair->lines[0]->n_prompt_tokens, b = pair->lines[1]->n_prompt_tokens;
    enum outcome outcome = compare_digests(pair, DIGEST_IDS);
    return outcome == UNKNOWN && a > 0 && b > 0 && a != b ? DIFFERENT : outcome;
}

/* Without digests, those of the choices may differ; where they do not, others can. */
static enum outcome compare_logits(const struct trace_pair *pair)
{
    enum outcome outcome = compare_digests(pair, DIGEST_LOGITS);
    if (outcome != UNKNOWN || !has_logits(pair))
        return outcome;
    return same_numbers(pair->lines[0]->logits, pair->lines[1]->logits, pair->lines[0]->n_choices)
               ? UNKNOWN
               : DIFFERENT;
}

/* Two failures are the same: neither is an answer.  Their sentences may name other paths. */
static enum outcome compare_answers(const struct trace_pair *pair)
{
    const struct log_entry *a = pair->lines[0], *b = pair->lines[1];
    if (a->failure || b->failure)
        return outcome_of(a->failure && b->failure);
    bool same_text = (!a->text && !b->text) || (a->text && b->text && !strcmp(a->text, b->text));
    return outcome_of(same_text && a->n_choices == b->n_choices &&
                      same_numbers(a->probabilities, b->probabilities, a->n_choices));
}

static enum outcome compare_readings(struct both *both, const struct trace_pair *pair)
{
    for (size_t r = 0; r < 2; r++) {
        text_reset(&both->readings[r]);
        metric_add_reading(both->runs[r]->metric, &both->runs[r]->task.protocol,
                           pair->predictions[r], &both->readings[r]);
        both->failed |= both->readings[r].failed;
    }
    return outcome_of(strcmp(text_string(&both->readings[0]), text_string(&both->readings[1])) ==
                      0);
}

static int64_t units_of(double credit)
{
    return llround(credit * (double)EXPLAIN_CREDIT);
}

static enum outcome compare_stage(struct both *both, const struct trace_pair *pair,
                                  enum explain_stage stage)
{
    enum outcome outcome;
    switch (stage) {
    case EXPLAIN_PROMPT:
        outcome = compare_digests(pair, DIGEST_PROMPT);
        return outcome == UNKNOWN && both->same_prompts ? SAME : outcome;
    case EXPLAIN_PIXELS:
        return compare_digests(pair, DIGEST_PIXELS);
    case EXPLAIN_IDS:
        return compare_ids(pair);
    case EXPLAIN_LOGITS:
        return compare_logits(pair);
    case EXPLAIN_ANSWER:
        return compare_answers(pair);
    case EXPLAIN_PARSE:
        return compare_readings(both, pair);
    default:
        return outcome_of(units_of(pair->credits[0]) == units_of(pair->credits[1]));
    }
}

/* Puts a sample where it first differs. */
static void place(struct explanation *out, struct both *both, size_t i)
{
    struct trace_pair pair = pair_at(both, i);
    enum explain_stage first = EXPLAIN_SAME;
    bool unsure = false, found = false;
    for (int stage = 0; stage < EXPLAIN_SAME; stage++) {
        enum outcome outcome = compare_stage(both, &pair, (enum explain_stage)stage);
        out->rows[stage].n_unknown += outcome == UNKNOWN;
        unsure |= outcome == UNKNOWN && !found;
        if (outcome == DIFFERENT && !found) {
            first = (enum explain_stage)stage;
            found = true;
        }
    }
    struct explain_row *row = &out->rows[first];
    int64_t a = units_of(pair.credits[0]), b = units_of(pair.credits[1]);
    both->stage[i] = first;
    row->n += 1;
    row->n_unsure += unsure;
    row->n_changed += a != b;
    row->won += b > a ? b - a : 0;
    row->lost += b < a ? b - a : 0;
    out->credits[0] += a;
    out->credits[1] += b;
    for (size_t r = 0; r < 2; r++) {
        out->failed[r] += pair.lines[r]->failure != NULL;
        out->without_digests[r] += !pair.lines[r]->has_digests;
    }
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* The largest distance of a choice; NAN where the files do not hold it. */
static double distance_of(const struct trace_pair *pair)
{
    double largest = has_logits(pair) ? 0 : (double)NAN;
    for (size_t c = 0; has_logits(pair) && c < pair->lines[0]->n_choices; c++) {
        double distance = fabs(pair->lines[0]->logits[c] - pair->lines[1]->logits[c]);
        if (!isfinite(distance))
            return (double)NAN;
        largest = distance > largest ? distance : largest;
    }
    return largest;
}

static enum status measure_logits(struct explain_logits *out, const struct both *both,
                                  struct error *err)
{
    double *distances = calloc(both->pairing.n, sizeof *distances);
    size_t n = 0;
    if (!distances)
        return no_memory(err);
    for (size_t i = 0; i < both->pairing.n; i++) {
        struct trace_pair pair = pair_at(both, i);
        enum outcome outcome = compare_logits(&pair);
        double distance = distance_of(&pair);
        out->n_known += outcome != UNKNOWN;
        out->n_differ += outcome == DIFFERENT;
        if (outcome == DIFFERENT && !isnan(distance))
            distances[n++] = distance;
    }
    out->n_measured = n;
    out->median = out->largest = (double)NAN;
    if (n > 0) {
        qsort(distances, n, sizeof *distances, by_value);
        out->median = (distances[(n - 1) / 2] + distances[n / 2]) / 2;
        out->largest = distances[n - 1];
    }
    free(distances);
    return STATUS_OK;
}

/* A sample of a stage, to be shown. */
struct candidate {
    double by;
    size_t at; /* in the pairing */
};

static int by_size(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    double l = fabs(left->by), r = fabs(right->by);
    if (l > r || l < r)
        return l < r ? 1 : -1;
    return (left->at > right->at) - (left->at < right->at);
}

static enum status list_examples(struct explain_row *row, const struct both *both,
                                 enum explain_stage stage, size_t most, struct arena *arena,
                                 struct error *err)
{
    struct candidate *candidates = calloc(row->n + 1, sizeof *candidates);
    size_t n = 0, n_listed = row->n < most ? row->n : most;
    struct flip *examples = arena_alloc_small(arena, n_listed + 1, sizeof *examples);
    if (!candidates || !examples) {
        free(candidates);
        return no_memory(err);
    }
    for (size_t i = 0; i < both->pairing.n; i++) {
        struct trace_pair pair = pair_at(both, i);
        if (both->stage[i] == stage)
            candidates[n++] = (struct candidate){pair.credits[1] - pair.credits[0], i};
    }
    if (n > 1)
        qsort(candidates, n, sizeof *candidates, by_size);
    for (size_t i = 0; i < n_listed; i++) {
        struct trace_pair pair = pair_at(both, candidates[i].at);
        examples[i] = flip_make(both->runs[0], pair.at[0], both->runs[1], pair.at[1], arena);
    }
    free(candidates);
    row->examples = examples;
    row->n_examples = n_listed;
    return arena_failed(arena) ? no_memory(err) : STATUS_OK;
}

/* All samples placed, measured, and some of them listed. */
static enum status explain_both(struct explanation *out, struct both *both,
                                const struct explain_options *options, struct arena *arena,
                                struct error *err)
{
    out->n = both->pairing.n;
    out->same_prompts = both->same_prompts;
    for (size_t i = 0; i < both->pairing.n; i++)
        place(out, both, i);
    if (both->failed)
        return no_memory(err);
    enum status status = measure_logits(&out->logits, both, err);
    for (int stage = 0; !status && stage < EXPLAIN_SAME; stage++)
        status = list_examples(&out->rows[stage], both, (enum explain_stage)stage,
                               options->n_examples, arena, err);
    return status;
}

/* The manifests' hashes are over all prompts of a run, so they tell where the samples are the same.
 */
static bool same_prompts(const struct both *both)
{
    const char *hashes[2];
    for (size_t r = 0; r < 2; r++) {
        hashes[r] = json_string_or(json_find(both->runs[r]->manifest, "prompts"), "sha256", NULL);
        if (!hashes[r] || both->pairing.n != both->runs[r]->task.set.n_samples)
            return false;
    }
    return strcmp(hashes[0], hashes[1]) == 0;
}

static bool is_rescored(const struct run_answers *run)
{
    const char *hash = json_string_or(json_find(run->manifest, "protocol"), "hash", "");
    return strcmp(hash, run->task.protocol.hash) != 0;
}

enum status explain_pair(struct explanation *out, const struct run_answers *first,
                         const struct run_answers *second, const struct explain_options *options,
                         struct arena *arena, struct error *err)
{
    const struct pairing_options pairing = {.data = options->data,
                                            .other_prompts = true,
                                            .other_data = true,
                                            .other_samples = options->other_samples};
    struct both both = {.runs = {first, second}};
    struct arena scratch;
    arena_init(&scratch);
    enum status status = pairing_make(&both.pairing, first, second, &pairing, &scratch, err);
    for (size_t r = 0; r < 2 && !status; r++) {
        out->rescored[r] = is_rescored(both.runs[r]);
        status = read_traces(&both.traces[r], both.runs[r], &scratch, err);
    }
    both.stage = arena_alloc_small(&scratch, both.pairing.n + 1, sizeof *both.stage);
    if (!status && !both.stage)
        status = no_memory(err);
    if (!status) {
        both.same_prompts = same_prompts(&both);
        status = explain_both(out, &both, options, arena, err);
    }
    text_release(&both.readings[0]);
    text_release(&both.readings[1]);
    arena_release(&scratch);
    return status;
}
