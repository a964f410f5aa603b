/* tests/small_sentencepiece.h - a small LLaMA tokenizer, written as tokenizer.model and as
 * tokenizer.json, with whatever a test wants to be different. */
#ifndef MAMBENCH_TESTS_SMALL_SENTENCEPIECE_H
#define MAMBENCH_TESTS_SMALL_SENTENCEPIECE_H

#include "tests/check.h"

#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/tokenizer/tokenizer.h"

#include <unistd.h>

#define SPACE "\xE2\x96\x81" /* U+2581 */
#define ZHE "\xD0\x96"       /* U+0416, part of pieces and no piece */

enum { PIECE_NORMAL = 1, PIECE_UNKNOWN, PIECE_CONTROL, PIECE_USER, PIECE_UNUSED, PIECE_BYTE };

/* Ids 259 and on, behind <unk>, <s>, </s> and the 256 bytes. */
static const struct {
    const char *piece;
    float score;
} small_pieces[] = {
    {SPACE SPACE, -1e9f}, {"bc", -1},        {"ab", -1},    {SPACE "a", -0.5f}, {"es", -2},
    {"Yes", -3},          {SPACE "Yes", -4}, {"x" ZHE, -5}, {"x" ZHE "x", -6},  {SPACE "abc", -7},
    {SPACE, -8},          {"a", -9},         {"b", -10},    {"c", -11},         {"Y", -12},
    {"e", -13},           {"s", -14},        {"x", -15},    {"\xC3\xA9", -16},
};
enum { N_SMALL_PIECES = sizeof small_pieces / sizeof small_pieces[0], SMALL_SIZE = 278 };

/* By score, as transformers converts them; "xZHE" has none, as ZHE is no piece. */
static const char small_merges[] = "[\"" SPACE " a\",\"a b\",\"b c\",\"e s\",\"Y es\",\"" SPACE
                                   " Yes\",\"" SPACE "a bc\",\"" SPACE " " SPACE "\"]";

enum small_flag { AS_USUAL, OFF, ON, LEFT_OUT };

/* What is different from the usual file; zeroed is nothing. */
struct small_options {
    int model_type; /* 0: BPE; -1: left out */
    enum small_flag byte_fallback, space_as_suffix, dummy_prefix, remove_spaces, escape_spaces;
    const char *charsmap, *denormalizer_charsmap;
    bool no_trainer, no_normalizer;
    const char *without; /* this piece is not there */
    const char *instead; /* this one is changed into: */
    const char *piece;
    float score;
    int type;
    int n_more;       /* pieces of two ideographs that are none themselves, so that memory counts */
    const char *tail; /* bytes behind the pieces */
    size_t tail_length;
};

/* ---- tokenizer.model ------------------------------------------------------------------------ */

static inline void put_varint(struct text *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        text_add_char(out, (char)(value | 0x80));
    text_add_char(out, (char)value);
}

static inline void put_number(struct text *out, unsigned field, uint64_t value)
{
    put_varint(out, (uint64_t)field << 3);
    put_varint(out, value);
}

static inline void put_bytes(struct text *out, unsigned field, const char *bytes, size_t length)
{
    put_varint(out, (uint64_t)field << 3 | 2);
    put_varint(out, length);
    text_add_bytes(out, bytes, length);
}

static inline void put_message(struct text *out, unsigned field, struct text *message)
{
    put_bytes(out, field, text_string(message), message->length);
    text_release(message);
}

static inline void put_flag(struct text *out, unsigned field, enum small_flag flag,
                            enum small_flag usual)
{
    flag = flag == AS_USUAL ? usual : flag;
    if (flag != LEFT_OUT)
        put_number(out, field, flag == ON);
}

static inline void put_piece(struct text *out, const struct small_options *options,
                             const char *piece, float score, int type)
{
    struct text message;
    uint32_t bits;
    if (options->without && strcmp(piece, options->without) == 0)
        return;
    if (options->instead && strcmp(piece, options->instead) == 0) {
        piece = options->piece;
        score = options->score;
        type = options->type;
    }
    text_init(&message);
    put_bytes(&message, 1, piece, strlen(piece));
    memcpy(&bits, &score, sizeof bits);
    put_varint(&message, 2 << 3 | 5);
    for (int i = 0; i < 4; i++)
        text_add_char(&message, (char)(bits >> 8 * i));
    if (type != PIECE_NORMAL)
        put_number(&message, 3, (uint64_t)type);
    put_message(out, 1, &message);
}

static inline void put_specs(struct text *out, const struct small_options *options)
{
    struct text spec;
    text_init(&spec);
    if (options->model_type >= 0)
        put_number(&spec, 3, options->model_type ? (uint64_t)options->model_type : 2);
    put_number(&spec, 4, SMALL_SIZE); /* vocab_size: not read */
    put_flag(&spec, 24, options->space_as_suffix, LEFT_OUT);
    put_flag(&spec, 35, options->byte_fallback, ON);
    if (options->no_trainer)
        text_release(&spec);
    else
        put_message(out, 2, &spec);
    text_init(&spec);
    put_bytes(&spec, 1, "identity", 8);
    if (options->charsmap)
        put_bytes(&spec, 2, options->charsmap, strlen(options->charsmap));
    put_flag(&spec, 3, options->dummy_prefix, ON);
    put_flag(&spec, 4, options->remove_spaces, OFF);
    put_flag(&spec, 5, options->escape_spaces, LEFT_OUT);
    if (options->no_normalizer)
        text_release(&spec);
    else
        put_message(out, 3, &spec);
    if (options->denormalizer_charsmap) {
        text_init(&spec);
        put_bytes(&spec, 2, options->denormalizer_charsmap, strlen(options->denormalizer_charsmap));
        put_message(out, 5, &spec);
    }
}

static inline void small_model(struct text *out, const struct small_options *options)
{
    text_init(out);
    put_piece(out, options, "<unk>", 0, PIECE_UNKNOWN);
    put_piece(out, options, "<s>", 0, PIECE_CONTROL);
    put_piece(out, options, "</s>", 0, PIECE_CONTROL);
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", byte);
        put_piece(out, options, name, 0, PIECE_BYTE);
    }
    for (size_t i = 0; i < N_SMALL_PIECES; i++)
        put_piece(out, options, small_pieces[i].piece, small_pieces[i].score, PIECE_NORMAL);
    for (int i = 0; i < options->n_more; i++) {
        struct text piece;
        text_init(&piece);
        text_add_code_point(&piece, 0x4E00 + (unsigned)i);
        text_add_code_point(&piece, 0x4E01 + (unsigned)i);
        put_piece(out, options, text_string(&piece), (float)-i, PIECE_NORMAL);
        text_release(&piece);
    }
    if (options->tail)
        text_add_bytes(out, options->tail, options->tail_length);
    put_specs(out, options);
    assert_false(out->failed);
}

/* ---- tokenizer.json ------------------------------------------------------------------------- */

static inline void put_entry(struct text *out, const char *piece, int id)
{
    text_addf(out, "%s\"%s\":%d", id > 0 ? "," : "", piece, id);
}

static inline void small_json(struct text *out)
{
    static const char *const specials[] = {"<unk>", "<s>", "</s>"};
    text_init(out);
    text_add(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
    for (int i = 0; i < 3; i++)
        text_addf(out,
                  "%s{\"id\":%d,\"content\":\"%s\",\"single_word\":false,\"lstrip\":false,"
                  "\"rstrip\":false,\"normalized\":false,\"special\":true}",
                  i ? "," : "", i, specials[i]);
    text_add(out,
             "],\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
             "\"prepend\":\"" SPACE "\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
             "\"content\":\"" SPACE "\"}]},\"pre_tokenizer\":null,\"post_processor\":{\"type\":"
             "\"TemplateProcessing\"},\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":"
             "\"Replace\",\"pattern\":{\"String\":\"" SPACE "\"},\"content\":\" \"},{\"type\":"
             "\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \","
             "\"start\":1,\"stop\":0}]},\"model\":{\"type\":\"BPE\",\"dropout\":null,"
             "\"unk_token\":\"<unk>\",\"continuing_subword_prefix\":null,\"end_of_word_suffix\":"
             "null,\"fuse_unk\":true,\"byte_fallback\":true,\"vocab\":{");
    for (int i = 0; i < 3; i++)
        put_entry(out, specials[i], i);
    for (int byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)byte);
        put_entry(out, name, 3 + byte);
    }
    for (int i = 0; i < N_SMALL_PIECES; i++)
        put_entry(out, small_pieces[i].piece, 259 + i);
    text_addf(out, "},\"merges\":%s}}", small_merges);
    assert_false(out->failed);
}

/* ---- Opening -------------------------------------------------------------------------------- */

/* Writes name into directory; returns its path in static storage. */
static inline const char *write_file(const char *directory, const char *name, const char *data,
                                     size_t length)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Opens bytes as a tokenizer file, with config, if not NULL, as tokenizer_config.json beside it.
 * An error has to name one of the two. */
static inline enum status open_beside(const struct text *bytes, const char *config,
                                      struct tokenizer **out, struct error *err)
{
    char directory[] = "/tmp/mambench-sentencepiece-XXXXXX", config_path[256] = "", path[256];
    assert_non_null(mkdtemp(directory));
    if (config)
        snprintf(config_path, sizeof config_path, "%s",
                 write_file(directory, "tokenizer_config.json", config, strlen(config)));
    snprintf(path, sizeof path, "%s",
             write_file(directory, "tokenizer", text_string(bytes), bytes->length));
    *out = NULL;
    *err = (struct error){0};
    enum status status = tokenizer_open(out, path, err);
    if (status) {
        assert_null(*out);
        assert_contains(err->text, directory);
    } else {
        assert_string_equal(err->text, "");
    }
    unlink(path);
    if (config)
        unlink(config_path);
    rmdir(directory);
    return status;
}

/* The usual tokenizer in one of its forms; the caller closes it. */
static inline struct tokenizer *open_form(bool json, const char *config)
{
    struct text bytes;
    struct tokenizer *tokenizer;
    struct error err;
    if (json)
        small_json(&bytes);
    else
        small_model(&bytes, &(struct small_options){0});
    assert_ok(open_beside(&bytes, config, &tokenizer, &err), err);
    text_release(&bytes);
    return tokenizer;
}

#endif
