/* Releases whose parts are damaged or not supported are refused by file, tensor and cause. */
#include "tests/release_damage.h"

static const struct damage damages[] = {
    /* Language models. */
    {"llava-phi",
     {RENAME, NULL, "model.embed_tokens.weight", "model.wte.weight", {0}},
     STATUS_NOT_FOUND,
     "/model.safetensors: no tensor is called model.embed_tokens.weight",
     ""},
    {"llava-phi",
     {DROP, NULL, "lm_head.weight", NULL, {0}},
     STATUS_NOT_FOUND,
     "/model.safetensors: the tensor lm_head.weight is missing",
     ""},
    {"llava-phi",
     {RESIZE, NULL, "lm_head.weight", NULL, {0, 479}},
     STATUS_MISMATCH,
     "lm_head.weight has 479 rows, model.embed_tokens.weight has 480",
     ""},
    {"ml-mamba",
     {RESIZE, NULL, "model.llm_backbone.lm_head.weight", NULL, {0, 511}},
     STATUS_MISMATCH,
     "lm_head.weight has 511 rows, backbone.embedding.weight has 512",
     ""},
    {"llava-phi",
     {RENAME,
      NULL,
      "model.layers.1.self_attn.q_proj.weight",
      "model.layers.1.self_attn.query_key_value.weight",
      {0}},
     STATUS_MISMATCH,
     "/model.safetensors: both self_attn.query_key_value.weight and "
     "self_attn.q_proj.weight are there",
     ""},
    {"llava-1.5",
     {RENAME,
      NULL,
      "model.layers.0.self_attn.rotary_emb.inv_freq",
      "model.layers.0.self_attn.q_proj.bias",
      {0}},
     STATUS_UNSUPPORTED,
     "self_attn.q_proj.bias is not supported for llama",
     ""},
    {"llava-1.5",
     {RENAME, NULL, "model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.w1.weight", {0}},
     STATUS_UNSUPPORTED,
     "the language model is neither LLaMA (model.layers.0.mlp.gate_proj.weight)",
     "nor Phi"},
    {"llava-1.5",
     {EDIT, "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 32", {0}},
     STATUS_MISMATCH,
     "/config.json: \"num_hidden_layers\" is 32, ",
     "holds 2 layers"},
    {"llava-1.5",
     {EDIT, "config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 3", {0}},
     STATUS_MISMATCH,
     "\"num_attention_heads\" is 3, which does not divide the 16 rows of q",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 0", {0}},
     STATUS_MISMATCH,
     "\"num_attention_heads\" is 0, which does not divide",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": \"4\"", {0}},
     STATUS_BAD_FORMAT,
     "/config.json: \"num_attention_heads\" is not a number",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 1", {0}},
     STATUS_MISMATCH,
     "heads of 16 do not divide the 8 rows of k",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"silu\"", "\"gelu\"", {0}},
     STATUS_UNSUPPORTED,
     "/config.json: this \"hidden_act\" is not supported for llama",
     ""},
    {"llava-1.5",
     {EDIT,
      "config.json",
      "\"rope_scaling\": null",
      "\"rope_scaling\": {\"type\": \"linear\"}",
      {0}},
     STATUS_UNSUPPORTED,
     "\"rope_scaling\" is not supported for llama",
     ""},
    {"llava-phi",
     {EDIT, "config.json", "\"qk_layernorm\": false", "\"qk_layernorm\": true", {0}},
     STATUS_UNSUPPORTED,
     "\"qk_layernorm\" is not supported for phi",
     ""},
    {"llava-phi",
     {EDIT, "config.json", "\"partial_rotary_factor\": 0.6", "\"partial_rotary_factor\": 6", {0}},
     STATUS_BAD_FORMAT,
     "\"partial_rotary_factor\" is 6, a number up to 1",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"eos_token_id\": 2", "\"eos_token_id\": 278", {0}},
     STATUS_MISMATCH,
     "\"eos_token_id\" is 278, the tokenizer's </s> is 2",
     ""},
    {"factory-merged",
     {EDIT, "config.json", "\"model_type\": \"phi\"", "\"model_type\": \"qwen2\"", {0}},
     STATUS_UNSUPPORTED,
     "the language model 'qwen2' is not supported (llama and phi are)",
     ""},
    {"ml-mamba",
     {RESIZE, NULL, "model.llm_backbone.backbone.layers.0.mixer.in_proj.weight", NULL, {0, 75}},
     STATUS_MISMATCH,
     "backbone.layers.0.mixer.in_proj.weight has 75 rows",
     "need 76"},
    {"prismatic-llama",
     {EDIT, "config.json", "llama-zephyr", "llama2-7b-pure", {0}},
     STATUS_UNSUPPORTED,
     "the chat template of 'llama2-7b-pure' is not supported",
     ""},
    {"prismatic-llama",
     {RENAME, NULL, "model.llm_backbone.llm.model.embed_tokens.weight", "model.embed", {0}},
     STATUS_UNSUPPORTED,
     "there is neither a Mamba, model.llm_backbone.llm.backbone.embedding.weight",
     "nor a LLaMA, model.embed_tokens.weight"},
    {"prismatic-llama",
     {EDIT, "llm/config.json", ", \"eos_token_id\": 2", "", {0}},
     STATUS_BAD_FORMAT,
     "/llm/config.json: \"eos_token_id\" is missing",
     ""},

    /* Tokenizers. */
    {"llava-1.5",
     {EDIT_WHOLE, "tokenizer.json", NULL, "{}", {0}},
     STATUS_BAD_FORMAT,
     "/tokenizer.json: ",
     ""},
    {"llava-phi",
     {EDIT,
      "tokenizer.json",
      "\"content\":\"<|endoftext|>\"",
      "\"content\":\"<|endoftexts|>\"",
      {0}},
     STATUS_MISMATCH,
     "/tokenizer.json: it has no token <|endoftext|>, with which answers end",
     ""},

    /* Towers. */
    {"llava-1.5",
     {EDIT, "clip/config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 24", {0}},
     STATUS_MISMATCH,
     "/clip/config.json: \"num_hidden_layers\" is 24, ",
     "/clip/model.safetensors holds 3 layers"},
    {"llava-1.5",
     {EDIT, "clip/config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2", {0}},
     STATUS_MISMATCH,
     "\"num_hidden_layers\" is 2, ",
     "holds 3 layers"},
    {"llava-1.5",
     {RESIZE, NULL, "vision_model.embeddings.position_embedding.weight", NULL, {0, 11}},
     STATUS_MISMATCH,
     "vision_model.embeddings.position_embedding.weight has 11 rows, a square is "
     "expected and one for the cls token",
     ""},
    {"tinyllava-llama",
     {RESIZE, NULL, "embeddings.position_embedding.weight", NULL, {0, 8}},
     STATUS_MISMATCH,
     "embeddings.position_embedding.weight has 8 rows, a square is expected",
     ""},
    {"llava-1.5",
     {EDIT, "clip/config.json", "\"image_size\": 6", "\"image_size\": 336", {0}},
     STATUS_MISMATCH,
     "/clip/config.json: a picture of 336 and patches of 2 give a grid of 168, the "
     "position table of ",
     "/clip/model.safetensors is for one of 3"},
    {"llava-1.5",
     {EDIT, "clip/preprocessor_config.json", "[0.48145466, ", "[", {0}},
     STATUS_BAD_FORMAT,
     "/clip/preprocessor_config.json: \"image_mean\" must be three numbers",
     ""},
    {"llava-1.5",
     {EDIT, "clip/config.json", "quick_gelu", "swish", {0}},
     STATUS_UNSUPPORTED,
     "/clip/config.json: ",
     "swish"},
    {"llava-1.5",
     {EDIT, "clip/config.json", "\"num_attention_heads\": 2", "\"num_attention_heads\": 3", {0}},
     STATUS_UNSUPPORTED,
     "tower clip: 3 heads do not divide a width of 8",
     ""},
    {"llava-1.5",
     {RENAME,
      NULL,
      "vision_model.embeddings.patch_embedding.weight",
      "vision_model.conv1.weight",
      {0}},
     STATUS_NOT_FOUND,
     "/clip/model.safetensors: there is no vision tower in it",
     ""},
    {"llava-phi",
     {RENAME,
      NULL,
      "model.vision_tower.vision_model.embeddings.patch_embedding.weight",
      "conv1",
      {0}},
     STATUS_NOT_FOUND,
     "/model.safetensors: the vision tower, which this release has in its "
     "checkpoint, is missing",
     ""},
    {"mobilevlm-v2",
     {DROP,
      NULL,
      "model.vision_tower.vision_tower.vision_model.embeddings.patch_embedding.weight",
      NULL,
      {0}},
     STATUS_NOT_FOUND,
     "which this release has in its checkpoint, is missing",
     ""},
    {"factory-split",
     {DROP, NULL, "embeddings.patch_embedding.weight", NULL, {0}},
     STATUS_NOT_FOUND,
     "/vision_tower/pytorch_model.bin: there is no vision tower like CLIP's",
     ""},
    {"llava-phi",
     {RENAME, NULL, "model.mm_projector.2.bias", "b.embeddings.patch_embedding.weight", {0}},
     STATUS_MISMATCH,
     "/model.safetensors: both b.embeddings.patch_embedding.weight and model.vision_tower."
     "vision_model.embeddings.patch_embedding.weight are there",
     ""},
    {"ml-mamba",
     {RESIZE, NULL, "visual.trunk.pos_embed", NULL, {1, 10}},
     STATUS_MISMATCH,
     "visual.trunk.pos_embed has 10 rows, a square is expected",
     ""},
    {"ml-mamba",
     {EDIT, "config.json", "dinosiglip-vit-so-6px", "clip-vit-l", {0}},
     STATUS_UNSUPPORTED,
     "/config.json: the vision backbone 'clip-vit-l' is not supported",
     ""},

    /* Connectors and what the configs ask for. */
    {"llava-1.5",
     {EDIT, "config.json", "mlp2x_gelu", "mlp3x_gelu", {0}},
     STATUS_UNSUPPORTED,
     "/config.json: the projector 'mlp3x_gelu' is not supported",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "mlp2x_gelu", "linear_more", {0}},
     STATUS_UNSUPPORTED,
     "the projector 'linear_more' is not supported",
     ""},
    {"factory-merged",
     {EDIT, "config.json", "mlp2x_gelu", "qformer", {0}},
     STATUS_UNSUPPORTED,
     "/config.json: the connector 'qformer' is not supported",
     ""},
    {"factory-merged",
     {DROP, NULL, "connector._connector.0.weight", NULL, {0}},
     STATUS_NOT_FOUND,
     "/model.safetensors: no tensor is called _connector.0.weight",
     ""},
    {"prismatic-llama",
     {EDIT, "config.json", "no-align+gelu-mlp", "no-align+magic", {0}},
     STATUS_UNSUPPORTED,
     "/config.json: the architecture 'no-align+magic' is not supported",
     ""},
    {"llava-1.5",
     {RESIZE, NULL, "model.mm_projector.2.weight", NULL, {0, 17}},
     STATUS_MISMATCH,
     "the connector gives rows of 17, the language model takes 16",
     ""},
    {"llava-1.5",
     {RESIZE, NULL, "model.mm_projector.0.weight", NULL, {1, 9}},
     STATUS_MISMATCH,
     "the towers give 8 features, the connector takes 9",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"mm_vision_select_layer\": -2", "\"mm_vision_select_layer\": -1", {0}},
     STATUS_UNSUPPORTED,
     "/config.json: \"mm_vision_select_layer\" is -1, only -2 is supported",
     ""},
    {"llava-phi",
     {EDIT,
      "config.json",
      "\"mm_vision_select_layer\": -2",
      "\"mm_vision_select_layer\": \"x\"",
      {0}},
     STATUS_UNSUPPORTED,
     "\"mm_vision_select_layer\" is \"x\", only -2 is supported",
     ""},
    {"factory-merged",
     {EDIT, "config.json", "\"vision_feature_layer\": -2", "\"vision_feature_layer\": -1", {0}},
     STATUS_UNSUPPORTED,
     "\"vision_feature_layer\" is -1, only -2 is supported",
     ""},
    {"factory-split",
     {EDIT, "config.json", "\"patch\"", "\"cls_patch\"", {0}},
     STATUS_UNSUPPORTED,
     "\"vision_feature_select_strategy\" is 'cls_patch', 'patch' is supported",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"patch\"", "\"cls_patch\"", {0}},
     STATUS_UNSUPPORTED,
     "\"mm_vision_select_feature\" is \"cls_patch\", only \"patch\" is supported",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"mm_use_im_start_end\": false", "\"mm_use_im_start_end\": true", {0}},
     STATUS_UNSUPPORTED,
     "\"mm_use_im_start_end\" is true, only false is supported",
     ""},
    {"llava-1.5",
     {EDIT, "config.json", "\"pad\"", "\"anyres\"", {0}},
     STATUS_UNSUPPORTED,
     "\"image_aspect_ratio\" is 'anyres', 'pad' and 'square' are supported",
     ""},
    {"llava-phi",
     {EDIT,
      "config.json",
      "\"max_position_embeddings\": 2048",
      "\"max_position_embeddings\": 1e9",
      {0}},
     STATUS_BAD_FORMAT,
     "language_model: \"max_positions\" is 1000000000",
     ""},
};

static void a_damaged_part_is_refused_by_file_and_tensor(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        assert_refused(&damages[i]);
}

/* The names of a layer's tensors, renamed to those of another layer. */
static void move_layer(struct release *r, const char *stem, int from, int to)
{
    char start[128];
    size_t moved = 0;
    snprintf(start, sizeof start, "%s%d.", stem, from);
    for (size_t i = 0; i < r->n; i++)
        if (strncmp(r->tensors[i].name, start, strlen(start)) == 0) {
            moved++;
            r->tensors[i].name = arena_printf(&r->copy.arena, "%s%d.%s", stem, to,
                                              r->tensors[i].name + strlen(start));
        }
    assert_true(moved > 0);
}

static void a_layer_that_is_missing_in_the_middle_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *release, *stem;
        int from, to;
        enum status status;
        const char *sentence;
    } gaps[] = {
        {"llava-phi", "model.layers.", 1, 3, STATUS_MISMATCH,
         "layer model.layers.1 is missing, model.layers.3 is there"},
        {"llava-1.5", "vision_model.encoder.layers.", 2, 23, STATUS_MISMATCH,
         "layer vision_model.encoder.layers.2 is missing, vision_model.encoder.layers.23 is there"},
        {"ml-mamba", "blocks.", 2, 5, STATUS_MISMATCH, "layer blocks.2 is missing"},
        {"ml-mamba", "model.llm_backbone.backbone.layers.", 1, 2, STATUS_MISMATCH,
         "layer model.llm_backbone.backbone.layers.1 is missing"},
        {"ml-mamba", "model.bidirectional_mamba.layers.", 1, 2, STATUS_MISMATCH,
         "layer model.bidirectional_mamba.layers.1 is missing"},
        {"llava-phi", "model.layers.", 1, 100000, STATUS_UNSUPPORTED,
         "model.layers.100000: at most 4096 layers are read"},
    };
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        struct release r;
        struct card card;
        struct error err = {""};
        release_make(&r, release_spec(gaps[i].release));
        move_layer(&r, gaps[i].stem, gaps[i].from, gaps[i].to);
        release_write(&r);
        enum status status = card_open(&card, r.copy.path, &r.copy.arena, &err);
        if (status != gaps[i].status)
            fail_msg("%s: status %d: %s", gaps[i].sentence, (int)status, err.text);
        assert_contains(err.text, gaps[i].sentence);
        release_remove(&r);
    }
}

/* Leaves out layers of a tower from `first` on. */
static void cut_layers(struct release *r, const char *stem, int first)
{
    for (size_t i = 0; i < r->n; i++) {
        const char *name = r->tensors[i].name;
        if (strncmp(name, stem, strlen(stem)) == 0 && atoi(name + strlen(stem)) >= first)
            r->tensors[i].file = r->tensors[i].index_file = NULL;
    }
}

static void a_tower_without_enough_layers_is_refused(void **state)
{
    (void)state;
    static const char stem[] = "vision_model.encoder.layers.";
    struct release r;
    struct card card;
    struct error err = {""};
    release_make(&r, release_spec("llava-1.5"));
    cut_layers(&r, stem, 1);
    release_write(&r);
    model_copy_edit(&r.copy, "clip/config.json", "\"num_hidden_layers\": 3, ", "");
    assert_int_equal(card_open(&card, r.copy.path, &r.copy.arena, &err), STATUS_MISMATCH);
    assert_contains(err.text, "/clip/model.safetensors: features are taken before the last layer");
    release_remove(&r);

    release_make(&r, release_spec("llava-1.5"));
    cut_layers(&r, stem, 0);
    release_write(&r);
    assert_int_equal(card_open(&card, r.copy.path, &r.copy.arena, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "vision_model.encoder.layers.0.mlp.fc1.weight is missing");
    release_remove(&r);

    /* Without its last layer, of which nothing is used, it is the same tower. */
    release_make(&r, release_spec("llava-1.5"));
    cut_layers(&r, stem, 2);
    release_write(&r);
    assert_ok(card_open(&card, r.copy.path, &r.copy.arena, &err), err);
    assert_int_equal(card.towers[0].layers, 2);
    release_remove(&r);
}

/* The tokenizer has 278 entries. */
static void a_tokenizer_with_more_ids_than_rows_is_refused(void **state)
{
    (void)state;
    struct release r;
    struct card card;
    struct error err = {""};
    release_make(&r, release_spec("llava-1.5"));
    release_tensor(&r, "model.embed_tokens.weight")->shape[0] = 277;
    release_tensor(&r, "lm_head.weight")->shape[0] = 277;
    release_write(&r);
    assert_int_equal(card_open(&card, r.copy.path, &r.copy.arena, &err), STATUS_MISMATCH);
    assert_contains(err.text, "/tokenizer.json has 278 entries, the embedding only 277 rows");
    release_remove(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_part_is_refused_by_file_and_tensor),
        cmocka_unit_test(a_layer_that_is_missing_in_the_middle_is_named),
        cmocka_unit_test(a_tower_without_enough_layers_is_refused),
        cmocka_unit_test(a_tokenizer_with_more_ids_than_rows_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
