#include "engine/session.h"

#include "engine/base/file.h"
#include "engine/base/sha256_cache.h"
#include "engine/synthetic_tokens.h"
#include "engine/weights.h"

#include <stdlib.h>
#include <string.h>

/* What the products of the decoder, and of towers and connector, are made in. */
static const struct {
    const char *name;
    enum matmul_type decoder, vision;
} precisions[PRECISION_N] = {
    [PRECISION_F32] = {"f32", MATMUL_F32, MATMUL_F32},
    [PRECISION_BF16] = {"bf16", MATMUL_BF16, MATMUL_BF16},
    [PRECISION_INT8] = {"int8", MATMUL_INT8, MATMUL_BF16},
};

static const char *const stage_names[STAGE_N] = {
    "read", "resize", "vision", "connector", "image", "tokenize", "prompt", "decode", "text",
};

const char *precision_name(enum precision precision)
{
    return precisions[precision].name;
}

enum status precision_parse(const char *name, enum precision *out, struct error *err)
{
    for (int i = 0; i < PRECISION_N; i++)
        if (strcmp(precisions[i].name, name) == 0) {
            *out = (enum precision)i;
            return STATUS_OK;
        }
    return fail(err, STATUS_USAGE,
                "there is no precision called '%s'; there are f32, bf16 and int8", name);
}

const char *stage_name(enum stage stage)
{
    return stage_names[stage];
}

void engine_options_init(struct engine_options *options)
{
    *options = (struct engine_options){.precision = PRECISION_BF16};
}

/* A part's tensors; what is counted while it is bound goes to the engine by count_part(). */
static struct weights part_weights(struct engine *engine, const struct card_weights *part,
                                   enum matmul_type type, struct weight_files *files,
                                   const struct engine_options *options)
{
    return (struct weights){
        .part = part,
        .files = options->random_weights ? NULL : files,
        .seed = options->seed,
        .type = type,
        .arena = &engine->arena,
    };
}

static void count_part(struct engine *engine, const struct weights *weights)
{
    engine->info.parameters += weights->parameters;
    engine->info.packed_bytes += weights->packed_bytes;
}

static enum status open_towers(struct engine *engine, struct weight_files *files,
                               const struct engine_options *options, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < engine->card.n_towers; i++) {
        const struct card_tower *tower = &engine->card.towers[i];
        struct weights weights = part_weights(
            engine, &tower->weights, precisions[engine->info.precision].vision, files, options);
        status = encoder_kind_find(tower->encoder)->open(&engine->towers[i], tower, &weights, err);
        engine->info.tower_bytes[i] = weights.packed_bytes;
        count_part(engine, &weights);
    }
    return status;
}

static enum status open_parts(struct engine *engine, struct weight_files *files,
                              const struct engine_options *options, struct error *err)
{
    const struct card *card = &engine->card;
    enum status status = open_towers(engine, files, options, err);
    if (status)
        return status;
    struct weights weights =
        part_weights(engine, &card->connector.weights, precisions[engine->info.precision].vision,
                     files, options);
    const struct connector_kind *kind = connector_kind_find(card->connector.kind);
    status =
        kind->open(&engine->connector, kind, &card->connector, card_patches(card), &weights, err);
    engine->info.connector_bytes = weights.packed_bytes;
    count_part(engine, &weights);
    if (status)
        return status;
    weights = part_weights(engine, &card->lm.weights, precisions[engine->info.precision].decoder,
                           files, options);
    status = lm_family_find(card->lm.family)->open(&engine->lm, &card->lm, &weights, err);
    count_part(engine, &weights);
    engine->info.token_bytes = weights.packed_bytes - weights.table_bytes;
    return status;
}

static enum status open_tokenizer(struct engine *engine, const struct engine_options *options,
                                  struct error *err)
{
    const struct card *card = &engine->card;
    bool named = card->tokenizer && card->directory[0];
    const char *path = named ? path_join(&engine->arena, card->directory, card->tokenizer) : NULL;
    if (named && !path)
        return fail(err, STATUS_NO_MEMORY, "out of memory while opening %s", card->directory);
    if (!path || (options->random_weights && !file_exists(path)))
        return options->random_weights
                   ? STATUS_OK
                   : fail(err, STATUS_NOT_FOUND, "%s: the model has no tokenizer", card->directory);
    enum status status = tokenizer_open(&engine->tokenizer, path, err);
    if (!status && tokenizer_size(engine->tokenizer) > card->lm.vocabulary)
        return fail(err, STATUS_MISMATCH, "%s has %d entries, the embedding only %d rows", path,
                    tokenizer_size(engine->tokenizer), card->lm.vocabulary);
    return status;
}

/* What every picture is read behind: it is the same for all prompts, so it is tokenized once. */
static enum status open_before(struct engine *engine, struct error *err)
{
    const struct chat_template *chat = engine->chat;
    if (!chat->image_in_prompt)
        return STATUS_OK;
    if (engine->card.lm.bos >= 0 && !token_list_add(&engine->before, engine->card.lm.bos))
        return fail(err, STATUS_NO_MEMORY, "out of memory while opening a model");
    return engine_tokenize(engine, chat->before, strlen(chat->before), &engine->before, err);
}

/* The precision asked for, or f32 where this CPU has not all of its products in hardware. */
static void choose_precision(struct engine *engine, const struct engine_options *options)
{
    enum precision asked = options->precision;
    static const char *const notes[MATMUL_TYPES] = {
        [MATMUL_BF16] = "this CPU has no bf16 products, so f32 is used",
        [MATMUL_INT8] = "this CPU has no exact int8 products, so f32 is used",
    };
    const enum matmul_type needed[] = {precisions[asked].decoder, precisions[asked].vision};
    engine->info.precision = asked;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!matmul_has(needed[i])) {
            engine->info.precision = PRECISION_F32;
            engine->info.precision_note = notes[needed[i]];
        }
}

static void fill_info(struct engine *engine, const struct engine_options *options)
{
    const struct card *card = &engine->card;
    struct engine_info *info = &engine->info;
    info->name = card->name;
    info->family = card->family;
    info->directory = card->directory[0] ? card->directory : NULL;
    info->kernels = engine->ops->name;
    info->matmul = matmul_describe(precisions[info->precision].decoder);
    info->threads = options->threads > 0 ? options->threads : compute_available_threads();
    info->random_weights = options->random_weights;
    info->image_tokens = card_image_tokens(card);
    info->tokens_before = (int)engine->before.n;
    info->vocabulary = (size_t)card->lm.vocabulary;
    info->head_bytes = engine->lm->head.packed_bytes;
    info->state_bytes = lm_state_bytes(engine->lm, 0);
    info->cache_bytes_per_token = lm_state_bytes(engine->lm, 1) - info->state_bytes;
    info->max_positions = card->lm.max_positions;
    info->n_towers = card->n_towers;
    for (size_t i = 0; i < card->n_towers; i++)
        info->towers[i] = card->towers[i].name;
}

static enum status build(struct engine *engine, const struct engine_options *options,
                         struct error *err)
{
    struct weight_files files = {.n_files = 0};
    enum status status = ops_find(&engine->ops, options->kernels, err);
    if (status)
        return status;
    choose_precision(engine, options);
    engine->chat = chat_template_find(engine->card.template);
    if (!options->random_weights)
        status = weight_files_open(&files, &engine->card, &engine->arena, err);
    if (!status)
        status = open_parts(engine, &files, options, err);
    weight_files_close(&files);
    if (!status)
        status = open_tokenizer(engine, options, err);
    if (!status)
        status = open_before(engine, err);
    if (!status)
        fill_info(engine, options);
    return status;
}

enum status engine_open_card(struct engine **out, const struct card *card,
                             const struct engine_options *options, struct error *err)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return fail(err, STATUS_NO_MEMORY, "out of memory while opening a model");
    arena_init(&engine->arena);
    engine->card = *card;
    engine->seed = options->seed;
    enum status status = build(engine, options, err);
    if (status) {
        engine_close(engine);
        return status;
    }
    *out = engine;
    return STATUS_OK;
}

/* The card of a preset (random weights only) or of a directory. */
static enum status find_card(struct card *card, const char *model,
                             const struct engine_options *options, struct arena *arena,
                             struct error *err)
{
    if (directory_exists(model) || card_preset(card, model, arena, NULL) != STATUS_OK)
        return card_open(card, model, arena, err);
    if (!options->random_weights)
        return fail(err, STATUS_NOT_FOUND,
                    "%s is a preset without weights: give --random-weights, or the directory of "
                    "its files",
                    model);
    return STATUS_OK;
}

enum status engine_open(struct engine **out, const char *model,
                        const struct engine_options *options, struct error *err)
{
    struct arena arena;
    struct card card;
    arena_init(&arena);
    enum status status = find_card(&card, model, options, &arena, err);
    if (!status)
        status = engine_open_card(out, &card, options, err);
    if (status) {
        arena_release(&arena);
        return status;
    }
    /* The card's strings live on with the engine. */
    (*out)->card_arena = arena;
    return STATUS_OK;
}

enum status engine_check(const char *model, const struct engine_options *options, struct error *err)
{
    struct arena arena;
    struct card card;
    arena_init(&arena);
    enum status status = find_card(&card, model, options, &arena, err);
    arena_release(&arena);
    return status;
}

enum status engine_estimate(const char *model, const struct engine_options *options, double *bytes,
                            struct error *err)
{
    static const double sizes[MATMUL_TYPES] = {
        [MATMUL_F32] = 4, [MATMUL_BF16] = 2, [MATMUL_INT8] = 1};
    struct arena arena;
    struct card card;
    size_t lm = 0, vision = 0;
    arena_init(&arena);
    enum status status = find_card(&card, model, options, &arena, err);
    if (!status)
        status = card_count(&card, &lm, &vision, err);
    if (!status) {
        /* A tied table is there twice: as rows to look up and as a head to multiply. */
        double table = (double)card.lm.vocabulary * card.lm.width * 2;
        *bytes = (double)lm * sizes[precisions[options->precision].decoder] +
                 (double)vision * sizes[precisions[options->precision].vision] + table;
    }
    arena_release(&arena);
    return status;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; i < CARD_MAX_TOWERS; i++)
        if (engine->towers[i])
            engine->towers[i]->kind->close(engine->towers[i]);
    if (engine->connector)
        engine->connector->kind->close(engine->connector);
    if (engine->lm)
        engine->lm->family->close(engine->lm);
    tokenizer_close(engine->tokenizer);
    token_list_release(&engine->before);
    arena_release(&engine->card_arena);
    arena_release(&engine->arena);
    free(engine);
}

const struct engine_info *engine_info(const struct engine *engine)
{
    return &engine->info;
}

static enum status add_file_hash(struct text *digests, const struct card *card, const char *name,
                                 struct arena *arena, struct error *err)
{
    struct sha256_text digest;
    const char *path = path_join(arena, card->directory, name);
    if (!path)
        return fail(err, STATUS_NO_MEMORY, "out of memory while hashing %s", name);
    enum status status = sha256_file_cached(path, &digest, err);
    if (!status)
        text_addf(digests, "%s\n", digest.hex);
    return status;
}

static enum status add_part_hashes(struct text *digests, const struct card *card,
                                   const struct card_weights *part, struct arena *arena,
                                   struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < part->n_files; i++)
        status = add_file_hash(digests, card, part->files[i], arena, err);
    return status;
}

static enum status add_hashes(struct text *text, const struct engine *engine, struct arena *arena,
                              struct error *err)
{
    const struct card *card = &engine->card;
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < card->n_towers; i++)
        status = add_part_hashes(text, card, &card->towers[i].weights, arena, err);
    if (!status)
        status = add_part_hashes(text, card, &card->connector.weights, arena, err);
    if (!status)
        status = add_part_hashes(text, card, &card->lm.weights, arena, err);
    return status;
}

/* The tokenizer's file, and the config beside it, which changes some of its ids. */
static enum status add_tokenizer_hashes(struct text *text, const struct engine *engine,
                                        struct arena *arena, struct error *err)
{
    const struct card *card = &engine->card;
    if (!engine->tokenizer)
        return STATUS_OK;
    const char *folder = path_directory(arena, card->tokenizer);
    const char *config = folder ? path_join(arena, folder, "tokenizer_config.json") : NULL;
    const char *path = config ? path_join(arena, card->directory, config) : NULL;
    if (!path)
        return fail(err, STATUS_NO_MEMORY, "out of memory while hashing a model");
    enum status status = add_file_hash(text, card, card->tokenizer, arena, err);
    if (!status && file_exists(path))
        status = add_file_hash(text, card, config, arena, err);
    return status;
}

enum status engine_hash(const struct engine *engine, struct sha256_text *out, struct error *err)
{
    struct text text;
    struct arena arena;
    enum status status = STATUS_OK;
    text_init(&text);
    arena_init(&arena);
    card_write(&engine->card, &text);
    if (engine->info.random_weights)
        text_addf(&text, "random weights, seed %llu\n", (unsigned long long)engine->seed);
    else
        status = add_hashes(&text, engine, &arena, err);
    if (!status)
        status = add_tokenizer_hashes(&text, engine, &arena, err);
    if (!status && text.failed)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while hashing a model");
    if (!status)
        *out = sha256_bytes(text.data, text.length);
    if (!status && !out->hex[0])
        status = fail(err, STATUS_NO_MEMORY, "out of memory while hashing a model");
    arena_release(&arena);
    text_release(&text);
    return status;
}

void engine_prompt(const struct engine *engine, const char *message, struct text *out)
{
    chat_prompt(engine->chat, message, out);
}

enum status engine_tokenize(const struct engine *engine, const char *text, size_t length,
                            struct token_list *ids, struct error *err)
{
    if (engine->tokenizer)
        return tokenizer_encode(engine->tokenizer, text, length, ids, err);
    return synthetic_encode(text, length, engine->card.lm.vocabulary, ids, err);
}

/* The choice as it follows the prompt: with a space in front where the template ends a word, unless
 * the tokenizer adds it. */
static enum status encode_choice(const struct engine *engine, const char *choice,
                                 struct token_list *ids, struct error *err)
{
    struct text text;
    bool space = engine->chat->answer_has_space && choice[0] != ' ' &&
                 !tokenizer_prefixes_space(engine->tokenizer);
    text_init(&text);
    text_add(&text, space ? " " : "");
    text_add(&text, choice);
    enum status status = text.failed
                             ? fail(err, STATUS_NO_MEMORY, "out of memory for a choice")
                             : engine_tokenize(engine, text_string(&text), text.length, ids, err);
    text_release(&text);
    return status;
}

enum status engine_choice_id(const struct engine *engine, const char *choice, int *id,
                             struct error *err)
{
    if (!engine->tokenizer) {
        *id = synthetic_id(choice, strlen(choice), engine->card.lm.vocabulary);
        return STATUS_OK;
    }
    struct token_list ids;
    token_list_init(&ids);
    enum status status = encode_choice(engine, choice, &ids, err);
    bool single = ids.n == 1;
    if (single)
        *id = ids.ids[0];
    token_list_release(&ids);
    if (status)
        return status;
    if (!single)
        return fail(err, STATUS_UNSUPPORTED,
                    "the choice '%s' is not a single token of %s: its probability cannot be read "
                    "from the first position",
                    choice, engine->card.name);
    return STATUS_OK;
}
