/* engine/card/layout_factory.c - TinyLLaVA Factory: one merged checkpoint, or a folder for each
 * part as its training leaves them (tinyllava/training_recipe/base.py:95-134 @53f12c7). */
#include "engine/card/detect.h"

#include "engine/base/json.h"

#include <string.h>

static bool recognises(const struct detection *d)
{
    const cJSON *name = cJSON_GetArrayItem(json_find(d->config, "architectures"), 0);
    return cJSON_IsString(name) &&
           strcmp(name->valuestring, "TinyLlavaForConditionalGeneration") == 0;
}

/* The parts' tensors: three views of one checkpoint, or three checkpoints. */
struct parts {
    struct shards lm, tower, connector;
    bool merged;
};

static void parts_close(struct parts *parts)
{
    shards_close(&parts->lm);
    if (!parts->merged) {
        shards_close(&parts->tower);
        shards_close(&parts->connector);
    }
}

static enum status parts_open(struct parts *parts, const struct detection *d)
{
    *parts = (struct parts){.merged = shards_exist(d->directory, "", d->arena)};
    const char *folder = parts->merged ? "" : "language_model";
    enum status status = shards_open(&parts->lm, d->directory, folder, d->arena, d->err);
    if (status)
        return status;
    if (parts->merged)
        parts->tower = parts->connector = parts->lm;
    else
        status = shards_open(&parts->tower, d->directory, "vision_tower", d->arena, d->err);
    if (!status && !parts->merged)
        status = shards_open(&parts->connector, d->directory, "connector", d->arena, d->err);
    if (status)
        parts_close(parts);
    return status;
}

/* A part's own configuration: of its folder, or inside config.json. */
struct part_config {
    cJSON *root;
    const cJSON *config;
    const char *where;
};

static enum status read_part_config(struct part_config *out, const struct detection *d,
                                    const char *file, const char *key)
{
    enum status status = detect_read(d, file, &out->root, &out->where);
    out->config = out->root;
    if (!status && !out->root) {
        out->config = json_find(d->config, key);
        out->where = d->where;
    }
    return status;
}

static enum status detect_lm(const struct detection *d, const struct shards *shards)
{
    struct part_config part;
    enum status status = read_part_config(&part, d, "language_model/config.json", "text_config");
    if (!status)
        status = detect_hf_decoder(d, shards, part.config, part.where);
    /* Relatives of LLaMA have its names and another arithmetic. */
    const char *type = json_string_or(part.config, "model_type", d->card->lm.family);
    if (!status && strcmp(type, d->card->lm.family) != 0)
        status = fail(d->err, STATUS_UNSUPPORTED,
                      "%s: the language model '%s' is not supported (llama and phi are)",
                      part.where, type);
    cJSON_Delete(part.root);
    return status;
}

/* 'patch' leaves the first row out, which is CLIP's cls token, and SigLIP's first patch
 * (tinyllava/model/vision_tower/base.py:47-58 @53f12c7). */
static enum status detect_selection(const struct detection *d, struct card_tower *tower)
{
    static const char key[] = "vision_feature_select_strategy";
    const char *strategy = json_string_or(d->config, key, "patch");
    bool patch = strcmp(strategy, "patch") == 0;
    if (!patch && (tower->cls_token || strcmp(strategy, "cls_patch") != 0))
        return fail(d->err, STATUS_UNSUPPORTED, "%s: \"%s\" is '%s', 'patch' is supported",
                    d->where, key, strategy);
    tower->skip_patches = patch && !tower->cls_token ? 1 : 0;
    tower->preprocess.half_pixels = true;
    return STATUS_OK;
}

static enum status detect_tower(const struct detection *d, const struct shards *shards)
{
    static const char *const folders[] = {"vision_tower", NULL};
    struct part_config part;
    struct tower_config config;
    const char *prefix;
    enum status status = detect_vit_prefix(d, shards, &prefix);
    if (!status && !prefix)
        status = fail(d->err, STATUS_NOT_FOUND,
                      "%s: there is no vision tower like CLIP's or SigLIP's in it", shards->place);
    if (!status)
        status = tower_config_read(&config, d, folders);
    if (status)
        return status;
    status = read_part_config(&part, d, "vision_tower/config.json", "vision_config");
    config.config = part.config;
    config.where = part.where;
    if (!status)
        status = detect_hf_tower(d, shards, prefix, &config);
    if (!status)
        status = detect_selection(d, &d->card->towers[0]);
    cJSON_Delete(part.root);
    tower_config_release(&config);
    return status;
}

/* tinyllava/model/connector: mlp.py:18-30, linear.py. */
static enum status find_connector(const struct detection *d, const struct shards *shards)
{
    static const struct {
        const char *type, *kind, *first;
    } kinds[] = {
        {"mlp2x_gelu", "gelu-mlp", "_connector.0.weight"},
        {"linear", "linear", "_connector.weight"},
    };
    const char *type = json_string_or(d->config, "connector_type", "mlp2x_gelu"), *prefix;
    size_t i = 0;
    while (i < sizeof kinds / sizeof kinds[0] && strcmp(kinds[i].type, type) != 0)
        i++;
    if (i == sizeof kinds / sizeof kinds[0])
        return fail(d->err, STATUS_UNSUPPORTED, "%s: the connector '%s' is not supported", d->where,
                    type);
    enum status status = shards_prefix(shards, kinds[i].first, d->arena, &prefix, d->err);
    if (!status && !prefix)
        status = fail(d->err, STATUS_NOT_FOUND, "%s: no tensor is called %s", shards->place,
                      kinds[i].first);
    if (status)
        return status;
    const char *whole = arena_printf(d->arena, "%s_connector.", prefix);
    d->card->connector.kind = kinds[i].kind;
    return whole ? detect_connector(d, shards, whole) : detect_no_memory(d);
}

static enum status detect(const struct detection *d)
{
    struct parts parts;
    d->card->family = "tinyllava-factory";
    enum status status = detect_hf_expect(d, d->config, "vision_feature_layer", "-2");
    if (!status)
        status = parts_open(&parts, d);
    if (status)
        return status;
    status = detect_lm(d, &parts.lm);
    if (!status)
        status = find_connector(d, &parts.connector);
    if (!status)
        status = detect_tower(d, &parts.tower);
    parts_close(&parts);
    return status ? status : detect_hf_text(d);
}

const struct card_layout layout_factory = {
    .name = "TinyLLaVA Factory's",
    .needs = "config.json with TinyLlavaForConditionalGeneration, and model.safetensors or "
             "language_model/, vision_tower/ and connector/",
    .recognises = recognises,
    .detect = detect,
};
