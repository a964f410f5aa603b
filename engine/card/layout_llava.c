/* engine/card/layout_llava.c - LLaVA-1.5 and those that kept its names: LLaVA-Phi, TinyLLaVA (first
 * code base), MobileVLM.  One checkpoint with language model and projector; the tower is in it or
 * beside it. */
#include "engine/card/detect.h"

#include "engine/base/file.h"
#include "engine/base/json.h"

#include <string.h>

/* Where the tower's weights are taken from. */
enum tower_place {
    CHECKPOINT_ONLY,  /* fine-tuned: a stock tower would be another model */
    CHECKPOINT_FIRST, /* the same weights are also released alone */
    BESIDE_FIRST      /* the official code loads the stock tower, whatever the checkpoint holds
                         (llava/model/builder.py:143-147 @c121f04, mobilevlm.py:288-289 @688fdec) */
};

struct variant {
    const char *architecture; /* config.json: architectures[0] */
    const char *connector;    /* NULL: any */
    const char *family;
    enum tower_place place;
};

static const struct variant variants[] = {
    {"LlavaLlamaForCausalLM", NULL, "llava-1.5", BESIDE_FIRST},
    {"LlavaPhiForCausalLM", NULL, "llava-phi", CHECKPOINT_ONLY},
    {"TinyLlavaPhiForCausalLM", NULL, "tinyllava-legacy", CHECKPOINT_FIRST},
    {"TinyLlavaLlamaForCausalLM", NULL, "tinyllava-legacy", CHECKPOINT_FIRST},
    {"MobileLlamaForCausalLM", "ldpnet", "mobilevlm-v1", BESIDE_FIRST},
    {"MobileLlamaForCausalLM", NULL, "mobilevlm-v2", CHECKPOINT_ONLY},
};

static const struct variant *find_variant(const struct detection *d, const char *connector)
{
    const cJSON *name = cJSON_GetArrayItem(json_find(d->config, "architectures"), 0);
    for (size_t i = 0; cJSON_IsString(name) && i < sizeof variants / sizeof variants[0]; i++)
        if (strcmp(variants[i].architecture, name->valuestring) == 0 &&
            (!variants[i].connector || !connector || strcmp(variants[i].connector, connector) == 0))
            return &variants[i];
    return NULL;
}

static bool recognises(const struct detection *d)
{
    return find_variant(d, NULL) != NULL;
}

/* Configuration and weights of the tower. */

enum { MAX_FOLDERS = 8 };

static bool stays_inside(const char *path)
{
    return path[0] && path[0] != '/' && !strstr(path, "..");
}

/* Where people put a stock tower, and where config.json says it is. */
static void list_folders(const struct detection *d, const char *folders[MAX_FOLDERS])
{
    static const char *const usual[] = {"clip", "vision_tower", "siglip",
                                        "clip-vit-large-patch14-336",
                                        "openai/clip-vit-large-patch14-336"};
    char *named = arena_string(d->arena, json_string_or(d->config, "mm_vision_tower", ""));
    size_t n = 0, length = named ? strlen(named) : 0;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        folders[n++] = usual[i];
    while (length > 0 && named[length - 1] == '/')
        named[--length] = '\0';
    /* "" and "." would be the model's own directory. */
    if (length > 0 && stays_inside(named) && strcmp(path_name(named), ".") != 0) {
        folders[n++] = named;
        folders[n++] = path_name(named);
    }
    folders[n] = NULL;
}

/* The first folder with weights, or NULL. */
static const char *folder_with_weights(const struct detection *d, const char *const *folders)
{
    for (; *folders; folders++)
        if ((*folders)[0] && shards_exist(d->directory, *folders, d->arena))
            return *folders;
    return NULL;
}

/* LLaVA-Phi writes the tower's configuration into its own. */
static const cJSON *nested_config(const struct detection *d)
{
    return json_find(json_find(d->config, "vision_config"), "vision_tower");
}

static enum status tower_in_checkpoint(const struct detection *d, const struct shards *shards,
                                       const char *prefix, const char *const *folders)
{
    struct tower_config config;
    enum status status = tower_config_read(&config, d, folders);
    if (status)
        return status;
    if (nested_config(d)) {
        config.config = nested_config(d);
        config.where = d->where;
    }
    status = detect_hf_tower(d, shards, prefix, &config);
    tower_config_release(&config);
    return status;
}

static enum status tower_beside(const struct detection *d, const char *folder)
{
    const char *const places[] = {folder, NULL};
    struct tower_config config;
    struct shards shards;
    const char *prefix;
    enum status status = shards_open(&shards, d->directory, folder, d->arena, d->err);
    if (status)
        return status;
    status = detect_vit_prefix(d, &shards, &prefix);
    if (!status && !prefix)
        status = fail(d->err, STATUS_NOT_FOUND, "%s: there is no vision tower in it", shards.place);
    if (!status)
        status = tower_config_read(&config, d, places);
    if (!status) {
        status = detect_hf_tower(d, &shards, prefix, &config);
        tower_config_release(&config);
    }
    shards_close(&shards);
    return status;
}

static enum status detect_tower(const struct detection *d, const struct variant *variant,
                                const struct shards *shards)
{
    const char *folders[MAX_FOLDERS], *prefix;
    list_folders(d, folders);
    enum status status = detect_vit_prefix(d, shards, &prefix);
    if (status)
        return status;
    const char *beside = variant->place == CHECKPOINT_ONLY ? NULL : folder_with_weights(d, folders);
    if (prefix && (!beside || variant->place == CHECKPOINT_FIRST))
        return tower_in_checkpoint(d, shards, prefix, folders);
    if (beside)
        return tower_beside(d, beside);
    if (variant->place == CHECKPOINT_ONLY)
        return fail(d->err, STATUS_NOT_FOUND,
                    "%s: the vision tower, which this release has in its checkpoint, is missing",
                    shards->place);
    const char *name = json_string_or(d->config, "mm_vision_tower", "");
    const char *what = arena_printf(d->arena, "the vision tower %.100s", name);
    return detect_missing(d, what, "clip/ (weights, config.json, preprocessor_config.json)");
}

/* The connector. */

/* mobilevlm/model/vision_projector.py:119-122 @688fdec takes what begins with these names; LLaVA's
 * default is one linear (multimodal_projector/builder.py:33-51 @c121f04). */
static enum status find_connector(const struct detection *d, const char **prefix)
{
    static const struct {
        const char *type, *kind, *prefix;
    } kinds[] = {
        {"ldpnetv2", "ldpnetv2", "model.mm_projector."},
        {"ldpnet", "ldpnet", "model.mm_projector.model."},
        {"mlp2x_gelu", "gelu-mlp", "model.mm_projector."},
        {"linear", "linear", "model.mm_projector."},
    };
    const cJSON *nested = json_find(json_find(d->config, "vision_config"), "mm_projector");
    const char *key = "mm_projector_type";
    const char *type = json_string_or(d->config, key, json_string_or(nested, key, "linear"));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strncmp(type, kinds[i].type, strlen(kinds[i].type)) == 0 &&
            (type[strlen(kinds[i].type)] == '\0' || i < 2)) {
            d->card->connector.kind = kinds[i].kind;
            *prefix = kinds[i].prefix;
            return STATUS_OK;
        }
    return fail(d->err, STATUS_UNSUPPORTED, "%s: the projector '%s' is not supported", d->where,
                type);
}

static enum status check_config(const struct detection *d)
{
    const cJSON *nested = nested_config(d);
    enum status status = detect_hf_expect(d, d->config, "mm_vision_select_layer", "-2");
    if (!status)
        status = detect_hf_expect(d, nested, "mm_vision_select_layer", "-2");
    if (!status)
        status = detect_hf_expect(d, d->config, "mm_vision_select_feature", "\"patch\"");
    if (!status)
        status = detect_hf_expect(d, nested, "mm_vision_select_feature", "\"patch\"");
    return status ? status : detect_hf_expect(d, d->config, "mm_use_im_start_end", "false");
}

static enum status detect(const struct detection *d)
{
    const char *prefix = NULL;
    struct shards shards;
    enum status status = check_config(d);
    if (!status)
        status = find_connector(d, &prefix);
    if (!status)
        status = shards_open(&shards, d->directory, "", d->arena, d->err);
    if (status)
        return status;
    const struct variant *variant = find_variant(d, d->card->connector.kind);
    d->card->family = variant->family;
    status = detect_hf_decoder(d, &shards, d->config, d->where);
    if (!status)
        status = detect_connector(d, &shards, prefix);
    if (!status)
        status = detect_tower(d, variant, &shards);
    shards_close(&shards);
    return status ? status : detect_hf_text(d);
}

const struct card_layout layout_llava = {
    .name = "LLaVA's (LLaVA-1.5, LLaVA-Phi, TinyLLaVA, MobileVLM)",
    .needs = "config.json with their \"architectures\", and model.safetensors or pytorch_model.bin",
    .recognises = recognises,
    .detect = detect,
};
