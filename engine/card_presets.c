/* engine/card_presets.c - the released systems at full size (Cobra: cobra/conf/models.py:77-140
 * @4b81082; towers: timm 0.9.10; language model: mamba-2.8b). */
#include "engine/card.h"

#include "engine/chat.h"

#include <string.h>

const char *const card_preset_names[] = {
    "cobra+3b", "cobra-one-epoch+3b", "cobra-siglip+3b", "cobra-ldpnet+3b", "cobra-base+3b", NULL,
};

static const struct card_tower dino_vit_l = {
    .name = "dino",
    .encoder = "vit",
    .weights = {.prefix = ""},
    .preprocess = {384,
                   RESIZE_NAIVE,
                   RESCALE_TORCHVISION,
                   {0.485F, 0.456F, 0.406F},
                   {0.229F, 0.224F, 0.225F}},
    .patch_size = 14,
    .native_grid = 37,
    .width = 1024,
    .heads = 16,
    .mlp_width = 4096,
    .layers = 23,
    .eps = 1e-6,
    .activation = "gelu_erf",
    .layer_scale = true,
    .cls_token = true,
    .registers = 4,
};

static const struct card_tower siglip_so400m = {
    .name = "siglip",
    .encoder = "vit",
    .weights = {.prefix = "visual.trunk."},
    .preprocess = {384, RESIZE_NAIVE, RESCALE_TORCHVISION, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}},
    .patch_size = 14,
    .native_grid = 27,
    .width = 1152,
    .heads = 16,
    .mlp_width = 4304,
    .layers = 26,
    .eps = 1e-6,
    .activation = "gelu_erf",
};

static const struct card_lm mamba_2_8b = {
    .family = "mamba",
    .weights = {.prefix = "model.llm_backbone.llm."},
    .width = 2560,
    .layers = 64,
    .inner_width = 5120,
    .state_size = 16,
    .conv_width = 4,
    .dt_rank = 160,
    .vocabulary = 50280,
    .eps = 1e-5,
    .eos = 0,
    .max_text_tokens = 2048,
};

struct preset {
    const char *name, *template;
    bool dino;
    struct card_connector connector;
};

static const struct preset presets[] = {
    {"cobra+3b", "zephyr", true, {.kind = "fused-gelu-mlp", .hidden_width = 8704}},
    {"cobra-one-epoch+3b", "zephyr", true, {.kind = "fused-gelu-mlp", .hidden_width = 8704}},
    {"cobra-siglip+3b", "zephyr", false, {.kind = "gelu-mlp", .hidden_width = 2560}},
    {"cobra-ldpnet+3b", "zephyr", true, {.kind = "fused-ldpnet", .hidden_width = 8704}},
    {"cobra-base+3b", "in-out", true, {.kind = "fused-gelu-mlp", .hidden_width = 8704}},
};

static void fill(struct card *card, const struct preset *preset)
{
    *card = (struct card){
        .name = preset->name,
        .family = "cobra",
        .directory = "",
        .clean_up = true,
        .template = preset->template,
        .image_size = 384,
        .connector = preset->connector,
        .lm = mamba_2_8b,
    };
    if (preset->dino)
        card->towers[card->n_towers++] = dino_vit_l;
    card->towers[card->n_towers++] = siglip_so400m;
    for (size_t i = 0; i < card->n_towers; i++)
        card->connector.in_width += card->towers[i].width;
    card->connector.out_width = card->lm.width;
    card->connector.weights.prefix = "model.projector.";
}

enum status card_preset(struct card *card, const char *name, struct arena *arena, struct error *err)
{
    (void)arena; /* every string of a preset is static */
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (strcmp(presets[i].name, name) == 0) {
            fill(card, &presets[i]);
            return STATUS_OK;
        }
    return fail(err, STATUS_NOT_FOUND, "there is no preset called '%s' (`mambench model list`)",
                name);
}
