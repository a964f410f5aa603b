/* engine/card/describe.c - `model show`: what a model is made of. */
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/card.h"
#include "engine/connectors/connector.h"
#include "engine/formats/tensor_file.h"
#include "engine/models/lm.h"
#include "engine/vision/encoder.h"
#include "engine/weights.h"

#include <stdio.h>
#include <string.h>

/* One part's size: as published (in its files, or its release's) and as used. */
struct part {
    const char *name, *kind;
    const struct card_weights *weights;
    size_t published, used; /* parameters; published is 0 if not known */
};

enum { MAX_PARTS = CARD_MAX_TOWERS + 2 };

static size_t make_parts(const struct card *card, struct part parts[MAX_PARTS])
{
    size_t n = 0;
    for (size_t i = 0; i < card->n_towers; i++)
        parts[n++] = (struct part){card->towers[i].name, card->towers[i].encoder,
                                   &card->towers[i].weights, 0, 0};
    parts[n++] = (struct part){"connector", card->connector.kind, &card->connector.weights, 0, 0};
    parts[n++] = (struct part){"language model", card->lm.family, &card->lm.weights, 0, 0};
    for (size_t i = 0; i < n; i++)
        parts[i].published = parts[i].weights->published;
    return n;
}

/* Used parameters: what opening the part binds. */

static enum status count_tower(const struct card_tower *card, struct weights *weights,
                               struct error *err)
{
    struct encoder *encoder = NULL;
    enum status status = encoder_kind_find(card->encoder)->open(&encoder, card, weights, err);
    if (!status)
        encoder->kind->close(encoder);
    return status;
}

static enum status count_connector(const struct card *card, struct weights *weights,
                                   struct error *err)
{
    const struct connector_kind *kind = connector_kind_find(card->connector.kind);
    struct connector *connector = NULL;
    enum status status =
        kind->open(&connector, kind, &card->connector, card_patches(card), weights, err);
    if (!status)
        kind->close(connector);
    return status;
}

static enum status count_lm(const struct card_lm *card, struct weights *weights, struct error *err)
{
    const struct lm_family *family = lm_family_find(card->family);
    struct lm *lm = NULL;
    enum status status = family->open(&lm, card, weights, err);
    if (!status)
        family->close(lm);
    return status;
}

/* files: NULL for a preset. */
static enum status count_used(const struct card *card, struct part *parts, size_t n,
                              struct weight_files *files, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < n; i++) {
        struct arena arena;
        arena_init(&arena);
        /* A card may name no files: it runs on noise. */
        struct weights weights = {.part = parts[i].weights,
                                  .files = parts[i].weights->n_files > 0 ? files : NULL,
                                  .counting = true,
                                  .arena = &arena};
        if (i < card->n_towers)
            status = count_tower(&card->towers[i], &weights, err);
        else if (i == card->n_towers)
            status = count_connector(card, &weights, err);
        else
            status = count_lm(&card->lm, &weights, err);
        parts[i].used = weights.parameters;
        arena_release(&arena);
    }
    return status;
}

enum status card_count(const struct card *card, size_t *lm, size_t *vision, struct error *err)
{
    struct part parts[MAX_PARTS];
    size_t n = make_parts(card, parts);
    enum status status = count_used(card, parts, n, NULL, err);
    *lm = *vision = 0;
    for (size_t i = 0; !status && i < n; i++)
        *(i + 1 == n ? lm : vision) += parts[i].used;
    return status;
}

/* Published parameters: the elements of the files that are the part's. */

static bool part_has_file(const struct part *part, const char *name)
{
    for (size_t i = 0; i < part->weights->n_files; i++)
        if (strcmp(part->weights->files[i], name) == 0)
            return true;
    return false;
}

/* Whether a language model can have a tensor of this name: its prefix may be empty, in a file that
 * other parts share. */
static bool lm_can_have(const char *name)
{
    static const char *const stems[] = {"backbone.",   "model.embed_tokens.",    "model.layers.",
                                        "model.norm.", "model.final_layernorm.", "lm_head."};
    for (size_t i = 0; i < sizeof stems / sizeof stems[0]; i++)
        if (text_starts_with(name, stems[i]))
            return true;
    return false;
}

/* The part with the longest prefix that fits; n if none.  The language model is the last. */
static size_t owner(const struct part *parts, size_t n, const char *file, const char *name)
{
    size_t best = n, longest = 0;
    for (size_t i = 0; i < n; i++) {
        const char *prefix = parts[i].weights->prefix;
        size_t length = strlen(prefix);
        if (!part_has_file(&parts[i], file) || !text_starts_with(name, prefix) ||
            (i + 1 == n && !lm_can_have(name + length)))
            continue;
        if (best == n || length > longest) {
            best = i;
            longest = length;
        }
    }
    return best;
}

/* Tables that follow from the sizes: never parameters. */
static bool is_buffer(const struct tensor_view *tensor)
{
    return tensor->dtype == DTYPE_OTHER || text_ends_with(tensor->name, "rotary_emb.inv_freq") ||
           text_ends_with(tensor->name, "position_ids");
}

/* A head that repeats the embedding is one matrix written twice: always in Mamba's releases, and
 * where both names have one storage. */
static bool is_tied_copy(const struct tensor_file *file, const struct tensor_view *tensor)
{
    static const char head[] = "lm_head.weight";
    if (!text_ends_with(tensor->name, head))
        return false;
    int stem = (int)(strlen(tensor->name) - strlen(head));
    static const char *const tables[] = {"backbone.embedding.weight", "model.embed_tokens.weight"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char name[TENSOR_MAX_NAME_BYTES + 64];
        snprintf(name, sizeof name, "%.*s%s", stem, tensor->name, tables[i]);
        const struct tensor_view *table = tensor_file_find(file, name);
        if (table && (i == 0 || table->data == tensor->data))
            return true;
    }
    return false;
}

static void count_published(struct part *parts, size_t n, const struct weight_files *files)
{
    for (size_t i = 0; i < n; i++)
        parts[i].published = 0;
    for (size_t f = 0; f < files->n_files; f++)
        for (size_t i = 0; i < files->files[f]->n_tensors; i++) {
            const struct tensor_view *tensor = &files->files[f]->tensors[i];
            size_t part = owner(parts, n, files->names[f], tensor->name);
            if (part < n && !is_buffer(tensor) && !is_tied_copy(files->files[f], tensor))
                parts[part].published += tensor_elements(tensor);
        }
}

static void add_shape(struct text *out, const struct tensor_view *tensor)
{
    text_add(out, "[");
    for (int i = 0; i < tensor->n_dims; i++)
        text_addf(out, "%s%lld", i ? ", " : "", (long long)tensor->shape[i]);
    text_add(out, "]");
}

/* The tensors of part i, one a line. */
static void add_tensors(struct text *out, const struct part *parts, size_t n, size_t part,
                        const struct weight_files *files)
{
    for (size_t f = 0; f < files->n_files; f++)
        for (size_t i = 0; i < files->files[f]->n_tensors; i++) {
            const struct tensor_view *tensor = &files->files[f]->tensors[i];
            if (owner(parts, n, files->names[f], tensor->name) != part)
                continue;
            text_addf(out, "    %-64s %-5s ", tensor->name, tensor->dtype_name);
            add_shape(out, tensor);
            text_add(out, "\n");
        }
}

/* Matrices at 4 or 2 bytes a value; vectors stay at 4 and are left out: they are a few in a
 * thousand. */
static void add_row(struct text *out, const char *name, const char *kind, size_t published,
                    size_t used)
{
    text_addf(out, "%-16s %-16s ", name, kind);
    if (published)
        text_addf(out, "%15zu", published);
    else
        text_addf(out, "%15s", "-");
    text_addf(out, " %15zu %12.1f %12.1f\n", used, (double)used * 4 / 1048576,
              (double)used * 2 / 1048576);
}

static void describe_text(const struct card *card, struct part *parts, size_t n,
                          const struct weight_files *files, struct text *out)
{
    size_t published = 0, used = 0;
    text_addf(out, "%s (%s), chat template %s\n", card->name, card->family, card->template);
    text_addf(out, "picture %d x %d, %s: %d rows in the language model\n", card->image_size,
              card->image_size, resize_strategy_name(card->towers[0].preprocess.strategy),
              card_image_tokens(card));
    text_addf(out, "%d layers of width %d, vocabulary %d, end token %d", card->lm.layers,
              card->lm.width, card->lm.vocabulary, card->lm.eos);
    if (card->lm.max_positions > 0)
        text_addf(out, ", trained on %d positions", card->lm.max_positions);
    text_add(out, "\n\n");
    text_addf(out, "%-16s %-16s %15s %15s %12s %12s\n", "part", "kind", "published", "used",
              "f32 MiB", "bf16 MiB");
    for (size_t i = 0; i < n; i++) {
        add_row(out, parts[i].name, parts[i].kind, parts[i].published, parts[i].used);
        published += parts[i].published;
        used += parts[i].used;
    }
    add_row(out, "total", "", published, used);
    for (size_t i = 0; files && i < n; i++) {
        text_addf(out, "\n%s:", parts[i].name);
        for (size_t f = 0; f < parts[i].weights->n_files; f++)
            text_addf(out, " %s", parts[i].weights->files[f]);
        text_addf(out, ", prefix \"%s\"\n", parts[i].weights->prefix);
        add_tensors(out, parts, n, i, files);
    }
}

static void describe_json(const struct card *card, const struct part *parts, size_t n,
                          struct text *out)
{
    text_add(out, "{\"card\": ");
    card_write(card, out);
    text_add(out, ", \"parts\": [");
    for (size_t i = 0; i < n; i++) {
        text_add(out, i ? ", {\"name\": " : "{\"name\": ");
        json_add_string(out, parts[i].name);
        text_add(out, ", \"kind\": ");
        json_add_string(out, parts[i].kind);
        text_add(out, ", \"parameters_published\": ");
        if (parts[i].published)
            text_addf(out, "%zu", parts[i].published);
        else
            text_add(out, "null");
        text_addf(out, ", \"parameters_used\": %zu}", parts[i].used);
    }
    text_add(out, "]}\n");
}

enum status card_describe(const struct card *card, bool json, struct text *out, struct error *err)
{
    struct part parts[MAX_PARTS];
    struct weight_files files = {.n_files = 0};
    struct arena arena;
    size_t n = make_parts(card, parts);
    bool has_files = card->directory[0] != '\0';
    enum status status = STATUS_OK;
    arena_init(&arena);
    if (has_files)
        status = weight_files_open(&files, card, &arena, err);
    if (!status && has_files)
        count_published(parts, n, &files);
    if (!status)
        status = count_used(card, parts, n, has_files ? &files : NULL, err);
    if (!status && json)
        describe_json(card, parts, n, out);
    else if (!status)
        describe_text(card, parts, n, has_files ? &files : NULL, out);
    if (!status && out->failed)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while describing a model");
    weight_files_close(&files);
    arena_release(&arena);
    return status;
}
