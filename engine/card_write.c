/* engine/card_write.c - a card as the text of model.json. */
#include "engine/base/json.h"
#include "engine/card.h"

static void add_string(struct text *out, const char *indent, const char *key, const char *value)
{
    text_addf(out, "%s\"%s\": ", indent, key);
    if (value)
        json_add_string(out, value);
    else
        text_add(out, "null");
    text_add(out, ",\n");
}

static void add_int(struct text *out, const char *indent, const char *key, int value)
{
    text_addf(out, "%s\"%s\": %d,\n", indent, key, value);
}

static void add_number(struct text *out, const char *indent, const char *key, double value)
{
    text_addf(out, "%s\"%s\": ", indent, key);
    json_add_number(out, value);
    text_add(out, ",\n");
}

static void add_bool(struct text *out, const char *indent, const char *key, bool value)
{
    text_addf(out, "%s\"%s\": %s,\n", indent, key, value ? "true" : "false");
}

/* Floats are written as the shortest decimal that reads back to the same float. */
static void add_triple(struct text *out, const char *indent, const char *key, const float v[3])
{
    text_addf(out, "%s\"%s\": [%.9g, %.9g, %.9g],\n", indent, key, (double)v[0], (double)v[1],
              (double)v[2]);
}

static void add_weights(struct text *out, const char *indent, const struct card_weights *weights)
{
    text_addf(out, "%s\"files\": [", indent);
    for (size_t i = 0; i < weights->n_files; i++) {
        text_add(out, i ? ", " : "");
        json_add_string(out, weights->files[i]);
    }
    text_add(out, "],\n");
    text_addf(out, "%s\"prefix\": ", indent);
    json_add_string(out, weights->prefix ? weights->prefix : "");
    text_add(out, ",\n");
}

static void add_tower(struct text *out, const struct card_tower *tower)
{
    const char *in = "      ";
    add_string(out, in, "name", tower->name);
    add_string(out, in, "encoder", tower->encoder);
    add_weights(out, in, &tower->weights);
    add_string(out, in, "resize", resize_strategy_name(tower->preprocess.strategy));
    add_string(out, in, "rescale", rescale_name(tower->preprocess.rescale));
    add_triple(out, in, "mean", tower->preprocess.mean);
    add_triple(out, in, "std", tower->preprocess.std);
    add_int(out, in, "patch_size", tower->patch_size);
    add_int(out, in, "native_grid", tower->native_grid);
    add_int(out, in, "width", tower->width);
    add_int(out, in, "heads", tower->heads);
    add_int(out, in, "mlp_width", tower->mlp_width);
    add_int(out, in, "layers", tower->layers);
    add_number(out, in, "eps", tower->eps);
    add_string(out, in, "activation", tower->activation);
    add_bool(out, in, "layer_scale", tower->layer_scale);
    add_bool(out, in, "cls_token", tower->cls_token);
    text_addf(out, "%s\"registers\": %d\n", in, tower->registers);
}

static void add_lm(struct text *out, const struct card_lm *lm)
{
    const char *in = "    ";
    add_string(out, in, "family", lm->family);
    add_weights(out, in, &lm->weights);
    add_int(out, in, "width", lm->width);
    add_int(out, in, "layers", lm->layers);
    add_int(out, in, "inner_width", lm->inner_width);
    add_int(out, in, "state_size", lm->state_size);
    add_int(out, in, "conv_width", lm->conv_width);
    add_int(out, in, "dt_rank", lm->dt_rank);
    add_int(out, in, "vocabulary", lm->vocabulary);
    add_number(out, in, "eps", lm->eps);
    add_int(out, in, "eos", lm->eos);
    text_addf(out, "%s\"max_text_tokens\": %d\n", in, lm->max_text_tokens);
}

void card_write(const struct card *card, struct text *out)
{
    text_add(out, "{\n  \"format\": 1,\n");
    add_string(out, "  ", "name", card->name);
    add_string(out, "  ", "family", card->family);
    add_string(out, "  ", "template", card->template);
    add_string(out, "  ", "tokenizer", card->tokenizer);
    add_bool(out, "  ", "clean_up", card->clean_up);
    add_int(out, "  ", "image_size", card->image_size);
    text_add(out, "  \"towers\": [\n");
    for (size_t i = 0; i < card->n_towers; i++) {
        text_add(out, "    {\n");
        add_tower(out, &card->towers[i]);
        text_add(out, i + 1 < card->n_towers ? "    },\n" : "    }\n");
    }
    text_add(out, "  ],\n  \"connector\": {\n");
    add_string(out, "    ", "kind", card->connector.kind);
    add_weights(out, "    ", &card->connector.weights);
    add_int(out, "    ", "in_width", card->connector.in_width);
    add_int(out, "    ", "hidden_width", card->connector.hidden_width);
    text_addf(out, "    \"out_width\": %d\n", card->connector.out_width);
    text_add(out, "  },\n  \"language_model\": {\n");
    add_lm(out, &card->lm);
    text_add(out, "  }\n}\n");
}
