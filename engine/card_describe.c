/* engine/card_describe.c - `model show`: what a model is made of. */
#include "engine/base/json.h"
#include "engine/card.h"
#include "engine/connectors/connector.h"
#include "engine/formats/tensor_file.h"
#include "engine/weights.h"

#include <string.h>

/* One part's size: as published (everything in its files under its prefix) and as used. */
struct part {
    const char *name, *kind;
    const struct card_weights *weights;
    size_t published, used; /* parameters; published is 0 without files */
};

enum { MAX_PARTS = CARD_MAX_TOWERS + 2 };

static size_t product(int a, int b)
{
    return (size_t)a * (size_t)b;
}

static size_t linear_count(int n_in, int n_out)
{
    return product(n_in, n_out) + (size_t)n_out;
}

static size_t tower_count(const struct card_tower *t)
{
    size_t w = (size_t)t->width;
    size_t block = 4 * w + linear_count(t->width, 3 * t->width) + linear_count(t->width, t->width) +
                   linear_count(t->width, t->mlp_width) + linear_count(t->mlp_width, t->width) +
                   (t->layer_scale ? 2 * w : 0);
    return (size_t)t->layers * block + linear_count(3 * t->patch_size * t->patch_size, t->width) +
           product(t->native_grid, t->native_grid) * w +
           ((t->cls_token ? 1 : 0) + (size_t)t->registers) * w;
}

static size_t connector_count(const struct card_connector *c)
{
    if (strcmp(c->kind, "linear") == 0)
        return linear_count(c->in_width, c->out_width);
    size_t n =
        linear_count(c->in_width, c->hidden_width) + linear_count(c->hidden_width, c->out_width);
    if (strcmp(c->kind, "fused-gelu-mlp") == 0)
        n += linear_count(c->out_width, c->out_width);
    if (strcmp(c->kind, "fused-ldpnet") == 0)
        n += 10 * (size_t)c->out_width;
    return n;
}

static size_t lm_count(const struct card_lm *l)
{
    size_t inner = (size_t)l->inner_width;
    size_t layer = (size_t)l->width + product(2 * l->inner_width, l->width) +
                   inner * (size_t)l->conv_width + inner +
                   inner * (size_t)(l->dt_rank + 2 * l->state_size) +
                   linear_count(l->dt_rank, l->inner_width) + inner * (size_t)l->state_size +
                   inner + product(l->width, l->inner_width);
    return (size_t)l->layers * layer + product(l->vocabulary, l->width) + (size_t)l->width;
}

static size_t make_parts(const struct card *card, struct part parts[MAX_PARTS])
{
    size_t n = 0;
    for (size_t i = 0; i < card->n_towers; i++)
        parts[n++] = (struct part){card->towers[i].name, card->towers[i].encoder,
                                   &card->towers[i].weights, 0, tower_count(&card->towers[i])};
    parts[n++] = (struct part){"connector", card->connector.kind, &card->connector.weights, 0,
                               connector_count(&card->connector)};
    parts[n++] =
        (struct part){"language model", card->lm.family, &card->lm.weights, 0, lm_count(&card->lm)};
    return n;
}

static bool belongs(const struct tensor_view *tensor, const struct part *part)
{
    return strncmp(tensor->name, part->weights->prefix, strlen(part->weights->prefix)) == 0;
}

static bool part_has_file(const struct part *part, const char *name)
{
    for (size_t i = 0; i < part->weights->n_files; i++)
        if (strcmp(part->weights->files[i], name) == 0)
            return true;
    return false;
}

/* A head that repeats the embedding is one matrix written twice. */
static bool is_tied_copy(const struct tensor_view *tensor)
{
    size_t n = strlen(tensor->name);
    static const char head[] = "lm_head.weight";
    return n >= strlen(head) && strcmp(tensor->name + n - strlen(head), head) == 0;
}

static void count_published(struct part *part, const struct weight_files *files)
{
    for (size_t f = 0; f < files->n_files; f++) {
        const struct tensor_file *file = files->files[f];
        for (size_t i = 0; part_has_file(part, files->names[f]) && i < file->n_tensors; i++)
            if (belongs(&file->tensors[i], part) && !is_tied_copy(&file->tensors[i]))
                part->published += tensor_elements(&file->tensors[i]);
    }
}

static void add_shape(struct text *out, const struct tensor_view *tensor)
{
    text_add(out, "[");
    for (int i = 0; i < tensor->n_dims; i++)
        text_addf(out, "%s%lld", i ? ", " : "", (long long)tensor->shape[i]);
    text_add(out, "]");
}

/* The part's tensors, one a line. */
static void add_tensors(struct text *out, const struct part *part, const struct weight_files *files)
{
    for (size_t f = 0; f < files->n_files; f++) {
        const struct tensor_file *file = files->files[f];
        for (size_t i = 0; part_has_file(part, files->names[f]) && i < file->n_tensors; i++) {
            if (!belongs(&file->tensors[i], part))
                continue;
            text_addf(out, "    %-64s %-5s ", file->tensors[i].name, file->tensors[i].dtype_name);
            add_shape(out, &file->tensors[i]);
            text_add(out, "\n");
        }
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
    text_addf(out, "%d layers of width %d, vocabulary %d, end token %d\n\n", card->lm.layers,
              card->lm.width, card->lm.vocabulary, card->lm.eos);
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
        add_tensors(out, &parts[i], files);
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
    for (size_t i = 0; !status && i < n; i++)
        count_published(&parts[i], &files);
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
