#include "metrics/baseline.h"

#include "engine/base/random.h"
#include "metrics/yes_no_rule.h"

#include <stdbool.h>
#include <string.h>

static const char prefix[] = "baseline:";

static double always_first(const struct baseline_labels *labels, const struct sample *sample,
                           uint64_t seed)
{
    (void)labels;
    (void)sample;
    (void)seed;
    return 1;
}

static double always_second(const struct baseline_labels *labels, const struct sample *sample,
                            uint64_t seed)
{
    (void)labels;
    (void)sample;
    (void)seed;
    return 0;
}

static double majority(const struct baseline_labels *labels, const struct sample *sample,
                       uint64_t seed)
{
    (void)sample;
    (void)seed;
    return labels->majority == 0 ? 1 : 0;
}

/* FNV-1a, so that neighbouring ids get unrelated streams. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return hash;
}

static double at_random(const struct baseline_labels *labels, const struct sample *sample,
                        uint64_t seed)
{
    (void)labels;
    struct random_stream stream = {hash_of(sample->id) ^ seed};
    random_bits(&stream);
    return random_uniform(&stream);
}

static const char *open_first(const struct baseline_labels *labels, size_t i, uint64_t seed)
{
    (void)i;
    (void)seed;
    return labels->words[0];
}

static const char *open_second(const struct baseline_labels *labels, size_t i, uint64_t seed)
{
    (void)i;
    (void)seed;
    return labels->words[1];
}

static const char *open_majority(const struct baseline_labels *labels, size_t i, uint64_t seed)
{
    (void)i;
    (void)seed;
    return labels->counts.most_frequent;
}

static const char *open_by_type(const struct baseline_labels *labels, size_t i, uint64_t seed)
{
    (void)seed;
    const char **of_type = labels->counts.most_frequent_of_type;
    return of_type ? of_type[i] : NULL;
}

static const char *open_random(const struct baseline_labels *labels, size_t i, uint64_t seed)
{
    const struct sample *sample = &labels->counts.set->samples[i];
    return label_counts_at(&labels->counts, at_random(labels, sample, seed));
}

static const struct baseline yes = {"baseline:yes", "always the first choice (yes, true)",
                                    always_first, open_first};
static const struct baseline no = {"baseline:no", "always the second choice (no, false)",
                                   always_second, open_second};
static const struct baseline most_frequent = {"baseline:majority",
                                              "always the most frequent label of the whole set",
                                              majority, open_majority};
static const struct baseline most_frequent_by_type = {
    "baseline:majority-by-type", "the most frequent label of the question's type", NULL,
    open_by_type};
static const struct baseline chance = {
    "baseline:random", "a seeded draw from the sample's id: a uniform probability, or a label",
    at_random, open_random};

const struct baseline *const baselines[] = {&yes,    &no, &most_frequent, &most_frequent_by_type,
                                            &chance, NULL};
_Static_assert(sizeof baselines / sizeof baselines[0] == N_BASELINES + 1, "N_BASELINES");

const struct baseline *baseline_find(const char *name)
{
    if (strncmp(name, prefix, sizeof prefix - 1) == 0)
        name += sizeof prefix - 1;
    for (size_t i = 0; baselines[i]; i++)
        if (strcmp(baselines[i]->name + sizeof prefix - 1, name) == 0)
            return baselines[i];
    return NULL;
}

static bool is_true_false(const char *label)
{
    return strcmp(label, "True") == 0 || strcmp(label, "False") == 0;
}

/* Whether a label is the second of the two words.  In a yes/no set that is "no" alone: the scorers
 * take every other label for yes. */
static bool is_second(const char *label, bool true_false)
{
    return true_false ? strcmp(label, "False") == 0 : !label_is_yes(label);
}

/* Whether every question has one label and all labels are of two words, or odd ones that the
 * protocol's two choices are weighed against all the same. */
static bool is_two_words(const struct dataset *set, const struct protocol *protocol,
                         bool *true_false)
{
    size_t n_single = 0, n_true_false = 0, n_yes_no = 0, n = set->n_samples;
    for (size_t i = 0; i < n; i++) {
        const struct sample *sample = &set->samples[i];
        if (sample->n_answers != 1)
            continue;
        n_single += 1;
        n_true_false += is_true_false(sample->answers[0]);
        n_yes_no += strcmp(sample->answers[0], "yes") == 0 || strcmp(sample->answers[0], "no") == 0;
    }
    *true_false = n > 0 && n_true_false == n;
    return *true_false || n_yes_no == n || (n_single == n && protocol->n_choices > 0);
}

static void find_words(struct baseline_labels *labels, const struct dataset *set,
                       const struct protocol *protocol, bool true_false)
{
    size_t n_second = 0, n = set->n_samples;
    labels->words[0] = true_false ? "True" : labels->is_open ? "yes" : "Yes";
    labels->words[1] = true_false ? "False" : labels->is_open ? "no" : "No";
    for (size_t i = 0; i < protocol->n_choices; i++)
        labels->words[i] = protocol->choices[i];
    if (labels->is_open)
        return;
    for (size_t i = 0; i < n; i++)
        n_second += is_second(set->samples[i].answers[0], true_false);
    labels->majority = n_second > n - n_second ? 1 : 0;
}

static enum status read_labels(struct baseline_labels *labels, const struct dataset *set,
                               const struct protocol *protocol, struct arena *arena,
                               struct error *err)
{
    bool true_false = false;
    *labels = (struct baseline_labels){0};
    for (size_t i = 0; i < set->n_samples; i++)
        if (set->samples[i].n_answers == 0)
            return fail(err, STATUS_UNSUPPORTED,
                        "%s: a baseline draws on the reference answers, and the files have none to "
                        "%s (those of test splits are not public)",
                        protocol->name, set->samples[i].id);
    labels->is_open = !is_two_words(set, protocol, &true_false);
    if (protocol->n_choices > (labels->is_open ? 0 : 2))
        return fail(err, STATUS_UNSUPPORTED, "%s: a baseline cannot weigh %zu choices against %s",
                    protocol->name, protocol->n_choices,
                    labels->is_open ? "open answers" : "two labels");
    find_words(labels, set, protocol, true_false);
    return labels->is_open ? label_counts_read(&labels->counts, set, protocol, arena, err)
                           : STATUS_OK;
}

/* Whether the baseline has answers of this kind. */
static bool can_answer(const struct baseline *baseline, const struct baseline_labels *labels)
{
    return labels->is_open ? baseline->answer(labels, 0, 0) != NULL : baseline->first != NULL;
}

static enum status predict(const struct baseline *baseline, const struct baseline_labels *labels,
                           const struct dataset *set, const struct protocol *protocol,
                           uint64_t seed, struct arena *arena, struct prediction **out,
                           struct error *err)
{
    size_t n = set->n_samples, n_choices = protocol->n_choices;
    struct prediction *predictions = arena_alloc(arena, n, sizeof *predictions);
    double *probabilities = n_choices ? arena_alloc(arena, n, 2 * sizeof *probabilities) : NULL;
    if (arena_failed(arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory for %s", baseline->name);
    for (size_t i = 0; i < n; i++) {
        struct prediction *prediction = &predictions[i];
        prediction->sample_id = set->samples[i].id;
        if (labels->is_open) {
            prediction->text = baseline->answer(labels, i, seed);
            continue;
        }
        double first = baseline->first(labels, &set->samples[i], seed);
        prediction->text = labels->words[first >= 1 - first ? 0 : 1];
        if (probabilities) {
            probabilities[2 * i] = first;
            probabilities[2 * i + 1] = 1 - first;
            prediction->probabilities = &probabilities[2 * i];
        }
    }
    *out = predictions;
    return STATUS_OK;
}

enum status baseline_predict(const struct baseline *baseline, const struct dataset *set,
                             const struct protocol *protocol, uint64_t seed, struct arena *arena,
                             struct prediction **out, struct error *err)
{
    struct baseline_labels labels;
    enum status status = read_labels(&labels, set, protocol, arena, err);
    if (status)
        return status;
    if (!can_answer(baseline, &labels))
        return fail(err, STATUS_UNSUPPORTED,
                    "%s: there is no %s: it needs open answers, and a question type of %d "
                    "questions or more",
                    protocol->name, baseline->name, LABEL_FEWEST_OF_TYPE);
    return predict(baseline, &labels, set, protocol, seed, arena, out, err);
}

enum status score_floors(const struct dataset *set, const struct protocol *protocol, uint64_t seed,
                         struct arena *arena, struct score_floor floors[N_BASELINES], size_t *n,
                         struct error *err)
{
    struct baseline_labels labels;
    *n = 0;
    enum status status = read_labels(&labels, set, protocol, arena, err);
    for (size_t i = 0; i < N_BASELINES && !status; i++) {
        struct prediction *predictions;
        if (!can_answer(baselines[i], &labels))
            continue;
        floors[*n].baseline = baselines[i];
        status = predict(baselines[i], &labels, set, protocol, seed, arena, &predictions, err);
        if (!status)
            status = score_plainly(set, protocol, predictions, arena, &floors[*n].table, err);
        *n += 1;
    }
    if (status)
        *n = 0;
    return status;
}
