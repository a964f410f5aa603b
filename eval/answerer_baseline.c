/* eval/answerer_baseline.c - answers without a model, through the same loop and log. */
#include "eval/answerer.h"

#include "metrics/baseline.h"

#include <stdlib.h>
#include <string.h>

struct baseline_state {
    const struct baseline *baseline;
    const struct dataset *set;
    const struct protocol *protocol;
    struct prediction *predictions; /* [set->n_samples] */
    struct arena arena;
};

static enum status unknown_baseline(const char *name, struct error *err)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; baselines[i]; i++) {
        size_t length = strlen(baselines[i]->name);
        if (used + length + 3 > sizeof list)
            break;
        memcpy(list + used, i > 0 ? ", " : "", i > 0 ? 2 : 0);
        used += i > 0 ? 2 : 0;
        memcpy(list + used, baselines[i]->name, length + 1);
        used += length;
    }
    return fail(err, STATUS_USAGE, "there is no %s; choose one of %s", name, list);
}

static enum status check_baseline(const struct answerer_options *options, struct error *err)
{
    return baseline_find(options->model) ? STATUS_OK : unknown_baseline(options->model, err);
}

static enum status open_baseline(struct answerer *answerer, struct error *err)
{
    enum status status = check_baseline(&answerer->options, err);
    if (status)
        return status;
    const struct baseline *baseline = baseline_find(answerer->options.model);
    struct baseline_state *state = calloc(1, sizeof *state);
    if (!state)
        return fail(err, STATUS_NO_MEMORY, "out of memory while opening %s", baseline->name);
    state->baseline = baseline;
    arena_init(&state->arena);
    answerer->state = state;
    answerer->facts.name = baseline->name;
    return STATUS_OK;
}

static void close_baseline(struct answerer *answerer)
{
    struct baseline_state *state = answerer->state;
    if (!state)
        return;
    arena_release(&state->arena);
    free(state);
    answerer->state = NULL;
}

static enum status hash_baseline(const struct answerer *answerer, struct sha256_text *out,
                                 struct error *err)
{
    (void)err;
    *out = sha256_bytes(answerer->facts.name, strlen(answerer->facts.name));
    return STATUS_OK;
}

static enum status begin_baseline(struct answerer *answerer, const struct dataset *set,
                                  const struct protocol *protocol, struct error *err)
{
    struct baseline_state *state = answerer->state;
    arena_release(&state->arena);
    state->set = set;
    state->protocol = protocol;
    return baseline_predict(state->baseline, set, protocol, answerer->options.seed, &state->arena,
                            &state->predictions, err);
}

static void add_prompt(const struct answerer *answerer, const struct sample *sample,
                       struct text *out)
{
    const struct baseline_state *state = answerer->state;
    protocol_message(state->protocol, sample, out);
}

static enum status answer_baseline(struct answerer *answerer, const struct question *questions,
                                   size_t n, struct answer *answers, size_t *n_answered,
                                   struct error *err)
{
    const struct baseline_state *state = answerer->state;
    (void)err;
    for (size_t i = 0; i < n; i++) {
        const struct prediction *prediction = &state->predictions[questions[i].sample];
        struct answer *answer = &answers[i];
        *answer = (struct answer){.text = prediction->text, .failure = prediction->failure};
        if (!prediction->probabilities)
            continue;
        answer->n_choices = state->protocol->n_choices;
        memcpy(answer->probabilities, prediction->probabilities,
               answer->n_choices * sizeof *answer->probabilities);
    }
    *n_answered = n;
    return STATUS_OK;
}

const struct answerer_kind answerer_baseline = {
    .prefix = "baseline:",
    .check = check_baseline,
    .open = open_baseline,
    .close = close_baseline,
    .hash = hash_baseline,
    .begin = begin_baseline,
    .prompt = add_prompt,
    .answer = answer_baseline,
};
