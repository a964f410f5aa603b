/* engine/card/detect_tower.c - vision towers: sizes from shapes, the rest from configs. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/card/detect.h"
#include "engine/ops/ops.h"

#include <string.h>

/* SigLIP so400m/14-384: heads, and the picture whose last six rows and columns no patch covers. */
enum { SO400M_WIDTH = 1152, SO400M_LAYERS = 27, SO400M_GRID = 27, SO400M_SIZE = 384 };
enum { SIGLIP_HEADS = 16, CLIP_HEAD_DIM = 64 };

/* The side of the square that a position table of so many rows is for. */
static enum status find_grid(const struct detection *d, const struct shards *shards,
                             const char *prefix, const char *name, int cls,
                             struct card_tower *tower)
{
    int rows = 0, grid = 0;
    int dimension = strcmp(tower->naming, "timm") == 0; /* [1, rows, width] */
    enum status status = shards_dimension(shards, prefix, name, dimension, &rows, d->err);
    if (status)
        return status;
    while ((grid + 1) * (grid + 1) <= rows - cls)
        grid++;
    tower->native_grid = grid;
    if (grid == 0 || grid * grid != rows - cls)
        return fail(d->err, STATUS_MISMATCH, "%s: %s%s has %d rows, a square is expected%s",
                    shards->place, prefix, name, rows, cls ? " and one for the cls token" : "");
    return STATUS_OK;
}

/* timm. */

/* A number inside nested objects of a JSON file beside the weights; *number stays where there is no
 * such file or number. */
static enum status config_number(const struct detection *d, const char *weights_name,
                                 const char *config, const char *const *keys, int *number)
{
    const char *folder = path_directory(d->arena, weights_name);
    const char *name = folder ? path_join(d->arena, folder, config) : NULL, *where;
    cJSON *root = NULL;
    if (!name)
        return detect_no_memory(d);
    enum status status = detect_read(d, name, &root, &where);
    const cJSON *parent = root;
    for (; parent && keys[1]; keys++)
        parent = json_find(parent, *keys);
    if (!status && parent)
        status = detect_int(d, parent, *keys, where, number);
    cJSON_Delete(root);
    return status;
}

static enum status timm_shapes(const struct detection *d, const struct shards *shards,
                               struct card_tower *tower)
{
    const char *prefix = tower->weights.prefix;
    int layers = 0;
    enum status status =
        shards_dimension(shards, prefix, "patch_embed.proj.weight", 0, &tower->width, d->err);
    if (!status)
        status = shards_dimension(shards, prefix, "patch_embed.proj.weight", 2, &tower->patch_size,
                                  d->err);
    if (!status)
        status = find_grid(d, shards, prefix, "pos_embed", 0, tower);
    if (!status)
        status = shards_dimension(shards, prefix, "blocks.0.mlp.fc1.weight", 0, &tower->mlp_width,
                                  d->err);
    if (!status && shards_have(shards, prefix, "reg_token"))
        status = shards_dimension(shards, prefix, "reg_token", 1, &tower->registers, d->err);
    if (!status)
        status = shards_layers(shards, prefix, "blocks.", &layers, d->err);
    tower->cls_token = shards_have(shards, prefix, "cls_token");
    tower->layer_scale = shards_have(shards, prefix, "blocks.0.ls1.gamma");
    tower->layers = layers;
    if (!status && layers < 2)
        status = fail(d->err, STATUS_MISMATCH, "%s: it holds fewer than two blocks", shards->place);
    return status;
}

/* Blocks of the architecture where no config tells: of DINOv2 ViT-L and SigLIP SO400M it is known.
 */
static int usual_depth(int width, int in_file)
{
    enum { VIT_L_WIDTH = 1024, VIT_L_LAYERS = 24 };
    if (width == VIT_L_WIDTH)
        return VIT_L_LAYERS;
    return width == SO400M_WIDTH ? SO400M_LAYERS : in_file;
}

/* Features are taken behind the last block but one; a file may lack the last, for nobody needs it.
 */
static enum status check_depth(const struct detection *d, const char *file_name, int in_file,
                               struct card_tower *tower)
{
    int depth = tower->layers;
    if (d->shapes_only && depth != in_file && depth != in_file + 1)
        depth = in_file;
    tower->layers = depth - 1;
    if (depth == in_file || depth == in_file + 1)
        return STATUS_OK;
    return fail(d->err, STATUS_MISMATCH, "%s/%s: it holds %d blocks, the tower has %d",
                d->directory, file_name, in_file, depth);
}

enum status detect_timm(const struct detection *d, const char *file_name, struct card_tower *tower,
                        int *image_size)
{
    static const char *const timm_heads[] = {"model_args", "num_heads", NULL};
    static const char *const clip_heads[] = {"model_cfg", "vision_cfg", "timm_model_args",
                                             "num_heads", NULL};
    static const char *const timm_depth[] = {"model_args", "depth", NULL};
    static const char *const clip_depth[] = {"model_cfg", "vision_cfg", "timm_model_args", "depth",
                                             NULL};
    static const char *const clip_size[] = {"model_cfg", "vision_cfg", "image_size", NULL};
    struct shards shards;
    enum status status = shards_open_file(&shards, d->directory, file_name, d->arena, d->err);
    if (status)
        return status;
    /* open_clip puts the tower of a timm model behind this prefix. */
    bool in_trunk = shards_have(&shards, "visual.trunk.", "pos_embed");
    tower->encoder = "vit";
    tower->naming = "timm";
    tower->weights.files[tower->weights.n_files++] = file_name;
    tower->weights.prefix = in_trunk ? "visual.trunk." : "";
    tower->preprocess.rescale = RESCALE_TORCHVISION;
    tower->eps = 1e-6;
    tower->activation = "gelu_erf";
    tower->patch_bias = true;
    tower->heads = 16; /* of both released towers */
    status = timm_shapes(d, &shards, tower);
    shards_close(&shards);
    if (!status)
        status = config_number(d, file_name, "open_clip_config.json", clip_heads, &tower->heads);
    if (!status)
        status = config_number(d, file_name, "config.json", timm_heads, &tower->heads);
    int in_file = tower->layers;
    tower->layers = usual_depth(tower->width, in_file);
    if (!status)
        status = config_number(d, file_name, "open_clip_config.json", clip_depth, &tower->layers);
    if (!status)
        status = config_number(d, file_name, "config.json", timm_depth, &tower->layers);
    if (!status)
        status = check_depth(d, file_name, in_file, tower);
    if (!status)
        status = config_number(d, file_name, "open_clip_config.json", clip_size, image_size);
    return status;
}

/* transformers. */

static const char patch_name[] = "embeddings.patch_embedding.weight";

enum status detect_vit_prefix(const struct detection *d, const struct shards *shards,
                              const char **prefix)
{
    return shards_prefix(shards, patch_name, d->arena, prefix, d->err);
}

static enum status vit_shapes(const struct detection *d, const struct tower_source *source,
                              struct card_tower *tower)
{
    const struct shards *shards = source->shards;
    const char *prefix = source->prefix;
    int cls = shards_have(shards, prefix, "embeddings.class_embedding");
    enum status status = shards_dimension(shards, prefix, patch_name, 0, &tower->width, d->err);
    if (!status)
        status = shards_dimension(shards, prefix, patch_name, 2, &tower->patch_size, d->err);
    if (!status)
        status = find_grid(d, shards, prefix, "embeddings.position_embedding.weight", cls, tower);
    if (!status)
        status = shards_dimension(shards, prefix, "encoder.layers.0.mlp.fc1.weight", 0,
                                  &tower->mlp_width, d->err);
    tower->cls_token = tower->cls_position = cls;
    tower->pre_norm = shards_have(shards, prefix, "pre_layrnorm.weight");
    tower->patch_bias = shards_have(shards, prefix, "embeddings.patch_embedding.bias");
    return status;
}

/* Features are taken behind the architecture's last layer but one: all layers of a file that lacks
 * the last, as TinyLLaVA's does. */
static enum status vit_layers(const struct detection *d, const struct tower_source *source,
                              struct card_tower *tower)
{
    int in_file = 0;
    enum status status =
        shards_layers(source->shards, source->prefix, "encoder.layers.", &in_file, d->err);
    if (status)
        return status;
    int layers =
        tower->width == SO400M_WIDTH && in_file + 1 == SO400M_LAYERS ? SO400M_LAYERS : in_file;
    status = detect_int(d, source->config, "num_hidden_layers", source->config_where, &layers);
    if (d->shapes_only && layers != in_file && layers != in_file + 1)
        layers = in_file;
    if (!status && layers != in_file && layers != in_file + 1)
        return fail(d->err, STATUS_MISMATCH, "%s: \"num_hidden_layers\" is %d, %s holds %d layers",
                    source->config_where, layers, source->shards->place, in_file);
    tower->layers = layers - 1;
    if (!status && tower->layers < 1 && !d->shapes_only)
        return fail(d->err, STATUS_MISMATCH,
                    "%s: features are taken before the last layer of %s, which has only %d",
                    source->shards->place, source->prefix, layers);
    return status;
}

/* Both numbers of {"height": 384, "width": 384}, {"shortest_edge": 336} or 336; 0: not told. */
static int processor_size(const cJSON *processor)
{
    const cJSON *size = json_find(processor, "size");
    int side = json_int_or(size, "shortest_edge", json_int_or(size, "height", 0));
    return cJSON_IsNumber(size) ? json_int_or(processor, "size", 0) : side;
}

static enum status vit_image_size(const struct detection *d, const struct tower_source *source,
                                  const struct card_tower *tower)
{
    int patch = tower->patch_size, grid = tower->native_grid;
    int told = processor_size(source->processor);
    int size = grid == SO400M_GRID && !tower->cls_token ? SO400M_SIZE : grid * patch;
    const char *where = told > 0 ? source->processor_where : source->config_where;
    if (told > 0)
        size = told;
    if (json_find(source->config, "image_size"))
        where = source->config_where;
    enum status status = detect_int(d, source->config, "image_size", source->config_where, &size);
    d->card->image_size = size;
    if (d->shapes_only && size / patch != grid)
        d->card->image_size = size = grid * patch;
    if (!status && size / patch != grid)
        return fail(
            d->err, STATUS_MISMATCH,
            "%s: a picture of %d and patches of %d give a grid of %d, the position table of "
            "%s is for one of %d",
            where ? where : source->shards->place, size, patch, size / patch, source->shards->place,
            grid);
    return status;
}

static enum status read_triple(const struct detection *d, const struct tower_source *source,
                               const char *key, float out[3])
{
    const cJSON *array = json_find(source->processor, key), *item;
    int n = 0;
    if (!array)
        return STATUS_OK;
    cJSON_ArrayForEach(item, array)
    {
        if (n < 3 && cJSON_IsNumber(item))
            out[n] = (float)item->valuedouble;
        n += cJSON_IsNumber(item) ? 1 : 4;
    }
    return n == 3 ? STATUS_OK
                  : fail(d->err, STATUS_BAD_FORMAT, "%s: \"%s\" must be three numbers",
                         source->processor_where, key);
}

static enum status vit_preprocess(const struct detection *d, const struct tower_source *source,
                                  struct card_tower *tower)
{
    static const struct preprocess clip = {.rescale = RESCALE_HF,
                                           .mean = {0.48145466F, 0.4578275F, 0.40821073F},
                                           .std = {0.26862954F, 0.26130258F, 0.27577711F}};
    static const struct preprocess siglip = {
        .rescale = RESCALE_HF, .mean = {0.5F, 0.5F, 0.5F}, .std = {0.5F, 0.5F, 0.5F}};
    tower->preprocess = tower->cls_token ? clip : siglip;
    enum status status = read_triple(d, source, "image_mean", tower->preprocess.mean);
    if (!status)
        status = read_triple(d, source, "image_std", tower->preprocess.std);
    return status ? status : vit_image_size(d, source, tower);
}

/* What shapes do not tell. */
static enum status vit_numbers(const struct detection *d, const struct tower_source *source,
                               struct card_tower *tower)
{
    bool clip = tower->cls_token;
    enum activation activation = clip ? ACTIVATION_GELU_QUICK : ACTIVATION_GELU_TANH;
    const char *named = json_string_or(source->config, "hidden_act", NULL);
    enum status status = named ? activation_parse(named, &activation, d->err) : STATUS_OK;
    if (status)
        return fail_within(d->err, status, source->config_where);
    tower->activation = activation_name(activation);
    tower->eps = clip ? 1e-5 : 1e-6;
    tower->heads = clip ? tower->width / CLIP_HEAD_DIM : SIGLIP_HEADS;
    status = detect_number(d, source->config, "layer_norm_eps", source->config_where, &tower->eps);
    return status ? status
                  : detect_int(d, source->config, "num_attention_heads", source->config_where,
                               &tower->heads);
}

enum status detect_vit(const struct detection *d, const struct tower_source *source,
                       struct card_tower *tower)
{
    *tower = (struct card_tower){.encoder = "vit", .naming = "transformers"};
    shards_assign(source->shards, source->prefix, &tower->weights);
    enum status status = vit_shapes(d, source, tower);
    if (!status)
        status = vit_layers(d, source, tower);
    if (!status)
        status = vit_preprocess(d, source, tower);
    if (!status)
        status = vit_numbers(d, source, tower);
    tower->name = tower->cls_token ? "clip" : "siglip";
    return status;
}
