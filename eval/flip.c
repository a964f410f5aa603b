#include "eval/flip.h"

#include "metrics/choice.h"

#include <string.h>

static const char *answer_of(const struct run_answers *answers, size_t sample, struct arena *arena)
{
    const struct prediction *prediction = &answers->predictions[sample];
    const struct protocol *protocol = &answers->task.protocol;
    if (prediction->failure)
        return arena_printf(arena, "(failed: %s)", prediction->failure);
    if (!answers->metric->needs_choices)
        return arena_string(arena, prediction->text);
    size_t choice = choice_argmax(prediction->probabilities, protocol->n_choices);
    return arena_printf(arena, "%s (%.3f)", protocol->choices[choice],
                        prediction->probabilities[choice]);
}

/* The distinct reference answers, the first few of them. */
static const char *label_of(const struct sample *sample, struct arena *arena)
{
    enum { MOST = 4 };
    const char *label = arena_string(arena, sample->answers[0]);
    size_t n = 1;
    for (size_t i = 1; i < sample->n_answers && label && n < MOST; i++) {
        size_t same = 0;
        while (same < i && strcmp(sample->answers[same], sample->answers[i]) != 0)
            same++;
        if (same < i)
            continue;
        label = arena_printf(arena, "%s, %s", label, sample->answers[i]);
        n += 1;
    }
    return label;
}

struct flip flip_make(const struct run_answers *first, size_t a, const struct run_answers *second,
                      size_t b, struct arena *arena)
{
    const struct sample *sample = &first->task.set.samples[a];
    return (struct flip){
        .id = arena_string(arena, sample->id),
        .image_path = arena_string(arena, sample->image_path),
        .question = arena_string(arena, sample->question),
        .label = label_of(sample, arena),
        .answers = {answer_of(first, a, arena), answer_of(second, b, arena)},
        .credits = {first->credits[a], second->credits[b]},
    };
}

void flips_put_json(struct json_writer *writer, const char *key, const struct flip *flips, size_t n)
{
    json_open(writer, key, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(writer, NULL, '{');
        json_put_string(writer, "id", flips[i].id);
        json_put_string(writer, "image", flips[i].image_path);
        json_put_string(writer, "question", flips[i].question);
        json_put_string(writer, "label", flips[i].label);
        json_put_string(writer, "first_answer", flips[i].answers[0]);
        json_put_string(writer, "second_answer", flips[i].answers[1]);
        json_put_number(writer, "first_credit", flips[i].credits[0]);
        json_put_number(writer, "second_credit", flips[i].credits[1]);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}
