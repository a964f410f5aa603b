/* engine/card/layout_prismatic.c - the run directories of Prismatic's code base, which Cobra and
 * ML-Mamba derive from: config.json and checkpoints/latest-checkpoint.pt, with the towers, which
 * are not in the checkpoint, and the tokenizer beside them (cobra/models/load.py:44-107 @4b81082).
 */
#include "engine/card/detect.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/text.h"

#include <stdlib.h>
#include <string.h>

/* Where people put the files that the loaders take from the hub. */
static const char *const checkpoint_places[] = {"checkpoints/latest-checkpoint.pt",
                                                "latest-checkpoint.pt", NULL};
static const char *const dino_places[] = {
    "dino/model.safetensors", "vit_large_patch14_reg4_dinov2.lvd142m/model.safetensors",
    "dinov2/model.safetensors", "dino/pytorch_model.bin", NULL};
static const char *const siglip_places[] = {
    "siglip/open_clip_model.safetensors", "ViT-SO400M-14-SigLIP-384/open_clip_model.safetensors",
    "siglip/model.safetensors",           "vit_so400m_patch14_siglip_384.webli/model.safetensors",
    "siglip/open_clip_pytorch_model.bin", NULL};
static const char *const tokenizer_places[] = {"tokenizer.json", "tokenizer/tokenizer.json",
                                               "llm/tokenizer.json", NULL};

/* cobra/models/vlms/cobra.py:58-69: the order of the tests matters. */
static const char *connector_kind(const char *arch)
{
    static const char *const kinds[] = {"fused-gelu-mlp", "gelu-mlp", "fused-ldpnet"};
    if (strcmp(arch, "linear") == 0 || text_ends_with(arch, "+linear"))
        return "linear";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_ends_with(arch, kinds[i]))
            return kinds[i];
    return NULL;
}

/* The number before "px" at the end of an id such as "dinosiglip-vit-so-384px", or 224. */
static int size_in_id(const char *id)
{
    const char *dash = strrchr(id, '-');
    return dash && text_ends_with(id, "px") && atoi(dash + 1) > 0 ? atoi(dash + 1) : 224;
}

static enum status detect_tower(const struct detection *d, const char *name, const char *file_name,
                                const float mean[3], const float std[3],
                                enum resize_strategy resize, int *image_size)
{
    struct card_tower *tower = &d->card->towers[d->card->n_towers++];
    *tower = (struct card_tower){.name = name};
    tower->preprocess.strategy = resize;
    memcpy(tower->preprocess.mean, mean, 3 * sizeof *mean);
    memcpy(tower->preprocess.std, std, 3 * sizeof *std);
    return detect_timm(d, file_name, tower, image_size);
}

static enum status detect_towers(const struct detection *d, const char *vision_id,
                                 enum resize_strategy resize)
{
    static const float imagenet_mean[] = {0.485F, 0.456F, 0.406F};
    static const float imagenet_std[] = {0.229F, 0.224F, 0.225F};
    static const float half[] = {0.5F, 0.5F, 0.5F};
    bool fused = text_starts_with(vision_id, "dinosiglip");
    int unused = 0;
    if (!fused && !text_starts_with(vision_id, "siglip"))
        return fail(d->err, STATUS_UNSUPPORTED,
                    "%s: the vision backbone '%s' is not supported (dinosiglip-* and siglip-* are)",
                    d->where, vision_id);
    const char *dino = detect_place(d, dino_places);
    const char *siglip = detect_place(d, siglip_places);
    if (fused && !dino)
        return detect_missing(d, "the DINOv2 tower (timm/vit_large_patch14_reg4_dinov2.lvd142m)",
                              dino_places[0]);
    if (!siglip)
        return detect_missing(d, "the SigLIP tower (timm/ViT-SO400M-14-SigLIP-384)",
                              siglip_places[0]);
    enum status status = STATUS_OK;
    d->card->image_size = size_in_id(vision_id);
    if (fused)
        status = detect_tower(d, "dino", dino, imagenet_mean, imagenet_std, resize, &unused);
    if (!status)
        status = detect_tower(d, "siglip", siglip, half, half, resize, &d->card->image_size);
    return status;
}

/* What config.json says under "model". */
struct run_config {
    const char *id, *arch, *vision, *llm, *resize;
    int max_tokens;
};

static enum status read_config(const struct detection *d, struct run_config *config)
{
    const cJSON *model;
    const char *where = d->where;
    enum status status = json_get(d->config, "model", where, &model, d->err);
    if (!status)
        status = json_get_string(model, "model_id", where, &config->id, d->err);
    if (!status)
        status = json_get_string(model, "arch_specifier", where, &config->arch, d->err);
    if (!status)
        status = json_get_string(model, "vision_backbone_id", where, &config->vision, d->err);
    if (!status)
        status = json_get_string(model, "llm_backbone_id", where, &config->llm, d->err);
    if (!status)
        status = json_get_string(model, "image_resize_strategy", where, &config->resize, d->err);
    config->max_tokens = 2048;
    return status ? status : detect_int(d, model, "llm_max_length", where, &config->max_tokens);
}

/* A LLaMA decoder: its heads stand in the config of the language model, beside the tokenizer. */
static enum status detect_llama(const struct detection *d, const struct shards *shards,
                                const char *prefix)
{
    cJSON *config;
    const char *where;
    enum status status = detect_read(d, "llm/config.json", &config, &where);
    if (!status && !config)
        status = detect_missing(d, "the language model's config", "llm/config.json");
    if (!status)
        status = detect_decoder(d, shards, prefix, config, where);
    if (!status)
        status = json_get_int(config, "eos_token_id", where, &d->card->lm.eos, d->err);
    /* The GPT-NeoX tokenizer puts nothing in front. */
    d->card->lm.bos = -1;
    cJSON_Delete(config);
    return status;
}

/* The language models that the checkpoint may hold, told by their tensors; ML-Mamba's names lack a
 * level. */
static enum status detect_lm(const struct detection *d, const struct shards *shards)
{
    static const struct {
        const char *prefix, *probe;
        enum status (*detect)(const struct detection *d, const struct shards *shards,
                              const char *prefix);
    } rows[] = {
        {"model.llm_backbone.llm.", "backbone.embedding.weight", detect_mamba},
        {"model.llm_backbone.", "backbone.embedding.weight", detect_mamba},
        {"model.llm_backbone.llm.", "model.embed_tokens.weight", detect_llama},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (shards_have(shards, rows[i].prefix, rows[i].probe))
            return rows[i].detect(d, shards, rows[i].prefix);
    return fail(d->err, STATUS_UNSUPPORTED, "%s: there is neither a Mamba, %s%s, nor a LLaMA, %s",
                shards->place, rows[0].prefix, rows[0].probe, rows[2].probe);
}

/* Whose code base it is. */
static const char *family_of(const struct card *card)
{
    if (strcmp(card->lm.family, "mamba") == 0)
        return "cobra";
    return strcmp(card->lm.family, "mamba2") == 0 ? "ml-mamba" : "prismatic";
}

static enum status detect_checkpoint(const struct detection *d)
{
    const char *name = detect_place(d, checkpoint_places);
    struct shards shards;
    if (!name)
        return detect_missing(d, "the checkpoint", checkpoint_places[0]);
    enum status status = shards_open_file(&shards, d->directory, name, d->arena, d->err);
    if (status)
        return status;
    status = detect_lm(d, &shards);
    if (!status)
        d->card->family = family_of(d->card);
    bool scan = shards_have(&shards, "model.mlp.", "0.weight") ||
                shards_have(&shards, "model.bidirectional_mamba.", "norm_f.weight");
    if (!status)
        status = scan ? detect_scan(d, &shards, "model.")
                      : detect_connector(d, &shards, "model.projector.projector.");
    shards_close(&shards);
    return status;
}

/* Ids that end in "zephyr" are chat models, other Mambas are not (Cobra's cobra/models/backbones/
 * llm/mamba.py:97-99 @4b81082); ML-Mamba has one template (its llm/mamba.py:101-107 @5fdff98);
 * templates of Prismatic's own language models are not there. */
static enum status find_template(const struct detection *d, const char *llm)
{
    struct card *card = d->card;
    bool zephyr = text_ends_with(llm, "zephyr") || strcmp(card->lm.family, "mamba2") == 0;
    card->template = zephyr ? "zephyr" : "in-out";
    if (!zephyr && strcmp(card->lm.family, "mamba") != 0)
        return fail(d->err, STATUS_UNSUPPORTED,
                    "%s: the chat template of '%s' is not supported (that of *zephyr is)", d->where,
                    llm);
    return STATUS_OK;
}

static bool recognises(const struct detection *d)
{
    return json_find(d->config, "model") != NULL ||
           (d->config && detect_place(d, checkpoint_places) != NULL);
}

/* Cobra and ML-Mamba read GPT-NeoX's ids, in which the end token is the first. */
static enum status find_tokenizer(const struct detection *d)
{
    static const char what[] = "the tokenizer (GPT-NeoX)", end[] = "<|endoftext|>";
    if (strncmp(d->card->lm.family, "mamba", strlen("mamba")) != 0)
        return detect_tokenizer(d, what, tokenizer_places, NULL);
    enum status status = detect_tokenizer(d, what, tokenizer_places, end);
    if (!status && d->card->lm.eos != 0)
        status = fail(d->err, STATUS_MISMATCH,
                      "%s/%s: its %s is %d, GPT-NeoX's, which the model was trained with, is 0",
                      d->directory, d->card->tokenizer, end, d->card->lm.eos);
    return status;
}

static enum status detect(const struct detection *d)
{
    struct card *card = d->card;
    struct run_config config = {0};
    enum resize_strategy resize = RESIZE_NAIVE;
    enum status status = read_config(d, &config);
    if (status)
        return status;
    card->name = arena_string(d->arena, config.id);
    card->clean_up = true;
    card->lm.max_text_tokens = config.max_tokens;
    card->connector.kind = connector_kind(config.arch);
    if (!card->connector.kind)
        return fail(d->err, STATUS_UNSUPPORTED, "%s: the architecture '%s' is not supported",
                    d->where, config.arch);
    status = resize_strategy_parse(config.resize, &resize, d->err);
    if (status)
        return fail_within(d->err, status, d->where);
    status = detect_towers(d, config.vision, resize);
    if (!status)
        status = detect_checkpoint(d);
    if (!status)
        status = find_template(d, config.llm);
    return status ? status : find_tokenizer(d);
}

const struct card_layout layout_prismatic = {
    .name = "Prismatic's (Cobra, ML-Mamba; a LLaMA decoder too)",
    .needs = "config.json with \"model\" (ML-Mamba's is mlmamba/conf/config.json of its sources) "
             "and checkpoints/latest-checkpoint.pt",
    .recognises = recognises,
    .detect = detect,
};
