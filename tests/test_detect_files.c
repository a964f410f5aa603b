/* Releases with missing or damaged files and indices are refused by file and place. */
#include "tests/release_damage.h"

static const struct damage damages[] = {
    /* Files. */
    {"llava-1.5",
     {REMOVE, NULL, "config.json", NULL, {0}},
     STATUS_NOT_FOUND,
     "is no model directory that is recognised: Prismatic's (Cobra, ML-Mamba; a LLaMA decoder too) "
     "has config.json",
     "; TinyLLaVA Factory's has config.json with TinyLlavaForConditionalGeneration"},
    {"llava-1.5",
     {EDIT, "config.json", "LlavaLlamaForCausalLM", "LlavaMptForCausalLM", {0}},
     STATUS_NOT_FOUND,
     "is no model directory that is recognised (config.json: the architecture "
     "LlavaMptForCausalLM): ",
     "LLaVA's (LLaVA-1.5, LLaVA-Phi, TinyLLaVA, MobileVLM) has"},
    {"llava-1.5",
     {EDIT_WHOLE, "config.json", NULL, "{\"architectures\": ", {0}},
     STATUS_BAD_FORMAT,
     "config.json: line 1, column",
     ""},
    {"llava-phi",
     {REMOVE, NULL, WHOLE, NULL, {0}},
     STATUS_NOT_FOUND,
     ": there are no weights: ",
     "model.safetensors or pytorch_model.bin is expected"},
    {"llava-phi",
     {EDIT_WHOLE, WHOLE, NULL, "version https://git-lfs.github.com/spec/v1\n", {0}},
     STATUS_BAD_FORMAT,
     "/model.safetensors: a Git LFS pointer",
     ""},
    {"llava-1.5",
     {REMOVE, NULL, "clip/model.safetensors", NULL, {0}},
     STATUS_NOT_FOUND,
     "the vision tower openai/clip-vit-large-patch14-336 is missing; put it at clip/",
     ""},
    {"llava-1.5",
     {REMOVE, NULL, "tokenizer.json", NULL, {0}},
     STATUS_NOT_FOUND,
     "the tokenizer (LLaMA) is missing; put it at tokenizer.model",
     ""},
    {"factory-merged",
     {REMOVE, NULL, "tokenizer.json", NULL, {0}},
     STATUS_NOT_FOUND,
     "the tokenizer (CodeGen) is missing; put it at tokenizer.json",
     ""},
    {"ml-mamba",
     {REMOVE, NULL, "tokenizer.json", NULL, {0}},
     STATUS_NOT_FOUND,
     "the tokenizer (GPT-NeoX) is missing",
     ""},
    {"ml-mamba",
     {REMOVE, NULL, "config.json", NULL, {0}},
     STATUS_NOT_FOUND,
     "is no model directory that is recognised: Prismatic's (Cobra, ML-Mamba; a LLaMA decoder too) "
     "has config.json",
     ""},
    {"ml-mamba",
     {REMOVE, NULL, "latest-checkpoint.pt", NULL, {0}},
     STATUS_NOT_FOUND,
     "the checkpoint is missing; put it at checkpoints/latest-checkpoint.pt",
     ""},
    {"ml-mamba",
     {REMOVE, NULL, "dino/model.safetensors", NULL, {0}},
     STATUS_NOT_FOUND,
     "the DINOv2 tower (timm/",
     "is missing; put it at dino/model.safetensors"},
    {"prismatic-llama",
     {REMOVE, NULL, "llm/config.json", NULL, {0}},
     STATUS_NOT_FOUND,
     "the language model's config is missing; put it at llm/config.json",
     ""},
    {"factory-split",
     {REMOVE, NULL, "vision_tower/pytorch_model.bin", NULL, {0}},
     STATUS_NOT_FOUND,
     "/vision_tower: there are no weights: ",
     ""},
    {"factory-split",
     {REMOVE, NULL, "connector/pytorch_model.bin", NULL, {0}},
     STATUS_NOT_FOUND,
     "/connector: there are no weights: ",
     ""},
    {"factory-split",
     {REMOVE, NULL, "language_model/pytorch_model.bin", NULL, {0}},
     STATUS_NOT_FOUND,
     "/language_model: there are no weights: ",
     ""},

    /* Indices. */
    {"llava-1.5",
     {REMOVE, NULL, BIN1, NULL, {0}},
     STATUS_NOT_FOUND,
     "/pytorch_model.bin.index.json: the shard pytorch_model-00001-of-00002.bin is missing",
     ""},
    {"tinyllava-legacy",
     {REMOVE, NULL, SHARD2, NULL, {0}},
     STATUS_NOT_FOUND,
     "/model.safetensors.index.json: the shard model-00002-of-00002.safetensors is missing",
     ""},
    {"llava-1.5",
     {REMOVE, NULL, "pytorch_model.bin.index.json", NULL, {0}},
     STATUS_NOT_FOUND,
     ": there are no weights: ",
     "or either in shards with an index"},
    {"llava-1.5",
     {MOVE, NULL, "model.norm.weight", BIN2, {0}},
     STATUS_MISMATCH,
     "/pytorch_model.bin.index.json: the tensor model.norm.weight is not in "
     "pytorch_model-00001-of-00002.bin",
     ""},
    {"tinyllava-legacy",
     {FORGET, NULL, "lm_head.weight", NULL, {0}},
     STATUS_MISMATCH,
     "/model.safetensors.index.json: it does not name the tensor lm_head.weight of "
     "model-00001-of-00002.safetensors",
     ""},
    {"llava-1.5",
     {EDIT_WHOLE, "pytorch_model-00003-of-00003.bin", NULL, "x", {0}},
     STATUS_MISMATCH,
     "/pytorch_model.bin.index.json: it does not name the shard pytorch_model-00003-of-00003.bin",
     "beside it"},
    {"llava-1.5",
     {EDIT_WHOLE, "pytorch_model.bin.index.json", NULL, "[]", {0}},
     STATUS_BAD_FORMAT,
     "/pytorch_model.bin.index.json: \"weight_map\" is missing",
     ""},
    {"llava-1.5",
     {EDIT_WHOLE, "pytorch_model.bin.index.json", NULL, "{\"weight_map\": []}", {0}},
     STATUS_BAD_FORMAT,
     "index.json: \"weight_map\" is not an object that names tensors",
     ""},
    {"llava-1.5",
     {EDIT_WHOLE, "pytorch_model.bin.index.json", NULL, "{\"weight_map\": {}}", {0}},
     STATUS_BAD_FORMAT,
     "index.json: \"weight_map\" is not an object that names tensors",
     ""},
    {"llava-1.5",
     {EDIT_WHOLE, "pytorch_model.bin.index.json", NULL, "{\"weight_map\": {\"a\": 1}}", {0}},
     STATUS_BAD_FORMAT,
     "index.json: weight_map: \"a\" is not in a file beside the index",
     ""},
    {"llava-1.5",
     {EDIT_WHOLE,
      "pytorch_model.bin.index.json",
      NULL,
      "{\"weight_map\": {\"a\": \"../x.bin\"}}",
      {0}},
     STATUS_BAD_FORMAT,
     "index.json: weight_map: \"a\" is not in a file beside the index",
     ""},
    {"llava-1.5",
     {EDIT, "pytorch_model.bin.index.json", "\"lm_head.weight\"", "\"model.norm.weight\"", {0}},
     STATUS_BAD_FORMAT,
     "index.json: weight_map names \"model.norm.weight\" twice",
     ""},
};

static void a_release_with_damaged_files_is_refused_by_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        assert_refused(&damages[i]);
}

static void files_that_are_cut_anywhere_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const files[] = {"config.json", "pytorch_model.bin.index.json",
                                        "clip/config.json", "clip/preprocessor_config.json"};
    struct release r;
    release_make(&r, release_spec("llava-1.5"));
    release_write(&r);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *data;
        size_t size;
        model_copy_read(&r.copy, files[i], &data, &size);
        /* The last characters may be white space. */
        while (size > 0 && data[size - 1] != '}')
            size--;
        for (size_t cut = 0; cut < size; cut += 1 + size / 100) {
            struct card card;
            struct error err = {""};
            release_put(&r, files[i], data, cut);
            assert_int_equal(card_open(&card, r.copy.path, &r.copy.arena, &err), STATUS_BAD_FORMAT);
            assert_contains(err.text, files[i]);
        }
        release_put(&r, files[i], data, size);
    }
    release_remove(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_with_damaged_files_is_refused_by_file),
        cmocka_unit_test(files_that_are_cut_anywhere_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
