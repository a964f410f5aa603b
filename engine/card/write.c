/* engine/card/write.c - a card as the text of model.json. */
#include "engine/base/json.h"
#include "engine/card/keys.h"

/* Members of one object are written one behind the other, a comma between two. */
struct writer {
    struct text *out;
    const char *indent;
    bool behind_one;
};

static void add_name(struct writer *w, const char *key)
{
    text_addf(w->out, "%s%s\"%s\": ", w->behind_one ? ",\n" : "", w->indent, key);
    w->behind_one = true;
}

static void add_string(struct writer *w, const char *key, const char *value)
{
    add_name(w, key);
    if (value)
        json_add_string(w->out, value);
    else
        text_add(w->out, "null");
}

static void add_number(struct writer *w, const char *key, double value)
{
    add_name(w, key);
    json_add_number(w->out, value);
}

static void add_flag(struct writer *w, const char *key, bool value)
{
    add_name(w, key);
    text_add(w->out, value ? "true" : "false");
}

static void add_keys(struct writer *w, const struct card_key *key, const void *part)
{
    for (; key->name; key++) {
        if (key->type == CARD_TEXT)
            add_string(w, key->name, card_key_text(key, part));
        else if (key->type == CARD_FLAG)
            add_flag(w, key->name, card_key_flag(key, part));
        else
            add_number(w, key->name, card_key_number(key, part));
    }
}

/* Floats are written as the shortest decimal that reads back to the same float. */
static void add_triple(struct writer *w, const char *key, const float v[3])
{
    add_name(w, key);
    text_addf(w->out, "[%.9g, %.9g, %.9g]", (double)v[0], (double)v[1], (double)v[2]);
}

static void add_weights(struct writer *w, const struct card_weights *weights)
{
    add_name(w, "files");
    text_add(w->out, "[");
    for (size_t i = 0; i < weights->n_files; i++) {
        text_add(w->out, i ? ", " : "");
        json_add_string(w->out, weights->files[i]);
    }
    text_add(w->out, "]");
    add_string(w, "prefix", weights->prefix ? weights->prefix : "");
}

static void add_tower(struct text *out, const struct card_tower *tower)
{
    struct writer w = {out, "      ", false};
    add_keys(&w, card_tower_keys, tower);
    add_string(&w, "resize", resize_strategy_name(tower->preprocess.strategy));
    add_string(&w, "rescale", rescale_name(tower->preprocess.rescale));
    add_triple(&w, "mean", tower->preprocess.mean);
    add_triple(&w, "std", tower->preprocess.std);
    add_flag(&w, "half_pixels", tower->preprocess.half_pixels);
    add_weights(&w, &tower->weights);
}

static void add_connector(struct text *out, const struct card_connector *connector)
{
    struct writer w = {out, "    ", false};
    add_keys(&w, card_connector_keys, connector);
    add_keys(&w, card_connector_own_keys(connector), connector);
    add_weights(&w, &connector->weights);
}

static void add_lm(struct text *out, const struct card_lm *lm)
{
    struct writer w = {out, "    ", false};
    add_keys(&w, card_lm_keys, lm);
    add_keys(&w, card_lm_own_keys(lm), lm);
    add_weights(&w, &lm->weights);
}

void card_write(const struct card *card, struct text *out)
{
    struct writer w = {out, "  ", false};
    text_add(out, "{\n");
    add_number(&w, "format", 1);
    add_string(&w, "name", card->name);
    add_string(&w, "family", card->family);
    add_string(&w, "template", card->template);
    add_string(&w, "tokenizer", card->tokenizer);
    add_flag(&w, "clean_up", card->clean_up);
    add_number(&w, "image_size", card->image_size);
    add_name(&w, "towers");
    text_add(out, "[\n");
    for (size_t i = 0; i < card->n_towers; i++) {
        text_add(out, i ? ",\n    {\n" : "    {\n");
        add_tower(out, &card->towers[i]);
        text_add(out, "\n    }");
    }
    text_add(out, "\n  ]");
    add_name(&w, "connector");
    text_add(out, "{\n");
    add_connector(out, &card->connector);
    text_add(out, "\n  }");
    add_name(&w, "language_model");
    text_add(out, "{\n");
    add_lm(out, &card->lm);
    text_add(out, "\n  }\n}\n");
}
