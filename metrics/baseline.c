#include "metrics/baseline.h"

#include "engine/base/random.h"
#include "metrics/yes_no_rule.h"

#include <stdbool.h>
#include <string.h>

static const char prefix[] = "baseline:";

static double always_first(const struct baseline_words *words, const struct sample *sample,
                           uint64_t seed)
{
    (void)words;
    (void)sample;
    (void)seed;
    return 1;
}

static double always_second(const struct baseline_words *words, const struct sample *sample,
                            uint64_t seed)
{
    (void)words;
    (void)sample;
    (void)seed;
    return 0;
}

static double majority(const struct baseline_words *words, const struct sample *sample,
                       uint64_t seed)
{
    (void)sample;
    (void)seed;
    return words->majority == 0 ? 1 : 0;
}

/* FNV-1a, so that neighbouring ids get unrelated streams. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return hash;
}

static double at_random(const struct baseline_words *words, const struct sample *sample,
                        uint64_t seed)
{
    (void)words;
    struct random_stream stream = {hash_of(sample->id) ^ seed};
    random_bits(&stream);
    return random_uniform(&stream);
}

static const struct baseline yes = {"baseline:yes", "always the first choice (yes, true)",
                                    always_first};
static const struct baseline no = {"baseline:no", "always the second choice (no, false)",
                                   always_second};
static const struct baseline most_frequent = {
    "baseline:majority", "always the more frequent label of the whole set", majority};
static const struct baseline chance = {
    "baseline:random", "a seeded uniform probability, drawn from the sample's id", at_random};

const struct baseline *const baselines[] = {&yes, &no, &most_frequent, &chance, NULL};
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

static enum status find_words(const struct dataset *set, const struct protocol *protocol,
                              struct baseline_words *words, struct error *err)
{
    size_t n_true_false = 0, n_second = 0, n_yes = 0, n = set->n_samples;
    for (size_t i = 0; i < n; i++) {
        if (set->samples[i].n_answers != 1)
            return fail(err, STATUS_UNSUPPORTED,
                        "%s: a yes/no baseline needs one label a question, %s has %zu",
                        protocol->name, set->samples[i].id, set->samples[i].n_answers);
        n_true_false += is_true_false(set->samples[i].answers[0]);
    }
    bool true_false = n > 0 && n_true_false == n;
    for (size_t i = 0; i < n; i++) {
        n_second += is_second(set->samples[i].answers[0], true_false);
        n_yes += strcmp(set->samples[i].answers[0], "yes") == 0;
    }
    bool is_free = !true_false && protocol->n_choices == 0 && n_yes + n_second < n;
    if (protocol->n_choices > 2)
        return fail(err, STATUS_UNSUPPORTED, "%s: a yes/no baseline cannot answer %zu choices",
                    protocol->name, protocol->n_choices);
    words->words[0] = true_false ? "True" : is_free ? "yes" : "Yes";
    words->words[1] = true_false ? "False" : is_free ? "no" : "No";
    for (size_t i = 0; i < protocol->n_choices; i++)
        words->words[i] = protocol->choices[i];
    words->majority = n_second > (is_free ? n_yes : n - n_second) ? 1 : 0;
    return STATUS_OK;
}

enum status baseline_predict(const struct baseline *baseline, const struct dataset *set,
                             const struct protocol *protocol, uint64_t seed, struct arena *arena,
                             struct prediction **out, struct error *err)
{
    struct baseline_words words;
    enum status status = find_words(set, protocol, &words, err);
    if (status)
        return status;
    size_t n = set->n_samples;
    struct prediction *predictions = arena_alloc(arena, n, sizeof *predictions);
    double *probabilities = arena_alloc(arena, n, 2 * sizeof *probabilities);
    if (arena_failed(arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory for %s", baseline->name);
    for (size_t i = 0; i < n; i++) {
        double first = baseline->first(&words, &set->samples[i], seed);
        probabilities[2 * i] = first;
        probabilities[2 * i + 1] = 1 - first;
        predictions[i] = (struct prediction){
            .sample_id = set->samples[i].id,
            .text = words.words[first >= 1 - first ? 0 : 1],
            .probabilities = protocol->n_choices > 0 ? &probabilities[2 * i] : NULL};
    }
    *out = predictions;
    return STATUS_OK;
}

enum status score_floors(const struct dataset *set, const struct protocol *protocol, uint64_t seed,
                         struct arena *arena, struct score_floor floors[N_BASELINES],
                         struct error *err)
{
    for (size_t i = 0; i < N_BASELINES; i++) {
        struct prediction *predictions;
        floors[i].baseline = baselines[i];
        enum status status =
            baseline_predict(baselines[i], set, protocol, seed, arena, &predictions, err);
        if (!status)
            status = score_predictions(set, protocol, predictions, arena, &floors[i].table, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}
