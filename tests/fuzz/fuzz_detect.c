/* Any bytes as one of a release's JSON files, the first byte tells which, the others as they should
 * be: a card that is in order, or a sentence that names a file of the directory. */
#include "engine/base/file.h"
#include "engine/card.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] =
    "{\"architectures\": [\"LlavaLlamaForCausalLM\"], \"mm_projector_type\": \"linear\", "
    "\"num_attention_heads\": 1}";
static const char map[] =
    "{\"weight_map\": {\"model.embed_tokens.weight\": \"model-00001-of-00002.safetensors\", "
    "\"lm_head.weight\": \"model-00001-of-00002.safetensors\", "
    "\"model.layers.0.mlp.gate_proj.weight\": \"model-00001-of-00002.safetensors\", "
    "\"model.layers.0.self_attn.q_proj.weight\": \"model-00001-of-00002.safetensors\", "
    "\"model.layers.0.self_attn.k_proj.weight\": \"model-00001-of-00002.safetensors\", "
    "\"model.mm_projector.weight\": \"model-00002-of-00002.safetensors\"}}";
static const char first_shard[] =
    "{\"model.embed_tokens.weight\": {\"dtype\": \"BF16\", \"shape\": [300, 2], "
    "\"data_offsets\": [0, 1200]}, \"lm_head.weight\": {\"dtype\": \"BF16\", \"shape\": [300, 2], "
    "\"data_offsets\": [1200, 2400]}, \"model.layers.0.mlp.gate_proj.weight\": {\"dtype\": "
    "\"BF16\", \"shape\": [2, 2], \"data_offsets\": [2400, 2408]}, "
    "\"model.layers.0.self_attn.q_proj.weight\": {\"dtype\": \"BF16\", \"shape\": [2, 2], "
    "\"data_offsets\": [2408, 2416]}, \"model.layers.0.self_attn.k_proj.weight\": {\"dtype\": "
    "\"BF16\", \"shape\": [2, 2], \"data_offsets\": [2416, 2424]}}";
static const char second_shard[] = "{\"model.mm_projector.weight\": {\"dtype\": \"BF16\", "
                                   "\"shape\": [2, 8], \"data_offsets\": [0, 32]}}";
static const char tower[] =
    "{\"embeddings.patch_embedding.weight\": {\"dtype\": \"BF16\", \"shape\": [8, 3, 1, 1], "
    "\"data_offsets\": [0, 48]}, \"embeddings.position_embedding.weight\": {\"dtype\": \"BF16\", "
    "\"shape\": [4, 8], \"data_offsets\": [48, 112]}, \"encoder.layers.0.mlp.fc1.weight\": "
    "{\"dtype\": \"BF16\", \"shape\": [8, 8], \"data_offsets\": [112, 240]}, "
    "\"encoder.layers.1.mlp.fc1.weight\": {\"dtype\": \"BF16\", \"shape\": [8, 8], "
    "\"data_offsets\": [240, 368]}}";

/* The release's files; bytes: behind the header, where the file holds tensors. */
static const struct part {
    const char *name, *text;
    size_t bytes;
} parts[] = {
    {"config.json", config, 0},
    {"model.safetensors.index.json", map, 0},
    {"clip/config.json", "{\"num_attention_heads\": 2, \"image_size\": 2}", 0},
    {"clip/preprocessor_config.json", "{\"image_mean\": [0.5, 0.5, 0.5]}", 0},
    {"tokenizer_config.json", "{}", 0},
    {"model-00001-of-00002.safetensors", first_shard, 2424},
    {"model-00002-of-00002.safetensors", second_shard, 32},
    {"clip/model.safetensors", tower, 368},
};
enum { N_PARTS = sizeof parts / sizeof parts[0] };

static char directory[64];

static void write_file(const char *name, const void *header, size_t header_size, const void *data,
                       size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(header, 1, header_size, file) != header_size ||
        fwrite(data, 1, size, file) != size || fclose(file) != 0)
        abort();
}

static void write_part(const struct part *part)
{
    char zeros[4096] = {0};
    uint64_t length = strlen(part->text);
    if (part->bytes == 0) {
        write_file(part->name, part->text, (size_t)length, "", 0);
        return;
    }
    char header[2048];
    memcpy(header, &length, sizeof length);
    memcpy(header + sizeof length, part->text, (size_t)length);
    write_file(part->name, header, sizeof length + (size_t)length, zeros, part->bytes);
}

static void remove_release(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    if (system(command) != 0)
        abort();
}

static void make_release(void)
{
    char path[256];
    struct arena arena;
    char *text;
    size_t size;
    strcpy(directory, "/tmp/mambench-fuzz-XXXXXX");
    if (!mkdtemp(directory))
        abort();
    atexit(remove_release);
    snprintf(path, sizeof path, "%s/clip", directory);
    if (mkdir(path, 0700) != 0)
        abort();
    for (size_t i = 0; i < N_PARTS; i++)
        write_part(&parts[i]);
    arena_init(&arena);
    if (file_read("tests/data/tokenizer/llama.json", &arena, &text, &size, NULL) != STATUS_OK)
        abort();
    write_file("tokenizer.json", text, size, "", 0);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct card card;
    struct arena arena;
    struct error err = {""};
    if (!directory[0])
        make_release();
    if (size == 0)
        return 0;
    const struct part *part = &parts[data[0] % N_PARTS];
    arena_init(&arena);
    write_file(part->name, data + 1, size - 1, "", 0);
    enum status status = card_detect(&card, directory, &arena, &err);
    if (status ? strstr(err.text, directory) == NULL
               : card_check(&card, "detected", NULL) != STATUS_OK)
        abort();
    write_part(part);
    arena_release(&arena);
    return 0;
}
