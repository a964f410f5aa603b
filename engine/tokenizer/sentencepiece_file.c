/* tokenizer.model: google/sentencepiece src/sentencepiece_model.proto, message ModelProto. */
#include "engine/base/utf8.h"
#include "engine/tokenizer/protobuf.h"
#include "engine/tokenizer/sentencepiece.h"

#include <math.h>
#include <string.h>

/* Field numbers. */
enum {
    MODEL_PIECES = 1,
    MODEL_TRAINER_SPEC = 2,
    MODEL_NORMALIZER_SPEC = 3,
    MODEL_DENORMALIZER_SPEC = 5,
    PIECE_TEXT = 1,
    PIECE_SCORE = 2,
    PIECE_TYPE = 3,
    TRAINER_MODEL_TYPE = 3,
    TRAINER_SPACE_AS_SUFFIX = 24,
    TRAINER_BYTE_FALLBACK = 35,
    NORMALIZER_CHARSMAP = 2,
    NORMALIZER_DUMMY_PREFIX = 3,
    NORMALIZER_REMOVE_SPACES = 4,
    NORMALIZER_ESCAPE_SPACES = 5,
};

enum piece_type { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };
enum { MODEL_TYPE_UNIGRAM = 1, MODEL_TYPE_BPE = 2 };

/* Pieces of LLaMA have at most 16 code points (max_sentencepiece_length); finding the merges of a
 * piece takes the square of its length. */
enum { MOST_PIECE_BYTES = 256 };

struct piece {
    const char *text; /* borrowed from the file */
    size_t length;
    float score;
    int type;
};

/* While the file is read. */
struct reader {
    struct sentencepiece *model;
    struct protobuf file;
    struct piece *pieces; /* [n_pieces] */
    size_t n_pieces;
    uint64_t model_type;
    /* With the defaults of the .proto. */
    bool has_charsmap, space_as_suffix, byte_fallback;
    bool dummy_prefix, remove_spaces, escape_spaces;
    struct arena arena;
    struct string_map ids; /* piece -> id */
    struct error *err;
};

static enum status no_memory(const struct reader *reader)
{
    return fail(reader->err, STATUS_NO_MEMORY, "out of memory while reading %s", reader->file.path);
}

/* ---- The specs ------------------------------------------------------------------------------ */

static enum status read_trainer(struct reader *reader, struct protobuf spec)
{
    struct protobuf_field field;
    bool found;
    enum status status;
    while (!(status = protobuf_next(&spec, &field, &found, reader->err)) && found) {
        bool known = field.number == TRAINER_MODEL_TYPE ||
                     field.number == TRAINER_SPACE_AS_SUFFIX ||
                     field.number == TRAINER_BYTE_FALLBACK;
        if (!known)
            continue;
        status =
            protobuf_expect(&spec, &field, PROTOBUF_VARINT, "a field of trainer_spec", reader->err);
        if (status)
            return status;
        if (field.number == TRAINER_MODEL_TYPE)
            reader->model_type = field.value;
        else if (field.number == TRAINER_SPACE_AS_SUFFIX)
            reader->space_as_suffix = field.value != 0;
        else
            reader->byte_fallback = field.value != 0;
    }
    return status;
}

/* normalizer_spec, or denormalizer_spec, of which only the charsmap counts. */
static enum status read_normalizer(struct reader *reader, struct protobuf spec, bool only_charsmap)
{
    struct protobuf_field field;
    bool found;
    enum status status;
    while (!(status = protobuf_next(&spec, &field, &found, reader->err)) && found) {
        bool is_charsmap = field.number == NORMALIZER_CHARSMAP;
        bool *flag = field.number == NORMALIZER_DUMMY_PREFIX    ? &reader->dummy_prefix
                     : field.number == NORMALIZER_REMOVE_SPACES ? &reader->remove_spaces
                     : field.number == NORMALIZER_ESCAPE_SPACES ? &reader->escape_spaces
                                                                : NULL;
        if (!is_charsmap && (!flag || only_charsmap))
            continue;
        status = protobuf_expect(&spec, &field, is_charsmap ? PROTOBUF_LENGTH : PROTOBUF_VARINT,
                                 "a field of normalizer_spec", reader->err);
        if (status)
            return status;
        if (is_charsmap)
            reader->has_charsmap = reader->has_charsmap || field.length > 0;
        else
            *flag = field.value != 0;
    }
    return status;
}

static enum status check_specs(const struct reader *reader)
{
    const struct {
        bool wrong;
        const char *what;
    } checks[] = {
        {reader->model_type == MODEL_TYPE_UNIGRAM, "a unigram model, only BPE"},
        {reader->model_type != MODEL_TYPE_BPE, "neither a BPE nor a unigram model, only BPE"},
        {!reader->byte_fallback, "a model without byte_fallback, only one with it"},
        {reader->space_as_suffix, "treat_whitespace_as_suffix true, only false"},
        {reader->has_charsmap, "a precompiled_charsmap, only the identity normalizer"},
        {!reader->dummy_prefix, "add_dummy_prefix false, only true"},
        {reader->remove_spaces,
         "remove_extra_whitespaces true (or no normalizer_spec), only false"},
        {!reader->escape_spaces, "escape_whitespaces false, only true"},
    };
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (checks[i].wrong)
            return fail(reader->err, STATUS_UNSUPPORTED, "%s: %s is supported", reader->file.path,
                        checks[i].what);
    return STATUS_OK;
}

/* ---- The pieces ----------------------------------------------------------------------------- */

static enum status read_piece(struct reader *reader, struct protobuf message, struct piece *piece)
{
    struct protobuf_field field;
    bool found;
    enum status status;
    *piece = (struct piece){.text = "", .type = NORMAL};
    while (!(status = protobuf_next(&message, &field, &found, reader->err)) && found) {
        if (field.number != PIECE_TEXT && field.number != PIECE_SCORE && field.number != PIECE_TYPE)
            continue;
        enum protobuf_wire wire = field.number == PIECE_TEXT    ? PROTOBUF_LENGTH
                                  : field.number == PIECE_SCORE ? PROTOBUF_I32
                                                                : PROTOBUF_VARINT;
        status = protobuf_expect(&message, &field, wire, "a field of a piece", reader->err);
        if (status)
            return status;
        if (field.number == PIECE_TEXT) {
            piece->text = (const char *)field.bytes;
            piece->length = field.length;
        } else if (field.number == PIECE_SCORE) {
            uint32_t bits = (uint32_t)field.value;
            memcpy(&piece->score, &bits, sizeof bits);
        } else {
            piece->type = field.value <= BYTE ? (int)field.value : 0;
        }
    }
    return status;
}

static enum status check_piece(struct reader *reader, size_t id, const struct piece *piece)
{
    const char *path = reader->file.path;
    int shown = piece->length < 60 ? (int)piece->length : 60;
    bool is_byte = sentencepiece_byte(piece->text, piece->length) >= 0;
    if (piece->length == 0 || !utf8_valid(piece->text, piece->length, NULL))
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: piece %zu is %s", path, id,
                    piece->length ? "not UTF-8" : "empty");
    if (piece->length > MOST_PIECE_BYTES)
        return fail(reader->err, STATUS_UNSUPPORTED,
                    "%s: piece %zu has %zu bytes, at most %d are supported", path, id,
                    piece->length, MOST_PIECE_BYTES);
    if (piece->type == USER_DEFINED || piece->type == UNUSED)
        return fail(reader->err, STATUS_UNSUPPORTED,
                    "%s: piece %zu, \"%.*s\", is %s, which is not supported", path, id, shown,
                    piece->text, piece->type == UNUSED ? "unused" : "user-defined");
    if (piece->type == 0 || (piece->type == BYTE) != is_byte)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: piece %zu, \"%.*s\", has a wrong or unknown type", path, id, shown,
                    piece->text);
    if (!isfinite(piece->score))
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: the score of piece %zu, \"%.*s\", is not finite", path, id, shown,
                    piece->text);
    int64_t other;
    if (string_map_add(&reader->ids, piece->text, piece->length, (int64_t)id, &other))
        return STATUS_OK;
    if (arena_failed(&reader->arena))
        return no_memory(reader);
    return fail(reader->err, STATUS_BAD_FORMAT, "%s: pieces %zu and %zu are both \"%.*s\"", path,
                (size_t)other, id, shown, piece->text);
}

static enum status read_pieces(struct reader *reader)
{
    struct protobuf file = reader->file;
    struct protobuf_field field;
    bool found;
    size_t id = 0;
    enum status status;
    reader->pieces = arena_alloc_small(&reader->arena, reader->n_pieces, sizeof *reader->pieces);
    if (!reader->pieces)
        return no_memory(reader);
    while (!(status = protobuf_next(&file, &field, &found, reader->err)) && found) {
        if (field.number != MODEL_PIECES)
            continue;
        struct piece *piece = &reader->pieces[id];
        if ((status = read_piece(reader, protobuf_inside(&file, &field), piece)) ||
            (status = check_piece(reader, id, piece)))
            return status;
        id++;
    }
    return status;
}

/* Reads the specs and counts the pieces. */
static enum status read_model(struct reader *reader)
{
    struct protobuf file = reader->file;
    struct protobuf_field field;
    bool found;
    enum status status;
    while (!(status = protobuf_next(&file, &field, &found, reader->err)) && found) {
        if (field.number != MODEL_PIECES && field.number != MODEL_TRAINER_SPEC &&
            field.number != MODEL_NORMALIZER_SPEC && field.number != MODEL_DENORMALIZER_SPEC)
            continue;
        status =
            protobuf_expect(&file, &field, PROTOBUF_LENGTH, "a field of the model", reader->err);
        if (status)
            return status;
        struct protobuf inside = protobuf_inside(&file, &field);
        if (field.number == MODEL_PIECES)
            reader->n_pieces += 1;
        else if (field.number == MODEL_TRAINER_SPEC)
            status = read_trainer(reader, inside);
        else
            status = read_normalizer(reader, inside, field.number == MODEL_DENORMALIZER_SPEC);
        if (status)
            return status;
    }
    if (status || (status = check_specs(reader)))
        return status;
    if (reader->n_pieces == 0 || reader->n_pieces > TOKENIZER_MOST_IDS)
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: %zu pieces, 1 to %d are supported",
                    reader->file.path, reader->n_pieces, TOKENIZER_MOST_IDS);
    return read_pieces(reader);
}

/* ---- The symbols ---------------------------------------------------------------------------- */

/* The length of the code point at text + position. */
static size_t character_length(const struct piece *piece, size_t position)
{
    const char *start = piece->text + position, *cursor = start;
    utf8_next(&cursor, piece->text + piece->length);
    return (size_t)(cursor - start);
}

/* Numbers the code points of pieces that are no piece themselves; where they were numbered already,
 * sets what they are. */
static bool add_parts(struct reader *reader, const struct piece *piece)
{
    struct sentencepiece *model = reader->model;
    for (size_t i = 0, length; i < piece->length; i += length) {
        length = character_length(piece, i);
        const char *part = piece->text + i;
        int symbol = (int)string_map_get(&model->characters, part, length, -1);
        if (symbol < 0 && !sentencepiece_add_character(model, part, length, model->n_symbols++))
            return false;
        if (symbol < model->n_tokens || !model->symbols || model->symbols[symbol].bytes)
            continue;
        char *bytes = arena_copy(&model->arena, part, length);
        if (!bytes)
            return false;
        model->symbols[symbol] = (struct sentencepiece_symbol){bytes, length, false};
    }
    return true;
}

static bool add_all_parts(struct reader *reader)
{
    for (size_t i = 0; i < reader->n_pieces; i++)
        if (reader->pieces[i].type == NORMAL && !add_parts(reader, &reader->pieces[i]))
            return false;
    return true;
}

static bool add_token(struct reader *reader, int id, const struct piece *piece)
{
    struct sentencepiece *model = reader->model;
    bool special = piece->type == UNKNOWN || piece->type == CONTROL;
    if (!sentencepiece_set_token(model, id, piece->text, piece->length, special))
        return false;
    if (piece->type == BYTE)
        model->byte_ids[sentencepiece_byte(piece->text, piece->length)] = id;
    if (special) {
        char *content = arena_copy(&model->arena, piece->text, piece->length);
        if (!content)
            return false;
        model->raw.tokens[model->raw.n++] = (struct added_token){content, piece->length, id};
    }
    return true;
}

static enum status add_symbols(struct reader *reader)
{
    struct sentencepiece *model = reader->model;
    model->n_tokens = model->n_symbols = (int)reader->n_pieces;
    for (int id = 0; id < model->n_tokens; id++)
        if (!sentencepiece_add_character(model, reader->pieces[id].text, reader->pieces[id].length,
                                         id))
            return no_memory(reader);
    if (!add_all_parts(reader))
        return no_memory(reader);
    size_t n_special = 0;
    for (size_t i = 0; i < reader->n_pieces; i++)
        n_special += reader->pieces[i].type == UNKNOWN || reader->pieces[i].type == CONTROL;
    model->symbols = arena_alloc(&model->arena, (size_t)model->n_symbols, sizeof *model->symbols);
    model->raw.tokens = arena_alloc_small(&model->arena, n_special, sizeof *model->raw.tokens);
    if (arena_failed(&model->arena) || !add_all_parts(reader))
        return no_memory(reader);
    for (int byte = 0; byte < 256; byte++)
        model->byte_ids[byte] = -1;
    for (int id = 0; id < model->n_tokens; id++)
        if (!add_token(reader, id, &reader->pieces[id]))
            return no_memory(reader);
    added_tokens_init(&model->raw, model->raw.tokens, model->raw.n);
    added_tokens_init(&model->normalized, NULL, 0);
    return STATUS_OK;
}

static enum status check_symbols(const struct reader *reader)
{
    size_t n_unknown = 0;
    for (size_t i = 0; i < reader->n_pieces; i++)
        n_unknown += reader->pieces[i].type == UNKNOWN;
    if (n_unknown != 1)
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: %zu pieces of type unknown, not 1",
                    reader->file.path, n_unknown);
    for (unsigned byte = 0; byte < 256; byte++)
        if (reader->model->byte_ids[byte] < 0)
            return fail(reader->err, STATUS_BAD_FORMAT,
                        "%s: no piece for byte 0x%02X, \"<0x%02X>\"", reader->file.path, byte,
                        byte);
    return STATUS_OK;
}

/* ---- The merges ----------------------------------------------------------------------------- */

/* A part of a piece as a symbol: a code point, or a normal piece; -1 if it is neither. */
static int find_part(const struct reader *reader, const char *part, size_t length)
{
    int symbol = (int)string_map_get(&reader->model->characters, part, length, -1);
    if (symbol >= 0)
        return symbol;
    int64_t id = string_map_get(&reader->ids, part, length, -1);
    return id >= 0 && reader->pieces[id].type == NORMAL ? (int)id : -1;
}

/* The highest score first, equal scores equal: the bits of a float that is not negative grow with
 * its value, those of a negative one with its magnitude. */
static uint32_t rank_of(float score)
{
    uint32_t bits;
    float value = score + 0.0f; /* -0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? bits : 0x7FFFFFFFu - bits;
}

/* Adds the ways to put a piece together from two symbols to the table, if there is one; returns
 * their number. */
static size_t add_merges(struct reader *reader, int id, struct merge_table *table)
{
    const struct piece *piece = &reader->pieces[id];
    size_t n = 0;
    if (piece->type != NORMAL)
        return 0;
    for (size_t i = character_length(piece, 0); i < piece->length;
         i += character_length(piece, i)) {
        int left = find_part(reader, piece->text, i);
        int right = left < 0 ? -1 : find_part(reader, piece->text + i, piece->length - i);
        if (right < 0)
            continue;
        if (table)
            merge_table_add(table, left, right, rank_of(piece->score), id);
        n += 1;
    }
    return n;
}

static enum status add_all_merges(struct reader *reader)
{
    struct sentencepiece *model = reader->model;
    size_t n = 0;
    for (int id = 0; id < model->n_tokens; id++)
        n += add_merges(reader, id, NULL);
    if (!merge_table_init(&model->merges, &model->arena, n))
        return no_memory(reader);
    for (int id = 0; id < model->n_tokens; id++)
        add_merges(reader, id, &model->merges);
    return STATUS_OK;
}

/* --------------------------------------------------------------------------------------------- */

enum status sentencepiece_read_model(struct sentencepiece *model,
                                     const struct tokenizer_source *source, struct error *err)
{
    struct reader reader = {.model = model,
                            .model_type = MODEL_TYPE_UNIGRAM,
                            .dummy_prefix = true,
                            .remove_spaces = true,
                            .escape_spaces = true,
                            .err = err};
    protobuf_init(&reader.file, source->data, source->length, source->path);
    arena_init(&reader.arena);
    string_map_init(&reader.ids, &reader.arena);
    enum status status;
    if (!(status = read_model(&reader)) && !(status = add_symbols(&reader)) &&
        !(status = check_symbols(&reader)))
        status = add_all_merges(&reader);
    arena_release(&reader.arena);
    return status;
}
