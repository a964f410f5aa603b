/* engine/card/presets.c - the released systems at full size.
 *
 * Cobra: cobra/conf/models.py:77-140 @4b81082; ML-Mamba: mlmamba/conf/models.py @5fdff98 and
 * state-spaces/mamba2-2.7b; their towers: timm 0.9.10.  The Transformers: config.json of
 * liuhaotian/llava-v1.5-7b, zxmonent/llava-phi, bczhou/TinyLLaVA-3.1B and -1.5B,
 * tinyllava/TinyLLaVA-Phi-2-SigLIP-3.1B, mtgv/MobileVLM-* and mtgv/MobileVLM_V2-*.
 * Published parameters are those of the releases' files, a tied head counted once. */
#include "engine/card.h"

#include <string.h>

#define IMAGENET_MEAN                                                                              \
    {                                                                                              \
        0.485F, 0.456F, 0.406F                                                                     \
    }
#define IMAGENET_STD                                                                               \
    {                                                                                              \
        0.229F, 0.224F, 0.225F                                                                     \
    }
#define CLIP_MEAN                                                                                  \
    {                                                                                              \
        0.48145466F, 0.4578275F, 0.40821073F                                                       \
    }
#define CLIP_STD                                                                                   \
    {                                                                                              \
        0.26862954F, 0.26130258F, 0.27577711F                                                      \
    }
#define HALF                                                                                       \
    {                                                                                              \
        0.5F, 0.5F, 0.5F                                                                           \
    }

/* Published counts of timm's towers are those of the modules that Cobra builds: positions on its
 * own grid of 27 (the file has 37), SigLIP without its attention pool (the file has 428,225,600).
 */
static const struct card_tower dino_vit_l = {
    .name = "dino",
    .encoder = "vit",
    .naming = "timm",
    .weights = {.prefix = "", .published = 303715328},
    .preprocess = {384, RESIZE_NAIVE, RESCALE_TORCHVISION, IMAGENET_MEAN, IMAGENET_STD, false},
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
    .patch_bias = true,
    .registers = 4,
};

/* timm's exact GELU, although the tower was trained with the tanh form. */
static const struct card_tower siglip_timm = {
    .name = "siglip",
    .encoder = "vit",
    .naming = "timm",
    .weights = {.prefix = "visual.trunk.", .published = 412987248},
    .preprocess = {384, RESIZE_NAIVE, RESCALE_TORCHVISION, HALF, HALF, false},
    .patch_size = 14,
    .native_grid = 27,
    .width = 1152,
    .heads = 16,
    .mlp_width = 4304,
    .layers = 26,
    .eps = 1e-6,
    .activation = "gelu_erf",
    .patch_bias = true,
};

static const struct card_tower clip_vit_l = {
    .name = "clip",
    .encoder = "vit",
    .naming = "transformers",
    .weights = {.prefix = "vision_model.", .published = 303507456},
    .preprocess = {336, RESIZE_PAD, RESCALE_HF, CLIP_MEAN, CLIP_STD, false},
    .patch_size = 14,
    .native_grid = 24,
    .width = 1024,
    .heads = 16,
    .mlp_width = 4096,
    .layers = 23,
    .eps = 1e-5,
    .activation = "gelu_quick",
    .cls_token = true,
    .cls_position = true,
    .pre_norm = true,
};

/* TinyLLaVA's own copy: 26 layers and the norm behind them. */
static const struct card_tower siglip_cut = {
    .name = "siglip",
    .encoder = "vit",
    .naming = "transformers",
    .weights = {.prefix = "model.vision_tower.vision_tower.vision_model.", .published = 397747744},
    .preprocess = {384, RESIZE_PAD, RESCALE_HF, HALF, HALF, false},
    .patch_size = 14,
    .native_grid = 27,
    .width = 1152,
    .heads = 16,
    .mlp_width = 4304,
    .layers = 26,
    .eps = 1e-6,
    .activation = "gelu_tanh",
    .patch_bias = true,
};

static const struct card_lm mamba_2_8b = {
    .family = "mamba",
    .weights = {.prefix = "model.llm_backbone.llm.", .published = 2768345600},
    .width = 2560,
    .layers = 64,
    .vocabulary = 50280,
    .eps = 1e-5,
    .bos = -1,
    .eos = 0,
    .max_text_tokens = 2048,
    .inner_width = 5120,
    .state_size = 16,
    .conv_width = 4,
    .dt_rank = 160,
};

static const struct card_lm mamba2_2_7b = {
    .family = "mamba2",
    .weights = {.prefix = "model.llm_backbone.", .published = 2702599680},
    .width = 2560,
    .layers = 64,
    .vocabulary = 50288,
    .eps = 1e-5,
    .bos = -1,
    .eos = 0,
    .max_text_tokens = 2048,
    .inner_width = 5120,
    .state_size = 128,
    .conv_width = 4,
    .head_dim = 64,
};

#define LLAMA(parameters, w, l, mlp, h, kv, dim, norm_eps, text, positions)                        \
    {                                                                                              \
        .family = "llama", .weights = {.prefix = "", .published = parameters}, .width = w,         \
        .layers = l, .vocabulary = 32000, .eps = norm_eps, .bos = 1, .eos = 2,                     \
        .max_text_tokens = text, .max_positions = positions, .head_dim = dim, .heads = h,          \
        .kv_heads = kv, .mlp_width = mlp, .rope_dims = dim, .rope_theta = 10000                    \
    }

static const struct card_lm vicuna_7b =
    LLAMA(6738415616, 4096, 32, 11008, 32, 32, 128, 1e-5, 2048, 4096);
static const struct card_lm mobilellama_1_4b =
    LLAMA(1364297728, 2048, 24, 5632, 16, 16, 128, 1e-6, 2048, 2048);
static const struct card_lm mobilellama_2_7b =
    LLAMA(2701560320, 2560, 32, 6912, 32, 32, 80, 1e-6, 2048, 2048);
static const struct card_lm tinyllama_1_1b =
    LLAMA(1100048384, 2048, 22, 5632, 32, 4, 64, 1e-5, 3072, 2048);

static const struct card_lm phi_2 = {
    .family = "phi",
    .weights = {.prefix = "", .published = 2779683840},
    .width = 2560,
    .layers = 32,
    .vocabulary = 51200,
    .eps = 1e-5,
    .bos = -1,
    .eos = 50256, /* config.json of LLaVA-Phi says 2, its evaluation 50256 */
    .max_text_tokens = 2048,
    .max_positions = 2048,
    .head_dim = 80,
    .heads = 32,
    .kv_heads = 32,
    .mlp_width = 10240,
    .rope_dims = 32,
    .rope_theta = 10000,
    .head_bias = true,
};

struct preset {
    const char *name, *family, *template;
    const struct card_tower *first, *second;
    struct card_connector connector;
    const struct card_lm *lm;
    void (*adapt)(struct card *card); /* what the release changed in its parts; NULL: nothing */
};

static void adapt_llava_phi(struct card *card)
{
    card->towers[0].weights.prefix = "model.vision_tower.vision_model.";
}

/* The head's bias was dropped: tinyllava/model/language_model/llava_phi.py:44-52 @2d2105f. */
static void adapt_legacy(struct card *card)
{
    card->lm.weights.published -= (size_t)card->lm.vocabulary;
    card->lm.head_bias = false;
    card->lm.max_text_tokens = 3072;
}

/* The first patch is taken for a cls token; pictures are squashed, pixels rounded to fp16. */
static void adapt_factory(struct card *card)
{
    struct card_tower *tower = &card->towers[0];
    tower->weights.prefix = "vision_tower._vision_tower.vision_model.";
    tower->weights.published = 428225600;
    tower->preprocess.strategy = RESIZE_NAIVE;
    tower->preprocess.half_pixels = true;
    tower->skip_patches = 1;
    card->lm.weights.prefix = "language_model.";
    card->lm.max_text_tokens = 3072;
}

static void adapt_mobilevlm_v2(struct card *card)
{
    card->towers[0].weights.prefix = "model.vision_tower.vision_tower.vision_model.";
}

#define PROJECTOR(kind_name, hidden, at, parameters)                                               \
    {                                                                                              \
        .kind = kind_name, .weights = {.prefix = at, .published = parameters},                     \
        .hidden_width = hidden, .eps = 1e-5                                                        \
    }
#define COBRA "model.projector.projector."
#define LLAVA "model.mm_projector."
#define LDP "model.mm_projector.model."

/* mlmamba/models/vlms/mlmamba.py:85-105 @5fdff98. */
#define SCAN                                                                                       \
    {                                                                                              \
        .kind = "mamba2-scan", .weights = {.prefix = "model.", .published = 184405440},            \
        .hidden_width = 10240, .eps = 1e-5, .tail = "fused-gelu-mlp", .blocks = 2,                 \
        .inner_width = 5120, .state_size = 128, .conv_width = 4, .head_dim = 64                    \
    }

static const struct preset presets[] = {
    {"cobra+3b", "cobra", "zephyr", &dino_vit_l, &siglip_timm,
     PROJECTOR("fused-gelu-mlp", 8704, COBRA, 47789568), &mamba_2_8b, NULL},
    {"cobra-one-epoch+3b", "cobra", "zephyr", &dino_vit_l, &siglip_timm,
     PROJECTOR("fused-gelu-mlp", 8704, COBRA, 47789568), &mamba_2_8b, NULL},
    {"cobra-siglip+3b", "cobra", "zephyr", &siglip_timm, NULL,
     PROJECTOR("gelu-mlp", 2560, COBRA, 9507840), &mamba_2_8b, NULL},
    {"cobra-ldpnet+3b", "cobra", "zephyr", &dino_vit_l, &siglip_timm,
     PROJECTOR("fused-ldpnet", 8704, COBRA, 41259008), &mamba_2_8b, NULL},
    {"cobra-base+3b", "cobra", "in-out", &dino_vit_l, &siglip_timm,
     PROJECTOR("fused-gelu-mlp", 8704, COBRA, 47789568), &mamba_2_8b, NULL},
    {"mlmamba+3b", "ml-mamba", "zephyr", &dino_vit_l, &siglip_timm, SCAN, &mamba2_2_7b, NULL},
    {"llava-v1.5-7b", "llava-1.5", "vicuna", &clip_vit_l, NULL,
     PROJECTOR("gelu-mlp", 4096, LLAVA, 20979712), &vicuna_7b, NULL},
    {"llava-phi-3b", "llava-phi", "vicuna", &clip_vit_l, NULL,
     PROJECTOR("gelu-mlp", 2560, LLAVA, 9180160), &phi_2, adapt_llava_phi},
    {"tinyllava-3.1b", "tinyllava-legacy", "vicuna", &siglip_cut, NULL,
     PROJECTOR("gelu-mlp", 2560, LLAVA, 9507840), &phi_2, adapt_legacy},
    {"tinyllava-phi-2-siglip-3.1b", "tinyllava-factory", "vicuna", &siglip_cut, NULL,
     PROJECTOR("gelu-mlp", 2560, "connector._connector.", 9507840), &phi_2, adapt_factory},
    {"tinyllava-1.5b", "tinyllava-legacy", "vicuna", &siglip_cut, NULL,
     PROJECTOR("gelu-mlp", 2048, LLAVA, 6557696), &tinyllama_1_1b, NULL},
    {"mobilevlm-1.7b", "mobilevlm-v1", "vicuna", &clip_vit_l, NULL,
     PROJECTOR("ldpnet", 2048, LDP, 18936832), &mobilellama_1_4b, NULL},
    {"mobilevlm-3b", "mobilevlm-v1", "vicuna", &clip_vit_l, NULL,
     PROJECTOR("ldpnet", 2560, LDP, 28913920), &mobilellama_2_7b, NULL},
    {"mobilevlm-v2-1.7b", "mobilevlm-v2", "vicuna", &clip_vit_l, NULL,
     PROJECTOR("ldpnetv2", 2048, LLAVA, 6316032), &mobilellama_1_4b, adapt_mobilevlm_v2},
    {"mobilevlm-v2-3b", "mobilevlm-v2", "vicuna", &clip_vit_l, NULL,
     PROJECTOR("ldpnetv2", 2560, LLAVA, 9205760), &mobilellama_2_7b, adapt_mobilevlm_v2},
};

const char *const card_preset_names[] = {
    "cobra+3b",        "cobra-one-epoch+3b",
    "cobra-siglip+3b", "cobra-ldpnet+3b",
    "cobra-base+3b",   "mlmamba+3b",
    "llava-v1.5-7b",   "llava-phi-3b",
    "tinyllava-3.1b",  "tinyllava-phi-2-siglip-3.1b",
    "tinyllava-1.5b",  "mobilevlm-1.7b",
    "mobilevlm-3b",    "mobilevlm-v2-1.7b",
    "mobilevlm-v2-3b", NULL,
};

enum { N_PRESETS = sizeof presets / sizeof presets[0] };
_Static_assert(sizeof card_preset_names / sizeof card_preset_names[0] == N_PRESETS + 1,
               "every preset is named");

/* Other names that papers and people use. */
static const struct {
    const char *alias, *name;
} aliases[] = {{"ml-mamba-3b", "mlmamba+3b"}};

/* '+' and '-' count as the same character. */
static bool same_name(const char *a, const char *b)
{
    while (*a && (*a == *b || (strchr("+-", *a) && *b && strchr("+-", *b)))) {
        a++;
        b++;
    }
    return *a == *b;
}

static void fill(struct card *card, const struct preset *preset)
{
    *card = (struct card){
        .name = preset->name,
        .family = preset->family,
        .directory = "",
        .clean_up = strcmp(preset->lm->family, "llama") != 0,
        .template = preset->template,
        .image_size = preset->first->preprocess.size,
        .connector = preset->connector,
        .lm = *preset->lm,
    };
    card->towers[card->n_towers++] = *preset->first;
    if (preset->second)
        card->towers[card->n_towers++] = *preset->second;
    if (preset->adapt)
        preset->adapt(card);
    for (size_t i = 0; i < card->n_towers; i++)
        card->connector.in_width += card->towers[i].width;
    card->connector.out_width = card->lm.width;
}

enum status card_preset(struct card *card, const char *name, struct arena *arena, struct error *err)
{
    (void)arena; /* every string of a preset is static */
    const char *wanted = name;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (same_name(aliases[i].alias, name))
            wanted = aliases[i].name;
    for (size_t i = 0; i < N_PRESETS; i++)
        if (same_name(presets[i].name, wanted)) {
            fill(card, &presets[i]);
            return STATUS_OK;
        }
    return fail(err, STATUS_NOT_FOUND, "there is no preset called '%s' (`mambench model list`)",
                name);
}
