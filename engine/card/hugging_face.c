/* engine/card/hugging_face.c - what Hugging Face directories of different systems share. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/card/detect.h"

#include <string.h>

/* A file of this name in the first of the folders that has it; *root is NULL if none has. */
static enum status read_first(const struct detection *d, const char *const *folders,
                              const char *name, cJSON **root, const char **where)
{
    *root = NULL;
    for (; *folders && !*root; folders++) {
        const char *inside = path_join(d->arena, *folders, name);
        if (!inside)
            return detect_no_memory(d);
        enum status status = detect_read(d, inside, root, where);
        if (status)
            return status;
    }
    return STATUS_OK;
}

void tower_config_release(struct tower_config *config)
{
    cJSON_Delete(config->root);
    cJSON_Delete(config->processor);
}

enum status tower_config_read(struct tower_config *out, const struct detection *d,
                              const char *const *folders)
{
    static const char processor[] = "preprocessor_config.json";
    *out = (struct tower_config){.root = NULL};
    enum status status = read_first(d, folders, "config.json", &out->root, &out->where);
    if (!status)
        status = detect_read(d, processor, &out->processor, &out->processor_where);
    if (!status && !out->processor)
        status = read_first(d, folders, processor, &out->processor, &out->processor_where);
    if (status) {
        tower_config_release(out);
        return status;
    }
    /* A whole CLIP has the tower's configuration inside. */
    const cJSON *vision = json_find(out->root, "vision_config");
    out->config = vision ? vision : out->root;
    return STATUS_OK;
}

/* How a picture becomes a square; the processors' own ways are CLIP's crop and SigLIP's squash. */
static enum status find_aspect(const struct detection *d, struct card_tower *tower)
{
    const char *aspect = json_string_or(d->config, "image_aspect_ratio", "square");
    if (strcmp(aspect, "pad") != 0 && strcmp(aspect, "square") != 0)
        return fail(d->err, STATUS_UNSUPPORTED,
                    "%s: \"image_aspect_ratio\" is '%s', 'pad' and 'square' are supported",
                    d->where, aspect);
    tower->preprocess.strategy = strcmp(aspect, "pad") == 0 ? RESIZE_PAD
                                 : tower->cls_token         ? RESIZE_CENTRE
                                                            : RESIZE_NAIVE;
    return STATUS_OK;
}

enum status detect_hf_tower(const struct detection *d, const struct shards *shards,
                            const char *prefix, const struct tower_config *config)
{
    struct tower_source source = {.shards = shards,
                                  .prefix = prefix,
                                  .config = config->config,
                                  .processor = config->processor,
                                  .config_where = config->where,
                                  .processor_where = config->processor_where};
    struct card_tower *tower = &d->card->towers[d->card->n_towers++];
    enum status status = detect_vit(d, &source, tower);
    return status ? status : find_aspect(d, tower);
}

enum status detect_hf_decoder(const struct detection *d, const struct shards *shards,
                              const cJSON *config, const char *where)
{
    static const char table[] = "model.embed_tokens.weight";
    const char *prefix;
    enum status status = shards_prefix(shards, table, d->arena, &prefix, d->err);
    if (!status && !prefix)
        status = fail(d->err, STATUS_NOT_FOUND, "%s: no tensor is called %s", shards->place, table);
    return status ? status : detect_decoder(d, shards, prefix, config, where);
}

/* tokenizer_config.json: "model_max_length" may be 1e30, which means none. */
static enum status read_tokenizer_config(const struct detection *d, int *max_tokens, bool *adds_bos)
{
    cJSON *root;
    const char *where;
    enum status status = detect_read(d, "tokenizer_config.json", &root, &where);
    double length = json_number_or(root, "model_max_length", 0);
    if (length >= 1 && length <= CARD_MAX_IDS)
        *max_tokens = (int)length;
    *adds_bos = json_bool_or(root, "add_bos_token", true);
    cJSON_Delete(root);
    return status;
}

enum status detect_hf_text(const struct detection *d)
{
    static const char *const llama_places[] = {"tokenizer.model", "tokenizer.json",
                                               "language_model/tokenizer.model", NULL};
    static const char *const phi_places[] = {"tokenizer.json", "language_model/tokenizer.json",
                                             NULL};
    struct card *card = d->card;
    bool llama = strcmp(card->lm.family, "llama") == 0, adds_bos = true;
    card->template = "vicuna";
    card->clean_up = !llama;
    card->lm.max_text_tokens = 2048;
    enum status status = read_tokenizer_config(d, &card->lm.max_text_tokens, &adds_bos);
    if (!adds_bos)
        card->lm.bos = -1;
    if (!status)
        status =
            detect_int(d, d->config, "max_sequence_length", d->where, &card->lm.max_text_tokens);
    if (!status)
        status = detect_int(d, d->config, "tokenizer_model_max_length", d->where,
                            &card->lm.max_text_tokens);
    if (status)
        return status;
    if (!llama)
        return detect_tokenizer(d, "the tokenizer (CodeGen)", phi_places, "<|endoftext|>");
    int told = card->lm.eos;
    status = detect_tokenizer(d, "the tokenizer (LLaMA)", llama_places, "</s>");
    if (!status && told != card->lm.eos && !d->shapes_only)
        status =
            fail(d->err, STATUS_MISMATCH, "%s: \"eos_token_id\" is %d, the tokenizer's </s> is %d",
                 d->where, told, card->lm.eos);
    return status;
}

enum status detect_hf_expect(const struct detection *d, const cJSON *config, const char *key,
                             const char *value)
{
    const cJSON *item = json_find(config, key);
    if (!item || cJSON_IsNull(item))
        return STATUS_OK;
    char *text = cJSON_PrintUnformatted(item);
    if (!text)
        return detect_no_memory(d);
    enum status status =
        strcmp(text, value) == 0
            ? STATUS_OK
            : fail(d->err, STATUS_UNSUPPORTED, "%s: \"%s\" is %.60s, only %s is supported",
                   d->where, key, text, value);
    cJSON_free(text);
    return status;
}
