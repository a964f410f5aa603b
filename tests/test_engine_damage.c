/* Damaged model directories are refused by file and place; want of memory is told, wherever. */
#include "tests/model_copy.h"

#include "engine/card.h"
#include "engine/engine.h"
#include "engine/formats/tensor_file.h"

#include <math.h>

static enum status try_open(const char *path, struct engine **engine, struct error *err)
{
    struct engine_options options;
    engine_options_init(&options);
    options.threads = 1;
    *engine = NULL;
    return engine_open(engine, path, &options, err);
}

/* The copy must be refused with this status and a sentence that holds all parts. */
static void assert_refused(struct model_copy *copy, enum status expected, const char *first,
                           const char *second)
{
    struct engine *engine;
    struct error err = {""};
    enum status status = try_open(copy->path, &engine, &err);
    if (status != expected)
        fail_msg("status %d instead of %d: %s", (int)status, (int)expected, err.text);
    assert_null(engine);
    assert_contains(err.text, first);
    assert_contains(err.text, second);
}

static const char *const weight_files[] = {"dino/model.safetensors",
                                           "siglip/open_clip_model.safetensors",
                                           "checkpoints/latest-checkpoint.pt"};
enum { N_WEIGHT_FILES = sizeof weight_files / sizeof weight_files[0] };

/* Writes the detected card, changed once, as model.json. */
static void write_card(struct model_copy *copy, const char *old, const char *new)
{
    struct card card;
    struct text text;
    struct error err = {""};
    text_init(&text);
    assert_ok(card_open(&card, copy->path, &copy->arena, &err), err);
    card_write(&card, &text);
    const char *edited = old ? replace_once(&copy->arena, text.data, old, new) : text.data;
    model_copy_write(copy, "model.json", edited, strlen(edited));
    text_release(&text);
}

static void a_missing_weight_file_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_WEIGHT_FILES; i++)
        for (int with_card = 0; with_card < 2; with_card++) {
            struct model_copy copy;
            model_copy_make(&copy, "cobra");
            if (with_card)
                write_card(&copy, NULL, NULL);
            assert_int_equal(unlink(model_copy_path(&copy, weight_files[i])), 0);
            assert_refused(&copy, STATUS_NOT_FOUND, copy.path, weight_files[i]);
            model_copy_remove(&copy);
        }
}

static void a_truncated_weight_file_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_WEIGHT_FILES; i++) {
        struct model_copy copy;
        char *data;
        size_t size;
        model_copy_make(&copy, "cobra");
        model_copy_read(&copy, weight_files[i], &data, &size);
        const size_t lengths[] = {0, 1, 7, 8, 9, 100, size / 2, size - 1};
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            model_copy_write(&copy, weight_files[i], data, lengths[k]);
            assert_refused(&copy, STATUS_BAD_FORMAT, copy.path, weight_files[i]);
        }
        model_copy_remove(&copy);
    }
}

/* A flipped bit in what describes the tensors: refused with the file's name, or, in a name or
 * number that nobody reads, another sound file. */
static void flipped_bits_are_refused_by_file_or_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_WEIGHT_FILES; i++) {
        struct model_copy copy;
        char *data;
        size_t size, n_refused = 0, n = 0;
        model_copy_make(&copy, "cobra");
        model_copy_read(&copy, weight_files[i], &data, &size);
        const char *path = model_copy_path(&copy, weight_files[i]);
        for (size_t bit = 0; bit < 8 * 1200; bit += 83, n++) {
            struct engine *engine;
            struct error err = {""};
            /* Written in place: file_write() would sync every time. */
            FILE *file = fopen(path, "r+");
            assert_non_null(file);
            assert_int_equal(fseek(file, (long)(bit / 8), SEEK_SET), 0);
            assert_int_equal(fputc((unsigned char)data[bit / 8] ^ 1 << bit % 8, file) == EOF, 0);
            assert_int_equal(fclose(file), 0);
            if (try_open(copy.path, &engine, &err)) {
                n_refused++;
                assert_contains(err.text, weight_files[i]);
            }
            engine_close(engine);
            file = fopen(path, "r+");
            assert_non_null(file);
            assert_int_equal(fseek(file, (long)(bit / 8), SEEK_SET), 0);
            assert_int_equal(fputc((unsigned char)data[bit / 8], file) == EOF, 0);
            assert_int_equal(fclose(file), 0);
        }
        assert_true(n_refused > n / 3);
        struct engine *engine;
        struct error err = {""};
        assert_ok(try_open(copy.path, &engine, &err), err);
        engine_close(engine);
        model_copy_remove(&copy);
    }
}

static void a_renamed_tensor_is_missed_by_file_and_name(void **state)
{
    (void)state;
    static const struct {
        size_t file;
        const char *old, *new, *sentence;
    } cases[] = {
        {0, "\"blocks.1.norm2.bias\"", "\"blocks.1.norm3.bias\"",
         "the tensor blocks.1.norm2.bias is missing"},
        {0, "\"pos_embed\"", "\"pos_embud\"", "the tensor pos_embed is missing"},
        {0, "\"blocks.1.ls2.gamma\"", "\"blocks.1.ls2.gemma\"",
         "the tensor blocks.1.ls2.gamma is missing"},
        {1, "blocks.0.attn.qkv.weight\"", "blocks.0.attn.kqv.weight\"",
         "the tensor visual.trunk.blocks.0.attn.qkv.weight is missing"},
        {1, "trunk.patch_embed.proj.bias", "trunk.patch_embed.porj.bias",
         "the tensor visual.trunk.patch_embed.proj.bias is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_copy copy;
        model_copy_make(&copy, "cobra");
        model_copy_patch(&copy, weight_files[cases[i].file], cases[i].old, cases[i].new);
        assert_refused(&copy, STATUS_NOT_FOUND, weight_files[cases[i].file], cases[i].sentence);
        model_copy_remove(&copy);
    }
}

/* Cards that do not fit their files: the tensor is named with both shapes. */
static void a_card_that_does_not_fit_its_files_is_refused_by_tensor(void **state)
{
    (void)state;
    static const struct {
        const char *old, *new;
        enum status status;
        const char *file, *sentence;
    } cases[] = {
        {"\"mlp_width\": 20", "\"mlp_width\": 21", STATUS_MISMATCH, "dino/model.safetensors",
         "blocks.0.mlp.fc1.weight is [20, 12], the model description says [21, 12]"},
        {"\"mlp_width\": 20", "\"mlp_width\": 1048576", STATUS_MISMATCH, "dino/model.safetensors",
         "blocks.0.mlp.fc1.weight is [20, 12], the model description says [1048576, 12]"},
        {"\"native_grid\": 5", "\"native_grid\": 6", STATUS_MISMATCH, "dino/model.safetensors",
         "pos_embed is [1, 25, 12], the model description says [36, 12]"},
        {"\"native_grid\": 5", "\"native_grid\": 4096", STATUS_UNSUPPORTED, "model.json",
         "a position table of 4096, has more than 16384"},
        {"\"registers\": 2", "\"registers\": 3", STATUS_MISMATCH, "dino/model.safetensors",
         "reg_token is [1, 2, 12], the model description says [3, 12]"},
        {"\"layers\": 2", "\"layers\": 4", STATUS_NOT_FOUND, "dino/model.safetensors",
         "the tensor blocks.3.norm1.weight is missing"},
        {"\"hidden_width\": 40", "\"hidden_width\": 41", STATUS_MISMATCH, "latest-checkpoint.pt",
         "model.projector.projector.0.weight is [40, 26], the model description says [41, 26]"},
        {"\"kind\": \"fused-gelu-mlp\"", "\"kind\": \"fused-ldpnet\"", STATUS_NOT_FOUND,
         "latest-checkpoint.pt", "projector.4.peg.0.weight is missing"},
        {"\"inner_width\": 32", "\"inner_width\": 31", STATUS_MISMATCH, "latest-checkpoint.pt",
         "layers.0.mixer.in_proj.weight is [64, 16], the model description says [62, 16]"},
        {"\"state_size\": 6", "\"state_size\": 7", STATUS_MISMATCH, "latest-checkpoint.pt",
         "layers.0.mixer.x_proj.weight is [15, 32], the model description says [17, 32]"},
        {"\"conv_width\": 4", "\"conv_width\": 3", STATUS_MISMATCH, "latest-checkpoint.pt",
         "layers.0.mixer.conv1d.weight is [32, 1, 4], the model description says [32, 3]"},
        {"\"vocabulary\": 504", "\"vocabulary\": 505", STATUS_MISMATCH, "latest-checkpoint.pt",
         "lm_head.weight is [504, 16], the model description says [505, 16]"},
        {"\"vocabulary\": 504", "\"vocabulary\": 16777216", STATUS_MISMATCH, "latest-checkpoint.pt",
         "lm_head.weight is [504, 16], the model description says [16777216, 16]"},
        {"\"prefix\": \"model.llm_backbone.llm.\"", "\"prefix\": \"model.llm.\"", STATUS_NOT_FOUND,
         "latest-checkpoint.pt", "the tensor model.llm.backbone.embedding.weight is missing"},
        {"\"tokenizer\": \"tokenizer.json\"", "\"tokenizer\": \"vocab.json\"", STATUS_NOT_FOUND, "",
         "vocab.json: No such file"},
        {"\"tokenizer\": \"tokenizer.json\"", "\"tokenizer\": null", STATUS_NOT_FOUND, "",
         "the model has no tokenizer"},
        {"\"dino/model.safetensors\"", "\"dino\"", STATUS_IO, "dino", "it is a directory"},
        {"\"dino/model.safetensors\"", "\"config.json\"", STATUS_BAD_FORMAT, "config.json",
         "neither a safetensors file nor a PyTorch file"},
        {"\"heads\": 2", "\"heads\": 5", STATUS_UNSUPPORTED, "model.json",
         "5 heads do not divide a width of 12"},
        {"{", "[", STATUS_BAD_FORMAT, "model.json", "line"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_copy copy;
        model_copy_make(&copy, "cobra");
        write_card(&copy, cases[i].old, cases[i].new);
        assert_refused(&copy, cases[i].status, cases[i].file, cases[i].sentence);
        model_copy_remove(&copy);
    }
}

static void a_damaged_config_is_refused_by_member(void **state)
{
    (void)state;
    static const struct {
        const char *file, *old, *new;
        enum status status;
        const char *sentence;
    } cases[] = {
        {"config.json", "\"model\"", "\"modal\"", STATUS_BAD_FORMAT,
         "config.json: \"model\" is missing"},
        {"config.json", "\"model\": {", "\"model\": 3, \"x\": {", STATUS_BAD_FORMAT,
         "config.json: \"model_id\" is missing"},
        {"config.json", "\"cobra-tiny\"", "17", STATUS_BAD_FORMAT,
         "config.json: \"model_id\" is not a string"},
        {"config.json", "\"arch_specifier\"", "\"arch\"", STATUS_BAD_FORMAT,
         "config.json: \"arch_specifier\" is missing"},
        {"config.json", "no-align+fused-gelu-mlp", "no-align+mystery", STATUS_UNSUPPORTED,
         "config.json: the architecture 'no-align+mystery' is not supported"},
        {"config.json", "dinosiglip-vit-so-384px", "clip-vit-l-336px", STATUS_UNSUPPORTED,
         "config.json: the vision backbone 'clip-vit-l-336px' is not"},
        {"config.json", "\"mamba-2.8b-zephyr\"", "null", STATUS_BAD_FORMAT,
         "config.json: \"llm_backbone_id\" is not a string"},
        {"config.json", "resize-crop", "resize-chop", STATUS_UNSUPPORTED,
         "config.json: there is no resize strategy 'resize-chop'"},
        {"config.json", "2048", "0", STATUS_BAD_FORMAT, "\"max_text_tokens\" is 0"},
        {"config.json", "2048", "1e9", STATUS_BAD_FORMAT, "\"max_text_tokens\" is 1000000000"},
        {"config.json", "2048", "\"many\"", STATUS_BAD_FORMAT,
         "config.json: \"llm_max_length\" is not a number"},
        {"config.json", "}", "", STATUS_BAD_FORMAT, "config.json: line"},
        {"config.json", "fused-gelu-mlp", "fused-ldpnet", STATUS_NOT_FOUND,
         "projector.4.peg.0.weight is missing"},
        {"config.json", "dinosiglip-vit", "siglip-vit", STATUS_MISMATCH,
         "the towers give 14 features, the connector takes 26"},
        {"dino/config.json", "\"num_heads\": 2", "\"num_heads\": 5", STATUS_UNSUPPORTED,
         "tower dino: 5 heads do not divide a width of 12"},
        {"dino/config.json", "\"num_heads\": 2", "\"num_heads\": -2", STATUS_BAD_FORMAT,
         "tower dino: \"heads\" is -2"},
        {"dino/config.json", "\"num_heads\": 2", "\"num_heads\": \"two\"", STATUS_BAD_FORMAT,
         "dino/config.json: \"num_heads\" is not a number"},
        {"dino/config.json", "}", "", STATUS_BAD_FORMAT, "dino/config.json: line"},
        {"siglip/open_clip_config.json", "\"image_size\": 22", "\"image_size\": 1e9",
         STATUS_BAD_FORMAT, "\"image_size\" is 1000000000"},
        {"siglip/open_clip_config.json", "\"image_size\": 22", "\"image_size\": 5", STATUS_MISMATCH,
         "patches of 6 in a picture of 5"},
        {"siglip/open_clip_config.json", "\"num_heads\": 2", "\"num_heads\": 1e12",
         STATUS_BAD_FORMAT, "open_clip_config.json: \"num_heads\" is 1e+12, a whole number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_copy copy;
        model_copy_make(&copy, "cobra");
        model_copy_edit(&copy, cases[i].file, cases[i].old, cases[i].new);
        assert_refused(&copy, cases[i].status, copy.path, cases[i].sentence);
        model_copy_remove(&copy);
    }
}

static void a_missing_part_of_a_release_is_named_with_its_place(void **state)
{
    (void)state;
    struct model_copy copy;
    model_copy_make(&copy, "cobra");
    assert_int_equal(unlink(model_copy_path(&copy, "tokenizer.json")), 0);
    assert_refused(&copy, STATUS_NOT_FOUND, copy.path, "the tokenizer (GPT-NeoX) is missing");
    assert_int_equal(unlink(model_copy_path(&copy, "config.json")), 0);
    assert_refused(&copy, STATUS_NOT_FOUND, copy.path, "is no model directory that is recognised");
    model_copy_remove(&copy);
    model_copy_make(&copy, "cobra");
    assert_int_equal(unlink(model_copy_path(&copy, "dino/model.safetensors")), 0);
    assert_refused(&copy, STATUS_NOT_FOUND, "the DINOv2 tower", "put it at dino/model.safetensors");
    model_copy_remove(&copy);
}

static void a_tokenizer_larger_than_the_vocabulary_is_refused(void **state)
{
    (void)state;
    struct model_copy copy;
    model_copy_make(&copy, "cobra");
#define ADDED(id, content)                                                                         \
    ",{\"id\":" id ",\"content\":\"" content "\",\"single_word\":false,\"lstrip\":false,"          \
    "\"rstrip\":false,\"normalized\":true,\"special\":false}"
    model_copy_edit(&copy, "tokenizer.json", "\"special\":false}]",
                    "\"special\":false}" ADDED("503", "<|a|>") ADDED("504", "<|b|>") "]");
    assert_refused(&copy, STATUS_MISMATCH, "tokenizer.json has 505 entries",
                   "the embedding only 504 rows");
    model_copy_edit(&copy, "tokenizer.json", "\"BPE\"", "\"BPA\"");
    assert_refused(&copy, STATUS_UNSUPPORTED, copy.path, "tokenizer.json");
    model_copy_remove(&copy);
}

/* Every byte of a tensor set: NaN in both element types. */
static void make_nan(struct model_copy *copy, const char *name, const char *tensor_name)
{
    struct tensor_file *file;
    struct error err = {""};
    char *data;
    size_t size;
    assert_ok(tensor_file_open(&file, model_copy_path(copy, name), &err), err);
    const struct tensor_view *tensor = tensor_file_find(file, tensor_name);
    assert_non_null(tensor);
    size_t start = (size_t)(tensor->data - file->map.data), n = 4 * tensor_elements(tensor);
    tensor_file_close(file);
    model_copy_read(copy, name, &data, &size);
    assert_true(start + n <= size);
    memset(data + start, 0xFF, n);
    model_copy_write(copy, name, data, size);
}

static void nan_weights_give_no_answer(void **state)
{
    (void)state;
    static const struct {
        const char *file, *tensor;
    } cases[] = {
        {"dino/model.safetensors", "blocks.0.attn.qkv.weight"},
        {"siglip/open_clip_model.safetensors", "visual.trunk.pos_embed"},
        {"checkpoints/latest-checkpoint.pt", "model.projector.projector.2.bias"},
        {"checkpoints/latest-checkpoint.pt",
         "model.llm_backbone.llm.backbone.layers.1.mixer.A_log"},
        {"checkpoints/latest-checkpoint.pt", "model.llm_backbone.llm.lm_head.weight"},
    };
    static const char *const choices[] = {"Yes", "No"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_copy copy;
        model_copy_make(&copy, "cobra");
        make_nan(&copy, cases[i].file, cases[i].tensor);
        for (int p = 0; p < PRECISION_N; p++) {
            struct engine_options options;
            struct engine *engine;
            struct session *session;
            struct generation out;
            struct error err = {""};
            struct request request = {
                .prompt = "What?", .choices = choices, .n_choices = 2, .max_new_tokens = 5};
            engine_options_init(&options);
            options.precision = (enum precision)p;
            assert_ok(engine_open(&engine, copy.path, &options, &err), err);
            assert_ok(session_open(&session, engine, &err), err);
            assert_ok(session_see(session, model_copy_path(&copy, "input.png"), NULL, NULL, &err),
                      err);
            /* Damage shows: it becomes neither a likely number nor an empty answer. */
            assert_int_equal(session_answer(session, &request, &out, &err), STATUS_BAD_FORMAT);
            assert_contains(err.text, "not numbers");
            request.sampling = (struct sampling){true, 1.5, 20, 0.9, 3};
            assert_int_equal(session_answer(session, &request, &out, &err), STATUS_BAD_FORMAT);
            session_close(session);
            engine_close(engine);
        }
        model_copy_remove(&copy);
    }
}

/* Want of memory. */

struct outcome {
    float logits[2];
    int ids[6];
    size_t n_ids;
    char text[64];
    struct sha256_text hash;
};

/* Open, look, answer twice, hash: what a run is made of. */
static enum status whole_run(enum precision precision, struct outcome *outcome, struct error *err)
{
    static const char *const choices[] = {"Yes", "No"};
    struct engine_options options;
    struct engine *engine = NULL;
    struct session *session = NULL, *fork = NULL;
    struct generation out;
    struct request request = {.prompt = "What is this?",
                              .choices = choices,
                              .n_choices = 2,
                              .max_new_tokens = 6,
                              .sampling = {true, 1, 50, 0.9, 1}};
    engine_options_init(&options);
    options.precision = precision;
    options.threads = 1;
    memset(outcome, 0, sizeof *outcome);
    enum status status = engine_open(&engine, ENGINE_DATA "cobra-siglip", &options, err);
    if (!status)
        status = session_open(&session, engine, err);
    if (!status)
        status = session_open(&fork, engine, err);
    if (!status)
        status = session_see(session, ENGINE_DATA "cobra-siglip/input.png", NULL, NULL, err);
    if (!status)
        status = session_fork(fork, session, err);
    if (!status)
        status = session_answer(fork, &request, &out, err);
    if (!status) {
        memcpy(outcome->logits, out.choice_logits, sizeof outcome->logits);
        memcpy(outcome->ids, out.ids, out.n_ids * sizeof *out.ids);
        outcome->n_ids = out.n_ids;
        snprintf(outcome->text, sizeof outcome->text, "%s", out.text);
        status = engine_hash(engine, &outcome->hash, err);
    }
    session_close(fork);
    session_close(session);
    engine_close(engine);
    return status;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    for (int p = 0; p < PRECISION_N; p++) {
        struct outcome whole, outcome;
        struct error err = {""};
        assert_ok(whole_run((enum precision)p, &whole, &err), err);
        long n = 1;
        for (bool struck = true; struck; n++) {
            err.text[0] = '\0';
            fail_allocation(n);
            enum status status = whole_run((enum precision)p, &outcome, &err);
            struck = allocation_has_failed();
            fail_allocation(0);
            if (status == STATUS_OK)
                assert_memory_equal(&outcome, &whole, sizeof whole);
            else if (status != STATUS_NO_MEMORY || !struck)
                fail_msg("allocation %ld gives status %d: %s", n, (int)status, err.text);
            else
                assert_true(err.text[0] != '\0');
            assert_true(n < 20000);
        }
        assert_true(n > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_weight_file_is_named),
        cmocka_unit_test(a_truncated_weight_file_is_named),
        cmocka_unit_test(flipped_bits_are_refused_by_file_or_harmless),
        cmocka_unit_test(a_renamed_tensor_is_missed_by_file_and_name),
        cmocka_unit_test(a_card_that_does_not_fit_its_files_is_refused_by_tensor),
        cmocka_unit_test(a_damaged_config_is_refused_by_member),
        cmocka_unit_test(a_missing_part_of_a_release_is_named_with_its_place),
        cmocka_unit_test(a_tokenizer_larger_than_the_vocabulary_is_refused),
        cmocka_unit_test(nan_weights_give_no_answer),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
