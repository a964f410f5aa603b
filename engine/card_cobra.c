#include "engine/card_cobra.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/formats/tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where people put the files that Cobra's loader takes from the hub. */
static const char *const dino_places[] = {"dino/model.safetensors",
                                          "vit_large_patch14_reg4_dinov2.lvd142m/model.safetensors",
                                          "dinov2/model.safetensors", NULL};
static const char *const siglip_places[] = {
    "siglip/open_clip_model.safetensors", "ViT-SO400M-14-SigLIP-384/open_clip_model.safetensors",
    "siglip/model.safetensors", "vit_so400m_patch14_siglip_384.webli/model.safetensors", NULL};
static const char *const tokenizer_places[] = {"tokenizer.json", "tokenizer/tokenizer.json",
                                               "llm/tokenizer.json", NULL};

/* What detection works with. */
struct detection {
    struct card *card;
    const char *directory;
    struct arena *arena;
    struct error *err;
};

/* The file that is named, or the first of the places that exists; NULL if none. */
static const char *place(const struct detection *d, const char *named, const char *const *places)
{
    if (named)
        return named;
    for (; *places; places++) {
        const char *path = path_join(d->arena, d->directory, *places);
        if (path && file_exists(path))
            return *places;
    }
    return NULL;
}

static enum status missing(const struct detection *d, const char *what, const char *where)
{
    if (arena_failed(d->arena))
        return fail(d->err, STATUS_NO_MEMORY, "out of memory while opening %s", d->directory);
    return fail(d->err, STATUS_NOT_FOUND, "%s: %s is missing; put it at %s", d->directory, what,
                where);
}

static enum status open_file(const struct detection *d, const char *name, struct tensor_file **out)
{
    const char *path = path_join(d->arena, d->directory, name);
    if (!path)
        return fail(d->err, STATUS_NO_MEMORY, "out of memory while opening %s", name);
    return tensor_file_open(out, path, d->err);
}

/* Dimension i of a tensor, into *size. */
static enum status dimension(const struct detection *d, const struct tensor_file *file,
                             const char *prefix, const char *name, int i, int *size)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const struct tensor_view *tensor = tensor_file_find(file, full);
    if (!tensor)
        return fail(d->err, STATUS_NOT_FOUND, "%s: the tensor %s is missing", file->path, full);
    if (i >= tensor->n_dims || tensor->shape[i] < 1 || tensor->shape[i] > 1 << 24)
        return fail(d->err, STATUS_MISMATCH, "%s: %s has an unexpected shape", file->path, full);
    *size = (int)tensor->shape[i];
    return STATUS_OK;
}

static bool has(const struct tensor_file *file, const char *prefix, const char *name)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return tensor_file_find(file, full) != NULL;
}

/* How many layers <prefix><stem>0<end>, 1, ... there are. */
static int count_layers(const struct tensor_file *file, const char *prefix, const char *stem,
                        const char *end)
{
    int n = 0;
    char name[128];
    for (;; n++) {
        snprintf(name, sizeof name, "%s%d%s", stem, n, end);
        if (!has(file, prefix, name))
            return n;
    }
}

/* A number inside nested objects of a JSON file beside the weights; *number stays where there is no
 * such file or number. */
static enum status config_number(const struct detection *d, const char *weights_name,
                                 const char *config, const char *const *keys, int *number)
{
    const char *folder = path_directory(d->arena, weights_name);
    const char *inner = folder ? path_join(d->arena, folder, config) : NULL;
    const char *path = inner ? path_join(d->arena, d->directory, inner) : NULL;
    cJSON *root = NULL;
    if (!path)
        return fail(d->err, STATUS_NO_MEMORY, "out of memory while opening %s", d->directory);
    if (!file_exists(path))
        return STATUS_OK;
    enum status status = json_read(&root, path, d->err);
    if (status)
        return status;
    const cJSON *parent = root;
    for (; parent && keys[1]; keys++)
        parent = json_find(parent, *keys);
    if (parent && json_find(parent, *keys))
        status = json_get_int(parent, *keys, path, number, d->err);
    cJSON_Delete(root);
    return status;
}

static enum status config_heads(const struct detection *d, const char *weights_name, int *heads)
{
    static const char *const timm[] = {"model_args", "num_heads", NULL};
    static const char *const open_clip[] = {"model_cfg", "vision_cfg", "timm_model_args",
                                            "num_heads", NULL};
    enum status status = config_number(d, weights_name, "open_clip_config.json", open_clip, heads);
    return status ? status : config_number(d, weights_name, "config.json", timm, heads);
}

/* Sizes of a timm ViT from its tensors; tower->preprocess, name and prefix are set already. */
static enum status tower_shapes(const struct detection *d, const struct tensor_file *file,
                                struct card_tower *tower)
{
    const char *prefix = tower->weights.prefix;
    int positions = 0;
    enum status status = dimension(d, file, prefix, "patch_embed.proj.weight", 0, &tower->width);
    if (!status)
        status = dimension(d, file, prefix, "patch_embed.proj.weight", 2, &tower->patch_size);
    if (!status)
        status = dimension(d, file, prefix, "pos_embed", 1, &positions);
    if (!status)
        status = dimension(d, file, prefix, "blocks.0.mlp.fc1.weight", 0, &tower->mlp_width);
    if (status)
        return status;
    while ((tower->native_grid + 1) * (tower->native_grid + 1) <= positions)
        tower->native_grid++;
    if (tower->native_grid * tower->native_grid != positions)
        return fail(d->err, STATUS_MISMATCH, "%s: %spos_embed has %d rows, a square is expected",
                    file->path, prefix, positions);
    tower->cls_token = has(file, prefix, "cls_token");
    tower->layer_scale = has(file, prefix, "blocks.0.ls1.gamma");
    if (has(file, prefix, "reg_token"))
        status = dimension(d, file, prefix, "reg_token", 1, &tower->registers);
    /* Features are taken behind the last block but one; a file may lack the last. */
    tower->layers = count_layers(file, prefix, "blocks.", ".norm1.weight") - 1;
    if (!status && tower->layers < 1)
        status = fail(d->err, STATUS_MISMATCH, "%s: it holds fewer than two blocks", file->path);
    return status;
}

static enum status detect_tower(const struct detection *d, const char *name, const char *file_name,
                                const float mean[3], const float std[3],
                                enum resize_strategy resize)
{
    struct card_tower *tower = &d->card->towers[d->card->n_towers++];
    *tower = (struct card_tower){.name = name, .encoder = "vit", .eps = 1e-6};
    tower->activation = "gelu_erf";
    tower->weights.files[0] = file_name;
    tower->weights.n_files = 1;
    tower->preprocess.strategy = resize;
    tower->preprocess.rescale = RESCALE_TORCHVISION;
    memcpy(tower->preprocess.mean, mean, 3 * sizeof *mean);
    memcpy(tower->preprocess.std, std, 3 * sizeof *std);
    struct tensor_file *file;
    enum status status = open_file(d, file_name, &file);
    if (status)
        return status;
    /* open_clip puts the tower of a timm model behind this prefix. */
    tower->weights.prefix = has(file, "visual.trunk.", "pos_embed") ? "visual.trunk." : "";
    status = tower_shapes(d, file, tower);
    tensor_file_close(file);
    if (status)
        return status;
    /* Without a config: both released towers have 16 heads. */
    tower->heads = 16;
    return config_heads(d, file_name, &tower->heads);
}

static enum status lm_shapes(const struct detection *d, const struct tensor_file *file)
{
    struct card_lm *lm = &d->card->lm;
    const char *prefix = lm->weights.prefix;
    static const char mixer[] = "backbone.layers.0.mixer.";
    char mixer_prefix[128];
    int double_inner = 0, projected = 0;
    snprintf(mixer_prefix, sizeof mixer_prefix, "%s%s", prefix, mixer);
    enum status status =
        dimension(d, file, prefix, "backbone.embedding.weight", 0, &lm->vocabulary);
    if (!status)
        status = dimension(d, file, prefix, "backbone.embedding.weight", 1, &lm->width);
    if (!status)
        status = dimension(d, file, mixer_prefix, "in_proj.weight", 0, &double_inner);
    if (!status)
        status = dimension(d, file, mixer_prefix, "A_log", 1, &lm->state_size);
    if (!status)
        status = dimension(d, file, mixer_prefix, "conv1d.weight", 2, &lm->conv_width);
    if (!status)
        status = dimension(d, file, mixer_prefix, "dt_proj.weight", 1, &lm->dt_rank);
    if (!status)
        status = dimension(d, file, mixer_prefix, "x_proj.weight", 0, &projected);
    lm->inner_width = double_inner / 2;
    lm->layers = count_layers(file, prefix, "backbone.layers.", ".norm.weight");
    if (!status && projected != lm->dt_rank + 2 * lm->state_size)
        status = fail(d->err, STATUS_MISMATCH,
                      "%s: %sx_proj.weight has %d rows, dt_rank %d and state size %d need %d",
                      file->path, mixer_prefix, projected, lm->dt_rank, lm->state_size,
                      lm->dt_rank + 2 * lm->state_size);
    return status;
}

static enum status connector_shapes(const struct detection *d, const struct tensor_file *file)
{
    struct card_connector *connector = &d->card->connector;
    const char *prefix = connector->weights.prefix;
    bool single = strcmp(connector->kind, "linear") == 0;
    const char *first = single ? "projector.weight" : "projector.0.weight";
    enum status status = dimension(d, file, prefix, first, 1, &connector->in_width);
    if (!status && !single)
        status = dimension(d, file, prefix, first, 0, &connector->hidden_width);
    connector->out_width = d->card->lm.width;
    return status;
}

static enum status detect_checkpoint(const struct detection *d, const char *file_name)
{
    struct card *card = d->card;
    struct tensor_file *file;
    enum status status = open_file(d, file_name, &file);
    if (status)
        return status;
    card->lm.weights.files[0] = card->connector.weights.files[0] = file_name;
    card->lm.weights.n_files = card->connector.weights.n_files = 1;
    card->connector.weights.prefix = "model.projector.";
    card->lm.weights.prefix = "model.llm_backbone.llm.";
    if (!has(file, card->lm.weights.prefix, "backbone.embedding.weight"))
        status = fail(d->err, STATUS_UNSUPPORTED,
                      "%s: no tensor is called %sbackbone.embedding.weight: not a Cobra checkpoint",
                      file->path, card->lm.weights.prefix);
    if (!status)
        status = lm_shapes(d, file);
    if (!status)
        status = connector_shapes(d, file);
    tensor_file_close(file);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* cobra/models/vlms/cobra.py:58-69: the order of the tests matters. */
static const char *connector_kind(const char *arch)
{
    static const char *const kinds[] = {"fused-gelu-mlp", "gelu-mlp", "fused-ldpnet"};
    if (strcmp(arch, "linear") == 0 || ends_with(arch, "+linear"))
        return "linear";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (ends_with(arch, kinds[i]))
            return kinds[i];
    return NULL;
}

/* The number before "px" at the end of an id such as "dinosiglip-vit-so-384px", or 224. */
static int size_in_id(const char *id)
{
    const char *dash = strrchr(id, '-');
    return dash && ends_with(id, "px") && atoi(dash + 1) > 0 ? atoi(dash + 1) : 224;
}

static enum status detect_towers(const struct detection *d, const struct cobra_files *files,
                                 const char *vision_id, enum resize_strategy resize)
{
    static const float imagenet_mean[] = {0.485F, 0.456F, 0.406F};
    static const float imagenet_std[] = {0.229F, 0.224F, 0.225F};
    static const float half[] = {0.5F, 0.5F, 0.5F};
    static const char *const size_keys[] = {"model_cfg", "vision_cfg", "image_size", NULL};
    bool fused = strncmp(vision_id, "dinosiglip", 10) == 0;
    if (!fused && strncmp(vision_id, "siglip", 6) != 0)
        return fail(d->err, STATUS_UNSUPPORTED,
                    "%s/config.json: the vision backbone '%s' is not "
                    "supported (dinosiglip-* and siglip-* are)",
                    d->directory, vision_id);
    const char *dino = place(d, files->dino, dino_places);
    const char *siglip = place(d, files->siglip, siglip_places);
    if (fused && !dino)
        return missing(d, "the DINOv2 tower (timm/vit_large_patch14_reg4_dinov2.lvd142m)",
                       dino_places[0]);
    if (!siglip)
        return missing(d, "the SigLIP tower (timm/ViT-SO400M-14-SigLIP-384)", siglip_places[0]);
    enum status status = STATUS_OK;
    if (fused)
        status = detect_tower(d, "dino", dino, imagenet_mean, imagenet_std, resize);
    if (!status)
        status = detect_tower(d, "siglip", siglip, half, half, resize);
    d->card->image_size = size_in_id(vision_id);
    if (!status)
        status = config_number(d, siglip, "open_clip_config.json", size_keys, &d->card->image_size);
    for (size_t i = 0; i < d->card->n_towers; i++)
        d->card->towers[i].preprocess.size = d->card->image_size;
    return status;
}

/* What config.json says under "model". */
struct cobra_config {
    const char *id, *arch, *vision, *llm, *resize;
    int max_tokens;
};

static enum status read_config(const struct detection *d, const cJSON *root, const char *where,
                               struct cobra_config *config)
{
    const cJSON *model;
    enum status status = json_get(root, "model", where, &model, d->err);
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
    if (!status)
        config->max_tokens = 2048;
    if (!status && json_find(model, "llm_max_length"))
        status = json_get_int(model, "llm_max_length", where, &config->max_tokens, d->err);
    return status;
}

static enum status detect(const struct detection *d, const struct cobra_files *files,
                          const cJSON *root, const char *where)
{
    struct card *card = d->card;
    struct cobra_config config = {0};
    enum resize_strategy resize = RESIZE_NAIVE;
    enum status status = read_config(d, root, where, &config);
    if (status)
        return status;
    card->name = arena_string(d->arena, config.id);
    card->connector.kind = connector_kind(config.arch);
    if (!card->connector.kind)
        return fail(d->err, STATUS_UNSUPPORTED, "%s: the architecture '%s' is not supported", where,
                    config.arch);
    status = resize_strategy_parse(config.resize, &resize, d->err);
    if (status)
        return fail_within(d->err, status, where);
    status = detect_towers(d, files, config.vision, resize);
    if (!status)
        status = detect_checkpoint(d, files->checkpoint ? files->checkpoint
                                                        : "checkpoints/latest-checkpoint.pt");
    /* Cobra's own rule: ids that end in "zephyr" are chat models (backbones/llm/mamba.py:97-99). */
    card->template = ends_with(config.llm, "zephyr") ? "zephyr" : "in-out";
    card->lm.max_text_tokens = config.max_tokens;
    card->tokenizer = place(d, files->tokenizer, tokenizer_places);
    if (!status && !card->tokenizer)
        status = missing(d, "the tokenizer (GPT-NeoX)", tokenizer_places[0]);
    if (!status && (arena_failed(d->arena) || !card->name))
        status = fail(d->err, STATUS_NO_MEMORY, "out of memory while reading %s", where);
    return status ? status : card_check(card, d->directory, d->err);
}

enum status cobra_detect(struct card *card, const char *directory, const struct cobra_files *files,
                         struct arena *arena, struct error *err)
{
    *card = (struct card){.family = "cobra", .clean_up = true};
    card->lm = (struct card_lm){.family = "mamba", .eps = 1e-5, .eos = 0};
    card->directory = arena_string(arena, directory);
    struct detection detection = {card, directory, arena, err};
    const char *where = path_join(arena, directory, files->config ? files->config : "config.json");
    if (!where || !card->directory)
        return fail(err, STATUS_NO_MEMORY, "out of memory while opening %s", directory);
    cJSON *root = NULL;
    enum status status = json_read(&root, where, err);
    if (status)
        return status;
    status = detect(&detection, files, root, where);
    cJSON_Delete(root);
    return status;
}

enum status card_detect(struct card *card, const char *directory, struct arena *arena,
                        struct error *err)
{
    const char *config = path_join(arena, directory, "config.json");
    const char *checkpoint = path_join(arena, directory, "checkpoints/latest-checkpoint.pt");
    if (!config || !checkpoint)
        return fail(err, STATUS_NO_MEMORY, "out of memory while opening %s", directory);
    if (!file_exists(config) || !file_exists(checkpoint))
        return fail(err, STATUS_NOT_FOUND,
                    "%s is no model directory that is recognised: Cobra's layout has config.json "
                    "and checkpoints/latest-checkpoint.pt (`mambench model init --help`)",
                    directory);
    return cobra_detect(card, directory, &(struct cobra_files){.config = NULL}, arena, err);
}
